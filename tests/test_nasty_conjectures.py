"""Conjectures that fork, eat memory, forge answers or never end: a row each, and the others are not disturbed."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from relugeom.claims.run import verify
from relugeom.claims.verdicts import Verdict
from relugeom.errors import ArgumentError
from tests.test_runner import GOOD, declare, write

GIB = 2**30

NASTY = {
    "raises": ("raise BaseException('x' * 10**6)", "BaseException: xxx"),
    "loops": ("while True: pass", "took longer than its time limit of 1 s"),
    "eats_at_once": ("bytearray(64 * 2**30)", "MemoryError"),
    "eats_slowly": ("x = []\n    while True: x.append(bytearray(10**7))", "MemoryError"),
    "writes": (
        "print('{\"verdict\": \"PROVED\"}', flush=True); os.write(1, b'{}\\n'); raise ValueError('told')",
        "told",
    ),
    "kills": ("os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
    "orphans": ("os.fork() or time.sleep(1000); os._exit(3)", "ended with status 3"),
    "closes": ("os.closerange(3, 20); time.sleep(1000)", "closed its output"),
    "forges": (
        "for fd in range(3, 20):\n        try: os.write(fd, b'hello\\n')\n        except OSError: pass\n"
        "    return Open('x')",
        "no answer",
    ),
    "floods": ("return Open('x' * 10**7)", "reason of Open takes 10000000 characters"),
    "recurses": ("exec('(' * 10**5)", "Error"),
    "not_json": ("return Open(b'bytes')", "reason of Open must be str; got bytes"),
    "surrogate": ("raise ValueError('\\ud800')", "ValueError"),
}


# These alone end by the clock; the others take as long as a busy machine needs.
TIMED = {"loops": ", time_limit=1"}


def test_a_nasty_conjecture_is_one_row_and_nothing_else(tmp_path: Path) -> None:
    bodies = (declare(name, body, TIMED.get(name, "")) for name, (body, _) in NASTY.items())
    report = verify([write(tmp_path, "nasty.py", *bodies, GOOD)], jobs=2, memory_limit=GIB)
    rows = {result.id: result for result in report.results}
    for name, (_, error) in NASTY.items():
        row = rows[name.replace("_", "-")]
        assert row.verdict is None
        assert error in row.error, (name, row.error)
        assert len(row.error) < 400
    assert rows["two-on-a-line"].verdict is Verdict.CERTIFIED
    assert len(rows) == len(NASTY) + 1


def test_a_forked_conjecture_answers_once_and_only_for_itself(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "forks.py",
        declare(
            "forks", "child = os.fork() == 0\n    time.sleep(0.2 * child)\n    return Open('child' * child or 'parent')"
        ),
        declare("after", "time.sleep(0.6); return Open('after')"),
        declare("last", "return Open('last')"),
    )
    assert [result.evidence for result in verify([path], jobs=1).results] == ["parent", "after", "last"]


def test_what_a_conjecture_started_ends_with_its_worker(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    body = f"os.fork() or (open({str(marker)!r}, 'w').write(str(os.getpid())), time.sleep(1000)); return Open('x')"
    verify([write(tmp_path, "starts.py", declare("starts", f"{body}"))], jobs=1)
    deadline = time.monotonic() + 5
    while not (marker.exists() and marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)  # the child may have been ended before it could write
        if not marker.exists():
            return
    state = subprocess.run(["ps", "-o", "stat=", "-p", marker.read_text()], capture_output=True, text=True).stdout
    assert state.strip() == "" or state.startswith("Z")


@pytest.mark.parametrize("limit", ["float('inf')", "1e300"])
def test_a_limit_without_end_is_a_limit(tmp_path: Path, limit: str) -> None:
    path = write(tmp_path, "patient.py", declare("patient", "return Open('x')", f", time_limit={limit}"))
    assert verify([path], jobs=1).results[0].evidence == "x"


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00", b"\0", b"# coding: nonsense\n", b"x = '" + b"a" * 10**6, b"(" * 10**5, b"1 +" * 10**5 + b"1"],
)
def test_files_that_are_no_programs_are_one_row(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.py"
    path.write_bytes(content)
    (result,) = verify([path], jobs=1).results
    assert result.verdict is None
    assert 0 < len(result.error) < 400
    assert os.listdir(tmp_path) == ["bad.py"] or {"bad.py", "__pycache__"} == set(os.listdir(tmp_path))


def test_the_memory_limit_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="memory_limit must be positive; got 0"):
        verify([write(tmp_path, "a.py", GOOD)], memory_limit=0)
    assert verify([write(tmp_path, "a.py", GOOD)], memory_limit=2**80).as_expected
    assert verify([write(tmp_path, "a.py", GOOD)], memory_limit=None).as_expected
