"""Counting what training finds: optimiser × learning rate × initialisation × n, seed by seed, resumable.

A `Cohort` is one training and a number of seeds. Its seeds are cut into blocks by the rule of `kernel_for`; each
block is trained, polished to the nearest critical point (no escapes: this counts what the optimiser found) and
described, seed by seed, and that is one run in the `RunDatabase`. A census that was interrupted asks for the
blocks it does not find there. Which executor runs the blocks, with how many workers, and which blocks are trained
together to save time, changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters, loss
from relugeom.autoencoder.parameters import as_double
from relugeom.engines.many_models import kernel_for
from relugeom.executors import ExecutorLike, workers
from relugeom.landscape.kinds import kind
from relugeom.landscape.polishing import Polished, Status
from relugeom.optim import AdamW, Optimiser
from relugeom.progress import OnProgress
from relugeom.records import Rows
from relugeom.resuming import run_missing
from relugeom.statistics import Interval, wilson_interval
from relugeom.storage import RunDatabase, read_field
from relugeom.studies.atlases import data_of, polish_models, zero_loss
from relugeom.training.many_models import AxialTraining, cut_block, full_blocks, initial_models, train_together
from relugeom.training.recipes import check_size, check_whole
from relugeom.training.toy_models import ToyTraining, toy_trajectories

__all__ = ["Cohort", "Count", "Summary", "census", "cohort_records", "summary"]

_TOY_BLOCK = 16  # seeds
_ZERO = 1e-3  # of the loss summed over examples: what training can't tell from 0 in the steps it has
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Cohort:
    """One line of the census.

    Parameters
    ----------
    training : AxialTraining or ToyTraining
        The latter of one law of independent features.
    seeds : int
    seed : int
        Of the seeds' `numpy.random.SeedSequence`.

    Raises
    ------
    ArgumentError
        A value is out of its range, or the exact loss on these independent features cannot be had.
    """

    training: AxialTraining | ToyTraining
    seeds: int
    seed: int = 0

    def __post_init__(self) -> None:
        data_of(self.training)
        check_size("seeds", self.seeds, 1)
        check_whole("seed", self.seed, 0)
        for name in ("seeds", "seed"):  # NumPy's whole numbers are none of JSON's
            object.__setattr__(self, name, int(getattr(self, name)))

    def settings(self) -> dict[str, Any]:
        """Everything that fixes the results, but for the number of seeds, as JSON.

        The names are those of version 0.1.0: these settings are the key by which a block is stored, for ever.
        """
        t = self.training
        if isinstance(t, ToyTraining):
            law = {**t.laws[0].settings(), "most_active": t.laws[0].most_active}
            return {**t.settings(), "task": "census of toy models", "laws": [law], "entropy": self.seed}
        kernel, block = kernel_for(t.data.n)
        # Fields that came later are named only where they differ from what was before, so that old keys hold.
        later = {"bias_coordinate": "plain", "schedule": "constant", "warmup": 0}
        return {
            "task": "census",
            "data": {"kind": type(t.data).__name__, **asdict(t.data)},  # type: ignore[call-overload]
            "optimiser": _optimiser_key(t.optimiser),
            "m": t.m, "steps": t.steps, "start": t.initialisation, "scale": t.chosen_init_scale, "bias": t.init_bias,
            "precision": t.dtype,
            "entropy": self.seed, "kernel": kernel.__name__, "block": block,
            **{name: getattr(t, name) for name, before in later.items() if getattr(t, name) != before},
        }  # fmt: skip


def _optimiser_key(rule: Optimiser) -> dict[str, Any]:
    key: dict[str, Any] = asdict(rule)  # type: ignore[call-overload]
    key["rate"], decay = key.pop("learning_rate"), key.pop("weight_decay")
    if isinstance(rule, AdamW):
        return {"kind": "Adam", "decay": decay, **key}
    return {"kind": "Momentum", **key, **({"decay": decay} if decay else {})}  # which had no weight decay then


@dataclass(frozen=True, slots=True)
class Count:
    """So many of so many, with Wilson's interval at 95 %."""

    successes: int
    trials: int
    interval: Interval

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.successes / self.trials:.1%} [{low:.1%}, {high:.1%}]"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a cohort's seeds came to.

    Attributes
    ----------
    zero_loss : Count
        Loss summed over the examples below 1e-3 when training stopped, before polishing. Of independent features below
        a thousandth of the loss of answering nothing, if that is less.
    zero_loss_polished : Count
        The same after polishing, which finishes what training had not.
    one_circle, two_circles : Count
        Features that are not null have radii within 2 % of each other, or fall into two such sets.
    lost_axes : dict
        How many seeds lost 0, 1, 2, ... axes: features that are null, dead or not the largest on their axis; of
        two duplicates both count.
    separable : Count
        Every feature that is neither null nor dead can be isolated by some bias (w_i·w_j < ‖w_j‖² for all i).
    slack_kept : Count
        The inequalities of zero loss, w_i·(w_i − w_j) ≥ 1, hold up to 1e-2.
    statuses : dict
        How polishing ended.
    types : dict
        Seeds by `Kind.type`, commonest first.
    losses : tuple of float
        Least, median, largest loss after polishing, summed over the examples.
    """

    zero_loss: Count
    zero_loss_polished: Count
    one_circle: Count
    two_circles: Count
    lost_axes: dict[int, int]
    separable: Count
    slack_kept: Count
    statuses: dict[str, int]
    types: dict[str, int]
    losses: tuple[float, float, float]

    def record(self) -> dict[str, Any]:
        """The cell as one row of a table: shares, with the ends of their intervals."""
        counts = {
            "zero_loss_after_training": self.zero_loss, "zero_loss_after_polishing": self.zero_loss_polished,
            "one_circle": self.one_circle, "two_circles": self.two_circles, "separable": self.separable,
            "slack_kept": self.slack_kept,
        }  # fmt: skip
        row: dict[str, Any] = {"seeds": self.zero_loss.trials}
        for name, count in counts.items():
            row |= {name: count.successes, f"{name}_low": count.interval[0], f"{name}_high": count.interval[1]}
        least, median, largest = self.losses
        return {**row, "least_loss": least, "median_loss": median, "largest_loss": largest}


def census(
    cohorts: Sequence[Cohort],
    database: RunDatabase,
    *,
    executor: ExecutorLike = None,
    progress: OnProgress | None = None,
) -> Rows[Summary]:
    """Count what training finds, cohort by cohort; what the database holds is not done again.

    Parameters
    ----------
    cohorts : sequence of Cohort
    database : RunDatabase
        Where finished blocks are kept.
    executor : None, Executor, "processes://N" or "dask://host:port"
    progress : callable, optional
        Called with the blocks that are finished (`relugeom.progress`), before the first and after each.

    Returns
    -------
    Rows of Summary
        One for each cohort, in their order.

    See Also
    --------
    relugeom.studies.atlas, relugeom.studies.toy_models
    """
    records = cohort_records(
        cohorts, _block_size, _run_blocks, _key, _FIELDS, _FIELDS.keys(), database, executor, progress
    )
    zeros = [zero_loss(data_of(cohort.training)) for cohort in cohorts]
    return Rows(summary(rows, zero) for rows, zero in zip(records, zeros, strict=True))


#: A block of a cohort: the number of its first seed, and how many there are.
Block = tuple[Cohort, int, int]


def cohort_records(
    cohorts: Sequence[Cohort],
    size: Callable[[Cohort], int],
    run: Callable[[Sequence[Block]], list[dict[str, Any]]],
    key: Callable[[Block], dict[str, Any]],
    kinds: Mapping[str, tuple[type | None, ...]],
    needed: Set[str],
    database: RunDatabase,
    executor: ExecutorLike,
    progress: OnProgress | None,
) -> list[list[dict[str, Any]]]:
    """The records of every cohort, stored in blocks of `size` seeds; `kinds` and `needed` as in `stored_records`.

    `run` does several blocks at once, one row for each.
    """
    blocks = [
        [(cohort, first, min(size(cohort), cohort.seeds - first)) for first in range(0, cohort.seeds, size(cohort))]
        for cohort in cohorts
    ]

    def read(block: Block, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        return stored_records(kinds, needed, *block[1:], row)

    every = [block for part in blocks for block in part]
    plan = partial(_plan, workers(executor))
    found = iter(run_missing(run, every, key, read, database, executor, progress, plan=plan, merge=_join_records))
    return [[record for _ in part for record in next(found)] for part in blocks]


def _plan(among: int, blocks: Sequence[Block]) -> list[list[tuple[int, Block]]]:
    """Blocks that are trained together, and blocks of many seeds cut into pieces where workers would stand idle."""
    share = -(-sum(count for _, _, count in blocks) // among)
    pieces = []
    for place, (cohort, first, count) in enumerate(blocks):
        cuts = [(0, count)] if isinstance(cohort.training, ToyTraining) else cut_block(count, share)
        pieces += [(place, (cohort, first + begin, end - begin)) for begin, end in cuts]
    small = [
        (cohort.training if isinstance(cohort.training, AxialTraining) else None, count)
        for _, (cohort, _, count) in pieces
    ]
    return [[pieces[k] for k in group] for group in full_blocks(small, among)]


def _join_records(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {"records": [record for row in rows for record in row["records"]]}


def starts(blocks: Sequence[Block]) -> list[tuple[AxialTraining, Parameters]]:
    """Where blocks of small models on the axes start, as `train_together` wants it."""
    return [
        (cohort.training, initial_models(cohort.training, cohort.seed, first, count))
        for cohort, first, count in blocks
        if isinstance(cohort.training, AxialTraining)
    ]


def _block_size(cohort: Cohort) -> int:
    if isinstance(cohort.training, ToyTraining):
        return _TOY_BLOCK
    return kernel_for(cohort.training.data.n)[1]


def _key(block: Block) -> dict[str, Any]:
    cohort, first, count = block
    return {**cohort.settings(), "first": first, "count": count}


# What a record holds besides its seed.
_FIELDS: Mapping[str, tuple[type | None, ...]] = {
    "status": (str,), "trained": (float, None), "loss": (float, None), "type": (str,), "circles": (int,),
    "lost": (int,), "separable": (bool,), "slack": (float, None),
}  # fmt: skip


def stored_records(
    kinds: Mapping[str, tuple[type | None, ...]], needed: Set[str], first: int, count: int, row: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The records in a stored run, one for each seed of the block and in order, of fields of these kinds.

    A record without a loss is of a seed that diverged, and may lack the fields that the others need.

    Raises
    ------
    LookupError, TypeError, ValueError, OverflowError
        They are no such thing.
    """
    records = read_field(row, "records", list)
    for place, record in enumerate(records):
        if not isinstance(record, dict) or read_field(record, "seed", int) != first + place:
            raise ValueError(f"record {place} is not of seed {first + place}")
        for name in record.keys() - {"seed"}:
            record[name] = read_field(record, name, *kinds[name])
        lacking = needed - record.keys()
        if read_field(record, "loss", float, None) is not None and lacking:
            raise ValueError(f"record {place} has no {min(lacking)}")
    if len(records) != count:
        raise ValueError(f"{len(records)} records of {count} seeds")
    return [dict(record) for record in records]


