"""Slots where there is no fork (Windows): a fresh interpreter for each request, which answers through a file.

What `process.Slot` does with a server, a fork and pipes is done here with what every system has. Each request pays for
a new interpreter and its imports, about two seconds, and memory has no limit where the system sets none.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from relugeom.claims.process import FOR_EVER, Answer, fault_of, import_path, single_thread_variables, with_docstrings
from relugeom.claims.worker import OUTPUT_LIMIT, REPLY_LIMIT

__all__ = ["InterpreterSlot"]

_PAUSE = 0.02
_PROGRAM = (
    "import json, sys; request, path, limit, reply = json.loads(sys.argv[1]); sys.path[:] = path; "
    "from relugeom.claims.worker import answer_in_file; answer_in_file(request, limit, reply)"
)


class InterpreterSlot:
    """A place for one conjecture at a time, with the same answers as `process.Slot`."""

    def __init__(self, memory_limit: int | None, modules: Sequence[str]) -> None:
        # The modules are those that a server would import beforehand; here every interpreter imports its own.
        self._memory_limit = memory_limit
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.limited = memory_limit is None or os.name == "posix"

    def ask(self, request: dict[str, Any], limit: float, what: str) -> Answer:
        """Have an interpreter answer the request within `limit` seconds. Whatever goes wrong is told in the answer."""
        limit = min(limit, FOR_EVER)
        start = time.monotonic()
        # A process that was ended may hold its files a moment longer: they are left to the system then.
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            reply = Path(folder, "reply")
            with tempfile.TemporaryFile() as printed:
                try:
                    process = self._start(request, reply, printed)
                except OSError as error:
                    return Answer(b"", f"{what}: no process could be started ({error!s:.200})", 0.0, "")
                ending = _watch(process, reply, start + limit)
                _end(process)
                printed.seek(0)
                shown = printed.read(OUTPUT_LIMIT).decode(errors="backslashreplace")
            body = _head(reply, REPLY_LIMIT + 1)
        if len(body) > REPLY_LIMIT:
            ending = "too long"
        if ending != "over":
            body = b""
        fault = fault_of({"ending": ending, "status": process.returncode}, body, limit, what)
        return Answer(body, fault, time.monotonic() - start, shown)

    def _start(self, request: dict[str, Any], reply: Path, printed: IO[bytes]) -> subprocess.Popen[bytes]:
        arguments = json.dumps([request, import_path(), self._memory_limit, str(reply)])
        with self._lock:
            if self._closed:
                raise OSError("the run was stopped")
            self._process = subprocess.Popen(
                [sys.executable, "-c", _PROGRAM, arguments],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                env={"PYTHONHASHSEED": "0"} | with_docstrings() | single_thread_variables(),
            )
            return self._process

    def close(self) -> None:
        """End what runs; a question that is being asked gets no answer."""
        with self._lock:
            self._closed = True
            process = self._process
        if process is not None:
            _end(process)


def _watch(process: subprocess.Popen[bytes], reply: Path, deadline: float) -> str:
    """Wait until there is an end: "over", "time" or "too long"."""
    while True:
        try:
            process.wait(min(_PAUSE, max(deadline - time.monotonic(), 0.0)))
            return "over"
        except subprocess.TimeoutExpired:
            if time.monotonic() >= deadline:
                return "time"
            if reply.exists() and reply.stat().st_size > REPLY_LIMIT:
                return "too long"


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and on Windows what it has started."""
    if process.poll() is not None:
        return
    if sys.platform == "win32":
        with suppress(OSError, subprocess.SubprocessError):
            ending = ["taskkill", "/T", "/F", "/PID", str(process.pid)]
            subprocess.run(ending, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    with suppress(OSError):
        process.kill()
    process.wait()


def _head(path: Path, limit: int) -> bytes:
    """The first bytes of a file; nothing where there is none."""
    try:
        with open(path, "rb") as handle:
            return handle.read(limit)
    except OSError:
        return b""
