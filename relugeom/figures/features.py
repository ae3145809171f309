"""How features share the plane: polygons, hypercubes, wheels, the Gram matrix, two circles."""

from __future__ import annotations

import itertools
from math import acos, atan2, pi
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.autoencoder.constructions import antipodal_pairs, polygon, sensitive_polygon, zero_loss_polygon
from relugeom.autoencoder.geometry import circles
from relugeom.autoencoder.model import Parameters, gram
from relugeom.figures.draw import (
    Floats,
    Space,
    biases,
    circle_points,
    empty_plane,
    feature_arrows,
    new_figure,
)
from relugeom.figures.recordings import failure, latent_vectors
from relugeom.figures.registry import figure
from relugeom.figures.style import COLUMN, LIGHT, PAGE, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "crowded_wheel",
    "gram_matrix",
    "latent_vectors_over_T",
    "polygons",
    "shifted_wheel",
    "splat",
    "two_circles",
    "wheel",
]


@figure(
    "latent-vectors",
    "From memorising to generalising",
    """Models trained on T sparse examples of 60 features. Above, the latent vectors h = Wx of the examples (at most
    300); below, the columns of W. With few examples each gets a direction of its own and the features are a blur;
    with many it is the other way round. Each panel has its own scale, given by the dotted circle of radius 1.""",
)
def latent_vectors_over_T(*, theme: Theme = LIGHT) -> Figure:
    """Hidden vectors and features of trained models, by the size of the data set."""
    from matplotlib.collections import LineCollection

    rows = latent_vectors()
    drawn = new_figure(PAGE, 2.75)
    panels = drawn.subplots(2, len(rows))
    for column, row in enumerate(rows):
        for axes, points in zip(panels[:, column], (row.examples, row.features), strict=True):
            empty_plane(axes, 1.15 * float(np.hypot(*points.T).max()), theme)
            axes.plot(*circle_points(1.0), color=theme.faint, linewidth=0.7, linestyle=":", zorder=1)
            colours = [theme.feature(i if len(points) <= 12 else 0) for i in range(len(points))]
            rays = [((0, 0), point) for point in points]
            axes.add_collection(LineCollection(rays, colors=colours, linewidths=0.7, alpha=0.55, zorder=2))
            axes.scatter(*points.T, c=colours, s=5, linewidths=0, zorder=3)
        panels[0, column].set_title(f"$T = {row.T}$")
    for axes, name in zip(panels[:, 0], ("examples", "features"), strict=True):
        axes.set_ylabel(name)
    return drawn


@figure(
    "polygons",
    "Any number of features on one circle",
    """The smallest regular polygons with ReLU(WᵀW + b) = I, to one scale: radius² = 1/(1 − cos 2π/n), bias 1 −
    radius². Every n works; the circle grows like n/(π√2) and the zones around the features get thin.""",
)
def polygons(*, theme: Theme = LIGHT) -> Figure:
    """Zero-loss polygons for growing n."""
    sizes = (3, 4, 5, 6, 7, 8, 12, 16)
    drawn = new_figure(PAGE, 4.2)
    window = 1.2 * float(np.hypot(*zero_loss_polygon(sizes[-1]).W).max())
    for axes, n in zip(drawn.subplots(2, 4).flat, sizes, strict=True):
        model = zero_loss_polygon(n, phase=pi / 2)
        W, b = model.W, biases(model)
        r = float(np.hypot(*W[:, 0]))
        empty_plane(axes, window, theme, f"$n = {n}$")
        axes.plot(*circle_points(r), color=theme.line, linewidth=0.7, linestyle=":")
        feature_arrows(axes, W, theme, names=False, width=1.1)
        shown = f"radius {r:.2f}, bias {b[0] + 0.0:.2f}".replace("bias -0.00", "bias 0").replace("-", "−")
        axes.text(0, -1.02 * window, shown, ha="center", va="top", color=theme.faint, fontsize=7)
    return drawn


