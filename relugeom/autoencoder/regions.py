"""Where in the latent plane which outputs are active, exactly.

Output j is positive on one side of the line w_j·h + b_j = 0. The lines cut the plane into convex *cells*, on each of
which the same outputs are active; the *zone* of feature i is where its axis alone is active,

    Z_i = {h : w_i·h + b_i > 0,  w_j·h + b_j ≤ 0 for all j ≠ i},

the coloured regions of the post. Everything is computed in rational numbers, a float standing for the rational it is,
so degenerate zones (four features without bias: the zones are rays) come out as what they are. The plane is seen
through a window, |h_1| ≤ r and |h_2| ≤ r.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

from relugeom.arrays import to_numpy
from relugeom.errors import ArgumentError

__all__ = ["Amplitudes", "Cell", "Point", "Zone", "cells", "default_window", "recovered_amplitudes", "zones"]


class Point(NamedTuple):
    """A point of the latent plane."""

    x: Fraction
    y: Fraction


Polygon = tuple[Point, ...]
"""The vertices of a convex polygon, counter-clockwise; two of them are a segment, one is a point."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A full-dimensional cell of the arrangement, inside the window.

    Attributes
    ----------
    vertices : tuple of Point
        Counter-clockwise.
    active : frozenset of int
        The features whose output is positive in the interior.
    """

    vertices: Polygon
    active: frozenset[int]

    @property
    def area(self) -> Fraction:
        """The exact area."""
        return _area(self.vertices)

    @property
    def axis(self) -> int | None:
        """The feature whose axis the cell is decoded to, or None."""
        return next(iter(self.active)) if len(self.active) == 1 else None


@dataclass(frozen=True, slots=True)
class Zone:
    """The closure of the zone of one feature, inside the window.

    Attributes
    ----------
    feature : int
    vertices : tuple of Point
        Counter-clockwise; two for a segment (a ray cut off by the window), none where the zone is empty.
    contains_feature : bool
        Whether w_i itself, the latent vector of the axis e_i, lies in the zone. It may lie outside the window.
    reaches_window : bool
        Whether the window cuts the zone off.
    """

    feature: int
    vertices: Polygon
    contains_feature: bool
    reaches_window: bool

    @property
    def area(self) -> Fraction:
        """The exact area; 0 for a ray."""
        return _area(self.vertices)


@dataclass(frozen=True, slots=True)
class Amplitudes:
    """The amplitudes a > 0 at which the support of a·e_i is recovered: an interval, perhaps empty.

    Attributes
    ----------
    low : Fraction
        The lower end; it belongs to the interval where `low_included`.
    high : Fraction or None
        The upper end, which belongs to the interval; None where there is none.
    low_included : bool
    """

    low: Fraction
    high: Fraction | None
    low_included: bool = False

    @property
    def empty(self) -> bool:
        """Whether there is no such amplitude."""
        return self.high is not None and (self.high < self.low or (self.high == self.low and not self.low_included))

    def __contains__(self, a: object) -> bool:
        if not isinstance(a, int | float | Fraction):
            return False
        above = self.low < a or (self.low_included and self.low == a)
        return above and (self.high is None or a <= self.high)


_NO_AMPLITUDE = Amplitudes(Fraction(0), Fraction(0))


def _exact_model(W: Any, b: Any, tolerance: float | Fraction) -> tuple[list[tuple[Fraction, ...]], list[Fraction]]:
    """The columns of W and the biases as rationals, with `tolerance` taken off the biases."""

    def exact(name: str, values: Any) -> list[Fraction]:
        try:
            numbers = [value if isinstance(value, Fraction) else Fraction(value) for value in values]
        except (TypeError, ValueError, OverflowError) as error:
            raise ArgumentError(f"{name} must hold finite real numbers: {error}") from None
        return numbers

    rows = W if isinstance(W, list | tuple) else to_numpy(W).tolist()
    matrix = [exact("W", row) for row in rows] if all(isinstance(row, list | tuple) for row in rows) else []
    if not matrix or len({len(row) for row in matrix}) != 1 or not matrix[0]:
        raise ArgumentError(f"W must have shape (m, n); got {len(rows)} rows of unequal or no length")
    n = len(matrix[0])
    bias = [Fraction(0)] * n if b is None else exact("b", b if isinstance(b, list | tuple) else to_numpy(b).tolist())
    if len(bias) != n:
        raise ArgumentError(f"b must have shape ({n},); got ({len(bias)},)")
    return list(zip(*matrix, strict=True)), [value - Fraction(tolerance) for value in bias]


def _planar(W: Any, b: Any, tolerance: float | Fraction) -> tuple[list[tuple[Fraction, ...]], list[Fraction]]:
    columns, bias = _exact_model(W, b, tolerance)
    if len(columns[0]) != 2:
        raise ArgumentError(f"W must have m = 2 rows for regions of the plane; got m = {len(columns[0])}")
    return columns, bias


def _window(window: float | Fraction | None, W: Any) -> Polygon:
    r = Fraction(default_window(W) if window is None else window)
    if r <= 0:
        raise ArgumentError(f"window must be positive; got {window}")
    return (Point(-r, -r), Point(r, -r), Point(r, r), Point(-r, r))


def default_window(W: Any) -> float:
    """1.5 times the largest norm of a feature, or 1 when all are zero."""
    columns, _ = _exact_model(W, None, 0)
    largest = max(sum(float(x) ** 2 for x in column) for column in columns) ** 0.5
    if not isfinite(largest):
        raise ArgumentError("W must hold finite real numbers")
    return 1.5 * largest or 1.0


def _area(vertices: Polygon) -> Fraction:
    """The shoelace formula, ½ |Σ x_k y_{k+1} − x_{k+1} y_k|."""
    closed = (*vertices, *vertices[:1])
    return abs(sum((p.x * q.y - q.x * p.y for p, q in pairwise(closed)), Fraction(0))) / 2


def _clip(vertices: Polygon, values: Sequence[Fraction]) -> Polygon:
    """The part of a convex polygon where an affine function, given at its vertices, is ≥ 0."""
    kept: list[Point] = []
    for (p, u), (q, v) in pairwise([*zip(vertices, values, strict=True), (vertices[0], values[0])]):
        if u >= 0:
            kept.append(p)
        if u * v < 0:
            t = u / (u - v)
            kept.append(Point(p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)))
    return tuple(dict.fromkeys(kept))


def _at(vertices: Polygon, w: Sequence[Fraction], c: Fraction) -> list[Fraction]:
    """w·h + c at each vertex."""
    return [w[0] * p.x + w[1] * p.y + c for p in vertices]


def cells(
    W: Any, b: Any = None, *, window: float | Fraction | None = None, tolerance: float | Fraction = 0
) -> list[Cell]:
    """All full-dimensional cells of the arrangement of the lines w_j·h + b_j = 0, inside the window.

    Parameters
    ----------
    W : array or nested sequence, shape (2, n)
    b : array or sequence, shape (n,), optional
        Default: 0.
    window : number, optional
        Half the side of the square window. Default: `default_window`.
    tolerance : number
        Positive means above it, as in `relugeom.autoencoder.criterion`.

    Returns
    -------
    list of Cell
        Their areas add up to that of the window.

    Raises
    ------
    ArgumentError
        W is not 2 × n, b does not fit, the window is not positive, or a number is not finite.
    """
    columns, bias = _planar(W, b, tolerance)
    found: list[tuple[Polygon, frozenset[int]]] = [(_window(window, W), frozenset())]
    for j, (w, c) in enumerate(zip(columns, bias, strict=True)):
        split: list[tuple[Polygon, frozenset[int]]] = []
        for vertices, active in found:
            values = _at(vertices, w, c)
            if any(value > 0 for value in values):
                split.append((_clip(vertices, values), active | {j}))
            if any(value < 0 for value in values) or not any(values):
                split.append((_clip(vertices, [-value for value in values]), active))
        found = split
    return [Cell(vertices, active) for vertices, active in found]


def zones(
    W: Any, b: Any = None, *, window: float | Fraction | None = None, tolerance: float | Fraction = 0
) -> list[Zone]:
    """The zone of every feature: where its output alone is positive.

    Parameters
    ----------
    W, b, window, tolerance
        As for `cells`.

    Returns
    -------
    list of n Zone

    Examples
    --------
    Four features without a bias: each zone is a ray, of area 0, and holds its feature.

    >>> four = zones([[1, -1, 0, 0], [0, 0, 1, -1]], window=2)
    >>> [(str(zone.area), zone.contains_feature, len(zone.vertices)) for zone in four]
    [('0', True, 2), ('0', True, 2), ('0', True, 2), ('0', True, 2)]
    """
    columns, bias = _planar(W, b, tolerance)
    square = _window(window, W)
    r = square[2].x
    found: list[Zone] = []
    for i, w_i in enumerate(columns):
        vertices = square
        for j, (w, c) in enumerate(zip(columns, bias, strict=True)):
            if vertices:
                values = _at(vertices, w, c)
                vertices = _clip(vertices, values if j == i else [-value for value in values])
        # The closure may be left over where the open zone is empty: z_i = 0 on all of it.
        if vertices and not any(value > 0 for value in _at(vertices, w_i, bias[i])):
            vertices = ()
        responses = [w[0] * w_i[0] + w[1] * w_i[1] + c for w, c in zip(columns, bias, strict=True)]
        inside = all((value > 0) == (j == i) for j, value in enumerate(responses))
        touching = any(abs(p.x) == r or abs(p.y) == r for p in vertices)
        found.append(Zone(i, vertices, inside, touching))
    return found


def recovered_amplitudes(W: Any, b: Any = None, *, tolerance: float | Fraction = 0) -> list[Amplitudes]:
    """For each feature, the amplitudes a > 0 with a·w_i·w_i + b_i > 0 and a·w_i·w_j + b_j ≤ 0 for all j ≠ i.

    Each condition is a half-line of a, so together they are an interval.

    Parameters
    ----------
    W : array or nested sequence, shape (m, n)
    b, tolerance
        As for `cells`.
    """
    columns, bias = _exact_model(W, b, tolerance)
    found: list[Amplitudes] = []
    for i, w_i in enumerate(columns):
        interval = Amplitudes(Fraction(0), None)
        for j, (w, c) in enumerate(zip(columns, bias, strict=True)):
            gain = sum((x * y for x, y in zip(w, w_i, strict=True)), Fraction(0))
            interval = _restrict(interval, gain, c, wanted=j == i)
        found.append(_NO_AMPLITUDE if interval.empty else interval)
    return found


def _restrict(interval: Amplitudes, gain: Fraction, c: Fraction, *, wanted: bool) -> Amplitudes:
    """The part of the interval where a·gain + c is positive (wanted) or not (unwanted)."""
    if gain == 0:
        return interval if (c > 0) == wanted else _NO_AMPLITUDE
    end = -c / gain
    if wanted != (gain > 0):  # the condition holds below the end
        # w_i·w_i is never negative, so only an unwanted output has an upper end, and reaches 0 there: included.
        high = end if interval.high is None else min(interval.high, end)
        return Amplitudes(interval.low, high, interval.low_included)
    if end > interval.low:
        return Amplitudes(end, interval.high, not wanted)
    if end == interval.low and wanted:
        return Amplitudes(interval.low, interval.high)
    return interval
