"""The lazy engine is the definition whatever moves, and a run with features at rest is the run without."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relugeom.autoencoder import Parameters
from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.engines.choice import EngineChoice, make_engine
from relugeom.engines.lazy import distance_off
from relugeom.errors import ArgumentError
from relugeom.optim import SGD, AdamW
from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import _Problem, resume, train
from relugeom.training.positions import LazyFeatures
from tests.oracles import value_and_gradient

Array = npt.NDArray[np.floating]

LAZY = [EngineChoice("lazy")]
lazy = pytest.mark.parametrize("choice", LAZY, ids=lambda c: f"{c.name}{c.leaves}")

# How one step moves everything: hardly, as late in training; a little; far; away and back; or one feature alone.
moves = st.lists(st.sampled_from(["still", "creep", "drift", "leap", "return", "one"]), min_size=1, max_size=12)


def journey(steps: list[str], m: int, n: int, seed: int, untied: bool) -> list[Parameters]:
    """Models one after the other; most features are off at the start, by very different distances."""
    rng = np.random.default_rng(seed)
    size = {"still": 0.0, "creep": 1e-4, "drift": 1e-2, "leap": 2.0}
    W, b = rng.normal(size=(m, n)), -np.exp(rng.normal(scale=3, size=n))
    R = rng.normal(size=(n, m)) if untied else None
    first = W, b, R
    found = [Parameters(W, b, R)]
    for step in steps:
        if step == "return":
            W, b, R = first
        elif step == "one":
            W, b = W.copy(), b.copy()
            j = rng.integers(n)
            W[:, j], b[j] = 3 * rng.normal(size=m), rng.normal()
        else:
            W, b = W + size[step] * rng.normal(size=W.shape), b + size[step] * rng.normal(size=n)
            R = None if R is None else R + size[step] * rng.normal(size=R.shape)
        found.append(Parameters(W, b, R))
    return found


def assert_close(found: tuple[float, Parameters], expected: tuple[float, Parameters], tolerance: float = 1e-12) -> None:
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(1.0, np.abs(theirs).max()))


@lazy
@settings(max_examples=60, deadline=None)
@given(steps=moves, m=st.integers(1, 3), seed=st.integers(0, 10**6), untied=st.booleans(), data=st.data())
def test_lists_are_right_whatever_moves(
    choice: EngineChoice, steps: list[str], m: int, seed: int, untied: bool, data: st.DataObject
) -> None:
    X = sparse_unit_norm_examples(9, 40, 0.95, seed=seed, dtype=np.float64).to_dense()
    X[data.draw(st.lists(st.integers(0, 8)))] = 0  # examples without a non-zero
    examples = SparseExamples.from_dense(X)
    models = journey(steps, m, 40, seed, untied)
    engine = make_engine(examples, choice)
    handed_over = data.draw(st.integers(0, len(models)))
    for place, model in enumerate(models):
        found = engine.value_and_gradient(model)
        assert_close(found, value_and_gradient(X, model))
        if place == handed_over:  # another engine goes on from the state of this one: to the same bits
            other = make_engine(examples, choice)
            other.restore(engine.state())
            engine, kept = other, engine
        elif place > handed_over:
            again = kept.value_and_gradient(model)
            assert again[0] == found[0]
            assert all(np.array_equal(one, two) for one, two in zip(again[1], found[1], strict=True))


def test_features_that_stay_off_are_not_formed() -> None:
    examples = sparse_unit_norm_examples(50, 600, 0.99, seed=0)
    engine = make_engine(examples, EngineChoice("lazy"))
    rng = np.random.default_rng(0)
    W, b = rng.normal(size=(2, 600)).astype(np.float32), np.full(600, -1e3, np.float32)
    b[:60] = 0.5
    settled = []
    settle = engine._settle
    engine._settle = lambda P: (settled.append(0), settle(P))
    for _ in range(30):
        W += np.float32(1e-4) * rng.normal(size=W.shape).astype(np.float32)
        engine.value_and_gradient(Parameters(W, b))
    assert list(engine._columns) == list(range(60))
    assert len(settled) <= 5, "the lists live for many steps"


def test_an_interrupted_look_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    examples = sparse_unit_norm_examples(9, 40, 0.95, seed=0, dtype=np.float64)
    first, second = journey(["leap"], 2, 40, 0, False)
    engine = make_engine(examples, LAZY[0])
    engine.value_and_gradient(first)

    def interrupted(columns: Array) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_list", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.value_and_gradient(second)
    assert_close(engine.value_and_gradient(second), value_and_gradient(examples.to_dense(), second))


def test_distance_off_is_the_distance() -> None:
    rng = np.random.default_rng(3)
    G, P = np.ones((70, 3)), rng.normal(size=(3, 5_000))
    G[:, :2] = rng.normal(size=(70, 2))
    np.testing.assert_allclose(distance_off(G.T, P), -(G @ P).max(axis=0), atol=1e-3)
    assert np.all(distance_off(G.T, P) < -(G @ P).max(axis=0))


def test_a_feature_that_holds_data_cannot_be_left_out() -> None:
    engine = make_engine(sparse_unit_norm_examples(5, 20, 0.5, seed=0), EngineChoice("lazy"))
    with pytest.raises(ArgumentError, match="features"):
        engine.select(np.arange(1))
    with pytest.raises(ArgumentError, match="state"):
        engine.restore({"reference": np.zeros((3, 4)), "latent": np.zeros((3, 5))})


FEW = Configuration(
    T=5, n=200, S=0.98, steps=1_200, warmup=100, optimiser=AdamW(1e-2, weight_decay=1e-2), seed=3,
    engine=EngineChoice("lazy"),
)  # fmt: skip


def at_rest(checkpoint: Checkpoint) -> int:
    return len(checkpoint.engine.get("rest/features", ()))


VARIANTS: dict[str, dict[str, Any]] = {
    "adamw": {},
    "untied": {"untied": True},
    "three dimensions": {"m": 3},
    "sgd": {"optimiser": SGD(0.3, weight_decay=1e-2)},
    "momentum": {"optimiser": SGD(0.1, momentum=0.9)},
}


@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_resumed_with_features_at_rest_is_uninterrupted(changes: dict[str, Any], tmp_path: Path) -> None:
    configuration = replace(FEW, **changes)
    whole = end_of(**changes)
    path = tmp_path / "run.npz"
    for until in (800, 1_000):
        begin = Checkpoint.load(path) if path.is_file() else None
        asked = iter(range(begin.step if begin else 0, 10**9))
        go = {"path": path, "every": 37, "stop": lambda asked=asked, until=until: next(asked) == until}
        stopped = train(configuration, **go) if begin is None else resume(begin, **go)
        assert stopped.status == "interrupted"
    ended = resume(Checkpoint.load(path), path=path, every=11)
    assert np.array_equal(ended.parameters, whole.parameters)
    assert all(np.array_equal(ended.optimiser[name], whole.optimiser[name]) for name in whole.optimiser)
    assert ended.trajectory.rows == whole.trajectory.rows


def stopped_at(configuration: Configuration, step: int) -> Checkpoint:
    """A run interrupted before that step."""
    asked = iter(range(10**9))
    return train(configuration, stop=lambda: next(asked) == step)


@pytest.mark.parametrize(("variant", "step"), [("adamw", 640), ("sgd", 400)])
def test_resumed_before_any_feature_rests_is_uninterrupted(variant: str, step: int) -> None:
    # Which features come to rest depends on how far the latent vectors have gone since the last look for them.
    whole = end_of(**VARIANTS[variant])
    stopped = stopped_at(whole.configuration, step)
    assert at_rest(stopped) == 0
    assert np.array_equal(resume(stopped).parameters, whole.parameters)


@cache
def end_of(**changes: Any) -> Checkpoint:
    """A run that ends with features at rest."""
    end = train(replace(FEW, **changes))
    assert at_rest(end) > 50
    return end


def position_of(end: Checkpoint) -> LazyFeatures:
    """Where it stands."""
    position = _Problem(end.configuration).position(end)
    assert isinstance(position, LazyFeatures)
    return position


def test_what_rests_ends_where_it_would_have_got_by_single_steps() -> None:
    end = end_of(dtype="float64", optimiser=AdamW(1e-2, weight_decay=0.1))
    longer = replace(end.configuration, steps=1_300)
    found = resume(replace(end, configuration=longer))
    blocked = replace(longer, engine=EngineChoice("blocked"))
    every = resume(replace(end, configuration=blocked, engine={}))
    features = found.engine["rest/features"]
    assert len(features) > 50
    for ours, theirs in (
        (found.model.W, every.model.W),
        (found.model.b[None], every.model.b[None]),
        (found.optimiser["square"].reshape(3, -1), every.optimiser["square"].reshape(3, -1)),
    ):
        np.testing.assert_allclose(ours[:, features], theirs[:, features], rtol=1e-12, atol=1e-40)
    assert not np.array_equal(found.model.b[features], end.model.b[features]), "decay goes on"


@pytest.mark.parametrize("untied", [False, True])
@pytest.mark.parametrize("factor", [1.0, 1.5, 40.0, -40.0])
def test_features_at_rest_wake_when_the_examples_jump(factor: float, untied: bool) -> None:
    end = end_of(dtype="float64", untied=untied)
    position, examples = position_of(end), end.configuration.examples()
    before = position.optimiser_state()
    m, n = 2, 200
    position._moved[:m] *= factor  # the latent vectors go there too
    flat = position.parameters()
    model = Parameters(flat[: m * n].reshape(m, n), flat[m * n : (m + 1) * n])
    if untied:
        model = Parameters(model.W, model.b, flat[(m + 1) * n :].reshape(n, m))
    loss, gradient = position.evaluate(0)
    expected_loss, expected = value_and_gradient(examples.to_dense(), model)
    assert loss == pytest.approx(expected_loss, rel=1e-11)
    moving = position._moving
    found = np.zeros((len(position._moved), n))
    found[:, moving] = gradient.reshape(-1, len(moving))
    reference = np.concatenate([expected.W, expected.b[None], *([expected.decoder.T] if untied else [])])
    np.testing.assert_allclose(found, reference, rtol=0, atol=1e-11 * max(1.0, np.abs(reference).max()))
    np.testing.assert_array_equal(position.parameters(), flat, err_msg="to wake is not to move")
    for name, average in position.optimiser_state().items():
        np.testing.assert_array_equal(average, before[name])


def test_divergence_with_features_at_rest_keeps_the_last_good_state() -> None:
    end = end_of()
    position = position_of(end)
    position.evaluate(0)
    position.update(np.full(position._moved.size, 1e3, np.float32), 1.0)
    assert not np.array_equal(position.parameters(), end.parameters)
    position.revert()
    np.testing.assert_array_equal(position.parameters(), end.parameters)


def test_divergence_that_wakes_features_keeps_the_last_good_state() -> None:
    position = position_of(end_of(optimiser=AdamW(1e-2, weight_decay=0.1)))
    before = position.parameters()
    position.evaluate(0)
    position.update(np.full(position._moved.size, 1e3, np.float32), 9.0)
    moving = len(position._moving)
    position.evaluate(1)
    assert len(position._moving) > moving
    position.revert()
    np.testing.assert_array_equal(position.parameters(), before)


def started_at(W: Array, b: Array, path: Path, **changes: Any) -> Configuration:
    """A run from that model."""
    np.savez(path / "start.npz", W=W, b=b)
    return replace(FEW, steps=300, initialisation="file", init_path=str(path / "start.npz"), **changes)


def test_a_feature_without_a_direction_rests_and_resumes_in_silence(tmp_path: Path) -> None:
    W = np.random.default_rng(0).normal(size=(2, 200)) / 100
    W[:, ::2] = 0
    configuration = started_at(W, np.full(200, -10.0), tmp_path, optimiser=SGD(1e-3))
    stopped = stopped_at(configuration, 200)
    assert at_rest(stopped) > 50
    assert np.array_equal(resume(stopped).parameters, train(configuration).parameters)


@pytest.mark.floating_point(under="ignore")
def test_a_decay_to_nothing_lets_nothing_rest(tmp_path: Path) -> None:
    rate, warmup, decay = 0.8463512210098845, 154, 1.1815425737872491
    assert 1 - rate * decay > 0 >= 1 - (rate * warmup / warmup) * decay, "the last step of the warm-up passes the peak"
    W, optimiser = np.random.default_rng(0).normal(size=(2, 200)) / 100, SGD(rate, weight_decay=decay)
    end = train(started_at(W, np.full(200, -1.0), tmp_path, optimiser=optimiser, warmup=warmup, dtype="float64"))
    assert end.status == "finished"
    assert at_rest(end) == 0


def test_fresh_data_refuse_the_lazy_engine() -> None:
    assert Configuration(T=10, n=600, data="fresh").chosen_engine.name == "hull"
    with pytest.raises(ArgumentError, match="fresh"):
        Configuration(T=10, n=600, data="fresh", engine=EngineChoice("lazy"))
