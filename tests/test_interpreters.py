"""Where there is no fork, as on Windows: conjectures run in fresh interpreters and come out as they do elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from relugeom.claims import interpreters
from relugeom.claims.interpreters import InterpreterSlot

# Read by every interpreter as it starts: what Windows has not is not there.
WITHOUT_UNIX = """
import errno, os, signal, sys
for name in ("fcntl", "resource", "termios", "pwd", "grp"):
    sys.modules[name] = None
for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp", "setsid", "killpg", "waitid", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("alarm", "setitimer", "SIGHUP"):
    delattr(signal, name)

def opens_no_folder(path, *arguments, open=os.open, **options):
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)
    return open(path, *arguments, **options)

os.open = opens_no_folder
"""
FILE = """
import os, sys, time
from relugeom import Open, Verdict, Witness, conjecture
from relugeom.exact import SignPattern
from relugeom.exact.rationals import as_matrix

@conjecture("Two features fit in one dimension", source="a test", expected=Verdict.CERTIFIED)
def holds():
    print("told: ü")
    return Witness([SignPattern(as_matrix([[1, -1]]))])

@conjecture("It ends", source="a test", expected=Verdict.UNDECIDED, time_limit=2)
def lasts():
    time.sleep(60)

@conjecture("It lives", source="a test", expected=Verdict.UNDECIDED)
def ends():
    os._exit(3)

@conjecture("It returns", source="a test", expected=Verdict.UNDECIDED)
def raises():
    return 1 / 0
"""


def without_unix(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command in an interpreter, and its children, that lack what Windows lacks."""
    (folder / "site").mkdir()
    (folder / "site" / "sitecustomize.py").write_text(WITHOUT_UNIX)
    root = str(Path(__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder / "site"), root])}
    program = [sys.executable, "-m", "relugeom", *arguments]
    return subprocess.run(program, capture_output=True, text=True, env=environment, cwd=folder, check=False)


def test_verdicts_without_a_fork(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(FILE)
    (tmp_path / "certificates").mkdir()
    ran = without_unix(tmp_path, "verify", "mine.py", "--json", "--certificates", "certificates")
    assert ran.returncode == 1, ran.stderr
    rows = {row["id"]: row for row in json.loads(ran.stdout)["conjectures"]}
    assert rows["holds"]["verdict"] == "CERTIFIED"
    assert "holds printed: told: ü\n" in ran.stderr
    assert "took longer than its time limit of 2 s" in rows["lasts"]["error"]
    assert "ended with status 3" in rows["ends"]["error"]
    assert rows["raises"]["error"].startswith("ZeroDivisionError")
    assert [path.name for path in (tmp_path / "certificates").iterdir()] == ["holds.json"]


def test_what_is_asked_of_one_that_is_closed_gets_no_answer(tmp_path: Path) -> None:
    slot = InterpreterSlot(None, [])
    slot.close()
    answer = slot.ask({"do": "collect", "path": str(tmp_path)}, 10.0, "importing it")
    assert answer.reply == b""
    assert answer.fault == "importing it: no process could be started (the run was stopped)"


def test_a_reply_without_end_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreters, "REPLY_LIMIT", 1000)
    program = "import sys, json, time; open(json.loads(sys.argv[1])[3], 'wb').write(bytes(5000)); time.sleep(60)"
    monkeypatch.setattr(interpreters, "_PROGRAM", program)
    start = time.monotonic()
    answer = InterpreterSlot(None, []).ask({}, 50.0, "the conjecture")
    assert answer.reply == b""
    assert "the reply takes more than" in answer.fault
    assert time.monotonic() - start < 50
