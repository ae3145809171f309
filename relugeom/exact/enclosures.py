"""Numbers that are no fractions, enclosed between fractions, and polynomials that keep their sign.

Ends that would grow long are rounded outwards to multiples of 2⁻⁹⁶; series and roots are evaluated with integers.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import comb, factorial, isqrt

from relugeom.exact.errors import Fault
from relugeom.exact.rationals import clear_denominators

__all__ = ["Enclosure", "cosine", "is_positive", "outward", "pi", "point", "root", "sine"]

_GRID = 2**96


@dataclass(frozen=True, slots=True)
class Enclosure:
    """All numbers from low to high, or a set that contains the result of an operation on such numbers."""

    low: Fraction
    high: Fraction

    def __add__(self, other: Enclosure) -> Enclosure:
        return Enclosure(self.low + other.low, self.high + other.high)

    def __sub__(self, other: Enclosure) -> Enclosure:
        return Enclosure(self.low - other.high, self.high - other.low)

    def __mul__(self, other: Enclosure) -> Enclosure:
        ends = (self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high)
        return Enclosure(min(ends), max(ends))

    def __truediv__(self, other: Enclosure) -> Enclosure:
        other.is_positive()  # a fault where 0 is among its numbers
        return self * Enclosure(1 / other.high, 1 / other.low)

    def times(self, factor: Fraction | int) -> Enclosure:
        """The interval scaled by a number that is not negative."""
        return Enclosure(self.low * factor, self.high * factor)

    def is_positive(self) -> bool:
        """Whether all its numbers are positive, or else all negative; a fault if neither."""
        if self.low > 0:
            return True
        if self.high < 0:
            return False
        raise Fault("the sign of a number is not decided")


def point(x: Fraction | int) -> Enclosure:
    return Enclosure(Fraction(x), Fraction(x))


def outward(x: Enclosure) -> Enclosure:
    """Rounded to short numbers, down and up."""
    return Enclosure(Fraction(x.low * _GRID // 1, _GRID), Fraction(-(-x.high * _GRID // 1), _GRID))


def root(x: Enclosure) -> Enclosure:
    """√x for x ≥ 0: isqrt rounds down."""
    low, high = (isqrt(int(end * _GRID**2)) for end in (x.low, x.high))
    return Enclosure(Fraction(low, _GRID), Fraction(high + 1, _GRID))


def _alternating(terms: list[tuple[int, int]]) -> Enclosure:
    """Σ (−1)^k p_k/q_k + …, a series whose terms fall to 0 from the second on.

    What follows the last term is smaller than it, and rounding down to the grid moves each term by less than a step.
    """
    steps = [p * _GRID // q for p, q in terms]
    total = sum(steps[0::2]) - sum(steps[1::2])
    error = len(steps) + steps[-1] + 1
    return Enclosure(Fraction(total - error, _GRID), Fraction(total + error, _GRID))


def cosine(x: Fraction) -> Enclosure:
    """cos x for 0 ≤ x < 2, by its series."""
    return _alternating([(x.numerator**k, x.denominator**k * factorial(k)) for k in range(0, 40, 2)])


def sine(x: Fraction) -> Enclosure:
    """sin x for 0 ≤ x < 2, by its series."""
    return _alternating([(x.numerator**k, x.denominator**k * factorial(k)) for k in range(1, 41, 2)])


@cache
def pi() -> Enclosure:
    """π = 16 arctan 1/5 − 4 arctan 1/239."""
    fifth, small = (_alternating([(1, k * n**k) for k in range(1, 101, 2)]) for n in (5, 239))
    return fifth.times(16) - small.times(4)


def is_positive(p: tuple[int, ...], low: Fraction, high: Fraction, depth: int) -> bool:
    """p > 0 on [low, high], by the coefficients of Bernstein's form, the interval halved up to `depth` times."""
    a, b, d = clear_denominators((low, high, Fraction(1)))
    degree = len(p) - 1
    q: list[int] = []
    for k, coefficient in enumerate(reversed(p)):  # Horner's rule: q(x) = d^degree p((a + (b − a)x)/d)
        q = [x + y for x, y in zip((0, *((b - a) * y for y in q)), (*(a * y for y in q), 0), strict=True)]
        q[0] += coefficient * d**k
    scaled = [factorial(k) * factorial(degree - k) * y for k, y in enumerate(q)]
    if all(sum(comb(j, k) * scaled[k] for k in range(j + 1)) > 0 for j in range(degree + 1)):
        return True
    middle = (low + high) / 2
    return depth > 0 and is_positive(p, low, middle, depth - 1) and is_positive(p, middle, high, depth - 1)
