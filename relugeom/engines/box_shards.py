"""One objective over several processes: each has every so many boxes of the examples, wherever these go.

    L = Σ_k L_k,     ∇L = Σ_k ∇L_k,     L_k: the terms of the examples in boxes k, k + N, k + 2N, ... of N processes

Engines that sort examples into boxes (`moments`, `tree`) sort all of them together, and the boxes are dealt out anew
with every sort. So they are as small as in one process, and what straddles them is spread evenly; examples that are
dealt out once (`relugeom.engines.shards`) fill larger ones.

Parameters, gradients and, when a sort is due, latent vectors pass through shared memory. Everybody decides by the same
numbers whether to sort, and sorts the same vectors; the gradients are added in the order of the processes. So a result
depends on how many there are, never on which one comes first. They meet before and after each step. Who comes early
tries again for a moment, since falling asleep and waking up would take longer than the others are late, and then
sleeps.
"""

from __future__ import annotations

import math
import multiprocessing
import signal
import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.blas import one_blas_thread
from relugeom.engines.objective import Share
from relugeom.engines.sorting import Sorting
from relugeom.errors import ArgumentError, WorkerError

__all__ = ["BoxShards"]

Array = npt.NDArray[Any]

_TRIES = 300  # to find the others there, before falling asleep: about 100 µs
_PATIENCE = 0.2  # seconds of sleep after which to look whether the others live

# Makes the engine of a share of the examples, and says what sorts them.
Make = Callable[[SparseExamples, Share], tuple[Any, Sorting]]


class _Blackboard:
    """The shared memory: parameters in, losses and gradients out; latent vectors when they are to be sorted."""

    def __init__(self, context: Any, shards: int, m: int, T: int, n: int, untied: bool, dtype: np.dtype[Any]) -> None:
        self.m = m
        self._tables, self._latent = (1 + shards, 2 * m + 1 if untied else m + 1, n), (T, m)
        self._dtype = dtype
        # A RawArray lives in a file that is already unlinked, so even kill -9 leaves nothing behind.
        sizes = [math.prod(shape) * dtype.itemsize for shape in (self._tables, self._latent)]
        self._memory = [context.RawArray("b", size) for size in sizes]
        self._numbers = context.RawArray("q", 1 + shards), context.RawArray("d", shards)

    def open(self) -> None:
        """Make the views, in the process that is to use them."""
        tables, latent = (np.frombuffer(memory, self._dtype) for memory in self._memory)
        # Rows of W, b and, untied, Rᵀ: of the parameters, and of the gradient of every shard.
        self.parameters, self.gradients = np.split(tables.reshape(self._tables), [1])
        self.latent = latent.reshape(self._latent)
        straddling, losses = self._numbers
        # Straddling pairs: of all in the step before, and of every shard in the last one.
        self.before, self.straddling = np.split(np.frombuffer(straddling, np.int64), [1])
        self.losses = np.frombuffer(losses, np.float64)

    def count(self) -> int:
        """Straddling pairs of all in the last step."""
        return int(self.straddling.sum())

    def model(self, table: Array) -> Parameters:
        """Views of W, b and, untied, the decoder in such a table, or in some of its columns."""
        m = self.m
        return Parameters(table[:m], table[m], table[m + 1 :].T if len(table) > m + 1 else None)


class _Meeting:
    """Where every process waits for all the others."""

    def __init__(self, context: Any, shards: int) -> None:
        # One for each ordered pair: of three, who is the first at the next meeting must not count twice at this one.
        self._arrivals = [[context.Semaphore(0) for _ in range(shards)] for _ in range(shards)]

    def attend(self, place: int, check: Callable[[], None]) -> None:
        """Wait; `check` raises when somebody will never come."""
        others = [other for other in range(len(self._arrivals)) if other != place]
        for other in others:
            self._arrivals[place][other].release()
        for other in others:
            arrival = self._arrivals[other][place]
            if not any(arrival.acquire(False) for _ in range(_TRIES)):
                while not arrival.acquire(timeout=_PATIENCE):
                    check()


