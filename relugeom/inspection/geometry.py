"""The shape of the features: circles, gaps, how regular they are, which stand in one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import angular_gaps

__all__ = ["CIRCLE", "SAME", "Shape", "dimensionality", "duplicates", "interference", "shape_of"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CIRCLE = 0.02
"""Norms linked by steps below this part of the largest lie on one circle."""

SAME = 1e-3
"""Two columns at a distance below this part of their norm are duplicates."""

_REGULAR = 1e-2  # radians, and relative norms
_MOST_COMPARED = 1_500


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """Where the features that are not null lie.

    Attributes
    ----------
    radii, counts : tuple
        Mean norm and number of the features of each circle, from the innermost.
    labels : ndarray of int, shape (n,)
        The circle of each feature; −1 for null ones.
    gaps : ndarray, shape (k,), or None
        For m = 2: the angles between neighbours, in degrees, sorted.
    regular : bool or None
        Whether the figure is regular; None where that was not examined.
    words : str
        What the figure is, or how far from regular.
    """

    radii: tuple[float, ...]
    counts: tuple[int, ...]
    labels: npt.NDArray[np.int64]
    gaps: Floats | None
    regular: bool | None
    words: str


def shape_of(W: Floats, null: Bools, tolerance: float) -> Shape:
    """The shape of the columns of W that are not null; `tolerance` links norms, in their units."""
    labels = np.full(W.shape[1], -1)
    live = np.flatnonzero(~null)
    norms = np.linalg.norm(W[:, live], axis=0)
    order = np.argsort(norms, kind="stable")
    labels[live[order]] = np.cumsum(np.diff(norms[order], prepend=norms[order][:1]) > tolerance)
    members = [labels[live] == k for k in range(int(labels.max(initial=-1)) + 1)]
    radii = tuple(float(norms[member].mean()) for member in members)
    counts = tuple(int(member.sum()) for member in members)
    gaps = np.sort(np.degrees(angular_gaps(W[:, live]))) if len(W) == 2 and len(live) > 1 else None
    regular, words = _regularity(W[:, live], norms, gaps, len(radii))
    return Shape(radii, counts, labels, gaps, regular, words)


def _regularity(W: Floats, norms: Floats, gaps: Floats | None, circles: int) -> tuple[bool | None, str]:
    m, k = W.shape
    if k == 0:
        return None, "no feature that is not null"
    if k == 1:
        return None, "one feature"
    spread = float(norms.max() / norms.min() - 1)
    if m == 1:
        up = int((W[0] > 0).sum())
        return None, f"{up} up and {k - up} down the line"
    if gaps is not None:
        far = float(np.abs(gaps - 360 / k).max())
        if far <= np.degrees(_REGULAR) and spread <= _REGULAR:
            return True, f"a regular {k}-gon, within {far:.2g}° and {spread:.2g} of the norms"
        return False, f"no regular {k}-gon: a gap is {far:.3g}° off, the norms differ by up to {100 * spread:.3g} %"
    if k > _MOST_COMPARED:
        return None, f"not compared: {k} features, at most {_MOST_COMPARED} are"
    cosines = np.sort((W / norms).T @ (W / norms), axis=1)
    uneven = float(np.ptp(cosines, axis=0).max())
    values = _clusters(cosines[:, :-1])
    if uneven <= _REGULAR and spread <= _REGULAR:
        shown = ", ".join(f"{value:.3f}" for value in values[:6]) + (" ..." if len(values) > 6 else "")
        kinds = f"{len(values)} value{'s' * (len(values) > 1)}"
        return (
            True,
            f"every feature sees the others under the same angles, within {uneven:.2g}; cosines of {kinds}: {shown}",
        )
    return False, (
        f"not regular: the cosines that features see differ by up to {uneven:.2g}, "
        f"the norms by up to {100 * spread:.3g} %; {circles} sphere{'s' * (circles > 1)}"
    )


def _clusters(values: Floats) -> list[float]:
    """The distinct values, those within the tolerance of a neighbour taken together."""
    rising = np.sort(values.ravel())
    parts = np.split(rising, np.flatnonzero(np.diff(rising) > _REGULAR) + 1)
    return [float(part.mean()) for part in parts if len(part)]


def duplicates(W: Floats, null: Bools) -> tuple[int, ...]:
    """The features that stand where another one stands."""
    from scipy.spatial import cKDTree

    live = np.flatnonzero(~null)
    if len(live) < 2:
        return ()
    columns = W[:, live].T
    nearest = cKDTree(columns).query(columns, k=2)[0][:, 1]
    return tuple(live[nearest <= SAME * np.linalg.norm(columns, axis=1)].tolist())


def dimensionality(H: Floats) -> Floats:
    """‖h_t‖⁴ / Σ_s (h_t·h_s)² for the rows of H, by the sum Σ_s (h_t·h_s)² = h_tᵀ (HᵀH) h_t; 0 for h_t = 0."""
    squares = np.einsum("tk,tk->t", H, H)
    overlap = np.einsum("tk,tk->t", H @ (H.T @ H), H)
    found: Floats = np.divide(squares**2, overlap, out=np.zeros_like(squares), where=overlap > 0)
    return found


def interference(W: Floats) -> Floats:
    """Σ_{j≠i} (ŵ_i·w_j)², the same way; 0 for w_i = 0."""
    squares = np.einsum("ki,ki->i", W, W)
    overlap = np.einsum("ki,ki->i", (W @ W.T) @ W, W)
    found: Floats = np.divide(overlap, squares, out=np.zeros_like(squares), where=squares > 0) - squares
    return np.asarray(np.maximum(found, 0.0))
