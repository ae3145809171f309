"""One function that reads a model out of every kind of file that people have.

The kind is told by the first bytes, never by the name. Nothing in a file is ever run, sizes are checked before memory
is taken, and whatever is wrong with a file is said in one line.
"""

from __future__ import annotations

import io
import os
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.files.archive import npy_array, npz_arrays, open_archive
from relugeom.autoencoder.files.naming import ModelFile, ModelFiles, check_size, models_from
from relugeom.autoencoder.files.pytorch import pytorch_pickle, pytorch_tree
from relugeom.autoencoder.files.safetensors import safetensors_arrays, seems_safetensors
from relugeom.autoencoder.files.text import FORMAT, MOST_CHARACTERS, loads_model, text_tree
from relugeom.errors import StorageError
from relugeom.storage import load_arrays

__all__ = ["SUFFIXES", "load_array", "load_model", "load_models"]

SUFFIXES = (".json", ".npz", ".npy", ".pt", ".pth", ".safetensors")
"""What files of models are called; looked at in folders only."""

T = TypeVar("T")

_MOST_FROM_PIPE = 64_000_000
_MOST_FILES = 10_000
_NO_MODEL = (
    "no file of a model; read are JSON, .npz, .npy, .pt and .pth in PyTorch's zip format, .safetensors, and our "
    "checkpoints"
)


def load_models(
    path: str | os.PathLike[str], *, instance: int | None = None, transpose: bool | None = None
) -> ModelFiles:
    """Every model in a file, or in the files of a folder.

    Read are: our checkpoints, sweeps and ``relugeom-model/1``; ``.npz`` and ``.npy``; JSON; PyTorch's zip format; and
    ``.safetensors``. The names that W and b may have, and what is done where W lies as (n, m), stand in
    `relugeom.autoencoder.files.naming`.

    Parameters
    ----------
    path : str or path
        A file, or a folder: of ``W.npy`` and ``b.npy``, or of files of the kinds above (a sweep's, say).
    instance : int, optional
        Only this model, counted from 0, or from the end by −1, −2, ...
    transpose : bool, optional
        Whether W lies as (n, m), where the file cannot tell.

    Returns
    -------
    ModelFiles
        The models in order, and notes on what was left out or folded in.

    Raises
    ------
    StorageError
        There is no model, or the file is damaged, too large, or of a kind that is not read; the path is in the message.
    OSError
        The file cannot be read.

    See Also
    --------
    relugeom.autoencoder.files.load_model, relugeom.autoencoder.files.loads_model
    relugeom.autoencoder.files.dumps_model

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "pairs.json"
    >>> _ = path.write_text('{"W": [[1, -1, 0, 0], [0, 0, 1, -1]], "b": [0, 0, 0, 0]}')
    >>> load_models(path).models[0].model.W.shape
    (2, 4)
    """
    path = Path(path)
    try:
        found = _folder(path, transpose) if path.is_dir() else _file(path, transpose)
        if instance is None:
            return _check_models(found)
        if not -len(found.models) <= instance < len(found.models):
            raise StorageError(f"holds {len(found.models)} model{'s' * (len(found.models) > 1)}; none is {instance}")
        return _check_models(ModelFiles((found.models[instance],), found.notes))
    except StorageError as error:
        message = str(error)
        raise StorageError(message if message.startswith(str(path)) else f"{path}: {message}") from None


def load_model(
    path: str | os.PathLike[str], *, instance: int | None = None, transpose: bool | None = None
) -> ModelFile:
    """The one model of a file, as `load_models` finds it.

    Parameters
    ----------
    path : str or path
        As for `load_models`.
    instance : int, optional
        Which model, where there are several, counted from 0, or from the end by −1, −2, ...
    transpose : bool, optional
        As for `load_models`.

    Returns
    -------
    ModelFile
        The model, its name, and what was left out of the file.

    Raises
    ------
    StorageError
        As `load_models`; also where there are several models, and `instance` does not say which.

    See Also
    --------
    relugeom.autoencoder.files.load_models, relugeom.autoencoder.files.loads_model
    relugeom.autoencoder.files.dumps_model
    """
    models = load_models(path, instance=instance, transpose=transpose).models
    if len(models) > 1:
        raise StorageError(
            f"{os.fspath(path)}: holds {len(models)} models; choose one by --instance 0 to {len(models) - 1}"
        )
    return models[0]


def _check_models(found: ModelFiles) -> ModelFiles:
    """The models, with names that can be written and numbers that can be multiplied; file names need not be text."""
    for file in found.models:
        check_size(file.name, file.model.W, file.model.b, file.model.decoder)
    models = (file._replace(name=file.name.encode("utf-8", "replace").decode()) for file in found.models)
    return ModelFiles(tuple(models), found.notes)


