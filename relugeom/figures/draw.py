"""The strokes that figures share: an empty plane, features as arrows, regions as polygons, space seen from a side."""

from __future__ import annotations

from math import hypot, pi
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.model import Parameters
from relugeom.autoencoder.regions import cells, default_window, zones
from relugeom.figures.style import Theme

__all__ = [
    "Space",
    "arrow",
    "biases",
    "circle_points",
    "empty_plane",
    "feature_arrows",
    "feature_name",
    "new_figure",
    "outline",
    "polygon_patch",
    "region_map",
    "view_window",
]

Floats = npt.NDArray[np.float64]

# Zones are computed with this much forgiveness, so that 6e-17 in place of an exact 0 does not empty a ray.
TOLERANCE = 1e-9


def new_figure(width: float, height: float) -> Any:
    """An empty `matplotlib.figure.Figure` of that many inches; nothing is registered with pyplot."""
    from relugeom.figures.shown import ShownFigure

    return ShownFigure(figsize=(width, height), layout="constrained")


def biases(model: Parameters) -> Floats:
    """b, or zeros where the model has none."""
    W, b = model
    return np.zeros(W.shape[1]) if b is None else np.asarray(b, dtype=np.float64)


def feature_name(i: int) -> str:
    """The name of feature i in a picture."""
    return f"$w_{{{i}}}$"


def empty_plane(axes: Any, window: float, theme: Theme, title: str = "") -> None:
    """An equal-sided view of |x|, |y| ≤ window: a faint cross at the origin, no ticks."""
    axes.set_aspect("equal")
    axes.set_xlim(-window, window)
    axes.set_ylim(-window, window)
    axes.axhline(0, color=theme.line, linewidth=0.6, zorder=0.5)
    axes.axvline(0, color=theme.line, linewidth=0.6, zorder=0.5)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if title:
        axes.set_title(title)


def arrow(axes: Any, start: Any, end: Any, colour: str, width: float = 1.4) -> None:
    """An arrow in the plane that starts and ends exactly where it says."""
    length = hypot(end[0] - start[0], end[1] - start[1])
    if length == 0:
        axes.plot(*start, "o", color=colour, markersize=3, zorder=4)
        return
    axes.annotate(
        "",
        xy=end,
        xytext=start,
        zorder=4,
        arrowprops={
            "arrowstyle": "-|>,head_length=0.45,head_width=0.2",
            "color": colour,
            "linewidth": width,
            "shrinkA": 0,
            "shrinkB": 0,
            "mutation_scale": 9,
        },
    )


def feature_arrows(
    axes: Any, W: Floats, theme: Theme, *, names: bool = True, width: float = 1.4, inches: float = 2.9
) -> None:
    """The columns of W as arrows from the origin, named just beyond their tips.

    Features whose tips nearly coincide share one name, such as w₁,₄. Names that would meet are pushed apart and tied to
    their tips by a thin line; `inches`, the rough size of the axes, tells how far apart they are.
    """
    reach = max(axes.get_xlim()[1], 1e-12)
    for i in np.argsort(-np.hypot(*W), kind="stable"):
        arrow(axes, (0, 0), (W[0, i], W[1, i]), theme.feature(int(i)), width)
    if not names:
        return
    tips: list[tuple[str, Floats]] = []
    left = list(range(W.shape[1]))
    while left:
        twins = [j for j in left if hypot(*(W[:, j] - W[:, left[0]])) < 0.02 * reach]
        left = [j for j in left if j not in twins]
        tips.append((f"$w_{{{','.join(map(str, twins))}}}$", W[:, twins].mean(axis=1)))
    scale = 72 * inches / (2 * reach)
    places = _spread(np.array([tip for _, tip in tips]) * scale)
    for (name, tip), place in zip(tips, places, strict=True):
        shift = place - tip * scale
        if np.hypot(*shift) > 12:
            axes.plot(*np.array([tip, place / scale]).T, color=theme.faint, linewidth=0.5, zorder=5)
        axes.annotate(
            name,
            xy=tip,
            xytext=shift,
            textcoords="offset points",
            ha="center",
            va="center",
            zorder=6,
            color=theme.ink,
            bbox={"boxstyle": "round,pad=0.06", "facecolor": theme.paper, "edgecolor": "none", "alpha": 0.75},
        )


def _spread(tips: Floats, apart: float = 14.0) -> Floats:
    """Places for names, in points: 9 beyond the tips, then moved off one another and off the tips of others."""
    norms = np.hypot(*tips.T)
    outward = np.where(norms[:, None] > 1e-6, tips / np.maximum(norms, 1e-9)[:, None], (0.7, -0.7))
    places = tips + 9 * outward
    for _ in range(60):
        for i in range(len(places)):
            for j in range(len(places)):
                for other, distance in ((places[j], apart), (tips[j], 0.55 * apart)):
                    ray = places[i] - other
                    gap = float(np.hypot(*ray))
                    if i != j and gap < distance:
                        places[i] += 0.3 * (distance - gap) * (ray / gap if gap > 1e-6 else outward[i])
    moved: Floats = places
    return moved


