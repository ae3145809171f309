"""AdamW (Loshchilov and Hutter, 2019): Adam with the weight decay taken out of the gradient.

    μ ← β₁ μ + (1 - β₁) g           ν ← β₂ ν + (1 - β₂) g²
    θ ← θ - η λ θ - η (μ / (1 - β₁ᵗ)) / (√(ν / (1 - β₂ᵗ)) + ε)

Defaults are those of PyTorch, which the paper used.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError
from relugeom.optim.subnormals import EVERY, clear_subnormals

__all__ = ["AdamW"]

Array = npt.NDArray[Any]


class AdamW:
    """AdamW over one flat parameter array, updated in place.

    Parameters
    ----------
    size : int
    dtype : float32 or float64
    beta1, beta2, epsilon, weight_decay : float
    """

    def __init__(
        self,
        size: int,
        dtype: npt.DTypeLike,
        *,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        if not (0 <= beta1 < 1 and 0 <= beta2 < 1):
            raise ArgumentError(f"beta1 and beta2 must lie in [0, 1); got {beta1}, {beta2}")
        if epsilon <= 0 or weight_decay < 0:
            raise ArgumentError(f"epsilon must be > 0 and weight_decay >= 0; got {epsilon}, {weight_decay}")
        self._beta1, self._beta2, self._epsilon, self._decay = beta1, beta2, epsilon, weight_decay
        self.mean = np.zeros(size, dtype)
        self.square = np.zeros(size, dtype)
        self.steps = 0
        self._scratch = np.empty(size, dtype)

    def update(self, parameters: Array, gradient: Array, rate: float) -> None:
        """One step at learning rate `rate`; `gradient` is not kept."""
        self.steps += 1
        mean, square, scratch = self.mean, self.square, self._scratch
        np.subtract(gradient, mean, out=scratch)
        scratch *= 1 - self._beta1
        mean += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch -= square
        scratch *= 1 - self._beta2
        square += scratch
        if self.steps % EVERY == 0:
            clear_subnormals(mean)
            clear_subnormals(square)
        # √(ν / c₂) + ε in the denominator, c₂ = 1 - β₂ᵗ: both multiplied by √c₂ to save a division.
        root = math.sqrt(1 - self._beta2**self.steps)
        np.sqrt(square, out=scratch)
        scratch += self._epsilon * root
        np.divide(mean, scratch, out=scratch)
        scratch *= rate * root / (1 - self._beta1**self.steps)
        if self._decay:
            parameters *= 1 - rate * self._decay
        parameters -= scratch

    def state(self) -> dict[str, Array]:
        """What a resumed run needs."""
        return {"mean": self.mean, "square": self.square, "steps": np.array(self.steps)}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        for name in ("mean", "square"):
            if state[name].shape != self.mean.shape or state[name].dtype != self.mean.dtype:
                raise ArgumentError(
                    f"{name} must be {self.mean.dtype} {self.mean.shape}; got {state[name].dtype} {state[name].shape}"
                )
        self.mean[:] = state["mean"]
        self.square[:] = state["square"]
        if state["steps"].shape != () or state["steps"].dtype.kind not in "iu" or state["steps"] < 0:
            raise ArgumentError(f"steps must be one whole number, at least 0; got {state['steps']!s:.60}")
        self.steps = int(state["steps"])
