"""Adam, AdamW and SGD with momentum, in place, on arrays of any layout.

The kernels hand over a gradient without its constant factor c (2/n for X = I). Adam does not notice a factor
except beside ε, so the factor and all constants of one step are folded into three numbers: with m = (1 − β₁) M
and v = (1 − β₂) V the textbook step

    θ ← θ − η (m/(1 − β₁ᵗ)) / (√(v/(1 − β₂ᵗ)) + ε)

becomes θ ← θ − α M / (√V + ε'), which touches memory ten times a step and not fourteen.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError
from relugeom.optim.subnormals import EVERY, clear_subnormals

__all__ = ["Adam", "Momentum", "Optimiser", "State"]

Floats = npt.NDArray[np.floating[Any]]


class State(Protocol):
    """The running averages of one block of models."""

    def step(self, theta: Floats, gradient: Floats, share: float = 1.0) -> None:
        """Move `theta` in place, at that share of the rate; the gradient is the kernel's factor times `gradient`."""


class Optimiser(Protocol):
    """A rule with its constants."""

    def start(self, like: Floats, factor: float) -> State:
        """A fresh state for parameters of this shape and type."""


def _check_rate(rate: float) -> None:
    if not 0 < rate < inf:
        raise ArgumentError(f"rate must be positive and finite; got {rate}")


@dataclass(frozen=True, slots=True)
class Adam:
    """Adam (Kingma and Ba, 2015); AdamW (Loshchilov and Hutter, 2019) where `decay` is not 0.

    Parameters
    ----------
    rate, beta1, beta2, epsilon : float
    decay : float
        Decoupled weight decay: θ ← (1 − rate·decay) θ before each step, biases included.
    """

    rate: float = 1e-3
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    decay: float = 0.0

    def __post_init__(self) -> None:
        _check_rate(self.rate)

    def start(self, like: Floats, factor: float) -> State:
        """Averages at zero."""
        return _AdamState(self, like, factor)


class _AdamState:
    def __init__(self, rule: Adam, like: Floats, factor: float) -> None:
        self.rule, self.factor, self.t = rule, factor, 0
        self.M, self.V, self.work = np.zeros_like(like), np.zeros_like(like), np.empty_like(like)
        # Arrays of no dimension: an operation with one begins twice as fast as with a Python float.
        constants = (rule.beta1, rule.beta2, 1 - rule.rate * rule.decay, 0.0, 0.0)
        self.beta1, self.beta2, self.shrink, self.epsilon, self.alpha = (np.array(c, like.dtype) for c in constants)

    def step(self, theta: Floats, gradient: Floats, share: float = 1.0) -> None:
        rule, M, V, work = self.rule, self.M, self.V, self.work
        self.t += 1
        root = sqrt((1 - rule.beta2**self.t) / (1 - rule.beta2))
        self.epsilon[()] = rule.epsilon * root / self.factor
        self.alpha[()] = share * rule.rate * (1 - rule.beta1) / (1 - rule.beta1**self.t) * root
        if rule.decay:
            self.shrink[()] = 1 - share * rule.rate * rule.decay
            np.multiply(theta, self.shrink, out=theta)
        np.multiply(M, self.beta1, out=M)
        np.add(M, gradient, out=M)
        np.multiply(gradient, gradient, out=work)
        np.multiply(V, self.beta2, out=V)
        np.add(V, work, out=V)
        if self.t % EVERY == 0:
            clear_subnormals(M)
            clear_subnormals(V)
        np.sqrt(V, out=work)
        np.add(work, self.epsilon, out=work)
        np.divide(M, work, out=work)
        np.multiply(work, self.alpha, out=work)
        np.subtract(theta, work, out=theta)


@dataclass(frozen=True, slots=True)
class Momentum:
    """Gradient descent with momentum: u ← μu + ∇L, θ ← θ − rate·u; μ = 0 is plain gradient descent."""

    rate: float = 0.1
    momentum: float = 0.0

    def __post_init__(self) -> None:
        _check_rate(self.rate)

    def start(self, like: Floats, factor: float) -> State:
        """Velocity at zero."""
        return _MomentumState(self, like, factor)


class _MomentumState:
    def __init__(self, rule: Momentum, like: Floats, factor: float) -> None:
        self.rule, self.factor = rule, factor
        self.u, self.work = np.zeros_like(like), np.empty_like(like)

    def step(self, theta: Floats, gradient: Floats, share: float = 1.0) -> None:
        np.multiply(self.u, self.rule.momentum, out=self.u)
        np.add(self.u, gradient, out=self.u)
        np.multiply(self.u, share * self.rule.rate * self.factor, out=self.work)
        np.subtract(theta, self.work, out=theta)
