"""Reviving lost features: three schemes at equal step budgets, and how chaotic training is.

A feature is *lost* here when its own axis is not given back: z_ii ≤ 1/2. At given steps every lost feature e is set
anew, and the optimiser starts afresh for all schemes alike (also for "none", so that only the resampling differs).

* **none**: nothing is changed.
* **by loss** (Anthropic, "Towards Monosemanticity", 2023, carried over to tied weights): an axis i is drawn with
  probability proportional to its loss squared; w_e ← 0.2 × mean live norm × unit(W e_i), a random direction where
  W e_i is nearly 0; b_e ← 0.
* **repulsor** (R. Tan, "Optimization Failure", 2025, proposed and not tested there): w_e ← −0.05 × mean live norm ×
  unit(Σ live w) + noise, and the biases of live features on the side of w_e (w_j·w_e > 0) are raised. The post leaves
  open how much noise, how much raise, and what becomes of b_e: all three are parameters here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial
from relugeom.autoencoder.model import Parameters, gram, loss
from relugeom.autoencoder.parameters import as_double
from relugeom.errors import ArgumentError
from relugeom.optim import AdamW
from relugeom.statistics import Interval, wilson_interval
from relugeom.training.many_models import AxialTraining, initial_models, train_from
from relugeom.training.recipes import check_size

__all__ = ["Resampling", "SchemeCount", "chaos_map", "compare"]

Floats = npt.NDArray[np.float64]

_ZERO = 1e-3
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Resampling:
    """A scheme and its constants.

    Parameters
    ----------
    scheme : {"none", "by loss", "repulsor"}
    ratio : float
        New norm over mean live norm; 0.2 by loss and 0.05 for the repulsor in the sources.
    noise : float
        For the repulsor: deviation of the normal noise on w_e, over the mean live norm.
    raise_bias : float
        For the repulsor: added to the biases on the side of w_e.
    own_bias : float, optional
        b_e afterwards. None keeps what it was.
    """

    scheme: Literal["none", "by loss", "repulsor"] = "none"
    ratio: float = 0.2
    noise: float = 0.01
    raise_bias: float = 0.0
    own_bias: float | None = 0.0


@dataclass(frozen=True, slots=True)
class SchemeCount:
    """How many of the seeds ended at (near) zero loss, with Wilson's interval at 95 %, and the mean number lost."""

    resampling: Resampling
    zero_loss: int
    seeds: int
    interval: Interval
    mean_lost: float


def compare(
    training: AxialTraining, schemes: list[Resampling], seeds: int, *, rounds: int = 4, seed: int = 0
) -> list[SchemeCount]:
    """Train the same seeds under every scheme: `rounds` resamplings, evenly spread, then as long a time without.

    Parameters
    ----------
    training : AxialTraining
        On X = I. Its steps are the whole budget, for every scheme.
    schemes : list of Resampling
    seeds, seed : int
    rounds : int
        Resampling happens after each of the first `rounds` of rounds + 1 equal parts of the training.

    Raises
    ------
    ArgumentError
        A value is out of its range, or the steps cannot be cut so.
    """
    check_size("seeds", seeds, 1)
    check_size("rounds", rounds, 0)
    if training.steps % (rounds + 1):
        raise ArgumentError(f"steps must be a multiple of rounds + 1 = {rounds + 1}; got {training.steps}")
    part = replace(training, steps=training.steps // (rounds + 1))
    start = initial_models(training, seed, 0, seeds)
    outcomes = []
    for scheme in schemes:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(seeds,)))
        model = train_from(part, start)
        for _ in range(rounds):
            model = train_from(part, _resample(scheme, as_double(model), rng))
        model = as_double(model)
        value = training.data.n * np.asarray(loss(model, training.data))
        good = int((value < _ZERO).sum())
        lost = float(_is_lost(model).sum(axis=1).mean())
        outcomes.append(SchemeCount(scheme, good, seeds, wilson_interval(good, seeds, _LEVEL), lost))
    return outcomes


def _is_lost(model: Parameters) -> npt.NDArray[np.bool_]:
    n = model.W.shape[-1]
    return np.asarray(np.asarray(gram(model.W))[:, range(n), range(n)] + model.b <= 0.5)


def _resample(scheme: Resampling, model: Parameters, rng: np.random.Generator) -> Parameters:
    """The models with every lost feature set anew."""
    W, b = np.array(model.W), np.array(model.b)
    if scheme.scheme == "none":
        return Parameters(W, b)
    data, eye = Axial(W.shape[-1]), np.eye(W.shape[-1])
    axis_loss = np.asarray(data.pair_loss(np, np.asarray(gram(W)), b[:, None, :], eye)).sum(axis=2)
    for s, e in np.argwhere(_is_lost(model)):
        live = ~_is_lost(Parameters(W[s : s + 1], b[s : s + 1]))[0]
        scale = float(np.linalg.norm(W[s][:, live], axis=0).mean()) if live.any() else 1.0
        if scheme.scheme == "by loss":
            chance = axis_loss[s] ** 2 / (axis_loss[s] ** 2).sum()
            direction = W[s][:, rng.choice(len(chance), p=chance)].copy()
        else:
            direction = -W[s][:, live].sum(axis=1)
        if np.linalg.norm(direction) < 1e-3 * scale:
            direction = rng.standard_normal(len(direction))
        w = scheme.ratio * scale * direction / np.linalg.norm(direction)
        if scheme.scheme == "repulsor":
            w = w + scheme.noise * scale * rng.standard_normal(len(w))
            b[s, live & (w @ W[s] > 0)] += scheme.raise_bias
        if scheme.own_bias is not None:
            b[s, e] = scheme.own_bias
        W[s][:, e] = w
    return Parameters(W, b)


def chaos_map(
    n: int, learning_rates: Floats, perturbations: Floats, *, steps: int = 5000, index: int = 0, seed: int = 0
) -> Floats:
    """Σ_j ‖w_j‖ after training one model, over learning rate × a perturbation of two biases.

    The perturbation p starts b_0 at p and b_1 at −p, all else equal; Adam on X = I, from Xavier.

    Returns
    -------
    ndarray, shape (len(learning_rates), len(perturbations))
    """
    rows = []
    for learning_rate in learning_rates:
        training = AxialTraining(Axial(n), optimiser=AdamW(float(learning_rate)), steps=steps)
        start = initial_models(training, seed, index, 1)
        W, b = (np.repeat(np.asarray(part), len(perturbations), axis=0) for part in start)
        b[:, 0] += perturbations
        b[:, 1] -= perturbations
        rows.append(np.linalg.norm(train_from(training, Parameters(W, b)).W, axis=1).sum(axis=1))
    return np.array(rows, np.float64)
