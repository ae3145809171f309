"""What the benchmarks share: the machine, the time of other processes, tables in Markdown, the files of a result."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any


def machine(*packages: str) -> str:
    """The kind of processor, the cores, Python, and those of these packages that are installed, with versions."""
    versions = [f"{name} {metadata.version(name)}" for name in packages if find_spec(name)]
    return ", ".join([platform.machine(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])


def processor_seconds(process: int) -> float:
    """What a process has had of the processor up to now: user and system, the fields 14 and 15 of proc(5)'s stat."""
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, without a line break at its end."""
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])


def write(report: dict[str, Any], table: str, output: Path) -> None:
    """The report as JSON and its table as Markdown, beside each other; the table is printed, too."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    output.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)
