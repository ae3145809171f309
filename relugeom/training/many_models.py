"""Many seeds at once: what training finds from many starts, block by block.

`train` draws every start from a child of one `SeedSequence` (so seed 17 is the same model however many seeds
there are), cuts the seeds into blocks by a fixed rule, takes all steps for one block before the next, and maps
the blocks over an executor. The result does not depend on how many workers there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from math import sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.model import Parameters
from relugeom.engines.many_models import kernel_for
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike, completed
from relugeom.optim.batched import Adam, Optimiser

__all__ = ["Training", "descend", "starts", "train", "trained"]

Floats = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Training:
    """Everything that fixes what training does to a start.

    Parameters
    ----------
    data : AxialData
        `Axial` (X = I by default) or `UniformAxial`.
    m : int
        Latent dimensions.
    optimiser : Adam or Momentum
    steps : int
    start : {"xavier", "normal"}
        Entries of W uniform on ±√(6/(m + n)) (Glorot and Bengio, 2010), or normal with deviation `scale`.
    scale : float
        Of normal starts.
    bias : float
        Where every bias starts.
    precision : {"float32", "float64"}
        float32 travels twice as fast; polish afterwards.
    """

    data: AxialData
    m: int = 2
    optimiser: Optimiser = field(default_factory=Adam)
    steps: int = 25_000
    start: Literal["xavier", "normal"] = "xavier"
    scale: float = 1.0
    bias: float = 0.0
    precision: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        if self.m < 1 or self.steps < 0:
            raise ArgumentError(f"m must be positive and steps not negative; got m = {self.m}, steps = {self.steps}")
        if self.start not in ("xavier", "normal"):
            raise ArgumentError(f'start must be "xavier" or "normal"; got {self.start!r}')


def starts(training: Training, entropy: int, first: int, count: int) -> Parameters:
    """The starts of seeds first, ..., first + count − 1, each from its own child of ``SeedSequence(entropy)``.

    Returns
    -------
    Parameters
        W, shape (count, m, n), and b, shape (count, n).
    """
    m, n = training.m, training.data.n
    W = np.empty((count, m, n))
    limit = sqrt(6 / (m + n))
    for s in range(count):
        # What SeedSequence(entropy).spawn gives as child number first + s, without making the others.
        rng = np.random.default_rng(np.random.SeedSequence(entropy, spawn_key=(first + s,)))
        if training.start == "xavier":
            W[s] = rng.uniform(-limit, limit, (m, n))
        else:
            W[s] = training.scale * rng.standard_normal((m, n))
    return Parameters(W.astype(training.precision), np.full((count, n), training.bias, training.precision))


def descend(training: Training, start: Parameters, *, every: int) -> Iterator[tuple[int, Parameters]]:
    """Train one block of models, W (B, m, n) and b (B, n), together; yield them as they go.

    Yields
    ------
    (int, Parameters)
        The number of steps taken and copies of the models: at the start, every `every` steps, and at the end.
    """
    kernel_type, _ = kernel_for(training.data.n)
    W, b = (np.asarray(part, training.precision) for part in start)
    kernel = kernel_type(training.data, W, b)
    state = training.optimiser.start(kernel.theta, kernel.factor)
    step = 0
    while True:
        yield step, kernel.parameters()
        if step >= training.steps:
            return
        # A rate too large sends a model to infinity; it stays there as inf or nan and is reported as such later.
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(min(every, training.steps - step)):
                kernel.compute()
                state.step(kernel.theta, kernel.gradient)
                step += 1


def trained(training: Training, start: Parameters) -> Parameters:
    """What `descend` ends with."""
    *_, (_, models) = descend(training, start, every=max(training.steps, 1))
    return models


def _train_block(training: Training, entropy: int, block: tuple[int, int]) -> Parameters:
    return trained(training, starts(training, entropy, *block))


def train(
    training: Training, seeds: int, *, entropy: int = 0, first: int = 0, executor: ExecutorLike = None
) -> Parameters:
    """Train seeds first, ..., first + seeds − 1 and return the models.

    Parameters
    ----------
    training : Training
    seeds : int
    entropy : int
        Of the `numpy.random.SeedSequence` whose children are the seeds.
    first : int
        Number of the first seed.
    executor : None, Executor, "processes://N" or "dask://host:port"
        What the blocks are mapped over; None: one after another, here.

    Returns
    -------
    Parameters
        W, shape (seeds, m, n), and b, shape (seeds, n).
    """
    if seeds < 1:
        raise ArgumentError(f"seeds must be positive; got {seeds}")
    size = kernel_for(training.data.n)[1]
    blocks = [(s, min(size, first + seeds - s)) for s in range(first, first + seeds, size)]
    found = dict(completed(partial(_train_block, training, entropy), blocks, executor))
    models = [found[index] for index in range(len(blocks))]
    return Parameters(np.concatenate([model.W for model in models]), np.concatenate([model.b for model in models]))
