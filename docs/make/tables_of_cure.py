"""Print the tables of docs/cure.md that count seeds, from docs/cure.json: python docs/make/tables_of_cure.py"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Cell = dict[str, Any]

CELLS: list[Cell] = json.loads((Path(__file__).parents[1] / "cure.json").read_text(encoding="utf-8"))
SIZES = (3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 16, 24, 32, 48, 64)
WAYS = (("xavier", "plain"), ("xavier", "centred"), ("small", "plain"), ("small", "centred"))
HEAD = ("Xavier, b", "Xavier, centred", "small, b", "small, centred")
# Optimiser, weight decay, momentum and the three rates: the factorial is these, the four ways and the sizes.
OPTIMISERS = {
    "Adam": ("adamw", 0.0, 0.0, (0.003, 0.01, 0.03)),
    "AdamW, decay 0.01": ("adamw", 0.01, 0.0, (0.003, 0.01, 0.03)),
    "gradient descent": ("sgd", 0.0, 0.0, (0.1, 0.3, 1.0)),
    "momentum 0.9": ("sgd", 0.0, 0.9, (0.01, 0.05, 0.2)),
}
STEPS = 20_000


def find(n: int, name: str, rate: float, way: tuple[str, str], steps: int = STEPS) -> Cell | None:
    """The cell for m = 2 at the usual scale of its start, if it was counted."""
    optimiser, decay, momentum, _ = OPTIMISERS[name]
    wanted = (n, 2, optimiser, decay, momentum, rate, *way, steps)
    names = ("n", "m", "optimiser", "weight_decay", "momentum", "learning_rate", "initialisation")
    for cell in CELLS:
        if (*(cell[key] for key in names), cell["bias_coordinate"], cell["steps"]) == wanted and (
            cell["init_scale"] in (None, 1e-3)
        ):
            return cell
    return None


def share(cell: Cell | None) -> str:
    """Per cent with its interval and the number of seeds, as in 66 [63, 69] of 1,000."""
    if cell is None:
        return ""
    low, high = (f"{100 * end:.3g}" for end in cell["interval"])
    return f"{100 * cell['successes'] / cell['trials']:.3g} [{low}, {high}] of {cell['trials']:,}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print one, without the rows that have nothing but their name."""
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        if any(row[1:]):
            print("| " + " | ".join(row) + " |")
    print()


def medians() -> Iterable[Sequence[str]]:
    """What the cured seeds of Adam found."""
    longer = {48: (0.02, 60_000), 64: (0.03, 80_000)}
    for n in SIZES:
        rate, steps = longer.get(n, (0.01, STEPS))
        if cell := find(n, "Adam", rate, ("small", "centred"), steps):
            yield (str(n), f"{cell['step']:,}", *(f"{cell[name]:.3f}" for name in ("ratio", "gap", "size")))


def coverage(n: int, name: str) -> str:
    """How many of the twelve cells of an optimiser and a size were counted, with how many seeds."""
    rates = OPTIMISERS[name][3]
    cells = [cell for rate in rates for way in WAYS if (cell := find(n, name, rate, way))]
    if not cells:
        return "0"
    seeds = sorted({cell["trials"] for cell in cells})
    return f"{len(cells)}: " + (f"{seeds[0]:,}" if len(seeds) == 1 else f"{seeds[0]:,} to {seeds[-1]:,}")


def main() -> None:
    for name, (*_, rates) in OPTIMISERS.items():
        for rate in rates:
            print(f"{name}, rate {rate:g}\n")
            table(("n", *HEAD), ((str(n), *(share(find(n, name, rate, way)) for way in WAYS)) for n in SIZES))
    print("without a bias\n")
    starts = ("xavier", "small")
    names = [(name, rate) for name, (*_, rates) in OPTIMISERS.items() for rate in rates]
    found = {
        (n, name, rate, start): share(find(n, name, rate, (start, "none")))
        for n in SIZES for name, rate in names for start in starts
    }  # fmt: skip
    for name, rate in names:
        if any(found[n, name, rate, start] for n in SIZES for start in starts):
            print(f"{name}, rate {rate:g}\n")
            table(("n", *starts), ((str(n), *(found[n, name, rate, start] for start in starts)) for n in SIZES))
    print("what the cured seeds found\n")
    table(("n", "steps", "ratio", "gap", "size"), medians())
    print("cells of the factorial, of twelve, and seeds\n")
    table(("n", *OPTIMISERS), ((str(n), *(coverage(n, name) for name in OPTIMISERS)) for n in SIZES))


if __name__ == "__main__":
    main()
