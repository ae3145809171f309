"""One way to map work: here, over processes, or over a cluster.

A function that fans out takes ``executor``, which is None (this process, one task after the other), any
`concurrent.futures.Executor`, or an address: ``"processes://N"`` or ``"dask://host:port"``. A task whose worker
dies is done again once; where that fails too, the others are finished before it is reported. Results come as they
are finished, each with the index of its task, so that nothing need depend on how many workers there were.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from relugeom.blas import one_blas_thread, one_thread_in_new_processes
from relugeom.errors import ArgumentError, WorkerError

__all__ = ["ExecutorLike", "run_tasks", "workers"]

ExecutorLike = Executor | str | None
Task = TypeVar("Task")
Result = TypeVar("Result")

# What a dead worker looks like from here; dask's errors by name, since dask is imported only when it is used.
_LOST = (BrokenProcessPool, CancelledError)
_LOST_NAMES = {"KilledWorker", "FutureCancelledError", "CommClosedError"}


def workers(executor: ExecutorLike) -> int:
    """How many tasks it can do at once, as far as that can be told: for a guess at how to cut work into tasks."""
    if executor is None:
        return 1
    scheme, _, rest = executor.partition("://") if isinstance(executor, str) else ("", "", "")
    return int(rest) if scheme == "processes" and rest.isdecimal() and int(rest) else os.cpu_count() or 1


def run_tasks(
    function: Callable[[Task], Result], tasks: Sequence[Task], executor: ExecutorLike = None
) -> Iterator[tuple[int, Result]]:
    """Yield ``(index, function(tasks[index]))`` as the tasks are finished.

    Each runs with one BLAS thread, here as there, so that the results are the same bits whatever `executor` is.

    Parameters
    ----------
    function : callable
        Must be picklable unless `executor` is None.
    tasks : sequence
    executor : None, Executor, "processes://N" or "dask://host:port"

    Raises
    ------
    ArgumentError
        When the address cannot be understood.
    WorkerError
        At the end, when the workers of some tasks died and died again; at once, when workers cannot be started or the
        cluster cannot be reached.
    Exception
        Whatever `function` raises.
    """
    if executor is None:
        for index, task in enumerate(tasks):
            yield index, _single(function, task)
        return
    waiting = deque(range(len(tasks)))
    lost: list[int] = []
    while waiting:
        once: list[int] = []
        with _open_pool(executor) as (pool, most):
            yield from _collect(pool, most, function, tasks, waiting, once)
        if isinstance(executor, ProcessPoolExecutor):
            lost += [*once, *waiting]  # somebody else's pool, once broken, cannot be opened again
            break
        for index in once:
            # Alone: a worker that dies breaks the pool for every task under way, and who is to blame can't be told.
            with _open_pool(executor) as (pool, most):
                yield from _collect(pool, most, function, tasks, deque([index]), lost)
    if lost:
        raise WorkerError(f"{len(lost)} of {len(tasks)} tasks lost their worker, and again when they were repeated")


def _single(function: Callable[[Task], Result], task: Task) -> Result:
    """The task, with one BLAS thread."""
    with one_blas_thread():
        return function(task)


def _collect(
    pool: Executor,
    most: int | None,
    function: Callable[[Task], Result],
    tasks: Sequence[Task],
    waiting: deque[int],
    lost: list[int],
) -> Iterator[tuple[int, Result]]:
    """Do the waiting tasks, at most so many under way at a time; if the pool breaks, leave the others waiting."""
    futures: dict[Future[Result], int] = {}
    pending: set[Future[Result]] = set()
    broken = False
    try:
        while pending or (waiting and not broken):
            while waiting and not broken and (most is None or len(pending) < most):
                try:
                    future = pool.submit(_single, function, tasks[waiting[0]])
                except BrokenProcessPool:
                    broken = True
                else:
                    futures[future] = waiting.popleft()
                    pending.add(future)
            finished, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in sorted(finished, key=futures.__getitem__):
                try:
                    result = future.result()
                except BaseException as error:
                    if not isinstance(error, _LOST) and type(error).__name__ not in _LOST_NAMES:
                        raise
                    broken = broken or isinstance(error, BrokenProcessPool)
                    lost.append(futures[future])
                else:
                    yield futures[future], result
    finally:
        for future in pending:
            future.cancel()


def _end_with_parent() -> None:
    """Have this worker end when its parent does: left to itself it would wait for a next task for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _open_pool(executor: Executor | str) -> Iterator[tuple[Executor, int | None]]:
    """The pool, and how many tasks should be under way there at most: of processes twice as many as there are."""
    if isinstance(executor, Executor):
        yield executor, None
        return
    scheme, _, rest = executor.partition("://")
    if scheme == "processes":
        if not rest.isdecimal() or int(rest) == 0:
            raise ArgumentError(f"executor must be processes://N with N at least 1; got {executor!r}")
        # "spawn", since forking a process whose libraries have threads can hang.
        context = multiprocessing.get_context("spawn")
        with (
            one_thread_in_new_processes(),
            ProcessPoolExecutor(int(rest), mp_context=context, initializer=_end_with_parent) as pool,
        ):
            try:
                pool.submit(os.getpid).result()
            except BrokenProcessPool:
                guard = 'does the program lack its `if __name__ == "__main__":`?'
                raise WorkerError(f"worker processes end before they have begun; {guard}") from None
            yield pool, 2 * int(rest)
    elif scheme == "dask":
        with _dask(rest) as pool:
            yield pool, None
    else:
        raise ArgumentError(f"executor must be processes://N or dask://host:port; got {executor!r}")


@contextlib.contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client
    except ImportError:
        raise ArgumentError("executor dask:// needs the package distributed (pip install relugeom[dask])") from None
    try:
        client: Any = Client(f"tcp://{address}", timeout=20)
    except (OSError, ValueError, TimeoutError) as error:
        raise WorkerError(f"no dask scheduler answers at {address} ({error})") from None
    try:
        yield client.get_executor()
    finally:
        client.close()
