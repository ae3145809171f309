"""`relugeom memorise`: can a model of the plane give back these examples exactly, and what does a built one leave?"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from relugeom.cli._options import add_json, add_output, positive_int, whole_number
from relugeom.cli._terminal import paint, print_json

SUMMARY = (
    "tell whether a model of the plane can memorise examples exactly, with the reason, and build one that keeps much"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="examples: of relugeom (.npz), or a matrix T × n (.npy)"
    )
    parser.add_argument("-T", "--examples", type=positive_int, metavar="T", help="draw the paper's data instead")
    parser.add_argument(
        "--n",
        "--features",
        dest="n",
        type=positive_int,
        default=10_000,
        metavar="N",
        help="of drawn data (default 10000)",
    )
    parser.add_argument(
        "--sparsity", type=float, default=0.999, metavar="S", help="S = P(x_i = 0), of drawn data (default 0.999)"
    )
    parser.add_argument("--data-seed", type=whole_number, default=0, metavar="K", help="of drawn data (default 0)")
    add_output(parser, "write the model built as W and b (.npz)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Read or draw, decide, print; 0 always, for whatever is found is an answer."""
    import numpy as np

    from relugeom.autoencoder.examples import SparseExamples, load_examples, sparse_unit_norm_examples
    from relugeom.autoencoder.memorising import memorisable, memorising_polygon
    from relugeom.autoencoder.model import loss
    from relugeom.errors import ArgumentError
    from relugeom.storage import save_arrays
    from relugeom.writing import check_writable

    if (arguments.file is None) == (arguments.examples is None):
        raise ArgumentError("give either a FILE of examples or -T, how many to draw")
    if arguments.output is not None:
        check_writable(arguments.output)
    if arguments.file is None:
        examples = sparse_unit_norm_examples(
            arguments.examples, arguments.n, arguments.sparsity, seed=arguments.data_seed, dtype=np.float64
        )
    elif arguments.file.suffix == ".npy":
        examples = SparseExamples.from_dense(_matrix(arguments.file))
    else:
        examples = load_examples(arguments.file)
    found = memorisable(examples)
    model = memorising_polygon(examples, found.order)
    reached = float(loss(model, examples))
    longest = float(np.linalg.norm(np.asarray(model.W), axis=0).max())
    if arguments.output is not None:
        save_arrays(
            arguments.output,
            {"W": np.asarray(model.W), "b": np.asarray(model.b)},
            {"kind": "model", "built": "memorising polygon"},
        )
    if arguments.json:
        print_json(
            {
                "T": examples.T, "n": examples.n, "answer": found.answer, "order": found.order,
                "obstruction": found.obstruction,
                "odd_cycle": None if found.odd_cycle is None else dataclasses.asdict(found.odd_cycle),
                "loss": found.loss, "loss_of_the_model": reached,
                "longest_column": longest,
            }
        )  # fmt: skip
        return 0
    print(f"{examples.T} examples of {examples.n} features")
    print(f"memorised exactly at m = 2: {paint(found.answer, 'bold')}")
    if found.obstruction is not None:
        first, *others = found.obstruction
        if len(others) == 3:
            print(f"  example {first} shares features with {_join(others)}, and no polygon has three neighbours")
        else:
            print(f"  examples {_join(found.obstruction)} share features around a cycle that leaves others out")
    if found.odd_cycle is not None:
        named = sorted({found.odd_cycle.base, *(t for pair in found.odd_cycle.pairs for t in pair)})
        print(
            f"  in no order around the polygon are those of each feature neighbours: examples {_join(named)}, "
            f"by an odd cycle of {len(found.odd_cycle.pairs)} pairs"
        )
    order = found.order or ()
    lost = ", the others are lost" if len(order) < examples.T else ""
    print(f"  on the polygon: {len(order)} examples{lost}; order {_join(order[:12])}", end="")
    print(" ..." if len(order) > 12 else "")
    print(f"  loss left by the best order found: {found.loss:.6g}; of the model built: {reached:.6g}")
    print(f"  longest column of W: {longest:.4g}")
    if arguments.output is not None:
        print(f"The model built is in {arguments.output}; relugeom inspect {arguments.output} says what it is.")
    return 0


def _join(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))


def _matrix(path: Path) -> Any:
    import numpy as np

    from relugeom.errors import StorageError

    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StorageError(f"{path}: cannot be read as a matrix ({error!s:.100})") from None
    if not isinstance(found, np.ndarray) or found.ndim != 2 or not np.isrealobj(found) or found.dtype.kind not in "fiu":
        raise StorageError(f"{path}: must hold one matrix of numbers, T × n")
    return found.astype(np.float64)
