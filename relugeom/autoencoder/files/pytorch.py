"""PyTorch's zip format (``torch.save`` since version 1.6), read without running anything.

The zip holds ``data.pkl``, a pickle, and the numbers of each tensor's storage in ``data/0``, ``data/1``, ... A pickle
is a program for a small stack machine, and the usual machine may import and call whatever the program names. This one
knows dictionaries, lists, tuples, numbers and texts, and five names that make tensors; whatever else a file names
becomes an `Unknown`, a thing without behaviour that only remembers the state it was given. So nothing of the file is
ever imported or called, and what is not a tensor is simply passed over. ``pickletools`` of the standard library cuts
the program into instructions; it does not execute them.
"""

from __future__ import annotations

import math
import pickletools
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.files.stored import MOST_NUMBERS, StoredArray, bfloat16, check_stored
from relugeom.errors import StorageError

__all__ = ["Unknown", "pytorch_pickle", "pytorch_tree"]

_MOST_PICKLE = 16_000_000
_MOST_INSTRUCTIONS = 2_000_000  # each takes a microsecond or more, and a hundred bytes
_STORAGES = {
    "DoubleStorage": "f8", "FloatStorage": "f4", "HalfStorage": "f2", "BFloat16Storage": "u2", "LongStorage": "i8",
    "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1", "BoolStorage": "b1",
}  # fmt: skip


class _Global(NamedTuple):
    """A name that the pickle would import."""

    module: str
    name: str


class Unknown:
    """What the pickle would have made by importing something; `state` is what it would have been given."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        self.state: Any = None


@dataclass(frozen=True, slots=True)
class _Storage:
    """The numbers of one or more tensors: their type, the member that holds them, how many."""

    kind: str
    key: str
    count: int


class _Mark:
    """The place on the stack to which a later instruction reaches back."""


def pytorch_pickle(archive: zipfile.ZipFile) -> str | None:
    """The name of the member ``data.pkl``, or None if this is no file of PyTorch's."""
    names = [member.filename for member in archive.infolist()]
    found = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    return found[0] if len(found) == 1 else None


def pytorch_tree(archive: zipfile.ZipFile, name: str) -> Any:
    """What the file holds: dictionaries, lists and tuples, with a `StoredArray` for each tensor.

    Parameters
    ----------
    archive : zipfile.ZipFile
        Opened by `relugeom.autoencoder.files.archive.open_archive`.
    name : str
        The member that `pytorch_pickle` found.

    Raises
    ------
    StorageError
        The file is too large, or its instructions do not fit together.
    """
    member = archive.getinfo(name)
    if member.file_size > _MOST_PICKLE:
        raise StorageError(f"{name:.60} has {member.file_size} bytes; at most {_MOST_PICKLE} are read")
    folder = name.removesuffix("data.pkl")
    order: Literal["<", ">"] = "<"
    if f"{folder}byteorder" in archive.namelist():
        with archive.open(f"{folder}byteorder") as stream:
            order = ">" if stream.read(8).strip() == b"big" else "<"
    return _Machine(lambda *tensor: _tensor(archive, folder, order, *tensor)).run(archive.read(member))


def _tensor(
    archive: zipfile.ZipFile, folder: str, order: Literal["<", ">"], storage: Any, offset: Any, shape: Any, strides: Any
) -> StoredArray:
    """A view of a storage; it is checked to lie inside before any memory is taken."""
    if not isinstance(storage, _Storage) or len(shape) != len(strides):
        raise StorageError("a tensor without a storage")
    check_stored("a tensor", shape, offset, storage.count, *strides[: len(shape)])
    dtype = np.dtype(_STORAGES[storage.kind]).newbyteorder(order)
    last = offset + sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
    if math.prod(shape) and last >= storage.count:
        raise StorageError(f"a tensor of shape {tuple(shape)} reaches beyond its storage of {storage.count} numbers")
    member = archive.getinfo(f"{folder}data/{storage.key}")
    if member.file_size != storage.count * dtype.itemsize:
        raise StorageError(f"{member.filename:.60} has {member.file_size} bytes for {storage.count} of {dtype}")

    def fetch() -> npt.NDArray[Any]:
        if storage.count > MOST_NUMBERS or member.compress_type != zipfile.ZIP_STORED:
            raise StorageError(f"{member.filename:.60} is compressed, or holds more than {MOST_NUMBERS} numbers")
        flat: npt.NDArray[Any] = np.frombuffer(archive.read(member), dtype)
        if storage.kind == "BFloat16Storage":
            flat = bfloat16(flat)
        if not math.prod(shape):
            return np.zeros(shape, flat.dtype)
        steps = [stride * flat.itemsize for stride in strides]
        view = np.lib.stride_tricks.as_strided(flat[offset:], shape, steps, writeable=False)
        return np.array(view)

    named = "bfloat16" if storage.kind == "BFloat16Storage" else dtype.name
    return StoredArray(tuple(shape), named, fetch)


