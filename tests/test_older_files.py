"""What version 0.1.0 wrote is read, resumed and gone on with, to the same numbers; see fixtures/version-0.1.0."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.cli import main
from relugeom.optim import SGD
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.loop import resume

OLD = Path(__file__).parent / "fixtures" / "version-0.1.0"
ENGINES = sorted(path.stem.removeprefix("checkpoint-") for path in OLD.glob("checkpoint-*.npz"))


def printed(capsys: pytest.CaptureFixture[str], command: str) -> Any:
    assert main(command.split()) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_checkpoint_is_resumed_to_the_end_of_its_run(engine: str) -> None:
    checkpoint = Checkpoint.load(OLD / f"checkpoint-{engine}.npz")
    assert checkpoint.step == 60
    with np.load(OLD / f"end-{engine}.npz") as end:
        expected = end["parameters"]
    # Not bit for bit: another BLAS, or another processor under the same one, adds up in another order.
    np.testing.assert_allclose(resume(checkpoint).parameters, expected, rtol=1e-9, atol=1e-12)


def test_a_checkpoint_written_anew_says_the_same(tmp_path: Path) -> None:
    old = Checkpoint.load(OLD / "checkpoint-sgd.npz")
    old.save(tmp_path / "new.npz")
    new = Checkpoint.load(tmp_path / "new.npz")
    assert new.configuration == old.configuration
    assert new.configuration.optimiser == SGD(old.configuration.optimiser.learning_rate, 0.9, 0.01)
    np.testing.assert_array_equal(new.parameters, old.parameters)


def test_the_sweep_finds_its_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "sweep"
    shutil.copytree(OLD / "sweep", there)
    before = {path: path.stat().st_mtime_ns for path in there.glob("*.npz")}
    found = printed(
        capsys,
        f"sweep -T 3 5 -o {there} --resume --features 40 --sparsity 0.9 --steps 200 --warmup 20 --no-pictures --json",
    )
    expected = json.loads((OLD / "sweep.json").read_text(encoding="utf-8"))
    for run in expected["runs"]:
        run["metrics"]["norm_latent"] = run["metrics"].pop("norm_hidden")
    assert [run["metrics"] for run in found["runs"]] == [run["metrics"] for run in expected["runs"]]
    assert {path: path.stat().st_mtime_ns for path in there.glob("*.npz")} == before
    assert len(before) == 2


def test_the_search_finds_its_candidates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "search.sqlite"
    shutil.copy(OLD / "search.sqlite", there)
    found = printed(capsys, f"search --m 2 --n 4 --attempts 20 --unseeded --database {there} --resume --json")
    expected = json.loads((OLD / "search.json").read_text(encoding="utf-8"))
    for name in ("outcome", "attempts", "margin", "certificate"):
        assert found[name] == expected[name]


def test_the_census_finds_its_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from relugeom.studies import censuses

    there = tmp_path / "census.sqlite"
    shutil.copy(OLD / "census.sqlite", there)

    def refuse(task: object) -> list[dict[str, Any]]:
        raise AssertionError(f"computed again: {task}")

    monkeypatch.setattr(censuses, "_run_blocks", refuse)
    assert main(f"census --n 4,5 --seeds 60 --steps 2000 -o {there} --resume".split()) == 0


def test_the_atlas_is_still_found(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = printed(capsys, "atlas --n 5 --seeds 40 --data uniform --steps 3000 --json").values()
    (expected,) = json.loads((OLD / "atlas.json").read_text(encoding="utf-8")).values()
    for group in expected:  # by the name that it has now
        before = {"minimum": "strict minimum", "undecided on a kink": "on a kink: undecided"}
        group["nature"] = before.get(group["nature"], group["nature"])
    assert [(g["count"], g["nature"], g["type"], g["spurious"]) for g in found] == [
        (g["count"], g["nature"], g["type"], g["spurious"]) for g in expected
    ]
    np.testing.assert_allclose([g["loss"] for g in found], [g["loss"] for g in expected], rtol=1e-9)


def test_an_old_atlas_is_offered_by_the_explorer_and_shown_in_the_report() -> None:
    from relugeom.explorer import read_atlas
    from relugeom.report import read_table

    assert len(read_atlas(OLD / "atlas.json")) == 2
    assert len(read_table("atlas", OLD / "atlas.json").rows) == 2
    assert len(read_table("sweep", OLD / "sweep.json").rows) == 2
