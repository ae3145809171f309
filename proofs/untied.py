"""An untied decoder gives back any number of axis vectors from three dimensions: the post's reason for 2m fails.

The criterion for the product RW of a decoder R (n×m) and an encoder W (m×n): a positive diagonal and no positive
entry off it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, product
from typing import Any

import sympy as sp

from relugeom import (
    Counterexample,
    ExactReconstruction,
    FormalProof,
    NotDecodable,
    Outcome,
    Proof,
    RankBound,
    Sibling,
    SignPattern,
    Step,
    Verdict,
    WeightedSupport,
    all_cases,
    as_matrix,
    as_vector,
    conjecture,
    identity,
    sign,
)
from relugeom.exact.rationals import Matrix, Vector, dot, matmul, solve, transpose

FREE_DIMENSIONS = 'Post, "Limit of number of Free Dimensions"'

p, q = sp.symbols("p q", integer=True, nonnegative=True)


def _parabola(n: int) -> tuple[Matrix, Matrix]:
    """The encoder with columns (1, t, t²) and the decoder with rows (1 − t², 2t, −1), t = 0, ..., n − 1."""
    ts = range(n)
    return as_matrix([[1] * n, ts, [t * t for t in ts]]), as_matrix([[1 - t * t, 2 * t, -1] for t in ts])


def _parabola_steps(rows: Any, height: int = 1) -> list[Step]:
    """height − (i − j)² is a product through three dimensions, 1 on the diagonal and not positive off it."""
    i, j = sp.symbols("i j", integer=True)
    decoder_row, encoder_column = sp.Matrix([height - i**2, 2 * i, -1]), sp.Matrix([1, j, j**2])
    entry = decoder_row.dot(encoder_column)
    return [
        identity("row i of R times column j of W is 1 − (i − j)²", entry, height - (i - j) ** 2),
        identity("the diagonal is 1", entry.subs(j, i), 1),
        sign("for j = i + 1 + p the entry is not positive", sp.expand(entry.subs(j, i + 1 + p)), "<= 0"),
        sign("and for j = i − 1 − p", sp.expand(entry.subs(j, i - 1 - p)), "<= 0"),
        sign("three of the m rows are enough", rows - 3, ">= 0"),
    ]


@conjecture(
    "One cannot select n > 2m vectors in ℝⁿ, each with one positive entry in a place of its own and no other positive "
    "entry, that all lie in the same m-dimensional subspace",
    source=FREE_DIMENSIONS,
    expected=Verdict.REFUTED,
    formal=[
        FormalProof(
            "parabola.v",
            "same_subspace_refuted",
            "for every n some n×n matrix of rank at most 3 has a positive diagonal and nothing positive off it",
        ),
        FormalProof(
            "parabola.v",
            "untied_any_n",
            "for every m ≥ 3 and every n there are D (n×m) and W (m×n) with ReLU(DW) = I, over the integers too",
        ),
    ],
)
def same_subspace_reason() -> Outcome:
    """This is the post's reason for the bound 2m. The bound is true for tied weights, the reason is not: the columns
    of A_ij = 1 − (i − j)² are 1 at their own place, and 1 − d² ≤ 0 at distance d ≥ 1. They lie in the span of the
    three vectors (1)_i, (i)_i and (i²)_i, since A_ij = (1 − i²) + 2ij − j², for every n. So the reason fails for
    every m ≥ 3; what it leaves out is that a tied A is also symmetric and positive semidefinite.
    """
    W, R = _parabola(7)
    return Counterexample(
        by_hand=(
            "m = 3, n = 7: the columns of A_ij = 1 − (i − j)² are (1, 0, −3, −8, −15, −24, −35), "
            "(0, 1, 0, −3, −8, −15, −24), (−3, 0, 1, 0, −3, −8, −15), and so on. Each has a 1 on the diagonal and no "
            "other positive entry, and each is (1 − j²)·(1, ..., 1) + 2j·(0, 1, ..., 6) − (0, 1, 4, 9, 16, 25, 36)"
        ),
        certificates=[RankBound(matmul(R, W), R, W), SignPattern(W, R), ExactReconstruction(W, R)],
        steps=_parabola_steps(3 + q),
        sibling=Sibling("2 − (i − j)² has its only positive entries on the diagonal", _parabola_steps(3 + q, 2)),
    )


@conjecture(
    "For all m ≥ 3 and n ≥ 1 there are W (m×n) and R (n×m) with ReLU(RWx) = x for x = e_1, ..., e_n",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
)
def untied_any_n() -> Outcome:
    """Columns (1, t, t²) of W and rows (1 − t², 2t, −1) of R, t = 1, ..., n, give RW = 1 − (i − j)²: 1 on the
    diagonal and at most 0 off it. For m > 3 fill up with zeros.
    """
    return Proof(
        _parabola_steps(3 + q),
        Sibling("the same for all m ≥ 2", _parabola_steps(2 + q)),
        certificates=[ExactReconstruction(*_parabola(n)) for n in (4, 7, 10, 30, 100)],
    )


def _in_cone(v: Vector, others: Sequence[Vector]) -> bool:
    """Whether v is a non-negative combination of `others`, all in the plane: two of them are enough (Carathéodory)."""
    if not any(v):
        return True
    pairs = [transpose(pair) for pair in combinations_with_replacement(others, 2)]
    return any(c is not None and min(c) >= 0 for c in (solve(pair, v) for pair in pairs))


def _agrees_with_farkas(W: Matrix) -> bool:
    """For each i, a decoder row with entries −2, ..., 2 exists iff w_i is not in the cone of the other columns."""
    columns = transpose(W)
    rows = [as_vector(r) for r in product(range(-2, 3), repeat=2)]
    for i, w in enumerate(columns):
        others = columns[:i] + columns[i + 1 :]
        decodable = any(dot(r, w) > 0 and all(dot(r, v) <= 0 for v in others) for r in rows)
        if decodable == _in_cone(w, others):
            return False
    return True


@conjecture(
    "For every W (m×n) there is an R (n×m) such that RW satisfies the criterion iff no w_i lies in the convex cone "
    "{Σ c_j w_j : c_j ≥ 0} of the other columns",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
)
def untied_farkas() -> Outcome:
    """The rows of R are chosen one by one: row i needs r·w_i > 0 and r·w_j ≤ 0 for j ≠ i. If w_i = Σ c_j w_j with
    c_j ≥ 0, then r·w_i is a sum of terms c_j (r·w_j) ≤ 0, so there is no such r. If w_i is not in that cone,
    which is closed, a hyperplane through 0 separates it strictly from the cone: Farkas' lemma. (w_i = 0 lies in
    every cone.)

    Both sides are compared for all sets of three columns with entries −1, 0, 1 in the plane.
    """
    c, u = sp.symbols("c u", nonnegative=True)
    free = sp.Symbol("c", real=True)
    points = list(product((-1, 0, 1), repeat=2))
    matrices = [transpose(as_matrix(columns)) for columns in combinations_with_replacement(points, 3)]

    def steps(weight: sp.Symbol) -> list[Step]:
        return [
            sign("c_j (r·w_j) ≤ 0 for r·w_j = −u ≤ 0", weight * -u, "<= 0"),
            all_cases("decodable iff not in the cone, in the plane", _agrees_with_farkas, matrices),
        ]

    return Proof(steps(c), Sibling("the same with any real c_j: the span of the other columns", steps(free)))


@conjecture(
    "At m = 1, RW satisfies the criterion for some R only if n ≤ 2, and for n = 2 with W = [1, −1]",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
)
def untied_line() -> Outcome:
    """No w_i is 0. Among three non-zero numbers two have the same sign, and each of these is a positive multiple
    of the other, so it lies in the cone of the others (Farkas).
    """
    a, b = sp.symbols("a b", positive=True)

    def steps(bound: int) -> list[Step]:
        return [
            all_cases(
                f"two of {bound + 1} non-zero numbers have the same sign",
                lambda signs: len(set(signs)) < len(signs),
                product((-1, 1), repeat=bound + 1),
            ),
            sign("the ratio of two positive numbers is positive", a / b, "> 0"),
            sign("the ratio of two negative numbers is positive", -a / -b, "> 0"),
        ]

    W = as_matrix([[1, -1]])
    return Proof(
        steps(2), Sibling("at m = 1 only n = 1 is possible", steps(1)), certificates=[SignPattern(W, transpose(W))]
    )


@conjecture(
    "At m = 2, RW satisfies the criterion for some R only if n ≤ 4, and for n = 4 with the columns ±e_1, ±e_2",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
)
def untied_plane() -> Outcome:
    """No w_k is 0; sort the columns by angle, with gaps γ_1, ..., γ_n ≥ 0 that add up to 2π. The sums of two gaps
    on both sides of a vector add up to 4π, so the smallest, σ = γ + δ, is at most 4π/n, which is less than π for
    n ≥ 5. Put that vector at angle 0 and scale to norm 1; its neighbours lie at −γ and δ, and

        sin δ (cos γ, −sin γ) + sin γ (cos δ, sin δ) = sin(γ + δ) (1, 0),

    with non-negative sines, since 0 ≤ γ, δ ≤ σ < π. If σ > 0 the vector is in the cone of its neighbours; if
    σ = 0 all three have the same direction. Either way Farkas forbids it.
    """
    gamma, delta = sp.symbols("gamma delta", real=True)
    low, high = sp.symbols("low high", nonnegative=True)

    def steps(bound: int) -> list[Step]:
        n = bound + 1 + q
        return [
            sign("4π/n < π beyond the bound", sp.factor(sp.pi - 4 * sp.pi / n), "> 0"),
            identity(
                "sin δ (cos γ, −sin γ) + sin γ (cos δ, sin δ) = sin(γ + δ) (1, 0)",
                sp.sin(delta) * sp.Matrix([sp.cos(gamma), -sp.sin(gamma)])
                + sp.sin(gamma) * sp.Matrix([sp.cos(delta), sp.sin(delta)]),
                sp.Matrix([sp.sin(gamma + delta), 0]),
            ),
            # Half-angles cover [0, π): sin γ = 2r/(1 + r²) with r = tan(γ/2) ≥ 0.
            sign("sin γ ≥ 0 for γ = 2 arctan r, r ≥ 0", sp.expand_trig(sp.sin(2 * sp.atan(low))), ">= 0"),
            sign("sin σ > 0 for σ = 2 arctan r, r > 0", sp.expand_trig(sp.sin(2 * sp.atan(1 / (1 + high)))), "> 0"),
        ]

    W = as_matrix([[1, -1, 0, 0], [0, 0, 1, -1]])
    five = as_matrix([[1, 0, -1, -1, 0], [0, 1, 0, -1, -1]])
    neighbours = tuple(WeightedSupport((j,), Fraction(1)) for j in (2, 4))
    return Proof(
        steps(4),
        Sibling("at m = 2 only n ≤ 3 is possible", steps(3)),
        certificates=[
            SignPattern(W, transpose(W)),
            NotDecodable(five, 3, (WeightedSupport((3,), Fraction(1)),), neighbours, with_bias=False),
        ],
    )
