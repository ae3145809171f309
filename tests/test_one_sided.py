"""The square with a null feature, against the loss itself: it grows in every direction tried but the rotation."""

from __future__ import annotations

import numpy as np
import pytest

from proofs.one_sided import (
    AXIS,
    AXIS_NORM,
    DIAGONAL,
    DIAGONAL_NORM,
    EDGES,
    MOVES,
    SHIFT,
    a,
    biases,
    lower_bound,
    mean,
    radial,
    square_with_a_null_feature,
    turning,
)
from relugeom.autoencoder import Independent, Parameters, UniformAxial, loss
from relugeom.claims.verdicts import Proof
from relugeom.landscape.kinks import one_sided
from relugeom.landscape.natures import nature

SQUARE = Parameters(np.array([[1.0, 0, -1, 0, 0], [0, 1, 0, -1, 0]]), np.array([0, 0, 0, 0, 0.1]))


def moved(parameters: Parameters, move: np.ndarray) -> Parameters:
    return Parameters(parameters.W + move[:10].reshape(2, 5), parameters.b + move[10:])


def test_the_loss_grows_in_the_gauge_and_stays_along_the_rotation() -> None:
    data = UniformAxial(5)
    start = float(loss(SQUARE, data))
    assert 5 * start == pytest.approx(17 / 60)
    rng = np.random.default_rng(0)
    moves = rng.standard_normal((300, 15)) * rng.choice([0.0, 0.1, 1.0], (300, 15))
    moves[:, 5] = 0  # t_1 = 0
    moves = 1e-3 * moves[np.abs(moves).sum(axis=1) > 0]
    growth = [(float(loss(moved(SQUARE, move), data)) - start) / (move @ move) for move in moves]
    assert min(growth) > 1e-3
    turn = np.array([[np.cos(0.3), -np.sin(0.3)], [np.sin(0.3), np.cos(0.3)]])
    assert float(loss(Parameters(turn @ SQUARE.W, SQUARE.b), data)) == pytest.approx(start, abs=1e-14)


def test_the_form_is_what_the_loss_does_to_second_order() -> None:
    """q from the loss at a small scale, with v = 0 and β₅ = 0."""
    data, rng = UniformAxial(5), np.random.default_rng(1)
    for _ in range(5):
        values = rng.standard_normal(12)
        at = dict(zip((*radial, *turning, *biases), values, strict=True))
        move = np.zeros(15)
        for i, shift in enumerate(MOVES):
            move[[i, 5 + i]] = [float(x.subs(at)) for x in shift]
        move[10:14] = values[8:]
        C = sum(mean((2 * a * p + b) ** 2).subs(at) for p, b in zip(radial, biases, strict=True))
        for i in range(4):
            for edge in (EDGES[i], EDGES[i - 1]):
                z = np.linspace(0, 1, 20_001) * float(edge.subs(at)) + values[8 + i]
                C += np.trapezoid(np.maximum(z, 0) ** 2, dx=1 / 20_000)
        scale = 1e-4
        change = 5 * (float(loss(moved(SQUARE, scale * move), data)) - float(loss(SQUARE, data))) / scale**2
        left_out = np.sum(np.maximum(values[8:], 0) ** 2)  # K(0, β): the outputs of the four at input 5
        assert change == pytest.approx(float(C) + left_out, rel=2e-3)
        S = np.array([float(x.subs(at)) for x in SHIFT])
        assert float(C) > 13 / 500 * S @ S


@pytest.mark.parametrize(("multipliers", "norm"), [(AXIS, AXIS_NORM), (DIAGONAL, DIAGONAL_NORM)])
def test_multipliers_that_are_changed_do_not_fit(multipliers, norm) -> None:  # type: ignore[no-untyped-def]
    assert lower_bound(multipliers, 0)[1] == norm
    changed = [(row[0] * 2, *row[1:]) for row in multipliers]
    assert lower_bound(changed, 0)[0] != lower_bound(multipliers, 0)[0]
    assert lower_bound(changed, 0)[1] > norm


def test_every_step_holds_and_the_sibling_is_not_critical() -> None:
    outcome = square_with_a_null_feature()
    assert isinstance(outcome, Proof)
    assert all(step.decide() is True for step in outcome.steps)
    failing = [step.claim for step in outcome.sibling.steps if step.decide() is not True]
    assert failing[0] == "its first derivative vanishes"


def orthogonal(n: int, bias: float) -> Parameters:
    """Two features with a dimension each, the others null with a constant output."""
    W = np.zeros((2, n))
    W[0, 0] = W[1, 1] = 1
    return Parameters(W, np.r_[0, 0, np.full(n - 2, bias)])


@pytest.mark.parametrize("values", ["uniform", "one"])
def test_on_kinks_of_independent_features_the_loss_has_the_form_that_the_analysis_gives(values: str) -> None:
    """z_j = x_j + 0 on every set, so without j it is 0, and the loss gains t² times a form of the direction."""
    p = 0.7
    law = Independent(3, 1 - p, (1.0, 0.8, 0.3), values=values)
    point = orthogonal(3, p / 2 if values == "uniform" else p)
    assert np.abs(law.gradient(point).W).max() < 1e-15
    kinks = law.kinks(point, 1e-7)
    assert kinks.sum() == 2 * 4
    H = law.smooth_hessian(point, kinks)
    rng = np.random.default_rng(1)
    for _ in range(5):
        V, c, t = rng.normal(size=(2, 3)), rng.normal(size=3), 1e-4
        d = np.r_[V.ravel(), c]
        a = point.W.T @ V + V.T @ point.W
        value, slope_a, slope_b = law.kink_form(kinks, a, c)
        # The two sides cancel what is of third order but for jumps.
        gained = float(law.loss(Parameters(point.W + t * V, point.b + t * c)) - law.loss(point))
        assert gained / (t**2 / 2) == pytest.approx(d @ H @ d + 2 * value, rel=2e-3, abs=2e-3)
        ahead = law.kink_form(kinks, a + 1e-6 * V.T @ V, c + 1e-6)[0]
        assert (ahead - value) / 1e-6 == pytest.approx((slope_a * (V.T @ V)).sum() + slope_b.sum(), abs=1e-4)


def test_two_orthogonal_features_are_a_minimum_where_the_others_hardly_count() -> None:
    for importance, expected in ((0.02, "minimum"), (1.0, "saddle")):
        law = Independent(3, 0.3, (1.0, 1.0, importance))
        found = one_sided(orthogonal(3, 0.35), law)
        assert (found.verdict, found.kinks) == (expected, 8)
        d, t = found.direction, 1e-2
        start = orthogonal(3, 0.35)
        moved = Parameters(start.W + t * d[:6].reshape(2, 3), start.b + t * d[6:])
        assert (float(law.loss(moved)) < float(law.loss(start))) == (expected == "saddle")
        told = nature(start, law)
        assert (told.name, told.one_sided) == ("on a kink", expected)
