"""`relugeom bench`: step times of the engines on this machine, and from which size on a GPU pays."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._options import DTYPES, positive_int
from relugeom.cli._terminal import print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from relugeom.bench import Timing

SUMMARY = "time the training steps on this machine, NumPy and GPU side by side"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    for names, sizes, letter, text in (
        (("-T", "--examples"), [100, 1_000, 10_000], "T", "examples of the full batches (default 100 1000 10000)"),
        (("-B", "--models"), [1_000, 10_000], "B", "numbers of small models (default 1000 10000)"),
        (("--small",), [5, 8, 16, 32], "N", "features of the small models (default 5 8 16 32)"),
    ):
        parser.add_argument(*names, type=positive_int, nargs="*", default=sizes, metavar=letter, help=text)
    parser.add_argument(
        "--n", "--features", dest="n", type=positive_int, default=10_000, metavar="N",
        help="features of the full batches (default 10000)",
    )  # fmt: skip
    parser.add_argument("--dtype", nargs="+", choices=DTYPES, default=["float32"], help="default float32")
    parser.add_argument(
        "--repetitions", type=positive_int, default=7, metavar="K", help="the median of so many is printed (default 7)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print one JSON object")
    form.add_argument("--markdown", action="store_true", help="print a Markdown table")


def run(arguments: argparse.Namespace) -> int:
    """Time, print, 0."""
    prefer_one_blas_thread()  # as training does
    from relugeom.bench import bench, crossover
    from relugeom.doctor import blas, machine
    from relugeom.engines.cuda.backend import find_device

    progress = ProgressBar("timings")
    device = find_device()
    steps = len(arguments.examples) + len(arguments.models) * len(arguments.small)
    progress.start(steps * len(arguments.dtype) * (1 + device.works))
    timings = bench(
        examples=arguments.examples,
        models=arguments.models,
        features=arguments.n,
        small=arguments.small,
        dtypes=arguments.dtype,
        repetitions=arguments.repetitions,
        on_timing=lambda timing: progress.advance(),
    )
    progress.clear()
    found = crossover(timings)
    if arguments.json:
        described = {"machine": machine(), "blas": blas(), "gpu": device.name or device.reason}
        rows = [
            {name: getattr(timing, name) for name in ("task", "size", "n", "dtype", "engine", "seconds")}
            for timing in timings
        ]
        print_json({**described, "timings": rows, "crossover": found})
        return 0
    print(_table(timings, arguments.markdown))
    print()
    print(f"GPU: {device.name}" if device.works else f"GPU not timed: {device.reason}")
    for group, size in found.items():
        print(f"{group}: the GPU is faster {f'from {size} on' if size is not None else 'nowhere'}")
    return 0


def _table(timings: Sequence[Timing], markdown: bool) -> str:
    """One row per timing: full batches in milliseconds per step, small models in million model-steps per second."""
    head = ("task", "size", "n", "dtype", "engine", "ms per step", "million example- or model-steps per second")
    rows = [head]
    for timing in timings:
        size = f"{'T' if timing.task == 'full batch' else 'B'} = {timing.size}"
        times = (f"{timing.seconds * 1e3:.3g}", f"{timing.size / timing.seconds / 1e6:.3g}")
        rows.append((timing.task, size, str(timing.n), timing.dtype, timing.engine, *times))
    if markdown:
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        lines.insert(1, "|---" * len(head) + "|")
        return "\n".join(lines)
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows)
