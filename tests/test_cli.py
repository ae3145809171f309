"""The command line, as a process: what a person types, sees, and gets as exit status."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from relugeom import __version__, installed
from relugeom.cli import COMMANDS, build_parser, main
from relugeom.exact import SignPattern, dumps
from relugeom.exact.rationals import as_matrix
from tests.test_runner import GOOD, declare, write

ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def relugeom(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "relugeom", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, timeout=120, **options)  # type: ignore[call-overload, no-any-return]


def test_verify_prints_a_table_and_the_summary_last(tmp_path: Path) -> None:
    run = relugeom("verify", write(tmp_path, "mine.py", GOOD), "--certificates", tmp_path / "out")
    assert run.returncode == 0
    assert run.stderr == ""
    assert "CERTIFIED  two on a line" in run.stdout
    assert run.stdout.count("mine.py") == 1
    assert "1 certificate written; re-check: relugeom check" in run.stdout
    assert run.stdout.splitlines()[-1].endswith("1 certified; all as expected")
    assert "\x1b" not in run.stdout
    checked = relugeom("check", tmp_path / "out")
    assert checked.returncode == 0
    assert checked.stdout.splitlines()[-1] == "1 of 1 certificate valid"


def test_verify_json_is_one_object(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", GOOD, declare("raises", "print('noise'); raise ValueError('no')"))
    run = relugeom("verify", path, "--json")
    assert run.returncode == 1
    data = json.loads(run.stdout)
    good, bad = data["conjectures"]
    assert {"id", "statement", "source", "verdict", "expected", "evidence", "seconds"} <= set(good)
    assert (good["verdict"], good["as_expected"]) == ("CERTIFIED", True)
    assert (bad["verdict"], bad["error"]) == ("ERROR", "ValueError: no")
    assert data["as_expected"] is False
    assert data["counts"]["ERROR"] == 1
    assert "numpy" in data["environment"]


def test_a_traceback_is_shown_only_when_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", declare("raises", "raise ValueError('no')"))
    assert "Traceback" not in relugeom("verify", path).stderr
    assert "Traceback" in relugeom("verify", path, "--debug").stderr


def test_explain_prints_everything_about_one(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", GOOD)
    run = relugeom("explain", "two-on-a-line", path)
    assert run.returncode == 0
    for text in ("Statement", "Source", "Argument", "Opposite signs.", "Certificates", "Evidence", "CERTIFIED"):
        assert text in run.stdout
    assert json.loads(relugeom("explain", "two-on-a-line", path, "--json").stdout)["verdict"] == "CERTIFIED"
    missing = relugeom("explain", "two-on-a-lime", path)
    assert missing.returncode == 2
    assert "did you mean two-on-a-line?" in missing.stderr
    unlike = relugeom("explain", "zzz", path)
    assert unlike.returncode == 2
    assert "no conjecture has the id zzz; relugeom verify prints the ids" in unlike.stderr


def test_check_tells_valid_invalid_and_unreadable_apart(tmp_path: Path) -> None:
    good, false, damaged = tmp_path / "good.json", tmp_path / "false.json", tmp_path / "damaged.json"
    good.write_text(dumps(SignPattern(as_matrix([[1, -1]]))), encoding="utf-8")
    false.write_text(good.read_text().replace('"-1"', '"1"'), encoding="utf-8")
    damaged.write_text(good.read_text()[:-20], encoding="utf-8")
    assert relugeom("check", good).returncode == 0
    invalid = relugeom("check", good, false)
    assert invalid.returncode == 1
    assert f"invalid    {false}: output 0 is positive at x = e_1" in invalid.stdout
    unreadable = relugeom("check", false, damaged, tmp_path / "missing.json")
    assert unreadable.returncode == 2
    assert "No such file" in unreadable.stdout
    rows = json.loads(relugeom("check", good, damaged, "--json").stdout)["certificates"]
    assert [row["status"] for row in rows] == ["valid", "unreadable"]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert relugeom("check", empty).returncode == 2


def test_check_needs_neither_numpy_nor_sympy(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    good.write_text(dumps(SignPattern(as_matrix([[1, -1]]))), encoding="utf-8")
    program = (
        "import sys; from relugeom.cli import main; status = main(['check', sys.argv[1]]); "
        "heavy = {'numpy', 'scipy', 'sympy', 'matplotlib'} & set(sys.modules); print(sorted(heavy), status)"
    )
    run = subprocess.run([sys.executable, "-c", program, good], capture_output=True, text=True, env=ENVIRONMENT)
    assert run.stdout.splitlines()[-1] == "[] 0"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "no/such/file.py"], "no/such/file.py does not exist"),
        (["verify", "--jobs", "0"], "must be a positive whole number; got 0"),
        (["verify", "--time-limit", "soon"], "must be a positive number; got soon"),
        (["prove"], "there is no command prove"),
        (["verfy"], "did you mean verify?"),
        (["verify", "--fulll"], "did you mean --full?"),
        (["train", "--learnin-rate", "1"], "did you mean --learning-rate?"),
        (["train", "--optimiser", "adam"], "must be one of adamw, sgd; got adam; did you mean adamw?"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_status_2(arguments: list[str], message: str) -> None:
    run = relugeom(*arguments)
    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_certificates_must_go_into_a_folder(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", GOOD)
    run = relugeom("verify", path, "--certificates", path)
    assert run.returncode == 2
    assert f"{path}: cannot be made a folder" in run.stderr


def test_ctrl_c_ends_with_130(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", GOOD, declare("sleeps", "time.sleep(60)"))
    process = subprocess.Popen(
        [sys.executable, "-m", "relugeom", "verify", str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    assert process.stdout is not None
    while "two-on-a-line" not in (line := process.stdout.readline()):
        assert line, "the table ended early"
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted" in err
    assert "Traceback" not in err


def test_a_closed_pipe_is_no_error(tmp_path: Path) -> None:
    path = write(tmp_path, "mine.py", GOOD)
    run = subprocess.run(
        f"{sys.executable} -m relugeom explain two-on-a-line {path} | head -1",
        shell=True, capture_output=True, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    assert "Traceback" not in run.stderr
    assert "BrokenPipe" not in run.stderr


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = line.replace("relugeom ", f"{sys.executable} -m relugeom ")
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        cwd=folder,
        check=False,
    )


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("relugeom check bad.json | true", 2),
        ("relugeom check bad.json | cat", 2),
        ("relugeom check false.json | cat", 1),
        ("relugeom check good.json | cat", 0),
        ("relugeom check good.json > /dev/null", 0),
        ("relugeom check good.json >&-", 2),
        ("relugeom check bad.json >&- 2>&-", 2),
        ("relugeom check good.json > /dev/full", 2),
        ("relugeom check false.json | { exec <&-; }", 2),
        ("relugeom check good.json | { exec <&-; }", 2),
        ("relugeom check bad.json 2>&1 | { exec <&-; }", 2),
        ("relugeom check none.json 2>/dev/full", 2),
    ],
)
def test_output_that_nobody_reads_is_neither_yes_nor_no(line: str, status: int, tmp_path: Path) -> None:
    """1 means that a certificate is invalid, and 0 that all are valid and that this was said."""
    (tmp_path / "bad.json").write_text("{}")
    good = SignPattern(as_matrix([[1, -1]]))
    (tmp_path / "good.json").write_text(dumps(good))
    (tmp_path / "false.json").write_text(dumps(SignPattern(as_matrix([[1, 1]]))))
    run = shell(line, tmp_path)
    assert run.returncode == status, run.stderr
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr
    assert run.stderr.count("\n") <= 1


def test_an_internal_error_is_no_answer(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def break_down(arguments: object) -> int:
        raise ZeroDivisionError("a mistake\nof ours")

    monkeypatch.setattr("relugeom.cli.check.run", break_down)
    assert main(["check", "x"]) == 70
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "internal error: ZeroDivisionError: a mistake\\nof ours" in err
    assert "report" in err
    assert main(["check", "x", "--debug"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_stands_in_the_readme(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert "usage:" in capsys.readouterr().out
    root = Path(__file__).parents[1]
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md"))]
    assert any(f"relugeom {command}" in page.read_text(encoding="utf-8") for page in pages)


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from relugeom.cli import build_parser; build_parser().format_help(); "
        "print(sorted({'numpy', 'scipy', 'sympy', 'matplotlib', 'cupy'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=ENVIRONMENT, check=True)
    assert run.stdout.strip() == "[]"


def test_relugeom_alone_prints_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    shown = capsys.readouterr().out
    for name in COMMANDS:
        assert f"    {name} " in shown


def test_a_wrong_option_shows_the_usage_of_its_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["trace", "--setps", "3"])
    shown = capsys.readouterr().err
    assert shown.startswith("usage: relugeom trace ")
    assert "there is no option --setps; did you mean --steps?" in shown


def test_completion_needs_shtab_and_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["--print-completion", "bash"]) == 2
    assert "pip install 'relugeom[completion]'" in capsys.readouterr().err
    words = type("Shtab", (), {"complete": staticmethod(lambda parser, shell: f"{parser.prog} in {shell}")})
    monkeypatch.setitem(sys.modules, "shtab", words)
    assert main(["--print-completion", "zsh"]) == 0
    assert capsys.readouterr().out == "relugeom in zsh\n"


def test_the_closed_sets_of_the_options_are_those_of_the_library() -> None:
    from relugeom.cli import _options
    from relugeom.engines.choice import ENGINES
    from relugeom.optim import OPTIMISERS, SCHEDULES
    from relugeom.training.configuration import DATA, Configuration
    from relugeom.training.many_models import AxialTraining
    from relugeom.training.recipes import DTYPES

    assert _options.ENGINES == ENGINES
    assert _options.SCHEDULES == SCHEDULES
    assert _options.DATA == DATA
    assert _options.DTYPES == DTYPES
    assert tuple(OPTIMISERS) == _options.OPTIMISERS
    assert tuple(Configuration.INITIALISATIONS) == _options.INITIALISATIONS
    assert tuple(AxialTraining.INITIALISATIONS) == _options.MANY_INITIALISATIONS
    assert _options.BIAS_COORDINATES == Configuration.BIAS_COORDINATES
    assert _options.MANY_BIAS_COORDINATES == AxialTraining.BIAS_COORDINATES


def test_sizes_have_two_names_wherever_they_are_asked_for() -> None:
    parser = build_parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        for short, long in (("--n", "--features"), ("--m", "--latent")):
            known = command._option_string_actions
            assert known.get(short) is known.get(long), f"{name}: {short} and {long}"


HUGE = "9" * 30


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "-T", "3", "--steps", HUGE],
        ["train", "-T", HUGE],
        ["train", "-T", "3", "--record", HUGE],
        ["train", "-T", "3", "--processes", "100000"],
        ["atlas", "--n", "3..999999999"],
        ["atlas", "--n", "3", "-j", "100000"],
        ["search", "--m", "2", "--n", "5", "--bias", "free", "--attempts", HUGE],
        ["search", "--m", "2", "--n", "5", "--bias", "free", "--threshold", "1e-999999999"],
        ["search", "--m", "2", "--n", "5", "--bias", "free", "--threshold", "1e300000"],
    ],
    ids=lambda arguments: " ".join(map(str, arguments))[:40],
)
def test_numbers_that_nothing_could_count_up_to_are_refused(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "internal error" not in capsys.readouterr().err


def test_numbers_beyond_every_array_are_a_lack_of_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["atlas", "--n", "999999999", "--m", "999999999", "--seeds", "200", "--steps", "1"]) == 2
    assert "not enough memory" in capsys.readouterr().err


def test_a_pipe_in_a_folder_of_certificates_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "good.json").write_text(dumps(SignPattern(as_matrix([[1, -1]]))))
    run = relugeom("check", tmp_path)
    assert run.returncode == 2
    assert "pipe.json: not a regular file" in run.stdout
    assert "1 of 2 certificates valid" in run.stdout


def test_a_pipe_that_is_named_is_read(tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(dumps(SignPattern(as_matrix([[1, -1]]))))
    assert shell("relugeom check <(sleep 0.2; cat good.json)", tmp_path).returncode == 0


def test_a_checkpoint_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.npz")
    ended = relugeom("train", "--resume", "-o", "x.npz", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1


def test_version_alone_and_with_the_commit_and_the_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"relugeom {__version__}\n"
    assert main(["--version", "-v"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"relugeom {__version__}"
    assert lines[1].startswith("commit ")
    assert f"numpy {metadata.version('numpy')}" in lines


def test_the_commit_is_the_checkouts_or_the_one_that_pip_installed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    (tmp_path / "relugeom").mkdir()
    module = tmp_path / "relugeom" / "installed.py"
    monkeypatch.setattr(installed, "__file__", str(module))

    class Installed:
        def read_text(self, _: str) -> str:
            return '{"vcs_info": {"vcs": "git", "commit_id": "abc"}}'

    monkeypatch.setattr(metadata, "distribution", lambda _: Installed())
    assert installed.commit() == "abc"
    monkeypatch.setattr(Installed, "read_text", lambda *_: None)
    assert installed.commit() == ""
    module.write_text("1")
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *command], check=True)
    assert re.fullmatch(r"[0-9a-f]{40}", installed.commit())
    module.write_text("2")
    assert installed.commit().endswith(" and changes")
