"""Models that memorise a few of very many examples."""

from __future__ import annotations

import numpy as np
import pytest

from relugeom.autoencoder import loss, reconstruct
from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.autoencoder.packing import packed_polygon
from relugeom.errors import ArgumentError


@pytest.mark.parametrize(("T", "n", "corners"), [(40, 300, 64), (400, 100, 64), (4_000, 1_000, 7), (300, 200, 4_096)])
def test_the_model_does_what_its_formula_says(T: int, n: int, corners: int) -> None:
    examples = sparse_unit_norm_examples(T, n, 1 - 4 / n, seed=3, dtype=np.float64)
    found = packed_polygon(examples, corners)
    X = examples.to_dense()
    answer = np.asarray(reconstruct(found.model, X))
    assert 3 <= len(found.corners) <= corners
    chosen = list(found.corners)
    used = X[chosen].any(axis=0)
    assert np.sum(X[chosen] > 0, axis=0).max() == 1  # no two share a feature
    np.testing.assert_allclose(answer[chosen][:, used], X[chosen][:, used], atol=1e-8)
    others = np.delete(answer, chosen, axis=0)
    assert not others[:, used].any()
    np.testing.assert_allclose(others[:, ~used], np.broadcast_to(X.mean(axis=0)[~used], others[:, ~used].shape))
    assert float(loss(found.model, examples)) == pytest.approx(found.loss, abs=1e-9)
    # Memorising them costs less than answering the mean everywhere.
    assert found.loss < float(np.sum((X - X.mean(axis=0)) ** 2)) / T


def test_examples_of_any_length_are_memorised() -> None:
    X = np.array([[3.0, 0, 4, 0], [0, 0.1, 0, 0], [0, 0, 0, 2], [0.5, 0, 0, 0.5], [0, 0, 0, 0]])
    found = packed_polygon(SparseExamples.from_dense(X), 5)
    answer = np.asarray(reconstruct(found.model, X))
    assert set(found.corners) == {0, 1, 2}
    np.testing.assert_allclose(answer[:3], X[:3], atol=1e-12)
    assert not answer[3:].any()


def test_where_every_example_is_in_the_way_of_another_none_is_memorised() -> None:
    examples = sparse_unit_norm_examples(4_000, 100, 0.96, seed=3, dtype=np.float64)
    found = packed_polygon(examples, 7)
    X = examples.to_dense()
    assert found.corners == ()
    assert not np.asarray(found.model.W).any()
    assert found.loss == pytest.approx(float(np.sum((X - X.mean(axis=0)) ** 2)) / 4_000)


def test_what_fits_no_polygon_is_refused() -> None:
    with pytest.raises(ArgumentError, match="corners must be at least 3; got 2"):
        packed_polygon(sparse_unit_norm_examples(5, 9, 0.5, seed=0), 2)
    with pytest.raises(ArgumentError, match="examples must not be negative; got -1"):
        packed_polygon(SparseExamples.from_dense(np.array([[1.0, -1.0]])))
