"""When examples that move a little every step are to be sorted anew: a rule of counts, never of the clock."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Sorting"]

Array = npt.NDArray[Any]

_EVERY = 150  # steps


class Sorting:
    """Sort at first, after 150 steps, and when many more pairs straddle than did right after the last sort.

    Parameters
    ----------
    growth : float
        How many times as many.

    Attributes
    ----------
    straddling : int
        Straddling pairs of the step before; to be set at every step.
    """

    def __init__(self, growth: float) -> None:
        self._growth = growth
        self._age = -1  # steps since the last sort; negative: never sorted
        self._reference = 0  # straddling pairs right after the last sort
        self.straddling = 0

    def is_due(self) -> bool:
        """Whether to sort at the step that begins now."""
        self._age += 1
        if self._age == 1:
            self._reference = self.straddling
        if 0 < self._age < _EVERY and self.straddling <= self._growth * self._reference:
            return False
        self._age = 0
        return True

    def state(self) -> Array:
        """Three numbers from which the rule goes on."""
        return np.array([self._age, self.straddling, self._reference], np.int64)

    def restore(self, state: Array) -> None:
        """Take up a `state`."""
        self._age, self.straddling, self._reference = (int(value) for value in state)
