"""Figures into a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from relugeom.writing import write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from relugeom.figures import Film

__all__ = ["write_figures", "write_film"]


def write_figures(figures: Mapping[str, Figure], folder: Path) -> list[Path]:
    """Every figure as NAME.svg; the paths."""
    from relugeom.figures import render

    paths = []
    for name, figure in figures.items():
        paths.append(folder / f"{name}.svg")
        write_atomically(paths[-1], render(figure))
    return paths


def write_film(film: Film, folder: Path) -> list[Path]:
    """The film as film.gif and film.html; the paths."""
    from relugeom.figures import film_files

    paths = []
    for name, data in film_files(film).items():
        paths.append(folder / name)
        write_atomically(paths[-1], data)
    return paths
