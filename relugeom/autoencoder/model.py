"""The object x' = ReLU(WᵀWx + b), its loss, and the loss's derivatives by hand.

Every function takes one model or a batch of models on leading axes, and the data either as an array of
examples X (T, n) or as a `DataSet` that knows a shorter way (`relugeom.autoencoder.axial`). Value and
derivatives stand beside each other; the derivation is in the docstrings.

Throughout, with examples x_t in the rows of X,

    h_t = W x_t                  latent vectors,     H = X Wᵀ          (T, m)
    z_t = Wᵀ h_t + b             pre-activations,    Z = H W + b       (T, n)
    x'_t = ReLU(z_t)             reconstructions,    ReLU'(0) = 0

so the derivative is that of the region where a pre-activation of exactly 0 counts as inactive. Where some z
is 0 the loss has a kink: `kink_distance` tells how near, `check_smooth` refuses by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

from relugeom.arrays import Array, array_namespace, check_shape, device_of, floating_arrays, to_numpy
from relugeom.errors import ArgumentError, KinkError

__all__ = [
    "DataSet",
    "Parameters",
    "check_smooth",
    "encode",
    "flatten",
    "gradient",
    "gram",
    "hessian",
    "hessian_vector_product",
    "kink_distance",
    "loss",
    "preactivation",
    "reconstruct",
    "unflatten",
]


class Parameters(NamedTuple):
    """The numbers of a model, or anything shaped like them: a gradient, a direction.

    Attributes
    ----------
    W : array, shape (..., m, n)
        Column i is the direction of feature i in the latent space.
    b : array, shape (..., n), or None
        The bias. ``None`` is a model without one: it computes with b = 0, and b is not among its parameters,
        so gradients carry ``None`` too and the Hessian is mn × mn.
    """

    W: Array
    b: Array | None = None


class DataSet(ABC):
    """Examples given by a rule, not an array. The functions of this module hand over to these methods."""

    @abstractmethod
    def loss(self, parameters: Parameters) -> Array:
        """See `loss`."""

    @abstractmethod
    def gradient(self, parameters: Parameters) -> Parameters:
        """See `gradient`."""

    @abstractmethod
    def hessian_vector_product(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """See `hessian_vector_product`."""

    @abstractmethod
    def hessian(self, parameters: Parameters) -> Array:
        """See `hessian`."""

    @abstractmethod
    def kink_distance(self, parameters: Parameters) -> Array:
        """See `kink_distance`."""


def model_arrays(parameters: Parameters, X: Any = None, direction: Parameters | None = None) -> tuple[Any, ...]:
    """``xp, W, b, X, V, c`` as floating arrays of checked shapes, with zeros for a bias of ``None``."""
    W, b = _pair("parameters", parameters)
    V, c = (None, None) if direction is None else _pair("direction", direction)
    if direction is not None and (b is None) != (c is None):
        raise ArgumentError("direction must have a bias exactly where parameters has one")
    xp, W, b, X, V, c = floating_arrays(W=W, b=b, X=X, V=V, c=c)
    check_shape("W", W, ("m", "n"))
    m, n = W.shape[-2:]
    if b is None:
        b = xp.zeros(n, dtype=W.dtype, device=device_of(W))
    check_shape("b", b, ("n",), n=n)
    if X is not None:
        check_shape("X", X, ("T", "n"), n=n)
    if V is not None:
        check_shape("direction.W", V, ("m", "n"), m=m, n=n)
        c = xp.zeros(n, dtype=W.dtype, device=device_of(W)) if c is None else c
        check_shape("direction.b", c, ("n",), n=n)
    return xp, W, b, X, V, c


def _pair(name: str, parameters: Parameters) -> Parameters:
    if not (isinstance(parameters, tuple) and len(parameters) == 2):
        raise ArgumentError(f"{name} must be Parameters(W, b); got {type(parameters).__name__}")
    return Parameters(*parameters)


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
    """
    xp, W, _, X, _, _ = model_arrays(parameters, X)
    return X @ xp.matrix_transpose(W)


def preactivation(parameters: Parameters, X: Array) -> Array:
    """z = WᵀW x + b for every example.

    Returns
    -------
    array, shape (..., T, n)
    """
    xp, W, b, X, _, _ = model_arrays(parameters, X)
    return (X @ xp.matrix_transpose(W)) @ W + b[..., None, :]


def reconstruct(parameters: Parameters, X: Array) -> Array:
    """x' = ReLU(WᵀW x + b) for every example.

    Returns
    -------
    array, shape (..., T, n)
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
        One number a model.

    Notes
    -----
    The loss of Henighan et al., "Superposition, Memorization, and Double Descent" (2023).

    Examples
    --------
    Two features that share a line are given back exactly, for ReLU cuts off the negative one.

    >>> float(loss(Parameters([[1.0, -1.0]]), [[1.0, 0.0], [0.0, 1.0]]))
    0.0
    """
    if isinstance(data, DataSet):
        return data.loss(parameters)
    xp, _, _, X, _, _ = model_arrays(parameters, data)
    return xp.mean(xp.sum((reconstruct(parameters, X) - X) ** 2, axis=-1), axis=-1)


