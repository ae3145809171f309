"""What cures failed training on X = I: initialisation × bias coordinate × optimiser × learning rate, seed by seed.

A census (`relugeom.studies.censuses`) polishes what training found and asks what it is; here nothing is polished,
and the question is narrower: did this seed reach zero loss, after how many steps, and how near is it to the regular
polygon, which is the smallest model of zero loss in the plane (`smallest-is-regular` in `relugeom verify`)? Without a
bias zero loss ends at n = 2m, and the least loss that there can be takes its place, where a theorem gives it. Blocks of
seeds are runs of a `RunDatabase`, so an interrupted count goes on where it stopped, whatever the workers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import angular_gaps
from relugeom.autoencoder.model import loss
from relugeom.autoencoder.parameters import as_double
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike
from relugeom.landscape.natures import known_minimum
from relugeom.progress import OnProgress
from relugeom.statistics import wilson_interval
from relugeom.storage import RunDatabase
from relugeom.studies.censuses import Block, Cohort, Count, cohort_records, starts
from relugeom.training.many_models import AxialTraining, descend_together

__all__ = ["Cure", "cures", "watch"]

_BLOCK = 250
_ZERO = 1e-3  # of the loss summed over examples, above the least, as in the census
_LOOKS = 100  # moments of a run at which the loss is looked at
_LEVEL = 0.95

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cure:
    """What one cohort came to.

    Attributes
    ----------
    zero_loss : Count
        Loss summed over the examples within 1e-3 of the least, which is 0 but for models without a bias, when training
        stopped.
    steps : int or None
        The median step from which on the loss stayed that small, over the seeds that got there.
    ratio : float or None
        Median of the longest column over the shortest, of the same seeds.
    gap : float or None
        For m = 2, median of their largest angle between neighbours, in units of 2π/n.
    size : float or None
        For m = 2, median of their largest ‖w‖², in units of the least possible, 1/(1 − cos(2π/n)).
    outputs_on : float
        Median number of outputs that are on for their own axis, over all seeds.
    losses : tuple of float
        Least, median and largest loss summed over the examples; a seed that diverged counts as infinite.
    """

    zero_loss: Count
    steps: int | None
    ratio: float | None
    gap: float | None
    size: float | None
    outputs_on: float
    losses: tuple[float, float, float]


def cures(
    cohorts: Sequence[Cohort],
    database: RunDatabase,
    *,
    executor: ExecutorLike = None,
    progress: OnProgress | None = None,
) -> list[Cure]:
    """Run what is missing and count every cohort; the parameters are those of `relugeom.studies.censuses.census`.

    Raises
    ------
    ArgumentError
        Before anything is trained: a cohort is not of `AxialTraining`, or the least loss of its models is not known.
    """
    for cohort in cohorts:
        if not isinstance(cohort.training, AxialTraining):
            raise ArgumentError(f"cohorts must be of AxialTraining; got {type(cohort.training).__name__}")
        _least(cohort.training)
    records = cohort_records(
        cohorts, lambda _: _BLOCK, _watch_blocks, _key, _FIELDS, {"step", "live"}, database, executor, progress
    )
    return [_count(rows) for rows in records]


def _key(block: Block) -> dict[str, Any]:
    cohort, first, count = block
    return {**cohort.settings(), "task": "cures", "block": _BLOCK, "first": first, "count": count}


# In stored records "live" counts the outputs that are on for their own axis.
_FIELDS: Mapping[str, tuple[type | None, ...]] = {
    "loss": (float, None), "step": (int, None), "live": (int,), "ratio": (float,), "gap": (float,), "size": (float,),
}  # fmt: skip


def _least(training: AxialTraining) -> float:
    """The least loss, summed over the examples, that models of this kind can have."""
    data, m = training.data, training.m
    if training.bias_coordinate != "none" or data.n <= 2 * m:
        return 0.0
    known = known_minimum(data, m, biased=False)
    if known is None:
        raise ArgumentError(
            f"bias_coordinate = 'none' needs n ≤ 2m or m ≤ 2, where the least loss is known; got n = {data.n}, m = {m}"
        )
    return data.n * known[0]


def watch(cohort: Cohort, first: int, count: int) -> list[dict[str, Any]]:
    """Train seeds first, ..., first + count − 1 of a cohort, and describe each by a row of plain numbers."""
    records: list[dict[str, Any]] = _watch_blocks([(cohort, first, count)])[0]["records"]
    return records


def _watch_blocks(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """`watch` for blocks that are trained together."""
    parts = starts(blocks)
    n, steps = parts[0][0].data.n, parts[0][0].steps
    limits = [_least(training) + _ZERO for training, _ in parts]
    since = [np.full(count, -1) for _, _, count in blocks]  # the step from which on the loss has been small
    for step, together in descend_together(parts, every=max(1, steps // _LOOKS)):
        models = [as_double(model) for model in together]
        with np.errstate(over="ignore", invalid="ignore"):
            totals = [n * np.asarray(loss(model, parts[0][0].data)) for model in models]
        for place, (total, limit) in enumerate(zip(totals, limits, strict=True)):
            since[place] = np.where(total < limit, np.where(since[place] < 0, step, since[place]), -1)
    rows = []
    for (_, first, count), (W, b), total, start in zip(blocks, models, totals, since, strict=True):
        W, b = np.asarray(W), np.asarray(b)
        rows.append({"records": [_record(first + s, W[s], b[s], float(total[s]), int(start[s])) for s in range(count)]})
    return rows


def _record(index: int, W: Floats, b: Floats, total: float, since: int) -> dict[str, Any]:
    n = W.shape[1]
    if not (np.isfinite(W).all() and np.isfinite(total)):
        return {"seed": index, "loss": None, "step": None, "live": 0}
    squares = (W**2).sum(axis=0)
    record: dict[str, Any] = {
        "seed": index, "loss": total, "step": since if since >= 0 else None, "live": int((squares + b > 0).sum()),
    }  # fmt: skip
    if since >= 0:
        record["ratio"] = float(np.sqrt(squares.max() / squares.min()))
        if len(W) == 2:
            record["gap"] = float(np.max(angular_gaps(W))) * n / (2 * pi)
            record["size"] = float(squares.max() * (1 - cos(2 * pi / n)))
    return record


def _count(records: Sequence[dict[str, Any]]) -> Cure:
    zero = [record for record in records if record["step"] is not None]
    losses = sorted(np.inf if record["loss"] is None else record["loss"] for record in records)

    def median(name: str) -> float | None:
        values = [record[name] for record in zero if name in record]
        return float(np.median(values)) if values else None

    steps = median("step")
    return Cure(
        Count(len(zero), len(records), wilson_interval(len(zero), len(records), _LEVEL)),
        None if steps is None else round(steps),
        median("ratio"),
        median("gap"),
        median("size"),
        float(np.median([record["live"] for record in records])),
        (losses[0], losses[len(losses) // 2], losses[-1]),
    )
