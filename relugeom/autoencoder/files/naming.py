"""From named arrays to models: which array is W, which is b, and which way round W lies.

The names that people use, the decoder's and the bias's beside the encoder's:

    W, w                 M, W_dec              b, b_final, b_dec, bias
    W_enc                W_dec                 b_dec, b, b_final
    embedding.weight     unembedding.weight    unembedding.bias, b
    linear1.weight       linear2.weight        linear2.bias, b
    encoder.weight       decoder.weight        decoder.bias, b

with anything in front (``model.W``, ``module.linear1.weight``). A decoder that is Wᵀ makes a tied model, and so does
none. An encoder's own bias c is no part of ReLU(RWx + b), but ReLU(R(Wx + c) + b) is that model with b + Rc, so it is
taken in.

W lies as (m, n) where its last axis is as long as b, and as (n, m) where the other one is. Where b cannot tell, the
weights of PyTorch's linear layers are (outputs, inputs); in all other cases the reader asks instead of guessing. A
third axis in front counts *instances*: models that were trained side by side.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.files.pytorch import Unknown
from relugeom.autoencoder.files.stored import MOST_NUMBERS, StoredArray
from relugeom.autoencoder.model import Parameters
from relugeom.errors import StorageError

__all__ = ["ModelFile", "ModelFiles", "check_size", "models_from"]

Floats = npt.NDArray[np.float64]

_MOST_VISITS = 1_000_000
_DEEPEST = 30
_MOST_MODELS = 100_000
_LARGEST = 1e100


class ModelFile(NamedTuple):
    """One model of a file.

    Attributes
    ----------
    model : Parameters
        W of shape (m, n), b of shape (n,) or None, and the decoder of an untied model, in float64.
    name : str
        What it is called; "" for nothing.
    dtype : str
        The type of the numbers in the file, by which rounding in them is judged.
    facts : mapping
        What our own files say about themselves (a checkpoint: its configuration); empty for all others.
    """

    model: Parameters
    name: str = ""
    dtype: str = "float64"
    facts: Mapping[str, Any] = MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class ModelFiles:
    """What a file holds.

    Attributes
    ----------
    models : tuple of ModelFile
        At least one.
    notes : tuple of str
        What a reader should know: what was turned round, taken in, passed over.
    """

    models: tuple[ModelFile, ...]
    notes: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class _Names:
    """The names that go with one name of an encoder; `layers` where its shape is known to be (m, n)."""

    decoders: tuple[str, ...]
    biases: tuple[str, ...]
    inner: tuple[str, ...] = ()
    layers: bool = False


_ENCODERS = {
    "W": _Names(("decoder", "M", "W_dec"), ("b", "b_final", "b_dec", "bias"), ("b_enc",)),
    "w": _Names(("W_dec",), ("b", "b_final", "b_dec", "bias"), ("b_enc",)),
    "W_enc": _Names(("W_dec",), ("b_dec", "b", "b_final"), ("b_enc",)),
    "embedding.weight": _Names(("unembedding.weight",), ("unembedding.bias", "b", "bias"), ("embedding.bias",), True),
    "linear1.weight": _Names(("linear2.weight",), ("linear2.bias", "b", "bias"), ("linear1.bias",), True),
    "encoder.weight": _Names(("decoder.weight",), ("decoder.bias", "b", "bias"), ("encoder.bias",), True),
}


def check_size(name: str, *parts: Any) -> None:
    """Refuse what is no finite number, and numbers of which products of three would overflow.

    Raises
    ------
    StorageError
        A number is not finite, or greater than 1e100; no model that anyone trained is near.
    """
    for part in parts:
        if part is not None and not (largest := np.abs(part).max(initial=0.0)) <= _LARGEST:
            what = f"{largest:.3g}" if np.isfinite(largest) else "numbers that are not finite"
            raise StorageError(f"{name or 'the model'} holds {what}; taken are finite ones up to {_LARGEST:g}")


def models_from(
    tree: Any, name: str, *, transpose: bool | None = None, is_ours: bool = False
) -> tuple[list[ModelFile], list[str]]:
    """The models in what a reader found, and the notes about them.

    Parameters
    ----------
    tree : mapping, list or StoredArray
        Dictionaries and lists in any nesting, with `StoredArray` at the leaves.
    name : str
        What to call the models.
    transpose : bool, optional
        Whether W lies as (n, m); without it, what b or the names tell.
    is_ours : bool
        Whether W is known to lie as (m, n).

    Raises
    ------
    StorageError
        There is no model, or its arrays do not fit, or it cannot be told which axis of W counts the features.
    """
    reader = _Reader(transpose, is_ours)
    models: list[ModelFile] = []
    for path, arrays in _groups(tree):
        for prefix, encoder in _encoders(arrays):
            label = " ".join(part for part in (name, path, prefix.rstrip(".")) if part)
            models += reader.models(arrays, prefix, encoder, label)
            if len(models) > _MOST_MODELS:
                raise StorageError(f"more than {_MOST_MODELS} models in one file")
        reader.pass_over(path, arrays)
    if not models:
        raise StorageError(
            f"no model: expected arrays W and b, or {', '.join(list(_ENCODERS)[1:])} with their biases; "
            f"got {_list_shapes(_leaves(tree)) or 'no arrays'}"
        )
    return models, reader.notes()


def _groups(tree: Any) -> Iterator[tuple[str, dict[str, StoredArray]]]:
    """Every innermost mapping that holds an encoder, with the path to it."""
    visits = 0
    stack = [("", tree, 0)]
    while stack:
        path, node, depth = stack.pop()
        visits += 1
        if visits > _MOST_VISITS or depth > _DEEPEST:
            raise StorageError(f"more than {_MOST_VISITS} parts, or parts nested deeper than {_DEEPEST}")
        if isinstance(node, Unknown):
            node = _module(node, 0)
        if isinstance(node, Mapping):
            arrays = {str(key): value for key, value in node.items() if isinstance(value, StoredArray)}
            if any(_encoders(arrays)):
                yield path, arrays
                continue
            children = [(str(key), value) for key, value in node.items()]
        elif isinstance(node, list | tuple):
            children = [(str(k), value) for k, value in enumerate(node)]
        else:
            continue
        for key, value in reversed(children):
            if isinstance(value, Mapping | list | tuple | Unknown):
                stack.append((f"{path}.{key}" if path else key, value, depth + 1))


def _module(node: Unknown, depth: int) -> dict[str, Any]:
    """The parameters of a whole pickled ``torch.nn.Module``, with dots between the names of the modules inside."""
    state = node.state
    if not isinstance(state, dict) or depth > _DEEPEST:
        return {}
    found: dict[str, Any] = {}
    for part in ("_buffers", "_parameters"):
        entries = state.get(part)
        found |= entries if isinstance(entries, dict) else {}
    modules = state.get("_modules")
    for name, inner in modules.items() if isinstance(modules, dict) else ():
        if isinstance(inner, Unknown):
            found |= {f"{name}.{key}": value for key, value in _module(inner, depth + 1).items()}
    return found


def _encoders(arrays: Mapping[str, StoredArray]) -> list[tuple[str, str]]:
    """(prefix, name) of each encoder; one a prefix, by the order of the table."""
    found: dict[str, str] = {}
    for name in _ENCODERS:
        for key in arrays:
            prefix = key.removesuffix(name)
            if key.endswith(name) and (not prefix or prefix.endswith(".")):
                found.setdefault(prefix, name)
    return list(found.items())


def _leaves(tree: Any) -> dict[str, StoredArray]:
    """The arrays at the top, for a message."""
    if isinstance(tree, Mapping):
        return {str(key): value for key, value in tree.items() if isinstance(value, StoredArray)}
    return {}


def _list_shapes(arrays: Mapping[str, StoredArray]) -> str:
    """Names and shapes, the first eight."""
    shown = [f"{name:.40} {array.shape}" for name, array in list(arrays.items())[:8]]
    return ", ".join(shown) + (f" and {len(arrays) - 8} more" if len(arrays) > 8 else "")


class _Reader:
    """Reads groups of arrays, and keeps what is to be said about them."""

    def __init__(self, transpose: bool | None, is_ours: bool) -> None:
        self._transpose = transpose
        self._is_ours = is_ours
        self._notes: dict[str, int] = {}
        self._used: set[str] = set()
        self._left = MOST_NUMBERS

    def notes(self) -> list[str]:
        """Each note once, with how many models it is about."""
        return [text if count == 1 else f"{text} ({count} times)" for text, count in self._notes.items()]

    def _note(self, text: str) -> None:
        self._notes[text] = self._notes.get(text, 0) + 1

    def pass_over(self, path: str, arrays: Mapping[str, StoredArray]) -> None:
        """Name the arrays of a group that made no model."""
        rest = {name: array for name, array in arrays.items() if name not in self._used}
        if rest and not self._is_ours:
            self._note(f"ignored: {_list_shapes(rest)}")
        self._used.clear()

    def _read(self, arrays: Mapping[str, StoredArray], prefix: str, names: tuple[str, ...]) -> tuple[str, Any, str]:
        """(name, array, dtype) of the first of these names that is there, or ("", None, "")."""
        for name in names:
            key = prefix + name
            if key in arrays:
                self._used.add(key)
                self._left -= arrays[key].size
                if self._left < 0:
                    raise StorageError(f"the models have more than {MOST_NUMBERS} numbers")
                return key, arrays[key].read(key), arrays[key].dtype
        return "", None, ""

    def models(self, arrays: Mapping[str, StoredArray], prefix: str, encoder: str, label: str) -> Iterator[ModelFile]:
        """The models of one encoder: one, or one an instance."""
        names = _ENCODERS[encoder]
        key, W, dtype = self._read(arrays, prefix, (encoder,))
        bias_key, b, _ = self._read(arrays, prefix, names.biases)
        decoder_key, R, _ = self._read(arrays, prefix, names.decoders)
        inner_key, c, _ = self._read(arrays, prefix, names.inner)
        if W.ndim not in (2, 3) or 0 in W.shape:
            raise StorageError(f"{key} must have shape (m, n), (n, m) or (instances, ., .); got {W.shape}")
        if b is not None:
            b = _bias(bias_key, b, W.shape)
        turned = self._is_turned(key, W.shape, bias_key, b, names.layers or self._is_ours)
        if turned:
            W = np.swapaxes(W, -1, -2)
        n = W.shape[-1]
        if b is not None and b.shape[-1] != n:
            raise StorageError(f"{bias_key} has {b.shape[-1]} entries and {key} {n} features; these do not fit")
        if R is not None:
            R = self._decoder(decoder_key, R, key, W, turned)
        if c is not None and c.any():
            b = self._with_inner_bias(inner_key, c, W, b, R)
        leading = W.shape[:-2]
        for index in np.ndindex(leading):
            own = None if b is None else b[index] if b.ndim > 1 else b
            rows = None if R is None else np.ascontiguousarray(R[index])
            name = f"{label} [{index[0]}]" if leading else label
            yield ModelFile(Parameters(np.ascontiguousarray(W[index]), own, rows), name, dtype)

    def _is_turned(self, key: str, shape: tuple[int, ...], bias_key: str, b: Floats | None, is_known: bool) -> bool:
        """Whether W lies as (n, m)."""
        rows, columns = shape[-2:]
        if self._transpose is not None:
            return self._transpose
        if b is not None and rows != columns:
            if b.shape[-1] == columns:
                return False
            if b.shape[-1] == rows:
                self._note(f"{key} {shape} lies as (features, latent), by the length of {bias_key}")
                return True
            raise StorageError(f"{bias_key} has {b.shape[-1]} entries, which is the length of no axis of {key} {shape}")
        if is_known:
            return False
        if rows < columns:
            self._note(f"{key} {shape}, without a bias, is read as m = {rows}, n = {columns}")
            return False
        raise StorageError(
            f"{key} has shape {shape}, and nothing tells which axis counts the features; "
            f"give --transpose if it is the first of the two ({rows}), --no-transpose if it is the last ({columns})"
        )

    def _decoder(self, name: str, R: Floats, key: str, W: Floats, turned: bool) -> Floats | None:
        """The decoder as (n, m); None where it is Wᵀ."""
        m, n = W.shape[-2:]
        given = R.shape
        if given[-2:] != (n, m) or (m == n and turned):
            R = np.swapaxes(R, -1, -2) if R.ndim > 1 else R
        if R.shape != (*W.shape[:-2], n, m):
            raise StorageError(f"{name} must be a decoder (n, m) for {key} with m = {m}, n = {n}; got {given}")
        if np.array_equal(R, np.swapaxes(W, -1, -2)):
            self._note(f"{name} is {key} transposed: a tied model")
            return None
        return R

    def _with_inner_bias(self, name: str, c: Floats, W: Floats, b: Floats | None, R: Floats | None) -> Floats:
        """b + Rc."""
        m, n = W.shape[-2:]
        if m > n:
            raise StorageError(
                f"{name} is not zero and the latent space is wider than the features ({m} > {n}): a hidden ReLU, as "
                "sparse autoencoders have, is outside ReLU(RWx + b)"
            )
        if c.shape[-1] != m or c.shape[:-1] not in ((), W.shape[:-2]):
            raise StorageError(f"{name} must have m = {m} entries; got {c.shape}")
        self._note(f"{name} is taken into the bias, R(Wx + c) + b = RWx + (Rc + b); a hidden ReLU would be lost")
        rows = np.swapaxes(W, -1, -2) if R is None else R
        moved = np.einsum("...nm,...m->...n", rows, c)
        return np.asarray(moved if b is None else moved + b)


def _bias(name: str, b: Floats, shape: tuple[int, ...]) -> Floats:
    """b as (n,) or (instances, n): axes of length 1 that were only for broadcasting are left out."""
    leading = shape[:-2]
    if b.ndim >= 2 and b.shape[-1] == 1 and b.shape[-2] in shape[-2:]:
        b = b[..., 0]
    elif b.ndim == len(leading) + 2 and b.shape[-2] == 1:
        b = b[..., 0, :]
    if b.ndim == 2 and not leading and b.shape[0] == 1:
        b = b[0]
    if b.ndim == 2 and b.shape[0] == 1 and leading and leading[0] != 1:
        b = b[0]
    if b.ndim == 0 or b.shape[:-1] not in ((), leading):
        raise StorageError(f"{name} must have shape (n,) or (instances, n) beside {shape}; got {b.shape}")
    return b
