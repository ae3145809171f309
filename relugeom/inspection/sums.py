"""What an inspection sums over the data, block by block: 10,000 features have 100 million pairs.

On data a·e_i the response of output j to input i is z_ij = a g_ij + b_j with g_ij = r_j·w_i, R = Wᵀ where the model is
tied. With φ as in `relugeom.autoencoder.axial` and Φ its slopes divided by n,

    L = (1/n) Σ_ij φ(g_ij, b_j, δ_ij),      ∂L/∂W = (Φ_g R)ᵀ,      ∂L/∂R = Φ_gᵀ Wᵀ,      ∂L/∂b_j = Σ_i (Φ_b)_ij,

and a tied model gets both parts, ∂L/∂W + (∂L/∂R)ᵀ. On examples X the sums run over rows; see
`relugeom.autoencoder.model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial, AxialData, is_identity
from relugeom.autoencoder.data import DenseExamples
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters, flatten

__all__ = ["Recovery", "Sums", "recovery", "sums_over_axes", "sums_over_examples", "sums_over_population"]

Floats = npt.NDArray[np.float64]

_BLOCK = 1 << 21  # numbers in a block: 16 MB


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums and extremes over the data.

    Attributes
    ----------
    feature_loss : ndarray, shape (n,)
        (1/T) Σ_t (x_tj − x'_tj)² for each output j; they add up to the loss.
    highest : ndarray, shape (n,)
        The largest pre-activation of each output; the output is dead where it is negative.
    kinks : int
        How many pre-activations are within the tolerance of 0.
    kink_distance : float
        The least |z|.
    gradient_norm : float
        Of all parameters together.
    """

    feature_loss: Floats
    highest: Floats
    kinks: int
    kink_distance: float
    gradient_norm: float


@dataclass(frozen=True, slots=True, eq=False)
class Recovery:
    """Which axes are given back, and in which amplitudes.

    Attributes
    ----------
    recovered : ndarray of bool, shape (n,)
        For x = e_i output i is positive and no other is, and w_i is not null.
    but_for_null : ndarray of bool, shape (n,)
        The same, the constant outputs of null features set aside.
    own, other : ndarray, shape (n,)
        The pre-activation of output i, and the largest of all others, for x = e_i.
    rival : ndarray of int, shape (n,)
        Which output that is.
    overlap : ndarray, shape (n,)
        max_{j≠i} r_j·w_i, which is `other` without the bias.
    low, high : ndarray, shape (n,)
        For recovered axes: a·e_i with low < a ≤ high is given back; nan for the others. `high` is ∞ where no amplitude
        is too large.
    """

    recovered: npt.NDArray[np.bool_]
    but_for_null: npt.NDArray[np.bool_]
    own: Floats
    other: Floats
    rival: npt.NDArray[np.int64]
    overlap: Floats
    low: Floats
    high: Floats


