"""Pictures of the landscape: groups of models, the course of a training, shares over n, the chaos map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from relugeom.figures.draw import circle_points, empty_plane, feature_arrows, feature_name, new_figure
from relugeom.figures.style import COLUMN, LIGHT, PAGE, Theme, house_style
from relugeom.studies.traces import events

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from relugeom.studies.traces import Trace

__all__ = ["chaos", "columns", "course", "natures_over_n"]

_ROW = 4
_MOST_NAMED = 12  # features with colours of their own
_MOST_EVENTS = 30


def columns(panels: Sequence[tuple[str, npt.NDArray[Any]] | None], theme: Theme = LIGHT) -> Figure:
    """One panel per model with its title, four per row: the columns of W (2, n) on their circles.

    Parameters
    ----------
    panels : sequence of (title, W) or None
        None leaves a gap.
    theme : Theme
    """
    rows = -(-len(panels) // _ROW)
    with house_style(theme):
        figure = new_figure(PAGE, 2.15 * rows)
        axes = figure.subplots(rows, _ROW, squeeze=False).ravel()
        for ax in axes:
            ax.set_visible(False)
        for ax, (title, W) in ((ax, panel) for ax, panel in zip(axes, panels, strict=False) if panel is not None):
            ax.set_visible(True)
            norms = np.linalg.norm(W, axis=0)
            empty_plane(ax, 1.35 * max(float(norms.max()), 1e-9), theme, title)
            for radius in np.unique(norms[norms > 1e-2 * norms.max()].round(3)):
                ax.plot(*circle_points(float(radius), 90), color=theme.line, linewidth=0.6, zorder=0.6)
            feature_arrows(ax, W, theme, names=W.shape[1] <= _MOST_NAMED, width=1.1, inches=1.6)
    return figure


def course(record: Trace, theme: Theme = LIGHT) -> Figure:
    """A training over its steps: the loss with the parts of each axis, the norms and the biases of the features.

    Vertical lines mark where a feature dies or is born and where circles split or merge (`relugeom.studies.events`).
    """
    n = record.W.shape[2]
    happened = events(record)[:_MOST_EVENTS]
    with house_style(theme):
        figure = new_figure(PAGE, 4.6)
        upper, lower = figure.subfigures(2, 1, height_ratios=(1.15, 1))
        above = upper.subplots()
        left, right = lower.subplots(1, 2)
        for i in range(n):
            style = {"color": theme.feature(i), "linewidth": 1.1}
            above.plot(
                record.steps, record.feature_loss[:, i], label=f"axis {i}" if n <= _MOST_NAMED else None, **style
            )
            left.plot(record.steps, np.linalg.norm(record.W[:, :, i], axis=1), **style)
            right.plot(record.steps, record.b[:, i], label=feature_name(i), **style)
        above.plot(record.steps, record.loss, color=theme.ink, linewidth=1.6, label="all axes")
        above.set(title="loss, summed over the axes, and the part of each", xlabel="step")
        left.set(title="norms $\\|w_i\\|$", xlabel="step")
        right.set(title="biases $b_i$", xlabel="step")
        for axes in (above, left, right):
            axes.margins(x=0)
            for event in happened:
                axes.axvline(event.step, color=theme.line, linewidth=0.6, linestyle=":", zorder=0.5)
        above.set_ylim(bottom=0)
        above.legend(ncols=1 + n // 7 if n <= _MOST_NAMED else 1)
    return figure


def natures_over_n(shares: Mapping[int, Sequence[tuple[str, float]]], theme: Theme = LIGHT) -> Figure:
    """What training ended at, for each n: a bar of the shares of seeds, by nature.

    Parameters
    ----------
    shares : mapping of int to sequence of (nature, share)
        Of one nature there may be several groups.
    theme : Theme
    """
    totals: dict[int, dict[str, float]] = {}
    for n, groups in shares.items():
        of_n = totals.setdefault(n, {})
        for nature, share in groups:
            of_n[nature] = of_n.get(nature, 0.0) + share
    kinds = sorted({nature for of_n in totals.values() for nature in of_n}, key=lambda nature: (_place(nature), nature))
    with house_style(theme):
        figure = new_figure(PAGE, 0.9 + 0.32 * len(totals) + 0.16 * -(-len(kinds) // 4))
        axes = figure.add_subplot()
        left = np.zeros(len(totals))
        for k, nature in enumerate(kinds):
            widths = np.array([100 * of_n.get(nature, 0.0) for of_n in totals.values()])
            colour = theme.good if nature in ("global minimum", "zero loss") else theme.feature(k)
            axes.barh(range(len(totals)), widths, left=left, color=colour, height=0.72, label=nature, alpha=0.85)
            for row, width in enumerate(widths):
                if width >= 6:
                    axes.text(
                        left[row] + width / 2, row, f"{width:.0f}", ha="center", va="center", fontsize=7,
                        color=theme.paper,
                    )  # fmt: skip
            left += widths
        axes.set(yticks=range(len(totals)), yticklabels=[f"n = {n}" for n in totals], xlim=(0, 100))
        axes.set_xlabel("per cent of the seeds")
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        figure.legend(loc="outside upper left", ncols=4, handlelength=1, columnspacing=1.2)
    return figure


_ORDER = ("global minimum", "zero loss", "strict minimum", "minimum", "flat", "saddle", "on a kink", "drifting")


def _place(nature: str) -> int:
    """From settled to on its way."""
    return next((k for k, name in enumerate(_ORDER) if nature.startswith(name)), len(_ORDER))


def chaos(
    values: npt.NDArray[Any], learning_rates: npt.NDArray[Any], perturbations: npt.NDArray[Any], theme: Theme = LIGHT
) -> Figure:
    """Σ‖w_j‖ after training, shape (learning rates, perturbations), as an image."""
    with house_style(theme):
        figure = new_figure(COLUMN, 2.7)
        ax = figure.subplots()
        image = ax.pcolormesh(perturbations, learning_rates, values, shading="nearest", cmap="viridis")
        ax.set(xlabel="perturbation of two biases", ylabel="learning rate", yscale="log")
        figure.colorbar(image, label="sum of norms")
    return figure
