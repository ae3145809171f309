"""Memorising models: what they give back, what they leave, and when no other does better, against small cases."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import loss, reconstruct
from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.autoencoder.files import load_model
from relugeom.autoencoder.memorising import (
    is_obstruction,
    memorisable,
    memorising_loss,
    memorising_order,
    memorising_polygon,
)
from relugeom.cli import main
from relugeom.errors import ArgumentError
from relugeom.optim import AdamW
from relugeom.training.configuration import Configuration
from relugeom.training.loop import measure_run, train


def sharing(T: int, pairs: list[tuple[int, ...]], own: int = 1) -> SparseExamples:
    """T examples with `own` private features each, and one more for every group of examples that share it."""
    X = np.zeros((T, own * T + len(pairs)))
    rng = np.random.default_rng(len(pairs))
    for t in range(T):
        X[t, own * t : own * (t + 1)] = rng.uniform(0.3, 1, own)
    for k, group in enumerate(pairs):
        X[list(group), own * T + k] = rng.uniform(0.3, 1, len(group))
    return SparseExamples.from_dense(X)


@pytest.mark.parametrize("T", [1, 2, 3, 4, 7, 30])
def test_disjoint_examples_are_given_back(T: int) -> None:
    examples = sharing(T, [], own=2)
    X = examples.to_dense()
    np.testing.assert_allclose(reconstruct(memorising_polygon(examples), X), X, atol=1e-12)
    assert memorising_loss(examples) == 0


@pytest.mark.parametrize(
    "pairs",
    [
        [(0, 3)],
        [(0, 3), (3, 1), (1, 5)],
        [(0, 3), (0, 3), (3, 1), (2, 4)],
        [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)],
        [(0, 2), (2, 4), (4, 1), (1, 3), (3, 5), (5, 0)],
    ],
)
def test_examples_that_share_along_paths_or_one_whole_cycle_are_given_back(pairs: list[tuple[int, ...]]) -> None:
    examples = sharing(6, pairs)
    X, found = examples.to_dense(), memorisable(examples)
    assert found.answer == "yes"
    np.testing.assert_allclose(reconstruct(memorising_polygon(examples, found.order), X), X, atol=1e-10)


@pytest.mark.parametrize(
    ("pairs", "obstruction"),
    [([(0, 1), (0, 2), (0, 3)], (0, 1, 2, 3)), ([(1, 2), (2, 3), (3, 1)], (1, 2, 3))],
)
def test_a_star_and_a_short_cycle_are_obstructions(pairs: list[tuple[int, ...]], obstruction: tuple[int, ...]) -> None:
    examples = sharing(6, pairs)
    found = memorisable(examples)
    assert (found.answer, found.obstruction) == ("no", obstruction)
    assert is_obstruction(examples, obstruction)
    assert found.loss > 0
    # What it says of these four is false of four others, and of examples of which one has nothing of its own.
    assert not is_obstruction(examples, (5, 1, 2, 3))
    assert not is_obstruction(examples, obstruction[:2])
    X = examples.to_dense()
    X[5] = X[0] * (np.arange(X.shape[1]) >= 6)
    assert not is_obstruction(SparseExamples.from_dense(X), obstruction)


def test_whether_an_order_keeps_everything_is_decided_as_by_trying_all() -> None:
    rng = np.random.default_rng(4)
    answers = set()
    for _ in range(60):
        pairs = [tuple(rng.choice(6, 2, replace=False)) for _ in range(rng.integers(1, 6))]
        examples = sharing(6, pairs)
        best = min(memorising_loss(examples, (0, *order)) for order in permutations(range(1, 6)))
        found = memorisable(examples)
        assert found.answer == ("yes" if best < 1e-15 else "no")
        if found.obstruction is not None:
            assert is_obstruction(examples, found.obstruction)
        answers.add(found.answer)
    assert answers == {"yes", "no"}


@given(st.integers(0, 10_000), st.integers(2, 40))
def test_the_loss_is_what_is_said_and_no_output_is_on_where_it_should_not_be(seed: int, T: int) -> None:
    examples = sparse_unit_norm_examples(T, 60, 0.93, seed=seed, dtype=np.float64)
    model = memorising_polygon(examples)
    X = examples.to_dense()
    answer = np.asarray(reconstruct(model, X))
    scale = 1 + float((np.asarray(model.W) ** 2).sum(axis=0).max())
    assert ((answer < 1e-12 * scale) | (np.abs(answer - X) < 1e-12 * scale)).all()
    assert float(loss(model, examples)) == pytest.approx(memorising_loss(examples), abs=1e-10 * scale)


def test_a_feature_of_three_examples_answers_at_two_neighbours_or_one() -> None:
    examples = sharing(5, [(0, 1, 2)])
    X = examples.to_dense()
    answer = np.asarray(reconstruct(memorising_polygon(examples, range(5)), X))
    np.testing.assert_allclose(np.delete(answer, 5, axis=1), np.delete(X, 5, axis=1), atol=1e-12)
    assert sorted(np.flatnonzero(answer[:, 5] > 1e-9)) in ([0, 1], [1, 2])
    apart = np.asarray(reconstruct(memorising_polygon(examples, (0, 3, 1, 4, 2)), X))
    # In this order 2 and 0 are neighbours, across the end.
    kept = {t for t in range(5) if apart[t, 5] > 1e-9}
    assert kept in ({0, 2}, {1}, {0}, {2})
    assert memorisable(examples).answer == "undecided"


def test_examples_without_a_private_feature_are_lost_whole() -> None:
    X = np.array([[1.0, 0, 0.5, 0], [0, 2.0, 0, 0.5], [0, 0, 0.5, 0.5]])
    examples = SparseExamples.from_dense(X)
    answer = np.asarray(reconstruct(memorising_polygon(examples), X))
    np.testing.assert_allclose(answer, X * [[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0]], atol=1e-12)
    assert memorising_loss(examples) == pytest.approx((0.25 + 0.25 + 0.5) / 3)
    nothing = SparseExamples.from_dense(np.array([[1.0], [2.0]]))
    np.testing.assert_array_equal(memorising_polygon(nothing).W, 0)
    assert memorising_loss(nothing) == pytest.approx(2.5)


@pytest.mark.parametrize("size", [1e-8, 1.0, 1e8])
def test_the_answer_does_not_depend_on_how_large_the_values_are(size: float) -> None:
    star, path = np.zeros((4, 7)), np.zeros((4, 7))
    star[range(4), range(4)] = path[range(4), range(4)] = 1 / 3
    for k, (s, t) in enumerate([(0, 1), (0, 2), (0, 3)]):
        star[[s, t], 4 + k] = size
    for k, (s, t) in enumerate([(2, 0), (0, 3), (3, 1)]):
        path[[s, t], 4 + k] = 0.7, size
    assert memorisable(SparseExamples.from_dense(star)).answer == "no"
    assert memorisable(SparseExamples.from_dense(path)).answer == "yes"


def test_the_paper_s_data_of_thirty_examples_are_memorised_exactly() -> None:
    examples = sparse_unit_norm_examples(30, 10_000, 0.999, seed=0, dtype=np.float64)
    assert memorisable(examples).answer == "yes"
    assert float(loss(memorising_polygon(examples), examples)) < 1e-20
    fifty = sparse_unit_norm_examples(50, 10_000, 0.999, seed=0, dtype=np.float64)
    found = memorisable(fifty)
    assert found.answer == "no"
    assert found.obstruction is not None
    assert is_obstruction(fifty, found.obstruction)
    assert float(loss(memorising_polygon(fifty), fifty)) == pytest.approx(found.loss, rel=1e-9)


@pytest.mark.parametrize("wrong", [(0, 1), (0, 1, 1), (0, 1, 2, 3)])
def test_an_order_that_is_none_is_refused(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match="order must name each"):
        memorising_polygon(sharing(3, []), wrong)


def test_negative_examples_are_refused() -> None:
    with pytest.raises(ArgumentError, match="must not be negative"):
        memorising_order(SparseExamples.from_dense(np.array([[-1.0]])))


def test_the_command_says_why_and_writes_a_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", sharing(6, [(0, 1), (0, 2), (0, 3)]).to_dense())
    assert main(["memorise", str(tmp_path / "x.npy"), "--output", str(tmp_path / "model.npz")]) == 0
    printed = capsys.readouterr().out
    assert "memorised exactly at m = 2: no" in printed
    assert "example 0 shares features with 1, 2, 3" in printed
    model = load_model(tmp_path / "model.npz").model
    examples = sharing(6, [(0, 1), (0, 2), (0, 3)])
    assert float(loss(model, examples)) == pytest.approx(memorising_loss(examples))
    assert main(["memorise", "-T", "20", "--features", "1000", "--sparsity", "0.99", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answer"] in ("yes", "no", "undecided")
    assert found["loss_of_the_model"] == pytest.approx(found["loss"], abs=1e-9)


@pytest.mark.parametrize("wrong", [[], ["a.npy", "-T", "3"], ["a.npy"], ["b.npz"]])
def test_the_command_refuses_what_it_cannot_read(
    wrong: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.array(["one", "two"]))
    assert main(["memorise", *wrong]) == 2
    assert "error" in capsys.readouterr().err


def test_training_goes_on_from_a_memorising_model_of_its_own_data(tmp_path: Path) -> None:
    settings = {
        "T": 40,
        "n": 300,
        "S": 0.98,
        "steps": 20,
        "warmup": 5,
        "initialisation": "memorising",
        "dtype": "float64",
    }
    configuration = Configuration(**settings, optimiser=AdamW(1e-5))  # type: ignore[arg-type]
    model = configuration.initial_model()
    examples = configuration.examples()
    assert model.tied
    assert model.W.dtype == np.float64
    expected = memorising_loss(examples)
    assert float(loss(model, examples)) == pytest.approx(expected, abs=1e-9)
    assert expected > 0.01
    assert measure_run(train(configuration)).loss < expected + 1e-3
    with pytest.raises(ArgumentError, match="memorising start is for m = 2"):
        Configuration(**{**settings, "m": 3})  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="data that stay"):
        Configuration(**{**settings, "data": "fresh"})  # type: ignore[arg-type]
