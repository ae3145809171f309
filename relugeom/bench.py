"""How fast training steps are on this machine, NumPy and GPU side by side.

Nothing here changes a result: which engine a run takes follows from its size by a rule (`relugeom.engines.choice`); the
times show what that rule costs or saves here.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from relugeom.autoencoder.axial import Axial
from relugeom.autoencoder.examples import sparse_unit_norm_examples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.choice import choose_engine, make_engine
from relugeom.engines.cuda.backend import find_device
from relugeom.engines.cuda.engine import DeviceRun
from relugeom.engines.many_models import most_together
from relugeom.errors import ArgumentError
from relugeom.optim import AdamW
from relugeom.training import many_models, many_models_cuda

__all__ = ["Timing", "bench", "crossover"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The time of one step.

    Attributes
    ----------
    task : {"full batch", "many models"}
    size : int
        Examples T of a full batch of n = 10,000 features, S = 0.999; models B of n features on X = I.
    n : int
    dtype : str
    engine : str
        "numpy (moments)", "cuda", ...
    seconds : float
        Of one step: loss, gradient and update of all T examples, or of all B models. The median of the repetitions.
    """

    task: str
    size: int
    n: int
    dtype: str
    engine: str
    seconds: float


def bench(
    *,
    examples: Sequence[int] = (100, 1_000, 10_000),
    models: Sequence[int] = (1_000, 10_000),
    features: int = 10_000,
    small: Sequence[int] = (5, 8, 16, 32),
    dtypes: Sequence[str] = ("float32", "float64"),
    repetitions: int = 7,
    on_timing: Callable[[Timing], None] = lambda timing: None,
) -> list[Timing]:
    """Step times of the engines on this machine, NumPy's and, where a GPU works, CUDA's.

    The engines of one size take turns, so that a busy moment of the machine hits them all. The GPU's first gradient is
    compared with NumPy's before anything is timed.

    Parameters
    ----------
    examples : sequence of int
        T of the full-batch steps.
    models, small : sequences of int
        B and n of the small models.
    features : int
        n of the full-batch steps.
    dtypes : sequence of str
    repetitions : int
    on_timing : callable
        Told of every result as it comes.
    """
    if repetitions < 1 or any(size < 1 for size in (*examples, *models, *small, features)):
        raise ArgumentError("sizes and repetitions must be positive")
    works = find_device().works
    timings = []
    for dtype, T in product(dtypes, examples):
        steps = _full_batch_steps(T, features, dtype, works)
        for engine, seconds in _medians(steps, repetitions).items():
            timings.append(Timing("full batch", T, features, dtype, engine, seconds))
            on_timing(timings[-1])
    for dtype, n, B in product(dtypes, small, models):
        steps = _many_model_steps(B, n, dtype, works)
        for engine, seconds in _medians(steps, repetitions).items():
            timings.append(Timing("many models", B, n, dtype, engine, seconds))
            on_timing(timings[-1])
    return timings


# A function that takes some steps and waits for them, and how many it takes.
_Steps = tuple[Callable[[], object], int]
_RATE = 1e-7  # so small that every repetition meets the same state


def _full_batch_steps(T: int, n: int, dtype: str, works: bool) -> dict[str, _Steps]:
    examples = sparse_unit_norm_examples(T, n, 0.999 if n > 1_000 else 0.9, seed=1, dtype=dtype)
    bound = np.sqrt(6 / (n + 2))
    flat = np.zeros(3 * n, dtype)
    flat[: 2 * n] = np.random.default_rng(0).uniform(-bound, bound, 2 * n)
    choice = choose_engine(T, n, 2, dtype)
    engine, optimiser = make_engine(examples, choice), AdamW(weight_decay=1e-2).start_scheduled(3 * n, dtype)
    parameters = flat.copy()

    def numpy_step() -> None:
        _, gradient = engine.value_and_gradient(Parameters(parameters[: 2 * n].reshape(2, n), parameters[2 * n :]))
        optimiser.update(parameters, np.concatenate([gradient.W.ravel(), gradient.b]), _RATE)

    found: dict[str, _Steps] = {f"numpy ({choice.name})": (numpy_step, 1)}
    if works:
        run = DeviceRun(examples, flat)
        found["cuda"] = (lambda: run.advance([_RATE] * 100), 100)
    return found


def _many_model_steps(B: int, n: int, dtype: Any, works: bool) -> dict[str, _Steps]:
    few = many_models.AxialTraining(Axial(n), steps=50, dtype=dtype)
    start = many_models.initial_models(few, 0, 0, B)
    size = most_together(n)
    W, b = start.W, np.asarray(start.b)
    blocks = [Parameters(W[k : k + size], b[k : k + size]) for k in range(0, B, size)]
    found: dict[str, _Steps] = {"numpy": (lambda: [many_models.train_from(few, block) for block in blocks], few.steps)}
    if works:
        many = many_models.AxialTraining(Axial(n), steps=5_000, dtype=dtype)
        many_models_cuda.train_from(few, start)
        found["cuda"] = (lambda: many_models_cuda.train_from(many, start, check=False), many.steps)
    return found


def _medians(steps: dict[str, _Steps], repetitions: int) -> dict[str, float]:
    seconds: dict[str, list[float]] = {engine: [] for engine in steps}
    for take, _ in steps.values():
        take()
    for _ in range(repetitions):
        for engine, (take, count) in steps.items():
            begin = time.perf_counter()
            take()
            seconds[engine].append((time.perf_counter() - begin) / count)
    return {engine: statistics.median(times) for engine, times in seconds.items()}


def crossover(timings: Sequence[Timing]) -> dict[str, int | None]:
    """For each task, n and dtype that was timed on both: the least size from which on the GPU was always faster."""
    found: dict[str, int | None] = {}
    groups: dict[str, dict[int, dict[bool, float]]] = {}
    for timing in timings:
        group = groups.setdefault(f"{timing.task}, n = {timing.n}, {timing.dtype}", {})
        group.setdefault(timing.size, {})[timing.engine == "cuda"] = timing.seconds
    for name, group in groups.items():
        both = {size: times[True] < times[False] for size, times in group.items() if len(times) == 2}
        if not both:
            continue
        slower = max((size for size, faster in both.items() if not faster), default=0)
        found[name] = min((size for size in both if size > slower), default=None)
    return found
