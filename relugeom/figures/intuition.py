"""What ReLU does to points, lines and planes: the pictures of the post's first half."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from relugeom.autoencoder.constructions import polygon
from relugeom.autoencoder.geometry import angles
from relugeom.autoencoder.model import Parameters
from relugeom.autoencoder.regions import cells
from relugeom.figures.draw import (
    Floats,
    Space,
    arrow,
    circle_points,
    empty_plane,
    new_figure,
    region_map,
    view_window,
)
from relugeom.figures.registry import figure
from relugeom.figures.style import COLUMN, LIGHT, PAGE, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["axis_vectors", "change_of_basis", "clamping", "line", "plane", "projection", "relu"]


@figure(
    "projection",
    "From three dimensions to two",
    """Points in space (orange) and their projections onto a plane through the origin (blue); on the right the same
    plane seen face on. A linear map cannot tell how long the dotted lines were: what lies along them is lost.""",
)
def projection(*, theme: Theme = LIGHT) -> Figure:
    """h = W x for orthonormal rows of W, and the plane that they span."""
    rng = np.random.default_rng(4)
    W = np.array([[2.0, -1.0, -1.0], [0.0, 1.0, -1.0]]) / np.sqrt([[6.0], [2.0]])
    X = rng.normal(scale=(0.55, 0.45, 0.5), size=(16, 3))
    H = X @ W.T
    back = H @ W
    drawn = new_figure(PAGE, 3.0)
    left, right = drawn.subplots(1, 2, width_ratios=(1.2, 1))
    space = Space(left, theme, 20, -22, "$x$ in space, and its shadow on a plane")
    corners = 1.35 * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) @ W
    space.face(corners, theme.feature(0), 0.12, theme.line, zorder=0.5)
    space.half_axes(1.5, coloured=False)
    for x, y in zip(X, back, strict=True):
        space.polyline([x, y], theme.faint, linewidth=0.9, linestyle=":", zorder=2)
    space.dots(X, theme.feature(1), 16, zorder=3)
    space.dots(back, theme.feature(0), 16, zorder=3)
    empty_plane(right, 1.4, theme, "$h = Wx$, the plane seen face on")
    right.scatter(*H.T, color=theme.feature(0), s=18, linewidths=0, zorder=3)
    return drawn


@figure(
    "relu",
    "ReLU",
    "ReLU(z) = max(0, z): the identity on positive numbers, and 0 on the rest. Its slope at 0 is taken as 0.",
)
def relu(*, theme: Theme = LIGHT) -> Figure:
    """The graph of ReLU."""
    drawn = new_figure(COLUMN, 2.1)
    axes = drawn.add_subplot()
    axes.axhline(0, color=theme.line, linewidth=0.6)
    axes.axvline(0, color=theme.line, linewidth=0.6)
    axes.plot([-2, 0, 2], [0, 0, 2], color=theme.feature(0), linewidth=2)
    axes.set(xlabel="$z$", ylabel=r"$\mathrm{ReLU}(z)$", xticks=[-2, -1, 0, 1, 2], yticks=[0, 1, 2])
    axes.set_aspect("equal")
    return drawn


@figure(
    "axes",
    "Axis vectors",
    """The data of this project in its purest form: one feature active at a time. Every example lies on a positive
    half-axis; its place along it is the amplitude.""",
)
def axis_vectors(*, theme: Theme = LIGHT) -> Figure:
    """The three axes of ℝ³ with examples on them."""
    drawn = new_figure(COLUMN, 2.7)
    space = Space(drawn.add_subplot(), theme, 20, 36)
    rng = np.random.default_rng(1)
    unit = np.eye(3)
    for i in range(3):
        for j in range(3):
            if i != j:
                space.polyline([unit[i], unit[i] + unit[j]], theme.line, linewidth=0.7, zorder=1)
        space.polyline([1 - unit[i], (1, 1, 1)], theme.line, linewidth=0.7, zorder=1)
        space.dots(rng.uniform(0.1, 0.95, 7)[:, None] * unit[i], theme.feature(i), 18, zorder=5)
    space.half_axes(1.3)
    return drawn


@figure(
    "clamping",
    "ReLU clamps points onto faces, edges and the origin",
    """Normally distributed points before and after ReLU in one, two and three dimensions. Coloured points end on an
    axis, grey ones anywhere else. The chance of landing on an axis is n/2ⁿ: 1/2, 1/2, 3/8, and then it falls fast.""",
)
def clamping(*, theme: Theme = LIGHT) -> Figure:
    """Points before and after ReLU, coloured by the axis they end on."""
    rng = np.random.default_rng(3)
    drawn = new_figure(PAGE, 4.4)
    grid = drawn.add_gridspec(2, 3)
    for n in (1, 2, 3):
        X = rng.normal(size=(60, n) if n < 3 else (110, n))
        on = (X > 0).sum(axis=1) == 1
        colours = [theme.feature(int(np.argmax(x))) if alone else theme.faint for x, alone in zip(X, on, strict=True)]
        for row, points in enumerate((X, np.maximum(X, 0))):
            title = ("before" if row == 0 else "after ReLU") + f", $n = {n}$"
            if n == 3:
                space = Space(drawn.add_subplot(grid[row, 2]), theme, 22, 35, title)
                space.half_axes(2.6)
                space.dots(points, colours, 9, zorder=3)
                space.axes.set(xlim=(-2.9, 2.9), ylim=(-2.9, 2.9))
                continue
            axes = drawn.add_subplot(grid[row, n - 1])
            empty_plane(axes, 2.9, theme, title)
            flat = points if n == 2 else np.column_stack([points[:, 0], np.zeros(len(points))])
            axes.scatter(*flat.T, c=colours, s=10, linewidths=0, zorder=3, alpha=0.85)
            if n == 1:
                axes.set_ylim(-1.2, 1.2)
                axes.lines[1].set_visible(False)
                axes.plot([0, 0], [-0.15, 0.15], color=theme.faint, linewidth=0.8)
                axes.text(0, -0.45, "0", ha="center", color=theme.faint)
    return drawn


@figure(
    "line",
    "Two features on a line",
    """A line through the origin with points (−t, t), purple, which ReLU snaps onto the axes. Points above the origin
    become multiples of the second axis vector, points below it of the first: one dimension holds two features.""",
)
def line(*, theme: Theme = LIGHT) -> Figure:
    """The latent line of W = (1, −1) in the plane of the pre-activations."""
    drawn = new_figure(COLUMN, 3.0)
    axes = drawn.add_subplot()
    empty_plane(axes, 1.45, theme)
    direction = np.array([1, -1]) / np.sqrt(2)
    ends = np.outer([-1.9, 1.9], direction)
    axes.plot(*ends.T, color=theme.feature(4), linestyle="--", linewidth=1.2)
    for t in (-1.5, -1.15, -0.8, -0.45, 0.45, 0.8, 1.15, 1.5):
        z = t * direction
        x = np.maximum(z, 0)
        colour = theme.feature(0 if t > 0 else 1)
        axes.plot(*np.array([z, x]).T, color=theme.line, linewidth=0.9, zorder=1)
        axes.plot(*z, "o", color=theme.feature(4), markersize=4, zorder=3)
        axes.plot(*x, "o", color=colour, markersize=4.5, zorder=3)
    arrow(axes, (0, 0), (1.35, 0), theme.feature(0))
    arrow(axes, (0, 0), (0, 1.35), theme.feature(1))
    axes.text(1.35, 0.1, "$e_0$", ha="center")
    axes.text(0.1, 1.32, "$e_1$", va="center")
    axes.text(-1.42, 0.68, "$z = W^{T}h$")
    return drawn


def _plane_pieces(model: Parameters, window: float) -> list[tuple[Floats, frozenset[int]]]:
    """The cells of the latent plane with their corners z = Wᵀh + b in three dimensions."""
    W, b = model
    return [(np.array(cell.vertices, dtype=float) @ W + b, cell.active) for cell in cells(*model, window=window)]


@figure(
    "plane",
    "The latent plane in space, from two sides",
    """The plane of all z = Wᵀh + b among the three axes, cut along the coordinate planes. On coloured pieces one
    output alone is positive and ReLU snaps the piece onto that axis; grey pieces end on a face. From below the
    three features stand evenly, each in its own piece.""",
    latent=(2, 2),
    features=(3, 3),
)
def plane(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The cells of the plane in ℝ³, seen from above and from below."""
    model = Parameters(polygon(3, np.sqrt(2 / 3)), np.zeros(3)) if model is None else model
    W, b = model
    window = 1.35 * (float(np.hypot(*W).max()) or 1.0)
    pieces = _plane_pieces(model, window)
    drawn = new_figure(PAGE, 3.3)
    for axes, (elevation, azimuth, side) in zip(
        drawn.subplots(1, 2), ((8, 27, "from above"), (-35.264, 225, "from below, along (1, 1, 1)")), strict=True
    ):
        space = Space(axes, theme, elevation, azimuth, side)
        for corners, active in pieces:
            alone = len(active) == 1
            colour = theme.feature(next(iter(active))) if alone else theme.faint
            space.face(corners, colour, 0.38 if alone else 0.16, theme.faint)
        if elevation > 0:
            space.half_axes(1.1 * float(np.abs(pieces[0][0]).max()))
        for i, z in enumerate(W.T @ W + b):
            space.arrow(z, theme.feature(i), f"$w_{i}$", start=b)
        axes.autoscale_view()
    return drawn


