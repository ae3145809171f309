"""Intervals for what is counted: Wilson's, for a proportion."""

from __future__ import annotations

import math
from statistics import NormalDist

from relugeom.errors import ArgumentError

__all__ = ["Interval", "wilson_interval"]


class Interval(tuple[float, float]):
    """A closed interval (low, high)."""

    __slots__ = ()

    def __contains__(self, value: object) -> bool:
        return isinstance(value, int | float) and self[0] <= value <= self[1]


def wilson_interval(successes: int, trials: int, level: float = 0.99) -> Interval:
    """Wilson's score interval for a proportion.

    (p̂ + z²/2N ± z √(p̂(1 − p̂)/N + z²/4N²)) / (1 + z²/N), with z the normal quantile of (1 + level)/2.

    Raises
    ------
    ArgumentError
        `trials` is not positive, `successes` lies outside 0 to `trials`, or `level` is not strictly between 0 and 1.
    """
    if trials <= 0 or not 0 <= successes <= trials:
        raise ArgumentError(f"successes must lie in 0 to trials, trials > 0; got {successes} of {trials}")
    if not 0 < level < 1:
        raise ArgumentError(f"level must lie strictly between 0 and 1; got {level}")
    # So close to 1 that (1 + level)/2 is rounded to 1, whose quantile is infinite.
    z = NormalDist().inv_cdf(min((1 + level) / 2, math.nextafter(1.0, 0.0)))
    p = successes / trials
    middle = p + z * z / (2 * trials)
    spread = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # At the ends the bound is 0 or 1 exactly; rounding must not exclude the observed proportion.
    low = 0.0 if successes == 0 else (middle - spread) / scale
    high = 1.0 if successes == trials else (middle + spread) / scale
    return Interval((low, high))
