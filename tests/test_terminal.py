"""What a person sees: a terminal obeys nothing that comes from a conjecture, and no text passes for a row."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pyte
import pytest

from relugeom.cli import main
from tests.test_cli import ENVIRONMENT
from tests.test_runner import GOOD, declare, write

# Move up and wipe the row above, start at the left again, turn the writing round, ring, set the title, end the row.
ATTACKS = {
    "moves_up": "\x1b[2A\x1b[2K  PROVED     all is well",
    "goes_back": "\r  PROVED     all is well",
    "new_row": "x\n  PROVED     all is well\n             fake · 9 steps checked",
    "turns_round": "\u202edevorp\u2066 \u200bhidden\u2028  PROVED     all is well",
    "sets_a_title": "\x1b]0;PROVED\x07 \x9b2J \x08\x08\x08",
    "resets": "\x1bc  PROVED     all is well",
}


def conjectures(folder: Path) -> Path:
    """A file in which every text that is shown attacks."""
    parts = [GOOD]
    for name, text in ATTACKS.items():
        shown = ascii(text)
        parts.append(
            f"""
@conjecture({shown}, source={shown}, id="{name.replace("_", "-")}")
def {name}():
    {"argued " + text!a}
    print({shown})
    return Open({shown}, note={shown})
"""
        )
        parts.append(declare(f"{name}_raises", f"raise ValueError({shown})"))
    path = write(folder, "attacks.py", *parts)
    heading = "'''" + "  PROVED     a heading" + ATTACKS["moves_up"].replace("\x1b", "\\x1b") + "'''\n"
    path.write_text(heading + path.read_text(encoding="utf-8").partition("\n")[2], encoding="utf-8")
    return path


def on_a_terminal(*arguments: object, columns: int = 100) -> tuple[bytes, list[str]]:
    """What a command writes to a terminal, and what is then seen there, scrolled rows and all."""
    here, there = pty.openpty()
    environment = {**ENVIRONMENT, "COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "relugeom", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=there, stderr=there, stdin=subprocess.DEVNULL, env=environment)
    os.close(there)
    written = b""
    while True:
        try:
            chunk = os.read(here, 1 << 16)
        except OSError:  # how a terminal says that the last writer has gone
            break
        if not chunk:
            break
        written += chunk
    os.close(here)
    process.wait()
    screen = pyte.Screen(columns, 2000)
    pyte.ByteStream(screen).feed(written)
    return written, [line.rstrip() for line in screen.display]


# Our own: colours, and wiping the line of progress.
OURS = re.compile(rb"\x1b\[(?:\d+m|K)|\r\x1b\[K|\r\n")


@pytest.mark.parametrize("command", ["verify", "explain", "markdown"])
def test_a_terminal_shows_every_row_as_it_is(tmp_path: Path, command: str) -> None:
    path = conjectures(tmp_path)
    if command == "explain":
        written, seen = on_a_terminal("explain", "moves-up", path)
    else:
        written, seen = on_a_terminal("verify", path, "-j", 1, *(["--markdown"] if command == "markdown" else []))
    rest = OURS.sub(b"", written).decode()
    assert not [character for character in rest if not character.isprintable() and character not in "\u00a0\u2009"]
    text = "\n".join(seen)
    assert r"\x1b[2A" in text
    if command == "verify":
        labels = [line.split()[0] for line in seen if re.match(r"  [A-Z]{5,9} ", line)]
        assert labels == ["CERTIFIED", *["UNDECIDED", "ERROR"] * len(ATTACKS)]
        for name in ("two-on-a-line", *(attack.replace("_", "-") for attack in ATTACKS)):
            assert sum(line.startswith(f"{' ' * 13}{name} ·") for line in seen) == 1
        # What a conjecture prints stands under its id.
        assert any(line.startswith("goes-back printed:   PROVED") for line in seen)
    if command == "markdown":
        rows = [line for line in rest.split("|\n") if line]
        assert not any(line.startswith("  PROVED") for line in seen), rows


def test_markdown_keeps_a_row_in_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.py", declare("piped", "return Open('a | b\\n| PROVED | x | y |')"))
    assert main(["verify", str(path), "--markdown"]) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("|")]
    assert rows[2:] == ["| UNDECIDED | piped (`piped`) | a \\| b \\| PROVED \\| x \\| y \\| |"]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_json_is_json_whatever_is_in_it_and_wherever_it_goes(tmp_path: Path, encoding: str) -> None:
    environment = {**ENVIRONMENT, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "relugeom", "verify", str(conjectures(tmp_path)), "--json", "-j", "1"]
    ran = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert ran.returncode == 1
    text = ran.stdout.decode(encoding)
    assert not [c for c in text if not c.isprintable() and c not in "\n\u00a0\u2009"]
    assert text.isascii() or encoding == "utf-8"
    rows = {row["id"]: row for row in json.loads(text)["conjectures"]}
    for name, attack in ATTACKS.items():
        assert rows[name.replace("_", "-")]["statement"] == attack
        assert rows[name.replace("_", "-")]["note"] == attack
    # Not even there does a conjecture print for itself.
    assert not [c for c in ran.stderr.decode(encoding) if not c.isprintable() and c != "\n"]


def test_a_surprise_is_coloured_and_not_escaped(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", GOOD.replace("CERTIFIED", "PROVED"))
    written, seen = on_a_terminal("verify", path, "-j", 1)
    assert b"\x1b[31mNOT EXPECTED (expected PROVED): \x1b[0m" in written
    assert not any(r"\x1b" in line for line in seen)


def test_explain_tells_what_was_printed_and_where_it_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, "a.py", declare("raises", "print('so far'); raise ValueError('why')"))
    assert main(["explain", "raises", str(path)]) == 1
    told = capsys.readouterr()
    assert "ValueError: why" in told.out
    assert told.err == "raises printed: so far\n"
    assert main(["explain", "raises", str(path), "--debug"]) == 1
    assert "a.py" in capsys.readouterr().err


def test_an_empty_path_is_a_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main(["verify", ""])
    assert raised.value.code == 2
    assert "a path must not be empty" in capsys.readouterr().err


@pytest.mark.parametrize("limit", ["0", "1e300", "2"])
def test_limits_on_memory_from_the_command_line(tmp_path: Path, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    body = "import resource; return Open(str(resource.getrlimit(resource.RLIMIT_AS)[0]))"
    path = write(tmp_path, "a.py", declare("tells", body))
    assert main(["verify", str(path), "--json", "--memory-limit", limit, "--time-limit", "1e300"]) == 0
    told = int(json.loads(capsys.readouterr().out)["conjectures"][0]["evidence"])
    assert told == {"0": -1, "1e300": 2**60, "2": 2**31}[limit]


def test_explain_shows_why_a_file_was_not_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import no_such_module\n")
    assert main(["explain", "anything", str(path)]) == 2
    told = capsys.readouterr().err
    assert "no conjecture has the id anything" in told
    assert "ModuleNotFoundError: No module named 'no_such_module'" in told
