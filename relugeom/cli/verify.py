"""`relugeom verify [PATH ...]`: run conjectures and print each with its verdict and evidence."""

from __future__ import annotations

import argparse
import sys
from itertools import groupby
from pathlib import Path

from relugeom.bars import ProgressBar
from relugeom.claims.formal import check_formal
from relugeom.claims.results import Report, Result, write_certificates
from relugeom.claims.run import MEMORY_LIMIT, list_conjectures, verify
from relugeom.cli._options import add_csv, add_paths, add_time_limit, positive_float_or_zero, positive_int
from relugeom.cli._terminal import (
    indent,
    paint,
    print_aside,
    print_json,
    verdict_label,
)
from relugeom.installed import versions
from relugeom.text import printable
from relugeom.writing import make_folder, write_atomically

SUMMARY = "run conjectures (the post's claims by default) and print each with its verdict and evidence"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_paths(parser)
    parser.add_argument(
        "-k", "--select", action="append", default=[], metavar="TEXT",
        help="run only conjectures whose id, file name or statement contains TEXT; may be repeated",
    )  # fmt: skip
    parser.add_argument("--list", action="store_true", help="only list the conjectures: id and statement")
    form = parser.add_mutually_exclusive_group()
    add_csv(parser, "a row for each claim")
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument(
        "--formal", action="store_true", help="have Rocq check the formal proofs, where it is installed"
    )
    parser.add_argument("--certificates", type=Path, metavar="DIR", help="write every certificate into DIR")
    parser.add_argument("-j", "--jobs", type=positive_int, metavar="N", help="worker processes; results stay the same")
    add_time_limit(parser)
    parser.add_argument(
        "--memory-limit", type=positive_float_or_zero, metavar="GIB", default=MEMORY_LIMIT / 2**30,
        help="GiB of address space for each conjecture, 0 for no limit (default: %(default)g)",
    )  # fmt: skip


def _row(result: Result, heading: str) -> str:
    """The lines for one result, under the heading of its file when that is new."""
    lines = []
    if heading:
        lines.append(f"\n{paint(indent(heading.strip(), 0), 'bold')}")
        if heading != result.file:  # a file without a docstring is headed by its name alone
            lines.append(paint(printable(result.file), "dim"))
    lines.append(f"  {verdict_label(result.verdict)}  {indent(result.statement or result.id, 13)}")
    surprise = ""
    if result.verdict is not None and not result.as_expected:
        assert result.expected is not None
        surprise = f"NOT EXPECTED (expected {result.expected.value}): "
    evidence = f"{surprise}{result.error or result.evidence}"
    details = f"{result.id} · {evidence} · {result.seconds:.1f}\u00a0s{' · sampled' if result.sampled else ''}"
    # Coloured once it is wrapped and escaped, or the colour would be escaped too.
    lines.append(" " * 13 + indent(details, 13).replace(surprise, paint(surprise, "red"), 1 if surprise else 0))
    if result.certificates:
        first, more = result.certificates[0].statement, len(result.certificates) - 1
        lines.append(" " * 13 + indent(f"certificate: {first}{f' (and {more} more)' if more else ''}", 13))
    if result.formal:
        lines.append(" " * 13 + indent(f"formal proof: {_formal_proofs_of(result)}", 13))
    return "\n".join(lines)


def _formal_proofs_of(result: Result) -> str:
    """`two_m_bound, obtuse_bound in proofs/formal/two_m_bound.v`."""
    by_file = groupby(result.formal, key=lambda proof: proof.file)
    return "; ".join(f"{', '.join(p.theorem for p in group)} in {result.formal_path(file)}" for file, group in by_file)


