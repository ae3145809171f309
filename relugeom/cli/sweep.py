"""`relugeom sweep`: the paper's experiment over numbers of examples, seeds and settings, resumable."""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._options import (
    INITIALISATIONS,
    add_csv,
    add_figures,
    add_json,
    add_output,
    add_resume,
    add_settings,
    add_workers,
    check_results,
    check_resume,
    configuration_from,
    executor_from,
    given_settings,
    positive_int,
)
from relugeom.cli._pictures import write_figures
from relugeom.cli._terminal import print_json
from relugeom.writing import write_atomically

if TYPE_CHECKING:
    from relugeom.training.configuration import Configuration
    from relugeom.training.sweeps import Finished

SUMMARY = "train over many numbers of examples, seeds and settings, here or on a cluster"

_TABLE = (
    ("T", 9),
    ("train", 10),
    ("test", 9),
    ("D T/m", 8),
    ("D* T/m", 8),
    ("gaps", 15),
    ("radii", 9),
    ("circles", 9),
    ("polygon", 9),
    ("dead", 8),
    ("seconds", 8),
)

_LEGEND = """
train, test: mean losses; D T/m: the examples' median dimensionality over m/T, and D* its maximal version; gaps
between neighbouring latent vectors h = Wx, in units of 2π/T; radii: the longest h over the shortest; dead: outputs that
are off on every example. Of several seeds the run of lowest training loss is shown."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "-T", "--examples", type=positive_int, nargs="+", required=True, metavar="T", help="numbers of examples"
    )
    add_output(parser, "database, models and pictures", metavar="DIR", required=True)
    add_resume(parser, "what is in DIR")
    parser.add_argument("--data-sets", type=positive_int, default=1, metavar="N", help="data sets per T (1)")
    parser.add_argument(
        "--seeds", type=positive_int, default=1, metavar="N",
        help="initialisations per data set; the table keeps the one of lowest training loss (1)",
    )  # fmt: skip
    parser.add_argument("--learning-rates", type=float, nargs="+", metavar="X", help="learning rates, one run each")
    parser.add_argument("--weight-decays", type=float, nargs="+", metavar="X", help="weight decays, one run each")
    parser.add_argument("--initialisations", nargs="+", choices=INITIALISATIONS[:2], help="one run each")
    add_workers(parser)
    parser.add_argument("--test-examples", type=positive_int, default=2_000, metavar="N", help="fresh examples (2000)")
    pictures = parser.add_mutually_exclusive_group()
    pictures.add_argument("--no-pictures", action="store_true", help="only the table")
    add_figures(pictures, "losses, dimensionalities and vectors over T", default="the DIR of --output")
    add_csv(parser, "a row for each run")
    add_json(parser)
    add_settings(parser)


def _runs(arguments: argparse.Namespace) -> list[Configuration]:
    from relugeom.training.sweeps import configurations

    given = given_settings(arguments)
    engine = given.pop("engine", None)
    base = configuration_from(given, max(arguments.examples))
    constants = {"learning_rate": arguments.learning_rates, "weight_decay": arguments.weight_decays}
    settings: list[dict[str, Any]] = [
        {"optimiser": dataclasses.replace(base.optimiser, **dict(point)), "initialisation": initialisation}  # type: ignore[type-var]
        for point in itertools.product(*([(name, x) for x in values] for name, values in constants.items() if values))
        for initialisation in arguments.initialisations or [base.initialisation]
    ]
    sizes = sorted(set(arguments.examples))
    runs = configurations(base, sizes, arguments.data_sets, arguments.seeds, settings)
    return [run.with_engine(engine) for run in runs] if engine is not None else runs


def _row(run: Finished) -> dict[str, str]:
    metrics, T, m = run.metrics, run.configuration.T, run.configuration.m
    test, gaps, radii = metrics["test_loss"], (metrics["gap_min"], metrics["gap_max"]), metrics["radius_ratio"]
    return {
        "T": f"{T:,}",
        "train": f"{metrics['loss']:.3g}",
        "test": "" if test is None else f"{test:.3f}",
        "D T/m": f"{metrics['example_dimensionality'] * T / m:.3f}",
        "D* T/m": f"{metrics['example_dimensionality_max'] * T / m:.3f}",
        "gaps": "" if gaps[0] is None else f"{gaps[0]:.2f}-{gaps[1]:.2f}",
        "radii": "" if radii is None else f"{radii:.3g}",
        "circles": str(metrics["circles"]),
        "polygon": "yes" if metrics["polygon"] else "no",
        "dead": str(metrics["dead"]),
        "seconds": f"{run.seconds:.0f}",
    }


def run(arguments: argparse.Namespace) -> int:
    """Sweep; 0 when every run finished, 1 when one diverged."""
    prefer_one_blas_thread()
    from relugeom.figures.training import pictures_of_sweep
    from relugeom.training.sweeps import DATABASE, best_of, sweep

    check_results(arguments)
    check_resume(arguments.output / DATABASE, arguments)
    line = ProgressBar("runs")
    try:
        finished = sweep(
            _runs(arguments),
            arguments.output,
            executor=executor_from(arguments),
            test_examples=arguments.test_examples,
            progress=line,
        )
    except KeyboardInterrupt:
        line.clear()
        print(
            f"interrupted; what is finished is in {arguments.output}, the same command with --resume goes on",
            file=sys.stderr,
        )
        return 130
    line.clear()
    if arguments.csv is not None:
        write_atomically(arguments.csv, finished.to_csv().encode())
    best = best_of(finished)
    pictures: list[Path] = []
    if best and not arguments.no_pictures:
        pictures = write_figures(pictures_of_sweep(best), arguments.figures or arguments.output)
    if arguments.json:
        print_json({"runs": [_plain(run) for run in finished], "pictures": [str(path) for path in pictures]})
    else:
        print("".join(f"{name:>{width}}" for name, width in _TABLE))
        for run in best:
            row = _row(run)
            print("".join(f"{row[name]:>{width}}" for name, width in _TABLE))
        print(_LEGEND)
        for path in pictures:
            print(path)
    diverged = sum(run.status == "diverged" for run in finished)
    if diverged:
        print(f"{diverged} of {len(finished)} runs diverged", file=sys.stderr)
    return 1 if diverged else 0


def _plain(run: Finished) -> dict[str, Any]:
    return {**dataclasses.asdict(run), "configuration": run.configuration.as_dict(), "path": str(run.path)}
