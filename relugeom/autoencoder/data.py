"""Data sets: what a loss is an average over, each with the derivatives it gives.

A `DataSet` answers for its own loss and derivatives, because each kind knows its own short way: an array of examples
multiplies matrices, examples stored by their non-zeros go through a few rows at a time, data on the axes never form X.
`as_data` makes one of whatever a person has.

Throughout, with the decoder D in columns (D = W tied, Rᵀ untied) and the examples x_t in the rows of X,

    h_t = W x_t                  latent vectors,     H = X Wᵀ          (T, m)
    z_t = Dᵀ h_t + b             pre-activations,    Z = H D + b       (T, n)
    x'_t = ReLU(z_t)             reconstructions,    ReLU'(0) = 0

so the derivative is that of the region where a pre-activation of exactly 0 counts as inactive.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.arrays import Array, check_shape, device_of, floating_arrays
from relugeom.autoencoder.parameters import Parameters, check_arrays, flatten, unflatten
from relugeom.errors import ArgumentError

__all__ = ["DataSet", "DenseExamples", "as_data", "as_importance", "check_n"]


class DataSet(ABC):
    """Examples, as an array or by a rule. The functions of `relugeom.autoencoder.model` hand over to these methods.

    To add a kind of data: the sizes, a loss with its first two derivatives, and the three questions at the end.

    Attributes
    ----------
    n : int
        Number of features.
    T : int
        Number of examples; for data on the axes the number of axes, over whose amplitudes is averaged.
    """

    __slots__ = ()

    n: int
    T: int

    @abstractmethod
    def loss(self, parameters: Parameters) -> Array:
        """The mean over the examples of the sum over the features, shape (...)."""

    @abstractmethod
    def gradient(self, parameters: Parameters) -> Parameters:
        """The derivatives of `loss`, in the shapes of the parameters."""

    @abstractmethod
    def hessian_vector_product(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """The derivative of `gradient` along a direction."""

    def hessian(self, parameters: Parameters) -> Array:
        """The matrix of second derivatives, in the order of `flatten`, shape (..., p, p).

        Column k is the Hessian applied to the k-th unit direction, all columns at once as one batch of directions.
        """
        at = check_arrays(parameters)
        m, n = at.W.shape[-2:]
        size = m * n * (1 + (not at.tied)) + n * at.biased
        units = unflatten(at.xp.eye(size, dtype=at.W.dtype, device=device_of(at.W)), m, n, untied=not at.tied)
        model = at.like(at.W[..., None, :, :], at.b[..., None, :], at.D[..., None, :, :])
        columns = flatten(self._along(model, units))
        return (columns + at.xp.matrix_transpose(columns)) / 2

    def _along(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """`hessian_vector_product` where the models have one more leading axis, for the directions."""
        return self.hessian_vector_product(parameters, direction)

    @abstractmethod
    def kink_distance(self, parameters: Parameters) -> Array:
        """How far the nearest pre-activation is from where the loss is not smooth, shape (...)."""

    @abstractmethod
    def dead(self, parameters: Parameters) -> Array:
        """Whether z_j < 0 on every example: no gradient reaches output j; shape (..., n)."""

    @abstractmethod
    def silent(self, parameters: Parameters) -> Array:
        """Whether x'_j = 0 on every example that has feature j; shape (..., n)."""

    @abstractmethod
    def untouched(self) -> Array:
        """Whether no example has feature j; shape (n,), or (..., n) for a batch of data sets."""


