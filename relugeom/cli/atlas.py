"""`relugeom atlas`: train many seeds, and print what they found, group by group."""

from __future__ import annotations

import argparse
import sys
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._options import (
    add_csv,
    add_figures,
    add_json,
    add_seeds,
    add_size,
    add_training,
    add_workers,
    executor_from,
    positive_int,
    training_from,
    whole_number,
)
from relugeom.cli._pictures import write_figures
from relugeom.cli._terminal import paint, print_json
from relugeom.errors import ArgumentError
from relugeom.records import csv_text
from relugeom.writing import check_writable, make_folder, write_atomically

if TYPE_CHECKING:
    from relugeom.studies.atlases import Atlas, AtlasGroup

_MOST_DRAWN = 12

SUMMARY = "train thousands of seeds at once and say what they found, how often, and what is provably a spurious minimum"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_size(parser, 7, several=True)
    add_seeds(parser, 200, "for each n")
    add_training(parser)
    parser.add_argument(
        "--escapes",
        type=whole_number,
        default=0,
        metavar="K",
        help="how many saddles polishing may leave on its way down (default 0)",
    )
    parser.add_argument("--rows", type=positive_int, default=10, help="groups shown for each n (default 10)")
    add_workers(parser)
    parser.add_argument("--certificates", type=Path, metavar="DIR", help="write the certificates found into DIR")
    add_figures(parser, "the shares, and the columns of W of each group (m = 2),")
    add_csv(parser, "a row for each kind of critical point")
    add_json(parser)


def _entry_json(entry: AtlasGroup) -> dict[str, Any]:
    W, b = (None if part is None or not isfinite(entry.loss) else part.tolist() for part in entry.example)
    return {
        "count": entry.count, "seeds": entry.seeds, "interval": list(entry.interval),
        "loss": entry.loss if isfinite(entry.loss) else None,
        "nature": entry.nature, "inertia": entry.inertia, "type": entry.kind.type, "radii": entry.kind.radii,
        "gaps": entry.kind.gaps, "slack": entry.kind.slack if isfinite(entry.kind.slack) else None, "W": W, "b": b,
        "certified": entry.certificate is not None, "spurious": entry.is_spurious,
    }  # fmt: skip


def _print_entries(n: int, entries: Atlas, rows: int) -> None:
    print(f"\n{paint(f'n = {n}', 'bold')}  {entries.caption()}")
    print(f"  {'seeds':<17s} total loss  {'nature':<20s} {'curvatures':<11s} what")
    for entry in entries[:rows]:
        low, high = entry.interval
        share = f"{entry.count / entry.seeds:5.1%} [{low:.0%}, {high:.0%}]"
        signs = "" if entry.inertia is None else "+{} −{} 0:{}".format(*entry.inertia)
        mark = "  spurious, certified" if entry.is_spurious else "  certified" if entry.certificate else ""
        what = f"{entry.kind.type}{paint(mark, 'cyan')}"
        print(f"  {share:<17s} {entry.loss:10.6f}  {entry.nature:<20s} {signs:<11s} {what}")
    if len(entries) > rows:
        print(f"  and {len(entries) - rows} more groups, {sum(entry.count for entry in entries[rows:])} seeds")


def _write(n: int, entries: list[AtlasGroup], folder: Path, data: str) -> int:
    from relugeom.exact.certificates import dumps

    certified = [entry for entry in entries if entry.certificate is not None]
    for number, entry in enumerate(certified):
        assert entry.certificate is not None
        role = "spurious" if entry.is_spurious else "saddle" if entry.certificate.negative else "lowest"
        path = folder / f"{data}-n{n}-{number:02d}-{role}.json"
        write_atomically(path, dumps(entry.certificate).encode())
    return len(certified)


def _draw(n: int, entries: Atlas, arguments: argparse.Namespace) -> None:
    """The commonest groups, a panel each; no picture where every seed diverged."""
    from relugeom.figures.landscape import columns

    shown = [entry for entry in entries if isfinite(entry.loss)][:_MOST_DRAWN]
    panels = [
        (f"{entry.count / entry.seeds:.0%} of seeds, loss {round(entry.loss, 4):g}\n{entry.nature}", entry.example.W)
        for entry in shown
    ]
    if panels:
        write_figures({f"atlas-n{n}": columns(panels)}, arguments.figures)


def run(arguments: argparse.Namespace) -> int:
    """Train, polish, group, print; 0 always, for whatever is found is an answer."""
    prefer_one_blas_thread()
    from relugeom.studies.atlases import atlas, data_of

    trainings = {n: training_from(arguments, n) for n in arguments.n}
    for training in trainings.values():
        data_of(training)  # whatever is refused is refused before the first is trained
    if arguments.certificates is not None:
        make_folder(arguments.certificates)
    if arguments.csv is not None:
        check_writable(arguments.csv)
    if arguments.figures is not None:
        if arguments.m != 2:
            raise ArgumentError(f"--figures draws the plane, m = 2; got m = {arguments.m}")
        make_folder(arguments.figures)
    found, written, line = {}, 0, ProgressBar("blocks of seeds")
    for n, training in trainings.items():
        entries = atlas(
            training, arguments.seeds, seed=arguments.seed, executor=executor_from(arguments),
            escapes=arguments.escapes, progress=line,
        )  # fmt: skip
        line.clear()
        found[n] = entries
        if arguments.certificates is not None:
            written += _write(n, entries, arguments.certificates, arguments.data)
        if arguments.figures is not None:
            _draw(n, entries, arguments)
        if not arguments.json:
            _print_entries(n, entries, arguments.rows)
            sys.stdout.flush()
    if arguments.figures is not None:
        from relugeom.figures.landscape import natures_over_n

        shares = {n: [(entry.nature, entry.count / entry.seeds) for entry in entries] for n, entries in found.items()}
        write_figures({"atlas": natures_over_n(shares)}, arguments.figures)
    if arguments.csv is not None:
        rows = [{"n": n, **record} for n, entries in found.items() for record in entries.records()]
        write_atomically(arguments.csv, csv_text(rows).encode())
    if arguments.json:
        print_json({str(n): [_entry_json(entry) for entry in entries] for n, entries in found.items()})
    elif arguments.certificates is not None:
        several = "s" * (written != 1)
        print(f"\n{written} certificate{several} written; re-check: relugeom check {arguments.certificates}")
    return 0
