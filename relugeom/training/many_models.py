"""Many seeds at once: what training finds from many initial models, block by block.

`train_many` draws every initial model from a child of one `SeedSequence` (so number 17 is the same model however many
there are), cuts them into blocks, takes all steps for one block before the next, and maps the blocks over an executor.
The result does not depend on blocks or workers. Several trainings can share a block (`descend_together`).

Where training starts, and whether it moves b or c = b + ‖w‖², decides on X = I whether it succeeds (docs/cure.md). Both
belong to training only: models, losses and files stay (W, b).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from math import cos, inf, pi, sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.model import Parameters
from relugeom.engines.many_models import CentredKernel, UnbiasedKernel, kernel_for, most_together
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike, run_tasks, workers
from relugeom.optim import AdamW, Optimiser
from relugeom.optim.schedules import SCHEDULES, Schedule
from relugeom.progress import OnProgress, Reporter

__all__ = [
    "BIAS_COORDINATES", "INITIALISATIONS", "Training", "descend", "descend_together", "full_blocks", "initial_models",
    "train_from", "train_many", "train_together",
]  # fmt: skip

Floats = npt.NDArray[np.floating[Any]]

INITIALISATIONS = {"xavier": 1.0, "normal": 1.0, "small": 1e-3, "circle": 4.0}  # each with its usual init_scale
BIAS_COORDINATES = ("plain", "centred", "none")


@dataclass(frozen=True, slots=True)
class Training:
    """How many small models are trained: data, size, optimiser, steps, initialisation.

    Parameters
    ----------
    data : AxialData
        `Axial` (X = I by default) or `UniformAxial`.
    m : int
        Latent dimensions.
    optimiser : AdamW or SGD
    steps : int
    initialisation : {"xavier", "normal", "small", "circle"}
        "xavier": entries of W uniform on ±√(6/(m + n)) (Glorot and Bengio, 2010). "normal": normal with deviation
        `init_scale`. "small": Xavier times `init_scale`. "circle": random directions of norm R,
        R² = init_scale²/(1 − cos(2π/n)), with the biases 1 − R², so that every output is 1 on its own axis.
    init_scale : float, optional
        By default 1 for "normal", 1/1000 for "small" and 4 for "circle", whose R is then four times that of the
        smallest polygon of zero loss. Of no effect for "xavier".
    init_bias : float
        Where every bias starts, other than on a circle.
    dtype : {"float32", "float64"}
        float32 travels twice as fast; polish afterwards.
    bias_coordinate : {"plain", "centred", "none"}
        What the optimiser moves: b_j, or c_j in b_j = c_j − ‖w_j‖², or W alone while b stays 0 (models without a
        bias). Weight decay acts on the same.
    schedule : {"constant", "cosine"}
        Of the learning rate, as in `relugeom.optim.schedules`; the optimiser's learning rate is its peak.
    warmup : int
        Steps in which it rises to its peak.
    """

    data: AxialData
    m: int = 2
    optimiser: Optimiser = field(default_factory=AdamW)
    steps: int = 25_000
    initialisation: Literal["xavier", "normal", "small", "circle"] = "xavier"
    init_scale: float | None = None
    init_bias: float = 0.0
    dtype: Literal["float32", "float64"] = "float32"
    bias_coordinate: Literal["plain", "centred", "none"] = "plain"
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0

    def __post_init__(self) -> None:
        if self.m < 1 or self.steps < 0:
            raise ArgumentError(f"m must be positive and steps not negative; got m = {self.m}, steps = {self.steps}")
        for name, allowed in (
            ("initialisation", INITIALISATIONS),
            ("bias_coordinate", BIAS_COORDINATES),
            ("schedule", SCHEDULES),
        ):
            if getattr(self, name) not in allowed:
                raise ArgumentError(f"{name} must be one of {', '.join(allowed)}; got {getattr(self, name)!r}")
        if self.init_scale is None:
            object.__setattr__(self, "init_scale", INITIALISATIONS[self.initialisation])  # frozen to everybody else
        if not 0 < self.chosen_init_scale < inf:
            raise ArgumentError(f"init_scale must be a positive number; got {self.init_scale}")
        if self.initialisation == "circle" and (self.init_bias or self.data.n < 2):
            raise ArgumentError(
                f"a circle needs n ≥ 2 and has biases of its own; got n = {self.data.n}, init_bias = {self.init_bias}"
            )
        if self.bias_coordinate == "none" and (self.init_bias or self.initialisation == "circle"):
            raise ArgumentError(
                "bias_coordinate = 'none' needs biases that start at 0; "
                f"got initialisation = {self.initialisation!r}, init_bias = {self.init_bias}"
            )
        self.learning_rates()

    @property
    def chosen_init_scale(self) -> float:
        """The scale: given, or the usual one of this start."""
        assert self.init_scale is not None
        return self.init_scale

    def learning_rates(self) -> Schedule:
        """The learning rate of every step, as a share of the optimiser's."""
        return Schedule(self.schedule, 1.0, self.steps, self.warmup)


