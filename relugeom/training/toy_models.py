"""Many models of *Toy Models of Superposition* at once: a fresh batch every step, one law of the data for each model.

One step draws X (n, T) by its law for every model of a block, and with examples in columns,

    H = W X,   Z = Wᵀ H + b,   E = (2/T) I ⊙ (ReLU(Z) − X) ⊙ 1[Z > 0],
    ∂L/∂W = H Eᵀ + (W E) Xᵀ,   ∂L/∂b = Σ_t E_t,

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
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike
from relugeom.progress import OnProgress
from relugeom.resuming import run_missing
from relugeom.storage import RunDatabase, read_field
from relugeom.training.recipes import Recipe, check_size, check_whole

__all__ = ["Batches", "ModelBlock", "ToyTraining", "blocks_of", "toy_trajectories", "train_toy_models"]

Floats = npt.NDArray[np.floating[Any]]

#: Models in a block: as many as keep the batch in a core's cache.
_NUMBERS_IN_A_BLOCK = 131072


@dataclass(frozen=True, slots=True, kw_only=True)
class ToyTraining(Recipe):
    """How one model for each law is trained on fresh batches: a `Recipe` with the laws.

    Parameters
    ----------
    laws : sequence of Independent
        One for each model, of the same n: sparsities, importances, groups and values may differ.
    m, optimiser, steps, schedule, warmup, initialisation, init_scale, bias_coordinate, dtype
        As in `relugeom.training.recipes.Recipe`.
    batch : int
        Fresh examples of every step and model.

    Raises
    ------
    ArgumentError
        When a value is out of its range.
    """

    INITIALISATIONS: ClassVar[Mapping[str, float]] = {"xavier_normal": 1.0}

    laws: Sequence[Independent] = field(kw_only=False)
    batch: int = 1024
    steps: int = 10_000
    initialisation: str = "xavier_normal"
    init_scale: float | None = 1.0

    def __post_init__(self) -> None:
        Recipe.__post_init__(self)  # super() alone does not find it in a class with slots
        if isinstance(self.laws, Sequence):
            object.__setattr__(self, "laws", tuple(self.laws))
        if not isinstance(self.laws, tuple) or not all(isinstance(law, Independent) for law in self.laws):
            raise ArgumentError(f"laws must be of independent features (Independent); got {self.laws!r:.60}")
        if not self.laws or len({law.n for law in self.laws}) > 1:
            raise ArgumentError(f"laws must be one or more, of the same n; got n = {sorted({x.n for x in self.laws})}")
        check_size("batch", self.batch, 1)

    @property
    def n(self) -> int:
        """Number of features."""
        return self.laws[0].n

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
            "init_scale": self.chosen_init_scale,
            "dtype": self.dtype,
        }


class Batches:
    """Fresh batches for the models of a block, X (models, n, T).

    With f = 1 + u, u uniform on the multiples of 2⁻²³ in [0, 1), an entry is x = max(0, (1 + p) − f)/p: it is present
    where u < p, and then uniform on (0, 1]. f is 23 random bits beside the exponent of 1, which costs half of what a
    float from a generator does.
    """

    def __init__(self, training: ToyTraining, seed: int, models: Sequence[int]) -> None:
        self._laws = [training.laws[k] for k in models]
        self._streams = [
            # SFC64 gives words fastest, and a model's stream depends on the seed and its number alone.
            np.random.SFC64(np.random.SeedSequence(seed, spawn_key=(k, 1)))
            for k in models
        ]
        n, T = training.n, training.batch
        self._F = np.empty((len(models), n, T), np.float32)
        self._bits = self._F.view(np.uint32)
        self._words = -(-n * T // 2)
        self._unused, self._one = np.array(9, np.uint32), np.array(0x3F800000, np.uint32)
        density = np.array([law.density for law in self._laws])[:, None, None]
        self._top, self._odds = (1 + density).astype(np.float32), (1 / density).astype(np.float32)
        # With as many zeros as numbers maximum() is several times as fast as with one zero.
        self._zeros = np.zeros_like(self._F)
        self._grouped = [k for k, law in enumerate(self._laws) if law.correlated or law.anticorrelated]
        self._plain = [k for k, law in enumerate(self._laws) if law.values == "one"]
        self.X = self._F if training.dtype == "float32" else np.empty(self._F.shape)

    def draw(self) -> Floats:
        """The next batch, in place."""
        F, bits = self._F, self._bits
        for part, stream in zip(bits, self._streams, strict=True):
            words = stream.random_raw(self._words).astype("<u8", copy=False).view("<u4")
            np.right_shift(words[: part.size].reshape(part.shape), self._unused, out=part)
        np.bitwise_or(bits, self._one, out=bits)
        if self._grouped:
            self._group()
        np.subtract(self._top, F, out=F)
        np.multiply(F, self._odds, out=F)
        np.maximum(F, self._zeros, out=F)
        for k in self._plain:
            F[k] = F[k] > 0
        if self.X is not F:
            self.X[:] = F
        return self.X

    def _group(self) -> None:
        """Let the others of a group be present where their law says so: 1 + p u_j in place of 1 + u_j there, else 2."""
        for k in self._grouped:
            law, F = self._laws[k], self._F[k]
            p = law.density
            for first, *others in law.correlated:
                for j in others:
                    F[j] = np.where(F[first] < self._top[k, 0], 1 + p * (F[j] - 1), 2)
            for first, *others in law.anticorrelated:
                for place, j in enumerate(others, 1):
                    chosen = (F[first] >= 1 + place * p) & (F[first] < 1 + (place + 1) * p)
                    F[j] = np.where(chosen, 1 + p * (F[j] - 1), 2)


class ModelBlock:
    """Some models of a training, each with its own batch at every step.

    With θ = [W; b] and the latent vectors above a row of ones, H = [W X; 1], the pre-activations are Z = θᵀH. Half the
    slope to Z is E = I ∘ (Z₊ − X ∘ 1[Z > 0]), and T/2 times the gradient H Eᵀ, with (W E) Xᵀ added for W.

    Attributes
    ----------
    theta : ndarray, shape (models, m + 1, n)
        W and below it b.
    """

    def __init__(self, training: ToyTraining, seed: int, models: Sequence[int]) -> None:
        m, n, T, dtype, count = training.m, training.n, training.batch, np.dtype(training.dtype), len(models)
        self.theta = np.zeros((count, m + 1, n), dtype)
        self._W = self.theta[:, :m]
        for place, k in enumerate(models):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k, 0)))
            self._W[place] = training.random_encoder(rng, n)
        self._weights = np.array([training.laws[k].weights for k in models], dtype)[:, :, None]
        self._uniform_importance = bool((self._weights == 1).all())
        self._H, self._WE = np.ones((count, m + 1, T), dtype), np.empty((count, m, T), dtype)
        self._Z, self._slope = np.empty((count, n, T), dtype), np.empty((count, n, T), dtype)
        self._zeros, self._on = np.zeros((count, n, T), dtype), np.empty((count, n, T), bool)
        self._gradient, self._second = np.empty_like(self.theta), np.empty_like(self._W)
        # The constant 2/T is the optimiser's factor.
        self._state = training.optimiser.start(self.theta, 2 / T)

    def step(self, X: Floats, share: float = 1.0) -> None:
        """One update on the batches X (models, n, T), at that share of the learning rate."""
        W, H, Z, slope, gradient = self._W, self._H, self._Z, self._slope, self._gradient
        m = W.shape[1]
        np.matmul(W, X, out=H[:, :m])
        np.matmul(np.swapaxes(self.theta, 1, 2), H, out=Z)
        np.greater(Z, self._zeros, out=self._on)
        np.copyto(slope, self._on)  # as floats: a product with truth values would convert them piece by piece
        np.multiply(X, slope, out=slope)
        np.maximum(Z, self._zeros, out=Z)
        E = np.subtract(Z, slope, out=Z)
        if not self._uniform_importance:
            np.multiply(E, self._weights, out=E)
        np.matmul(H, np.swapaxes(E, 1, 2), out=gradient)
        np.matmul(W, E, out=self._WE)
        np.matmul(self._WE, np.swapaxes(X, 1, 2), out=self._second)
        np.add(gradient[:, :m], self._second, out=gradient[:, :m])
        self._state.step(self.theta, gradient, share)


def blocks_of(training: ToyTraining, models: range | None = None) -> list[tuple[int, int]]:
    """The blocks in which the models (default: all) are trained: the first and the number of each."""
    size = max(1, _NUMBERS_IN_A_BLOCK // (training.n * training.batch))
    some = range(len(training.laws)) if models is None else models
    return [(first, min(size, some.stop - first)) for first in range(some.start, some.stop, size)]


def _train_block(training: ToyTraining, seed: int, at: tuple[int, ...], block: tuple[int, int]) -> Parameters:
    """The models first, ..., first + count − 1 after as many steps as `at` says: W (len(at), count, m, n)."""
    models = range(block[0], block[0] + block[1])
    trained, batches = ModelBlock(training, seed, models), Batches(training, seed, models)
    share = training.shares()
    seen = []
    for step in range(max(at) + 1):
        seen += [trained.theta.copy()] * at.count(step)
        if step < max(at):
            trained.step(batches.draw(), share(step))
    found = np.stack(seen)
    return Parameters(found[:, :, :-1].copy(), found[:, :, -1].copy())


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
    toy_trajectories : the models on their way, too.
    """
    found = toy_trajectories(
        training, [training.steps], seed=seed, executor=executor, database=database, progress=progress
    )
    assert found.b is not None
    return Parameters(found.W[0], found.b[0])