def polygon_patch(axes: Any, vertices: Floats, colour: str, window: float) -> None:
    """A filled polygon, outlined where it does not end at the window; a thick line where it is only a segment."""
    from matplotlib.patches import Polygon

    if len(vertices) == 2:
        axes.plot(*vertices.T, color=colour, linewidth=4, alpha=0.55, solid_capstyle="butt", zorder=2)
    elif len(vertices) > 2:
        axes.add_patch(Polygon(vertices, facecolor=colour, alpha=0.3, edgecolor="none", zorder=1))
        outline(axes, vertices, window, color=colour, linewidth=1.1, zorder=2)


def outline(axes: Any, vertices: Floats, window: float, **options: Any) -> None:
    """The sides of a polygon, without those along the window's."""
    for p, q in zip(vertices, np.roll(vertices, -1, axis=0), strict=True):
        along = (np.abs(p) >= window) & (p == q)
        if not along.any():
            axes.plot(*np.array([p, q]).T, solid_capstyle="round", **options)


def view_window(W: Floats) -> float:
    """Half the side of the square in which to show the features, with room for their names."""
    return float(default_window(W))


def region_map(axes: Any, model: Parameters, theme: Theme, window: float, *, names: bool = True) -> None:
    """The plane with its cells, the zone of every feature in that feature's colour, and the features."""
    empty_plane(axes, window, theme)
    for cell in cells(*model, window=window, tolerance=TOLERANCE):
        outline(axes, np.array(cell.vertices, dtype=float), window, color=theme.line, linewidth=0.6, zorder=0.8)
    for zone in zones(*model, window=window, tolerance=TOLERANCE):
        if zone.vertices:
            polygon_patch(axes, np.array(zone.vertices, dtype=float), theme.feature(zone.feature), window)
    feature_arrows(axes, model.W, theme, names=names)


class Space:
    """Three dimensions, seen straight on from far away, drawn with the strokes of the plane.

    A view from elevation ε and azimuth α shows the point p at (r·p, u·p), where r points to the right of the viewer and
    u up; the viewer stands in the direction v, so v·p orders things from back to front.
    """

    def __init__(self, axes: Any, theme: Theme, elevation: float, azimuth: float, title: str = "") -> None:
        self.axes, self.theme = axes, theme
        e, a = np.radians(elevation), np.radians(azimuth)
        self.right = np.array([-np.sin(a), np.cos(a), 0.0])
        self.viewer = np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
        self.up = np.cross(self.viewer, self.right)
        axes.set_aspect("equal")
        axes.set_axis_off()
        axes.margins(0.06)
        if title:
            axes.set_title(title)

    def flat(self, points: Any) -> Floats:
        """Where the points are seen, shape (..., 2)."""
        seen: Floats = np.asarray(points, dtype=float) @ np.stack([self.right, self.up], axis=-1)
        return seen

    def depth(self, points: Any) -> float:
        """How near to the viewer the points are, on average."""
        return float((np.asarray(points, dtype=float) @ self.viewer).mean())

    def polyline(self, points: Any, colour: str, **options: Any) -> None:
        """Straight lines from point to point."""
        self.axes.plot(*self.flat(points).T, color=colour, **options)

    def dots(self, points: Any, colours: Any, size: float = 10, **options: Any) -> None:
        """A dot at every point."""
        self.axes.scatter(*self.flat(points).T, c=colours, s=size, linewidths=0, **options)

    def face(self, corners: Any, colour: str, fill: float, edge: str, zorder: float = 1) -> None:
        """A filled polygon with an outline."""
        from matplotlib.patches import Polygon

        seen = self.flat(corners)
        self.axes.add_patch(Polygon(seen, facecolor=colour, alpha=fill, edgecolor="none", zorder=zorder))
        self.axes.add_patch(Polygon(seen, facecolor="none", edgecolor=edge, linewidth=0.7, zorder=zorder + 0.01))
        self.axes.update_datalim(seen)

    def arrow(self, end: Any, colour: str, name: str = "", start: Any = (0, 0, 0), width: float = 1.6) -> None:
        """An arrow, named just beyond its tip."""
        first, last = self.flat(start), self.flat(end)
        arrow(self.axes, first, last, colour, width)
        self.axes.update_datalim([first, last])
        if name:
            ray = last - first
            ux, uy = ray / max(float(np.hypot(*ray)), 1e-9)
            self.axes.annotate(
                name, xy=last, xytext=(9 * ux, 8 * uy), textcoords="offset points", ha="center", va="center", zorder=6
            )

    def half_axes(self, length: float, *, coloured: bool = True) -> None:
        """The three positive half-axes, in the colours of features 0, 1, 2."""
        for i, end in enumerate(np.eye(3) * length):
            self.arrow(end, self.theme.feature(i) if coloured else self.theme.faint, f"$e_{i}$")


def circle_points(radius: float, around: int = 181) -> Floats:
    """Points once around the circle, shape (2, around)."""
    turn = np.linspace(0, 2 * pi, around)
    return radius * np.stack([np.cos(turn), np.sin(turn)])
