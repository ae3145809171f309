"""Polishing reaches critical points, leaves saddles when asked, and says honestly how it ended."""

from __future__ import annotations

import numpy as np
import pytest

from relugeom.autoencoder import Axial, Parameters, UniformAxial, flatten, gradient, hessian, polygon, symmetric_failure
from relugeom.errors import ArgumentError
from relugeom.landscape.polishing import Status, polish
from relugeom.training.many_models import AxialTraining, initial_models


def test_fresh_seeds_reach_gradients_below_the_tolerance() -> None:
    data = UniformAxial(6)
    found = polish(initial_models(AxialTraining(data), 0, 0, 40), data)
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
    start = initial_models(AxialTraining(data), 0, 0, 5)
    assert (polish(start, data, iterations=1, escapes=0).status == Status.UNCONVERGED).all()
    far = Parameters(np.full((1, 2, 6), 30.0), np.full((1, 6), 1.0))
    assert polish(far, data, iterations=1, escapes=0).status[0] == Status.DRIFTING
    lost = Parameters(np.full((1, 2, 6), np.inf), np.zeros((1, 6)))
    assert polish(lost, data).status[0] == Status.DRIFTING


def test_a_saddle_on_a_kink_is_shaken_off() -> None:
    """The Hessian of the symmetric failure sees one side only, on which it is no saddle."""
    W, b = symmetric_failure(7)
    kept, left = (polish(Parameters(W[None], np.asarray(b)[None]), Axial(7), escapes=count) for count in (0, 3))
    assert kept.escapes[0] == 0
    assert left.escapes[0] > 0
    assert left.loss[0] < kept.loss[0] - 0.01


def test_every_seed_on_the_unit_vectors_gives_back_everything_or_drifts() -> None:
    """Eight features: no seed is left unexplained, and where a loss remains it falls to the limit 2/3 or 3/2."""
    found = polish(initial_models(AxialTraining(Axial(8), dtype="float64"), 0, 0, 200), Axial(8))
    zero, drifting = found.loss < 1e-15, found.status == Status.DRIFTING
    assert (zero | drifting).all()
    assert zero.mean() > 0.9
    assert drifting.any()
    above = 8 * found.loss[drifting][:, None] - np.array([2 / 3, 3 / 2])
    assert ((above > 0) & (above < 0.03)).any(axis=1).all()


def test_no_seed_depends_on_the_others() -> None:
    start = initial_models(AxialTraining(Axial(8), dtype="float64"), 0, 0, 60)
    together = polish(start, Axial(8))
    apart = polish(Parameters(start.W[40:], start.b[40:]), Axial(8))
    np.testing.assert_array_equal(together.status[40:], apart.status)
    np.testing.assert_allclose(together.loss[40:], apart.loss, rtol=1e-6, atol=1e-15)


@pytest.mark.floating_point(over="ignore", invalid="ignore")
def test_a_hopeless_seed_does_not_disturb_the_others() -> None:
    """Beside curvatures of 1e18 the damping is lost to rounding, and the matrix is singular."""
    W, b = initial_models(AxialTraining(Axial(5), dtype="float64"), 0, 0, 12)
    W[3:6] *= 1e9
    together, others = polish(Parameters(W, b), Axial(5)), [s for s in range(12) if not 3 <= s < 6]
    alone = polish(Parameters(W[others], b[others]), Axial(5))
    np.testing.assert_array_equal(together.status[others], alone.status)
    np.testing.assert_array_equal(together.loss[others], alone.loss)


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(ArgumentError, match="n = 5 columns"):
        polish(Parameters(np.zeros((2, 2, 3)), np.zeros((2, 3))), Axial(5))


def test_one_model_is_no_batch() -> None:
    with pytest.raises(ArgumentError, match="must be a batch"):
        polish(Parameters(np.zeros((2, 3)), np.zeros(3)), Axial(3))
