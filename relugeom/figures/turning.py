"""Features in three dimensions as a picture that can be turned: by dragging, or with the arrow keys."""

from __future__ import annotations

import json

from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError
from relugeom.figures.models import hull_edges
from relugeom.figures.registry import plain_model
from relugeom.figures.style import LIGHT

__all__ = ["turning"]

_SCRIPT = """
(() => {
  const figure = document.currentScript.parentElement, svg = figure.querySelector("svg");
  const {W, edges, colours, reach} = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
  let azimuth = 0.54, elevation = 0.35;
  const make = (name, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    svg.append(element);
  };
  const draw = () => {
    const [ca, sa, ce, se] = [Math.cos(azimuth), Math.sin(azimuth), Math.cos(elevation), Math.sin(elevation)];
    const seen = ([x, y, z]) => ({
      x: 130 * (-sa * x + ca * y) / reach,
      y: -130 * (-se * ca * x - se * sa * y + ce * z) / reach,
      depth: (ce * ca * x + ce * sa * y + se * z) / reach,
    });
    const tips = W.map(seen);
    svg.replaceChildren();
    for (const [i, j] of edges)
      make("line", {x1: tips[i].x, y1: tips[i].y, x2: tips[j].x, y2: tips[j].y, stroke: "var(--faint, #5a6472)",
        "stroke-width": 1, opacity: 0.35 + 0.3 * (1 + (tips[i].depth + tips[j].depth) / 2)});
    tips.map((tip, i) => ({...tip, i})).sort((a, b) => a.depth - b.depth).forEach(({x, y, depth, i}) => {
      const near = 0.65 + 0.35 * depth;
      make("line", {x1: 0, y1: 0, x2: x, y2: y, stroke: colours[i], "stroke-width": 2.2, opacity: Math.max(near, 0.3)});
      make("circle", {cx: x, cy: y, r: 4, fill: colours[i], opacity: Math.max(near, 0.3)});
      if (W.length <= 30)
        make("text", {x: 1.1 * x, y: 1.1 * y + 4, "text-anchor": "middle", "font-size": 12,
          fill: "var(--ink, #1a1f26)"}, `${i}`);
    });
  };
  const turn = (right, up) => {
    azimuth -= right; elevation = Math.max(-1.57, Math.min(1.57, elevation + up)); draw();
  };
  svg.addEventListener("pointerdown", event => svg.setPointerCapture(event.pointerId));
  svg.addEventListener("pointermove", event => {
    if (event.buttons) turn(event.movementX / 90, event.movementY / 90);
  });
  svg.addEventListener("keydown", event => {
    const step = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1]}[event.key];
    if (step) { turn(...step); event.preventDefault(); }
  });
  draw();
})();
"""


def turning(model: Parameters) -> str:
    """A ``<figure>`` with the features of a model in three dimensions, which needs nothing beside itself.

    Parameters
    ----------
    model : Parameters
        W of shape (3, n).

    Raises
    ------
    ArgumentError
        m is not 3.
    """
    W = plain_model(model).W
    if len(W) != 3:
        raise ArgumentError(f"W must have shape (3, n); got {W.shape}")
    data = {
        "W": W.T.tolist(),
        "edges": hull_edges(W),
        "colours": [f"var(--feature-{i % 12}, {LIGHT.feature(i)})" for i in range(W.shape[1])],
        "reach": max(float((W**2).sum(axis=0).max()) ** 0.5, 1e-12),
    }
    return (
        '<figure><svg viewBox="-155 -155 310 310" tabindex="0" role="img" style="touch-action: none; cursor: grab" '
        'aria-label="The features in three dimensions; drag, or use the arrow keys, to turn them."></svg>'
        f'<script type="application/json">{json.dumps(data)}</script><script>{_SCRIPT}</script>'
        "<figcaption><strong>Features in three dimensions.</strong> Drag, or use the arrow keys, to turn them; grey "
        "lines are the edges of the polyhedron that they span.</figcaption></figure>"
    )
