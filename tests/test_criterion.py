"""Tests of relugeom.autoencoder.criterion."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import (
    Axial,
    Parameters,
    activation_thresholds,
    antipodal_pairs,
    has_working_bias,
    largest_bias_window,
    loss,
    max_sparse_support,
    parabola,
    polygon,
    recovered_axes,
    responses,
    rounding_tolerance,
    satisfies_criterion,
    zero_loss_bias,
    zero_loss_polygon,
    zero_loss_polygon_exact,
    zero_loss_test,
)
from relugeom.errors import ArgumentError
from tests.strategies import integer_weights, parameters, rational_matrices, rotations, weights


def criterion_by_hand(A: Any) -> list[bool]:
    """A_ii > 0 and the rest of row i not positive, one entry at a time."""
    n = len(A)
    return [A[i][i] > 0 and all(A[i][j] <= 0 for j in range(n) if j != i) for i in range(n)]


@given(st.integers(1, 6).flatmap(lambda n: st.tuples(integer_weights(2, n), integer_weights(n, 2))), st.data())
def test_recovered_axes_by_definition(matrices: tuple[Any, Any], data: Any) -> None:
    W, decoder = matrices
    n = W.shape[1]
    b = np.array(data.draw(st.lists(st.integers(-6, 2), min_size=n, max_size=n)), dtype=float)
    tied = [[W[:, j] @ W[:, i] + b[j] for j in range(n)] for i in range(n)]
    untied = [[decoder[j] @ W[:, i] + b[j] for j in range(n)] for i in range(n)]
    assert responses(W, b, decoder).tolist() == untied
    assert recovered_axes(W, b).tolist() == criterion_by_hand(tied)
    assert recovered_axes(W, b, decoder).tolist() == criterion_by_hand(untied)
    assert bool(satisfies_criterion(W, b, decoder)) == all(criterion_by_hand(untied))


@given(rational_matrices(2, 4))
def test_rational_weights_are_taken(W: Any) -> None:
    exact = [[sum(row[i] * row[j] for row in W) for j in range(4)] for i in range(4)]
    clear = [abs(entry) > 1e-9 or entry == 0 for row in exact for entry in row]
    assert all(clear)  # small denominators keep an inner product from being tiny
    assert recovered_axes(W, tolerance=1e-12).tolist() == criterion_by_hand(exact)


def test_known_yes_and_no() -> None:
    assert satisfies_criterion(antipodal_pairs(3))
    assert not satisfies_criterion(polygon(5))
    assert satisfies_criterion(polygon(4), tolerance=1e-12)  # cos 90° is not quite 0 in floats
    assert satisfies_criterion(parabola(9).W, None, parabola(9).decoder)
    assert recovered_axes([[1.0, 1.0, -1.0]]).tolist() == [False, False, True]


@given(weights(max_n=6), st.data())
def test_the_criterion_is_invariant(W: Any, data: Any) -> None:
    Q = data.draw(rotations(W.shape[0]))
    order = data.draw(st.permutations(range(W.shape[1])))
    scale = np.array(data.draw(st.lists(st.floats(0.1, 10), min_size=W.shape[1], max_size=W.shape[1])))
    axes = recovered_axes(W)
    np.testing.assert_array_equal(recovered_axes((Q @ W)[:, order]), axes[order])
    np.testing.assert_array_equal(recovered_axes(W * scale), axes)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_bias_window_of_the_polygon(n: int) -> None:
    low, high = largest_bias_window(polygon(n))
    np.testing.assert_allclose(low, -1)
    np.testing.assert_allclose(high, -np.cos(2 * np.pi / n), atol=1e-15)
    assert has_working_bias(polygon(n))


@given(weights(max_m=3, max_n=6))
def test_the_window_is_all_there_is(W: Any) -> None:
    low, high = largest_bias_window(W)
    cosines = (W.T @ W) / np.outer(norms := np.linalg.norm(W, axis=0), norms)
    ratio = np.minimum(norms[:, None] / norms, norms / norms[:, None])
    off = ~np.eye(len(norms), dtype=bool)
    assert bool(has_working_bias(W)) == bool(np.all(cosines[off] < ratio[off]))
    if has_working_bias(W):
        assert satisfies_criterion(W, high, tolerance=1e-12)
        assert satisfies_criterion(W, (low + np.minimum(high, low + 1)) / 2)
        if len(norms) > 1:
            assert not satisfies_criterion(W, high + 1e-6)
        assert not satisfies_criterion(W, low - 1e-6)


def test_the_diagonal_must_be_the_largest() -> None:
    assert not has_working_bias([[1.0, 1.0]])  # twins: the window is empty, though its ends meet
    assert not has_working_bias([[1.0, 3.0], [0.0, 0.1]])
    assert has_working_bias([[1.0, 3.0], [0.0, 0.1]], decoder=[[0.0, -1.0], [0.0, 1.0]])


@given(parameters(max_m=2, max_n=5), st.booleans(), st.floats(0.5, 2))
def test_zero_loss_test_is_loss_zero(model: Parameters, fitting: bool, scale: float) -> None:
    W = scale * (zero_loss_polygon(model.W.shape[1]).W if model.W.shape[1] > 1 else model.W)
    b = zero_loss_bias(W) if fitting else model.b
    result = zero_loss_test(W, b)
    value = float(loss(Parameters(W, b), Axial(W.shape[1])))
    if result.holds:
        assert value < 1e-22
    elif fitting and float(np.min(result.slack)) < -1e-6:
        assert value > 1e-14
    assert bool(result.holds) == bool(np.all(np.abs(result.bias_excess) <= 1e-12) and np.all(result.slack >= -1e-12))


def test_slack_by_hand() -> None:
    """Columns 2e_1 and e_2: w_1·(w_1 − w_2) − 1 = 3 and w_2·(w_2 − w_1) − 1 = 0."""
    result = zero_loss_test([[2.0, 0.0], [0.0, 1.0]], [-3.0, 0.25])
    assert result.slack.tolist() == [[np.inf, 3.0], [0.0, np.inf]]
    assert result.bias_excess.tolist() == [0.0, 0.25]
    assert not result.holds
    assert zero_loss_test([[2.0, 0.0], [0.0, 1.0]], [-3.0, 0.0]).holds
    assert not zero_loss_test([[2.0, 1.0], [0.0, 1.0]], [-3.0, -1.0]).holds
    assert zero_loss_bias([[2.0, 0.0], [0.0, 1.0]]).tolist() == [-3.0, 0.0]


def test_activation_thresholds() -> None:
    W, b = np.array([[2.0, 0.0, 1.0, 0.0]]), [-1.0, 0.1, 0.5, -1.0]
    assert activation_thresholds(W, b).tolist() == [0.25, np.inf, 0.0, np.inf]
    tau = float(activation_thresholds(W, b)[0])
    for a, fires in ((tau - 1e-9, False), (tau + 1e-9, True)):
        assert bool(a * 4 - 1 > 0) == fires
    untied = activation_thresholds([[1.0, 2.0]], [-1.0, -1.0], decoder=[[4.0], [-1.0]])
    assert untied.tolist() == [0.25, np.inf]


def sparse_support_by_enumeration(A: Any, b: Any) -> int:
    """Tries every set of active features, smallest first; A[j][i] is what output j hears of feature i."""
    n = len(b)
    for size in range(1, n + 1):
        for support in combinations(range(n), size):
            z = A[:, support].sum(axis=1) + b
            if any((z[j] > 0) != (j in support) for j in range(n)):
                return size - 1
    return n


@given(st.integers(1, 6), st.data())
def test_max_sparse_support_is_the_enumeration(n: int, data: Any) -> None:
    A = data.draw(integer_weights(n, n, largest=2)) + np.diag(data.draw(integer_weights(1, n, largest=8))[0])
    b = data.draw(integer_weights(1, n, largest=3))[0]
    assert int(max_sparse_support(np.eye(n), b, A)) == sparse_support_by_enumeration(A, b)


@given(weights(max_m=3, max_n=6), st.floats(-1, 1))
def test_max_sparse_support_tied(W: Any, b: float) -> None:
    bias = np.full(W.shape[1], b)
    assert int(max_sparse_support(W, bias)) == sparse_support_by_enumeration(W.T @ W, bias)


def test_max_sparse_support_known() -> None:
    assert max_sparse_support(np.eye(5), np.zeros(5)) == 5
    assert max_sparse_support(antipodal_pairs(2)) == 1
    # The triangle tells supports of all sizes apart: 1 and −1/2, 1/2 and −1, and 0 lie around −1/4.
    assert max_sparse_support(polygon(3), np.full(3, 0.25)) == 3
    assert max_sparse_support(polygon(3), np.full(3, -0.25)) == 2
    assert max_sparse_support(polygon(3), np.full(3, -0.75)) == 1
    assert max_sparse_support(polygon(3), np.full(3, -1.25)) == 0


def test_every_kind_of_array_in_batches(xp: Any) -> None:
    rng = np.random.default_rng(5)
    W, b, R = rng.normal(size=(3, 2, 4)), -rng.uniform(size=(3, 4)), rng.normal(size=(3, 4, 2))
    W[0], b[0] = polygon(4), 0
    there = xp.asarray(W), xp.asarray(b), xp.asarray(R)
    for function, arguments, here in (
        (responses, there, (W, b, R)),
        (recovered_axes, there, (W, b, R)),
        (satisfies_criterion, there[:2], (W, b)),
        (has_working_bias, there[:1], (W,)),
        (zero_loss_bias, there[:1], (W,)),
        (activation_thresholds, there, (W, b, R)),
        (max_sparse_support, there, (W, b, R)),
    ):
        batch = xp.to_numpy(function(*arguments))
        for k in range(3):
            np.testing.assert_allclose(batch[k], function(*(array[k] for array in here)), rtol=1e-13)
    for found, expected in zip(
        (*largest_bias_window(there[0]), *zero_loss_test(*there[:2])),
        (*largest_bias_window(W), *zero_loss_test(W, b)),
        strict=True,
    ):
        np.testing.assert_allclose(xp.to_numpy(found), expected, rtol=1e-13)


def test_wrong_decoders_are_named() -> None:
    with pytest.raises(ArgumentError, match=r"decoder must have shape \(\.\.\., n, m\) with n = 3 and m = 2"):
        satisfies_criterion(np.ones((2, 3)), None, np.ones((2, 3)))


def test_rounding_is_forgiven_by_default_and_nothing_more() -> None:
    for n in (3, 5, 7, 12, 100):
        W, b = zero_loss_polygon(n)
        assert recovered_axes(W, b).all()
        assert not recovered_axes(W, b + 1e-5).any()
    W, b = zero_loss_polygon(5)
    assert not recovered_axes(W, b, tolerance=0).all()  # 1e-16 above an exact 0
    assert 1e-15 < rounding_tolerance(W, b) < 1e-13
    single = rounding_tolerance(W.astype(np.float32), b.astype(np.float32))
    np.testing.assert_allclose(single, rounding_tolerance(W, b) * 2.0**29, rtol=1e-5)
    assert recovered_axes(W.astype(np.float32), b.astype(np.float32)).all()
    trained = 1.203 * polygon(5)  # 1.2e-5 too much
    assert not recovered_axes(trained, np.full(5, -0.4472)).any()
    assert recovered_axes(trained, np.full(5, -0.4472), tolerance=1e-4).all()
    assert max_sparse_support(W, b) == 1
    assert max_sparse_support(W, b, tolerance=0) == 0
    many = rounding_tolerance(np.stack([W, 2 * W]), np.stack([b, b]))
    assert many.shape == (2,)
    assert many[1] > many[0] == rounding_tolerance(W, b)


def test_exact_numbers_are_compared_exactly() -> None:
    third, tiny = Fraction(1, 3), Fraction(1, 10**40)
    W = [[third, -third]]
    assert rounding_tolerance(W) == 0
    assert recovered_axes(W, [0, Fraction(1, 9)]).tolist() == [True, True]
    assert recovered_axes(W, [0, Fraction(1, 9) + tiny]).tolist() == [False, True]
    assert recovered_axes(W, [-Fraction(1, 9), tiny]).tolist() == [False, True]
    assert recovered_axes(W, [0, Fraction(1, 9) + tiny], tolerance=2 * tiny).all()
    exact = zero_loss_polygon_exact(5)
    assert satisfies_criterion(*exact)
    assert rounding_tolerance(*exact) == 0
    assert not satisfies_criterion(exact.W, [x + sympy.Rational(1, 10**30) for x in exact.b])
    assert rounding_tolerance(np.array([[1, -1]])) == 0
    assert rounding_tolerance([[1.0, -1.0]]) > 0
    assert rounding_tolerance(sympy.Matrix([[1.5, -1]])) > 0


def test_zero_loss_untied() -> None:
    W, R = parabola(6).W, parabola(6).decoder
    found = zero_loss_test(W, None, R)
    assert found.holds
    assert (found.slack[~np.eye(6, dtype=bool)] >= 0).all()
    assert not zero_loss_test(W, [1e-6] * 6, R).holds
