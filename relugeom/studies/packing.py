"""How n equal features share three dimensions: as points that repel each other would?

Where features are sparse, what they lose is interference, two at a time, and the best directions should resemble those
of problems of points on a sphere: Thomson's (least Σ 1/distance) and Tammes' (greatest least angle, the spherical codes
of `relugeom.capacity`). Both are solved here by descent from random starts, so their figures are the best found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import column_norms
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike
from relugeom.progress import OnProgress
from relugeom.storage import RunDatabase
from relugeom.studies.toy_models import REPRESENTED, toy_models

__all__ = ["Packing", "largest_cosine", "packings", "sphere_points", "thomson_energy"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Packing:
    """The best model of n features in m dimensions beside the best points on the sphere.

    Attributes
    ----------
    n, represented : int
        Features, and how many of them have a norm of at least 1/2.
    largest_cosine, code_cosine : float
        Between two represented features, and the least possible that was found for as many points.
    energy, thomson_energy : float
        Σ 1/distance over pairs of their directions, and the least that was found for as many points.
    norms : tuple of float
        The least and the greatest norm of a represented feature.
    loss : float
        Of the model.
    model : Parameters
    """

    n: int
    represented: int
    largest_cosine: float
    code_cosine: float
    energy: float
    thomson_energy: float
    norms: tuple[float, float]
    loss: float
    model: Parameters

    def record(self) -> dict[str, Any]:
        """The packing as plain values."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "model"}
        return {**plain, "W": np.asarray(self.model.W).tolist(), "b": np.asarray(self.model.b).tolist()}


def thomson_energy(U: Floats) -> float:
    """Σ_{i<j} 1/‖u_i − u_j‖ of the columns of U, infinite where two are the same."""
    i, j = np.triu_indices(U.shape[1], 1)
    with np.errstate(divide="ignore"):
        return float((1 / np.linalg.norm(U[:, i] - U[:, j], axis=0)).sum())


def largest_cosine(U: Floats) -> float:
    """The greatest u_i·u_j, i ≠ j, of unit columns."""
    i, j = np.triu_indices(U.shape[1], 1)
    return float((U[:, i] * U[:, j]).sum(0).max())


def sphere_points(n: int, m: int = 3, powers: Sequence[float] = (1.0,), *, starts: int = 20, seed: int = 0) -> Floats:
    """n points on the sphere in m dimensions that make Σ ‖u_i − u_j‖^(−s) small, by descent for each power s in turn.

    Parameters
    ----------
    n, m : int
    powers : sequence of float
        s, each from where the last one ended: (1,) is Thomson's problem, rising powers tend to Tammes'.
    starts : int
        Random starts, of which the best is returned: by the last power's sum.
    seed : int
        Entropy.

    Returns
    -------
    ndarray, shape (m, n)
        Unit columns.
    """
    from scipy.optimize import minimize

    if n < 2:
        raise ArgumentError(f"n must be at least 2; got {n}")
    i, j = np.triu_indices(n, 1)
    rng = np.random.default_rng(np.random.SeedSequence(seed))

    def value(x: Floats, s: float) -> tuple[float, Floats]:
        """log Σ d^(−s) over s, and its slope through the normalisation u = v/‖v‖."""
        V = x.reshape(m, n)
        norms = np.linalg.norm(V, axis=0)
        U = V / norms
        gaps = U[:, i] - U[:, j]
        squares = np.maximum((gaps**2).sum(0), 1e-12)
        terms = -s / 2 * np.log(squares)
        top = terms.max()
        parts = np.exp(terms - top)
        pull = -gaps * (parts / parts.sum() / squares)
        slope = np.zeros_like(V)
        np.add.at(slope.T, i, pull.T)
        np.add.at(slope.T, j, -pull.T)
        slope -= U * (slope * U).sum(0)
        return float(top + np.log(parts.sum())) / s, (slope / norms).ravel()

    best, points = np.inf, np.zeros((m, n))
    for _ in range(starts):
        x = rng.standard_normal(m * n)
        for s in powers:
            found = minimize(value, x, args=(s,), jac=True, method="BFGS", options={"gtol": 1e-10})
            x = found.x
        if found.fun < best:
            V = x.reshape(m, n)
            best, points = float(found.fun), V / np.linalg.norm(V, axis=0)
    return points


def packings(
    sizes: Sequence[int] = (4, 5, 6, 7, 8, 9, 10, 12),
    m: int = 3,
    sparsity: float = 0.95,
    *,
    seeds: int = 8,
    seed: int = 0,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
    **settings: Any,
) -> list[Packing]:
    """Train n equal features in m dimensions for every size, and compare the best model with points on the sphere.

    Parameters
    ----------
    sizes : sequence of int
    m : int
    sparsity : float
        S of every feature.
    seeds, seed, executor, database, progress, **settings
        As for `relugeom.studies.toy_models.toy_models`.

    Returns
    -------
    list of Packing
    """
    found = []
    for n in sizes:
        [row] = toy_models(
            [Independent(n, sparsity)], seeds=seeds, seed=seed, executor=executor, database=database,
            progress=progress, m=m, **settings,
        )  # fmt: skip
        W = row.best.W
        norms = np.asarray(column_norms(W))
        there = norms >= REPRESENTED
        count = int(there.sum())
        if count < 2:
            raise ArgumentError(f"fewer than two of n = {n} features are represented; train for more steps")
        U = W[:, there] / norms[there]
        thomson, code = sphere_points(count, m), sphere_points(count, m, (2.0, 8.0, 32.0, 128.0, 512.0))
        found.append(
            Packing(
                n, count, largest_cosine(U), largest_cosine(code), thomson_energy(U), thomson_energy(thomson),
                (float(norms[there].min()), float(norms[there].max())), float(row.losses[0]), row.best,
            )
        )  # fmt: skip
    return found
