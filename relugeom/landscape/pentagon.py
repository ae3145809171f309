"""The certificate that the regular pentagon is the best model of five features in the plane with a bias.

The threshold t* is found by bisection. The angles are found by trying: a cell that `relugeom.exact.pentagon` does not
pass is halved. All numbers are rational, so that the certificate comes out the same everywhere.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import isqrt

from relugeom.exact import PentagonMinimum
from relugeom.exact.pentagon import Constants, cell_fault, constants

__all__ = ["pentagon_minimum"]

_DIGITS = 18  # of the stated bounds
_FINEST = Fraction(1, 2**20)  # no cell in the window's neighbourhood has to be smaller


def _threshold(digits: int) -> tuple[Fraction, Fraction]:
    """Two neighbouring decimal numbers between which t* lies, the threshold at which B²/C is largest at q = cos 72°."""
    scale = 10**digits
    q = Fraction(isqrt(5 * scale**4) - scale**2, 4 * scale**2)
    low, high = 0, int(q * scale)
    while high - low > 1:
        middle = (low + high) // 2
        t = Fraction(middle, scale)
        is_above = q * t * (1 - t) ** 3 > 2 * (q - t) ** 2 * (2 + t + t * t - 2 * q * (1 + t))
        low, high = (low, middle) if is_above else (middle, high)
    return Fraction(low, scale), Fraction(high, scale)


def _stated(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """The bounds rounded outwards to a few decimals."""
    scale = 10**_DIGITS
    return Fraction(low * scale // 1, scale), Fraction(-(-high * scale // 1), scale)


def _cells(c: PentagonMinimum, known: Constants, low: Fraction, high: Fraction) -> list[Fraction]:
    """The right ends of cells from `low` to `high` that pass, by halving."""
    if cell_fault(c, known, low, high) is None:
        return [high]
    if high - low < _FINEST:
        raise ArithmeticError(f"no cell at the angle {float(low)} is small enough")
    middle = (low + high) / 2
    return _cells(c, known, low, middle) + _cells(c, known, middle, high)


def pentagon_minimum() -> PentagonMinimum:
    """The certificate, in a fraction of a second.

    Returns
    -------
    PentagonMinimum
        Valid for `relugeom.exact.check`.
    """
    threshold = _threshold(_DIGITS + 6)
    known = constants(threshold)
    bounds = {
        name: _stated(getattr(known, name).low, getattr(known, name).high) for name in ("norm", "bias", "loss", "slope")
    }
    window = (Fraction(79, 64), Fraction(41, 32))
    c = PentagonMinimum(
        shortest=Fraction(1, 2),
        longest=Fraction(7, 4),
        threshold=threshold,
        **bounds,
        angles=(),
        depth=6,
        window_thresholds=(Fraction(9, 50), Fraction(23, 100)),
        window_angles=window,
    )
    # arccos 2/7 < 83/64, and c/μ < 45/32.
    first, *ends = Fraction(-83, 64), window[0], window[1], Fraction(45, 32)
    angles = [first]
    for end in ends:
        angles += _cells(c, known, angles[-1], end)
    return replace(c, angles=tuple(angles))
