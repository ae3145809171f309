"""`relugeom search` and `relugeom capacity`, as a person types them."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import pytest

from relugeom.capacity import SphericalCode
from relugeom.capacity.searches.searching import search
from relugeom.cli import main
from relugeom.storage import RunDatabase
from tests.test_cli import ENVIRONMENT, relugeom

# A sharp soft minimum gives far pairs the weight 0: that underflow is meant.
pytestmark = pytest.mark.floating_point(under="ignore")

MINE = '''
from dataclasses import dataclass

import numpy as np

from relugeom.capacity import Problem, decide, soft_minimum
from relugeom.exact import SignPattern


@dataclass(frozen=True)
class Line(Problem):
    """Two features on a line: x_0 > 0 > x_1."""

    dimension = 2

    def margin(self, x, sharpness):
        value, weights = soft_minimum(np.array([x[0], -x[1], 3 - x[0], 3 + x[1]]), sharpness)
        return value, np.array([weights[0] - weights[2], weights[3] - weights[1]])

    def certify(self, x):
        answer = decide([x.tolist()], tied=True, bias="none")
        return answer if isinstance(answer, SignPattern) else None


line = Line()
'''


def test_search_finds_and_writes_a_certificate_that_checks(tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    run = relugeom("search", "--m", 3, "--n", 7, "--decoder", "untied", "--unseeded", "--output", path)
    assert run.returncode == 0
    assert run.stderr == ""
    assert run.stdout.startswith("CERTIFIED")
    assert str(path) in run.stdout
    assert "\x1b" not in run.stdout
    checked = relugeom("check", path)
    assert checked.returncode == 0
    assert "m = 3, n = 7" in checked.stdout


def test_search_names_the_theorem(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--m", "2", "--n", "5"]) == 0
    assert "two-m-bound-elimination" in capsys.readouterr().out


def test_search_says_undecided(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--m", "3", "--n", "8", "--threshold", "1/4", "--attempts", "2", "--json"]) == 1
    record = json.loads(capsys.readouterr().out)
    assert record["outcome"] == "undecided"
    assert record["attempts"] == 2
    assert record["margin"] < 0


def test_json_of_a_success(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", "--m", "2", "--n", "5", "--bias", "free", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["outcome"] == "found"
    assert record["certificate"]["kind"] == "sign-pattern"
    assert "m = 2, n = 5" in record["statement"]


def test_a_database_is_resumed_only_when_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["search", "--m", "2", "--n", "5", "--against-theorem", "--attempts", "3", "--json"]
    command += ["--database", str(tmp_path / "runs.sqlite")]
    assert main(command) == 1
    first = capsys.readouterr().out
    assert main(command) == 2
    assert "add --resume" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 1
    assert capsys.readouterr().out == first


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_search_loses_nothing_it_had_recorded(tmp_path: Path, blow: signal.Signals) -> None:
    options = ["--m", "3", "--n", "9", "--threshold", "1/5", "--attempts", "400", "--unseeded"]
    database = tmp_path / "runs.sqlite"
    command = [sys.executable, "-m", "relugeom", "search", *options, "--database", str(database)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    recorded = 0
    while recorded < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
        if database.exists():
            with contextlib.suppress(sqlite3.OperationalError), contextlib.closing(sqlite3.connect(database)) as reader:
                (recorded,) = reader.execute("SELECT count(*) FROM runs").fetchone()
    assert process.poll() is None
    process.send_signal(blow)
    process.communicate(timeout=30)
    assert process.returncode == (130 if blow is signal.SIGINT else -signal.SIGKILL)
    problem = SphericalCode(3, 9, Fraction(1, 5))
    with RunDatabase(database) as kept:
        count = len(kept)
        assert count >= recorded >= 3
        resumed = search(problem, attempts=recorded, seeded=False, database=kept)
        assert len(kept) == count
    assert resumed == search(problem, attempts=recorded, seeded=False)


def test_a_problem_of_your_own(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    run = relugeom("search", "--problem", tmp_path / "mine.py:line", "--executor", "processes://2")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("CERTIFIED")
    assert "m = 1, n" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--m", "3"], "--m and --n are needed"),
        (["--problem", "nowhere.py:line"], "must be FILE.py:NAME"),
        (["--m", "2", "--n", "5", "--resume"], "--resume needs --database FILE"),
        (["--m", "2", "--n", "2", "--active", "3"], "active must lie in 1 to n"),
        (["--m", "3", "--n", "4", "--executor", "threads://2"], "executor must be"),
    ],
)
def test_mistakes_are_explained(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["search", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_capacity_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity"]) == 0
    out = capsys.readouterr().out
    assert "42 of 42 certificates checked" in out
    assert "every n" in out
    assert "two-m-bound-elimination" in out


def test_capacity_json_links_certificates_that_check(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["capacity", "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert len(cells) == 42
    assert main(["check", *(cell["certificate"] for cell in cells)]) == 0
    assert "42 of 42 certificates valid" in capsys.readouterr().out
