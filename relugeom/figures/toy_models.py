"""The models of *Toy Models of Superposition* over sparsity: their features, and how much room each one has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.autoencoder.geometry import column_norms, feature_dimensionality
from relugeom.figures.draw import arrow, empty_plane, feature_name, new_figure
from relugeom.figures.style import PAGE, Theme, house_style

if TYPE_CHECKING:
    from relugeom.studies.toy_models import ToyRow

__all__ = ["superposition"]

_ACROSS = 4


def superposition(rows: Sequence[ToyRow], theme: Theme) -> Any:
    """The best model of every sparsity: its features in the plane (for m = 2), their norms, their dimensionality.

    Norms are bars from 0; a bar's darker part is the share of a dimension that the feature has to itself,
    D_i = ‖w_i‖² / Σ_j (ŵ_i·w_j)². Features are in the order of their importance.

    Parameters
    ----------
    rows : sequence of ToyRow
        The first 12 are drawn, four per line.
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = rows[:12]
    plane = shown[0].models.W.shape[-2] == 2
    lines = -(-len(shown) // _ACROSS)
    with house_style(theme):
        figure = new_figure(PAGE, lines * (2.7 if plane else 1.3))
        heights = [1.7, 1.0] if plane else [1.0]
        grid = figure.subplots(
            lines * len(heights), min(_ACROSS, len(shown)), squeeze=False, height_ratios=heights * lines
        )
        reach = 1.35 * max(float(np.asarray(column_norms(row.best.W)).max()) for row in shown)
        for axes in grid.ravel():
            axes.set_visible(False)
        for place, row in enumerate(shown):
            line, column = divmod(place, _ACROSS)
            cell = grid[line * len(heights) : (line + 1) * len(heights), column]
            for axes in cell:
                axes.set_visible(True)
            W = np.asarray(row.best.W)
            if plane:
                empty_plane(cell[0], reach, theme)
                for i, w in enumerate(W.T):
                    if np.hypot(*w) < 0.2:  # an arrow would be all head, and names would lie on top of each other
                        cell[0].plot(*w, "o", color=theme.feature(i), markersize=2)
                        continue
                    arrow(cell[0], (0, 0), tuple(w), theme.feature(i))
                    cell[0].text(*(1.2 * w), feature_name(i), ha="center", va="center", fontsize=6.5)
            _bars(cell[-1], W, theme, reach)
            cell[0].set_title(f"$1 - S = {row.law.density:.3g}$")
            if column == 0:
                cell[-1].set_ylabel("norm")
    return figure


def _bars(axes: Any, W: Any, theme: Theme, reach: float) -> None:
    norms, share = np.asarray(column_norms(W)), np.asarray(feature_dimensionality(W))
    n = W.shape[1]
    colours = [theme.feature(i) for i in range(n)]
    axes.bar(range(n), norms, color=colours, alpha=0.35)
    axes.bar(range(n), norms * share, color=colours)
    axes.set_ylim(0, reach)
    axes.set_xticks([])
    axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
