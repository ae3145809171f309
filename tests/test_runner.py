"""Collecting and running conjectures: bad files and bad conjectures cost one row each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

import relugeom
from relugeom.claims.collect import find_files
from relugeom.claims.results import Result, write_certificates
from relugeom.claims.run import verify
from relugeom.claims.verdicts import Verdict
from relugeom.errors import ArgumentError
from relugeom.exact import SignPattern
from relugeom.exact.rationals import as_matrix

HEADER = """\
'''A few conjectures'''
import os, sys, time
from relugeom import Open, Verdict, Witness, conjecture
from relugeom.exact import SignPattern
from relugeom.exact.rationals import as_matrix

"""
GOOD = """\
@conjecture("two on a line", source="test", expected=Verdict.CERTIFIED)
def two_on_a_line():
    '''Opposite signs.'''
    return Witness([SignPattern(as_matrix([[1, -1]]))])
"""


def declare(name: str, body: str, options: str = "") -> str:
    return f"""
@conjecture("{name}", source="test", expected=Verdict.UNDECIDED{options})
def {name}():
    {body}
"""


# Write to every pipe but the standard streams: one of them carries the replies.
GARBLE = """
    import stat
    for fd in range(3, 16):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                os.write(fd, b"no JSON\\n")
        except OSError:
            pass
