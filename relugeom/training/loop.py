"""The loop: gradient, record, update, now and then a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import FreshExamples, SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.choice import Engine, LazyEngine, make_engine
from relugeom.errors import ArgumentError, StorageError
from relugeom.progress import OnProgress, Reporter
from relugeom.training.checkpoint import Checkpoint, views
from relugeom.training.configuration import Configuration
from relugeom.training.metrics import Metrics, active_fraction, dead_outputs, latent_vectors, measure
from relugeom.training.positions import EveryFeature, LazyFeatures, Position
from relugeom.training.trajectory import Trajectory, log_spaced
from relugeom.writing import FileLock

__all__ = ["measure_run", "resume", "train"]

Array = npt.NDArray[Any]

_DIVERGED = 1e6  # times the loss of the model that predicts 0


class _Problem:
    """L and ∇L at a step: over one data set, or over the batch of the step."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._data = configuration.examples()
        self._fixed: Engine | None = None
        if isinstance(self._data, SparseExamples):
            self._fixed = make_engine(self._data, configuration.chosen_engine)

    def examples(self, step: int) -> SparseExamples:
        return self._data.batch(step) if isinstance(self._data, FreshExamples) else self._data

    def digest(self) -> str:
        """The hash of the data; of the first batch, when every step has its own."""
        return self.examples(0).digest()

    def loss_of_zero(self) -> float:
        """Σ_t ‖x_t‖² / T, and 1 for data that vanish."""
        examples = self.examples(0)
        return float(np.sum(np.square(examples.values, dtype=np.float64))) / examples.T or 1.0

    def position(self, start: Checkpoint) -> Position:
        """Where a run stands at `start`."""
        configuration = start.configuration
        if configuration.chosen_engine.name == "lazy" and configuration.bias_coordinate == "plain":
            return LazyFeatures(start, cast(LazyEngine, self._fixed), cast(SparseExamples, self._data))
        return EveryFeature(start, self)

    def value_and_gradient(self, step: int, model: Parameters) -> tuple[float, Parameters]:
        engine = self._fixed or make_engine(self.examples(step), self._configuration.chosen_engine)
        return engine.value_and_gradient(model)

    def state(self) -> dict[str, Array]:
        return self._fixed.state() if self._fixed else {}

    def restore(self, state: dict[str, Array]) -> None:
        if self._fixed and state:
            self._fixed.restore(state)

    def close(self) -> None:
        if self._fixed:
            self._fixed.close()


