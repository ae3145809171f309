"""`relugeom cure`: on X = I, how often each way to start and to train reaches zero loss."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from relugeom.cli._terminal import ProgressLine, paint, positive_int
from relugeom.cli._training import OPTIMISERS, add_constants, numbers, optimiser_from, whole_number
from relugeom.executors import prefer_one_blas_thread

if TYPE_CHECKING:
    from relugeom.studies.census import Cell
    from relugeom.studies.cures import Cure

SUMMARY = "count on X = I how often training reaches zero loss, by initialisation, bias coordinate and optimiser"

_INITIALISATIONS = ("xavier", "normal", "small", "circle")
_COORDINATES = ("plain", "centred")


def _some_of(names: tuple[str, ...]) -> Callable[[str], list[str]]:
    """A type of argument: names from a list, separated by commas."""

    def parsed(text: str) -> list[str]:
        given = text.split(",")
        wrong = next((name for name in given if name not in names), None)
        if wrong is not None:
            raise argparse.ArgumentTypeError(f"must be some of {', '.join(names)}; got {wrong}")
        return given

    return parsed


def _decimals(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers separated by commas; got {text}") from None


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("database", type=Path, metavar="FILE", help="keep the counts in this database, which resumes")
    parser.add_argument("--n", type=numbers, default=[8], metavar="N", help="features: 8, 3..12 or 8,16 (default 8)")
    parser.add_argument("--m", type=positive_int, default=2, help="latent dimensions (default 2)")
    parser.add_argument("--seeds", type=positive_int, default=200, help="for each line (default 200)")
    parser.add_argument(
        "--initialisations", type=_some_of(_INITIALISATIONS), default=["xavier", "small"], metavar="NAMES",
        help=f"some of {', '.join(_INITIALISATIONS)} (default xavier,small)",
    )  # fmt: skip
    parser.add_argument("--init-scale", type=float, metavar="X", help="of W (default 1; 0.001 for small, 4 for circle)")
    parser.add_argument(
        "--bias-coordinates", type=_some_of(_COORDINATES), default=list(_COORDINATES), metavar="NAMES",
        help="train b (plain), or c in b = c − norm² (centred) (default plain,centred)",
    )  # fmt: skip
    parser.add_argument(
        "--optimisers", type=_some_of(OPTIMISERS), default=["adamw"], metavar="NAMES",
        help=f"some of {', '.join(OPTIMISERS)} (default adamw)",
    )  # fmt: skip
    parser.add_argument("--learning-rates", type=_decimals, default=[0.01], help="peak learning rates (default 0.01)")
    add_constants(parser)
    parser.add_argument("--steps", type=positive_int, default=20_000, help="training steps (default 20000)")
    parser.add_argument("--schedule", choices=("constant", "cosine"), default="cosine", help="(default cosine)")
    parser.add_argument("--warmup", type=whole_number, default=0, help="steps in which it rises (default 0)")
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="fixes all random numbers (default 0)"
    )
    parser.add_argument("-j", "--jobs", type=positive_int, metavar="N", help="worker processes")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _cells(arguments: argparse.Namespace) -> list[Cell]:
    from relugeom.autoencoder.axial import Axial
    from relugeom.studies.census import Cell
    from relugeom.training.many_models import Training

    return [
        Cell(
            Training(
                Axial(n), m=arguments.m, steps=arguments.steps,
                optimiser=optimiser_from(optimiser, learning_rate, arguments.weight_decay, arguments.momentum),
                initialisation=initialisation, init_scale=arguments.init_scale,
                bias_coordinate=coordinate, schedule=arguments.schedule,
                warmup=arguments.warmup,
            ),
            arguments.seeds,
            arguments.seed,
        )
        for n in arguments.n
        for optimiser in arguments.optimisers
        for learning_rate in arguments.learning_rates
        for initialisation in arguments.initialisations
        for coordinate in arguments.bias_coordinates
    ]  # fmt: skip


def _labels(arguments: argparse.Namespace) -> list[tuple[int, str, float, str, str]]:
    return [
        (n, optimiser, learning_rate, initialisation, coordinate)
        for n in arguments.n
        for optimiser in arguments.optimisers
        for learning_rate in arguments.learning_rates
        for initialisation in arguments.initialisations
        for coordinate in arguments.bias_coordinates
    ]


def _line(label: tuple[int, str, float, str, str], cure: Cure) -> str:
    n, optimiser, learning_rate, initialisation, coordinate = label
    ratio, gap, size = ("" if x is None else f"{x:.3f}" for x in (cure.ratio, cure.gap, cure.size))
    steps = "" if cure.steps is None else f"{cure.steps:,}"
    return (
        f"{n:4d}  {optimiser:<8s} {learning_rate:<7g} {initialisation:<7s} {coordinate:<8s} "
        f"{cure.zero_loss!s:<24s} {steps:>8s} "
        f"{ratio:>7s} {gap:>7s} {size:>9s} {cure.live:5g}  {cure.losses[1]:.3g}"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, count, print; 0 always, for whatever is found is an answer."""
    from dataclasses import asdict

    from relugeom.storage import RunDatabase
    from relugeom.studies.cures import cures

    prefer_one_blas_thread()
    progress = ProgressLine("blocks of seeds")
    with RunDatabase(arguments.database) as database:
        found = cures(
            _cells(arguments), database, executor=f"processes://{arguments.jobs}" if arguments.jobs else None,
            progress=progress,
        )  # fmt: skip
    progress.clear()
    names = ("n", "optimiser", "learning_rate", "initialisation", "bias_coordinate")
    labels = _labels(arguments)
    if arguments.json:
        lines = [
            {**dict(zip(names, label, strict=True)), **asdict(cure)} for label, cure in zip(labels, found, strict=True)
        ]
        print(json.dumps({"seeds": arguments.seeds, "cells": lines}, indent=1))
        return 0
    head = (
        "   n  optimiser rate   start   bias     zero loss (Σ < 1e-3)       steps   ratio     gap      size  live  "
        "median loss"
    )
    print(paint(head, "bold"))
    for label, cure in zip(labels, found, strict=True):
        print(_line(label, cure))
    print(
        "\nof the seeds at zero loss, medians: steps until the loss stays below 1e-3; longest over shortest column; "
        "largest gap\nin units of 2π/n; largest ‖w‖² in units of the least possible. Of all: the median number of "
        "outputs that are on on their own axis."
    )
    return 0
