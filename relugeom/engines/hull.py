"""The dense part over the features that some example can activate.

A linear function takes its largest value over a set of points at a vertex of any polytope around them. So with
v_1, ..., v_K the vertices of such a polytope around the latent vectors,

    max_k (d_j·v_k + b_j) <= 0   =>   feature j is inactive on every example

and its column need not be formed. In the plane the polytope is cut out by sixteen supporting lines; in more
dimensions it is the bounding box, whose best corner is known without listing them. Late in a run with few examples
nine features in ten fall away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.engines.blocked import Blocked

__all__ = ["Hull", "largest_preactivation"]

Array = npt.NDArray[Any]

_SIDES = 16
_PAUSE = 8  # steps without a test after one that was not worth it
_SLACK = 1e-5  # relative: the polytope is blown up by more than rounding can move it


def _polygon_constants() -> tuple[Array, Array, Array]:
    """The normals u_k, and the matrices that take (s_1, ..., s_K) to the vertices' coordinates."""
    phi = 2 * np.pi / _SIDES
    angle = phi * np.arange(_SIDES)
    U = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    following = np.roll(np.eye(_SIDES), 1, axis=1)  # row k picks s_{k+1}
    first, second = np.eye(_SIDES) - np.cos(phi) * following, following - np.cos(phi) * np.eye(_SIDES)
    X, Y = (
        (first * U[:, i : i + 1] + second * np.roll(U, -1, axis=0)[:, i : i + 1]) / np.sin(phi) ** 2 for i in range(2)
    )
    return U, X, Y


_NORMALS, _VERTEX_X, _VERTEX_Y = _polygon_constants()


def largest_preactivation(H: Array, P: Array) -> Array:
    """An upper bound of max_t (d_j·h_t + b_j) for every feature, shape (n,), for H (T, m) and P (m+1, n)."""
    if H.shape[1] == 2:
        V = _polygon(H) @ P
        return np.asarray(V.max(axis=0))
    low, high = H.min(axis=0), H.max(axis=0)
    half = (high - low) / 2
    half += _SLACK * (np.abs(low) + np.abs(high))
    return np.asarray((low + high) / 2 @ P[:-1] + half @ np.abs(P[:-1]) + P[-1])


def _polygon(H: Array) -> Array:
    """Vertices (v, 1), shape (K, 3), of the polygon cut out by K supporting lines u_k·h = s_k.

    Neighbouring normals are turned by φ, so with c = cos φ the vertex between two of them is

        v_k = ((s_k - s_{k+1} c) u_k + (s_{k+1} - s_k c) u_{k+1}) / (1 - c²)
    """
    s = (_NORMALS.astype(H.dtype) @ np.ascontiguousarray(H.T)).max(axis=1).astype(np.float64)
    s += _SLACK * np.abs(s).max()
    vertices = np.ones((_SIDES, 3), H.dtype)
    vertices[:, 0], vertices[:, 1] = _VERTEX_X @ s, _VERTEX_Y @ s
    return vertices


class Hull:
    """Dense part over blocks of rows and the columns that the hull of the latent vectors reaches."""

    size = 1

    def __init__(self) -> None:
        self._blocked = Blocked()
        self._pause = 0

    def order(self, latent: Callable[[], Array]) -> None:
        """Any order is as good as another."""

    def accumulate(self, G: Array, P: Array, V: Array) -> Array:
        """A and V, see `relugeom.engines.objective.DensePart`."""
        if self._pause:
            self._pause -= 1
            return self._blocked.accumulate(G, P, V)
        columns = np.flatnonzero(largest_preactivation(G[:, :-1], P) > 0)
        if 4 * len(columns) > 3 * P.shape[1]:  # gathering would cost more than it saves
            self._pause = _PAUSE
            return self._blocked.accumulate(G, P, V)
        A = np.zeros_like(P)
        if len(columns):
            part = self._blocked.accumulate(G, P.take(columns, axis=1), V)
            for row, sums in zip(A, part, strict=True):
                row[columns] = sums
        else:
            V[...] = 0
        return A

    def state(self) -> dict[str, Array]:
        """When the next test is due."""
        return {"hull": np.array([self._pause])}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        self._pause = int(state["hull"][0])