@figure(
    "splat",
    "Hypercubes on the plane",
    """The unit cube [0, 1]ⁿ mapped to the plane by h = Wx, with the columns of W, the images of the axis vectors, in
    colour: the antipodal pairs for n = 4, regular polygons for the rest. Every corner of the cube is a sum of
    columns.""",
    latent=(2, 2),
    features=(2, 10),
)
def splat(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The edges of the cube in the plane, under the columns of W."""
    if model is not None:
        drawn = new_figure(COLUMN, 3.3)
        _splat(drawn.add_subplot(), model.W, theme, f"$n = {model.W.shape[1]}$", 2.9)
        return drawn
    drawn = new_figure(PAGE, 4.9)
    for axes, n in zip(drawn.subplots(2, 3).flat, range(3, 9), strict=True):
        W = antipodal_pairs(2) if n == 4 else polygon(n, phase=pi / 2)
        _splat(axes, W, theme, f"$n = {n}$")
    return drawn


def _splat(axes: Any, W: Floats, theme: Theme, title: str, inches: float = 2.0) -> None:
    from matplotlib.collections import LineCollection

    n = W.shape[1]
    corners = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    seen = corners @ W.T
    edges = [(seen[k], seen[k | 1 << i]) for k in range(2**n) for i in range(n) if not k >> i & 1]
    window = 1.2 * max(float(np.abs(seen).max()), 1e-9)
    empty_plane(axes, window, theme, title)
    axes.add_collection(LineCollection(edges, colors=theme.faint, linewidths=0.5, alpha=0.3 if n > 5 else 0.6))
    feature_arrows(axes, W, theme, width=1.8, inches=inches)


def _wheel_in_space(axes: Any, theme: Theme, shift: float, title: str) -> None:
    """The disc of z = Wᵀh + b, |h| ≤ 1, for three features, among the axes; spokes coloured where their
    output is on."""
    space = Space(axes, theme, 20, 31, title)
    W, b = polygon(3), np.full(3, shift)
    space.face(circle_points(1.0).T @ W + b, theme.feature(4), 0.12, theme.faint)
    space.half_axes(1.45, coloured=False)
    threshold = min(-shift, 1.0)  # b_i + a‖w_i‖² > 0 from here on
    for i, z in enumerate(W.T @ W + b):
        turn = b + threshold * (z - b)
        space.polyline([b, turn], theme.faint, linewidth=2, zorder=3)
        if threshold < 1:
            space.arrow(z, theme.feature(i), f"$w_{i}$", start=turn, width=2.4)
        else:
            space.arrow(z, theme.faint, f"$w_{i}$", start=b, width=2)
    space.dots([b], theme.ink, 12, zorder=5)
    space.axes.autoscale_view()
    space.axes.annotate(
        "$b$", xy=space.flat(b), xytext=(0, -9), textcoords="offset points", ha="center", va="center", zorder=6
    )


@figure(
    "wheel",
    "A bias moves the wheel",
    """The features as spokes of a wheel in the space of pre-activations, z = Wᵀw_i + b. A strongly negative bias moves
    the hub b to where every output is negative: ReLU returns 0 for all three, and nothing is left of them.""",
)
def wheel(*, theme: Theme = LIGHT) -> Figure:
    """The wheel far in the negative octant."""
    drawn = new_figure(COLUMN, 3.0)
    _wheel_in_space(drawn.add_subplot(), theme, -1.15, "$b = -1.15$: every output is negative")
    return drawn


@figure(
    "wheel-shifted",
    "The wheel, shifted just so",
    """Left, the hub at the origin; right, with a small negative bias. Only the tip of each spoke, coloured, is left in
    the region of its own axis: the feature is still given back, but only from an amplitude on, −b/‖w‖².""",
)
def shifted_wheel(*, theme: Theme = LIGHT) -> Figure:
    """The wheel at the origin, and moved so that only its tips stay positive."""
    drawn = new_figure(PAGE, 3.0)
    for axes, shift in zip(drawn.subplots(1, 2), (0.0, -0.5), strict=True):
        _wheel_in_space(axes, theme, shift, f"$b = {shift:g}$")
    return drawn


@figure(
    "wheel-crowded",
    "Eight features on the wheel",
    """Each column of dots holds the eight outputs for one axis vector. Without a bias, left, a feature's neighbours
    answer too (red). With b = −cos 45°, right, only its own output is positive (coloured), for all eight features
    at once.""",
    latent=(1, 64),
    features=(2, 16),
)
def crowded_wheel(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The responses WᵀW and WᵀW + b, feature by feature."""
    model = sensitive_polygon(8) if model is None else model
    n = model.W.shape[1]
    drawn = new_figure(PAGE, 2.7)
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, b, title in zip(panels, (np.zeros(n), biases(model)), ("without a bias", "with the bias"), strict=True):
        Z = gram(model.W) + b
        axes.axhline(0, color=theme.faint, linewidth=0.8)
        for i in range(n):
            for j in range(n):
                # A response of rounding size counts as the 0 it stands for.
                wrong = (Z[i, j] > 1e-9) != (i == j)
                colour = theme.bad if wrong else theme.feature(i) if i == j else theme.line
                marker = "X" if wrong else "o"
                axes.plot(i, Z[i, j], marker, color=colour, markersize=7 if i == j else 4.5, markeredgewidth=0)
        axes.set(title=title, xlabel="active feature $i$", xticks=range(n), xlim=(-0.6, n - 0.4))
    panels[0].set_ylabel("output $j$: $w_i\\cdot w_j + b_j$")
    return drawn


@figure(
    "gram",
    "WᵀW as a matrix",
    """The inner products of the features: for regular polygons, cosines. The largest entry of each row is outlined,
    and in the polygon it is the diagonal. A bias between the largest and the second largest entry leaves the
    diagonal alone. More than 40 features stand in the order of their norms, and of more than 400 a square shows the
    entry of the largest size in it.""",
    latent=(1, 100_000),
    features=(1, 10_000),
)
def gram_matrix(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """WᵀW with the maximum of every row outlined."""
    from matplotlib.patches import Rectangle

    W = polygon(10) if model is None else model.W
    n = W.shape[1]
    drawn = new_figure(COLUMN if n <= 12 else PAGE, 2.9 if n <= 12 else 5.6)
    axes = drawn.add_subplot()
    G, extent, image = gram_image(axes, W, theme)
    for i in range(n if n <= 40 else 0):
        for j in range(n):
            if n <= 12:
                strong = abs(G[i, j]) > 0.6 * extent
                # Adding 0 turns −0.0 into 0.0; the dark theme's strong colours are light.
                axes.text(
                    j, i, f"{round(G[i, j], 1) + 0.0:.1f}", ha="center", va="center", fontsize=6,
                    color=theme.paper if strong else theme.ink,
                )  # fmt: skip
        for k in np.flatnonzero(G[i] >= G[i].max() - 1e-9):
            axes.add_patch(Rectangle((k - 0.46, i - 0.46), 0.92, 0.92, fill=False, edgecolor=theme.ink, linewidth=1.3))
    if n <= 40:
        ticks = range(0, n, 1 if n <= 12 else 5)
        axes.set(xticks=ticks, yticks=ticks)
    else:
        axes.set(xlabel="features, longest first", ylabel="features, longest first")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    bar = drawn.colorbar(image, ax=axes, shrink=0.85, label="$w_i\\cdot w_j$")
    bar.outline.set_visible(False)
    return drawn


def gram_image(axes: Any, W: Floats, theme: Theme, extent: float | None = None) -> tuple[Floats, float, Any]:
    """WᵀW as an image, 0 in the colour of the paper; the matrix, the modulus of the strongest colour, the image."""
    from matplotlib.colors import LinearSegmentedColormap

    n = W.shape[1]
    G = np.asarray(gram(W)) if n <= 40 else _sorted_gram(W)
    extent = (float(np.abs(G).max()) or 1.0) if extent is None else extent
    colours = LinearSegmentedColormap.from_list("house", (theme.feature(1), theme.paper, theme.feature(0)))
    image = axes.imshow(G, cmap=colours, vmin=-extent, vmax=extent, extent=(-0.5, n - 0.5, n - 0.5, -0.5))
    return G, extent, image


def _sorted_gram(W: Floats, most: int = 400) -> Floats:
    """WᵀW by falling norms; of more than `most` features, the entry of largest modulus in each of `most`² squares."""
    n = W.shape[1]
    columns = W[:, np.argsort(-np.linalg.norm(W, axis=0), kind="stable")]
    if n <= most:
        return np.asarray(gram(columns))
    bins = np.linspace(0, n, most + 1).astype(int)
    found = np.empty((most, most))
    for row, (start, stop) in enumerate(itertools.pairwise(bins)):
        part = columns[:, start:stop].T @ columns
        high = np.maximum.reduceat(part, bins[:-1], axis=1).max(axis=0)
        low = np.minimum.reduceat(part, bins[:-1], axis=1).min(axis=0)
        found[row] = np.where(high >= -low, high, low)
    return found


@figure(
    "two-circles",
    "Two circles, and the gap between them",
    """At zero loss two features of radii r < R need cos θ ≤ (r² − 1)/(rR). Left, the bound as an angle, for inner
    radius r and ratio R/r. Right, a trained model with two circles: the wedge around each inner feature is as wide
    as the bound demands, and no outer feature stands in it.""",
    latent=(2, 2),
    features=(2, 16),
)
def two_circles(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """θ ≥ arccos((r² − 1)/(rR)), as a curve and in a model."""
    from matplotlib.patches import Wedge

    model = failure(7) if model is None else model
    drawn = new_figure(PAGE, 3.2)
    left, right = drawn.subplots(1, 2, width_ratios=(1.15, 1))
    ratio = np.linspace(1, 2.5, 200)
    for k, r in enumerate((1.05, 1.2, 1.5, 2.0, 3.0)):
        theta = np.degrees(np.arccos((r**2 - 1) / (r**2 * ratio)))
        left.plot(ratio, theta, color=theme.feature(k))
        left.annotate(
            f"$r = {r:g}$",
            xy=(ratio[-1], theta[-1]),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    left.set(xlabel="$R/r$", ylabel="least angle $\\theta$ in degrees", xlim=(1, 2.8), ylim=(0, 92))
    left.set_xticks([1, 1.5, 2, 2.5])
    left.set_yticks([0, 30, 60, 90])
    left.grid(axis="y", linewidth=0.5)

    norms = np.hypot(*model.W)
    window = 1.25 * (float(norms.max()) or 1.0)
    empty_plane(right, window, theme, "inner features and their wedges")
    if not norms.any():
        return drawn
    live = np.flatnonzero(norms > 1e-2 * norms.max())
    found = circles(model.W[:, live], 0.02 * float(norms.max()))
    for radius in sorted(set(found.radii.tolist())):
        right.plot(*circle_points(radius), color=theme.faint, linewidth=0.7, linestyle=":")
    outer = float(found.radii.max())
    for i in live[found.labels < found.count - 1]:
        cosine = (norms[i] ** 2 - 1) / (norms[i] * outer)
        if -1 <= cosine <= 1:
            middle = np.degrees(atan2(model.W[1, i], model.W[0, i]))
            half = np.degrees(acos(cosine))
            right.add_patch(
                Wedge(
                    (0, 0), outer, middle - half, middle + half, facecolor=theme.feature(int(i)), alpha=0.16,
                    edgecolor=theme.feature(int(i)), linewidth=0.8,
                )
            )  # fmt: skip
    feature_arrows(right, model.W, theme)
    return drawn
