"""What the documents say can be typed: commands parse, programs run, the two commands are the ones CI runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import relugeom
from docs.make.api import api_page
from relugeom.cli import build_parser
from tests.test_cli import ENVIRONMENT

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.M | re.S)


def commands(page: Path) -> list[str]:
    """Every relugeom command line in the shell blocks of a page, cut at shell operators and comments."""
    found = []
    for block in blocks(page, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\||>|;", line.partition(" #")[0]):
                words = shlex.split(part)
                if words and Path(words[0]).name == "relugeom":
                    found.append(shlex.join(words[1:]))
    return found


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_commands_parse(command: str) -> None:
    arguments = build_parser().parse_args(shlex.split(command))
    assert callable(arguments.run)


def test_the_documents_hold_commands() -> None:
    assert "verify" in COMMANDS
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_documented_programs_run(page: Path, tmp_path: Path) -> None:
    programs = blocks(page, "python")
    for number, program in enumerate(programs):
        (tmp_path / f"program_{number}.py").write_text(program, encoding="utf-8")
        if match := re.match(r"# (\w+\.py)\n", program):
            (tmp_path / match[1]).write_text(program, encoding="utf-8")
        for name in re.findall(r'open\("certificates/([\w-]+?)(?:-\d+)?\.json"\)', program):
            write = [sys.executable, "-m", "relugeom", "verify", "-k", name, "--certificates", "certificates"]
            subprocess.run(write, cwd=tmp_path, env=ENVIRONMENT, check=True, capture_output=True)
        run = subprocess.run(
            [sys.executable, f"program_{number}.py"], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
        )
        assert run.returncode == 0, f"{program}\n{run.stderr}"


def test_the_conjecture_of_the_readme_is_certified(tmp_path: Path) -> None:
    program = next(text for text in blocks(ROOT / "README.md", "python") if text.startswith("# my_conjecture.py"))
    (tmp_path / "my_conjecture.py").write_text(program, encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "relugeom", "verify", "my_conjecture.py"],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True,
    )  # fmt: skip
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1].endswith("1 certified; all as expected")


def test_ci_runs_the_two_commands_of_the_readme() -> None:
    first, second = (block.strip() for block in blocks(ROOT / "README.md", "sh")[:2])
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert first in lines
    assert lines[-1] == second


def test_the_size_of_what_has_to_be_believed_is_told() -> None:
    """Every file of the checker but its table of contents stands in docs/trust.md with its number of lines."""
    page = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
    told = {name: int(lines) for name, lines in re.findall(r"^\| `(\w+\.py)` \| (\d+) \|", page, flags=re.M)}
    files = [path for path in (ROOT / "relugeom" / "exact").glob("*.py") if path.name != "__init__.py"]
    assert told == {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in files}


def anchors(page: Path) -> set[str]:
    """What a link may name behind its #: the headings, as the repository and the site spell them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_relative_links_lead_somewhere() -> None:
    more = [ROOT / "CHANGELOG.md", ROOT / "examples" / "README.md", ROOT / "proofs" / "formal" / "README.md"]
    for page in [*PAGES, *(ROOT / "docs" / "notebooks").glob("*.md"), *more]:
        for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                path = page.parent / target if target else page
                assert path.exists(), f"{page.name} links to {target}"
                assert not anchor or anchor in anchors(path), f"{page.name} links to {target}#{anchor}"


def test_pictures_of_notebooks_show_themselves() -> None:
    """A figure of Matplotlib's own class, the last line of a cell, is shown as words; ours is shown as a picture."""
    for page in (ROOT / "docs" / "notebooks").glob("*.md"):
        assert not re.search(r"matplotlib\.figure", page.read_text(encoding="utf-8")), page.name


def test_every_file_of_arguments_is_listed() -> None:
    page = (ROOT / "docs" / "arguments.md").read_text(encoding="utf-8")
    listed = re.findall(r"^- \[(\w+\.py)\]\(\.\./proofs/\1\)", page, flags=re.M)
    assert listed == sorted(path.name for path in (ROOT / "proofs").glob("*.py") if path.name != "__init__.py")


def test_every_page_is_reached_from_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    reached = set(re.findall(r"<([\w/-]+)>$", index, flags=re.M))
    assert reached == {
        path.relative_to(ROOT / "docs").with_suffix("").as_posix()
        for folder in ("", "notebooks")
        for path in (ROOT / "docs" / folder).glob("*.md")
    } - {"index"}


def test_every_name_of_the_front_door_is_on_its_page() -> None:
    """To write it anew: python -m docs.make.api > docs/api.md."""
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert page == api_page()
    for name in relugeom.HOMES:
        assert page.count(f"| `{name}` (") == 1
    assert not re.findall(r"\) \|  \|", page)  # a name without a word about it


def test_every_page_says_first_what_its_reader_can_do() -> None:
    pages = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "notebooks").glob("*.md")]
    for page in pages:
        text = page.read_text(encoding="utf-8")
        if not text.startswith("```{include}"):
            body = text.partition("\n# ")[2] if text.startswith("---") else text
            assert re.search(r"(After|From) this\s+(page|notebook)", body[:500]), page.name
