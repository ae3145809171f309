"""The pictures of *Toy Models of Superposition*: features, polytopes, phases, companions, energy levels, packings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from relugeom.autoencoder.geometry import column_norms, feature_dimensionality
from relugeom.autoencoder.linear import least_linear_loss
from relugeom.autoencoder.polytopes import POLYTOPES, polytopes
from relugeom.figures.draw import Space, arrow, empty_plane, feature_name, new_figure
from relugeom.figures.style import PAGE, Theme, house_style

if TYPE_CHECKING:
    from relugeom.studies.companions import PairCase
    from relugeom.studies.levels import Levels
    from relugeom.studies.packing import Packing
    from relugeom.studies.phases import PhaseDiagram
    from relugeom.studies.toy_models import ToyRow

__all__ = ["companions", "dimensions", "levels", "linear", "packing", "phases", "superposition"]

_ACROSS = 4


def superposition(rows: Sequence[ToyRow], theme: Theme) -> Any:
    """The best model of every sparsity: its features in the plane (for m = 2), their norms, their dimensionality.

    Norms are bars from 0; a bar's darker part is the share of a dimension that the feature has to itself,
    D_i = ‖w_i‖² / Σ_j (ŵ_i·w_j)². Features are in the order of their importance.

    Parameters
    ----------
    rows : sequence of ToyRow
        The first 12 are drawn, four per line.
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    shown = rows[:12]
    plane = shown[0].models.W.shape[-2] == 2
    lines = -(-len(shown) // _ACROSS)
    with house_style(theme):
        figure = new_figure(PAGE, lines * (2.7 if plane else 1.3))
        heights = [1.7, 1.0] if plane else [1.0]
        grid = figure.subplots(
            lines * len(heights), min(_ACROSS, len(shown)), squeeze=False, height_ratios=heights * lines
        )
        reach = 1.35 * max(float(np.asarray(column_norms(row.best.W)).max()) for row in shown)
        for axes in grid.ravel():
            axes.set_visible(False)
        for place, row in enumerate(shown):
            line, column = divmod(place, _ACROSS)
            cell = grid[line * len(heights) : (line + 1) * len(heights), column]
            for axes in cell:
                axes.set_visible(True)
            W = np.asarray(row.best.W)
            if plane:
                empty_plane(cell[0], reach, theme)
                for i, w in enumerate(W.T):
                    if np.hypot(*w) < 0.2:  # an arrow would be all head, and names would lie on top of each other
                        cell[0].plot(*w, "o", color=theme.feature(i), markersize=2)
                        continue
                    arrow(cell[0], (0, 0), tuple(w), theme.feature(i))
                    cell[0].text(*(1.2 * w), feature_name(i), ha="center", va="center", fontsize=6.5)
            _bars(cell[-1], W, theme, reach)
            cell[0].set_title(f"$1 - S = {row.law.density:.3g}$")
            if column == 0:
                cell[-1].set_ylabel("norm")
    return figure


def _bars(axes: Any, W: Any, theme: Theme, reach: float) -> None:
    norms, share = np.asarray(column_norms(W)), np.asarray(feature_dimensionality(W))
    n = W.shape[1]
    colours = [theme.feature(i) for i in range(n)]
    axes.bar(range(n), norms, color=colours, alpha=0.35)
    axes.bar(range(n), norms * share, color=colours)
    axes.set_ylim(0, reach)
    axes.set_xticks([])
    axes.tick_params(labelleft=axes.get_subplotspec().is_first_col())
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


_PLATEAUS = {
    1.0: "1 own dimension",
    3 / 4: "3/4 tetrahedron",
    2 / 3: "2/3 triangle",
    1 / 2: "1/2 digon",
    2 / 5: "2/5 pentagon",
    3 / 8: "3/8 square antiprism",
    0.0: "0",
}


def _plateaus(axes: Any, theme: Theme) -> None:
    """Thin lines at the dimensionalities that polytopes have, named on the right."""
    for value, name in _PLATEAUS.items():
        axes.axhline(value, color=theme.line, linewidth=0.6, zorder=0)
        above = 0.012 if value == 2 / 5 else -0.012 if value == 3 / 8 else 0
        axes.text(
            1.01,
            value + above,
            name,
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=6.5,
            color=theme.faint,
        )


def dimensions(rows: Sequence[ToyRow], theme: Theme) -> Any:
    """Over 1/(1 − S): features per dimension, the dimensionality of every feature, and how many are in which polytope.

    Parameters
    ----------
    rows : sequence of ToyRow
        The best model of each is shown.
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = sorted(rows, key=lambda row: -row.law.density)
    rarity = np.array([1 / row.law.density for row in rows])
    with house_style(theme):
        figure = new_figure(PAGE, 6.4)
        top, middle, bottom = figure.subplots(3, 1, sharex=True, height_ratios=[1, 1.6, 1.1])
        m = rows[0].best.W.shape[0]
        per_dimension = [float((np.asarray(row.best.W) ** 2).sum()) / m for row in rows]
        top.plot(rarity, per_dimension, "o-", color=theme.ink, markersize=2.5, linewidth=1)
        top.set_ylabel("features per dimension,\n$\\Vert W\\Vert_F^2/m$")
        middle.set_ylabel("dimensionality $D_i$")
        bottom.set_ylabel("share of the features")
        named = dict(zip(POLYTOPES.values(), range(len(POLYTOPES)), strict=True))
        counts = []
        for x, row in zip(rarity, rows, strict=True):
            W = np.asarray(row.best.W)
            share, count = np.asarray(feature_dimensionality(W)), Counter[str]()
            colours = [theme.faint] * W.shape[1]
            for polytope in polytopes(W):
                count[polytope.name if polytope.name in named else "other"] += len(polytope.features)
                for i in polytope.features:
                    colours[i] = theme.feature(named[polytope.name]) if polytope.name in named else theme.ink
            counts.append(count)
            beside = np.geomspace(0.985, 1.015, W.shape[1])  # apart, so that equal ones can be seen
            middle.scatter(x * beside, share, s=5, c=colours, linewidths=0, alpha=0.75)
        _plateaus(middle, theme)
        middle.set_ylim(-0.03, 1.06)
        n, floor = rows[0].law.n, np.zeros(len(rows))
        for name in (*named, "other"):
            part = np.array([count[name] / n for count in counts])
            if part.any():
                colour = theme.feature(named[name]) if name in named else theme.ink
                bottom.fill_between(rarity, floor, floor + part, color=colour, alpha=0.7, linewidth=0, label=name)
                floor = floor + part
        bottom.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
        bottom.set_ylim(0, 1)
        bottom.set_xscale("log")
        bottom.set_xlabel("$1/(1 - S)$")
    return figure


def linear(rows: Sequence[ToyRow], theme: Theme) -> Any:
    """The least loss of each law beside that of the best linear model, both as shares of the loss of predicting 0.

    Parameters
    ----------
    rows : sequence of ToyRow
        Without groups, or with equal importances.
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    rows = sorted(rows, key=lambda row: -row.law.density)
    m = rows[0].best.W.shape[0]
    density = [row.law.density for row in rows]
    unit = np.array([row.law.weights.sum() * row.law.density * _second(row.law.values) for row in rows])
    with house_style(theme):
        figure = new_figure(PAGE / 2, 2.6)
        axes = figure.subplots()
        least = np.array([least_linear_loss(row.law, m) for row in rows])
        axes.plot(density, least / unit, "s-", color=theme.faint, markersize=3, label="linear (PCA), exact")
        found = np.array([row.losses[0] for row in rows])
        axes.plot(density, found / unit, "o-", color=theme.feature(0), markersize=3, label="ReLU, best trained")
        axes.set_xscale("log")
        axes.invert_xaxis()
        axes.set_ylim(0, None)
        axes.set_xlabel("density $1 - S$")
        axes.set_ylabel("loss, in units of that of $x' = 0$")
        axes.legend()
    return figure


def _second(values: str) -> float:
    """E x² of a present feature."""
    return 1.0 if values == "one" else 1 / 3


def phases(diagrams: Sequence[PhaseDiagram], theme: Theme) -> Any:
    """What becomes of one more feature over its importance and density: exact with its boundaries, and trained.

    Parameters
    ----------
    diagrams : sequence of PhaseDiagram
        One line of two panels each.
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    from relugeom.studies.phases import OUTCOMES

    colours = [theme.line, theme.feature(0), theme.feature(1)]
    with house_style(theme):
        figure = new_figure(PAGE, 3.1 * len(diagrams) + 0.3)
        grid = figure.subplots(len(diagrams), 2, squeeze=False, sharex=True, sharey=True)
        for line, diagram in zip(grid, diagrams, strict=True):
            r, p = _edges(diagram.importances), _edges(diagram.densities)
            panels = (("exact", diagram.exact), (f"trained ({diagram.agreement:.0%} the same)", diagram.trained))
            for axes, (title, outcomes) in zip(line, panels, strict=True):
                axes.pcolormesh(r, p, outcomes, cmap=ListedColormap(colours), vmin=-0.5, vmax=2.5, alpha=0.75)
                for pair in sorted({(edge.below, edge.above) for edge in diagram.boundaries}):
                    edges = [edge for edge in diagram.boundaries if (edge.below, edge.above) == pair]
                    for run in _runs(edges, diagram.densities):
                        axes.plot(*zip(*((e.r, e.p) for e in run), strict=True), ".-", color=theme.ink, markersize=2)
                axes.set_xscale("log")
                axes.set_yscale("log")
                axes.set_title(f"n = {diagram.n}, m = {diagram.n - 1}: {title}")
                axes.set_xlabel("importance of the last feature, the others' being 1")
            line[0].set_ylabel("density $1 - S$")
        figure.legend(
            handles=[Patch(color=c, alpha=0.75, label=o) for c, o in zip(colours, OUTCOMES, strict=True)],
            loc="outside lower center", ncols=3,
        )  # fmt: skip
    return figure


def _edges(centres: Any) -> Any:
    """The sides of cells around centres that are evenly spaced in their logarithms."""
    logs = np.log(centres)
    half = (logs[1] - logs[0]) / 2
    return np.exp(np.r_[logs - half, logs[-1] + half])


def _runs(edges: Sequence[Any], densities: Any) -> list[list[Any]]:
    """Boundaries at neighbouring densities, one line each; where a density has several, each is a point of its own."""
    lines: list[list[Any]] = []
    place = {float(p): k for k, p in enumerate(densities)}
    for edge in sorted(edges, key=lambda e: (e.p, e.r)):
        near = [line for line in lines if place[line[-1].p] == place[edge.p] - 1]
        if near:
            min(near, key=lambda line: abs(np.log(line[-1].r / edge.r))).append(edge)
        else:
            lines.append([edge])
    return lines


def companions(cases: Sequence[PairCase], theme: Theme) -> Any:
    """The best model of every case, and the cosines of the pairs in all seeds.

    Parameters
    ----------
    cases : sequence of PairCase
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    with house_style(theme):
        figure = new_figure(PAGE, 3.6)
        grid = figure.subplots(2, len(cases), squeeze=False, height_ratios=[2, 1])
        reach = 1.4 * max(float(np.asarray(column_norms(case.row.best.W)).max()) for case in cases)
        for (plane, bars), case in zip(grid.T, cases, strict=True):
            W = np.asarray(case.row.best.W)
            empty_plane(plane, reach, theme, case.name)
            for colour, pair in enumerate(case.pairs):
                for i in pair:
                    arrow(plane, (0, 0), tuple(W[:, i]), theme.feature(colour))
                one_tip = np.hypot(*(W[:, pair[0]] - W[:, pair[1]])) < 0.1 * reach
                named = {f"$w_{{{pair[0]},{pair[1]}}}$": pair[0]} if one_tip else {feature_name(i): i for i in pair}
                for name, i in named.items():
                    plane.text(*(1.2 * W[:, i]), name, ha="center", va="center", fontsize=6.5)
            cosines = case.cosines[~np.isnan(case.cosines)]
            bars.hist(cosines, bins=np.linspace(-1, 1, 41), color=theme.faint)
            bars.set_xlim(-1.05, 1.05)
            bars.set_xlabel(f"cosine of a pair, {len(case.cosines)} seeds")
    return figure


def levels(run: Levels, theme: Theme) -> Any:
    """Loss above, dimensionality of every feature below, over the steps.

    Parameters
    ----------
    run : Levels
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    with house_style(theme):
        figure = new_figure(PAGE, 4.4)
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[1, 2])
        top.plot(run.steps, run.losses, color=theme.ink)
        top.set_ylabel("loss")
        for i, course in enumerate(run.dimensionality.T):
            bottom.plot(run.steps, course, color=theme.feature(i), linewidth=0.9, alpha=0.8)
        _plateaus(bottom, theme)
        bottom.set_ylim(-0.03, 1.06)
        bottom.set_ylabel("dimensionality $D_i$")
        bottom.set_xlabel("step")
    return figure


def packing(rows: Sequence[Packing], theme: Theme) -> Any:
    """The best models of every n in space (for m = 3), and their largest cosines beside the best spherical codes.

    Parameters
    ----------
    rows : sequence of Packing
    theme : Theme

    Returns
    -------
    matplotlib.figure.Figure
    """
    space = rows[0].model.W.shape[0] == 3
    with house_style(theme):
        lines = -(-len(rows) // _ACROSS) if space else 0
        figure = new_figure(PAGE, 1.8 * lines + 2.4)
        grid = figure.add_gridspec(lines + 1, _ACROSS, height_ratios=[1.8] * lines + [2.4])
        for place, row in enumerate(rows if space else ()):
            _solid(Space(figure.add_subplot(grid[divmod(place, _ACROSS)]), theme, 22, 35, f"n = {row.n}"), row, theme)
        axes = figure.add_subplot(grid[lines, :])
        sizes = [row.n for row in rows]
        axes.plot(sizes, [row.largest_cosine for row in rows], "o", color=theme.feature(0), label="best model")
        best = [row.code_cosine for row in rows]
        axes.plot(sizes, best, "_", color=theme.ink, markersize=12, label="best spherical code found")
        axes.set_xlabel("n")
        axes.set_ylabel("largest cosine")
        axes.legend()
    return figure


def _solid(space: Space, row: Packing, theme: Theme) -> None:
    """The features as arrows, and the sides of their convex hull."""
    from scipy.spatial import ConvexHull

    W = np.asarray(row.model.W)
    for i, w in enumerate(W.T):
        space.arrow(w, theme.feature(i), width=1.2)
    for corners in ConvexHull(W.T).simplices:
        space.polyline(W.T[[*corners, corners[0]]], theme.line, linewidth=0.6, zorder=0)
