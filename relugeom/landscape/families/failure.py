"""The symmetric failure is a saddle, for every n ≥ 4.

On X = I let k = n − 1 features form a regular polygon, given back exactly, and let the last one be null: w_n = 0,
b_n = 1/n. So ‖w_i‖² = ρ² with ρ² = max(1, 1/(1 − cos 2π/k)), b_i = 1 − ρ² ≤ 0, and Σ-loss is k/n.

Take any shift δ of the plane, c > 0, C large enough, σ = 1 + C|δ|, and

    w'_i = σ w_i + δ,    b'_i = 1 − ‖w'_i‖²   (i < n),        w'_n = −cδ,    b'_n = 1/n.

* Live axes stay exact: w'_i·(w'_i − w'_j) = σ² w_i·(w_i − w_j) + σ δ·(w_i − w_j) ≥ σ (σ − 2ρ|δ|) ≥ 1 once C ≥ 2ρ,
  because w_i·(w_i − w_j) ≥ 1 and |δ·(w_i − w_j)| ≤ 2ρ|δ|.
* Live outputs stay off on axis n: w'_n·w'_i + b'_i = 1 − σ²ρ² − (2 + c) σ δ·w_i + O(|δ|²) < 0 once C ≥ (2 + c)/ρ,
  since 1 − ρ² ≤ 0.
* Output n is on everywhere, with w'_n·w'_i + 1/n on axis i and c²|δ|² + 1/n on its own. With Σ w_i = 0 and
  Σ (δ·w_i)² = kρ²|δ|²/2 the Σ-loss becomes

      k/n + (k/n) ((nρ²/2 − 2) c² − 2c) |δ|² + o(|δ|²).

The bracket is negative for 0 < c < 4/(nρ² − 4) (for every c > 0 if n = 4): L falls in a whole plane of directions.
For n = 7, ρ² = 2, it is (30/7) c² − (12/7) c.

R. Tan, "Optimization Failure" (2025), takes the point for one where training is stuck.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, hypot, pi

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial
from relugeom.autoencoder.constructions import symmetric_failure
from relugeom.autoencoder.model import Parameters, loss
from relugeom.errors import ArgumentError
from relugeom.optim import AdamW, Optimiser
from relugeom.training.many_models import AxialTraining, descend

__all__ = ["Leaving", "best_ratio", "escape", "escape_curvature", "leaving"]


def _square(n: int) -> float:
    """ρ²."""
    if not isinstance(n, int) or n < 4:
        raise ArgumentError(f"n must be an integer, at least 4; got {n!r}")
    return max(1.0, 1 / (1 - cos(2 * pi / (n - 1))))


def escape_curvature(n: int, c: float) -> float:
    """(k/n) ((nρ²/2 − 2) c² − 2c): the Σ-loss changes by this times |δ|² along `escape`."""
    return (n - 1) / n * ((n * _square(n) / 2 - 2) * c**2 - 2 * c)


def best_ratio(n: int) -> float:
    """The c at which `escape_curvature` is least, 2/(nρ² − 4); 1 where it has no least value (n = 4)."""
    denominator = n * _square(n) - 4
    return 2 / denominator if denominator > 1e-9 else 1.0


def escape(n: int, delta: tuple[float, float], c: float | None = None) -> Parameters:
    """The model at shift δ on the way out of the symmetric failure.

    Parameters
    ----------
    n : int
    delta : (float, float)
    c : float, optional
        Default: `best_ratio`.
    """
    ratio = best_ratio(n) if c is None else c
    W = symmetric_failure(n).W.copy()
    rho = _square(n) ** 0.5
    growth = max(2 * rho, (2 + ratio) / rho) + 1
    shift = np.array(delta)
    W[:, :-1] = (1 + growth * hypot(*delta)) * W[:, :-1] + shift[:, None]
    W[:, -1] = -ratio * shift
    b = 1 - np.sum(W**2, axis=0)
    b[-1] = 1 / n
    return Parameters(W, b)


@dataclass(frozen=True, slots=True)
class Leaving:
    """How training left the symmetric failure.

    Attributes
    ----------
    alignment : ndarray, shape (trials,)
        When w_n has grown to a tenth of the live radius: the cosine between w_n and minus the mean shift of the live
        columns, which is 1 along `escape`; nan for a model that has not left.
    ratio : ndarray, shape (trials,)
        Then too: |w_n| over the mean shift, the c of the way out.
    steps : ndarray of int, shape (trials,)
        When that was; −1 if never.
    recovered : ndarray of int, shape (trials,)
        When Σ-loss fell below 1e-3; −1 if never.
    spread : ndarray, shape (trials,)
        Largest over smallest radius at the end.
    """

    alignment: npt.NDArray[np.float64]
    ratio: npt.NDArray[np.float64]
    steps: npt.NDArray[np.int64]
    recovered: npt.NDArray[np.int64]
    spread: npt.NDArray[np.float64]


def leaving(
    n: int,
    trials: int,
    *,
    noise: float = 1e-4,
    optimiser: Optimiser | None = None,
    steps: int = 20_000,
    every: int = 50,
    seed: int = 0,
) -> Leaving:
    """Start at the symmetric failure with normal noise on every parameter, train, and watch the way out."""
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    start = symmetric_failure(n)
    W = start.W + noise * rng.standard_normal((trials, 2, n))
    b = np.asarray(start.b) + noise * rng.standard_normal((trials, n))
    training = AxialTraining(Axial(n), optimiser=optimiser or AdamW(1e-3), steps=steps, dtype="float64")
    alignment, ratio = np.full(trials, np.nan), np.full(trials, np.nan)
    left, recovered = np.full(trials, -1), np.full(trials, -1)
    tenth = _square(n) ** 0.5 / 10
    for step, model in descend(training, Parameters(W, b), every=every):
        shift = model.W[:, :, :-1].mean(axis=2)  # the polygon's own mean is 0
        lost = model.W[:, :, -1]
        size, moved = np.linalg.norm(lost, axis=1), np.linalg.norm(shift, axis=1)
        now = (left < 0) & (size > tenth)
        cosine = -np.sum(lost * shift, axis=1) / np.maximum(size * moved, 1e-300)
        alignment[now], ratio[now], left[now] = cosine[now], (size / np.maximum(moved, 1e-300))[now], step
        done = (recovered < 0) & (n * np.asarray(loss(model, training.data)) < 1e-3)
        recovered[done] = step
    radii = np.linalg.norm(model.W, axis=1)  # of the last models
    return Leaving(alignment, ratio, left, recovered, radii.max(axis=1) / radii.min(axis=1))
