"""A run is its configuration; interrupted and resumed it ends in the same bits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from relugeom.autoencoder.geometry import dimensionality, maximal_dimensionality
from relugeom.cli import main
from relugeom.engines.choice import EngineChoice
from relugeom.errors import ArgumentError, StorageError
from relugeom.optim import SGD, AdamW
from relugeom.storage import load_arrays, save_arrays
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import measure_run, resume, train
from relugeom.training.metrics import dead_outputs
from relugeom.training.trajectory import log_spaced

SMALL = Configuration(T=40, n=60, S=0.9, steps=300, warmup=20, seed=1)


def same(one: Checkpoint, other: Checkpoint) -> bool:
    return (
        np.array_equal(one.parameters, other.parameters)
        and one.trajectory.rows == other.trajectory.rows
        and all(np.array_equal(one.optimiser[name], other.optimiser[name]) for name in one.optimiser)
    )


VARIANTS = {
    "hull": {"engine": EngineChoice("hull")},
    "moments": {"engine": EngineChoice("moments", (16, 4))},
    "untied": {"untied": True},
    "float64": {"dtype": "float64"},
    "sgd": {"optimiser": SGD(0.1, momentum=0.9, weight_decay=1e-2)},
    "constant": {"schedule": "constant"},
    "fresh": {"data": "fresh", "steps": 60},
    "axial": {"data": "axial", "T": 60, "initialisation": "normal"},
    "three dimensions": {"m": 3, "engine": EngineChoice("moments", (8,))},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_loss_falls_and_resumed_is_uninterrupted(changes: dict, tmp_path: Path) -> None:
    configuration = replace(SMALL, engine=None, **changes) if "engine" not in changes else replace(SMALL, **changes)
    whole = train(configuration)
    assert whole.status == "finished"
    losses = whole.trajectory.column("loss")
    assert losses[-1] < 0.97 * losses[0]
    asked = iter(range(10**9))
    path = tmp_path / "run.npz"
    stopped = train(configuration, path=path, every=7, stop=lambda: next(asked) == configuration.steps // 3)
    assert stopped.status == "interrupted"
    assert stopped.step == configuration.steps // 3
    assert same(resume(Checkpoint.load(path), path=path, every=11), whole)
    assert same(Checkpoint.load(path), whole)


@pytest.mark.parametrize("kind", [np.float64, np.float32])
def test_a_run_with_numbers_of_numpy_is_stored_and_resumed(kind: type, tmp_path: Path) -> None:
    rule = SGD(kind(0.3), momentum=kind(0.7), weight_decay=kind(0.01))
    configuration = replace(SMALL, T=np.int64(20), S=kind(0.9), steps=np.int32(40), optimiser=rule, init_scale=None)
    asked = iter(range(100))
    train(configuration, path=tmp_path / "run", stop=lambda: next(asked) == 20)
    stored = Checkpoint.load(tmp_path / "run")
    assert stored.configuration == configuration
    assert same(resume(stored), train(configuration))


def test_checkpoint_every_leaves_no_trace_in_the_result(tmp_path: Path) -> None:
    configuration = replace(SMALL, engine=EngineChoice("moments", (8,)), steps=50)
    assert same(train(configuration), train(configuration, path=tmp_path / "a", every=1))


def test_shards_resume(tmp_path: Path) -> None:
    configuration = replace(SMALL, engine=EngineChoice("moments", (8,), 2), steps=30)
    whole = train(configuration)
    asked = iter(range(10**9))
    train(configuration, path=tmp_path / "run", stop=lambda: next(asked) == 13)
    assert same(resume(Checkpoint.load(tmp_path / "run")), whole)


@pytest.mark.filterwarnings("default::RuntimeWarning")
def test_divergence_stops_with_the_last_good_state(tmp_path: Path) -> None:
    configuration = replace(SMALL, optimiser=SGD(1e9), warmup=0, schedule="constant")
    ended = train(configuration, path=tmp_path / "run")
    assert ended.status == "diverged"
    assert np.isfinite(ended.parameters).all()
    assert np.isfinite(measure_run(ended).loss)
    with pytest.raises(ArgumentError, match="diverged"):
        resume(Checkpoint.load(tmp_path / "run"))


def test_divergence_is_the_same_wherever_the_run_is_interrupted(tmp_path: Path) -> None:
    configuration = replace(SMALL, optimiser=SGD(6.0), warmup=0, schedule="constant")
    whole = train(configuration)
    assert whole.status == "diverged"
    assert whole.step > 2
    for step in range(whole.step + 2):
        asked = iter(range(step + 1))
        stopped = train(configuration, path=tmp_path / "run", stop=lambda asked=asked, step=step: next(asked) == step)
        assert stopped.status == ("interrupted" if step <= whole.step else "diverged")
        assert same(resume(stopped) if stopped.status == "interrupted" else stopped, whole)
    files: list[Checkpoint] = []  # what is on the disk at each step, if the machine fails
    train(configuration, path=tmp_path / "run", every=1, stop=lambda: files.append(Checkpoint.load(tmp_path / "run")))
    assert [file.step for file in files] == [0, *range(whole.step + 1)]
    assert same(resume(files[-1]), whole)


def test_polygon_at_five_examples() -> None:
    rule = AdamW(1e-2, weight_decay=1e-2)
    found = measure_run(train(Configuration(T=5, n=200, S=0.98, steps=3_000, warmup=150, optimiser=rule, seed=3)))
    assert found.polygon
    assert found.example_dimensionality == pytest.approx(2 / 5, rel=0.02)
    assert found.example_dimensionality_max == pytest.approx(2 / 5, rel=0.02)
    assert found.circles == 1
    assert found.loss < 0.05
    assert found.test_loss is not None
    assert found.test_loss > 10 * found.loss


def test_dimensionality_is_its_definition() -> None:
    rng = np.random.default_rng(0)
    H = rng.normal(size=(9, 3))
    overlap = H @ H.T
    expected = np.diag(overlap) / np.square(overlap / np.linalg.norm(H, axis=1)[:, None]).sum(axis=1)
    np.testing.assert_allclose(dimensionality(H), expected)
    directions = rng.normal(size=(200_000, 3))
    ratios = np.square(directions @ H.T) / np.square(directions @ H.T).sum(axis=1, keepdims=True)
    supremum = maximal_dimensionality(H.T)
    assert np.all(ratios.max(axis=0) <= supremum + 1e-12)
    np.testing.assert_allclose(ratios.max(axis=0), supremum, rtol=0.02)
    assert supremum.sum() == pytest.approx(3)


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_dead_outputs_by_hull_and_by_all_examples(m: int) -> None:
    rng = np.random.default_rng(m)
    for H in (rng.normal(size=(400, m)), rng.normal(size=(400, 1)) * np.ones(m), np.zeros((50, m))):
        D, b = rng.normal(size=(m, 100)), rng.normal(size=100) - 2
        assert dead_outputs(H, D, b) == np.count_nonzero((H @ D + b).max(axis=0) < 0)


def test_trajectory_is_what_it_says() -> None:
    whole = train(SMALL, record=[0, 10, 299])
    assert list(whole.trajectory.column("step")) == [0, 10, 299]
    assert set(whole.trajectory.snapshots) == {0, 10, 299}
    assert np.array_equal(whole.trajectory.snapshots[0][:120].reshape(2, 60), SMALL.initial_model().W)
    X = SMALL.examples().to_dense()
    W = whole.trajectory.snapshots[10][:120].reshape(2, 60)
    b = whole.trajectory.snapshots[10][120:]
    Z = X @ W.T @ W + b
    assert whole.trajectory.column("active_fraction")[1] == pytest.approx((Z > 0).mean(), abs=1e-3)
    assert whole.trajectory.column("dead_features")[1] == (Z.max(axis=0) < 0).sum()


def test_log_spaced() -> None:
    assert log_spaced(1000, 1) == [0, 1, 10, 100, 999]
    assert log_spaced(1) == [0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"T": 0},
        {"T": -3},
        {"S": 1.0},
        {"S": -0.1},
        {"S": float("nan")},
        {"m": 0},
        {"dtype": "float16"},
        {"data": "axial"},
        {"data": "file"},
        {"schedule": "none"},
        {"seed": -1},
    ],
)
def test_wrong_configurations_are_refused(wrong: dict) -> None:
    with pytest.raises(ArgumentError):
        replace(SMALL, **wrong)


def test_checkpoints_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(replace(SMALL, steps=3), path=path)
    arrays, facts = load_arrays(path)
    for change in ({"W": arrays["W"][:, :-1]}, {"b": arrays["b"].astype(np.float64)}):
        save_arrays(tmp_path / "other", {**arrays, **change}, facts)
        with pytest.raises(StorageError, match="must be"):
            Checkpoint.load(tmp_path / "other")
    for change in ({"version": 99}, {"kind": "examples"}, {"step": 4}, {"configuration": {}}):
        save_arrays(tmp_path / "other", arrays, {**facts, **change})
        with pytest.raises(StorageError):
            Checkpoint.load(tmp_path / "other")
    save_arrays(tmp_path / "other", arrays, {**facts, "data_hash": "0" * 64, "status": "running"})
    with pytest.raises(ArgumentError, match="data differ"):
        resume(Checkpoint.load(tmp_path / "other"))


COMMAND = [
    sys.executable, "-m", "relugeom", "train", "--examples", "30", "--features", "80", "--sparsity", "0.9",
    "--steps", "1500", "--warmup", "50", "--every", "1", "--engine", "moments",
]  # fmt: skip


def killed_and_resumed(path: Path, delay: float) -> int:
    """kill -9 a run after `delay` seconds of checkpoints; its step then. Then let it end."""
    process = subprocess.Popen([*COMMAND, "--output", str(path)], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        while not path.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.005)
        acknowledged = Checkpoint.load(path).step
        time.sleep(delay)
        before = Checkpoint.load(path).step
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    step = Checkpoint.load(path).step
    assert acknowledged <= before <= step
    ended = subprocess.run(
        [sys.executable, "-m", "relugeom", "train", "--output", str(path), "--resume", "--every", "500"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    return step


def kills(tmp_path: Path, count: int) -> None:
    whole = tmp_path / "whole.npz"
    subprocess.run(
        [*COMMAND[:-4], "--every", "5000", *COMMAND[-2:], "--output", str(whole)], check=True, capture_output=True
    )
    expected = Checkpoint.load(whole)
    rng = random.Random(0)
    steps = []
    for number in range(count):
        path = tmp_path / f"{number}.npz"
        steps.append(killed_and_resumed(path, rng.uniform(0, 1.0)))
        assert same(Checkpoint.load(path), expected)
    assert any(0 < step < 1500 for step in steps), "no kill came in the middle of a run"


def test_killed_runs_resume_to_the_same_bits(tmp_path: Path) -> None:
    kills(tmp_path, 3)


@pytest.mark.long
def test_fifty_killed_runs_resume_to_the_same_bits(tmp_path: Path) -> None:
    kills(tmp_path, 50)


def test_the_summary_of_a_run_is_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run.npz"
    assert main(["train", "-T", "5", "--n", "40", "--sparsity", "0.9", "--steps", "20", "-o", str(path)]) == 0
    printed = capsys.readouterr().out
    assert "no regular polygon" in printed
    assert "times 2π/T apart" in printed
    assert f"relugeom inspect {path} --data training" in printed
    assert "_" not in printed.replace(str(path), "")
    assert "False" not in printed