def _check_formal_proofs(report: Report) -> list[dict[str, object]]:
    """Have Rocq check each file that holds a formal proof of a row."""
    theorems: dict[tuple[Path, str], set[str]] = {}
    for result in report.results:
        for proof in result.formal:
            if result.formal_folder is not None:
                theorems.setdefault((result.formal_folder, proof.file), set()).add(proof.theorem)
    progress = ProgressBar("formal proofs")
    progress.start(len(theorems))
    rows: list[dict[str, object]] = []
    for (folder, file), named in sorted(theorems.items()):
        found = check_formal(file, theorems=named, sources=folder)
        rows.append({"file": file, "status": found.status, "seconds": found.seconds, "message": found.message})
        progress.advance()
    progress.clear()
    return rows


def _cell(text: str) -> str:
    """A text that stays in its cell of a Markdown table, and in its line."""
    return printable(" ".join(text.split("\n"))).replace("|", "\\|")


def _markdown(report: Report) -> str:
    """The report as Markdown, a table for each file."""
    lines = []
    for heading, group in groupby(report.results, key=lambda result: (result.heading, result.file)):
        lines += [
            f"\n## {_cell(heading[0] or heading[1])}\n",
            f"`{_cell(heading[1])}`\n",
            "| verdict | statement | evidence |",
            "|---|---|---|",
        ]
        for result in group:
            verdict = result.verdict.value if result.verdict is not None else "ERROR"
            cells = (verdict, f"{result.statement} (`{result.id}`)", result.error or result.evidence)
            lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    environment = ", ".join(f"{name} {version}" for name, version in versions().items())
    return "\n".join([*lines, "", f"{report.summary()}. {environment}."]).lstrip("\n")


def _list(arguments: argparse.Namespace) -> int:
    """Print what there is, without running it."""
    rows = list_conjectures(arguments.paths or None, select=arguments.select, jobs=arguments.jobs)
    if arguments.json:
        print_json({"conjectures": [{"id": row.id, "file": row.file, "statement": row.statement} for row in rows]})
    else:
        for row in rows:
            print(f"{paint(printable(row.id), 'bold')}\n    {indent(row.error or row.statement, 4)}")
    return 2 if any(row.error for row in rows) else 0


def run(arguments: argparse.Namespace) -> int:
    """Run, print, write; 0 when every verdict is the expected one, else 1."""
    if arguments.list:
        return _list(arguments)
    if arguments.certificates is not None:
        make_folder(arguments.certificates)
    progress = ProgressBar("conjectures")
    shown_heading = [""]

    def show(result: Result) -> None:
        progress.clear()
        if not (arguments.json or arguments.markdown):
            heading = result.heading or result.file
            print(_row(result, heading if heading != shown_heading[0] else ""), flush=True)
            shown_heading[0] = heading
        print_aside(result, debug=arguments.debug)
        progress.advance()

    report = verify(
        arguments.paths or None,
        select=arguments.select,
        full=arguments.full,
        jobs=arguments.jobs,
        time_limit=arguments.time_limit,
        # No machine has 2⁶⁰ bytes, and a float has room for more.
        memory_limit=max(1, int(min(arguments.memory_limit * 2**30, 2.0**60))) if arguments.memory_limit else None,
        on_start=progress.start,
        on_result=show,
    )
    progress.clear()
    if arguments.csv is not None:
        write_atomically(arguments.csv, report.to_csv().encode())
    written = write_certificates(report, arguments.certificates) if arguments.certificates is not None else []
    formal = _check_formal_proofs(report) if arguments.formal else []
    if arguments.json:
        data = {**report.to_json(), "environment": versions()} | ({"formal": formal} if arguments.formal else {})
        print_json(data)
    elif arguments.markdown:
        print(_markdown(report))
    else:
        print()
        if written:
            others = len(list(arguments.certificates.glob("*.json"))) - len(written)
            if others:
                print(f"{others} other .json files were in {arguments.certificates} before", file=sys.stderr)
            several = "s" * (len(written) != 1)
            print(f"{len(written)} certificate{several} written; re-check: relugeom check {arguments.certificates}")
        for row in formal:
            print(f"formal proof {row['status']}: {printable(row['message'])}")
        print(report.summary())
    for note in report.notes:
        print(note, file=sys.stderr)
    failed = any(row["status"] == "failed" for row in formal)
    return 0 if report.as_expected and not failed else 1
