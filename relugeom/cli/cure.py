"""`relugeom cure`: on X = I, how often each way to start and to train reaches zero loss."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from relugeom.bars import ProgressBar
from relugeom.blas import prefer_one_blas_thread
from relugeom.cli._options import (
    MANY_BIAS_COORDINATES,
    MANY_INITIALISATIONS,
    OPTIMISERS,
    add_constants,
    add_figures,
    add_json,
    add_output,
    add_resume,
    add_schedule,
    add_seed,
    add_seeds,
    add_size,
    add_steps,
    add_workers,
    check_momentum,
    check_resume,
    executor_from,
    optimiser_from,
    positive_float,
)
from relugeom.cli._pictures import write_figures
from relugeom.cli._terminal import paint, print_json
from relugeom.writing import make_folder

if TYPE_CHECKING:
    from relugeom.studies.censuses import Cohort
    from relugeom.studies.cures import Cure

SUMMARY = "count on X = I how often training reaches zero loss, by initialisation, bias coordinate and optimiser"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_output(parser, "the database of counts", required=True)
    add_resume(parser, "the database")
    add_size(parser, 8, several=True)
    add_seeds(parser, 200, "for each line")
    parser.add_argument(
        "--initialisations", nargs="+", choices=MANY_INITIALISATIONS, default=["xavier", "small"],
        help="of W; b starts at 0 (default xavier small)",
    )  # fmt: skip
    parser.add_argument("--init-scale", type=float, metavar="X", help="of W (default 1; 0.001 for small, 4 for circle)")
    parser.add_argument(
        "--bias-coordinates", nargs="+", choices=MANY_BIAS_COORDINATES, default=["plain", "centred"],
        help="train b (plain), c in b = c − norm² (centred), or no bias at all (none) (default plain centred)",
    )  # fmt: skip
    parser.add_argument("--optimisers", nargs="+", choices=OPTIMISERS, default=["adamw"], help="default adamw")
    parser.add_argument(
        "--learning-rates",
        nargs="+",
        type=positive_float,
        default=[0.01],
        metavar="X",
        help="their peaks (default 0.01)",
    )
    add_constants(parser)
    add_steps(parser, 20_000)
    add_schedule(parser, "cosine")
    add_seed(parser)
    add_workers(parser)
    add_figures(parser, "the shares of each line")
    add_json(parser)


def _cells(arguments: argparse.Namespace) -> list[Cohort]:
    from relugeom.autoencoder.axial import Axial
    from relugeom.studies.censuses import Cohort
    from relugeom.training.many_models import AxialTraining

    return [
        Cohort(
            AxialTraining(
                Axial(n), m=arguments.m, steps=arguments.steps,
                optimiser=optimiser_from(arguments, optimiser, learning_rate),
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
        f"{n:4d}  {optimiser:<9s} {learning_rate:<13g} {initialisation:<14s} {coordinate:<7s} "
        f"{cure.zero_loss!s:<24s} {steps:>8s} "
        f"{ratio:>7s} {gap:>7s} {size:>9s} {cure.outputs_on:5g}  {cure.losses[1]:.3g}"
    )


def run(arguments: argparse.Namespace) -> int:
    """Train, count, print; 0 always, for whatever is found is an answer."""
    from dataclasses import asdict

    from relugeom.storage import RunDatabase
    from relugeom.studies.cures import cures

    prefer_one_blas_thread()
    check_momentum(arguments.momentum, *arguments.optimisers)
    cells = _cells(arguments)
    check_resume(arguments.output, arguments)
    if arguments.figures is not None:
        make_folder(arguments.figures)
    progress = ProgressBar("blocks of seeds")
    with RunDatabase(arguments.output) as database:
        found = cures(
            cells, database, executor=executor_from(arguments),
            progress=progress,
        )  # fmt: skip
    progress.clear()
    names = ("n", "optimiser", "learning_rate", "initialisation", "bias_coordinate")
    labels = _labels(arguments)
    if arguments.figures is not None:
        from relugeom.figures.counts import shares

        rows = [
            (
                f"n = {n}: {optimiser} {rate:g}, {start} start, {coordinate} bias",
                {"zero loss": cure.zero_loss},
            )
            for (n, optimiser, rate, start, coordinate), cure in zip(labels, found, strict=True)
        ]
        picture = shares(rows, "per cent of the seeds at zero loss, with 95 % intervals")
        write_figures({"cure": picture}, arguments.figures)
    if arguments.json:
        lines = [
            {**dict(zip(names, label, strict=True)), **asdict(cure)} for label, cure in zip(labels, found, strict=True)
        ]
        print_json({"seeds": arguments.seeds, "cells": lines})
        return 0
    head = (
        "   n  optimiser learning rate initialisation bias    zero loss (Σ < 1e-3)       steps   ratio     gap      "
        "size    on  median total loss"
    )
    print(paint(head, "bold"))
    for label, cure in zip(labels, found, strict=True):
        print(_line(label, cure))
    print(
        "\nof the seeds at zero loss, medians: steps until the loss stays below 1e-3; longest over shortest column; "
        "largest gap\nin units of 2π/n; largest ‖w‖² in units of the least possible. Of all: the median number of "
        "outputs that are on on their own axis.\nWithout a bias (none), in place of zero loss: the least loss there "
        "is, up to 1e-3."
    )
    return 0
