"""How training gets there: the loss between two features, and a run from start to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relugeom.figures.draw import biases, empty_plane, feature_arrows, feature_name, new_figure
from relugeom.figures.recordings import film
from relugeom.figures.registry import figure
from relugeom.figures.style import LIGHT, PAGE, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["loss_over_angle", "training_over_time"]


@figure(
    "loss-over-angle",
    "The loss between two features",
    """The interference max(0, cos θ)² of two unit features at angle θ. It is ½(1 + cos 2θ), dashed, only where cos θ ≥
    0; its second derivative jumps from 2 to 0 at 90°. It is concave up to 45°: there the loss rewards pushing one
    pair closer and another apart. Neighbours of the regular n-gon come within 45° from n = 9 on.""",
)
def loss_over_angle(*, theme: Theme = LIGHT) -> Figure:
    """max(0, cos θ)² with its concave and convex ranges."""
    degrees = np.linspace(-180, 180, 721)
    theta = np.radians(degrees)
    drawn = new_figure(PAGE, 2.6)
    axes = drawn.add_subplot()
    axes.axvspan(-45, 45, color=theme.feature(1), alpha=0.14, linewidth=0)
    for low, high in ((-180, -45), (45, 180)):
        axes.axvspan(low, high, color=theme.feature(0), alpha=0.1, linewidth=0)
    axes.plot(degrees, (1 + np.cos(2 * theta)) / 2, color=theme.faint, linestyle="--", linewidth=1)
    axes.plot(degrees, np.maximum(0, np.cos(theta)) ** 2, color=theme.ink, linewidth=1.8)
    axes.text(0, 0.08, "concave", ha="center")
    axes.text(67, 0.62, "convex")
    axes.text(-67, 0.62, "convex", ha="right")
    for n, height in ((5, 0.0), (6, 0.0), (8, 0.0), (12, 0.0)):
        angle = 360 / n
        value = max(0.0, np.cos(np.radians(angle))) ** 2
        axes.plot(angle, value, "o", color=theme.feature(2), markersize=4)
        axes.annotate(
            f"$n = {n}$",
            xy=(angle, value),
            xytext=(6, 5 + height),
            textcoords="offset points",
            fontsize=7,
            color=theme.ink,
        )
    axes.set(xlim=(-180, 180), ylim=(-0.03, 1.06), xlabel="angle θ between two features", ylabel="interference")
    axes.set_xticks([-180, -135, -90, -45, 0, 45, 90, 135, 180], [f"{t}°" for t in range(-180, 181, 45)])
    axes.set_yticks([0, 0.5, 1])
    return drawn


@figure(
    "training",
    "A training run over time",
    """Gradient descent with momentum on seven features, from small random weights. Above, the features at six moments;
    below, their norms, their biases and the summed loss against the step. The run sits on a plateau for a thousand
    steps with features too short to be given back, tilts, and then learns them all within a few hundred.""",
)
def training_over_time(*, theme: Theme = LIGHT) -> Figure:
    """The recorded run: features, norms, biases, loss."""
    frames = film()
    n = frames[0].model.W.shape[1]
    steps = np.array([frame.step for frame in frames])
    drawn = new_figure(PAGE, 4.1)
    upper, lower = drawn.subfigures(2, 1, height_ratios=(0.8, 1.25))
    shown = (0, 20, 158, 1000, 1259, 8000)
    window = 1.15 * float(np.hypot(*frames[-1].model.W).max())
    for axes, step in zip(upper.subplots(1, len(shown)), shown, strict=True):
        empty_plane(axes, window, theme, f"step {step}")
        feature_arrows(axes, frames[int(np.flatnonzero(steps == step)[0])].model.W, theme, names=False, width=1.1)
    norms, offsets, losses = lower.subplots(1, 3)
    for i in range(n):
        norms.plot(steps, [np.hypot(*frame.model.W[:, i]) for frame in frames], color=theme.feature(i), linewidth=1.2)
        offsets.plot(
            steps,
            [biases(frame.model)[i] for frame in frames],
            color=theme.feature(i),
            linewidth=1.2,
            label=feature_name(i),
        )
    losses.plot(steps, [n * frame.loss for frame in frames], color=theme.ink)
    for axes, title in (
        (norms, "norms $\\|w_i\\|$"),
        (offsets, "biases $b_i$"),
        (losses, "loss, summed over examples"),
    ):
        axes.set(title=title, xlabel="step", xlim=(0.8, steps[-1]))
        axes.set_xscale("symlog", linthresh=1)
        axes.set_xlim(0, steps[-1])
        axes.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
        axes.minorticks_off()
    offsets.legend(ncols=2, handlelength=1, columnspacing=0.8, labelspacing=0.2, loc="lower left", borderaxespad=0)
    return drawn
