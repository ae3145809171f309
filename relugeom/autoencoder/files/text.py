"""A model as JSON that people can read and the explorer speaks, and JSON that others wrote.

    {"format": "relugeom-model/1", "name": "two pairs", "W": [[1, -1, 0, 0], [0, 0, 1, -1]], "b": [0, 0, 0, 0]}

W is a list of m rows of n numbers; b is a list of n numbers, or null or left out for no bias; the name may be left out.
Numbers are written with as many digits as it takes to read the same float back. JSON without a format is taken as
named arrays, ``{"W": ..., "b": ...}``, or lists and dictionaries of such, by the names of
`relugeom.autoencoder.files.naming`.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from relugeom.arrays import check_shape, to_numpy
from relugeom.autoencoder.files.naming import ModelFile, check_size
from relugeom.autoencoder.files.stored import StoredArray
from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError, StorageError
from relugeom.text import is_text

__all__ = ["FORMAT", "MOST_CHARACTERS", "dumps_model", "loads_model", "text_tree"]

FORMAT = "relugeom-model/1"

# Before anything is parsed, and before anything is computed.
MOST_CHARACTERS = 16_000_000
_MOST_NUMBERS = 400_000
_LONGEST_NAME = 200


def dumps_model(model: Parameters, name: str = "") -> str:
    """One model as the text of a file.

    Parameters
    ----------
    model : Parameters
        W of shape (m, n), b of shape (n,) or None, finite.
    name : str

    Returns
    -------
    str
        JSON of the format ``relugeom-model/1``.

    See Also
    --------
    relugeom.autoencoder.files.load_model, relugeom.autoencoder.files.load_models
    relugeom.autoencoder.files.loads_model
    """
    W, b = model
    matrix = np.asarray(to_numpy(W), dtype=np.float64)
    check_shape("W", matrix, ("m", "n"))
    bias = None if b is None else np.asarray(to_numpy(b), dtype=np.float64)
    if matrix.ndim != 2 or (bias is not None and bias.shape != matrix.shape[1:]):
        raise ArgumentError(
            f"one model is expected, W (m, n) and b (n,); got W {matrix.shape} and "
            f"b {None if bias is None else bias.shape}"
        )
    if not np.isfinite(matrix).all() or not (bias is None or np.isfinite(bias).all()):
        raise ArgumentError("W and b must hold finite real numbers")
    if len(name) > _LONGEST_NAME or not is_text(name):
        raise ArgumentError(f"name must be a text of at most {_LONGEST_NAME} characters; got {name!r:.60}")
    data = {"format": FORMAT, "name": name, "W": matrix.tolist(), "b": None if bias is None else bias.tolist()}
    return json.dumps(data, ensure_ascii=False) + "\n"


def loads_model(text: str) -> ModelFile:
    """The model in the text of a file.

    Parameters
    ----------
    text : str
        JSON of the format ``relugeom-model/1``, or a plain ``{"W": ..., "b": ...}``.

    Returns
    -------
    ModelFile

    Raises
    ------
    StorageError
        The text is not JSON, not of this format, too large, or holds anything but finite numbers in fitting shapes.

    See Also
    --------
    relugeom.autoencoder.files.load_model, relugeom.autoencoder.files.load_models
    relugeom.autoencoder.files.dumps_model

    Examples
    --------
    >>> loads_model('{"format": "relugeom-model/1", "W": [[1, -1]]}').model.W
    array([[ 1., -1.]])
    """
    if len(text) > MOST_CHARACTERS:
        raise StorageError(f"a model file may have {MOST_CHARACTERS} characters; this one has {len(text)}")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise StorageError(f"not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise StorageError(f'format must be "{FORMAT}"; got {found!r:.60}')
    unknown = sorted(set(data) - {"format", "name", "W", "b"})
    if unknown:
        raise StorageError(f"unknown field {unknown[0]!r:.60}; expected name, W and b")
    name = data.get("name", "")
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not is_text(name):
        raise StorageError(f"name must be a text of at most {_LONGEST_NAME} characters; got {name!r:.60}")
    rows = data.get("W")
    if not isinstance(rows, list) or not rows or not isinstance(rows[0], list) or not rows[0]:
        raise StorageError(f"W must be a list of rows of numbers; got {rows!r:.60}")
    n = len(rows[0])
    if len(rows) * n > _MOST_NUMBERS:
        raise StorageError(f"W may have {_MOST_NUMBERS} entries; this one has {len(rows) * n}")
    W = [_numbers(f"W[{k}]", row, n) for k, row in enumerate(rows)]
    b = None if data.get("b") is None else np.array(_numbers("b", data["b"], n))
    file = ModelFile(Parameters(np.array(W), b), name)
    check_size("", file.model.W, file.model.b)
    return file


def _numbers(where: str, values: Any, n: int) -> list[float]:
    if not isinstance(values, list) or len(values) != n:
        got = f"{len(values)} of them" if isinstance(values, list) else f"{values!r:.60}"
        raise StorageError(f"{where} must be a list of {n} numbers; got {got}")
    for k, value in enumerate(values):
        if isinstance(value, bool) or not isinstance(value, int | float) or not _is_finite(value):
            raise StorageError(f"{where}[{k}] must be a finite number; got {value!r:.60}")
    return [float(value) for value in values]


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond every float
        return False


def text_tree(text: str) -> Any:
    """JSON of no particular format: its dictionaries and lists, with a `StoredArray` for each list of numbers.

    Raises
    ------
    StorageError
        The text is not JSON, or too long.
    """
    if len(text) > MOST_CHARACTERS:
        raise StorageError(f"a model file may have {MOST_CHARACTERS} characters; this one has {len(text)}")
    try:
        return _with_arrays(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise StorageError(f"not JSON: {error}") from None


def _with_arrays(value: Any) -> Any:
    """The value, with lists of numbers, and of lists of numbers, as arrays."""
    if isinstance(value, dict):
        return {key: _with_arrays(entry) for key, entry in value.items()}
    if not isinstance(value, list):
        return value
    try:
        array = np.array(value, dtype=np.float64) if _of_numbers(value) else None
    except (ValueError, OverflowError):  # rows of different lengths; an integer beyond every float
        array = None
    if array is None:
        return [_with_arrays(entry) for entry in value]
    return StoredArray(array.shape, "float64", lambda: array)


def _of_numbers(value: Any) -> bool:
    """Whether the value is a number or a list, down to its first entry; np.array checks the others."""
    while isinstance(value, list):
        if not value:
            return False
        value = value[0]
    return isinstance(value, int | float) and not isinstance(value, bool)
