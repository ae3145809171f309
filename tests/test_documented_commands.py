"""Every relugeom line of the documents runs as it is typed, page by page, in a folder of its own.

The tables say which lines are made smaller and how, which are left to the long run, and which cannot run here at all.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from docs.make.commands import help_page, plain
from tests.conftest import Tier
from tests.test_cli import ENVIRONMENT
from tests.test_documents import PAGES, ROOT, blocks

# By the beginning of the line, the options it gets instead of its own: hours become seconds.
SMALLER = {
    "relugeom train -T 5 --output five.npz": "--features 400 --sparsity 0.98 --steps 400 --warmup 20",
    "relugeom train -T 100": "--steps 300 --warmup 20",
    "relugeom sweep -T 3 5 6 8": "--features 1000 --sparsity 0.99 --steps 40 --warmup 20 --test-examples 50",
    "relugeom sweep -T 3 5 8 20": "--steps 100 --test-examples 50",
    "relugeom atlas": "--seeds 20 --steps 300",
    "relugeom census": "--seeds 20 --steps 300",
    "relugeom verify -k polygon": "-k polygon-in-float16",
    "relugeom verify --certificates": "-k same-subspace",
    "relugeom toy": "--steps 50 --seeds 1",
    "relugeom cure": "--steps 50 --seeds 2",
}
# Minutes each, or pictures that other tests draw.
LONG = (
    "relugeom verify --full", "relugeom verify --formal", "relugeom verify --json", "relugeom verify --markdown",
    "relugeom train -T 5 --n 60", "relugeom report", "relugeom bench", "relugeom figures",
    "relugeom atlas --n 3..10", "relugeom census --n 3..10",
    "relugeom toy phases", "relugeom toy companions", "relugeom toy levels", "relugeom toy packing",
    "relugeom toy --n 80", "relugeom toy --n 400",
)  # fmt: skip
ELSEWHERE = {
    "--executor dask://scheduler:8786": "needs a cluster of that name; tests/test_sweep.py starts one",
    "--engine cuda": "needs a GPU; tests/test_doctor.py reads the one line of a machine without",
}


def lines(page: Path) -> list[str]:
    """The lines to type, from shell blocks and from indented ones; what may be left out, [--model FILE], is."""
    text = page.read_text(encoding="utf-8")
    indented = re.findall(r"^    (relugeom [^`\n]*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), flags=re.M)
    shell = "\n".join([*blocks(page, "sh"), *indented]).replace("\\\n", " ")
    return [re.sub(r" \[[^]]*\]", "", line) for line in shell.splitlines() if line.startswith("relugeom ")]


def as_run(line: str) -> str:
    """The line, made smaller where the tables say so."""
    for beginning, options in SMALLER.items():
        if line.startswith(beginning):
            name, command, rest = line.split(maxsplit=2)
            for option in re.findall(r"(?<!\S)--?\S+", options):
                rest = re.sub(rf"{option} \S+ ?", "", rest)
            return f"{name} {command} {options} {rest}"
    return line


def prepare(page: Path, folder: Path) -> dict[str, str]:
    """What the page says a reader has by then: files named in its programs, a model; and `relugeom` on the path."""
    for program in blocks(page, "python"):
        if match := re.match(r"# (\w+\.py)\n", program):
            (folder / match[1]).write_text(program, encoding="utf-8")
    for model in blocks(page, "json")[:1]:
        (folder / "mine.json").write_text(model, encoding="utf-8")
    shutil.copy(ROOT / "tests" / "fixtures" / "models" / "linears.pth", folder / "model.pt")
    (folder / "docs").mkdir()
    command = folder / "bin" / "relugeom"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m relugeom "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return {**ENVIRONMENT, "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.long
@pytest.mark.parametrize("page", [page for page in PAGES if lines(page)], ids=lambda page: page.name)
def test_documented_lines_run(page: Path, tier: Tier, tmp_path: Path) -> None:
    environment = prepare(page, tmp_path)
    ran = smaller = 0
    for line in lines(page):
        if any(part in line for part in ELSEWHERE) or (tier.name == "quick" and line.startswith(LONG)):
            continue
        typed = as_run(line)
        run = subprocess.run(
            ["bash", "-c", typed], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=1800
        )
        assert run.returncode == 0, f"{typed}\n{run.stdout}\n{run.stderr}"
        assert "Traceback" not in run.stderr
        ran, smaller = ran + 1, smaller + (typed != line)
    tier.tell(f"{page.name}: {ran} of {len(lines(page))} lines ran, {smaller} of them made smaller")


def test_the_tables_are_about_lines_that_exist() -> None:
    every = [line for page in PAGES for line in lines(page)]
    for beginning in (*SMALLER, *LONG):
        assert any(line.startswith(beginning) for line in every), beginning
    for part in ELSEWHERE:
        assert any(part in line for line in every), part


def test_documented_benchmarks_have_the_options_that_they_are_given() -> None:
    found = {
        line.partition(" #")[0]
        for page in PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("python benchmarks/")
    }
    assert found
    for line in sorted(found):
        _, program, *options = shlex.split(line)
        run = subprocess.run(
            [sys.executable, program, "--help"], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True
        )
        assert run.returncode == 0, f"{line}\n{run.stderr}"
        assert all(option in run.stdout for option in options if option.startswith("--")), line


def test_the_help_of_every_command_stands_in_the_documents() -> None:
    """To write it anew: python -m docs.make.commands > docs/commands.md."""
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert plain(page) == plain(help_page())
