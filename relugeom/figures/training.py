"""Pictures of the paper's training: a run over its steps, many over the size of their data (Henighan et al., 2023)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import FreshExamples, SparseExamples
from relugeom.autoencoder.geometry import dimensionality
from relugeom.figures.draw import empty_plane, feature_name, new_figure
from relugeom.figures.registry import draw, figures_for
from relugeom.figures.style import LIGHT, PAGE, Theme, house_style
from relugeom.training.checkpoint import Checkpoint, views
from relugeom.training.metrics import latent_vectors
from relugeom.training.sweeps import Finished, model_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "dimensionality_curves",
    "dimensionality_scatter",
    "loss_curves",
    "pictures_of_run",
    "pictures_of_sweep",
    "run_over_time",
    "vectors",
]

Array = npt.NDArray[Any]

_ROW = 6  # panels side by side
_LINES = 200  # vectors of which each gets a line from the origin; of more, only the tips are drawn
_DOTS = 500  # more are drawn as one image inside the SVG
_MOST_CURVES = 12  # features with a curve of their own; of more, the spread
_OF_A_MODEL = ("regions", "space", "overlaps", "gram", "interference", "dimensionality")


def vectors(panels: Sequence[tuple[int, Array, Array]], theme: Theme = LIGHT) -> Figure:
    """Latent vectors above, feature vectors below, for every T, each panel at its own scale.

    Parameters
    ----------
    panels : sequence of (T, H, W)
        Latent vectors H (T, 2) and features W (2, n).
    theme : Theme
    """
    if len(panels) == 1:
        return _one(*panels[0], theme)
    columns = min(_ROW, max(len(panels), 3))
    rows = 2 * -(-len(panels) // columns)
    with house_style(theme):
        figure = new_figure(PAGE, rows * 1.06 * PAGE / columns)
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis in axes.flat:
            axis.set_visible(False)
        for index, (T, H, W) in enumerate(panels):
            row, column = 2 * (index // columns), index % columns
            _tips(axes[row, column], H, theme.feature(1), f"T = {T:,}", theme)
            _tips(axes[row + 1, column], W.T, theme.feature(0), "", theme)
        for row in range(0, rows, 2):
            for axis, name in ((axes[row, 0], "latent vectors $Wx$"), (axes[row + 1, 0], "columns of $W$")):
                axis.set_ylabel(name)
    return figure


def _one(T: int, H: Array, W: Array, theme: Theme) -> Figure:
    """Side by side, as there is room."""
    with house_style(theme):
        figure = new_figure(PAGE, 3.5)
        left, right = figure.subplots(1, 2)
        _tips(left, H, theme.feature(1), f"latent vectors $Wx$ of {T:,} examples", theme)
        _tips(right, W.T, theme.feature(0), f"the {W.shape[1]:,} columns of $W$", theme)
    return figure


def _tips(axis: Axes, tips: Array, colour: str, title: str, theme: Theme) -> None:
    axis.set_visible(True)
    empty_plane(axis, 1.1 * float(np.abs(tips).max(initial=1e-12)), theme, title)
    if len(tips) <= _LINES:
        for x, y in tips:
            axis.plot([0, x], [0, y], color=colour, linewidth=0.6, alpha=0.6)
    few = len(tips) <= _LINES
    axis.scatter(
        tips[:, 0], tips[:, 1], s=3, color=colour, linewidths=0, alpha=0.8 if few else 0.3,
        rasterized=len(tips) > _DOTS,
    )  # fmt: skip


def dimensionality_scatter(panels: Sequence[tuple[int, Array, Array]], theme: Theme = LIGHT) -> Figure:
    """Dimensionality of every example and of every feature over T, with the m/T of a regular polygon.

    Parameters
    ----------
    panels : sequence of (T, examples, features)
        The dimensionalities, one entry an example or a feature.
    theme : Theme
    """
    with house_style(theme):
        figure = new_figure(PAGE, 3.2)
        axis = figure.subplots()
        rng = np.random.default_rng(0)
        sizes = [T for T, _, _ in panels]
        kinds = (
            (0.94, theme.feature(1), "examples", [examples for _, examples, _ in panels]),
            (1.06, theme.feature(0), "features", [features for _, _, features in panels]),
        )
        for shift, colour, label, dimensionalities in kinds:
            for number, (T, values) in enumerate(zip(sizes, dimensionalities, strict=True)):
                shown = values[values > 1e-6]
                if len(shown) > 300:  # enough to see where they lie
                    shown = rng.choice(shown, 300, replace=False)
                spread = shift * T * np.exp(0.04 * rng.uniform(-1, 1, len(shown)))
                axis.scatter(
                    spread, shown, s=4, color=colour, linewidths=0, alpha=0.5, label=None if number else label,
                    rasterized=len(shown) > 100,
                )  # fmt: skip
        axis.plot(sizes, [2 / T for T in sizes], color=theme.faint, linewidth=0.8, linestyle="--", label="2/T")
        axis.set(xscale="log", yscale="log", ylabel="dimensionality")
        _sizes_below(axis, sizes)
        axis.legend()
    return figure


def dimensionality_curves(
    sizes: Sequence[int], examples: Sequence[float | None], features: Sequence[float | None], theme: Theme = LIGHT
) -> Figure:
    """The median dimensionality of examples and of features over T, with the 2/T of a regular polygon.

    Parameters
    ----------
    sizes, examples, features : sequences of equal length
        None where there is none.
    theme : Theme
    """
    with house_style(theme):
        figure = new_figure(PAGE, 2.8)
        axis = figure.subplots()
        for medians, colour, label in (
            (examples, theme.feature(1), "examples"),
            (features, theme.feature(0), "features"),
        ):
            _curve(axis, sizes, medians, color=colour, label=label)
        axis.plot(sizes, [2 / T for T in sizes], color=theme.faint, linewidth=0.8, linestyle="--", label="2/T")
        axis.set(xscale="log", yscale="log", ylabel="median dimensionality")
        _sizes_below(axis, sizes)
        axis.legend()
    return figure


def _curve(axis: Axes, sizes: Sequence[int], values: Sequence[float | None], **style: Any) -> None:
    """The values that there are, over T."""
    pairs = [(T, value) for T, value in zip(sizes, values, strict=True) if value is not None]
    if pairs:
        axis.plot(*zip(*pairs, strict=True), marker="o", markersize=3, **style)


def _sizes_below(axis: Axes, sizes: Sequence[int]) -> None:
    """The numbers of examples as ticks."""
    axis.set_xlabel("examples $T$")
    apart = sorted({*sizes})
    axis.set_xticks(apart, [f"{T:,}" for T in apart], rotation=0 if len(apart) < 12 else 45)
    axis.set_xticks([], minor=True)


def loss_curves(
    sizes: Sequence[int], train: Sequence[float | None], test: Sequence[float | None], theme: Theme = LIGHT
) -> Figure:
    """Training and test loss over T; predicting zero costs 1.

    Parameters
    ----------
    sizes, train, test : sequences of equal length
        None where there is none.
    theme : Theme
    """
    with house_style(theme):
        figure = new_figure(PAGE, 2.8)
        axis = figure.subplots()
        for losses, colour, label in ((train, theme.feature(1), "training"), (test, theme.feature(0), "test")):
            _curve(axis, sizes, losses, color=colour, label=label)
        axis.axhline(1, color=theme.faint, linewidth=0.8, linestyle="--", label="predicting 0")
        # A loss below a thousandth is memorisation, however small; the axis stops there.
        axis.set(xscale="log", yscale="log", ylabel="loss")
        _sizes_below(axis, sizes)
        axis.set_ylim(bottom=1e-3)
        axis.legend()
    return figure


def run_over_time(run: Checkpoint, theme: Theme = LIGHT) -> Figure:
    """A run over its steps: loss, gradient norm, dead outputs; and norms and biases where it kept parameters.

    Of more than twelve features the median, the middle half and the range are drawn in place of a curve each.
    """
    trajectory, n = run.trajectory, run.configuration.n
    steps = trajectory.column("step")
    kept = sorted(trajectory.snapshots)
    with house_style(theme):
        figure = new_figure(PAGE, 4.4 if kept else 2.3)
        parts = figure.subfigures(2, 1) if kept else [figure]
        loss, slope, dead = parts[0].subplots(1, 3)
        for axes, name, title in (
            (loss, "loss", "loss"),
            (slope, "gradient_norm", "gradient norm"),
            (dead, "dead_features", "dead outputs"),
        ):
            axes.plot(steps, trajectory.column(name), color=theme.ink, marker="o", markersize=2)
            axes.set_title(title)
        for axes in (loss, slope):
            _by_logarithm(axes)
        dead.set_ylim(0, n)
        if kept:
            models = [views(trajectory.snapshots[step], run.configuration) for step in kept]
            norms, biases = parts[1].subplots(1, 2)
            curves = np.array([np.linalg.norm(np.asarray(one.W, np.float64), axis=0) for one in models])
            _curves(norms, kept, curves, "norms $\\|w_i\\|$", theme)
            _curves(biases, kept, np.array([np.asarray(one.b, np.float64) for one in models]), "biases $b_i$", theme)
            parts[1].legend(*norms.get_legend_handles_labels(), loc="outside right center")
        for part in parts:
            for axes in part.axes:
                axes.set_xscale("symlog", linthresh=1)
                axes.set_xlim(0, max(float(steps.max(initial=1)), 1))
                axes.set_xlabel("step")
                axes.minorticks_off()
    return figure


def _by_logarithm(axes: Axes) -> None:
    values = np.asarray(axes.lines[0].get_ydata())
    if len(values) and values.min() > 0 and values.max() > 10 * values.min():
        axes.set_yscale("log")
        axes.minorticks_off()


def _curves(axes: Axes, steps: Sequence[int], values: Array, title: str, theme: Theme) -> None:
    n = values.shape[1]
    axes.set_title(title)
    if n <= _MOST_CURVES:
        for i in range(n):
            axes.plot(steps, values[:, i], color=theme.feature(i), linewidth=1.1, label=feature_name(i))
        return
    low, quarter, middle, most, high = np.quantile(values, (0, 0.25, 0.5, 0.75, 1), axis=1)
    axes.fill_between(steps, low, high, color=theme.feature(0), alpha=0.15, linewidth=0, label="all features")
    axes.fill_between(steps, quarter, most, color=theme.feature(0), alpha=0.35, linewidth=0, label="the middle half")
    axes.plot(steps, middle, color=theme.feature(0), label="median")


def pictures_of_run(run: Checkpoint, theme: Theme = LIGHT) -> dict[str, Figure]:
    """The pictures of one run by name: over its steps, its vectors (m = 2), and its model as `figures` draws it."""
    figures = {"run": run_over_time(run, theme)}
    data = run.configuration.examples()
    examples = data.batch(0) if isinstance(data, FreshExamples) else data
    if run.configuration.m == 2:
        W = np.asarray(run.model.W, np.float64)
        figures["vectors"] = vectors([(examples.T, latent_vectors(examples, W), W)], theme)
    model = run.model
    if all(np.isfinite(part).all() for part in model if part is not None):
        possible = figures_for(model)
        wanted = [name for name in _OF_A_MODEL if name in possible and (name != "overlaps" or len(model.W) > 3)]
        figures |= {name: draw(name, model, theme) for name in wanted}
    return figures


def pictures_of_sweep(best: Sequence[Finished], theme: Theme = LIGHT) -> dict[str, Figure]:
    """The pictures of a sweep (`relugeom.training.sweeps.best_of`) by name, of the first data set of every T.

    Returns
    -------
    dict of str to Figure
        losses and, for data that are fixed, dimensionality and vectors (in the plane).
    """
    first = list({run.configuration.T: run for run in reversed(best)}.values())[::-1]
    shown, scatter = [], []
    for run in first:
        examples = run.configuration.examples()
        if isinstance(examples, SparseExamples):
            model = model_of(run)
            D = model.W if model.tied else model.decoder.T
            H = latent_vectors(examples, model.W)
            shown.append((run.configuration.T, H, D))
            scatter.append((run.configuration.T, dimensionality(H), dimensionality(D.T)))
    sizes = [run.configuration.T for run in first]
    losses = [[run.metrics[name] for run in first] for name in ("loss", "test_loss")]
    figures = {"losses": loss_curves(sizes, losses[0], losses[1], theme)}
    if shown:
        figures["dimensionality"] = dimensionality_scatter(scatter, theme)
        if shown[0][1].shape[1] == 2:
            figures["vectors"] = vectors(shown, theme)
    return figures