def toy_trajectories(
    training: ToyTraining,
    at: Sequence[int],
    *,
    seed: int = 0,
    models: range | None = None,
    executor: ExecutorLike = None,
    database: RunDatabase | None = None,
    progress: OnProgress | None = None,
) -> Parameters:
    """Train one model for each law, and say what each is on the way.

    Parameters
    ----------
    training : ToyTraining
    at : sequence of int
        After how many steps to look, rising, from 0 (the start) to ``training.steps``.
    models : range, optional
        Which of the laws to train models for; default: all.
    seed, executor, database, progress
        As in `train_toy_models`, whose models these are, bit for bit.

    Returns
    -------
    Parameters
        W, shape (len(at), laws, m, n), and b, shape (len(at), laws, n).
    """
    looks = tuple(int(step) for step in at)
    if not looks or list(looks) != sorted(set(looks)) or looks[0] < 0 or looks[-1] > training.steps:
        raise ArgumentError(f"at must be rising numbers of steps from 0 to {training.steps}; got {looks!s:.80}")
    check_whole("seed", seed, 0)
    fixed = {**training.settings(), "seed": int(seed)}
    if looks != (training.steps,):
        fixed["at"] = list(looks)
    found = run_missing(
        partial(_pack_block, training, seed, looks),
        blocks_of(training, models),
        lambda block: {**fixed, "first": block[0], "count": block[1]},
        partial(_unpack, training, len(looks)),
        database,
        executor,
        progress,
    )
    return Parameters(
        np.concatenate([model.W for model in found], axis=1), np.concatenate([model.b for model in found], axis=1)
    )


def _pack_block(training: ToyTraining, seed: int, at: tuple[int, ...], block: tuple[int, int]) -> dict[str, Any]:
    """A trained block as text, bit for bit."""
    model = _train_block(training, seed, at, block)
    return {
        name: base64.b64encode(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).tobytes()).decode("ascii")
        for name, part in zip(("W", "b"), model, strict=False)
    }


def _unpack(training: ToyTraining, looks: int, block: tuple[int, int], row: Mapping[str, Any]) -> Parameters:
    _, count = block
    dtype = np.dtype(training.dtype).newbyteorder("<")

    def part(name: str, shape: tuple[int, ...]) -> Floats:
        content = base64.b64decode(read_field(row, name, str), validate=True)
        return np.frombuffer(content, dtype).reshape(looks, count, *shape).astype(training.dtype)

    return Parameters(part("W", (training.m, training.n)), part("b", (training.n,)))