@figure(
    "basis",
    "A change of basis",
    """Left: a vector x, as steps along the two axes. Right: Mx, the same steps along the columns of M. So the columns
    of W are what the features become in the latent plane.""",
)
def change_of_basis(*, theme: Theme = LIGHT) -> Figure:
    """x = Σ x_i e_i and Mx = Σ x_i M_i, side by side."""
    x = np.array([1.5, 1.0])
    M = np.array([[0.9, -0.5], [0.35, 0.95]])
    drawn = new_figure(PAGE, 2.9)
    for column, (basis, names, vector) in enumerate(
        ((np.eye(2), ("$e_0$", "$e_1$"), "$x$"), (M, ("$M_0$", "$M_1$"), "$Mx$"))
    ):
        axes = drawn.add_subplot(1, 2, column + 1)
        empty_plane(axes, 2.0, theme)
        axes.set(xlim=(-0.75, 2.25), ylim=(-0.45, 1.95))
        for k in range(-3, 6):
            for a, other in ((0, 1), (1, 0)):
                line_points = k * basis[:, a][:, None] / 2 + np.outer(basis[:, other], [-3, 3])
                axes.plot(*line_points, color=theme.line, linewidth=0.4, zorder=0.3)
        first = x[0] * basis[:, 0]
        end = basis @ x
        axes.plot(*np.array([(0, 0), first, end]).T, color=theme.faint, linestyle=":", linewidth=1.4, zorder=2)
        for i in range(2):
            arrow(axes, (0, 0), basis[:, i], theme.feature(i), 2)
            side = np.array([0.05, -0.17]) if i == 0 else np.array([-0.2, 0.02])
            axes.text(*(basis[:, i] + side), names[i], ha="center", va="center")
        arrow(axes, (0, 0), end, theme.feature(4), 2)
        axes.text(end[0] + 0.12, end[1] + 0.1, vector, ha="center", va="center")
    return drawn


