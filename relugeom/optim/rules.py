"""What an optimiser is: a rule with its constants, in two layouts.

* `start` is for parameters of any shape (a block of many small models, say) at the rule's own learning rate; the
  gradient may lack a constant factor.
* `start_scheduled` is for one flat array at a learning rate that changes from step to step; its state can be stored.

Both take the same step; they differ in what they fold together to touch memory less often, and so in the last bits.

In a block of models each may have a learning rate and a decay of its own: `Constant`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError

__all__ = [
    "Constant", "Optimiser", "Scheduled", "Stepper", "check_constants", "check_state", "check_whole", "is_finite",
    "numbers_of",
]  # fmt: skip

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.floating[Any]]


class Stepper(Protocol):
    """The running averages of parameters of any shape."""

    def step(self, theta: Floats, gradient: Floats, share: float = 1.0) -> None:
        """Move `theta` in place, at that share of the learning rate; the true gradient is the factor times this."""


class Scheduled(Protocol):
    """The running averages of one flat array."""

    steps: int
    """How many steps are behind it."""

    def update(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """One step, in place."""

    def at_rest(self) -> npt.NDArray[np.bool_]:
        """Where, from now on, a gradient of 0 would do nothing but multiply: θ by `decay`, the averages by `fading`."""

    def decay(self, learning_rate: float) -> float:
        """The factor of one step for parameters at rest."""

    def fading(self) -> dict[str, float]:
        """The factors of one step for the averages at rest, by their name in `state`."""

    def state(self) -> dict[str, Array]:
        """What a resumed run needs."""

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""


class Optimiser(Protocol):
    """A rule with its constants."""

    name: ClassVar[str]
    """In files and on the command line."""

    @property
    def learning_rate(self) -> float:
        """η, or its peak under a schedule."""

    @property
    def weight_decay(self) -> float:
        """λ."""

    def start(
        self, like: Floats, factor: float = 1.0, *, others: Sequence[Any] = (), counts: Sequence[int] = ()
    ) -> Stepper:
        """Averages at zero, for parameters of this shape and type.

        With `others`, rules that differ from this one in learning rate and weight decay alone (none of them, or all,
        without weight decay), the first counts[0] models along the last axis obey this rule, the next counts[1] the
        first of the others, and so on: to the same bits as apart.
        """

    def start_scheduled(self, size: int, dtype: npt.DTypeLike) -> Scheduled:
        """Averages at zero, for one flat array of `size` parameters."""


class Constant:
    """A factor of one step in the type of the parameters: one number, or one for each model along the last axis."""

    def __init__(self, dtype: npt.DTypeLike, counts: Sequence[int] = ()) -> None:
        self._rule_of = np.repeat(np.arange(len(counts)), counts) if counts else None
        # An array of no dimension: an operation with one begins twice as fast as with a Python float.
        self.value: Floats = np.empty(() if self._rule_of is None else len(self._rule_of), dtype)

    def set(self, numbers: Any) -> Floats:
        """Take a number, or with `counts` one in float64 for each rule."""
        if self._rule_of is None:
            self.value[()] = numbers
        else:
            np.take(numbers.astype(self.value.dtype), self._rule_of, out=self.value, mode="clip")
        return self.value


def numbers_of(rules: Sequence[Any], name: str, counts: Sequence[int]) -> Any:
    """The constant `name`, to set a `Constant` from: with `counts` that of every rule in float64, else of the first."""
    return np.array([getattr(rule, name) for rule in rules]) if counts else getattr(rules[0], name)


def check_constants(learning_rate: float, weight_decay: float, **fractions: float) -> None:
    """Refuse a rule that is none: `fractions` lie in [0, 1)."""
    if not (is_finite(learning_rate) and learning_rate > 0):
        raise ArgumentError(f"learning_rate must be positive and finite; got {learning_rate!r:.60}")
    if not (is_finite(weight_decay) and weight_decay >= 0):
        raise ArgumentError(f"weight_decay must be finite and at least 0; got {weight_decay!r:.60}")
    for name, value in fractions.items():
        if not (is_finite(value) and 0 <= value < 1):
            raise ArgumentError(f"{name} must lie in [0, 1); got {value!r:.60}")


def check_whole(name: str, value: object, least: int) -> None:
    """Refuse what is no whole number, or is too small."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise ArgumentError(f"{name} must be a whole number, at least {least}; got {value!r:.60}")


def is_finite(value: object) -> bool:
    """Whether it is a real number that a float can hold; a truth value is none."""
    try:
        return isinstance(value, Real) and not isinstance(value, bool) and isfinite(value)
    except OverflowError:
        return False


def check_state(state: dict[str, Array], like: Array, *names: str) -> int:
    """Refuse averages of another shape or type than `like`; return how many steps the state has behind it."""
    for name in names:
        if state[name].shape != like.shape or state[name].dtype != like.dtype:
            raise ArgumentError(
                f"{name} must be {like.dtype} {like.shape}; got {state[name].dtype} {state[name].shape}"
            )
    steps = state["steps"]
    if steps.shape != () or steps.dtype.kind not in "iu" or steps < 0:
        raise ArgumentError(f"steps must be one whole number, at least 0; got {steps!s:.60}")
    return int(steps)
