"""Tests of relugeom.autoencoder.model: values by hand, derivatives against the complex step and SymPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import (
    Parameters,
    check_smooth,
    encode,
    flatten,
    gradient,
    gram,
    hessian,
    hessian_vector_product,
    kink_distance,
    loss,
    preactivation,
    reconstruct,
    unflatten,
)
from relugeom.errors import ArgumentError, KinkError
from tests.oracles import complex_step, dense_gradient, dense_loss, relative_error
from tests.strategies import parameters, rotations, smooth_points, sparse_batches

M, N, T = 2, 4, 6


@st.composite
def cases(draw: st.DrawFn) -> tuple[Parameters, Any]:
    X = draw(sparse_batches(T, N))
    return draw(smooth_points(X, M, N)), X


def test_values_by_hand() -> None:
    model = Parameters([[1.0, -1.0, 0.5]], [0.0, 0.25, -1.0])
    X = [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]
    assert encode(model, X).tolist() == [[2.0], [-1.0]]
    assert preactivation(model, X).tolist() == [[2.0, -1.75, 0.0], [-1.0, 1.25, -1.5]]
    assert reconstruct(model, X).tolist() == [[2.0, 0.0, 0.0], [0.0, 1.25, 0.0]]
    assert loss(model, X) == ((1 + 0 + 4) + (0 + 0.25**2 + 0)) / 2
    assert gram(model.W).tolist() == [[1.0, -1.0, 0.5], [-1.0, 1.0, -0.5], [0.5, -0.5, 0.25]]
    assert kink_distance(model, X) == 0.0


def test_the_slope_at_a_kink_is_that_of_the_inactive_side() -> None:
    at_kink = gradient(Parameters([[0.0]], [0.0]), [[1.0]])
    assert at_kink.W.tolist() == [[0.0]]
    assert at_kink.b.tolist() == [0.0]


@given(cases())
def test_gradient_is_the_complex_step_of_the_loss(case: tuple[Parameters, Any]) -> None:
    model, X = case
    expected = complex_step(lambda theta: dense_loss(theta, X, M, N), flatten(model))
    assert relative_error(flatten(gradient(model, X)), expected) < 1e-10


@given(cases())
def test_hessian_is_the_complex_step_of_the_gradient(case: tuple[Parameters, Any]) -> None:
    model, X = case
    expected = complex_step(lambda theta: dense_gradient(theta, X, M, N), flatten(model))
    assert relative_error(hessian(model, X), expected) < 1e-10


@given(cases(), st.integers(0, 2**32 - 1))
def test_hessian_vector_product_is_a_difference_of_gradients(case: tuple[Parameters, Any], seed: int) -> None:
    model, X = case
    direction = np.random.default_rng(seed).normal(size=M * N + N)
    direction /= np.linalg.norm(direction)
    # Within one activation pattern the gradient is a cubic polynomial: this five-point rule is exact for it.
    step = min(1e-2, float(kink_distance(model, X)) / (50 * (1 + float(np.linalg.norm(flatten(model))))))

    def at(k: int) -> Any:
        return flatten(gradient(unflatten(flatten(model) + k * step * direction, M, N), X))

    difference = (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * step)
    product = flatten(hessian_vector_product(model, X, unflatten(direction, M, N)))
    assert relative_error(product, difference) < 1e-9
    assert relative_error(product, hessian(model, X) @ direction) < 1e-12


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 2), (2, 3)])
def test_derivatives_are_sympys(m: int, n: int) -> None:
    rng = np.random.default_rng(m + n)
    X = rng.uniform(size=(3, n))
    model = Parameters(rng.normal(size=(m, n)), rng.normal(size=n) / 2)
    theta = sympy.symbols(f"t:{m * n + n}")
    W, b = sympy.Matrix(m, n, theta[: m * n]), sympy.Matrix(theta[m * n :])
    value = sympy.Integer(0)
    for x, active in zip(X, preactivation(model, X) > 0, strict=True):
        column = sympy.Matrix([sympy.Rational(float(entry)) for entry in x])
        z = W.T * W * column + b
        value += sum((column[i] - (z[i] if active[i] else 0)) ** 2 for i in range(n)) / 3
    point = {symbol: sympy.Rational(float(number)) for symbol, number in zip(theta, flatten(model), strict=True)}
    slopes = [sympy.diff(value, symbol) for symbol in theta]
    exact_gradient = np.array([float(slope.subs(point)) for slope in slopes])
    exact_hessian = np.array([[float(sympy.diff(s, t).subs(point)) for t in theta] for s in slopes])
    assert relative_error(loss(model, X), float(value.subs(point))) < 1e-13
    assert relative_error(flatten(gradient(model, X)), exact_gradient) < 1e-12
    assert relative_error(hessian(model, X), exact_hessian) < 1e-12


@given(cases(), st.data())
def test_rotations_of_the_latent_space_change_nothing(case: tuple[Parameters, Any], data: Any) -> None:
    model, X = case
    Q = data.draw(rotations(M))
    turned = Parameters(Q @ model.W, model.b)
    assert relative_error(loss(turned, X), loss(model, X)) < 1e-12
    assert relative_error(Q.T @ gradient(turned, X).W, gradient(model, X).W) < 1e-10
    assert relative_error(gradient(turned, X).b, gradient(model, X).b) < 1e-10


@given(cases(), st.permutations(range(N)))
def test_permutations_of_the_features_permute(case: tuple[Parameters, Any], order: list[int]) -> None:
    model, X = case
    shuffled = Parameters(model.W[:, order], model.b[order])
    assert relative_error(loss(shuffled, X[:, order]), loss(model, X)) < 1e-12
    assert relative_error(gradient(shuffled, X[:, order]).W, gradient(model, X).W[:, order]) < 1e-10


def test_a_batch_is_a_loop() -> None:
    rng = np.random.default_rng(0)
    W, b, X = rng.normal(size=(2, 3, M, N)), rng.normal(size=(2, 3, N)), rng.uniform(size=(T, N))
    V, c = rng.normal(size=(2, 3, M, N)), rng.normal(size=(2, 3, N))
    batch, directions = Parameters(W, b), Parameters(V, c)
    for index in np.ndindex(2, 3):
        one = Parameters(W[index], b[index])
        same = np.testing.assert_allclose
        same(loss(batch, X)[index], loss(one, X), rtol=1e-13)
        same(flatten(gradient(batch, X))[index], flatten(gradient(one, X)), rtol=1e-12, atol=1e-13)
        same(hessian(batch, X)[index], hessian(one, X), rtol=1e-12, atol=1e-13)
        same(kink_distance(batch, X)[index], kink_distance(one, X), rtol=1e-13)
        product = hessian_vector_product(batch, X, directions)
        alone = hessian_vector_product(one, X, Parameters(V[index], c[index]))
        same(product.W[index], alone.W, rtol=1e-12, atol=1e-13)
        same(product.b[index], alone.b, rtol=1e-12, atol=1e-13)


def test_every_kind_of_array_stays_itself(xp: Any) -> None:
    rng = np.random.default_rng(1)
    W, b, X = rng.normal(size=(3, M, N)), rng.normal(size=(3, N)), rng.uniform(size=(T, N))
    model, there, X_there = Parameters(W, b), Parameters(xp.asarray(W), xp.asarray(b)), xp.asarray(X)
    same = np.testing.assert_allclose
    for function in (loss, encode, preactivation, reconstruct, hessian, kink_distance):
        same(xp.to_numpy(function(there, X_there)), function(model, X), rtol=1e-12, atol=1e-13)
    for result, expected in (
        (gradient(there, X_there), gradient(model, X)),
        (hessian_vector_product(there, X_there, there), hessian_vector_product(model, X, model)),
    ):
        same(xp.to_numpy(flatten(result)), flatten(expected), rtol=1e-12, atol=1e-13)
    same(xp.to_numpy(gram(there.W)), gram(W), rtol=1e-12)
    check_smooth(there, X_there)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_kept(xp: Any, dtype: str) -> None:
    model, X = (
        Parameters(xp.asarray(np.eye(2), dtype), xp.asarray([1, 2], dtype)),
        xp.asarray(np.eye(2), dtype),
    )
    for result in (loss(model, X), hessian(model, X), gradient(model, X).W, reconstruct(model, X)):
        assert result.dtype == getattr(xp.namespace, dtype)


@given(parameters())
def test_a_model_without_bias_is_one_with_bias_zero(model: Parameters) -> None:
    m, n = model.W.shape
    X = np.random.default_rng(n).uniform(size=(T, n))
    bare, zero = Parameters(model.W), Parameters(model.W, np.zeros(n))
    assert loss(bare, X) == loss(zero, X)
    assert gradient(bare, X).b is None
    np.testing.assert_array_equal(gradient(bare, X).W, gradient(zero, X).W)
    np.testing.assert_allclose(hessian(bare, X), hessian(zero, X)[: m * n, : m * n], rtol=1e-12, atol=1e-13)
    assert hessian_vector_product(bare, X, bare).b is None


@given(parameters(batch=(2,)))
def test_flatten_is_row_major_and_undone(model: Parameters) -> None:
    m, n = model.W.shape[-2:]
    vector = flatten(model)
    np.testing.assert_array_equal(vector[1], [*model.W[1].ravel(), *model.b[1]])
    np.testing.assert_array_equal(unflatten(vector, m, n).W, model.W)
    np.testing.assert_array_equal(unflatten(vector, m, n).b, model.b)
    assert unflatten(flatten(Parameters(model.W)), m, n).b is None


def test_points_near_a_kink_are_refused() -> None:
    near, far = Parameters([[1.0]], [-1.0 + 1e-6]), Parameters([[1.0]], [1.0])
    check_smooth(near, [[1.0]])
    check_smooth(near, [[1.0]], 1e-7)
    check_smooth(far, [[1.0]], 1.0)
    with pytest.raises(KinkError, match=r"within 1e-05 of a kink.*nearest: 1e-06"):
        check_smooth(near, [[1.0]], 1e-5)
    with pytest.raises(KinkError):
        check_smooth(Parameters([[1.0]], [-1.0]), [[1.0]])
    with pytest.raises(KinkError, match="1 of 2 models"):
        check_smooth(Parameters([[[1.0]], [[1.0]]], [[-1.0], [1.0]]), [[1.0]])
    with pytest.raises(KinkError):
        check_smooth(Parameters([[np.nan]], [1.0]), [[1.0]])


@pytest.mark.parametrize(
    ("model", "X", "message"),
    [
        (Parameters([1.0] * 5), [[1.0]], r"W must have shape \(\.\.\., m, n\); got \(5,\)"),
        (
            Parameters([[1.0, 2.0]], [1.0]),
            [[1.0, 2.0]],
            r"b must have shape \(\.\.\., n\) with n = 2; got \(1,\)",
        ),
        (Parameters([[1.0, 2.0]]), [[1.0]], r"X must have shape \(\.\.\., T, n\) with n = 2; got \(1, 1\)"),
        (np.eye(2), [[1.0, 2.0]], r"parameters must be Parameters\(W, b, decoder\); got ndarray"),
    ],
)
def test_wrong_shapes_are_named(model: Any, X: Any, message: str) -> None:
    for function in (loss, gradient, hessian, kink_distance, reconstruct):
        with pytest.raises(ArgumentError, match=message):
            function(model, X)


def test_wrong_directions_and_vectors_are_named() -> None:
    model, X = Parameters([[1.0, 2.0]], [0.0, 0.0]), [[1.0, 2.0]]
    with pytest.raises(ArgumentError, match=r"direction\.W must have shape .* with m = 1 and n = 2; got \(1, 3\)"):
        hessian_vector_product(model, X, Parameters([[1.0, 2.0, 3.0]], [0.0, 0.0]))
    with pytest.raises(ArgumentError, match="direction must have a bias exactly where"):
        hessian_vector_product(model, X, Parameters([[1.0, 2.0]]))
    with pytest.raises(ArgumentError, match="vector must have 4 or 2 entries for m = 1, n = 2; got 3"):
        unflatten([1.0, 2.0, 3.0], 1, 2)


def test_shapes_are_checked_before_anything_is_computed() -> None:
    for function in (gram, lambda W: flatten(Parameters(W))):
        with pytest.raises(ArgumentError, match="W must have shape"):
            function(np.ones(3))
