"""The processes in which conjectures are imported and run: one server a slot, one child a conjecture.

A conjecture may loop for ever, eat all memory, fork, patch what it imports, crash the interpreter or call `sys.exit`.
So each has a process of its own. The *server* (`serve`) imports the libraries once, runs nobody's program, has one
thread, and forks a *child* for each request. The child imports the file, answers through a pipe, and ends; then
the server ends whatever the child has started, and passes the answer on as bytes, unread.

Child and server end with whom they serve: the server when its channel closes, and its child with it; the child by the
kernel's hand when the server dies, even if it never returns to the interpreter.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from relugeom.claims.collect import collect, heading_of
from relugeom.claims.schema import TEXT_LIMIT
from relugeom.claims.steps import prepare
from relugeom.errors import ConjectureError, StorageError
from relugeom.writing import write_atomically

__all__ = ["OUTPUT_LIMIT", "REPLY_LIMIT", "answer_in_file", "limit_memory", "main", "receive", "send", "serve"]

# More than this, in bytes, is no evidence that anyone would read.
REPLY_LIMIT = 64_000_000
# Of what a conjecture prints, this much is kept, in bytes.
OUTPUT_LIMIT = 10_000
# Where the child finds its end of the reply pipe.
_REPLY = 3
# How often the server looks whether its child has ended, in seconds, where nothing else wakes it.
_PAUSE = 0.05
# How long a child may live on after it has closed its reply pipe.
_GRACE = 1.0

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def send(channel: socket.socket, head: Mapping[str, Any], body: bytes = b"") -> None:
    """Send an object and bytes, each with its length before it."""
    text = json.dumps(head).encode()
    channel.sendall(struct.pack("!QQ", len(text), len(body)) + text + body)


def receive(channel: socket.socket) -> tuple[dict[str, Any], bytes] | None:
    """What `send` sent at the other end; None when that has closed."""

    def exactly(number: int) -> bytes | None:
        parts = bytearray()
        while len(parts) < number:
            part = channel.recv(min(number - len(parts), 1 << 20))
            if not part:
                return None
            parts += part
        return bytes(parts)

    lengths = exactly(16)
    if lengths is None:
        return None
    first, second = struct.unpack("!QQ", lengths)
    text, body = exactly(first), exactly(second)
    return None if text is None or body is None else (json.loads(text), body)


def _ask_kernel(option: int, value: int) -> None:
    """`prctl`, where there is one."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def limit_memory(limit: int | None) -> bool:
    """Bound this process's address space by so many bytes; False where the system refuses."""
    if limit is None:
        return True
    try:
        import resource

        _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
        if ceiling == resource.RLIM_INFINITY or limit < ceiling:
            resource.setrlimit(resource.RLIMIT_AS, (min(limit, sys.maxsize), ceiling))
    except (ImportError, AttributeError, ValueError, OSError):
        return False
    return True


# The child.


def _answer(request: Mapping[str, Any]) -> list[Any]:
    """The lines of the answer: the answer itself, and each certificate as a text."""
    conjectures = collect(request["path"])
    if request["do"] == "collect":
        return [{"heading": heading_of()[:1000], "conjectures": [c.to_json() for c in conjectures]}]
    chosen = next((c for c in conjectures if c.id == request["id"]), None)
    if chosen is None:
        raise ConjectureError(f"{request['id']} is no longer declared")
    judgement = chosen.run(full=request["full"])
    return [judgement.to_json(), *(certificate.text for certificate in judgement.certificates)]


def _end_of(text: str, limit: int) -> str:
    """The end of a text that can be written."""
    return text[-limit:].encode(errors="backslashreplace").decode()[-limit:]


def _fault(error: BaseException) -> str:
    """The error in one line."""
    message = " ".join(str(error)[:2000].split()) or "no message"
    return f"{type(error).__name__}: {message}"[:300].encode(errors="backslashreplace").decode()[:1000]


