"""Polishing reaches critical points, leaves saddles when asked, and says honestly how it ended."""

from __future__ import annotations

import numpy as np
import pytest

from relugeom.autoencoder import Axial, Parameters, UniformAxial, flatten, gradient, hessian, polygon, symmetric_failure
from relugeom.errors import ArgumentError
from relugeom.landscape.batched import Training, starts
from relugeom.landscape.polish import Status, polish


def test_fresh_seeds_reach_gradients_below_the_tolerance() -> None:
    data = UniformAxial(6)
    found = polish(starts(Training(data), 0, 0, 40), data)
    slopes = np.linalg.norm(flatten(gradient(Parameters(found.W, found.b), data)), axis=1)
    smooth = found.status == Status.SMOOTH
    assert smooth.sum() >= 25
    assert (slopes[smooth | (found.status == Status.KINK)] <= 1e-12).all()
    np.testing.assert_array_equal(slopes, found.gradient_norm)
    lowest = np.linalg.eigvalsh(hessian(Parameters(found.W, found.b), data))[:, 0]
    assert (lowest[smooth] > -1e-7).mean() > 0.9  # escapes leave the saddles


def test_the_known_pentagon_is_found() -> None:
    data = UniformAxial(5)
    start = Parameters(polygon(5, 1.2)[None] + 0.01, np.full((1, 5), -0.3))
    found = polish(start, data)
    assert found.status[0] == Status.SMOOTH
    np.testing.assert_allclose(np.linalg.norm(found.W[0], axis=0), 1.17046, atol=1e-5)
    np.testing.assert_allclose(found.b, -0.28230, atol=1e-5)
    np.testing.assert_allclose(found.loss * 3 * 5, 0.23738, atol=1e-5)


def test_a_saddle_is_kept_without_escapes_and_left_with_them() -> None:
    data = Axial(3, (0.5, 1.0))
    saddle = Parameters(np.zeros((1, 2, 3)), np.full((1, 3), 0.25))
    kept, left = polish(saddle, data, escapes=0), polish(saddle, data)
    assert kept.least_curvature[0] < -1e-2
    assert kept.escapes[0] == 0
    assert left.escapes[0] > 0
    assert left.loss[0] < kept.loss[0] - 0.05


def test_the_symmetric_failure_is_on_a_kink() -> None:
    W, b = symmetric_failure(7)
    found = polish(Parameters(W[None], np.asarray(b)[None]), Axial(7), escapes=0)
    assert found.status[0] == Status.KINK
    np.testing.assert_allclose(found.loss[0] * 7, 6 / 7)


def test_what_does_not_converge_is_said_so() -> None:
    data = UniformAxial(6)
    start = starts(Training(data), 0, 0, 5)
    assert (polish(start, data, iterations=1, escapes=0).status == Status.UNCONVERGED).all()
    far = Parameters(np.full((1, 2, 6), 30.0), np.full((1, 6), 1.0))
    assert polish(far, data, iterations=1, escapes=0).status[0] == Status.DRIFTING
    lost = Parameters(np.full((1, 2, 6), np.inf), np.zeros((1, 6)))
    assert polish(lost, data).status[0] == Status.DRIFTING


def test_one_model_is_no_batch() -> None:
    with pytest.raises(ArgumentError, match="must be a batch"):
        polish(Parameters(np.zeros((2, 3)), np.zeros(3)), Axial(3))
