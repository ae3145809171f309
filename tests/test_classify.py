"""Kinds, groups, inertia and the one-sided analysis, on points whose nature is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import Axial, Parameters, UniformAxial, loss, polygon, symmetric_failure, zero_loss_polygon
from relugeom.errors import ArgumentError, KinkError
from relugeom.landscape.curvatures import inertia
from relugeom.landscape.families.kgons import kgons
from relugeom.landscape.kinds import kind
from relugeom.landscape.one_sided import one_sided
from relugeom.landscape.symmetry import groups, invariants


def test_a_polygon_with_a_null_feature_is_described() -> None:
    found = kind(symmetric_failure(7))
    assert found.type == "6 represented, 1 null; 1 circle"
    assert found.null == (6,)
    assert found.clean == tuple(range(6))
    np.testing.assert_allclose(found.radii, [np.sqrt(2)])
    np.testing.assert_allclose(found.gaps, 60.0)
    assert abs(found.slack) < 1e-12
    assert found.separable == (True,) * 6 + (False,)


def test_dead_and_duplicated_features_are_told_apart() -> None:
    W = np.array([[1.0, 1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]])
    found = kind(Parameters(W, np.array([0.0, 0.0, 0.0, 0.0, -1.0])))
    assert found.duplicated == (0, 1)
    assert found.dead == (4,)
    assert found.represented == (2, 3)
    assert found.separable[:3] == (False, False, True)


def test_a_smaller_feature_in_the_shadow_of_another_is_crowded() -> None:
    W = np.array([[2.0, 1.0, -1.0], [0.0, 0.1, 0.0]])
    found = kind(Parameters(W, np.array([0.0, 0.0, 0.0])))
    assert found.crowded == (1,)
    assert len(found.radii) == 2


@given(st.integers(0, 10**6))
def test_invariants_do_not_see_rotation_reflection_and_names(seed: int) -> None:
    rng = np.random.default_rng(seed)
    W, b = rng.normal(size=(3, 6)), rng.normal(size=6)
    Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    order = rng.permutation(6)
    same = invariants(Parameters((Q @ W)[:, order], b[order]))
    np.testing.assert_allclose(same, invariants(Parameters(W, b)), atol=1e-12)
    swapped = b[[1, 0, 2, 3, 4, 5]]  # the same biases on other features is another model
    assert np.abs(invariants(Parameters(W, swapped)) - invariants(Parameters(W, b))).max() > 1e-9


def test_groups_are_numbered_by_size() -> None:
    vectors = np.array([[0.0], [1.0], [1.0 + 1e-9], [np.nan], [1.0], [0.0]])
    np.testing.assert_array_equal(groups(vectors), [1, 0, 0, 2, 0, 1])


def test_the_pentagon_is_a_strict_minimum_and_the_decagon_a_saddle() -> None:
    assert [g.curvatures for g in kgons(5)] == [(14, 0, 0)]
    assert [g.curvatures for g in kgons(10)] == [(27, 2, 0)]


def test_inertia_leaves_out_as_many_zeros_as_there_are_rotations() -> None:
    rng = np.random.default_rng(0)
    for m in (1, 2, 3):
        model = Parameters(rng.normal(size=(m, 5)), rng.normal(size=5))
        assert sum(inertia(model, UniformAxial(5))) == m * 5 + 5 - m * (m - 1) // 2


def test_inertia_refuses_kinks() -> None:
    with pytest.raises(KinkError, match="on a kink"):
        inertia(Parameters(np.array([[1.0, 0.0], [0.0, 1.0]]), np.zeros(2)), Axial(2))


@pytest.mark.parametrize("n", range(5, 10))
def test_the_symmetric_failure_is_found_to_be_a_saddle(n: int) -> None:
    model = symmetric_failure(n)
    found = one_sided(model, Axial(n))
    assert found.verdict == "saddle"
    V, c = found.direction[: 2 * n].reshape(2, n), found.direction[2 * n :]
    values = [float(loss(Parameters(model.W + t * V, model.b + t * c), Axial(n))) for t in (0, 1e-3, 2e-3)]
    assert all(later < before for before, later in pairwise(values))
    np.testing.assert_allclose((values[1] - values[0]) / 1e-6 * 2, found.least, rtol=0.05)


def test_a_kink_at_zero_loss_has_no_descent() -> None:
    data = Axial(3, (0.5, 1.0))
    W = np.array([[1.0, -1.0, 0.0], [0.0, 0.0, 1.0]])
    found = one_sided(Parameters(W, np.zeros(3)), data)
    assert found.kinks == 8
    assert found.verdict in ("minimum", "flat")
    assert found.least >= -1e-9


def test_an_own_pre_activation_of_zero_has_no_analysis() -> None:
    with pytest.raises(KinkError, match="own pre-activation"):
        one_sided(Parameters(np.zeros((2, 2)), np.zeros(2)), Axial(2))


def test_the_square_with_a_null_feature_has_no_descent_direction_for_uniform_amplitudes() -> None:
    W = np.concatenate([polygon(4), np.zeros((2, 1))], axis=1)
    found = one_sided(Parameters(np.round(W, 15), np.array([0.0] * 4 + [0.1])), UniformAxial(5))
    assert found.kinks == 12
    assert found.verdict == "undecided"
    assert found.least > 1e-3


def test_many_models_are_not_one() -> None:
    W, b = zero_loss_polygon(5)
    with pytest.raises(ArgumentError, match="one model"):
        kind(Parameters(W[None], np.asarray(b)[None]))
