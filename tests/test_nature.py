"""Nature: one answer for every model, on points whose nature is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.autoencoder import (
    Axial,
    DenseExamples,
    Independent,
    Parameters,
    SparseExamples,
    UniformAxial,
    antipodal_pairs,
    flatten,
    loss,
    parabola,
    polygon,
    symmetric_failure,
    unflatten,
    zero_loss_polygon,
)
from relugeom.errors import ArgumentError
from relugeom.exact.certificates import CriticalPoint, DeadOutputs, ExactReconstruction
from relugeom.exact.check import Valid, check
from relugeom.landscape.certifying import stored_certificates
from relugeom.landscape.families.kgons import kgons
from relugeom.landscape.families.valley import valley
from relugeom.landscape.natures import known_minimum, nature

TRAINED = Parameters(1.203 * polygon(5), np.full(5, -0.4472))  # a pentagon of loss 4e-10 on X = I


def shaken(model: Parameters, by: float, seed: int = 0) -> Parameters:
    x = flatten(model)
    noise = by * np.random.default_rng(seed).normal(size=x.shape)
    return unflatten(x + noise, *np.shape(model.W), untied=not model.tied)


def test_a_trained_pentagon_is_a_global_minimum_with_a_certificate() -> None:
    found = nature(TRAINED)
    assert (found.name, found.uncertified) == ("global minimum", "")
    assert found.distance < 1e-4
    assert isinstance(found.certificate, ExactReconstruction)
    assert isinstance(check(found.certificate), Valid)
    assert nature(TRAINED, certificates=False).uncertified == "not asked for"


def test_zero_loss_has_certificates_untied_and_without_a_bias_too() -> None:
    pairs = nature(Parameters(antipodal_pairs(2)))
    assert (pairs.name, pairs.distance) == ("global minimum", 0.0)
    assert isinstance(pairs.certificate, ExactReconstruction)
    W, b = zero_loss_polygon(5)
    apart = nature(Parameters(W, b, W.T))
    assert apart.name == "global minimum"
    assert isinstance(apart.certificate, ExactReconstruction)
    assert nature(parabola(5)).name == "global minimum"
    turned = nature(Parameters(polygon(4, phase=0.3)))  # no rational model without a bias is exact
    assert turned.name == "global minimum"
    assert turned.certificate is None
    assert "not exact" in turned.uncertified


def test_the_values_that_theorems_give_are_global_minima() -> None:
    pentagon = Parameters(np.pad(np.sqrt((7 + np.sqrt(5)) / 11) * polygon(5), ((0, 0), (0, 2))))
    found = nature(pentagon)
    assert found.name == "global minimum"
    assert "pentagon-is-optimal" in found.reason
    gon = kgons(5)[0]
    uniform = nature(shaken(Parameters(polygon(5, gon.radius), np.full(5, gon.bias)), 1e-4), UniformAxial(5))
    assert uniform.name == "global minimum"
    assert "pentagon-with-bias-is-optimal" in uniform.reason
    six = kgons(6)[0]
    hexagon = nature(shaken(Parameters(polygon(6, six.radius), np.full(6, six.bias)), 1e-4), UniformAxial(6))
    assert hexagon.name == "global minimum"
    assert "hexagon-with-bias-is-optimal" in hexagon.reason
    assert known_minimum(Axial(3), 1, biased=False) == (1 / 3, "any-m-lower-bound")
    assert known_minimum(Axial(3), 2, biased=True) is None
    line = Parameters(np.array([[1.0, -1.0, 0.0]]))
    assert nature(line).name == "global minimum"


def test_the_claims_that_are_named_exist() -> None:
    text = (Path(__file__).parents[1] / "docs" / "claims.md").read_text(encoding="utf-8")
    cases = [(Axial(3), 1, False), (Axial(6), 2, False), (UniformAxial(5), 2, True), (UniformAxial(6), 2, True)]
    for data, m, biased in cases:
        known = known_minimum(data, m, biased=biased)
        assert known is not None
        assert known[1] in text


def test_the_symmetric_failure_is_on_a_kink_and_leads_down() -> None:
    model = symmetric_failure(5)
    found = nature(model)
    assert (found.name, found.one_sided) == ("on a kink", "saddle")
    assert found.direction is not None
    ahead = unflatten(flatten(model) + 1e-3 * flatten(found.direction), 2, 5)
    assert loss(ahead, Axial(5)) < loss(model, Axial(5))


def test_the_square_with_a_null_feature_is_settled_by_its_theorem() -> None:
    W, b = np.array([[1, 0, -1, 0, 0.0], [0, 1, 0, -1, 0]]), np.array([0, 0, 0, 0, 0.1])
    turned = np.array([[0.6, -0.8], [0.8, 0.6]]) @ W
    for model in (Parameters(W, b), Parameters(turned[:, [4, 1, 0, 3, 2]], b[[4, 1, 0, 3, 2]])):
        found = nature(model, UniformAxial(5), certificates=False)
        assert (found.name, found.spurious) == ("strict minimum", True)
        assert "square-with-a-null-feature" in found.reason
    claims = (Path(__file__).parents[1] / "docs" / "claims.md").read_text(encoding="utf-8")
    assert "| PROVED | For n = 5, m = 2 and data a·e_i with a uniform on (0, 1], the square" in claims


def test_another_null_feature_beside_the_square_is_undecided_on_a_kink() -> None:
    W = np.array([[1, 0, -1, 0, 0.0, 0.0], [0, 1, 0, -1, 0, 0]])
    found = nature(Parameters(W, np.array([0, 0, 0, 0, 1 / 12, 1 / 12])), UniformAxial(6))
    assert (found.name, found.one_sided) == ("on a kink", "undecided")
    assert "no bound" in found.reason


def test_a_strict_minimum_and_a_saddle_have_certificates() -> None:
    gon = kgons(7)[0]
    found = nature(shaken(Parameters(polygon(7, gon.radius), np.full(7, gon.bias)), 1e-4), UniformAxial(7))
    assert (found.name, found.spurious) == ("strict minimum", False)
    assert found.inertia == (20, 0, 0)
    assert isinstance(found.certificate, CriticalPoint)
    gon = kgons(10)[0]
    saddle = nature(Parameters(polygon(10, gon.radius), np.full(10, gon.bias)), UniformAxial(10), certificates=False)
    assert saddle.name == "saddle"
    assert saddle.inertia == (27, 2, 0)
    assert saddle.direction is not None
    ahead = unflatten(flatten(saddle.model) + 1e-2 * flatten(saddle.direction), 2, 10)
    assert loss(ahead, UniformAxial(10)) < saddle.loss


def test_a_spurious_minimum_is_called_so() -> None:
    stored = stored_certificates()["uniform-n6-00-spurious.json"]
    assert isinstance(stored, CriticalPoint)
    W, b = (np.array(part, dtype=float) for part in (stored.encoder, stored.bias))
    found = nature(Parameters(W, b), UniformAxial(6))
    assert (found.name, found.spurious) == ("strict minimum", True)
    assert isinstance(found.certificate, CriticalPoint)
    assert found.certificate.better_encoder is not None


def test_dead_outputs_make_a_flat_point_with_a_certificate() -> None:
    W = np.concatenate([1.5 * antipodal_pairs(2), [[0.3], [0.1]]], axis=1)
    found = nature(Parameters(W, np.array([1 - 2.25] * 4 + [-2.0])))
    assert found.name == "flat"
    assert "family of equal loss" in found.reason
    assert isinstance(found.certificate, DeadOutputs)


def test_drifting_diverged_and_not_critical() -> None:
    assert nature(valley(5, 1, 30.0)).name == "drifting"
    assert nature(Parameters(np.full((2, 5), np.nan))).name == "diverged"
    assert nature(Parameters(np.full((2, 5), 1e200), np.zeros(5))).name == "diverged"
    rng = np.random.default_rng(0)
    random = nature(Parameters(rng.normal(size=(2, 5)), rng.normal(size=5)))
    assert random.name == "not critical"
    assert random.distance == 0.0
    assert nature(Parameters(rng.normal(size=(2, 5)), rng.normal(size=5)), iterations=2).name == "not critical"


def test_every_kind_of_model_and_data_has_an_answer() -> None:
    rng = np.random.default_rng(1)
    X = rng.uniform(size=(12, 4)) * (rng.uniform(size=(12, 4)) < 0.5)
    W, b, R = rng.normal(size=(2, 4)), rng.normal(size=4), rng.normal(size=(4, 2))
    for model in (Parameters(W), Parameters(W, b), Parameters(W, b, R), Parameters(W, None, R)):
        for data in (None, X, SparseExamples.from_dense(X), Axial(4, (0.5, 1.0)), UniformAxial(4)):
            found = nature(model, data, near=np.inf, certificates=False)
            assert found.name not in ("diverged", "undecided")
            assert found.reason
            assert found.uncertified
            if found.name != "drifting" and found.name != "not critical":
                assert found.gradient_norm < 1e-9


def test_a_model_too_large_to_polish_says_so() -> None:
    large = Parameters(np.zeros((2, 400)), np.full(400, -1.0))
    found = nature(large)
    assert found.name == "undecided"
    assert "1,200 parameters" in found.reason
    assert nature(Parameters(large.W, np.ones(400))).name == "not critical"
    assert nature(zero_loss_polygon(300)).name == "global minimum"


def test_many_models_and_other_data_are_refused() -> None:
    W, b = zero_loss_polygon(5)
    with pytest.raises(ArgumentError, match="one model"):
        nature(Parameters(W[None], np.asarray(b)[None]))
    with pytest.raises(ArgumentError, match="n = 4 columns"):
        nature(Parameters(W, b), Axial(4))


@pytest.mark.parametrize("data", [1e-6 * np.eye(5), Independent(5, 1 - 1e-12)])
def test_small_examples_make_no_loss_zero(data: Any) -> None:
    model = Parameters(np.array([[1.0, -1.0, 0.2, 0.0, 0.3], [0.0, 0.1, 1.0, -1.0, 0.3]]), np.full(5, -0.1))
    assert nature(model, data, iterations=5).name != "global minimum"
    assert nature(Parameters(np.eye(5), np.zeros(5)), data).name == "global minimum"


def test_what_the_sum_over_sets_leaves_out_is_no_zero_loss() -> None:
    model = antipodal_pairs(2)
    data = Independent(4, 0.9, most_active=1)
    assert loss(Parameters(model, np.zeros(4)), data) < 1e-12
    assert nature(Parameters(model, np.zeros(4)), data, iterations=5).name != "global minimum"


def test_on_no_examples_but_zeros_answering_zero_is_best() -> None:
    assert nature(Parameters(np.eye(2), -np.ones(2)), np.zeros((3, 2))).name == "global minimum"


def test_a_feature_of_hardly_any_importance_is_not_given_back_by_leaving_it_out() -> None:
    """The loss of leaving it out, 7e-13, is no rounding: a bias of 0.1 lowers it."""
    law = Independent(2, 0.8, importance=[1, 1e-11])
    left_out = nature(Parameters(np.array([[1.0, 0.0]]), np.zeros(2)), law)
    assert left_out.name != "global minimum"
    assert nature(Parameters(np.eye(2), np.zeros(2)), law).name == "global minimum"


def test_a_feature_of_small_values_is_not_given_back_by_leaving_it_out() -> None:
    left_out, both = Parameters(np.array([[1.0, 0.0]]), np.zeros(2)), Parameters(np.eye(2), np.zeros(2))
    for data in (np.diag([1.0, 1e-6]), DenseExamples(np.eye(2), [1, 1e-11])):
        assert nature(left_out, data).name != "global minimum"
        assert nature(both, data).name == "global minimum"
    assert nature(left_out, DenseExamples(np.eye(2), [1, 0])).name == "global minimum"
