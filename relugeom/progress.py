"""How far a long computation is: one shape of news for all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["OnProgress", "Progress", "Reporter"]


class Progress(NamedTuple):
    """So many are done, of so many; `detail` says how it goes, as in "loss 0.0123"."""

    done: int
    total: int
    detail: str = ""


OnProgress = Callable[[Progress], None]


class Reporter:
    """Tells `progress` how far it is: at the start, at the end, and in between not more often than every `interval`.

    Parameters
    ----------
    progress : callable, optional
        Called with a `Progress`. None tells nobody, which costs nothing.
    total : int
    done : int
        So many were done before.
    interval : float
        Seconds between two calls; 0 tells everything.
    """

    def __init__(self, progress: OnProgress | None, total: int, done: int = 0, *, interval: float = 0.0) -> None:
        self._progress, self._total, self._done, self._interval = progress, total, done, interval
        self._next = 0.0
        self.reach(done)

    def reach(self, done: int, detail: Callable[[], str] | None = None) -> None:
        """So many are done now; `detail` is asked only if it is told."""
        self._done = done
        if self._progress is None:
            return
        now = time.monotonic()
        if now < self._next and done < self._total:
            return
        self._next = now + self._interval
        self._progress(Progress(done, self._total, detail() if detail else ""))

    def advance(self, detail: Callable[[], str] | None = None) -> None:
        """One more is done."""
        self.reach(self._done + 1, detail)
