"""`relugeom toy`: the models of *Toy Models of Superposition* over a range of sparsities."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._options import (
    add_json,
    add_law,
    add_optimiser,
    add_output,
    add_resume,
    add_schedule,
    add_seed,
    add_seeds,
    add_size,
    add_steps,
    add_workers,
    check_resume,
    executor_from,
    law_from,
    optimiser_from,
    positive_int,
)
from relugeom.cli._terminal import ProgressLine, paint, print_json
from relugeom.writing import make_folder

if TYPE_CHECKING:
    from relugeom.studies.toy_models import ToyRow

SUMMARY = "train the models of Toy Models of Superposition over a range of sparsities, and compare exact losses"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_size(parser, 5)
    parser.add_argument(
        "--sparsities", nargs="+", type=float, metavar="S",
        help="S = P(x_i = 0) (default: 8 densities 1 − S from 1 to 0.05)",
    )  # fmt: skip
    add_law(parser)
    add_seeds(parser, 8, "models for each sparsity")
    add_seed(parser)
    parser.add_argument("--batch", type=positive_int, default=1024, help="fresh examples of every step (default 1024)")
    add_steps(parser, 10_000)
    add_optimiser(parser)
    add_schedule(parser, "constant")
    add_output(parser, "the database in which finished models are kept")
    add_resume(parser, "the database")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the best model of every sparsity into DIR")
    add_workers(parser)
    add_json(parser, ", models included")


def _line(row: ToyRow) -> str:
    record = row.record()
    norms = " ".join(f"{norm:.2f}" for norm in record["norms"][:12])
    more = " ..." if len(record["norms"]) > 12 else ""
    losses = f"{record['loss']:<10.6g} {record['median_loss']:<10.6g}"
    return (
        f"{record['sparsity']:8.4g} {row.law.density:8.4g}  {losses} {record['represented']:11d} "
        f"{record['features_per_dimension']:12.3f}  {norms}{more}"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, compare, print; 0 always, for whatever is found is an answer."""
    from contextlib import nullcontext

    from relugeom.storage import RunDatabase
    from relugeom.studies.toy_models import REPRESENTED, sparsities, toy_models

    prefer_one_blas_thread()
    laws = [law_from(arguments, arguments.n, sparsity) for sparsity in arguments.sparsities or sparsities(8)]
    optimiser = optimiser_from(arguments)
    if arguments.figures is not None:
        make_folder(arguments.figures)
    check_resume(arguments.output, arguments)
    progress = ProgressLine("blocks of models")
    with RunDatabase(arguments.output) if arguments.output else nullcontext() as database:
        rows = toy_models(
            laws, seeds=arguments.seeds, seed=arguments.seed, m=arguments.m, batch=arguments.batch,
            steps=arguments.steps, optimiser=optimiser, schedule=arguments.schedule, warmup=arguments.warmup,
            executor=executor_from(arguments), database=database,
            progress=progress,
        )  # fmt: skip
    progress.clear()
    drawn = _draw(rows, arguments.figures) if arguments.figures is not None else []
    if arguments.json:
        print_json({"seeds": arguments.seeds, "figures": drawn, "rows": [row.record() for row in rows]})
        return 0
    what = "over the population" if rows[0].exact else "over 200,000 examples"
    print(paint("sparsity  density  best loss  median     represented  ‖W‖²/m        norms of the best", "bold"))
    for row in rows:
        print(_line(row))
    several = "s" * (arguments.seeds != 1)
    print(f"\nloss: {what}; of {arguments.seeds} seed{several}. represented: features of norm at least {REPRESENTED}.")
    for path in drawn:
        print(path)
    return 0


def _draw(rows: list[ToyRow], folder: Path) -> list[str]:
    """The best model of every sparsity as a picture in both themes."""
    from relugeom.figures.style import DARK, LIGHT, render
    from relugeom.figures.toy_models import superposition
    from relugeom.writing import write_atomically

    drawn = []
    for theme in (LIGHT, DARK):
        path = folder / f"toy-models-{theme.name}.svg"
        write_atomically(path, render(superposition(rows, theme), "svg", theme))
        drawn.append(str(path))
    return drawn
