"""`relugeom check FILE ...`: re-check certificates with the checker alone."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from relugeom.cli._terminal import indent, print_json
from relugeom.errors import CertificateError
from relugeom.exact import Invalid, check, load

SUMMARY = "re-check certificates by exact arithmetic, with the standard library alone"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a certificate, or a folder of them")
    parser.add_argument("-q", "--quiet", action="store_true", help="print only what is not valid, and the total")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _unreadable(path: Path, detail: str) -> dict[str, Any]:
    return {"file": str(path), "status": "unreadable", "kind": None, "detail": detail}


def _examine(path: Path) -> dict[str, Any]:
    """The row for one file: valid, invalid or unreadable, and why."""
    try:
        certificate = load(path)
    except CertificateError as error:
        return _unreadable(path, str(error))
    except OSError as error:
        return _unreadable(path, error.strerror or str(error))
    result = check(certificate)
    if isinstance(result, Invalid):
        return {"file": str(path), "status": "invalid", "kind": certificate.kind, "detail": result.reason}
    return {"file": str(path), "status": "valid", "kind": certificate.kind, "detail": result.statement}


def run(arguments: argparse.Namespace) -> int:
    """Check every file; 0 when all are valid, 1 when some are not, 2 when some cannot be read."""
    files: list[Path] = []
    pipes: set[Path] = set()
    for path in arguments.files:
        # A pipe that is named is read; one that lies in a folder would only wait.
        inside = sorted(path.glob("*.json")) if path.is_dir() else [path]
        pipes |= {file for file in inside if path.is_dir() and not file.is_file()}
        if not inside:
            print(f"relugeom check: error: {path} holds no .json files", file=sys.stderr)
            return 2
        files += inside
    rows = [_unreadable(path, "not a regular file") if path in pipes else _examine(path) for path in files]
    if arguments.json:
        print_json({"certificates": rows})
    else:
        for row in rows:
            if row["status"] != "valid" or not arguments.quiet:
                line = f"{row['file']}: {row['detail']}"
                print(f"{row['status']:<10} {indent(line, 11) if sys.stdout.isatty() else line}")
        valid = sum(row["status"] == "valid" for row in rows)
        print(f"{valid} of {len(rows)} certificate{'s' * (len(rows) != 1)} valid")
    states = {row["status"] for row in rows}
    return 2 if "unreadable" in states else 1 if "invalid" in states else 0