class _Member:
    """What one of the processes does."""

    def __init__(self, place: int, shards: int, examples: SparseExamples, make: Make) -> None:
        self._place = place
        self.engine, self.sorting = make(examples, Share(place, shards, self._all))

    def join(self, board: _Blackboard, meeting: _Meeting, check: Callable[[], None]) -> None:
        """Work on this board from now on, with the others who come to these meetings."""
        board.open()
        self._board = board
        self.meet = partial(meeting.attend, self._place, check)

    def _all(self, own: Array, rows: Array) -> Array:
        """The latent vectors of all, of which `rows` have these places."""
        latent = self._board.latent
        latent[own] = rows.view(latent.dtype).reshape(len(own), -1)
        self.meet()
        return latent.copy().view(rows.dtype).reshape(len(latent), *rows.shape[1:])

    def state(self) -> dict[str, Array]:
        """The state of the engine, which is that of all: when to sort is decided by the straddling pairs of all."""
        self.sorting.straddling = self._board.count()
        state: dict[str, Array] = self.engine.state()
        return state

    def step(self) -> None:
        """One's share of loss and gradient, at the parameters on the board."""
        board = self._board
        self.sorting.straddling = int(board.before[0])
        with np.errstate(over="ignore", invalid="ignore"):  # the loss tells, and no worker has anybody to warn
            loss, gradient = self.engine.value_and_gradient(board.model(board.parameters[0]))
        board.losses[self._place] = loss
        for out, found in zip(board.model(board.gradients[self._place]), gradient, strict=True):
            out[...] = found
        board.straddling[self._place] = self.sorting.straddling


def _work(
    place: int,
    shards: int,
    examples: SparseExamples,
    make: Make,
    state: dict[str, Array],
    board: _Blackboard,
    meeting: _Meeting,
) -> None:
    """A worker's life: one step after the other until the caller is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    member = _Member(place, shards, examples, make)
    member.engine.restore(state)
    member.join(board, meeting, _end_with_the_caller)
    while True:
        member.meet()  # the parameters are there
        member.step()
        member.meet()  # the gradient is


def _end_with_the_caller() -> None:
    caller = multiprocessing.parent_process()
    if caller is None or not caller.is_alive():
        raise SystemExit


def _check_alive(processes: list[Any]) -> None:
    if not all(process.is_alive() for process in processes):
        raise WorkerError("a worker process of the engine has died")


def _end(processes: list[Any]) -> None:
    """End workers, who have nothing that must be kept."""
    for process in processes:
        process.kill()
        process.join()


class BoxShards:
    """An objective over `shards` processes, this one included.

    Parameters
    ----------
    examples : SparseExamples
        Every process holds all of them.
    make : callable
        Makes the engine of a `Share` of the examples; with it, what sorts them.
    shards : int
        At least 2.
    """

    def __init__(self, examples: SparseExamples, make: Make, shards: int) -> None:
        if shards < 2:
            raise ArgumentError(f"shards must be at least 2; got {shards}")
        self.T, self.n, self.dtype = examples.T, examples.n, examples.values.dtype
        self._members = [(place, shards, examples, make) for place in range(shards)]
        self._own = _Member(*self._members[0])
        self._shape: tuple[int, bool] | None = None
        self._processes: list[Any] = []
        self._stop: Callable[[], Any] = lambda: None

    def _start(self, m: int, tied: bool) -> None:
        """Start the workers; the shape of the parameters is known at the first call only."""
        context = multiprocessing.get_context("spawn")
        shards = len(self._members)
        board = _Blackboard(context, shards, m, self.T, self.n, not tied, self.dtype)
        meeting = _Meeting(context, shards)
        state = self._own.engine.state()
        processes: list[Any] = []
        self._processes, self._stop = processes, weakref.finalize(self, _end, processes)
        with one_blas_thread():
            for member in self._members[1:]:
                process = context.Process(target=_work, args=(*member, state, board, meeting), daemon=True)
                process.start()
                processes.append(process)
        self._own.join(board, meeting, partial(_check_alive, processes))
        board.straddling[0] = self._own.sorting.straddling
        self._board, self._shape = board, (m, tied)

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        """L and its gradient, as `relugeom.engines.objective.Objective.value_and_gradient`.

        Raises
        ------
        WorkerError
            When a worker process has died.
        """
        self.check(model)
        shape = len(model.W), model.tied
        if self._shape is None:
            self._start(*shape)
        if self._shape != shape:
            raise ArgumentError(f"the shape of the model is fixed at the first call; got W of {model.W.shape}")
        board, own = self._board, self._own
        for out, part in zip(board.model(board.parameters[0]), model, strict=True):
            out[...] = part
        board.before[0] = board.count()
        try:
            own.meet()
            own.step()
            own.meet()
        except BaseException:
            self.close()  # the others wait at a meeting to which nobody comes
            raise
        return float(board.losses.sum()), board.model(board.gradients.sum(axis=0))

    def check(self, model: Parameters) -> None:
        """Refuse parameters that do not fit the examples."""
        self._own.engine.check(model)

    def state(self) -> dict[str, Array]:
        """The order of the examples, and when the next sort is due: as in one process."""
        return self._own.engine.state() if self._shape is None else self._own.state()

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        self._own.engine.restore(state)
        self.close()
        self._shape = None

    def close(self) -> None:
        """End the workers; a second call does nothing."""
        self._stop()
