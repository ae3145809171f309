"""Cells of a three-dimensional latent space: they tile the cube, and agree with sampling and with Qhull."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull, HalfspaceIntersection

from relugeom.autoencoder.constructions import antipodal_pairs, simplex
from relugeom.autoencoder.polyhedra import polyhedral_cells, polyhedral_zones
from relugeom.errors import ArgumentError

entry = st.integers(-6, 6).map(lambda k: k / 3)


@st.composite
def models(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 5))
    row = st.lists(entry, min_size=n, max_size=n)
    return np.array([draw(row), draw(row), draw(row)]), np.array(draw(row))


@settings(max_examples=60)
@given(models())
def test_cells_tile_the_cube_with_the_right_activation(model) -> None:
    W, b = model
    found = polyhedral_cells(W, b, window=2)
    assert sum(cell.volume for cell in found) == pytest.approx(64, rel=1e-9)
    for cell in found:
        assert cell.volume > 1e-9
        centre = cell.vertices.mean(axis=0)
        assert frozenset(np.flatnonzero(W.T @ centre + b > 0).tolist()) == cell.active


@settings(max_examples=60)
@given(models())
def test_the_zone_of_a_feature_is_the_cell_where_it_is_alone(model) -> None:
    W, b = model
    alone = {cell.axis: cell.volume for cell in polyhedral_cells(W, b, window=2) if cell.axis is not None}
    volumes = {i: zone.volume for i, zone in enumerate(polyhedral_zones(W, b, window=2)) if zone is not None}
    assert volumes == pytest.approx(alone)


def test_zones_agree_with_qhull() -> None:
    W, b = 1.3 * simplex(3), np.full(4, -0.4)
    walls = np.vstack([np.column_stack([sign * np.eye(3), np.full(3, -2.0)]) for sign in (1, -1)])
    for i, zone in enumerate(polyhedral_zones(W, b, window=2)):
        assert zone is not None
        signs = np.where(np.arange(4) == i, -1.0, 1.0)
        halfspaces = np.vstack([np.column_stack([W.T, b]) * signs[:, None], walls])
        corners = HalfspaceIntersection(halfspaces, zone.vertices.mean(axis=0)).intersections
        assert zone.volume == pytest.approx(ConvexHull(corners).volume)


def test_faces_are_whole_polygons_in_order() -> None:
    (cube,) = polyhedral_cells([[0], [0], [0]], [1], window=1)
    assert sorted(len(face) for face in cube.faces) == [4] * 6
    for face in cube.faces:
        sides = np.linalg.norm(face - np.roll(face, 1, axis=0), axis=1)
        assert sides == pytest.approx([2.0] * 4)  # a diagonal would be longer


def test_degenerate_models() -> None:
    dead, null = [[1, 0], [0, 0], [0, 0]], [0, 1 / 3]
    assert [zone and zone.volume for zone in polyhedral_zones(dead, [0, -1], window=1)] == pytest.approx([4, None])
    assert [zone and zone.volume for zone in polyhedral_zones(dead, null, window=1)] == pytest.approx([None, 4])
    assert [zone and zone.volume for zone in polyhedral_zones(dead, window=1)] == pytest.approx([4, None])
    assert polyhedral_zones(antipodal_pairs(3)) == [None] * 6  # six features without bias: the zones are rays
    twice = polyhedral_cells([[1, 1, -2], [0] * 3, [0] * 3], [0, 0, 0.5], window=1)
    assert {cell.active for cell in twice} == {frozenset({2}), frozenset({0, 1}), frozenset({0, 1, 2})}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1, 2], [3, 4]],), r"W must have shape \(3, n\)"),
        (([[1], [2], [3]], [1, 2]), r"b must have shape \(1,\)"),
        (([[1], [2], [np.nan]],), "finite"),
    ],
)
def test_bad_input_is_named(arguments, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        polyhedral_cells(*arguments)
    with pytest.raises(ArgumentError, match="window must be positive"):
        polyhedral_zones([[1], [0], [0]], window=-1)
