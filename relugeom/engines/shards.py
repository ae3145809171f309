"""One objective over several processes: the examples are dealt out once, the sums added up every step.

    T L = Σ_k T_k L_k,     T ∇L = Σ_k T_k ∇L_k

Threads hardly help here (every NumPy call hands the interpreter lock round), processes do. They live as long as the
engine does; parameters and gradients pass through one block of shared memory, and a pipe a worker says "go" and
"done", which also tells at once when a worker has died. The calling process works on the first shard itself. The
shards are added in a fixed order, so a result depends on how many there are, never on which one finishes first.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import weakref
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.blas import one_blas_thread
from relugeom.errors import ArgumentError, WorkerError

__all__ = ["Shards"]

Array = npt.NDArray[Any]


class _Board:
    """The shared block: parameters in; a loss and a gradient out of every shard."""

    def __init__(self, block: Any, shards: int, size: int, dtype: npt.DTypeLike) -> None:
        self.losses = np.frombuffer(block, np.float64, shards)
        numbers = np.frombuffer(block, dtype, (shards + 1) * size, offset=8 * shards).reshape(shards + 1, size)
        self.parameters, self.gradients = numbers[0], numbers[1:]

    @staticmethod
    def nbytes(shards: int, size: int, dtype: npt.DTypeLike) -> int:
        return 8 * shards + (shards + 1) * size * np.dtype(dtype).itemsize


def _pack(flat: Array, *parts: Array | None) -> None:
    """Write the parts one after the other into `flat`."""
    at = 0
    for part in parts:
        if part is not None:
            flat[at : at + part.size] = part.ravel()
            at += part.size


def _unpack(flat: Array, m: int, n: int) -> Parameters:
    """Views of W (m, n), b (n,) and, if there is more, the decoder (n, m)."""
    W, b, rest = flat[: m * n].reshape(m, n), flat[m * n : (m + 1) * n], flat[(m + 1) * n :]
    return Parameters(W, b, rest.reshape(n, m) if rest.size else None)


def _serve(
    pipe: Connection,
    examples: SparseExamples,
    make: Callable[[SparseExamples], Any],
    m: int,
    shard: int,
    block: Any,
    board: tuple[Any, ...],
) -> None:
    """A worker's life: answer until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what it means
    objective = make(examples)
    shared = _Board(block, *board)
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            command, argument = pipe.recv()
            if command == "go":
                loss, gradient = objective.value_and_gradient(_unpack(shared.parameters, m, examples.n))
                shared.losses[shard] = loss
                _pack(shared.gradients[shard], *gradient)
                pipe.send(None)
            elif command == "state":
                pipe.send(objective.state())
            else:
                objective.restore(argument)
                pipe.send(None)


def _shut(pipes: list[Connection], processes: list[Any]) -> None:
    for pipe in pipes:
        pipe.close()  # a worker ends when its pipe does
    for process in processes:
        process.join(5)
        if process.is_alive():
            process.kill()
            process.join()


class Shards:
    """An objective over `shards` processes, this one included.

    Parameters
    ----------
    examples : SparseExamples
    make : callable
        Makes the engine of one shard from its examples.
    shards : int
        At least 2, at most one an example.
    """

    def __init__(self, examples: SparseExamples, make: Callable[[SparseExamples], Any], shards: int) -> None:
        if not 2 <= shards <= examples.T:
            raise ArgumentError(f"shards must lie in 2..T = {examples.T}; got {shards}")
        self.T, self.n, self.dtype = examples.T, examples.n, examples.values.dtype
        self._parts = [examples.take(np.arange(k, self.T, shards)) for k in range(shards)]
        self._make = make
        self._own = make(self._parts[0])
        self._shape: tuple[int, bool] | None = None
        self._pending: dict[str, Array] | None = None
        self._pipes: list[Connection] = []
        self._stop: Callable[[], Any] = lambda: None

    def _start(self, m: int, tied: bool) -> None:
        """Start the workers; the shape of the parameters is known at the first call only."""
        shards = len(self._parts)
        size = (m + 1) * self.n + (0 if tied else m * self.n)
        context = multiprocessing.get_context("spawn")
        # RawArray lives in a file that is already unlinked, so even kill -9 leaves nothing behind.
        block = context.RawArray("b", _Board.nbytes(shards, size, self.dtype))
        board = (shards, size, self.dtype)
        processes = []
        with one_blas_thread():
            for k in range(1, shards):
                here, there = context.Pipe()
                process = context.Process(
                    target=_serve,
                    args=(there, self._parts[k], self._make, m, k, block, board),
                    daemon=True,
                )
                process.start()
                there.close()
                self._pipes.append(here)
                processes.append(process)
        self._board = _Board(block, *board)
        self._shape = (m, tied)
        self._processes = processes
        self._stop = weakref.finalize(self, _shut, self._pipes, processes)
        if self._pending is not None:
            pending, self._pending = self._pending, None
            self.restore(pending)

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        """L and its gradient, as `Objective.value_and_gradient`.

        Raises
        ------
        WorkerError
            When a worker process has died.
        """
        self._own.check(model)
        W = model.W
        if self._shape is None:
            self._start(len(W), model.tied)
        if self._shape != (len(W), model.tied):
            raise ArgumentError(f"the shape of the model is fixed at the first call; got W of {W.shape}")
        _pack(self._board.parameters, *model)
        with self._together():
            self._send("go")
            loss, gradient = self._own.value_and_gradient(model)
            self._board.losses[0] = loss
            _pack(self._board.gradients[0], *gradient)
            self._answers()
        total = np.zeros_like(self._board.parameters)
        for part, partial in zip(self._parts, self._board.gradients, strict=True):
            total += partial * self.dtype.type(part.T / self.T)
        weights = [part.T / self.T for part in self._parts]
        return float(np.dot(weights, self._board.losses)), _unpack(total, len(W), self.n)

    @contextlib.contextmanager
    def _together(self) -> Iterator[None]:
        """End the workers if this is interrupted: their answers would be taken for those to the next call."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def _send(self, command: str, arguments: list[Any] | None = None) -> None:
        try:
            for k, pipe in enumerate(self._pipes):
                pipe.send((command, arguments[k] if arguments else None))
        except OSError:
            raise WorkerError("a worker process of the engine has died") from None

    def _answers(self) -> list[Any]:
        try:
            return [pipe.recv() for pipe in self._pipes]
        except (EOFError, OSError):
            raise WorkerError("a worker process of the engine has died") from None

    def state(self) -> dict[str, Array]:
        """The states of all shards, numbered; before the first call what was restored, or nothing."""
        if self._shape is None:
            return self._pending or {}
        with self._together():
            self._send("state")
            states = [self._own.state(), *self._answers()]
        return {f"{k}/{name}": array for k, state in enumerate(states) for name, array in state.items()}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state` of as many shards."""
        shards = len(self._parts)
        if {name.partition("/")[0] for name in state} != {str(k) for k in range(shards)}:
            raise ArgumentError(f"state must hold {shards} shards; got {sorted(state)}")
        if self._shape is None:
            self._pending = state
            return
        states = [
            {name.partition("/")[2]: array for name, array in state.items() if name.startswith(f"{k}/")}
            for k in range(shards)
        ]
        with self._together():
            self._own.restore(states[0])
            self._send("restore", states[1:])
            self._answers()

    def close(self) -> None:
        """End the workers; a second call does nothing."""
        self._stop()
