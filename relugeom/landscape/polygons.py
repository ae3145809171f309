"""The certificates that the regular pentagon and the regular hexagon are the best models in the plane with a bias.

The threshold t* is found by bisection. The angles are found by trying: a cell that the checker does not pass is halved.
All numbers are rational, so that the certificates come out the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from math import isqrt

from relugeom.exact import HexagonMinimum, PentagonMinimum, hexagon, pentagon
from relugeom.exact.edges import Constants, constants
from relugeom.exact.errors import Fault

__all__ = ["hexagon_minimum", "pentagon_minimum"]

Check = Callable[[Fraction, Fraction], None]

_DIGITS = 18  # of the stated bounds
_DEPTH = 6  # of halving polynomials; the cells are found with one less
_FINEST = Fraction(1, 2**20)  # no cell in the window's neighbourhood has to be smaller


def _threshold(corners: int, digits: int) -> tuple[Fraction, Fraction]:
    """Two neighbouring decimal numbers between which t* lies, where B²/C is largest at q = cos 360°/corners."""
    scale = 10**digits
    q = Fraction(isqrt(5 * scale**4) - scale**2, 4 * scale**2) if corners == 5 else Fraction(1, 2)
    low, high = 0, int(q * scale)
    while high - low > 1:
        middle = (low + high) // 2
        t = Fraction(middle, scale)
        is_above = q * t * (1 - t) ** 3 > 2 * (q - t) ** 2 * (2 + t + t * t - 2 * q * (1 + t))
        low, high = (low, middle) if is_above else (middle, high)
    return Fraction(low, scale), Fraction(high, scale)


def _round_outwards(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """The bounds rounded outwards to a few decimals."""
    scale = 10**_DIGITS
    return Fraction(low * scale // 1, scale), Fraction(-(-high * scale // 1), scale)


def _constants(corners: int) -> tuple[Constants, dict[str, tuple[Fraction, Fraction]]]:
    """The constants of the best polygon, and the fields of the certificate that state them."""
    threshold = _threshold(corners, _DIGITS + 6)
    known = constants(threshold, corners)
    enclosed = {name: getattr(known, name) for name in ("norm", "bias", "loss", "slope")}
    return known, {"threshold": threshold, **{name: _round_outwards(x.low, x.high) for name, x in enclosed.items()}}


def _angles(check: Check, first: Fraction, *ends: Fraction) -> tuple[Fraction, ...]:
    """The ends of cells from the first angle on that pass, by halving what lies between the given ones."""
    angles = [first]
    for end in ends:
        angles += _cells(check, angles[-1], end)
    return tuple(angles)


def _cells(check: Check, low: Fraction, high: Fraction) -> list[Fraction]:
    try:
        check(low, high)
    except Fault:
        if high - low < _FINEST:
            raise ArithmeticError(f"no cell at the angle {float(low)} is small enough") from None
        middle = (low + high) / 2
        return _cells(check, low, middle) + _cells(check, middle, high)
    return [high]


def pentagon_minimum() -> PentagonMinimum:
    """The pentagon's certificate, in a fraction of a second.

    Returns
    -------
    PentagonMinimum
        Valid for `relugeom.exact.check`.
    """
    known, stated = _constants(5)
    window = (Fraction(79, 64), Fraction(41, 32))
    c = PentagonMinimum(
        shortest=Fraction(1, 2),
        longest=Fraction(7, 4),
        **stated,
        angles=(),
        depth=_DEPTH - 1,
        window_thresholds=(Fraction(9, 50), Fraction(23, 100)),
        window_angles=window,
    )
    # arccos 2/7 < 83/64, and c/μ < 45/32.
    ends = Fraction(-83, 64), *window, Fraction(45, 32)
    return replace(c, angles=_angles(partial(pentagon.check_cell, c, known), *ends), depth=_DEPTH)


def hexagon_minimum() -> HexagonMinimum:
    """The hexagon's certificate, which holds the pentagon's, in a second.

    Returns
    -------
    HexagonMinimum
        Valid for `relugeom.exact.check`.
    """
    known, stated = _constants(6)
    window = (Fraction(65, 64), Fraction(69, 64))
    c = HexagonMinimum(
        pentagon=pentagon_minimum(),
        **stated,
        angles=(),
        extent=(Fraction(-21, 20), Fraction(5)),
        depth=_DEPTH - 1,
        window_thresholds=(Fraction(33, 100), Fraction(38, 100)),
        window_angles=window,
    )
    # c/μ < 83/64.
    ends = Fraction(33, 64), *window, Fraction(83, 64)
    return replace(c, angles=_angles(partial(hexagon.check_angle, c, known), *ends), depth=_DEPTH)
