"""The rounding that the floating-point claims rest on, against slow exact definitions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sympy as sp
from hypothesis import given
from hypothesis import strategies as st

from proofs.precision import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    Format,
    collision_steps,
    enclosed_column,
    enclosed_pi,
    float64,
    passes,
    thin_annulus,
    to_bfloat16,
)


def nearest_even(value: float, digits: int) -> Fraction:
    """The number of that many significant bits nearest to the value, ties to even."""
    if value == 0:
        return Fraction(0)
    exact = Fraction(value)
    scale = Fraction(2) ** (digits - int(np.frexp(value)[1]))
    return Fraction(round(exact * scale)) / scale


@given(st.floats(min_value=1e-30, max_value=1e30) | st.floats(min_value=-2.0, max_value=-1e-6))
def test_bfloat16_rounds_to_nearest_even(value: float) -> None:
    assert Fraction(float(to_bfloat16(np.array(value)))) == nearest_even(value, 8)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [(1 + 2**-8, 1.0), (1 + 3 * 2**-8, 1 + 2**-6), (1 + 2**-8 + 2**-40, 1 + 2**-7), (2 - 2**-9, 2.0), (0.0, 0.0)],
)
def test_bfloat16_ties_and_carries(value: float, rounded: float) -> None:
    assert float(to_bfloat16(np.array(value))) == rounded


def passes_by_definition(n: int, form: Format) -> bool:
    """Every pair compared, none left out by the bound on how far collisions reach."""
    angle = 2 * np.pi * np.arange(n) / n
    x, y = form.rounded(np.cos(angle)), form.rounded(np.sin(angle))
    gram = form.rounded(form.rounded(np.outer(x, x)) + form.rounded(np.outer(y, y)))
    diagonal = np.diag(gram).copy()
    np.fill_diagonal(gram, -1)
    return bool(np.all(gram.max(axis=0) < diagonal))


@pytest.mark.floating_point(under="ignore")  # a cast to half precision may give 0
@pytest.mark.parametrize("form", [BFLOAT16, FLOAT16], ids=lambda form: form.name)
def test_the_neighbourhood_decides(form: Format) -> None:
    sizes = range(3, int(2 * np.pi / form.roundoff**0.5) + 40)
    assert [passes(n, form) for n in sizes if n < 300] == [passes_by_definition(n, form) for n in sizes if n < 300]


def test_float32_fails_first_at_9921() -> None:
    assert passes(9920, FLOAT32)
    assert not passes(9921, FLOAT32)
    assert passes(1500, FLOAT32)
    assert passes_by_definition(1500, FLOAT32)


def test_a_thin_annulus_keeps_only_separated_points() -> None:
    points = np.array(thin_annulus(980, 1000)).T
    gram = points.T @ points
    squared = np.diag(gram).copy()
    np.fill_diagonal(gram, -1)
    assert len(squared) >= 24
    assert np.all(gram.max(axis=0) < squared)


@given(st.fractions(max_denominator=10**30).filter(lambda x: x == 0 or 1e-200 < abs(x) < 1e200))
def test_float64_rounds_to_nearest_even(value: Fraction) -> None:
    assert float64(value) == Fraction(float(value))  # Python divides integers with correct rounding


@pytest.mark.parametrize(("k", "n"), [(0, 7), (1, 7), (5, 7), (24_156_925, 225_506_803), (99, 100)])
def test_enclosed_columns_hold_cosine_and_sine(k: int, n: int) -> None:
    angle = 2 * sp.pi * sp.Rational(k, n)
    for (low, high), exact in zip(
        (enclosed_pi(), *enclosed_column(k, n)), (sp.pi, sp.cos(angle), sp.sin(angle)), strict=True
    ):
        value = Fraction(str(exact.evalf(60)))
        assert low - Fraction(1, 10**58) <= value <= high + Fraction(1, 10**58)
        assert high - low < Fraction(1, 2**110)


def test_a_pair_of_float64_columns_runs_together_and_its_neighbours_do_not() -> None:
    n, k = 225_506_803, 24_156_925
    assert all(step.decide() is True for step in collision_steps(n, k))
    assert collision_steps(n, k + 1)[-1].decide() is not True
    assert collision_steps(n - 1, k)[-1].decide() is not True
