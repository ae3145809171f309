"""A whole run, side by side: ours from the first step to the last, PyTorch's and JAX's from steps along its way.

    python benchmarks/whole_run.py [--sizes 100 1000 10000] [--steps 50000] [--beside CHECKOUT] [--folder whole_run]
    python benchmarks/whole_run.py --sizes 10000 --places 4 --turns 2 --forms "JAX, gradient by hand"    # a short one

The run is the paper's: n = 10,000, m = 2, S = 0.999, float32, AdamW with weight decay, warm-up and cosine decay. Ours
is made whole, on one thread, and can be interrupted: the same command goes on. At eight places along it the state is
kept. There every form of the peers is first compared with the definition in float64, by ‖g - g*‖ over the larger of
‖g*‖ and its value at the first place, and then takes turns with ours, a few steps each; the peers have all cores. Ours
goes on along its trajectory meanwhile, as in the run, since standing still would flatter it. A peer's whole run is the
trapezoidal sum of its medians (or of its fastest steps) over the eight places, and so is, as a check, ours.

A size that is measured takes the place of its own results and leaves those of other sizes as they are. `--places` and
`--forms` leave out places and forms, so that one size can be measured in a few minutes.

`--processes N` adds our steps on N processes, where the rule shares boxes among them; the state of an engine is the
same for any number.

`--beside` names a checkout of an earlier version of this repository, whose steps take turns with the others.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # ours: one thread; the others keep their own pools

import numpy as np
from _table import grid, machine, write

PLACES = (0.0002, 0.002, 0.02, 0.06, 0.15, 0.4, 0.7, 0.97)  # of the run
WARM = 8  # steps of a turn that are not counted
FORMS = ("torch.compile", "JAX, jit of the dense loss", "JAX, gradient by hand")
ERROR = 1e-3  # relative to the first gradient: a form that differs by more is not timed
TILES_FROM = 20_000  # examples; of more, the definition takes minutes, and its sums are formed tile by tile
Times = list[float]


def configuration(T: int, steps: int) -> Any:
    from relugeom.training import Configuration

    return Configuration(T=T, steps=steps, warmup=steps // 20)


def places(steps: int) -> list[int]:
    """The steps at which states are kept: increasing, and inside the run."""
    return sorted({min(max(round(share * steps), 1), steps - 1) for share in PLACES})


def whole(T: int, steps: int, folder: Path) -> dict[str, Any]:
    """Make our run, or go on with it; its seconds, of the wall clock and of the processor."""
    from relugeom.training import Checkpoint, resume, train

    folder.mkdir(parents=True, exist_ok=True)
    book = folder / "seconds.json"
    spent: dict[str, list[float]] = json.loads(book.read_text()) if book.is_file() else {}
    before = None
    for mark in [*places(steps), steps]:
        path = folder / f"{mark}.npz"
        if path.is_file() and str(mark) in spent:
            before = path
            continue
        done = 0 if before is None else int(before.stem)
        left = iter(range(mark - done + 1))
        stop = lambda left=left, last=mark - done: next(left) == last  # noqa: E731
        wall, processor = time.perf_counter(), time.process_time()
        if before is None:
            end = train(configuration(T, steps), record=(), stop=stop)
        else:
            end = resume(Checkpoint.load(before), record=(), stop=stop)
        spent[str(mark)] = [time.perf_counter() - wall, time.process_time() - processor]
        end.save(path)
        book.write_text(json.dumps(spent))
        before = path
        print(f"T = {T:>6}: step {mark:>6} after {sum(a for a, _ in spent.values()):8.1f} s", file=sys.stderr)
    return {"wall": sum(a for a, _ in spent.values()), "processor": sum(b for _, b in spent.values())}


def along(path: Path, count: int, processes: int = 1) -> Times:
    """Seconds of `count` further steps of our run from a state, after some that are not counted."""
    from relugeom.training import Checkpoint, resume

    kept = Checkpoint.load(path)
    if processes > 1:  # the state of an engine is the same for any number that share its boxes
        kept = replace(kept, configuration=kept.configuration.with_engine(processes=processes))

    begun: Times = []

    def stop() -> bool:
        begun.append(time.perf_counter())
        return len(begun) > WARM + count

    resume(kept, record=(), stop=stop)
    return list(np.diff(begun)[WARM:]) or list(np.diff(begun))


class Earlier:
    """An earlier version in a process of its own, which steps when it is asked to."""

    def __init__(self, checkout: Path, T: int, steps: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), "--earlier", str(T), str(steps)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout.resolve())},
        )

    def ask(self, path: Path, count: int) -> dict[str, Any]:
        """The seconds of some steps from a state, and the first gradient."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(path.resolve()), count]) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def earlier(T: int, steps: int) -> None:
    """The life of such a process, in names of that version and of this one."""
    from relugeom.autoencoder.examples import sparse_unit_norm_examples
    from relugeom.optim.schedules import Schedule

    try:
        from relugeom.optim.engines import choose_engine, make_engine  # as of November 2026

        modern = False
    except ImportError:
        from relugeom.engines.choice import choose_engine, make_engine

        modern = True
    n, m = 10_000, 2
    examples = sparse_unit_norm_examples(T, n, 0.999, seed=0)
    schedule = Schedule("cosine", 1e-3, steps, steps // 20)
    for line in sys.stdin:
        path, count = json.loads(line)
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        flat = np.concatenate([arrays["W"].ravel(), arrays["b"]])
        W, b = flat[: m * n].reshape(m, n), flat[m * n :]
        if modern:
            from relugeom.autoencoder import Parameters
            from relugeom.optim import AdamW

            optimiser: Any = AdamW(weight_decay=1e-2).start_scheduled(flat.size, np.float32)
        else:
            from relugeom.optim.adamw import AdamW as Older

            optimiser = Older(flat.size, np.float32)
        optimiser.restore({name: arrays[f"optimiser:{name}"] for name in ("mean", "square", "steps")})
        engine = make_engine(examples, choose_engine(T, n, m))
        first, seconds = int(arrays["optimiser:steps"]), []
        found: Any = None
        for step in range(first, min(first + WARM + count, steps)):
            begin = time.perf_counter()
            _, gradient = engine.value_and_gradient(Parameters(W, b)) if modern else engine.value_and_gradient(W, b)
            packed = np.concatenate([gradient.W.ravel(), gradient.b])
            optimiser.update(flat, packed, schedule(step))
            seconds.append(time.perf_counter() - begin)
            found = packed if found is None else found
        print(json.dumps({"seconds": seconds[WARM:] or seconds, "gradient": found.astype(float).tolist()}), flush=True)


def some(marks: list[int], count: int) -> list[int]:
    """`count` of these, the first and the last among them."""
    return [marks[round(at)] for at in np.linspace(0, len(marks) - 1, min(count, len(marks)))]


def peers(T: int, examples: Any, wanted: tuple[str, ...]) -> dict[str, tuple[Callable[..., Any], ...]]:
    """The forms whose names begin with one of `wanted`, of the libraries that are installed."""
    from full_batch_step import jax_variants, start, torch_variants

    found: dict[str, tuple[Callable[..., Any], ...]] = {}
    for library, make in (("torch", torch_variants), ("jax", jax_variants)):
        if importlib.util.find_spec(library) and any(name.lower().startswith(library) for name in wanted):
            found |= {name: form for name, form in make(examples, *start(T)).items() if name.startswith(wanted)}
    return found


def compare(T: int, folder: Path, marks: list[int], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The step times of all forms at these places."""
    from full_batch_step import norm, reference
    from many_examples import exact as tiles

    from relugeom.engines.choice import make_engine
    from relugeom.training import Checkpoint

    examples = configuration(T, arguments.steps).examples()
    forms = peers(T, examples, tuple(arguments.forms))
    before = Earlier(arguments.beside, T, arguments.steps) if arguments.beside else None
    processes = arguments.processes
    rows, first = [], 0.0
    for mark in marks:
        path = folder / f"{mark}.npz"
        kept = Checkpoint.load(path)
        W, b = kept.model.W, kept.model.b
        exact = reference(examples, W, b) if T <= TILES_FROM else tuple(tiles(examples, kept.model)[1])
        first = first or norm(*exact)
        scale = max(norm(*exact), first)
        engine = make_engine(examples, kept.configuration.chosen_engine)
        found = {"ours": tuple(engine.value_and_gradient(kept.model)[1])}
        engine.close()
        for name, (_, gradient, place) in forms.items():
            place(W, b)
            found[name] = gradient()
        shared = kept.configuration.with_engine(processes=processes).chosen_engine
        together = f"ours, {processes} processes" if shared.split == "boxes" else ""
        if together:
            engine = make_engine(examples, shared)
            found[together] = tuple(engine.value_and_gradient(kept.model)[1])
            engine.close()
        if before:
            flat = np.array(before.ask(path, 1)["gradient"])
            found["the earlier version"] = flat[: W.size].reshape(W.shape), flat[W.size :]
        errors = {
            name: norm(*(mine - theirs for mine, theirs in zip(gradient, exact, strict=True))) / scale
            for name, gradient in found.items()
        }
        wrong = {name: error for name, error in errors.items() if not error < ERROR}
        if wrong:
            raise SystemExit(f"T = {T}, step {mark}: not the gradient of the definition: {wrong}")
        times: dict[str, Times] = {name: [] for name in found}
        count = max(2, min(40, 4_000 // T))
        for _ in range(arguments.turns):
            times["ours"] += along(path, count)
            if together:
                times[together] += along(path, count, processes)
            if before:
                times["the earlier version"] += before.ask(path, count)["seconds"]
            for name, (step, _, _) in forms.items():
                for _ in range(2):
                    step()
                for _ in range(count):
                    begin = time.perf_counter()
                    step()
                    times[name].append(time.perf_counter() - begin)
        for name, error in errors.items():
            row = {"T": T, "step": mark, "form": name, "error": error}
            row |= {"ms": statistics.median(times[name]) * 1e3, "fastest": min(times[name]) * 1e3}
            rows.append(row)
            print(
                f"T = {T:>6} step {mark:>6} {name:<34}{row['ms']:9.3f} ms  fastest {row['fastest']:9.3f}  "
                f"error {error:.0e}",
                file=sys.stderr,
            )
    if before:
        before.close()
    return rows


def total(rows: list[dict[str, Any]], steps: int, measure: str) -> float:
    """Seconds of a whole run from step times at some places, linear in between and constant beyond."""
    at = np.array([0, *(row["step"] for row in rows), steps], float)
    ms = np.array([row[measure] for row in rows])
    ms = np.concatenate([ms[:1], ms, ms[-1:]])
    return float(np.sum(np.diff(at) * (ms[1:] + ms[:-1]) / 2) / 1e3)


def table(report: dict[str, Any]) -> str:
    lines = [
        f"# Whole runs of {report['steps']:,} steps at n = 10,000, m = 2, S = 0.999, float32",
        "",
        "Ours on one thread unless said, the peers on all cores. The error is that of the gradient against the "
        "definition in float64, the largest along the run. Steps were timed as follows.",
        "",
    ]
    for run in report["runs"]:
        lines.append(
            f"- T = {run['T']:,}: {run['machine']}; load average {run['load']:.1f} at the end; {run['turns']} turns of "
            f"2 to 40 steps at each of {len({row['step'] for row in run['rows']})} places."
        )
    lines.append("")
    if any(run["load"] > 1.5 * run["cores"] for run in report["runs"]):
        lines += [
            "Where the load average is above the number of cores, other work ran on the machine meanwhile. Forms that "
            "need all cores at once then wait for each other, so their medians say nothing there: compare the fastest "
            "steps.",
            "",
        ]
    rows = []
    for run in report["runs"]:
        spent = f"{run['wall']:.1f} ({run['processor']:.1f} of the processor)"
        rows.append([f"{run['T']:,}", "ours, made whole", spent, "", "", "", ""])
        ours = run["totals"]["ours"]
        for name, found in run["totals"].items():
            rows.append(
                [
                    f"{run['T']:,}", name, f"{found['ms']:.1f}", f"{found['fastest']:.1f}",
                    f"{found['ms'] / ours['ms']:.2f}", f"{found['fastest'] / ours['fastest']:.2f}",
                    f"{found['error']:.0e}",
                ]
            )  # fmt: skip
    head = ("T", "form", "whole run, s", "by fastest steps, s", "over ours", "over ours, by fastest", "error")
    lines += [grid(head, rows), "", "Steps along the run, median (fastest), ms:", ""]
    for run in report["runs"]:
        marks = sorted({row["step"] for row in run["rows"]})
        rows = []
        for name in run["totals"]:
            cells = [f"{r['ms']:.2f} ({r['fastest']:.2f})" for r in run["rows"] if r["form"] == name]
            rows.append([f"{run['T']:,}", name, *cells])
        lines += [grid(["T", "form", *(f"{mark:,}" for mark in marks)], rows), ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument(
        "--processes", type=int, default=1, help="ours on so many processes too, where they share boxes"
    )
    parser.add_argument("--folder", type=Path, default=Path("whole_run"), help="where our runs are kept")
    parser.add_argument("--beside", type=Path, metavar="CHECKOUT", help="an earlier version, to take turns with")
    parser.add_argument("--places", type=int, default=len(PLACES), help="at how many of the places to compare")
    parser.add_argument("--forms", nargs="*", default=FORMS, help="how the names of the peers begin; none: no peers")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "whole_run")
    parser.add_argument("--earlier", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.earlier:
        earlier(*arguments.earlier)
        return
    stored = arguments.output.with_suffix(".json")
    before = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {"steps": None}
    runs = {run["T"]: run for run in before["runs"]} if before["steps"] == arguments.steps else {}
    for T in arguments.sizes:
        folder = arguments.folder / f"{T}-{arguments.steps}"
        spent = whole(T, arguments.steps, folder)
        marks = some(places(arguments.steps), arguments.places)
        rows = compare(T, folder, marks, arguments)
        totals = {}
        for name in dict.fromkeys(row["form"] for row in rows):
            mine = [row for row in rows if row["form"] == name]
            totals[name] = {measure: total(mine, arguments.steps, measure) for measure in ("ms", "fastest")}
            totals[name]["error"] = max(row["error"] for row in mine)
        about = {"cores": os.cpu_count() or 1, "load": os.getloadavg()[0], "turns": arguments.turns}
        about["machine"] = machine("numpy", "scipy", "torch", "jax")
        runs[T] = {"T": T, **about, **spent, "totals": totals, "rows": rows}
    report = {"steps": arguments.steps, "runs": [runs[T] for T in sorted(runs)]}
    write(report, table(report), arguments.output)


if __name__ == "__main__":
    main()
