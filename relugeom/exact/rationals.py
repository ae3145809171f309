"""Vectors and matrices over the rational numbers, as tuples of `fractions.Fraction`.

Only what the certificates need, written to be read: no pivoting for speed, no floats anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import lcm
from typing import NamedTuple

__all__ = [
    "Inertia",
    "Matrix",
    "Vector",
    "as_matrix",
    "as_vector",
    "clear_denominators",
    "column",
    "dot",
    "inertia",
    "matmul",
    "rank",
    "solve",
    "transpose",
]

Vector = tuple[Fraction, ...]
Matrix = tuple[Vector, ...]


def as_vector(entries: Iterable[Fraction | int | float]) -> Vector:
    """The entries as exact rationals; a float stands for the rational number it is.

    Parameters
    ----------
    entries : iterable of int, Fraction or float

    Returns
    -------
    tuple of Fraction

    See Also
    --------
    relugeom.exact.rationals.as_matrix
    """
    return tuple(Fraction(entry) for entry in entries)


def as_matrix(rows: Iterable[Iterable[Fraction | int | float]]) -> Matrix:
    """The rows as exact rationals.

    Parameters
    ----------
    rows : iterable of iterables of int, Fraction or float

    Returns
    -------
    tuple of tuples of Fraction

    See Also
    --------
    relugeom.exact.rationals.as_vector
    """
    return tuple(as_vector(row) for row in rows)


def transpose(A: Matrix) -> Matrix:
    """Aᵀ."""
    return tuple(zip(*A, strict=True))


def column(A: Matrix, j: int) -> Vector:
    """Column j of A."""
    return tuple(row[j] for row in A)


def dot(u: Sequence[Fraction], v: Sequence[Fraction]) -> Fraction:
    """u · v = Σ u_i v_i."""
    return sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0))


def matmul(A: Matrix, B: Matrix) -> Matrix:
    """The product AB."""
    columns = transpose(B)
    return tuple(tuple(dot(row, c) for c in columns) for row in A)


def clear_denominators(v: Sequence[Fraction]) -> tuple[int, ...]:
    """The smallest positive multiple of v, of the form v·lcm, whose entries are integers.

    Signs of inner products do not change under positive multiples, and integers are quick.
    """
    multiple = lcm(*(x.denominator for x in v))
    return tuple(x.numerator * (multiple // x.denominator) for x in v)


def _echelon(A: Matrix) -> tuple[list[list[Fraction]], list[int]]:
    """The reduced row echelon form of A and its pivot columns."""
    rows = [list(row) for row in A]
    pivots: list[int] = []
    for j in range(len(rows[0]) if rows else 0):
        r = len(pivots)
        p = next((i for i in range(r, len(rows)) if rows[i][j] != 0), None)
        if p is None:
            continue
        rows[r], rows[p] = rows[p], rows[r]
        pivot = rows[r][j]
        rows[r] = [x / pivot for x in rows[r]]
        for i in range(len(rows)):
            if i != r and rows[i][j] != 0:
                factor = rows[i][j]
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[r], strict=True)]
        pivots.append(j)
    return rows, pivots


def rank(A: Matrix) -> int:
    """The rank of A."""
    return len(_echelon(A)[1])


def solve(A: Matrix, b: Vector) -> Vector | None:
    """One x with Ax = b (free variables 0), or None when there is none."""
    unknowns = len(A[0])
    rows, pivots = _echelon(tuple((*row, entry) for row, entry in zip(A, b, strict=True)))
    if unknowns in pivots:
        return None
    x = [Fraction(0)] * unknowns
    for r, j in enumerate(pivots):
        x[j] = rows[r][unknowns]
    return tuple(x)


class Inertia(NamedTuple):
    """How many eigenvalues of a symmetric matrix are positive, negative and zero."""

    positive: int
    negative: int
    zero: int


def inertia(A: Matrix) -> Inertia:
    """The inertia of a symmetric matrix, by exact congruence (Sylvester's law).

    A diagonal pivot d removes one eigenvalue of the sign of d. Where the whole remaining diagonal is zero but some
    a = a_pq is not, the block [[0, a], [a, 0]] of rows and columns p and q removes one of either sign.
    """
    S = [list(row) for row in A]
    positive = negative = 0
    while S:
        size = range(len(S))
        p = next((i for i in size if S[i][i] != 0), None)
        if p is not None:
            d = S[p][p]
            positive, negative = positive + (d > 0), negative + (d < 0)
            rest = [i for i in size if i != p]
            S = [[S[i][j] - S[i][p] * S[p][j] / d for j in rest] for i in rest]
            continue
        pair = next(((i, j) for i in size for j in range(i) if S[i][j] != 0), None)
        if pair is None:
            break
        p, q = pair
        a = S[p][q]
        positive, negative = positive + 1, negative + 1
        rest = [i for i in size if i not in pair]
        S = [[S[i][j] - (S[i][p] * S[q][j] + S[i][q] * S[p][j]) / a for j in rest] for i in rest]
    return Inertia(positive, negative, len(S))
