"""Results of other commands as tables: the atlas, the capacity table, the sweep, from what ``--json`` printed.

The report only shows these files. It reads the fields it knows, bounded in size, and says which field is missing where
one is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from relugeom.errors import StorageError
from relugeom.report.mathml import typeset

__all__ = ["Table", "read_table"]

_MOST_BYTES = 64_000_000
_MOST_ROWS = 2_000


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title and words.

    Attributes
    ----------
    id, title, words : str
    columns : tuple of str
    rows : tuple of tuples of str
        The first of each row heads it.
    source, sha256 : str
        The file that it came from, and that file's hash.
    """

    id: str
    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    source: str
    sha256: str

    def html(self) -> str:
        """The table as HTML."""
        head = "".join(f'<th scope="col">{typeset(column)}</th>' for column in self.columns)
        body = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<p>{typeset(self.words)}</p><div class="scroll" role="region" tabindex="0" '
            f'aria-label="{escape(self.title, quote=True)}"><table><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


def _number(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _atlas(data: Any) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for n, entries in data.items():
        for entry in entries:
            low, high = entry["interval"]
            signs = "–" if entry["inertia"] is None else "+{} −{} 0: {}".format(*entry["inertia"])
            standing = "spurious, certified" if entry["spurious"] else "certified" if entry["certified"] else ""
            rows.append(
                (
                    n, f"{entry['count']} of {entry['seeds']}", f"{low:.1%} to {high:.1%}", f"{entry['loss']:.6f}",
                    entry["nature"], signs, entry["type"], standing,
                )
            )  # fmt: skip
    return rows


def _capacity(data: Any) -> list[tuple[str, ...]]:
    rows: dict[int, list[str]] = {}
    for cell in data["cells"]:
        certified, most = cell["certified"], cell["upper_bound"]
        text = {"any": "every n", "exact": str(certified)}.get(cell["status"], f"{certified} … {most}")
        rows.setdefault(cell["m"], []).append(text)
    return [(str(m), *cells) for m, cells in rows.items()]


def _capacity_columns(data: Any) -> tuple[str, ...]:
    first = data["cells"][0]["m"]
    return (
        "m",
        *(
            f"{'tied' if cell['tied'] else 'untied'}, {'no bias' if cell['bias'] == 'none' else 'bias'}, "
            f"k = {cell['active'] if 'active' in cell else cell['sparsity']}"
            for cell in data["cells"]
            if cell["m"] == first
        ),
    )


_SWEPT = ("loss", "test_loss", "example_dimensionality", "gap_min", "gap_max", "radius_ratio", "circles", "dead")


def _sweep(data: Any) -> list[tuple[str, ...]]:
    return [
        (
            str(run["configuration"]["T"]),
            run["status"],
            *(_number(run["metrics"].get(name)) for name in _SWEPT),
            str(run["configuration"]["seed"]),
            run["data_hash"][:12],
        )
        for run in data["runs"]
    ]


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    words: str
    columns: Callable[[Any], tuple[str, ...]]
    rows: Callable[[Any], list[tuple[str, ...]]]


_KINDS = {
    "atlas": _Kind(
        "The atlas of critical points",
        "What training found from many random starts, commonest first for each n. The loss is summed over the axes; "
        "the interval is Wilson's at 95 %; curvatures are counted modulo rotation.",
        lambda data: ("n", "seeds", "share", "loss", "nature", "curvatures", "what", "certificate"),
        _atlas,
    ),
    "capacity": _Kind(
        "How many features fit",
        "Up to k features of value 1 at once in m dimensions. A single number is settled by a theorem and a "
        "certificate; between low … high it is open.",
        _capacity_columns,
        _capacity,
    ),
    "sweep": _Kind(
        "The sweep over sizes of the data set",
        "Runs of the paper's training, by the number T of examples.",
        lambda data: (
            "T", "status", "loss", "test loss", "D", "least gap", "largest gap", "radius ratio", "circles", "dead",
            "seed", "data",
        ),
        _sweep,
    ),
}  # fmt: skip


def read_table(kind: str, path: str | Path) -> Table:
    """A table from what ``relugeom atlas``, ``capacity`` or ``sweep`` printed with ``--json``.

    Raises
    ------
    StorageError
        The file is not that.
    OSError
        It cannot be read.
    """
    known = _KINDS[kind]
    path = Path(path)
    with path.open("rb") as file:
        raw = file.read(_MOST_BYTES + 1)
    if len(raw) > _MOST_BYTES:
        raise StorageError(f"{path}: more than {_MOST_BYTES} bytes")
    try:
        data = json.loads(raw)
        columns, rows = known.columns(data), known.rows(data)[:_MOST_ROWS]
        cells = tuple(tuple(str(cell) for cell in row) for row in rows)
        json.dumps([columns, cells], ensure_ascii=False).encode()  # text throughout
    except KeyError as error:
        raise StorageError(f"{path} is not what `relugeom {kind} --json` prints: no field {error}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise StorageError(f"{path} is not what `relugeom {kind} --json` prints: {error}") from None
    source = path.name.encode("utf-8", "replace").decode()
    return Table(kind, known.title, known.words, columns, cells, source, hashlib.sha256(raw).hexdigest())
