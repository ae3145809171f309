"""Tests of relugeom.autoencoder.axial: against dense data, quadrature, the complex step and SymPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import (
    Axial,
    Parameters,
    UniformAxial,
    as_data,
    check_smooth,
    flatten,
    gradient,
    hessian,
    hessian_vector_product,
    kink_distance,
    loss,
    unflatten,
)
from relugeom.autoencoder.axial import is_identity
from relugeom.errors import ArgumentError, KinkError
from tests.oracles import complex_step, relative_error, uniform_gradient, uniform_loss
from tests.strategies import rotations, smooth_points

M, N = 2, 4
GRID = Axial(N, (0.25, 1.0, 1.5), (1, 2, 1))
DATA = (Axial(N), GRID, UniformAxial(N))
# GRID as an array, each example as often as its weight says.
GRID_EXAMPLES = np.concatenate([a * np.eye(N) for a in (0.25, 1.0, 1.0, 1.5)])


@pytest.mark.parametrize(("data", "X"), [(Axial(N), np.eye(N)), (GRID, GRID_EXAMPLES)])
@given(point=st.data())
def test_a_finite_grid_is_dense_data(data: Axial, X: Any, point: Any) -> None:
    model = point.draw(smooth_points(data, M, N, batch=(3,)))
    direction = Parameters(np.sin(np.arange(8.0)).reshape(2, 4), np.cos(np.arange(4.0)))
    assert relative_error(loss(model, data), loss(model, X)) < 1e-12
    assert relative_error(flatten(gradient(model, data)), flatten(gradient(model, X))) < 1e-12
    assert relative_error(hessian(model, data), hessian(model, X)) < 1e-12
    ours, theirs = (hessian_vector_product(model, examples, direction) for examples in (data, X))
    assert relative_error(flatten(ours), flatten(theirs)) < 1e-12
    assert relative_error(kink_distance(model, data), kink_distance(model, X)) < 1e-12


@given(smooth_points(UniformAxial(N), M, N))
def test_uniform_derivatives_are_complex_steps(model: Parameters) -> None:
    data, theta = UniformAxial(N), flatten(model)
    assert relative_error(loss(model, data), uniform_loss(theta, M, N)) < 1e-12
    slopes = complex_step(lambda point: uniform_loss(point, M, N), theta)
    assert relative_error(flatten(gradient(model, data)), slopes) < 1e-10
    curvatures = complex_step(lambda point: uniform_gradient(point, M, N), theta)
    assert relative_error(hessian(model, data), curvatures) < 1e-10


def test_uniform_loss_and_hessian_are_sympys() -> None:
    """One feature, active from a* = −b/w² on: every term of the Hessian, the moving end's too."""
    w, b, a = sympy.symbols("w b a")
    end = -b / w**2
    value = sympy.integrate((a * (w**2 - 1) + b) ** 2, (a, end, 1)) + sympy.integrate(a**2, (a, 0, end))
    point = {w: sympy.Rational(5, 4), b: sympy.Rational(-3, 8)}
    model = Parameters([[1.25]], [-0.375])
    assert relative_error(loss(model, UniformAxial(1)), float(value.subs(point))) < 1e-14
    slopes = [float(value.diff(x).subs(point)) for x in (w, b)]
    assert relative_error(flatten(gradient(model, UniformAxial(1))), slopes) < 1e-14
    curvatures = [[float(value.diff(x, y).subs(point)) for x in (w, b)] for y in (w, b)]
    assert relative_error(hessian(model, UniformAxial(1)), curvatures) < 1e-13


@given(smooth_points(UniformAxial(N), M, N, distance=1e-2))
def test_uniform_hessian_is_a_difference_of_gradients(model: Parameters) -> None:
    theta, step = flatten(model), 1e-6
    shifted = unflatten(theta + step * np.concatenate([np.eye(12), -np.eye(12)]), M, N)
    slopes = flatten(gradient(shifted, UniformAxial(N)))
    assert relative_error(hessian(model, UniformAxial(N)), (slopes[:12] - slopes[12:]) / (2 * step)) < 1e-3


