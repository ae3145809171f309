"""Draw docs/img/pentagon.svg: the inequality for one angle, and the cells that prove it.

python docs/make/pictures_of_pentagon.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from relugeom.exact import PentagonMinimum
from relugeom.exact.edges import constants
from relugeom.figures.style import LIGHT, PAGE, Theme, house_style, render
from relugeom.landscape.polygons import pentagon_minimum


def saving(t: np.ndarray) -> np.ndarray:
    """B for 0 ≤ t ≤ 1."""
    return (1 - t) ** 2 * (2 + t) / 6


def cost(t: np.ndarray, q: np.ndarray) -> np.ndarray:
    """C for 0 ≤ t ≤ 1."""
    return (1 - t) ** 3 / 3 + 2 * np.maximum(q - t, 0) ** 3 / (3 * q)


def tangent(ax: Axes, certificate: PentagonMinimum, theme: Theme) -> None:
    """The least of D + 2K against α, over 0 ≤ α < 90°, and the line c − μα below it."""
    known = constants(certificate.threshold, 5)
    gain, slope, middle = (float(x.low) for x in (known.gain, known.slope, known.angle))
    angle, t = np.linspace(0, 1.57, 400), np.linspace(0, 0.9999, 2000)
    least = [1 / 3 - np.max(saving(t) ** 2 / cost(t, np.cos(x))) for x in angle]
    line = 1 / 3 - gain - slope * (angle - middle)
    degrees = np.degrees(angle)
    ax.plot(degrees, least, color=theme.feature(0), label="least cost of an output")
    ax.plot(degrees, np.maximum(line, 0), color=theme.feature(1), label="its tangent, c − μα")
    ax.plot(72, 1 / 3 - gain, "o", color=theme.ink, markersize=4)
    ax.annotate("72°", (72, 1 / 3 - gain), (75, 0.024), ha="center", color=theme.ink)
    ax.vlines([np.degrees(float(x)) for x in certificate.angles if x >= 0], -0.012, -0.004, color=theme.faint, lw=0.5)
    ax.set(xlabel="angle α in degrees", ylabel="D + 2K", xlim=(0, 90), ylim=(-0.014, 0.24), xticks=range(0, 91, 18))
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.62))
    ax.set_title("The cost lies above its tangent at 72°")


def level_lines(ax: Axes, certificate: PentagonMinimum, theme: Theme) -> None:
    """The margin G around the point of equality, the cells and the window."""
    known = constants(certificate.threshold, 5)
    gain, slope, middle = (float(x.low) for x in (known.gain, known.slope, known.angle))
    angle, t = np.meshgrid(np.linspace(1.19, 1.33, 200), np.linspace(0.1, 0.3, 200))
    margin = (gain + slope * (angle - middle)) * cost(t, np.cos(angle)) - saving(t) ** 2
    levels = [1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3]
    drawn = ax.contour(np.degrees(angle), t, margin, levels, colors=[theme.feature(0)], linewidths=0.7)
    ax.clabel(drawn, fmt=lambda x: f"{x:g}", fontsize=5.5)
    (t_low, t_high), (low, high) = certificate.window_thresholds, certificate.window_angles
    left, bottom, width = np.degrees(float(low)), float(t_low), np.degrees(float(high - low))
    ax.add_patch(Rectangle((left, bottom), width, float(t_high - t_low), fill=False, edgecolor=theme.good, lw=1.2))
    for end in certificate.angles:
        ends = [(0.1, bottom), (float(t_high), 0.3)] if low < end < high else [(0.1, 0.3)]
        for y in ends:
            ax.plot([np.degrees(float(end))] * 2, y, color=theme.line, lw=0.5, zorder=0)
    ax.plot(72, float(certificate.threshold[0]), "o", color=theme.ink, markersize=4)
    ax.set(xlabel="angle α in degrees", ylabel="threshold t", xlim=np.degrees([1.19, 1.33]), ylim=(0.1, 0.3))
    ax.set_title("The margin, the cells, and the window")


def main(path: Path) -> None:
    certificate = pentagon_minimum()
    with house_style(LIGHT):
        figure = Figure(figsize=(PAGE, 2.9), layout="constrained")
        left, right = figure.subplots(1, 2)
        tangent(left, certificate, LIGHT)
        level_lines(right, certificate, LIGHT)
    path.write_bytes(render(figure, path.suffix[1:]))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent / "img" / "pentagon.svg")
