"""What a model is must not depend on the unit of its data: tiny examples, rare features, small importances."""

from __future__ import annotations

import numpy as np
import pytest

from relugeom.autoencoder import Axial, DenseExamples, Independent, Parameters, gradient, loss, polygon
from relugeom.autoencoder.model import flatten
from relugeom.landscape.natures import nature
from relugeom.landscape.polishing import polish
from relugeom.landscape.sizes import of_usual_size

RNG = np.random.default_rng(0)
X = RNG.uniform(size=(40, 4)) * (RNG.uniform(size=(40, 4)) < 0.4)
NEAR = polish(Parameters(RNG.normal(size=(1, 2, 4)), np.zeros((1, 4))), X).model(0)


@pytest.mark.parametrize("unit", [1e-3, 1e-8, 1e-40, 1e5])
def test_the_nature_of_a_model_has_no_unit(unit: float) -> None:
    usual = nature(Parameters(NEAR.W * 1.001, NEAR.b), X)
    assert usual.name == "strict minimum"
    found = nature(Parameters(NEAR.W * 1.001, unit * NEAR.b), unit * X)
    assert (found.name, found.inertia) == (usual.name, usual.inertia)
    assert found.loss == pytest.approx(unit**2 * usual.loss)
    np.testing.assert_allclose(found.model.W, usual.model.W, atol=1e-6)
    np.testing.assert_allclose(found.model.b, unit * usual.model.b, atol=1e-6 * unit)
    there = Parameters(found.model.W, found.model.b)
    assert float(np.linalg.norm(flatten(gradient(there, unit * X)))) == pytest.approx(found.gradient_norm)
    assert "scaled to size 1" in found.reason


def test_a_tiny_saddle_keeps_its_way_down() -> None:
    unit = 2.0**-20
    saddle = Parameters(np.zeros((2, 4)), unit * X.mean(0))
    found = nature(saddle, unit * X)
    assert found.name == "saddle"
    assert found.direction is not None
    step = 1e-2
    moved = Parameters(saddle.W + step * found.direction.W, saddle.b + step * found.direction.b)
    assert float(loss(moved, unit * X)) < float(loss(saddle, unit * X))


def test_rare_features_have_natures_too() -> None:
    law = Independent(5, 1 - 1e-6, (1, 1, 1, 1, 0.999))
    found = nature(Parameters(1.17 * polygon(5), np.full(5, -0.28)), law)
    assert (found.name, found.inertia) == ("strict minimum", (14, 0, 0))
    assert found.loss / 1e-6 == pytest.approx(0.0791302700, rel=1e-3)


def test_usual_data_stay_as_they_are() -> None:
    for data in (Axial(3), DenseExamples(X), Independent(5, 0.9)):
        assert of_usual_size(data) == (data, 1.0)
    nothing = DenseExamples(np.zeros((2, 3)))
    assert of_usual_size(nothing) == (nothing, 1.0)


@pytest.mark.long
def test_a_minimum_of_independent_features_is_spurious_where_a_symmetric_model_is_better() -> None:
    for sparsity, spurious in ((0.7, False), (0.95, True)):
        pairs = Parameters(
            np.array([[1.0, -1, 0, 0, 0], [0, 0, 1, -1, 0]]), np.array([0.01] * 4 + [0.5 - sparsity / 2])
        )
        found = nature(pairs, Independent(5, sparsity))
        assert (found.name, found.spurious) == ("strict minimum", spurious)
        assert ("spurious: another model has loss" in found.reason) == spurious
