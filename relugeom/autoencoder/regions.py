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
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from relugeom.arrays import to_numpy
from relugeom.autoencoder.criterion import rounding_tolerance
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
        Counter-clockwise from the one of least x (and y); two for a segment (a ray cut off by the window), none where
        the zone is empty.
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
        The upper end, which belongs to the interval where `high_included`; None where there is none.
    low_included, high_included : bool
    """

    low: Fraction
    high: Fraction | None
    low_included: bool = False
    high_included: bool = True

    @property
    def empty(self) -> bool:
        """Whether there is no such amplitude."""
        both = self.low_included and self.high_included
        return self.high is not None and (self.high < self.low or (self.high == self.low and not both))

    def __contains__(self, a: object) -> bool:
        if not isinstance(a, int | float | Fraction):
            return False
        above = self.low < a or (self.low_included and self.low == a)
        return above and (self.high is None or a < self.high or (self.high_included and a == self.high))


_MOST_CUTS = 100  # of a zone, in floats, before the exact ones take over
_NO_AMPLITUDE = Amplitudes(Fraction(0), Fraction(0))


class _Exact(NamedTuple):
    """A model in rational numbers, a float standing for the rational it is.

    Attributes
    ----------
    columns : of W: where the features lie.
    rows : of the decoder, w_j if tied: output j is positive where rows[j]·h + bias[j] > 0.
    bias : with the tolerance taken off.
    """

    columns: list[tuple[Fraction, ...]]
    rows: list[tuple[Fraction, ...]]
    bias: list[Fraction]


def _exact_model(W: Any, b: Any = None, decoder: Any = None, tolerance: float | Fraction | None = 0) -> _Exact:
    """The model as rationals; a tolerance of None is `rounding_tolerance`."""
    columns = list(zip(*_rationals("W", W), strict=True))
    m, n = len(columns[0]), len(columns)
    rows = columns if decoder is None else [tuple(row) for row in _rationals("decoder", decoder)]
    if len(rows) != n or len(rows[0]) != m:
        raise ArgumentError(f"decoder must have shape ({n}, {m}); got ({len(rows)}, {len(rows[0])})")
    bias = [Fraction(0)] * n if b is None else _rational_vector("b", b, n)
    if tolerance is None:
        tolerance = float(rounding_tolerance(W, None if b is None else _flat(b), decoder))
    return _Exact(columns, rows, [value - Fraction(tolerance) for value in bias])


def _as_list(values: Any) -> Any:
    return values if isinstance(values, list | tuple) else to_numpy(values).tolist()


def _flat(b: Any) -> Any:
    """b without the second axis of a column."""
    values = _as_list(b)
    return [value[0] if isinstance(value, list | tuple) and len(value) == 1 else value for value in values]


def _numbers(name: str, values: Any) -> list[Fraction]:
    try:
        return [value if isinstance(value, Fraction) else Fraction(value) for value in values]
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"{name} must hold finite real numbers: {error}") from None


def _rationals(name: str, values: Any) -> list[list[Fraction]]:
    rows = _as_list(values)
    matrix = [_numbers(name, row) for row in rows] if all(isinstance(row, list | tuple) for row in rows) else []
    if not matrix or len({len(row) for row in matrix}) != 1 or not matrix[0]:
        shape = "(m, n)" if name == "W" else "(n, m)"
        raise ArgumentError(f"{name} must have shape {shape}; got {len(rows)} rows of unequal or no length")
    return matrix


def _rational_vector(name: str, values: Any, n: int) -> list[Fraction]:
    vector = _numbers(name, _flat(values))
    if len(vector) != n:
        raise ArgumentError(f"{name} must have shape ({n},); got ({len(vector)},)")
    return vector


def _planar(W: Any, b: Any, decoder: Any, tolerance: float | Fraction | None) -> _Exact:
    model = _exact_model(W, b, decoder, tolerance)
    if len(model.columns[0]) != 2:
        raise ArgumentError(f"W must have m = 2 rows for regions of the plane; got m = {len(model.columns[0])}")
    return model


def _window(window: float | Fraction | None, W: Any) -> Polygon:
    r = Fraction(default_window(W) if window is None else window)
    if r <= 0:
        raise ArgumentError(f"window must be positive; got {window}")
    return (Point(-r, -r), Point(r, -r), Point(r, r), Point(-r, r))


def default_window(W: Any) -> float:
    """1.5 times the largest norm of a feature, or 1 when all are zero."""
    columns = _exact_model(W).columns
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
    W: Any,
    b: Any = None,
    decoder: Any = None,
    *,
    window: float | Fraction | None = None,
    tolerance: float | Fraction | None = None,
) -> list[Cell]:
    """All full-dimensional cells of the arrangement of the lines r_j·h + b_j = 0, inside the window; r_j = w_j if tied.

    Parameters
    ----------
    W : array or nested sequence, shape (2, n)
    b : array or sequence, shape (n,), optional
        Default: 0.
    decoder : array or nested sequence, shape (n, 2), optional
        Default: Wᵀ.
    window : number, optional
        Half the side of the square window. Default: `default_window`.
    tolerance : number, optional
        Positive means above it. Default: `relugeom.autoencoder.criterion.rounding_tolerance`, 0 for exact numbers.

    Returns
    -------
    list of Cell
        Their areas add up to that of the window.

    Raises
    ------
    ArgumentError
        W is not 2 × n, b does not fit, the window is not positive, or a number is not finite.

    See Also
    --------
    relugeom.autoencoder.zones
    """
    model = _planar(W, b, decoder, tolerance)
    found: list[tuple[Polygon, frozenset[int]]] = [(_window(window, W), frozenset())]
    for j, (r, c) in enumerate(zip(model.rows, model.bias, strict=True)):
        split: list[tuple[Polygon, frozenset[int]]] = []
        for vertices, active in found:
            values = _at(vertices, r, c)
            if any(value > 0 for value in values):
                split.append((_clip(vertices, values), active | {j}))
            if any(value < 0 for value in values) or not any(values):
                split.append((_clip(vertices, [-value for value in values]), active))
        found = split
    return [Cell(vertices, active) for vertices, active in found]


def zones(
    W: Any,
    b: Any = None,
    decoder: Any = None,
    *,
    window: float | Fraction | None = None,
    tolerance: float | Fraction | None = None,
) -> list[Zone]:
    """The zone of every feature: where its output alone is positive.

    Parameters
    ----------
    W, b, decoder, window, tolerance
        As for `cells`.

    Returns
    -------
    list of n Zone

    See Also
    --------
    relugeom.autoencoder.cells

    Notes
    -----
    A zone has few sides. Floats pick the half-plane that cuts off most, rationals cut, until no float says that
    anything is left to cut; where a float is too near 0 to say, the rational decides. So the answer is exact, and only
    the choice of the next cut is not.

    Examples
    --------
    Four features without a bias: each zone is a ray, of area 0, and holds its feature.

    >>> four = zones([[1, -1, 0, 0], [0, 0, 1, -1]], window=2)
    >>> [(str(zone.area), zone.contains_feature, len(zone.vertices)) for zone in four]
    [('0', True, 2), ('0', True, 2), ('0', True, 2), ('0', True, 2)]
    """
    model = _planar(W, b, decoder, tolerance)
    square = _window(window, W)
    r = square[2].x
    lines = _Lines(model)
    found: list[Zone] = []
    for i, w_i in enumerate(model.columns):
        vertices = lines.zone(square, i)
        # The closure may be left over where the open zone is empty: z_i = 0 on all of it.
        if vertices and not any(value > 0 for value in _at(vertices, model.rows[i], model.bias[i])):
            vertices = ()
        touching = any(abs(p.x) == r or abs(p.y) == r for p in vertices)
        found.append(Zone(i, _from_the_lowest(vertices), lines.alone_at(w_i, i), touching))
    return found


def _from_the_lowest(vertices: Polygon) -> Polygon:
    """The same vertices, the least in x (of those in y) first."""
    first = min(range(len(vertices)), key=lambda k: vertices[k], default=0)
    return vertices[first:] + vertices[:first]


class _Lines:
    """The lines r_j·h + b_j = 0 of a planar model, in rationals and in floats that know how far to be believed.

    Products and sums of three terms, each operand rounded once, err by less than 4 ε times their magnitudes.
    """

    def __init__(self, model: _Exact) -> None:
        self.model = model
        self._rows = np.array([[_float(x) for x in row] for row in model.rows])
        self._bias = np.array([_float(c) for c in model.bias])
        self._longest = float(np.abs(self._rows).max()) or 1.0

    def _values(self, points: Sequence[Sequence[Fraction]]) -> tuple[Any, Any]:
        """r_j·p + b_j for every line j and point p, shape (n, k), and how far off at most; ∞ if that is unknown."""
        P = np.array([[_float(x) for x in point] for point in points])
        with np.errstate(all="ignore"):
            values = self._rows @ P.T + self._bias[:, None]
            error = 2.0**-50 * (np.abs(self._rows) @ np.abs(P).T + np.abs(self._bias)[:, None])
            # Numbers that underflow lose more than their last digits; where none is small none does.
            small = (np.abs(self._rows) < 1e-150) & (self._rows != 0)
            if small.any() or ((np.abs(P) < 1e-150) & (P != 0)).any() or not np.isfinite(error).all():
                error = np.full_like(values, np.inf)
        return values, error

    def _exactly(self, j: int, point: Sequence[Fraction]) -> Fraction:
        r = self.model.rows[j]
        return r[0] * point[0] + r[1] * point[1] + self.model.bias[j]

    def alone_at(self, point: Sequence[Fraction], i: int) -> bool:
        """Whether output i, and no other, is positive there."""
        values, error = (part[:, 0] for part in self._values([point]))
        wanted = np.arange(len(values)) == i
        if ((np.abs(values) > error) & ((values > 0) != wanted)).any():
            return False
        unsure = np.flatnonzero(~(np.abs(values) > error))
        return all((self._exactly(j, point) > 0) == (j == i) for j in unsure.tolist())

    def zone(self, square: Polygon, i: int) -> Polygon:
        """The part of the square where output i is not negative and no other is positive."""
        vertices = _clip(square, _at(square, self.model.rows[i], self.model.bias[i]))
        settled = np.zeros(len(self._bias), bool)  # lines of which it is known that they cut nothing off any more
        settled[i] = True
        first = self._sides(vertices, i) if vertices else []
        while vertices and not settled.all():
            if first:
                j = first.pop()
            else:
                values, error = self._values(vertices)
                values[settled] = -np.inf
                over = values > error
                if over.all(axis=1).any():
                    return ()  # some other output is positive at every vertex, and so everywhere
                surely = np.where(over, values, -np.inf).max(axis=1)
                j = int(np.argmax(surely))
                if surely[j] == -np.inf:
                    unsure = np.flatnonzero((values > -error).any(axis=1) & ~settled)
                    j = next((k for k in unsure.tolist() if any(v > 0 for v in self._line(k, vertices))), -1)
                    if j < 0:
                        break
            vertices = _clip(vertices, [-value for value in self._line(j, vertices)])
            settled[j] = True
        return vertices

    def _sides(self, vertices: Polygon, i: int) -> list[int]:
        """The lines that a zone probably has for sides, found in floats: where to cut first, no more than that."""
        corners = [(_float(p.x), _float(p.y)) for p in vertices]
        scale = max(max(abs(x), abs(y)) for x, y in corners)
        cuts: list[int] = []
        with np.errstate(all="ignore"):
            for _ in range(_MOST_CUTS):
                highest = (self._rows @ np.array(corners).T).max(axis=1) + self._bias
                highest[i] = -np.inf
                j = int(np.argmax(highest))
                # Of an empty zone the exact cuts find out as fast; and so they do where floats are of no use.
                if not highest[j] > 1e-12 * scale * self._longest or j in cuts:
                    break
                cuts.append(j)
                (x, y), c = self._rows[j].tolist(), float(self._bias[j])
                heights = [x * p[0] + y * p[1] + c for p in corners]
                corners = _float_clip(corners, heights)
                if len(corners) < 3:
                    return []
            heights_of = np.abs(self._rows[cuts] @ np.array(corners).T + self._bias[cuts][:, None])
        return [j for j, h in zip(cuts, heights_of.min(axis=1), strict=True) if h <= 1e-9 * scale * self._longest]

    def _line(self, j: int, vertices: Polygon) -> list[Fraction]:
        return _at(vertices, self.model.rows[j], self.model.bias[j])


def _float_clip(corners: list[tuple[float, float]], heights: list[float]) -> list[tuple[float, float]]:
    """`_clip` in floats, to where the heights are ≤ 0."""
    kept = []
    for k, (p, u) in enumerate(zip(corners, heights, strict=True)):
        q, v = corners[k - 1], heights[k - 1]
        if (u > 0) != (v > 0) and u != v:
            t = u / (u - v)
            kept.append((p[0] + t * (q[0] - p[0]), p[1] + t * (q[1] - p[1])))
        if u <= 0:
            kept.append(p)
    return kept


def _float(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return float("inf")


def recovered_amplitudes(
    W: Any, b: Any = None, decoder: Any = None, *, tolerance: float | Fraction | None = None
) -> list[Amplitudes]:
    """For each feature, the amplitudes a > 0 with a·r_i·w_i + b_i > 0 and a·r_j·w_i + b_j ≤ 0 for all j ≠ i.

    Each condition is a half-line of a, so together they are an interval.

    Parameters
    ----------
    W : array or nested sequence, shape (m, n)
    b, decoder, tolerance
        As for `cells`.

    Returns
    -------
    list of Amplitudes
        One open or half-open interval a feature, with rational ends.

    See Also
    --------
    relugeom.autoencoder.recovered_axes, relugeom.autoencoder.satisfies_criterion
    """
    model = _exact_model(W, b, decoder, tolerance)
    found: list[Amplitudes] = []
    for i, w_i in enumerate(model.columns):
        interval = Amplitudes(Fraction(0), None)
        for j, (r, c) in enumerate(zip(model.rows, model.bias, strict=True)):
            gain = sum((x * y for x, y in zip(r, w_i, strict=True)), Fraction(0))
            interval = _restrict(interval, gain, c, wanted=j == i)
        found.append(_NO_AMPLITUDE if interval.empty else interval)
    return found


def _restrict(interval: Amplitudes, gain: Fraction, c: Fraction, *, wanted: bool) -> Amplitudes:
    """The part of the interval where a·gain + c is positive (wanted) or not (unwanted)."""
    if gain == 0:
        return interval if (c > 0) == wanted else _NO_AMPLITUDE
    end = -c / gain
    if wanted != (gain > 0):  # the condition holds below the end
        # An unwanted output reaches 0 there, which is allowed; a wanted one (untied, r_i·w_i < 0) may not.
        if interval.high is not None and interval.high < end:
            return interval
        included = not wanted and (interval.high_included or interval.high != end)
        return replace(interval, high=end, high_included=included)
    if end > interval.low:
        return replace(interval, low=end, low_included=not wanted)
    if end == interval.low and wanted:
        return replace(interval, low_included=False)
    return interval
