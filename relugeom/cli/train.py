"""`relugeom train`: one run of the paper's experiment, resumable."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._options import (
    add_figures,
    add_film,
    add_json,
    add_output,
    add_resume,
    add_settings,
    check_film,
    configuration_from,
    given_settings,
    positive_int,
    whole_number,
)
from relugeom.cli._pictures import write_figures, write_film
from relugeom.cli._terminal import print_json
from relugeom.errors import ArgumentError
from relugeom.writing import make_folder

if TYPE_CHECKING:
    from relugeom.training.checkpoint import Checkpoint

SUMMARY = "train the autoencoder on sparse examples, full batch, at the paper's size"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("-T", "--examples", type=positive_int, metavar="T", help="examples")
    add_output(parser, "the checkpoint, and the result at the end")
    parser.add_argument("--force", action="store_true", help="replace FILE where it exists already")
    add_resume(parser, "the checkpoint")
    parser.add_argument(
        "--every", type=positive_int, default=1_000, metavar="K", help="steps between checkpoints (1000)"
    )
    parser.add_argument(
        "--record", type=whole_number, nargs="*", metavar="STEP", help="steps of the trajectory (log-spaced)"
    )
    parser.add_argument("--no-snapshots", action="store_true", help="keep no parameters along the trajectory")
    parser.add_argument(
        "--processes", type=positive_int, default=1, metavar="N", help="share every step among N processes (1)"
    )
    parser.add_argument("--test-examples", type=positive_int, default=2_000, metavar="N", help="fresh examples (2000)")
    add_figures(parser, "the run over its steps, and its model,")
    add_film(parser)
    add_json(parser)
    add_settings(parser)


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C (and a polite kill): a step cannot be saved in its middle. The second one raises."""
    caught: list[int] = []

    def note(number: int, frame: object) -> None:
        if caught:
            raise KeyboardInterrupt
        caught.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _draw(arguments: argparse.Namespace, end: Checkpoint) -> list[Path]:
    """The pictures and the film that were asked for; the paths."""
    if arguments.figures is None:
        return []
    from relugeom.figures import film_of_run
    from relugeom.figures.training import pictures_of_run

    paths = write_figures(pictures_of_run(end), arguments.figures)
    return paths + (write_film(film_of_run(end), arguments.figures) if arguments.film else [])


def _summary(metrics: dict[str, Any], T: int, m: int) -> list[tuple[str, str]]:
    """What was measured, a name and its words on each line; lines about what cannot be measured are left out."""
    example, largest = metrics["example_dimensionality"], metrics["example_dimensionality_max"]
    lines = [
        ("training loss", f"{metrics['loss']:.6g}"),
        ("dimensionality", f"{example:.4g} per example, the median; D* {largest:.4g}; m/T = {m / T:.4g}"),
        ("", f"{metrics['feature_dimensionality']:.4g} per feature, the median"),
        ("‖W‖, ‖b‖", f"{metrics['norm_weights']:.4g}, {metrics['norm_biases']:.4g}"),
    ]
    latent = f"mean length {metrics['norm_latent']:.4g}"
    if metrics["radius_ratio"] is not None:
        latent += f", the longest {metrics['radius_ratio']:.4g} times the shortest"
    circles = metrics["circles"]
    lines.append(("latent vectors h = Wx", f"{latent}; on {circles} circle{'' if circles == 1 else 's'}"))
    if metrics["gap_min"] is not None:
        shape = "a regular polygon, within 10 %" if metrics["polygon"] else "no regular polygon"
        lines.append(("", f"neighbours {metrics['gap_min']:.3g} to {metrics['gap_max']:.3g} times 2π/T apart: {shape}"))
    lines.append(("outputs", f"{metrics['dead']:,} dead (off on every example); {100 * metrics['active']:.3g} % on"))
    if metrics["test_loss"] is not None:
        lines.insert(1, ("test loss", f"{metrics['test_loss']:.6g}, on fresh examples"))
    return lines


def run(arguments: argparse.Namespace) -> int:
    """Train or go on; 0 finished, 1 diverged, 130 interrupted."""
    prefer_one_blas_thread()
    from relugeom.training.checkpoint import Checkpoint
    from relugeom.training.loop import measure_run, resume, train

    check_film(arguments)
    if arguments.film and arguments.no_snapshots:
        raise ArgumentError("--film needs the parameters along the way, which --no-snapshots leaves out")
    if arguments.figures is not None:
        make_folder(arguments.figures)
    settings = given_settings(arguments)
    path = arguments.output
    options: dict[str, Any] = {
        "path": path,
        "every": arguments.every,
        "record": arguments.record,
        "snapshots": not arguments.no_snapshots,
    }
    line = ProgressBar("steps")
    with _interrupts() as caught:
        options["stop"] = lambda: bool(caught)
        if arguments.resume:
            if path is None:
                raise ArgumentError("--resume needs --output FILE, the checkpoint to go on with")
            if settings or arguments.examples is not None or arguments.processes != 1:
                raise ArgumentError("--resume takes its settings from the checkpoint; give no others")
            end = resume(Checkpoint.load(path), progress=line, **options)
        else:
            if arguments.examples is None:
                raise ArgumentError("the number of examples is needed (--examples T), or --output FILE --resume")
            if path is not None and path.exists() and not arguments.force:
                raise ArgumentError(f"{path} exists; add --resume to go on with it, or --force to replace it")
            configuration = configuration_from(settings, arguments.examples, arguments.processes)
            end = train(configuration, progress=line, **options)
    line.clear()
    if end.status == "interrupted":
        if path is None:
            print(f"interrupted at step {end.step}; nothing was saved (no --output)", file=sys.stderr)
        else:
            print(
                f"interrupted at step {end.step}; go on with: relugeom train --output {path} --resume", file=sys.stderr
            )
        return 130
    pictures = _draw(arguments, end)
    metrics = dataclasses.asdict(measure_run(end, arguments.test_examples))
    report = {
        "status": end.status,
        "step": end.step,
        "configuration": end.configuration.as_dict(),
        "data_hash": end.data_hash,
        "metrics": metrics,
        "trajectory": [list(row) for row in end.trajectory.rows],
    }
    if arguments.json:
        print_json(report)
    else:
        choice = end.configuration.chosen_engine
        shared = f", {choice.processes} processes" if choice.processes > 1 else ""
        print(f"{end.status} at step {end.step} (engine {choice.name}{shared}; data {end.data_hash[:16]})")
        for name, words in _summary(metrics, end.configuration.T, end.configuration.m):
            print(f"  {name:<24}{words}")
        for picture in pictures:
            print(picture)
        if path is not None and end.status == "finished":
            print(f"The model is in {path}; relugeom inspect {path} --data training says what it is.")
    if end.status == "diverged":
        saved = f", in {path}" if path else ""
        print(f"the loss diverged after step {end.step}; above is the last good state{saved}", file=sys.stderr)
        return 1
    return 0
