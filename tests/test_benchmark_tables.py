"""The tables of the benchmarks are made of the numbers that are stored beside them."""

from __future__ import annotations

import importlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
RESULTS = BENCHMARKS / "results"


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENBLAS_NUM_THREADS", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.setenv(variable, "1")  # which the programs set where they are run by themselves
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.mark.parametrize(
    ("program", "function", "result"),
    [
        ("full_batch_step", "table", "full_batch_step"),
        ("polish", "table", "polish"),
        ("many_models", "table", "many_models_blocks"),
        ("toy_models", "table", "toy_models"),
        ("whole_run", "table", "whole_run"),
        ("many_examples", "table", "many_examples"),
        ("gpu_report", "page", "gpu_stages"),
    ],
)
def test_stored_tables_are_those_of_the_stored_numbers(program: str, function: str, result: str) -> None:
    report = json.loads((RESULTS / f"{result}.json").read_text(encoding="utf-8"))
    table = getattr(importlib.import_module(program), function)(report)
    assert table == (RESULTS / f"{result}.md").read_text(encoding="utf-8")


def test_what_the_benchmarks_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shared: Any = importlib.import_module("_table")
    assert shared.grid(("n", "ms"), [("5", "0.1"), ("8", "")]) == "| n | ms |\n|---|---|\n| 5 | 0.1 |\n| 8 |  |"
    line = shared.machine("numpy", "no_such_package")
    assert line.endswith(f"Python {platform.python_version()}, numpy {np.__version__}")
    shared.write({"rows": [1]}, "a table\n", tmp_path / "new" / "result")
    assert json.loads((tmp_path / "new" / "result.json").read_text(encoding="utf-8")) == {"rows": [1]}
    assert (tmp_path / "new" / "result.md").read_text(encoding="utf-8") == "a table\n"
    assert capsys.readouterr().out == "a table\n\n"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs proc(5)")
def test_a_process_s_time_is_what_it_says_itself() -> None:
    shared: Any = importlib.import_module("_table")
    before = time.process_time()
    found = shared.processor_seconds(os.getpid())
    assert before - 0.1 < found < time.process_time() + 0.1  # it is counted in hundredths of a second
