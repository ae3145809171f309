"""`relugeom report`: models, claims, figures and results of other commands in one HTML file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.claims.results import Result
from relugeom.claims.run import verify
from relugeom.cli._models import KINDS
from relugeom.cli._options import add_output, add_paths, add_time_limit, positive_int
from relugeom.cli.inspect import add_inspection, inspections
from relugeom.installed import versions
from relugeom.writing import check_writable, write_atomically

SUMMARY = "write one HTML file: your models, claims with their evidence, figures, and the results of other commands"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_paths(parser, KINDS)
    add_output(parser, "the page", default="report.html")
    parser.add_argument("-j", "--jobs", type=positive_int, metavar="N", help="worker processes; results stay the same")
    add_time_limit(parser)
    parser.add_argument("--no-figures", action="store_true", help="leave the figures and the film out")
    for kind in ("atlas", "capacity", "sweep"):
        parser.add_argument(
            f"--{kind}", type=Path, metavar="FILE", help=f"show what `relugeom {kind} --json` printed into FILE"
        )
    add_inspection(parser.add_argument_group("models", "as for relugeom inspect"))


def _holds_models(path: Path) -> bool:
    """Whether a path is about models: what exists and holds no Python."""
    return path.suffix != ".py" if path.is_file() else path.is_dir() and not any(path.rglob("*.py"))


def run(arguments: argparse.Namespace) -> int:
    """Inspect, run the claims, draw, write; 0 when every verdict is the expected one, else 1."""
    from relugeom.figures import FIGURES
    from relugeom.inspection import html_body
    from relugeom.report import read_table, report_page

    check_writable(arguments.output)
    kinds = ("capacity", "atlas", "sweep")
    tables = [read_table(kind, getattr(arguments, kind)) for kind in kinds if getattr(arguments, kind) is not None]
    files = [path for path in arguments.paths if _holds_models(path)]
    models = ""
    if files:
        prefer_one_blas_thread()  # polishing solves thousands of small systems
        models = html_body(inspections(files, arguments))
    progress = ProgressBar("conjectures")

    def advance(_: Result) -> None:
        progress.advance()

    report = verify(
        [path for path in arguments.paths if path not in files] or None,
        full=arguments.full,
        jobs=arguments.jobs,
        time_limit=arguments.time_limit,
        on_start=progress.start,
        on_result=advance,
    )
    progress.clear()
    figures = [] if arguments.no_figures else [*FIGURES]
    page = report_page(
        report, versions("matplotlib"), models=models, figures=figures, film=bool(figures), tables=tables
    )
    write_atomically(arguments.output, page.encode())
    print(report.summary(), file=sys.stderr)
    print(arguments.output)
    return 0 if report.as_expected else 1
