"""``.safetensors``: eight bytes with the length of a JSON header, the header, and the numbers.

The header maps each name to ``{"dtype": "F32", "shape": [5, 2], "data_offsets": [begin, end]}``, offsets counted from
the end of the header. The format is documented at https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import math
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.files.stored import StoredArray, bfloat16, check_stored
from relugeom.errors import StorageError

__all__ = ["safetensors_arrays", "seems_safetensors"]

_LONGEST_HEADER = 16_000_000
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "<i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "<u1", "BOOL": "|b1",
}  # fmt: skip


def seems_safetensors(head: bytes, size: int) -> bool:
    """Whether the first bytes are a length that fits the file, and the beginning of a JSON object."""
    return len(head) >= 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def safetensors_arrays(file: IO[bytes], size: int) -> dict[str, StoredArray]:
    """The arrays by name.

    Raises
    ------
    StorageError
        The header is too long, or an array lies outside the file or has not the size of its shape.
    """
    file.seek(0)
    length = int.from_bytes(file.read(8), "little")
    if length > min(_LONGEST_HEADER, size - 8):
        raise StorageError(f"a header of {length} bytes; at most {min(_LONGEST_HEADER, size - 8)} are read")
    header = json.loads(file.read(length))
    return {
        name: _array(name, entry, file, 8 + length, size) for name, entry in header.items() if name != "__metadata__"
    }


def _array(name: str, entry: dict[str, Any], file: IO[bytes], base: int, size: int) -> StoredArray:
    kind, shape, (begin, end) = str(entry["dtype"]), tuple(entry["shape"]), entry["data_offsets"]
    check_stored(name, shape, begin, end)
    dtype = np.dtype(_DTYPES.get(kind, "V0"))
    if begin > end or base + end > size or (dtype.itemsize and math.prod(shape) * dtype.itemsize != end - begin):
        raise StorageError(f"{name:.60} does not hold the shape it claims, {shape}")

    def fetch() -> npt.NDArray[Any]:
        if not dtype.itemsize:
            raise StorageError(f"{name:.60} is of type {kind:.20}, which is not read")
        file.seek(base + begin)
        flat: npt.NDArray[Any] = np.frombuffer(file.read(end - begin), dtype)
        return (bfloat16(flat) if kind == "BF16" else flat).reshape(shape)

    named = {"BF16": "bfloat16"}.get(kind, dtype.name)
    return StoredArray(shape, named, fetch)
