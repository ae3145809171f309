"""Energy levels: the dimensionality of every feature while a model trains, and its loss (Elhage et al., 2022).

D_i = ‖w_i‖² / Σ_j (ŵ_i·w_j)² is d/k for k features that share d dimensions evenly, so it stays near a few values and
jumps from one to another where features change company.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import feature_dimensionality
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters
from relugeom.executors import ExecutorLike
from relugeom.progress import OnProgress
from relugeom.storage import RunDatabase
from relugeom.studies.toy_models import population_losses
from relugeom.training.recipes import check_size
from relugeom.training.toy_models import ToyTraining, toy_trajectories

__all__ = ["Levels", "energy_levels"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """One model on its way.

    Attributes
    ----------
    law : Independent
    steps : ndarray of int, shape (looks,)
    losses : ndarray, shape (looks,)
        Over the population, or over 200,000 examples where there are too many sets, the same at every look.
    dimensionality : ndarray, shape (looks, n)
    W : ndarray, shape (m, n)
        At the end.
    """

    law: Independent
    steps: npt.NDArray[np.int64]
    losses: Floats
    dimensionality: Floats
    W: Floats

    def record(self) -> dict[str, Any]:
        """The run as plain values."""
        return {
            "n": self.law.n,
            "m": self.W.shape[0],
            "sparsity": self.law.sparsity,
            "steps": self.steps.tolist(),
            "losses": self.losses.tolist(),
            "dimensionality": np.round(self.dimensionality, 4).tolist(),
        }


def energy_levels(
    law: Independent,
    looks: int = 100,
    *,
    seed: int = 0,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
    **settings: Any,
) -> Levels:
    """Train one model and look at it as often as asked, at steps evenly spaced.

    Parameters
    ----------
    law : Independent
    looks : int
        At least 2; fewer where two would fall on one step.
    seed, executor, database, progress
        As for `relugeom.training.toy_models.train_toy_models`.
    **settings
        Further fields of `ToyTraining`.

    Returns
    -------
    Levels
    """
    check_size("looks", looks, 2)
    training = ToyTraining([law], **settings)
    steps = np.unique(np.linspace(0, training.steps, looks).round().astype(int))
    way = toy_trajectories(training, steps.tolist(), seed=seed, executor=executor, database=database, progress=progress)
    assert way.b is not None
    models = Parameters(np.asarray(way.W[:, 0], dtype=float), np.asarray(way.b[:, 0], dtype=float))
    share = np.asarray(feature_dimensionality(models.W))
    return Levels(law, steps, population_losses(law, models, seed), share, models.W[-1])
