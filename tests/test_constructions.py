"""Tests of relugeom.autoencoder.constructions."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import cos, pi, sqrt

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import (
    Axial,
    Parameters,
    activation_thresholds,
    antipodal_pairs,
    antipodal_pairs_exact,
    gradient,
    k_family,
    loss,
    parabola,
    pentagon_measure,
    pentagon_measure_exact,
    polygon,
    polygon_exact,
    rational_polygon,
    satisfies_criterion,
    sensitive_polygon,
    simplex,
    simplex_exact,
    symmetric_failure,
    symmetric_failure_exact,
    zero_loss_polygon,
    zero_loss_polygon_exact,
)
from relugeom.errors import ArgumentError


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 7, 20, 100])
def test_zero_loss_polygon(n: int) -> None:
    model = zero_loss_polygon(n, phase=0.3)
    assert loss(model, Axial(n)) < 1e-24
    tighter = Parameters(0.999 * model.W, 1 - 0.999**2 * (1 - model.b))
    assert loss(tighter, Axial(n)) > 1e-8  # it is the smallest one
    assert loss(Parameters(1.001 * model.W, 1 - 1.001**2 * (1 - model.b)), Axial(n)) < 1e-24


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_zero_loss_polygon_exact(n: int) -> None:
    W, b = zero_loss_polygon_exact(n)
    responses = W.T * W + sympy.ones(n, 1) * sympy.Matrix([b])
    for i in range(n):
        assert sympy.simplify(responses[i, i]) == 1
        assert all(sympy.N(responses[i, j]) < 1e-12 for j in range(n) if j != i)
        assert sympy.simplify(responses[i, (i + 1) % n]) == 0
    np.testing.assert_allclose(np.asarray(W, dtype=float), zero_loss_polygon(n).W, atol=1e-14)


@pytest.mark.parametrize("n", range(2, 12))
def test_sensitive_polygon(n: int) -> None:
    W, b = sensitive_polygon(n, radius=1.5, phase=0.1)
    assert satisfies_criterion(W, b, tolerance=1e-12)
    # One step more and the neighbours fire too; up to n = 3 the bias 0 is kept although there is room.
    assert bool(satisfies_criterion(W, b + 1e-6)) == (n <= 3)
    np.testing.assert_allclose(activation_thresholds(W, b), max(0.0, cos(2 * pi / n)), atol=1e-12)


def test_polygon_has_its_radius_phase_and_exact_twin() -> None:
    W = polygon(7, radius=2.0, phase=0.5)
    np.testing.assert_allclose(np.hypot(*W), 2.0)
    np.testing.assert_allclose(W[:, 0], [2 * np.cos(0.5), 2 * np.sin(0.5)])
    np.testing.assert_allclose(np.asarray(polygon_exact(7), dtype=float), polygon(7), atol=1e-15)
    np.testing.assert_allclose(W.T @ W, 4 * np.cos(2 * np.pi / 7 * np.subtract.outer(range(7), range(7))))


@pytest.mark.parametrize("m", [1, 2, 3, 6])
def test_antipodal_pairs_fill_2m(m: int) -> None:
    W = antipodal_pairs(m)
    assert W.shape == (m, 2 * m)
    assert loss(Parameters(W), Axial(2 * m)) == 0
    assert W.tolist() == antipodal_pairs_exact(m)


@pytest.mark.parametrize("m", [1, 2, 3, 6])
def test_simplex(m: int) -> None:
    np.testing.assert_allclose(simplex(m).T @ simplex(m), (1 + 1 / m) * np.eye(m + 1) - 1 / m, atol=1e-14)
    exact = simplex_exact(m)
    assert (exact.T * exact).applyfunc(sympy.nsimplify) == sympy.Matrix(
        m + 1, m + 1, lambda i, j: 1 if i == j else sympy.Rational(-1, m)
    )
    np.testing.assert_allclose(np.asarray(exact, dtype=float), simplex(m), atol=1e-15)


@pytest.mark.parametrize("n", [1, 2, 9])
def test_parabola_is_exact_and_of_rank_three(n: int) -> None:
    W, _, decoder = parabola(n)
    assert len(W) == 3
    for s, row in enumerate(decoder):
        for t in range(n):
            product = sum(r * w[t] for r, w in zip(row, W, strict=True))
            assert product == 1 - (s - t) ** 2
            assert max(product, 0) == int(s == t)


@given(st.integers(1, 60), st.fractions(Fraction(1, 50), Fraction(49, 100)))
def test_rational_polygon(n: int, accuracy: Fraction) -> None:
    xs, ys = rational_polygon(n, accuracy)
    assert all(x**2 + y**2 == 1 for x, y in zip(xs, ys, strict=True))
    assert len(set(zip(xs, ys, strict=True))) == n
    off = np.angle((np.array(xs, dtype=float) + 1j * np.array(ys, dtype=float)) * np.exp(-2j * pi * np.arange(n) / n))
    assert np.max(np.abs(off)) <= 2 * pi / n * float(accuracy) * (1 + 1e-9)


def test_rational_polygon_is_simple_where_it_can_be() -> None:
    assert rational_polygon(4) == [[1, 0, -1, 0], [0, 1, 0, -1]]
    xs, _ = rational_polygon(1000)
    assert max(x.denominator for x in xs) < 10**8


@pytest.mark.parametrize("K", [3, 4, 10])
def test_k_family_has_threshold_k_over_k_squared_plus_one(K: int) -> None:
    """With a free decoder τ_i = 1/min{Σλ : Σ λ_j w_j = w_i, λ ≥ 0}, and two λ ≠ 0 suffice in the plane."""
    rows = k_family(K)
    columns = list(zip(*rows, strict=True))
    thresholds = []
    for i, (x, y) in enumerate(columns):
        totals = []
        for (a, b), (c, d) in combinations(columns[:i] + columns[i + 1 :], 2):
            if (det := a * d - b * c) != 0:
                first, second = (x * d - y * c) / det, (a * y - b * x) / det
                if first >= 0 and second >= 0:
                    totals.append(first + second)
        thresholds.append(1 / min(totals) if totals else Fraction(0))
    assert max(thresholds) == Fraction(K, K**2 + 1)


def test_pentagon_measure_is_the_best_without_bias() -> None:
    directions, weights = [0, 1, 2, 3, 4, 0, 2, 2], [1, 1, 1, 1, 1, 3, 0, 2.5]
    W, n = pentagon_measure(directions, weights), 8
    best = n - 5 * (7 + sqrt(5)) / 11
    assert abs(n * loss(Parameters(W), Axial(n)) - best) < 1e-12
    assert np.max(np.abs(gradient(Parameters(W), Axial(n)).W)) < 1e-12
    squares = np.bincount(directions, weights=np.sum(W**2, axis=0))
    np.testing.assert_allclose(squares, (7 + sqrt(5)) / 11)
    np.testing.assert_allclose(W[:, 6], 0)
    assert n * loss(Parameters(polygon(8, 0.9)), Axial(n)) > best


def test_pentagon_measure_exact() -> None:
    W = pentagon_measure_exact([0, 1, 2, 3, 4, 4], [1, 1, 1, 1, 1, 2])
    gram = W.T * W
    value = sum(
        sympy.expand((sympy.Max(0, gram[i, j].evalf(40)) - int(i == j)) ** 2) for i in range(6) for j in range(6)
    )
    assert abs(value - (6 - 5 * (7 + sympy.sqrt(5)) / 11)) < 1e-30
    np.testing.assert_allclose(
        np.asarray(W.evalf(), dtype=float),
        pentagon_measure([0, 1, 2, 3, 4, 4], [1, 1, 1, 1, 1, 2]),
        atol=1e-15,
    )


@pytest.mark.parametrize("n", [3, 4, 5, 7, 10])
def test_symmetric_failure(n: int) -> None:
    null, dead = symmetric_failure(n), symmetric_failure(n, bias=-0.5)
    assert abs(n * loss(null, Axial(n)) - (n - 1) / n) < 1e-12
    assert abs(n * loss(dead, Axial(n)) - 1) < 1e-12
    assert abs(gradient(null, Axial(n)).b[-1]) < 1e-15
    assert np.all(null.b[:-1] <= 0)
    two_lost = symmetric_failure(n, live=n - 1 if n == 3 else n - 2, bias=-1.0)
    assert abs(n * loss(two_lost, Axial(n)) - (1 if n == 3 else 2)) < 1e-12
    assert loss(symmetric_failure(n, live=n), Axial(n)) < 1e-24


def test_symmetric_failure_exact() -> None:
    exact, floats = symmetric_failure_exact(7), symmetric_failure(7)
    assert exact.b == [-1] * 6 + [sympy.Rational(1, 7)]
    np.testing.assert_allclose(np.asarray(exact.W, dtype=float), floats.W, atol=1e-15)
    np.testing.assert_allclose(np.array(exact.b, dtype=float), floats.b, atol=1e-15)


def test_wrong_sizes_are_named() -> None:
    for call, message in (
        (lambda: polygon(0), "n must be an integer, at least 1; got 0"),
        (lambda: zero_loss_polygon(1), "n must be an integer, at least 2; got 1"),
        (lambda: simplex(0), "m must be an integer, at least 1"),
        (lambda: k_family(2), "K must be an integer, at least 3; got 2"),
        (lambda: rational_polygon(5, Fraction(1, 2)), "accuracy must be between 0 and 1/2; got 1/2"),
        (lambda: symmetric_failure(5, live=6), "live must be from 2 to n = 5; got 6"),
        (lambda: pentagon_measure([0, 1, 2, 3]), "directions must be numbers 0 to 4"),
        (
            lambda: pentagon_measure([0, 1, 2, 3, 4], [1, 1, 1, 1, 0]),
            "weights must not vanish on direction 4",
        ),
        (lambda: pentagon_measure([0, 1, 2, 3, 4], [1, 1, 1, 1, -1]), "weights must be 5 numbers"),
    ):
        with pytest.raises(ArgumentError, match=message):
            call()
