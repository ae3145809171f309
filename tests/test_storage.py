"""Files that are whole or refused, and a database that keeps what it has acknowledged."""

from __future__ import annotations

import io
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest

from relugeom.errors import StorageError
from relugeom.storage import RunDatabase, load_arrays, read_field, save_arrays

ARRAYS = {"a": np.arange(12.0).reshape(3, 4), "b": np.array(3), "empty": np.zeros((0, 2), np.float32)}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    save_arrays(path, ARRAYS, {"kind": "test", "answer": 42})
    arrays, facts = load_arrays(path, kind="test")
    assert facts == {"kind": "test", "answer": 42}
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    with np.load(path) as plain:
        np.testing.assert_array_equal(plain["a"], ARRAYS["a"])
    assert os.listdir(tmp_path) == ["x.npz"]


def test_every_bit_flip_and_every_truncation_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    save_arrays(path, ARRAYS, {"kind": "test"})
    whole = path.read_bytes()
    rng = random.Random(0)
    harmless, messages = 0, []
    for _ in range(400):
        where, bit = rng.randrange(len(whole)), rng.randrange(8)
        path.write_bytes(whole[:where] + bytes([whole[where] ^ 1 << bit]) + whole[where + 1 :])
        try:
            arrays, facts = load_arrays(path, kind="test")
        except StorageError as error:
            messages.append(str(error))
        else:  # the zip format has bytes that mean nothing (times, attributes): then nothing may have changed
            harmless += 1
            assert facts == {"kind": "test"}
            assert all(np.array_equal(arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert harmless < 150
    assert all(message.startswith(f"{path}: ") and "\n" not in message for message in messages)
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(StorageError):
            load_arrays(path)


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04" + b"\0" * 60, b"\x80\x04K\x01."])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(StorageError):
        load_arrays(path)


def test_missing_file_and_directory(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(StorageError):
            load_arrays(path)
    with pytest.raises(StorageError, match="cannot be written"):
        save_arrays(tmp_path / "none" / "x", ARRAYS, {})


def archive(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return buffer.getvalue()


def test_bombs_are_refused_unopened(tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(archive({"header.json": b"{}", "a.npy": b"\0" * (50 << 20)}, zipfile.ZIP_DEFLATED))
    with pytest.raises(StorageError, match="compressed"):
        load_arrays(path)
    path.write_bytes(archive({"header.json": b" " * (2 << 20)}))
    with pytest.raises(StorageError, match="header"):
        load_arrays(path)
    claim = io.BytesIO()
    np.lib.format.write_array_header_1_0(claim, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40,)})
    path.write_bytes(archive({"header.json": b'{"format": 1, "facts": "{}", "sha256": ""}', "a.npy": claim.getvalue()}))
    with pytest.raises(StorageError, match="shape"):
        load_arrays(path)
    path.write_bytes(archive({f"{k}": b"" for k in range(2_000)}))
    with pytest.raises(StorageError, match="members"):
        load_arrays(path)


def test_pickles_are_neither_written_nor_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="objects"):
        save_arrays(tmp_path / "x", {"a": np.array([{}])}, {})
    pickled = io.BytesIO()
    np.lib.format.write_array(pickled, np.array([{}], dtype=object), allow_pickle=True)
    path = tmp_path / "x"
    path.write_bytes(
        archive({"header.json": b'{"format": 1, "facts": "{}", "sha256": ""}', "a.npy": pickled.getvalue()})
    )
    with pytest.raises(StorageError):
        load_arrays(path)


def test_format_and_kind(tmp_path: Path) -> None:
    path = tmp_path / "x"
    save_arrays(path, ARRAYS, {"kind": "test"})
    with pytest.raises(StorageError, match="expected 'other'"):
        load_arrays(path, kind="other")
    path.write_bytes(archive({"header.json": b'{"format": 2, "facts": "{}", "sha256": ""}'}))
    with pytest.raises(StorageError, match="format"):
        load_arrays(path)


FULL_DISK = """
import resource, sys
import numpy as np
from relugeom.errors import StorageError
from relugeom.storage import save_arrays
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    save_arrays(sys.argv[1], {"a": np.ones(100_000)}, {"kind": "test"})
except StorageError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_earlier_file(tmp_path: Path) -> None:
    assert resource.RLIMIT_FSIZE
    path = tmp_path / "x.npz"
    save_arrays(path, ARRAYS, {"kind": "test"})
    ended = subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], capture_output=True, text=True, check=True)
    assert "cannot be written" in ended.stdout
    assert np.array_equal(load_arrays(path)[0]["a"], ARRAYS["a"])
    assert os.listdir(tmp_path) == ["x.npz"]


def test_database(tmp_path: Path) -> None:
    with RunDatabase(tmp_path / "runs") as database:
        assert database.result({"T": 3}) is None
        database.record({"T": 3, "seed": 1}, {"loss": 0.5})
        database.record({"seed": 1, "T": 3}, {"loss": 0.7})
    with RunDatabase(tmp_path / "runs") as database:
        assert len(database) == 1
        assert database.result({"seed": 1, "T": 3}) == {"loss": 0.5}, "the first result stays"
        assert list(database) == [({"T": 3, "seed": 1}, {"loss": 0.5})]


def test_numbers_of_numpy_are_stored_as_numbers(tmp_path: Path) -> None:
    with RunDatabase(tmp_path / "runs.db") as database:
        database.record({"n": np.int64(5), "rate": np.float32(0.5)}, {"loss": np.float64(0.25), "steps": np.int32(3)})
        assert database.read({"n": 5, "rate": 0.5}, dict) == {"loss": 0.25, "steps": 3}
        with pytest.raises(TypeError, match="set is none"):
            database.record({"n": {1}}, {})
    save_arrays(tmp_path / "a.npz", {}, {"kind": "facts", "n": np.int64(5)})
    assert load_arrays(tmp_path / "a.npz", kind="facts")[1]["n"] == 5


def test_a_database_is_made_when_a_run_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    with RunDatabase(path) as one, RunDatabase(path) as other:
        assert (one.result({"T": 3}), list(one), len(one)) == (None, [], 0)
        assert os.listdir(tmp_path) == []
        other.record({"T": 3}, {"loss": 0.5})
        assert one.result({"T": 3}) == {"loss": 0.5}
    path = tmp_path / "text"
    with RunDatabase(path) as database:
        path.write_text("no database, and long enough to be looked at" * 100)
        with pytest.raises(StorageError, match="text: file is not a database"):
            database.record({"T": 3}, {"loss": 0.5})


def test_database_refuses_others(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database, and long enough to be looked at" * 100)
    with sqlite3.connect(tmp_path / "other") as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    for name in ("text", "other"):
        with pytest.raises(StorageError, match=name):
            RunDatabase(tmp_path / name)
    with pytest.raises(StorageError, match="none is not an existing folder"):
        RunDatabase(tmp_path / "none" / "runs")


def test_database_checks_what_it_reads(tmp_path: Path) -> None:
    with RunDatabase(tmp_path / "runs") as database:
        database.record({"T": 3}, {"loss": 0.5})
    with sqlite3.connect(tmp_path / "runs") as raw:
        raw.execute("UPDATE runs SET result = '{\"loss\": 0.4}'")
    raw.close()
    with RunDatabase(tmp_path / "runs") as database, pytest.raises(StorageError, match="checksum"):
        database.result({"T": 3})


WRITER = """
import sys
from relugeom.storage import RunDatabase
database = RunDatabase(sys.argv[1])
for k in range(100_000):
    database.record({"k": k}, {"value": k * k})
    print(k, flush=True)
"""


def test_what_the_database_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    for attempt in range(3):
        path = tmp_path / str(attempt)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        for _ in range(10 * attempt + 1):
            last = writer.stdout.readline()
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.communicate()[0].splitlines()
        acknowledged = int([last, *(line for line in rest if line)][-1])
        with RunDatabase(path) as database:
            for k in range(acknowledged + 1):
                assert database.result({"k": k}) == {"value": k * k}


def test_a_database_of_others_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "other"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    with pytest.raises(StorageError, match="of another kind"):
        RunDatabase(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["other"]


def test_a_header_of_any_length_is_not_parsed(tmp_path: Path) -> None:
    """Ten million zeros in the header of one member: refused before a byte of it is looked at."""
    text = b"[" + b"0," * 10_000_000 + b"]"
    member = b"\x93NUMPY\x02\x00" + len(text).to_bytes(4, "little") + text
    path = tmp_path / "x.npz"
    path.write_bytes(archive({"header.json": b'{"format": 1, "facts": "{}", "sha256": ""}', "a.npy": member}))
    tracemalloc.start()
    with pytest.raises(StorageError, match="has a header of 20000002 bytes"):
        load_arrays(path)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000_000


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "x.npz"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match=r"x\.npz: is no file that can be read from any place"):
        load_arrays(pipe)
    with pytest.raises(StorageError, match="is no regular file"):
        RunDatabase(pipe)


def test_a_database_in_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StorageError, match=":memory:: would be lost at the end"):
        RunDatabase(":memory:")
    with RunDatabase("./:memory:") as database:
        database.record({"T": 3}, {"loss": 0.5})
    assert os.path.exists(":memory:")


@pytest.mark.parametrize(
    ("value", "kinds", "taken"),
    [
        (1, (float,), 1.0), (1.5, (float,), 1.5), (1, (int,), 1), (True, (bool,), True), ("a", (str,), "a"),
        (None, (float, None), None), ([1], (list,), [1]), ({}, (dict,), {}),
    ],
)  # fmt: skip
def test_members_of_a_stored_run(value: object, kinds: tuple[type | None, ...], taken: object) -> None:
    found = read_field({"x": value}, "x", *kinds)
    assert found == taken
    assert type(found) is type(taken)


@pytest.mark.parametrize(
    ("value", "kinds"),
    [
        (True, (int,)), (True, (float,)), (1, (bool,)), (1.0, (int,)), ("1", (int, float)), (None, (float,)),
        ([], (dict,)), ("\ud800", (str,)), (10**400, (float,)),
    ],
)  # fmt: skip
def test_members_of_another_kind_are_refused(value: object, kinds: tuple[type | None, ...], tmp_path: Path) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        read_field({"x": value}, "x", *kinds)
    with RunDatabase(tmp_path / "runs") as database:
        database.record({"k": 1}, {"x": value})
        with pytest.raises(StorageError, match="a stored run makes no sense"):
            database.read({"k": 1}, lambda row: read_field(row, "x", *kinds))
        with pytest.raises(StorageError, match=r"makes no sense \(no 'y'\)"):
            database.read({"k": 1}, lambda row: read_field(row, "y", *kinds))
        assert database.read({"k": 2}, lambda row: read_field(row, "x", *kinds)) is None
