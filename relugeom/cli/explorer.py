"""`relugeom explorer -o FILE`: write the page on which to drag features, train, and open models."""

from __future__ import annotations

import argparse
from pathlib import Path

from relugeom.cli._models import KINDS, add_model_choice, chosen_models
from relugeom.cli._options import add_output
from relugeom.writing import check_writable, write_atomically

SUMMARY = "write the explorer: one page on which features are dragged and trained and everything follows"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_output(parser, "the page", default="explorer.html")
    parser.add_argument(
        "--model", type=Path, action="append", default=[], metavar="FILE",
        help=f"open on the first model of this file ({KINDS}; m = 2 or 3, n up to 40) and offer all; may be repeated",
    )  # fmt: skip
    add_model_choice(parser)
    parser.add_argument(
        "--atlas", type=Path, metavar="FILE", help="offer the entries of what `relugeom atlas --json` printed into FILE"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the page; its path goes to stdout."""
    from relugeom.explorer import explorer_page, read_atlas

    check_writable(arguments.output)
    models = [model for path in arguments.model for model in chosen_models(path, arguments).models]
    page = explorer_page(models + ([] if arguments.atlas is None else read_atlas(arguments.atlas)))
    write_atomically(arguments.output, page.encode())
    print(arguments.output)
    return 0
