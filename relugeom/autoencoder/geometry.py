"""Where the features lie: norms, angles, gaps, circles, and how much of a dimension each has to itself."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np

from relugeom.arrays import Array, array_namespace, check_shape, floating_arrays
from relugeom.errors import ArgumentError

__all__ = [
    "Circles",
    "angles",
    "angular_gaps",
    "circles",
    "column_norms",
    "dimensionality",
    "example_dimensionality",
    "feature_dimensionality",
    "maximal_dimensionality",
]


_MANY = 500  # features beyond which circles are found without comparing all pairs


@dataclass(frozen=True, slots=True, eq=False)
class Circles:
    """Features grouped by norm.

    Attributes
    ----------
    labels : array of int, shape (..., n)
        The circle of each feature, counted from the innermost, 0.
    radii : array, shape (..., n)
        The mean norm of the features on the same circle.
    count : array of int, shape (...)
        How many circles there are. Lost features, of norm about 0, make one of their own.
    tolerance : float
        The one that was asked for.
    """

    labels: Array
    radii: Array
    count: Array
    tolerance: float


def _weights(W: Any) -> tuple[Any, Array]:
    xp, W = floating_arrays(W=W)
    check_shape("W", W, ("m", "n"))
    return xp, W


def column_norms(W: Array) -> Array:
    """‖w_i‖.

    Parameters
    ----------
    W : array, shape (..., m, n)

    Returns
    -------
    array, shape (..., n)

    See Also
    --------
    relugeom.autoencoder.angles, relugeom.autoencoder.angular_gaps, relugeom.autoencoder.circles
    """
    xp, W = _weights(W)
    return xp.sqrt(xp.sum(W**2, axis=-2))


def angles(W: Array) -> Array:
    """The directions of the features in the plane, in [0, 2π) radians; 0 for a zero column.

    Parameters
    ----------
    W : array, shape (..., 2, n)

    Returns
    -------
    array, shape (..., n)

    See Also
    --------
    relugeom.autoencoder.angular_gaps, relugeom.autoencoder.circles, relugeom.autoencoder.column_norms
    """
    xp, W = _weights(W)
    if W.shape[-2] != 2:
        raise ArgumentError(f"W must have shape (..., 2, n) for angles in the plane; got {tuple(W.shape)}")
    theta = xp.atan2(W[..., 1, :], W[..., 0, :])
    theta = xp.where(theta < 0, theta + 2 * pi, theta)
    return xp.where(theta < 2 * pi, theta, xp.zeros_like(theta))  # −1e-17 + 2π rounds to 2π


def angular_gaps(W: Array) -> Array:
    """The angles between neighbours, once around from the smallest direction; they add up to 2π.

    Parameters
    ----------
    W : array, shape (..., 2, n)

    Returns
    -------
    array, shape (..., n)
        Gap k lies between the k-th direction and the next one in increasing order; the last one closes the
        circle.

    See Also
    --------
    relugeom.autoencoder.angles, relugeom.autoencoder.circles, relugeom.autoencoder.column_norms
    """
    theta = angles(W)
    xp = array_namespace(theta)
    theta = xp.sort(theta, axis=-1)
    following = xp.concat([theta[..., 1:], theta[..., :1] + 2 * pi], axis=-1)
    return following - theta


def circles(W: Array, tolerance: float) -> Circles:
    """Features whose norms are linked by steps of at most `tolerance` lie on one circle.

    Parameters
    ----------
    W : array, shape (..., m, n)
    tolerance : float
        In the units of a norm, not negative.

    Returns
    -------
    Circles
        How many there are, and the circle of every feature, numbered from the smallest.

    See Also
    --------
    relugeom.autoencoder.angles, relugeom.autoencoder.angular_gaps, relugeom.autoencoder.column_norms
    """
    if not tolerance >= 0:
        raise ArgumentError(f"tolerance must not be negative; got {tolerance}")
    norms = column_norms(W)
    xp = array_namespace(norms)
    rising = xp.sort(norms, axis=-1)
    if norms.ndim == 1 and norms.shape[0] > _MANY and isinstance(norms, np.ndarray):
        return _many_circles(norms, rising, tolerance)
    starts = rising[..., 1:] - rising[..., :-1] > tolerance  # a new circle starts at rising[..., 1:]
    above = (norms[..., :, None] >= rising[..., None, 1:]) & starts[..., None, :]
    labels = xp.sum(xp.astype(above, xp.int64), axis=-1)
    together = xp.astype(labels[..., :, None] == labels[..., None, :], norms.dtype)
    radii = xp.sum(together * norms[..., None, :], axis=-1) / xp.sum(together, axis=-1)
    return Circles(labels, radii, xp.max(labels, axis=-1) + 1, float(tolerance))


def dimensionality(H: Array) -> Array:
    """D_t = ‖h_t‖² / Σ_s (ĥ_t·h_s)² = ‖h_t‖⁴ / h_tᵀ C h_t of the rows h_t of H, with C = HᵀH.

    The m × m matrix C stands for all overlaps, of which there are T².

    Parameters
    ----------
    H : array, shape (..., T, m)

    Returns
    -------
    array, shape (..., T)
        From 0 to 1; 0 for a zero row.
    """
    xp, H = floating_arrays(H=H)
    check_shape("H", H, ("T", "m"))
    fourth = xp.sum(H**2, axis=-1) ** 2
    overlap = xp.sum((H @ (xp.matrix_transpose(H) @ H)) * H, axis=-1)
    return xp.where(overlap > 0, fourth / xp.where(overlap > 0, overlap, xp.ones_like(overlap)), 0.0)


def _many_circles(norms: Any, rising: Any, tolerance: float) -> Circles:
    """`circles` of one model in NumPy without an n × n matrix."""
    labels = np.searchsorted(rising[1:][np.diff(rising) > tolerance], norms, side="right")
    means = np.bincount(labels, norms) / np.bincount(labels)
    return Circles(labels, means[labels].astype(norms.dtype), labels.max() + 1, float(tolerance))


def feature_dimensionality(W: Array) -> Array:
    """D_i = ‖w_i‖² / Σ_j (ŵ_i·w_j)², ŵ = w/‖w‖: the part of a dimension that feature i has to itself.

    Parameters
    ----------
    W : array, shape (..., m, n)

    Returns
    -------
    array, shape (..., n)
        From 0 to 1; 0 for a zero column.

    Warns
    -----
    UserWarning
        W has more rows than columns: then it is probably the transpose of what is meant.

    See Also
    --------
    relugeom.autoencoder.example_dimensionality, relugeom.autoencoder.maximal_dimensionality

    Notes
    -----
    Elhage et al., "Toy Models of Superposition" (2022).
    """
    xp, W = _weights(W)
    m, n = W.shape[-2:]
    if m > n:
        warnings.warn(
            f"W has more rows ({m}) than columns ({n}); features are its columns, so perhaps it should be transposed",
            stacklevel=2,
        )
    return dimensionality(xp.matrix_transpose(W))


def example_dimensionality(W: Array, X: Array) -> Array:
    """D_t = ‖h_t‖² / Σ_s (ĥ_t·h_s)² of the latent vectors h_t = W x_t: m/T for a regular T-gon.

    Parameters
    ----------
    W : array, shape (..., m, n)
    X : array, shape (..., T, n)

    Returns
    -------
    array, shape (..., T)

    See Also
    --------
    relugeom.autoencoder.feature_dimensionality, relugeom.autoencoder.maximal_dimensionality

    Notes
    -----
    Henighan et al., "Superposition, Memorization, and Double Descent" (2023).
    """
    _, H = _latent(W, X)
    return dimensionality(H)


def maximal_dimensionality(W: Array, X: Array | None = None, *, tolerance: float = 1e-10) -> Array:
    """D*_i = sup_v (v·h_i)² / Σ_j (v·h_j)² = h_iᵀ M⁺ h_i with M = Σ_j h_j h_jᵀ.

    The sum is vᵀMv. Substituting v = M^{+1/2} u, which loses nothing as h_i lies in the range of M, turns the
    quotient into (u·M^{+1/2} h_i)²/‖u‖², and Cauchy and Schwarz give the maximum ‖M^{+1/2} h_i‖². In terms of
    the singular vectors of the matrix with rows h_j it is Σ_k U_ik² over the non-zero singular values, which
    is how it is computed: M would square the condition number. The D*_i add up to the rank.

    Parameters
    ----------
    W : array, shape (..., m, n)
    X : array, shape (..., T, n), optional
        With it the h_j are the latent vectors of the examples, without it the features.
    tolerance : float
        Singular values below this part of the largest count as 0.

    Returns
    -------
    array, shape (..., T) or (..., n)

    See Also
    --------
    relugeom.autoencoder.feature_dimensionality, relugeom.autoencoder.example_dimensionality
    """
    if X is None:
        xp, W = _weights(W)
        H = xp.matrix_transpose(W)
    else:
        xp, H = _latent(W, X)
    U, sigma, _ = xp.linalg.svd(H, full_matrices=False)
    counts = sigma > tolerance * xp.max(sigma, axis=-1, keepdims=True)
    return xp.sum(U**2 * xp.astype(counts, H.dtype)[..., None, :], axis=-1)


def _latent(W: Any, X: Any) -> tuple[Any, Array]:
    xp, W, X = floating_arrays(W=W, X=X)
    check_shape("W", W, ("m", "n"))
    check_shape("X", X, ("T", "n"), n=W.shape[-1])
    return xp, X @ xp.matrix_transpose(W)
