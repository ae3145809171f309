"""`relugeom capacity`: how many features fit, as a table of theorems and certificates."""

from __future__ import annotations

import argparse
from importlib.resources import files
from typing import TYPE_CHECKING

from relugeom.cli._terminal import indent, paint, print_json

if TYPE_CHECKING:
    from relugeom.capacity.known.cells import CapacityCell

SUMMARY = "how many features fit into m = 1, ..., 6 dimensions: by theorem, by certificate, still open"

_COLOURS = {"any": "green", "exact": "green", "open": "yellow"}
_WIDTH = 12


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _record(cell: CapacityCell) -> dict[str, object]:
    near = cell.near_miss
    return {
        "m": cell.m,
        "tied": cell.column.tied,
        "bias": cell.column.bias,
        "active": cell.column.active,
        "zero_input": cell.column.zero_input,
        "status": cell.status,
        "certified": cell.certified,
        "certificate": str(files("relugeom.capacity.known") / "witnesses" / cell.witness),
        "upper_bound": cell.theorem.most,
        "theorem": cell.theorem.id,
        "search": None if near is None else near._asdict(),
    }


def _print(rows: list[list[CapacityCell]]) -> None:
    columns = [cell.column for cell in rows[0]]
    for part in range(3):
        words = [column.title.split(", ")[part] for column in columns]
        print(paint(("m" if part == 2 else "").rjust(2) + "".join(word.rjust(_WIDTH) for word in words), "bold"))
    for row in rows:
        cells = "".join(paint(cell.text.rjust(_WIDTH), _COLOURS[cell.status]) for cell in row)
        print(f"{row[0].m:>2}{cells}")
    print("\nUp to k features of value 1 at once; for k ≥ 2 the input 0 counts too.")
    print("low … high: certified … bounded by a theorem; what lies between is open.")
    everything = [cell for row in rows for cell in row]
    print(paint("\nTheorems (relugeom explain ID)", "bold"))
    for theorem in dict.fromkeys(cell.theorem.id for cell in everything):
        held = [cell for cell in everything if cell.theorem.id == theorem]
        statements = "; ".join(dict.fromkeys(cell.theorem.statement for cell in held))
        print(f"  {theorem:<24} {indent(statements, 27)}")
    open_cells = [cell for cell in everything if cell.near_miss is not None]
    print(paint("\nSearched in vain (which proves nothing)", "bold"))
    for cell in open_cells:
        near = cell.near_miss
        assert near is not None
        print(
            f"  m = {cell.m}, {cell.column.title}: n = {near.n}, {near.attempts} attempts, "
            f"best margin {near.best_margin:.1e}"
        )
    print(f"\n{len(everything)} of {len(everything)} certificates checked (relugeom check FILE). They lie in")
    print(f"  {files('relugeom.capacity.known') / 'witnesses'}")
    print(f"the last cell's, for one, is {everything[-1].witness}")


def run(arguments: argparse.Namespace) -> int:
    """Print the table; every certificate is checked on the way."""
    from relugeom.capacity.known.cells import table

    rows = table()
    if arguments.json:
        print_json({"cells": [_record(cell) for row in rows for cell in row]})
    else:
        _print(rows)
    return 0
