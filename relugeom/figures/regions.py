"""Where in the latent space each axis is given back: sampled, exact, in failed solutions, in three dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.autoencoder.constructions import polygon, sensitive_polygon, simplex
from relugeom.autoencoder.criterion import recovered_axes
from relugeom.autoencoder.model import Parameters, encode, loss, reconstruct
from relugeom.autoencoder.polyhedra import polyhedral_zones
from relugeom.figures.draw import (
    Floats,
    Space,
    biases,
    empty_plane,
    feature_arrows,
    new_figure,
    region_map,
    view_window,
)
from relugeom.figures.recordings import failure
from relugeom.figures.registry import figure
from relugeom.figures.style import COLUMN, LIGHT, PAGE, Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["failure_of_eight", "failure_of_seven", "regions", "regions_in_space", "sampled_regions", "zones_over_bias"]


def _pentagon() -> Parameters:
    return sensitive_polygon(5, radius=1.2, phase=np.pi / 2)


@figure(
    "regions-sampled",
    "Axis regions, from samples",
    """Latent vectors of 20 000 random inputs x ∈ [0, 1]ⁿ; those whose reconstruction has a single positive entry are
    coloured by its axis, the rest are grey. The regions show only where samples fall.""",
    latent=(2, 2),
    features=(2, 24),
)
def sampled_regions(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The post's method: sample, encode, decode, colour."""
    model = _pentagon() if model is None else model
    n = model.W.shape[1]
    X = np.random.default_rng(0).random((20_000, n))
    H, positive = encode(model, X), reconstruct(model, X) > 1e-9
    alone = positive.sum(axis=1) == 1
    drawn = new_figure(COLUMN, 3.3)
    axes = drawn.add_subplot()
    empty_plane(axes, view_window(model.W), theme)
    # Thousands of dots go into the file as one picture, whatever its format.
    axes.scatter(*H[~alone][:4000].T, color=theme.line, s=1, linewidths=0, rasterized=True, zorder=1)
    for i in range(n):
        axes.scatter(*H[alone & positive[:, i]].T, color=theme.feature(i), s=3, linewidths=0, rasterized=True, zorder=2)
    feature_arrows(axes, model.W, theme)
    return drawn


