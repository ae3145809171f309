"""A film shows the run it is given, of whichever kind, and a run that was stopped is filmed whole."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relugeom.autoencoder import Axial, loss
from relugeom.cli import main
from relugeom.errors import ArgumentError
from relugeom.figures import DARK, Film, film_files, film_gif, film_of_run, film_of_trace, recorded_film
from relugeom.figures.films import _picture
from relugeom.figures.style import LIGHT
from relugeom.optim import AdamW
from relugeom.studies.traces import trace
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import resume, train
from relugeom.training.many_models import AxialTraining

SMALL = Configuration(T=4, n=10, S=0.7, steps=120, warmup=10, optimiser=AdamW(1e-2, weight_decay=1e-2), dtype="float64")


def test_a_film_has_every_frame_and_the_same_bytes_again() -> None:
    from PIL import Image

    told = recorded_film()
    short = Film(told.frames[::40], told.title, told.caption, told.loss_name, told.scale)
    files = film_files(short, theme=DARK)
    assert files["film.gif"] == film_gif(short, theme=DARK)
    with Image.open(io.BytesIO(files["film.gif"])) as image:
        assert image.n_frames == len(short.frames)
    page = files["film.html"].decode()
    assert page.count("data:image/png;base64,") == len(short.frames) + 1
    assert "http" not in page
    assert told.title in page


def test_a_stopped_run_is_filmed_from_its_start(tmp_path: Path) -> None:
    whole = film_of_run(train(SMALL))
    asked = itertools.count()
    train(SMALL, path=tmp_path / "run.npz", stop=lambda: next(asked) == 50)
    resumed = film_of_run(resume(Checkpoint.load(tmp_path / "run.npz")))
    assert [frame.step for frame in resumed.frames] == [frame.step for frame in whole.frames]
    assert whole.frames[0].step == 0
    assert whole.frames[-1].step == SMALL.steps
    for ours, theirs in zip(resumed.frames, whole.frames, strict=True):
        np.testing.assert_array_equal(ours.model.W, theirs.model.W)
        assert ours.loss == theirs.loss == pytest.approx(float(loss(ours.model, SMALL.examples())), abs=1e-9)
    X = SMALL.examples().to_dense()
    assert whole.examples is not None
    np.testing.assert_allclose(whole.examples[3], X @ whole.frames[3].model.W.T, atol=1e-12)


def test_a_frame_shows_its_model_its_examples_and_the_loss_so_far() -> None:
    told = film_of_run(train(SMALL))
    left, right = _picture(told, 2, LIGHT).axes
    assert left.get_title() == f"step {told.frames[2].step}"
    assert told.examples is not None
    np.testing.assert_array_equal(left.lines[-1].get_xydata(), told.examples[2])
    np.testing.assert_allclose(right.lines[1].get_ydata(), [frame.loss for frame in told.frames[:3]])


def test_a_film_outside_the_plane_is_of_the_matrix() -> None:
    told = film_of_run(train(replace(SMALL, m=3, untied=True, steps=3, warmup=0)))
    assert told.examples is None
    left, _ = _picture(told, 0, LIGHT).axes
    W = told.frames[0].model.W
    np.testing.assert_allclose(left.images[0].get_array(), W.T @ W)
    with pytest.raises(ArgumentError, match="at most 400 features; got 401"):
        film_of_run(train(replace(SMALL, m=3, n=401, S=0.99, steps=1, warmup=0)))


def test_a_trace_is_filmed_in_at_most_a_hundred_and_twenty_frames() -> None:
    record = trace(AxialTraining(Axial(4), steps=400), every=2)
    told = film_of_trace(record)
    steps = [frame.step for frame in told.frames]
    assert len(steps) <= 120
    assert (steps[0], steps[-1]) == (0, 400)
    assert told.scale * told.frames[-1].loss == pytest.approx(record.loss[-1])


def test_the_commands_film_ones_own_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, folder = str(tmp_path / "run.npz"), tmp_path / "pictures"
    settings = "train --examples 3 --n 6 --sparsity 0.5 --steps 4 --warmup 0 --record 0 --output".split()  # noqa: SIM905
    assert main([*settings, run, "--figures", str(folder), "--film"]) == 0
    assert str(folder / "film.html") in capsys.readouterr().out.splitlines()
    names = {path.name for path in folder.iterdir()}
    assert names >= {"run.svg", "vectors.svg", "regions.svg", "gram.svg", "film.gif", "film.html"}
    again = tmp_path / "again"
    assert main(["figures", "gram", "--model", run, "--film", "-o", str(again)]) == 0
    assert (again / "film.gif").read_bytes() == (folder / "film.gif").read_bytes()
    lost = ["--learning-rate", "1e9", "--schedule", "constant"]
    assert main([*settings, str(tmp_path / "lost.npz"), *lost, "--figures", str(folder)]) == 1
    assert f"in {tmp_path / 'lost.npz'}" in capsys.readouterr().err
    assert main([*settings, str(tmp_path / "other.npz"), "--no-snapshots"]) == 0
    capsys.readouterr()
    np.savez(tmp_path / "bare.npz", W=np.ones((2, 3)), b=np.zeros(3))
    for arguments, complaint in (
        (["figures", "--model", str(tmp_path / "other.npz"), "--film", "-o", str(again)], "kept no parameters to film"),
        (
            ["figures", "--model", str(tmp_path / "bare.npz"), "--film", "-o", str(again)],
            "films the run of a checkpoint",
        ),
        ([*settings, str(tmp_path / "c.npz"), "--film"], "--film needs --figures DIR"),
        ([*settings, run, "--figures", str(folder), "--film", "--no-snapshots"], "--no-snapshots leaves out"),
    ):
        assert main(arguments) == 2
        assert complaint in capsys.readouterr().err
