"""The other coordinates of training at the paper's size: their gradient three ways, and what they are good for."""

from __future__ import annotations

from dataclasses import replace
from math import cos, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp

from relugeom.autoencoder.examples import SparseExamples, axial_examples, sparse_unit_norm_examples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.blocked import Blocked
from relugeom.engines.choice import EngineChoice
from relugeom.engines.objective import Objective
from relugeom.errors import ArgumentError
from relugeom.optim import SGD, AdamW
from relugeom.storage import RunDatabase
from relugeom.training.centred import CentredCoordinates, Growth, least_norm
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import resume, train

SMALL = Configuration(T=12, n=40, S=0.9, steps=60, warmup=5, initialisation="small", bias_coordinate="centred")


def drawn(T: int, n: int, seed: int, dtype: Any = np.float64) -> SparseExamples:
    return sparse_unit_norm_examples(T, n, 0.7, seed=seed, dtype=dtype)


def model_of(theta: Any, X: Any, m: int) -> Any:
    """W and b by the definition, one feature after the other; for complex numbers too."""
    n = X.shape[1]
    v, c = theta[: m * n].reshape(m, n), theta[m * n :]
    W, b = v.copy(), c.copy()
    touched = [j for j in range(n) if X[:, j].max() > 0]
    for j in touched:
        W[:, j] = X[:, j].max() * v[:, j]
    for j in touched:
        b[j] = X[:, j].max() * c[j] - W[:, j] @ (W @ X[X[:, j].argmax()])
    return W, b


def loss_of(theta: Any, X: Any, m: int) -> Any:
    """By the definition; a complex number is on where its real part is positive."""
    W, b = model_of(theta, X, m)
    Z = (X @ W.T) @ W + b
    return (np.where(Z.real > 0, Z - X, X) ** 2).sum() / len(X)


def gradient_of(theta: Any, examples: SparseExamples, m: int) -> Any:
    coordinates = CentredCoordinates(examples, m)
    flat = np.empty_like(theta)
    coordinates.to_model(theta, flat)
    W, b = flat[: m * examples.n].reshape(m, -1), flat[m * examples.n :]
    _, found = Objective(examples, Blocked()).value_and_gradient(Parameters(W, b))
    return coordinates.gradient(flat, np.concatenate([part.ravel() for part in (found.W, found.b)]))


@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_gradient_is_the_complex_step_of_the_definition(m: int) -> None:
    for seed in range(3):
        examples = drawn(5, 9, seed)
        X = examples.to_dense()
        theta = np.random.default_rng(seed).normal(size=(m + 1) * 9)
        steps = 1e-30j * np.eye(len(theta))
        expected = np.array([loss_of(theta + step, X, m).imag / 1e-30 for step in steps])
        assert gradient_of(theta, examples, m) == pytest.approx(expected, rel=1e-9, abs=1e-11)


def test_the_gradient_is_the_slope_of_the_loss() -> None:
    examples = drawn(6, 8, 5)
    X = examples.to_dense()
    rng = np.random.default_rng(7)
    theta, direction = rng.normal(size=24), rng.normal(size=24)
    h = 1e-6
    slope = (loss_of(theta + h * direction, X, 2) - loss_of(theta - h * direction, X, 2)) / (2 * h)
    assert gradient_of(theta, examples, 2) @ direction == pytest.approx(slope, rel=1e-6)


def test_the_gradient_is_that_of_algebra() -> None:
    """Two examples, three features, one of them in both, the active outputs fixed by the signs at the point."""
    X = np.array([[0.6, 0.0, 0.8], [0.0, 0.5, 0.25]])
    symbols = sp.symbols("v0:6 c0:3", real=True)
    v, c = sp.Matrix(2, 3, symbols[:6]), sp.Matrix(3, 1, symbols[6:])
    exact = sp.Matrix(X.shape[0], X.shape[1], [sp.Rational(value) for value in X.ravel()])
    largest, own = [exact[0, 0], exact[1, 1], exact[0, 2]], [0, 1, 0]
    W = sp.Matrix(2, 3, lambda k, j: largest[j] * v[k, j])
    H = exact * W.T
    point = dict(zip(symbols, np.array([1, -2, 3, 2, 1, -1, 1, 2, 1]) / 4, strict=True))
    total = sp.Integer(0)
    for t in range(2):
        for j in range(3):
            z = (W[:, j].T * (H[t, :] - H[own[j], :]).T)[0] + largest[j] * c[j]
            if z.subs(point) > 0:
                total += (z - exact[t, j]) ** 2
    expected = [float(sp.diff(total / 2, symbol).subs(point)) for symbol in symbols]
    theta = np.array([float(point[symbol]) for symbol in symbols])
    assert gradient_of(theta, SparseExamples.from_dense(X), 2) == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_there_and_back_and_what_c_is() -> None:
    examples = drawn(7, 12, 3)
    X = examples.to_dense()
    flat = np.random.default_rng(1).normal(size=36)
    coordinates = CentredCoordinates(examples, 2)
    theta = coordinates.from_model(flat)
    back = np.empty_like(theta)
    coordinates.to_model(theta, back)
    assert back == pytest.approx(flat, rel=1e-12, abs=1e-13)
    W, b = flat[:24].reshape(2, 12), flat[24:]
    Z = X @ W.T @ W + b
    for j in range(12):
        largest = X[:, j].max()
        expected = Z[X[:, j].argmax(), j] / largest if largest > 0 else b[j]
        assert theta[24 + j] == pytest.approx(expected)


