"""The object x' = ReLU(R W x + b), tied R = Wᵀ: its parts, its loss, and the loss's derivatives by hand.

Every function takes one model or a batch of models on leading axes, tied or not, with a bias or without; and the data
as an array of examples X (T, n) or as any `DataSet` (`relugeom.autoencoder.data`), where the derivations stand.

Where some pre-activation is 0 the loss has a kink: `kink_distance` tells how near, `check_smooth` refuses by name.
"""

from __future__ import annotations

from relugeom.arrays import Array, array_namespace, check_shape, floating_arrays, to_numpy
from relugeom.autoencoder.data import DataSet, as_data
from relugeom.autoencoder.parameters import Parameters, check_arrays, flatten, unflatten
from relugeom.errors import KinkError

__all__ = [
    "DataSet",
    "Parameters",
    "as_data",
    "check_smooth",
    "dead_features",
    "encode",
    "flatten",
    "gradient",
    "gram",
    "hessian",
    "hessian_vector_product",
    "kink_distance",
    "loss",
    "null_features",
    "preactivation",
    "reconstruct",
    "silent_features",
    "total_loss",
    "unflatten",
    "untouched_features",
]


def gram(W: Array) -> Array:
    """G = WᵀW, the inner products of the features.

    Parameters
    ----------
    W : array, shape (..., m, n)

    Returns
    -------
    array, shape (..., n, n)
    """
    xp, W = floating_arrays(W=W)
    check_shape("W", W, ("m", "n"))
    # A copy, because BLAS takes a slower path when both factors are one buffer.
    return xp.matmul(xp.asarray(xp.matrix_transpose(W), copy=True), W)


def encode(parameters: Parameters, X: Array) -> Array:
    """h = W x for every example.

    Parameters
    ----------
    parameters : Parameters
    X : array, shape (..., T, n)

    Returns
    -------
    array, shape (..., T, m)

    See Also
    --------
    relugeom.autoencoder.preactivation, relugeom.autoencoder.reconstruct
    """
    at = check_arrays(parameters, X)
    return at.X @ at.xp.matrix_transpose(at.W)


def preactivation(parameters: Parameters, X: Array) -> Array:
    """z = R W x + b for every example, R = Wᵀ if tied.

    Parameters
    ----------
    parameters : Parameters
        One model, or a batch on leading axes.
    X : array, shape (..., T, n)
        Examples in rows.

    Returns
    -------
    array, shape (..., T, n)

    See Also
    --------
    relugeom.autoencoder.encode, relugeom.autoencoder.reconstruct
    """
    at = check_arrays(parameters, X)
    return (at.X @ at.xp.matrix_transpose(at.W)) @ at.D + at.b[..., None, :]


def reconstruct(parameters: Parameters, X: Array) -> Array:
    """x' = ReLU(R W x + b) for every example, R = Wᵀ if tied.

    Parameters
    ----------
    parameters : Parameters
        One model, or a batch on leading axes.
    X : array, shape (..., T, n)
        Examples in rows.

    Returns
    -------
    array, shape (..., T, n)

    See Also
    --------
    relugeom.autoencoder.encode, relugeom.autoencoder.preactivation
    """
    Z = preactivation(parameters, X)
    xp = array_namespace(Z)
    return xp.maximum(Z, xp.zeros_like(Z))


def loss(parameters: Parameters, data: Array | DataSet) -> Array:
    """L = (1/T) Σ_t Σ_i (x_ti − x'_ti)²: summed over features, averaged over examples.

    Parameters
    ----------
    parameters : Parameters
        One model, or a batch on leading axes.
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array, shape (...)
        One number per model.

    See Also
    --------
    total_loss : The sum over the examples instead of the mean.

    Notes
    -----
    The loss of Henighan et al., "Superposition, Memorization, and Double Descent" (2023).

    Examples
    --------
    Two features that share a line are given back exactly, for ReLU cuts off the negative one.

    >>> float(loss(Parameters([[1.0, -1.0]]), [[1.0, 0.0], [0.0, 1.0]]))
    0.0
    """
    return as_data(data).loss(parameters)


def total_loss(parameters: Parameters, data: Array | DataSet) -> Array:
    """Σ_t Σ_i (x_ti − x'_ti)² = T L: summed over features and over examples.

    For data on the axes the sum is over the n axes, and the amplitudes of an axis are averaged.

    Parameters
    ----------
    parameters : Parameters
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array, shape (...)

    See Also
    --------
    relugeom.autoencoder.loss, relugeom.autoencoder.gradient, relugeom.autoencoder.hessian_vector_product
    relugeom.autoencoder.hessian
    """
    known = as_data(data)
    return known.T * known.loss(parameters)


