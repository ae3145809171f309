"""A bar that says how far something is: in a notebook, or as a line on a terminal."""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from html import escape
from typing import Any

from relugeom.progress import Progress

__all__ = ["ProgressBar"]


class ProgressBar:
    """How far a long computation is, for any argument that is called `progress`.

    In a notebook it is a bar below the cell; on a terminal a line on stderr; where nobody watches, nothing.

    Parameters
    ----------
    what : str
        What is counted.

    Examples
    --------
    >>> from relugeom import Axial, ProgressBar, AxialTraining, atlas
    >>> found = atlas(AxialTraining(Axial(4), steps=20), 5, progress=ProgressBar("blocks of seeds"))
    """

    def __init__(self, what: str = "done") -> None:
        self._what = what
        self._total = self._done = self._first = 0
        self._begin = time.monotonic()
        self._in_notebook = _in_notebook()
        self._shown = self._in_notebook or sys.stderr.isatty()
        self._display: Any = None

    def __call__(self, progress: Progress) -> None:
        """Show the news."""
        if progress.done < self._done or not self._total:
            self._first, self._begin = progress.done, time.monotonic()
        self._done, self._total = progress.done, progress.total
        if self._in_notebook:
            self._show_in_notebook(progress)
        elif self._shown:
            columns = max(60, min(120, shutil.get_terminal_size((100, 24)).columns))
            print(f"\r\x1b[K{self._text(progress)[: columns - 1]}", end="", file=sys.stderr, flush=True)

    def start(self, total: int) -> None:
        """Say how many there will be."""
        self(Progress(0, total))

    def advance(self) -> None:
        """One more is done."""
        self(Progress(self._done + 1, self._total))

    def clear(self) -> None:
        """Wipe the line of a terminal, before another is printed or at the end."""
        if self._shown and not self._in_notebook:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _text(self, progress: Progress) -> str:
        done, total = progress.done - self._first, progress.total - self._first
        spent = time.monotonic() - self._begin
        left = f"  {spent * (total - done) / done:.0f} s left" if done and spent > 2 and done < total else ""
        counted = f"{self._what}: {progress.done:,} of {progress.total:,}"
        return counted + left + "  " * bool(progress.detail) + progress.detail

    def _show_in_notebook(self, progress: Progress) -> None:
        text = escape(self._text(progress), quote=True)
        bar = (
            f'<div><progress value="{progress.done}" max="{max(progress.total, 1)}" aria-label="{text}"></progress> '
            f"{text}</div>"
        )
        news = {"text/html": bar, "text/plain": self._text(progress)}
        if self._display is None or progress.done == 0:
            show: Any = importlib.import_module("IPython.display").display
            self._display = show(news, raw=True, display_id=True)
        else:
            self._display.update(news, raw=True)


def _in_notebook() -> bool:
    """Whether IPython runs here with a front end that shows HTML."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return shell is not None and hasattr(shell, "kernel")
