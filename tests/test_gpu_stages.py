"""What a GPU is used for: every stage at a toy size with NumPy; a stage that fails costs the others nothing."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder.examples import sparse_unit_norm_examples
from relugeom.engines.cuda.engine import DeviceRun
from relugeom.optim import AdamW
from relugeom.storage import load_arrays
from relugeom.training import Configuration, train
from tests.host_backend import HostBackend

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Any:
    for variable in ("OPENBLAS_NUM_THREADS", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.setenv(variable, "1")  # which the programs set where they are run by themselves
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("gpu_stages")


def run_stage(program: Any, name: str, folder: Path) -> list[dict[str, Any]]:
    program.STAGES[name][0](program.Plan(gpu=False, features=60, toy=True), program.Table(folder / f"{name}.json"))
    rows = json.loads((folder / f"{name}.json").read_text())
    assert len((folder / f"{name}.txt").read_text().splitlines()) == len(rows)
    return rows  # type: ignore[no-any-return]


def test_stages_of_times_write_their_tables(program: Any, tmp_path: Path) -> None:
    assert run_stage(program, "device", tmp_path)[0]["copy_bytes_per_second"] > 0
    steps = run_stage(program, "step", tmp_path)
    kinds = [(row["T"], row["dtype"]) for row in steps]
    assert kinds == [(20, "float32"), (40, "float32"), (20, "float64"), (40, "float64")]
    assert all(entry["error"] < 1e-6 and entry["floor_ms"] > 0 for row in steps for entry in row["rows"])
    assert run_stage(program, "models", tmp_path)[0]["off"].popitem()[1] < 1e-5


def test_a_run_of_the_arc_is_the_trainers(program: Any, tmp_path: Path) -> None:
    rows = run_stage(program, "arc", tmp_path)
    assert [row["T"] for row in rows] == [30, 50]
    assert rows[0]["resumed_is_uninterrupted"]
    stored, facts = load_arrays(tmp_path / "models" / "T30-seed0.npz", kind="gpu run")
    end = train(Configuration.from_dict(facts["configuration"]))
    np.testing.assert_allclose(stored["parameters"], end.parameters, atol=1e-6)
    assert end.data_hash == rows[0]["data"]
    beside = run_stage(program, "processor", tmp_path)
    assert beside[0]["ours"] == beside[0][program.PROCESSOR]
    found = {row["T"]: row for row in run_stage(program, "metrics", tmp_path)}
    assert found[30]["loss"] == pytest.approx(rows[0]["last_loss"], rel=1e-5)
    assert found[30]["test_loss"] == pytest.approx(rows[0]["test_loss"], rel=1e-5)
    # Again: nothing is left to do.
    before = (tmp_path / "models" / "T30-seed0.npz").stat().st_mtime_ns
    assert run_stage(program, "arc", tmp_path) == rows
    assert (tmp_path / "models" / "T30-seed0.npz").stat().st_mtime_ns == before


def test_a_run_that_was_cut_off_goes_on(program: Any, tmp_path: Path) -> None:
    plan = program.Plan(gpu=False, features=60, toy=True)
    configuration, rule = plan.configuration(30, 1, 2), AdamW(weight_decay=1e-2)
    start, state = program.flat_start(configuration), tmp_path / "state.npz"
    whole, losses, kept = program.run_whole(plan, configuration, rule, start, None, [10])
    original = program.save_arrays

    def save_and_die(*arguments: Any) -> None:
        original(*arguments)
        raise KeyboardInterrupt

    program.save_arrays = save_and_die
    try:
        with pytest.raises(KeyboardInterrupt):
            program.run_whole(plan, configuration, rule, start, state, [10])
    finally:
        program.save_arrays = original
    again, other, also = program.run_whole(plan, configuration, rule, start, state, [10])
    np.testing.assert_array_equal(again, whole)
    np.testing.assert_array_equal(other, losses)
    np.testing.assert_array_equal(also["parameters 10"], kept["parameters 10"])
    assert not state.exists()


def test_variations_begin_and_train_as_they_say(program: Any, tmp_path: Path) -> None:
    rows = run_stage(program, "variations", tmp_path)
    assert len(rows) == 2
    assert all(0 < row["loss"] < 1 and row["test_median"] > 0 for row in rows)
    configuration = program.Plan(gpu=False, features=60, toy=True).configuration(20, 1, 2)
    starts = {name: variation.start(configuration) for name, variation in program.variations_of(60).items()}
    usual = starts["as it is"]
    np.testing.assert_array_equal(starts["bias -1"][120:], np.full(60, -1, np.float32))
    np.testing.assert_allclose(starts["Xavier / 100"], usual / 100, rtol=1e-6)
    assert 0 < np.abs(starts["bias uniform 1/sqrt n"][120:]).max() <= 60**-0.5
    assert starts["bias normal"].dtype == np.float32


def test_the_numpy_run_is_the_device_run(program: Any, tmp_path: Path) -> None:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed, which runs the CUDA sources on the processor")
    examples = sparse_unit_norm_examples(30, 40, 0.8, seed=0, dtype="float64")
    start = np.random.default_rng(0).normal(size=120)
    rates = [1e-3] * 7
    there, here = (
        DeviceRun(examples, start, backend=HostBackend(tmp_path), optimiser=AdamW(epsilon=1e-3, weight_decay=0.1)),
        program.NumpyRun(examples, start, optimiser=AdamW(epsilon=1e-3, weight_decay=0.1)),
    )
    np.testing.assert_allclose(here.advance(rates), there.advance(rates), rtol=1e-11)
    np.testing.assert_allclose(here.parameters, there.parameters, atol=1e-11)


def test_a_stage_that_fails_or_takes_too_long_does_not_stop_the_next(program: Any, tmp_path: Path) -> None:
    (tmp_path / "device.json").write_text("no table")
    limits = dict(program.STAGES)
    program.STAGES["arc"] = (program.STAGES["arc"][0], 0.05)
    try:
        assert not program.run_stages(tmp_path, ["device", "arc", "variations"], 100.0, ["--toy"])
    finally:
        program.STAGES.update(limits)
    assert "JSONDecodeError" in (tmp_path / "device.err").read_text()
    assert not (tmp_path / "arc.json").exists()
    assert len(json.loads((tmp_path / "variations.json").read_text())) == 2


def test_the_report_has_a_table_for_every_stage(program: Any, tmp_path: Path) -> None:
    report = importlib.import_module("gpu_report")
    folder = BENCHMARKS / "results"
    found = json.loads((folder / "gpu_stages.json").read_text())
    for stage, rows in found.items():
        (tmp_path / f"{stage}.json").write_text(json.dumps(rows))
    assert report.tables([tmp_path, tmp_path]) == found
    written = report.page(found)
    assert written == (folder / "gpu_stages.md").read_text()
    assert written.count("\n## ") == len({"step", "models", "arc", "processor", "variations"} & found.keys()) == 5


@pytest.mark.long
def test_a_rehearsal_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, str(BENCHMARKS / "gpu_stages.py"), str(tmp_path), "--toy"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {path.stem for path in tmp_path.glob("*.json")} == {
        "device", "kernels", "step", "models", "arc", "variations", "arrays",
    }  # fmt: skip
