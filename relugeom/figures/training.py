"""The paper's pictures of a sweep: vectors for every T, dimensionalities, losses (Henighan et al., 2023)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.geometry import dimensionality
from relugeom.training.metrics import latent_vectors
from relugeom.training.sweeps import Finished, model_of
from relugeom.writing import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["dimensionality_scatter", "draw_sweep", "loss_curves", "vectors"]

Array = npt.NDArray[Any]

_EXAMPLE, _FEATURE = "#b2432f", "#2f6db2"
_ROW = 6  # panels side by side
_LINES = 200  # vectors of which each gets a line from the origin; of more, only the tips are drawn


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def vectors(panels: Sequence[tuple[int, Array, Array]]) -> Figure:
    """Latent vectors above, feature vectors below, for every T.

    Parameters
    ----------
    panels : sequence of (T, H, W)
        Latent vectors H (T, 2) and features W (2, n).
    """
    columns = min(_ROW, len(panels))
    rows = 2 * -(-len(panels) // columns)
    figure = _figure(1.7 * columns, 1.8 * rows)
    axes = figure.subplots(rows, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    for index, (T, H, W) in enumerate(panels):
        row, column = 2 * (index // columns), index % columns
        _arrows(axes[row, column], H, _EXAMPLE, f"T = {T:,}")
        _arrows(axes[row + 1, column], W.T, _FEATURE, "")
    for row in range(0, rows, 2):
        for axis, name in ((axes[row, 0], "latent vectors"), (axes[row + 1, 0], "features")):
            axis.text(-0.05, 0.5, name, rotation=90, va="center", ha="right", transform=axis.transAxes, fontsize=8)
    return figure


def _arrows(axis: Axes, tips: Array, colour: str, title: str) -> None:
    reach = 1.1 * float(np.abs(tips).max(initial=1e-12))
    if len(tips) <= _LINES:
        for x, y in tips:
            axis.plot([0, x], [0, y], color=colour, linewidth=0.6, alpha=0.6)
    axis.scatter(tips[:, 0], tips[:, 1], s=3, color=colour, linewidths=0, alpha=0.7 if len(tips) <= _LINES else 0.3)
    axis.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axis.set_title(title, fontsize=8)


def dimensionality_scatter(panels: Sequence[tuple[int, Array, Array]]) -> Figure:
    """Dimensionality of every example and of every feature over T, with the m/T of a regular polygon.

    Parameters
    ----------
    panels : sequence of (T, examples, features)
        The dimensionalities, one entry an example or a feature.
    """
    figure = _figure(7, 3.4)
    axis = figure.subplots()
    rng = np.random.default_rng(0)
    sizes = [T for T, _, _ in panels]
    kinds = (
        (0.94, _EXAMPLE, "examples", [examples for _, examples, _ in panels]),
        (1.06, _FEATURE, "features", [features for _, _, features in panels]),
    )
    for shift, colour, label, dimensionalities in kinds:
        for number, (T, values) in enumerate(zip(sizes, dimensionalities, strict=True)):
            shown = values[values > 1e-6]
            if len(shown) > 300:  # enough to see where they lie
                shown = rng.choice(shown, 300, replace=False)
            spread = shift * T * np.exp(0.04 * rng.uniform(-1, 1, len(shown)))
            axis.scatter(spread, shown, s=4, color=colour, linewidths=0, alpha=0.4, label=None if number else label)
    axis.plot(sizes, [2 / T for T in sizes], color="0.4", linewidth=0.8, linestyle="--", label="2/T")
    axis.set(xscale="log", yscale="log", xlabel="examples T", ylabel="dimensionality")
    axis.legend(fontsize=8, frameon=False)
    return figure


def loss_curves(sizes: Sequence[int], train: Sequence[float], test: Sequence[float | None]) -> Figure:
    """Training and test loss over T; predicting zero costs 1.

    Parameters
    ----------
    sizes, train, test : sequences of equal length
    """
    figure = _figure(7, 3.0)
    axis = figure.subplots()
    axis.plot(sizes, train, marker="o", markersize=3, color=_EXAMPLE, label="train")
    pairs = [(T, loss) for T, loss in zip(sizes, test, strict=True) if loss is not None]
    if pairs:
        axis.plot(*zip(*pairs, strict=True), marker="o", markersize=3, color=_FEATURE, label="test")
    axis.axhline(1, color="0.4", linewidth=0.8, linestyle="--", label="predicting 0")
    # A loss below a thousandth is memorisation, however small; the axis stops there.
    axis.set(xscale="log", yscale="log", xlabel="examples T", ylabel="loss")
    axis.set_ylim(bottom=1e-3)
    axis.legend(fontsize=8, frameon=False)
    return figure


def draw_sweep(best: Sequence[Finished], directory: Path) -> list[Path]:
    """Draw the first data set of every T of a sweep (`relugeom.training.sweeps.best_of`) into `directory`.

    Returns
    -------
    list of Path
        The files: losses.png and, for data that are fixed, dimensionality.png and vectors.png (in the plane).
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
    figures = {
        "losses": loss_curves(sizes, [r.metrics["loss"] for r in first], [r.metrics["test_loss"] for r in first])
    }
    if shown:
        figures["dimensionality"] = dimensionality_scatter(scatter)
        if shown[0][1].shape[1] == 2:
            figures["vectors"] = vectors(shown)
    files = []
    for name, figure in figures.items():
        files.append(directory / f"{name}.png")
        picture = io.BytesIO()
        figure.savefig(picture, dpi=80, metadata={"Software": None})
        write_atomically(files[-1], picture.getvalue())
    return files
