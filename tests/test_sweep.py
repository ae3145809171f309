"""A sweep gives the same numbers wherever its runs are done, and goes on where it was stopped."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import Axial
from relugeom.capacity import Decoding
from relugeom.capacity.searches.searching import NotFound, search
from relugeom.engines.choice import EngineChoice
from relugeom.errors import ArgumentError, WorkerError
from relugeom.executors import run_tasks
from relugeom.optim import AdamW
from relugeom.progress import Progress
from relugeom.storage import RunDatabase
from relugeom.studies.atlases import atlas
from relugeom.studies.censuses import Cohort, census
from relugeom.training.configuration import Configuration
from relugeom.training.many_models import AxialTraining
from relugeom.training.sweeps import Finished, best_of, configurations, independent_seeds, model_of, sweep

BASE = Configuration(T=4, n=50, S=0.9, steps=80, warmup=10, optimiser=AdamW(1e-2, weight_decay=1e-2))
RUNS = configurations(BASE, [3, 6], data_sets=2, seeds=2)


def numbers(finished: list[Finished]) -> list[tuple]:
    return [
        (run.configuration, run.status, json.dumps(run.metrics), run.data_hash, model_of(run).W.tobytes())
        for run in finished
    ]


@pytest.fixture(scope="module")
def serial(tmp_path_factory: pytest.TempPathFactory) -> list[tuple]:
    return numbers(sweep(RUNS, tmp_path_factory.mktemp("serial"), test_examples=50))


@pytest.mark.parametrize("address", ["processes://2", "processes://8"])
def test_workers_do_not_change_the_numbers(address: str, serial: list[tuple], tmp_path: Path) -> None:
    assert numbers(sweep(RUNS, tmp_path, executor=address, test_examples=50)) == serial


def test_a_stopped_sweep_goes_on(serial: list[tuple], tmp_path: Path) -> None:
    class Stop(Exception):
        pass

    def stop(progress: Progress) -> None:
        if progress.done == 3:
            raise Stop

    with pytest.raises(Stop):
        sweep(RUNS, tmp_path, test_examples=50, progress=stop)
    seen: list[int] = []
    again = sweep(RUNS, tmp_path, test_examples=50, progress=lambda news: seen.append(news.done))
    assert seen == [3, 4, 5, 6, 7, 8]
    assert numbers(again) == serial


def test_what_an_earlier_rule_finished_is_not_done_again(tmp_path: Path) -> None:
    (run,) = configurations(replace(BASE, n=600, S=0.99), [4])
    assert run.chosen_engine.name == "lazy"
    earlier = replace(run, engine=EngineChoice("hull"))
    (before,) = sweep([earlier], tmp_path, test_examples=50)
    seen: list[int] = []
    (after,) = sweep([run], tmp_path, test_examples=50, progress=lambda news: seen.append(news.done))
    assert seen == [1], "nothing is left to do"
    assert (after.configuration, after.metrics) == (earlier, before.metrics)
    (new,) = sweep([run], tmp_path / "elsewhere", test_examples=50)
    assert new.configuration == run


def test_best_of_keeps_the_lowest_loss(tmp_path: Path) -> None:
    finished = sweep(RUNS, tmp_path, test_examples=50)
    best = best_of(finished)
    assert len(best) == 4
    for run in best:
        rivals = [
            other
            for other in finished
            if replace(other.configuration, seed=run.configuration.seed) == run.configuration
        ]
        assert len(rivals) == 2
        assert run.metrics["loss"] == min(rival.metrics["loss"] for rival in rivals)


def test_settings_and_seeds() -> None:
    runs = configurations(BASE, [3], seeds=3, settings=[{"optimiser": AdamW(1e-2)}, {"optimiser": AdamW(1e-3)}])
    assert [run.optimiser.learning_rate for run in runs] == [1e-2] * 3 + [1e-3] * 3
    assert len({run.seed for run in runs}) == 3
    assert independent_seeds(5, 4)[:2] == independent_seeds(5, 2)
    with pytest.raises(ArgumentError):
        configurations(BASE, [])


def square(x: int) -> int:
    return x * x


def die_once(path: str) -> str:
    """Kill the worker the first time; the marker is what the second attempt finds."""
    marker = Path(path)
    if not marker.exists():
        marker.write_text("")
        os.kill(os.getpid(), signal.SIGKILL)
    return path


def square_or_die(x: int) -> int:
    if x in (2, 7):
        os.kill(os.getpid(), signal.SIGKILL)
    return x * x


def test_completed_over_every_kind_of_executor() -> None:
    expected = {(k, k * k) for k in range(6)}
    with ThreadPoolExecutor(2) as threads:
        for executor in (None, threads, "processes://2"):
            assert set(run_tasks(square, range(6), executor)) == expected
    assert list(run_tasks(square, [], "processes://2")) == []


def test_a_task_whose_worker_died_is_done_again(tmp_path: Path) -> None:
    tasks = [str(tmp_path / "a"), str(tmp_path / "b")]
    (tmp_path / "b").write_text("")
    assert dict(run_tasks(die_once, tasks, "processes://2")) == dict(enumerate(tasks))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_others_go_on_when_a_task_kills_its_worker_twice(workers: int) -> None:
    found = run_tasks(square_or_die, range(20), f"processes://{workers}")
    results = [next(found) for _ in range(18)]
    with pytest.raises(WorkerError, match="2 of 20 tasks lost their worker, and again"):
        next(found)
    assert sorted(results) == [(k, k * k) for k in range(20) if k not in (2, 7)]


def test_a_broken_pool_of_somebody_else_is_reported() -> None:
    with (
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        pytest.raises(WorkerError, match="lost their worker"),
    ):
        list(run_tasks(square_or_die, [2, 3], pool))
    with pytest.raises(WorkerError, match="2 of 2 tasks lost their worker"):
        list(run_tasks(square, [2, 3], pool))


def test_workers_that_cannot_be_started_are_reported_at_once(tmp_path: Path) -> None:
    program = tmp_path / "unguarded.py"
    program.write_text("from relugeom.executors import run_tasks\nprint(list(run_tasks(abs, [1], 'processes://1')))\n")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    ended = subprocess.run([sys.executable, program], capture_output=True, text=True, timeout=60, env=environment)
    assert ended.returncode == 1
    assert "WorkerError: worker processes end before they have begun" in ended.stderr
    assert '__name__ == "__main__"' in ended.stderr


@pytest.mark.parametrize("address", ["processes://0", "processes://x", "ssh://host", "nonsense"])
def test_wrong_addresses(address: str) -> None:
    with pytest.raises(ArgumentError):
        list(run_tasks(square, [1], address))


class Cluster:
    """A dask scheduler and two worker processes on the loopback device."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        path = os.pathsep.join([".", *filter(None, [os.environ.get("PYTHONPATH")])])
        self._environment = os.environ | {"PYTHONPATH": path}
        self._folder, self._stack = folder, stack
        file = folder / "scheduler.json"
        self._start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file))
        for _ in range(600):
            if file.exists() and file.read_text():
                break
            time.sleep(0.1)
        self._scheduler = json.loads(file.read_text())["address"]
        self.address = self._scheduler.replace("tcp://", "dask://")
        self._workers = [self._worker(), self._worker()]

    def _start(self, program: str, *arguments: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{program}", *arguments, "--no-dashboard"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self._environment,
        )  # fmt: skip
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process

    def _worker(self) -> subprocess.Popen:
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(self._folder))
        return self._start("dask_worker", self._scheduler, *options)

    def kill_one_after_the_first(self) -> Callable[[Progress], None]:
        """To be told of progress: when one task is done a worker is killed, and a fresh one joins."""
        told: list[Progress] = []

        def kill(progress: Progress) -> None:
            if progress.done >= 1 and not told:
                told.append(progress)
                self._workers[0].kill()
                assert self._workers.pop(0).wait() != 0
                self._workers.append(self._worker())

        self.told = told
        return kill


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="dask is not installed")
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


