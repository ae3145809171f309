"""The page of all counted cures, docs/cure_counts.md, from docs/cure.json.

python -m docs.make.tables_of_cure > docs/cure_counts.md
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

__all__ = ["CELLS", "count_page"]

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


def table(title: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One in Markdown, without the rows that have nothing but their name; nothing where there is no other row."""
    lines = ["| " + " | ".join(row) + " |" for row in rows if any(row[1:])]
    return (
        "\n".join(
            [*([title, ""] if title else [""]), "| " + " | ".join(head) + " |", "|" + "---|" * len(head), *lines, "\n"]
        )
        if lines
        else ""
    )


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


def count_page() -> str:
    """The whole page."""
    parts = [
        _HEAD,
        table("", ("n", *OPTIMISERS), ((str(n), *(coverage(n, name) for name in OPTIMISERS)) for n in SIZES)),
    ]
    for name, (*_, rates) in OPTIMISERS.items():
        parts.append(f"## {name[0].upper()}{name[1:]}\n\n")
        for rate in rates:
            rows = ((str(n), *(share(find(n, name, rate, way)) for way in WAYS)) for n in SIZES)
            parts.append(table(f"Rate {rate:g}:", ("n", *HEAD), rows))
    parts.append(_WITHOUT)
    for name, (*_, rates) in OPTIMISERS.items():
        for rate in rates:
            rows = (
                (str(n), *(share(find(n, name, rate, (way, "none"))) for way in ("xavier", "small"))) for n in SIZES
            )
            parts.append(table(f"{name}, rate {rate:g}:", ("n", "Xavier", "small"), rows))
    parts.append(_FOUND)
    parts.append(table("", ("n", "steps", "ratio", "gap", "size"), medians()))
    return "".join(parts).rstrip("\n") + "\n"


_HEAD = """# Counts of the cure

After this page you know how often each way of training reached zero loss on X = I, at every size, rate and optimiser
that was counted. [Why training fails](cure.md) says what follows from it.

Per cent of seeds with a total loss below 10⁻³ after 20,000 steps (learning rate falling along a cosine, float32, m =
2), with Wilson's interval at 95 %. `relugeom cure` makes any line of it; `python -m docs.make.tables_of_cure >
docs/cure_counts.md` writes this page from docs/cure.json.

## What was counted

Of the twelve cells for each n and optimiser (two starts, two bias coordinates, three rates), so many were counted, with
so many seeds:
"""

_WITHOUT = """## Without a bias

Here the least loss is n − 5(7 + √5)/11, and a seed counts that comes within 10⁻³ of it.

"""

_FOUND = """## What the cured seeds found

Adam from a small start with a centred bias, medians: steps until the loss stayed below 10⁻³; longest over shortest
column; largest gap in units of 2π/n; largest ‖w‖² in units of the least possible. At n = 48 and 64 with rates 0.02 and
0.03 and 60,000 and 80,000 steps.
"""


if __name__ == "__main__":
    print(count_page(), end="")
