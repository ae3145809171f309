"""The one writer: every output goes through here, and is the old file or the whole new one, never a part.

A file is written to a temporary neighbour, flushed to the disk, and renamed over the target, so a reader sees the old
file or the new one, and a full disk or a kill destroys neither. Outputs that cost minutes are checked before the work
(`check_writable`, `make_folder`), and a file that is written over and over belongs to one process (`FileLock`).
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO

from relugeom.errors import StorageError

try:
    import fcntl
except ImportError:  # no locks of this kind on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["FileLock", "check_writable", "make_folder", "replacing", "write_atomically"]


def write_atomically(path: str | Path, content: bytes | memoryview) -> None:
    """Replace `path` by `content`, or leave it as it was.

    A symbolic link is followed; a device or a pipe is written to, never replaced.

    Raises
    ------
    StorageError
        When the folder does not exist, cannot be written, or the disk is full. The message names the file and the disk.
    """
    with replacing(Path(path)) as handle:
        handle.write(content)


def check_writable(path: str | Path) -> None:
    """Refuse an output that cannot be written, before the work whose result it is to hold.

    Raises
    ------
    StorageError
        The folder is missing or takes no files, or what stands at `path` is a folder or may not be changed.
    """
    target = _target(Path(path))
    if target is None:
        if not os.access(path, os.W_OK):
            raise StorageError(f"{path}: cannot be written (no permission)")
        return
    if not target.parent.is_dir():
        raise StorageError(f"{path}: cannot be written ({target.parent} is not an existing folder)")
    try:
        temporary, handle = _temporary(target.parent)
        handle.close()
        os.unlink(temporary)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({target.parent}: {error.strerror or error}{_disk(target.parent, error)})"
        ) from error


def make_folder(path: str | Path) -> None:
    """Make a folder for outputs, with those above it, unless it is there, and see that it takes files.

    Raises
    ------
    StorageError
        It cannot be made or written to, or a file stands in its place.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{path}: cannot be made a folder ({error.strerror or error})") from error
    check_writable(Path(path) / "x")


def _target(path: Path) -> Path | None:
    """The regular file to replace, links followed; None for what is written to in place: devices, pipes, our stdout."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return Path(os.path.realpath(path))
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from error
    if stat.S_ISDIR(status.st_mode):
        raise StorageError(f"{path}: cannot be written (it is a folder)")
    if not stat.S_ISREG(status.st_mode) or _stream(status) is not None:
        return None
    if not os.access(path, os.W_OK):
        raise StorageError(f"{path}: cannot be written (no permission)")
    return Path(os.path.realpath(path))


def _stream(status: os.stat_result) -> int | None:
    """Our standard output or error, if the file is that: /dev/stdout, where the shell sends it to a file."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(status, os.fstat(descriptor)):
                return descriptor
    return None


def _write_in_place(path: Path, content: memoryview) -> None:
    """To a device or a pipe; to a stream of ours where it stands, so that what is printed later comes after it."""
    stream = _stream(os.stat(path))
    descriptor = os.open(path, os.O_WRONLY) if stream is None else os.dup(stream)
    try:
        while content:
            content = content[os.write(descriptor, content) :]
    finally:
        os.close(descriptor)


def _temporary(folder: Path) -> tuple[Path, IO[bytes]]:
    """A new file with a name that nobody can guess."""
    path = folder / f".{secrets.token_hex(16)}.tmp"
    return path, open(path, "xb")


def _disk(folder: Path, error: OSError) -> str:
    """Which disk it was, where the trouble is with a disk."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS):
        return ""
    mount = Path(os.path.abspath(folder))
    while not mount.is_mount() and mount != mount.parent:
        mount = mount.parent
    return f", on the disk at {mount}"


def _sync(descriptor: int) -> None:
    """Wait until the file is on the disk, where its file system can tell."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise


def _sync_folder(folder: Path) -> None:
    """See that the new name is on the disk too; many file systems refuse that, and the file is there all the same."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def replacing(path: Path, lock: FileLock | None = None) -> Iterator[IO[bytes]]:
    """A file to write to, which takes the place of `path` once it is safely on the disk."""
    target = _target(path)
    if target is None:
        whole = io.BytesIO()
        yield whole
        try:
            _write_in_place(path, whole.getbuffer())
        except OSError as error:
            raise StorageError(f"{path}: cannot be written ({error.strerror or error})") from error
        return
    temporary: Path | None = None
    try:
        temporary, handle = _temporary(target.parent)
        with contextlib.ExitStack() as holding:
            with handle:
                with contextlib.suppress(FileNotFoundError):
                    os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))  # a private file stays so throughout
                yield handle
                handle.flush()
                _sync(handle.fileno())
                if lock is not None:
                    holding.enter_context(lock.passing_on(handle.fileno()))
            os.replace(temporary, target)
            temporary = None
        _sync_folder(target.parent)
    except OSError as error:
        raise StorageError(
            f"{path}: cannot be written ({error.strerror or error}{_disk(target.parent, error)})"
        ) from error
    finally:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


class FileLock:
    """The right to write a file over and over, for one process at a time.

    Every file that takes the place of the one before is locked before it has the name, so whoever opens it finds it
    taken. Where a file system has no locks, a file that changed between two writes of ours tells the same, later.

    Parameters
    ----------
    path : str or Path
        The file; it need not exist yet.

    Raises
    ------
    StorageError
        Another process holds it.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._descriptor: int | None = None
        self._seen: tuple[int, ...] | None = None
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))  # never waits for a pipe
        except OSError:  # not there yet; whatever else is wrong, writing will say
            return
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            return
        self._descriptor, self._seen = descriptor, self._identity(os.fstat(descriptor))
        try:
            self._acquire(descriptor)
            self._check_unchanged()
        except StorageError:
            self.release()
            raise

    @staticmethod
    def _identity(status: os.stat_result) -> tuple[int, ...]:
        return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns

    def _acquire(self, descriptor: int) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"{self._path}: another process is at work on this file") from None
        except OSError:  # a file system without locks
            return

    def _check_unchanged(self) -> None:
        try:
            now = self._identity(os.stat(self._path))
        except FileNotFoundError:
            return  # nothing is lost by writing it again
        if now != self._seen:
            raise StorageError(f"{self._path}: another process has written this file meanwhile; it is left as it is")

    @contextlib.contextmanager
    def passing_on(self, descriptor: int) -> Iterator[None]:
        """Hold, as well, the open file that takes the place of the one held, unless someone else was quicker.

        Both are held until it has the name, and it alone from then on: whoever opens either finds it taken.
        """
        self._check_unchanged()
        copy = os.dup(descriptor)
        try:
            self._acquire(copy)
            yield
        except BaseException:
            os.close(copy)
            raise
        self.release()
        self._descriptor, self._seen = copy, self._identity(os.fstat(copy))

    def release(self) -> None:
        """Let others write; a second call does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> FileLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
