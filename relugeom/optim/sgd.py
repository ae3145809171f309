"""Gradient descent with momentum.

μ ← κ μ + g + λ θ,     θ ← θ - η μ
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError
from relugeom.optim.subnormals import EVERY, clear_subnormals

__all__ = ["SGD"]

Array = npt.NDArray[Any]


class SGD:
    """Gradient descent over one flat parameter array, updated in place.

    Parameters
    ----------
    size : int
    dtype : float32 or float64
    momentum, weight_decay : float
        κ and λ above.
    """

    def __init__(self, size: int, dtype: npt.DTypeLike, *, momentum: float = 0.0, weight_decay: float = 0.0) -> None:
        if not 0 <= momentum < 1 or weight_decay < 0:
            raise ArgumentError(f"momentum must lie in [0, 1) and weight_decay be >= 0; got {momentum}, {weight_decay}")
        self._momentum, self._decay = momentum, weight_decay
        self.velocity = np.zeros(size, dtype)
        self.steps = 0

    def update(self, parameters: Array, gradient: Array, rate: float) -> None:
        """One step at learning rate `rate`."""
        self.steps += 1
        self.velocity *= self._momentum
        self.velocity += gradient
        if self._decay:
            self.velocity += self._decay * parameters
        if self.steps % EVERY == 0:
            clear_subnormals(self.velocity)
        parameters -= rate * self.velocity

    def state(self) -> dict[str, Array]:
        """What a resumed run needs."""
        return {"velocity": self.velocity, "steps": np.array(self.steps)}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        if state["velocity"].shape != self.velocity.shape or state["velocity"].dtype != self.velocity.dtype:
            raise ArgumentError(
                f"velocity must be {self.velocity.dtype} {self.velocity.shape}; "
                f"got {state['velocity'].dtype} {state['velocity'].shape}"
            )
        self.velocity[:] = state["velocity"]
        if state["steps"].shape != () or state["steps"].dtype.kind not in "iu" or state["steps"] < 0:
            raise ArgumentError(f"steps must be one whole number, at least 0; got {state['steps']!s:.60}")
        self.steps = int(state["steps"])
