"""An array that lies in a file and is read when it is needed: its shape is known, and bounded, before its numbers.

A checkpoint holds far more than a model (the states of an optimiser, curves, buffers). Readers list what there is;
`relugeom.autoencoder.files.naming` picks out the few arrays that make a model, and only these are read.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.errors import StorageError

__all__ = ["MOST_NUMBERS", "StoredArray", "bfloat16", "check_stored"]

MOST_NUMBERS = 100_000_000
"""The most numbers taken from one file: 800 MB as float64."""

_MOST_AXES = 32  # as many as every version of NumPy takes


@dataclass(frozen=True, slots=True, eq=False)
class StoredArray:
    """One array of a file.

    Attributes
    ----------
    shape : tuple of int
    dtype : str
        As the file names it: "float32", "bfloat16".
    fetch : callable
        Reads the numbers, as a NumPy array of `shape`.
    """

    shape: tuple[int, ...]
    dtype: str
    fetch: Callable[[], npt.NDArray[Any]]

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    def read(self, name: str) -> npt.NDArray[np.float64]:
        """The numbers as float64; `name` is for messages.

        Raises
        ------
        StorageError
            They are no real numbers.
        """
        array = self.fetch()
        if array.dtype.kind not in "fiu":
            raise StorageError(f"{name} must hold real numbers; got {self.dtype}")
        return np.asarray(array, dtype=np.float64)


def check_stored(name: str, shape: tuple[Any, ...], *counts: Any) -> None:
    """Refuse a shape that is none, before its entries are multiplied: a header has room for millions of them.

    Raises
    ------
    StorageError
        There are too many axes, or an entry, or one of the other `counts`, is no whole number from 0 to 2⁶³ − 1.
    """
    if len(shape) > _MOST_AXES:
        raise StorageError(f"{name:.60}: a shape of {len(shape)} axes; at most {_MOST_AXES} are read")
    if any(type(count) is not int or not 0 <= count < 2**63 for count in (*shape, *counts)):
        raise StorageError(f"{name:.60}: shapes, strides and offsets must be whole numbers that are not negative")


def bfloat16(raw: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """The values of bfloat16 numbers: they are the upper halves of float32."""
    return (raw.astype(np.uint32) << 16).view(np.float32)
