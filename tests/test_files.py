"""Model files: what is written is read back to the last bit, and everything else is refused by name."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relugeom.autoencoder import Parameters, zero_loss_polygon
from relugeom.autoencoder.files import FORMAT, dumps_model, load_model, loads_model
from relugeom.errors import ArgumentError, StorageError

finite = st.floats(-1e100, 1e100)


@given(arrays(np.float64, st.tuples(st.integers(1, 3), st.just(4)), elements=finite),
       st.none() | arrays(np.float64, 4, elements=finite), st.text(max_size=20))  # fmt: skip
def test_what_is_written_is_read_back(W, b, name) -> None:
    read = loads_model(dumps_model(Parameters(W, b), name))
    assert read.name == name
    np.testing.assert_array_equal(read.model.W, W)
    assert (read.model.b is None) == (b is None)
    if b is not None:
        np.testing.assert_array_equal(read.model.b, b)


def test_a_file_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    path.write_text(dumps_model(zero_loss_polygon(5)), encoding="utf-8")
    np.testing.assert_array_equal(load_model(path).model.W, zero_loss_polygon(5).W)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(StorageError, match=r"model\.json: no file of a model"):
        load_model(path)
    path.write_text("{")
    with pytest.raises(StorageError, match=r"model\.json: not JSON"):
        load_model(path)


def text(**changes: object) -> str:
    return json.dumps({"format": FORMAT, "W": [[1, -1]], "b": [0, 0]} | changes)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("[" * 100_000, "not JSON"),
        ("[1]", "format must be"),
        (text(format="relugeom-model/2"), "got 'relugeom-model/2'"),
        (text(w=1), "unknown field 'w'"),
        (text(name=3), "name must be a text"),
        (text(W=[]), "W must be a list of rows"),
        (text(W=[1, 2]), "W must be a list of rows"),
        (text(W=[[1, 2], [3]]), r"W\[1\] must be a list of 2 numbers; got 1 of them"),
        (text(W=[[1, "2"]]), r"W\[0\]\[1\] must be a finite number; got '2'"),
        (text(W=[[1, True]]), r"W\[0\]\[1\] must be a finite number"),
        (text(b=[0, float("nan")]), r"b\[1\] must be a finite number; got nan"),
        (text(b=[0, 10**400]), r"b\[1\] must be a finite number"),
        (text(b=0), "b must be a list of 2 numbers; got 0"),
        (" " * 16_000_001, "16000000 characters"),
        (text(W=[[0] * 1000] * 401), "400000 entries"),
    ],
)
def test_everything_else_is_refused(broken, message) -> None:
    with pytest.raises(StorageError, match=message):
        loads_model(broken)


@pytest.mark.parametrize(
    "model",
    [
        Parameters(np.zeros((2, 2, 2)), None),
        Parameters(np.zeros((2, 2)), np.zeros(3)),
        Parameters(np.full((2, 2), np.inf), None),
        Parameters(np.zeros((2, 0)), None),
    ],
)
def test_only_one_finite_model_is_written(model) -> None:
    with pytest.raises(ArgumentError):
        dumps_model(model)
    with pytest.raises(ArgumentError, match="name"):
        dumps_model(Parameters(np.zeros((1, 1)), None), "x" * 201)
