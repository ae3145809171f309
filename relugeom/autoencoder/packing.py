"""Models of the plane that memorise a few of very many examples, built and not trained: x' = ReLU(WᵀWx + b) for x ≥ 0.

Where no feature is private any more, `relugeom.autoencoder.memorising` has nothing to build on. But examples that share
no feature *with each other* can be memorised, as long as all the rest stay silent. Let C be such examples, s_c =
‖x_c‖², u_c different corners of a regular polygon with the angle φ, R² = max s_c/(1 − cos φ), and

    w_j = (x_cj R/s_c) u_c,   b_j = x_cj (1 − R²/s_c)      for j in the support of c,
    w_j = 0,                  b_j = (1/T) Σ_t x_tj          for j in none.

Every example t then has W x_t = R v_t with v_t = Σ_c (x_t·x_c/s_c) u_c, and v_c = u_c. Output j of c is

    x_cj (1 − R²(1 − u_c·v_t)/s_c):

x_cj at c, and off wherever u_c·v_t ≤ 1 − s_c/R². That holds at the other corners, and at every example with
‖v_t‖ ≤ cos φ. So an example in C costs nothing, the features that are left answer by their mean, and

    T L = Σ_t ‖x_t‖² − T Σ_j b̄_j² − Σ_c (s_c − T Σ_{j of c} b̄_j²),     b̄_j = (1/T) Σ_t x_tj.

Which examples, and at which corner, is a search: short ones first, each put where it pulls the examples that share with
it back towards 0, and left out if every corner would push one of them over the edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import cos, pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.constructions import polygon
from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.errors import ArgumentError

__all__ = ["PackedPolygon", "packed_polygon"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.integer[Any]]

_WEIGHT = 3.0  # examples far out count for more, by exp(_WEIGHT ‖v‖²)
_PATIENCE = 2_000  # examples that fit nowhere before the search ends


@dataclass(frozen=True, slots=True, eq=False)
class PackedPolygon:
    """A model that memorises some examples exactly and answers all others with the mean of the features left.

    Attributes
    ----------
    model : Parameters
        float64, m = 2.
    corners : tuple of int
        The examples that are memorised.
    loss : float
        Its loss by the formula.
    """

    model: Parameters
    corners: tuple[int, ...]
    loss: float


def packed_polygon(examples: SparseExamples, corners: int = 4_096) -> PackedPolygon:
    """Memorise as many of the examples as a search finds room for, on a regular polygon of that many corners.

    Parameters
    ----------
    examples : SparseExamples
        Not negative.
    corners : int
        Of the polygon, at least 3; not all need be taken. Columns grow with it: R = corners/(√2 π), nearly.

    Returns
    -------
    PackedPolygon

    Examples
    --------
    >>> from relugeom.autoencoder import loss
    >>> from relugeom.autoencoder.examples import sparse_unit_norm_examples
    >>> examples = sparse_unit_norm_examples(500, n=200, S=0.98, seed=0, dtype=np.float64)
    >>> found = packed_polygon(examples)
    >>> round(found.loss, 6) == round(float(loss(found.model, examples)), 6)
    True
    """
    if corners < 3:
        raise ArgumentError(f"corners must be at least 3; got {corners}")
    values = np.asarray(examples.values, np.float64)
    if (values < 0).any():
        raise ArgumentError(f"examples must not be negative; got {values.min()}")
    mean = np.bincount(examples.indices, values, minlength=examples.n) / examples.T
    directions = polygon(corners).T
    placed = dict(_places(examples, values, mean, directions))
    W, b, square = np.zeros((2, examples.n)), mean.copy(), 0.0
    kept = 0.0
    for t in placed:
        x = values[_row(examples, t)]
        square = max(square, float(x @ x) / (1 - cos(2 * pi / corners)))
    for t, corner in placed.items():
        row = _row(examples, t)
        features, x = examples.indices[row], values[row]
        s = float(x @ x)
        W[:, features] = np.outer(directions[corner], x * sqrt(square) / s)
        b[features] = x * (1 - square / s)
        kept += s - examples.T * float(mean[features] @ mean[features])
    left = float(values @ values) / examples.T - float(mean @ mean) - kept / examples.T
    return PackedPolygon(Parameters(W, b), tuple(placed), left)


def _row(examples: SparseExamples, t: int) -> slice:
    return slice(int(examples.indptr[t]), int(examples.indptr[t + 1]))


def _places(examples: SparseExamples, values: Floats, mean: Floats, directions: Floats) -> Iterator[tuple[int, int]]:
    """Examples without a common feature, each with its corner, such that ‖v_t‖ ≤ cos φ at all others."""
    T, corners = examples.T, len(directions)
    edge = cos(2 * pi / corners)
    order = np.argsort(examples.indices, kind="stable")
    holders = np.repeat(np.arange(T), np.diff(examples.indptr))[order]
    amounts = values[order]
    starts = np.concatenate([[0], np.cumsum(np.bincount(examples.indices, minlength=examples.n))])
    is_free, is_taken = np.ones(corners, bool), np.zeros(examples.n, bool)
    v, squares = np.zeros((T, 2)), np.zeros(T)
    patience = _PATIENCE
    for t in np.argsort(np.diff(examples.indptr), kind="stable").tolist():
        row = _row(examples, t)
        features, x = examples.indices[row], values[row]
        s = float(x @ x)
        if is_taken[features].any() or s <= T * float(mean[features] @ mean[features]):
            continue
        parts = [slice(starts[j], starts[j + 1]) for j in features]
        sharers, inverse = np.unique(np.concatenate([holders[part] for part in parts]), return_inverse=True)
        pulls = np.bincount(inverse, np.concatenate([amounts[p] * a / s for p, a in zip(parts, x, strict=True)]))
        sharers, pulls = sharers[sharers != t], pulls[sharers != t]
        where = _corner(directions, np.flatnonzero(is_free), v[sharers], squares[sharers], pulls, edge)
        if where is None:
            patience -= 1
            if not patience:
                return
            continue
        is_free[where], is_taken[features] = False, True
        v[sharers] += pulls[:, None] * directions[where]
        squares[sharers] = np.sum(v[sharers] ** 2, axis=1)
        v[t], squares[t] = directions[where], 1.0
        yield t, where
        if not is_free.any():
            return


def _corner(directions: Floats, free: Integers, v: Floats, squares: Floats, pulls: Floats, edge: float) -> int | None:
    """The free corner that pulls the sharers back most, none of them over the edge; None where there is none."""
    outside = np.sqrt(squares) + pulls > edge  # for some corner
    if outside.any():
        # ‖v + p u‖² ≤ edge² for u at most so far along v.
        most = (edge**2 - squares[outside] - pulls[outside] ** 2) / (2 * pulls[outside])
        free = free[np.all(directions[free] @ v[outside].T <= most, axis=1)]
    if not len(free):
        return None
    return int(free[np.argmin(directions[free] @ (np.exp(_WEIGHT * squares) * pulls @ v))])