@dataclass(frozen=True, slots=True, eq=False)
class DenseExamples(DataSet):
    """Examples in the rows of an array, and how much each feature counts.

    Attributes
    ----------
    X : array, shape (..., T, n)
        Leading axes are a batch of data sets, one for each model.
    importance : sequence of n numbers, optional
        I_j ≥ 0, the weight of output j in the loss; default 1 each.

    Raises
    ------
    ArgumentError
        X is no array of examples, or the importance no n finite numbers that are not negative.

    See Also
    --------
    relugeom.autoencoder.Axial, relugeom.autoencoder.UniformAxial, relugeom.autoencoder.Independent
    relugeom.autoencoder.SparseExamples, relugeom.autoencoder.as_data
    """

    X: Array
    importance: Any = None

    def __post_init__(self) -> None:
        # Sequences stay what they are: they become arrays of the kind of the model that they meet.
        if len(getattr(self.X, "shape", ())) < 2:
            check_shape("X", floating_arrays(X=self.X)[1], ("T", "n"))
        if self.importance is not None:
            object.__setattr__(self, "importance", as_importance(self.importance, self.n))

    def _weigh(self, xp: Any, E: Array) -> Array:
        """I_j e_tj."""
        if self.importance is None:
            return E
        return E * xp.asarray(self.importance, dtype=E.dtype, device=device_of(E))

    @property
    def T(self) -> int:  # type: ignore[override]
        """Number of examples."""
        return int(self._shape()[-2])

    @property
    def n(self) -> int:  # type: ignore[override]
        """Number of features."""
        return int(self._shape()[-1])

    def _shape(self) -> tuple[int, ...]:
        return tuple(floating_arrays(X=self.X)[1].shape)

    def _preactivation(self, parameters: Parameters) -> tuple[Any, Array, Array]:
        """``xp, X, Z``."""
        at = check_arrays(parameters, self.X)
        return at.xp, at.X, (at.X @ at.xp.matrix_transpose(at.W)) @ at.D + at.b[..., None, :]

    def loss(self, parameters: Parameters) -> Array:
        """L = (1/T) Σ_t Σ_i I_i (x_ti − ReLU(z_ti))²."""
        xp, X, Z = self._preactivation(parameters)
        errors = self._weigh(xp, (xp.maximum(Z, xp.zeros_like(Z)) - X) ** 2)
        return xp.mean(xp.sum(errors, axis=-1), axis=-1)

    def gradient(self, parameters: Parameters) -> Parameters:
        """With E = ∂L/∂Z = (2/T) I ⊙ (ReLU(Z) − X) ⊙ 1[Z > 0], the decoder gets HᵀE, the encoder D EᵀX, b gets Σ_t e_t.

        ReLU(Z) ⊙ 1[Z > 0] = ReLU(Z). Tied, W stands in both places and gets the sum.
        """
        at = check_arrays(parameters, self.X)
        xp, X, T = at.xp, at.X, at.xp.matrix_transpose
        H = X @ T(at.W)
        Z = H @ at.D + at.b[..., None, :]
        E = (2 / X.shape[-2]) * (xp.maximum(Z, xp.zeros_like(Z)) - X) * xp.astype(Z > 0, Z.dtype)
        E = self._weigh(xp, E)
        decoder, encoder = T(H) @ E, at.D @ (T(E) @ X)
        return at.like(decoder + encoder if at.tied else encoder, xp.sum(E, axis=-2), decoder)

    def hessian_vector_product(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """The derivative of `gradient` along (V, c, U), U in D.

        Away from kinks 1[Z > 0] does not move, so with dots for derivatives along the direction

            Ḣ = X Vᵀ,      Ż = Ḣ D + H U + c,      Ė = (2/T) I ⊙ Ż ⊙ 1[Z > 0],
            (HᵀE)˙ = ḢᵀE + HᵀĖ,      (D EᵀX)˙ = U EᵀX + D ĖᵀX,      (∂L/∂b)˙ = Σ_t ė_t.
        """
        at = check_arrays(parameters, self.X, direction)
        xp, X, T = at.xp, at.X, at.xp.matrix_transpose
        H = X @ T(at.W)
        H_dot = X @ T(at.V)
        Z = H @ at.D + at.b[..., None, :]
        Z_dot = H_dot @ at.D + H @ at.U + at.c[..., None, :]
        slope = self._weigh(xp, (2 / X.shape[-2]) * xp.astype(Z > 0, Z.dtype))
        E = slope * (xp.maximum(Z, xp.zeros_like(Z)) - X)
        E_dot = slope * Z_dot
        decoder = T(H_dot) @ E + T(H) @ E_dot
        if at.tied:
            W = decoder + at.U @ (T(E) @ X) + at.D @ (T(E_dot) @ X)
        else:
            W = at.U @ (T(E) @ X) + at.D @ (T(E_dot) @ X)
        return at.like(W, xp.sum(E_dot, axis=-2), decoder)

    def hessian(self, parameters: Parameters) -> Array:
        """As `DataSet.hessian`."""
        check_arrays(parameters, self.X)
        return DataSet.hessian(self, parameters)

    def _along(self, parameters: Parameters, direction: Parameters) -> Parameters:
        _, X = floating_arrays(X=self.X)
        spread = self if X.ndim == 2 else DenseExamples(X[..., None, :, :], self.importance)
        return spread.hessian_vector_product(parameters, direction)

    def kink_distance(self, parameters: Parameters) -> Array:
        """min |z_ti|."""
        xp, _, Z = self._preactivation(parameters)
        return xp.min(xp.abs(Z), axis=(-2, -1))

    def dead(self, parameters: Parameters) -> Array:
        """max_t z_tj < 0."""
        xp, _, Z = self._preactivation(parameters)
        return xp.max(Z, axis=-2) < 0

    def silent(self, parameters: Parameters) -> Array:
        """z_tj ≤ 0 wherever x_tj ≠ 0."""
        xp, X, Z = self._preactivation(parameters)
        return xp.all((Z <= 0) | (X == 0), axis=-2)

    def untouched(self) -> Array:
        """x_tj = 0 for every t."""
        xp, X = floating_arrays(X=self.X)
        return xp.all(X == 0, axis=-2)


def check_n(n: int) -> None:
    """Refuse what is no number of features."""
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ArgumentError(f"n must be a positive integer; got {n!r}")


def as_importance(importance: Any, n: int) -> npt.NDArray[np.float64]:
    """n finite numbers that are not negative, as an array.

    Raises
    ------
    ArgumentError
        They are not.
    """
    try:
        weights = np.asarray(importance, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        weights = np.full(1, np.nan)
    if weights.shape != (n,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise ArgumentError(f"importance must be {n} finite numbers that are not negative; got {importance!s:.80}")
    return weights


def as_data(X: Any) -> DataSet:
    """The data set that X is, or the one whose examples are the rows of the array X.

    Parameters
    ----------
    X : DataSet, or array or nested sequence of shape (..., T, n)

    Returns
    -------
    DataSet
        X itself, if it is one.

    Raises
    ------
    ArgumentError
        X is neither.

    See Also
    --------
    relugeom.autoencoder.Axial, relugeom.autoencoder.UniformAxial, relugeom.autoencoder.Independent
    relugeom.autoencoder.DenseExamples, relugeom.autoencoder.SparseExamples
    relugeom.autoencoder.examples.sparse_unit_norm_examples

    Examples
    --------
    >>> as_data([[1.0, 0.0], [0.0, 1.0]]).T
    2
    """
    if X is None or isinstance(X, str):
        raise ArgumentError(
            f"X must be a data set or an array of examples (T, n); got {X!r:.40}. For X = I give Axial(n), for "
            "a·e_i with a uniform on (0, 1] UniformAxial(n)"
        )
    return X if isinstance(X, DataSet) else DenseExamples(X)
