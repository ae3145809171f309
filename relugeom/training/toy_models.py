"""Many models of *Toy Models of Superposition* at once: a fresh batch every step, one law of the data for each model.

One step draws X (n, T) by its law for every model of a block, and with examples in columns,

    H = W X,   Z = Wᵀ H + b,   E = (2/T) I ⊙ (ReLU(Z) − X) ⊙ 1[Z > 0],
    ∂L/∂W = H Eᵀ + W E Xᵀ,     ∂L/∂b = Σ_t E_t,

the gradient of L = (1/T) Σ_t Σ_j I_j (x_jt − x'_jt)². A value and whether it is there come from one uniform number u:
x = max(0, 1 − u/p) is positive with probability p and then uniform on (0, 1].

Every model has its own stream of random numbers, and a block its own place in the database, so the result does not
depend on the workers, nor on whether the run was interrupted.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike
from relugeom.optim import AdamW, Optimiser, Schedule
from relugeom.progress import OnProgress
from relugeom.resuming import run_missing
from relugeom.storage import RunDatabase, stored

__all__ = ["ToyTraining", "train_toy_models"]

Floats = npt.NDArray[np.floating[Any]]

#: Models in a block: as many as keep the batch in a core's cache.
_NUMBERS_IN_A_BLOCK = 131_072


@dataclass(frozen=True, slots=True)
class ToyTraining:
    """Everything that fixes what training does: the laws, the sizes, the optimiser and the start.

    Parameters
    ----------
    laws : sequence of Independent
        One for each model, of the same n: sparsities, importances, groups and values may differ.
    m : int
        Latent dimensions.
    batch : int
        Fresh examples of every step and model.
    steps : int
    optimiser : AdamW or SGD
    schedule : {"constant", "cosine"}
        Of the learning rate; the optimiser's is its peak.
    warmup : int
    init_scale : float
        W starts normal with the deviation init_scale √(2/(m + n)) (Xavier for 1), b at 0.
    dtype : {"float32", "float64"}
    """

    laws: Sequence[Independent]
    m: int = 2
    batch: int = 1024
    steps: int = 10_000
    optimiser: Optimiser = field(default_factory=AdamW)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0
    init_scale: float = 1.0
    dtype: Literal["float32", "float64"] = "float32"

    def __post_init__(self) -> None:
        object.__setattr__(self, "laws", tuple(self.laws))
        if not self.laws or len({law.n for law in self.laws}) > 1:
            raise ArgumentError(f"laws must be one or more, of the same n; got n = {sorted({x.n for x in self.laws})}")
        for name, least in (("m", 1), ("batch", 1), ("steps", 0)):
            if getattr(self, name) < least:
                raise ArgumentError(f"{name} must be at least {least}; got {getattr(self, name)}")
        if not self.init_scale > 0:
            raise ArgumentError(f"init_scale must be positive; got {self.init_scale}")
        if self.dtype not in ("float32", "float64"):
            raise ArgumentError(f"dtype must be float32 or float64; got {self.dtype!r}")
        self.learning_rates()

    @property
    def n(self) -> int:
        """Number of features."""
        return self.laws[0].n

    def learning_rates(self) -> Schedule:
        """The learning rate of every step, as a share of the optimiser's."""
        return Schedule(self.schedule, 1.0, self.steps, self.warmup)

    def settings(self) -> dict[str, Any]:
        """All that fixes the result, as plain values: the key under which a database keeps it."""
        return {
            "task": "toy models",
            "laws": [law.settings() for law in self.laws],
            "m": self.m,
            "batch": self.batch,
            "steps": self.steps,
            "optimiser": repr(self.optimiser),
            "schedule": self.schedule,
            "warmup": self.warmup,
            "init_scale": self.init_scale,
            "dtype": self.dtype,
        }


class _Batches:
    """Fresh batches for the models of a block, X (models, n, T)."""

    def __init__(self, training: ToyTraining, seed: int, models: Sequence[int]) -> None:
        self._laws = [training.laws[k] for k in models]
        self._streams = [
            # SFC64 gives floats fastest, and a model's stream depends on the seed and its number alone.
            np.random.Generator(np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(k, 1))))
            for k in models
        ]
        shape = (len(models), training.n, training.batch)
        self.X = np.empty(shape, training.dtype)
        density = np.array([law.density for law in self._laws])
        self._odds = (-1 / density).astype(training.dtype)[:, None, None]
        self._zero = np.zeros(1, training.dtype)
        self._grouped = [k for k, law in enumerate(self._laws) if law.correlated or law.anticorrelated]
        self._plain = [k for k, law in enumerate(self._laws) if law.values == "one"]

    def draw(self) -> Floats:
        """The next batch, in place."""
        X = self.X
        for part, stream in zip(X, self._streams, strict=True):
            stream.random(out=part, dtype=part.dtype)
        if self._grouped:
            self._group()
        np.multiply(X, self._odds, out=X)
        np.add(X, 1, out=X)
        np.maximum(X, self._zero, out=X)
        for k in self._plain:
            X[k] = X[k] > 0
        return X

    def _group(self) -> None:
        """Let the others of a group be present where their law says so, with a number of their own below p."""
        for k in self._grouped:
            law, X, stream = self._laws[k], self.X[k], self._streams[k]
            p = law.density
            for first, *others in law.correlated:
                for j in others:
                    X[j] = np.where(X[first] < p, p * stream.random(X.shape[1], dtype=X.dtype), 1)
            for first, *others in law.anticorrelated:
                for place, j in enumerate(others, 1):
                    chosen = (X[first] >= place * p) & (X[first] < (place + 1) * p)
                    X[j] = np.where(chosen, p * stream.random(X.shape[1], dtype=X.dtype), 1)


