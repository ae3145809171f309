"""The explorer: its arithmetic is that of the package, and its page does what it says in a real browser."""

from __future__ import annotations

import io
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import (
    Axial,
    Independent,
    Parameters,
    UniformAxial,
    activation_thresholds,
    feature_dimensionality,
    gradient,
    gram,
    loss,
    polygon,
    recovered_axes,
    responses,
    zero_loss_bias,
    zero_loss_test,
    zones,
)
from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.files import ModelFile, dumps_model, load_models, loads_model
from relugeom.autoencoder.regions import default_window
from relugeom.cli import main
from relugeom.errors import ArgumentError, StorageError
from relugeom.explorer import explorer_page, presets, read_atlas
from relugeom.optim import SGD, AdamW
from relugeom.training.many_models import AxialTraining, initial_models, train_from
from tests.browser import chromium, complaints, serious_violations
from tests.javascript import in_node

DATA = ("identity", "uniform", "grid")
GRID = (0.25, 0.5, 0.75, 1.0)


def data_set(name: str, n: int) -> AxialData | Independent:
    """The data set of that name in the page."""
    if name == "independent":
        return Independent(n, 0.9)
    return UniformAxial(n) if name == "uniform" else Axial(n, GRID if name == "grid" else (1.0,))


def random_models() -> list[Parameters]:
    rng = np.random.default_rng(7)
    models = [offer.file.model for _, offers in presets() for offer in offers]
    for m, n in [(2, n) for n in range(1, 13)] + [(2, 40), (3, 1), (3, 7), (3, 40)]:
        models.append(Parameters(rng.normal(size=(m, n)), rng.normal(size=n)))
    return models


MODELS = random_models()


@pytest.fixture(scope="module")
def computed() -> list[dict[str, Any]]:
    """Everything the script computes, for every model."""
    program = """
    const sets = {identity: R.IDENTITY, uniform: R.UNIFORM, grid: R.grid(0.25, 0.5, 0.75, 1)};
    return data.map(({W, b}) => ({
      gram: R.gram(W), norms: R.norms(W), dimensionality: R.dimensionality(W), responses: R.responses(W, b),
      on: Object.fromEntries(Object.entries(sets).map(([name, set]) =>
        [name, {loss: R.loss(W, b, set), gradient: R.gradient(W, b, set)}])),
      recovered: R.recovered(W, b, 1e-9), biasExcess: R.biasExcess(W, b),
      slack: R.slack(W), zeroLossBias: R.zeroLossBias(W), thresholds: R.thresholds(W, b),
      window: R.defaultWindow(W), zones: W.length === 2 ? R.zones(W, b, 2, 1e-9) : [],
      areas: W.length === 2 ? R.zones(W, b, 2, 1e-9).map(R.area) : [], active: R.activeAt(W, b, [0.3, -0.7, 0.2]),
    }));"""
    return in_node(program, [{"W": W.tolist(), "b": np.asarray(b).tolist()} for W, b in MODELS])


