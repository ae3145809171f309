"""Curves to infinity: their models, their loss, and that polishing ends in the valleys around them."""

from __future__ import annotations

import numpy as np
import pytest

from relugeom.autoencoder import Axial, Parameters, loss, reconstruct
from relugeom.errors import ArgumentError
from relugeom.landscape.families.valley import limit, valley, valley_loss
from relugeom.landscape.polishing import Status, polish
from relugeom.training.many_models import AxialTraining, initial_models


@pytest.mark.parametrize("k", [2, 3, 5, 8])
@pytest.mark.parametrize("q", [1, 2, 3, 6])
def test_the_loss_is_the_formula_and_falls_to_the_limit(k: int, q: int) -> None:
    n = k + q + 2
    radii = k + np.geomspace(4, 1e4, 12)
    losses = [n * float(loss(valley(k, q, R), Axial(n))) for R in radii]
    np.testing.assert_allclose(losses, [valley_loss(k, q, R) for R in radii], rtol=1e-7)
    assert (np.diff(losses) < 0).all()
    assert losses[-1] > limit(q) == q * (q + 1) / (q + 2)
    assert losses[-1] - limit(q) < 1e-6


def test_only_the_vanishing_features_are_wrong() -> None:
    outputs = reconstruct(valley(4, 2, 50.0), np.eye(8))
    np.testing.assert_allclose(outputs[:, :4], np.eye(8)[:, :4], atol=1e-9)
    np.testing.assert_allclose(outputs[:6, 4:6], np.eye(8)[:6, 4:6], atol=1e-9)
    np.testing.assert_allclose(outputs[:4, 6:], 0, atol=1e-9)
    np.testing.assert_allclose(outputs[4:, 6:], 1 / 4, atol=1e-3)


def test_seeds_that_drift_are_in_them() -> None:
    """Whatever radius a drifting seed has come to, its loss is that of the valley there."""
    start = initial_models(AxialTraining(Axial(8), dtype="float64"), 0, 0, 60)
    found = polish(start, Axial(8), iterations=2_000)
    drifting = np.flatnonzero(found.status == Status.DRIFTING)
    assert len(drifting) >= 2
    for s in drifting:
        lengths = np.linalg.norm(found.W[s], axis=0)
        k, q = int((lengths > 5).sum()), int((lengths < 0.2).sum())
        assert k + q == 6
        assert 8 * found.loss[s] == pytest.approx(valley_loss(k, q, float(lengths.max())), abs=2e-5)


def test_seeds_put_there_stay() -> None:
    model = valley(5, 1, 15.0)
    found = polish(Parameters(model.W[None], np.asarray(model.b)[None]), Axial(8), escapes=0)
    assert found.status[0] == Status.DRIFTING
    assert 8 * found.loss[0] < valley_loss(5, 1, 15.0)
    assert 8 * found.loss[0] > limit(1)


def test_what_is_no_valley_is_refused() -> None:
    for arguments, name in (
        ((1, 1, 5.0), "k must"),
        ((3, 0, 5.0), "q must"),
        ((3, 1, 2.0), "R must"),
        ((3, 1, np.inf), "R must"),
    ):
        with pytest.raises(ArgumentError, match=name):
            valley(*arguments)
