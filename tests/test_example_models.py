"""The files in examples/ are read, each as its README says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from relugeom.autoencoder.files import load_models

FOLDER = Path(__file__).parents[1] / "examples"
LISTED = re.findall(r"^\| `([\w.-]+)` \|", (FOLDER / "README.md").read_text(encoding="utf-8"), flags=re.M)


def test_every_file_is_listed() -> None:
    assert set(LISTED) == {path.name for path in FOLDER.iterdir()} - {"README.md"}


@pytest.mark.parametrize("name", LISTED)
def test_every_file_is_a_model(name: str) -> None:
    models = load_models(FOLDER / name).models
    assert len(models) == (3 if name in ("instances.pt", "trajectory.pt") else 1)
    norms = np.linalg.norm(models[0].model.W, axis=0)
    assert np.ptp(norms) < 1e-6
