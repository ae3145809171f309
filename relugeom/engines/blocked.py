"""The dense part, a tile of rows and columns at a time.

    Z = max(G P, 0),   A = Gᵀ Z,   V = Z D

Every entry of Z is written once and read a few times, so a tile must not leave the second-level cache in between.
Works for every m.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Blocked"]

Array = npt.NDArray[Any]

_ROWS, _COLUMNS = 100, 2_500  # of a tile: 1 MB in float32 (measured by `benchmarks/`)
_SLIM = 4  # rows from which BLAS is faster with a matrix than with its rows one by one


def _cuts(length: int, most: int) -> list[slice]:
    """Equal slices of at most `most`; not of a multiple of 512, where rows would fall onto the same cache lines."""
    size = -(-length // -(-length // most))
    size += 8 * (size % 512 == 0)
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def _product(X: Array, Y: Array, out: Array, fresh: bool) -> None:
    """out = X Y, or out += X Y where it is not fresh, for X of few rows."""
    if len(X) >= _SLIM:
        out[...] = X @ Y if fresh else out + X @ Y
        return
    for x, sums in zip(X, out, strict=True):
        if fresh:
            np.matmul(x, Y, out=sums)
        else:
            sums += x @ Y


class Blocked:
    """Dense part over cache-sized tiles."""

    size = 1

    def __init__(self) -> None:
        self._Z = np.empty(0)
        self._zero = np.empty(0)

    def order(self, latent: Callable[[], Array]) -> None:
        """Any order is as good as another."""

    def accumulate(self, G: Array, P: Array, V: Array) -> Array:
        """A and V, see `relugeom.engines.objective.DensePart`."""
        rows, columns = _cuts(len(G), _ROWS * 4 // P.itemsize), _cuts(P.shape[1], _COLUMNS)
        size = rows[0].stop * columns[0].stop
        if len(self._Z) < size or self._Z.dtype != P.dtype:
            self._Z = np.empty(size, P.dtype)
            self._zero = np.zeros(
                size, P.dtype
            )  # against an array, maximum() is three times as fast as against a scalar
        A = np.empty_like(P)
        for block in rows:
            g, v = G[block], V[block]
            for part in columns:
                p = P[:, part]
                flat = self._Z[: len(g) * p.shape[1]]
                Z = flat.reshape(len(g), -1)
                np.matmul(g, p, out=Z)
                np.maximum(flat, self._zero[: len(flat)], out=flat)
                _product(g.T, Z, A[:, part], block is rows[0])
                _product(p[:-1], Z.T, v.T, part is columns[0])
        return A

    def state(self) -> dict[str, Array]:
        """None: every call stands alone."""
        return {}

    def restore(self, state: dict[str, Array]) -> None:
        """Nothing to take up."""