def _blocks(rows: int, width: int) -> list[slice]:
    step = max(1, _BLOCK // max(width, 1))
    return [slice(start, min(start + step, rows)) for start in range(0, rows, step)]


def recovery(W: Floats, b: Floats, R: Floats, null: npt.NDArray[np.bool_], tolerance: float) -> Recovery:
    """See `Recovery`; `tolerance` is what a pre-activation may have above 0 and still count as off."""
    n = W.shape[1]
    own, other, overlap, beside_null = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    rival = np.zeros(n, np.int64)
    low, high = np.full(n, np.nan), np.full(n, np.nan)
    for block in _blocks(n, n):
        inputs = np.arange(block.start, block.stop)
        rows = np.arange(len(inputs))
        g = W[:, block].T @ R.T
        gain = g[rows, inputs]
        own[block] = gain + b[inputs]
        g[rows, inputs] = -np.inf
        overlap[block] = g.max(axis=1)
        z = g + b
        rival[block] = z.argmax(axis=1)
        other[block] = z[rows, rival[block]]
        beside_null[block] = z[:, ~null].max(axis=1, initial=-np.inf) if null.any() else other[block]
        good = np.flatnonzero((own[block] > tolerance) & (other[block] <= tolerance))
        if len(good):
            low[block.start + good], high[block.start + good] = _amplitudes(
                g[good], gain[good], b, inputs[good], tolerance
            )
    on = (own > tolerance) & ~null
    low[null], high[null] = np.nan, np.nan
    return Recovery(on & (other <= tolerance), on & (beside_null <= tolerance), own, other, rival, overlap, low, high)


def _amplitudes(
    g: Floats, gain: Floats, b: Floats, inputs: npt.NDArray[np.int64], tolerance: float
) -> tuple[Floats, Floats]:
    """The interval of amplitudes around 1 in which a g_ii + b_i > 0 and a g_ij + b_j ≤ tolerance for j ≠ i.

    `gain` is g_ii; in its place g holds −∞.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = (tolerance - b) / g  # output j crosses the tolerance here
        own = np.where(gain > 0, -b[inputs] / gain, 0.0)
    rising, falling = np.where(g > 0, turn, np.inf), np.where(g < 0, turn, -np.inf)
    return np.maximum(np.maximum(own, falling.max(axis=1)), 0.0), rising.min(axis=1)


def sums_over_axes(
    W: Floats, b: Floats, R: Floats, data: AxialData, tolerance: float, *, tied: bool, biased: bool
) -> Sums:
    """The sums for data a·e_i."""
    n = W.shape[1]
    by_output, highest, slope_b = np.zeros(n), np.full(n, -np.inf), np.zeros(n)
    slope_W, slope_R = np.zeros_like(W), np.zeros_like(R)
    kinks, nearest = 0, np.inf
    ones = is_identity(data)
    most = max(data.amplitudes) if isinstance(data, Axial) else 1.0
    for block in _blocks(n, n):
        inputs = np.arange(block.start, block.stop)
        rows = np.arange(len(inputs))
        g = W[:, block].T @ R.T
        if ones:
            z = np.add(g, b, out=g)
            distance = np.abs(z)
            np.maximum(highest, z.max(axis=0), out=highest)
            on = z > 0
            np.maximum(z, 0.0, out=z)
            z[rows, inputs] -= 1.0
            by_output += np.einsum("ij,ij->j", z, z)
            z *= on
            Phi_g = Phi_b = np.multiply(z, 2.0, out=z)
        else:
            delta = np.zeros_like(g)
            delta[rows, inputs] = 1.0
            # z is linear in a, so its largest value is at one of the ends.
            np.maximum(highest, np.maximum(b, (most * g + b).max(axis=0)), out=highest)
            distance = np.broadcast_to(np.asarray(data.pair_kink_distance(np, g, b, delta)), g.shape)
            by_output += np.asarray(data.pair_loss(np, g, b, delta)).sum(axis=0)
            Phi_g, Phi_b = (np.broadcast_to(part, g.shape) for part in data.pair_slopes(np, g, b, delta))
        kinks += int((distance <= tolerance).sum())
        nearest = min(nearest, float(distance.min()))
        slope_W[:, block] += (Phi_g @ R).T / n
        slope_R += Phi_g.T @ W[:, block].T / n
        slope_b += Phi_b.sum(axis=0) / n
    return Sums(by_output / n, highest, kinks, nearest, _norm(slope_W, slope_R, slope_b, tied=tied, biased=biased))


def sums_over_examples(W: Floats, b: Floats, R: Floats, X: Any, tolerance: float, *, tied: bool, biased: bool) -> Sums:
    """The sums for examples in the rows of X: an array, `DenseExamples` or `SparseExamples`."""
    n = W.shape[1]
    weights = np.ones(n) if getattr(X, "importance", None) is None else X.importance
    X = np.asarray(X.X, np.float64) if isinstance(X, DenseExamples) else X
    is_dense = isinstance(X, np.ndarray)
    T = len(X) if is_dense else X.T
    by_output, highest, slope_b = np.zeros(n), np.full(n, -np.inf), np.zeros(n)
    slope_W, slope_R = np.zeros_like(W), np.zeros_like(R)
    kinks, nearest = 0, np.inf
    for block in _blocks(T, n):
        rows = X[block] if is_dense else X.take(np.arange(block.start, block.stop)).to_dense().astype(np.float64)
        h = rows @ W.T
        z = h @ R.T + b
        np.maximum(highest, z.max(axis=0), out=highest)
        distance = np.abs(z)
        kinks += int((distance <= tolerance).sum())
        nearest = min(nearest, float(distance.min()))
        error = np.maximum(z, 0.0) - rows
        by_output += np.einsum("tj,tj->j", error, error)
        E = 2 / T * error * (z > 0) * weights
        slope_W += (E @ R).T @ rows
        slope_R += E.T @ h
        slope_b += E.sum(axis=0)
    by_output *= weights
    return Sums(by_output / T, highest, kinks, nearest, _norm(slope_W, slope_R, slope_b, tied=tied, biased=biased))


def sums_over_population(
    W: Floats, b: Floats, R: Floats, data: Independent, tolerance: float, *, tied: bool, biased: bool
) -> Sums:
    """The sums for independent features, over the whole population."""
    model = Parameters(W, b if biased else None, None if tied else R)
    return Sums(
        np.asarray(data.feature_loss(model)),
        np.asarray(data.highest(model)),
        int(data.kinks(model, tolerance).sum()),
        float(data.kink_distance(model)),
        float(np.linalg.norm(flatten(data.gradient(model)))),
    )


def _norm(slope_W: Floats, slope_R: Floats, slope_b: Floats, *, tied: bool, biased: bool) -> float:
    parts = [slope_W + slope_R.T] if tied else [slope_W, slope_R]
    return float(np.sqrt(sum(float((part**2).sum()) for part in [*parts, *([slope_b] if biased else [])])))
