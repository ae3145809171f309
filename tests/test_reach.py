"""The statements of proofs/reach.py, tried on numbers that the proofs do not use."""

from __future__ import annotations

from math import cos, fsum, pi, sqrt
from typing import Any

import numpy as np
import pytest
import sympy as sp

from relugeom.autoencoder import Axial, loss, zero_loss_polygon
from relugeom.optim import AdamW
from relugeom.optim.schedules import Schedule
from relugeom.training.many_models import AxialTraining, train_many

CONSTANT = sqrt(370 / 7)


def B(n: int) -> float:
    return cos(2 * pi / n) / (1 - cos(2 * pi / n))


@pytest.mark.parametrize("n", [2, 3, 5, 7, 9])
def test_no_trained_model_is_smaller_than_its_loss_allows(n: int) -> None:
    """Trained models of every loss keep the robust bound, and the polygon meets the sharp one."""
    data = Axial(n)
    for scale in (0.001, 0.3, 1.0):
        recipe: dict[str, Any] = {"optimiser": AdamW(0.02), "steps": 2_000, "dtype": "float64"}
        W, b = train_many(AxialTraining(data, initialisation="normal", init_scale=scale, **recipe), 60)
        W, b = np.asarray(W), np.asarray(b)
        total = n * np.asarray(loss((W, b), data))  # type: ignore[arg-type]
        margin = 1 - np.sqrt(2 * total)
        squares = (W**2).sum(axis=1)
        near = margin > 0
        assert near.any()
        longest = squares.max(axis=1)
        assert (longest >= margin / (1 - cos(2 * pi / n)) - 1e-9)[near].all()
        bias = np.take_along_axis(b, squares.argmax(axis=1)[:, None], axis=1)[:, 0]
        assert (bias <= 1 + np.sqrt(total) - margin / (1 - cos(2 * pi / n)) + 1e-9)[near].all()
    polygon = zero_loss_polygon(n)
    np.testing.assert_allclose((np.asarray(polygon.W) ** 2).sum(axis=0), 1 / (1 - cos(2 * pi / n)))
    np.testing.assert_allclose(polygon.b, -B(n), atol=1e-12)


def adam_ratio(gradients: Any) -> float:
    mean = square = 0.0
    for g in gradients:
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
    t = len(gradients)
    return abs(mean) / (1 - 0.9**t) / sqrt(square / (1 - 0.999**t))


def test_the_worst_gradients_come_near_the_constant_and_none_goes_beyond() -> None:
    rng = np.random.default_rng(0)
    tails = [
        rng.standard_normal(rng.integers(1, 400)) * rng.choice([0.1, 1, 1.1]) ** rng.integers(0, 9) for _ in range(200)
    ]
    assert max(map(adam_ratio, tails)) <= CONSTANT
    worst = np.concatenate([np.zeros(9_000), (999 / 900) ** np.arange(120)])
    assert 0.999 * CONSTANT < adam_ratio(worst) <= CONSTANT
    # More than Kingma and Ba's bound, after zeros and two equal gradients.
    assert adam_ratio([0.0] * 9_000 + [1.0, 1.0]) > 4.2 > 0.1 / sqrt(0.001)


def test_the_rates_of_the_paper_sum_to_25() -> None:
    assert fsum(map(Schedule("cosine", 1e-3, 50_000, 2_500), range(50_000))) == pytest.approx(25, abs=1e-12)
    assert fsum(map(Schedule("cosine", 1e-3, 50_000, 1), range(50_000))) == pytest.approx(25, abs=1e-12)


def test_the_wall_stands_where_it_is_said_to() -> None:
    assert B(60) < 25 * CONSTANT < B(61)
    needed = {n: (1 - sqrt(0.02)) * (B(n) + 1) - 1.1 for n in (64, 65)}
    assert needed[64] < 25 * CONSTANT < needed[65]
    # At one rate a step, which is what training is seen to do at most for long.
    assert B(22) < 25 < B(23)


def test_how_far_the_bias_goes() -> None:
    n = sp.Symbol("n", positive=True)
    x = sp.Symbol("x", positive=True)
    distance = (sp.cos(x) / (1 - sp.cos(x))).series(x, 0, 2).removeO().subs(x, 2 * sp.pi / n)
    assert sp.simplify(distance - (n**2 / (2 * sp.pi**2) - sp.Rational(5, 6))) == 0