def gradient(parameters: Parameters, data: Array | DataSet) -> Parameters:
    """The derivatives of `loss` in W, b and, untied, the decoder.

    Parameters
    ----------
    parameters : Parameters
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    Parameters
        Shaped like the model; ``None`` where it has no bias, or no decoder of its own.

    See Also
    --------
    relugeom.autoencoder.loss, relugeom.autoencoder.total_loss, relugeom.autoencoder.hessian_vector_product
    relugeom.autoencoder.hessian
    """
    return as_data(data).gradient(parameters)


def hessian_vector_product(parameters: Parameters, data: Array | DataSet, direction: Parameters) -> Parameters:
    """The derivative of `gradient` along a direction.

    Parameters
    ----------
    parameters : Parameters
    data : array, shape (..., T, n), or DataSet
    direction : Parameters
        Its leading axes broadcast with the model's: many directions at one model, or one at each of many.

    Returns
    -------
    Parameters

    See Also
    --------
    relugeom.autoencoder.loss, relugeom.autoencoder.total_loss, relugeom.autoencoder.gradient
    relugeom.autoencoder.hessian
    """
    return as_data(data).hessian_vector_product(parameters, direction)


def hessian(parameters: Parameters, data: Array | DataSet) -> Array:
    """The matrix of second derivatives, in the order of `flatten`: W row by row, then b, then the decoder.

    Parameters
    ----------
    parameters : Parameters
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array, shape (..., p, p)
        p = mn, and n more for a bias, and nm more for an untied decoder.

    See Also
    --------
    relugeom.autoencoder.loss, relugeom.autoencoder.total_loss, relugeom.autoencoder.gradient
    relugeom.autoencoder.hessian_vector_product
    """
    return as_data(data).hessian(parameters)


def kink_distance(parameters: Parameters, data: Array | DataSet) -> Array:
    """How far the nearest pre-activation is from where the loss is not smooth.

    For an array of examples, the least absolute z_ti.

    Parameters
    ----------
    parameters : Parameters
        One model, or a batch on leading axes.
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array, shape (...)
        One number per model.

    See Also
    --------
    relugeom.landscape.kind
    """
    return as_data(data).kink_distance(parameters)


def check_smooth(parameters: Parameters, data: Array | DataSet, tolerance: float = 0.0) -> None:
    """Raise `KinkError` if some model is within `tolerance` of a kink, where derivatives jump.

    Parameters
    ----------
    parameters : Parameters
    data : array, shape (..., T, n), or DataSet
    tolerance : float
        In the units of a pre-activation. 0 refuses only the kink itself.
    """
    distances = to_numpy(kink_distance(parameters, data))
    near = ~(distances > tolerance)  # so that NaN is refused too
    if near.any():
        which = f"{int(near.sum())} of {near.size} models are" if near.ndim else "the model is"
        raise KinkError(
            f"{which} within {tolerance:g} of a kink of the ReLU (nearest: {distances.min():.3g}); "
            "derivatives there are one-sided, expected a point farther away"
        )


def null_features(parameters: Parameters, *, tolerance: float | None = None) -> Array:
    """Whether w_j = 0: no example's feature j reaches the latent space.

    Parameters
    ----------
    parameters : Parameters
    tolerance : float, optional
        Norms up to it count as 0. Default: a hundredth of the model's largest norm (0 where all are 0).

    Returns
    -------
    array of bool, shape (..., n)

    See Also
    --------
    relugeom.autoencoder.dead_features, relugeom.autoencoder.silent_features, relugeom.autoencoder.untouched_features
    """
    at = check_arrays(parameters)
    norms = at.xp.sqrt(at.xp.sum(at.W**2, axis=-2))
    bound = at.xp.max(norms, axis=-1, keepdims=True) / 100 if tolerance is None else tolerance
    return norms <= bound


def dead_features(parameters: Parameters, data: Array | DataSet) -> Array:
    """Whether z_j < 0 on every example, so that no gradient reaches output j.

    Parameters
    ----------
    parameters : Parameters
        One model, or a batch on leading axes.
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array of bool, shape (..., n)

    See Also
    --------
    relugeom.autoencoder.null_features, relugeom.autoencoder.silent_features, relugeom.autoencoder.untouched_features
    """
    return as_data(data).dead(parameters)


def silent_features(parameters: Parameters, data: Array | DataSet) -> Array:
    """Whether x'_j = 0 on every example that has feature j. True of a feature that no example has.

    Parameters
    ----------
    parameters : Parameters
        One model, or a batch on leading axes.
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array of bool, shape (..., n)

    See Also
    --------
    relugeom.autoencoder.null_features, relugeom.autoencoder.dead_features, relugeom.autoencoder.untouched_features
    """
    return as_data(data).silent(parameters)


def untouched_features(data: Array | DataSet) -> Array:
    """Whether no example has feature j.

    Parameters
    ----------
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array of bool, shape (n,)

    See Also
    --------
    relugeom.autoencoder.null_features, relugeom.autoencoder.dead_features, relugeom.autoencoder.silent_features
    """
    return as_data(data).untouched()
