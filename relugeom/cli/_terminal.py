"""What the sub-commands share: colour and width where a person is watching, and how results are printed."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from typing import Any, TextIO

from relugeom.claims.results import Result
from relugeom.claims.verdicts import Verdict
from relugeom.text import json_text, printable

__all__ = [
    "indent", "paint", "print_aside", "print_json", "verdict_label", "width",
]  # fmt: skip

_COLOURS = {"green": "32", "cyan": "36", "red": "31", "yellow": "33", "blue": "34", "bold": "1", "dim": "2"}
_VERDICT_COLOURS = {
    Verdict.PROVED: "green",
    Verdict.CERTIFIED: "cyan",
    Verdict.REFUTED: "yellow",
    Verdict.MEASURED: "blue",
    Verdict.UNDECIDED: "dim",
}


def paint(text: str, colour: str, stream: TextIO | None = None) -> str:
    """The text in a colour, on a terminal and unless NO_COLOR is set."""
    stream = stream or sys.stdout
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def verdict_label(verdict: Verdict | None) -> str:
    """The verdict (ERROR for none), padded and coloured."""
    if verdict is None:
        return paint("ERROR    ", "red")
    return paint(f"{verdict.value:<9}", _VERDICT_COLOURS[verdict])


def width() -> int:
    """The width of the output: the terminal's, between 60 and 120 columns."""
    return max(60, min(120, shutil.get_terminal_size((100, 24)).columns))


def print_aside(result: Result, *, debug: bool) -> None:
    """On stderr, what a conjecture printed while it ran, each line under its id, and where it raised if asked."""
    for line in result.output.splitlines():
        print(f"{printable(result.id)} printed: {printable(line)}", file=sys.stderr)
    if debug and result.traceback:
        print(printable(result.traceback, lines=True), file=sys.stderr)


def print_json(value: Any) -> None:
    """One JSON value on stdout, valid whatever it holds and whatever stdout can show."""
    print(json_text(value, sys.stdout))


def indent(text: str, spaces: int) -> str:
    """The text, safe to print and wrapped, every line after the first indented; the first is left for a label."""
    lines = textwrap.wrap(
        printable(text, lines=True), width() - spaces, break_long_words=False, break_on_hyphens=False
    ) or [""]
    return ("\n" + " " * spaces).join(lines)
