"""The loss and its gradient as one would write them on paper: the oracle that every engine is tested against.

h = W x,   z = Wᵀ h + b  (tied)  or  M h + b  (untied),   x' = max(z, 0)

L = (1/T) Σ_t Σ_j (x_tj - x'_tj)²
R = (2/T) (X' - X ∘ [Z > 0])        (∂L/∂Z; the ReLU's derivative at 0 is 0)
∂L/∂M = Rᵀ H,   ∂L/∂b = Σ_t r_t,   ∂L/∂(encoder W) = (R M)ᵀ X,   tied: both parts add up
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Gradient", "value_and_gradient"]

Array = npt.NDArray[Any]


class Gradient(NamedTuple):
    """Derivatives of L: ``W (m, n)``, ``b (n,)`` and, for an untied model, ``M (n, m)`` (None when tied)."""

    W: Array
    b: Array
    M: Array | None = None


def value_and_gradient(X: Array, W: Array, b: Array, M: Array | None = None) -> tuple[float, Gradient]:
    """L and its gradient, by the formula above.

    Parameters
    ----------
    X : ndarray, shape (T, n)
        Dense examples: small T only.
    W : ndarray, shape (m, n)
    b : ndarray, shape (n,)
    M : ndarray, shape (n, m), optional
        Decoder; None ties it to Wᵀ.
    """
    decoder = W.T if M is None else M
    H = X @ W.T
    Z = H @ decoder.T + b
    residual = np.maximum(Z, 0) - X
    R = (2 / len(X)) * np.where(Z > 0, residual, 0)
    encoder_part = (R @ decoder).T @ X
    decoder_part = R.T @ H
    loss = float(np.sum(np.square(residual, dtype=np.float64))) / len(X)
    if M is None:
        return loss, Gradient(encoder_part + decoder_part.T, R.sum(axis=0))
    return loss, Gradient(encoder_part, R.sum(axis=0), decoder_part)
