"""Loss, gradient and whole AdamW steps on a GPU; the formula is `relugeom.engines.objective`'s.

`CudaEngine` is an engine like the others: arrays go in, a gradient comes out, and it may drive any optimiser. In
`DeviceRun` the parameters and their moments stay on the device for many steps. Both compare their first gradient with
that of a NumPy engine and refuse to go on when they differ.

No sum depends on timing or on the card, so a run in pieces ends in the same bits as one in one piece.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import array_api_compat
import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.blocked import Blocked
from relugeom.engines.cuda.backend import Backend, cuda
from relugeom.engines.cuda.full_batch import FullBatch
from relugeom.engines.moments import Moments
from relugeom.engines.objective import Objective
from relugeom.errors import ArgumentError, DeviceError
from relugeom.optim import AdamW

__all__ = ["CudaEngine", "DeviceRun", "check_gradient"]

Array = npt.NDArray[Any]

_TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def check_gradient(examples: SparseExamples, model: Parameters, loss: float, gradient: Parameters) -> float:
    """Compare a loss and a gradient with NumPy's.

    The error is the larger of |L − L*| / L₀ and ‖g − g*‖ / max(‖g*‖, ‖g₀‖), where L₀ = (1/T) Σ x² is the loss of the
    model that returns 0, and g₀ = (2/T) Σ_t x_t the gradient in b of a model that returns 0 and could return more. The
    gradient itself nearly vanishes late in training and would be no measure of rounding.

    Raises
    ------
    DeviceError
        When the error exceeds 1e-4 in float32 or 1e-9 in float64.
    """
    dense = Moments((64,)) if len(model.W) == 2 and examples.T > 1_000 else Blocked()
    expected, reference = Objective(examples, dense).value_and_gradient(model)
    values = examples.values.astype(np.float64)
    zero_loss = float(values @ values) / examples.T
    zero_gradient = 2 / examples.T * np.bincount(examples.indices, values, minlength=examples.n)
    difference = _norm(gradient.W - reference.W, gradient.b - reference.b)
    scale = max(_norm(reference.W, reference.b), _norm(zero_gradient))
    error = max(abs(loss - expected) / zero_loss, difference / scale)
    most = _TOLERANCE[examples.values.dtype.name]
    if not error <= most:
        raise DeviceError(f"the GPU's first gradient differs from NumPy's by {error:.1e}; expected at most {most:.0e}")
    return error


def _norm(*parts: Array) -> float:
    return math.sqrt(sum(float(np.vdot(part, part)) for part in (part.astype(np.float64) for part in parts)))


def _full_batch(examples: SparseExamples, m: int, backend: Backend) -> FullBatch:
    return FullBatch(examples.indptr, examples.indices, examples.values, examples.n, m, backend)


class CudaEngine:
    """L and its gradient over a fixed data set, on a GPU.

    Parameters
    ----------
    examples : SparseExamples
        Their float type is the type of all arithmetic.
    backend : Backend, optional
        The current GPU by default.
    check : bool
        Whether to compare the first gradient with NumPy's.

    Raises
    ------
    DeviceError
        When there is no working GPU.
    """

    def __init__(self, examples: SparseExamples, *, backend: Backend | None = None, check: bool = True) -> None:
        self._backend = cuda() if backend is None else backend
        self._examples, self._check = examples, check
        self._kernel: FullBatch | None = None

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        """L and its gradient, as arrays of the kind that W is: NumPy's are carried there and back.

        Raises
        ------
        ArgumentError
            When a shape or a float type does not fit the examples, or the model is untied.
        DeviceError
            When the first gradient is wrong.
        """
        if not model.tied:
            raise ArgumentError("the GPU engine has no untied decoder; decoder must be None")
        W, b = model
        if W.ndim != 2 or tuple(b.shape) != (W.shape[1],):
            raise ArgumentError(f"W must have shape (m, n) and b (n,); got {tuple(W.shape)} and {tuple(b.shape)}")
        dtype = self._examples.values.dtype
        for name, array in (("W", W), ("b", b)):
            if array.dtype != dtype:
                raise ArgumentError(f"{name} must be {dtype}, as the examples are; got {array.dtype}")
        xp, m = self._backend.xp, W.shape[0]
        if self._kernel is None or self._kernel.m != m:
            self._kernel = _full_batch(self._examples, m, self._backend)
        loss, theta = self._kernel.value_and_gradient(xp.concatenate([xp.asarray(W), xp.asarray(b)[None]]))
        theta = to_numpy(theta).copy() if array_api_compat.is_numpy_array(W) else theta.copy()
        gradient = Parameters(theta[:m], theta[m])
        if self._check:
            there, found = (Parameters(*map(to_numpy, parts)) for parts in (model, gradient))
            check_gradient(self._examples, there, loss, found)
            self._check = False
        return loss, gradient

    def state(self) -> dict[str, Array]:
        """None: every call stands alone."""
        return {}

    def restore(self, state: dict[str, Array]) -> None:
        """Nothing to take up."""

    def close(self) -> None:
        """Give the device's memory back."""
        self._kernel = None


