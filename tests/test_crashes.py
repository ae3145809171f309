"""kill -9 and full disks: nothing unreadable, nothing acknowledged lost, and the same end as without."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.storage import RunDatabase, load_arrays
from relugeom.training.checkpoint import Checkpoint
from tests.conftest import Tier
from tests.test_cli import ENVIRONMENT

SMALL = ["--features", "60", "--sparsity", "0.9", "--warmup", "5", "--test-examples", "20"]
TRAIN = ["train", "-T", "6", *SMALL, "--steps", "4000", "--every", "20"]
SWEEP = ["sweep", "-T", "3", "4", "5", "6", *SMALL, "--steps", "300", "--no-pictures", "--resume"]
# Ten attempts at what no attempt can reach, so that the command ends with 1; four blocks of seeds.
SEARCH = ["search", "--m", "1", "--n", "3", "--bias", "free", "--against-theorem", "--attempts", "10", "--json"]
CENSUS = ["census", "--n", "3..6", "--seeds", "400", "--steps", "50", "--json", "--resume", "--output"]


def start(*arguments: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "relugeom", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, start_new_session=True
    )


def finish(*arguments: object, status: int = 0) -> bytes:
    process = start(*arguments)
    out, err = process.communicate(timeout=120)
    assert process.returncode == status, err.decode()
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
                arguments = ["train", "--output", path, "--resume", "--every", "20", "--test-examples", "20"]
        if path.exists() and Checkpoint.load(path).status != "finished":
            finish("train", "--output", path, "--resume", "--every", "20", "--test-examples", "20")
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


def rows(path: Path) -> list[Any]:
    with RunDatabase(path) as database:
        return list(database)


def survives_kills(
    kills: int, name: str, tmp_path: Path, command: Callable[[Path, bool], list[object]], status: int
) -> int:
    """Kill a command that keeps a database until it gets through, over and over; return how often it was killed.

    `command` says how it is typed for a database, alone or with two workers.
    """
    rng = random.Random(name)
    begin = time.monotonic()
    answer = finish(*command(tmp_path / "whole", False), status=status)
    duration = time.monotonic() - begin
    expected = rows(tmp_path / "whole")
    struck = 0
    for round_ in range(10 * kills):
        path, known, shared = tmp_path / f"killed-{round_}", [], bool(round_ % 2)
        while struck < kills and killed(rng.uniform(0.2, 1.0) * duration, *command(path, shared)):
            struck += 1
            now = rows(path) if path.exists() else []
            assert all(row in now for row in known)
            assert all(row in expected for row in now)
            known = now
        assert finish(*command(path, shared), status=status) == answer
        assert rows(path) == expected
        if struck >= kills:
            break
    return struck


def test_a_killed_search_goes_on_to_the_same_answer(tier: Tier, tmp_path: Path) -> None:
    def command(path: Path, shared: bool) -> list[object]:
        return [*SEARCH, "--database", path, "--resume", *(["--executor", "processes://2"] if shared else [])]

    kills = tier.count(3, 40)
    struck = survives_kills(kills, f"search {tier.name}", tmp_path, command, status=1)
    assert struck == kills
    tier.tell(f"{struck} of {kills} kills of a search: no candidate lost, every answer as without")


def test_a_killed_census_goes_on_to_the_same_counts(tier: Tier, tmp_path: Path) -> None:
    def command(path: Path, shared: bool) -> list[object]:
        return [*CENSUS, path, *(["-j", "2"] if shared else [])]

    kills = tier.count(3, 40)
    struck = survives_kills(kills, f"census {tier.name}", tmp_path, command, status=0)
    assert struck == kills
    tier.tell(f"{struck} of {kills} kills of a census: no block lost, all counts as without")


def test_a_full_disk_leaves_the_earlier_state(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    finish(*TRAIN, "-o", path)
    before = path.read_bytes()

    def full() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))

    for arguments in (
        [*TRAIN, "--force", "-o", path],
        [*SWEEP, "-o", tmp_path / "sweep"],
        [*SEARCH, "--database", tmp_path / "search"],
        [*CENSUS, tmp_path / "census"],
        ["verify", "-k", "untied-any-n", "--certificates", tmp_path / "certificates"],
    ):
        run = subprocess.run(
            [sys.executable, "-m", "relugeom", *map(str, arguments)],
            capture_output=True, text=True, env={**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"}, preexec_fn=full,
        )  # fmt: skip
        assert run.returncode == 2, (arguments, run.stdout, run.stderr)
        assert "Traceback" not in run.stderr
        assert path.read_bytes() == before
        assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


class Disk:
    """A folder whose disk can be filled up, and cleared again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self, room: int) -> None:
        """Leave room for so many bytes."""
        free = os.statvfs(self.folder).f_bavail * os.statvfs(self.folder).f_bsize
        self._filler.write_bytes(bytes(free - room))

    def clear(self) -> None:
        self._filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of four megabytes, where this user may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", folder], check=True)


# What is done while there is room, what is asked for then, how it ends, and the bytes that are left: so few that a
# checkpoint has no room, or that a database takes one or two runs more.
FILLING: dict[str, tuple[list[object], list[object], int, int]] = {
    "search": ([*SEARCH, "--attempts", "3", "--resume", "--database"], [*SEARCH, "--resume", "--database"], 1, 60_000),
    "census": ([*CENSUS[:-1], "--n", "3", "--output"], CENSUS, 0, 200_000),
    "sweep": ([*SWEEP, "-T", "3", "-o"], [*SWEEP, "-o"], 0, 60_000),
    "train": ([*TRAIN, "--steps", "100", "-o"], [*TRAIN, "--force", "-o"], 0, 2_000),
}


@pytest.mark.parametrize("name", FILLING)
def test_a_disk_that_fills_up_keeps_what_is_there(name: str, disk: Disk, tmp_path: Path) -> None:
    before, after, status, room = FILLING[name]

    def state(path: Path) -> list[Any]:
        if name == "train":
            return [arrays(path)]
        if name == "sweep":
            return [(key, {**value, "seconds": 0}) for key, value in rows(next(path.glob("*.sqlite*")))]
        return rows(path)

    path = disk.folder / "runs"
    finish(*before, path, status=status)
    known = state(path)
    disk.fill(room)
    process = start(*after, path)
    error = process.communicate(timeout=120)[1].decode()
    assert process.returncode == 2, error
    assert error.count("\n") == 1, error
    assert "full" in error or "No space left" in error
    assert all(row in state(path) for row in known)
    assert len(state(path)) > len(known) or name == "train"
    disk.clear()
    finish(*after, path, status=status)
    finish(*after, tmp_path / "whole", status=status)
    assert state(path) == state(tmp_path / "whole")
    assert not [left for left in os.listdir(disk.folder) if left.endswith(".tmp")]


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
