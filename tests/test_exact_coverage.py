"""Every line and branch of the checker runs in its own tests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TESTS = [
    "tests/test_exact_check.py", "tests/test_exact_critical.py", "tests/test_exact_arithmetic.py",
    "tests/test_second_checker.py",
    "tests/test_exact_enclosures.py", "tests/test_exact_edges.py", "tests/test_exact_pentagon.py",
    "tests/test_exact_hexagon.py",
]  # fmt: skip


@pytest.mark.long
def test_every_line_and_branch_of_the_checker_runs(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *TESTS,
        "--cov=relugeom.exact", "--cov-branch", "--cov-fail-under=100", "--cov-report=term-missing",
    ]  # fmt: skip
    # Coverage deletes its data file before it starts, so this must be a file of our own and never a device.
    data = str(tmp_path / "coverage")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "COVERAGE_FILE": data,
        "RELUGEOM_TEST_MULTIPLIER": "0.2",  # random cases add no lines
    }
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-1000:]
