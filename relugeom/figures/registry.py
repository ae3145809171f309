"""Every figure by name: what it shows, which models it can draw, and the function that draws it."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from relugeom.arrays import to_numpy
from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError
from relugeom.figures.style import LIGHT, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "FigureEntry", "draw", "figure", "figures_for", "find_figure"]

F = TypeVar("F", bound=Callable[..., "Figure"])


# They show W alone, and so untied models too.
_OF_W = ("gram", "interference", "dimensionality", "space", "overlaps")


@dataclass(frozen=True, slots=True)
class FigureEntry:
    """One figure.

    Attributes
    ----------
    name : str
        As on the command line.
    title : str
        A few words.
    caption : str
        One or two sentences: what is draw_in_style, and what to see in it.
    function : callable
        Draws it; ``function(theme=...)``, or ``function(model, theme=...)`` where it takes a model.
    latent, features : tuple of int
        The latent dimensions and the numbers of features of the models it can draw, as (least, most); `latent` is None
        where it takes no model.
    """

    name: str
    title: str
    caption: str
    function: Callable[..., Figure]
    latent: tuple[int, int] | None = None
    features: tuple[int, int] = (1, 64)

    def refusal(self, model: Parameters) -> str | None:
        """Why this figure cannot draw the model; None if it can."""
        m, n = model.W.shape
        if self.latent is None:
            return f"figure {self.name} takes no model"
        if model.decoder is not None and self.name not in _OF_W:
            return f"figure {self.name} draws tied models; got one with a decoder of its own"
        if not self.latent[0] <= m <= self.latent[1]:
            return f"figure {self.name} draws models with m {_between(*self.latent)}; got m = {m}"
        if not self.features[0] <= n <= self.features[1]:
            return f"figure {self.name} draws models with n {_between(*self.features)}; got n = {n}"
        return None


def _between(least: int, most: int) -> str:
    return f"= {least}" if least == most else f"from {least} to {most}"


FIGURES: dict[str, FigureEntry] = {}
"""The figures by name, in the order in which a reader meets them."""


def figure(
    name: str, title: str, caption: str, *, latent: tuple[int, int] | None = None, features: tuple[int, int] = (1, 64)
) -> Callable[[F], F]:
    """Register a function as a figure, and have it draw in the house style."""

    def register(function: F) -> F:
        @wraps(function)
        def draw_in_style(*arguments: Any, theme: Theme = LIGHT, **options: Any) -> Any:
            with house_style(theme):
                return function(*arguments, theme=theme, **options)

        FIGURES[name] = FigureEntry(name, title, " ".join(caption.split()), draw_in_style, latent, features)
        return draw_in_style  # type: ignore[return-value]

    return register


def find_figure(name: str) -> FigureEntry:
    """The figure of that name.

    Raises
    ------
    ArgumentError
        There is none; the message has the nearest names.
    """
    if name not in FIGURES:
        close = difflib.get_close_matches(name, FIGURES, n=3, cutoff=0.4)
        hint = f"; did you mean {' or '.join(close)}?" if close else f"; there are {', '.join(sorted(FIGURES))}"
        raise ArgumentError(f"no figure has the name {name}{hint}")
    return FIGURES[name]


def draw(name: str, model: Parameters | None = None, theme: Theme = LIGHT) -> Figure:
    """Draw a figure by name, of its own example or of a model of yours.

    Parameters
    ----------
    name : str
    model : Parameters, optional
        W of shape (m, n) and b of shape (n,) or None.
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ArgumentError
        There is no such figure, or it cannot draw this model.
    """
    entry = find_figure(name)
    if model is None:
        return entry.function(theme=theme)
    model = plain_model(model)
    refusal = entry.refusal(model)
    if refusal:
        raise ArgumentError(refusal)
    return entry.function(model, theme=theme)


def figures_for(model: Parameters) -> list[str]:
    """The names of the figures that can draw this model."""
    model = plain_model(model)
    return [name for name, entry in FIGURES.items() if entry.refusal(model) is None]


def plain_model(model: Parameters) -> Parameters:
    """One model as finite float64 NumPy arrays, with zeros for a missing bias; its decoder as it came."""
    W = np.asarray(to_numpy(model.W), dtype=np.float64)
    if W.ndim != 2 or 0 in W.shape:
        raise ArgumentError(f"W must have shape (m, n); got {W.shape}")
    b = np.zeros(W.shape[1]) if model.b is None else np.asarray(to_numpy(model.b), dtype=np.float64)
    if b.shape != W.shape[1:]:
        raise ArgumentError(f"b must have shape ({W.shape[1]},); got {b.shape}")
    if not (np.isfinite(W).all() and np.isfinite(b).all()):
        raise ArgumentError("W and b must hold finite real numbers")
    return Parameters(W, b, model.decoder)
