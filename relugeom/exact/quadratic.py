"""The ordered field ℚ(√d): numbers a + b√d with rational a, b, compared exactly.

The optimum of the loss without bias lies in ℚ(√5), so polynomial inequalities are checked there.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from relugeom.exact.errors import ArgumentError

__all__ = ["Quadratic"]


@dataclass(frozen=True, slots=True)
class Quadratic:
    """The real number a + b√d, for a positive integer d that is not a square (or b = 0 and any d)."""

    a: Fraction
    b: Fraction
    d: int

    def __post_init__(self) -> None:
        if self.d < 1 or (self.b != 0 and isqrt(self.d) ** 2 == self.d):
            raise ArgumentError(f"d must be a positive integer that is not a square; got {self.d}")

    def _coerce(self, other: Quadratic | Fraction | int) -> Quadratic:
        if isinstance(other, Quadratic):
            if other.d != self.d:
                raise ArgumentError(f"cannot mix √{self.d} with √{other.d}")
            return other
        return Quadratic(Fraction(other), Fraction(0), self.d)

    def __add__(self, other: Quadratic | Fraction | int) -> Quadratic:
        y = self._coerce(other)
        return Quadratic(self.a + y.a, self.b + y.b, self.d)

    def __sub__(self, other: Quadratic | Fraction | int) -> Quadratic:
        y = self._coerce(other)
        return Quadratic(self.a - y.a, self.b - y.b, self.d)

    def __mul__(self, other: Quadratic | Fraction | int) -> Quadratic:
        y = self._coerce(other)
        return Quadratic(self.a * y.a + self.d * self.b * y.b, self.a * y.b + self.b * y.a, self.d)

    def sign(self) -> int:
        """−1, 0 or 1: the sign of a where b has the same or a² > d b², and otherwise that of b."""
        a = (self.a > 0) - (self.a < 0)
        b = (self.b > 0) - (self.b < 0)
        return a if a == b or self.a**2 > self.d * self.b**2 else b

    def __lt__(self, other: Quadratic | Fraction | int) -> bool:
        return (self - other).sign() < 0

    def __str__(self) -> str:
        if self.b == 0:
            return str(self.a)
        root = f"√{self.d}"
        term = root if abs(self.b) == 1 else f"{abs(self.b)}·{root}"
        if self.a == 0:
            return term if self.b > 0 else f"−{term}"
        return f"{self.a} {'+' if self.b > 0 else '−'} {term}"
