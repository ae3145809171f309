"""The explorer: its arithmetic is that of the package, and its page does what it says in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import relugeom.explorer
from relugeom.autoencoder import (
    Axial,
    Parameters,
    activation_thresholds,
    gradient,
    gram,
    loss,
    recovered_axes,
    responses,
    zero_loss_bias,
    zero_loss_test,
    zones,
)
from relugeom.autoencoder.files import ModelFile, dumps_model, loads_model
from relugeom.autoencoder.regions import default_window
from relugeom.cli import main
from relugeom.errors import ArgumentError, StorageError
from relugeom.explorer import explorer_page, presets, read_atlas
from tests.browser import chromium, complaints, serious_violations

ARITHMETIC = Path(relugeom.explorer.__file__).with_name("arithmetic.js")


def random_models() -> list[Parameters]:
    rng = np.random.default_rng(7)
    models = [file.model for _, files in presets() for file in files]
    for n in range(1, 13):
        models.append(Parameters(rng.normal(size=(2, n)), rng.normal(size=n)))
    return models


MODELS = random_models()


def in_node(program: str, data: Any) -> Any:
    """What a JavaScript program prints as JSON, with ``R`` the arithmetic and ``data`` the input."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    text = (
        f"const R = require({json.dumps(str(ARITHMETIC))});"
        'const data = JSON.parse(require("fs").readFileSync(0, "utf8"));'
        f"console.log(JSON.stringify((() => {{ {program} }})(), "
        '(k, v) => v === Infinity ? "inf" : v === -Infinity ? "-inf" : v));'
    )
    run = subprocess.run([node, "-e", text], input=json.dumps(data), capture_output=True, text=True, check=True)
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def computed() -> list[dict[str, Any]]:
    """Everything the script computes, for every model."""
    program = """return data.map(({W, b}) => ({
      gram: R.gram(W), responses: R.responses(W, b), loss: R.loss(W, b), gradient: R.gradient(W, b),
      descend: R.descend(W, b, 0.3), recovered: R.recovered(W, b, 1e-9), biasExcess: R.biasExcess(W, b),
      slack: R.slack(W), zeroLossBias: R.zeroLossBias(W), thresholds: R.thresholds(W, b),
      window: R.defaultWindow(W), zones: R.zones(W, b, 2, 1e-9), areas: R.zones(W, b, 2, 1e-9).map(R.area),
      active: R.activeAt(W, b, [0.3, -0.7]),
    }));"""
    return in_node(program, [{"W": W.tolist(), "b": np.asarray(b).tolist()} for W, b in MODELS])


def close(theirs: Any, ours: Any) -> None:
    numbers = np.array(theirs, dtype=float)
    np.testing.assert_allclose(numbers, np.asarray(ours, dtype=float), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", range(len(MODELS)))
def test_the_script_computes_what_the_package_does(k: int, computed) -> None:
    (W, b), theirs = MODELS[k], computed[k]
    n = W.shape[1]
    slope = gradient(MODELS[k], Axial(n))
    test = zero_loss_test(W, b)
    close(theirs["gram"], gram(W))
    close(theirs["responses"], responses(W, b))
    close(theirs["loss"], loss(MODELS[k], np.eye(n)))
    close(theirs["gradient"]["W"], slope.W)
    close(theirs["gradient"]["b"], slope.b)
    close(theirs["descend"]["W"], W - 0.3 * slope.W)
    close(theirs["descend"]["b"], b - 0.3 * slope.b)
    assert theirs["recovered"] == recovered_axes(W, b, tolerance=1e-9).tolist()
    close(theirs["biasExcess"], test.bias_excess)
    close(theirs["slack"], test.slack.min(axis=1))
    close(theirs["zeroLossBias"], zero_loss_bias(W))
    close(theirs["thresholds"], activation_thresholds(W, b))
    close(theirs["window"], default_window(W))
    assert theirs["active"] == np.flatnonzero(np.array([0.3, -0.7]) @ W + b > 0).tolist()


@pytest.mark.parametrize("k", range(len(MODELS)))
def test_the_script_draws_the_exact_zones(k: int, computed) -> None:
    exact = zones(*MODELS[k], window=2, tolerance=1e-9)
    close(computed[k]["areas"], [float(zone.area) for zone in exact])
    for ours, theirs in zip(exact, computed[k]["zones"], strict=True):
        if float(ours.area) > 1e-6:  # rounding decides about the corners of anything smaller
            corners, found = np.array(ours.vertices, dtype=float), np.array(theirs)
            apart = np.linalg.norm(corners[:, None] - found[None], axis=-1)
            # Rounding may add a corner in the middle of a side; as the areas agree, none lies outside.
            assert apart.min(axis=1).max() < 1e-9


def test_states_travel_both_ways_to_the_last_bit() -> None:
    texts = [dumps_model(model, f"model {k}") for k, model in enumerate(MODELS)]
    back = in_node("return data.map((text) => R.dump(R.load(text)));", texts)
    for text, again in zip(texts, back, strict=True):
        ours, theirs = loads_model(text), loads_model(again)
        assert theirs.name == ours.name
        np.testing.assert_array_equal(theirs.model.W, ours.model.W)
        np.testing.assert_array_equal(theirs.model.b, ours.model.b)
    assert in_node("return R.load(data).b;", '{"format": "relugeom-model/1", "W": [[1], [2]], "b": null}') == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "format must be"),
        ('{"format": "relugeom-model/1", "W": [[1]], "b": [0]}', "W must be a list of 2 rows"),
        ('{"format": "relugeom-model/1", "W": [[1], [1, 2]], "b": [0]}', "W[1] must be a list of 1 numbers"),
        ('{"format": "relugeom-model/1", "W": [[1], ["2"]], "b": [0]}', "W[1][0] must be a finite number"),
        ('{"format": "relugeom-model/1", "W": [[1], [1e999]], "b": [0]}', "W[1][0] must be a finite number"),
        ('{"format": "relugeom-model/1", "W": [[1], [1]], "b": [0, 1]}', "b must be a list of 1 numbers"),
        (dumps_model(Parameters(np.zeros((2, 13)), None)), "1 to 12 columns; got 13"),
        (" " * 1_000_001, "too long"),
    ],
)
def test_the_script_refuses_what_is_no_state(text: str, message: str) -> None:
    said = in_node("try { R.load(data); return ''; } catch (error) { return error.message; }", text)
    assert message in said


