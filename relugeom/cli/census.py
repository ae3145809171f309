"""`relugeom census`: train many seeds and count what they found, in a database that later commands go on with."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._options import (
    add_csv,
    add_figures,
    add_json,
    add_output,
    add_resume,
    add_seeds,
    add_size,
    add_training,
    add_workers,
    check_results,
    check_resume,
    executor_from,
    training_from,
)
from relugeom.cli._pictures import write_figures
from relugeom.cli._terminal import paint, print_json
from relugeom.records import csv_text
from relugeom.writing import write_atomically

if TYPE_CHECKING:
    from relugeom.studies.censuses import Summary

SUMMARY = "train thousands of seeds at once and count what they found: zero loss, circles, axes lost"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_output(parser, "the database of counts", required=True)
    add_resume(parser, "the database")
    add_size(parser, 7, several=True)
    add_seeds(parser, 200, "for each n")
    add_training(parser)
    add_workers(parser)
    add_csv(parser, "a row for each n")
    add_figures(parser, "the shares for each n")
    add_json(parser)


_ENDS = {
    "SMOOTH": "at a smooth critical point",
    "KINK": "at a critical point on a kink",
    "DRIFTING": "drifting to infinity",
    "UNCONVERGED": "at none yet",
}


def _print_summary(n: int, s: Summary, zero: str) -> None:
    print(f"\n{paint(f'n = {n}', 'bold')}  ({s.zero_loss.trials} seeds)")
    print(f"  {f'zero loss ({zero})':<24s}{s.zero_loss} after training\n{'':26}{s.zero_loss_polished} after polishing")
    least, median, largest = s.losses
    print(f"  loss after polishing    least {least:.6g}, median {median:.6g}, largest {largest:.6g}")
    print(f"  one circle, two circles {s.one_circle}, {s.two_circles}")
    print(f"  axes lost               {', '.join(f'{lost}: {count}' for lost, count in s.lost_axes.items())}")
    print(f"  separable               {s.separable}, null and dead features left out")
    print(f"  zero-loss gaps kept     {s.slack_kept}")
    ends = ", ".join(f"{_ENDS[name]}: {count}" for name, count in s.statuses.items())
    print(f"  polishing ended         {ends}")
    for name, count in list(s.types.items())[:5]:
        print(f"    {count:6d}  {name}")


def _draw(arguments: argparse.Namespace, summaries: Sequence[Summary]) -> None:
    from relugeom.figures.counts import shares

    rows = [
        (
            f"n = {n}",
            {
                "zero loss after training": s.zero_loss,
                "after polishing": s.zero_loss_polished,
                "one circle": s.one_circle,
                "two circles": s.two_circles,
            },
        )
        for n, s in zip(arguments.n, summaries, strict=True)
    ]
    write_figures({"census": shares(rows, "per cent of the seeds, with 95 % intervals")}, arguments.figures)


def run(arguments: argparse.Namespace) -> int:
    """Train, polish, count, print; 0 always, for whatever is found is an answer."""
    from dataclasses import asdict

    from relugeom.storage import RunDatabase
    from relugeom.studies.censuses import Cohort, census

    prefer_one_blas_thread()
    cohorts = [Cohort(training_from(arguments, n), arguments.seeds, arguments.seed) for n in arguments.n]
    check_results(arguments)
    check_resume(arguments.output, arguments)
    line = ProgressBar("blocks of seeds")
    with RunDatabase(arguments.output) as database:
        summaries = census(cohorts, database, executor=executor_from(arguments), progress=line)
    line.clear()
    if arguments.csv is not None:
        rows = [{"n": n, **record} for n, record in zip(arguments.n, summaries.records(), strict=True)]
        write_atomically(arguments.csv, csv_text(rows).encode())
    if arguments.figures is not None:
        _draw(arguments, summaries)
    if arguments.json:
        print_json({str(n): asdict(s) for n, s in zip(arguments.n, summaries, strict=True)})
    else:
        zero = "< 1/1000 of Σ" if arguments.data == "independent" else "Σ < 1e-3"
        for n, s in zip(arguments.n, summaries, strict=True):
            _print_summary(n, s, zero)
    return 0