@figure(
    "regions",
    "Axis regions, exactly",
    """Five features in the plane. Thin lines are where an output changes between zero and positive; they cut the plane
    into cells. In a coloured cell one output alone is positive, and everything in it is decoded onto that feature's
    axis.""",
    latent=(2, 2),
    features=(1, 24),
)
def regions(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The exact cells and zones of the plane."""
    model = _pentagon() if model is None else model
    drawn = new_figure(COLUMN, 3.3)
    region_map(drawn.add_subplot(), model, theme, view_window(model.W))
    return drawn


@figure(
    "regions-over-bias",
    "What the bias does to the regions",
    """Five features on a circle, the same W under four biases. At b = 0 no axis is given back: neighbours overlap.
    From b = −cos 72° ‖w‖² on each feature lies in its own zone; a stronger bias moves the zones outwards, past the
    features.""",
    latent=(2, 2),
    features=(1, 24),
)
def zones_over_bias(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The regions of W under multiples of its bias."""
    model = Parameters(polygon(5, 1.0, np.pi / 2), np.full(5, -np.cos(np.radians(72)))) if model is None else model
    drawn = new_figure(PAGE, 2.1)
    for axes, factor in zip(drawn.subplots(1, 4), (0.0, 0.5, 1.0, 2.0), strict=True):
        b = factor * biases(model)
        region_map(axes, Parameters(model.W, b), theme, view_window(model.W), names=False)
        shown = f"$b = {b[0] + 0.0:.2f}$" if np.ptp(b) < 1e-12 else f"{factor:g} $b$"
        axes.set_title(shown)
    return drawn


def _solution(model: Parameters, theme: Theme) -> Figure:
    """The regions of a solution, with norms and biases beside it."""
    n = model.W.shape[1]
    drawn = new_figure(PAGE, 3.4)
    left, right = drawn.subplots(1, 2, width_ratios=(1, 1.05))
    region_map(left, model, theme, view_window(model.W))
    total = n * float(loss(model, np.eye(n)))
    kept = recovered_axes(*model, tolerance=1e-6)
    left.set_title(f"{int(kept.sum())} of {n} axes recovered, Σ loss = {abs(round(total, 4)):g}")
    places = np.arange(n)
    norms = np.hypot(*model.W)
    right.bar(places - 0.2, norms, 0.38, color=[theme.feature(i) for i in range(n)])
    b = biases(model)
    right.bar(places + 0.2, b, 0.38, facecolor="none", edgecolor=[theme.feature(i) for i in range(n)], hatch="////")
    right.axhline(0, color=theme.faint, linewidth=0.8)
    top = max(float(norms.max()), 0.1)
    for i in places:
        right.text(i, 1.04 * top, "recovered" if kept[i] else "lost", rotation=90, ha="center", va="bottom", fontsize=7,
                   color=theme.good if kept[i] else theme.bad)  # fmt: skip
    right.set(xticks=places, xlabel="feature", xlim=(-0.6, n - 0.4))
    right.set_ylim(1.08 * min(float(b.min()), -0.1), 1.5 * top + 0.2 * abs(float(b.min())))
    right.set_title("norm $\\|w_i\\|$ (filled) and bias $b_i$ (hatched)")
    return drawn


@figure(
    "failure-8",
    "A failed solution with eight features",
    """A critical point where gradient descent stopped. Three features are given back; for the other five every output
    is zero on their axes, so no gradient reaches them. Their lines still clip the zones of the others, at right
    angles to the short vectors.""",
    latent=(2, 2),
    features=(1, 16),
)
def failure_of_eight(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The recorded solution for n = 8, with its regions."""
    return _solution(failure(8) if model is None else model, theme)


@figure(
    "failure-7",
    "A lopsided solution with seven features",
    """Gradient descent from another start: every axis is given back, with zero loss, by features of unequal length and
    spacing. Being on one circle is not what zero loss asks for.""",
    latent=(2, 2),
    features=(1, 16),
)
def failure_of_seven(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The recorded solution for n = 7, with its regions."""
    return _solution(failure(7) if model is None else model, theme)


@figure(
    "regions-3d",
    "Zones of a three-dimensional latent space",
    """Four features at the corners of a tetrahedron with b = −0.2. In each coloured polyhedron, cut off at the walls
    of a cube, one output alone is positive. Left from one side, right from the opposite one.""",
    latent=(3, 3),
    features=(1, 12),
)
def regions_in_space(model: Parameters | None = None, *, theme: Theme = LIGHT) -> Figure:
    """The zones of every feature as polyhedra, drawn from back to front."""
    model = Parameters(simplex(3), np.full(4, -0.2)) if model is None else model
    window = 1.3 * (float(np.linalg.norm(model.W, axis=0).max()) or 1.0)
    faces = [
        (corners, zone.axis)
        for zone in polyhedral_zones(*model, window=window)
        if zone is not None
        for corners in zone.faces
    ]
    drawn = new_figure(PAGE, 3.5)
    for axes, (elevation, azimuth) in zip(drawn.subplots(1, 2), ((18, 25), (-18, 205)), strict=True):
        space = Space(axes, theme, elevation, azimuth)
        for edge in _cube_edges(window):
            space.polyline(edge, theme.line, linewidth=0.6, zorder=0.5)
        behind = sorted(faces, key=lambda face: space.depth(face[0]))
        for order, (corners, i) in enumerate(behind):
            colour = theme.feature(i if i is not None else 0)
            space.face(corners, colour, 0.28, colour, zorder=1 + order / len(behind))
        for i, w in enumerate(model.W.T):
            space.arrow(w, theme.feature(i), f"$w_{{{i}}}$")
        axes.autoscale_view()
    return drawn


def _cube_edges(r: float) -> list[Floats]:
    corners: Any = np.array([[x, y, z] for x in (-r, r) for y in (-r, r) for z in (-r, r)])
    return [corners[[a, b]] for a in range(8) for b in range(a) if np.count_nonzero(corners[a] != corners[b]) == 1]
