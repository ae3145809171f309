"""The cells of a latent space of three dimensions: polyhedra, for drawing and for volumes.

The planes w_j·h + b_j = 0 cut the cube |h_k| ≤ r into convex cells, as the lines of `relugeom.autoencoder.regions` cut
the plane. Here the arithmetic is floating: a polyhedron is the hull of its vertices, and a plane splits it into the
hulls of what lies on either side.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.regions import default_window
from relugeom.errors import ArgumentError

__all__ = ["Polyhedron", "polyhedral_cells", "polyhedral_zones"]

Floats: TypeAlias = npt.NDArray[np.float64]

# Lengths below this part of the window count as 0: a vertex that close to a plane lies on it.
_ON_PLANE = 1e-10


@dataclass(frozen=True, slots=True, eq=False)
class Polyhedron:
    """A convex polyhedron of the latent space, inside the window.

    Attributes
    ----------
    vertices : ndarray, shape (k, 3)
    active : frozenset of int
        The features whose output is positive in the interior.
    """

    vertices: Floats
    active: frozenset[int]

    @property
    def volume(self) -> float:
        """The volume."""
        return float(_hull(self.vertices).volume)

    @property
    def axis(self) -> int | None:
        """The feature whose axis the cell is decoded to, or None."""
        return next(iter(self.active)) if len(self.active) == 1 else None

    @property
    def faces(self) -> list[Floats]:
        """The faces, each an array of shape (k, 3) with its corners in order.

        Qhull gives triangles. Those with one outward normal are a face, whose corners go around its centre by angle.
        """
        hull = _hull(self.vertices)
        corners: dict[tuple[float, ...], set[int]] = {}
        for triangle, equation in zip(hull.simplices, hull.equations, strict=True):
            corners.setdefault(tuple(np.round(equation, 6) + 0.0), set()).update(triangle.tolist())
        return [_around(self.vertices[sorted(face)], np.array(plane[:3])) for plane, face in corners.items()]


def _hull(points: Floats) -> Any:
    from scipy.spatial import ConvexHull

    return ConvexHull(points)


def _around(points: Floats, normal: Floats) -> Floats:
    """The corners of a planar polygon, counter-clockwise when seen against its normal."""
    rays = points - points.mean(axis=0)
    first = rays[0] / np.linalg.norm(rays[0])
    second = np.cross(normal, first)
    return points[np.argsort(np.arctan2(rays @ second, rays @ first))]


def _part(vertices: Floats, values: Floats, tolerance: float) -> Floats | None:
    """The part of the hull of `vertices` where an affine function, given at the vertices, is ≥ 0; None if it is flat.

    Its corners are among the vertices with value ≥ 0 and the points where a segment between two vertices meets the
    plane: those on edges are corners, those on diagonals lie inside, and the hull drops them.
    """
    values = np.where(np.abs(values) <= tolerance, 0.0, values)
    if not (values > 0).any():
        return None
    if not (values < 0).any():
        return vertices
    above, below = values > 0, values < 0
    u, v = values[above][:, None, None], values[below][None, :, None]
    crossings = (vertices[above][:, None, :] * -v + vertices[below][None, :, :] * u) / (u - v)
    points = np.concatenate([vertices[values >= 0], crossings.reshape(-1, 3)])
    corners: Floats = points[_hull(points).vertices]
    return corners


def _model(W: Any, b: Any, decoder: Any, window: float | None) -> tuple[Floats, Floats, Floats, float]:
    """Unit normals, offsets in lengths, the corners of the cube, and the length that counts as 0.

    A plane's equation is divided by ‖w_j‖, so that its value at a point is a distance; a zero column keeps only the
    sign of its bias.
    """
    matrix = np.asarray(to_numpy(W), dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != 3 or matrix.shape[1] == 0:
        raise ArgumentError(f"W must have shape (3, n) for cells of three dimensions; got {matrix.shape}")
    bias = np.zeros(matrix.shape[1]) if b is None else np.asarray(to_numpy(b), dtype=np.float64)
    if bias.shape != matrix.shape[1:]:
        raise ArgumentError(f"b must have shape ({matrix.shape[1]},); got {bias.shape}")
    normals = matrix if decoder is None else np.asarray(to_numpy(decoder), dtype=np.float64).T
    if normals.shape != matrix.shape:
        raise ArgumentError(f"decoder must have shape {matrix.shape[::-1]}; got {normals.shape[::-1]}")
    if not all(np.isfinite(part).all() for part in (matrix, bias, normals)):
        raise ArgumentError("W and b must hold finite real numbers")
    r = float(default_window(matrix) if window is None else window)
    if not 0 < r < np.inf:
        raise ArgumentError(f"window must be positive; got {window}")
    norms = np.linalg.norm(normals, axis=0)
    scale = np.where(norms > 0, norms, np.where(bias == 0, 1.0, np.abs(bias) / r))
    cube = r * np.array(list(product((-1.0, 1.0), repeat=3)))
    return (normals / scale).T, bias / scale, cube, _ON_PLANE * r


def polyhedral_cells(W: Any, b: Any = None, decoder: Any = None, *, window: float | None = None) -> list[Polyhedron]:
    """All cells of the arrangement of the planes w_j·h + b_j = 0, inside the cube |h_k| ≤ window.

    Parameters
    ----------
    W : array, shape (3, n)
    b : array, shape (n,), optional
        Default: 0.
    decoder : array, shape (n, 3), optional
        Its rows are the normals of the planes. Default: Wᵀ.
    window : float, optional
        Half the edge of the cube. Default: `default_window`.

    Returns
    -------
    list of Polyhedron
        Their volumes add up to that of the cube.

    Raises
    ------
    ArgumentError
        W is not 3 × n, b does not fit, the window is not positive, or a number is not finite.

    Examples
    --------
    >>> sorted(round(cell.volume, 9) for cell in polyhedral_cells([[1], [0], [0]], [0.5], window=1))
    [2.0, 6.0]
    """
    normals, offsets, cube, tolerance = _model(W, b, decoder, window)
    found: list[tuple[Floats, frozenset[int]]] = [(cube, frozenset())]
    for j, (normal, offset) in enumerate(zip(normals, offsets, strict=True)):
        split: list[tuple[Floats, frozenset[int]]] = []
        for vertices, active in found:
            values = vertices @ normal + offset
            on, off = _part(vertices, values, tolerance), _part(vertices, -values, tolerance)
            if on is not None:
                split.append((on, active | {j}))
            if off is not None or on is None:
                split.append((vertices if off is None else off, active))
        found = split
    return [Polyhedron(vertices, active) for vertices, active in found]


def polyhedral_zones(
    W: Any, b: Any = None, decoder: Any = None, *, window: float | None = None
) -> list[Polyhedron | None]:
    """For each feature the cell where its output alone is positive; None where there is none of positive volume.

    Parameters
    ----------
    W, b, decoder, window
        As for `polyhedral_cells`.

    Returns
    -------
    list of n Polyhedron or None
    """
    normals, offsets, cube, tolerance = _model(W, b, decoder, window)
    found: list[Polyhedron | None] = []
    for i in range(len(offsets)):
        vertices: Floats | None = cube
        for j, (normal, offset) in enumerate(zip(normals, offsets, strict=True)):
            if vertices is None:
                break
            values = vertices @ normal + offset
            if j != i and np.abs(values).max() <= tolerance:  # w_j = 0 and b_j = 0: silent everywhere
                continue
            vertices = _part(vertices, values if j == i else -values, tolerance)
        found.append(None if vertices is None else Polyhedron(vertices, frozenset({i})))
    return found
