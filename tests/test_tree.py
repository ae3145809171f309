"""The engine of the tree is the definition whatever the data, the boxes and the steps, and goes on to the same bits."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relugeom.autoencoder import Parameters
from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.engines.choice import EngineChoice, choose_engine, make_engine, why_not
from relugeom.engines.tree import Tree, tree_order
from relugeom.errors import ArgumentError
from tests.oracles import value_and_gradient

Array = npt.NDArray[np.floating]

SIZES = [(1, 1), (4, 1), (2, 2), (12, 3), (32, 4), (128, 128)]
# Sums and products of quarters are exact, so that ties at the threshold are ties for every order of summation.
quarters = st.integers(-8, 8).map(lambda k: k / 4)


def assert_same(found: tuple[float, Parameters], expected: tuple[float, Parameters], tolerance: float = 1e-12) -> None:
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(1.0, np.abs(theirs).max()))


def same_bits(one: tuple[float, Parameters], two: tuple[float, Parameters]) -> bool:
    return one[0] == two[0] and all(np.array_equal(a, b) for a, b in zip(one[1], two[1], strict=True) if a is not None)


@st.composite
def touchy_problems(draw: st.DrawFn) -> tuple[Array, Parameters]:
    T, n = draw(st.integers(1, 24)), draw(st.integers(1, 7))
    numbers = lambda *shape: arrays(np.float64, shape, elements=quarters)  # noqa: E731
    X = draw(arrays(np.float64, (T, n), elements=quarters, fill=st.just(0.0)))
    if draw(st.booleans()):  # some examples more than once
        X = X[draw(st.lists(st.integers(0, T - 1), min_size=1, max_size=T))]
    return X, Parameters(draw(numbers(2, n)), draw(numbers(n)), draw(st.none() | numbers(n, 2)))


@settings(max_examples=30, deadline=None)
@given(sizes=st.sampled_from(SIZES), problem=touchy_problems())
def test_tree_is_the_definition_on_touchy_problems(sizes: tuple[int, int], problem: tuple[Array, Parameters]) -> None:
    X, model = problem
    engine = Tree(SparseExamples.from_dense(X), sizes)
    for _ in range(2):  # the second call meets sorted examples and used memory
        assert_same(engine.value_and_gradient(model), value_and_gradient(X, model))


def named_cases() -> Iterator[tuple[str, Array, Array, Array]]:
    rng = np.random.default_rng(7)
    X = sparse_unit_norm_examples(90, 40, 0.9, seed=3, dtype=np.float64).to_dense()
    W, b = rng.normal(size=(2, 40)), rng.normal(size=40)
    yield "random", X, W, b
    yield "duplicate examples", X[[0] * 10 + [1] * 30], W, b
    yield "examples without data", np.concatenate([np.zeros((3, 40)), X, np.zeros((5, 40))]), W, b
    yield "no data at all", np.zeros((9, 40)), W, b
    yield "all on", X, W, b + 100
    yield "none on", X, W, b - 100
    yield "on for the most", X, W, np.abs(b)
    yield "off for the most", X, W, -np.abs(b)
    yield "at the threshold", X, W * 0, b * 0
    yield "most on, some at the threshold", X, W * (np.arange(40) > 5), 9.0 * (np.arange(40) > 5)
    yield "one example", X[:1], W, b


@pytest.mark.parametrize("sizes", [(4, 1), (12, 3), (32, 16)], ids=str)
@pytest.mark.parametrize("untied", [False, True], ids=["tied", "untied"])
@pytest.mark.parametrize("case", list(named_cases()), ids=lambda case: case[0])
def test_tree_is_the_definition_on_named_cases(
    sizes: tuple[int, int], case: tuple[str, Array, Array, Array], untied: bool
) -> None:
    _, X, W, b = case
    model = Parameters(W, b, np.random.default_rng(1).normal(size=(40, 2)) if untied else None)
    engine = Tree(SparseExamples.from_dense(X), sizes)
    for _ in range(2):
        assert_same(engine.value_and_gradient(model), value_and_gradient(X, model), 1e-11)


def test_every_pair_at_the_threshold_is_looked_at_by_itself() -> None:
    X, W = np.zeros((300, 300)), np.zeros((2, 300))
    X[:, 0] = W[0] = 1
    model = Parameters(W, -np.ones(300))
    assert_same(Tree(SparseExamples.from_dense(X), (1, 1)).value_and_gradient(model), value_and_gradient(X, model))


@settings(max_examples=12, deadline=None)
@given(
    steps=st.lists(st.sampled_from([0.0, 1e-4, 1e-2, 2.0, 1e3]), min_size=1, max_size=8),
    sizes=st.sampled_from(SIZES),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
def test_whatever_moves_it_is_right_and_goes_on_to_the_same_bits(
    steps: list[float], sizes: tuple[int, int], seed: int, data: st.DataObject
) -> None:
    examples = sparse_unit_norm_examples(50, 30, 0.9, seed=seed, dtype=np.float64)
    X, rng = examples.to_dense(), np.random.default_rng(seed)
    engine, kept = Tree(examples, sizes), None
    handed_over = data.draw(st.integers(0, len(steps)))
    W, b = rng.normal(size=(2, 30)), rng.normal(size=30)
    for place, size in enumerate([0.0, *steps]):
        W, b = W + size * rng.normal(size=W.shape), b + size * rng.normal(size=b.shape)
        model = Parameters(W, b)
        found = engine.value_and_gradient(model)
        assert_same(found, value_and_gradient(X, model), 1e-11)
        if kept is not None:
            assert same_bits(found, kept.value_and_gradient(model))
        if place == handed_over:  # another engine goes on from the state of this one
            kept, engine = engine, Tree(examples, sizes)
            engine.restore(kept.state())


def test_float32_stays_close_while_parameters_move() -> None:
    examples = sparse_unit_norm_examples(900, 500, 0.98, seed=1)
    X = examples.to_dense().astype(np.float64)
    engine = Tree(examples, (64, 16))
    rng = np.random.default_rng(0)
    W, b = (part.astype(np.float32) for part in (rng.normal(size=(2, 500)) / 10, np.zeros(500)))
    for _ in range(4):
        value, gradient = engine.value_and_gradient(Parameters(W, b))
        expected, exact = value_and_gradient(X, Parameters(W.astype(np.float64), b.astype(np.float64)))
        assert value == pytest.approx(expected, rel=1e-6)
        for ours, theirs in ((gradient.W, exact.W), (gradient.b, exact.b)):
            assert ours.dtype == np.float32
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=3e-6 * np.abs(theirs).max())
        W = W - np.float32(5) * gradient.W + rng.normal(size=W.shape).astype(np.float32) / 100
        b = b - np.float32(5) * gradient.b


def test_far_from_the_origin_the_loss_stays_close() -> None:
    rng = np.random.default_rng(0)
    X = np.stack([np.ones(2_000), rng.normal(size=2_000) / 100, rng.uniform(size=2_000)], axis=1).astype(np.float32)
    W = np.array([[100, 1, 0.1], [50, -1, 0.3]], np.float32)
    b = (0.5 - ((X @ W.T) @ W).mean(axis=0)).astype(np.float32)  # d·h is in the thousands, and z about 1/2
    value, gradient = Tree(SparseExamples.from_dense(X), (256, 32)).value_and_gradient(Parameters(W, b))
    expected, exact = value_and_gradient(X.astype(np.float64), Parameters(W.astype(np.float64), b.astype(np.float64)))
    assert value == pytest.approx(expected, rel=2e-3)
    np.testing.assert_allclose(gradient.W, exact.W, rtol=0, atol=1e-3 * np.abs(exact.W).max())


def test_an_example_just_off_is_off_however_large_its_box() -> None:
    # z of the first example at feature 0 is next to 0, but exact; a bound over both is not known that closely.
    engine = Tree(SparseExamples.from_dense(np.eye(2, dtype=np.float32)), (2, 2))
    for near in np.random.default_rng(0).uniform(0.05, 0.15, size=50).astype(np.float32):
        W, b = np.array([[near, 1_000], [0, 0]], np.float32), np.array([np.nextafter(-near, np.float32(-1)), 1])
        model = Parameters(W, b.astype(np.float32), np.array([[1, 0], [0, 0]], np.float32))
        _, expected = value_and_gradient(np.eye(2), Parameters(*(part.astype(np.float64) for part in model)))
        np.testing.assert_allclose(engine.value_and_gradient(model)[1].b, expected.b, rtol=1e-5)


def test_an_interrupted_step_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = sparse_unit_norm_examples(6_000, 40, 0.9, seed=0)
    rng = np.random.default_rng(0)
    model = Parameters(rng.normal(size=(2, 40)).astype(np.float32), np.zeros(40, np.float32))
    engine, fresh = Tree(examples, (6_000, 3_000)), Tree(examples, (6_000, 3_000))
    asked = iter(range(10))
    place = engine._sums.place

    def interrupted(columns: Array) -> Array:
        if next(asked) == 1:
            raise KeyboardInterrupt
        return place(columns)

    with monkeypatch.context() as patch:
        patch.setattr(engine._sums, "place", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.value_and_gradient(model)
    engine.restore(fresh.state())
    assert same_bits(engine.value_and_gradient(model), fresh.value_and_gradient(model))


def test_overflow_is_told_by_the_loss() -> None:
    engine = Tree(sparse_unit_norm_examples(300, 20, 0.8, seed=0), (64, 16))
    W, b = np.full((2, 20), np.float32(3e38)), np.zeros(20, np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        value, gradient = engine.value_and_gradient(Parameters(W, b))
    assert math.isnan(value)
    assert np.isnan(gradient.W).all()


@pytest.mark.floating_point(under="ignore")
def test_latent_vectors_as_long_as_floats_allow_are_right() -> None:
    X = np.eye(2)
    model = Parameters(X * 1.5 * 2.0**127, np.full(2, -4.0), X * 2.0**-127 + 2.0**-126)
    engine = Tree(SparseExamples.from_dense(X.astype(np.float32)), (1, 1))
    value, gradient = engine.value_and_gradient(Parameters(*(part.astype(np.float32) for part in model)))
    expected, exact = value_and_gradient(X, model)
    assert value == pytest.approx(expected)
    np.testing.assert_allclose(gradient.decoder, exact.decoder, rtol=1e-5)


def test_most_pairs_and_non_zeros_are_settled_by_boxes() -> None:
    examples = sparse_unit_norm_examples(4_000, 600, 0.98, seed=2)
    engine = Tree(examples, (512, 32))
    W = np.random.default_rng(2).normal(size=(2, 600)).astype(np.float32)
    engine.value_and_gradient(Parameters(W, np.full(600, 2, np.float32)))
    assert 0 < engine.sorting.straddling < 0.15 * 4_000 * 600


def test_leaves_are_compact_and_of_one_size() -> None:
    H = np.random.default_rng(0).uniform(size=(1_590, 2))
    order = tree_order(H, 5)
    assert np.array_equal(np.sort(order), np.arange(1_590))
    leaves = [H[order[start : start + 50]] for start in range(0, 1_590, 50)]
    assert len(leaves) == 32
    assert np.median([np.ptp(leaf, axis=0) for leaf in leaves]) < 0.3, (
        "32 leaves of the unit square have sides near 0.2"
    )


@pytest.mark.long
def test_shards_of_a_tree_are_the_definition() -> None:
    examples = sparse_unit_norm_examples(61, 30, 0.9, seed=5, dtype=np.float64)
    rng = np.random.default_rng(1)
    model = Parameters(rng.normal(size=(2, 30)), rng.normal(size=30))
    engine = make_engine(examples, EngineChoice("tree", (8, 4), 2))
    try:
        assert_same(engine.value_and_gradient(model), value_and_gradient(examples.to_dense(), model))
    finally:
        engine.close()


def test_rule_and_refusals() -> None:
    assert choose_engine(100_000, 10_000, 2) == EngineChoice("tree", (2048, 128))
    assert choose_engine(100_000, 10_000, 2, once=True).name == "moments"
    assert choose_engine(100_000, 10_000, 3).name == "moments"
    assert choose_engine(100_000, 10_000, 2, processes=2).processes == 2
    assert why_not("tree", 100_000, 10_000, 2) == ""
    assert "m = 2" in why_not("tree", 100_000, 10_000, 3)
    assert "below" in why_not("tree", 1_000, 10_000, 2)
    assert "tree" in why_not("moments", 100_000, 10_000, 2)
    for leaves in ((), (128,), (12, 4), (16, 8, 4)):
        with pytest.raises(ArgumentError, match="leaves"):
            EngineChoice("tree", leaves)
    engine = Tree(sparse_unit_norm_examples(5, 6, 0.5, seed=0), (4, 2))
    with pytest.raises(ArgumentError, match="m = 2"):
        engine.value_and_gradient(Parameters(np.ones((3, 6), np.float32), np.ones(6, np.float32)))
    with pytest.raises(ArgumentError, match="order 5"):
        engine.restore({"order": np.zeros(5, np.int64), "tree": np.zeros(3, np.int64)})