_PAPER = AdamW(weight_decay=1e-2)  # of Henighan et al.


class DeviceRun:
    """AdamW over a fixed data set, wholly on a GPU: `relugeom.optim.adamw`, step for step.

    Parameters
    ----------
    examples : SparseExamples
    parameters : ndarray, shape ((m + 1) n,)
        The rows of W, then b.
    backend : Backend, optional
        The current GPU by default.
    check : bool
        Whether to compare the first gradient with NumPy's.
    optimiser : AdamW
        Its constants; the learning rates are given to `advance`.

    Raises
    ------
    DeviceError
        When there is no working GPU, or the first gradient is wrong.
    """

    def __init__(
        self,
        examples: SparseExamples,
        parameters: Array,
        *,
        backend: Backend | None = None,
        check: bool = True,
        optimiser: AdamW = _PAPER,
    ) -> None:
        backend = cuda() if backend is None else backend
        n, dtype = examples.n, examples.values.dtype
        if parameters.ndim != 1 or parameters.size % n or parameters.size < 2 * n or parameters.dtype != dtype:
            raise ArgumentError(
                f"parameters must be {dtype} of shape ((m + 1) * {n},); got {parameters.dtype} {parameters.shape}"
            )
        self._optimiser = optimiser
        m = parameters.size // n - 1
        self._xp = backend.xp
        self._kernel = _full_batch(examples, m, backend)
        self._theta = self._xp.array(parameters.reshape(m + 1, n))
        self._mean, self._square = self._xp.zeros_like(self._theta), self._xp.zeros_like(self._theta)
        self.steps = 0
        if check:
            W, b = np.split(parameters.reshape(m + 1, n), [m])
            loss, gradient = self._kernel.value_and_gradient(self._theta)
            host = to_numpy(gradient)
            check_gradient(examples, Parameters(W, b[0]), loss, Parameters(host[:m], host[m]))

    def advance(self, learning_rates: Sequence[float]) -> Array:
        """One step for each learning rate.

        Returns
        -------
        ndarray, shape (len(learning_rates),)
            The loss before each step.
        """
        rule, constants = self._optimiser, []
        for t, learning_rate in enumerate(learning_rates, self.steps + 1):
            root = math.sqrt(1 - rule.beta2**t)
            keep = 1 - learning_rate * rule.weight_decay
            constants.append((keep, learning_rate * root / (1 - rule.beta1**t), rule.epsilon * root))
        losses = self._kernel.steps(
            self._theta, self._mean, self._square, constants, beta1=rule.beta1, beta2=rule.beta2
        )
        self.steps += len(constants)
        return losses

    @property
    def parameters(self) -> Array:
        """A copy on the host, shape ((m + 1) n,)."""
        return to_numpy(self._theta).ravel().copy()

    def state(self) -> dict[str, Array]:
        """What a resumed run needs besides the parameters; `ScheduledAdamW.restore` takes it too."""
        mean, square = (to_numpy(array).ravel().copy() for array in (self._mean, self._square))
        return {"mean": mean, "square": square, "steps": np.array(self.steps)}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`, also one of `ScheduledAdamW`."""
        for name, array in (("mean", self._mean), ("square", self._square)):
            if state[name].size != array.size or state[name].dtype != array.dtype:
                raise ArgumentError(
                    f"{name} must be {array.dtype} of size {array.size}; got {state[name].dtype} {state[name].shape}"
                )
            array[...] = self._xp.asarray(state[name].reshape(array.shape))
        self.steps = int(state["steps"])
