"""The arguments by which `atlas` and `trace` are told how to train."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from relugeom.cli._terminal import positive_int
from relugeom.errors import ArgumentError

if TYPE_CHECKING:
    from relugeom.optim import Optimiser
    from relugeom.training.many_models import Training

__all__ = [
    "OPTIMISERS",
    "add_constants",
    "add_training_arguments",
    "numbers",
    "optimiser_from",
    "training_from",
    "whole_number",
]

OPTIMISERS = ("adamw", "sgd")


def whole_number(text: str) -> int:
    """A whole number, 0 included."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number that is not negative; got {text}")
    return int(text)


def numbers(text: str) -> list[int]:
    """Whole numbers, as in ``3..10`` or ``5,8,16``."""
    first, dots, last = text.partition("..")
    if dots:
        low, high = positive_int(first), positive_int(last)
        if high < low:
            raise argparse.ArgumentTypeError(f"must be a range that goes up; got {text}")
        return list(range(low, high + 1))
    return [positive_int(part) for part in text.split(",")]


def add_training_arguments(parser: argparse.ArgumentParser) -> None:
    """Data set, optimiser, initialisation."""
    parser.add_argument(
        "--data", choices=("identity", "uniform", "grid"), default="identity",
        help="amplitudes of the examples a·e_i: 1 alone (X = I), uniform on (0, 1], or 1/4, 1/2, 3/4, 1",
    )  # fmt: skip
    parser.add_argument("--m", type=positive_int, default=2, help="latent dimensions (default 2)")
    parser.add_argument("--optimiser", choices=OPTIMISERS, default="adamw", help="default: adamw")
    parser.add_argument("--learning-rate", type=float, metavar="X", help="default 0.001; 0.1 for sgd")
    add_constants(parser)
    parser.add_argument("--steps", type=positive_int, default=25_000, help="training steps (default 25000)")
    parser.add_argument(
        "--initialisation", choices=("xavier", "normal", "small", "circle"), default="xavier",
        help="how W starts; b starts at 0. small: Xavier times 1/1000; circle: equal norms, b = 1 − norm²",
    )  # fmt: skip
    parser.add_argument("--init-scale", type=float, metavar="X", help="of W (default 1; 0.001 for small, 4 for circle)")
    parser.add_argument(
        "--bias-coordinate", choices=("plain", "centred"), default="plain",
        help="train b, or c in b = c − norm² (centred)",
    )  # fmt: skip
    parser.add_argument("--schedule", choices=("constant", "cosine"), default="constant", help="of the learning rate")
    parser.add_argument("--warmup", type=whole_number, default=0, help="steps in which it rises (default 0)")
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="fixes all random numbers (default 0)"
    )


def add_constants(parser: argparse.ArgumentParser) -> None:
    """Weight decay and momentum."""
    parser.add_argument(
        "--weight-decay", type=float, default=0.0, metavar="X", help="default 0, with which adamw is Adam"
    )
    parser.add_argument("--momentum", type=float, default=0.0, metavar="X", help="of sgd (default 0)")


def optimiser_from(name: str, learning_rate: float | None, weight_decay: float, momentum: float) -> Optimiser:
    """One of `OPTIMISERS`, at a learning rate or its usual one."""
    from relugeom.optim import SGD, AdamW

    given = {} if learning_rate is None else {"learning_rate": learning_rate}
    if name == "adamw":
        return AdamW(weight_decay=weight_decay, **given)
    return SGD(momentum=momentum, weight_decay=weight_decay, **given)


def training_from(arguments: argparse.Namespace, n: int) -> Training:
    """The training that the arguments describe, for n features."""
    from relugeom.autoencoder.axial import Axial, AxialData, UniformAxial
    from relugeom.training.many_models import Training

    grids: dict[str, AxialData] = {
        "identity": Axial(n),
        "uniform": UniformAxial(n),
        "grid": Axial(n, (0.25, 0.5, 0.75, 1.0)),
    }
    if arguments.momentum and arguments.optimiser != "sgd":
        raise ArgumentError(f"--momentum is for --optimiser sgd; got {arguments.optimiser}")
    return Training(
        grids[arguments.data],
        m=arguments.m,
        optimiser=optimiser_from(
            arguments.optimiser, arguments.learning_rate, arguments.weight_decay, arguments.momentum
        ),
        steps=arguments.steps,
        initialisation=arguments.initialisation,
        init_scale=arguments.init_scale,
        bias_coordinate=arguments.bias_coordinate,
        schedule=arguments.schedule,
        warmup=arguments.warmup,
    )
