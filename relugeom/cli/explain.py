"""`relugeom explain ID`: the statement, the argument, every step and certificate, and where to read more."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path

from relugeom.claims.results import Result
from relugeom.claims.run import verify
from relugeom.cli._options import add_json, add_time_limit, nonempty_path
from relugeom.cli._terminal import indent, paint, print_aside, print_json, verdict_label, width
from relugeom.text import printable

SUMMARY = "print one conjecture whole: statement, argument, steps, evidence, source"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("id", metavar="ID", help="the id, as `relugeom verify` prints it")
    parser.add_argument(
        "paths", nargs="*", type=nonempty_path, default=[], metavar="PATH",
        help="where it is; by default the claims that come with relugeom",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help="run it whole when it is slow, instead of a sample")
    add_time_limit(parser)
    add_json(parser)


def _section(title: str, lines: list[str]) -> None:
    if lines:
        print(f"\n{paint(title, 'bold')}")
        print("\n".join(lines))


def _argument(text: str) -> list[str]:
    """The docstring, paragraph by paragraph; indented lines (formulas, lists) stay as they are."""
    lines: list[str] = []
    for paragraph in printable(text, lines=True).split("\n\n"):
        rows = paragraph.splitlines()
        if any(row.startswith((" ", "- ", "* ")) for row in rows):
            lines += [f"  {row}" for row in rows]
        else:
            lines += textwrap.wrap(" ".join(rows), width() - 2, initial_indent="  ", subsequent_indent="  ")
        lines.append("")
    return lines[:-1]


def _print(result: Result, paths: list[Path]) -> None:
    print(f"{verdict_label(result.verdict)} {paint(printable(result.id), 'bold')}  ({printable(result.file)})")
    _section("Statement", [f"  {indent(result.statement, 2)}"])
    _section("Source", [f"  {indent(result.source, 2)}"] if result.source else [])
    _section("Argument", _argument(result.argument) if result.argument else [])
    _section(
        "Steps, each checked by machine",
        [
            f"  {paint('✗', 'red') if step.fault else paint('✓', 'green')} {indent(step.claim, 4)}\n"
            f"    {paint(f'[{printable(step.method)}]', 'dim')} {printable(step.fault)}".rstrip()
            for step in result.steps
        ],
    )
    if result.sibling:
        _section(
            "False sibling, which the same steps fail to prove",
            [f"  {indent(result.sibling, 2)}", f"    fails at: {indent(result.sibling_fault or 'nothing', 14)}"],
        )
    _section("By hand", [f"  {indent(row, 2)}" for row in result.by_hand.splitlines()])
    _section("Certificates", [f"  {indent(f'{c.kind}: {c.statement}', 4)}" for c in result.certificates])
    _section(
        "Formal proof, for a proof assistant",
        [f"  {indent(f'{p.theorem} in {result.formal_path(p.file)}: {p.statement}', 4)}" for p in result.formal],
    )
    _section("Evidence", [f"  {indent(result.error or result.evidence, 2)}"])
    _section("Note", [f"  {indent(result.note, 2)}"] if result.note else [])
    print()
    if result.sampled:
        print("This ran on a sample; --full runs all of it.")
    if result.certificates:
        print("Write the certificates and check them again:")
        where = "".join(f" {printable(path)}" for path in paths)
        print(f"  relugeom verify{where} -k {result.id} --certificates DIR && relugeom check DIR")


def run(arguments: argparse.Namespace) -> int:
    """Run the one conjecture and print everything about it."""
    report = verify(arguments.paths or None, ids=[arguments.id], full=arguments.full, time_limit=arguments.time_limit)
    result = report.results[0]
    if arguments.json:
        print_json(result.to_json())
    else:
        _print(result, arguments.paths)
    print_aside(result, debug=arguments.debug)
    return 0 if report.as_expected else 1
