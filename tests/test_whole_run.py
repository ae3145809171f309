"""The benchmark of whole runs goes on where it was stopped, and adds its places up as it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def command(folder: Path, *more: str) -> list[str]:
    return [
        sys.executable,
        str(BENCHMARKS / "whole_run.py"),
        *("--sizes", "4", "--steps", "60", "--turns", "1", "--forms"),
        *("--folder", str(folder), "--output", str(folder / "out"), *more),
    ]


@pytest.mark.long
def test_a_small_run_whole_and_again(tmp_path: Path) -> None:
    subprocess.run(command(tmp_path), check=True, capture_output=True, timeout=300)
    first = json.loads((tmp_path / "out.json").read_text())
    (run,) = first["runs"]
    assert run["T"] == 4
    assert run["wall"] >= 0.5 * run["processor"] > 0
    assert all(row["error"] < 1e-5 for row in run["rows"])
    # Finished parts are not made again: their seconds are those of the first time.
    beside = ("--beside", str(BENCHMARKS.parent))
    subprocess.run(command(tmp_path, *beside), check=True, capture_output=True, timeout=300, env={**os.environ})
    (again,) = json.loads((tmp_path / "out.json").read_text())["runs"]
    assert again["wall"] == run["wall"]
    assert set(again["totals"]) == {"ours", "the earlier version"}
    rows = [row for row in again["rows"] if row["form"] == "ours"]
    assert min(row["ms"] for row in rows) * 60 <= 1e3 * again["totals"]["ours"]["ms"] <= 60 * max(r["ms"] for r in rows)
