"""The statements of proofs/separability.py, tried on models that the proofs do not use."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import Axial, Parameters, gradient, loss
from relugeom.optim import SGD, AdamW
from relugeom.training.many_models import AxialTraining, train_from


def margins(W: Any) -> Any:
    """μ_ij = w_j·(w_j − w_i), input i first."""
    G = W.T @ W
    return np.diag(G)[None, :] - G


def model(W: Any, c: Any) -> Parameters:
    return Parameters(W, c - (W**2).sum(axis=0))


def separable(rng: np.random.Generator, m: int, n: int) -> Any:
    """Columns of random directions and nearly equal norms, all margins positive."""
    while True:
        W = rng.standard_normal((m, n))
        W *= rng.uniform(0.9, 1.1, n) / np.linalg.norm(W, axis=0)
        if (margins(W)[~np.eye(n, dtype=bool)] > 0).all():
            return W


@pytest.mark.parametrize(("m", "n"), [(2, 4), (3, 7), (5, 9)])
def test_the_loss_of_separable_models_has_a_slope_until_it_is_zero(m: int, n: int) -> None:
    rng, data, off = np.random.default_rng(n), Axial(n), ~np.eye(n, dtype=bool)
    for _ in range(30):
        W, c = separable(rng, m, n), rng.uniform(0.1, 1.5, n)
        foreign = np.maximum(c - margins(W), 0)
        total = ((c - 1) ** 2).sum() + (foreign[off] ** 2).sum()
        assert n * float(loss(model(W, c), data)) == pytest.approx(total)
        g = gradient(model(W, c), data)
        slope_W = np.asarray(g.W) - 2 * W * np.asarray(g.b)  # with c held
        assert n * (slope_W * W).sum() == pytest.approx(-4 * (foreign * margins(W))[off].sum())
        assert (n * (slope_W * W).sum() < -1e-12) == (foreign[off] > 0).any()


def test_a_path_that_never_rises_leads_from_separable_models_to_zero_loss() -> None:
    rng, data = np.random.default_rng(1), Axial(6)
    for _ in range(20):
        W, c = separable(rng, 2, 6), rng.uniform(-1, 2, 6)
        least = margins(W)[~np.eye(6, dtype=bool)].min()
        top = np.sqrt(max(1, c.max()) / least)
        path = [model(s * W, c) for s in np.linspace(1, max(top, 1), 40)]
        path += [model(max(top, 1) * W, c + k * (1 - c)) for k in np.linspace(0, 1, 40)]
        values = [float(loss(step, data)) for step in path]
        assert (np.diff(values) <= 1e-9).all()
        assert values[-1] == pytest.approx(0, abs=1e-9)


def test_a_duplicated_pair_stays_however_large() -> None:
    W = np.array([[1.0, 1.0, -1.0], [0.0, 0.0, 0.0]])
    data = Axial(3)
    losses = [3 * float(loss(model(s * W, np.array([0.5, 0.5, 1.0])), data)) for s in (1.0, 10.0, 100.0)]
    np.testing.assert_allclose(losses, 1.0)


def test_the_first_step_of_adam_makes_norms_equal_and_one_of_gradient_descent_does_not() -> None:
    rng, n, m, eta, delta, epsilon = np.random.default_rng(2), 9, 2, 0.01, 1e-5, 1e-3
    assert delta * (1 - m * epsilon**2) > n * m * epsilon**3
    W = rng.uniform(delta, epsilon, (40, m, n)) * rng.choice([-1, 1], (40, m, n))
    start = Parameters(W, np.zeros((40, n)))

    def moved(rule: Any) -> Any:
        return np.asarray(train_from(AxialTraining(Axial(n), m=m, optimiser=rule, steps=1, dtype="float64"), start).W)

    adam = moved(AdamW(eta, epsilon=1e-30))
    np.testing.assert_allclose(adam, W + eta * np.sign(W), atol=1e-15)
    norms = np.linalg.norm(adam, axis=1)
    assert (norms >= np.sqrt(m) * (eta + delta)).all()
    assert (norms <= np.sqrt(m) * (eta + epsilon)).all()
    np.testing.assert_allclose(moved(SGD(eta)), W * (1 + 4 * eta / n), atol=4 * eta * n * m * epsilon**3)


@pytest.mark.parametrize(("size", "sense"), [(1.3, -1), (0.99, 1)])
def test_a_pair_parts_with_slack_and_not_without(size: float, sense: int) -> None:
    """Seven directions, the first of them twice; at 0.99 of the smallest circle neighbours' outputs are on at it."""
    angles = 2 * np.pi / 7 * np.array([0, 0, 1, 2, 3, 4, 5, 6])
    W = size / np.sqrt(1 - np.cos(2 * np.pi / 7)) * np.array([np.cos(angles), np.sin(angles)])
    c = np.ones(8)
    c[:2] = 0.5

    def total(d: float) -> float:
        parted = W + d / 2 * np.array([[0.0] * 8, [1, -1, 0, 0, 0, 0, 0, 0]])
        return 8 * float(loss(model(parted, c), Axial(8)))

    d = 1e-3
    neighbours = 2 * (W[1, 2] * d) ** 2 / 2 if sense > 0 else 0.0
    change = total(d) - total(0)
    assert change == pytest.approx(neighbours - d**2 + d**4 / 2, abs=1e-12)
    assert sense * change > 0


def test_with_all_outputs_on_the_slope_in_w_is_linear_in_w() -> None:
    """−2WM with M of `few-features-have-no-spurious-minimum`, against the gradient in (W, b)."""
    rng = np.random.default_rng(5)
    W, c = rng.normal(scale=0.5, size=(3, 6)), rng.uniform(0.1, 1.5, 6)
    squares = (W**2).sum(axis=0)
    slopes = gradient(Parameters(W, c - squares), Axial(6))
    p = np.maximum(c - squares + W.T @ W, 0)
    np.fill_diagonal(p, 0)
    s = p.sum(axis=0)
    M = 2 * np.diag(s) - p - p.T
    assert np.count_nonzero(p) > 10
    np.testing.assert_allclose(6 * (slopes.W - 2 * W * slopes.b), -2 * W @ M, atol=1e-12)
    np.testing.assert_allclose(6 * np.asarray(slopes.b), 2 * (c - 1 + s), atol=1e-12)


@pytest.mark.parametrize("n", [4, 6])
def test_a_feature_at_0_amid_a_polygon_is_at_rest_holds_on_one_side_and_leaves_on_the_other(n: int) -> None:
    angles = 2 * np.pi * np.arange(n - 1) / (n - 1)
    radius = max(1.0, 1 / np.sqrt(1 - np.cos(angles[1])))

    def total(size: float, eta: float, apart: float) -> float:
        """The polygon times `size`, its first corner moved out by `apart`, the other feature the other way by `eta`."""
        W = np.zeros((2, n))
        W[:, :-1] = size * radius * np.array([np.cos(angles), np.sin(angles)])
        W[0, 0] += apart
        W[0, -1] = -eta
        c = np.append(np.ones(n - 1), 1 / n)
        return n * float(loss(Parameters(W, c - (W**2).sum(axis=0)), Axial(n)))

    assert total(1, 0, 0) == pytest.approx((n - 1) / n)
    assert total(1.05, 1e-3, 0.05) < (n - 1) / n - 1e-6
    assert total(0.95, 1e-3, 0) > total(0.95, 0, 0) > (n - 1) / n