def initial_models(training: Training, seed: int, first: int, count: int) -> Parameters:
    """The starts of seeds first, ..., first + count − 1, each from its own child of ``SeedSequence(seed)``.

    Returns
    -------
    Parameters
        W, shape (count, m, n), and b, shape (count, n).
    """
    m, n = training.m, training.data.n
    W = np.empty((count, m, n))
    limit = sqrt(6 / (m + n))
    for s in range(count):
        # What SeedSequence(seed).spawn gives as child number first + s, without making the others.
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(first + s,)))
        if training.initialisation in ("normal", "circle"):
            W[s] = rng.standard_normal((m, n))
        else:
            W[s] = rng.uniform(-limit, limit, (m, n))
    bias, scale = training.init_bias, training.chosen_init_scale
    if training.initialisation == "circle":
        square = scale**2 / (1 - cos(2 * pi / n))
        bias, scale = 1 - square, sqrt(square)
        W /= np.linalg.norm(W, axis=1, keepdims=True)
    if training.initialisation != "xavier":
        W *= scale
    return Parameters(W.astype(training.dtype), np.full((count, n), bias, training.dtype))


def descend(training: Training, start: Parameters, *, every: int) -> Iterator[tuple[int, Parameters]]:
    """Train one block of models, W (B, m, n) and b (B, n), together; yield them as they go.

    Yields
    ------
    (int, Parameters)
        The number of steps taken and copies of the models: at the start, every `every` steps, and at the end.
    """
    for step, (models,) in descend_together([(training, start)], every=every):
        yield step, models


def descend_together(
    parts: Sequence[tuple[Training, Parameters]], *, every: int
) -> Iterator[tuple[int, list[Parameters]]]:
    """`descend` for several trainings in one block, to the same bits as apart.

    Parameters
    ----------
    parts : sequence of (Training, Parameters)
        As one item of `full_blocks` says.
    every : int

    Yields
    ------
    (int, list of Parameters)
        The models of every part.
    """
    training, counts = parts[0][0], [len(start.W) for _, start in parts]
    kernel_type, _ = kernel_for(training.data.n)
    W = np.concatenate([np.asarray(start.W, training.dtype) for _, start in parts])
    b = np.concatenate([np.asarray(start.b, training.dtype) for _, start in parts])
    kernel: Any = kernel_type(training.data, W, b)
    if training.bias_coordinate == "centred":
        kernel = CentredKernel(kernel)
    elif training.bias_coordinate == "none":
        kernel = UnbiasedKernel(kernel)
    rule, *others = (part.optimiser for part, _ in parts)
    if any(other != rule for other in others):
        state = rule.start(kernel.theta, kernel.factor, others=others, counts=counts)
    else:
        state = rule.start(kernel.theta, kernel.factor)
    share = training.learning_rates()
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


def train_from(training: Training, start: Parameters) -> Parameters:
    """What `descend` ends with."""
    return train_together([(training, start)])[0]


def train_together(parts: Sequence[tuple[Training, Parameters]]) -> list[Parameters]:
    """What `descend_together` ends with."""
    *_, (_, models) = descend_together(parts, every=max(parts[0][0].steps, 1))
    return models


def full_blocks(parts: Sequence[tuple[Training | None, int]], among: int = 1) -> list[list[int]]:
    """Which trainings to take together, so that blocks are full: what a step costs is hardly less for few models.

    Models of one block may differ in where they start, in learning rate and in weight decay; all else is the same. One
    model alone stays alone, since its sums are added in another order (`relugeom.engines.many_models`), and so does
    None, and what has so many features that a larger block gains nothing.

    Parameters
    ----------
    parts : sequence of (Training or None, int)
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
        most = 0 if training is None or count == 1 else min(most_together(training.data.n), max(share, _LEAST))
        kind = None if training is None else _kind(training)
        block, models = open_block.get(kind, ([], most))
        if models + count > most:
            block, models = [], 0
            blocks.append(block)
        block.append(place)
        if count > 1:
            open_block[kind] = block, models + count
    return blocks


_LEAST = 250  # models of a block; below, the time to begin an operation is most of a step


def _kind(training: Training) -> Hashable:
    """What the models of one block share."""
    # A decay of 0 leaves out an operation, which could turn infinity into nan.
    rule = replace(training.optimiser, learning_rate=1.0, weight_decay=float(training.optimiser.weight_decay > 0))  # type: ignore[type-var]
    t = training
    return t.data, t.m, t.steps, t.schedule, t.warmup, t.dtype, t.bias_coordinate, rule


def _train_block(training: Training, seed: int, block: tuple[int, int]) -> Parameters:
    return train_from(training, initial_models(training, seed, *block))


def train_many(
    training: Training,
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
    training : Training
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
    if seeds < 1:
        raise ArgumentError(f"seeds must be positive; got {seeds}")
    blocks = [(first + begin, end - begin) for begin, end in _cut(seeds, training.data.n, workers(executor))]
    found: dict[int, Parameters] = {}
    news = Reporter(progress, len(blocks))
    for index, block in run_tasks(partial(_train_block, training, seed), blocks, executor):
        found[index] = block
        news.advance()
    models = [found[index] for index in range(len(blocks))]
    return Parameters(np.concatenate([model.W for model in models]), np.concatenate([model.b for model in models]))


def _cut(seeds: int, n: int, among: int) -> list[tuple[int, int]]:
    """Begin and end of equal blocks, as many for each worker where they stay large enough; none of one model alone."""
    size = most_together(n) or kernel_for(n)[1]
    count = -(-seeds // size)
    count = max(count, min(-(-count // among) * among, seeds // _LEAST))
    ends = [seeds * k // count for k in range(count + 1)]
    return list(pairwise(ends))
