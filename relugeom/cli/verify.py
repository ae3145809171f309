"""`relugeom verify [PATH ...]`: run conjectures and print each with its verdict and evidence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from relugeom.claims.formal import FormalProof, check_formal
from relugeom.claims.run import MEMORY_LIMIT, Report, Result, verify, write_certificates
from relugeom.cli._terminal import (
    ProgressLine,
    indent,
    paint,
    positive_float,
    positive_int,
    print_json,
    verdict_label,
)
from relugeom.cli._versions import versions
from relugeom.writing import check_writable, make_folder, write_atomically

SUMMARY = "run conjectures (the post's claims by default) and print each with its verdict and evidence"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "paths", nargs="*", type=Path, metavar="PATH",
        help="files or folders of conjectures; without any, the claims of the post",
    )  # fmt: skip
    parser.add_argument(
        "-k", "--select", action="append", default=[], metavar="TEXT",
        help="run only conjectures whose id or file name contains TEXT; may be repeated",
    )  # fmt: skip
    parser.add_argument("--full", action="store_true", help="run slow conjectures whole instead of a sample")
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--formal", action="store_true", help="have Coq check the formal proofs, where it is installed")
    parser.add_argument("--certificates", type=Path, metavar="DIR", help="write every certificate into DIR")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write the claims as one self-contained page")
    parser.add_argument("-j", "--jobs", type=positive_int, metavar="N", help="worker processes")
    parser.add_argument(
        "--time-limit", type=positive_float, metavar="S", help="seconds for each conjecture, instead of its own"
    )
    parser.add_argument(
        "--memory-limit", type=positive_float, metavar="GIB", default=MEMORY_LIMIT / 2**30,
        help="GiB of address space for each worker process (default: %(default)g)",
    )  # fmt: skip


def _row(result: Result, heading: str) -> str:
    """The lines for one result, under the heading of its file when that is new."""
    lines = []
    if heading:
        lines.append(f"\n{paint(indent(heading, 0), 'bold')}\n{paint(result.file, 'dim')}")
    lines.append(f"  {verdict_label(result.verdict)}  {indent(result.statement or result.id, 13)}")
    surprise = ""
    if result.verdict is not None and not result.as_expected:
        assert result.expected is not None
        surprise = paint(f"NOT EXPECTED (expected {result.expected.value}): ", "red")
    evidence = f"{surprise}{result.error or result.evidence}"
    details = f"{result.id} · {evidence} · {result.seconds:.1f}\u00a0s{' · sampled' if result.sampled else ''}"
    lines.append(" " * 13 + indent(details, 13))
    if result.certificates:
        first, more = result.certificates[0].statement, len(result.certificates) - 1
        lines.append(" " * 13 + indent(f"certificate: {first}{f' (and {more} more)' if more else ''}", 13))
    if result.formal:
        lines.append(" " * 13 + indent(f"formal proof: {_named(result.formal)}", 13))
    return "\n".join(lines)


def _named(proofs: Iterable[FormalProof]) -> str:
    """`two_m_bound, obtuse_bound in proofs/formal/two_m_bound.v`."""
    by_file = groupby(proofs, key=lambda proof: proof.file)
    return "; ".join(f"{', '.join(p.theorem for p in group)} in proofs/formal/{file}" for file, group in by_file)


def _check_formal_proofs(report: Report) -> list[dict[str, object]]:
    """Have Coq check each file that holds a formal proof of a row."""
    files = sorted({proof.file for result in report.results for proof in result.formal})
    progress = ProgressLine("formal proofs")
    progress.start(len(files))
    rows: list[dict[str, object]] = []
    for file in files:
        result = check_formal(file)
        rows.append({"file": file, "status": result.status, "seconds": result.seconds, "message": result.message})
        progress.advance()
    progress.clear()
    return rows


def _markdown(report: Report) -> str:
    """The report as Markdown, a table for each file."""
    lines = []
    for heading, group in groupby(report.results, key=lambda result: (result.heading, result.file)):
        lines += [
            f"\n## {heading[0] or heading[1]}\n",
            f"`{heading[1]}`\n",
            "| verdict | statement | evidence |",
            "|---|---|---|",
        ]
        for result in group:
            verdict = result.verdict.value if result.verdict is not None else "ERROR"
            cells = (verdict, f"{result.statement} (`{result.id}`)", result.error or result.evidence)
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    environment = ", ".join(f"{name} {version}" for name, version in versions().items())
    return "\n".join([*lines, "", f"{report.summary()}. {environment}."]).lstrip("\n")


def run(arguments: argparse.Namespace) -> int:
    """Run, print, write; 0 when every verdict is the expected one, else 1."""
    if arguments.certificates is not None:
        make_folder(arguments.certificates)
    if arguments.html is not None:
        check_writable(arguments.html)
    progress = ProgressLine("conjectures")
    shown_heading = [""]

    def show(result: Result) -> None:
        progress.clear()
        if not (arguments.json or arguments.markdown):
            heading = result.heading or result.file
            print(_row(result, heading if heading != shown_heading[0] else ""), flush=True)
            shown_heading[0] = heading
        if arguments.debug and result.traceback:
            print(result.traceback, file=sys.stderr)
        progress.advance()

    report = verify(
        arguments.paths or None,
        select=arguments.select,
        full=arguments.full,
        jobs=arguments.jobs,
        time_limit=arguments.time_limit,
        memory_limit=int(arguments.memory_limit * 2**30),
        on_start=progress.start,
        on_result=show,
    )
    progress.clear()
    written = write_certificates(report, arguments.certificates) if arguments.certificates is not None else []
    if arguments.html is not None:
        from relugeom.report import report_page

        write_atomically(arguments.html, report_page(report, versions()).encode())
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
            print(f"{len(written)} certificates written; re-check with: relugeom check {arguments.certificates}")
        for row in formal:
            print(f"formal proof {row['status']}: {row['message']}")
        print(report.summary())
    failed = any(row["status"] == "failed" for row in formal)
    return 0 if report.as_expected and not failed else 1
