"""Films: a training moment by moment, as a GIF and as a page with a slider, of the recorded run or of one's own."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.autoencoder.examples import FreshExamples, SparseExamples
from relugeom.autoencoder.model import Parameters, loss
from relugeom.autoencoder.parameters import as_double
from relugeom.errors import ArgumentError
from relugeom.figures.draw import Floats, empty_plane, feature_arrows, new_figure, region_map
from relugeom.figures.features import gram_image
from relugeom.figures.recordings import Frame, film
from relugeom.figures.style import LIGHT, Theme, house_style
from relugeom.training.checkpoint import Checkpoint, views
from relugeom.training.metrics import latent_vectors

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

    from relugeom.studies.traces import Trace

__all__ = ["Film", "film_files", "film_gif", "film_html", "film_of_run", "film_of_trace", "recorded_film"]

_MOST_ZONES = 64  # features with which regions can be told apart
_MOST_NAMES = 16
_MOST_EXAMPLES = 300
_MOST_FEATURES = 400  # of a film of WᵀW
_MOST_FRAMES = 120


@dataclass(frozen=True, slots=True, eq=False)
class Film:
    """A training, and what stands beside its pictures.

    Attributes
    ----------
    frames : sequence of Frame
    title, caption : str
    loss_name : str
        What the frames' loss is called.
    scale : float
        The loss that is shown is this many times that of the frames.
    examples : sequence of ndarray (t, 2), or None
        Latent vectors of examples in each frame, for m = 2.
    """

    frames: Sequence[Frame]
    title: str
    caption: str
    loss_name: str = "loss"
    scale: float = 1.0
    examples: Sequence[Floats] | None = None


def recorded_film() -> Film:
    """The run that comes with the package."""
    frames = film()
    n = frames[0].model.W.shape[1]
    return Film(
        frames,
        f"Training {n} features in the plane",
        "Gradient descent on X = I. Coloured regions are where one output alone is positive.",
        "summed loss",
        n,
    )


def film_of_run(run: Checkpoint) -> Film:
    """A run of `relugeom train` from the parameters that its checkpoint has kept, and from where it stands.

    Raises
    ------
    ArgumentError
        The run has kept no parameters, or its model is too large to film.
    """
    snapshots = run.trajectory.snapshots
    if not snapshots:
        raise ArgumentError("the run has kept no parameters to film; train without --no-snapshots")
    configuration = run.configuration
    data = configuration.examples()
    examples = data.batch(0) if isinstance(data, FreshExamples) else data
    losses = dict(zip(run.trajectory.column("step").astype(int), run.trajectory.column("loss"), strict=True))
    models = {step: as_double(views(flat, configuration)) for step, flat in sorted(snapshots.items())}
    last = as_double(run.model)
    models[run.step] = last
    losses[run.step] = float(loss(last, examples))
    frames = [Frame(step, model, float(losses[step])) for step, model in models.items()]
    m, n, T = configuration.m, configuration.n, examples.T
    words = f"{T:,} examples" if isinstance(data, SparseExamples) else "fresh examples at every step"
    caption = f"{configuration.optimiser.name} on {words}. " + (
        "Dots are the latent vectors Wx of examples, arrows the columns of W." if m == 2 else "The matrix is WᵀW."
    )
    clouds = None
    if m == 2:
        kept = _some(examples)
        clouds = [latent_vectors(kept, frame.model.W) for frame in frames]
    return _fitting(Film(frames, f"Training {n:,} features on {words}", caption, examples=clouds))


def film_of_trace(record: Trace) -> Film:
    """What `relugeom.studies.trace` recorded.

    Raises
    ------
    ArgumentError
        The model is too large to film.
    """
    n = record.W.shape[2]
    frames = [
        Frame(int(step), Parameters(W, b), float(value) / n)
        for step, W, b, value in zip(record.steps, record.W, record.b, record.loss, strict=True)
    ]
    caption = "Examples a·e_i. " + (
        "Coloured regions are where one output alone is positive." if record.W.shape[1] == 2 else "The matrix is WᵀW."
    )
    return _fitting(Film(frames, f"Training {n} features in {record.W.shape[1]} dimensions", caption, "summed loss", n))


def _fitting(told: Film) -> Film:
    """The film with at most 120 frames, about evenly spaced in the logarithm of the step."""
    m, n = told.frames[0].model.W.shape
    if m != 2 and n > _MOST_FEATURES:
        raise ArgumentError(f"a film of WᵀW takes at most {_MOST_FEATURES} features; got {n} (m = {m})")
    count = len(told.frames)
    if count <= _MOST_FRAMES:
        return told
    wanted = np.geomspace(1, count, _MOST_FRAMES).round().astype(int) - 1
    rows = sorted({0, count - 1, *wanted.tolist()})
    clouds = None if told.examples is None else [told.examples[row] for row in rows]
    return Film(
        [told.frames[row] for row in rows], told.title, told.caption, told.loss_name, told.scale, clouds
    )  # fmt: skip


def _some(examples: SparseExamples) -> SparseExamples:
    """At most 300 of the examples, evenly spaced."""
    if examples.T <= _MOST_EXAMPLES:
        return examples
    rows = np.linspace(0, examples.T - 1, _MOST_EXAMPLES).astype(int)
    return examples.take(rows)


def _plane(axes: Any, told: Film, at: int, window: float, theme: Theme) -> None:
    """The features of one frame, with the regions where they can be told apart, or with the examples."""
    frame = told.frames[at]
    n = frame.model.W.shape[1]
    if frame.model.tied and n <= (_MOST_ZONES if told.examples is None else _MOST_NAMES):
        region_map(axes, frame.model, theme, window, names=n <= _MOST_NAMES)
    else:
        empty_plane(axes, window, theme)
        if n <= _MOST_ZONES:
            feature_arrows(axes, frame.model.W, theme, names=n <= _MOST_NAMES, width=1.0)
        else:
            axes.plot(*frame.model.W, "o", color=theme.feature(0), markersize=1.5, markeredgewidth=0, alpha=0.5)
    if told.examples is not None:
        cloud = told.examples[at]
        axes.plot(*cloud.T, "o", color=theme.feature(1), markersize=3.5, markeredgewidth=0, alpha=0.7, zorder=5)


def _reach(told: Film) -> float:
    """The longest vector of the film."""
    longest = max(float(np.hypot(*frame.model.W).max()) for frame in told.frames)
    clouds = [] if told.examples is None else told.examples
    return max([longest, 1e-9, *(float(np.hypot(*cloud.T).max(initial=0.0)) for cloud in clouds)])


def _picture(told: Film, at: int, theme: Theme) -> Figure:
    """One picture of the film: the features, and the loss up to here."""
    frames = told.frames
    with house_style(theme):
        drawn = new_figure(5.2, 3.0)
        left, right = drawn.subplots(1, 2, width_ratios=(1.25, 1))
        if frames[0].model.W.shape[0] == 2:
            _plane(left, told, at, 1.25 * _reach(told), theme)
        else:
            extent = max(float(np.square(frame.model.W).sum(axis=0).max()) for frame in frames)
            gram_image(left, frames[at].model.W, theme, extent)
            left.set(xticks=[], yticks=[])
        left.set_title(f"step {frames[at].step:,}")
        moments = np.arange(len(frames))
        losses = np.array([told.scale * frame.loss for frame in frames])
        right.plot(moments, losses, color=theme.line)
        right.plot(moments[: at + 1], losses[: at + 1], color=theme.ink)
        right.plot(at, losses[at], "o", color=theme.ink, markersize=4)
        right.set_title(f"{told.loss_name} {losses[at]:{'.3f' if losses[at] >= 1e-3 else '.1e'}}")
        right.set(xticks=[], xlabel="time, not to scale", ylim=(0, 1.08 * max(float(losses.max()), 1e-12)))
    return drawn


def _pictures(told: Film, theme: Theme) -> list[Image]:
    """The frames as images of 256 colours, all with the palette of the last one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    drawn: list[Any] = []
    for at in range(len(told.frames)):
        picture = _picture(told, at, theme)
        with house_style(theme):
            canvas: Any = FigureCanvasAgg(picture)
            canvas.draw()
            drawn.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))
    palette = drawn[-1].quantize(64, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in drawn]


