"""The dense part, a block of rows at a time.

    Z = max(G P, 0),   A = Gᵀ Z,   V = Z D

Every entry of Z is written once and read three times, so it must not leave the second-level cache in between.
Works for every m.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Blocked", "block_rows"]

Array = npt.NDArray[Any]

_CACHE = 5 << 18  # bytes of Z held at a time: 1.25 MiB, 32 rows of 10,000 float32


def block_rows(n: int, itemsize: int) -> int:
    """Rows of n entries that fit the cache."""
    return max(1, _CACHE // (n * itemsize))


class Blocked:
    """Dense part over cache-sized blocks of rows."""

    def __init__(self) -> None:
        self._Z = np.empty(0)
        self._zero = np.empty(0)

    def order(self, H: Array) -> Array | None:
        """Any order is as good as another."""
        return None

    def accumulate(self, G: Array, P: Array, V: Array) -> Array:
        """A and V, see `relugeom.optim.objective.DensePart`."""
        T, n = len(G), P.shape[1]
        rows = min(T, block_rows(n, P.itemsize))
        if len(self._Z) < rows * n or len(self._zero) < n or self._Z.dtype != P.dtype:
            self._Z = np.empty(max(rows * n, len(self._Z)), P.dtype)
            self._zero = np.zeros(n, P.dtype)  # against a row, maximum() is three times as fast as against a scalar
        D = P[:-1].T
        A = np.zeros_like(P)
        part = np.empty_like(P)
        for start in range(0, T, rows):
            block = slice(start, min(start + rows, T))
            Z = self._Z[: (block.stop - start) * n].reshape(-1, n)
            np.matmul(G[block], P, out=Z)
            np.maximum(Z, self._zero[:n], out=Z)
            A += np.matmul(G[block].T, Z, out=part)
            np.matmul(Z, D, out=V[block])
        return A

    def state(self) -> dict[str, Array]:
        """None: every call stands alone."""
        return {}

    def restore(self, state: dict[str, Array]) -> None:
        """Nothing to take up."""
