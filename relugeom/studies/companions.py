"""Features that come together, or never do: where training puts them (Elhage et al., 2022).

Three laws at one sparsity. With two correlated pairs in the plane each pair can be orthogonal, which keeps features
that are active together from interfering; anticorrelated pairs, never active together, may lie opposite each other; and
with three correlated pairs in the plane, too many to be orthogonal, they may lie side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import column_norms
from relugeom.autoencoder.independent import Independent
from relugeom.executors import ExecutorLike
from relugeom.progress import OnProgress
from relugeom.storage import RunDatabase
from relugeom.studies.toy_models import REPRESENTED, ToyRow, toy_models

__all__ = ["PairCase", "companions", "pair_cosines"]

Floats = npt.NDArray[np.float64]
_WIDTH = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class PairCase:
    """The models of one law.

    Attributes
    ----------
    name : str
    pairs : tuple of pairs of int
    row : ToyRow
    cosines : ndarray, shape (seeds, pairs)
        cos(w_i, w_j) of every pair, of the models in the order of their losses; nan where one is not represented.
    """

    name: str
    pairs: tuple[tuple[int, int], ...]
    row: ToyRow
    cosines: Floats

    def counts(self) -> dict[str, int]:
        """How many pairs lie within a cosine of 0.2 of orthogonal, antipodal, side by side; and how many are not."""
        c = self.cosines
        return {
            "orthogonal": int((np.abs(c) <= _WIDTH).sum()),
            "antipodal": int((c <= -1 + _WIDTH).sum()),
            "side by side": int((c >= 1 - _WIDTH).sum()),
            "not represented": int(np.isnan(c).sum()),
            "pairs": c.size,
        }

    def record(self) -> dict[str, Any]:
        """The case as plain values."""
        return {
            "name": self.name,
            "pairs": [list(pair) for pair in self.pairs],
            "counts": self.counts(),
            **self.row.record(),
        }


def pair_cosines(W: Floats, pairs: tuple[tuple[int, int], ...]) -> Floats:
    """cos(w_i, w_j) for every pair, shape (..., pairs); nan where a norm is below 1/2."""
    W = np.asarray(W, dtype=float)
    norms = np.asarray(column_norms(W))
    first, second = [i for i, _ in pairs], [j for _, j in pairs]
    there = (norms[..., first] >= REPRESENTED) & (norms[..., second] >= REPRESENTED)
    products = (W[..., first] * W[..., second]).sum(-2)
    lengths = np.where(there, norms[..., first] * norms[..., second], 1.0)
    cosines: Floats = np.where(there, products / lengths, np.nan)
    return cosines


def companions(
    sparsity: float = 0.9,
    *,
    seeds: int = 50,
    seed: int = 0,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
    **settings: Any,
) -> list[PairCase]:
    """Two correlated pairs, two anticorrelated pairs, and three correlated pairs, in the plane.

    Parameters
    ----------
    sparsity : float
        S of every feature, at least 1/2.
    seeds, seed, executor, database, progress, **settings
        As for `relugeom.studies.toy_models.toy_models`.

    Returns
    -------
    list of PairCase
    """
    two, three = ((0, 1), (2, 3)), ((0, 1), (2, 3), (4, 5))
    laws = {
        "two correlated pairs": (two, Independent(4, sparsity, correlated=two)),
        "two anticorrelated pairs": (two, Independent(4, sparsity, anticorrelated=two)),
        "three correlated pairs": (three, Independent(6, sparsity, correlated=three)),
    }
    cases = []
    for name, (pairs, law) in laws.items():
        [row] = toy_models(
            [law], seeds=seeds, seed=seed, executor=executor, database=database, progress=progress, **settings
        )
        cases.append(PairCase(name, pairs, row, pair_cosines(row.models.W, pairs)))
    return cases
