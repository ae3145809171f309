"""Sparse data: the law they follow, how they are stored, and what a file must hold to be believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from relugeom.autoencoder.examples import (
    FreshExamples,
    SparseExamples,
    axial_examples,
    load_examples,
    save_examples,
    sparse_unit_norm_examples,
)
from relugeom.errors import ArgumentError, StorageError
from relugeom.storage import load_arrays, save_arrays


def test_rows_have_unit_norm_and_sorted_columns() -> None:
    examples = sparse_unit_norm_examples(500, 1_000, 0.99, seed=0, dtype=np.float64)
    X = examples.to_dense()
    np.testing.assert_allclose(np.linalg.norm(X, axis=1), 1)
    assert X.min() == 0
    assert SparseExamples.from_dense(X).digest() == examples.digest()


def test_the_law_is_that_of_tossing_every_entry() -> None:
    T, n, S = 4_000, 6, 0.7
    X = sparse_unit_norm_examples(T, n, S, seed=1, dtype=np.float64).to_dense()
    # Patterns of non-zeros: Bernoulli(0.3) six times, given that not all failed.
    found = np.bincount((X > 0) @ (1 << np.arange(n)), minlength=1 << n)
    successes = np.array([bin(pattern).count("1") for pattern in range(1 << n)])
    chances = 0.3**successes * 0.7 ** (n - successes)
    chances[0] = 0
    chances /= chances.sum()
    assert found[0] == 0
    assert stats.chisquare(found[1:], T * chances[1:]).pvalue > 1e-3
    # Magnitudes before the division were uniform, so of a row's two non-zeros the smaller over the larger is too.
    pairs = np.sort(X[(X > 0).sum(axis=1) == 2], axis=1)[:, -2:]
    assert stats.kstest(pairs[:, 0] / pairs[:, 1], "uniform").pvalue > 1e-3


def test_the_law_at_the_papers_size() -> None:
    examples = sparse_unit_norm_examples(20_000, seed=2)
    assert examples.nbytes <= 8 * examples.nnz + 4 * (examples.T + 1)
    counts = np.bincount(np.diff(examples.indptr), minlength=30)
    chances = stats.binom.pmf(np.arange(30), 10_000, 0.001)
    chances[0] = 0
    expected = examples.T * chances / chances.sum()
    usual = expected > 5
    assert stats.chisquare(counts[usual], expected[usual] * counts[usual].sum() / expected[usual].sum()).pvalue > 1e-3
    columns = np.bincount(examples.indices, minlength=10_000)
    assert abs(columns.mean() - 20) < 0.2
    assert 0.9 < columns.var() / columns.mean() < 1.1


def test_rows_that_are_nearly_always_empty_are_redrawn() -> None:
    examples = sparse_unit_norm_examples(1_000, 3, 1 - 1e-6, seed=0)
    assert np.all(np.diff(examples.indptr) == 1), "two non-zeros in a row of three have a chance of one in a million"
    assert np.array_equal(np.unique(examples.indices), [0, 1, 2])
    np.testing.assert_array_equal(examples.values, 1)


def test_dense_limit() -> None:
    examples = sparse_unit_norm_examples(5, 4, 0.0, seed=0)
    assert examples.nnz == 20


@settings(max_examples=30, deadline=None)
@given(T=st.integers(1, 40), n=st.integers(1, 40), S=st.floats(0, 0.99), seed=st.integers(0, 2**40))
def test_a_seed_is_a_data_set(T: int, n: int, S: float, seed: int) -> None:
    one, two = (sparse_unit_norm_examples(T, n, S, seed=seed) for _ in range(2))
    assert (one.T, one.n) == (T, n)
    assert one.digest() == two.digest()
    assert np.all(np.diff(one.indptr) >= 1)
    sequence = np.random.SeedSequence(seed)
    assert sparse_unit_norm_examples(T, n, S, seed=sequence).digest() == one.digest()
    assert sparse_unit_norm_examples(T, n, S, seed=sequence).digest() == one.digest()


def test_the_size_of_a_chunk_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sparse_unit_norm_examples(50, 30, 0.9, seed=1).digest()
    for chunk in (1, 7, 64):
        monkeypatch.setattr("relugeom.autoencoder.examples._CHUNK", chunk)
        assert sparse_unit_norm_examples(50, 30, 0.9, seed=1).digest() == whole


def test_the_hash_sees_every_part() -> None:
    base = sparse_unit_norm_examples(4, 5, 0.5, seed=0)
    shifted = SparseExamples(base.indptr, (base.indices + 1) % 5, base.values, 5)
    scaled = SparseExamples(base.indptr, base.indices, base.values * 2, 5)
    wider = SparseExamples(base.indptr, base.indices, base.values, 6)
    other_type = SparseExamples(base.indptr, base.indices, base.values.astype(np.float64), 5)
    wide_index = SparseExamples(base.indptr.astype(np.int64), base.indices.astype(np.int64), base.values, 5)
    hashes = {e.digest() for e in (base, shifted, scaled, wider, other_type)}
    assert len(hashes) == 5
    assert wide_index.digest() == base.digest()


def test_take_reorders_rows() -> None:
    examples = SparseExamples.from_dense(np.diag([1.0, 0.0, 3.0])[[0, 1, 2, 2]])
    rows = np.array([3, 0, 1, 0])
    np.testing.assert_array_equal(examples.take(rows).to_dense(), examples.to_dense()[rows])


def test_axial() -> None:
    X = axial_examples(3, (1.0, 0.5), np.float64).to_dense()
    np.testing.assert_array_equal(X, np.concatenate([np.eye(3), np.eye(3) / 2]))


def test_fresh_batches_differ_and_repeat() -> None:
    stream = FreshExamples(10, 20, 0.8, seed=3)
    first = [batch.digest() for batch, _ in zip(stream, range(5), strict=False)]
    assert len(set(first)) == 5
    assert stream.batch(3).digest() == first[3]


@pytest.mark.parametrize("wrong", [(0, 5, 0.5), (5, 0, 0.5), (5, 5, 1.0), (5, 5, -0.1), (5, 5, float("nan"))])
def test_wrong_arguments(wrong: tuple[int, int, float]) -> None:
    with pytest.raises(ArgumentError):
        sparse_unit_norm_examples(*wrong, seed=0)


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    examples = sparse_unit_norm_examples(7, 9, 0.5, seed=0)
    save_examples(path, examples)
    assert load_examples(path).digest() == examples.digest()
    arrays, facts = load_arrays(path)
    for change in (
        {"indices": arrays["indices"][:-1]},
        {"indices": arrays["indices"] + 9},
        {"indices": np.zeros_like(arrays["indices"])},
        {"indptr": arrays["indptr"][::-1]},
        {"indptr": arrays["indptr"].astype(np.float64)},
        {"values": arrays["values"].astype(np.int32)},
        {"values": arrays["values"] * np.nan},
        {"more": arrays["values"]},
    ):
        save_arrays(tmp_path / "bad", {**arrays, **change}, facts)
        with pytest.raises(StorageError):
            load_examples(tmp_path / "bad")
    for fact in ({"n": 0}, {"n": "9"}, {"kind": "model"}):
        save_arrays(tmp_path / "bad", arrays, {**facts, **fact})
        with pytest.raises(StorageError):
            load_examples(tmp_path / "bad")
