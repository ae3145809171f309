"""How training gets there: the loss between two features, and a run from start to end, as a picture and a film."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.figures.draw import biases, empty_plane, feature_arrows, feature_name, new_figure, region_map
from relugeom.figures.recordings import Frame, film
from relugeom.figures.registry import figure
from relugeom.figures.style import LIGHT, PAGE, Theme, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

__all__ = ["film_gif", "film_html", "loss_over_angle", "training_over_time"]


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


def _film_frame(frames: Sequence[Frame], at: int, theme: Theme) -> Figure:
    """One picture of the film: the plane with its regions, and the loss up to here."""
    n = frames[0].model.W.shape[1]
    window = 1.25 * max(float(np.hypot(*frame.model.W).max()) for frame in frames)
    with house_style(theme):
        drawn = new_figure(5.2, 3.0)
        left, right = drawn.subplots(1, 2, width_ratios=(1.25, 1))
        region_map(left, frames[at].model, theme, window)
        left.set_title(f"step {frames[at].step}")
        moments = np.arange(len(frames))
        losses = np.array([n * frame.loss for frame in frames])
        right.plot(moments, losses, color=theme.line)
        right.plot(moments[: at + 1], losses[: at + 1], color=theme.ink)
        right.plot(at, losses[at], "o", color=theme.ink, markersize=4)
        right.set_title(f"summed loss {losses[at]:.3f}")
        right.set(xticks=[], xlabel="time, not to scale", ylim=(0, 1.08 * float(losses.max())))
    return drawn


def _pictures(frames: Sequence[Frame], theme: Theme) -> list[Image]:
    """The frames as images of 256 colours, all with the palette of the last one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    drawn: list[Any] = []
    for at in range(len(frames)):
        picture = _film_frame(frames, at, theme)
        with house_style(theme):
            canvas: Any = FigureCanvasAgg(picture)
            canvas.draw()
            drawn.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    palette = drawn[-1].quantize(64, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in drawn]


def film_gif(frames: Sequence[Frame] | None = None, *, theme: Theme = LIGHT, seconds: float = 0.12) -> bytes:
    """A training run as a GIF that repeats, its last frame held.

    Parameters
    ----------
    frames : sequence of Frame, optional
        Default: the recorded run.
    theme : Theme
    seconds : float
        For each frame.
    """
    images = _pictures(film() if frames is None else frames, theme)
    pace = [round(1000 * seconds)] * (len(images) - 1) + [2000]
    buffer = io.BytesIO()
    images[0].save(buffer, "GIF", save_all=True, append_images=images[1:], duration=pace, loop=0, optimize=False)
    return buffer.getvalue()


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body{{margin:2rem auto;max-width:44rem;padding:0 1rem;font:1rem/1.5 system-ui,sans-serif;
  background:{paper};color:{ink}}}
img{{width:100%;display:block}}
.row{{display:flex;gap:1rem;align-items:center;margin-top:.5rem}}
input{{flex:1}}
button{{font:inherit;padding:.3rem 1rem}}
</style></head><body>
<main>
<h1>{title}</h1>
<img id="frame" alt="The latent plane with the features and their regions, and the loss so far." src="{first}">
<div class="row">
<button id="play" type="button">Play</button>
<input id="at" type="range" min="0" max="{last}" value="0" aria-label="moment of the training">
<output id="step" for="at"></output>
</div>
<p>{caption}</p>
</main>
<script>
"use strict";
const frames = {frames}, steps = {steps};
const picture = document.getElementById("frame"), at = document.getElementById("at");
const play = document.getElementById("play"), step = document.getElementById("step");
let timer = null;
function show() {{ picture.src = frames[+at.value]; step.textContent = "step " + steps[+at.value]; }}
function stop() {{ clearInterval(timer); timer = null; play.textContent = "Play"; }}
function tick() {{ if (+at.value >= frames.length - 1) stop(); else {{ at.value = +at.value + 1; show(); }} }}
at.addEventListener("input", () => {{ stop(); show(); }});
play.addEventListener("click", () => {{
  if (timer !== null) return stop();
  if (+at.value >= frames.length - 1) at.value = 0;
  show(); play.textContent = "Pause"; timer = setInterval(tick, 120);
}});
show();
</script></body></html>
"""


def film_html(frames: Sequence[Frame] | None = None, *, theme: Theme = LIGHT) -> str:
    """A training run as one page with a slider, which needs nothing beside itself.

    Parameters
    ----------
    frames : sequence of Frame, optional
        Default: the recorded run.
    theme : Theme
    """
    import json

    run = film() if frames is None else list(frames)
    sources = []
    for image in _pictures(run, theme):
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        sources.append("data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())
    n = run[0].model.W.shape[1]
    return _PAGE.format(
        title=f"Training {n} features in the plane",
        caption=escape("Gradient descent on X = I. Coloured regions are where one output alone is positive."),
        paper=theme.paper,
        ink=theme.ink,
        first=sources[0],
        last=len(run) - 1,
        frames=json.dumps(sources),
        steps=json.dumps([frame.step for frame in run]),
    )