def _folder(path: Path, transpose: bool | None) -> ModelFiles:
    if (path / "W.npy").is_file():
        return _read_safely(lambda: _loose_arrays(path, transpose))
    files = sorted(entry for entry in path.iterdir() if entry.suffix in SUFFIXES and entry.is_file())
    if not files or len(files) > _MOST_FILES:
        raise StorageError(f"a folder with {len(files)} files of models; from 1 to {_MOST_FILES} are read")
    found: list[ModelFile] = []
    notes: list[str] = []
    stems = Counter(file.stem for file in files)
    for file in files:
        try:
            inside = _file(file, transpose)
        except StorageError as error:
            notes.append(f"{file.name} is passed over: {error}")
            continue
        found += (_with_whole_name(one, file) if stems[file.stem] > 1 else one for one in inside.models)
        notes += [f"{file.name}: {note}" for note in inside.notes]
    if not found:
        raise StorageError(f"no model in {len(files)} files; the first: {notes[0]}")
    return ModelFiles(tuple(found), tuple(notes))


def _with_whole_name(model: ModelFile, file: Path) -> ModelFile:
    """The model by its file's whole name, where two files differ in their suffix alone."""
    if not model.name.startswith(file.stem):
        return model
    return model._replace(name=file.name + model.name[len(file.stem) :])


def _loose_arrays(path: Path, transpose: bool | None) -> ModelFiles:
    """The model whose arrays lie in files of their own, W.npy and b.npy."""
    with ExitStack() as stack:
        tree = {}
        for entry in sorted(path.glob("*.npy"))[:_MOST_FILES]:
            tree[entry.stem] = npy_array(stack.enter_context(open(entry, "rb")), entry.stat().st_size)
        models, notes = models_from(tree, path.name, transpose=transpose)
    return ModelFiles(tuple(models), tuple(notes))


def _file(path: Path, transpose: bool | None) -> ModelFiles:
    with open(path, "rb") as opened:
        file: IO[bytes] = opened
        if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
            content = opened.read(_MOST_FROM_PIPE + 1)
            if len(content) > _MOST_FROM_PIPE:
                raise StorageError(f"more than {_MOST_FROM_PIPE} bytes, and no regular file")
            file = io.BytesIO(content)
        return _read_safely(lambda: _content(file, path, transpose))


def _read_safely(read: Callable[[], T]) -> T:
    """What `read` returns; a damaged file raises a zoo (BadZipFile, KeyError, struct.error, zlib.error, ...)."""
    try:
        return read()
    except StorageError:
        raise
    except Exception as error:
        raise StorageError(f"damaged, or no file of a model ({type(error).__name__}: {error!s:.80})") from None


def _content(file: IO[bytes], path: Path, transpose: bool | None) -> ModelFiles:
    """The models of an open file, of whatever kind."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    file.seek(0)
    is_ours, name = False, path.stem
    facts: dict[str, Any] = {}
    tree: Any
    if head[:4] == b"PK\x03\x04":
        archive = open_archive(file)
        pickle = pytorch_pickle(archive)
        if pickle is not None:
            tree = pytorch_tree(archive, pickle)
        elif "header.json" in archive.namelist():
            _, facts = load_arrays(path)  # which checks the checksum
            if facts.get("kind") not in ("checkpoint", "model"):
                raise StorageError(f"holds {facts.get('kind')!r:.60}, no model")
            tree, is_ours = npz_arrays(archive), True
        else:
            tree = npz_arrays(archive)
    elif head[:6] == b"\x93NUMPY":
        tree = {"W": npy_array(file, size)}
    elif head[:15] == b"SQLite format 3":
        raise StorageError("a database; the models of a sweep are in the folder that holds it")
    elif seems_safetensors(head, size):  # before pickles: the length of its header may begin as one
        tree = safetensors_arrays(file, size)
    elif head[:1] == b"\x80":
        raise StorageError(
            "a pickle, which is a program and is not run; write it anew with torch.save (PyTorch 1.6 or later), "
            "numpy.savez or safetensors"
        )
    else:
        text = _text(file)
        if text.lstrip()[:1] not in ("{", "["):
            raise StorageError(_NO_MODEL)
        if _states_format(text):
            read = loads_model(text)
            return ModelFiles((read if read.name else read._replace(name=name),))
        tree = text_tree(text)
    models, notes = models_from(tree, name, transpose=transpose, is_ours=is_ours)
    return ModelFiles(tuple(one._replace(facts=facts) for one in models), tuple(notes))


def _text(file: IO[bytes]) -> str:
    try:
        return file.read(4 * MOST_CHARACTERS).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StorageError(_NO_MODEL) from None


def _states_format(text: str) -> bool:
    """Whether the text is of our format, or claims another version of it."""
    return FORMAT.partition("/")[0] in text[:MOST_CHARACTERS] and '"format"' in text


def load_array(path: str | os.PathLike[str]) -> npt.NDArray[np.float64]:
    """The numbers of an ``.npy`` file.

    Raises
    ------
    StorageError
        The file is damaged, too large, or holds no real numbers.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            return _read_safely(lambda: npy_array(file, size).read("the array"))
        except StorageError as error:
            raise StorageError(f"{os.fspath(path)}: {error}") from None
