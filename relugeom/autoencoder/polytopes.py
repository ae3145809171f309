"""Features sorted into polytopes: groups that share dimensions with each other and with nobody else.

Two features interfere where w_i·w_j is not small beside their norms. The connected components of this graph are
orthogonal to each other, so k features whose component spans d dimensions share d dimensions among them, and where
they share them evenly each has the dimensionality D = d/k: 1 for a dimension of one's own, 1/2 for an antipodal pair
(digon), 2/3 for a triangle, 3/4 for a tetrahedron, 2/5 for a pentagon, 3/8 for a square antiprism (Elhage et al.,
2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.geometry import column_norms, feature_dimensionality
from relugeom.errors import ArgumentError

__all__ = ["POLYTOPES", "Polytope", "interference_components", "polytopes"]

Floats = npt.NDArray[np.floating[Any]]

POLYTOPES = {
    (1, 1): "own dimension",
    (2, 1): "digon",
    (3, 2): "triangle",
    (4, 3): "tetrahedron",
    (5, 2): "pentagon",
    (8, 3): "square antiprism",
}
"""Names of k features in d dimensions, by (k, d)."""


class Polytope(NamedTuple):
    """Features that interfere with each other, directly or through others, and with no other feature.

    Attributes
    ----------
    features : tuple of int
    dimensions : int
        d, how many they span.
    name : str
        One of `POLYTOPES`, else "k in d".
    dimensionality : float
        The mean of their D; d/k where they share evenly and are orthogonal to everything else.
    """

    features: tuple[int, ...]
    dimensions: int
    name: str
    dimensionality: float


def interference_components(W: Floats, least: float = 0.3, among: Sequence[int] | None = None) -> list[tuple[int, ...]]:
    """The connected components of the graph in which i and j are joined where |w_i·w_j| ≥ least ‖w_i‖ ‖w_j‖.

    Parameters
    ----------
    W : ndarray, shape (m, n)
    least : float
        A cosine in (0, 1].
    among : sequence of int, optional
        The features that count; default: all. A zero column is alone.

    Returns
    -------
    list of tuple of int
        Each in rising order, in the order of their first members.
    """
    W = to_numpy(W)
    if W.ndim != 2:
        raise ArgumentError(f"W must have shape (m, n); got {W.shape}")
    if not 0 < least <= 1:
        raise ArgumentError(f"least must be a cosine in (0, 1]; got {least}")
    norms = np.asarray(column_norms(W))
    joined = np.abs(W.T @ W) >= least * np.outer(norms, norms)
    joined[norms == 0] = joined[:, norms == 0] = False
    left = list(range(W.shape[1])) if among is None else sorted(among)
    components = []
    while left:
        component, edge = {left[0]}, [left[0]]
        while edge:
            i = edge.pop()
            new = [j for j in left if joined[i, j] and j not in component]
            component.update(new)
            edge += new
        components.append(tuple(sorted(component)))
        left = [j for j in left if j not in component]
    return components


def polytopes(W: Floats, *, represented: float = 0.5, least: float = 0.3, flat: float = 0.2) -> list[Polytope]:
    """The polytopes of the features that are represented, in the order of their first members.

    Parameters
    ----------
    W : ndarray, shape (m, n)
    represented : float
        Features of a smaller norm are left out.
    least : float
        Cosines below this are no interference.
    flat : float
        A component has as many dimensions as singular values above this part of its largest.

    Returns
    -------
    list of Polytope
    """
    W = np.asarray(to_numpy(W), dtype=float)
    shown = np.flatnonzero(np.asarray(column_norms(W)) >= represented)
    share = np.asarray(feature_dimensionality(W)) if len(shown) else np.zeros(0)
    found = []
    for features in interference_components(W, least, shown.tolist()):
        values = np.linalg.svd(W[:, features], compute_uv=False)
        d, k = int((values > flat * values[0]).sum()), len(features)
        name = POLYTOPES.get((k, d), f"{k} in {d}")
        found.append(Polytope(features, d, name, float(share[list(features)].mean())))
    return found
