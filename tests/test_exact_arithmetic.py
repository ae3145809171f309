"""Rational linear algebra and ℚ(√d), against SymPy and against floats."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction as F

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from relugeom.exact.quadratic import Quadratic
from relugeom.exact.rationals import (
    Inertia,
    as_matrix,
    as_vector,
    clear_denominators,
    column,
    dot,
    inertia,
    matmul,
    rank,
    solve,
    transpose,
)

entries = st.fractions(-3, 3, max_denominator=4)


@st.composite
def matrices(draw: st.DrawFn, rows: int | None = None, columns: int | None = None) -> tuple[tuple[F, ...], ...]:
    m = rows or draw(st.integers(1, 4))
    n = columns or draw(st.integers(1, 4))
    return tuple(tuple(draw(entries) for _ in range(n)) for _ in range(m))


@given(matrices())
def test_rank_agrees_with_sympy(A) -> None:
    assert rank(A) == sympy.Matrix(A).rank()


@given(matrices(rows=3), matrices(rows=4, columns=3))
def test_products_and_transposes(A, B) -> None:
    assert matmul(B, A) == tuple(map(tuple, (sympy.Matrix(B) * sympy.Matrix(A)).tolist()))
    assert transpose(matmul(B, A)) == matmul(transpose(A), transpose(B))
    assert column(A, 0) == transpose(A)[0]


@given(matrices(rows=3), matrices(rows=3, columns=1))
def test_solve_finds_a_solution_exactly_when_there_is_one(A, b) -> None:
    right = column(b, 0)
    x = solve(A, right)
    solvable = rank(A) == rank(tuple((*row, entry) for row, entry in zip(A, right, strict=True)))
    assert (x is not None) == solvable
    if x is not None:
        assert tuple(dot(row, x) for row in A) == right


@given(matrices(rows=4, columns=4), st.lists(st.sampled_from([-1, 0, 1]), min_size=4, max_size=4))
def test_inertia_is_invariant_under_congruence(C, signs) -> None:
    if rank(C) < 4:
        return
    D = as_matrix(np.diag(signs).tolist())
    S = matmul(transpose(C), matmul(D, C))
    assert inertia(S) == Inertia(signs.count(1), signs.count(-1), signs.count(0))


def test_inertia_of_a_matrix_with_zero_diagonal() -> None:
    assert inertia(as_matrix([[0, 1, 0], [1, 0, 0], [0, 0, 0]])) == Inertia(1, 1, 1)


@pytest.mark.parametrize("size", [3, 4])
def test_inertia_of_every_small_matrix_with_zero_diagonal(size: int) -> None:
    above = list(zip(*np.triu_indices(size, 1), strict=True))
    for values in itertools.product((-2, 0, 1), repeat=len(above)):
        A = np.zeros((size, size))
        for (i, j), value in zip(above, values, strict=True):
            A[i, j] = A[j, i] = value
        signs = np.sign(np.round(np.linalg.eigvalsh(A), 9))
        expected = Inertia(*(int((signs == sign).sum()) for sign in (1, -1, 0)))
        assert inertia(as_matrix(A.astype(int).tolist())) == expected


def test_one_equation_is_solved() -> None:
    assert solve(as_matrix([[0, 2, 1]]), as_vector([3])) == (0, F(3, 2), 0)
    assert solve(as_matrix([[0, 0]]), as_vector([1])) is None


def test_cleared_keeps_the_direction() -> None:
    assert clear_denominators(as_vector([F(1, 2), F(-2, 3), 0])) == (3, -4, 0)
    assert as_vector([0.5]) == (F(1, 2),)


@given(entries, entries, entries, entries, st.sampled_from([2, 3, 5, 7]))
def test_quadratic_numbers_agree_with_reals(a, b, c, e, d) -> None:
    x, y = Quadratic(a, b, d), Quadratic(c, e, d)
    value = lambda q: float(q.a) + float(q.b) * math.sqrt(q.d)  # noqa: E731
    assert value(x + y) == pytest.approx(value(x) + value(y), abs=1e-12)
    assert value(x - y) == pytest.approx(value(x) - value(y), abs=1e-12)
    assert value(x * y) == pytest.approx(value(x) * value(y), abs=1e-12)
    exact = sympy.sign(
        sympy.Rational(a.numerator, a.denominator) + sympy.Rational(b.numerator, b.denominator) * sympy.sqrt(d)
    )
    assert x.sign() == exact
    assert (x < y) == ((x - y).sign() < 0)


@pytest.mark.parametrize("d", [2, 3, 5, 7])
def test_the_sign_of_every_small_quadratic_number(d: int) -> None:
    """None of them but 0 is nearer to 0 than 0.01, so floats know the sign."""
    for a in range(-12, 13):
        for b in range(-9, 10):
            value = a + b * math.sqrt(d)
            assert abs(value) > 0.01 or a == b == 0
            for scale in (1, F(1, 24)):
                assert Quadratic(a * F(scale), b * F(scale), d).sign() == (value > 0) - (value < 0)


def test_rational_numbers_are_quadratic_numbers_without_root() -> None:
    x = Quadratic(F(1), F(2), 5)
    assert x + 3 == Quadratic(F(4), F(2), 5)
    assert x - F(1, 2) == Quadratic(F(1, 2), F(2), 5)
    assert x * 3 == Quadratic(F(3), F(6), 5)
    assert not x < 5
    assert x < 6


def test_quadratic_numbers_refuse_squares_and_mixtures() -> None:
    with pytest.raises(ValueError, match="not a square"):
        Quadratic(F(1), F(1), 9)
    with pytest.raises(ValueError, match="positive integer"):
        Quadratic(F(1), F(0), 0)
    assert Quadratic(F(1), F(0), 1).sign() == 1
    with pytest.raises(ValueError, match="cannot mix √2 with √3"):
        Quadratic(F(1), F(1), 2) + Quadratic(F(1), F(1), 3)
    assert str(Quadratic(F(1), F(-1, 2), 5)) == "1 − 1/2·√5"
    assert str(Quadratic(F(0), F(1), 5)) == "√5"
    assert str(Quadratic(F(0), F(-1), 5)) == "−√5"
    assert str(Quadratic(F(2), F(0), 5)) == "2"
    assert (Quadratic(F(1), F(0), 5) + 1).a == 2