def test_on_the_identity_it_is_the_centred_bias() -> None:
    W = np.random.default_rng(2).normal(size=(2, 5))
    b = np.arange(5.0)
    theta = CentredCoordinates(axial_examples(5, dtype="float64"), 2).from_model(np.concatenate([W.ravel(), b]))
    assert theta == pytest.approx(np.concatenate([W.ravel(), b + (W**2).sum(axis=0)]))


def test_short_latent_vectors_grow_and_the_others_stay() -> None:
    X = np.array([[0.5, 0.0, 0.0], [0.0, 2.0, 0.0]])
    coordinates = CentredCoordinates(SparseExamples.from_dense(X), 2)
    theta = np.array([3.0, 1.0, 7, 0, 0, 7, 1, 1, 1])  # h of length 3/4 and 4; feature 2 is nobody's
    coordinates.grow(theta, 0.8)
    assert theta == pytest.approx([3.2, 1, 7, 0, 0, 7, 1, 1, 1])
    coordinates.grow(theta, 100.0)
    assert theta[:2] == pytest.approx([3.52, 1.1])  # by a tenth, at most


def test_growth_is_as_said() -> None:
    growth = Growth(10.0, 40)
    assert [growth(step) for step in (0, 10, 40, 60)] == [0, 2.5, 10, 10]
    assert growth.pace(40) == 3
    assert least_norm(8) == pytest.approx(1 / sqrt(1 - cos(2 * pi / 8)))
    assert least_norm(1) == 1
    with pytest.raises(ArgumentError, match="norm must be a positive number"):
        Growth(0.0, 40)


@pytest.mark.parametrize(
    "changes",
    [
        {"growth": 1.2},
        {"engine": EngineChoice("hull")},
        {"engine": EngineChoice("lazy"), "growth": 1.2},
        {"engine": EngineChoice("moments", (4,)), "growth": 1.5},
        {"optimiser": SGD(1e-3, weight_decay=1e-2), "dtype": "float64"},
        {"m": 3},
    ],
    ids=["growth", "hull", "lazy", "moments", "sgd", "three dimensions"],
)
def test_resumed_is_uninterrupted(changes: dict[str, Any], tmp_path: Path) -> None:
    configuration = replace(SMALL, **changes)
    whole = train(configuration)
    assert whole.status == "finished"
    asked = iter(range(10**6))
    train(configuration, path=tmp_path / "run.npz", stop=lambda: next(asked) == 23)
    end = resume(Checkpoint.load(tmp_path / "run.npz"))
    assert np.array_equal(end.parameters, whole.parameters)
    assert np.array_equal(end.optimiser["centred"], whole.optimiser["centred"])


def test_a_state_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    end = train(replace(SMALL, steps=3))
    for wrong in (end.optimiser["centred"][1:], end.optimiser["centred"].astype(np.float64)):
        with pytest.raises(ArgumentError, match="centred must be"):
            resume(replace(end, step=2, optimiser={**end.optimiser, "centred": wrong}))


def test_examples_are_memorised_where_the_usual_way_fails() -> None:
    """Fifteen examples of 400 features, in a twentieth of the paper's steps."""
    usual = Configuration(T=15, n=400, S=0.98, steps=2_500, warmup=125, optimiser=AdamW(0.01))
    cured = replace(usual, initialisation="small", bias_coordinate="centred", growth=1.2)
    left = [train(run, snapshots=False).trajectory.column("loss")[-1] for run in (usual, cured)]
    assert left[1] < 0.05 < left[0]


def test_keys_of_older_runs_hold() -> None:
    usual = Configuration(T=5)
    assert not {"bias_coordinate", "growth"} & set(usual.key())
    cured = replace(usual, bias_coordinate="centred", growth=1.0)
    assert {"bias_coordinate": "centred", "growth": 1.0}.items() <= cured.key().items()
    assert RunDatabase.key(usual.key()) != RunDatabase.key(cured.key())
    older = {name: value for name, value in usual.as_dict().items() if name not in ("bias_coordinate", "growth")}
    assert Configuration.from_dict(older) == usual


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"untied": True}, "tied models and data that stay"),
        ({"data": "fresh", "initialisation": "xavier"}, "tied models and data that stay"),
        ({"data": "fresh", "bias_coordinate": "plain"}, "a small start takes its biases from the data"),
        ({"bias_coordinate": "own"}, "bias_coordinate must be one of plain, centred"),
        ({"growth": 1.0, "m": 3}, "growth is for bias_coordinate"),
        ({"growth": 1.0, "bias_coordinate": "plain"}, "growth is for bias_coordinate"),
        ({"growth": -1.0}, "growth must be a finite number of at least 0"),
    ],
)
def test_wrong_configurations_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        replace(SMALL, **wrong)
