"""Tests of relugeom.autoencoder.geometry."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import (
    angles,
    angular_gaps,
    antipodal_pairs,
    circles,
    column_norms,
    example_dimensionality,
    feature_dimensionality,
    maximal_dimensionality,
    polygon,
)
from relugeom.errors import ArgumentError
from tests.strategies import rotations, weights


def test_polygon_by_hand() -> None:
    W = polygon(6, radius=2.0, phase=0.25)
    np.testing.assert_allclose(column_norms(W), 2)
    np.testing.assert_allclose(angles(W), 0.25 + np.pi / 3 * np.arange(6))
    np.testing.assert_allclose(angular_gaps(W), np.pi / 3)


def test_angles_stay_below_a_full_turn() -> None:
    theta = angles([[1.0, 1.0, -1.0, 0.0, 1.0], [0.0, -1e-30, 0.0, 0.0, -1.0]])
    assert np.all((theta >= 0) & (theta < 2 * np.pi))
    np.testing.assert_allclose(theta, [0, 0, np.pi, 0, 7 * np.pi / 4])


@given(weights(batch=(3,), max_m=1))
def test_gaps_close_the_circle(row: Any) -> None:
    W = np.concatenate([row, np.roll(row, 1, axis=-1)], axis=-2)
    gaps = angular_gaps(W)
    assert np.all(gaps >= 0)
    np.testing.assert_allclose(np.sum(gaps, axis=-1), 2 * np.pi)


def test_circles_are_grouped_by_steps() -> None:
    W = np.array([[1.0, 0.0, 2.0, 1.09, 0.0], [0.0, 1.05, 0.0, 0.0, 1e-3]])
    found = circles(W, tolerance=0.06)
    assert found.labels.tolist() == [1, 1, 2, 1, 0]
    assert found.count == 3
    assert found.tolerance == 0.06
    np.testing.assert_allclose(found.radii, [3.14 / 3, 3.14 / 3, 2, 3.14 / 3, 1e-3])
    assert circles(W, tolerance=0.03).count == 5
    assert circles(W, tolerance=0.045).count == 4
    assert circles(np.stack([W, W * 0 + 1]), tolerance=0.06).count.tolist() == [3, 1]


@given(st.integers(3, 12), st.floats(0.1, 3))
def test_a_polygon_has_two_over_n_of_a_dimension_a_feature(n: int, radius: float) -> None:
    W = polygon(n, radius)
    np.testing.assert_allclose(feature_dimensionality(W), 2 / n)
    np.testing.assert_allclose(maximal_dimensionality(W), 2 / n)
    np.testing.assert_allclose(example_dimensionality(W, np.eye(n)), 2 / n)


def test_dimensionality_by_hand() -> None:
    np.testing.assert_allclose(feature_dimensionality(antipodal_pairs(3)), 0.5)
    W = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(feature_dimensionality(W), [1 / 2, 4 / 5, 0])
    np.testing.assert_allclose(maximal_dimensionality(W), [1, 1, 0], atol=1e-15)
    X = [[1.0, 1.0, 7.0], [0.0, 0.0, 3.0]]  # latent vectors (2, 1) and 0
    np.testing.assert_allclose(example_dimensionality(W, X), [1, 0])
    np.testing.assert_allclose(maximal_dimensionality(W, X), [1, 0], atol=1e-15)


@given(weights(max_m=3, max_n=6), st.integers(0, 2**32 - 1))
def test_maximal_dimensionality_is_the_supremum(W: Any, seed: int) -> None:
    M = W @ W.T
    best = maximal_dimensionality(W)
    np.testing.assert_allclose(best, np.einsum("ai,ab,bi->i", W, np.linalg.pinv(M), W), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(np.sum(best), np.linalg.matrix_rank(W))
    v = np.random.default_rng(seed).normal(size=(50, W.shape[0]))
    quotients = (v @ W) ** 2 / np.sum((v @ W) ** 2, axis=1, keepdims=True)
    assert np.all(quotients <= best + 1e-9)
    attained = np.linalg.pinv(M) @ W  # column i is the v that attains D*_i
    np.testing.assert_allclose(np.diag(W.T @ attained) ** 2 / np.sum((W.T @ attained) ** 2, axis=0), best, rtol=1e-6)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # more rows than columns
        assert np.all(feature_dimensionality(W) <= best + 1e-12)


def test_more_rows_than_columns_are_warned_of() -> None:
    with pytest.warns(UserWarning, match=r"more rows \(5\) than columns \(2\)"):
        np.testing.assert_allclose(feature_dimensionality(np.eye(5)[:, :2]), 1)
    feature_dimensionality(np.eye(2))


@pytest.mark.filterwarnings("ignore:W has more rows")
@given(weights(max_n=6), st.data())
def test_numbers_are_invariant_under_rotation(W: Any, data: Any) -> None:
    Q, order = data.draw(rotations(W.shape[0])), data.draw(st.permutations(range(W.shape[1])))
    turned = (Q @ W)[:, order]
    for function in (column_norms, feature_dimensionality, maximal_dimensionality):
        np.testing.assert_allclose(function(turned), function(W)[order], rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(circles(turned, 0.1).labels, circles(W, 0.1).labels[order])


def test_every_kind_of_array_in_batches(xp: Any) -> None:
    rng = np.random.default_rng(6)
    W, X = rng.normal(size=(3, 2, 5)), rng.uniform(size=(4, 5))
    there, X_there = xp.asarray(W), xp.asarray(X)
    for function in (column_norms, angles, angular_gaps, feature_dimensionality, maximal_dimensionality):
        batch = xp.to_numpy(function(there))
        for k in range(3):
            np.testing.assert_allclose(batch[k], function(W[k]), rtol=1e-12)
    for function in (example_dimensionality, maximal_dimensionality):
        np.testing.assert_allclose(xp.to_numpy(function(there, X_there)), function(W, X), rtol=1e-11)
    found, expected = circles(there, 0.2), circles(W, 0.2)
    np.testing.assert_array_equal(xp.to_numpy(found.labels), expected.labels)
    np.testing.assert_array_equal(xp.to_numpy(found.count), expected.count)
    np.testing.assert_allclose(xp.to_numpy(found.radii), expected.radii)


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(
        ArgumentError, match=r"W must have shape \(\.\.\., 2, n\) for angles in the plane; got \(3, 4\)"
    ):
        angles(np.ones((3, 4)))
    with pytest.raises(ArgumentError, match="tolerance must not be negative; got -1"):
        circles(np.ones((2, 2)), -1)


def test_circles_of_many_features_are_those_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    W = rng.normal(size=(2, 200)) * np.repeat([0.1, 1.0, 3.0, 3.0], 50)
    for tolerance in (0.0, 0.01, 0.1, 10.0):
        few = circles(W, tolerance)
        with monkeypatch.context() as patch:
            patch.setattr("relugeom.autoencoder.geometry._MANY", 3)
            many = circles(W, tolerance)
        np.testing.assert_array_equal(many.labels, few.labels)
        np.testing.assert_allclose(many.radii, few.radii, rtol=1e-12)
        assert many.count == few.count
