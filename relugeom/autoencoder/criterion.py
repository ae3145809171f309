"""Which axes are given back, with what slack, and from what amplitude on.

The response of output j to the axis e_i is

    A_ij = r_j·w_i + b_j,      r_j = w_j (tied) or row j of a decoder.

Axis i is *recovered* if its own response is the only positive one: A_ii > 0 and A_ij ≤ 0 for j ≠ i. That is
the criterion of a unique single positive value. Comparisons are made in the arithmetic of the arrays; a
`tolerance` moves all of them from 0. By default it is what rounding may do to a response that is exactly 0,
`rounding_tolerance`; for rational numbers (`fractions.Fraction`, integers) and SymPy's it is 0. Exact answers:
`relugeom.exact`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from relugeom.arrays import Array, array_namespace, check_shape, device_of, floating_arrays, is_exact

__all__ = [
    "BiasWindow",
    "ZeroLoss",
    "activation_thresholds",
    "has_working_bias",
    "largest_bias_window",
    "max_sparse_support",
    "recovered_axes",
    "responses",
    "rounding_tolerance",
    "satisfies_criterion",
    "zero_loss_bias",
    "zero_loss_test",
]


class BiasWindow(NamedTuple):
    """The biases under which every axis is recovered: low_j < b_j ≤ high_j.

    Attributes
    ----------
    low, high : array, shape (..., n)
        The window of output j is empty where low_j ≥ high_j.
    """

    low: Array
    high: Array


class ZeroLoss(NamedTuple):
    """The conditions for zero loss on X = I, one by one.

    Attributes
    ----------
    holds : array of bool, shape (...)
        All conditions, up to the tolerance asked for.
    bias_excess : array, shape (..., n)
        b_i − (1 − r_i·w_i), which must be 0; r_i is w_i if tied.
    slack : array, shape (..., n, n)
        r_i·(w_i − w_j) − 1, which must not be negative, in place (i, j); ∞ on the diagonal, where nothing is
        asked.
    """

    holds: Array
    bias_excess: Array
    slack: Array


def _model(W: Any, b: Any, decoder: Any) -> tuple[Any, Array, Array, Array]:
    """``xp``, the matrix r_j·w_i in place (i, j), b, and the identity."""
    xp, W, b, decoder = floating_arrays(W=W, b=b, decoder=decoder)
    check_shape("W", W, ("m", "n"))
    m, n = W.shape[-2:]
    rows = xp.asarray(xp.matrix_transpose(W), copy=True) if decoder is None else decoder
    check_shape("decoder", rows, ("n", "m"), n=n, m=m)
    if b is None:
        b = xp.zeros(n, dtype=W.dtype, device=device_of(W))
    check_shape("b", b, ("n",), n=n)
    return xp, xp.matrix_transpose(rows @ W), b, xp.eye(n, dtype=W.dtype, device=device_of(W))


def _diagonal(xp: Any, A: Array, eye: Array) -> Array:
    return xp.sum(A * eye, axis=-1)


def responses(W: Array, b: Array | None = None, decoder: Array | None = None) -> Array:
    """A_ij = r_j·w_i + b_j, the pre-activation of output j for the example e_i.

    Parameters
    ----------
    W : array, shape (..., m, n)
    b : array, shape (..., n), optional
        Default: 0.
    decoder : array, shape (..., n, m), optional
        Default: Wᵀ.

    Returns
    -------
    array, shape (..., n, n)
    """
    _, A, b, _ = _model(W, b, decoder)
    return A + b[..., None, :]


def rounding_tolerance(W: Array, b: Array | None = None, decoder: Array | None = None) -> Array:
    """8 (m + 2) ε (max ‖r_j‖ max ‖w_i‖ + max |b_j|): what rounding may do to a response r_j·w_i + b_j.

    ε is that of the arrays' dtype. A sum of m products and an addition err by (m + 1) ε/2 of the magnitudes, and W, b
    themselves by ε/2; the factor 8 leaves room for a training or a construction that rounded too.

    Parameters
    ----------
    W, b, decoder
        As for `responses`.

    Returns
    -------
    array, shape (...)
        0 for exact numbers: nested sequences of `fractions.Fraction` and integers, arrays of integers, SymPy's.

    Examples
    --------
    >>> float(rounding_tolerance([[1, -1]]))
    0.0
    """
    xp, A, bias, _ = _model(W, b, decoder)
    if is_exact(W, b, decoder):
        return xp.zeros_like(A[..., 0, 0])
    xp, W, decoder = floating_arrays(W=W, decoder=decoder)
    longest = xp.sqrt(xp.max(xp.sum(W**2, axis=-2), axis=-1))
    other = longest if decoder is None else xp.sqrt(xp.max(xp.sum(decoder**2, axis=-1), axis=-1))
    size = longest * other + xp.max(xp.abs(bias), axis=-1)
    return 8 * (W.shape[-2] + 2) * xp.finfo(A.dtype).eps * size


def recovered_axes(
    W: Array, b: Array | None = None, decoder: Array | None = None, *, tolerance: float | None = None
) -> Array:
    """Whether A_ii > 0 and A_ij ≤ 0 for all j ≠ i, for each i.

    Parameters
    ----------
    W, b, decoder
        As for `responses`.
    tolerance : float, optional
        Positive means above it, not positive means at most it. Default: `rounding_tolerance`.

    Returns
    -------
    array of bool, shape (..., n)

    See Also
    --------
    relugeom.autoencoder.recovered_amplitudes, relugeom.autoencoder.satisfies_criterion

    Examples
    --------
    >>> from relugeom.autoencoder.constructions import zero_loss_polygon
    >>> bool(recovered_axes(*zero_loss_polygon(5)).all())
    True
    """
    xp, A, bias, eye = _model(W, b, decoder)
    if is_exact(W, b, decoder) and not hasattr(W, "dtype"):
        positive = _exactly_positive(W, b, decoder, 0 if tolerance is None else tolerance)
        return xp.all(positive == (eye > 0), axis=-1)
    limit = rounding_tolerance(W, b, decoder) if tolerance is None else tolerance + xp.zeros_like(A[..., 0, 0])
    return xp.all((A + bias[..., None, :] > limit[..., None, None]) == (eye > 0), axis=-1)


def _exactly_positive(W: Any, b: Any, decoder: Any, tolerance: Any) -> Any:
    """Whether A_ij > tolerance, in the arithmetic of rationals or of SymPy."""
    matrix = np.array(W, dtype=object)
    rows = np.swapaxes(matrix, -1, -2) if decoder is None else np.array(decoder, dtype=object)
    A = np.swapaxes(rows @ matrix, -1, -2)
    if b is not None:
        bias = np.array(b, dtype=object)
        # A SymPy vector comes as a column, or as a row.
        A = A + (bias.reshape(1, -1) if matrix.ndim == 2 else bias[..., None, :])
    return np.vectorize(_is_positive, otypes=[bool])(A - tolerance)


def _is_positive(x: Any) -> bool:
    """x > 0; for SymPy by fifty digits, and where they are all 0 by its test of identities."""
    if not hasattr(x, "evalf"):
        return bool(x > 0)
    digits = x.evalf(50)
    return bool(digits > 0) and not (abs(digits) < 1e-40 and x.equals(0))


def satisfies_criterion(
    W: Array, b: Array | None = None, decoder: Array | None = None, *, tolerance: float | None = None
) -> Array:
    """Whether every axis is recovered.

    Parameters
    ----------
    W, b, decoder, tolerance
        As for `recovered_axes`.

    Returns
    -------
    array of bool, shape (...)

    See Also
    --------
    relugeom.autoencoder.has_working_bias, relugeom.autoencoder.largest_bias_window
    relugeom.autoencoder.activation_thresholds, relugeom.autoencoder.recovered_axes
    relugeom.autoencoder.recovered_amplitudes

    Examples
    --------
    >>> bool(satisfies_criterion([[1, -1, 0, 0], [0, 0, 1, -1]]))
    True
    """
    axes = recovered_axes(W, b, decoder, tolerance=tolerance)
    return array_namespace(axes).all(axes, axis=-1)


def largest_bias_window(W: Array, decoder: Array | None = None) -> BiasWindow:
    """−r_j·w_j < b_j ≤ −max_{i≠j} r_j·w_i: all biases under which every axis is recovered.

    A bias common to all outputs works iff max low < b ≤ min high.

    Parameters
    ----------
    W : array, shape (..., m, n)
    decoder : array, shape (..., n, m), optional
        Default: Wᵀ.

    Returns
    -------
    BiasWindow
        ``low`` and ``high``, arrays of shape (..., n): −r_j·w_j and −max r_j·w_i.

    See Also
    --------
    relugeom.autoencoder.satisfies_criterion, relugeom.autoencoder.has_working_bias
    relugeom.autoencoder.activation_thresholds
    """
    xp, A, _, eye = _model(W, None, decoder)
    others = xp.where(eye > 0, -xp.inf, A)
    return BiasWindow(-_diagonal(xp, A, eye), -xp.max(others, axis=-2))


def has_working_bias(W: Array, decoder: Array | None = None) -> Array:
    """Whether some b satisfies the criterion: r_j·w_i < r_j·w_j for all i ≠ j.

    Tied this reads cos θ_ij < min(‖w_i‖/‖w_j‖, ‖w_j‖/‖w_i‖): features of unlike norms need a large angle.

    Parameters
    ----------
    W : array, shape (..., m, n)
    decoder : array, shape (..., n, m), optional
        Default: Wᵀ.

    Returns
    -------
    array of bool, shape (...)

    See Also
    --------
    relugeom.autoencoder.satisfies_criterion, relugeom.autoencoder.largest_bias_window
    relugeom.autoencoder.activation_thresholds
    """
    low, high = largest_bias_window(W, decoder)
    return array_namespace(low).all(low < high, axis=-1)


def zero_loss_bias(W: Array) -> Array:
    """b_i = 1 − ‖w_i‖², the only bias that can give ReLU(WᵀW + b) = I.

    Parameters
    ----------
    W : array, shape (..., m, n)

    Returns
    -------
    array, shape (..., n)

    See Also
    --------
    relugeom.autoencoder.zero_loss_test, relugeom.autoencoder.zero_loss_polygon
    """
    xp, W = floating_arrays(W=W)
    check_shape("W", W, ("m", "n"))
    return 1 - xp.sum(W**2, axis=-2)


def zero_loss_test(
    W: Array, b: Array | None = None, decoder: Array | None = None, *, tolerance: float = 1e-12
) -> ZeroLoss:
    """ReLU(RW + b) = I iff b_i = 1 − r_i·w_i and r_i·(w_i − w_j) ≥ 1 for all j ≠ i.

    The diagonal asks r_i·w_i + b_i = 1; then r_i·w_j + b_i ≤ 0 is the inequality. So, tied, a feature must stand out
    along its own direction by 1.

    Parameters
    ----------
    W : array, shape (..., m, n)
    b : array, shape (..., n), optional
        Default: 0. For the bias that a tied W itself demands, pass ``zero_loss_bias(W)``.
    decoder : array, shape (..., n, m), optional
        Default: Wᵀ.
    tolerance : float
        How far each condition may be missed.

    Returns
    -------
    ZeroLoss
        Whether all conditions hold, by how much the bias misses, and the least slack of the inequalities.

    See Also
    --------
    relugeom.autoencoder.zero_loss_bias, relugeom.autoencoder.zero_loss_polygon
    """
    xp, A, b, eye = _model(W, b, decoder)
    own = _diagonal(xp, A, eye)
    excess = b - (1 - own)
    slack = xp.where(eye > 0, xp.inf, own[..., :, None] - xp.matrix_transpose(A) - 1)
    holds = xp.all(xp.abs(excess) <= tolerance, axis=-1) & xp.all(slack >= -tolerance, axis=(-2, -1))
    return ZeroLoss(holds, excess, slack)


def activation_thresholds(W: Array, b: Array, decoder: Array | None = None) -> Array:
    """τ_i = max(0, −b_i/(r_i·w_i)): output i answers to a e_i iff a > τ_i.

    If the criterion holds at a = 1 and b ≤ 0, then for 0 < a ≤ 1 the support of a e_i is given back iff a >
    τ_i.

    Parameters
    ----------
    W : array, shape (..., m, n)
    b : array, shape (..., n)
    decoder : array, shape (..., n, m), optional
        Default: Wᵀ.

    Returns
    -------
    array, shape (..., n)
        ∞ where r_i·w_i ≤ 0, for then no amplitude switches output i on.

    See Also
    --------
    relugeom.autoencoder.satisfies_criterion, relugeom.autoencoder.has_working_bias
    relugeom.autoencoder.largest_bias_window
    """
    xp, A, b, eye = _model(W, b, decoder)
    gain = _diagonal(xp, A, eye)
    b = b + xp.zeros_like(gain)
    ratio = -b / xp.where(gain > 0, gain, xp.ones_like(gain))
    return xp.where(gain > 0, xp.maximum(ratio, xp.zeros_like(ratio)), xp.inf)


def max_sparse_support(
    W: Array, b: Array | None = None, decoder: Array | None = None, *, tolerance: float | None = None
) -> Array:
    """The largest k such that every 0/1 input with 1 to k ones has its support recovered; 0 if there is none.

    For inputs with s ones, output j does worst

    - when it should be on: beside itself, the s − 1 smallest r_j·w_i (i ≠ j);
    - when it should be off: the s largest r_j·w_i (i ≠ j).

    Both are prefix sums of one sorted row, so no input need be enumerated.

    Parameters
    ----------
    W, b, decoder
        As for `responses`.
    tolerance : float, optional
        Positive means above it, not positive means at most it. Default: n times `rounding_tolerance`, as sums have up
        to n terms.

    Returns
    -------
    array of int, shape (...)

    See Also
    --------
    relugeom.capacity.decide, relugeom.capacity.search, relugeom.capacity.find_positive_pair
    relugeom.capacity.upper_bound
    """
    rounding = rounding_tolerance(W, b, decoder)
    xp, A, b, eye = _model(W, b, decoder)
    n = A.shape[-1]
    limit = n * rounding if tolerance is None else tolerance + xp.zeros_like(rounding)
    rows = xp.matrix_transpose(A)  # [j, i] = r_j·w_i
    rising = xp.sort(xp.where(eye > 0, xp.inf, rows), axis=-1)[..., : n - 1]  # without the diagonal
    none = xp.zeros_like(rows[..., :1])
    smallest = xp.cumulative_sum(xp.concat([none, rising], axis=-1), axis=-1)  # of 0, 1, ..., n − 1 terms
    largest = xp.cumulative_sum(xp.flip(rising, axis=-1), axis=-1)  # of 1, ..., n − 1 terms
    on = (_diagonal(xp, rows, eye) + b)[..., None] + smallest > limit[..., None, None]
    off = largest + b[..., None] <= limit[..., None, None]
    off = xp.concat([off, xp.ones_like(on[..., :1])], axis=-1)  # with n ones no output should be off
    fails = xp.astype(~xp.all(on & off, axis=-2), xp.int64)  # [s − 1]
    return xp.sum(xp.astype(xp.cumulative_sum(fails, axis=-1) == 0, xp.int64), axis=-1)
