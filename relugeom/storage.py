"""Two stores: array files, and the run database.

**Array files** are uncompressed ``.npz`` (zip of ``.npy``), never pickled. Inside, ``header.json`` holds a format
number, a kind, free facts, and the SHA-256 of all arrays with their names, types and shapes. They are written by
`relugeom.writing`, the old file or the whole new one. Reading checks sizes before it inflates anything and the checksum
before it returns anything; whatever is wrong, the answer is one `StorageError` line.

**The run database** is SQLite in write-ahead mode, one transaction per run: what `RunDatabase.record` has returned
from survives a kill.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import io
import json
import math
import os
import sqlite3
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral, Real
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from relugeom.errors import StorageError
from relugeom.writing import FileLock, check_writable, replacing

__all__ = [
    "FORMAT", "MAX_BYTES", "RunDatabase", "load_arrays", "plain_number", "read_field", "read_printed", "save_arrays",
]  # fmt: skip

Array = npt.NDArray[Any]
T = TypeVar("T")

FORMAT = 1
MAX_BYTES = 1 << 35  # no array file of ours comes near 32 GiB
_HEADER = "header.json"
_MAX_HEADER = 1 << 20
_LONGEST_ARRAY_HEADER = 10_000  # what NumPy itself reads of a file that it does not trust
_MAX_MEMBERS = 1000
_MOST_PRINTED = 64_000_000
_DATABASE = b"SQLite format 3\0"  # how a file of SQLite begins
_KINDS = "biufcSU"  # truth values, numbers, texts


def plain_number(value: Any) -> int | float:
    """A number of any type, NumPy's say, as Python's int or float, which is all that files have."""
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"{type(value).__name__} is none of what files can hold")


def _checksum(arrays: Mapping[str, Array], facts: str) -> str:
    sha = hashlib.sha256(facts.encode())
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.dtype.str} {array.shape}".encode())
        sha.update(array.data if array.size else b"")
    return sha.hexdigest()


def save_arrays(
    path: str | Path, arrays: Mapping[str, npt.ArrayLike], facts: Mapping[str, Any], *, lock: FileLock | None = None
) -> None:
    """Write named arrays and a JSON mapping `facts` (with a ``"kind"``) atomically to `path`.

    The same content gives the same bytes. With `lock` nothing is written over what another process wrote meanwhile.

    Raises
    ------
    StorageError
        When the file cannot be written; what stood at `path` before is still there.
    """
    packed = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    for name, array in packed.items():
        if array.dtype.kind not in _KINDS:
            raise StorageError(
                f"{path}: array {name!r} is of {array.dtype}; numbers and texts are stored, never objects"
            )
    text = json.dumps(dict(facts), sort_keys=True, default=plain_number)
    header = json.dumps({"format": FORMAT, "facts": text, "sha256": _checksum(packed, text)})
    with replacing(Path(path), lock) as handle, zipfile.ZipFile(handle, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_HEADER), header)  # dated 1980, as the members are
        for name, array in packed.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def load_arrays(path: str | Path, kind: str | None = None) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `save_arrays` wrote: the arrays and the facts.

    Parameters
    ----------
    kind : str, optional
        What ``facts["kind"]`` must be.

    Raises
    ------
    StorageError
        For a file that is missing, damaged, truncated, too large, of another format or of another kind.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would wait for a writer
            raise StorageError("is no file that can be read from any place")
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(members, os.path.getsize(path))
            header = json.loads(archive.read(_HEADER))
            if header["format"] != FORMAT:
                raise StorageError(f"{path}: format {header['format']!r:.60}; this version reads {FORMAT}")
            arrays = {
                member.filename.removesuffix(".npy"): _read_member(archive, member)
                for member in members
                if member.filename != _HEADER
            }
            if header["sha256"] != _checksum(arrays, header["facts"]):
                raise StorageError("the checksum does not match the content")
            facts = json.loads(header["facts"])
    except StorageError as error:
        message = str(error)
        raise StorageError(message if message.startswith(str(path)) else f"{path}: {message}") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # a damaged zip raises a zoo: BadZipFile, KeyError, struct.error, zlib.error, ...
        raise StorageError(f"{path}: damaged, or not an array file ({type(error).__name__})") from None
    if kind is not None and facts.get("kind") != kind:
        raise StorageError(f"{path}: holds {facts.get('kind')!r:.60}; expected {kind!r}")
    return arrays, facts


def _check_sizes(members: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse a zip bomb: our files are stored, so nothing inside can be larger than the file."""
    if len(members) > _MAX_MEMBERS:
        raise StorageError(f"{len(members)} members; at most {_MAX_MEMBERS} are read")
    if len({member.filename for member in members}) != len(members):
        raise StorageError("two members share one name")
    for member in members:
        if member.compress_type != zipfile.ZIP_STORED or member.file_size != member.compress_size:
            raise StorageError(f"member {member.filename!r:.60} is compressed; array files never are")
        if member.filename == _HEADER and member.file_size > _MAX_HEADER:
            raise StorageError("the header is too large")
    if sum(member.file_size for member in members) > min(size, MAX_BYTES):
        raise StorageError("the members claim more bytes than the file has")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    """One ``.npy`` member: its header is checked against the bytes present before any memory is taken."""
    content = archive.read(member)
    stream = io.BytesIO(content)
    version = np.lib.format.read_magic(stream)
    length = 2 if version == (1, 0) else 4
    size = int.from_bytes(stream.read(length), "little")
    if size > _LONGEST_ARRAY_HEADER:
        raise StorageError(f"member {member.filename!r:.60} has a header of {size} bytes; ours have a hundred")
    text = stream.read(size)
    fields = ast.literal_eval(text.decode("latin1"))
    dtype, shape = np.dtype(fields["descr"]), fields["shape"]
    if dtype.kind not in _KINDS or fields["fortran_order"]:
        raise StorageError(f"member {member.filename!r:.60} is not a plain array")
    if math.prod(shape) * dtype.itemsize != len(content) - stream.tell():
        raise StorageError(f"member {member.filename!r:.60} does not hold the shape it claims")
    return np.frombuffer(content, dtype, offset=stream.tell()).reshape(shape).copy()


