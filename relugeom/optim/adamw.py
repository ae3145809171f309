"""AdamW (Loshchilov and Hutter, 2019): Adam (Kingma and Ba, 2015) with the weight decay taken out of the gradient.

    μ ← β₁ μ + (1 − β₁) g           ν ← β₂ ν + (1 − β₂) g²
    θ ← θ − η λ θ − η (μ / (1 − β₁ᵗ)) / (√(ν / (1 − β₂ᵗ)) + ε)

With λ = 0 it is Adam.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError
from relugeom.optim.rules import Constant, check_constants, check_state, is_finite, numbers_of
from relugeom.optim.subnormals import EVERY, clear_subnormals

__all__ = ["AdamW", "ManyAdamW", "ScheduledAdamW"]

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class AdamW:
    """The constants of AdamW; without weight decay, the default, it is Adam.

    Parameters
    ----------
    learning_rate : float
        η, where no schedule gives it.
    beta1, beta2, epsilon : float
        β₁, β₂ and ε; PyTorch's defaults.
    weight_decay : float
        λ, which shrinks biases too. PyTorch's default, which the paper used, is 0.01.

    See Also
    --------
    relugeom.optim.SGD
    """

    name: ClassVar[str] = "adamw"

    learning_rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_constants(self.learning_rate, self.weight_decay, beta1=self.beta1, beta2=self.beta2)
        if not (is_finite(self.epsilon) and self.epsilon > 0):
            raise ArgumentError(f"epsilon must be positive and finite; got {self.epsilon!r:.60}")

    def start(
        self, like: Floats, factor: float = 1.0, *, others: Sequence[AdamW] = (), counts: Sequence[int] = ()
    ) -> ManyAdamW:
        """Averages at zero, for parameters of this shape and type whose gradient lacks the constant `factor`.

        `others` and `counts` as in `relugeom.optim.rules.Optimiser`.
        """
        return ManyAdamW([self, *others], like, factor, counts)

    def start_scheduled(self, size: int, dtype: npt.DTypeLike) -> ScheduledAdamW:
        """Averages at zero, for one flat array of `size` parameters."""
        return ScheduledAdamW(self, size, dtype)


class ManyAdamW:
    """AdamW in place on an array of any shape, at the rules' own learning rates.

    The gradient comes without its constant factor c (2/n for X = I). Adam does not notice a factor except beside ε, so
    the factor and all constants of one step are folded into three numbers: with μ = (1 − β₁) M and ν = (1 − β₂) V the
    step above becomes θ ← θ − α M / (√V + ε'), which touches memory ten times and not fourteen.
    """

    def __init__(self, rules: Sequence[AdamW], like: Floats, factor: float, counts: Sequence[int] = ()) -> None:
        self.rule, self.factor, self.t = rules[0], factor, 0
        self.M, self.V, self.work = np.zeros_like(like), np.zeros_like(like), np.empty_like(like)
        self.beta1, self.beta2, self.epsilon = (Constant(like.dtype) for _ in range(3))
        self.beta1.set(self.rule.beta1)
        self.beta2.set(self.rule.beta2)
        self.alpha, self.shrink = Constant(like.dtype, counts), Constant(like.dtype, counts)
        self._rate = numbers_of(rules, "learning_rate", counts)
        self._decay = numbers_of(rules, "weight_decay", counts)

    def step(self, theta: Floats, gradient: Floats, share: float = 1.0) -> None:
        """Move `theta` in place, at that share of the learning rate."""
        rule, M, V, work, rate = self.rule, self.M, self.V, self.work, self._rate
        self.t += 1
        root = sqrt((1 - rule.beta2**self.t) / (1 - rule.beta2))
        epsilon = self.epsilon.set(rule.epsilon * root / self.factor)
        alpha = self.alpha.set(share * rate * (1 - rule.beta1) / (1 - rule.beta1**self.t) * root)
        if rule.weight_decay:
            np.multiply(theta, self.shrink.set(1 - share * rate * self._decay), out=theta)
        np.multiply(M, self.beta1.value, out=M)
        np.add(M, gradient, out=M)
        np.multiply(gradient, gradient, out=work)
        np.multiply(V, self.beta2.value, out=V)
        np.add(V, work, out=V)
        if self.t % EVERY == 0:
            clear_subnormals(M)
            clear_subnormals(V)
        np.sqrt(V, out=work)
        np.add(work, epsilon, out=work)
        np.divide(M, work, out=work)
        np.multiply(work, alpha, out=work)
        np.subtract(theta, work, out=theta)


class ScheduledAdamW:
    """AdamW in place on one flat array, at the learning rate that each step is given."""

    def __init__(self, rule: AdamW, size: int, dtype: npt.DTypeLike) -> None:
        self.rule = rule
        self.mean = np.zeros(size, dtype)
        self.square = np.zeros(size, dtype)
        self.steps = 0
        self._scratch = np.empty(size, dtype)
        self._new_mean, self._new_square, self._epsilon, self._rate, self._shrink = (Constant(dtype) for _ in range(5))
        self._new_mean.set(1 - rule.beta1)
        self._new_square.set(1 - rule.beta2)

    def update(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """One step; `gradient` is not kept."""
        rule = self.rule
        self.steps += 1
        mean, square, scratch = self.mean, self.square, self._scratch
        np.subtract(gradient, mean, out=scratch)
        scratch *= self._new_mean.value
        mean += scratch
        np.multiply(gradient, gradient, out=scratch)
        scratch -= square
        scratch *= self._new_square.value
        square += scratch
        if self.steps % EVERY == 0:
            clear_subnormals(mean)
            clear_subnormals(square)
        # √(ν / c₂) + ε in the denominator, c₂ = 1 - β₂ᵗ: both multiplied by √c₂ to save a division.
        root = sqrt(1 - rule.beta2**self.steps)
        np.sqrt(square, out=scratch)
        scratch += self._epsilon.set(rule.epsilon * root)
        np.divide(mean, scratch, out=scratch)
        scratch *= self._rate.set(learning_rate * root / (1 - rule.beta1**self.steps))
        if rule.weight_decay:
            parameters *= self._shrink.set(1 - learning_rate * rule.weight_decay)
        parameters -= scratch

    def at_rest(self) -> npt.NDArray[np.bool_]:
        """Where a gradient of 0 leaves nothing but decay: μ is 0, so θ shrinks by 1 − ηλ and ν by β₂."""
        return np.asarray(self.mean == 0)

    def decay(self, learning_rate: float) -> float:
        """1 − ηλ, by which one step multiplies a parameter at rest."""
        return 1 - learning_rate * self.rule.weight_decay

    def fading(self) -> dict[str, float]:
        """By what one step multiplies the averages of a parameter at rest."""
        return {"mean": 1.0, "square": self.rule.beta2}

    def state(self) -> dict[str, Array]:
        """What a resumed run needs."""
        return {"mean": self.mean, "square": self.square, "steps": np.array(self.steps)}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        self.steps = check_state(state, self.mean, "mean", "square")
        self.mean[:] = state["mean"]
        self.square[:] = state["square"]
