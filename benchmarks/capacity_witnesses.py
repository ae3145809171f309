"""Make the certificates of the capacity table anew: constructions where every n is possible, searches elsewhere.

    python benchmarks/capacity_witnesses.py [--attempts 60] [--workers 2]

For k ≥ 2 the number of features grows from m until a search fails twice in a row (for n and n + 1); the first failure
is written to `relugeom/capacity/known/searches.json` with its number of attempts and its best margin.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import relugeom.capacity
from relugeom.capacity.decisions.feasibility import decide
from relugeom.capacity.known.cells import COLUMNS, DIMENSIONS, Column
from relugeom.capacity.known.theorems import upper_bound
from relugeom.capacity.searches.decoding import Decoding
from relugeom.capacity.searches.searching import Found, NotFound, search
from relugeom.exact import SignPattern, dumps
from relugeom.exact.rationals import as_matrix, transpose

ROOM = Path(relugeom.capacity.__file__).parent / "known"
EVERY_N = 12


def construction(m: int, column: Column) -> SignPattern:
    """For one active feature: pairs, the parabola, or integer points near a circle."""
    circle = [(5, 0), (4, 3), (3, 4), (0, 5), (-3, 4), (-4, 3), (-5, 0), (-4, -3), (-3, -4), (0, -5), (3, -4), (4, -3)]
    parabola = [(1, t, t * t) for t in range(EVERY_N)]
    pairs = [tuple((j == i) * sign for j in range(m)) for i in range(m) for sign in (1, -1)]
    any_n = m >= 2 if column.bias != "none" else m >= 3 and not column.tied
    points = pairs if not any_n else circle if column.bias != "none" else parabola
    encoder = as_matrix([[*p, *[0] * (m - len(p))] for p in points])
    found = decide(transpose(encoder), tied=column.tied or column.bias != "none", bias=column.bias)
    assert isinstance(found, SignPattern)
    return found


def identity(m: int, column: Column) -> SignPattern:
    """n = m features, one a dimension."""
    encoder = as_matrix([[i == j for j in range(m)] for i in range(m)])
    return SignPattern(encoder, None, None, min(column.active, m), True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attempts", type=int, default=60)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    near_misses = {}
    for column in COLUMNS:
        for m in DIMENSIONS:
            name, began = column.witness(m), time.perf_counter()
            best = construction(m, column) if column.active == 1 else identity(m, column)
            most = upper_bound(m, tied=column.tied, bias=column.bias, active=column.active, zero_input=True).most
            failures, n = 0, len(best.encoder[0])
            while column.active > 1 and failures < 2 and n < (most or 0):
                n += 1
                outcome = search(
                    Decoding(m, n, column.tied, column.bias, column.active, column.zero_input),
                    attempts=arguments.attempts,
                    executor=f"processes://{arguments.workers}",
                )
                if isinstance(outcome, Found) and isinstance(outcome.certificate, SignPattern):
                    best, failures = outcome.certificate, 0
                    near_misses.pop(name, None)
                elif isinstance(outcome, NotFound):
                    failures += 1
                    near_misses.setdefault(name, [n, outcome.attempts, outcome.best.margin])
            (ROOM / "witnesses" / name).write_text(dumps(best), encoding="utf-8")
            print(f"{name:<26} n = {len(best.encoder[0]):>2}  most {most}  {time.perf_counter() - began:6.1f} s")
    (ROOM / "searches.json").write_text(json.dumps(near_misses, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
