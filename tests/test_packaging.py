"""What is built is what is used: source archive and wheel, installed into an empty environment, and used there."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import relugeom

ROOT = Path(__file__).parents[1]


def run(*command: object, cwd: Path) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "RELUGEOM"))}
    ended = subprocess.run([*map(str, command)], cwd=cwd, env=clean, capture_output=True, text=True, timeout=900)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"
    return ended.stdout


@pytest.mark.long
def test_source_archive_and_wheel_work_in_an_empty_environment(tmp_path: Path) -> None:
    run("git", "clone", "-q", ROOT, "source", cwd=tmp_path)
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "build", cwd=tmp_path)
    # The wheel is built from the source archive, so whatever the archive lacks would be missed.
    run(python, "-m", "build", "--outdir", tmp_path / "dist", tmp_path / "source", cwd=tmp_path)
    wheel = next((tmp_path / "dist").glob("*.whl"))
    names = zipfile.ZipFile(wheel).namelist()
    assert "relugeom/py.typed" in names
    assert "relugeom/proofs/formal/two_m_bound.v" in names
    run(python, "-m", "pip", "uninstall", "-q", "-y", "build", cwd=tmp_path)
    run(python, "-m", "pip", "install", "-q", wheel, cwd=tmp_path)
    command = tmp_path / "empty" / "bin" / "relugeom"
    assert run(command, "--version", cwd=tmp_path) == f"relugeom {relugeom.__version__}\n"
    told = run(command, "verify", "-k", "same-subspace", "--certificates", "certificates", cwd=tmp_path)
    assert told.splitlines()[-1].endswith("all as expected")
    assert run(command, "check", "certificates", cwd=tmp_path).splitlines()[-1].endswith("valid")
    for name in ("capacity", "train", "sweep", "atlas"):
        assert "usage:" in run(command, name, "--help", cwd=tmp_path)


def test_every_package_and_its_data_are_listed() -> None:
    """setup.cfg names what the wheel holds; a folder that is forgotten there is missing from it."""
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    tracked = subprocess.run(["git", "ls-files", "relugeom"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    for folder in sorted({str(Path(name).parent) for name in tracked if name.endswith(".py")}):
        assert f"\n    {folder.replace('/', '.')}\n" in setup, folder
    for name in tracked:
        if not name.endswith((".py", "py.typed")):
            assert f"*{Path(name).suffix}" in setup or Path(name).name in setup, name


def test_the_examples_in_docstrings_run() -> None:
    program = (
        "import doctest, importlib, pkgutil, sys, relugeom\n"
        "tried = failed = 0\n"
        "for module in pkgutil.walk_packages(relugeom.__path__, 'relugeom.'):\n"
        "    if module.name.endswith('__main__'): continue\n"
        "    try: found = importlib.import_module(module.name)\n"
        "    except ImportError as error:\n"
        "        if (error.name or '').partition('.')[0] in ('cupy', 'cupyx', 'distributed', 'mpi4py'): continue\n"
        "        raise\n"
        "    result = doctest.testmod(found)\n"
        "    tried, failed = tried + result.attempted, failed + result.failed\n"
        "print(tried, failed)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, env=environment)
    tried, failed = map(int, ended.stdout.splitlines()[-1].split()) if ended.returncode == 0 else (0, 0)
    assert failed == 0, ended.stdout
    assert tried >= 10, ended.stderr
