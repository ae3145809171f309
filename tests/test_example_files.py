"""The files in examples/ are read, each as its README says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from relugeom import Verdict, verify
from relugeom.autoencoder.files import load_models
from relugeom.cli import main

FOLDER = Path(__file__).parents[1] / "examples"
PROGRAMS = ("my_conjecture.py", "always_on.py")
LISTED = re.findall(r"^\| `([\w.-]+)` \|", (FOLDER / "README.md").read_text(encoding="utf-8"), flags=re.M)


def test_every_file_is_listed() -> None:
    assert set(LISTED) == {path.name for path in FOLDER.iterdir()} - {"README.md"}


@pytest.mark.parametrize("name", [name for name in LISTED if name not in PROGRAMS])
def test_every_file_is_a_model(name: str) -> None:
    models = load_models(FOLDER / name).models
    assert len(models) == (3 if name in ("instances.pt", "trajectory.pt") else 1)
    norms = np.linalg.norm(models[0].model.W, axis=0)
    assert np.ptp(norms) < 1e-6


def test_the_conjecture_is_certified() -> None:
    report = verify(FOLDER / "my_conjecture.py", jobs=1)
    assert [row.verdict for row in report.results] == [Verdict.CERTIFIED]


@pytest.mark.floating_point(under="ignore")  # the weights of a soft minimum vanish
def test_the_search_finds_and_certifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tmp_path / "found.json"
    assert main(["search", "--problem", f"{FOLDER / 'always_on.py'}:seven", "-o", str(found)]) == 0
    assert main(["check", str(found)]) == 0
    assert "1 of 1 certificate valid" in capsys.readouterr().out
