"""Many Adam steps of many small models on X = I, by the kernel of ``many_models.cu``.

    r_ij = max(w_i·w_j + b_j, 0) − δ_ij [w_i·w_i + b_i > 0]
    ∂L/∂w_i = (2/n) Σ_j (r_ij + r_ji) w_j,      ∂L/∂b_i = (2/n) Σ_j r_ji

A block is a model and a thread a feature. The model lives in shared memory and its moments in registers for as many
steps as a launch has; only then do they go back to the device's memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from relugeom.arrays import Array
from relugeom.engines.cuda.backend import Backend
from relugeom.errors import ArgumentError

__all__ = ["STEPS", "adam_steps"]

STEPS = 5_000
"""Steps of one launch: a fraction of a second, so that a run can be interrupted."""


def adam_steps(
    models: Array,
    means: Array,
    squares: Array,
    constants: Sequence[tuple[float, float]],
    backend: Backend,
    *,
    keep: float,
    beta1: float,
    beta2: float,
) -> None:
    """Adam steps, in place.

    Parameters
    ----------
    models, means, squares : arrays of the backend, shape (B, m + 1, n)
        The rows of W, then b; and the moments M = m/(1 − β₁), V = v/(1 − β₂) of n/2 times the gradient.
    constants : sequence of pairs
        For each step: η (1 − β₁) root/(1 − β₁ᵗ) and ε root n/2, with root = √((1 − β₂ᵗ)/(1 − β₂)).
    backend : Backend
    keep : float
        What weight decay leaves of the parameters at every step, 1 − ηλ.
    beta1, beta2 : float

    Raises
    ------
    ArgumentError
        When shapes or types do not fit, or n > 1024.
    """
    if models.ndim != 3 or models.shape[1] < 2 or not 1 <= models.shape[2] <= 1024:
        raise ArgumentError(f"models must have shape (B, m + 1, n) with n up to 1024; got {tuple(models.shape)}")
    if models.dtype not in (np.float32, np.float64):
        raise ArgumentError(f"models must be float32 or float64; got {models.dtype}")
    for name, array in (("models", models), ("means", means), ("squares", squares)):
        if array.shape != models.shape or array.dtype != models.dtype or not array.flags.c_contiguous:
            raise ArgumentError(f"{name} must be a contiguous {models.dtype} array of shape {tuple(models.shape)}")
    B, rows, n = models.shape
    real = np.dtype(models.dtype).type
    macros = {"REAL": "float" if real is np.float32 else "double", "M": rows - 1, "N": n}
    kernel = backend.kernel("many_models.cu", "adam_steps", **macros)
    threads = -(-n // 32) * 32
    for start in range(0, len(constants), STEPS):
        piece = backend.xp.asarray(np.array(constants[start : start + STEPS], real))
        scalars = (real(keep), real(beta1), real(beta2))
        kernel((B,), (threads,), (np.int32(len(piece)), piece, *scalars, models, means, squares))
