"""Pictures: one function per figure, each drawing an example of its own or a model of yours."""

from __future__ import annotations

# Imported in the order in which a reader meets the figures, which is the registry's.
# isort: off
from relugeom.figures import intuition, features, models, regions, descent

# isort: on
from relugeom.figures.films import Film, film_files, film_gif, film_html, film_of_run, film_of_trace, recorded_film
from relugeom.figures.recordings import Frame, Recording, failure, film, frames_of
from relugeom.figures.registry import FIGURES, FigureEntry, draw, figures_for, find_figure
from relugeom.figures.style import DARK, FORMATS, LIGHT, THEMES, Theme, inline_svg, render
from relugeom.figures.turning import turning

__all__ = [
    "DARK",
    "FIGURES",
    "FORMATS",
    "LIGHT",
    "THEMES",
    "FigureEntry",
    "Film",
    "Frame",
    "Recording",
    "Theme",
    "descent",
    "draw",
    "failure",
    "features",
    "figures_for",
    "film",
    "film_files",
    "film_gif",
    "film_html",
    "film_of_run",
    "film_of_trace",
    "find_figure",
    "frames_of",
    "inline_svg",
    "intuition",
    "models",
    "recorded_film",
    "regions",
    "render",
    "turning",
]