def test_the_page_needs_nothing_beside_itself() -> None:
    page = explorer_page([ModelFile(Parameters(np.eye(2), None), "</script><b>")])
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert not re.search(r"@@[A-Z]+@@", page)
    assert "https://" not in page
    assert "</script><b>" not in page
    assert page.count("<script") == page.count("</script>") == 3


def test_only_models_of_the_plane_are_offered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shape in ((3, 2), (2, 13), (1, 2)):
        with pytest.raises(ArgumentError, match="m = 2 and n from 1 to 12"):
            explorer_page([ModelFile(Parameters(np.ones(shape), None))])
    mine = tmp_path / "mine.json"
    mine.write_text(dumps_model(Parameters(np.eye(2), None), "a name of mine"), encoding="utf-8")
    out = tmp_path / "page.html"
    assert main(["explorer", "--model", str(mine), "--output", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert "a name of mine" in out.read_text(encoding="utf-8")
    atlas = tmp_path / "atlas.json"
    entry = {"W": [[1.0, 0.0], [0.0, 1.0]], "b": None, "count": 3, "seeds": 5, "nature": "minimum"}
    atlas.write_text(json.dumps({"2": [entry]}), encoding="utf-8")
    assert main(["explorer", "--atlas", str(atlas), "--output", str(out)]) == 0
    assert "n = 2, 3 of 5 seeds: minimum" in out.read_text(encoding="utf-8")
    for broken in ("[]", "{", '{"2": [{}]}', '{"2": [{"W": [["x"]], "b": null}]}'):
        atlas.write_text(broken, encoding="utf-8")
        with pytest.raises(StorageError, match="relugeom atlas --json"):
            read_atlas(atlas)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("explorer")
    path = folder / "explorer.html"
    path.write_text(explorer_page(), encoding="utf-8")
    with chromium(folder / "profile") as driver:
        driver.get(path.as_uri())
        yield driver


def element(page: Any, name: str) -> Any:
    return page.find_element("id", name)


def state(page: Any) -> Parameters:
    return loads_model(element(page, "state").get_property("value")).model


def choose(page: Any, name: str) -> None:
    from selenium.webdriver.support.ui import Select

    Select(element(page, "preset")).select_by_visible_text(name)


def shown(page: Any, name: str) -> float:
    return float(element(page, name).text.replace("−", "-"))


def consistent(page: Any) -> Parameters:
    """The state, after the numbers on the page were found to be the package's."""
    model = state(page)
    n = model.W.shape[1]
    assert shown(page, "total-loss") == pytest.approx(float(n * loss(model, np.eye(n))), abs=1e-6)
    assert shown(page, "mean-loss") == pytest.approx(float(loss(model, np.eye(n))), abs=1e-6)
    assert element(page, "recovered").text == f"{recovered_axes(*model, tolerance=1e-9).sum()} of {n}"
    assert ("yes" in element(page, "zero-loss").text) == bool(zero_loss_test(*model, tolerance=1e-9).holds)
    return model


def test_dragging_a_feature_moves_it_and_everything_follows(page) -> None:
    from selenium.webdriver import ActionChains

    choose(page, "5 features, zero loss")
    before = consistent(page)
    handle = page.find_element("css selector", '[data-handle="1"] circle:last-of-type')
    ActionChains(page).move_to_element(handle).click_and_hold().move_by_offset(40, -25).release().perform()
    after = consistent(page)
    assert np.abs(after.W - before.W).max(axis=0).nonzero()[0].tolist() == [1]
    scale = page.execute_script("return document.getElementById('plane').getBoundingClientRect().width") / 2
    window = default_window(before.W)
    np.testing.assert_allclose(after.W[:, 1] - before.W[:, 1], np.array([40, 25]) / scale * window, atol=1e-6)
    assert "no" in element(page, "zero-loss").text
    element(page, "undo").click()
    np.testing.assert_array_equal(consistent(page).W, before.W)


def test_a_feature_moves_by_the_keyboard_and_keeps_the_focus(page) -> None:
    from selenium.webdriver.common.keys import Keys

    choose(page, "two pairs, no bias")
    before = consistent(page)
    for _ in range(2):
        page.execute_script("document.querySelector('[data-handle=\"2\"]').focus()")
        page.switch_to.active_element.send_keys(Keys.ARROW_UP, Keys.ARROW_UP)
    moved = consistent(page).W - before.W
    np.testing.assert_allclose(moved[:, 2], [0, 4 * 0.02 * 1.5], atol=1e-12)
    assert np.abs(np.delete(moved, 2, axis=1)).max() == 0


def test_descent_steps_are_the_package_s(page) -> None:
    choose(page, "regular pentagon, no bias")
    model = consistent(page)
    element(page, "step").click()
    slope = gradient(model, Axial(5))
    after = consistent(page)
    np.testing.assert_allclose(after.W, model.W - 0.2 * slope.W, atol=1e-12)
    np.testing.assert_allclose(after.b, model.b - 0.2 * slope.b, atol=1e-12)
    element(page, "steps").click()
    assert element(page, "count").text == "101"
    consistent(page)


def test_states_are_read_back_and_nonsense_is_refused(page) -> None:
    mine = Parameters(np.array([[0.1, -1.0, 1 / 3], [1.5, 0.25, -0.7]]), np.array([0.0, -0.125, 0.3]))
    for text, message in ((dumps_model(mine, "mine"), "read"), ("{}", 'format must be "relugeom-model/1"')):
        page.execute_script("document.getElementById('state').value = arguments[0]", text)
        element(page, "read").click()
        assert element(page, "message").text == message
    element(page, "zoom-in").click()
    element(page, "fit").click()
    model = consistent(page)
    np.testing.assert_array_equal(model.W, mine.W)
    np.testing.assert_array_equal(model.b, mine.b)
    element(page, "zero-loss-bias").click()
    np.testing.assert_allclose(consistent(page).b, zero_loss_bias(mine.W), atol=1e-12)
    element(page, "add").click()
    assert consistent(page).W.shape == (2, 4)
    element(page, "remove").click()
    element(page, "remove").click()
    assert consistent(page).W.shape == (2, 2)


def test_numbers_can_be_typed(page) -> None:
    choose(page, "two pairs, no bias")
    field = page.find_element("css selector", '[aria-label="bias of feature 3"]')
    page.execute_script("arguments[0].value = '-0.25'; arguments[0].dispatchEvent(new Event('change'))", field)
    assert consistent(page).b.tolist() == [0, 0, 0, -0.25]


def test_every_preset_can_be_loaded(page) -> None:
    for _, files in presets():
        for file in files:
            choose(page, file.name)
            model = consistent(page)
            np.testing.assert_array_equal(model.W, file.model.W)
    choose(page, "5 features, zero loss")
    assert len(page.find_elements("css selector", ".zone")) == 5


def test_the_page_is_accessible_and_quiet(page) -> None:
    choose(page, "three of eight recovered")
    assert serious_violations(page) == []
    assert complaints(page) == []


def test_zones_without_area_are_rays_in_the_script_too() -> None:
    pairs = {"W": [[1, -1, 0, 0], [0, 0, 1, -1]], "b": [0, 0, 0, 0]}
    corners = in_node("return R.zones(data.W, data.b, 2);", pairs)
    assert [sorted(map(tuple, zone)) for zone in corners] == [
        [(0, 0), (2, 0)], [(-2, 0), (0, 0)], [(0, 0), (0, 2)], [(0, -2), (0, 0)],
    ]  # fmt: skip
