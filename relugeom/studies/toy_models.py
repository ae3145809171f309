"""What training finds on the data of *Toy Models of Superposition*, over a range of sparsities.

For each sparsity several seeds are trained at once, and compared by their exact population loss, not by the loss of a
batch: which of two models is better is then no matter of luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import column_norms, feature_dimensionality
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters
from relugeom.autoencoder.polytopes import polytopes
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike
from relugeom.progress import OnProgress
from relugeom.storage import RunDatabase
from relugeom.training.recipes import check_size
from relugeom.training.toy_models import ToyTraining, train_toy_models

__all__ = ["REPRESENTED", "ToyRow", "population_losses", "sparsities", "toy_models"]

Floats = npt.NDArray[np.float64]

#: A feature of at least this norm counts as represented; Elhage et al. draw the line at the same place.
REPRESENTED = 0.5
_SAMPLE = 200_000  # examples that stand in for the population where it is too large to sum over
_PARTS = 100


@dataclass(frozen=True, slots=True, eq=False)
class ToyRow:
    """What the seeds of one law came to.

    Attributes
    ----------
    law : Independent
    losses : ndarray, shape (seeds,)
        The loss of each seed, best first: over the population, or over 200,000 examples where there are too many sets.
    exact : bool
        Which of the two.
    models : Parameters
        W, shape (seeds, m, n), and b, shape (seeds, n), in the same order.
    """

    law: Independent
    losses: Floats
    exact: bool
    models: Parameters

    @property
    def best(self) -> Parameters:
        """The model of the lowest loss."""
        assert self.models.b is not None
        return Parameters(self.models.W[0], self.models.b[0])

    def record(self) -> dict[str, Any]:
        """The row as plain values."""
        norms = np.asarray(column_norms(self.best.W))
        found = polytopes(self.best.W, represented=REPRESENTED)
        return {
            "sparsity": self.law.sparsity,
            "loss": float(self.losses[0]),
            "median_loss": float(np.median(self.losses)),
            "exact": self.exact,
            "represented": int((norms >= REPRESENTED).sum()),
            "features_per_dimension": float((norms**2).sum() / self.best.W.shape[0]),
            "norms": norms.tolist(),
            "polytopes": [{"name": p.name, "features": list(p.features)} for p in found],
            "dimensionality": np.asarray(feature_dimensionality(self.best.W)).tolist(),
            "W": np.asarray(self.best.W).tolist(),
            "b": np.asarray(self.best.b).tolist(),
        }


def sparsities(count: int, densest: float = 1.0, sparsest: float = 0.05) -> list[float]:
    """S = 1 − p for `count` densities p spaced evenly in log p, as the notebooks of the paper have them."""
    check_size("count", count, 1)
    if not 0 < sparsest <= densest <= 1:
        raise ArgumentError(f"densities must satisfy 0 < sparsest ≤ densest ≤ 1; got {sparsest} and {densest}")
    return [float(1 - p) for p in np.geomspace(densest, sparsest, count)]


def toy_models(
    laws: Sequence[Independent],
    *,
    seeds: int = 8,
    seed: int = 0,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
    **settings: Any,
) -> list[ToyRow]:
    """Train `seeds` models on each law and sort them by their loss.

    Parameters
    ----------
    laws : sequence of Independent
    seeds : int
        Models for each law.
    seed : int
        Entropy.
    executor, database, progress
        As in `relugeom.training.toy_models.train_toy_models`.
    **settings
        Further fields of `ToyTraining`: m, batch, steps, optimiser, schedule, warmup, init_scale, dtype.

    Returns
    -------
    list of ToyRow
        One for each law.

    See Also
    --------
    relugeom.studies.atlas, relugeom.studies.census
    """
    check_size("seeds", seeds, 1)
    training = ToyTraining([law for law in laws for _ in range(seeds)], **settings)
    trained = train_toy_models(training, seed=seed, executor=executor, database=database, progress=progress)
    assert trained.b is not None
    rows = []
    for number, law in enumerate(laws):
        part = slice(number * seeds, (number + 1) * seeds)
        models = Parameters(np.asarray(trained.W[part], float), np.asarray(trained.b[part], float))
        losses = population_losses(law, models, seed)
        order = np.argsort(losses, kind="stable")
        assert models.b is not None
        rows.append(ToyRow(law, losses[order], law.is_summable, Parameters(models.W[order], models.b[order])))
    return rows


def population_losses(law: Independent, models: Parameters, seed: int = 0) -> Floats:
    """The exact loss of every model, or its mean over 200,000 examples where there are too many sets to sum over.

    Parameters
    ----------
    law : Independent
    models : Parameters
        W, shape (models, m, n), and b, shape (models, n).
    seed : int
        Entropy of the examples, the same for all models.
    """
    return np.asarray(law.loss(models)) if law.is_summable else _sample_losses(law, models, seed)


def _sample_losses(law: Independent, models: Parameters, seed: int) -> Floats:
    """Mean over one sample, the same for all models, drawn in parts that fit into memory for any n."""
    assert models.b is not None
    total = np.zeros(len(models.W))
    for part in range(_PARTS):
        X = law.examples(_SAMPLE // _PARTS, seed, part)
        for k, (W, b) in enumerate(zip(models.W, models.b, strict=True)):
            error = np.maximum(X @ W.T @ W + b, 0) - X
            total[k] += float((error**2 @ law.weights).sum())
    return total / _SAMPLE
