"""The constructive 2m bound: always an answer beyond 2m, every answer valid, and the structure below."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relugeom.capacity import Structure, find_positive_pair, structure
from relugeom.errors import ArgumentError
from relugeom.exact import PositivePair, SignPattern, Valid, check
from relugeom.exact.rationals import as_matrix, column, dot, rank, transpose

small = st.integers(-3, 3).map(Fraction)
fractions = st.fractions(-5, 5, max_denominator=10**12)
doubles = st.floats(-1e100, 1e100, allow_subnormal=True).map(Fraction)


def matrices(m: st.SearchStrategy[int], n, entries):
    """Rational m×n matrices as tuples of columns."""
    return m.flatmap(lambda rows: st.lists(st.tuples(*[entries] * rows), min_size=n(rows), max_size=n(rows))).map(
        lambda columns: transpose(tuple(columns))
    )


def satisfies_criterion(W) -> bool:
    return isinstance(check(SignPattern(W)), Valid)


@given(st.one_of(matrices(st.integers(1, 6), lambda m: 2 * m + 1, entries) for entries in (small, fractions, doubles)))
@settings(max_examples=120, deadline=None)
def test_always_answers_beyond_2m(W):
    answer = find_positive_pair(W)
    assert answer is not None
    assert isinstance(check(answer), Valid)
    assert len(answer.pivots) < len(W)


@given(matrices(st.integers(1, 4), lambda m: 2 * m, small) | matrices(st.integers(1, 5), lambda m: m, fractions))
@settings(max_examples=200, deadline=None)
def test_none_exactly_when_the_criterion_holds(W):
    answer = find_positive_pair(W)
    assert (answer is None) == satisfies_criterion(W)
    if answer is not None:
        assert isinstance(check(answer), Valid)


def cross_polytope(m: int) -> list[list[Fraction]]:
    """The columns e_1, −e_1, e_2, −e_2, ..."""
    return [[Fraction(s * (i == k)) for i in range(m)] for k in range(m) for s in (1, -1)]


@pytest.mark.parametrize("m", [1, 2, 3, 6])
@pytest.mark.parametrize(
    "extra",
    [
        lambda m: [Fraction(0)] * m,
        lambda m: [Fraction(i == 0) for i in range(m)],
        lambda m: [Fraction(-1, 10**i) for i in range(m)],
        lambda m: [Fraction(1, 10**300)] * m,
    ],
    ids=["zero", "duplicate", "shrinking", "tiny"],
)
def test_one_vector_too_many(m, extra):
    columns = [*cross_polytope(m), extra(m)]
    assert find_positive_pair(transpose(tuple(map(tuple, columns[:-1])))) is None
    for position in range(len(columns)):
        moved = [*columns[:position], columns[-1], *columns[position:-1]]
        answer = find_positive_pair(transpose(tuple(map(tuple, moved))))
        assert isinstance(check(answer), Valid)
        assert position in answer.pair


@given(st.integers(1, 5), st.integers(20, 60), st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_nearly_antipodal_pairs(m, digits, random):
    """Pairs that are opposite up to 10^−digits: no tolerance could see it, exact arithmetic does."""
    bent = [
        [x + Fraction(random.randint(-9, 9), 10**digits) for x in column] for column in [*cross_polytope(m), [1] * m]
    ]
    answer = find_positive_pair(transpose(tuple(map(tuple, bent))))
    assert isinstance(check(answer), Valid)


def test_a_positive_product_that_the_elimination_lowers_is_still_found():
    W = [[1, -1, -1, 0], [0, Fraction(1, 10), Fraction(-1, 5), 0], [0, 0, 0, 1]]
    answer = find_positive_pair(W)
    assert answer is not None
    assert answer.pair == (1, 2)
    assert answer.pivots == ()


def test_the_trace_is_needed_and_checked():
    """Both columns of the pair lean against the first pivot, and are found only after it is projected out."""
    answer = find_positive_pair([[1, -1, -1], [0, 1, 1]])
    assert answer == PositivePair(as_matrix([[1, -1, -1], [0, 1, 1]]), (1, 2), (0,))


def test_two_opposites_of_one_pivot_are_the_pair():
    """The second pivot leaves two negative multiples of itself: the trace ends before it."""
    W = [[1, 0, 0, 0], [0, 1, -1, -2]]
    assert find_positive_pair(W) == PositivePair(as_matrix(W), (2, 3), (0,))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int64])
def test_arrays_enter_as_the_rationals_they_are(dtype):
    W = np.array([[1, -1, 3], [2, 1, -5]], dtype=dtype) / dtype(8 if dtype is not np.int64 else 1)
    answer = find_positive_pair(W)
    assert answer is not None
    assert answer.encoder == as_matrix(W.tolist())


@pytest.mark.parametrize(
    "W", [[], [[]], [[1, 2], [3]], [1, 2], [[float("nan")]], [[float("inf")]], [["a"]], np.zeros((2, 2, 2)), 3.0]
)
def test_what_is_not_a_matrix_is_refused(W):
    with pytest.raises(ArgumentError, match="W must"):
        find_positive_pair(W)


@st.composite
def valid_matrices(draw):
    """A W that satisfies the criterion: simplex cones and independent blocks in orthogonal spaces, then shuffled."""
    blocks = draw(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=1, max_size=3))
    rows = sum(k for k, _ in blocks)
    columns: list[tuple[Fraction, ...]] = []
    start = 0
    for k, dependent in blocks:
        # Multiples of e_1, ..., e_k, and with them −(1, ..., 1): an obtuse cone that closes up.
        weights = draw(st.lists(st.integers(1, 5), min_size=k, max_size=k))
        block = [[Fraction(0)] * rows for _ in range(k + dependent)]
        for i in range(k):
            block[i][start + i] = Fraction(weights[i])
            if dependent:
                block[k][start + i] = Fraction(-1)
        columns += map(tuple, block)
        start += k
    return transpose(tuple(draw(st.permutations(columns)))), blocks


@given(valid_matrices())
@settings(max_examples=100, deadline=None)
def test_structure_theorem(case):
    W, blocks = case
    n = len(W[0])
    found = structure(W)
    assert isinstance(found, Structure)
    assert sorted(i for c in found.components for i in c.features) == list(range(n))
    assert found.rank == rank(W)
    assert found.dependent == n - rank(W) == sum(dependent for _, dependent in blocks)
    for c in found.components:
        columns = [column(W, i) for i in c.features]
        assert c.rank == rank(transpose(tuple(columns))) == len(c.features) - (c.dependency is not None)
        if c.dependency is not None:
            assert min(c.dependency) > 0
            assert gcd(*c.dependency) == 1
            assert not any(dot(c.dependency, row) for row in transpose(tuple(columns)))
    for first, second in combinations(found.components, 2):
        assert all(dot(column(W, i), column(W, j)) == 0 for i in first.features for j in second.features)


def test_structure_of_an_obtuse_independent_component():
    found = structure([[1, -1, 0], [0, 1, -1], [0, 0, 1]])
    assert isinstance(found, Structure)
    (only,) = found.components
    assert (only.features, only.rank, only.dependency) == ((0, 1, 2), 3, None)


def test_structure_of_what_fails_is_the_refutation():
    answer = structure([[1, 2]])
    assert isinstance(answer, PositivePair)
    assert answer.pair == (0, 1)
