"""How often one attempt of a search succeeds, how long it takes, and what a second worker brings.

    python benchmarks/search_success.py [--seeds 20] [--output benchmarks/results/search_success.json]
    python benchmarks/search_success.py --workers-only [--output benchmarks/results/search_workers.json]

Success is a certificate that the checker accepts. Nothing is seeded: every attempt starts at random.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from statistics import median

from _table import processor_seconds

from relugeom.blas import one_blas_thread
from relugeom.capacity import Decoding, Found, Problem, SphericalCode
from relugeom.capacity.searches.searching import search
from relugeom.statistics import wilson_interval

PROBLEMS: dict[str, Problem] = {
    "untied, no bias, m = 3, n = 7": Decoding(3, 7, tied=False),
    "untied, no bias, m = 3, n = 12": Decoding(3, 12, tied=False),
    "tied, bias, m = 2, n = 7": Decoding(2, 7, bias="free"),
    "tied, shared bias, m = 2, n = 12": Decoding(2, 12, bias="shared"),
    "exact values, tied, bias, m = 2, n = 6": Decoding(2, 6, bias="free", values="exact"),
    "k = 2, m = 2, n = 3": Decoding(2, 3, False, "free", 2, True),
    "k = 2, m = 3, n = 4": Decoding(3, 4, False, "free", 2, True),
    "k = 2, m = 4, n = 7": Decoding(4, 7, False, "free", 2, True),
    "k = 2, m = 5, n = 8": Decoding(5, 8, False, "free", 2, True),
    "k = 2, m = 5, n = 11": Decoding(5, 11, False, "free", 2, True),
    "k = 2, m = 6, n = 16": Decoding(6, 16, False, "free", 2, True),
    "k = 2, m = 6, n = 17": Decoding(6, 17, False, "free", 2, True),
    "k = 3, m = 6, n = 8": Decoding(6, 8, False, "free", 3, True),
    "spherical code, m = 3, n = 8, threshold 0.27": SphericalCode(3, 8, Fraction(27, 100)),
}


def success_rates(seeds: int) -> list[dict[str, object]]:
    rows = []
    for name, problem in PROBLEMS.items():
        found, seconds = 0, []
        for seed in range(seeds):
            began = time.perf_counter()
            found += isinstance(search(problem, attempts=1, seed=seed, seeded=False), Found)
            seconds.append(time.perf_counter() - began)
        low, high = wilson_interval(found, seeds)[:2]
        rows.append({"problem": name, "found": found, "seeds": seeds, "interval": [low, high],
                     "median_seconds": median(seconds)})  # fmt: skip
        print(json.dumps(rows[-1]), flush=True)
    return rows


def hard_problems() -> dict[str, Problem]:
    """20 problems that no attempt has solved, so that every one of them takes all its attempts."""
    sizes = [(4, 8), (4, 9), (4, 10), (4, 11), (4, 12), (5, 12), (5, 13), (5, 14), (5, 15)]
    codes = [(3, 8, "1/5"), (3, 9, "1/4"), (3, 10, "1/3"), (3, 11, "2/5"), (4, 12, "1/5"), (4, 13, "1/4"),
             (4, 14, "3/10"), (4, 16, "1/3"), (5, 18, "1/5"), (5, 20, "1/5"), (6, 28, "1/4")]  # fmt: skip
    return {
        **{f"k = 2, m = {m}, n = {n}": Decoding(m, n, False, "free", 2, True) for m, n in sizes},
        **{f"code, m = {m}, n = {n}, threshold {t}": SphericalCode(m, n, Fraction(t)) for m, n, t in codes},
    }


def seconds_of_workers(pool: ProcessPoolExecutor) -> list[float]:
    """What each process of the pool has had of the processor up to now."""
    return [processor_seconds(process) for process in pool._processes or ()]


def scaling(attempts: int = 16) -> list[dict[str, object]]:
    """Wall and processor time of the same attempts on one worker and on two, started already, in turns."""
    rows: list[dict[str, object]] = []
    with one_blas_thread():
        pools = {n: ProcessPoolExecutor(n, mp_context=get_context("spawn")) for n in (1, 2)}
        for workers, pool in pools.items():
            search(Decoding(4, 8, False, "free", 2, True), attempts=4 * workers, seed=99, executor=pool)
        for name, problem in hard_problems().items():
            row: dict[str, object] = {"problem": name, "attempts": attempts, "load": os.getloadavg()[0]}
            outcomes, solved = set(), False
            for workers, pool in pools.items():
                before, here, began = seconds_of_workers(pool), time.process_time(), time.perf_counter()
                outcome = search(problem, attempts=attempts, seeded=False, executor=pool)
                row[f"wall_seconds_{workers}"] = time.perf_counter() - began
                # What the machine has to spare decides the wall time; the processor time says what a worker costs, and
                # that of the busiest one with what is done here how long it would take where nothing else runs.
                row[f"cpu_seconds_here_{workers}"] = time.process_time() - here
                used = [after - then for after, then in zip(seconds_of_workers(pool), before, strict=True)]
                row[f"cpu_seconds_{workers}"] = sum(used)
                row[f"cpu_seconds_busiest_{workers}"] = max(used)
                outcomes.add(repr(outcome))
                solved |= isinstance(outcome, Found)
            rows.append({**row, "same_outcome": len(outcomes) == 1, "solved": solved})
            print(json.dumps(rows[-1]), flush=True)
        for pool in pools.values():
            pool.shutdown()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--workers-only", action="store_true", help="measure the second worker alone")
    arguments = parser.parse_args()
    result: dict[str, object] = {"python": platform.python_version()}
    if not arguments.workers_only:
        result["success"] = success_rates(arguments.seeds)
    result["scaling"] = rows = scaling()
    totals = {key: sum(float(str(row[key])) for row in rows) for key in rows[0] if "seconds" in key}
    print(json.dumps(totals))
    if arguments.output is not None:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