def reply_to(request: Mapping[str, Any]) -> bytes:
    """The answer as lines of JSON, or what went wrong."""
    try:
        text = b"".join(json.dumps(line, allow_nan=False).encode() + b"\n" for line in _answer(request))
        if len(text) > REPLY_LIMIT:
            raise ConjectureError(f"the evidence takes {len(text)} bytes; at most {REPLY_LIMIT} are reported")
        return text
    except MemoryError:  # telling more would need memory
        return b'{"error": "MemoryError: the memory limit was reached", "traceback": ""}\n'
    except BaseException as error:  # a conjecture may raise anything, SystemExit included
        where = _end_of(traceback.format_exc(), TEXT_LIMIT // 2)
        return json.dumps({"error": _fault(error), "traceback": where}).encode() + b"\n"


def _work(request: Mapping[str, Any], memory_limit: int | None) -> bytes:
    """The reply to one request, from a process that does nothing else and prints so that all of it can be read."""
    limit_memory(memory_limit)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]
    process = os.getpid()
    text = reply_to(request)
    if os.getpid() != process:
        # The conjecture forked, and this is the child: two answers to one question would be one too many.
        os._exit(0)
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
    return text


def answer_in_file(request: Mapping[str, Any], memory_limit: int | None, path: str) -> NoReturn:
    """Answer one request in a new file, where there are no pipes to wait on, and end."""
    text = _work(request, memory_limit)
    try:
        write_atomically(path, text)
    except StorageError:
        os._exit(1)
    os._exit(0)


def main(request: Mapping[str, Any], memory_limit: int | None) -> NoReturn:
    """Answer one request through the reply pipe, and end."""
    with suppress(PermissionError):
        os.setsid()
    os.set_inheritable(_REPLY, False)
    text = _work(request, memory_limit)
    try:
        while text:
            text = text[os.write(_REPLY, text) :]
    except OSError:
        os._exit(1)
    os._exit(0)


# The server.


def _out_of_the_way(number: int) -> int:
    """The same file under a number that no other is to get."""
    import fcntl  # not on Windows, which does not come here

    return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, _REPLY + 1)


def _fork(request: Mapping[str, Any], options: Mapping[str, Any], reply: int, output: int, others: list[int]) -> int:
    """A child that answers the request; its process number."""
    server = os.getpid()
    child = os.fork()
    if child:
        return child
    try:
        _ask_kernel(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)  # the server was gone before the kernel was told
        for number in others:
            os.close(number)
        pipes = [reply, output, _out_of_the_way(reply), _out_of_the_way(output)]
        for number, target in ((pipes[3], 1), (pipes[3], 2), (pipes[2], _REPLY)):
            os.dup2(number, target, inheritable=target != _REPLY)
        os.closerange(_REPLY + 1, max(pipes) + 1)
        # Its random numbers are no copy of its siblings'; the module `random` sees to that by itself.
        if "numpy.random" in sys.modules:
            sys.modules["numpy.random"].seed()
        main(request, options["memory_limit"])
    except BaseException:
        os._exit(1)


def _spawn(request: Mapping[str, Any], options: Mapping[str, Any], reply: int, output: int) -> int:
    """The same from a fresh interpreter, where a fork is not to be had or not safe."""
    program = (
        "import json, sys; request, options = json.loads(sys.argv[1]); sys.path[:] = options['path']; "
        "from relugeom.claims.worker import main; main(request, options['memory_limit'])"
    )
    moved = [_out_of_the_way(number) for number in (reply, output)]
    actions = [(os.POSIX_SPAWN_DUP2, moved[1], 1), (os.POSIX_SPAWN_DUP2, moved[1], 2)]
    actions.append((os.POSIX_SPAWN_DUP2, moved[0], _REPLY))
    try:
        arguments = [sys.executable, "-c", program, json.dumps([request, options])]
        environment = {"PYTHONHASHSEED": "0"} | os.environ
        return os.posix_spawn(sys.executable, arguments, environment, file_actions=actions)
    finally:
        for number in moved:
            os.close(number)


