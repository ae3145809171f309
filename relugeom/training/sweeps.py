"""Many runs: T by seeds by settings, each done once, wherever there is a worker.

Every run is fixed by its configuration alone, engine and float type included, so the numbers are the same for one
worker or eight. A result is recorded the moment it arrives; a sweep that was killed finds what it has and does the
rest.
"""

from __future__ import annotations

import dataclasses
import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.choice import choose_engine
from relugeom.errors import ArgumentError
from relugeom.executors import ExecutorLike
from relugeom.progress import OnProgress
from relugeom.records import Rows
from relugeom.resuming import run_missing
from relugeom.storage import RunDatabase, load_arrays, read_field, save_arrays
from relugeom.training.checkpoint import named_arrays
from relugeom.training.configuration import Configuration
from relugeom.training.loop import measure_run, train
from relugeom.training.metrics import Metrics
from relugeom.writing import make_folder

__all__ = ["DATABASE", "Finished", "best_of", "configurations", "independent_seeds", "model_of", "sweep"]

Array = npt.NDArray[Any]

DATABASE = "runs.sqlite"


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A run of a sweep.

    Attributes
    ----------
    configuration : Configuration
    status : {"finished", "diverged"}
    metrics : dict
        The fields of `relugeom.training.metrics.Metrics`.
    data_hash : str
    seconds : float
        What it took where it ran.
    path : Path
        The array file with W, b and, untied, the decoder.
    """

    configuration: Configuration
    status: str
    metrics: dict[str, Any]
    data_hash: str
    seconds: float
    path: Path

    def record(self) -> dict[str, Any]:
        """The run as one row of a table."""
        settings = {
            f"setting_{name}": value for name, value in self.configuration.as_dict().items() if name != "engine"
        }
        return {"status": self.status, **self.metrics, "seconds": self.seconds, "path": str(self.path), **settings}


def independent_seeds(seed: int, count: int) -> list[int]:
    """`count` independent seeds from one."""
    return [int(child.generate_state(1)[0]) for child in np.random.SeedSequence(seed).spawn(count)]


def configurations(
    base: Configuration,
    sizes: Sequence[int],
    data_sets: int = 1,
    seeds: int = 1,
    settings: Iterable[Mapping[str, Any]] = ({},),
) -> list[Configuration]:
    """Every T in `sizes`, by data sets, by seeds, by changes to `base`.

    The seeds come from ``base.data_seed`` and ``base.seed``; every run gets its engine by the rule unless a setting
    names one.
    """
    if not sizes or data_sets < 1 or seeds < 1:
        raise ArgumentError(
            f"a sweep needs sizes, data_sets >= 1 and seeds >= 1; got {list(sizes)}, {data_sets}, {seeds}"
        )
    return [
        dataclasses.replace(base, **{"T": T, "data_seed": data_seed, "seed": seed, "engine": None, **change})
        for T in sizes
        for change in settings
        for data_seed in independent_seeds(base.data_seed, data_sets)
        for seed in independent_seeds(base.seed, seeds)
    ]


def _run_one(test_examples: int, run: Configuration) -> dict[str, Any]:
    """Train and measure, in a worker."""
    begin = time.perf_counter()
    end = train(run, record=(), snapshots=False)
    return {
        "status": end.status,
        "metrics": dataclasses.asdict(measure_run(end, test_examples)),
        "data_hash": end.data_hash,
        "seconds": time.perf_counter() - begin,
        "arrays": named_arrays(end.model),
    }


def sweep(
    runs: Sequence[Configuration],
    directory: str | Path,
    *,
    executor: ExecutorLike = None,
    test_examples: int = 2_000,
    progress: OnProgress | None = None,
) -> Rows[Finished]:
    """Train the configurations that `directory` does not hold yet, and return all, in order.

    Parameters
    ----------
    runs : sequence of Configuration
    directory : str or Path
        Of the run database and the array files; created when absent.
    executor : None, Executor, "processes://N" or "dask://host:port"
    test_examples : int
        Fresh examples of the test loss.
    progress : callable, optional
        Called with the runs that are finished (`relugeom.progress`), before the first and after each.

    Returns
    -------
    Rows of Finished
        One for each configuration, in their order.

    Raises
    ------
    StorageError
        When the directory cannot be written or holds something else.
    WorkerError
        When a run lost its worker twice. What was finished is recorded.

    See Also
    --------
    relugeom.training.train, relugeom.training.resume, relugeom.training.measure_run
    """
    directory = Path(directory)
    make_folder(directory)

    def key(run: Configuration) -> dict[str, Any]:
        return {**run.key(), "test_examples": test_examples}

    def read(run: Configuration, row: Mapping[str, Any]) -> Finished | None:
        found = _read_finished(run, directory, _file_of(key(run)), row)
        return found if found.path.is_file() else None  # a run whose model is gone is done again

    def store(run: Configuration, row: dict[str, Any]) -> dict[str, Any]:
        # The arrays first: a recorded run has its file.
        name = _file_of(key(run))
        save_arrays(directory / name, row.pop("arrays"), {"kind": "model", "configuration": key(run)})
        return {**row, "file": name}

    with RunDatabase(directory / DATABASE) as database:
        runs = [_recorded_run(run, lambda earlier: database.read(key(earlier), partial(read, earlier))) for run in runs]
        return Rows(
            run_missing(partial(_run_one, test_examples), runs, key, read, database, executor, progress, store=store)
        )


def _recorded_run(run: Configuration, find: Callable[[Configuration], Finished | None]) -> Configuration:
    """The run, or the same under the engine that earlier versions chose for it, where that is finished already."""
    if run.chosen_engine.name != "lazy":
        return run
    earlier = dataclasses.replace(run, engine=choose_engine(run.T, run.n, run.m, run.dtype, once=True))
    return run if find(earlier) is None else earlier


def _file_of(key: Mapping[str, Any]) -> str:
    """The name of the array file of a run."""
    return hashlib.sha256(RunDatabase.key(key).encode()).hexdigest()[:24] + ".npz"


def _read_finished(run: Configuration, directory: Path, file: str, row: Mapping[str, Any]) -> Finished:
    """The run in its stored row, of which nothing is believed: not even the name of its file."""
    status, numbers = read_field(row, "status", str), read_field(row, "metrics", dict)
    if status not in ("finished", "diverged") or read_field(row, "file", str) != file:
        raise ValueError("its status or the name of its file is none of ours")
    if "norm_hidden" in numbers:  # as versions up to 0.1.0 called it
        numbers = {"norm_latent" if name == "norm_hidden" else name: value for name, value in numbers.items()}
    kinds = {field.name: _METRIC_KINDS[str(field.type)] for field in dataclasses.fields(Metrics)}
    if numbers.keys() != kinds.keys():
        raise ValueError(f"its metrics are {sorted(numbers)!s:.100}")
    metrics = {name: read_field(numbers, name, *kinds[name]) for name in kinds}
    return Finished(
        run, status, metrics, read_field(row, "data_hash", str), read_field(row, "seconds", float), directory / file
    )


_METRIC_KINDS: Mapping[str, tuple[type | None, ...]] = {
    "float": (float,), "float | None": (float, None), "int": (int,), "bool": (bool,),
}  # fmt: skip


def best_of(finished: Sequence[Finished]) -> list[Finished]:
    """Of runs that differ in their initialisation only, the one of lowest training loss, as the paper keeps it."""
    best: dict[str, Finished] = {}
    for run in finished:
        rest = RunDatabase.key({**run.configuration.as_dict(), "seed": 0})
        if run.status == "finished" and (rest not in best or run.metrics["loss"] < best[rest].metrics["loss"]):
            best[rest] = run
    return list(best.values())


def model_of(run: Finished) -> Parameters:
    """The model of a finished run, from its file."""
    arrays, _ = load_arrays(run.path, kind="model")
    # Version 0.1.0 called the decoder M.
    return Parameters(arrays["W"], arrays["b"], arrays.get("decoder", arrays.get("M")))
