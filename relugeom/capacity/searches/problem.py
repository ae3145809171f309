"""What a search is asked: a margin to push above zero, and a way to turn a good point into a certificate.

A problem of your own needs three things: the dimension of the space that is searched, a margin with its gradient, and
`certify`. The margin is a smooth lower bound of min_c v_c(x), the worst of the conditions v_c > 0 that a solution has
to satisfy:

    softmin_s(v) = −(1/s) log Σ_c exp(−s v_c) ≤ min_c v_c,      ∂/∂v_c = exp(−s v_c) / Σ exp(−s v)

and the sharpness s grows during the search; s = ∞ stands for the minimum itself.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.capacity.known.theorems import Theorem
from relugeom.exact import Certificate

__all__ = ["Array", "Problem", "soft_minimum"]

Array = npt.NDArray[np.float64]


class Problem(ABC):
    """A search problem. Its `repr` must say everything that fixes it: candidates are stored under its `key`."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """The number of real unknowns."""

    @abstractmethod
    def margin(self, x: Array, sharpness: float) -> tuple[float, Array]:
        """A smooth lower bound of the margin at x, shape (dimension,), and its gradient; positive means feasible."""

    @abstractmethod
    def certify(self, x: Array) -> Certificate | None:
        """A certificate obtained from x, or None. The search checks it again before it believes it."""

    def settles(self, certificate: Certificate) -> bool:
        """Whether what the certificate states is what this problem asks for."""
        return True

    def start(self, rng: np.random.Generator) -> Array:
        """A random starting point."""
        return rng.standard_normal(self.dimension)

    def improve(self, x: Array) -> Array:
        """A point with a margin at least as large, by means that the problem knows of."""
        return x

    def constructions(self) -> Mapping[str, Array]:
        """Known good starting points by name, used when the search is allowed to be seeded."""
        return {}

    def key(self) -> str:
        """The name under which candidates are stored."""
        return repr(self)

    def obstacle(self) -> Theorem | None:
        """A theorem by which there is no solution."""
        return None


def soft_minimum(values: npt.NDArray[Any], sharpness: float) -> tuple[float, Array]:
    """softmin_s(v) and its gradient (weights that add up to 1, in the shape of v)."""
    least = float(values.min())
    if math.isinf(sharpness):
        weights = np.zeros(values.shape)
        weights.flat[int(values.argmin())] = 1.0
        return least, weights
    with np.errstate(under="ignore"):  # far from the minimum a weight of 0 is right
        powers = np.exp(sharpness * (least - values))
    total = float(powers.sum())
    return least - math.log(total) / sharpness, powers / total
