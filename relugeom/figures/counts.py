"""Shares with their intervals, side by side: the counts of a census, of cures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from relugeom.figures.draw import new_figure
from relugeom.figures.style import LIGHT, PAGE, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from relugeom.studies.censuses import Count

__all__ = ["shares"]


def shares(rows: Sequence[tuple[str, Mapping[str, Count]]], label: str, theme: Theme = LIGHT) -> Figure:
    """A line for each row: the share of every series as a dot, with its Wilson interval at 95 %.

    Parameters
    ----------
    rows : sequence of (name, {series: Count})
        All rows have the same series.
    label : str
        What is counted.
    theme : Theme
    """
    series = list(rows[0][1])
    with house_style(theme):
        figure = new_figure(PAGE, 1.0 + (0.2 + 0.12 * len(series)) * len(rows))
        axes: Any = figure.add_subplot()
        for k, name in enumerate(series):
            counts = [found[name] for _, found in rows]
            x = [100 * count.successes / count.trials for count in counts]
            y = [row + (k - (len(series) - 1) / 2) * 0.22 for row in range(len(rows))]
            colour = theme.feature(k)
            lows, highs = ([100 * count.interval[side] for count in counts] for side in (0, 1))
            axes.hlines(y, lows, highs, color=colour, linewidth=2.2, alpha=0.6)
            axes.plot(x, y, "o", color=colour, markersize=4, label=name)
        axes.set_yticks(range(len(rows)), [name for name, _ in rows])
        axes.set(xlim=(-2, 102), ylim=(len(rows) - 0.4, -0.6), xlabel=label)
        axes.grid(axis="x", linewidth=0.5)
        axes.tick_params(axis="y", length=0)
        if len(series) > 1:
            figure.legend(loc="outside upper left", ncols=4)
    return figure
