"""Results of other commands in pictures and tables: atlas, capacity table, sweep, from what ``--json`` printed.

The report only shows these files. It reads the fields it knows, bounded in size, and says which field is missing where
one is.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.figures.landscape import columns, natures_over_n
from relugeom.figures.training import dimensionality_curves, loss_curves
from relugeom.report.mathml import typeset
from relugeom.storage import read_printed
from relugeom.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Picture", "Table", "read_table"]

_MOST_ROWS = 2_000
_MOST_SIZES = 8  # numbers of features whose groups are drawn
_MOST_GROUPS = 8  # of each
_MOST_ARROWS = 64  # features of a group that is drawn
_NUMBERS = (int, float)
_LEAST = 1e-12  # in place of 0, which a logarithm does not have
_MOST_BARS = 40
_LARGEST = 1e12  # of a number that is drawn


def _label(text: Any) -> str:
    """Text of a file as it may stand in a picture, where dollars begin a formula."""
    return printable(str(text)[:40]).replace("$", "")


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that is drawn when the page is written.

    Attributes
    ----------
    id, title, caption : str
    draw : callable
        Gives the figure, in the light theme.
    """

    id: str
    title: str
    caption: str
    draw: Callable[[], Figure]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title and words, and pictures of what is in it.

    Attributes
    ----------
    id, title, words : str
    columns : tuple of str
    rows : tuple of tuples of str
        The first of each row heads it.
    source, sha256 : str
        The file that it came from, and that file's hash.
    pictures : tuple of Picture
    missing : str
        What cannot be drawn from the file, and how to get it.
    """

    id: str
    title: str
    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    source: str
    sha256: str
    pictures: tuple[Picture, ...] = ()
    missing: str = ""

    def html(self) -> str:
        """The table as HTML, without the pictures."""
        head = "".join(f'<th scope="col">{typeset(column)}</th>' for column in self.columns)
        body = "".join(
            f'<tr><th scope="row">{escape(row[0])}</th>'
            + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
            + "</tr>"
            for row in self.rows
        )
        return (
            f'<div class="scroll" role="region" tabindex="0" '
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


def _atlas_pictures(data: Any) -> list[Picture]:
    shares = {
        int(n): [(_label(entry["nature"]), _share(entry)) for entry in entries]
        for n, entries in list(data.items())[:_MOST_BARS]
        if entries
    }
    pictures = []
    if shares:
        caption = "What training ended at, for each n, as a share of the seeds."
        pictures.append(Picture("atlas-shares", "Shares", caption, lambda: natures_over_n(shares)))
    for n, entries in list(data.items())[:_MOST_SIZES]:
        panels = [panel for panel in map(_panel, entries) if panel is not None][:_MOST_GROUPS]
        if panels:
            caption = "The columns of W of the commonest groups, each on the circles of its radii."
            pictures.append(Picture(f"atlas-{int(n)}", f"n = {int(n)}", caption, partial(columns, panels)))
    return pictures


def _panel(entry: Any) -> tuple[str, Any] | None:
    """The columns of W with what they are; None where they are not in the plane."""
    if entry.get("W") is None:
        return None
    W = np.array(entry["W"], dtype=np.float64)
    if W.ndim != 2 or len(W) != 2 or not 1 <= W.shape[1] <= _MOST_ARROWS or not (np.abs(W) <= _LARGEST).all():
        return None
    return f"{_share(entry):.0%} of seeds, loss {round(float(entry['loss']), 4):g}\n{_label(entry['nature'])}", W


def _share(entry: Any) -> float:
    share = float(entry["count"]) / float(entry["seeds"])
    if not 0 <= share <= 1:
        raise ValueError(f"count {entry['count']!s:.20} of {entry['seeds']!s:.20} seeds")
    return share


def _sweep_pictures(data: Any) -> list[Picture]:
    """Over T, of the finished run of lowest training loss for each."""
    best: dict[int, Any] = {}
    for run in data["runs"]:
        T, loss = int(run["configuration"]["T"]), _measurement(run, "loss")
        if not 1 <= T <= _LARGEST:
            raise ValueError(f"T = {T!s:.20}")
        if run["status"] == "finished" and loss is not None and (T not in best or loss < _measurement(best[T], "loss")):
            best[T] = run
    sizes = sorted(best)
    if not sizes:
        return []
    values = {
        name: [_measurement(best[T], name) for T in sizes]
        for name in ("loss", "test_loss", "example_dimensionality", "feature_dimensionality")
    }
    pictures = [
        Picture(
            "sweep-losses", "Losses",
            "Training and test loss over the number of examples T, the run of lowest training loss for each T.",
            lambda: loss_curves(sizes, values["loss"], values["test_loss"]),
        )
    ]  # fmt: skip
    if any(value is not None for value in values["example_dimensionality"] + values["feature_dimensionality"]):
        pictures.append(
            Picture(
                "sweep-dimensionality", "Dimensionality",
                "The median dimensionality of examples and of features over T; 2/T is that of a regular polygon.",
                lambda: dimensionality_curves(
                    sizes, values["example_dimensionality"], values["feature_dimensionality"]
                ),
            )
        )  # fmt: skip
    return pictures


def _measurement(run: Any, name: str) -> Any:
    """A number to draw on a logarithmic axis, None where there is none."""
    value = run["metrics"].get(name)
    return max(float(value), _LEAST) if isinstance(value, _NUMBERS) and 0 <= value <= _LARGEST else None


def _nothing(_: Any) -> list[Picture]:
    return []


def _all_there(_: Any) -> str:
    return ""


def _missing_from_sweep(data: Any) -> str:
    """What needs the models, of which the file has the numbers alone."""
    if not _sweep_pictures(data):
        return "Nothing is drawn here: no run of the file finished with a loss. The column “status” says what it did."
    return (
        "Not drawn here: the latent vectors and the features, because the file holds numbers and no models. For m = 2 "
        "they are in vectors.svg in the folder of the sweep (--output); its command, with --resume, draws them anew."
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    title: str
    words: str
    columns: Callable[[Any], tuple[str, ...]]
    rows: Callable[[Any], list[tuple[str, ...]]]
    pictures: Callable[[Any], list[Picture]] = _nothing
    missing: Callable[[Any], str] = _all_there


_KINDS = {
    "atlas": _Kind(
        "The atlas of critical points",
        "What training found from many random starts, commonest first for each n. The loss is summed over the axes; "
        "the interval is Wilson's at 95 %; curvatures are counted modulo rotation.",
        lambda data: ("n", "seeds", "share", "loss", "nature", "curvatures", "what", "certificate"),
        _atlas,
        _atlas_pictures,
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
        _sweep_pictures,
        _missing_from_sweep,
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
    known, path = _KINDS[kind], Path(path)

    def table(data: Any, digest: str) -> Table:
        head, rows = known.columns(data), known.rows(data)[:_MOST_ROWS]
        cells = tuple(tuple(str(cell) for cell in row) for row in rows)
        pictures = tuple(known.pictures(data))
        told = [[picture.id, picture.title, picture.caption] for picture in pictures]
        json.dumps([head, cells, told], ensure_ascii=False).encode()  # text throughout
        source = path.name.encode("utf-8", "replace").decode()
        return Table(kind, known.title, known.words, head, cells, source, digest, pictures, known.missing(data))

    return read_printed(path, kind, table)
