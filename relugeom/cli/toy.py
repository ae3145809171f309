"""`relugeom toy`: the models and results of *Toy Models of Superposition*."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from relugeom.bars import ProgressBar
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
    positive_float,
    positive_int,
)
from relugeom.cli._terminal import paint, print_json
from relugeom.errors import ArgumentError
from relugeom.writing import make_folder

if TYPE_CHECKING:
    from relugeom.figures.style import Theme
    from relugeom.studies.toy_models import ToyRow

SUMMARY = "train the models of Toy Models of Superposition, compare exact losses, and draw what the paper found"

_STUDIES = ("sparsity", "phases", "companions", "levels", "packing")


def _range(text: str) -> list[float]:
    """Numbers evenly spaced in their logarithms, as in 1..0.05/8."""
    ends, slash, count = text.partition("/")
    first, dots, last = ends.partition("..")
    if not (slash and dots):
        raise argparse.ArgumentTypeError(f"must be FIRST..LAST/COUNT, such as 1..0.05/8; got {text}")
    low, high, number = positive_float(first), positive_float(last), positive_int(count)
    if number > 10_000:
        raise argparse.ArgumentTypeError(f"must be at most 10,000 numbers; got {text}")
    from numpy import geomspace

    return [float(value) for value in geomspace(low, high, number)]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "study", nargs="?", choices=_STUDIES, default="sparsity", metavar="STUDY",
        help="sparsity: a model for each sparsity, with its polytopes and the linear model beside it (the default); "
        "phases: what becomes of one more feature, over density and importance, for n = 2 or 3 in n − 1 dimensions; "
        "companions: correlated and anticorrelated pairs in the plane; levels: dimensionalities while one model "
        "trains; packing: 4 to 12 features in M dimensions beside points on a sphere",
    )  # fmt: skip
    add_size(parser, 5)
    laws = parser.add_mutually_exclusive_group()
    laws.add_argument(
        "--sparsities", nargs="+", type=float, metavar="S",
        help="S = P(x_i = 0) (default: 8 densities 1 − S from 1 to 0.05; one S, 0.9, where a study has one)",
    )  # fmt: skip
    laws.add_argument(
        "--densities",
        type=_range,
        metavar="P..Q/K",
        help="instead, K densities 1 − S, evenly in their logarithms",
    )
    parser.add_argument(
        "--importances", type=_range, default="0.1..10/13", metavar="P..Q/K",
        help="phases: importances of the last feature (default 0.1..10/13)",
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
    parser.add_argument("--figures", type=Path, metavar="DIR", help="draw the results into DIR, in both themes")
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

    prefer_one_blas_thread()
    settings: dict[str, Any] = {
        "seed": arguments.seed, "batch": arguments.batch, "steps": arguments.steps, "schedule": arguments.schedule,
        "warmup": arguments.warmup, "optimiser": optimiser_from(arguments), "executor": executor_from(arguments),
    }  # fmt: skip
    study = _STUDY[arguments.study]
    if arguments.figures is not None:
        make_folder(arguments.figures)
    check_resume(arguments.output, arguments)
    progress = ProgressBar("blocks of models")
    with RunDatabase(arguments.output) if arguments.output else nullcontext() as database:
        found = study(arguments, {**settings, "database": database, "progress": progress})
    progress.clear()
    drawn = _draw(found.pictures, arguments.figures) if arguments.figures is not None else []
    if arguments.json:
        print_json({"seeds": arguments.seeds, "figures": drawn, "rows": found.rows})
        return 0
    print(paint(found.head, "bold"))
    for line in found.lines:
        print(line)
    print(f"\n{found.note}")
    for path in drawn:
        print(path)
    return 0


class _Found(NamedTuple):
    """What a study came to: as plain values, as a table, and as pictures by name."""

    rows: list[dict[str, Any]]
    head: str
    lines: list[str]
    note: str
    pictures: dict[str, Callable[[Theme], Any]]


def _one_sparsity(arguments: argparse.Namespace) -> float:
    """The S of a study that has one."""
    given: list[float] | None = arguments.sparsities
    if arguments.densities is not None or (given is not None and len(given) > 1):
        raise ArgumentError(f"{arguments.study} has one sparsity: give --sparsities S")
    return 0.9 if given is None else given[0]


def _sparsity(arguments: argparse.Namespace, settings: dict[str, Any]) -> _Found:
    """A law for each sparsity."""
    from relugeom.figures import toy_models as pictures
    from relugeom.studies.toy_models import REPRESENTED, sparsities, toy_models

    given = arguments.sparsities or sparsities(8)
    if arguments.densities is not None:
        given = [1 - p for p in arguments.densities]
    laws = [law_from(arguments, arguments.n, sparsity) for sparsity in given]
    rows = toy_models(laws, seeds=arguments.seeds, m=arguments.m, **settings)
    what = "over the population" if rows[0].exact else "over 200,000 examples"
    several = "s" * (arguments.seeds != 1)
    drawn: dict[str, Callable[[Theme], Any]] = {"dimensions": partial(pictures.dimensions, rows)}
    if arguments.n <= 20:
        drawn["models"] = partial(pictures.superposition, rows)
    if not (laws[0].correlated or laws[0].anticorrelated) or len(set(laws[0].weights.tolist())) == 1:
        drawn["linear"] = partial(pictures.linear, rows)
    return _Found(
        [row.record() for row in rows],
        "sparsity  density  best loss  median     represented  ‖W‖²/m        norms of the best",
        [_line(row) for row in rows],
        f"loss: {what}; of {arguments.seeds} seed{several}. represented: features of norm at least {REPRESENTED}.",
        drawn,
    )


def _phases(arguments: argparse.Namespace, settings: dict[str, Any]) -> _Found:
    """One more feature over density and importance."""
    from relugeom.figures.toy_models import phases
    from relugeom.studies.phases import OUTCOMES, phase_diagram

    densities = arguments.densities
    if densities is None:
        densities = [1 - S for S in arguments.sparsities] if arguments.sparsities else _range("0.01..1/13")
    diagram = phase_diagram(
        arguments.n, densities=sorted(densities), importances=sorted(arguments.importances),
        seeds=arguments.seeds, **settings,
    )  # fmt: skip
    return _Found(
        diagram.records(),
        "density   importance  the outcome of least loss changes",
        [f"{e.p:<9.4g} {e.r:<11.4g} from {OUTCOMES[e.below]} to {OUTCOMES[e.above]}" for e in diagram.boundaries],
        f"{diagram.agreement:.1%} of {diagram.exact.size} cells are trained to the outcome of least loss; the best of "
        f"{arguments.seeds} seeds is at most {diagram.excess:.2%} above the least loss in half of the cells.",
        {f"phases-{arguments.n}": partial(phases, [diagram])},
    )


def _companions(arguments: argparse.Namespace, settings: dict[str, Any]) -> _Found:
    """Correlated and anticorrelated pairs."""
    from relugeom.figures.toy_models import companions as picture
    from relugeom.studies.companions import companions

    cases = companions(_one_sparsity(arguments), seeds=arguments.seeds, **settings)
    lines = []
    for case in cases:
        c = case.counts()
        lines.append(
            f"{case.name:<26} {c['orthogonal']:10d}  {c['antipodal']:9d}  {c['side by side']:12d}  "
            f"{c['not represented']:15d}  {c['pairs']:5d}"
        )
    return _Found(
        [case.record() for case in cases],
        "law                        orthogonal  antipodal  side by side  not represented  pairs",
        lines,
        "orthogonal: |cos| ≤ 0.2; antipodal: cos ≤ −0.8; side by side: cos ≥ 0.8.",
        {"companions": partial(picture, cases)},
    )


def _levels(arguments: argparse.Namespace, settings: dict[str, Any]) -> _Found:
    """One model on its way."""
    from relugeom.autoencoder.independent import Independent
    from relugeom.figures.toy_models import levels
    from relugeom.studies.levels import energy_levels

    run = energy_levels(Independent(arguments.n, _one_sparsity(arguments)), 120, m=arguments.m, **settings)
    lines = []
    for k in range(0, len(run.steps), 8):
        shares = " ".join(f"{d:.2f}" for d in sorted(run.dimensionality[k])[:: max(1, arguments.n // 10)])
        lines.append(f"{run.steps[k]:6d}  {run.losses[k]:<10.6g}  {shares}")
    return _Found(
        [run.record()],
        "  step  loss        dimensionalities, from the least to the greatest",
        lines,
        f"{len(run.steps)} looks at one model of {arguments.n} features in {arguments.m} dimensions.",
        {"levels": partial(levels, run)},
    )


def _packing(arguments: argparse.Namespace, settings: dict[str, Any]) -> _Found:
    """Features as points on a sphere."""
    from relugeom.figures.toy_models import packing
    from relugeom.studies.packing import packings

    rows = packings(m=arguments.m, sparsity=_one_sparsity(arguments), seeds=arguments.seeds, **settings)
    lines = [
        f"{row.n:2d}  {row.represented:11d}  {row.norms[0]:.3f} to {row.norms[1]:.3f}  {row.largest_cosine:14.4f}  "
        f"{row.code_cosine:9.4f}  {row.energy:13.5f}  {row.thomson_energy:10.5f}  {row.loss:.6g}"
        for row in rows
    ]
    return _Found(
        [row.record() for row in rows],
        " n  represented  norms           largest cosine  best code  Σ 1/distance  Thomson     loss",
        lines,
        "best code and Thomson: the least largest cosine, and the least Σ 1/distance, found for as many points.",
        {"packing": partial(packing, rows)},
    )


_STUDY: dict[str, Callable[[argparse.Namespace, dict[str, Any]], _Found]] = {
    "sparsity": _sparsity,
    "phases": _phases,
    "companions": _companions,
    "levels": _levels,
    "packing": _packing,
}


def _draw(pictures: dict[str, Callable[[Theme], Any]], folder: Path) -> list[str]:
    """Every picture in both themes."""
    from relugeom.figures.style import DARK, LIGHT, render
    from relugeom.writing import write_atomically

    drawn = []
    for name, picture in pictures.items():
        for theme in (LIGHT, DARK):
            path = folder / f"toy-{name}-{theme.name}.svg"
            write_atomically(path, render(picture(theme), "svg", theme))
            drawn.append(str(path))
    return drawn