def train(
    configuration: Configuration,
    *,
    path: str | Path | None = None,
    every: int = 1_000,
    record: Collection[int] | None = None,
    snapshots: bool = True,
    progress: OnProgress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Checkpoint:
    """Train one model from its start, as a configuration says.

    Parameters
    ----------
    configuration : Configuration
    path : str or Path, optional
        The checkpoint file: written every `every` steps, when stopped, and at the end.
    every : int
    record : collection of int, optional
        Steps of the trajectory; log-spaced when not given. The gradient of a step is that before its update.
    snapshots : bool
        Keep the parameters at these steps too.
    progress : callable, optional
        Called with the steps done and the loss (`relugeom.progress`), at most ten times per second.
    stop : callable, optional
        Asked before every step; True saves and returns with status "interrupted", or "diverged" where it just has.

    Returns
    -------
    Checkpoint
        With status "finished", "interrupted", or "diverged": the loss was not finite or a million times that of
        predicting 0, and the state is that before the update that did it.

    Raises
    ------
    StorageError
        When the file cannot be written or the data cannot be read.

    See Also
    --------
    relugeom.training.resume, relugeom.training.measure_run, relugeom.training.sweep
    """
    if every < 1:
        raise ArgumentError(f"every must be at least 1; got {every}")
    problem = _Problem(configuration)
    parameters = np.concatenate([part.ravel() for part in configuration.initial_model()])
    start = Checkpoint(configuration, 0, "running", parameters, {}, {}, Trajectory(), problem.digest())
    try:
        with _File(path) as file:
            # Now, so that a place where nothing can be written is found before hours of work.
            file.save(_Run(start, problem, _File(None), every, (), False).checkpoint("running"))
            return _Run(start, problem, file, every, record, snapshots).go(progress, stop)
    finally:
        problem.close()


def resume(
    checkpoint: Checkpoint,
    *,
    path: str | Path | None = None,
    every: int = 1_000,
    record: Collection[int] | None = None,
    snapshots: bool = True,
    progress: OnProgress | None = None,
    stop: Callable[[], bool] | None = None,
) -> Checkpoint:
    """Go on from a checkpoint to the same end, bit for bit, as without the interruption. Arguments as in `train`.

    Parameters
    ----------
    checkpoint : Checkpoint
        Where to go on, as `Checkpoint.load` reads it.
    path, every, record, snapshots, progress, stop
        As for `train`.

    Returns
    -------
    Checkpoint
        The end of the run, or where `stop` stopped it.

    Raises
    ------
    ArgumentError
        When the data are no longer those of the checkpoint, or its parts do not fit.
    StorageError
        When `path` cannot be written, another process is at work on it, or it holds a later step of this run.

    See Also
    --------
    relugeom.training.train, relugeom.training.measure_run, relugeom.training.sweep
    """
    problem = _Problem(checkpoint.configuration)
    try:
        if checkpoint.status == "diverged":
            raise ArgumentError(f"the run diverged after step {checkpoint.step}; going on would repeat it")
        if problem.digest() != checkpoint.data_hash:
            raise ArgumentError("the data differ from those the checkpoint was made with")
        with _File(path) as file:
            file.check_no_later(checkpoint)
            try:
                run = _Run(checkpoint, problem, file, every, record, snapshots)
            except (ArithmeticError, LookupError, TypeError, ValueError) as error:
                raise ArgumentError(f"the parts of the checkpoint do not fit together ({error!s:.200})") from None
            return run.go(progress, stop)
    finally:
        problem.close()


def measure_run(checkpoint: Checkpoint, test_examples: int = 2_000) -> Metrics:
    """Measure the model of a checkpoint, with the loss on that many test examples where the data have a law.

    Parameters
    ----------
    checkpoint : Checkpoint
    test_examples : int
        How many fresh examples the test loss is the mean of.

    Returns
    -------
    Metrics

    See Also
    --------
    relugeom.training.train, relugeom.training.resume, relugeom.training.sweep
    """
    configuration = checkpoint.configuration
    data = configuration.examples()
    examples = data.batch(0) if isinstance(data, FreshExamples) else data
    return measure(examples, checkpoint.model, test=configuration.test_examples(test_examples))


class _File:
    """Where a run is kept, for this process alone; nowhere when `path` is None."""

    def __init__(self, path: str | Path | None) -> None:
        self._path = path
        self._lock = None if path is None else FileLock(path)
        self.is_kept = path is not None

    def save(self, checkpoint: Checkpoint) -> None:
        if self._path is not None:
            checkpoint.save(self._path, self._lock)

    def check_no_later(self, checkpoint: Checkpoint) -> None:
        """Refuse to write over a later step of the same run: between our reading and our lock another may have come."""
        if self._path is None or not Path(self._path).is_file():
            return
        try:
            stored = Checkpoint.load(self._path)
        except StorageError:  # no checkpoint, so no step of this run
            return
        if stored.configuration == checkpoint.configuration and stored.step > checkpoint.step:
            raise StorageError(
                f"{self._path}: holds step {stored.step} of this run already, and this is step "
                f"{checkpoint.step}; remove the file to go on from here"
            )

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        if self._lock is not None:
            self._lock.release()


def _loss_so_far(loss: float) -> str:
    return f"loss {loss:.6g}"


class _Run:
    """The moving parts of a run."""

    def __init__(
        self,
        start: Checkpoint,
        problem: _Problem,
        file: _File,
        every: int,
        record: Collection[int] | None,
        snapshots: bool,
    ) -> None:
        self._start, self._problem, self._file, self._every = start, problem, file, every
        configuration = start.configuration
        self._record = frozenset(log_spaced(configuration.steps) if record is None else record)
        self._snapshots = snapshots
        self._step = start.step
        self._position = problem.position(start)
        self._trajectory = start.trajectory

    def checkpoint(self, status: str) -> Checkpoint:
        """The run as it stands; the arrays are copies."""
        return replace(
            self._start,
            step=self._step,
            status=status,
            parameters=self._position.parameters(),
            optimiser=self._position.optimiser_state(),
            engine=self._position.engine_state(),
            trajectory=self._trajectory,
        )

    def go(self, progress: OnProgress | None, stop: Callable[[], bool] | None) -> Checkpoint:
        """Step until the end, a stop, or a loss that makes no sense."""
        configuration = self._start.configuration
        learning_rate = configuration.learning_rates()
        news = Reporter(progress, configuration.steps, self._step, interval=0.1)
        limit = _DIVERGED * self._problem.loss_of_zero()
        while self._step < configuration.steps:
            kept = self._due(stop)
            with np.errstate(over="ignore", invalid="ignore"):  # a diverging run overflows; the loss tells
                loss, gradient = self._position.evaluate(self._step)
                if not (math.isfinite(loss) and loss <= limit):
                    if self._step > self._start.step:
                        self._position.revert()
                        self._step -= 1
                    return self._finish("diverged")
                if kept is not None:  # only now: on from a state that has diverged the way back would be unknown
                    self._file.save(kept)
                    if kept.status == "interrupted":
                        return kept
                if self._step in self._record:
                    self._note(loss, gradient)
                self._position.update(gradient, learning_rate(self._step))
            self._step += 1
            news.reach(self._step, partial(_loss_so_far, loss))
        return self._finish("finished")

    def _due(self, stop: Callable[[], bool] | None) -> Checkpoint | None:
        """The run as it stands, where it is to stop or to be written down."""
        if stop is not None and stop():
            return self.checkpoint("interrupted")
        written = self._file.is_kept and self._step % self._every == 0 and self._step > self._start.step
        return self.checkpoint("running") if written else None

    def _note(self, loss: float, gradient: Array) -> None:
        parameters = self._position.parameters()
        model = views(parameters, self._start.configuration)
        D = model.W if model.tied else model.decoder.T
        H = latent_vectors(self._problem.examples(self._step), model.W)
        norm = float(np.linalg.norm(gradient.astype(np.float64)))
        row = (self._step, loss, norm, active_fraction(H, D, model.b), dead_outputs(H, D, model.b))
        self._trajectory.add(row, parameters if self._snapshots else None)

    def _finish(self, status: str) -> Checkpoint:
        final = self.checkpoint(status)
        self._file.save(final)
        return final