def read_printed(path: str | Path, command: str, reader: Callable[[Any, str], T]) -> T:
    """What `reader` makes of the JSON that ``relugeom COMMAND --json`` printed into a file, and of its SHA-256.

    Raises
    ------
    StorageError
        It is a folder, a run database, larger than 64 MB, or the reader cannot make anything of it.
    OSError
        It cannot be read.
    """
    is_folder, raw = os.path.isdir(path), b""
    if not is_folder:
        with open(path, "rb") as file:
            raw = file.read(_MOST_PRINTED + 1)
    if is_folder or raw.startswith(_DATABASE):
        kind = "folder" if is_folder else "run database"
        raise StorageError(f"{path} is a {kind}; give the FILE that `relugeom {command} ... --json > FILE` writes")
    if len(raw) > _MOST_PRINTED:
        raise StorageError(f"{path}: more than {_MOST_PRINTED} bytes")
    try:
        return reader(json.loads(raw), hashlib.sha256(raw).hexdigest())
    except StorageError as error:
        raise StorageError(f"{path}: {error}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        what = f"no field {error!s:.40}" if isinstance(error, KeyError) else f"{error!s:.200}"
        raise StorageError(f"{path} is not what `relugeom {command} --json` prints: {what}") from None


def read_field(row: Mapping[str, Any], name: str, *kinds: type | None) -> Any:
    """The member `name` of a stored run, which must be of one of `kinds` (None for null).

    A truth value is no number, a whole number serves as a float, and a text must be one that can be written.

    Raises
    ------
    LookupError, TypeError, ValueError, OverflowError
        It is missing, or something else.
    """
    value = row[name]
    if value is None and None in kinds:
        return None
    if isinstance(value, bool) or value is None:
        suits = bool in kinds and value is not None
    elif isinstance(value, int) and int not in kinds:
        suits = float in kinds
        value = float(value) if suits else value
    else:
        suits = type(value) in kinds
    if not suits:
        expected = " or ".join("null" if kind is None else kind.__name__ for kind in kinds)
        raise TypeError(f"{name} must be {expected}; got {type(value).__name__}")
    if isinstance(value, str):
        value.encode()
    return value


class RunDatabase:
    """Runs by key: ``record(key, result)`` once, ``result(key)`` ever after.

    The key is the canonical JSON of everything that fixes a result, so a sweep that was killed asks for the keys
    it finds missing and does only those.

    Parameters
    ----------
    path : str or Path
        The SQLite file. Where it is absent it is made when the first run is recorded: work that is refused, or stopped
        before that, leaves none behind.

    Raises
    ------
    StorageError
        When the file is no database of ours, is no regular file, or cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        self._opened: sqlite3.Connection | None = None
        if str(path) in (":memory:", ""):
            raise StorageError(f"{path}: would be lost at the end; name a file (one of that name: ./:memory:)")
        if self._is_absent():
            check_writable(path)
        else:
            self._connection()

    def _is_absent(self) -> bool:
        return self._opened is None and not os.path.exists(self._path)

    def _connection(self) -> sqlite3.Connection:
        """The open file, made if it is absent."""
        if self._opened is not None:
            return self._opened
        path = self._path
        with contextlib.suppress(OSError):
            if not stat.S_ISREG(os.stat(path).st_mode):
                raise StorageError(f"{path}: is no regular file, which a database must be")
        with self._clear_errors():
            connection = sqlite3.connect(path, timeout=60.0, isolation_level=None)
        try:
            with self._clear_errors():
                # Looked at before it is changed, and changed at once: another process, or a kill, may come between.
                connection.execute("BEGIN IMMEDIATE")
                (version,) = connection.execute("PRAGMA user_version").fetchone()
                (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
                if version != FORMAT and (version or tables):
                    raise StorageError(f"{path}: a database of another kind or version")
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS runs (key TEXT PRIMARY KEY, result TEXT NOT NULL, sha256 TEXT NOT NULL)"
                )
                connection.execute(f"PRAGMA user_version = {FORMAT}")
                connection.execute("COMMIT")
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
        except StorageError:
            connection.close()
            raise
        self._opened = connection
        return connection

    @contextlib.contextmanager
    def _clear_errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter where a damaged schema is quoted
            raise StorageError(f"{self._path}: {error!s:.200}") from None

    @staticmethod
    def key(settings: Mapping[str, Any]) -> str:
        """Canonical JSON: equal settings, equal key."""
        return json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False, default=plain_number)

    def record(self, settings: Mapping[str, Any], result: Mapping[str, Any]) -> None:
        """Store one run, whole or not at all. Recording the same settings again keeps the first result."""
        key, text = self.key(settings), json.dumps(result, sort_keys=True, default=plain_number)
        with self._clear_errors():
            self._connection().execute(
                "INSERT OR IGNORE INTO runs VALUES (?, ?, ?)", (key, text, self._seal(key, text))
            )

    def result(self, settings: Mapping[str, Any]) -> dict[str, Any] | None:
        """The stored result, or None."""
        key = self.key(settings)
        rows = self._ask("SELECT result, sha256 FROM runs WHERE key = ?", key)
        return self._decode(key, *rows[0]) if rows else None

    def read(self, settings: Mapping[str, Any], reader: Callable[[Mapping[str, Any]], T]) -> T | None:
        """What `reader` makes of the stored result, or None where there is none.

        A right checksum does not make sense of what somebody else wrote: what a reader raises is the file's fault.

        Raises
        ------
        StorageError
            The result is damaged, or the reader cannot make anything of it.
        """
        found = self.result(settings)
        if found is None:
            return None
        try:
            return reader(found)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            what = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise StorageError(f"{self._path}: a stored run makes no sense ({what:.200})") from None

    def __iter__(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """All (settings, result), in the order of their keys."""
        for key, text, sha in self._ask("SELECT key, result, sha256 FROM runs ORDER BY key"):
            yield self._object(key), self._decode(key, text, sha)

    def __len__(self) -> int:
        rows = self._ask("SELECT count(*) FROM runs")
        return int(rows[0][0]) if rows else 0

    def _ask(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """The rows that answer a query; none while the file is absent."""
        if self._is_absent():
            return []
        with self._clear_errors():
            return self._connection().execute(query, values).fetchall()

    @staticmethod
    def _seal(key: object, text: object) -> str:
        """Of both, for a damaged index may lead from one run's key to another's result."""
        return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()

    def _decode(self, key: object, text: str, sha: str) -> dict[str, Any]:
        if self._seal(key, text) != sha:
            raise StorageError(f"{self._path}: a stored run does not match its checksum")
        return self._object(text)

    def _object(self, text: object) -> dict[str, Any]:
        try:
            if isinstance(text, str) and isinstance(value := json.loads(text), dict):
                return value
        except (ValueError, RecursionError):
            pass
        raise StorageError(f"{self._path}: a stored run is no JSON object")

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        if self._opened is not None:
            self._opened.close()

    def __enter__(self) -> RunDatabase:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
