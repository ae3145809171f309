"""Many examples: a step by the engine of the tree beside the one by moments, at states along a run.

    python benchmarks/many_examples.py [--sizes 30000 100000 1000000] [--states FILE ...] [--processes 1 2]

n = 10,000, m = 2, S = 0.999, float32. The states are the paper's start and the models of checkpoints (`relugeom train`
makes them); a model of one size also serves the others. Loss and gradient of every engine are first compared with
those of the dense tiles in float64; then the engines take turns. Times are of the processor, of all processes of an
engine together, and of the wall clock.

The last table counts the bytes that every step must read: the data once to encode and once for the last product, 8
bytes per non-zero each time, at the rate at which this machine copies.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from _table import grid, machine, processor_seconds, write

# Engines, and what they deal out to processes; moments as they did before there were others.
FORMS = (("moments", "examples"), ("tree", "examples"), ("tree", "boxes"))
ERROR = 1e-3  # relative to the first gradient: a form that differs by more is not timed
Times = dict[tuple[str, str, int], list[float]]


def exact(examples: Any, model: Any) -> tuple[float, Any]:
    """The definition in float64."""
    from relugeom.autoencoder import Parameters
    from relugeom.autoencoder.examples import SparseExamples
    from relugeom.engines.choice import EngineChoice, make_engine

    wide = SparseExamples(examples.indptr, examples.indices, examples.values.astype(np.float64), examples.n)
    engine = make_engine(wide, EngineChoice("blocked"))
    return engine.value_and_gradient(Parameters(model.W.astype(np.float64), model.b.astype(np.float64)))


def norm(gradient: Any, other: Any | None = None) -> float:
    """‖g‖, or ‖g − g'‖, over W and b together."""
    parts = [
        part if other is None else part - getattr(other, name) for name, part in (("W", gradient.W), ("b", gradient.b))
    ]
    return float(np.sqrt(sum(np.sum(part.astype(np.float64) ** 2) for part in parts)))


def processor_of(engine: Any) -> float:
    """Seconds of the processor so far, of this process and of the engine's others."""
    others = getattr(engine, "_processes", ())
    return time.process_time() + sum(processor_seconds(process.pid) for process in others)


def compare(T: int, states: list[Path], processes: list[int], turns: int) -> list[dict[str, Any]]:
    from relugeom.engines.choice import EngineChoice, choose_engine, make_engine
    from relugeom.training import Checkpoint, Configuration

    configuration = Configuration(T=T)
    examples = configuration.examples()
    models = {"start": configuration.initial_model()} | {
        f"step {found.step:,} of T = {found.configuration.T:,}": found.model for found in map(Checkpoint.load, states)
    }
    engines = {
        (name, split if count > 1 else "", count): make_engine(
            examples, EngineChoice(name, choose_engine(T, examples.n, 2, name=name).leaves, count, split)
        )
        for name, split in FORMS
        for count in processes
        if count > 1 or split == "examples"
    }
    rows, first = [], 0.0
    for state, model in models.items():
        value, gradient = exact(examples, model)
        first = first or norm(gradient)
        errors = {}
        for form, engine in engines.items():
            for _ in range(2):
                found, ours = engine.value_and_gradient(model)
            errors[form] = norm(ours, gradient) / max(norm(gradient), first)
            if not (errors[form] < ERROR and abs(found - value) < 1e-5 * abs(value)):
                raise SystemExit(f"T = {T}, {state}: {form} is not the definition: {errors[form]}, {found} for {value}")
        wall: Times = {form: [] for form in engines}
        spent: Times = {form: [] for form in engines}
        for _ in range(turns):
            for form, engine in engines.items():
                began, before = time.perf_counter(), processor_of(engine)
                engine.value_and_gradient(model)
                wall[form].append((time.perf_counter() - began) * 1e3)
                spent[form].append((processor_of(engine) - before) * 1e3)
        for form in engines:
            row = {"T": T, "state": state, **dict(zip(("engine", "split", "processes"), form, strict=True))}
            row |= {"error": errors[form]}
            row |= {"processor": statistics.mean(spent[form]), "wall": statistics.median(wall[form])}
            rows.append(row | {"fastest": min(wall[form])})
            print(row, file=sys.stderr)
    for engine in engines.values():
        engine.close()
    return rows


def copy_rate() -> float:
    """Bytes per second, read and written, of a copy that no cache holds."""
    source = np.ones(1 << 25, np.float32)
    target = np.empty_like(source)
    seconds = []
    for _ in range(7):
        begin = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - begin)
    return 2 * source.nbytes / min(seconds)


def table(report: dict[str, Any]) -> str:
    rows = []
    for row in report["rows"]:
        before = next(
            other
            for other in report["rows"]
            if other["engine"] == "moments" and all(other[k] == row[k] for k in ("T", "state", "processes"))
        )
        rows.append(
            [
                f"{row['T']:,}",
                row["state"],
                row["engine"],
                f"{row['processes']} by {row['split']}" if row["split"] else "1",
                f"{row['processor']:.0f}",
                f"{row['wall']:.0f} ({row['fastest']:.0f})",
                f"{row['processor'] / before['processor']:.2f}",
                f"{row['wall'] / before['wall']:.2f}",
                f"{row['error']:.0e}",
            ]
        )
    header = [
        "T",
        "state",
        "engine",
        "processes",
        "processor, ms",
        "wall, ms",
        "processor : moments",
        "wall : moments",
        "error",
    ]
    floors = [
        [f"{int(T):,}", f"{16 * nnz / 1e6:.0f}", f"{16e3 * nnz / report['copy']:.1f}"]
        for T, nnz in report["non_zeros"].items()
    ]
    return "\n".join(
        [
            "# Loss and gradient of many examples at n = 10,000, m = 2, S = 0.999, float32",
            "",
            f"{report['machine']}; load average {report['load']:.1f} at the end; {report['turns']} turns.",
            "Of the processor the mean, of the wall clock the median (and the fastest). The error is that of the "
            "gradient against the dense tiles in float64, relative to the larger of its norms here and at the start.",
            "",
            grid(header, rows),
            "",
            "These bytes of data a step must read, at the rate of a copy, "
            f"{report['copy'] / 1e9:.0f} GB/s read and written:",
            "",
            grid(["T", "MB", "ms"], floors),
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30_000, 100_000, 1_000_000])
    parser.add_argument("--states", type=Path, nargs="*", default=[], metavar="FILE")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "many_examples")
    arguments = parser.parse_args()
    from relugeom.training import Configuration

    rows = [row for T in arguments.sizes for row in compare(T, arguments.states, arguments.processes, arguments.turns)]
    report = {
        "machine": machine("numpy", "scipy"),
        "load": os.getloadavg()[0],
        "turns": arguments.turns,
        "copy": copy_rate(),
        "non_zeros": {str(T): Configuration(T=T).examples().nnz for T in arguments.sizes},
        "rows": rows,
    }
    write(report, table(report), arguments.output)


if __name__ == "__main__":
    main()