"""


def write(folder: Path, name: str, *parts: str) -> Path:
    path = folder / name
    path.write_text(HEADER + "".join(map(textwrap.dedent, parts)), encoding="utf-8")
    return path


def by_id(paths: list[Path], **options: object) -> dict[str, Result]:
    return {result.id: result for result in verify(paths, **options).results}  # type: ignore[arg-type]


def test_a_file_of_conjectures_runs_in_order(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", GOOD, declare("unknown", "return Open('why not')"))
    seen: list[str] = []
    report = verify([path], on_result=lambda result: seen.append(result.id), jobs=2)
    assert seen == ["two-on-a-line", "unknown"]
    assert report.as_expected
    first = report.results[0]
    assert first.verdict is Verdict.CERTIFIED
    assert first.heading == "A few conjectures"
    assert first.argument == "Opposite signs."
    assert "m = 1, n = 2" in first.certificates[0].statement
    assert report.summary().startswith("2 conjectures in ")
    assert report.summary().endswith("1 certified, 1 undecided; all as expected")


def test_errors_are_rows_and_the_others_go_on(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "bad.py",
        declare("raises", "raise ValueError('one\\nline')"),
        declare("exits", "sys.exit(4)"),
        declare("dies", "os._exit(3)"),
        declare("loops", "while True: pass", ", time_limit=0.5"),
        declare("sleeps", "time.sleep(60)", ", time_limit=0.5"),
        declare("garbles", GARBLE),
        declare("returns_nothing", "print('noise on stdout')"),
        declare("claims_to_be_proved", "return Verdict.PROVED"),
        declare("recurses", "return recurses()"),
        GOOD,
    )
    report = verify([path], jobs=2)
    rows = {result.id: result for result in report.results}
    assert rows["raises"].error == "ValueError: one line"
    assert rows["exits"].error == "SystemExit: 4"
    assert rows["dies"].error == "the conjecture: the process ended with status 3"
    for name in ("loops", "sleeps"):
        assert rows[name].error == "the conjecture took longer than its time limit of 0.5 s"
        assert 0.5 <= rows[name].seconds < 5
    assert "answered with something that is no answer" in rows["garbles"].error
    assert "got NoneType" in rows["returns-nothing"].error
    assert "got Verdict" in rows["claims-to-be-proved"].error
    assert rows["recurses"].error.startswith("RecursionError")
    assert rows["two-on-a-line"].verdict is Verdict.CERTIFIED
    assert [result.as_expected for result in report.results] == [False] * 9 + [True]
    assert report.summary().endswith("1 certified, 9 error; 9 NOT as expected")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_module", "ModuleNotFoundError"),
        ("def broken(:", "SyntaxError"),
        ("x = 1", "the file declares no conjecture"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("import os; os._exit(0)", "ended with status 0"),
    ],
)
def test_a_file_that_cannot_be_imported_is_one_row(tmp_path: Path, source: str, error: str) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(source, encoding="utf-8")
    good = write(tmp_path, "good.py", GOOD)
    rows = by_id([bad, good])
    assert error in rows["bad"].error
    assert "\n" not in rows["bad"].error
    assert rows["two-on-a-line"].as_expected


def test_an_unexpected_verdict_and_a_bad_certificate_are_told(tmp_path: Path) -> None:
    wrong = GOOD.replace("CERTIFIED", "PROVED")
    false = GOOD.replace("two_on", "not_two_on").replace("[[1, -1]]", "[[1, 1]]")
    rows = by_id([write(tmp_path, "a.py", wrong, false)])
    assert rows["two-on-a-line"].verdict is Verdict.CERTIFIED
    assert not rows["two-on-a-line"].as_expected
    assert rows["not-two-on-a-line"].verdict is Verdict.UNDECIDED
    assert rows["not-two-on-a-line"].certificates == ()


def test_duplicate_ids_across_files_are_refused(tmp_path: Path) -> None:
    results = verify([write(tmp_path, "a.py", GOOD), write(tmp_path, "b.py", GOOD)]).results
    assert [result.verdict for result in results] == [Verdict.CERTIFIED, None]
    assert "already taken in" in results[1].error


def test_selection(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", GOOD, declare("other", "return Open('x')"))
    assert list(by_id([path], select="LINE")) == ["two-on-a-line"]
    assert list(by_id([path], select=["line", "oth"])) == ["two-on-a-line", "other"]
    assert list(by_id([path], ids=["other"])) == ["other"]
    with pytest.raises(ArgumentError, match="no conjecture matches 'nope'"):
        verify([path], select="nope")
    with pytest.raises(ArgumentError, match="no conjecture has the id othe; did you mean other"):
        verify([path], ids=["othe"])


def test_slow_conjectures_are_sampled_unless_full(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "slow.py",
        """
        @conjecture("slow", source="test", expected=Verdict.UNDECIDED, slow=True)
        def slow(*, full):
            return Open(f"full is {full}")
        """,
    )
    sampled, whole = by_id([path])["slow"], by_id([path], full=True)["slow"]
    assert (sampled.evidence, sampled.sampled) == ("full is False", True)
    assert (whole.evidence, whole.sampled) == ("full is True", False)


def test_neighbouring_files_can_be_imported(tmp_path: Path) -> None:
    (tmp_path / "_helper_of_mine.py").write_text("WHY = 'a neighbour said so'", encoding="utf-8")
    path = write(tmp_path, "a.py", "from _helper_of_mine import WHY\n", declare("told", "return Open(WHY)"))
    assert by_id([tmp_path])["told"].evidence == "a neighbour said so"
    assert find_files([tmp_path, path]) == [path]
    assert find_files(path) == find_files(str(path)) == [path]


def test_paths_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="does not exist"):
        verify([tmp_path / "missing.py"])
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ArgumentError, match="is not a Python file"):
        verify([tmp_path / "notes.txt"])
    with pytest.raises(ArgumentError, match="holds no Python files"):
        verify([tmp_path])
    with pytest.raises(ArgumentError, match="a path must not be empty"):
        verify([""])
    with pytest.raises(ArgumentError, match="jobs must be at least 1; got 0"):
        verify(jobs=0)
    with pytest.raises(ArgumentError, match="time_limit must be positive; got 0"):
        verify(time_limit=0)


def test_results_do_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", GOOD, *(declare(f"c{i}", f"return Open('number {i}')") for i in range(9)))
    runs = [[(r.id, r.verdict, r.evidence) for r in verify([path], jobs=jobs).results] for jobs in (1, 2, 8)]
    assert runs[0] == runs[1] == runs[2]


def test_certificates_are_written_whole(tmp_path: Path) -> None:
    two = GOOD.replace("[SignPattern(as_matrix([[1, -1]]))]", "[SignPattern(as_matrix([[1, -1]]))] * 2")
    report = verify([write(tmp_path, "a.py", two)])
    written = write_certificates(report, tmp_path / "out" / "deep")
    assert [path.name for path in written] == ["two-on-a-line-1.json", "two-on-a-line-2.json"]
    assert {path.name for path in (tmp_path / "out" / "deep").iterdir()} == {path.name for path in written}
    assert relugeom.exact.load(written[0]) == SignPattern(as_matrix([[1, -1]]))


def test_a_worker_does_not_outlive_its_parent(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    path = write(
        tmp_path, "a.py", declare("loops", f"open({str(marker)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    )
    program = f"from relugeom import verify; verify([{str(path)!r}])"
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    deadline = time.monotonic() + 30
    while not (marker.exists() and marker.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    worker = int(marker.read_text())
    parent.kill()
    parent.wait()
    while time.monotonic() < deadline:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker was still running")


def test_what_there_is_can_be_listed_and_found_by_its_statement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from relugeom.cli import main

    path = write(tmp_path, "mine.py", GOOD, declare("other", "raise ValueError('is not run')"))
    assert main(["verify", str(path), "--list"]) == 0
    shown = capsys.readouterr().out
    assert "two-on-a-line" in shown
    assert "other" in shown
    assert main(["verify", str(path), "--list", "--json", "-k", "TWO ON A LINE"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["conjectures"]
    assert row["id"] == "two-on-a-line"
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_this_name\n", encoding="utf-8")
    assert main(["verify", str(broken), "--list"]) == 2
