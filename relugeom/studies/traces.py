"""Watch one training: what the loss, the norms and the features do, and the moments at which something happens.

`trace` records; `events` reads the record. A feature is *on* at a moment when its own axis is given back to more
than half (z_ii > 1/2); it *appears* or *vanishes* when that changes. Circles are the groups of radii of the features
that are on, linked by steps below 5 % of the largest; a *split* or *merger* is a change of their number. A change
counts if it lasts for `patience` records.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.geometry import circles
from relugeom.autoencoder.model import Parameters, flatten, gradient, gram, loss
from relugeom.errors import ArgumentError
from relugeom.studies.atlases import data_of
from relugeom.training.many_models import AxialTraining, descend, initial_models
from relugeom.training.recipes import check_whole
from relugeom.training.toy_models import ToyTraining, toy_trajectories

__all__ = ["Event", "Trace", "events", "trace"]

Floats = npt.NDArray[np.float64]

_CIRCLE = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """The record of one training, one row a moment.

    Attributes
    ----------
    steps : ndarray of int, shape (R,)
    W : ndarray, shape (R, m, n)
    b : ndarray, shape (R, n)
    loss : ndarray, shape (R,)
        Summed over the axes and averaged over the amplitudes; of independent features over the whole population.
    gradient_norm : ndarray, shape (R,)
    feature_loss : ndarray, shape (R, n)
        The part of the loss from the examples on axis i; of independent features from output i.
    on : ndarray of bool, shape (R, n)
    circles : ndarray of int, shape (R,)
    """

    steps: npt.NDArray[np.int64]
    W: Floats
    b: Floats
    loss: Floats
    gradient_norm: Floats
    feature_loss: Floats
    on: npt.NDArray[np.bool_]
    circles: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened: "appears", "vanishes", "split" or "merge"; `feature` is None for circles."""

    step: int
    what: str
    feature: int | None
    detail: str


def trace(
    training: AxialTraining | ToyTraining,
    index: int = 0,
    *,
    seed: int = 0,
    every: int = 50,
    start: Parameters | None = None,
) -> Trace:
    """Train one model, or go on from `start`, and record every `every` steps.

    Index and seed mean what they mean in `relugeom.training.many_models.train_many`, so that any model of a census can
    be watched. A model of independent features starts at its own start only, and its loss is the exact one.

    Parameters
    ----------
    training : AxialTraining or ToyTraining
        As for `train_many` or `train_toy_models`.
    index : int
        Which model of the seed.
    seed : int
        Entropy of all random numbers.
    every : int
        Steps between two records.
    start : Parameters, optional
        W (m, n) and b (n,) to begin from instead; no b is needed for ``bias_coordinate="none"``.

    Returns
    -------
    Trace
        W, b and the loss at every record.

    Raises
    ------
    ArgumentError
        A value is out of its range; a start is given for independent features, or one from which this training cannot
        begin; or the exact loss on these independent features cannot be had.

    See Also
    --------
    relugeom.studies.events
    """
    data = data_of(training)
    for name, value, least in (("index", index, 0), ("seed", seed, 0), ("every", every, 1)):
        check_whole(name, value, least)
    if isinstance(training, ToyTraining):
        if start is not None:
            raise ArgumentError("start must be None for independent features, which come with the numbered starts")
        return _of_independent(training, index, seed, every)
    if start is None:
        first = initial_models(training, seed, index, 1)
    else:
        first = Parameters(*(None if part is None else np.asarray(part)[None] for part in start))
    moments = list(descend(training, first, every=every))
    steps = np.array([step for step, _ in moments])
    W = np.concatenate([model.W for _, model in moments]).astype(np.float64)
    b = np.concatenate([model.b for _, model in moments]).astype(np.float64)
    model, data, n = Parameters(W, b), training.data, training.data.n
    G = np.asarray(gram(W))
    by_pair = np.asarray(data.pair_loss(np, G, b[:, None, :], np.eye(n)))
    on = G[:, range(n), range(n)] + b > 0.5
    # Without a bias the slope in b is none: it need not vanish where training comes to rest.
    moved = training.parameters_of(model)
    return Trace(
        steps, W, b, n * np.asarray(loss(model, data)), np.linalg.norm(flatten(gradient(moved, data)), axis=1),
        by_pair.sum(axis=2), on, np.array([_circle_count(w, which) for w, which in zip(W, on, strict=True)]),
    )  # fmt: skip


def _of_independent(training: ToyTraining, index: int, seed: int, every: int) -> Trace:
    """The same for independent features; the parts of the loss are those of the outputs."""
    law = training.laws[0]
    numbered = replace(training, laws=(law,) * (index + 1))
    steps = sorted({*range(0, training.steps, every), training.steps})
    found = toy_trajectories(numbered, steps, seed=seed, models=range(index, index + 1))
    W, b = (np.asarray(part, np.float64)[:, 0] for part in (found.W, found.b))
    model = Parameters(W, b)
    by_feature = law.feature_loss(model)
    on = np.sum(W * W, axis=1) + b > 0.5
    return Trace(
        np.array(steps), W, b, by_feature.sum(axis=1), np.linalg.norm(flatten(law.gradient(model)), axis=1), by_feature,
        on, np.array([_circle_count(w, which) for w, which in zip(W, on, strict=True)]),
    )  # fmt: skip


def _circle_count(W: Floats, on: npt.NDArray[np.bool_]) -> int:
    if not on.any():
        return 0
    largest = float(np.linalg.norm(W[:, on], axis=0).max())
    return int(circles(W[:, on], _CIRCLE * largest).count)


def events(record: Trace, *, patience: int = 5) -> list[Event]:
    """What appears, vanishes, splits and merges in the course of a trace, in order.

    Parameters
    ----------
    record : Trace
    patience : int
        How many records a change must last to count.

    Returns
    -------
    list of Event
        Each with the step at which it is seen first.

    See Also
    --------
    relugeom.studies.trace
    """
    check_whole("patience", patience, 0)
    found = []
    for i in range(record.on.shape[1]):
        for row in _lasting_changes(record.on[:, i].astype(np.int64), patience):
            what = "appears" if record.on[row, i] else "vanishes"
            norm = float(np.linalg.norm(record.W[row, :, i]))
            found.append(Event(int(record.steps[row]), what, i, f"norm {norm:.3f}, bias {record.b[row, i]:.3f}"))
    for row in _lasting_changes(record.circles, patience):
        before, after = int(record.circles[row - 1]), int(record.circles[row])
        what = "split" if after > before else "merge"
        found.append(Event(int(record.steps[row]), what, None, f"{before} → {after} circles"))
    return sorted(found, key=lambda event: event.step)


def _lasting_changes(values: npt.NDArray[np.int64], patience: int) -> list[int]:
    """Rows at which a value differs from the one before and then stays for `patience` rows (or to the end)."""
    rows = np.flatnonzero(values[1:] != values[:-1]) + 1
    return [int(row) for row in rows if (values[row : row + patience] == values[row]).all()]
