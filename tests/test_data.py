"""Tests of relugeom.autoencoder.data and parameters: one protocol for all data, tied and untied, one model or many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import (
    Axial,
    DataSet,
    DenseExamples,
    Independent,
    Parameters,
    SparseExamples,
    UniformAxial,
    as_data,
    dead_features,
    encode,
    flatten,
    gradient,
    hessian,
    hessian_vector_product,
    kink_distance,
    loss,
    null_features,
    preactivation,
    silent_features,
    total_loss,
    unflatten,
    untouched_features,
)
from relugeom.errors import ArgumentError
from tests.oracles import complex_step, relative_error, untied_gradient, untied_loss
from tests.strategies import sparse_batches

M, N, T = 2, 4, 6


def untied(seed: int, m: int = M, n: int = N, batch: tuple[int, ...] = ()) -> Parameters:
    rng = np.random.default_rng(seed)
    return Parameters(
        rng.normal(size=(*batch, m, n)), rng.normal(size=(*batch, n)) / 2, rng.normal(size=(*batch, n, m))
    )


def every_kind(seed: int = 0) -> list[DataSet]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(0.1, 1, size=(T, N)) * (rng.uniform(size=(T, N)) < 0.6)
    return [
        as_data(X),
        SparseExamples.from_dense(X),
        Axial(N),
        Axial(N, (0.3, 1.0), (2.0, 1.0)),
        UniformAxial(N),
        Independent(N, 0.7),
        Independent(N, 0.6, (1.0, 0.9, 0.8, 0.7), values="one"),
        DenseExamples(X, (2.0, 1.0, 0.0, 0.5)),
    ]


def test_every_kind_of_data_is_a_data_set() -> None:
    X = np.eye(3)
    assert isinstance(as_data(X), DenseExamples)
    for data in every_kind():
        assert as_data(data) is data
    assert (as_data(X).T, as_data(X.tolist()).n, Axial(5).T, UniformAxial(7).T) == (3, 3, 5, 7)
    with pytest.raises(ArgumentError, match=r"X must have shape \(\.\.\., T, n\); got \(3,\)"):
        as_data([1.0, 2.0, 3.0])
    for words in ("identity", None):
        with pytest.raises(ArgumentError, match=r"X must be a data set or an array.*For X = I give Axial\(n\)"):
            as_data(words)
    with pytest.raises(ArgumentError, match="X must be a rectangular array"):
        as_data([[1.0], [1.0, 2.0]])


@given(sparse_batches(T, N), st.integers(0, 2**32 - 1))
def test_an_untied_gradient_is_the_complex_step_of_the_loss(X: Any, seed: int) -> None:
    model = untied(seed)
    theta = flatten(model)
    assert relative_error(loss(model, X), untied_loss(theta, X, M, N)) < 1e-12
    expected = complex_step(lambda at: untied_loss(at, X, M, N), theta)
    assert relative_error(flatten(gradient(model, X)), expected) < 1e-10


@given(sparse_batches(T, N), st.integers(0, 2**32 - 1))
def test_an_untied_hessian_is_the_complex_step_of_the_gradient(X: Any, seed: int) -> None:
    model = untied(seed)
    expected = complex_step(lambda at: untied_gradient(at, X, M, N), flatten(model))
    assert relative_error(hessian(model, X), expected) < 1e-10
    direction = np.random.default_rng(seed + 1).normal(size=expected.shape[0])
    way = unflatten(direction, M, N, untied=True)
    assert relative_error(flatten(hessian_vector_product(model, X, way)), expected @ direction) < 1e-10


@pytest.mark.parametrize("data", every_kind(), ids=lambda data: type(data).__name__)
@pytest.mark.parametrize("tied", [True, False])
def test_derivatives_are_differences_for_every_kind_of_data(data: DataSet, tied: bool) -> None:
    model = untied(3)
    model = Parameters(model.W, model.b) if tied else model
    theta = flatten(model)
    step = 1e-6
    moved = [
        [unflatten(theta + sign * step * unit, M, N, untied=not tied) for sign in (1, -1)]
        for unit in np.eye(len(theta))
    ]
    slopes = np.array([loss(plus, data) - loss(minus, data) for plus, minus in moved]) / (2 * step)
    assert relative_error(flatten(gradient(model, data)), slopes) < 1e-7
    columns = np.array([flatten(gradient(plus, data)) - flatten(gradient(minus, data)) for plus, minus in moved])
    assert relative_error(hessian(model, data), columns / (2 * step)) < 1e-6


@pytest.mark.parametrize(("m", "n"), [(1, 2), (2, 2)])
def test_untied_derivatives_are_sympys(m: int, n: int) -> None:
    rng = np.random.default_rng(m + n)
    X, model = rng.uniform(size=(3, n)), untied(5, m, n)
    theta = sympy.symbols(f"t:{2 * m * n + n}")
    W, b = sympy.Matrix(m, n, theta[: m * n]), sympy.Matrix(theta[m * n : m * n + n])
    R = sympy.Matrix(n, m, theta[m * n + n :])
    value = sympy.Integer(0)
    for x, active in zip(X, preactivation(model, X) > 0, strict=True):
        z = R * W * sympy.Matrix([sympy.Rational(float(entry)) for entry in x]) + b
        value += sum((sympy.Rational(float(x[i])) - (z[i] if active[i] else 0)) ** 2 for i in range(n)) / 3
    point = {symbol: sympy.Rational(float(number)) for symbol, number in zip(theta, flatten(model), strict=True)}
    slopes = [sympy.diff(value, symbol) for symbol in theta]
    exact = np.array([[float(sympy.diff(slope, t).subs(point)) for t in theta] for slope in slopes])
    assert relative_error(flatten(gradient(model, X)), [float(slope.subs(point)) for slope in slopes]) < 1e-12
    assert relative_error(hessian(model, X), exact) < 1e-12


@pytest.mark.parametrize("data", every_kind(), ids=lambda data: type(data).__name__)
def test_a_decoder_that_is_the_transpose_changes_nothing_but_what_moves(data: DataSet) -> None:
    W, b, _ = untied(1)
    tied, apart = Parameters(W, b), Parameters(W, b, W.T)
    assert relative_error(loss(apart, data), loss(tied, data)) < 1e-14
    one, two = gradient(tied, data), gradient(apart, data)
    np.testing.assert_allclose(two.W + two.decoder.T, one.W, atol=1e-13)
    np.testing.assert_allclose(two.b, one.b, atol=1e-13)
    # Along directions that keep the decoder the transpose, the curvatures are those of the tied model.
    V, c = np.ones((M, N)), np.arange(N) / N
    curved = hessian_vector_product(apart, data, Parameters(V, c, V.T))
    np.testing.assert_allclose(
        curved.W + curved.decoder.T, hessian_vector_product(tied, data, Parameters(V, c)).W, atol=1e-12
    )
    for question in (dead_features, silent_features, kink_distance):
        np.testing.assert_allclose(question(apart, data), question(tied, data))


def test_stored_by_non_zeros_or_not_the_answers_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    dense, sparse = every_kind()[:2]
    for size in (1, 2 * N + 1, 10**6):  # a row at a time, two, all
        monkeypatch.setattr("relugeom.autoencoder.examples._DENSE", size)
        for model in (
            untied(2),
            Parameters(untied(2).W),
            untied(4, batch=(3,)),
        ):
            np.testing.assert_allclose(loss(model, sparse), loss(model, dense), rtol=1e-13)
            np.testing.assert_allclose(total_loss(model, sparse), T * loss(model, dense), rtol=1e-13)
            np.testing.assert_allclose(
                flatten(gradient(model, sparse)), flatten(gradient(model, dense)), rtol=1e-12, atol=1e-14
            )
            np.testing.assert_allclose(hessian(model, sparse), hessian(model, dense), rtol=1e-12, atol=1e-13)
            for question in (kink_distance, dead_features, silent_features):
                np.testing.assert_allclose(question(model, sparse), question(model, dense), rtol=1e-12)
    np.testing.assert_array_equal(untouched_features(sparse), untouched_features(dense))


def test_axial_data_are_the_examples_that_they_stand_for() -> None:
    X = np.concatenate([np.eye(N), 0.5 * np.eye(N)])
    model = untied(6)
    data = Axial(N, (1.0, 0.5))
    np.testing.assert_allclose(loss(model, data), loss(model, X), rtol=1e-13)
    np.testing.assert_allclose(total_loss(model, data), N * loss(model, X), rtol=1e-13)
    np.testing.assert_allclose(hessian(model, data), hessian(model, X), atol=1e-13)
    np.testing.assert_array_equal(dead_features(model, data), dead_features(model, X))
    np.testing.assert_array_equal(silent_features(model, data), silent_features(model, X))


def test_lost_features_by_hand() -> None:
    # 0 and 1 share a line, 2 has w = 0 and b > 0, 3 is below 0 everywhere, 4 is 0 on its own example and on elsewhere.
    W = np.array([[1.0, -1.0, 0.0, 0.5, -0.5]])
    b = np.array([0.0, 0.0, 0.1, -2.0, -0.25])
    model = Parameters(W, b)
    for data in (np.eye(5), Axial(5), SparseExamples.from_dense(np.eye(5))):
        assert np.flatnonzero(null_features(model)).tolist() == [2]
        assert np.flatnonzero(dead_features(model, data)).tolist() == [3]
        assert np.flatnonzero(silent_features(model, data)).tolist() == [3, 4]
        assert not untouched_features(data).any()
    assert untouched_features(np.eye(5)[:3]).tolist() == [False] * 3 + [True] * 2
    assert np.flatnonzero(silent_features(model, np.eye(5)[:3])).tolist() == [3, 4]
    assert null_features(Parameters(np.zeros((2, 3)))).all()
    # With amplitudes in (0, 1], a negative gain and b = 0: below 0 at every one of them, though not at its limit.
    assert dead_features(Parameters([[1.0]], [0.0], [[-1.0]]), UniformAxial(1)).all()
    assert not dead_features(Parameters([[1.0]], [0.0], [[0.0]]), UniformAxial(1)).any()


def test_a_batch_is_a_loop_for_every_kind_of_data() -> None:
    many = untied(7, batch=(2, 3))
    for data in every_kind():
        for index in np.ndindex(2, 3):
            one = Parameters(many.W[index], many.b[index], many.decoder[index])
            np.testing.assert_allclose(loss(many, data)[index], loss(one, data), rtol=1e-12)
            np.testing.assert_allclose(hessian(many, data)[index], hessian(one, data), atol=1e-12)


def test_leading_axes_that_do_not_fit_are_named() -> None:
    rng = np.random.default_rng(0)
    W, b, X = rng.normal(size=(3, 2, 5)), rng.normal(size=(3, 5)), rng.uniform(size=(7, 3, 5))
    for function in (loss, gradient, hessian, kink_distance, encode, preactivation):
        with pytest.raises(ArgumentError, match=r"leading axes must be those of one batch; got .*\(3,\), X \(7,\)"):
            function(Parameters(W, b), X)
    with pytest.raises(ArgumentError, match=r"W \(3,\), b \(4,\)"):
        loss(Parameters(W, np.zeros((4, 5))), Axial(5))


def test_a_bias_may_stand_as_a_column() -> None:
    model = untied(8)
    flat, column = Parameters(model.W, model.b), Parameters(model.W, model.b[:, None])
    many = Parameters(np.stack([model.W] * 3), np.stack([model.b[:, None]] * 3))
    for data in every_kind():
        assert loss(column, data) == loss(flat, data)
        np.testing.assert_array_equal(gradient(column, data).b, gradient(flat, data).b)
        assert loss(many, data).shape == (3,)
    one = Parameters(np.ones((2, 1)), np.ones((4, 1)))  # n = 1: four biases, not a column
    assert loss(one, Axial(1)).shape == (4,)


def test_a_model_unpacks_to_what_it_has() -> None:
    W, b = Parameters([[1.0]])
    assert b is None
    with pytest.raises(ValueError, match="too many values"):
        W, b = untied(0)
    W, b, decoder = untied(0)
    assert decoder.shape == (N, M)
    assert Parameters(W, b).tied
    assert not untied(0).tied
    assert loss((W, b), np.eye(N)) == loss(Parameters(W, b), np.eye(N))


def test_flat_untied_parameters_are_undone() -> None:
    model = untied(9, batch=(2,))
    again = unflatten(flatten(model), M, N, untied=True)
    np.testing.assert_array_equal(again.W, model.W)
    np.testing.assert_array_equal(again.b, model.b)
    np.testing.assert_array_equal(again.decoder, model.decoder)
    bare = unflatten(flatten(Parameters(model.W, None, model.decoder)), M, N, untied=True)
    assert bare.b is None
    np.testing.assert_array_equal(bare.decoder, model.decoder)


def test_wrong_decoders_and_directions_are_named() -> None:
    model = untied(0)
    with pytest.raises(ArgumentError, match=r"decoder must have shape \(\.\.\., n, m\) with n = 4 and m = 2"):
        loss(Parameters(model.W, model.b, model.W), np.eye(N))
    with pytest.raises(ArgumentError, match="direction must have a decoder exactly where parameters has one"):
        hessian_vector_product(model, np.eye(N), Parameters(model.W, model.b))


def test_importance_weighs_the_outputs_of_dense_examples() -> None:
    """The loss by its definition, its gradient by the complex step, and equal importance is none."""
    rng = np.random.default_rng(6)
    X, weights = rng.uniform(size=(T, N)), np.array([2.0, 1.0, 0.0, 0.5])
    W, b, R = untied(5)
    data = DenseExamples(X, weights)

    def plain(W: Any, b: Any, R: Any) -> Any:
        Z = X @ W.T @ R.T + b
        return (((Z.real > 0) * Z - X) ** 2 @ weights).mean()

    assert float(loss(Parameters(W, b, R), data)) == pytest.approx(float(plain(W, b, R)))
    found = gradient(Parameters(W, b, R), data)
    for place, slope in enumerate(found):
        for index in np.ndindex(slope.shape):
            parts = [np.array(part, complex) for part in (W, b, R)]
            parts[place][index] += 1e-30j
            assert slope[index] == pytest.approx(plain(*parts).imag / 1e-30, abs=1e-13)
    ones = DenseExamples(X, [1] * N)
    np.testing.assert_array_equal(hessian(Parameters(W, b), ones), hessian(Parameters(W, b), X))


@pytest.mark.parametrize("importance", [[1, 1], [1, 1, -1, 1], [1, 1, 1, float("nan")], "much", [[1] * N]])
def test_bad_importance_is_named(importance: Any) -> None:
    for make in (lambda: DenseExamples(np.eye(N), importance), lambda: Independent(N, 0.5, importance)):
        with pytest.raises(ArgumentError, match="importance must be 4 finite numbers that are not negative; got"):
            make()


def test_untied_models_keep_their_kind_of_array(xp: Any) -> None:
    model = untied(4, batch=(2,))
    there = Parameters(*(xp.asarray(part) for part in model))
    for data in (data for data in every_kind() if not isinstance(data, Independent)):  # whose sums are NumPy's
        place = DenseExamples(xp.asarray(data.X), data.importance) if isinstance(data, DenseExamples) else data
        for function in (loss, hessian, kink_distance, total_loss, dead_features, silent_features):
            np.testing.assert_allclose(xp.to_numpy(function(there, place)), function(model, data), atol=1e-12)
        np.testing.assert_allclose(
            xp.to_numpy(flatten(gradient(there, place))), flatten(gradient(model, data)), atol=1e-12
        )
    np.testing.assert_array_equal(xp.to_numpy(null_features(there)), null_features(model))