def _train_block(training: ToyTraining, seed: int, block: tuple[int, int]) -> Parameters:
    """The models first, ..., first + count − 1 after training."""
    first, count = block
    models = range(first, first + count)
    m, n, T, dtype = training.m, training.n, training.batch, np.dtype(training.dtype)
    theta = np.zeros((count, m + 1, n), dtype)
    W, b = theta[:, :m], theta[:, m]
    for place, k in enumerate(models):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k, 0)))
        W[place] = training.init_scale * sqrt(2 / (m + n)) * rng.standard_normal((m, n))
    batches = _Batches(training, seed, models)
    weights = np.array([training.laws[k].weights for k in models], dtype)[:, :, None]
    gradient = np.empty_like(theta)
    Z, E, mask = (np.empty((count, n, T), dtype) for _ in range(3))
    zero = np.zeros(1, dtype)
    # The constant 2/T is the optimiser's factor.
    state, share = training.optimiser.start(theta, 2 / T), training.learning_rates()
    uniform_importance = bool((weights == 1).all())
    for step in range(training.steps):
        X = batches.draw()
        H = np.matmul(W, X)
        np.matmul(np.swapaxes(W, 1, 2), H, out=Z)
        np.add(Z, b[:, :, None], out=Z)
        np.maximum(Z, zero, out=E)
        np.greater(Z, zero, out=mask, casting="unsafe")
        np.multiply(X, mask, out=mask)
        np.subtract(E, mask, out=E)
        if not uniform_importance:
            np.multiply(E, weights, out=E)
        ET = np.swapaxes(E, 1, 2)
        np.matmul(H, ET, out=gradient[:, :m])
        gradient[:, :m] += np.matmul(W, np.matmul(E, np.swapaxes(X, 1, 2)))
        E.sum(axis=2, out=gradient[:, m])
        state.step(theta, gradient, share(step))
    return Parameters(W.copy(), b.copy())


def train_toy_models(
    training: ToyTraining,
    *,
    seed: int = 0,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
) -> Parameters:
    """Train one model for each law.

    Parameters
    ----------
    training : ToyTraining
    seed : int
        Entropy; model k starts and draws from children of ``SeedSequence(seed)`` that depend on k alone.
    executor : None, Executor, "processes://N" or "dask://host:port"
    database : RunDatabase, optional
        Keeps every block that is finished; a run that was stopped goes on from there.
    progress : callable, optional
        Called with the blocks that are finished (`relugeom.progress`), before the first and after each.

    Returns
    -------
    Parameters
        W, shape (laws, m, n), and b, shape (laws, n).

    See Also
    --------
    relugeom.autoencoder.Independent : a law, with its exact loss.
    """
    size = max(1, _NUMBERS_IN_A_BLOCK // (training.n * training.batch))
    blocks = [(first, min(size, len(training.laws) - first)) for first in range(0, len(training.laws), size)]
    models = run_missing(
        partial(_packed_block, training, seed),
        blocks,
        lambda block: {**training.settings(), "seed": seed, "first": block[0], "count": block[1]},
        partial(_unpacked, training),
        database,
        executor,
        progress,
    )
    return Parameters(np.concatenate([model.W for model in models]), np.concatenate([model.b for model in models]))


def _packed_block(training: ToyTraining, seed: int, block: tuple[int, int]) -> dict[str, Any]:
    """A trained block as text, bit for bit."""
    model = _train_block(training, seed, block)
    return {
        name: base64.b64encode(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).tobytes()).decode("ascii")
        for name, part in zip(("W", "b"), model, strict=False)
    }


def _unpacked(training: ToyTraining, block: tuple[int, int], row: Mapping[str, Any]) -> Parameters:
    _, count = block
    dtype = np.dtype(training.dtype).newbyteorder("<")

    def part(name: str, shape: tuple[int, ...]) -> Floats:
        content = base64.b64decode(stored(row, name, str), validate=True)
        return np.frombuffer(content, dtype).reshape(shape).astype(training.dtype)

    return Parameters(part("W", (count, training.m, training.n)), part("b", (count, training.n)))
