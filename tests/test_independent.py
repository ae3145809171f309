"""The data of Toy Models of Superposition: the law, and the population loss against sampling, quadrature and limits."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import Parameters, UniformAxial, loss
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import flatten, unflatten
from relugeom.autoencoder.positive_part import active_sets, moments
from relugeom.errors import ArgumentError

TINY = st.sampled_from([0.0, 1e-300, -1e-12, 1e-9, 1e-6])
COEFFICIENT = st.one_of(st.floats(-2, 2), TINY, st.just(0.5))


def divided_difference(a: list[float], b: float, r: int) -> float:
    """E (b + Σ a_i u_i)₊^r as r!/(k + r)! Σ_ε (−1)^(k − |ε|) (b + Σ ε_i a_i)₊^(k + r) / Π a_i, in exact arithmetic."""
    exact = [Fraction(x) for x in a if x != 0]
    k = len(exact)
    total = Fraction(0)
    for vertex in itertools.product((0, 1), repeat=k):
        S = Fraction(b) + sum(e * x for e, x in zip(vertex, exact, strict=True))
        if S > 0:
            total += (-1) ** (k - sum(vertex)) * S ** (k + r)
    return float(total * Fraction(math.factorial(r), math.factorial(k + r)) / math.prod(exact))


@given(st.lists(COEFFICIENT, min_size=4, max_size=4), st.one_of(st.floats(-2, 2), TINY), st.integers(0, 2))
def test_moments_are_the_divided_difference_whatever_the_coefficients(a: list[float], b: float, r: int) -> None:
    found = moments(np.tile(a, (1, 4, 1)), np.full((1, 4), b), most=4)["", r]
    if b == 0 and r == 0:
        return  # with coefficients of 0 the form is 0 itself, where its sign is a convention
    for row, members in enumerate(active_sets(4, 4)):
        inside = [x for x, member in zip(a, members, strict=True) if member]
        size = max(1.0, abs(b) + sum(map(abs, inside))) ** r
        assert found[0, row] == pytest.approx(divided_difference(inside, b, r), abs=1e-13 * size)


def test_weighted_moments_agree_with_gauss_legendre_on_pieces() -> None:
    """With two coordinates: the inner integral in closed form between kinks, the outer by quadrature on pieces."""
    a, b = (0.8, -1.3), 0.2
    nodes, weights = np.polynomial.legendre.leggauss(20)

    def on_pieces(f, kinks):
        ends = sorted({0.0, 1.0, *(k for k in kinks if 0 < k < 1)})
        return sum(
            (hi - lo) / 2 * w * f((hi + lo) / 2 + (hi - lo) / 2 * x)
            for lo, hi in itertools.pairwise(ends)
            for x, w in zip(nodes, weights, strict=True)
        )

    def moment(p: int, q: int, r: int) -> float:
        def inner(u: float) -> float:
            return on_pieces(
                lambda v: u**p * v**q * max(b + a[0] * u + a[1] * v, 0.0) ** r * (b + a[0] * u + a[1] * v > 0),
                [-(b + a[0] * u) / a[1]],
            )

        return on_pieces(inner, [-b / a[0], -(b + a[1]) / a[0]])

    found = moments(np.tile(a, (1, 2, 1)), np.full((1, 2), b), most=2, order=2)
    both = 3
    for r in (0, 1):
        assert found["i", r][0, both, 0] == pytest.approx([moment(1, 0, r), moment(0, 1, r)], abs=1e-12)
        assert found["j", r][0, both] == pytest.approx([moment(1, 0, r), moment(0, 1, r)], abs=1e-12)
    assert found["ij", 0][0, both, 0] == pytest.approx([moment(2, 0, 0), moment(1, 1, 0)], abs=1e-12)
    assert found["il", 0][0, both, 0, 0, 1] == pytest.approx(moment(1, 1, 0), abs=1e-12)


def test_moments_of_a_form_that_is_zero_on_a_face_are_those_of_the_inside() -> None:
    """S = u_0 whatever u_1 and u_2 are, and b = 0: positive almost everywhere, as at two orthogonal features."""
    a = np.tile([1.0, 0.0, 0.0], (1, 3, 1))
    found = moments(a, np.zeros((1, 3)), most=3, order=2)
    u = np.random.default_rng(0).uniform(size=(400_000, 3))
    everything = -1
    for r in (0, 1):
        S = u[:, 0] ** r
        assert found["i", r][0, everything, 1] == pytest.approx((u * S[:, None]).mean(0), abs=3e-3)
        assert found["j", r][0, everything] == pytest.approx((u * S[:, None]).mean(0), abs=3e-3)
    expected = np.einsum("ti,tl->il", u, u) / len(u)
    assert found["ij", 0][0, everything] == pytest.approx(expected, abs=3e-3)
    assert found["il", 0][0, everything, 0] == pytest.approx(expected, abs=3e-3)
    assert found["ilj", -1][0, everything] == pytest.approx(0)


def model(n: int, seed: int = 0, m: int = 2, *batch: int) -> Parameters:
    rng = np.random.default_rng(seed)
    return Parameters(rng.normal(size=(*batch, m, n)), rng.normal(size=(*batch, n)) * 0.3)


LAWS = [
    Independent(4, 0.7),
    Independent(4, 0.6, importance=[1, 0.9, 0.5, 0], correlated=[(0, 2)], anticorrelated=[(1, 3)]),
    Independent(4, 0.4, values="one", importance=[2, 1, 1, 1]),
    Independent(5, 0.9, most_active=2),
    Independent(6, 0.7, correlated=[(0, 2, 5)], anticorrelated=[(1, 3, 4)]),
]


@pytest.mark.parametrize("law", LAWS, ids=range(len(LAWS)))
def test_the_law_has_the_probabilities_of_its_sets(law: Independent) -> None:
    sets = active_sets(law.n, law.n)
    P = law.probabilities(sets)
    assert P.sum() == pytest.approx(1)
    assert P @ sets == pytest.approx(np.full(law.n, 1 - law.sparsity))
    X = law.examples(200_000, seed=1)
    assert (X >= 0).all()
    assert X.max() <= 1
    for row, probability in zip(sets, P, strict=True):
        seen = ((X > 0) == row).all(-1).mean()
        assert abs(seen - probability) <= 5 * math.sqrt(probability * (1 - probability) / len(X)) + 1e-12


def test_examples_depend_on_seed_and_step_alone() -> None:
    law = LAWS[1]
    assert (law.examples(50, 3, 7) == law.examples(50, 3, 7)).all()
    assert (law.examples(50, 3, 7) != law.examples(50, 3, 8)).any()
    assert (law.examples(50, 3, 7) != law.examples(50, 4, 7)).any()


@pytest.mark.parametrize("law", LAWS, ids=range(len(LAWS)))
def test_the_population_loss_lies_within_the_error_of_sampling(law: Independent) -> None:
    W, b = model(law.n)
    X = law.examples(400_000, seed=2)
    importance = np.ones(law.n) if law.importance is None else np.asarray(law.importance)
    each = ((np.maximum(X @ W.T @ W + b, 0) - X) ** 2) @ importance
    error = 5 * each.std() / math.sqrt(len(X))
    exact = float(law.loss(Parameters(W, b)))
    assert exact - error <= each.mean() <= exact + float(law.rest(Parameters(W, b))) + error


@pytest.mark.parametrize("law", LAWS, ids=range(len(LAWS)))
def test_derivatives_agree_with_differences(law: Independent) -> None:
    """Gradient against differences of the loss, Hessian against differences of the gradient, along every axis."""
    parameters = model(law.n, seed=5)
    point, h = flatten(parameters), 1e-5
    gradient = flatten(law.gradient(parameters))
    hessian = law.hessian(parameters)
    for k, unit in enumerate(np.eye(len(point))):
        ahead, behind = (unflatten(point + s * h * unit, 2, law.n) for s in (1, -1))
        assert gradient[k] == pytest.approx((law.loss(ahead) - law.loss(behind)) / (2 * h), abs=1e-8)
        slope = (flatten(law.gradient(ahead)) - flatten(law.gradient(behind))) / (2 * h)
        assert hessian[k] == pytest.approx(slope, abs=1e-7)


def test_a_batch_is_a_loop() -> None:
    law = LAWS[1]
    batch = model(4, 8, 2, 3)
    direction = model(4, 9, 2, 3)
    losses, gradients = law.loss(batch), law.gradient(batch)
    products, hessians = law.hessian_vector_product(batch, direction), law.hessian(batch)
    for k in range(3):
        one = Parameters(batch.W[k], batch.b[k])
        assert losses[k] == pytest.approx(float(law.loss(one)))
        assert gradients.W[k] == pytest.approx(law.gradient(one).W)
        assert flatten(Parameters(products.W[k], products.b[k])) == pytest.approx(
            hessians[k] @ flatten(Parameters(direction.W[k], direction.b[k]))
        )
    nothing = Parameters(batch.W[:0], batch.b[:0])
    assert law.loss(nothing).shape == (0,)
    assert law.gradient(nothing).W.shape == (0, 2, 4)
    unbiased = law.gradient(Parameters(batch.W))
    assert unbiased.b is None
    assert law.hessian(Parameters(batch.W)).shape == (3, 8, 8)


def test_the_hessian_is_that_of_its_products_with_directions() -> None:
    rng = np.random.default_rng(2)
    for law in LAWS[:3]:
        for tied, biased in itertools.product((True, False), repeat=2):
            W, b = model(law.n, 3)
            parameters = Parameters(W, b if biased else None, None if tied else rng.normal(size=(law.n, 2)))
            units = np.eye(len(flatten(parameters)))
            same = unflatten(np.tile(flatten(parameters), (len(units), 1)), 2, law.n, untied=not tied)
            columns = flatten(law.hessian_vector_product(same, unflatten(units, 2, law.n, untied=not tied)))
            assert law.hessian(parameters) == pytest.approx(columns, abs=1e-12)


def test_the_losses_by_feature_add_up() -> None:
    for law in LAWS:
        batch = model(law.n, 4, 2, 3)
        assert law.feature_loss(batch).sum(-1) == pytest.approx(law.loss(batch))
        W, b = model(law.n, 4)
        E = (np.maximum(law.examples(100_000, 0) @ W.T @ W + b, 0) - law.examples(100_000, 0)) ** 2
        assert law.feature_loss(Parameters(W, b)) == pytest.approx(E.mean(0) * law.weights, rel=0.05, abs=0.02)


@pytest.mark.parametrize("values", ["uniform", "one"])
def test_dead_and_silent_features_are_those_of_all_examples_whatever_the_sum_leaves_out(values: str) -> None:
    """Feature 0 is switched on by three others together and by no two of them."""
    W = np.array([[1.0, 0.4, 0.4, 0.4], [0.0, 1.0, -0.5, -0.5]])
    parameters = Parameters(W, np.array([-1.1, 0.1, -2.0, -2.0]))
    for most in (1, 4):
        law = Independent(4, 0.5, values=values, most_active=most)
        assert law.dead(parameters).tolist() == [False, False, True, True]
        assert law.silent(parameters).tolist() == [False, False, True, True]
    apart = Independent(4, 0.7, values=values, anticorrelated=[(1, 2, 3)])
    assert apart.silent(Parameters(W, np.array([-1.5, 0.1, -2.0, -2.0])))[0]
    assert apart.highest(parameters) == pytest.approx([0.3, 1.66, -1.19, -1.19])
    X = apart.examples(20_000, 0)
    Z = X @ W.T @ W + parameters.b
    assert (Z.max(0) <= apart.highest(parameters) + 1e-12).all()
    assert Z.max(0) == pytest.approx(apart.highest(parameters), abs=0.25)


def test_a_feature_whose_own_form_ends_at_zero_is_on_a_kink() -> None:
    """E[u (g u + b)₊] has a second derivative that jumps where g + b = 0; with another coefficient it has none."""
    alone = Parameters(np.array([[0.5, 0.0], [0.0, 1.0]]), np.array([-0.25, 0.5]))
    assert float(Independent(2, 0.5).kink_distance(alone)) == 0
    beside = Parameters(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([-0.25, 0.5]))
    assert float(Independent(2, 0.0).kink_distance(beside)) == 0.25


def test_features_that_are_nearly_never_present_have_the_loss_of_the_axes() -> None:
    """L/p → n × the loss of a·e_i with a uniform as p → 0 at fixed b ≤ 0: two active features are of order p²."""
    W, b = model(4)
    negative = Parameters(W, -np.abs(b))
    limit = 4 * float(loss(negative, UniformAxial(4)))
    gaps = [abs(float(Independent(4, 1 - p).loss(negative)) / p - limit) for p in (1e-2, 1e-3, 1e-4)]
    assert gaps[2] < gaps[1] / 9 < gaps[0] / 80


def test_a_null_model_loses_the_mean_square() -> None:
    law = Independent(3, 0.8, importance=[1, 2, 3])
    assert float(law.loss(Parameters(np.zeros((2, 3)), np.zeros(3)))) == pytest.approx(0.2 * 6 / 3)


def test_the_kinks_are_where_an_empty_example_meets_the_origin() -> None:
    parameters = Parameters(np.eye(2), np.array([-0.25, 0.5]))
    assert float(Independent(2, 0.5).kink_distance(parameters)) == 0.25
    assert float(Independent(2, 0.5, values="one").kink_distance(parameters)) == 0.25


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Independent(0, 0.5), "n must be a positive integer; got 0"),
        (lambda: Independent(3, 1.0), "sparsity must lie in"),
        (lambda: Independent(3, -0.1), "sparsity must lie in"),
        (lambda: Independent(True, 0.5), "n must be a positive integer; got True"),
        (lambda: Independent(3, "0.5"), "sparsity must lie in .* got '0.5'"),
        (lambda: Independent(3, np.ones(3)), "sparsity must lie in"),
        (lambda: Independent(3, 0.5, values=np.ones(3)), 'values must be "uniform" or "one"'),
        (lambda: Independent(3, 0.5, 10**400), "importance must be 3 finite numbers"),
        (lambda: Independent(3, 0.5, correlated=(0, 1)), "groups of two or more features"),
        (lambda: Independent(3, 0.5, anticorrelated=None), "groups of two or more features"),
        (lambda: Independent(3, 0.5, correlated=[("a", 1)]), "groups must be of features 0 to 2; got"),
        (lambda: Independent(3, 0.5, most_active="2"), "most_active must lie in 0 to n = 3; got '2'"),
        (lambda: Independent(3, float("nan")), "sparsity must lie in"),
        (lambda: Independent(3, 0.5, importance=[1, -1, 1]), "importance must be 3 finite numbers"),
        (lambda: Independent(3, 0.5, importance=[1, 1]), "importance must be 3 finite numbers"),
        (lambda: Independent(3, 0.5, correlated=[(0, 1)], anticorrelated=[(1, 2)]), "no feature may be in two groups"),
        (lambda: Independent(3, 0.5, correlated=[(0, 0)]), "no feature may be in two groups"),
        (lambda: Independent(3, 0.5, correlated=[(0, 3)]), "features 0 to 2"),
        (lambda: Independent(4, 0.4, anticorrelated=[(0, 1)]), "sparsity of at least 1 − 1/2; got 0.4"),
        (lambda: Independent(4, 0.6, anticorrelated=[(0, 1, 2)]), "sparsity of at least 1 − 1/3; got 0.6"),
        (lambda: Independent(3, 0.5, correlated=[(0,)]), "groups of two or more features"),
        (lambda: Independent(3, 0.5, values="two"), 'values must be "uniform" or "one"'),
        (lambda: Independent(3, 0.5, most_active=4), "most_active must lie in 0 to n = 3"),
        (lambda: Independent(40, 0.5).loss(model(40)), "give a smaller most_active"),
        (lambda: Independent(4, 0.5).loss(model(3)), "W must have n = 4 columns"),
    ],
)
def test_bad_input_is_named(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
