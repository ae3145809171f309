"""kill -9 and full disks: nothing unreadable, nothing acknowledged lost, and the same end as without."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from relugeom.storage import RunDatabase, load_arrays
from relugeom.training.checkpoint import Checkpoint
from tests.conftest import Tier
from tests.test_cli import ENVIRONMENT

SMALL = ["--features", "60", "--sparsity", "0.9", "--warmup", "5", "--test-examples", "20"]
TRAIN = ["train", "-T", "6", *SMALL, "--steps", "4000", "--every", "20"]
SWEEP = ["sweep", "-T", "3", "4", "5", "6", *SMALL, "--steps", "300", "--no-pictures"]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "relugeom", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True
    )


def finish(*arguments: object) -> bytes:
    process = start(*arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err.decode()
    return out


def killed(seconds: float, *arguments: object) -> bool:
    """Whether it was still at work when it was killed."""
    process = start(*arguments)
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return True
    return False


def arrays(path: Path) -> dict[str, Any]:
    return {name: array.tobytes() for name, array in load_arrays(path)[0].items()}


def test_a_killed_training_run_goes_on_to_the_same_end(tier: Tier, tmp_path: Path) -> None:
    kills = tier.count(4, 100)
    rng = random.Random(f"train {tier.name}")
    whole, path = tmp_path / "whole.npz", tmp_path / "run.npz"
    begin = time.monotonic()
    finish(*TRAIN, "-o", whole)
    duration = time.monotonic() - begin
    struck = 0
    while struck < kills:
        path.unlink(missing_ok=True)
        arguments: list[object] = [*TRAIN, "-o", path]
        while struck < kills and killed(rng.uniform(0.2, 1.0) * duration, *arguments):
            struck += 1
            if path.exists():
                Checkpoint.load(path)
                arguments = ["train", "--resume", path, "--every", "20", "--test-examples", "20"]
        if path.exists() and Checkpoint.load(path).status != "finished":
            finish("train", "--resume", path, "--every", "20", "--test-examples", "20")
        if path.exists():
            assert arrays(path) == arrays(whole)
    leftovers = [name for name in os.listdir(tmp_path) if name not in ("whole.npz", "run.npz")]
    assert all(name.endswith(".tmp") for name in leftovers), leftovers
    tier.tell(f"{struck} of {kills} kills of a training run: every file readable, every end the same in all bits")


def test_a_killed_sweep_loses_no_finished_run(tier: Tier, tmp_path: Path) -> None:
    kills = tier.count(3, 60)
    rng = random.Random(f"sweep {tier.name}")

    def results(folder: Path) -> list[Any]:
        with RunDatabase(
            next(folder.glob("*.sqlite*")) if list(folder.glob("*.sqlite*")) else folder / "runs.db"
        ) as database:
            return [(key, {**value, "seconds": 0}) for key, value in database]

    begin = time.monotonic()
    finish(*SWEEP, "-o", tmp_path / "whole")
    duration = time.monotonic() - begin
    expected = results(tmp_path / "whole")
    assert len(expected) == 4
    struck = 0
    for round_ in range(10 * kills):
        folder = tmp_path / f"killed-{round_}"
        known: list[Any] = []
        while struck < kills and killed(rng.uniform(0.3, 1.0) * duration, *SWEEP, "-o", folder):
            struck += 1
            if list(folder.glob("*.sqlite*")) if folder.exists() else False:
                now = results(folder)
                assert all(row in now for row in known)
                assert all(row in expected for row in now)
                known = now
        finish(*SWEEP, "-o", folder)
        assert results(folder) == expected
        for key, value in expected:
            assert arrays(folder / value["file"]) == arrays(tmp_path / "whole" / value["file"]), key
        if struck >= kills:
            break
    tier.tell(f"{struck} of {kills} kills of a sweep: no finished run lost, all results as without")


def test_a_full_disk_leaves_the_earlier_state(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    finish(*TRAIN, "-o", path)
    before = path.read_bytes()

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    for arguments in (
        [*TRAIN, "-o", path],
        [*SWEEP, "-o", tmp_path / "sweep"],
        ["verify", "-k", "polygon", "--certificates", tmp_path / "certificates"],
    ):
        run = subprocess.run(
            [sys.executable, "-m", "relugeom", *map(str, arguments)],
            capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"}, preexec_fn=full,
        )  # fmt: skip
        assert run.returncode == 2, (arguments, run.stdout, run.stderr)
        assert "Traceback" not in run.stderr
        assert path.read_bytes() == before
        assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


WRITER = """
import sys
from relugeom.storage import RunDatabase
with RunDatabase(sys.argv[1]) as database:
    for k in range(200):
        database.record({"k": k}, {"value": k * k})
        database.record({"own": sys.argv[2], "k": k}, {"value": k})
"""


def test_two_processes_share_one_database(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name], env=ENVIRONMENT) for name in "ab"]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    with RunDatabase(path) as database:
        assert len(database) == 600
        assert all(database.result({"k": k}) == {"value": k * k} for k in range(200))


def test_arrays_written_over_each_other_are_one_of_them(tmp_path: Path) -> None:
    """A reader beside a writer sees a whole file, the old or the new one."""
    path = tmp_path / "x.npz"
    program = (
        "import sys, numpy as np\nfrom relugeom.storage import save_arrays\n"
        "for k in range(300): save_arrays(sys.argv[1], {'x': np.full(5000, k % 7.0)}, {'kind': 'test'})\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, str(path)], env=ENVIRONMENT)
    reads = 0
    while writer.poll() is None:
        if path.exists():
            found = load_arrays(path)[0]["x"]
            assert len(np.unique(found)) == 1
            reads += 1
    assert writer.returncode == 0
    assert reads > 5
