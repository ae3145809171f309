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

from relugeom.cli._terminal import ProgressLine, print_json
from relugeom.errors import ArgumentError
from relugeom.executors import prefer_one_blas_thread

if TYPE_CHECKING:
    from relugeom.training.configuration import Configuration

SUMMARY = "train the autoencoder on sparse examples, full batch, at the paper's size"

# Option, field of the configuration, type, help. Defaults are the configuration's own.
_OPTIONS: tuple[tuple[str, str, Any, str], ...] = (
    ("--features", "n", int, "number of features n (10000)"),
    ("--latent", "m", int, "latent dimension m (2)"),
    ("--sparsity", "S", float, "S: an entry is non-zero with probability 1 - S (0.999)"),
    ("--data", "data", str, "sparse, axial, fresh (new examples every step) or file (sparse)"),
    ("--data-file", "data_path", str, "examples, for --data file"),
    ("--data-seed", "data_seed", int, "seed of the examples (0)"),
    ("--seed", "seed", int, "seed of the initialisation (0)"),
    ("--steps", "steps", int, "updates (50000)"),
    ("--optimiser", "optimiser", str, "adamw or sgd (adamw)"),
    ("--learning-rate", "learning_rate", float, "peak learning rate (0.001)"),
    ("--warmup", "warmup", int, "steps of linear warm-up (2500)"),
    ("--schedule", "schedule", str, "cosine or constant after the warm-up (cosine)"),
    ("--weight-decay", "weight_decay", float, "decay (0.01)"),
    ("--momentum", "momentum", float, "momentum of sgd (0)"),
    ("--initialisation", "initialisation", str, "xavier, normal, file or memorising (xavier)"),
    ("--init-scale", "init_scale", float, "standard deviation of --initialisation normal (0.01)"),
    ("--init-file", "init_path", str, "a checkpoint or model file, for --initialisation file"),
    ("--dtype", "dtype", str, "float32 or float64 (float32)"),
)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """The options that `train` and `sweep` share; absent unless given."""
    group = parser.add_argument_group("settings", "defaults in parentheses: the paper's")
    for option, field, kind, text in _OPTIONS:
        group.add_argument(option, dest=field, type=kind, default=argparse.SUPPRESS, metavar="X", help=text)
    group.add_argument("--untied", action="store_true", default=argparse.SUPPRESS, help="train a decoder M of its own")
    group.add_argument("--engine", default=argparse.SUPPRESS, help="blocked, hull, moments (by a rule) or cuda")


def given_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Those of the shared options that were given, by field; "engine" still by name."""
    fields = [field for _, field, _, _ in _OPTIONS] + ["untied", "engine"]
    return {field: getattr(arguments, field) for field in fields if hasattr(arguments, field)}


def configuration_from(settings: dict[str, Any], T: int, processes: int = 1) -> Configuration:
    """The configuration of T examples with these settings."""
    from relugeom.engines.choice import choose_engine
    from relugeom.training.configuration import Configuration

    rest = {field: value for field, value in settings.items() if field != "engine"}
    plain = Configuration(T=T, **rest)
    name = settings.get("engine", "auto")
    choice = choose_engine(T, plain.n, plain.m, plain.dtype, name=name, processes=processes)
    return dataclasses.replace(plain, engine=choice)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("-T", "--examples", type=int, metavar="T", help="number of examples")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="checkpoint, and the result at the end")
    parser.add_argument("--force", action="store_true", help="replace FILE where it exists already")
    parser.add_argument("--resume", type=Path, metavar="FILE", help="go on from a checkpoint (and write to it)")
    parser.add_argument("--every", type=int, default=1_000, metavar="K", help="steps between checkpoints (1000)")
    parser.add_argument("--record", type=int, nargs="*", metavar="STEP", help="steps of the trajectory (log-spaced)")
    parser.add_argument("--no-snapshots", action="store_true", help="keep no parameters along the trajectory")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="share every step among N processes (1)")
    parser.add_argument("--test-examples", type=int, default=2_000, metavar="N", help="fresh examples (2000)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
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


def run(arguments: argparse.Namespace) -> int:
    """Train or go on; 0 finished, 1 diverged, 130 interrupted."""
    prefer_one_blas_thread()
    from relugeom.training.checkpoint import Checkpoint
    from relugeom.training.loop import measured, resume, train

    settings = given_settings(arguments)
    path = arguments.output or arguments.resume
    if arguments.every < 1 or arguments.test_examples < 1:
        raise ArgumentError("--every and --test-examples must be at least 1")
    if any(step < 0 for step in arguments.record or ()):
        raise ArgumentError(f"--record must name steps that are not negative; got {min(arguments.record)}")
    options: dict[str, Any] = {
        "path": path,
        "every": arguments.every,
        "record": arguments.record,
        "snapshots": not arguments.no_snapshots,
    }
    line = ProgressLine("steps")
    with _interrupts() as caught:
        options["stop"] = lambda: bool(caught)
        if arguments.resume is not None:
            if settings or arguments.examples is not None or arguments.processes != 1:
                raise ArgumentError("--resume takes its settings from the checkpoint; give no others")
            other = path != arguments.resume and path.exists() and not path.samefile(arguments.resume)
            if other and not arguments.force:
                raise ArgumentError(f"{path} exists; replace it by --force")
            checkpoint = Checkpoint.load(arguments.resume)
            end = resume(checkpoint, progress=line, **options)
        else:
            if arguments.examples is None:
                raise ArgumentError("the number of examples is needed (--examples T), or --resume FILE")
            if path is not None and path.exists() and not arguments.force:
                raise ArgumentError(f"{path} exists; go on with it by --resume {path}, or replace it by --force")
            configuration = configuration_from(settings, arguments.examples, arguments.processes)
            end = train(configuration, progress=line, **options)
    line.clear()
    if end.status == "interrupted":
        if path is None:
            print(f"interrupted at step {end.step}; nothing was saved (no --output)", file=sys.stderr)
        else:
            print(f"interrupted at step {end.step}; go on with: relugeom train --resume {path}", file=sys.stderr)
        return 130
    metrics = dataclasses.asdict(measured(end, arguments.test_examples))
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
        print(f"{end.status} at step {end.step}, engine {choice.name} {choice.leaves or ''}x{choice.processes}")
        print(f"{'data':<28}{end.data_hash[:16]}")
        for name, value in metrics.items():
            print(f"{name.replace('_', ' '):<28}{value:.6g}" if isinstance(value, float) else f"{name:<28}{value}")
    if end.status == "diverged":
        saved = f", in {path}" if path else ""
        print(f"the loss diverged after step {end.step}; above is the last good state{saved}", file=sys.stderr)
        return 1
    return 0
