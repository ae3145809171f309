"""The default tests pass with the oldest libraries that setup.cfg admits, and with the newest that can be had."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What these start are tests of tests, environments and browsers: the libraries make no difference to them.
LEFT_OUT = ("test_dependencies.py", "test_packaging.py", "test_exact_coverage.py", "test_explorer.py", "test_report.py")


def floors() -> dict[str, str]:
    """The oldest version of every library, from setup.cfg."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    required = re.findall(r"^([\w-]+) >= ([\w.]+)$", setup["options"]["install_requires"], flags=re.M)
    assert len(required) == len(setup["options"]["install_requires"].split("\n")) - 1
    return dict(required)


def test_the_floors_are_read() -> None:
    assert {"numpy", "scipy", "sympy", "matplotlib", "array-api-compat", "threadpoolctl"} == set(floors())


@pytest.mark.long
@pytest.mark.parametrize("age", ["oldest", "newest"])
def test_the_default_tests_pass(age: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "source"
    subprocess.run(["git", "clone", "-q", ROOT, source], check=True)
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    pins = [f"{name}=={version}" for name, version in floors().items()] if age == "oldest" else ["--upgrade", *floors()]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}

    def run(*command: object) -> str:
        ended = subprocess.run([*map(str, command)], cwd=source, env=clean, capture_output=True, text=True)
        assert ended.returncode == 0, f"{command}\n{ended.stdout[-5000:]}\n{ended.stderr[-2000:]}"
        return ended.stdout

    run(python, "-m", "pip", "install", "-q", "-e", ".[test]", *pins)
    leave = [f"--ignore=tests/{name}" for name in LEFT_OUT]
    # Old libraries use what newer ones of their own dependencies deprecate: no fault of ours, nor to be mended here.
    told = run(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore::DeprecationWarning", *leave)
    versions = run(python, "-m", "pip", "list", "--format=freeze")
    found = [line for line in versions.lower().replace("_", "-").splitlines() if line.partition("==")[0] in floors()]
    with capsys.disabled():
        print(f" [{age}: {told.splitlines()[-1]} with {', '.join(found)}] ", end="", flush=True)
