"""How often one attempt of a search succeeds, how long it takes, and what a second worker brings.

    python benchmarks/search_success.py [--seeds 20] [--output benchmarks/results/search_success.json]

Success is a certificate that the checker accepts. Nothing is seeded: every attempt starts at random.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from statistics import median

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


def scaling() -> dict[str, object]:
    """64 attempts on a problem without a solution in sight, in processes that have started already."""
    problem = Decoding(4, 8, False, "free", 2, True)
    record: dict[str, object] = {"attempts": 64}
    outcomes = set()
    for workers in (1, 2):
        before = _cpu_of_children()
        with one_blas_thread(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            search(problem, attempts=2 * workers, seed=99, executor=pool)
            began = time.perf_counter()
            outcomes.add(repr(search(problem, attempts=64, executor=pool)))
            record[f"wall_seconds_{workers}"] = time.perf_counter() - began
        # What the machine had to spare decides the wall time; the processor time says what the second worker costs.
        record[f"cpu_seconds_{workers}"] = _cpu_of_children() - before
    return {**record, "same_outcome": len(outcomes) == 1}


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    result = {
        "python": platform.python_version(),
        "success": success_rates(arguments.seeds),
        "scaling": scaling(),
    }
    print(json.dumps(result["scaling"]))
    if arguments.output is not None:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
