"""The arguments by which a command is told which models of which files to take."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relugeom.autoencoder.files import ModelFile, ModelFiles
    from relugeom.cli._options import Place

__all__ = ["KINDS", "add_model_choice", "add_transpose", "chosen_model", "chosen_models"]

KINDS = "JSON, .npz, .npy, .pt, .pth, .safetensors, a checkpoint"
"""The kinds of files, for the help."""


def add_model_choice(parser: Place) -> None:
    """Which model of a file with several, and which way round W lies."""
    parser.add_argument(
        "--instance", type=int, metavar="I", help="which model of a file with several, from 0; -1 is the last"
    )
    add_transpose(parser, default=None)


def add_transpose(parser: Place, **more: Any) -> None:
    """Which way round W lies."""
    parser.add_argument(
        "--transpose", action=argparse.BooleanOptionalAction,
        help="W lies as (features, latent) or the other way round; needed only where the file cannot tell", **more,
    )  # fmt: skip


def chosen_models(path: Path, arguments: argparse.Namespace) -> ModelFiles:
    """All models of a file, or the one chosen."""
    from relugeom.autoencoder.files import load_models

    return load_models(path, instance=arguments.instance, transpose=arguments.transpose)


def chosen_model(path: Path, arguments: argparse.Namespace) -> ModelFile:
    """The one model of a file, or the one chosen."""
    from relugeom.autoencoder.files import load_model

    return load_model(path, instance=arguments.instance, transpose=arguments.transpose)
