"""Kinds, groups, inertia and the one-sided analysis, on points whose nature is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import (
    Axial,
    Parameters,
    UniformAxial,
    antipodal_pairs,
    flatten,
    loss,
    parabola,
    polygon,
    preactivation,
    symmetric_failure,
    unflatten,
    zero_loss_polygon,
)
from relugeom.errors import ArgumentError, KinkError
from relugeom.landscape.curvatures import inertia
from relugeom.landscape.families.kgons import kgons
from relugeom.landscape.kinds import kind
from relugeom.landscape.kinks import one_sided
from relugeom.landscape.symmetry import across, groups, invariants, symmetries


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


def test_invariants_of_untied_models_and_of_those_without_a_bias() -> None:
    rng = np.random.default_rng(3)
    W, b, R = rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=(4, 2))
    np.testing.assert_array_equal(invariants(Parameters(W)), invariants(Parameters(W, np.zeros(4))))
    A, order = rng.normal(size=(2, 2)), [2, 0, 3, 1]
    same = Parameters((A @ W)[:, order], b[order], (R @ np.linalg.inv(A))[order])
    np.testing.assert_allclose(invariants(same), invariants(Parameters(W, b, R)), atol=1e-10)
    other = invariants(Parameters(W, b, R[[1, 0, 2, 3]]))
    assert np.abs(other - invariants(Parameters(W, b, R))).max() > 1e-6
    assert other.shape == (8 + 24,)


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


@pytest.mark.parametrize("n", [5, 7, *(pytest.param(n, marks=pytest.mark.long) for n in (6, 8, 9))])
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


def test_a_feature_much_shorter_than_the_others_is_null() -> None:
    W, b = np.array([[1, 0, -1, 0, 0.002], [0, 1, 0, -1, 0]]), np.array([0, 0, 0, 0, 0.05])
    found = kind(Parameters(W, b))
    assert found.type == "4 represented, 1 null; 1 circle"
    assert (found.null_tolerance, found.circle_tolerance) == (0.01, 0.02)
    assert kind(Parameters(W, b), null_tolerance=1e-3).type == "5 represented; 2 circles"
    assert kind(Parameters(100 * W, b)).type == "4 represented, 1 null; 1 circle"


def test_models_without_a_bias_and_untied_ones_are_described() -> None:
    pairs = kind(Parameters(antipodal_pairs(2)))
    assert pairs.type == "4 represented; 1 circle"
    assert (pairs.silent, pairs.untouched, pairs.dead) == ((), (), ())
    W, b = zero_loss_polygon(5)
    assert kind(Parameters(W, b, W.T)).type == kind(Parameters(W, b)).type
    curve = kind(parabola(7))
    assert curve.represented == curve.clean == tuple(range(7))
    assert curve.slack == 0
    assert all(curve.separable)
    assert kind(Parameters(Recorded(W), b)).type == "5 represented; 1 circle"


class Recorded:
    """A parameter that must be detached."""

    requires_grad = True

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def detach(self) -> np.ndarray:
        return self._array


def test_lost_features_refer_to_the_data() -> None:
    # 0 and 1 share a line, 2 has w = 0 and b > 0, 3 is below 0 everywhere, 4 is off on its own axis and on elsewhere.
    W = np.array([[1.0, -1.0, 0.0, 0.5, -0.5]])
    model = Parameters(W, np.array([0.0, 0.0, 0.1, -2.0, -0.25]))
    found = kind(model)
    assert (found.null, found.dead, found.silent, found.untouched) == ((2,), (3,), (3, 4), ())
    assert found.crowded == (4,)
    few = kind(model, np.eye(5)[:3])
    assert few.untouched == (3, 4)
    assert few.dead == (3,)
    off = kind(Parameters(np.zeros((2, 2)), np.array([-1.0, 0.0])))
    assert (off.null, off.dead) == ((0, 1), (0,))  # both have w = 0, one is below 0
    assert off.type == "1 null, 1 dead"


def test_many_features_are_described_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    model = Parameters(rng.normal(size=(2, 30)), rng.normal(size=30))
    whole = kind(model)
    monkeypatch.setattr("relugeom.landscape.kinds._BLOCK", 7)
    blocks = kind(model)
    assert blocks.type == whole.type
    assert (blocks.clean, blocks.separable) == (whole.clean, whole.separable)


def test_inertia_works_without_a_bias_and_untied() -> None:
    rng = np.random.default_rng(0)
    for m in (1, 2, 3):
        W, R = rng.normal(size=(m, 5)), rng.normal(size=(5, m))
        assert sum(inertia(Parameters(W), UniformAxial(5))) == m * 5 - m * (m - 1) // 2
        # Untied, every invertible matrix between encoder and decoder changes nothing.
        assert sum(inertia(Parameters(W, rng.normal(size=5), R), UniformAxial(5))) == 2 * m * 5 + 5 - m**2
    pentagon = Parameters(1.203 * polygon(5))
    assert sum(inertia(pentagon, Axial(5))) == 9


@pytest.mark.parametrize("tied", [True, False])
def test_symmetries_change_no_output(tied: bool) -> None:
    rng = np.random.default_rng(1)
    W, b, R = rng.normal(size=(3, 5)), rng.normal(size=5), rng.normal(size=(5, 3))
    model = Parameters(W, b, None if tied else R)
    basis = symmetries(model)
    assert len(basis) == (3 if tied else 9)
    np.testing.assert_allclose(basis @ basis.T, np.eye(len(basis)), atol=1e-12)
    for move in basis:
        ahead, back = (
            preactivation(unflatten(flatten(model) + t * move, 3, 5, untied=not tied), np.eye(5)) for t in (1e-6, -1e-6)
        )
        np.testing.assert_allclose(ahead, back, atol=1e-10)
    assert across(model).shape == (len(flatten(model)), len(flatten(model)) - len(basis))


def test_the_one_sided_analysis_works_without_a_bias() -> None:
    found = one_sided(Parameters(np.array([[1.0, -1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -1.0]])), Axial(4))
    assert found.kinks == 8
    assert found.verdict in ("minimum", "flat", "undecided")
    assert found.least >= -1e-9
    with pytest.raises(KinkError, match="untied"):
        one_sided(Parameters(*zero_loss_polygon(5), zero_loss_polygon(5).W.T), Axial(5))
