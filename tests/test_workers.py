"""However many workers there are, and in whatever order their tasks end, what is kept and told is the same."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from relugeom.autoencoder import Axial
from relugeom.capacity import Decoding
from relugeom.capacity.searches.searching import search
from relugeom.executors import ExecutorLike, run_tasks
from relugeom.optim import AdamW
from relugeom.storage import RunDatabase
from relugeom.studies.censuses import Cohort, census
from relugeom.training.configuration import Configuration
from relugeom.training.many_models import AxialTraining
from relugeom.training.sweeps import configurations, sweep
from tests.conftest import Tier
from tests.test_cli import ENVIRONMENT
from tests.test_crashes import CENSUS, SEARCH, SWEEP, finish, rows

COMMANDS: dict[str, tuple[list[object], str, str, int]] = {
    "search": ([*SEARCH, "--database"], "--executor", "processes://{}", 1),
    "census": (CENSUS, "-j", "{}", 0),
    "sweep": ([*SWEEP, "-o"], "--executor", "processes://{}", 0),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_commands_do_not_depend_on_the_number_of_workers(name: str, tier: Tier, tmp_path: Path) -> None:
    command, option, address, status = COMMANDS[name]

    def run(path: Path, *workers: str) -> tuple[Any, Any]:
        told = finish(*command, path, *workers, status=status)
        if name == "sweep":  # which tells and keeps seconds
            return None, [(key, {**value, "seconds": 0}) for key, value in rows(path / "runs.sqlite")]
        return told, rows(path)

    alone = run(tmp_path / "alone")
    numbers = (1, 2, 8) if tier.name == "long" else (2,)
    for number in numbers:
        assert run(tmp_path / str(number), option, address.format(number)) == alone
    tier.tell(f"{name}: {len(alone[1])} of {len(alone[1])} results alike without workers and over {numbers}")


class Late(ThreadPoolExecutor):
    """Every task waits a while before it ends, so that they end in an order drawn by a seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(8)
        self._rng = random.Random(seed)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        pause = self._rng.uniform(0, 0.2)

        def late() -> Any:
            result = function(*arguments, **named)
            time.sleep(pause)
            return result

        return super().submit(late)


def searched(folder: Path, executor: ExecutorLike) -> tuple[Any, Any]:
    with RunDatabase(folder / "runs") as database:
        outcome = search(Decoding(2, 5), attempts=8, against_theorem=True, executor=executor, database=database)
    return outcome, rows(folder / "runs")


def counted(folder: Path, executor: ExecutorLike) -> tuple[Any, Any]:
    cells = [Cohort(AxialTraining(Axial(n), steps=50), 30) for n in range(3, 9)]
    with RunDatabase(folder / "runs") as database:
        summaries = census(cells, database, executor=executor)
    return summaries, rows(folder / "runs")


def swept(folder: Path, executor: ExecutorLike) -> tuple[Any, Any]:
    runs = configurations(
        Configuration(T=4, n=50, S=0.9, steps=80, warmup=10, optimiser=AdamW(1e-2, weight_decay=1e-2)), [3, 6], seeds=4
    )
    finished = sweep(runs, folder / "runs", executor=executor, test_examples=20)
    return [(run.configuration, run.metrics, run.data_hash) for run in finished], None


@pytest.mark.floating_point(under="ignore")  # of the search's soft minimum
@pytest.mark.parametrize("work", [searched, counted, swept])
def test_the_order_in_which_tasks_end_changes_nothing(
    work: Callable[[Path, ExecutorLike], tuple[Any, Any]], tier: Tier, tmp_path: Path
) -> None:
    def within(name: str, executor: ExecutorLike) -> tuple[Any, Any]:
        (tmp_path / name).mkdir()
        return work(tmp_path / name, executor)

    expected = within("alone", None)
    orders = tier.count(1, 20)
    for order in range(orders):
        with Late(order) as pool:
            assert within(str(order), pool) == expected
    tier.tell(f"{work.__name__}: {orders} of {orders} orders of ending alike")


def _blas_threads(_: int) -> list[int]:
    np.linalg.inv(np.eye(3))
    return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]


@pytest.mark.parametrize("executor", [None, "processes://1", "threads"])
def test_a_task_has_one_blas_thread_wherever_it_runs(executor: str | None) -> None:
    before = _blas_threads(0)
    with ThreadPoolExecutor(3) if executor == "threads" else nullcontext(executor) as where:
        told = dict(run_tasks(_blas_threads, range(12), where))
    assert len(told) == 12
    assert {threads for found in told.values() for threads in found} == {1}
    assert _blas_threads(0) == before


def test_the_caller_keeps_its_threads_between_results() -> None:
    before = _blas_threads(0)
    results = run_tasks(_blas_threads, range(2), "processes://1")
    assert set(next(results)[1]) == {1}
    assert _blas_threads(0) == before
    results.close()  # type: ignore[attr-defined]


def test_no_library_is_left_with_one_thread() -> None:
    """Not even one that a task was the first to need."""
    program = """
import numpy as np
from threadpoolctl import threadpool_info
from relugeom.executors import run_tasks

def task(_):
    import scipy.linalg
    return scipy.linalg.inv(np.eye(3))

before = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
list(run_tasks(task, [0]))
after = [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]
assert set(after) == set(before), (before, after)
"""
    environment = {name: value for name, value in ENVIRONMENT.items() if not name.endswith("_NUM_THREADS")}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
