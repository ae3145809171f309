"""NumPy's files, ``.npy`` and ``.npz``, read without pickles and with every size checked before it is taken."""

from __future__ import annotations

import ast
import math
import zipfile
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.files.stored import MOST_NUMBERS, StoredArray, check_stored
from relugeom.errors import StorageError

__all__ = ["npy_array", "npz_arrays", "open_archive"]

_MOST_MEMBERS = 20_000
_LONGEST_HEADER = 10_000


def open_archive(file: IO[bytes]) -> zipfile.ZipFile:
    """The zip in `file`, with no two members of one name.

    Raises
    ------
    StorageError
        It has too many members, or two share a name.
    """
    archive = zipfile.ZipFile(file)
    names = [member.filename for member in archive.infolist()]
    if len(names) > _MOST_MEMBERS:
        raise StorageError(f"{len(names)} members; at most {_MOST_MEMBERS} are read")
    if len(set(names)) != len(names):
        raise StorageError("two members share one name")
    return archive


def npz_arrays(archive: zipfile.ZipFile) -> dict[str, StoredArray]:
    """The arrays of an ``.npz`` by name, compressed or not; members of other kinds are passed over."""
    found = {}
    for member in archive.infolist():
        if member.filename.endswith(".npy"):
            opener = _opener(archive, member)
            found[member.filename.removesuffix(".npy")] = _array(member.filename, opener, member.file_size)
    return found


def _opener(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], IO[bytes]]:
    return lambda: archive.open(member)


def npy_array(file: IO[bytes], size: int) -> StoredArray:
    """The array of an ``.npy`` file of `size` bytes."""

    def open_file() -> IO[bytes]:
        file.seek(0)
        return file

    return _array("the array", open_file, size)


def _array(name: str, open_file: Callable[[], IO[bytes]], size: int) -> StoredArray:
    """The array in a stream of `size` bytes: its header is read now, its numbers when they are asked for."""
    stream = open_file()
    version = np.lib.format.read_magic(stream)
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(stream.read(width), "little")
    if length > _LONGEST_HEADER:
        raise StorageError(f"{name:.60}: a header of {length} bytes; at most {_LONGEST_HEADER} are read")
    fields = ast.literal_eval(stream.read(length).decode("latin1" if version < (3, 0) else "utf-8"))
    dtype, shape, fortran = np.dtype(fields["descr"]), tuple(fields["shape"]), bool(fields["fortran_order"])
    check_stored(name, shape)
    count, begin = math.prod(shape), 8 + width + length

    def fetch() -> npt.NDArray[Any]:
        if dtype.hasobject:
            raise StorageError(f"{name:.60} holds Python objects, which only a pickle can; save W and b as arrays")
        if dtype.kind not in "fiu":  # texts and records may be of any length
            raise StorageError(f"{name:.60} must hold real numbers; got {dtype.name:.40}")
        if count > MOST_NUMBERS or count * dtype.itemsize != size - begin:
            raise StorageError(f"{name:.60} does not hold the shape it claims, {shape}")
        stream = open_file()
        stream.read(begin)
        content = stream.read(count * dtype.itemsize)
        flat = np.frombuffer(content, dtype)
        return flat.reshape(shape[::-1]).T if fortran else flat.reshape(shape)

    return StoredArray(shape, dtype.name, fetch)
