"""Processes that share the boxes of one order add up to the definition, and go on to the same bits."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relugeom.autoencoder import Parameters
from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.engines.box_shards import _Blackboard, _Meeting, _Member
from relugeom.engines.choice import EngineChoice, _of_share, choose_engine, make_engine
from relugeom.engines.objective import Share
from relugeom.errors import ArgumentError, WorkerError
from relugeom.training import Configuration, resume, train
from tests.oracles import value_and_gradient

Array = npt.NDArray[np.floating]

CHOICES = [
    EngineChoice("moments", (4,), 2, "boxes"),
    EngineChoice("moments", (8, 4), 3, "boxes"),
    EngineChoice("tree", (8, 4), 2, "boxes"),
    EngineChoice("tree", (4, 4), 3, "boxes"),
    EngineChoice("tree", (8, 1), 4, "boxes"),
]
any_choice = st.sampled_from(CHOICES)


class Threads:
    """The members of a `BoxShards` in threads: what they do, without the time that processes take to start."""

    def __init__(self, examples: SparseExamples, choice: EngineChoice, m: int, untied: bool) -> None:
        count = choice.processes
        context = SimpleNamespace(RawArray=multiprocessing.get_context("spawn").RawArray, Semaphore=threading.Semaphore)
        self._board = _Blackboard(context, count, m, examples.T, examples.n, untied, examples.values.dtype)
        meeting = _Meeting(context, count)
        make = lambda examples, share: _of_share(choice, examples, share)  # noqa: E731
        self._members = [_Member(place, count, examples, make) for place in range(count)]
        self._pool = ThreadPoolExecutor(count)
        for member in self._members:
            member.join(self._board, meeting, _give_up)

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        board = self._board
        for out, part in zip(board.model(board.parameters[0]), model, strict=True):
            out[...] = part
        board.before[0] = board.count()
        list(self._pool.map(_Member.step, self._members))
        return float(board.losses.sum()), board.model(board.gradients.sum(axis=0))

    def states(self) -> list[dict[str, Array]]:
        return [member.state() for member in self._members]

    def restore(self, state: dict[str, Array]) -> None:
        for member in self._members:
            member.engine.restore(state)
        self._board.straddling[:] = 0
        self._board.straddling[0] = self._members[0].sorting.straddling

    def close(self) -> None:
        self._pool.shutdown()


def _give_up() -> None:
    raise WorkerError("somebody has not come")


def assert_same(found: tuple[float, Parameters], expected: tuple[float, Parameters], tolerance: float = 1e-11) -> None:
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    for ours, theirs in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * max(1.0, np.abs(theirs).max()))


def same_bits(one: tuple[float, Parameters], two: tuple[float, Parameters]) -> bool:
    return one[0] == two[0] and all(np.array_equal(a, b) for a, b in zip(one[1], two[1], strict=True))


@settings(max_examples=30, deadline=None)
@given(
    choice=any_choice,
    T=st.integers(32, 70),  # a box for everybody
    steps=st.lists(st.sampled_from([0.0, 1e-3, 0.1, 10.0]), min_size=1, max_size=6),
    untied=st.booleans(),
    seed=st.integers(0, 10**6),
    data=st.data(),
)
def test_the_sum_is_the_definition_and_goes_on_to_the_same_bits(
    choice: EngineChoice, T: int, steps: list[float], untied: bool, seed: int, data: st.DataObject
) -> None:
    examples = sparse_unit_norm_examples(T, 12, 0.8, seed=seed, dtype=np.float64)
    X, rng = examples.to_dense(), np.random.default_rng(seed)
    engine, kept = Threads(examples, choice, 2, untied), None
    handed_over = data.draw(st.integers(0, len(steps)))
    model = Parameters(rng.normal(size=(2, 12)), rng.normal(size=12), rng.normal(size=(12, 2)) if untied else None)
    try:
        for place, size in enumerate([0.0, *steps]):
            model = Parameters(*(part + size * rng.normal(size=part.shape) for part in model))
            found = engine.value_and_gradient(model)
            assert_same(found, value_and_gradient(X, model))
            first, *others = engine.states()
            for other in others:
                assert all(np.array_equal(other[name], array) for name, array in first.items())
            if kept is not None:
                assert same_bits(found, kept.value_and_gradient(model))
            if place == handed_over:  # other members go on from the state of these
                kept, engine = engine, Threads(examples, choice, 2, untied)
                engine.restore(first)
    finally:
        for threads in (engine, kept):
            if threads is not None:
                threads.close()


def test_a_model_that_overflows_leaves_nobody_waiting() -> None:
    engine = Threads(sparse_unit_norm_examples(64, 12, 0.8, seed=0), CHOICES[2], 2, False)
    with np.errstate(all="ignore"):
        for W in (np.full((2, 12), np.float32(3e38)), np.full((2, 12), np.float32(np.nan))):
            value, gradient = engine.value_and_gradient(Parameters(W, np.zeros(12, np.float32)))
            assert np.isnan(value)
            assert np.isnan(gradient.W).all()
    engine.close()


@pytest.mark.parametrize(("T", "size", "shards"), [(10, 4, 2), (10, 4, 3), (9, 1, 4), (7, 8, 1), (1_000, 64, 2)])
def test_every_example_is_somebodys_and_boxes_stay_whole(T: int, size: int, shards: int) -> None:
    own = [Share(place, shards, lambda own, rows: rows).own(T, size) for place in range(shards)]
    assert np.array_equal(np.sort(np.concatenate(own)), np.arange(T))
    for places in own:
        assert np.array_equal(places, np.sort(places))
        assert all(np.all(np.diff(box) == 1) and box[0] % size == 0 for box in _boxes(places, size))


def _boxes(places: Array, size: int) -> Iterator[Array]:
    for start in range(0, len(places), size):
        yield places[start : start + size]


def test_processes_are_the_threads_and_one_that_has_died_is_noticed() -> None:
    examples = sparse_unit_norm_examples(61, 12, 0.8, seed=3)
    rng = np.random.default_rng(2)
    start = rng.normal(size=(2, 12)).astype(np.float32)
    path = [start + np.float32(0.01) * k * rng.normal(size=start.shape).astype(np.float32) for k in range(4)]
    choice = CHOICES[0]
    threads, engine = Threads(examples, choice, 2, False), make_engine(examples, choice)
    try:
        for W in path:
            model = Parameters(W, W[0])
            assert same_bits(engine.value_and_gradient(model), threads.value_and_gradient(model))
        state, before = engine.state(), engine.value_and_gradient(model)
        engine.restore(state)  # the workers begin anew
        assert same_bits(engine.value_and_gradient(model), before)
        (worker,) = engine._processes
        worker.kill()
        with pytest.raises(WorkerError, match="worker"):
            engine.value_and_gradient(model)
    finally:
        engine.close()
        threads.close()


def test_rule_and_refusals() -> None:
    assert choose_engine(1_000, 10_000, 2, processes=2) == EngineChoice("moments", (64,), 2, "boxes")
    assert choose_engine(100_000, 10_000, 2, processes=2) == EngineChoice("tree", (2048, 128), 2, "boxes")
    assert choose_engine(1_000, 10_000, 2, processes=99).processes == 15, "a box for everybody"
    assert choose_engine(100_000, 50, 2, processes=2) == EngineChoice("blocked", (), 2)
    with pytest.raises(ArgumentError, match="'examples' or 'boxes'"):
        EngineChoice("tree", (8, 4), 2, "halves")
    for choice in (("hull", (), 2), ("tree", (8, 4), 1)):
        with pytest.raises(ArgumentError, match="two processes or more"):
            EngineChoice(*choice, "boxes")
    engine = make_engine(sparse_unit_norm_examples(20, 12, 0.8, seed=3), CHOICES[0])
    with pytest.raises(ArgumentError, match="must have shape"):
        engine.value_and_gradient(Parameters(np.ones((2, 11), np.float32), np.ones(11, np.float32)))
    with pytest.raises(ArgumentError, match="order 20"):
        engine.restore({"order": np.zeros(5, np.int64), "moments": np.zeros(3, np.int64)})
    with pytest.raises(ArgumentError, match="a box for every"):
        make_engine(sparse_unit_norm_examples(7, 12, 0.8, seed=3), CHOICES[0])


def test_a_run_names_its_split_and_one_of_an_earlier_version_keeps_its_key() -> None:
    shared = Configuration(n=600, T=1_200, steps=3, warmup=1).with_engine(processes=2)
    assert Configuration.from_dict(shared.as_dict()) == shared
    assert shared.as_dict()["engine"]["split"] == "boxes"
    alone = Configuration(n=600, T=1_200, steps=3, warmup=1)
    assert set(alone.key()["engine"]) == {"name", "leaves", "processes"}
    older = {**shared.key(), "engine": {"name": "moments", "leaves": [64], "processes": 2}}
    assert Configuration.from_dict(older).chosen_engine == EngineChoice("moments", (64,), 2)


@pytest.mark.long
def test_a_shared_run_is_resumed_to_the_same_bits(tmp_path: Path) -> None:
    configuration = Configuration(n=600, T=1_200, S=0.99, steps=220, warmup=20).with_engine(processes=2)
    whole = train(configuration, record=())
    count = iter(range(10**6))
    part = train(configuration, record=(), stop=lambda: next(count) == 157)  # a sort lies behind, another ahead
    assert np.array_equal(resume(part, record=()).parameters, whole.parameters)


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="no kill -9")
def test_workers_end_with_a_caller_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import time\n"
        "import numpy as np\n"
        "from relugeom.autoencoder import Parameters\n"
        "from relugeom.autoencoder.examples import sparse_unit_norm_examples\n"
        "from relugeom.engines.choice import EngineChoice, make_engine\n"
        "if __name__ == '__main__':\n"
        "    examples = sparse_unit_norm_examples(99, 12, 0.8, seed=0)\n"
        "    engine = make_engine(examples, EngineChoice('moments', (4,), 2, 'boxes'))\n"
        "    engine.value_and_gradient(Parameters(np.ones((2, 12), np.float32), np.ones(12, np.float32)))\n"
        "    print(engine._processes[0].pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as caller:
        assert caller.stdout is not None
        worker = int(caller.stdout.readline())
        caller.kill()
    deadline = time.monotonic() + 60
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the worker goes on"
        time.sleep(0.1)
