"""Cells and zones of the latent plane: exact, complete, and in agreement with sampling and with Qhull."""

from __future__ import annotations

from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import HalfspaceIntersection

from relugeom.autoencoder.constructions import antipodal_pairs_exact, polygon, rational_polygon, zero_loss_polygon
from relugeom.autoencoder.regions import (
    Amplitudes,
    _clip,
    _planar,
    _window,
    cells,
    default_window,
    recovered_amplitudes,
    zones,
)
from relugeom.errors import ArgumentError

entry = st.fractions(-2, 2, max_denominator=6)


@st.composite
def models(draw: st.DrawFn) -> tuple[list[list[F]], list[F]]:
    n = draw(st.integers(1, 6))
    row = st.lists(entry, min_size=n, max_size=n)
    return [draw(row), draw(row)], draw(row)


def active_at(W, b, x, y) -> frozenset[int]:
    return frozenset(j for j in range(len(b)) if W[0][j] * x + W[1][j] * y + b[j] > 0)


@given(models())
def test_cells_tile_the_window_with_the_right_activation(model) -> None:
    W, b = model
    found = cells(W, b, window=2)
    assert sum(cell.area for cell in found) == 16
    for cell in found:
        assert cell.area > 0
        centre_x = sum(p.x for p in cell.vertices) / len(cell.vertices)
        centre_y = sum(p.y for p in cell.vertices) / len(cell.vertices)
        assert active_at(W, b, centre_x, centre_y) == cell.active


@given(models())
def test_the_zone_of_a_feature_is_the_cell_where_it_is_alone(model) -> None:
    W, b = model
    alone = {cell.axis: cell.area for cell in cells(W, b, window=2) if cell.axis is not None}
    for zone in zones(W, b, window=2):
        assert zone.area == alone.get(zone.feature, 0)
        x, y = W[0][zone.feature], W[1][zone.feature]
        assert zone.contains_feature == (active_at(W, b, x, y) == {zone.feature})


@given(models(), st.integers(-8, 8), st.integers(-8, 8))
def test_zones_agree_with_sampling(model, x, y) -> None:
    W, b = model
    point = (F(x, 4), F(y, 4))
    only = active_at(W, b, *point)
    for zone in zones(W, b, window=2):
        if only == {zone.feature}:
            assert _inside(point, zone.vertices)


def _inside(point, vertices) -> bool:
    """In the closed convex polygon: never to the right of an edge."""
    x, y = point
    edges = zip(vertices, (*vertices[1:], vertices[0]), strict=True)
    return bool(vertices) and all((q.x - p.x) * (y - p.y) >= (q.y - p.y) * (x - p.x) for p, q in edges)


@pytest.mark.parametrize("n", [3, 5, 8])
def test_zones_agree_with_qhull(n: int) -> None:
    W, b = zero_loss_polygon(n, phase=0.3)
    window = 1.5 * np.linalg.norm(W[:, 0])
    walls = np.array([[1, 0, -window], [-1, 0, -window], [0, 1, -window], [0, -1, -window]])
    for zone in zones(W, b, window=window):
        signs = np.where(np.arange(n) == zone.feature, -1.0, 1.0)
        halfspaces = np.vstack([np.column_stack([W.T, b]) * signs[:, None], walls])
        ours = np.array(zone.vertices, dtype=float)
        corners = HalfspaceIntersection(halfspaces, ours.mean(axis=0)).intersections
        theirs = np.unique(corners.round(9), axis=0)
        assert len(theirs) == len(ours)
        distances = np.linalg.norm(theirs[:, None] - ours[None], axis=-1)
        assert distances.min(axis=1).max() < 1e-8


def test_four_features_without_bias_have_rays_for_zones() -> None:
    for zone in zones(antipodal_pairs_exact(2), window=3):
        assert zone.area == 0
        assert len(zone.vertices) == 2
        assert zone.contains_feature
        assert zone.reaches_window
    assert {cell.axis for cell in cells(antipodal_pairs_exact(2), window=3)} == {None}


def test_rounded_corners_are_forgiven_unless_asked_not_to() -> None:
    W = polygon(4)  # cos(π/2) is 6e-17 in floats, so neighbours are not quite orthogonal
    assert not all(zone.contains_feature for zone in zones(W, tolerance=0))
    assert all(zone.contains_feature for zone in zones(W))
    assert all(zone.contains_feature for zone in zones(*zero_loss_polygon(7)))
    assert all(1 in amplitudes for amplitudes in recovered_amplitudes(*zero_loss_polygon(7)))


def cut_by_every_line(W, b, tolerance) -> list[tuple[frozenset, bool]]:
    """Corners and whether the feature is inside, by the definition: one cut per output, in rationals."""
    model = _planar(W, b, None, tolerance)
    found = []
    for i, w_i in enumerate(model.columns):
        vertices = _window(None, W)
        for j, (r, c) in enumerate(zip(model.rows, model.bias, strict=True)):
            if vertices:
                values = [r[0] * p.x + r[1] * p.y + c for p in vertices]
                vertices = _clip(vertices, values if j == i else [-value for value in values])
        r, c = model.rows[i], model.bias[i]
        if not any(r[0] * p.x + r[1] * p.y + c > 0 for p in vertices):
            vertices = ()
        responses = [r[0] * w_i[0] + r[1] * w_i[1] + c for r, c in zip(model.rows, model.bias, strict=True)]
        found.append((frozenset(vertices), all((value > 0) == (j == i) for j, value in enumerate(responses))))
    return found


