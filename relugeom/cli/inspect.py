"""`relugeom inspect FILE...`: what is my model?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._models import KINDS, add_model_choice, chosen_models
from relugeom.cli._options import (
    add_json,
    add_law,
    check_no_law,
    law_from,
    nonempty_path,
    positive_float,
    positive_int,
    whole_number,
)
from relugeom.cli._terminal import print_json, width
from relugeom.errors import ArgumentError
from relugeom.records import csv_text
from relugeom.text import printable
from relugeom.writing import check_writable, make_folder, write_atomically

if TYPE_CHECKING:
    from relugeom.autoencoder.files import ModelFile
    from relugeom.cli._options import Place
    from relugeom.inspection import Inspection

_MOST_CERTIFIED = 20
_SPARED = (
    f"no certificates were tried for, as there are more than {_MOST_CERTIFIED} models: --certify tries for all of "
    "them, --instance I for one"
)
_TRAINED_ON = "the data are X = I, not those that the checkpoint was trained on: --data training takes these"

SUMMARY = "say what a model is: its geometry, which features it gives back, and whether it is a minimum, with the proof"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "files", nargs="+", type=nonempty_path, metavar="FILE", help=f"models ({KINDS}), or folders of them"
    )
    add_inspection(parser)
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a self-contained page with pictures")
    parser.add_argument("--figures", type=Path, metavar="DIR", help="write the pictures of the model, as SVG")
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="write one row per feature; of several models, one row each"
    )
    parser.add_argument("--certificate", type=Path, metavar="FILE", help="write the certificate, where there is one")
    add_json(parser)


def add_inspection(parser: Place) -> None:
    """Which models of a file, on which data, with which tolerances."""
    add_model_choice(parser)
    parser.add_argument(
        "--data", default="identity", metavar="X",
        help="identity (X = I, the default); uniform: a·e_i, a uniform on (0, 1]; grid: a = 1/4, 1/2, 3/4, 1; sparse: "
        "--examples T of the papers' kind; independent: features present independently of each other, the whole "
        "population; training: those that a checkpoint was trained on; or a file of examples",
    )  # fmt: skip
    parser.add_argument(
        "--examples", type=positive_int, default=1000, metavar="T", help="for --data sparse (default 1000)"
    )
    parser.add_argument(
        "--sparsity", type=float, metavar="S", help="for --data sparse (default 0.99) and independent (0.9)"
    )
    parser.add_argument("--data-seed", type=whole_number, default=0, metavar="N", help="for --data sparse (default 0)")
    add_law(parser)
    parser.add_argument(
        "--tolerance", type=positive_float, metavar="X",
        help="a response up to it counts as off (default: eight roundings of the file's type)",
    )  # fmt: skip
    parser.add_argument(
        "--circle-tolerance", type=positive_float, default=0.02, metavar="X",
        help="norms linked by steps up to this part of the largest are one circle (default 0.02)",
    )  # fmt: skip
    parser.add_argument(
        "--certify", action="store_true", help=f"try for certificates of more than {_MOST_CERTIFIED} models too"
    )


def _data(arguments: argparse.Namespace, n: int, facts: Any) -> Any:
    """The data set that the arguments name."""
    from relugeom.autoencoder import Axial
    from relugeom.autoencoder.examples import load_examples, sparse_unit_norm_examples

    name = arguments.data
    if name == "independent":
        return law_from(arguments, n, 0.9 if arguments.sparsity is None else arguments.sparsity)
    check_no_law(arguments)
    if name in ("identity", "uniform"):
        return name
    if name == "grid":
        return Axial(n, (0.25, 0.5, 0.75, 1.0))
    if name == "sparse":
        sparsity = 0.99 if arguments.sparsity is None else arguments.sparsity
        return sparse_unit_norm_examples(arguments.examples, n, sparsity, seed=arguments.data_seed)
    if name == "training":
        from relugeom.training.configuration import Configuration

        if "configuration" not in facts:
            raise ArgumentError("--data training is for checkpoints of relugeom, which say what they were trained on")
        # A sweep's models have the key of their run, which also says how many test examples it had.
        settings = {name: value for name, value in facts["configuration"].items() if name != "test_examples"}
        found = Configuration.from_dict(settings).examples()
        return found if hasattr(found, "indptr") else next(iter(found))
    path = Path(name)
    if not path.exists():
        raise ArgumentError(
            "--data must be identity, uniform, grid, sparse, independent, training or a file of examples; got "
            f"{printable(name)}"
        )
    if path.suffix == ".npy":
        from relugeom.autoencoder.files.load import load_array

        return load_array(path)
    return load_examples(path)


def inspections(paths: list[Path], arguments: argparse.Namespace) -> list[Inspection]:
    """The models of these files, on the data and with the tolerances that the arguments name."""
    from relugeom.inspection import inspect_file

    loaded: list[tuple[ModelFile, tuple[str, ...]]] = []
    for path in paths:
        found = chosen_models(path, arguments)
        loaded += [(file, found.notes) for file in found.models]
    several = len(loaded) > 1
    if several:
        for note in dict.fromkeys(note for _, notes in loaded for note in notes):
            print(f"note: {printable(note)}", file=sys.stderr)
    certificates = arguments.certify or len(loaded) <= _MOST_CERTIFIED
    progress = ProgressBar("inspect")
    progress.start(len(loaded))
    answers = []
    for file, of_file in loaded:
        notes = () if several else of_file
        if arguments.data == "identity" and "configuration" in file.facts:
            notes += (_TRAINED_ON,)
        if not certificates:
            notes += (_SPARED,)
        answers.append(
            inspect_file(
                file, _data(arguments, file.model.W.shape[1], file.facts), tolerance=arguments.tolerance,
                circle_tolerance=arguments.circle_tolerance, notes=notes, certificates=certificates,
            )
        )  # fmt: skip
        progress.advance()
    progress.clear()
    return answers


def run(arguments: argparse.Namespace) -> int:
    """Inspect, print, write; 0 always, for whatever a model is, is an answer."""
    prefer_one_blas_thread()  # polishing solves thousands of small systems
    outputs = [path for path in (arguments.html, arguments.csv, arguments.certificate) if path is not None]
    for path in outputs:
        check_writable(path)
    found = inspections(arguments.files, arguments)
    from relugeom.inspection import html_page, table, text_table

    if arguments.html is not None:
        write_atomically(arguments.html, html_page(found).encode())
    if arguments.csv is not None:
        write_atomically(arguments.csv, csv_text(found[0].records() if len(found) == 1 else table(found)).encode())
    if arguments.figures is not None:
        _figures(arguments.figures, found)
    if arguments.certificate is not None:
        _certificate(arguments.certificate, found)
    if arguments.json:
        print_json(found[0].as_dict() if len(found) == 1 else {"models": table(found)})
    elif len(found) == 1:
        print(found[0].text(width()), end="")
    else:
        print(text_table(found), end="")
    if not arguments.json:
        shared = [note for note in (_TRAINED_ON, _SPARED) if any(note in one.notes for one in found)]
        if len(found) > 1:
            print("".join(f"\n{note[:1].upper()}{note[1:]}.\n" for note in shared), end="")
        if arguments.data == "identity" and _TRAINED_ON not in shared:
            print("\nThe data are X = I; --data names others.")
    return 0


def _figures(folder: Path, found: list[Inspection]) -> None:
    from relugeom.figures import draw, render

    make_folder(folder)
    for k, one in enumerate(found):
        for name in one.pictures():
            path = folder / (f"{name}.svg" if len(found) == 1 else f"{k}-{name}.svg")
            write_atomically(path, render(draw(name, one.parameters)))
            print(path, file=sys.stderr)


def _certificate(path: Path, found: list[Inspection]) -> None:
    from relugeom.exact.certificates import dumps

    if len(found) != 1:
        raise ArgumentError(f"--certificate is for one model; got {len(found)}")
    certificate = found[0].nature.certificate
    if certificate is None:
        print(f"no certificate: {found[0].nature.uncertified}", file=sys.stderr)
    else:
        write_atomically(path, dumps(certificate).encode())