@pytest.mark.floating_point(under="ignore")  # the weights of a soft minimum vanish
@pytest.mark.filterwarnings("default")  # dask's own, of which there are some
def test_a_cluster_gives_the_same_numbers_though_workers_are_killed(
    cluster: Cluster, tmp_path: Path, serial: list[tuple]
) -> None:
    finished = sweep(
        RUNS, tmp_path / "out", executor=cluster.address, test_examples=50, progress=cluster.kill_one_after_the_first()
    )
    assert cluster.told
    assert numbers(finished) == serial

    cohorts = [
        Cohort(AxialTraining(Axial(4), steps=200), seeds=40),
        Cohort(AxialTraining(Axial(5), steps=200), seeds=40),
    ]

    def counts(name: str, **options: Any) -> list[dict[str, Any]]:
        with RunDatabase(tmp_path / name) as database:
            return census(cohorts, database, **options).records()

    assert counts("there", executor=cluster.address, progress=cluster.kill_one_after_the_first()) == counts("here")
    assert cluster.told

    problem = Decoding(m=2, n=5)  # one feature too many: every attempt is made
    there, here = (
        search(problem, attempts=6, against_theorem=True, executor=executor) for executor in (cluster.address, None)
    )
    assert isinstance(there, NotFound)
    assert there == here

    training = AxialTraining(Axial(4), steps=500)
    assert atlas(training, 8, executor=cluster.address).records() == atlas(training, 8).records()


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "relugeom", *arguments], capture_output=True, text=True, check=False)


SETTINGS = ["--features", "60", "--sparsity", "0.9", "--steps", "60", "--warmup", "5", "--test-examples", "50"]


