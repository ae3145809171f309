"""Every figure draws, of its own example and of a user's model; the same input gives the same bytes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

from relugeom.autoencoder import Axial, Parameters, gradient, loss, recovered_axes, zero_loss_test
from relugeom.autoencoder.files import dumps_model
from relugeom.cli import main
from relugeom.errors import ArgumentError
from relugeom.figures import (
    DARK,
    FIGURES,
    LIGHT,
    THEMES,
    draw,
    failure,
    figures_for,
    film,
    frames_of,
    inline_svg,
    render,
)
from relugeom.figures.recordings import FAILURES, FILM, sparse_examples

MINE = Parameters(np.array([[1.0, -0.2, 0.1], [0.3, 0.9, -1.1]]), np.array([0.1, -0.2, -0.3]))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_draws_its_example_the_same_every_time(name: str) -> None:
    first, again = (draw(name) for _ in range(2))
    assert isinstance(first, Figure)
    assert first.get_size_inches()[0] in (3.4, 7.0)
    data = render(first)
    assert data == render(again)
    assert b"<dc:date>" not in data
    ElementTree.fromstring(data)


@pytest.mark.parametrize("name", figures_for(MINE))
def test_a_figure_draws_a_model_of_the_user(name: str) -> None:
    assert render(draw(name, MINE, DARK), theme=DARK) != render(draw(name, theme=DARK), theme=DARK)


def test_awkward_models_are_drawn() -> None:
    dead = Parameters(np.zeros((2, 3)), np.array([0.0, -1.0, 1.0]))
    single = Parameters(np.array([[1.0], [0.0]]), None)
    space = Parameters(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]), None)
    for model in (dead, single, space):
        names = figures_for(model)
        assert len(names) >= 2
        for name in names:
            render(draw(name, model))


def test_png_and_pdf_are_the_same_every_time_too() -> None:
    for format, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
        first, again = (render(draw("regions"), format) for _ in range(2))
        assert first.startswith(magic)
        assert first == again
        assert b"CreationDate" not in first


def test_bytes_do_not_depend_on_the_process_or_the_settings() -> None:
    program = (
        "import hashlib, matplotlib; matplotlib.rcParams.update({'font.size': 30, 'lines.linewidth': 9});"
        "from relugeom.figures import draw, render; print(hashlib.sha256(render(draw('gram'))).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(hashes) == 1


def test_the_settings_of_matplotlib_are_left_alone() -> None:
    before = dict(matplotlib.rcParams)
    render(draw("relu"))
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not matplotlib.pyplot.get_fignums()


def test_names_and_models_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArgumentError, match="did you mean regions"):
        draw("region")
    with pytest.raises(ArgumentError, match="takes no model"):
        draw("relu", MINE)
    with pytest.raises(ArgumentError, match=r"draws models with m = 2; got m = 1"):
        draw("regions", Parameters(np.ones((1, 2)), None))
    with pytest.raises(ArgumentError, match=r"n = 3; got n = 2"):
        draw("plane", Parameters(np.ones((2, 2)), None))
    with pytest.raises(ArgumentError, match=r"b must have shape \(3,\)"):
        draw("regions", Parameters(MINE.W, np.zeros(2)))
    with pytest.raises(ArgumentError, match="finite"):
        draw("regions", Parameters(MINE.W * np.nan, None))
    with pytest.raises(ArgumentError, match="format must be one of"):
        render(draw("relu"), "bmp")


def test_an_inline_svg_has_its_own_ids_and_the_colours_of_the_page() -> None:
    text = inline_svg(draw("regions"), "one", 'what is "drawn"')
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert ids
    assert all(name.startswith("one-") for name in ids)
    assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', text)) <= set(ids)
    assert 'aria-label="what is &quot;drawn&quot;"' in text
    assert f"var(--feature-0,{LIGHT.feature(0)})" in text
    assert not re.search(rf"(?<!,){LIGHT.ink}", text)
    ElementTree.fromstring(text)


def linear(colour: str) -> np.ndarray:
    channels = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def lab(light: np.ndarray) -> np.ndarray:
    """CIELAB of linear RGB under D65."""
    matrix = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = matrix @ np.clip(light, 0, 1) / (0.9505, 1, 1.089)
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Full deficiency, in linear RGB: Machado, Oliveira and Fernandes (2009).
SIGHT = {
    "normal": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def contrast(one: str, other: str) -> float:
    low, high = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) + 0.05 for colour in (one, other))
    return high / low


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_any_two_features_differ_for_every_kind_of_sight(theme) -> None:
    for kind, matrix in SIGHT.items():
        seen = [lab(np.array(matrix) @ linear(colour)) for colour in theme.features]
        nearest = min(np.linalg.norm(a - b) for a, b in combinations(seen, 2))
        assert nearest > 15, kind  # a difference of 2 can just be seen side by side


@pytest.mark.parametrize("theme", THEMES.values(), ids=THEMES)
def test_text_and_lines_stand_out(theme) -> None:
    assert all(contrast(colour, theme.paper) >= 4.5 for colour in (theme.ink, theme.faint, theme.good, theme.bad))
    assert all(contrast(colour, theme.paper) >= 3 for colour in theme.features)


def test_the_recorded_solutions_are_what_their_captions_say() -> None:
    eight, seven = failure(8), failure(7)
    for model, n in ((eight, 8), (seven, 7)):
        assert np.abs(gradient(model, Axial(n)).W).max() < 1e-12
        assert np.abs(gradient(model, Axial(n)).b).max() < 1e-12
    assert recovered_axes(*eight).sum() == 3
    assert float(8 * loss(eight, Axial(8))) == pytest.approx(5)
    assert zero_loss_test(*seven, tolerance=1e-9).holds
    assert np.ptp(np.hypot(*seven.W)) > 0.5


def test_recordings_can_be_made_again() -> None:
    frames = film()
    again = [
        *frames_of(
            FILM.__class__(FILM.n, FILM.seed, FILM.init_scale, FILM.learning_rate, FILM.momentum, 20),
            Axial(7),
            range(20),
        )
    ]
    for frame in again:
        stored = next(old for old in frames if old.step >= frame.step)
        if stored.step == frame.step:
            np.testing.assert_allclose(frame.model.W, stored.model.W, rtol=0, atol=1e-12)
            assert frame.loss == pytest.approx(stored.loss, abs=1e-12)
    np.testing.assert_array_equal(frames[-1].model.W, failure(7).W)
    assert frames[-1].step == FAILURES[7].steps
    assert all(np.linalg.norm(x) == pytest.approx(1) for x in sparse_examples(5, 9, 1.5, seed=0))


def test_the_command_draws_lists_and_takes_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["figures", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["figures"]
    assert [row["name"] for row in listed] == list(FIGURES)
    model = tmp_path / "mine.json"
    model.write_text(dumps_model(MINE, "mine"), encoding="utf-8")
    out = tmp_path / "out"
    assert main(["figures", "regions", "gram", "--model", str(model), "--output", str(out), "--format", "png"]) == 0
    assert capsys.readouterr().out.splitlines() == [str(out / "regions.png"), str(out / "gram.png")]
    assert (out / "regions.png").read_bytes() == render(draw("regions", MINE), "png")
    assert main(["figures", "relu", "--model", str(model), "--output", str(out)]) == 2
    assert main(["figures", "nonsense", "--output", str(out)]) == 2
    assert main(["figures", "zzz", "--output", str(out)]) == 2
    assert main(["figures", "relu", "--output", str(model)]) == 2
    errors = capsys.readouterr().err
    assert "takes no model" in errors
    assert "no figure has the name nonsense" in errors
    assert "no figure has the name zzz; there are " in errors
    assert "cannot be made a folder" in errors


def test_the_gallery_has_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    docs = Path(__file__).parents[1] / "docs"
    assert main(["figures", "--gallery"]) == 0
    assert (docs / "gallery.md").read_text(encoding="utf-8") == capsys.readouterr().out
    files = {path.name: path.stat().st_size for path in (docs / "gallery").iterdir()}
    assert set(files) == {f"{name}.svg" for name in FIGURES} | {"film.gif"}
    assert sum(files.values()) < 3_000_000
