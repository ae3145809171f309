"""Hypothesis strategies for weights, biases, rational matrices and examples."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from relugeom.autoencoder import DataSet, Parameters, kink_distance

__all__ = [
    "integer_weights",
    "parameters",
    "rational_matrices",
    "rotations",
    "smooth_points",
    "sparse_batches",
    "weights",
]

SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def shapes(draw: st.DrawFn, max_m: int = 4, max_n: int = 7) -> tuple[int, int]:
    """(m, n)."""
    return draw(st.integers(1, max_m)), draw(st.integers(1, max_n))


@st.composite
def weights(draw: st.DrawFn, batch: tuple[int, ...] = (), max_m: int = 4, max_n: int = 7) -> Any:
    """W (..., m, n), normally distributed, so that no entries coincide."""
    return np.random.default_rng(draw(SEEDS)).normal(size=(*batch, *draw(shapes(max_m, max_n))))


@st.composite
def parameters(draw: st.DrawFn, batch: tuple[int, ...] = (), max_m: int = 4, max_n: int = 7) -> Parameters:
    """W and b, normally distributed."""
    W = draw(weights(batch, max_m, max_n))
    return Parameters(W, 0.5 * np.random.default_rng(draw(SEEDS)).normal(size=(*batch, W.shape[-1])))


@st.composite
def integer_weights(draw: st.DrawFn, m: int, n: int, largest: int = 4) -> Any:
    """W (m, n) of small integers, on which float arithmetic is exact and ties are common."""
    entry = st.integers(-largest, largest)
    row = st.lists(entry, min_size=n, max_size=n)
    return np.array(draw(st.lists(row, min_size=m, max_size=m)), dtype=np.float64)


@st.composite
def rational_matrices(draw: st.DrawFn, rows: int, columns: int, largest: int = 6) -> list[list[Fraction]]:
    """Lists of rows of Fractions with small numerators and denominators."""
    entry = st.fractions(-largest, largest, max_denominator=largest)
    row = st.lists(entry, min_size=columns, max_size=columns)
    return draw(st.lists(row, min_size=rows, max_size=rows))


@st.composite
def sparse_batches(draw: st.DrawFn, T: int, n: int, active: int = 2) -> Any:
    """X (T, n) with at most `active` positive entries a row."""
    rng = np.random.default_rng(draw(SEEDS))
    X = np.zeros((T, n))
    for row in X:
        where = rng.choice(n, size=min(active, n), replace=False)
        row[where] = rng.uniform(0.1, 1.0, size=len(where))
    return X


@st.composite
def rotations(draw: st.DrawFn, m: int) -> Any:
    """Orthogonal m × m matrices."""
    return np.linalg.qr(np.random.default_rng(draw(SEEDS)).normal(size=(m, m)))[0]


@st.composite
def smooth_points(
    draw: st.DrawFn, data: Any, m: int, n: int, distance: float = 1e-3, batch: tuple[int, ...] = ()
) -> Parameters:
    """Parameters that keep `distance` from every kink of the loss on `data`: an array or a `DataSet`."""
    assert isinstance(data, DataSet) or data.shape[-1] == n
    rng = np.random.default_rng(draw(SEEDS))
    point = Parameters(rng.normal(size=(*batch, m, n)), 0.5 * rng.normal(size=(*batch, n)))
    assume(np.all(kink_distance(point, data) > distance))
    return point
