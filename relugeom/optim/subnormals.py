"""Why a moving average must be cleared of numbers next to nothing.

The gradient of a feature that no example activates is exactly 0, so its averages shrink by a constant factor every
step until they are subnormal, and arithmetic on subnormal numbers is a hundred times slower: with few examples almost
all features are like that, and the update came to cost ten times the gradient.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

__all__ = ["EVERY", "clear_subnormals"]

Array = npt.NDArray[Any]

EVERY = 32  # steps: at β = 0.9 a number shrinks thirtyfold in between, and the threshold leaves room for that

_OFFSET = 1e-25


def clear_subnormals(average: Array) -> None:
    """x ← (x + c) - c in place, c = 1e-25: numbers far below the spacing of floats at c become 0.

    In float32 that is everything below 3e-33; larger numbers move by no more than that. In float64, whose numbers
    reach down to 1e-308, the threshold is 1e-41.
    """
    average += average.dtype.type(_OFFSET)
    average -= average.dtype.type(_OFFSET)
