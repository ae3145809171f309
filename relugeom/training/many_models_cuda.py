"""Many seeds at once on a GPU: `relugeom.training.many_models.train_from`, a block of threads per model.

For X = I and AdamW. The first gradient is compared with the definition's, and a difference ends the run.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.axial import Axial, is_identity
from relugeom.autoencoder.model import Parameters
from relugeom.engines.cuda.backend import Backend, cuda
from relugeom.engines.cuda.many_models import adam_steps
from relugeom.errors import ArgumentError, DeviceError
from relugeom.optim import AdamW
from relugeom.training.many_models import AxialTraining

__all__ = ["check_gradient", "train_from"]

Floats = npt.NDArray[np.floating[Any]]

_TOLERANCE = {"float32": 1e-4, "float64": 1e-10}
_CHECKED = 100  # models whose first gradient is compared


def train_from(
    training: AxialTraining, start: Parameters, *, backend: Backend | None = None, check: bool = True
) -> Parameters:
    """Train models, W (B, m, n) and b (B, n), together from given starts.

    Parameters
    ----------
    training : AxialTraining
        Its data must be ``Axial(n)``, that is X = I, and its optimiser `AdamW`.
    start : Parameters
        NumPy arrays; the result is NumPy's too.
    backend : Backend, optional
        The current GPU by default.
    check : bool
        Whether to compare the first gradient with NumPy's.

    Raises
    ------
    DeviceError
        When there is no working GPU, or the first gradient is wrong.
    """
    rule = training.optimiser
    if not is_identity(training.data):
        raise ArgumentError(f"data must be Axial(n) with amplitude 1 for the GPU; got {training.data!r}")
    if not isinstance(rule, AdamW):
        raise ArgumentError(f"optimiser must be AdamW for the GPU; got {rule!r}")
    if training.bias_coordinate != "plain":
        raise ArgumentError(f"bias_coordinate must be plain for the GPU; got {training.bias_coordinate!r}")
    if training.schedule != "constant" or training.warmup:
        raise ArgumentError(
            f"schedule must be constant for the GPU; got {training.schedule!r}, {training.warmup} steps of warm-up"
        )
    backend = cuda() if backend is None else backend
    xp, n = backend.xp, training.data.n
    host = np.concatenate([start.W, np.asarray(start.b)[:, None]], axis=1).astype(training.dtype)
    if host.shape[1:] != (training.m + 1, n):
        raise ArgumentError(f"W must have shape (B, {training.m}, {n}); got {np.shape(start.W)}")
    constants = []
    for t in range(1, training.steps + 1):
        root = sqrt((1 - rule.beta2**t) / (1 - rule.beta2))
        constants.append(
            (rule.learning_rate * (1 - rule.beta1) / (1 - rule.beta1**t) * root, rule.epsilon * root * n / 2)
        )
    constants_of_rule = {"keep": 1 - rule.learning_rate * rule.weight_decay, "beta1": rule.beta1, "beta2": rule.beta2}
    if check and constants:
        some = xp.array(host[:_CHECKED])
        first = xp.zeros_like(some)
        adam_steps(some, first, xp.zeros_like(some), constants[:1], backend, **constants_of_rule)
        check_gradient(training.data, host[:_CHECKED], to_numpy(first) * (2 / n))
    models = xp.array(host)
    adam_steps(models, xp.zeros_like(models), xp.zeros_like(models), constants, backend, **constants_of_rule)
    found = to_numpy(models)
    return Parameters(found[:, :-1].copy(), found[:, -1].copy())


def check_gradient(data: Axial, models: Floats, gradient: Floats) -> float:
    """Compare gradients of models, both (B, m + 1, n), with the definition's; the error is relative to the largest.

    Raises
    ------
    DeviceError
        When it exceeds 1e-4 in float32 or 1e-10 in float64.
    """
    exact = models.astype(np.float64)
    expected = data.gradient(Parameters(exact[:, :-1], exact[:, -1]))
    reference = np.concatenate([expected.W, np.asarray(expected.b)[:, None]], axis=1)
    error = float(np.max(np.abs(gradient - reference)) / np.max(np.abs(reference)))
    most = _TOLERANCE[models.dtype.name]
    if not error <= most:
        raise DeviceError(f"the GPU's first gradient differs from NumPy's by {error:.1e}; expected at most {most:.0e}")
    return error