def test_sweep_command(tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ["sweep", "-T", "5", "3", *SETTINGS, "--learning-rates", "0.01", "0.02", "-o", str(out)]
    ended = command(*arguments)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    assert [line.split()[0] for line in ended.stdout.splitlines()[:5]] == ["T", "3", "3", "5", "5"]
    for name in ("losses.svg", "dimensionality.svg", "vectors.svg"):
        assert (out / name).read_bytes().startswith(b"<?xml")
    refused = command(*arguments)
    assert refused.returncode == 2
    assert "add --resume to go on with it" in refused.stderr
    inspected = command("inspect", str(out), "--data", "training", "--json")
    assert {row["n"] for row in json.loads(inspected.stdout)["models"]} == {60}
    again = json.loads(command(*arguments, "--resume", "--json", "--no-pictures").stdout)
    assert len(again["runs"]) == 4
    assert {run["configuration"]["learning_rate"] for run in again["runs"]} == {0.01, 0.02}


def test_train_command(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    ended = command("train", "-T", "5", *SETTINGS, "-o", str(path), "--json", "--engine", "moments", "--untied")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr == ""
    report = json.loads(ended.stdout)
    assert report["status"] == "finished"
    assert report["configuration"]["engine"]["name"] == "moments"
    assert report["metrics"]["loss"] < report["trajectory"][0][1]
    # A finished run's file serves as the next one's start.
    again = command("train", "-T", "5", *SETTINGS, "--initialisation", "file", "--init-file", str(path), "--json")
    assert json.loads(again.stdout)["trajectory"][0][1] != report["trajectory"][0][1]


def test_a_killed_sweep_leaves_no_worker_and_goes_on(tmp_path: Path) -> None:
    arguments = ["sweep", "-T", "4", "5", *SETTINGS[:4], "--steps", "3000", "--seeds", "4", "--no-pictures"]
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "relugeom", *arguments, "-j", "2", "-o", str(out)], stdout=subprocess.DEVNULL
    )
    while not list(out.glob("*.npz")):
        assert process.poll() is None
        time.sleep(0.01)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    begin = time.monotonic()
    while any(is_running(worker) for worker in workers):
        assert time.monotonic() < begin + 20, "a worker outlived its sweep"
        time.sleep(0.05)
    done = len(list(out.glob("*.npz")))
    assert done >= 1
    resumed = command(*arguments, "-o", str(out), "--resume", "--json")
    assert resumed.returncode == 0, resumed.stderr
    whole = json.loads(command(*arguments, "-o", str(tmp_path / "whole"), "--json").stdout)
    for one, other in zip(json.loads(resumed.stdout)["runs"], whole["runs"], strict=True):
        assert one["metrics"] == other["metrics"]


def is_running(pid: str) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["train", "-T", "-4"],
        ["train", "-T", "5", "--sparsity", "1"],
        ["train", "-T", "5", "--engine", "fastest"],
        ["train", "-T", "5", "--data", "file", "--data-file", "/nonexistent"],
        ["train", "-T", "5", "--features", "20", "-o", "/nonexistent/run.npz"],
        ["train", "-o", "/nonexistent", "--resume"],
        ["train", "-o", "x", "--resume", "--learning-rate", "1"],
        ["sweep", "-T", "0", "-o", "out"],
        ["sweep", "-T", "3", "-o", "/dev/null/out"],
        ["sweep", "-T", "3", "-o", "out", "--executor", "nonsense"],
    ],
)
def test_mistakes_get_one_line(arguments: list[str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "relugeom", *arguments], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stdout == ""
    *usage, line = ended.stderr.splitlines()
    assert line.startswith(f"relugeom {arguments[0]}: error: "), ended.stderr
    # Where an option is wrong, how its command is used stands before the line.
    assert all(part.startswith(("usage: ", " ")) for part in usage), ended.stderr


def test_ctrl_c_saves_and_says_how_to_go_on(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    process = subprocess.Popen(
        [sys.executable, "-m", "relugeom", "train", "-T", "20", "--features", "400", "--sparsity", "0.98",
         "--steps", "1000000", "-o", str(path), "--every", "100"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert f"--output {path} --resume" in errors


def test_divergence_is_told(tmp_path: Path) -> None:
    ended = command(
        "train", "-T", "5", *SETTINGS, "--optimiser", "sgd", "--learning-rate", "1e9", "-o", str(tmp_path / "run")
    )
    assert ended.returncode == 1
    assert "diverged" in ended.stderr
    with np.load(tmp_path / "run") as arrays:
        assert np.isfinite(arrays["W"]).all()


def test_axial_sweep_keeps_its_size(tmp_path: Path) -> None:
    run = replace(BASE, data="axial", T=50, engine=None)
    (finished,) = sweep([run], tmp_path, test_examples=50)
    assert finished.metrics["test_loss"] is None