class _Machine:
    """The stack machine.

    Parameters
    ----------
    tensor : callable
        Makes a tensor of a storage, an offset, a shape and strides.
    """

    def __init__(self, tensor: Callable[..., StoredArray]) -> None:
        self._tensor = tensor
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def run(self, program: bytes) -> Any:
        """What the program leaves on the stack."""
        argument: Any
        for count, (instruction, argument, _) in enumerate(pickletools.genops(program)):
            if count >= _MOST_INSTRUCTIONS:
                raise StorageError(f"a pickle of more than {_MOST_INSTRUCTIONS} instructions")
            name = instruction.name
            if name == "STOP":
                return self._stack.pop()
            if name in _PUSHED:
                self._stack.append(argument)
            elif name in _MADE:
                self._stack.append(_MADE[name]())
            elif name in _SHORT_TUPLES:
                self._stack.append(tuple(self._pop(_SHORT_TUPLES[name])))
            elif name in ("GET", "BINGET", "LONG_BINGET"):
                self._stack.append(self._memo[argument])
            elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
                self._memo[argument] = self._stack[-1]
            elif name == "MEMOIZE":
                self._memo[len(self._memo)] = self._stack[-1]
            elif name not in ("PROTO", "FRAME"):
                method = getattr(self, f"_do_{name.lower()}", None)
                if method is None:
                    raise StorageError(f"the instruction {name}, which PyTorch does not write")
                method(argument)
        raise StorageError("the pickle does not end")

    def _pop(self, count: int) -> list[Any]:
        if count > len(self._stack):
            raise StorageError("the pickle takes more from its stack than there is")
        values = self._stack[len(self._stack) - count :]
        del self._stack[len(self._stack) - count :]
        return values

    def _since_mark(self) -> list[Any]:
        for count, value in enumerate(reversed(self._stack)):
            if isinstance(value, _Mark):
                values = self._pop(count)
                self._stack.pop()
                return values
        raise StorageError("the pickle reaches back to a mark that it never set")

    def _do_pop(self, _: Any) -> None:
        self._pop(1)

    def _do_pop_mark(self, _: Any) -> None:
        self._since_mark()

    def _do_dup(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def _do_tuple(self, _: Any) -> None:
        self._stack.append(tuple(self._since_mark()))

    def _do_list(self, _: Any) -> None:
        self._stack.append(self._since_mark())

    def _do_frozenset(self, _: Any) -> None:
        self._since_mark()
        self._stack.append(Unknown())

    def _do_dict(self, _: Any) -> None:
        values = self._since_mark()
        self._stack.append({})
        self._store(values)

    def _do_append(self, _: Any) -> None:
        self._extend(self._pop(1))

    def _do_appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _do_additems(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _extend(self, values: list[Any]) -> None:
        if isinstance(self._stack[-1], list):
            self._stack[-1].extend(values)

    def _do_setitem(self, _: Any) -> None:
        self._store(self._pop(2))

    def _do_setitems(self, _: Any) -> None:
        self._store(self._since_mark())

    def _store(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, dict):
            for key, value in zip(values[::2], values[1::2], strict=True):
                # Other keys (tuples that nest without end, say) are no names of arrays.
                if isinstance(key, str | int):
                    target[key] = value

    def _do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self._stack.append(_Global(module, name))

    def _do_stack_global(self, _: Any) -> None:
        module, name = self._pop(2)
        self._stack.append(_Global(str(module), str(name)))

    def _do_binpersid(self, _: Any) -> None:
        (entry,) = self._pop(1)
        if not (isinstance(entry, tuple) and len(entry) == 5 and entry[0] == "storage"):
            raise StorageError("a persistent object that is no storage")
        _, kind, key, _, count = entry
        if not (isinstance(kind, _Global) and kind.module == "torch" and isinstance(key, str)):
            raise StorageError("a storage of no known kind")
        self._stack.append(_Storage(kind.name, key, count))

    def _do_reduce(self, _: Any) -> None:
        function, arguments = self._pop(2)
        self._stack.append(self._call(function, arguments))

    def _do_newobj(self, _: Any) -> None:
        self._pop(2)
        self._stack.append(Unknown())

    def _do_newobj_ex(self, _: Any) -> None:
        self._pop(3)
        self._stack.append(Unknown())

    def _do_build(self, _: Any) -> None:
        (state,) = self._pop(1)
        if isinstance(self._stack[-1], Unknown):
            self._stack[-1].state = state

    def _call(self, function: Any, arguments: Any) -> Any:
        """What calling one of the few known names would give; an `Unknown` for every other."""
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            return Unknown()
        if function.module == "collections" and function.name in ("OrderedDict", "defaultdict"):
            return {}
        if function.module not in ("torch._utils", "torch._tensor"):
            return Unknown()
        if function.name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            if isinstance(arguments[0], _Storage) and arguments[0].kind not in _STORAGES:
                return Unknown()
            return self._tensor(*arguments[:4])
        if function.name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
            return arguments[0]
        if function.name == "_rebuild_from_type_v2" and isinstance(arguments[0], _Global):
            return self._call(arguments[0], arguments[2])
        return Unknown()


_PUSHED = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_MADE: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": Unknown,
    "MARK": _Mark,
}
_SHORT_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