def close(theirs: Any, ours: Any) -> None:
    numbers = np.array(theirs, dtype=float)
    np.testing.assert_allclose(numbers, np.asarray(ours, dtype=float), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", range(len(MODELS)))
def test_the_script_computes_what_the_package_does(k: int, computed) -> None:
    (W, b), theirs = MODELS[k], computed[k]
    m, n = W.shape
    test = zero_loss_test(W, b)
    close(theirs["gram"], gram(W))
    close(theirs["norms"], np.linalg.norm(W, axis=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # m > n
        close(theirs["dimensionality"], feature_dimensionality(W))
    close(theirs["responses"], responses(W, b))
    for name in DATA:
        data, on = data_set(name, n), theirs["on"][name]
        slope = gradient(MODELS[k], data)
        close(on["loss"], loss(MODELS[k], data))
        close(on["gradient"]["W"], slope.W)
        close(on["gradient"]["b"], slope.b)
    assert theirs["recovered"] == recovered_axes(W, b, tolerance=1e-9).tolist()
    close(theirs["biasExcess"], test.bias_excess)
    close(theirs["slack"], test.slack.min(axis=1))
    close(theirs["zeroLossBias"], zero_loss_bias(W))
    close(theirs["thresholds"], activation_thresholds(W, b))
    close(theirs["window"], default_window(W) if m == 2 else 1.5 * np.linalg.norm(W, axis=0).max())
    assert theirs["active"] == np.flatnonzero(np.array([0.3, -0.7, 0.2])[:m] @ W + b > 0).tolist()


@pytest.mark.parametrize("k", [k for k, (W, _) in enumerate(MODELS) if len(W) == 2])
def test_the_script_draws_the_exact_zones(k: int, computed) -> None:
    exact = zones(*MODELS[k], window=2, tolerance=1e-9)
    close(computed[k]["areas"], [float(zone.area) for zone in exact])
    for ours, theirs in zip(exact, computed[k]["zones"], strict=True):
        if float(ours.area) > 1e-6:  # rounding decides about the corners of anything smaller
            corners, found = np.array(ours.vertices, dtype=float), np.array(theirs)
            apart = np.linalg.norm(corners[:, None] - found[None], axis=-1)
            # Rounding may add a corner in the middle of a side; as the areas agree, none lies outside.
            assert apart.min(axis=1).max() < 1e-9


def test_independent_features_have_the_exact_loss_of_the_package() -> None:
    """Coefficients that are equal, 0, tiny and large; biases that leave outputs on, off and between; any sparsity."""
    rng = np.random.default_rng(4)
    models = [
        (scale * rng.normal(size=(m, n)), shift + 0.3 * rng.normal(size=n), sparsity)
        for n in range(1, 7)
        for m, scale, shift, sparsity in (
            (2, 1.0, 0.0, 0.9),
            (3, 1e-5, 0.2, 0.5),
            (2, 4.0, -1.0, 0.0),
            (3, 0.5, -2.0, 0.3),
        )
    ]
    models += [(np.round(W), np.round(b), sparsity) for W, b, sparsity in models]
    models.append((polygon(5, 1.17), np.full(5, -0.28), 0.99))
    program = """return data.map(([W, b, sparsity]) => {
      const set = R.independent(sparsity);
      return [R.loss(W, b, set), R.gradient(W, b, set)];
    });"""
    found = in_node(program, [[W.tolist(), b.tolist(), sparsity] for W, b, sparsity in models])
    for (W, b, sparsity), (value, slope) in zip(models, found, strict=True):
        data, model = Independent(W.shape[1], sparsity), Parameters(W, b)
        ours = gradient(model, data)
        size = max(1.0, float(loss(model, data)))
        np.testing.assert_allclose(value, float(loss(model, data)), rtol=0, atol=1e-12 * size)
        np.testing.assert_allclose(slope["W"], ours.W, rtol=0, atol=1e-12 * size)
        np.testing.assert_allclose(slope["b"], ours.b, rtol=0, atol=1e-12 * size)


def test_certified_points_look_like_critical_points_on_their_data(computed) -> None:
    offers = [offer for _, offers in presets() for offer in offers]
    certified = [k for k, offer in enumerate(offers) if offer.file.name.startswith(("uniform", "grid", "polygon"))]
    assert {offers[k].data for k in certified} == {"uniform", "grid"}
    for k in certified:
        slope = computed[k]["on"][offers[k].data]["gradient"]
        assert max(np.abs(np.array(part)).max() for part in slope.values()) < 1e-9, offers[k].file.name
        assert offers[k].file.name.startswith((offers[k].data, "polygon"))


def test_zero_loss_and_the_criterion_never_contradict_each_other() -> None:
    """On X = I a total loss of at most t² leaves no output off by more than t, so every feature is given back."""
    rng = np.random.default_rng(11)
    cases = []
    for file in (offer.file for _, offers in presets() for offer in offers if offer.data == "identity"):
        for size in 10.0 ** np.arange(-9, 1):
            W, b = (np.asarray(part) + size * rng.normal(size=np.shape(part)) for part in (file.model.W, file.model.b))
            cases.append({"W": W.tolist(), "b": b.tolist()})
    program = """return data.map(({W, b}) => [1e-7, 1e-4, 1e-2, 0.4].map((t) => [b.length * R.loss(W, b) <= t * t,
      R.isZero(b.length * R.loss(W, b), R.recovered(W, b, t), t), R.recovered(W, b, t).every(Boolean)]));"""
    seen = {tuple(case) for found in in_node(program, cases) for case in found}
    assert seen == {(True, True, True), (False, False, True), (False, False, False)}


def test_training_in_the_page_is_the_package_s() -> None:
    """From the same seed to the same model: its random numbers, its start, 60 steps; in one process."""
    cases = [
        {"m": m, "n": 5, "seed": 0, "number": 1234567 * m, "scale": scale, "data": name} | rule | {"centred": centred}
        for m, name, scale in ((2, "identity", 1.0), (2, "uniform", 0.5), (3, "grid", 0.25))
        for rule in ({"adam": False, "rate": 0.1}, {"adam": True, "rate": 0.01})
        for centred in (False, True)
    ]
    program = """
    const sets = {identity: R.IDENTITY, uniform: R.UNIFORM, grid: R.grid(0.25, 0.5, 0.75, 1)};
    return data.map((given) => {
      const begun = Training.start(given), optimiser = Training.optimiser();
      let model = begun;
      for (let k = 0; k < 60; k += 1) model = optimiser.step(model, {...given, data: sets[given.data]});
      return {begun, model};
    });"""
    for case, theirs in zip(cases, in_node(program, cases), strict=True):
        training = AxialTraining(
            data_set(case["data"], case["n"]), m=case["m"], steps=60, dtype="float64",
            optimiser=AdamW(case["rate"]) if case["adam"] else SGD(case["rate"]), initialisation="small",
            init_scale=case["scale"], bias_coordinate="centred" if case["centred"] else "plain",
        )  # fmt: skip
        start = initial_models(training, case["seed"], case["number"], 1)
        ours = train_from(training, start)
        np.testing.assert_array_equal(theirs["begun"]["W"], start.W[0])
        np.testing.assert_allclose(theirs["model"]["W"], ours.W[0], rtol=0, atol=1e-10, err_msg=str(case))
        np.testing.assert_allclose(theirs["model"]["b"], ours.b[0], rtol=0, atol=1e-10, err_msg=str(case))
        assert not np.allclose(ours.W[0], start.W[0], rtol=0, atol=1e-3), case


def test_polishing_finds_the_certified_points_again() -> None:
    """From 0.01 away, minima and saddles alike: the same loss, and a gradient of nothing but rounding."""
    rng = np.random.default_rng(2)
    offers = [offer for _, offers in presets() for offer in offers if offer.data in ("uniform", "grid")][::3]
    cases = []
    for offer in offers:
        W, b = offer.file.model
        moved = (np.asarray(part) + 0.01 * rng.normal(size=np.shape(part)) for part in (W, b))
        cases.append([offer.data, *(part.tolist() for part in moved)])
    program = """
    const sets = {uniform: R.UNIFORM, grid: R.grid(0.25, 0.5, 0.75, 1)};
    return data.map(([name, W, b]) => Training.polish({W, b}, sets[name], 60000));"""
    for offer, found in zip(offers, in_node(program, cases), strict=True):
        model = Parameters(np.array(found["W"]), np.array(found["b"]))
        data = data_set(offer.data or "", model.W.shape[1])
        slope = gradient(model, data)
        assert max(np.abs(slope.W).max(), np.abs(slope.b).max()) < 1e-13, offer.file.name
        assert float(loss(model, data)) == pytest.approx(float(loss(offer.file.model, data)), abs=1e-9)


def test_the_page_needs_nothing_beside_itself() -> None:
    page = explorer_page([ModelFile(Parameters(np.eye(2), None), "</script><b>")])
    assert not re.search(r'(src|href)="(?!#|data:)', page)
    assert not re.search(r"@@[A-Z]+@@", page)
    assert "https://" not in page
    assert "</script><b>" not in page
    assert page.count("<script") == page.count("</script>") == 6


def test_the_page_opens_on_the_model_that_it_is_given() -> None:
    """The group of the user's own models is the last, and the script looks for it by this name."""
    page = explorer_page([ModelFile(Parameters(np.eye(2), None), "of mine")])
    offered = json.loads(page.split("const PRESETS = ")[1].split(";</script>")[0])
    assert offered[-1]["label"] == "Yours"
    assert offered[-1]["models"] == [{"name": "of mine", "W": [[1, 0], [0, 1]], "b": [0, 0], "data": None}]
    assert '.parentElement.label === "Yours"' in page


@pytest.mark.parametrize(("name", "count"), [("linears.pth", 1), ("instances.pt", 3), ("named.safetensors", 1)])
def test_the_command_takes_every_file_that_inspect_reads(name: str, count: int, tmp_path: Path) -> None:
    path = Path(__file__).parent / "fixtures" / "models" / name
    out = tmp_path / "page.html"
    assert main(["explorer", "--model", str(path), "--output", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    yours = json.loads(page.split("const PRESETS = ")[1].split(";</script>")[0])[-1]["models"]
    for shown_, file in zip(yours, load_models(path).models, strict=True):
        np.testing.assert_array_equal(shown_["W"], file.model.W)
    assert len(yours) == count


def test_only_models_that_can_be_drawn_are_offered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for shape in ((4, 5), (2, 41), (1, 2)):
        with pytest.raises(ArgumentError, match="m = 2 or 3 and n from 1 to 40"):
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
    chosen = element(page, "data").get_property("value")
    data = data_set(chosen, n)
    value, slope = float(loss(model, data)), gradient(model, data)
    total = value * (1 if chosen == "independent" else n)
    # An absolute error of rounding beside four digits.
    assert shown(page, "total-loss") == pytest.approx(total, rel=1e-3, abs=1e-14)
    assert shown(page, "mean-loss") == pytest.approx(value, rel=1e-3, abs=1e-14)
    assert shown(page, "slope") == pytest.approx(
        np.hypot(np.linalg.norm(slope.W), np.linalg.norm(slope.b)), rel=6e-2, abs=1e-14
    )
    recovered = recovered_axes(*model, tolerance=1e-6)
    assert element(page, "recovered").text == f"{recovered.sum()} of {n}"
    assert ("yes" in element(page, "zero-loss").text) == (total <= 1e-12 and bool(recovered.all()))
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


def test_three_dimensions_are_turned_and_features_move_in_the_page_s_plane(page) -> None:
    from selenium.webdriver import ActionChains

    choose(page, "m = 3: square antiprism, zero loss")
    before = consistent(page)
    assert page.find_elements("css selector", ".zone") == []
    tip = '[data-handle="0"] circle:last-of-type'
    seen = page.find_element("css selector", tip).location
    element(page, "turn-left").click()
    assert page.find_element("css selector", tip).location != seen
    corner = ActionChains(page).move_to_element_with_offset(element(page, "plane"), -200, -200)
    corner.click_and_hold().move_by_offset(30, 0).release().perform()
    np.testing.assert_array_equal(consistent(page).W, before.W)  # only the view has turned
    nearest = page.find_elements("css selector", ".handle")[-1]
    i = int(nearest.get_attribute("data-handle"))
    tip = nearest.find_element("css selector", "circle:last-of-type")
    ActionChains(page).move_to_element(tip).click_and_hold().move_by_offset(20, 10).release().perform()
    moved = consistent(page).W - before.W
    assert np.abs(np.delete(moved, i, axis=1)).max() == 0
    scale = page.execute_script("return document.getElementById('plane').getBoundingClientRect().width") / 2
    window = 1.5 * np.linalg.norm(before.W, axis=0).max()
    assert np.linalg.norm(moved[:, i]) == pytest.approx(np.hypot(20, 10) / scale * window, rel=1e-6)


def pick(page: Any, name: str, value: str) -> None:
    """Choose a value of a select, or type one into a field."""
    page.execute_script(
        "const field = document.getElementById(arguments[0]); field.value = arguments[1];"
        "field.dispatchEvent(new Event('change'))",
        name,
        value,
    )


def test_descent_steps_are_the_package_s(page) -> None:
    choose(page, "regular pentagon, no bias")
    model = consistent(page)
    element(page, "step").click()
    slope = gradient(model, Axial(5))
    after = consistent(page)
    np.testing.assert_allclose(after.W, model.W - 0.1 * slope.W, atol=1e-12)
    np.testing.assert_allclose(after.b, model.b - 0.1 * slope.b, atol=1e-12)
    element(page, "steps").click()
    assert element(page, "count").text == "101"
    consistent(page)
    pick(page, "data", "uniform")
    model = consistent(page)
    pick(page, "optimiser", "adam")
    element(page, "step").click()
    slope = gradient(model, UniformAxial(5))
    # The first step of Adam goes the whole rate along the sign of every slope.
    moved = consistent(page).W - model.W
    steep = np.abs(slope.W) > 1e-5
    np.testing.assert_allclose(moved[steep], -0.01 * np.sign(slope.W[steep]), rtol=1e-2)
    assert steep.any()
    assert page.find_elements("css selector", "#curve path")
    pick(page, "data", "independent")
    consistent(page)
    element(page, "step").click()
    consistent(page)
    choose(page, "7 features, zero loss")
    assert element(page, "data").get_property("value") == "identity"
    pick(page, "data", "independent")
    assert "for n up to 6" in element(page, "message").text
    consistent(page)
    pick(page, "optimiser", "sgd")
    assert element(page, "rate").get_property("value") == "0.1"


def test_training_plays_from_a_seed_and_pauses(page) -> None:
    choose(page, "two pairs, no bias")
    for name, value in {"start-n": "5", "start-scale": "0.001", "start-number": "3"}.items():
        pick(page, name, value)
    element(page, "start").click()
    start = initial_models(AxialTraining(Axial(5), initialisation="small", dtype="float64"), 0, 3, 1)
    np.testing.assert_array_equal(consistent(page).W, start.W[0])
    element(page, "centred").click()
    pick(page, "speed", "100")
    element(page, "run").click()
    assert element(page, "run").text == "Pause"
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(page, 20).until(lambda _: int(element(page, "count").text) >= 400)
    element(page, "run").click()
    assert element(page, "run").text == "Play"
    assert shown(page, "mean-loss") < float(loss(Parameters(start.W[0], start.b[0]), Axial(5)))
    consistent(page)
    element(page, "centred").click()


def test_a_model_is_polished(page) -> None:
    choose(page, "uniform n6 00 spurious")
    field = page.find_element("css selector", '[aria-label="x of feature 2"]')
    page.execute_script("arguments[0].value = '0.1'; arguments[0].dispatchEvent(new Event('change'))", field)
    assert shown(page, "slope") > 1e-4
    element(page, "polish").click()
    assert element(page, "message").text.startswith("a critical point, of whatever kind: gradient norm")
    consistent(page)
    assert shown(page, "slope") < 1e-12


def test_what_cannot_be_trained_is_said_in_one_line(page) -> None:
    choose(page, "5 features, zero loss")
    pick(page, "start-n", "41")
    element(page, "start").click()
    assert element(page, "message").text == "n must be a whole number from 1 to 40"
    element(page, "zoom-in").click()
    pick(page, "data", "uniform")
    pick(page, "rate", "100000")
    element(page, "steps").click()
    assert "training diverged" in element(page, "message").text
    consistent(page)
    pick(page, "rate", "0.1")


def test_states_are_read_back_and_nonsense_is_refused(page) -> None:
    mine = Parameters(np.array([[0.1, -1.0, 1 / 3], [1.5, 0.25, -0.7]]), np.array([0.0, -0.125, 0.3]))
    for text, message in ((dumps_model(mine, "mine"), "the text: read"), ("{}", "the text: no model: expected")):
        page.execute_script("document.getElementById('state').value = arguments[0]", text)
        element(page, "read").click()
        settled(page)
        assert element(page, "message").text.startswith(message)
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


def settled(page: Any) -> None:
    """Wait until files that are being read have been."""
    page.execute_async_script("setTimeout(arguments[0], 60)")


def test_files_are_opened_and_asked_about(page, tmp_path: Path) -> None:
    """A file that tells all, one that leaves open how W lies, one that is too large, and one that is none."""
    rng = np.random.default_rng(3)
    W, b = rng.normal(size=(2, 5)), rng.normal(size=5)
    np.savez_compressed(tmp_path / "good.npz", W=W.T.astype(np.float32), b=b.astype(np.float32))
    element(page, "file").send_keys(str(tmp_path / "good.npz"))
    settled(page)
    assert element(page, "message").text == "good.npz: read; W (5, 2) lies as (features, latent), by the length of b"
    np.testing.assert_array_equal(consistent(page).W, W.astype(np.float32))

    np.save(tmp_path / "unclear.npy", W.T)
    element(page, "file").send_keys(str(tmp_path / "unclear.npy"))
    settled(page)
    assert "nothing in the file tells which axis counts the features" in element(page, "message").text
    np.testing.assert_array_equal(consistent(page).W, W.astype(np.float32))
    element(page, "rows").click()
    settled(page)
    np.testing.assert_array_equal(consistent(page).W, W)
    assert not element(page, "question").is_displayed()

    (tmp_path / "large.json").write_text(json.dumps({"W": rng.normal(size=(4, 9)).tolist()}), encoding="utf-8")
    element(page, "file").send_keys(str(tmp_path / "large.json"))
    settled(page)
    assert "m = 4, n = 9: this page shows m = 2 or 3" in element(page, "message").text
    (tmp_path / "none.npz").write_bytes(b"PK\3\4" + bytes(100))
    element(page, "file").send_keys(str(tmp_path / "none.npz"))
    settled(page)
    assert element(page, "message").text == "none.npz: a zip without a directory"
    np.testing.assert_array_equal(consistent(page).W, W)


def test_a_file_is_dropped(page) -> None:
    content = io.BytesIO()
    np.savez(content, W=np.eye(2), b=np.zeros(2))
    program = """
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(arguments[0])], "dropped.npz"));
    document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: transfer, bubbles: true, cancelable: true}));"""
    page.execute_script(program, list(content.getvalue()))
    settled(page)
    assert "dropped.npz: W has shape (2, 2), and nothing" in element(page, "message").text
    element(page, "columns").click()
    settled(page)
    np.testing.assert_array_equal(consistent(page).W, np.eye(2))


def test_numbers_can_be_typed(page) -> None:
    choose(page, "two pairs, no bias")
    field = page.find_element("css selector", '[aria-label="bias of feature 3"]')
    page.execute_script("arguments[0].value = '-0.25'; arguments[0].dispatchEvent(new Event('change'))", field)
    assert consistent(page).b.tolist() == [0, 0, 0, -0.25]


def test_every_preset_can_be_loaded(page) -> None:
    """In one script: to go through the browser for each would take seconds."""
    program = """
    const preset = document.getElementById("preset"), shown = {};
    for (const option of [...preset.options].slice(1)) {
      preset.value = option.value;
      preset.dispatchEvent(new Event("change"));
      shown[option.textContent] = ["state", "data"].map((id) => document.getElementById(id).value)
        .concat(["slope", "zero-loss"].map((id) => document.getElementById(id).textContent));
    }
    return shown;"""
    shown_ = page.execute_script(program)
    for offer in (offer for _, offers in presets() for offer in offers):
        text, data, slope, zero = shown_[offer.file.name]
        model = loads_model(text).model
        np.testing.assert_array_equal(model.W, offer.file.model.W)
        assert data == offer.data
        if offer.data != "identity":
            assert float(slope.replace("−", "-")) < 1e-9
        assert ("yes" in zero) == (model.W.shape[1] * loss(model, data_set(data, model.W.shape[1])) < 1e-12)
    choose(page, "5 features, zero loss")
    assert len(page.find_elements("css selector", ".zone")) == 5


def test_a_model_of_many_features_is_shown(page) -> None:
    W = np.random.default_rng(5).normal(size=(3, 40))
    page.execute_script(
        "document.getElementById('state').value = arguments[0]", dumps_model(Parameters(W, None), "many")
    )
    element(page, "read").click()
    settled(page)
    np.testing.assert_array_equal(consistent(page).W, W)
    assert len(page.find_elements("css selector", "#gram td")) == 1600
    pick(page, "matrix", "responses")
    assert page.find_elements("css selector", "#gram td.bad")
    pick(page, "matrix", "gram")
    for width, height in ((390, 844), (1400, 900)):
        page.set_window_size(width, height)
        overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.execute_script(overflow) <= 0
    page.set_window_size(1200, 1000)


def test_a_finger_on_the_plane_scrolls_the_page_and_one_on_a_feature_moves_it(page) -> None:
    """On a phone the plane is as wide as the screen; there must be a way past it."""
    choose(page, "5 features, zero loss")
    before = consistent(page)
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 1, "mobile": True}
    )
    page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        settled(page)
        tip = (
            "return document.querySelector('[data-handle=\"0\"] circle:last-of-type').getBoundingClientRect().toJSON()"
        )
        page.execute_script("window.scrollTo(0, 0)")
        box = page.execute_script("return document.getElementById('plane').getBoundingClientRect().toJSON()")
        touch(page, box["left"] + 20, box["top"] + 150, -120)
        assert page.execute_script("return window.scrollY") > 60
        np.testing.assert_array_equal(consistent(page).W, before.W)
        scrolled = page.execute_script("return window.scrollY")
        at = page.execute_script(tip)
        touch(page, at["left"] + 7, at["top"] + 7, 40)
        assert page.execute_script("return window.scrollY") == scrolled
        moved = consistent(page).W - before.W
        assert moved[1, 0] < 0
        assert np.abs(moved[:, 1:]).max() == 0
    finally:
        page.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def touch(page: Any, x: float, y: float, down: float) -> None:
    """A finger put down at a place, moved so many pixels down the screen, and lifted."""
    points = [(x, y + down * k / 10) for k in range(11)]
    for k, (at, height) in enumerate(points):
        kind = "touchStart" if k == 0 else "touchMove"
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": at, "y": height}]})
    page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    program = """
    const done = arguments[0];
    const wait = (before) => setTimeout(() => (window.scrollY === before ? done() : wait(window.scrollY)), 150);
    wait(NaN);"""
    page.execute_async_script(program)  # the page scrolls on for a while


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