@figure(
    "trigonal",
    "Three features in the plane",
    """The columns of W for three features: unit vectors 120° apart. Without a bias each lies in its own zone, where
    its output alone is positive. The zones are wide, so a mildly turned feature is still given back.""",
    latent=(2, 2),
)
def trigonal(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The columns of W on the unit circle, with the angles between neighbours."""
    model = Parameters(polygon(3, phase=np.pi / 2), np.zeros(3)) if model is None else model
    drawn = new_figure(COLUMN, 3.2)
    axes = drawn.add_subplot()
    window = view_window(model.W)
    region_map(axes, model, theme, window)
    norms = np.hypot(*model.W)
    for radius in sorted({round(float(norm), 6) for norm in norms if norm > 0}):
        axes.plot(*circle_points(radius), color=theme.line, linewidth=0.7, linestyle=":", zorder=1)
    theta = np.sort(np.asarray(angles(model.W))[norms > 1e-9])
    if 2 <= len(theta) <= 8:
        for low, high in zip(theta, [*theta[1:], theta[0] + 2 * np.pi], strict=True):
            middle, near = (low + high) / 2, 0.34 * float(norms.max())
            arc = np.linspace(low + 0.06, high - 0.06, 40)
            axes.plot(0.6 * near * np.cos(arc), 0.6 * near * np.sin(arc), color=theme.faint, linewidth=0.9)
            axes.text(
                near * np.cos(middle), near * np.sin(middle), f"{np.degrees(high - low):.0f}°",
                ha="center", va="center", color=theme.ink, fontsize=7,
            )  # fmt: skip
    return drawn
