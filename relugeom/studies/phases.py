"""What becomes of one more feature, over its density and its relative importance: exact, and as it is trained.

n features in m = n − 1 dimensions (n = 2 or 3); all have the importance 1 but the last, of importance r. It is *not
represented*, it has its *own dimension*, or it is in *superposition* (Elhage et al., 2022). A feature with a dimension
to itself is given back without loss, and one that is not represented is best answered by its mean, at a loss of its
variance v = p/3 − p²/4. So the candidates are, with L₂ and L₃ the least loss of superposed features alone,

    n = 2, m = 1:  not represented r v;  own dimension v;                       superposed L₂(1, r);
    n = 3, m = 2:  not represented r v;  own dimension min(v, L₂(1, 1));        superposed min(L₂(1, r), L₃(1, 1, r)),

L₂ two features on one line, L₃ three in the plane, all at work. L₂ and L₃ are minimised on the exact population loss,
from one or two starts each; what is the case is the least of the candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import column_norms
from relugeom.autoencoder.independent import Independent, errors_by_set, slopes_by_set
from relugeom.autoencoder.positive_part import active_sets, moments
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike
from relugeom.progress import OnProgress
from relugeom.storage import RunDatabase
from relugeom.studies.toy_models import REPRESENTED, toy_models

__all__ = [
    "OUTCOMES",
    "Boundary",
    "PhaseDiagram",
    "candidate_losses",
    "exact_boundaries",
    "outcome_of",
    "phase_diagram",
]

Floats = npt.NDArray[np.float64]

OUTCOMES = ("not represented", "own dimension", "superposed")
"""What becomes of the feature, in the order of the numbers in `PhaseDiagram`."""

_ITERATIONS, _HALVINGS, _FLAT = 200, 12, 1e-6  # of the descent; _FLAT in units of the zero model's loss
_BISECTIONS, _SURE = 8, 1e-6
_OVERLAP = 0.1  # Σ_{j≠i} (ŵ_i·w_j)² below which a feature has its dimension to itself


class Boundary(NamedTuple):
    """A density and an importance at which the exact outcome changes as the importance rises."""

    p: float
    r: float
    below: int
    above: int


@dataclass(frozen=True, slots=True, eq=False)
class PhaseDiagram:
    """The outcome for every density and importance.

    Attributes
    ----------
    n : int
        Features, in n − 1 dimensions.
    densities, importances : ndarray
        p and r.
    exact : ndarray of int, shape (densities, importances)
        Which of `OUTCOMES` has the least loss.
    losses : ndarray, shape (densities, importances)
        That loss.
    trained : ndarray of int, shape (densities, importances)
        What the best of the trained models does.
    trained_losses : ndarray, shape (densities, importances)
        Its exact loss.
    boundaries : list of Boundary
        Where the exact outcome changes as r rises.
    """

    n: int
    densities: Floats
    importances: Floats
    exact: npt.NDArray[np.int64]
    losses: Floats
    trained: npt.NDArray[np.int64]
    trained_losses: Floats
    boundaries: list[Boundary]

    @property
    def agreement(self) -> float:
        """The share of the cells in which training finds the exact outcome."""
        return float((self.exact == self.trained).mean())

    @property
    def excess(self) -> float:
        """The median over the cells of how far the trained loss lies above the least, as a share of the least."""
        return float(np.median(self.trained_losses / self.losses - 1))

    def records(self) -> list[dict[str, Any]]:
        """The cells as plain values."""
        return [
            {
                "density": float(p),
                "importance": float(r),
                "exact": OUTCOMES[self.exact[i, j]],
                "loss": float(self.losses[i, j]),
                "trained": OUTCOMES[self.trained[i, j]],
                "trained_loss": float(self.trained_losses[i, j]),
            }
            for i, p in enumerate(self.densities)
            for j, r in enumerate(self.importances)
        ]


def _law(importances: Sequence[float], p: float) -> Independent:
    return Independent(len(importances), 1 - p, importance=tuple(importances))


def _losses(theta: Floats, P: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """The exact losses of many models, each on a law of its own, with gradients (`relugeom.autoencoder.independent`).

    Parameters
    ----------
    theta : ndarray, shape (models, m + 1, n)
        W and below it b.
    P : ndarray, shape (models, sets)
        The probability of every set of active features.
    weights : ndarray, shape (models, n)
        Importances.
    """
    W, b = theta[:, :-1], theta[:, -1]
    n = W.shape[2]
    found = moments(np.swapaxes(W, 1, 2) @ W, b, most=n, order=1)
    by_coefficient, by_offset = slopes_by_set(found)
    D = 2 * np.einsum("zs,zsji,zj->zji", P, by_coefficient, weights)
    d = 2 * np.einsum("zs,zsj,zj->zj", P, by_offset, weights)
    slope = np.concatenate([W @ (D + np.swapaxes(D, 1, 2)), d[:, None]], axis=1)
    return np.einsum("zs,zsj,zj->z", P, errors_by_set(found, active_sets(n, n)), weights), slope


def _least(start: Floats, p: Floats, importances: Floats) -> Floats:
    """The exact losses after descent from one start in many laws at once (BFGS, halving steps that do not descend).

    Parameters
    ----------
    start : ndarray, shape (m + 1, n)
    p : ndarray, shape (models,)
    importances : ndarray, shape (models, n)
    """
    n, size = start.shape[1], start.size
    P = np.stack([Independent(n, 1 - float(q)).probabilities(active_sets(n, n)) for q in p])
    unit = importances.sum(1) * p / 3  # the zero model's loss, so that one tolerance serves all

    def at(theta: Floats, who: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        values, slopes = _losses(theta.reshape(-1, *start.shape), P[who], importances[who])
        return values / unit[who], slopes.reshape(-1, size) / unit[who, None]

    left = np.arange(len(p))
    theta = np.broadcast_to(start.ravel(), (len(p), size)).copy()
    value, g = at(theta, left)
    H = np.broadcast_to(np.eye(size), (len(p), size, size)).copy()
    fresh = np.ones(len(p), dtype=bool)  # whether H is the identity
    for _ in range(_ITERATIONS):
        way = -np.einsum("zij,zj->zi", H[left], g[left])
        descent = np.einsum("zi,zi->z", way, g[left])
        waits, share = np.arange(len(left)), 1.0
        for _ in range(_HALVINGS):
            who, step = left[waits], share * way[waits]
            found, slope = at(theta[who] + step, who)
            good = found <= value[who] + 1e-4 * share * descent[waits]
            moved = who[good]
            H[moved] = _update(H[moved], step[good], slope[good] - g[moved])
            theta[moved] += step[good]
            value[moved], g[moved], fresh[moved] = found[good], slope[good], False
            waits, share = waits[~good], share / 2
            if not len(waits):
                break
        stuck = left[waits]
        ended = stuck[fresh[stuck]]  # not even the gradient leads down
        H[stuck], fresh[stuck] = np.eye(size), True
        left = left[(np.abs(g[left]).max(-1) >= _FLAT) & ~np.isin(left, ended)]
        if not len(left):
            break
    return np.asarray(value * unit)


def _update(H: Floats, s: Floats, y: Floats) -> Floats:
    """The inverse Hessians after steps s that changed the gradients by y, where y·s > 0."""
    curvature = np.einsum("zi,zi->z", s, y)
    sure = curvature > 1e-14
    rho = np.where(sure, 1 / np.where(sure, curvature, 1.0), 0.0)[:, None, None]
    left = np.eye(H.shape[1]) - rho * s[:, :, None] * y[:, None, :]
    new: Floats = left @ H @ np.swapaxes(left, 1, 2) + rho * s[:, :, None] * s[:, None, :]
    return new


def candidate_losses(n: int, p: Any, r: Any) -> Floats:
    """The least losses of the three outcomes, in the order of `OUTCOMES`.

    Parameters
    ----------
    n : int
        2 or 3.
    p, r : float or ndarray, shape (cells,)
        Density, in (0, 1], and importance of the last feature; the others have 1.

    Returns
    -------
    ndarray, shape (..., 3)
    """
    p, r = np.broadcast_arrays(np.asarray(p, dtype=float), np.asarray(r, dtype=float))
    if n not in (2, 3):
        raise ArgumentError(f"n must be 2 or 3; got {n}")
    if not (((p > 0) & (p <= 1)).all() and (r > 0).all()):
        raise ArgumentError("p must lie in (0, 1] and r be positive")
    shape, p, r = p.shape, p.ravel(), r.ravel()
    ones = np.ones_like(r)
    line = [np.array([[1.0, -s], [0.0, 0.0]]) for s in (0.7, 1.2)]
    variance = p / 3 - p * p / 4
    superposed = np.min([_least(start, p, np.stack([ones, r], 1)) for start in line], axis=0)
    own = variance
    if n == 3:
        turn = 2 * np.pi / 3 * np.arange(3)
        triangle = np.stack([np.cos(turn), np.sin(turn), np.full(3, -0.05)])
        superposed = np.minimum(superposed, _least(triangle, p, np.stack([ones, ones, r], 1)))
        own = np.minimum(own, np.min([_least(start, p, np.stack([ones, ones], 1)) for start in line], axis=0))
    return np.stack([r * variance, own, superposed], axis=-1).reshape(*shape, 3)


def _outcomes(losses: Floats) -> npt.NDArray[np.int64]:
    """The least; superposition has to be better by more than rounding, since it has the others as its limits."""
    best = losses[..., :2].argmin(-1)
    return np.where(losses[..., 2] < losses[..., :2].min(-1) * (1 - _SURE), 2, best)


def exact_boundaries(n: int, densities: Sequence[float], importances: Sequence[float]) -> list[Boundary]:
    """Wherever the exact outcome changes between two neighbouring importances, at each density.

    r is found by bisection to 1/256 of the distance between the two, in logarithms; where there are several boundaries
    between two importances one of them is found.
    """
    p, r = np.meshgrid(densities, importances, indexing="ij")
    return _boundaries(n, p, r, _outcomes(candidate_losses(n, p, r)))


def _boundaries(n: int, p: Floats, r: Floats, outcomes: npt.NDArray[np.int64]) -> list[Boundary]:
    changes = np.nonzero(outcomes[:, :-1] != outcomes[:, 1:])
    if not len(changes[0]):
        return []
    at, low, high = p[:, :-1][changes], np.log(r[:, :-1][changes]), np.log(r[:, 1:][changes])
    below, above = outcomes[:, :-1][changes], outcomes[:, 1:][changes]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        found = _outcomes(candidate_losses(n, at, np.exp(middle)))
        same = found == below
        low, high, above = np.where(same, middle, low), np.where(same, high, middle), np.where(same, above, found)
    edge = np.exp((low + high) / 2)
    return [Boundary(*row) for row in zip(at.tolist(), edge.tolist(), below.tolist(), above.tolist(), strict=True)]


def outcome_of(W: Any) -> int:
    """What becomes of the last feature of W, by its norm and its overlap Σ_{j≠i} (ŵ_i·w_j)² with the others."""
    W = np.asarray(W, dtype=float)
    norm = float(np.asarray(column_norms(W))[-1])
    if norm < REPRESENTED:
        return 0
    overlap = float(((W[:, -1] / norm @ W[:, :-1]) ** 2).sum())
    return 1 if overlap < _OVERLAP else 2


def phase_diagram(
    n: int = 2,
    *,
    densities: Sequence[float],
    importances: Sequence[float],
    seeds: int = 4,
    seed: int = 0,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
    **settings: Any,
) -> PhaseDiagram:
    """The phase diagram of one more feature, exact and trained.

    Parameters
    ----------
    n : int
        2 or 3 features, in n − 1 dimensions.
    densities, importances : sequence of float
        p in (0, 1] and r > 0, each rising.
    seeds : int
        Models trained for each cell, of which the one with the least exact loss counts.
    seed, executor, database, progress, **settings
        As for `relugeom.studies.toy_models.toy_models`.

    Returns
    -------
    PhaseDiagram
    """
    for name, values in (("densities", densities), ("importances", importances)):
        if len(values) < 2 or (np.diff(values) <= 0).any():
            raise ArgumentError(f"{name} must be at least two rising numbers; got {values!s:.80}")
    p, r = np.meshgrid(densities, importances, indexing="ij")
    losses = candidate_losses(n, p, r)
    exact = _outcomes(losses)
    laws = [_law((*[1.0] * (n - 1), float(r)), float(p)) for p in densities for r in importances]
    rows = toy_models(
        laws, seeds=seeds, seed=seed, executor=executor, database=database, progress=progress, m=n - 1, **settings
    )
    return PhaseDiagram(
        n,
        np.array(densities, dtype=float),
        np.array(importances, dtype=float),
        exact,
        losses.min(-1),
        np.array([outcome_of(row.best.W) for row in rows]).reshape(p.shape),
        np.array([row.losses[0] for row in rows]).reshape(p.shape),
        _boundaries(n, p, r, exact),
    )
