"""Every public function of the autoencoder, for every kind of array: what comes in goes out, or it says otherwise."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from relugeom import autoencoder
from relugeom.autoencoder import (
    Axial,
    Parameters,
    UniformAxial,
    cells,
    check_smooth,
    flatten,
    gradient,
    hessian,
    hessian_vector_product,
    kink_distance,
    loss,
    polytopes,
    recovered_amplitudes,
    unflatten,
    zero_loss_polygon,
    zones,
)

# Arrays in, arrays of the same kind and device out; each is tested with all kinds in its module's tests or below.
PORTABLE = {
    "activation_thresholds", "angles", "angular_gaps", "circles", "column_norms", "dead_features", "dimensionality",
    "encode", "example_dimensionality", "feature_dimensionality", "flatten", "gradient", "gram", "has_working_bias",
    "hessian", "hessian_vector_product", "kink_distance", "largest_bias_window", "loss", "max_sparse_support",
    "maximal_dimensionality", "null_features", "preactivation", "reconstruct", "recovered_axes", "responses",
    "rounding_tolerance", "satisfies_criterion", "silent_features", "total_loss", "unflatten", "untouched_features",
    "zero_loss_bias", "zero_loss_test",
}  # fmt: skip
# Any kind of array in, fractions or a verdict out: they bring their arguments to the host.
AT_THE_EDGE = {"as_data", "cells", "check_smooth", "polytopes", "recovered_amplitudes", "zones"}
# No arrays in; NumPy arrays or fractions out.
MAKERS = {
    "antipodal_pairs", "antipodal_pairs_exact", "k_family", "parabola", "pentagon_measure", "pentagon_measure_exact",
    "polygon", "polygon_exact", "rational_polygon", "sensitive_polygon", "simplex", "simplex_exact",
    "symmetric_failure", "symmetric_failure_exact", "zero_loss_polygon", "zero_loss_polygon_exact",
}  # fmt: skip


def test_every_public_function_has_its_place() -> None:
    functions = {name for name in autoencoder.__all__ if inspect.isfunction(getattr(autoencoder, name))}
    assert functions == PORTABLE | AT_THE_EDGE | MAKERS


def test_functions_at_the_edge_take_every_kind(xp: Any) -> None:
    model = zero_loss_polygon(5)
    there = Parameters(xp.asarray(model.W), xp.asarray(model.b))
    assert zones(*there) == zones(*model)
    assert cells(*there) == cells(*model)
    assert polytopes(there.W) == polytopes(model.W)
    assert recovered_amplitudes(*there) == recovered_amplitudes(*model)
    check_smooth(there, xp.asarray(0.9 * np.eye(5)))


def test_axial_data_and_flat_parameters_keep_their_kind(xp: Any) -> None:
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(2, 2, 6)), rng.normal(size=(2, 6))
    model, there = Parameters(W, b), Parameters(xp.asarray(W), xp.asarray(b))
    same = np.testing.assert_allclose
    for data in (Axial(6), Axial(6, (0.5, 1.0), (2.0, 1.0)), UniformAxial(6)):
        for function in (loss, hessian, kink_distance):
            same(xp.to_numpy(function(there, data)), function(model, data), rtol=1e-12, atol=1e-13)
        for found, expected in (
            (gradient(there, data), gradient(model, data)),
            (hessian_vector_product(there, data, there), hessian_vector_product(model, data, model)),
        ):
            same(xp.to_numpy(flatten(found)), flatten(expected), rtol=1e-12, atol=1e-13)
    again = unflatten(flatten(there), 2, 6)
    same(xp.to_numpy(again.W), W)
    same(xp.to_numpy(again.b), b)
