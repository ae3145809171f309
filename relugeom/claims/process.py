"""A slot: one server process, kept by this one, that runs one conjecture at a time in a child of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from relugeom.claims.worker import REPLY_LIMIT, receive, send

__all__ = ["FOR_EVER", "Answer", "Slot", "fault_of", "import_path", "single_thread_variables", "with_docstrings"]

# A server that has imported nothing after so many seconds is none.
START_LIMIT = 120.0
# What a server may take beyond a conjecture's own limit, in seconds, to end it and to pass its answer on.
GRACE = 60.0
# Longer than anyone waits, and as long as a socket can: three weeks, in seconds.
FOR_EVER = 1_814_400.0
# macOS has a fork, but its libraries are not safe after one.
FORKS = hasattr(os, "fork") and sys.platform != "darwin"
# A server has one thread when it forks: the pools of BLAS and OpenMP would not survive that. The seed of hashes is
# fixed, so that a result does not depend on the slot.
_POOLS = (
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
_PROGRAM = (
    "import json, sys; options = json.loads(sys.argv[1]); sys.path[:] = options['path']; "
    "from relugeom.claims.worker import serve; serve(options)"
)


class Answer(NamedTuple):
    """What came of a request: the bytes of the reply, or why there is none; the time it took; what was printed."""

    reply: bytes
    fault: str
    seconds: float
    output: str


class _Lost(Exception):
    """The server has gone, or does not answer."""


class Slot:
    """A place for one conjecture at a time. Its server starts when it is first needed, and anew when it was lost."""

    def __init__(self, memory_limit: int | None, modules: Sequence[str]) -> None:
        self._memory_limit = memory_limit
        self._modules = list(modules)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._lock = threading.Lock()
        self._closed = False
        self.limited = True

    def ask(self, request: dict[str, Any], limit: float, what: str) -> Answer:
        """Have a child answer the request within `limit` seconds. Whatever goes wrong is told in the answer."""
        limit = min(limit, FOR_EVER)
        try:
            channel = self._channel or self._start()
            channel.settimeout(limit + GRACE)
            send(channel, {**request, "limit": limit})
            message = receive(channel)
        except (_Lost, OSError, ValueError) as error:  # what cannot be read comes from no server of ours
            message, reason = None, f"no process could be started ({error!s:.200})" if self._channel is None else ""
        else:
            reason = ""
        if message is None:
            ending = self._lose()
            return Answer(b"", f"{what}: {reason or f'the process that runs it {ending}'}", 0.0, "")
        head, body = message
        return Answer(body, fault_of(head, body, limit, what), head["seconds"], head["output"])

    def _start(self) -> socket.socket:
        here, there = socket.socketpair()
        alone = single_thread_variables()
        if "PYTHONHASHSEED" not in os.environ:
            alone["PYTHONHASHSEED"] = "0"
        options = {
            "path": import_path(),
            "channel": there.fileno(),
            "modules": self._modules,
            "memory_limit": self._memory_limit,
            "fork": FORKS,
            "environment": {name: os.environ.get(name) for name in alone},
        }
        environment = with_docstrings() | alone
        with self._lock, there:
            if self._closed:
                here.close()
                raise _Lost("the run was stopped")
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-c", _PROGRAM, json.dumps(options)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=environment,
                    pass_fds=[there.fileno()],
                    start_new_session=True,
                )
            except OSError:
                here.close()
                raise
            self._channel = here
        here.settimeout(START_LIMIT)
        hello = receive(here)
        if hello is None:
            raise _Lost
        self.limited = hello[0]["limited"]
        return here

    def _lose(self) -> str:
        """Forget a server that does not answer, and say how it ended."""
        with self._lock:
            process, channel, self._process, self._channel = self._process, self._channel, None, None
        if channel is not None:
            channel.close()
        if process is None:
            return "was not started"
        try:
            # Its channel is closed: it ends by itself, and what it runs with it.
            process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "did not answer"
        code = process.returncode
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"

    def close(self) -> None:
        """End the server and what it runs; a question that is being asked gets no answer."""
        with self._lock:
            self._closed = True
            process, channel = self._process, self._channel
        if channel is not None:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
        if process is not None:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if channel is not None:
            channel.close()


def import_path() -> list[str]:
    """`sys.path`, as a process that starts can be told it: imports pass over anything but text."""
    return [entry for entry in sys.path if isinstance(entry, str)]


def with_docstrings() -> dict[str, str]:
    """This process's environment, for one that keeps docstrings, since they hold the arguments."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONOPTIMIZE"}


def single_thread_variables() -> dict[str, str]:
    """The variables of the environment with which the libraries start no threads of their own."""
    return dict.fromkeys(_POOLS, "1")


def fault_of(head: dict[str, Any], body: bytes, limit: float, what: str) -> str:
    """Why there is no reply; empty when there is one to be read."""
    match head["ending"]:
        case "time":
            return f"{what} took longer than its time limit of {limit:g} s"
        case "too long":
            return f"{what}: the reply takes more than {REPLY_LIMIT} bytes"
        case "closed":
            return f"{what}: the process closed its output"
    status = head["status"]
    if status < 0:
        return f"{what}: the process was killed by {_signal_name(-status)}"
    return f"{what}: the process ended with status {status}" if status or not body else ""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
