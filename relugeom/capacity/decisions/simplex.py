"""An exact simplex method: is a vector in a cone whose generators are known through an oracle?

    find λ ≥ 0 with Σ_c λ_c a_c = t,   or u with u·t > 0 ≥ u·a_c for every generator a_c       (Farkas)

All entries are integers and stay integers: the tableau is d·[B⁻¹t | B⁻¹] with d = |det B|, and a pivot divides by the
old d without remainder (Edmonds' integer pivoting). The generators need not be listed: `violation(u)` returns one with
u·a > 0, or None. That is how "every set of at most k active features" stays cheap, since the worst set is found by
sorting. Ties in the ratio test are broken lexicographically, which rules out cycling for every choice that the
oracle may make.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

__all__ = ["Combination", "Exhausted", "Generator", "Separation", "decide_cone"]

Label = TypeVar("Label")


class Generator(NamedTuple, Generic[Label]):
    """A generator of the cone and the name under which it is returned."""

    label: Label
    vector: Sequence[int]


@dataclass(frozen=True, slots=True)
class Combination(Generic[Label]):
    """t = Σ weight·a: the weights that are positive, at most as many as t has entries."""

    weights: tuple[tuple[Label, Fraction], ...]
    pivots: int


@dataclass(frozen=True, slots=True)
class Separation:
    """u with u·t > 0 ≥ u·a for every generator a."""

    normal: tuple[int, ...]
    pivots: int


@dataclass(frozen=True, slots=True)
class Exhausted:
    """The allowed number of pivots was used up."""

    pivots: int


def decide_cone(
    target: Sequence[int],
    violation: Callable[[Sequence[int]], Generator[Label] | None],
    max_pivots: int = 10_000,
) -> Combination[Label] | Separation | Exhausted:
    """Decide t ∈ cone(a_c), with proof either way.

    Minimises Σ artificials from the basis of artificials ±e_i. The prices u of a basis are the sum of the rows of
    B⁻¹ that still hold an artificial: if no generator has u·a > 0 they separate, because u·t is that positive sum.

    Parameters
    ----------
    target : sequence of int
        t.
    violation : callable
        From prices u (integers, up to a positive factor) to a generator with u·a > 0, or None when there is none.
    max_pivots : int
        After so many pivots the answer is `Exhausted`.
    """
    size = len(target)
    # Row i of the tableau is d·[(B⁻¹t)_i | (B⁻¹)_i]; signs make B⁻¹t non-negative.
    rows = [[abs(t), *(((t >= 0) - (t < 0)) * (i == j) for j in range(size))] for i, t in enumerate(target)]
    basis: list[Label | None] = [None] * size  # None: an artificial
    d = 1
    for pivots in range(max_pivots + 1):
        artificial = [row for row, label in zip(rows, basis, strict=True) if label is None]
        if not any(row[0] for row in artificial):
            weights = zip(basis, rows, strict=True)
            positive = ((label, Fraction(row[0], d)) for label, row in weights if label is not None and row[0])
            return Combination(tuple(positive), pivots)
        prices = [sum(entries) for entries in zip(*artificial, strict=True)][1:]
        entering = violation(prices)
        if entering is None:
            return Separation(tuple(prices), pivots)
        y = [_dot(row[1:], entering.vector) for row in rows]
        r = _lexicographic_minimum(rows, y)
        p, pivot_row = y[r], rows[r]
        rows = [
            row if i == r else [(x * p - q * yi) // d for x, q in zip(row, pivot_row, strict=True)]
            for i, (row, yi) in enumerate(zip(rows, y, strict=True))
        ]
        basis[r] = entering.label
        d = p
    return Exhausted(max_pivots)


def _dot(u: Sequence[int], v: Sequence[int]) -> int:
    return sum(a * b for a, b in zip(u, v, strict=True))


def _lexicographic_minimum(rows: Sequence[Sequence[int]], y: Sequence[int]) -> int:
    """The r with y_r > 0 whose row/y_r is lexicographically smallest; B⁻¹ is regular, so there are no ties."""
    candidates = [i for i, yi in enumerate(y) if yi > 0]
    best = candidates[0]
    for i in candidates[1:]:
        for x, z in zip(rows[i], rows[best], strict=True):
            left, right = x * y[best], z * y[i]
            if left != right:
                best = i if left < right else best
                break
    return best
