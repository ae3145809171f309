"""Gradient descent with momentum.

μ ← κ μ + g + λ θ,     θ ← θ − η μ
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from relugeom.optim.rules import Constant, check_constants, check_state, numbers_of
from relugeom.optim.subnormals import EVERY, clear_subnormals

__all__ = ["SGD", "ManySGD", "ScheduledSGD"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class SGD:
    """The constants of gradient descent.

    Parameters
    ----------
    learning_rate : float
        η, where no schedule gives it.
    momentum : float
        κ; 0 is plain gradient descent.
    weight_decay : float
        λ, added to the gradient, biases included.

    See Also
    --------
    relugeom.optim.AdamW
    """

    name: ClassVar[str] = "sgd"

    learning_rate: float = 0.1
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_constants(self.learning_rate, self.weight_decay, momentum=self.momentum)

    def start(
        self, like: Floats, factor: float = 1.0, *, others: Sequence[SGD] = (), counts: Sequence[int] = ()
    ) -> ManySGD:
        """Velocity zero, for parameters of this shape and type whose gradient lacks the constant `factor`.

        `others` and `counts` as in `relugeom.optim.rules.Optimiser`.
        """
        return ManySGD([self, *others], like, factor, counts)

    def start_scheduled(self, size: int, dtype: npt.DTypeLike) -> ScheduledSGD:
        """Velocity zero, for one flat array of `size` parameters."""
        return ScheduledSGD(self, size, dtype)


class ManySGD:
    """Gradient descent in place on an array of any shape; the factor c is folded into the learning rate, μ = c u."""

    def __init__(self, rules: Sequence[SGD], like: Floats, factor: float, counts: Sequence[int] = ()) -> None:
        self.rule, self.factor = rules[0], factor
        self.u, self.work = np.zeros_like(like), np.empty_like(like)
        self._alpha, self._pull = Constant(like.dtype, counts), Constant(like.dtype, counts)
        self._rate = numbers_of(rules, "learning_rate", counts)
        self._pull.set(numbers_of(rules, "weight_decay", counts) / factor)

    def step(self, theta: Floats, gradient: Floats, share: float = 1.0) -> None:
        """Move `theta` in place, at that share of the learning rate."""
        np.multiply(self.u, self.rule.momentum, out=self.u)
        np.add(self.u, gradient, out=self.u)
        if self.rule.weight_decay:
            np.multiply(theta, self._pull.value, out=self.work)
            np.add(self.u, self.work, out=self.u)
        np.multiply(self.u, self._alpha.set(share * self._rate * self.factor), out=self.work)
        np.subtract(theta, self.work, out=theta)


class ScheduledSGD:
    """Gradient descent in place on one flat array, at the learning rate that each step is given."""

    def __init__(self, rule: SGD, size: int, dtype: npt.DTypeLike) -> None:
        self.rule = rule
        self.velocity = np.zeros(size, dtype)
        self.steps = 0

    def update(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """One step."""
        self.steps += 1
        self.velocity *= self.rule.momentum
        self.velocity += gradient
        if self.rule.weight_decay:
            self.velocity += self.rule.weight_decay * parameters
        if self.steps % EVERY == 0:
            clear_subnormals(self.velocity)
        parameters -= learning_rate * self.velocity

    def at_rest(self) -> npt.NDArray[np.bool_]:
        """Where a gradient of 0 leaves nothing but decay: μ is 0, or forgotten; with both κ and λ, nowhere."""
        if self.rule.momentum and self.rule.weight_decay:
            return np.zeros(len(self.velocity), bool)
        return self.velocity == 0 if self.rule.momentum else np.ones(len(self.velocity), bool)

    def decay(self, learning_rate: float) -> float:
        """1 − ηλ, by which one step multiplies a parameter at rest."""
        return 1 - learning_rate * self.rule.weight_decay

    def fading(self) -> dict[str, float]:
        """By what one step multiplies the velocity of a parameter at rest: it is 0, or would be made anew."""
        return {"velocity": 0.0}

    def state(self) -> dict[str, Array]:
        """What a resumed run needs."""
        return {"velocity": self.velocity, "steps": np.array(self.steps)}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        self.steps = check_state(state, self.velocity, "velocity")
        self.velocity[:] = state["velocity"]