@pytest.mark.floating_point(under="ignore")
@given(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from(["normal", "integer", "polygon", "tiny", "thirds"]))
def test_zones_are_those_that_every_line_cuts_out(seed: int, n: int, sort: str) -> None:
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(2, n)), rng.normal(size=n)
    if sort in ("integer", "tiny", "thirds"):
        W, b = rng.integers(-2, 3, size=(2, n)).astype(float), rng.integers(-2, 3, size=n).astype(float)
    if sort == "polygon":
        W, b = zero_loss_polygon(max(n, 3), phase=seed % 7)
    if sort == "tiny":
        W = W * 10.0 ** float(rng.integers(-300, 100))
    if sort == "thirds":
        W, b = [[F(int(x), 3) for x in row] for row in W], [F(int(x), 3) for x in b]
    for tolerance in (0, None, F(1, 7)):
        found = zones(W, b, tolerance=tolerance)
        assert [(frozenset(z.vertices), z.contains_feature) for z in found] == cut_by_every_line(W, b, tolerance)
        for zone in found:
            assert zone.vertices[:1] == tuple(sorted(zone.vertices))[:1]


def test_zones_of_many_features_have_few_sides() -> None:
    found = zones(*zero_loss_polygon(60))
    assert all(zone.contains_feature and 3 <= len(zone.vertices) <= 5 for zone in found)
    np.testing.assert_allclose(
        [float(zone.area) for zone in found[:15]], [float(z.area) for z in found[15:30]], rtol=1e-9
    )


def test_a_decoder_turns_the_lines() -> None:
    W, b = zero_loss_polygon(5)
    assert zones(W, b, W.T, tolerance=0) == zones(W, b, tolerance=0)
    assert cells(W, b, W.T) == cells(W, b)
    assert recovered_amplitudes(W, b, W.T) == recovered_amplitudes(W, b)
    encoder, decoder = [[1, -1], [0, 0]], [[1, 0], [-2, 0]]
    first, second = zones(encoder, [0, -1], decoder, window=2)
    assert (first.area, second.area) == (8, 6)  # x > 0, and x < −1/2
    assert [a.low for a in recovered_amplitudes(encoder, [0, -1], decoder)] == [0, F(1, 2)]
    # Untied, an output may fall along its own feature: it is on for small amplitudes alone.
    falling = recovered_amplitudes([[1], [0]], [1], [[-1, 0]])[0]
    assert (falling.low, falling.high) == (0, 1)
    assert 1 not in falling
    assert F(99, 100) in falling
    with pytest.raises(ArgumentError, match=r"decoder must have shape \(2, 2\)"):
        zones(encoder, [0, -1], [[1, 0]])


def test_degenerate_models() -> None:
    dead, silent, null = [[1, 0], [0, 0]], [0, -1], [0, F(1, 3)]
    assert zones(dead, silent, window=1)[1].vertices == ()
    assert [zone.area for zone in zones(dead, null, window=1)] == [0, 2]  # the null feature is on everywhere
    assert [cell.active for cell in cells([[0], [0]], [0], window=1)] == [frozenset()]
    parallel = cells([[1, 1, -2], [0, 0, 0]], [0, 0, F(1, 2)], window=1)  # the same line twice, and a parallel one
    assert sum(cell.area for cell in parallel) == 4
    assert {cell.active for cell in parallel} == {frozenset({2}), frozenset({0, 1}), frozenset({0, 1, 2})}


def test_rational_input_gives_rational_corners() -> None:
    corners = zones(rational_polygon(7), [F(-9, 10)] * 7, window=2)[1].vertices
    assert all(isinstance(value, F) and value.denominator < 10**9 for p in corners for value in p)


@given(models(), st.integers(1, 40))
def test_recovered_amplitudes_agree_with_the_definition(model, twentieths) -> None:
    W, b = model
    a = F(twentieths, 20)
    for i, interval in enumerate(recovered_amplitudes(W, b)):
        ends = [interval.low] if interval.high is None else [interval.low, interval.high]
        for amplitude in (a, *(end for end in ends if end > 0)):
            x, y = amplitude * W[0][i], amplitude * W[1][i]
            assert (amplitude in interval) == (active_at(W, b, x, y) == {i})


def test_the_threshold_is_the_lower_end() -> None:
    square = recovered_amplitudes([[1, 0, -1, 0], [0, 1, 0, -1]], [F(-1, 3)] * 4)
    assert square == [Amplitudes(F(1, 3), None)] * 4
    assert not square[0].empty
    assert "one" not in square[0]
    beside = recovered_amplitudes([[1, F(1, 2)], [0, 1]], [0, -1])
    assert beside == [Amplitudes(F(0), F(2)), Amplitudes(F(0), F(0))]
    assert beside[1].empty


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2], [3]],), "W must have shape"),
        (([1, 2],), "W must have shape"),
        (([[1, 2, 3]],), "m = 2 rows"),
        (([[1], [float("nan")]],), "W must hold finite real numbers"),
        (([[1], ["x"]],), "W must hold finite real numbers"),
        (([[1], [2]], [1, 2]), r"b must have shape \(1,\)"),
    ],
)
def test_bad_input_is_named(arguments, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        cells(*arguments)


def test_the_window_must_be_positive() -> None:
    with pytest.raises(ArgumentError, match="window must be positive"):
        zones([[1], [0]], window=0)
    assert default_window([[0, 0], [0, 0]]) == 1.0
    assert default_window([[3, 0], [4, 0]]) == 7.5


def test_ends_that_coincide() -> None:
    """a > 1 and a ≥ 1 leave 1 out; a ≥ 1 and a ≤ 1 leave the one amplitude."""
    assert 1 not in recovered_amplitudes([[1, -1]], [-1, 1])[0]
    point = recovered_amplitudes([[1, -1, 1]], [0, 1, -1])[0]
    assert not point.empty
    assert 1 in point
    assert 1.01 not in point
    assert 0.99 not in point