def _orphans() -> list[int]:
    """The processes whose parent this is: what a child started and left behind comes to its subreaper."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            with suppress(OSError, ValueError, IndexError):
                # The name, in brackets, may hold anything; what follows it does not.
                fields = Path("/proc", entry, "stat").read_text(errors="replace").rpartition(")")[2].split()
                if int(fields[1]) == os.getpid():
                    found.append(int(entry))
    return found


def _end(child: int) -> int:
    """End the child and all that it has started; its exit status, negative for a signal."""
    # It has not been waited for: its number, and its session's, are nobody else's yet.
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    deadline = time.monotonic() + _GRACE  # what runs with other rights than ours does not end when we ask
    with suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                for orphan in _orphans():
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(orphan, signal.SIGKILL)
                time.sleep(0.001)
    return os.waitstatus_to_exitcode(status)


def _has_ended(child: int) -> bool:
    """Whether the child has ended; it is not waited for, so that its number stays its own."""
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class _Pipe:
    """The end of a pipe from which the server reads, and what it has read."""

    def __init__(self, number: int, limit: int) -> None:
        self.number = number
        self.open = True
        self.text = bytearray()
        self._limit = limit

    @property
    def is_full(self) -> bool:
        """Whether more has come than is kept."""
        return len(self.text) > self._limit

    def read(self) -> None:
        """Read what is there, and keep it as long as there is room."""
        chunk = os.read(self.number, 1 << 16)
        self.open = bool(chunk)
        if not self.is_full:
            self.text += chunk

    def drain(self) -> None:
        """Read what nobody adds to any more."""
        while self.open and not self.is_full and select.select([self.number], [], [], 0)[0]:
            self.read()
        os.close(self.number)


def _watch(channel: socket.socket, child: int, reply: _Pipe, output: _Pipe, limit: float) -> str:
    """Read what comes until there is an end: "over", "time", "too long" or "closed"; "alone" when nobody waits."""
    start = time.monotonic()
    closed = float("inf")
    while True:
        if _has_ended(child):
            return "over"
        now = time.monotonic()
        if now > start + limit:
            return "time"
        if reply.is_full:
            return "too long"
        if now > closed + _GRACE:
            return "closed"
        pause = min(start + limit - now, _PAUSE if reply.open else _PAUSE / 25)
        pipes = {pipe.number: pipe for pipe in (reply, output) if pipe.open}
        ready, _, _ = select.select([channel.fileno(), *pipes], [], [], max(pause, 0.0))
        if channel.fileno() in ready:
            return "alone"  # nothing is asked before it is answered: the other end has closed
        for number in pipes.keys() & set(ready):
            pipes[number].read()
        if not reply.open:
            closed = min(closed, now)


def _run(channel: socket.socket, request: Mapping[str, Any], options: Mapping[str, Any]) -> bool:
    """Run one request in a child and pass on what came of it; False when nobody waits for it any more."""
    start = time.monotonic()
    (reply_out, reply_in), (output_out, output_in) = os.pipe(), os.pipe()
    if options["fork"]:
        child = _fork(request, options, reply_in, output_in, [channel.fileno(), reply_out, output_out])
    else:
        child = _spawn(request, options, reply_in, output_in)
    os.close(reply_in)
    os.close(output_in)
    reply, output = _Pipe(reply_out, REPLY_LIMIT), _Pipe(output_out, OUTPUT_LIMIT)
    ending = _watch(channel, child, reply, output, request["limit"])
    status = _end(child)
    reply.drain()
    output.drain()
    if ending == "alone":
        return False
    head = {
        "ending": "too long" if reply.is_full else ending,
        "status": status,
        "seconds": time.monotonic() - start,
        "output": output.text[:OUTPUT_LIMIT].decode(errors="backslashreplace"),
    }
    send(channel, head, bytes(reply.text) if head["ending"] == "over" else b"")
    return True


def serve(options: Mapping[str, Any]) -> None:
    """Answer requests until the channel closes, each in a child of its own.

    `options` are the number of the channel's file, the modules to import beforehand, the bytes of memory a child may
    take, whether it is forked, and the variables of the environment that a child has and the server has not.
    """
    channel = socket.socket(fileno=options["channel"])
    _ask_kernel(_PR_SET_CHILD_SUBREAPER, 1)
    if options["fork"]:
        for name in options["modules"]:
            with suppress(Exception):  # the file that imports it says so in its own row
                importlib.import_module(name)
        if "sympy" in sys.modules:
            prepare()
    for name, value in options["environment"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    # What is there now is never collected, so that a child does not touch, and copy, every page of it.
    gc.collect()
    gc.freeze()
    with suppress(OSError):
        send(channel, {"limited": _is_limited(options["memory_limit"])})
        while (message := receive(channel)) is not None:
            if not _run(channel, message[0], options):
                return


def _is_limited(memory_limit: int | None) -> bool:
    """Whether the system lets a process limit its memory: tried in a child, since there is no way back."""
    if memory_limit is None or not hasattr(os, "fork"):
        return True
    child = os.fork()
    if child == 0:
        os._exit(0 if limit_memory(memory_limit) else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
