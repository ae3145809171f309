"""One BLAS thread: with more, the last bits of a product depend on how many there are."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

__all__ = ["BLAS_THREADS", "one_blas_thread", "one_thread_in_new_processes", "prefer_one_blas_thread"]

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
"""The variables that say how many threads a BLAS has."""


class _SharedChange:
    """A change to this process that many threads may ask for: made for the first, undone when the last has left."""

    def __init__(self, change: Callable[[contextlib.ExitStack], None]) -> None:
        self._change = change
        self._lock = threading.Lock()
        self._within = 0
        self._undo = contextlib.ExitStack()

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._within == 0:
                self._change(self._undo)
            self._within += 1
        try:
            yield
        finally:
            with self._lock:
                self._within -= 1
                if self._within == 0:
                    self._undo.close()


def _set_variables(undo: contextlib.ExitStack) -> None:
    before = {name: os.environ.get(name) for name in BLAS_THREADS}
    os.environ.update(dict.fromkeys(BLAS_THREADS, "1"))
    for name, value in before.items():
        undo.callback(*((os.environ.pop, name, None) if value is None else (os.environ.__setitem__, name, value)))


def _limit_libraries(undo: contextlib.ExitStack) -> None:
    import scipy.linalg  # noqa: F401  SciPy has a BLAS of its own, which must be loaded to be limited
    import threadpoolctl

    undo.enter_context(threadpoolctl.threadpool_limits(1, "blas"))
    # Newer versions leave OpenBLAS to the thread that came first; here the last one to leave undoes the limit.
    if hasattr(threadpoolctl.OpenBLASController, "clear_controlling_thread"):
        undo.callback(threadpoolctl.OpenBLASController.clear_controlling_thread, force=True)


one_thread_in_new_processes, _one_thread_here = _SharedChange(_set_variables), _SharedChange(_limit_libraries)


@contextlib.contextmanager
def one_blas_thread() -> Iterator[None]:
    """This process, and processes started within, have one BLAS thread each.

    With one thread a product has the same last bits wherever it is computed; with more they depend on how many.
    """
    with _one_thread_here(), one_thread_in_new_processes():
        yield


def prefer_one_blas_thread() -> None:
    """Give this process one BLAS thread, unless its environment says otherwise or BLAS is loaded already.

    For a command to call first thing: slim products gain nothing from a second thread, and results stay the same
    to the last bit wherever they are computed.
    """
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")
