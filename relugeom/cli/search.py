"""`relugeom search`: look for an encoder that holds n features in m dimensions, or for whatever a problem file asks."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.claims.verdicts import Verdict
from relugeom.cli._options import (
    add_json,
    add_output,
    add_resume,
    add_seed,
    add_size,
    add_workers,
    check_resume,
    executor_from,
    fraction,
    positive_int,
)
from relugeom.cli._terminal import indent, print_json, verdict_label
from relugeom.errors import ArgumentError

if TYPE_CHECKING:
    from relugeom.capacity.searches.problem import Problem
    from relugeom.capacity.searches.searching import SearchOutcome

SUMMARY = "search for a configuration, and answer with a certificate, a theorem, or the best margin seen"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    what = parser.add_argument_group("the problem")
    add_size(what, None, None)
    what.add_argument("--decoder", choices=("tied", "untied"), default="tied", help="R = Wᵀ, or any R (default tied)")
    what.add_argument("--bias", choices=("none", "shared", "free"), default="none", help="default none")
    what.add_argument("--active", type=int, default=1, metavar="K", help="features active at once (default 1)")
    what.add_argument("--zero-input", action="store_true", help="x = 0 must give no positive output")
    what.add_argument(
        "--values",
        choices=("signs", "exact"),
        default="signs",
        help="signs: the support; exact: x itself (default signs)",
    )
    what.add_argument("--unit-norms", action="store_true", help="columns of norm 1")
    what.add_argument(
        "--threshold", type=fraction, metavar="T", help="tied, free bias: recover every amplitude above T in [0, 1)"
    )
    what.add_argument("--problem", metavar="FILE.py:NAME", help="a problem of your own, instead of all the above")
    how = parser.add_argument_group("the search")
    how.add_argument("--attempts", type=positive_int, default=100, metavar="N", help="default 100")
    add_seed(how)
    how.add_argument("--unseeded", action="store_true", help="random starts only, no constructions")
    how.add_argument("--against-theorem", action="store_true", help="search even where a theorem says it is in vain")
    add_workers(how)
    how.add_argument("--database", type=Path, metavar="FILE", help="keep every candidate in this SQLite file")
    add_resume(how, "the database")
    add_output(parser, "write the certificate here")
    add_json(parser)


def _problem(arguments: argparse.Namespace) -> Problem:
    if arguments.problem is not None:
        if (arguments.m, arguments.n, arguments.threshold) != (None, None, None):
            raise ArgumentError("--problem is the whole problem; give no --m, --n or --threshold beside it")
        return _load(arguments.problem)
    if arguments.m is None or arguments.n is None:
        raise ArgumentError("--m and --n are needed, or --problem FILE.py:NAME")
    if arguments.threshold is not None:
        from relugeom.capacity.searches.codes import SphericalCode

        return SphericalCode(arguments.m, arguments.n, arguments.threshold)
    from relugeom.capacity.searches.decoding import Decoding

    return Decoding(
        arguments.m,
        arguments.n,
        arguments.decoder == "tied",
        arguments.bias,
        arguments.active,
        arguments.zero_input,
        arguments.values,
        arguments.unit_norms,
    )


def _load(address: str) -> Problem:
    """The object NAME of FILE.py, imported as a module so that worker processes can import it too."""
    from relugeom.capacity.searches.problem import Problem

    file, _, name = address.rpartition(":")
    path = Path(file)
    if path.suffix != ".py" or not path.is_file() or not name:
        raise ArgumentError(f"--problem must be FILE.py:NAME with an existing file; got {address}")
    sys.path.insert(0, str(path.resolve().parent))
    try:
        problem = getattr(importlib.import_module(path.stem), name, None)
    except Exception as error:  # whatever a user's program raises
        raise ArgumentError(f"{path}: {type(error).__name__}: {error!s:.200}") from error
    if not isinstance(problem, Problem):
        raise ArgumentError(f"{name} in {path} must be an instance of relugeom.capacity.Problem; got {problem!r:.60}")
    return problem


def _record(problem: Problem, outcome: SearchOutcome, shown: str | None) -> dict[str, object]:
    """The outcome as JSON: a verdict and what it rests on."""
    from relugeom.capacity.searches.searching import Found, Impossible
    from relugeom.exact import dumps

    if isinstance(outcome, Impossible):
        answer = {"outcome": "impossible", "theorem": outcome.theorem.id, "statement": outcome.theorem.statement}
        return {"problem": repr(problem), **answer}
    candidate = outcome.candidate if isinstance(outcome, Found) else outcome.best
    record: dict[str, object] = {
        "problem": repr(problem),
        "outcome": "found" if isinstance(outcome, Found) else "undecided",
        "attempts": outcome.attempts,
        "index": candidate.index,
        "start": candidate.start,
        "margin": candidate.margin,
    }
    if isinstance(outcome, Found):
        record |= {"statement": outcome.certificate.statement(), "certificate": json.loads(dumps(outcome.certificate))}
        record |= {"file": shown}
    return record


def _print(outcome: SearchOutcome, file: str | None) -> None:
    from relugeom.capacity.searches.searching import Found, Impossible

    if isinstance(outcome, Impossible):
        theorem = outcome.theorem
        print(f"{verdict_label(Verdict.PROVED)} there is none: {theorem.statement} (relugeom explain {theorem.id})")
    elif isinstance(outcome, Found):
        print(f"{verdict_label(Verdict.CERTIFIED)} {indent(outcome.certificate.statement(), 10)}")
        origin = f"attempt {outcome.candidate.index}, start: {outcome.candidate.start}"
        print(f"          {origin}, margin {outcome.candidate.margin:.3g} before rounding")
        for name in ("encoder", "decoder"):
            rows = getattr(outcome.certificate, name, None)
            if rows is not None:
                print(f"          {name}:")
                cells = [[str(x) for x in row] for row in rows]
                widest = max(len(cell) for row in cells for cell in row)
                print("\n".join("            " + " ".join(cell.rjust(widest) for cell in row) for row in cells))
        bias = getattr(outcome.certificate, "bias", None)
        if bias is not None:
            print(f"          bias: {' '.join(map(str, bias))}")
        if file is not None:
            print(f"          certificate: {file}")
    else:
        print(
            f"{verdict_label(Verdict.UNDECIDED)} nothing found in {outcome.attempts} attempts; "
            f"best margin {outcome.best.margin:.3g} (attempt {outcome.best.index}, start: {outcome.best.start})"
        )


def run(arguments: argparse.Namespace) -> int:
    """Search; 0 when a certificate or a theorem answers, 1 when nothing was found."""
    prefer_one_blas_thread()
    from relugeom.capacity.searches.searching import Found, NotFound, search
    from relugeom.exact import dumps
    from relugeom.storage import RunDatabase
    from relugeom.writing import check_writable, write_atomically

    problem = _problem(arguments)
    check_resume(arguments.database, arguments, what="--database FILE")
    if arguments.output is not None:
        check_writable(arguments.output)
    with contextlib.ExitStack() as stack:
        database = None if arguments.database is None else stack.enter_context(RunDatabase(arguments.database))
        line = ProgressBar("attempts")
        stack.callback(line.clear)
        outcome = search(
            problem,
            attempts=arguments.attempts,
            seed=arguments.seed,
            seeded=not arguments.unseeded,
            against_theorem=arguments.against_theorem,
            executor=executor_from(arguments),
            database=database,
            progress=line,
        )
    file = None
    if isinstance(outcome, Found) and arguments.output is not None:
        file = str(arguments.output)
        write_atomically(arguments.output, dumps(outcome.certificate).encode())
    if arguments.json:
        print_json(_record(problem, outcome, file))
    else:
        _print(outcome, file)
    return 1 if isinstance(outcome, NotFound) else 0
