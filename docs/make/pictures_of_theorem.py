"""Draw docs/img/theorem.svg: four columns that attain 2m at m = 2, and one elimination step on five columns.

Run it from anywhere; the output depends on nothing but the version of matplotlib.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

BLUE, RED, GREY, INK = "#2b6cb0", "#c53030", "#a0aec0", "#2d3748"
PAIRS = [(1.25, 0.55), (-0.85, -0.374), (-0.4, 0.909), (0.55, -1.25)]
# The example at the end of proofs/formal/refuter.v.
FIVE = [(1.0, 0.0), (-1.0, 1.0), (0.0, -1.0), (-1.0, 0.0), (-1.0, -1.0)]


def arrow(ax: Axes, tip: tuple[float, float], colour: str, label: str, offset: tuple[float, float]) -> None:
    ax.annotate("", tip, (0, 0), arrowprops={"arrowstyle": "-|>", "color": colour, "lw": 2, "shrinkA": 0, "shrinkB": 0})
    ax.text(tip[0] + offset[0], tip[1] + offset[1], label, color=colour, ha="center", va="center", fontsize=13)


def frame(ax: Axes, title: str, caption: str) -> None:
    ax.set(xlim=(-1.75, 1.75), ylim=(-1.75, 1.75), aspect="equal", title=title)
    ax.set_axis_off()
    ax.plot(0, 0, "o", color=INK, ms=4, zorder=5)
    ax.text(0, -1.85, caption, ha="center", va="top", fontsize=10, color=INK)


def attained(ax: Axes) -> None:
    for k, (x, y) in enumerate(PAIRS):
        arrow(ax, (x, y), BLUE if k < 2 else RED, f"$w_{k + 1}$", (0.2 * x, 0.2 * y))
    ax.plot([0.165, 0.099, -0.066], [0.0726, 0.2226, 0.15], color=GREY, lw=1)
    frame(ax, "n = 2m: it fits", "two antipodal pairs, orthogonal;\nthe lengths are free")


def step(ax: Axes) -> None:
    ax.axvline(0, color=GREY, lw=1, zorder=0)
    ax.text(0.08, 1.55, r"$u^\perp$", color=GREY, fontsize=12, va="center")
    for x, y in FIVE[1:]:
        if x:
            ax.plot([x, 0], [y, y], ls=":", color=INK, lw=1.2, zorder=0)
    offsets = [(0.36, 0.0), (-0.17, 0.17), (0.22, -0.12), (-0.22, 0.0), (-0.17, -0.17)]
    for k, (tip, offset) in enumerate(zip(FIVE, offsets, strict=True)):
        colour = BLUE if k == 0 else RED if k in (2, 4) else INK
        arrow(ax, tip, colour, "$u = w_1$" if k == 0 else f"$w_{k + 1}$", offset)
    frame(ax, "n = 5: project along $u$", "no $w_j$ has a positive product with $u$,\nso products can only decrease")


def shadows(ax: Axes) -> None:
    ax.axvline(0, color=GREY, lw=1, zorder=0)
    ax.text(0.08, 1.55, r"$u^\perp$", color=GREY, fontsize=12, va="center")
    arrow(ax, (0.0, 1.0), INK, "$w_2'$", (0.25, 0.0))
    arrow(ax, (0.0, -1.0), RED, "$w_3' = w_5'$", (0.6, 0.0))
    ax.text(0.2, 0.06, "$w_4' = 0$", color=INK, fontsize=13, va="center")
    frame(ax, "one dimension less", "$w_3'\\cdot w_5' > 0$, hence $w_3\\cdot w_5 > 0$:\none pair that spoils all five")


def main(path: Path) -> None:
    settings = {
        "svg.hashsalt": "relugeom", "svg.fonttype": "path", "font.family": "DejaVu Sans", "mathtext.fontset": "cm",
        "axes.titlesize": 13, "axes.titlecolor": INK,
    }  # fmt: skip
    with mpl.rc_context(settings):
        figure, axes = plt.subplots(1, 3, figsize=(11, 4.3), facecolor="white")
        for draw, ax in zip((attained, step, shadows), axes, strict=True):
            draw(ax)
        figure.subplots_adjust(left=0.01, right=0.99, top=0.9, bottom=0.16, wspace=0.04)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=90)
        plt.close(figure)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "img" / "theorem.svg")