def film_gif(told: Film | None = None, *, theme: Theme = LIGHT, seconds: float = 0.12) -> bytes:
    """A training run as a GIF that repeats, its last frame held.

    Parameters
    ----------
    told : Film, optional
        Default: the recorded run.
    theme : Theme
    seconds : float
        For each frame.
    """
    return _gif(_pictures(recorded_film() if told is None else told, theme), seconds)


def _gif(images: Sequence[Image], seconds: float) -> bytes:
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
<img id="frame" alt="The model at this moment, and the loss so far." src="{first}">
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


def film_html(told: Film | None = None, *, theme: Theme = LIGHT) -> str:
    """A training run as one page with a slider, which needs nothing beside itself.

    Parameters
    ----------
    told : Film, optional
        Default: the recorded run.
    theme : Theme
    """
    told = recorded_film() if told is None else told
    return _page(told, _pictures(told, theme), theme)


def film_files(told: Film | None = None, *, theme: Theme = LIGHT, seconds: float = 0.12) -> dict[str, bytes]:
    """The GIF and the page by file name, drawn once for both; arguments as of `film_gif`."""
    told = recorded_film() if told is None else told
    images = _pictures(told, theme)
    return {"film.gif": _gif(images, seconds), "film.html": _page(told, images, theme).encode()}


def _page(told: Film, images: Sequence[Image], theme: Theme) -> str:
    sources = []
    for image in images:
        buffer = io.BytesIO()
        image.save(buffer, "PNG", optimize=True)
        sources.append("data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode())
    return _PAGE.format(
        title=escape(told.title),
        caption=escape(told.caption),
        paper=theme.paper,
        ink=theme.ink,
        first=sources[0],
        last=len(sources) - 1,
        frames=json.dumps(sources),
        steps=json.dumps([frame.step for frame in told.frames]),
    )
