"""Every engine is the definition: on random problems, and where the formula is touchiest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relugeom.autoencoder import Parameters, loss
from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.engines.choice import EngineChoice, choose_engine, make_engine
from relugeom.engines.hull import largest_preactivation
from relugeom.engines.moments import tile_order
from relugeom.errors import ArgumentError, WorkerError
from tests.oracles import value_and_gradient

Array = npt.NDArray[np.floating]

CHOICES = [
    EngineChoice("blocked"),
    EngineChoice("hull"),
    EngineChoice("moments", (1,)),
    EngineChoice("moments", (4,)),
    EngineChoice("moments", (8, 2)),
    EngineChoice("moments", (12, 6, 3)),
    EngineChoice("lazy"),
]
every_engine = pytest.mark.parametrize("choice", CHOICES, ids=lambda c: f"{c.name}{c.leaves}")

# Multiples of 1/4 of this size are added and multiplied without rounding, so that ties at the threshold are ties for
# every order of summation, not only for one.
quarters = st.integers(-8, 8).map(lambda k: k / 4)


@st.composite
def touchy_problems(draw: st.DrawFn) -> tuple[Array, Array, Array, Array | None]:
    T, n, m = draw(st.integers(1, 20)), draw(st.integers(1, 7)), draw(st.integers(1, 4))
    numbers = lambda *shape: arrays(np.float64, shape, elements=quarters)  # noqa: E731
    X = draw(arrays(np.float64, (T, n), elements=quarters, fill=st.just(0.0)))
    if draw(st.booleans()):
        X = X[draw(st.lists(st.integers(0, T - 1), min_size=1, max_size=T))]
    return X, draw(numbers(m, n)), draw(numbers(n)), draw(st.none() | numbers(n, m))


def assert_same(engine_result: tuple, reference: tuple, rtol: float) -> None:
    (value, gradient), (expected_value, expected) = engine_result, reference
    assert value == pytest.approx(expected_value, rel=rtol, abs=rtol)
    for name in ("W", "b", "decoder"):
        ours, theirs = getattr(gradient, name), getattr(expected, name)
        assert (ours is None) == (theirs is None)
        if ours is not None:
            assert ours.shape == theirs.shape
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=rtol * max(1.0, np.abs(theirs).max()))


@every_engine
@settings(max_examples=60, deadline=None)
@given(problem=touchy_problems())
def test_engine_is_the_definition_on_touchy_problems(
    choice: EngineChoice, problem: tuple[Array, Array, Array, Array | None]
) -> None:
    X, W, b, M = problem
    engine = make_engine(SparseExamples.from_dense(X), choice)
    for _ in range(2):  # the second call meets sorted examples and used scratch memory
        assert_same(engine.value_and_gradient(Parameters(W, b, M)), value_and_gradient(X, Parameters(W, b, M)), 1e-12)


def named_cases() -> Iterator[tuple[str, Array, Array, Array]]:
    rng = np.random.default_rng(7)
    X = sparse_unit_norm_examples(30, 40, 0.9, seed=3, dtype=np.float64).to_dense()
    W = rng.normal(size=(2, 40))
    b = rng.normal(size=40)
    yield "random", X, W, b
    yield "duplicate examples", X[[0] * 10 + [1] * 10], W, b
    yield "zero rows", np.concatenate([np.zeros((3, 40)), X, np.zeros((3, 40))]), W, b
    yield "no data at all", np.zeros((5, 40)), W, b
    yield "all active", X, W, b + 100
    yield "none active", X, W, b - 100
    yield "one example", X[:1], W, b
    yield "positive bias", X, W, np.abs(b)
    yield "at the threshold", X, W * 0, b * 0


@every_engine
@pytest.mark.parametrize("case", list(named_cases()), ids=lambda case: case[0])
def test_engine_is_the_definition_on_named_cases(choice: EngineChoice, case: tuple[str, Array, Array, Array]) -> None:
    _, X, W, b = case
    engine = make_engine(SparseExamples.from_dense(X), choice)
    assert_same(engine.value_and_gradient(Parameters(W, b)), value_and_gradient(X, Parameters(W, b)), 1e-11)


@pytest.mark.parametrize("m", [2, 3])
@every_engine
def test_float32_stays_close_while_parameters_move(choice: EngineChoice, m: int) -> None:
    examples = sparse_unit_norm_examples(300, 500, 0.98, seed=1)
    X = examples.to_dense().astype(np.float64)
    engine = make_engine(examples, choice)
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(m, 500)) / 10, np.zeros(500)
    start = max(np.abs(part).max() for part in value_and_gradient(X, Parameters(W, b))[1])
    for _ in range(5):
        value, gradient = engine.value_and_gradient(Parameters(W.astype(np.float32), b.astype(np.float32)))
        # The reference sees the rounded parameters too: only the arithmetic is compared.
        W, b = W.astype(np.float32).astype(np.float64), b.astype(np.float32).astype(np.float64)
        expected, reference = value_and_gradient(X, Parameters(W, b))
        assert value == pytest.approx(expected, rel=1e-6)
        assert np.abs(gradient.W - reference.W).max() < 1e-5 * start
        assert np.abs(gradient.b - reference.b).max() < 1e-5 * start
        W = W - 5 * reference.W + rng.normal(size=W.shape) / 100
        b = b - 5 * reference.b


def test_definition_is_the_derivative() -> None:
    rng = np.random.default_rng(2)
    X = np.maximum(rng.normal(size=(6, 5)), 0)
    point = {"W": rng.normal(size=(3, 5)), "b": rng.normal(size=5), "decoder": rng.normal(size=(5, 3))}
    for names in (("W", "b"), ("W", "b", "decoder")):
        here = {name: point[name] for name in names}
        _, gradient = value_and_gradient(X, Parameters(**here))
        for name in names:
            direction = rng.normal(size=point[name].shape)
            up, down = (loss(Parameters(**{**here, name: here[name] + sign * 1e-6 * direction}), X) for sign in (1, -1))
            assert np.vdot(getattr(gradient, name), direction) == pytest.approx((up - down) / 2e-6, rel=1e-6)


@pytest.fixture(scope="module")
def make_shards() -> Iterator[Callable[..., object]]:
    made = []

    def build(examples: SparseExamples, choice: EngineChoice) -> object:
        made.append(make_engine(examples, choice))
        return made[-1]

    yield build
    for engine in made:
        engine.close()


def test_shards_are_the_definition_and_resume(make_shards: Callable[..., object]) -> None:
    examples = sparse_unit_norm_examples(41, 30, 0.9, seed=5, dtype=np.float64)
    X = examples.to_dense()
    rng = np.random.default_rng(1)
    W, b, M = rng.normal(size=(2, 30)), rng.normal(size=30), rng.normal(size=(30, 2))
    engine = make_shards(examples, EngineChoice("moments", (8, 4), 3))
    for _ in range(3):
        assert_same(engine.value_and_gradient(Parameters(W, b, M)), value_and_gradient(X, Parameters(W, b, M)), 1e-12)
    again = make_shards(examples, EngineChoice("moments", (8, 4), 3))
    again.restore(engine.state())
    model = Parameters(W, b, M)
    (value, gradient), (other_value, other) = engine.value_and_gradient(model), again.value_and_gradient(model)
    assert value == other_value
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(gradient, other, strict=True))


def test_shards_that_have_not_begun_have_no_state() -> None:
    examples = sparse_unit_norm_examples(20, 30, 0.9, seed=5, dtype=np.float64)
    engine = make_engine(examples, EngineChoice("moments", (8,), 2))
    assert engine.state() == {}, "a run that is stopped before its first step is taken up from this"
    kept = {f"{k}/order": np.arange(10) for k in range(2)}
    engine.restore(kept)
    assert engine.state() == kept


def test_a_dead_worker_is_noticed() -> None:
    examples = sparse_unit_norm_examples(20, 30, 0.9, seed=5, dtype=np.float64)
    W, b = np.ones((2, 30)), np.zeros(30)
    engine = make_engine(examples, EngineChoice("blocked", (), 2))
    engine.value_and_gradient(Parameters(W, b))
    (worker,) = engine._processes
    worker.kill()
    worker.join()
    with pytest.raises(WorkerError, match="worker"):
        engine.value_and_gradient(Parameters(W, b))
    engine.close()


def test_an_interrupted_step_of_shards_is_their_last(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = sparse_unit_norm_examples(20, 30, 0.9, seed=5, dtype=np.float64)
    engine = make_engine(examples, EngineChoice("blocked", (), 2))
    model = Parameters(np.ones((2, 30)), np.zeros(30))
    engine.value_and_gradient(model)

    def interrupted(model: Parameters) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine._own, "value_and_gradient", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.value_and_gradient(model)
    with pytest.raises(WorkerError, match="worker"):  # and not what the worker answered to the step before
        engine.value_and_gradient(model)


def test_state_makes_the_next_gradient_the_same_to_the_last_bit() -> None:
    examples = sparse_unit_norm_examples(700, 600, 0.98, seed=4)
    choice = EngineChoice("moments", (64, 16))
    engine, other = make_engine(examples, choice), make_engine(examples, choice)
    rng = np.random.default_rng(0)
    start = rng.normal(size=(2, 600)).astype(np.float32)
    # A slow drift: the order of the examples is that of an earlier step, as in training.
    path = [start + np.float32(0.002) * k * rng.normal(size=(2, 600)).astype(np.float32) for k in range(7)]
    for W in path[:4]:
        engine.value_and_gradient(Parameters(W, W[0]))
    other.restore(engine.state())
    for W in path[4:]:
        model = Parameters(W, W[0])
        (value, gradient), (other_value, others) = engine.value_and_gradient(model), other.value_and_gradient(model)
        assert value == other_value
        assert np.array_equal(gradient.W, others.W)
        assert np.array_equal(gradient.b, others.b)
    fresh = make_engine(examples, choice).value_and_gradient(Parameters(W, W[0]))[1]
    assert not np.array_equal(fresh.W, gradient.W), "without its state an engine adds up in another order"


@pytest.mark.parametrize("m", [2, 3])
def test_hull_bound_is_a_bound_and_a_close_one(m: int) -> None:
    rng = np.random.default_rng(m)
    for _ in range(20):
        H = rng.normal(size=(50, m)) @ rng.normal(size=(m, m)) + rng.normal(size=m)
        P = rng.normal(size=(m + 1, 200))
        exact = (H @ P[:-1] + P[-1]).max(axis=0)
        bound = largest_preactivation(H, P)
        assert np.all(bound >= exact)
        if m == 2:
            width = np.ptp(H @ P[:-1], axis=0)
            assert np.median((bound - exact) / width) < 0.03


def test_tiles_are_compact() -> None:
    H = np.random.default_rng(0).uniform(size=(1600, 2))
    order = tile_order(H, 16)
    assert np.array_equal(np.sort(order), np.arange(1600))
    tiles = H[order].reshape(100, 16, 2)
    assert np.median(np.ptp(tiles, axis=1)) < 0.15, "a hundred tiles of the unit square have sides near 0.1"


@pytest.mark.parametrize(
    ("T", "n", "m", "name"),
    [
        (100, 10_000, 2, "lazy"),
        (399, 10_000, 2, "lazy"),
        (400, 10_000, 2, "moments"),
        (1_000, 10_000, 2, "moments"),
        (29_999, 10_000, 2, "moments"),
        (1_000_000, 10_000, 2, "tree"),
        (1_000, 10_000, 3, "lazy"),
        (10_000, 10_000, 3, "moments"),
        (10_000, 10_000, 8, "blocked"),
        (1_000, 50, 2, "blocked"),
    ],
)
def test_rule(T: int, n: int, m: int, name: str) -> None:
    choice = choose_engine(T, n, m)
    assert choice.name == name
    assert choice.processes == 1
    assert choose_engine(T, n, m, name="blocked").name == "blocked"
    assert choose_engine(T, n, m, once=True).name == {"lazy": "hull", "tree": "moments"}.get(name, name)
    assert choose_engine(T, n, m, processes=2).processes == (2 if T >= 1_000 else 1)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "quick"},
        {"name": "moments"},
        {"name": "hull", "leaves": (4,)},
        {"name": "moments", "leaves": (8, 3)},
        {"name": "hull", "processes": 0},
        {"name": "lazy", "processes": 2},
    ],
)
def test_choice_refuses(bad: dict) -> None:
    with pytest.raises(ArgumentError):
        EngineChoice(**bad)


def test_shapes_and_types_are_checked() -> None:
    engine = make_engine(sparse_unit_norm_examples(5, 6, 0.5, seed=0), EngineChoice("blocked"))
    W, b = np.ones((2, 6), np.float32), np.ones(6, np.float32)
    for arguments in ((W.T, b), (W, b[1:]), (W, b, W), (W.astype(np.float64), b), (W,)):
        with pytest.raises(ArgumentError):
            engine.value_and_gradient(Parameters(*arguments))
