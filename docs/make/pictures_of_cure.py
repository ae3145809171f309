"""Draw the pictures and the film of docs/cure.md: python docs/make/pictures_of_cure.py [--dark FOLDER]

docs/cure.json holds the counts of `relugeom cure`; the two runs side by side are trained here, in a few seconds, and
the losses of memorising models are those of `relugeom memorise`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from relugeom.autoencoder import Axial
from relugeom.autoencoder.examples import sparse_unit_norm_examples
from relugeom.autoencoder.memorising import memorising_loss
from relugeom.figures.draw import arrow, empty_plane
from relugeom.figures.style import DARK, LIGHT, PAGE, Theme, house_style, render
from relugeom.optim import AdamW
from relugeom.studies.traces import Trace, trace
from relugeom.training.many_models import AxialTraining

IMAGES = Path(__file__).parents[1] / "img"
CELLS: list[dict[str, Any]] = json.loads((IMAGES.parent / "cure.json").read_text(encoding="utf-8"))
WAYS = (
    ("xavier", "plain", "Xavier start, b"),
    ("xavier", "centred", "Xavier start, c = b + ‖w‖²"),
    ("small", "plain", "small start, b"),
    ("small", "centred", "small start, c = b + ‖w‖²"),
)
# What the paper's recipe ends with, from docs/training.md.
RECIPE = {
    10: 4.46e-07, 15: 2.98e-07, 30: 0.294, 50: 0.533, 100: 0.708, 200: 0.815, 500: 0.906, 1000: 0.946, 2000: 0.972,
}  # fmt: skip
# What the other training of that page ends with, the best seed.
CURED = {30: 5.1e-4, 50: 1.9e-3, 100: 8.6e-2, 200: 0.293}
FLOOR = 1e-4


def share(theme: Theme) -> Figure:
    """How often Adam reaches zero loss, over n, for two starts and two coordinates of the bias."""
    figure = Figure(figsize=(PAGE, 3.0), layout="constrained")
    axes = figure.subplots()
    for k, (start, coordinate, label) in enumerate(WAYS):
        cells = [
            cell for cell in CELLS
            if (cell["m"], cell["optimiser"], cell["weight_decay"], cell["initialisation"]) == (2, "adamw", 0, start)
            and cell["bias_coordinate"] == coordinate and cell["init_scale"] in (None, 1e-3)
            and (cell["steps"] == 20_000) == (cell["n"] < 40)
            and cell["learning_rate"] == {48: 0.02, 64: 0.03}.get(cell["n"], 0.01)
        ]  # fmt: skip
        cells.sort(key=lambda cell: cell["n"])
        n = np.array([cell["n"] for cell in cells])
        rate = 100 * np.array([cell["successes"] / cell["trials"] for cell in cells])
        ends = 100 * np.array([cell["interval"] for cell in cells]).T
        axes.errorbar(
            n, rate, [np.maximum(rate - ends[0], 0), np.maximum(ends[1] - rate, 0)], color=theme.feature(k), marker="o",
            markersize=3, linewidth=1.2, elinewidth=0.8, capsize=1.5, label=label, zorder=3 + k,
        )  # fmt: skip
    axes.set_xscale("log")
    ticks = [3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64]
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="features n", ylabel="seeds at zero loss, %", ylim=(-4, 106))
    axes.grid(color=theme.line, linewidth=0.4)
    axes.legend(loc="center left", bbox_to_anchor=(0.0, 0.3))
    return figure


def _runs(n: int, index: int) -> tuple[Trace, Trace]:
    """The same seed from the usual start and cured, every tenth step."""
    recipe: dict[str, Any] = {"optimiser": AdamW(0.01), "steps": 20_000, "schedule": "cosine"}
    cure = AxialTraining(Axial(n), initialisation="small", bias_coordinate="centred", **recipe)
    return trace(AxialTraining(Axial(n), **recipe), index, every=10), trace(cure, index, every=10)


def side_by_side(theme: Theme, n: int = 16, index: int = 1) -> Figure:
    """The same seed twice: the usual start and bias, and the cure, at six moments; and both losses."""
    runs = _runs(n, index)
    moments = (0, 20, 100, 300, 1_000, 20_000)
    figure = Figure(figsize=(PAGE, 4.6), layout="constrained")
    grid = figure.add_gridspec(3, len(moments), height_ratios=[1, 1, 1.15])
    for row, (run, name) in enumerate(zip(runs, ("usual", "cured"), strict=True)):
        for column, step in enumerate(moments):
            axes = figure.add_subplot(grid[row, column])
            at = int(np.flatnonzero(run.steps == step)[0])
            W = run.W[at]
            reach = 1.15 * float(np.abs(W).max())
            empty_plane(axes, reach, theme, f"step {step:,}" if row == 0 else "")
            for i in range(n):
                arrow(axes, (0, 0), W[:, i], theme.feature(i), 1.0)
            axes.text(
                0.5, -0.02, f"loss {run.loss[at]:.3g}", transform=axes.transAxes, ha="center", va="top", fontsize=6.5,
                color=theme.faint,
            )  # fmt: skip
            if column == 0:
                axes.text(-0.12, 0.5, name, rotation=90, transform=axes.transAxes, ha="center", va="center")
    below = figure.add_subplot(grid[2, :])
    for run, colour, label in zip(runs, (theme.bad, theme.good), ("usual", "cured"), strict=True):
        below.plot(run.steps, run.loss, color=colour, label=label, linewidth=1.2)
    below.set(xlim=(0, 4_000), ylim=(0, n + 0.5), xlabel="step", ylabel="loss, summed")
    below.set_yticks(range(0, n + 1, 2))
    below.grid(axis="y", color=theme.line, linewidth=0.4)
    below.legend(loc="upper right")
    return figure


def film(theme: Theme, path: Path, n: int = 16, index: int = 1) -> None:
    """The two runs side by side as a film, the steps growing from picture to picture."""
    from matplotlib.animation import FuncAnimation, PillowWriter

    usual, cured = _runs(n, index)
    moments = sorted({int(step) // 10 for step in np.geomspace(10, 1_500, 60)} | {0})
    with house_style(theme):
        figure = Figure(figsize=(4.4, 2.5), dpi=72)
        sides = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.02, right=0.98, top=0.84, bottom=0.08)

        def show(frame: int) -> list[Any]:
            row = moments[frame]
            for axes, run, name in zip(sides, (usual, cured), ("usual start", "the cure"), strict=True):
                axes.clear()
                W = run.W[row]
                empty_plane(axes, 1.15 * float(np.abs(W).max()), theme, name)
                for i in range(n):
                    arrow(axes, (0, 0), W[:, i], theme.feature(i), 1.2)
                axes.set_xlabel(f"step {run.steps[row]:,}   loss {run.loss[row]:.2f}")
            return []

        FuncAnimation(figure, show, frames=len(moments)).save(path, writer=PillowWriter(fps=8), dpi=80)


def failure(theme: Theme) -> Figure:
    """Training loss over T: the recipe's end beside models that are built, and a training that is cured."""
    sizes = list(RECIPE)
    data = {T: sparse_unit_norm_examples(T, 10_000, 0.999, seed=0, dtype=np.float64) for T in sizes}
    built = [memorising_loss(data[T]) for T in sizes]
    private = []
    for T in sizes:
        counts = np.bincount(data[T].indices, minlength=10_000)
        values = np.asarray(data[T].values, np.float64)
        private.append(float((values[counts[data[T].indices] > 1] ** 2).sum()) / T)
    figure = Figure(figsize=(PAGE, 3.0), layout="constrained")
    axes = figure.subplots()
    lines = (
        (list(RECIPE.values()), theme.bad, "o", "the paper's recipe, trained"),
        (private, theme.faint, "s", "built, private features only"),
        (built, theme.good, "D", "built, shared features too"),
    )
    for losses, colour, marker, label in lines:
        shown = np.maximum(losses, FLOOR)
        axes.plot(sizes, shown, color=colour, marker=marker, markersize=3.5, linewidth=1.2, label=label)
    axes.plot(
        list(CURED), np.maximum(list(CURED.values()), FLOOR), color=theme.feature(0), marker="^", markersize=4,
        linewidth=1.2, label="another training, as many steps",
    )  # fmt: skip
    axes.axhline(FLOOR, color=theme.line, linewidth=0.6)
    axes.annotate("0 exactly up to T = 30", (15, FLOOR), (11, 1.5e-4), color=theme.good, fontsize=7)
    axes.set(xscale="log", yscale="log", xlabel="examples T", ylabel="training loss", ylim=(0.8 * FLOOR, 2))
    axes.set_xticks(sizes, [f"{T:,}" for T in sizes])
    axes.minorticks_off()
    axes.grid(color=theme.line, linewidth=0.4)
    axes.legend(loc="lower right")
    return figure


def main(folder: Path, theme: Theme) -> None:
    for name, draw in (("cure-share", share), ("cure-runs", side_by_side), ("cure-memorising", failure)):
        with house_style(theme):
            (folder / f"{name}.svg").write_bytes(render(draw(theme), "svg", theme))
    film(theme, folder / "cure.gif")


if __name__ == "__main__":
    if "--dark" in sys.argv:
        main(Path(sys.argv[sys.argv.index("--dark") + 1]), DARK)
    else:
        main(IMAGES, LIGHT)
