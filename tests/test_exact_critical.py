"""The checker's own derivatives, in intervals of fractions, are those of the loss."""

from __future__ import annotations

from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import Axial, Parameters, UniformAxial, flatten, gradient, hessian, loss
from relugeom.exact.critical import _gradient, _hessian, _pairs, axial_loss
from relugeom.exact.enclosures import Enclosure
from relugeom.exact.errors import Fault
from tests.conftest import Tier

GRID = [(F(1, 4), F(1, 2)), (F(1, 2), F(1, 3)), (F(1), F(1, 6))]
RADIUS = F(1, 256)


def _model(rng: np.random.Generator, m: int, n: int) -> tuple[list[list[F]], list[F]]:
    """Entries that a float holds exactly, none of them 0."""
    entries = [F(int(k), 64) for k in rng.choice([*range(-96, 0), *range(1, 97)], m * n + n)]
    return [entries[a * n : (a + 1) * n] for a in range(m)], entries[m * n :]


@pytest.mark.parametrize("grid", [None, GRID], ids=["uniform", "graded"])
def test_derivatives_and_loss(grid: Any, tier: Tier) -> None:
    rng = np.random.default_rng(8)
    cases, kinks = tier.count(60, 3000), 0
    for _ in range(cases):
        m, n = int(rng.integers(1, 4)), int(rng.integers(1, 5))
        W, b = _model(rng, m, n)
        data = UniformAxial(n) if grid is None else Axial(n, [float(a) for a, _ in grid], [float(p) for _, p in grid])
        model = Parameters(np.array(W, float), np.array(b, float))
        exact = [[Enclosure(x, x) for x in row] for row in W], [Enclosure(x, x) for x in b]
        try:
            table = _pairs(*exact, grid)
        except Fault:  # an activation is exactly 0, and the loss has no second derivative
            kinks += 1
            continue
        for found, readable in (
            (_gradient(*exact, table), flatten(gradient(model, data))),
            ([x for row in _hessian(*exact, table) for x in row], hessian(model, data).ravel()),
        ):
            assert all(x.low == x.high for x in found)
            np.testing.assert_allclose([float(x.low) for x in found], readable, rtol=1e-9, atol=1e-11)
        value = axial_loss(tuple(map(tuple, W)), tuple(b), grid)
        np.testing.assert_allclose(float(value), float(loss(model, data)), rtol=1e-11, atol=1e-13)
    assert kinks < cases / 10
    tier.tell(f"{cases - kinks} of {cases} models: loss, gradient and Hessian alike; {kinks} on a kink")


def _around(x: F) -> Enclosure:
    return Enclosure(x - RADIUS, x + RADIUS)


def _near(x: F, rng: np.random.Generator) -> Enclosure:
    y = x + RADIUS * F(int(rng.integers(-8, 9)), 8)
    return Enclosure(y, y)


@pytest.mark.parametrize("grid", [None, GRID], ids=["uniform", "graded"])
def test_intervals_hold_what_is_within(grid: Any, tier: Tier) -> None:
    """Wherever a box is not refused, the derivatives at any of its points lie in those of the box."""
    rng = np.random.default_rng(9)
    cases, held = tier.count(40, 2000), 0
    for _ in range(cases):
        m, n = int(rng.integers(1, 3)), int(rng.integers(1, 4))
        W, b = _model(rng, m, n)
        radius = F(1, 256)
        box = (
            [[Enclosure(x - radius, x + radius) for x in row] for row in W],
            [Enclosure(x - radius, x + radius) for x in b],
        )
        try:
            H = _hessian(*box, _pairs(*box, grid))
        except Fault:
            continue
        held += 1
        point = [[_near(x, rng) for x in row] for row in W], [_near(x, rng) for x in b]
        inside = _hessian(*point, _pairs(*point, grid))
        for row, within in zip(H, inside, strict=True):
            assert all(x.low <= y.low <= x.high for x, y in zip(row, within, strict=True))
    assert held > cases / 3
    tier.tell(f"{held} of {cases} boxes, all Hessians within")
