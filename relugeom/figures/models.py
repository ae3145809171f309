"""Pictures of any model: norms beside interference, dimensionality, features in space, the graph of their overlaps.

They take any m and up to 10,000 features, of which the longest stand in front.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.autoencoder.constructions import polygon
from relugeom.autoencoder.model import Parameters
from relugeom.figures.draw import Floats, Space, circle_points, feature_name, new_figure
from relugeom.figures.registry import figure
from relugeom.figures.style import COLUMN, LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FRACTIONS", "antiprism", "dimensionality", "hull_edges", "interference", "overlaps", "space"]

FRACTIONS = tuple(Fraction(*pair) for pair in ((1, 1), (2, 3), (1, 2), (2, 5), (3, 8), (1, 3), (1, 4)))
"""Dimensionalities of regular figures: alone, triangle, pair, pentagon, antiprism, hexagon, octagon in the plane."""

_ANY = (1, 100_000)
_MOST_FEATURES = (1, 10_000)
_MOST_BARS = 40


def antiprism() -> Floats:
    """The square antiprism, shape (3, 8): two squares, one turned by 45° against the other, at heights ±1/√3.

    At these heights WWᵀ is a multiple of 1, so that every feature has 3/8 of a dimension.
    """
    turn = np.arange(8) * np.pi / 4
    z = (-1.0) ** np.arange(8) / np.sqrt(3)
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(turn), radius * np.sin(turn), z])


def _example() -> Parameters:
    """Two pentagons with short and long features."""
    W = np.zeros((4, 12))
    W[:2, :5] = polygon(5)
    W[2:, 5:10] = 0.8 * polygon(5)
    W[0, 10], W[3, 11] = 0.2, 0.1
    return Parameters(W, np.zeros(12))


def _by_norm(W: Floats) -> tuple[Floats, Any]:
    """The norms, falling, and which feature has each."""
    norms = np.linalg.norm(W, axis=0)
    order = np.argsort(-norms, kind="stable")
    return norms[order], order


def _overlaps(W: Floats) -> tuple[Floats, Floats]:
    """‖w_i‖² and Σ_j (w_i·w_j)² = w_iᵀ (WWᵀ) w_i."""
    return np.einsum("ki,ki->i", W, W), np.einsum("ki,ki->i", (W @ W.T) @ W, W)


@figure(
    "interference",
    "Norms beside interference",
    """For each feature, longest first, its norm ‖w_i‖ and beside it the interference Σ_j≠i (ŵ_i·w_j)²: what the other
    features put on its direction. A feature with a direction of its own has none.""",
    latent=_ANY,
    features=_MOST_FEATURES,
)
def interference(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """Bars for a few features, curves for many."""
    W = (_example() if model is None else model).W
    norms, order = _by_norm(W)
    squares, overlap = _overlaps(W)
    beside = np.divide(overlap, squares, out=np.zeros_like(squares), where=squares > 0) - squares
    beside = np.maximum(beside, 0.0)[order]
    n = len(norms)
    drawn = new_figure(COLUMN, 2.6)
    left, right = drawn.subplots(1, 2, sharey=True)
    for axes, values, title in ((left, norms, "$\\|w_i\\|$"), (right, beside, "interference")):
        if n <= _MOST_BARS:
            axes.barh(range(n), values, color=[theme.feature(int(i)) for i in order], height=0.75)
        else:
            axes.plot(values, range(n), color=theme.feature(0), linewidth=1)
            axes.fill_betweenx(range(n), values, color=theme.feature(0), alpha=0.25, linewidth=0)
        axes.set(xlabel=title, ylim=(n - 0.5, -0.5), xlim=(0, None))
    if n <= 24:
        left.set_yticks(range(n), [feature_name(int(i)) for i in order])
    left.set_ylabel("feature" if n <= 24 else "features, longest first")
    return drawn


@figure(
    "dimensionality",
    "How much of a dimension each feature has",
    """D_i = ‖w_i‖² / Σ_j (ŵ_i·w_j)², longest features first, among the values of regular figures: 1 alone, 2/3 in a
    triangle, 1/2 in a pair, 2/5 in a pentagon, 3/8 in a square antiprism, 1/3 in a hexagon.""",
    latent=_ANY,
    features=_MOST_FEATURES,
)
def dimensionality(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """D by rank of the norm."""
    W = (_example() if model is None else model).W
    _, order = _by_norm(W)
    squares, overlap = _overlaps(W)
    D = np.divide(squares**2, overlap, out=np.zeros_like(squares), where=overlap > 0)[order]
    n = len(D)
    drawn = new_figure(COLUMN, 2.6)
    axes = drawn.add_subplot()
    for fraction in FRACTIONS:
        axes.axhline(float(fraction), color=theme.line, linewidth=0.7, zorder=0.5)
        aside = 17 if fraction == Fraction(3, 8) else 3  # 2/5 is just above
        axes.annotate(
            str(fraction), xy=(1, float(fraction)), xycoords=("axes fraction", "data"), xytext=(aside, 0),
            textcoords="offset points", va="center", fontsize=6.5, color=theme.faint,
        )  # fmt: skip
    colours = [theme.feature(int(i)) for i in order] if n <= _MOST_BARS else theme.feature(0)
    axes.scatter(range(n), D, c=colours, s=22 if n <= _MOST_BARS else 3, linewidths=0, zorder=2, rasterized=n > 2000)
    axes.set(
        xlabel="features, longest first", ylabel="$D_i$", ylim=(-0.02, 1.05), xlim=(-0.02 * n - 0.5, 1.02 * n - 0.5)
    )
    return drawn


def hull_edges(W: Floats) -> list[tuple[int, int]]:
    """The edges of the convex hull of the columns, without those inside a flat face."""
    from scipy.spatial import ConvexHull, QhullError

    if W.shape[1] < 4:
        return []
    try:
        hull = ConvexHull(W.T)
    except QhullError:  # all in one plane
        return []
    edges = set()
    for triangle, near, facet in zip(hull.simplices, hull.neighbors, hull.equations, strict=True):
        for k in range(3):
            # Neighbour k lies across from corner k; two triangles of one plane are one face.
            if not np.allclose(hull.equations[near[k]], facet, atol=1e-6):
                i, j = sorted(int(corner) for corner in np.delete(triangle, k))
                edges.add((i, j))
    return sorted(edges)


@figure(
    "space",
    "Features in three dimensions",
    """The columns of W seen from a side, and the edges of the polyhedron that they span: here the square antiprism,
    eight features that each have 3/8 of a dimension. `relugeom inspect --html` writes a page on which it can be
    turned.""",
    latent=(3, 3),
    features=(1, 200),
)
def space(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """Arrows and the edges of their hull."""
    W = antiprism() if model is None else model.W
    drawn = new_figure(COLUMN, 3.2)
    view = Space(drawn.add_subplot(), theme, 20, 31)
    for i, j in hull_edges(W):
        view.polyline([W[:, i], W[:, j]], theme.faint, linewidth=0.7, zorder=1)
    for i in range(W.shape[1]):
        view.arrow(W[:, i], theme.feature(i), feature_name(i) if W.shape[1] <= 24 else "")
    view.axes.autoscale_view()
    return drawn


@figure(
    "overlaps",
    "Which features overlap",
    """The features on a circle, joined where |ŵ_i·ŵ_j| is above 0.1: the thicker and darker, the more they share a
    direction. Red joins features that point apart. Groups of features that share dimensions among themselves stand out
    as clusters.""",
    latent=_ANY,
    features=(2, 80),
)
def overlaps(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The graph of |ŵ_i·ŵ_j|."""
    W = (_example() if model is None else model).W
    n = W.shape[1]
    norms = np.linalg.norm(W, axis=0)
    unit = W / np.where(norms > 0, norms, 1.0)
    cosines = unit.T @ unit
    places = circle_points(1.0, n + 1)[:, :n]
    drawn = new_figure(COLUMN, 3.2)
    axes = drawn.add_subplot()
    axes.set_aspect("equal")
    axes.set(xlim=(-1.22, 1.22), ylim=(-1.22, 1.22))
    axes.set_axis_off()
    for i in range(n):
        for j in range(i):
            share = abs(float(cosines[i, j]))
            if share > 0.1:
                colour = theme.feature(0) if cosines[i, j] > 0 else theme.bad
                axes.plot(*places[:, [i, j]], color=colour, linewidth=2.4 * share, alpha=min(share, 1.0), zorder=1)
    sizes = 12 + 60 * norms / max(float(norms.max()), 1e-12)
    axes.scatter(*places, s=sizes, c=[theme.feature(i) for i in range(n)], linewidths=0, zorder=2)
    if n <= 40:
        for i, (x, y) in enumerate(places.T):
            axes.text(1.13 * x, 1.13 * y, str(i), ha="center", va="center", fontsize=6.5, color=theme.faint)
    return drawn