def gradient(parameters: Parameters, data: Array | DataSet) -> Parameters:
    """∂L/∂W = HᵀE + W EᵀX and ∂L/∂b = Σ_t e_t, with E = (2/T) (ReLU(Z) − X) ⊙ 1[Z > 0].

    E is ∂L/∂Z, since ReLU(Z) ⊙ 1[Z > 0] = ReLU(Z). In Z = H W + b with H = X Wᵀ the matrix W stands twice: as
    the decoder it receives HᵀE; as the encoder (E Wᵀ)ᵀ X = W EᵀX.

    Parameters
    ----------
    parameters : Parameters
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    Parameters
        Of shapes (..., m, n) and (..., n); b is ``None`` where the model has none.
    """
    if isinstance(data, DataSet):
        return data.gradient(parameters)
    xp, W, b, X, _, _ = model_arrays(parameters, data)
    T = xp.matrix_transpose
    H = X @ T(W)
    Z = H @ W + b[..., None, :]
    E = (2 / X.shape[-2]) * (xp.maximum(Z, xp.zeros_like(Z)) - X) * xp.astype(Z > 0, Z.dtype)
    dW = T(H) @ E + W @ (T(E) @ X)
    return Parameters(dW, None if parameters[1] is None else xp.sum(E, axis=-2))


def hessian_vector_product(parameters: Parameters, data: Array | DataSet, direction: Parameters) -> Parameters:
    """The derivative of `gradient` along the direction (V, c).

    Away from kinks 1[Z > 0] does not move, so with dots for derivatives along (V, c)

        Ḣ = X Vᵀ,      Ż = Ḣ W + H V + c,      Ė = (2/T) Ż ⊙ 1[Z > 0],
        (∂L/∂W)˙ = ḢᵀE + HᵀĖ + V EᵀX + W ĖᵀX,      (∂L/∂b)˙ = Σ_t ė_t.

    Parameters
    ----------
    parameters, direction : Parameters
        Their leading axes broadcast: many directions at one model, or one at each of many.
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    Parameters
    """
    if isinstance(data, DataSet):
        return data.hessian_vector_product(parameters, direction)
    xp, W, b, X, V, c = model_arrays(parameters, data, direction)
    T = xp.matrix_transpose
    H = X @ T(W)
    H_dot = X @ T(V)
    Z = H @ W + b[..., None, :]
    Z_dot = H_dot @ W + H @ V + c[..., None, :]
    slope = (2 / X.shape[-2]) * xp.astype(Z > 0, Z.dtype)
    E = slope * (xp.maximum(Z, xp.zeros_like(Z)) - X)
    E_dot = slope * Z_dot
    dW = T(H_dot) @ E + T(H) @ E_dot + V @ (T(E) @ X) + W @ (T(E_dot) @ X)
    return Parameters(dW, None if parameters[1] is None else xp.sum(E_dot, axis=-2))


def hessian(parameters: Parameters, data: Array | DataSet) -> Array:
    """The matrix of second derivatives, in the order of `flatten`: W row by row, then b.

    Column k is the Hessian applied to the k-th unit direction, all columns at once as one batch of
    directions.

    Parameters
    ----------
    parameters : Parameters
    data : array, shape (..., T, n), or DataSet

    Returns
    -------
    array, shape (..., p, p)
        p = mn + n, or mn for a model without bias.
    """
    if isinstance(data, DataSet):
        return data.hessian(parameters)
    xp, W, b, X, _, _ = model_arrays(parameters, data)
    m, n = W.shape[-2:]
    biased = parameters[1] is not None
    units = unflatten(xp.eye(m * n + n * biased, dtype=W.dtype, device=device_of(W)), m, n)
    model = Parameters(W[..., None, :, :], b[..., None, :] if biased else None)
    columns = flatten(hessian_vector_product(model, X[..., None, :, :], units))
    return (columns + xp.matrix_transpose(columns)) / 2


def kink_distance(parameters: Parameters, data: Array | DataSet) -> Array:
    """min |z_ti|: how far the nearest pre-activation is from 0, where the loss is not smooth.

    Returns
    -------
    array, shape (...)
        One number a model.
    """
    if isinstance(data, DataSet):
        return data.kink_distance(parameters)
    Z = preactivation(parameters, data)
    xp = array_namespace(Z)
    return xp.min(xp.abs(Z), axis=(-2, -1))


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


def flatten(parameters: Parameters) -> Array:
    """All parameters in one vector: W row by row, then b if there is one.

    Returns
    -------
    array, shape (..., mn + n) or (..., mn)
    """
    W, b = _pair("parameters", parameters)
    xp, W, b = floating_arrays(W=W, b=b)
    check_shape("W", W, ("m", "n"))
    *batch, m, n = W.shape
    rows = xp.reshape(W, (*batch, m * n))
    if b is None:
        return rows
    check_shape("b", b, ("n",), n=n)
    return xp.concat([rows, xp.broadcast_to(b, (*batch, n))], axis=-1)


def unflatten(vector: Array, m: int, n: int) -> Parameters:
    """The inverse of `flatten`: a vector of mn + n numbers, or of mn for a model without bias.

    Parameters
    ----------
    vector : array, shape (..., mn + n) or (..., mn)
    m, n : int

    Returns
    -------
    Parameters
    """
    xp, vector = floating_arrays(vector=vector)
    check_shape("vector", vector, ("p",))
    *batch, p = vector.shape
    if p not in (m * n, m * n + n):
        raise ArgumentError(f"vector must have {m * n + n} or {m * n} entries for m = {m}, n = {n}; got {p}")
    W = xp.reshape(vector[..., : m * n], (*batch, m, n))
    return Parameters(W, vector[..., m * n :] if p > m * n else None)
