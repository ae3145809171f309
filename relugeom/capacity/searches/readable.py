"""From floats to certificates that a person can read: small integers wherever they do.

A grid is only proposed here; whether the point on it is a solution is decided exactly by the caller.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np

from relugeom.capacity.decisions.outcomes import Bias
from relugeom.capacity.decisions.supports import supports, worst_supports
from relugeom.capacity.searches.margins import row_margin
from relugeom.capacity.searches.problem import Array
from relugeom.exact import ExactReconstruction, SignPattern, Valid, check
from relugeom.exact.rationals import Matrix, Vector, as_matrix, as_vector, dot, transpose

__all__ = ["exact_values", "integer_grids", "rational_directions", "shorten"]

# The coarsest grids first; the last one is the float itself, to all purposes.
_SCALES = (*range(1, 13), 16, 20, 24, 32, 48, 64, 100, 200, 500, 1000, 10**4, 10**6, 10**9)
_FEW_INPUTS = 5000


def integer_grids(W: Array, *, tied: bool) -> Iterator[Matrix]:
    """round(s V / max |V|) for growing s, where V runs over the forms of W; each encoder once.

    A tied solution stays one under rotation, an untied one under every invertible map A (with RA⁻¹ for R). The forms
    are, for an untied decoder, the one in which m features of large volume are the unit vectors; the one in which
    the first of them spans the first axis, the second lies in the first plane, and so on; and W as it is.
    """
    if not np.isfinite(W).all() or not W.any():
        return
    seen = set()
    forms = [V / np.abs(V).max() for V in _forms(W, tied)]
    for scale in _SCALES:
        for V in forms:
            encoder = as_matrix([[round(scale * x) for x in row] for row in V.tolist()])
            if encoder not in seen:
                seen.add(encoder)
                yield encoder


def _forms(W: Array, tied: bool) -> Iterator[Array]:
    from scipy.linalg import qr

    Q, triangle, order = qr(W, pivoting=True)
    if not tied and W.shape[1] >= W.shape[0] and abs(triangle[-1, W.shape[0] - 1]) > 1e-6:
        yield np.asarray(np.linalg.solve(W[:, order[: W.shape[0]]], W))
    yield np.asarray(Q.T @ W)
    yield W


def rational_directions(W: Array) -> Iterator[Matrix]:
    """Rational unit vectors near the columns of W, from coarse to fine.

    Stereographic projection from −e_0: the unit vector u is met again as ((1 − |p|²), 2p) / (1 + |p|²) with
    p = (u_1, ..., u_{m−1}) / (1 + u_0), and p is rounded. The column −e_0 itself has no p and stays as it is.
    """
    units = W / np.linalg.norm(W, axis=0)
    if not np.isfinite(units).all():
        return
    for scale in _SCALES:
        yield transpose(tuple(_rational_unit(u, scale) for u in units.T))


def _rational_unit(u: Array, scale: int) -> Vector:
    if 1 + u[0] < 1e-9:
        return as_vector([-1, *(0 for _ in u[1:])])
    p = [Fraction(round(scale * x), scale) for x in (u[1:] / (1 + u[0])).tolist()]
    square = dot(p, p)
    return ((1 - square) / (1 + square), *(2 * x / (1 + square) for x in p))


def shorten(pattern: SignPattern, bias: Bias) -> SignPattern:
    """The same encoder with a decoder in small integers, where rounding the rows of best margin gives one."""
    W, n = pattern.encoder, len(pattern.encoder[0])
    listed = list(supports(n, pattern.active, pattern.zero_input))
    if pattern.decoder is None or bias == "shared" or len(listed) > _FEW_INPUTS:
        return pattern
    X = np.zeros((len(listed), n))
    for row, support in zip(X, listed, strict=True):
        row[list(support)] = 1.0
    codes = X @ np.array(W, dtype=np.float64).T
    rows = [_short_row(pattern, codes, X[:, j], j, bias) for j in range(n)]
    b = None if bias == "none" else tuple(row[1] for row in rows)
    shorter = replace(pattern, decoder=tuple(row[0] for row in rows), bias=b)
    return shorter if isinstance(check(shorter), Valid) else pattern


def _short_row(pattern: SignPattern, codes: Array, active: Array, j: int, bias: Bias) -> tuple[Vector, Fraction]:
    """The coarsest rounding of the row of best margin that still separates feature j; else the row as it was."""
    assert pattern.decoder is not None
    r = row_margin(codes, 2 * active - 1, bias=bias != "none").r
    columns = transpose(pattern.encoder)
    for scale in _SCALES:
        row = as_vector(round(scale * x) for x in r.tolist())
        values = [dot(row, w) for w in columns]
        low, high = (
            sum((values[i] for i in support), Fraction(0))
            for support in worst_supports(values, j, pattern.active, pattern.zero_input)
        )
        if bias == "none" and low > 0 >= high:
            return row, Fraction(0)
        if bias != "none" and low > high:
            return row, _simplest(-low, -high)
    return pattern.decoder[j], Fraction(0) if pattern.bias is None else pattern.bias[j]


def _simplest(low: Fraction, high: Fraction) -> Fraction:
    """An integer in (low, high] of least size, if there is one; otherwise `high`."""
    if low < 0 <= high:
        return Fraction(0)
    candidate = floor(low) + 1 if low >= 0 else floor(high)
    return Fraction(candidate) if low < candidate <= high else high


def exact_values(pattern: SignPattern) -> ExactReconstruction | None:
    """From signs to values for one active feature: ReLU(RWx + b) = x at every x = e_i, where scaling gets there.

    Untied: row i is divided by its value at e_i. Tied with a free bias: t²(‖w_j‖² − w_i·w_j) ≥ 1 for a large enough
    rational t, and then b_j = 1 − t²‖w_j‖². Otherwise W has to be right as it stands.
    """
    W, R, b = pattern.encoder, pattern.decoder, pattern.bias
    columns = transpose(W)
    n = len(columns)
    if R is not None:
        own = [dot(R[i], columns[i]) + (b[i] if b else 0) for i in range(n)]
        R = tuple(tuple(x / value for x in row) for row, value in zip(R, own, strict=True))
        found = ExactReconstruction(W, R, None if b is None else tuple(x / v for x, v in zip(b, own, strict=True)))
    elif b is None:
        found = ExactReconstruction(W)
    else:
        gaps = [dot(w, w) - dot(v, w) for w in columns for v in columns if v is not w]
        t = Fraction(ceil(max((1 / gap for gap in gaps), default=Fraction(1))))
        W = tuple(tuple(t * x for x in row) for row in W)
        found = ExactReconstruction(W, None, tuple(1 - t * t * dot(w, w) for w in columns))
    return found if isinstance(check(found), Valid) else None
