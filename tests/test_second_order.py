"""The one pass of Newton's method says what the readable definitions say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import Axial, UniformAxial, flatten, gradient, hessian, loss, preactivation, unflatten
from relugeom.autoencoder.axial import AxialData
from relugeom.landscape.second_order import evaluate, newton_system
from tests.conftest import Tier


@dataclass(frozen=True, slots=True)
class Square(AxialData):
    """A loss of which nobody wrote a fast form: φ = (g − δ)² + gb + b⁴."""

    n: int

    def pair_loss(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return (g - delta) ** 2 + g * b + b**4

    def pair_slopes(self, xp: Any, g: Any, b: Any, delta: Any) -> tuple[Any, Any]:
        return 2 * (g - delta) + b, g + 4 * b**3

    def pair_curvatures(self, xp: Any, g: Any, b: Any, delta: Any) -> tuple[Any, Any, Any]:
        return 2.0 + 0 * g, 1.0 + 0 * g, 12 * b**2 + 0 * g

    def pair_kink_distance(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return np.inf + 0 * g

    def pair_off(self, xp: Any, g: Any, b: Any) -> tuple[Any, Any]:
        return g < -np.inf, g < -np.inf


KINDS = [Axial, UniformAxial, lambda n: Axial(n, (0.25, 0.5, 1.0), (3, 1, 2)), Square]


@pytest.mark.parametrize("kind", KINDS)
def test_one_pass_is_the_definition(kind: Any, tier: Tier) -> None:
    rng = np.random.default_rng(5)
    cases = tier.count(30, 2000)
    for _ in range(cases):
        m, n, B = (int(rng.integers(1, top)) for top in (4, 8, 6))
        data = kind(n)
        x = rng.standard_normal((B, m * n + n)) * rng.choice([0.1, 1.0, 3.0])
        x[:, rng.integers(m * n + n)] = 0.0
        model = unflatten(x, m, n)
        at = evaluate(x, data, m)
        memory = np.full((B + 2, m * n + n, m * n + n), np.nan)
        damping = rng.uniform(0, 2, B)
        H = newton_system(at, m, np.ones(B), damping, memory)
        exact = hessian(model, data)
        scale = 1e-13 * (1 + np.abs(exact).max())
        np.testing.assert_allclose(at.loss, loss(model, data), rtol=1e-12, atol=scale)
        np.testing.assert_allclose(at.slope, flatten(gradient(model, data)), rtol=1e-12, atol=scale)
        np.testing.assert_allclose(H - damping[:, None, None] * np.eye(m * n + n), exact, rtol=1e-12, atol=10 * scale)
    tier.tell(f"{cases} of {cases} batches like the definition")


def test_without_the_lift_it_is_the_matrix_of_gauss_and_newton() -> None:
    """2/n JᵀJ, with the rows of J by differences of the outputs, which are linear in each half of WᵀW."""
    rng = np.random.default_rng(1)
    n, m = 5, 2
    x = rng.standard_normal((1, m * n + n))

    def outputs(point: Any) -> Any:
        return np.maximum(preactivation(unflatten(point, m, n), np.eye(n)), 0).ravel()

    J = np.array([(outputs(x[0] + step) - outputs(x[0] - step)) / 2e-4 for step in 1e-4 * np.eye(x.shape[1])]).T
    found = newton_system(evaluate(x, Axial(n), m), m, np.zeros(1), np.zeros(1), np.empty((1, x.shape[1], x.shape[1])))
    np.testing.assert_allclose(found[0], 2 / n * J.T @ J, atol=1e-6)


def test_keeping_and_replacing_are_by_row() -> None:
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2, 4, 9))
    at, other = evaluate(x.copy(), Axial(3), 2), evaluate(y, Axial(3), 2)
    rows = np.array([True, False, True, False])
    at.replace(rows, other)
    np.testing.assert_array_equal(at.x, np.where(rows[:, None], y, x))
    both = evaluate(at.x, Axial(3), 2)
    at.keep(~rows)
    for name in ("x", "loss", "slope", "R", "S", "P", "c"):
        np.testing.assert_array_equal(getattr(at, name), getattr(both, name)[~rows])
