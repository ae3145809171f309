"""One writer: whole or not at all, where it belongs, refused before the work, and for one process at a time."""

from __future__ import annotations

import ast
import errno
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relugeom.errors import StorageError
from relugeom.storage import load_arrays, save_arrays
from relugeom.writing import FileLock, check_writable, make_folder, replacing, write_atomically
from tests.conftest import Tier
from tests.test_cli import ENVIRONMENT, relugeom

PACKAGE = Path(sys.modules["relugeom"].__file__ or "").parent


def test_the_content_is_replaced(tmp_path: Path) -> None:
    write_atomically(tmp_path / "x", b"one")
    write_atomically(tmp_path / "x", b"two")
    assert (tmp_path / "x").read_bytes() == b"two"
    assert os.listdir(tmp_path) == ["x"]


def test_the_longest_names_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_atomically(path, b"one")
    assert path.read_bytes() == b"one"


def test_a_symbolic_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target, link, dangling = tmp_path / "folder" / "target", tmp_path / "link", tmp_path / "dangling"
    target.write_bytes(b"old")
    link.symlink_to(target)
    dangling.symlink_to(Path("folder") / "new")
    for path, content in ((link, b"one"), (dangling, b"two")):
        check_writable(path)
        write_atomically(path, content)
        assert path.is_symlink()
        assert path.read_bytes() == content
    assert target.read_bytes() == b"one"
    assert sorted(os.listdir(tmp_path / "folder")) == ["new", "target"]
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for refuse in (check_writable, lambda path: write_atomically(path, b"x")):
        with pytest.raises(StorageError, match="loop: cannot be written"):
            refuse(loop)
    assert loop.is_symlink()


def test_a_pipe_and_a_device_are_written_to(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", []
    os.mkfifo(pipe)
    check_writable(pipe)
    content = bytes(range(256)) * 1_000  # more than a pipe holds at once
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, content)
    reader.join(20)
    assert got == [content]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    check_writable("/dev/null")
    write_atomically("/dev/null", content)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_an_array_file_goes_through_a_pipe(tmp_path: Path) -> None:
    pipe, copy = tmp_path / "pipe", tmp_path / "copy.npz"
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: copy.write_bytes(pipe.read_bytes()))
    reader.start()
    save_arrays(pipe, {"a": np.arange(100_000.0)}, {"kind": "test"})
    reader.join(20)
    assert np.array_equal(load_arrays(copy)[0]["a"], np.arange(100_000.0))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_device_is_named() -> None:
    with pytest.raises(StorageError, match="/dev/full: cannot be written \\(No space left on device\\)"):
        write_atomically("/dev/full", b"x")


def test_standard_output_sent_to_a_file_is_not_replaced(tmp_path: Path) -> None:
    """`> page.html` with `-o /dev/stdout`: the page arrives there, and so does what is printed."""
    with open(tmp_path / "out", "wb") as out:
        ended = subprocess.run(
            [sys.executable, "-m", "relugeom", "explorer", "--output", "/dev/stdout"],
            stdout=out,
            env=ENVIRONMENT,
            check=False,
        )
    text = (tmp_path / "out").read_text(encoding="utf-8")
    assert ended.returncode == 0
    assert text.count("</html>") == 1
    assert text.endswith("/dev/stdout\n")