def _run_blocks(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """Train, polish and describe blocks; for each a record of plain numbers per seed."""
    if isinstance(blocks[0][0].training, ToyTraining):
        return [_describe(block, _train_toys(*block)) for block in blocks]
    parts = starts(blocks)
    found = train_together(parts)
    return [
        _describe(block, training.parameters_of(models))
        for block, (training, _), models in zip(blocks, parts, found, strict=True)
    ]


def _train_toys(cohort: Cohort, first: int, count: int) -> Parameters:
    training = cohort.training
    assert isinstance(training, ToyTraining)
    numbered = replace(training, laws=tuple(training.laws[:1]) * (first + count))
    trained = toy_trajectories(numbered, [numbered.steps], seed=cohort.seed, models=range(first, first + count))
    assert trained.b is not None
    return as_double(Parameters(trained.W[0], trained.b[0]))


def _describe(block: Block, models: Parameters) -> dict[str, Any]:
    cohort, first, count = block
    data = data_of(cohort.training)
    found = polish_models(models, data, escapes=0, iterations=200)
    before = data.T * np.asarray(loss(as_double(models), data))
    return {"records": [_record(first + s, float(before[s]), found, s, data) for s in range(count)]}


def _record(index: int, trained: float, found: Polished, s: int, data: AxialData | Independent) -> dict[str, Any]:
    n = found.W.shape[-1]
    status = Status(int(found.status[s])).name
    if not np.isfinite(found.W[s]).all():
        return {"seed": index, "status": status, "trained": None, "loss": None}
    what = kind(found.model(s), data if isinstance(data, Independent) else None)
    lost = {*what.null, *what.dead}
    return {
        "seed": index,
        "status": status,
        "trained": trained,
        "loss": data.T * float(found.loss[s]),
        "type": what.type,
        "circles": len(what.radii),
        "lost": n - len(what.represented),
        "separable": all(flag for i, flag in enumerate(what.separable) if i not in lost),
        "slack": what.slack if np.isfinite(what.slack) else None,
    }


def summary(records: Sequence[dict[str, Any]], zero: float = _ZERO) -> Summary:
    """Count records as `census` stores them; losses below `zero` count as zero."""
    finite = [record for record in records if record["loss"] is not None]
    trials = len(records)

    def count(holds: Callable[[dict[str, Any]], bool]) -> Count:
        successes = sum(map(holds, finite))
        return Count(successes, trials, wilson_interval(successes, trials, _LEVEL))

    losses = sorted(record["loss"] for record in finite) or [float("nan")]
    return Summary(
        zero_loss=count(lambda r: r["trained"] < zero),
        zero_loss_polished=count(lambda r: r["loss"] < zero),
        one_circle=count(lambda r: r["circles"] == 1),
        two_circles=count(lambda r: r["circles"] == 2),
        lost_axes=dict(sorted(Counter(r["lost"] for r in finite).items())),
        separable=count(lambda r: r["separable"]),
        slack_kept=count(lambda r: r["slack"] is None or r["slack"] > -1e-2),
        statuses=dict(Counter(r["status"] for r in records).most_common()),
        types=dict(Counter(r["type"] for r in finite).most_common()),
        losses=(losses[0], losses[len(losses) // 2], losses[-1]),
    )
