"""The record docs/toy-minima.json and its picture docs/img/toy-minima.svg: symmetric minima over the density p.

python -m docs.make.pictures_of_toy_minima --compute    # a quarter of an hour
python -m docs.make.pictures_of_toy_minima              # the picture alone, from the record
"""

from __future__ import annotations

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from relugeom.autoencoder import Independent
from relugeom.figures.style import LIGHT, render
from relugeom.figures.toy_minima import bifurcations
from relugeom.landscape.families.independent import FAMILIES, best_member, crossing, local_nature
from relugeom.optim import AdamW
from relugeom.studies.atlases import atlas
from relugeom.training.toy_models import ToyTraining
from relugeom.writing import write_atomically

DOCS = Path(__file__).parents[1]
RECORD = DOCS / "toy-minima.json"
PICTURE = DOCS / "img" / "toy-minima.svg"
DENSITIES = [round(float(p), 4) for p in np.geomspace(0.01, 0.95, 13)]
TRAINED = [0.02, 0.1, 0.2, 0.4, 0.6, 0.8]
SEEDS = 8
_MOST = 7  # features of a Hessian
_LEFT_OUT = ("alone", "pair and alone")  # on kinks among n features; never ahead for equal importance


def members() -> list[dict[str, Any]]:
    """Every family at every density, and what it is among n features."""
    rows = []
    for p in DENSITIES:
        for family, k in FAMILIES.items():
            found = best_member(family, p)
            asked = range(k, 5 if family in _LEFT_OUT else 9 if k <= _MOST else k + 1)
            natures = {str(n): local_nature(found, n)[0] for n in asked if min(n, k + 1) <= _MOST}
            rows.append(
                {
                    "family": family, "p": p, "radius": found.radius, "bias": found.bias, "loss": found.loss,
                    "gain": found.gain, "natures": natures,
                }
            )  # fmt: skip
        print(p, flush=True)
    return rows


def crossings(rows: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """For each n the families that have the least loss, rare features first, and where the next one takes over."""
    found = {}
    for n in range(2, 9):
        leaders = [
            max((row for row in rows if row["p"] == p and FAMILIES[row["family"]] <= n), key=lambda row: row["gain"])
            for p in DENSITIES
        ]
        steps = [{"family": leaders[0]["family"], "from": 0.0}]
        for before, after in pairwise(leaders):
            if before["family"] != after["family"]:
                p = crossing(before["family"], after["family"], before["p"], after["p"])
                steps.append({"family": after["family"], "from": p})
        found[str(n)] = steps
    return found


def trained() -> list[dict[str, Any]]:
    """The lowest model that training and polishing find, beside the best of the families."""
    rows = []
    for n in (3, 4, 5):
        for p in TRAINED:
            training = ToyTraining([Independent(n, 1 - p)], steps=4_000, optimiser=AdamW(3e-3))
            groups = atlas(training, SEEDS, certificates=False)
            lowest = min(groups, key=lambda group: group.loss)
            families = [best_member(family, p) for family, k in FAMILIES.items() if k <= n]
            best = max(families, key=lambda member: member.gain)
            rows.append(
                {
                    "n": n, "p": p, "seeds": SEEDS, "trained": lowest.loss, "count": lowest.count,
                    "nature": lowest.nature, "type": lowest.kind.type, "family": best.family,
                    "symmetric": best.total(n), "W": lowest.example.W.tolist(),
                    "b": np.asarray(lowest.example.b).tolist(),
                }
            )  # fmt: skip
            print(n, p, lowest.loss - best.total(n), flush=True)
    return rows


def main() -> None:
    """Compute where asked, and draw."""
    parser = argparse.ArgumentParser(description="the record and the picture of symmetric minima over the density")
    parser.add_argument("--compute", action="store_true", help="make the record anew")
    if parser.parse_args().compute:
        rows = members()
        record = {"members": rows, "crossings": crossings(rows), "trained": []}
        print(record["crossings"], flush=True)
        write_atomically(RECORD, (json.dumps(record, indent=1) + "\n").encode())
        record["trained"] = trained()
        write_atomically(RECORD, (json.dumps(record, indent=1) + "\n").encode())
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    write_atomically(PICTURE, render(bifurcations(record, LIGHT), "svg", LIGHT))


if __name__ == "__main__":
    main()
