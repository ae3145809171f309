"""Many seeds at once: what training finds from many initial models, block by block.

`train_many` draws every initial model from a child of one `SeedSequence` (so number 17 is the same model however many
there are), cuts them into blocks, takes all steps for one block before the next, and maps the blocks over an executor.
The result does not depend on blocks or workers. Several trainings can share a block (`descend_together`).

Where training starts, and whether it moves b or c = b + ‖w‖², decides on X = I whether it succeeds (docs/cure.md). Both
belong to training only: models, losses and files stay (W, b).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from functools import partial
from itertools import pairwise
from math import isfinite
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.model import Parameters
from relugeom.engines.many_models import CentredKernel, MatrixKernel, UnbiasedKernel, kernel_for, most_together
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike, run_tasks, workers
from relugeom.optim.rules import is_finite
from relugeom.progress import OnProgress, Reporter
from relugeom.training.recipes import Recipe, check_size, check_whole

__all__ = [
    "AxialTraining", "cut_block", "descend", "descend_together", "full_blocks", "initial_models", "train_from",
    "train_many", "train_together",
]  # fmt: skip

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AxialTraining(Recipe):
    """How many small models are trained on one data set on the axes: a `Recipe` with data.

    Parameters
    ----------
    data : AxialData
        `Axial` (X = I by default) or `UniformAxial`.
    m, optimiser, steps, schedule, warmup, initialisation, init_scale, bias_coordinate, dtype
        As in `relugeom.training.recipes.Recipe`.
    init_bias : float
        Where every bias starts, other than on a circle.

    Raises
    ------
    ArgumentError
        When a value is out of its range.
    """

    INITIALISATIONS: ClassVar[Mapping[str, float]] = {"xavier": 1.0, "normal": 1.0, "small": 1e-3, "circle": 4.0}
    BIAS_COORDINATES: ClassVar[tuple[str, ...]] = ("plain", "centred", "none")

    data: AxialData = field(kw_only=False)
    steps: int = 25_000
    init_bias: float = 0.0

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)  # super() alone does not find it in a class with slots
        if not isinstance(self.data, AxialData):
            raise ArgumentError(f"data must be Axial or UniformAxial; got {self.data!r:.60}")
        if not is_finite(self.init_bias):
            raise ArgumentError(f"init_bias must be a finite number; got {self.init_bias!r:.60}")
        if self.initialisation == "circle" and (self.init_bias or self.data.n < 2):
            raise ArgumentError(
                f"a circle needs n ≥ 2 and has biases of its own; got n = {self.data.n}, init_bias = {self.init_bias}"
            )
        if self.initialisation == "circle" and not isfinite(self.chosen_init_scale * self.chosen_init_scale):
            raise ArgumentError(f"init_scale must have a finite square for a circle; got {self.init_scale!r:.60}")
        if self.bias_coordinate == "none" and (self.init_bias or self.initialisation == "circle"):
            raise ArgumentError(
                "bias_coordinate = 'none' needs biases that start at 0; "
                f"got initialisation = {self.initialisation!r}, init_bias = {self.init_bias}"
            )

    def parameters_of(self, models: Parameters) -> Parameters:
        """Models that were trained so, with what belongs to them alone: no b where it only stood at 0."""
        return Parameters(models.W, None) if self.bias_coordinate == "none" else models


def initial_models(training: AxialTraining, seed: int, first: int, count: int) -> Parameters:
    """The starts of seeds first, ..., first + count − 1, each from its own child of ``SeedSequence(seed)``.

    Returns
    -------
    Parameters
        W, shape (count, m, n), and b, shape (count, n).
    """
    for name, value in (("seed", seed), ("first", first), ("count", count)):
        check_whole(name, value, 0)
    m, n = training.m, training.data.n
    W = np.empty((count, m, n))
    for s in range(count):
        # What SeedSequence(seed).spawn gives as child number first + s, without making the others.
        W[s] = training.random_encoder(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(first + s,))), n)
    bias = 1 - training.circle_square(n) if training.initialisation == "circle" else float(training.init_bias)
    with np.errstate(over="ignore"):  # a start too large for single precision is infinite, and is reported so later
        return Parameters(W.astype(training.dtype), np.full((count, n), bias).astype(training.dtype))


def descend(training: AxialTraining, start: Parameters, *, every: int) -> Iterator[tuple[int, Parameters]]:
    """Train one block of models, W (B, m, n) and b (B, n), together; yield them as they go.

    Yields
    ------
    (int, Parameters)
        The number of steps taken and copies of the models: at the start, every `every` steps, and at the end.
    """
    for step, (models,) in descend_together([(training, start)], every=every):
        yield step, models


def descend_together(
    parts: Sequence[tuple[AxialTraining, Parameters]], *, every: int
) -> Iterator[tuple[int, list[Parameters]]]:
    """`descend` for several trainings in one block, to the same bits as apart.

    Parameters
    ----------
    parts : sequence of (AxialTraining, Parameters)
        As one item of `full_blocks` says.
    every : int

    Yields
    ------
    (int, list of Parameters)
        The models of every part.

    Raises
    ------
    ArgumentError
        A start is none of tied models of n features; or it has a bias and training none, or the other way round.
    """
    check_whole("every", every, 1)
    training = parts[0][0]
    kernel_type, _ = kernel_for(training.data.n)
    starts = [_check_start(training, start) for _, start in parts]
    counts = [len(W) for W, _ in starts]
    W, b = (np.concatenate(arrays) for arrays in zip(*starts, strict=True))
    kernel: Any = kernel_type(training.data, W, b)
    if training.bias_coordinate == "centred":
        with np.errstate(over="ignore", invalid="ignore"):  # the squares of a start may be too large, as steps may be
            kernel = CentredKernel(kernel)
    elif training.bias_coordinate == "none":
        kernel = UnbiasedKernel(kernel)
    rule, *others = (part.optimiser for part, _ in parts)
    if any(other != rule for other in others):
        state = rule.start(kernel.theta, kernel.factor, others=others, counts=counts)
    else:
        state = rule.start(kernel.theta, kernel.factor)
    share = training.shares()
    step, ends = 0, np.cumsum(counts)[:-1]
    while True:
        with np.errstate(over="ignore", invalid="ignore"):
            models = kernel.parameters()
        yield step, list(map(Parameters, np.split(models.W, ends), np.split(models.b, ends)))
        if step >= training.steps:
            return
        # Too large a learning rate sends a model to infinity; it stays there as inf or nan, and is reported so later.
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(min(every, training.steps - step)):
                kernel.compute()
                state.step(kernel.theta, kernel.gradient, share(step))
                step += 1


def _check_start(training: AxialTraining, start: Parameters) -> tuple[Floats, Floats]:
    """W (B, m, n) and b (B, n) in the type of the training; without a bias b may be left out."""
    W, n, biased = np.asarray(start.W, training.dtype), training.data.n, training.bias_coordinate != "none"
    if start.decoder is not None:
        raise ArgumentError(f"start must be of tied models; got a decoder of shape {np.shape(start.decoder)}")
    if start.b is None and biased:
        raise ArgumentError(f"start must have a bias for bias_coordinate = {training.bias_coordinate!r}; got b = None")
    b = np.asarray(np.zeros((*W.shape[:1], n)) if start.b is None else start.b, training.dtype)
    if W.ndim != 3 or W.shape[2] != n or b.shape != (len(W), n):
        raise ArgumentError(f"start must have W (models, m, {n}) and b (models, {n}); got {W.shape} and {b.shape}")
    if b.any() and not biased:
        raise ArgumentError(f"bias_coordinate = 'none' needs biases that start at 0; got {b[b != 0][0]!s:.60}")
    return W, b


def train_from(training: AxialTraining, start: Parameters) -> Parameters:
    """What `descend` ends with."""
    return train_together([(training, start)])[0]


def train_together(parts: Sequence[tuple[AxialTraining, Parameters]]) -> list[Parameters]:
    """What `descend_together` ends with."""
    *_, (_, models) = descend_together(parts, every=max(parts[0][0].steps, 1))
    return models


def full_blocks(parts: Sequence[tuple[AxialTraining | None, int]], among: int = 1) -> list[list[int]]:
    """Which trainings to take together, so that blocks are full: what a step costs is hardly less for few models.

    Models of one block may differ in where they start, in learning rate and in weight decay; all else is the same. One
    model alone stays alone, since its sums are added in another order (`relugeom.engines.many_models`), and so does
    None, what has so many features that a larger block gains nothing, and an optimiser with constants in another type
    than float, in which NumPy computes with them.

    Parameters
    ----------
    parts : sequence of (AxialTraining or None, int)
        Each with the number of its models.
    among : int
        How many workers there are to share the blocks.

    Returns
    -------
    list of list of int
        The places of those that make a block, in their order.
    """
    share = -(-sum(count for _, count in parts) // among)
    blocks: list[list[int]] = []
    open_block: dict[Hashable, tuple[list[int], int]] = {}
    for place, (training, count) in enumerate(parts):
        alone = training is None or count == 1 or not _can_share(training)
        most = 0 if training is None or alone else min(most_together(training.data.n), max(share, _LEAST))
        kind = None if training is None else _kind(training)
        block, models = open_block.get(kind, ([], most))
        if models + count > most:
            block, models = [], 0
            blocks.append(block)
        block.append(place)
        if not alone:
            open_block[kind] = block, models + count
    return blocks


_LEAST = 250  # models of a block; below, the time to begin an operation is most of a step


def _can_share(training: AxialTraining) -> bool:
    constants = astuple(training.optimiser)  # type: ignore[call-overload]
    is_small = kernel_for(training.data.n)[0] is not MatrixKernel
    return is_small and all(isinstance(constant, float | int) for constant in constants)


def _kind(training: AxialTraining) -> Hashable:
    """What the models of one block share."""
    # A decay of 0 leaves out an operation, which could turn infinity into nan.
    rule = replace(training.optimiser, learning_rate=1.0, weight_decay=float(training.optimiser.weight_decay > 0))  # type: ignore[type-var]
    t = training
    return t.data, t.m, t.steps, t.schedule, t.warmup, t.dtype, t.bias_coordinate, rule


def _train_block(training: AxialTraining, seed: int, block: tuple[int, int]) -> Parameters:
    return train_from(training, initial_models(training, seed, *block))


def train_many(
    training: AxialTraining,
    seeds: int,
    *,
    seed: int = 0,
    first: int = 0,
    executor: ExecutorLike = None,
    progress: OnProgress | None = None,
) -> Parameters:
    """Train many small models at once: numbers first, ..., first + seeds − 1 of a seed.

    Parameters
    ----------
    training : AxialTraining
    seeds : int
    seed : int
        Of the `numpy.random.SeedSequence` whose children are the seeds.
    first : int
        Number of the first seed.
    executor : None, Executor, "processes://N" or "dask://host:port"
        What the blocks are mapped over; None: one after another, here.
    progress : callable, optional
        Called with the blocks that are finished (`relugeom.progress`), before the first and after each.

    Returns
    -------
    Parameters
        W, shape (seeds, m, n), and b, shape (seeds, n).

    See Also
    --------
    relugeom.training.train_toy_models
    """
    check_size("seeds", seeds, 1)
    for name, value in (("seed", seed), ("first", first)):
        check_whole(name, value, 0)
    blocks = [(first + begin, end - begin) for begin, end in _cut(seeds, training.data.n, workers(executor))]
    found: dict[int, Parameters] = {}
    news = Reporter(progress, len(blocks))
    for index, block in run_tasks(partial(_train_block, training, seed), blocks, executor):
        found[index] = block
        news.advance()
    models = [found[index] for index in range(len(blocks))]
    return Parameters(np.concatenate([model.W for model in models]), np.concatenate([model.b for model in models]))


def _cut(seeds: int, n: int, among: int) -> list[tuple[int, int]]:
    """Begin and end of equal blocks, as many for each worker where they stay large enough.

    One model that is left over by whole blocks of `kernel_for` has one of its own, as it has in a census: its sums are
    added in another order.
    """
    alone = int(seeds > 1 and seeds % kernel_for(n)[1] == 1)
    rest = seeds - alone
    count = -(-rest // most_together(n))
    return _equal(rest, max(count, min(-(-count // among) * among, rest // _LEAST))) + [(rest, seeds)] * alone


def cut_block(models: int, most: int) -> list[tuple[int, int]]:
    """Begin and end of equal pieces of at most so many models, or of as few as make a block that is worth while."""
    return _equal(models, max(1, min(-(-models // most), models // _LEAST)))


def _equal(models: int, count: int) -> list[tuple[int, int]]:
    return list(pairwise(models * k // count for k in range(count + 1)))
