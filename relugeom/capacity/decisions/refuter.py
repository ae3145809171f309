"""The constructive 2m bound: whoever claims more than 2m features gets a pair with a positive inner product.

ReLU(WᵀWx) recovers the support of every axis vector iff G = WᵀW has a positive diagonal and no positive entry off
it. Elimination on G decides this over the rational numbers, and explains why n > 2m is hopeless; where the
criterion holds, `structure` says what W must look like.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import Any

from relugeom.errors import ArgumentError
from relugeom.exact import PositivePair
from relugeom.exact.rationals import Matrix, Vector, as_matrix, clear_denominators, column, rank, solve, transpose

__all__ = ["Component", "Structure", "find_positive_pair", "structure"]

# WᵀW with every column of W scaled by a positive factor that makes it integral: the signs are those of WᵀW.
Gram = list[list[int]]


def find_positive_pair(W: Any) -> PositivePair | None:
    """Refute the criterion for W, or find that it holds.

    With a pivot u whose row of G has no positive entry off the diagonal,

        G'_ij = G_ij − G_iu G_uj / G_uu ≤ G_ij,        G' = Gram matrix of the w_i projected along u,

    so a positive entry of any later matrix was positive in WᵀW. The elimination stops with the pair (u, j) when
    G_uj > 0. It drops u, and every i with G'_ii = 0: then w_i = (G_iu / G_uu) u is a negative multiple of u at
    this stage, and two of them have a positive product, which is the pair that ends it.

    *For n > 2m the answer is never None.* Each pivot is a non-zero vector and is projected out, so the rank falls
    by one and there are at most m pivots; without an answer each drops at most two features, hence at most 2m
    in all. The features left over are non-zero vectors in a space of dimension 0, so there are none: n ≤ 2m.

    For n ≤ 2m an elimination may run through although some product is positive (only the lowered matrices were
    looked at), so WᵀW itself is searched before None is returned.

    Parameters
    ----------
    W : array or nested sequence, shape (m, n)
        Integers, fractions or finite floats; a float stands for the rational number it is.

    Returns
    -------
    PositivePair or None
        A certificate that `relugeom.exact.check` accepts: a zero column (i, i), or i ≠ j with w_i·w_j > 0 and
        the pivots that led there. None when WᵀW has a positive diagonal and no positive entry off it.

    Raises
    ------
    ArgumentError
        W is not a matrix with at least one row and one column, or has an entry that is not a finite real number.

    See Also
    --------
    relugeom.capacity.decide, relugeom.capacity.search, relugeom.capacity.upper_bound
    relugeom.autoencoder.max_sparse_support

    Notes
    -----
    Post, "Limit of number of Free Dimensions", where the bound stands without proof. The elimination is Bareiss's
    (division by the previous pivot is exact), so integers stay as short as minors of the Gram matrix.

    Examples
    --------
    >>> find_positive_pair([[1, -1, 0, 0], [0, 0, 1, -1]]) is None
    True
    >>> find_positive_pair([[1, -1, 0, 0, -3], [0, 0, 1, -1, -3]]).pair
    (3, 4)
    """
    encoder = _exact(W)
    n = len(encoder[0])
    G = _gram(encoder)
    zero = next((i for i in range(n) if G[i][i] == 0), None)
    if zero is not None:
        return PositivePair(encoder, (zero, zero))
    found = _eliminate(G) or _search(G)
    return None if found is None else PositivePair(encoder, *found)


def _eliminate(G: Gram) -> tuple[tuple[int, int], tuple[int, ...]] | None:
    """A pair with a positive product and the pivots before it, or None when no feature is left."""
    left = list(range(len(G)))
    pivots: list[int] = []
    previous = 1
    while left:
        u = left[0]
        j = next((j for j in left[1:] if G[u][j] > 0), None)
        if j is not None:
            return (u, j), tuple(pivots)
        # A positive multiple of G': the last pivots are positive, and dividing by them leaves integers.
        reduced = [row.copy() for row in G]
        for i in left[1:]:
            for k in left[1:]:
                reduced[i][k] = (G[u][u] * G[i][k] - G[i][u] * G[u][k]) // previous
        opposite = [i for i in left[1:] if reduced[i][i] == 0]
        if len(opposite) >= 2:
            return (opposite[0], opposite[1]), tuple(pivots)
        pivots.append(u)
        previous = G[u][u]
        G = reduced
        left = [i for i in left[1:] if i not in opposite]
    return None


def _search(G: Gram) -> tuple[tuple[int, int], tuple[int, ...]] | None:
    """The first positive entry above the diagonal, with no pivots."""
    return next((((i, j), ()) for i in range(len(G)) for j in range(i + 1, len(G)) if G[i][j] > 0), None)


@dataclass(frozen=True, slots=True)
class Component:
    """Features that are connected by non-zero inner products.

    Attributes
    ----------
    features
        Their numbers, increasing.
    rank
        The dimension they span: as many as there are features, or one less.
    dependency
        None when they are linearly independent. Otherwise the smallest positive integers c with Σ c_i w_i = 0,
        in the order of `features`; the dependency is unique up to a factor.
    """

    features: tuple[int, ...]
    rank: int
    dependency: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Structure:
    """The components of a W that satisfies the criterion: mutually orthogonal, each independent or a simplex cone."""

    components: tuple[Component, ...]

    @property
    def rank(self) -> int:
        """rank W, the sum over the components."""
        return sum(component.rank for component in self.components)

    @property
    def dependent(self) -> int:
        """How many components are dependent: n − rank W."""
        return sum(component.dependency is not None for component in self.components)


def structure(W: Any) -> Structure | PositivePair:
    """Take a W that satisfies the criterion apart into mutually orthogonal components.

    Let C be a connected component of the graph {i, j : G_ij ≠ 0}. If Σ v_i w_i = 0 over C, then G_ij ≤ 0 gives
    |v|ᵀG|v| ≤ vᵀGv = 0, so G|v| = 0 as G is positive semidefinite. Where |v|_i = 0, the sum Σ_j G_ij |v|_j of
    non-positive terms vanishes, so |v| is 0 at all neighbours of i, and by connectedness everywhere: a dependency
    has no zero entry. Two independent dependencies would combine to one with a zero entry. So the kernel over C
    is {0} or spanned by one strictly positive vector, and n − rank W counts the components of the second kind.

    Parameters
    ----------
    W : array or nested sequence, shape (m, n)
        As for `find_positive_pair`.

    Returns
    -------
    Structure or PositivePair
        The components, ordered by their first feature; or the certificate that W does not satisfy the criterion.

    Raises
    ------
    ArgumentError
        As for `find_positive_pair`.

    Examples
    --------
    >>> [c.dependency for c in structure([[1, 0, -1, 0], [0, 1, -2, 0], [0, 0, 0, 5]]).components]
    [(1, 2, 1), None]
    """
    refutation = find_positive_pair(W)
    if refutation is not None:
        return refutation
    encoder = _exact(W)
    return Structure(tuple(_component(encoder, features) for features in _components(_gram(encoder))))


def _component(W: Matrix, features: tuple[int, ...]) -> Component:
    *others, last = (column(W, i) for i in features)
    # Σ c_i w_i = 0 with c_last = 1 has at most one solution, because the others are independent.
    solution = solve(transpose(tuple(others)), tuple(-x for x in last)) if others else None
    if solution is None:
        return Component(features, rank(transpose((*others, last))), None)
    return Component(features, len(others), _primitive((*solution, Fraction(1))))


def _components(G: Gram) -> Iterable[tuple[int, ...]]:
    """The connected components of the graph of non-zero entries."""
    unseen = set(range(len(G)))
    while unseen:
        component, frontier = set(), {min(unseen)}
        while frontier:
            component |= frontier
            frontier = {j for i in frontier for j in unseen if G[i][j] != 0} - component
        unseen -= component
        yield tuple(sorted(component))


def _primitive(v: Vector) -> tuple[int, ...]:
    """The smallest positive multiple of v with integer entries."""
    integers = clear_denominators(v)
    divisor = gcd(*integers)
    return tuple(x // divisor for x in integers)


def _gram(W: Matrix) -> Gram:
    columns = [clear_denominators(w) for w in transpose(W)]
    return [[sum(x * y for x, y in zip(v, w, strict=True)) for w in columns] for v in columns]


def _exact(W: Any) -> Matrix:
    """W as a matrix of fractions."""
    rows: Sequence[Any] = W.tolist() if hasattr(W, "tolist") else W
    try:
        matrix = as_matrix(rows)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"W must be an m×n matrix of finite real numbers; got {W!r:.60} ({error})") from None
    if not matrix or not matrix[0] or len({len(row) for row in matrix}) != 1:
        shape = f"rows of lengths {sorted({len(row) for row in matrix})}" if matrix else "no rows"
        raise ArgumentError(f"W must have shape (m, n) with m, n ≥ 1; got {shape}")
    return matrix
