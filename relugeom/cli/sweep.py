"""`relugeom sweep`: the paper's experiment over numbers of examples, seeds and settings, resumable."""

from __future__ import annotations

import argparse
import dataclasses
import io
import itertools
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relugeom.cli._terminal import ProgressLine, print_json
from relugeom.cli.train import add_settings, configuration_from, given_settings
from relugeom.errors import ArgumentError
from relugeom.executors import prefer_one_blas_thread
from relugeom.writing import write_atomically

if TYPE_CHECKING:
    from relugeom.training.configuration import Configuration
    from relugeom.training.sweep import Finished

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


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("-T", "--examples", type=int, nargs="+", required=True, metavar="T", help="numbers of examples")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="database, models and pictures")
    parser.add_argument("--data-sets", type=int, default=1, metavar="N", help="data sets per T (1)")
    parser.add_argument(
        "--seeds", type=int, default=1, metavar="N",
        help="initialisations per data set; the table keeps the one of lowest training loss (1)",
    )  # fmt: skip
    parser.add_argument("--learning-rates", type=float, nargs="+", metavar="X", help="learning rates, one run each")
    parser.add_argument("--weight-decays", type=float, nargs="+", metavar="X", help="weight decays, one run each")
    parser.add_argument("--initialisations", nargs="+", metavar="KIND", help="xavier, normal: one run each")
    parser.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="worker processes (1: none)")
    parser.add_argument("--executor", metavar="ADDRESS", help="processes://N or dask://host:port, instead of --jobs")
    parser.add_argument("--test-examples", type=int, default=2_000, metavar="N", help="fresh examples (2000)")
    parser.add_argument("--no-pictures", action="store_true", help="only the table")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_settings(parser)


def _runs(arguments: argparse.Namespace) -> list[Configuration]:
    from relugeom.training.sweep import configurations

    given = given_settings(arguments)
    engine = given.pop("engine", None)
    base = configuration_from(given, max(arguments.examples))
    grid = {
        "learning_rate": arguments.learning_rates,
        "weight_decay": arguments.weight_decays,
        "initialisation": arguments.initialisations,
    }
    axes = [[(field, value) for value in values] for field, values in grid.items() if values]
    settings = [dict(point) for point in itertools.product(*axes)]
    sizes = sorted(set(arguments.examples))
    runs = configurations(base, sizes, arguments.data_sets, arguments.seeds, settings)
    if engine is None:
        return runs
    forced = {T: configuration_from({**given, "engine": engine}, T).engine for T in sizes}
    return [dataclasses.replace(run, engine=forced[run.T]) for run in runs]


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


def _pictures(best: list[Finished], directory: Path) -> list[Path]:
    """Draw the first data set of every T; return the files."""
    from relugeom.autoencoder.examples import SparseExamples
    from relugeom.figures.training import dimensionality_scatter, loss_curves, vectors
    from relugeom.training.metrics import dimensionality, hidden_vectors
    from relugeom.training.sweep import model_of

    first = list({run.configuration.T: run for run in reversed(best)}.values())[::-1]
    shown, scatter = [], []
    for run in first:
        examples = run.configuration.examples()
        if isinstance(examples, SparseExamples):
            W, _, M = model_of(run)
            D = W if M is None else M.T
            H = hidden_vectors(examples, W)
            shown.append((run.configuration.T, H, D))
            scatter.append((run.configuration.T, dimensionality(H), dimensionality(D.T)))
    sizes = [run.configuration.T for run in first]
    figures = {
        "losses": loss_curves(sizes, [r.metrics["loss"] for r in first], [r.metrics["test_loss"] for r in first])
    }
    if shown:
        figures["dimensionality"] = dimensionality_scatter(scatter)
        if shown[0][1].shape[1] == 2:
            figures["vectors"] = vectors(shown)
    files = []
    for name, figure in figures.items():
        files.append(directory / f"{name}.png")
        picture = io.BytesIO()
        figure.savefig(picture, dpi=80, metadata={"Software": None})
        write_atomically(files[-1], picture.getvalue())
    return files


def run(arguments: argparse.Namespace) -> int:
    """Sweep; 0 when every run finished, 1 when one diverged."""
    prefer_one_blas_thread()
    from relugeom.training.sweep import best_of, sweep

    if arguments.jobs < 1 or arguments.test_examples < 1:
        raise ArgumentError("--jobs and --test-examples must be at least 1")
    executor = arguments.executor or (f"processes://{arguments.jobs}" if arguments.jobs > 1 else None)

    line = ProgressLine("runs")
    try:
        finished = sweep(
            _runs(arguments),
            arguments.output,
            executor=executor,
            test_examples=arguments.test_examples,
            progress=line,
        )
    except KeyboardInterrupt:
        line.clear()
        print(f"interrupted; what is finished is in {arguments.output}, the same command goes on", file=sys.stderr)
        return 130
    line.clear()
    best = best_of(finished)
    pictures = [] if arguments.no_pictures or not best else _pictures(best, arguments.output)
    if arguments.json:
        print_json({"runs": [_plain(run) for run in finished], "pictures": [str(path) for path in pictures]})
    else:
        print("".join(f"{name:>{width}}" for name, width in _TABLE))
        for run in best:
            row = _row(run)
            print("".join(f"{row[name]:>{width}}" for name, width in _TABLE))
        for path in pictures:
            print(path)
    diverged = sum(run.status == "diverged" for run in finished)
    if diverged:
        print(f"{diverged} of {len(finished)} runs diverged", file=sys.stderr)
    return 1 if diverged else 0


def _plain(run: Finished) -> dict[str, Any]:
    return {**dataclasses.asdict(run), "configuration": run.configuration.as_dict(), "path": str(run.path)}