def test_permissions_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_atomically(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_takes_the_place_of_a_private_file_is_private_before_anything_stands_in_it(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.write_bytes(b"old")
    path.chmod(0o600)
    with replacing(path) as handle:
        assert stat.S_IMODE(os.fstat(handle.fileno()).st_mode) == 0o600
        handle.write(b"new")
    assert path.read_bytes() == b"new"


def test_the_same_arrays_make_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, facts = {"a": np.arange(6.0), "b": np.array("text")}, {"kind": "test"}
    save_arrays(tmp_path / "one", arrays, facts)
    long_ago = time.struct_time((1999, 12, 31, 23, 59, 58, 4, 365, 0))
    monkeypatch.setattr(time, "localtime", lambda *_: long_ago)
    save_arrays(tmp_path / "two", arrays, facts)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_system_without_fsync_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    write_atomically(tmp_path / "x", b"one")
    assert (tmp_path / "x").read_bytes() == b"one"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_the_old_file_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StorageError) as caught:
            write_atomically(path, b"new")
    mount = tmp_path
    while not os.path.ismount(mount):
        mount = mount.parent
    assert str(caught.value) == f"{path}: cannot be written (No space left on device, on the disk at {mount})"
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["x"]


def test_outputs_are_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(StorageError, match=f"{tmp_path / 'none'} is not an existing folder"):
        check_writable(tmp_path / "none" / "x")
    with pytest.raises(StorageError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(StorageError, match="Not a directory"):
        check_writable(tmp_path / "file" / "x")
    with pytest.raises(StorageError, match="file: cannot be made a folder"):
        make_folder(tmp_path / "file")
    check_writable(tmp_path / "file")
    check_writable(tmp_path / "new")
    make_folder(tmp_path / "a" / "b")
    assert sorted(os.listdir(tmp_path)) == ["a", "file"]
    assert (tmp_path / "file").read_bytes() == b"x"


# Each command with an output for which there is no place, and what it would take minutes to find out otherwise.
NOWHERE: list[list[object]] = [
    ["report", "--output", "none/x.html"],
    ["verify", "--certificates", "file/x"],
    ["explorer", "--output", "none/x.html"],
    ["figures", "--output", "file/x"],
    ["atlas", "--certificates", "file/x"],
    ["census", "-o", "none/x"],
    ["census", "-o", "x", "--csv", "none/x"],
    ["atlas", "--csv", "none/x"],
    ["sweep", "-T", "3", "-o", "x", "--csv", "none/x"],
    ["toy", "--figures", "file/x"],
    ["sweep", "-T", "3", "-o", "file/x"],
    ["train", "-T", "3", "-o", "none/x"],
    ["trace", "--output", "none/x"],
    ["search", "--m", "2", "--n", "5", "--bias", "free", "--output", "none/x"],
    ["search", "--m", "2", "--n", "5", "--bias", "free", "--database", "none/x"],
]


@pytest.mark.parametrize("arguments", NOWHERE, ids=lambda arguments: " ".join(map(str, arguments[:3])))
def test_commands_refuse_their_outputs_before_the_work(arguments: list[object], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    run = subprocess.run(
        [sys.executable, "-m", "relugeom", *map(str, arguments)],
        capture_output=True, text=True, env=ENVIRONMENT, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert run.returncode == 2, run.stderr
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1
    assert "none" in run.stderr or "file" in run.stderr
    assert os.listdir(tmp_path) == ["file"]


WRITES = """
import sys
from relugeom.writing import write_atomically
for k in range(100_000):
    write_atomically(sys.argv[1], bytes([k % 251]) * 300_000)
    print(k, flush=True)
"""


def test_a_kill_leaves_a_whole_file(tier: Tier, tmp_path: Path) -> None:
    kills = tier.count(5, 100)
    rng = random.Random(f"kill the writer, {tier.name}")
    path = tmp_path / "x"
    for _ in range(kills):
        writer = subprocess.Popen([sys.executable, "-c", WRITES, str(path)], stdout=subprocess.PIPE, env=ENVIRONMENT)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(rng.uniform(0, 0.05))
        os.kill(writer.pid, signal.SIGKILL)
        acknowledged = [0, *map(int, writer.communicate()[0].split())][-1]
        content = path.read_bytes()
        assert len(content) == 300_000
        assert content in (bytes([(acknowledged + k) % 251]) * 300_000 for k in range(3))
        assert all(name == "x" or name.endswith(".tmp") for name in os.listdir(tmp_path))
    tier.tell(f"{kills} of {kills} kills of the writer: the file is whole, and none older than what was acknowledged")


def full() -> None:
    """From now on no file may have more than 500 bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))


# A command, an output of its, and the file in which that ends.
FULL: list[tuple[list[object], str]] = [
    (["explorer", "--output", "x.html"], "x.html"),
    (["report", "--no-figures", "conjecture.py", "--output", "x.html"], "x.html"),
    (["figures", "relu", "--output", "."], "relu.svg"),
    (["atlas", "--n", "5", "--seeds", "12", "--data", "uniform", "--steps", "3000", "--certificates", "."],
     "uniform-n5-00-lowest.json"),
    (["trace", "--n", "3", "--steps", "100", "--output", "x.npz"], "x.npz"),
    (["train", "-T", "3", "--features", "60", "--steps", "5", "--warmup", "1", "--force", "-o", "x.npz"], "x.npz"),
]  # fmt: skip
CONJECTURE = (
    "from relugeom import Open, Verdict, conjecture\n\n\n@conjecture('s', source='me', expected=Verdict.UNDECIDED)\n"
)
CONJECTURE += "def s():\n    '''Words.'''\n    return Open('unknown')\n"


@pytest.mark.parametrize(("arguments", "output"), FULL, ids=[str(arguments[0]) for arguments, _ in FULL])
def test_a_full_disk_leaves_every_output_as_it_was(arguments: list[object], output: str, tmp_path: Path) -> None:
    (tmp_path / "conjecture.py").write_text(CONJECTURE, encoding="utf-8")
    path = tmp_path / output

    def run(limit: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "relugeom", *map(str, arguments)], capture_output=True, text=True, cwd=tmp_path,
            env={**ENVIRONMENT, "PYTHONDONTWRITEBYTECODE": "1"}, preexec_fn=limit, check=False,
        )  # fmt: skip

    good = run(None)
    assert path.is_file(), good.stderr
    whole = path.read_bytes()
    before = sorted(os.listdir(tmp_path))
    ended = run(full)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    error = ended.stderr.splitlines()[-1]
    assert output in error
    assert "File too large, on the disk at /" in error
    assert path.read_bytes() == whole
    assert sorted(os.listdir(tmp_path)) == before


def writing_calls(path: Path) -> list[str]:
    """Calls by which a program writes or renames a file."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            modes = [a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            opens = name.split(".")[-1] == "open" and any(set(mode) & set("wxa") and len(mode) < 4 for mode in modes)
            writes = name.split(".")[-1] in ("write_text", "write_bytes", "mkstemp", "savez", "touch")
            if opens or writes or name in ("os.replace", "os.rename", "np.save", "shutil.move", "shutil.copy"):
                found.append(ast.unparse(node))
    return found


def test_nothing_else_in_the_package_writes_files() -> None:
    """Only the writer, members of its archives, and the scratch files that a proof assistant reads."""
    allowed = {"writing.py": 1, "storage.py": 1, "claims/formal.py": 1}
    for path in PACKAGE.rglob("*.py"):
        name, found = str(path.relative_to(PACKAGE)), writing_calls(path)
        assert len(found) <= allowed.get(name, 0) + (name == "writing.py"), f"{name}: {found}"
    assert len(writing_calls(PACKAGE / "writing.py")) == 2, "the calls are found where they are"


# ---------------------------------------------------------------------------------------------------------
# One process at a time.

HOLDER = """
import sys, time
from relugeom.writing import FileLock
from relugeom.storage import save_arrays
with FileLock(sys.argv[1]) as lock:
    for k in range(int(sys.argv[2])):
        save_arrays(sys.argv[1], {}, {"kind": "test", "k": k}, lock=lock)
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.parametrize("writes", [0, 1, 3])
def test_a_file_is_held_by_one_process(tmp_path: Path, writes: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(writes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(StorageError, match="x: another process is at work on this file"):
        FileLock(path)
    holder.communicate(timeout=20)
    assert holder.returncode == 0
    FileLock(path).release()
    assert os.listdir(tmp_path) == ["x"]


def test_a_holder_that_is_killed_lets_go(tmp_path: Path) -> None:
    path = tmp_path / "x"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.kill()
    holder.communicate(timeout=20)
    FileLock(path).release()


def test_a_file_that_someone_else_wrote_is_left_as_it_is(tmp_path: Path) -> None:
    """As on a file system without locks, where two processes find out when they write."""
    path = tmp_path / "x"
    with FileLock(path) as first:
        save_arrays(path, {"k": np.array(1)}, {"kind": "test"}, lock=first)
        save_arrays(path, {"k": np.array(2)}, {"kind": "test"}, lock=first)
        save_arrays(path, {"k": np.array(3)}, {"kind": "test"})  # the other one
        with pytest.raises(StorageError, match="another process has written this file meanwhile"):
            save_arrays(path, {"k": np.array(4)}, {"kind": "test"}, lock=first)
    assert load_arrays(path)[0]["k"] == 3
    assert os.listdir(tmp_path) == ["x"]


def test_a_file_is_held_until_another_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the moment before the new one takes the place of the old."""
    path, tried = tmp_path / "x", []

    def attempt(source: str, target: str) -> None:
        with pytest.raises(StorageError, match="another process is at work on this file"):
            FileLock(target)
        tried.append(target)
        os.rename(source, target)

    with FileLock(path) as first:
        save_arrays(path, {"k": np.array(1)}, {"kind": "test"}, lock=first)
        monkeypatch.setattr(os, "replace", attempt)
        save_arrays(path, {"k": np.array(2)}, {"kind": "test"}, lock=first)
    assert len(tried) == 1
    assert load_arrays(path)[0]["k"] == 2


def test_two_trainings_on_one_checkpoint(tmp_path: Path) -> None:
    """The second is told, at once, and what the first has acknowledged stays."""
    settings = ["--features", "60", "--sparsity", "0.9", "--warmup", "5", "--test-examples", "20"]
    first = subprocess.Popen(
        [sys.executable, "-m", "relugeom", "train", "-T", "6", *settings, "--steps", "100000000", "-o", "x.npz"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, cwd=tmp_path,
    )  # fmt: skip
    path = tmp_path / "x.npz"
    try:
        begin = time.monotonic()
        while not path.exists():
            assert time.monotonic() - begin < 60
            time.sleep(0.05)
        for arguments in (
            ["-o", path, "--resume"],
            ["-T", "6", *settings, "--steps", "10", "--force", "-o", path],
        ):
            second = relugeom("train", *arguments)
            assert second.returncode == 2, second.stdout + second.stderr
            assert "another process is at work on this file" in second.stderr
    finally:
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=30)
    assert first.returncode == 130, err
    assert os.listdir(tmp_path) == ["x.npz"]