@pytest.mark.parametrize("data", DATA, ids=repr)
@given(draw=st.data())
def test_hessian_vector_products_rotations_and_permutations(data: Any, draw: Any) -> None:
    model = draw.draw(smooth_points(data, M, N))
    Q, order = draw.draw(rotations(M)), draw.draw(st.permutations(range(N)))
    v = np.random.default_rng(0).normal(size=M * N + N)
    H = hessian(model, data)
    assert relative_error(flatten(hessian_vector_product(model, data, unflatten(v, M, N))), H @ v) < 1e-12
    assert relative_error(H, H.T) < 1e-13
    turned = Parameters((Q @ model.W)[:, order], model.b[order])
    assert relative_error(loss(turned, data), loss(model, data)) < 1e-12
    assert relative_error(gradient(turned, data).W, (Q @ gradient(model, data).W)[:, order]) < 1e-10
    assert relative_error(kink_distance(turned, data), kink_distance(model, data)) < 1e-12


@pytest.mark.parametrize("data", DATA, ids=repr)
def test_a_batch_is_a_loop_for_every_kind_of_array(data: Any, xp: Any) -> None:
    rng = np.random.default_rng(3)
    W, b = rng.normal(size=(2, 3, M, N)), rng.normal(size=(2, 3, N)) / 2
    batch = Parameters(xp.asarray(W), xp.asarray(b))
    values, slopes = xp.to_numpy(loss(batch, data)), xp.to_numpy(flatten(gradient(batch, data)))
    curvatures, near = xp.to_numpy(hessian(batch, data)), xp.to_numpy(kink_distance(batch, data))
    products = xp.to_numpy(flatten(hessian_vector_product(batch, data, batch)))
    for index in np.ndindex(2, 3):
        one = Parameters(W[index], b[index])
        np.testing.assert_allclose(values[index], loss(one, data), rtol=1e-12)
        np.testing.assert_allclose(slopes[index], flatten(gradient(one, data)), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(curvatures[index], hessian(one, data), rtol=1e-11, atol=1e-13)
        np.testing.assert_allclose(near[index], kink_distance(one, data), rtol=1e-12)
        np.testing.assert_allclose(
            products[index], flatten(hessian_vector_product(one, data, one)), rtol=1e-11, atol=1e-13
        )


@pytest.mark.parametrize("data", DATA, ids=repr)
def test_without_bias_the_bias_rows_are_gone(data: Any) -> None:
    W = np.random.default_rng(4).normal(size=(M, N))
    bare, zero = Parameters(W), Parameters(W, np.zeros(N))
    np.testing.assert_array_equal(hessian(bare, data), hessian(zero, data)[: M * N, : M * N])
    assert gradient(bare, data).b is None
    assert hessian_vector_product(bare, data, bare).b is None
    assert hessian(Parameters(W.astype(np.float32)), data).dtype == np.float32


def test_published_pentagon_and_square() -> None:
    """3n L of Chen et al. (2023): h_5 = 0.23738 at radius 1.17046, bias −0.28230; h_4 = 0 at 1 and 0."""
    angles = 2 * np.pi * np.arange(5) / 5
    W = 1.17046 * np.array([np.cos(angles), np.sin(angles)])
    pentagon = Parameters(W, np.full(5, -0.28230))
    assert abs(15 * loss(pentagon, UniformAxial(5)) - 0.23738) < 1e-5
    assert np.max(np.abs(flatten(gradient(pentagon, UniformAxial(5))))) < 1e-4
    square = Parameters([[1.0, 0, -1, 0], [0, 1.0, 0, -1]], np.zeros(4))
    assert loss(square, UniformAxial(4)) == 0
    assert kink_distance(square, UniformAxial(4)) == 0
    with pytest.raises(KinkError):
        check_smooth(square, UniformAxial(4))
    # With a bias the orthogonal pairs leave the kink, by as much as the bias.
    assert kink_distance(Parameters(square.W, np.full(4, 0.5)), UniformAxial(4)) == 0.5


def test_a_dead_feature_with_its_best_bias() -> None:
    """w = 0 and b = 1/(2n) change 3n L of a lost feature from 1 to 2 − 3/(4n) in all, as published."""
    n = 5
    W = np.concatenate([np.eye(2), -np.eye(2), np.zeros((2, 1))], axis=1)
    dead, best = Parameters(W, [0, 0, 0, 0, -1.0]), Parameters(W, [0, 0, 0, 0, 1 / (2 * n)])
    assert relative_error(3 * n * loss(dead, UniformAxial(n)), 1) < 1e-14
    assert relative_error(3 * n * loss(best, UniformAxial(n)), 1 - 3 / (4 * n)) < 1e-14
    assert abs(gradient(best, UniformAxial(n)).b[4]) < 1e-16


def test_uniform_kinks_are_where_the_hessian_jumps() -> None:
    """On g + b = 0 on the diagonal the curvature jumps; where b passes 0 and g does not, it does not."""
    W = np.array([[1.5]])

    def curvature(b: float) -> Any:
        return hessian(Parameters(W, [b]), UniformAxial(1))

    assert kink_distance(Parameters(W, [-2.25]), UniformAxial(1)) == 0
    assert np.max(np.abs(curvature(-2.25 + 1e-9) - curvature(-2.25 - 1e-9))) > 0.1
    assert kink_distance(Parameters(W, [0.0]), UniformAxial(1)) == 2.25
    assert np.max(np.abs(curvature(1e-9) - curvature(-1e-9))) < 1e-7


def test_amplitudes_and_weights_are_normalised_and_checked() -> None:
    assert Axial(3, [1, 2], [1, 3]).weights == (0.25, 0.75)
    assert Axial(3).amplitudes == (1.0,)
    for arguments, message in (
        ((0,), "n must be a positive integer; got 0"),
        ((True,), "n must be a positive integer; got True"),
        ((3, []), "amplitudes must be positive finite numbers"),
        ((3, 2.0), "amplitudes must be positive finite numbers, at least one; got 2.0"),
        ((3, "one"), "amplitudes must be positive finite numbers, at least one; got 'one'"),
        ((3, [1.0], [10**400]), "weights must be positive finite numbers"),
        ((3, [0.0]), "amplitudes must be positive finite numbers"),
        ((3, [1.0], [float("inf")]), "weights must be positive finite numbers"),
        ((3, [1.0], [1, 2]), "weights must have 1 entries; got 2"),
    ):
        with pytest.raises(ArgumentError, match=message):
            Axial(*arguments)
    with pytest.raises(ArgumentError, match=r"W must have n = 3 columns for this data set; got \(2, 4\)"):
        loss(Parameters(np.ones((2, 4))), UniformAxial(3))


def test_an_output_of_exactly_zero_counts_as_inactive() -> None:
    """ReLU'(0) = 0, as for the dense definition."""
    at_zero = Parameters(np.zeros((1, 2)), np.zeros(2))
    assert not np.any(gradient(at_zero, Axial(2)).b)
    orthogonal = Parameters(np.eye(2), np.zeros(2))
    np.testing.assert_array_equal(hessian(orthogonal, Axial(2)), hessian(orthogonal, np.eye(2)))


def test_only_amplitude_one_alone_is_the_identity() -> None:
    assert is_identity(Axial(4))
    assert is_identity(Axial(4, [1]))
    for data in (Axial(4, (0.5,)), Axial(4, (0.5, 1.0)), UniformAxial(4), as_data(np.eye(4))):
        assert not is_identity(data)
    assert Axial(2, (1.0, 2.0), (1.0, 3.0)).grid == [(0.25, 1.0), (0.75, 2.0)]
