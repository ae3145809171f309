"""The dense part by exact moments: most (example, feature) pairs are settled a whole leaf at a time.

Hidden vectors that lie close together are gathered into boxes, μ the middle of one, s its half-width. Over the box
the pre-activation of feature j stays within μ̃·p_j ± s·|d_j|, μ̃ = (μ, 1), so the pair (box, j) is

    full        μ̃·p_j >  s·|d_j|        nothing is rectified
    empty       μ̃·p_j < -s·|d_j|        everything is
    straddling  otherwise

On a full pair the sums are polynomials in the box's moments N, σ = Σ δ_t, Q = Σ δ_t δ_tᵀ, δ_t = h_t - μ. With
ζ_j = μ̃·p_j and z_tj = ζ_j + d_j·δ_t,

    A_j = Σ_t z_tj (h_t, 1) = ζ_j (N μ̃ + (σ, 0)) + (μ̃ σᵀ + (Q; 0)) d_j
    V_t = Σ_j z_tj d_j      = Σ_j ζ_j d_j + (Σ_j d_j d_jᵀ) δ_t

so all full features of all boxes cost a few slim matrix products, exactly, whatever N is. Straddling pairs go down
to the boxes within the box, and at the last level to a small dense block. Nothing is approximated: the boxes decide
how the terms are added, never which.

The boxes come from sorting (tile the first coordinate, then the second within each tile, ...); the examples move a
little every step and are sorted again only when the straddling pairs have become more, or after a while.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.engines.blocked import Blocked
from relugeom.engines.sorting import Sorting

__all__ = ["Moments", "tile_order"]

Array = npt.NDArray[Any]

_SORT_GROWTH = 1.3  # of the straddling pairs since the last sort
_CHUNK = 1 << 16  # (box, feature) pairs tested together, so that the tests stay in the cache
_NARROWEST = 256  # features tested together at least
_SCRATCH = ("zeta", "radius", "weight", "size")


def tile_order(H: Array, leaf: int) -> Array:
    """The permutation that makes runs of `leaf` rows of H (T, m) compact (sort-tile-recursive)."""
    T, m = H.shape
    order = np.argsort(H[:, 0], kind="stable")
    for axis in range(1, m):
        # With L leaves to make, axes 0..axis-1 have been cut into about L^(axis/m) tiles.
        tiles = round((T / leaf) ** (axis / m))
        rows = -(-T // (max(tiles, 1) * leaf)) * leaf
        for start in range(0, T, rows):
            tile = order[start : start + rows]
            order[start : start + rows] = tile[np.argsort(H[tile, axis], kind="stable")]
    return order


class _Level(NamedTuple):
    """The boxes of one level: rows ``starts[i]:stops[i]``."""

    starts: Array
    stops: Array
    middle: Array  # (boxes, m + 1), last column 1
    half: Array  # (boxes, m)
    value: Array  # (boxes, m + 1): N μ̃ + (σ, 0), the weight of ζ in A
    slope: Array  # (boxes, (m + 1) m): μ̃ σᵀ + (Q; 0), the weight of d in A


class Moments:
    """Dense part by moments over boxes of latent vectors.

    Parameters
    ----------
    sizes : tuple of int
        Examples per box at every level, coarse to fine, each a multiple of the next.
    """

    def __init__(self, sizes: tuple[int, ...]) -> None:
        self._sizes = sizes
        self.size = sizes[0]
        self.sorting = Sorting(_SORT_GROWTH)  # by the straddling pairs of the last level
        self._memory: dict[str, Array] = {}
        self._blocked = Blocked()

    def order(self, latent: Callable[[], Array]) -> Array | None:
        """Sort when it was never done, long ago, or the boxes have become loose."""
        return tile_order(latent(), self._sizes[-1]) if self.sorting.is_due() else None

    def state(self) -> dict[str, Array]:
        """When the next sort is due."""
        return {"moments": self.sorting.state()}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        self.sorting.restore(state["moments"])

    def accumulate(self, G: Array, P: Array, V: Array) -> Array:
        """A and V, see `relugeom.engines.objective.DensePart`."""
        m = V.shape[1]
        self._G, self._V = G, V
        self._levels = [self._level(G[:, :-1], size) for size in self._sizes]
        self.sorting.straddling = 0
        leaves = len(self._levels[-1].starts)
        # Per leaf, the affine map that gives V: v + K δ, K symmetric; boxes above add theirs to the leaves below.
        self._constant = np.zeros((leaves, m), P.dtype)
        self._linear = np.zeros((leaves, m * m), P.dtype)
        V[...] = 0
        A = np.zeros_like(P)
        self._visit(0, 0, len(self._levels[0].starts), P, A)
        last = self._levels[-1]
        lengths = last.stops - last.starts
        delta = G[:, :-1] - np.repeat(last.middle[:, :-1], lengths, axis=0)
        V += np.repeat(self._constant, lengths, axis=0)
        for i in range(m):
            V += np.repeat(self._linear[:, i * m : (i + 1) * m], lengths, axis=0) * delta[:, i : i + 1]
        return A

    def _level(self, H: Array, size: int) -> _Level:
        T, m = H.shape
        starts = np.arange(0, T, size)
        stops = np.minimum(starts + size, T)
        counts = (stops - starts).astype(H.dtype)
        low, high = np.minimum.reduceat(H, starts), np.maximum.reduceat(H, starts)
        middle = np.ones((len(starts), m + 1), H.dtype)
        middle[:, :m] = (low + high) / 2
        delta = H - np.repeat(middle[:, :m], stops - starts, axis=0)
        sigma = np.add.reduceat(delta, starts)
        value = middle * counts[:, None]
        value[:, :m] += sigma
        slope = middle[:, :, None] * sigma[:, None, :]
        for i in range(m):
            for j in range(i + 1):
                q = np.add.reduceat(delta[:, i] * delta[:, j], starts)
                slope[:, i, j] += q
                if i != j:
                    slope[:, j, i] += q
        return _Level(starts, stops, middle, (high - low) / 2, value, slope.reshape(len(starts), -1))

    def _visit(self, depth: int, first: int, last: int, P: Array, A: Array) -> None:
        """Add to A (and V) what boxes first..last-1 of level `depth` have with the features P."""
        boxes, features = slice(first, last), P.shape[1]
        m = len(P) - 1
        straddling = np.empty((last - first, features), bool)
        constant = np.zeros((last - first, m), P.dtype)
        linear = np.zeros((last - first, m * m), P.dtype)
        width = max(_NARROWEST, _CHUNK // (last - first))
        for start in range(0, features, width):
            tile = slice(start, start + width)
            self._settle(depth, boxes, P[:, tile], A[:, tile], straddling[:, tile], constant, linear)
        self._hand_down(depth, boxes, constant, linear)
        for box, mask in zip(range(first, last), straddling, strict=True):
            columns = mask.nonzero()[0]
            if len(columns):
                part = P.take(columns, axis=1)
                below = self._block(box, part) if depth == len(self._levels) - 1 else self._inside(depth, box, part)
                for row, addition in zip(A, below, strict=True):
                    addition += row.take(columns)
                    row[columns] = addition

    def _settle(
        self, depth: int, boxes: slice, P: Array, A: Array, straddling: Array, constant: Array, linear: Array
    ) -> None:
        """The full pairs of some boxes and features: add to A, and to the affine maps; mark the straddling pairs."""
        level = self._levels[depth]
        D = P[:-1]
        m, k = D.shape
        shape = (boxes.stop - boxes.start, k)
        zeta, radius, weight, size = (self._scratch(name, shape, P.dtype) for name in _SCRATCH)
        np.matmul(level.middle[boxes], P, out=zeta)
        np.matmul(level.half[boxes], np.abs(D), out=radius)
        weight[...] = zeta > radius
        np.less_equal(np.abs(zeta, out=size), radius, out=straddling)
        zeta *= weight
        A += level.value[boxes].T @ zeta
        slopes = (level.slope[boxes].T @ weight).reshape(m + 1, m, k)
        for i in range(m):
            A += slopes[:, i] * D[i]
        constant += zeta @ D.T
        linear += weight @ (D[:, None] * D[None]).reshape(m * m, k).T

    def _scratch(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """Uninitialised memory that is used again: fresh pages would cost more than the arithmetic on them."""
        size = math.prod(shape)
        held = self._memory.get(name)
        if held is None or len(held) < size or held.dtype != dtype:
            held = self._memory[name] = np.empty(size + size // 4, dtype)
        return held[:size].reshape(shape)

    def _hand_down(self, depth: int, boxes: slice, constant: Array, linear: Array) -> None:
        """Move the affine maps of boxes to the leaves within: v + K (h - μ) = (v + K (μ' - μ)) + K (h - μ')."""
        if depth < len(self._levels) - 1:
            m = constant.shape[1]
            ratio = self._sizes[depth] // self._sizes[-1]
            leaves = slice(boxes.start * ratio, min(boxes.stop * ratio, len(self._constant)))
            within = np.arange(leaves.start, leaves.stop) // ratio - boxes.start
            shift = (self._levels[-1].middle[leaves] - self._levels[depth].middle[boxes][within])[:, :m]
            linear = linear[within]
            constant = constant[within] + np.einsum("lij,lj->li", linear.reshape(-1, m, m), shift)
            boxes = leaves
        self._constant[boxes] += constant
        self._linear[boxes] += linear

    def _inside(self, depth: int, box: int, P: Array) -> Array:
        """The straddling features of one box, over the boxes within it."""
        ratio = self._sizes[depth] // self._sizes[depth + 1]
        A = np.zeros_like(P)
        self._visit(depth + 1, box * ratio, min((box + 1) * ratio, len(self._levels[depth + 1].starts)), P, A)
        return A

    def _block(self, box: int, P: Array) -> Array:
        """The straddling features of one leaf, densely."""
        level = self._levels[-1]
        rows = slice(level.starts[box], level.stops[box])
        self.sorting.straddling += (rows.stop - rows.start) * P.shape[1]
        return self._blocked.accumulate(self._G[rows], P, self._V[rows])
