"""Run conjectures from files and report what came out.

Each conjecture runs in a worker process under its time limit and a memory limit; a file that cannot be imported, a
conjecture that raises, returns something else, runs too long or wants too much memory becomes an error row, and the
others go on. Certificates come back
as the JSON text that would be written to disk and are checked again here, by the trusted room alone.
"""

from __future__ import annotations

import difflib
import json
import os
import queue
import select as _select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from relugeom.claims.formal import FORMAL_PROOFS, FormalProof
from relugeom.claims.verdicts import Verdict
from relugeom.errors import ArgumentError, CertificateError
from relugeom.exact import Invalid, check, loads
from relugeom.writing import make_folder, write_atomically

__all__ = ["CertificateText", "Report", "Result", "default_paths", "find_files", "verify", "write_certificates"]

K = TypeVar("K")

# Importing a file of conjectures gets this long, SymPy and all.
COLLECT_LIMIT = 60.0
# What a worker process may take, in bytes of address space, so that no conjecture takes the machine down.
MEMORY_LIMIT = 4 * 2**30


@dataclass(frozen=True, slots=True)
class CertificateText:
    """A certificate as it is written to a file, with the statement that the trusted room confirmed."""

    kind: str
    statement: str
    text: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one conjecture. `verdict` is None when it raised, returned something else or ran too long."""

    id: str
    file: str
    heading: str = ""
    statement: str = ""
    source: str = ""
    argument: str = ""
    expected: Verdict | None = None
    verdict: Verdict | None = None
    evidence: str = ""
    error: str = ""
    traceback: str = ""
    seconds: float = 0.0
    sampled: bool = False
    steps: tuple[tuple[str, str, str], ...] = ()
    sibling: str = ""
    sibling_fault: str = ""
    certificates: tuple[CertificateText, ...] = ()
    by_hand: str = ""
    note: str = ""
    trials: int = 0
    successes: int = 0
    interval: tuple[float, float] | None = None
    formal: tuple[FormalProof, ...] = ()

    @property
    def as_expected(self) -> bool:
        """Whether the verdict is the one declared as expected."""
        return self.verdict is not None and self.verdict is self.expected

    def to_json(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return {
            "id": self.id,
            "statement": self.statement,
            "source": self.source,
            "file": self.file,
            "verdict": self.verdict.value if self.verdict is not None else "ERROR",
            "expected": self.expected.value if self.expected is not None else None,
            "as_expected": self.as_expected,
            "evidence": self.evidence,
            "error": self.error or None,
            "seconds": round(self.seconds, 3),
            "sampled": self.sampled,
            "argument": self.argument,
            "steps": [{"claim": c, "method": m, "holds": not f, "fault": f or None} for c, m, f in self.steps],
            "sibling": {"statement": self.sibling, "fails_at": self.sibling_fault} if self.sibling else None,
            "certificates": [{"kind": c.kind, "statement": c.statement} for c in self.certificates],
            "formal": [{"file": p.file, "theorem": p.theorem, "statement": p.statement} for p in self.formal],
            "by_hand": self.by_hand or None,
            "trials": self.trials,
            "successes": self.successes,
            "interval": list(self.interval) if self.interval else None,
            "note": self.note or None,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The results of one run, in the order of the files."""

    results: tuple[Result, ...]
    seconds: float

    @property
    def as_expected(self) -> bool:
        """Whether every verdict was the expected one and nothing failed."""
        return all(result.as_expected for result in self.results)

    def counts(self) -> dict[str, int]:
        """How many results have each verdict, errors last."""
        counts = {verdict.value: 0 for verdict in Verdict} | {"ERROR": 0}
        for result in self.results:
            counts[result.verdict.value if result.verdict is not None else "ERROR"] += 1
        return counts

    def summary(self) -> str:
        """One line: how many conjectures, how long, how many of each verdict, and whether all came out as expected."""
        number = len(self.results)
        counted = ", ".join(f"{count} {name.lower()}" for name, count in self.counts().items() if count)
        surprises = sum(not result.as_expected for result in self.results)
        close = "all as expected" if surprises == 0 else f"{surprises} NOT as expected"
        return f"{number} conjecture{'s' * (number != 1)} in {self.seconds:.1f} s: {counted or 'none'}; {close}"

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON values."""
        return {
            "conjectures": [result.to_json() for result in self.results],
            "counts": self.counts(),
            "as_expected": self.as_expected,
            "seconds": round(self.seconds, 3),
        }


def default_paths() -> list[Path]:
    """The conjectures that come with relugeom: the installed package `relugeom.proofs`, or `proofs/` of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed, checkout = package / "proofs", package.parent / "proofs"
    return [installed if installed.is_dir() else checkout]


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The Python files named, and those inside the folders named (not the ones that start with an underscore).

    Raises
    ------
    ArgumentError
        A path does not exist, is not a Python file, or there is nothing to run in it.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*.py") if not p.name.startswith("_") and p.is_file())
            if not inside:
                raise ArgumentError(f"{path} holds no Python files")
            files += inside
        elif path.is_file():
            if path.suffix != ".py":
                raise ArgumentError(f"{path} is not a Python file")
            files.append(path)
        else:
            raise ArgumentError(f"{path} does not exist")
    return list(dict.fromkeys(files))


class _WorkerDied(Exception):
    """The worker process ended before it answered."""


class _Worker:
    """A worker process; started on first use, replaced after it was stopped, until the worker is closed."""

    def __init__(self, memory_limit: int | None) -> None:
        self._memory_limit = memory_limit
        self._process: subprocess.Popen[bytes] | None = None
        self._closed = False

    def ask(self, request: dict[str, Any], limit: float) -> dict[str, Any]:
        """Send a request and wait for the reply.

        Raises
        ------
        TimeoutError
            No reply within `limit` seconds; the process is stopped.
        _WorkerDied
            The process ended without a reply, or replied with something else than an answer.
        """
        process = self._process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            line = self._line(process, time.monotonic() + limit)
        except TimeoutError:
            self.stop()
            raise
        except (OSError, ValueError):  # the process has gone, or its streams were closed under us
            line = b""
        if not line:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            code = process.returncode
            self.stop()
            if code is None:
                raise _WorkerDied("the process closed its output")
            ending = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
            raise _WorkerDied(f"the process {ending}")
        try:
            reply = json.loads(line)
        except ValueError:
            reply = None
        if not isinstance(reply, dict):
            self.stop()
            raise _WorkerDied("the process answered with something that is no answer")
        return reply

    @staticmethod
    def _line(process: subprocess.Popen[bytes], deadline: float) -> bytes:
        """One line of output; an empty one when the output ended."""
        assert process.stdout is not None
        chunks: list[bytes] = []
        while not (chunks and chunks[-1].endswith(b"\n")):
            rest = deadline - time.monotonic()
            if rest <= 0:
                raise TimeoutError
            # Half a second at a time: a process it left behind may keep the output of a dead one open.
            ready, _, _ = _select.select([process.stdout], [], [], min(rest, 0.5))
            if not ready and process.poll() is not None:
                return b""
            if ready:
                chunk = os.read(process.stdout.fileno(), 1 << 20)
                if not chunk:
                    return b""
                chunks.append(chunk)
        return b"".join(chunks)

    def _start(self) -> subprocess.Popen[bytes]:
        if self._closed:
            raise _WorkerDied("the run was stopped")
        # The same search path as here, so that a checkout, an installation and a test see the same relugeom.
        program = (
            f"import sys; sys.path[:] = {sys.path!r}; "
            f"from relugeom.claims.worker import main; main({self._memory_limit})"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        return self._process

    def stop(self) -> None:
        if self._process is not None:
            # It leads a session of its own: whatever a conjecture started goes with it.
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()
            self._process = None

    def close(self) -> None:
        self._closed = True
        self.stop()


@contextmanager
def _workers(count: int, memory_limit: int | None) -> Iterator[list[_Worker]]:
    workers = [_Worker(memory_limit) for _ in range(count)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.close()


def _ask(worker: _Worker, request: dict[str, Any], limit: float, what: str) -> dict[str, Any]:
    """The reply, or {"error": one line} when there was none; with the seconds it took."""
    start = time.perf_counter()
    try:
        reply = worker.ask(request, limit)
    except TimeoutError:
        reply = {"error": f"{what} took longer than its time limit of {limit:g} s"}
    except _WorkerDied as error:
        reply = {"error": f"{what}: {error}"}
    except OSError as error:  # no process could be started: the others still want their turn
        worker.stop()
        reply = {"error": f"{what}: no process could be started ({error!s:.200})"}
    return {"seconds": time.perf_counter() - start, **reply}


def _shown(path: Path) -> str:
    """The path relative to the working directory where it lies inside it, else the last two parts."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(Path(*path.parts[-2:]))


def _checked(text: str) -> CertificateText:
    """A certificate that came back from a worker, read and checked again in this process."""
    certificate = loads(text)
    result = check(certificate)
    if isinstance(result, Invalid):
        raise CertificateError(result.reason)
    return CertificateText(certificate.kind, result.statement, text)


def _lacking(verdict: Verdict, reply: dict[str, Any]) -> str | None:
    """What a verdict rests on and the reply does not have, whatever the worker says; None when all is there."""
    steps, certificates = reply["steps"], reply["certificates"]
    if verdict in (Verdict.PROVED, Verdict.CERTIFIED, Verdict.REFUTED) and any(s["fault"] for s in steps):
        return "with a step that does not hold"
    if steps and verdict in (Verdict.PROVED, Verdict.REFUTED) and not reply["sibling_fault"]:
        return "without a false sibling that fails"
    if verdict is Verdict.PROVED and not steps:
        return "without steps"
    if verdict is Verdict.CERTIFIED and not certificates:
        return "without certificates"
    if verdict is Verdict.REFUTED and not (reply["by_hand"] and (steps or certificates)):
        return "without what it rests on"
    if verdict is Verdict.MEASURED and not reply["trials"]:
        return "without trials"
    return None


def _finish(pending: Result, reply: dict[str, Any]) -> Result:
    """The result, from what the worker replied."""
    if "error" in reply:
        return replace(pending, error=reply["error"], traceback=reply.get("traceback", ""), seconds=reply["seconds"])
    verdict = Verdict(reply["verdict"])
    if (lacking := _lacking(verdict, reply)) is not None:
        return replace(pending, error=f"the worker reports {verdict.value} {lacking}", seconds=reply["seconds"])
    certificates: tuple[CertificateText, ...] = ()
    if verdict is not Verdict.UNDECIDED:
        try:
            certificates = tuple(map(_checked, reply["certificates"]))
        except CertificateError as error:
            return replace(pending, error=f"a certificate does not survive being written: {error}")
    return replace(
        pending,
        verdict=verdict,
        evidence=reply["evidence"],
        seconds=reply["seconds"],
        steps=tuple((s["claim"], s["method"], s["fault"]) for s in reply["steps"]),
        sibling=reply["sibling"],
        sibling_fault=reply["sibling_fault"],
        certificates=certificates,
        by_hand=reply["by_hand"],
        note=reply["note"],
        trials=reply["trials"],
        successes=reply["successes"],
        interval=tuple(reply["interval"]) if reply["interval"] else None,
    )


@dataclass(frozen=True, slots=True)
class _Task:
    path: str
    pending: Result
    limit: float


def _tasks(file: Path, reply: dict[str, Any], time_limit: float | None, full: bool) -> Iterator[_Task | Result]:
    """What a file declares: tasks to run, or one error row when it cannot be imported."""
    shown = _shown(file)
    # The formal proofs are about the post's conjectures, not about others that happen to have the same id.
    ours = file.resolve().parent in [path.resolve() for path in default_paths()]
    if "error" in reply:
        yield Result(file.stem, shown, error=reply["error"], traceback=reply.get("traceback", ""))
    elif not reply["conjectures"]:
        yield Result(file.stem, shown, error="the file declares no conjecture")
    else:
        for c in reply["conjectures"]:
            pending = Result(
                id=c["id"],
                file=shown,
                heading=reply["heading"],
                statement=c["statement"],
                source=c["source"],
                argument=c["argument"],
                expected=Verdict(c["expected"]),
                sampled=c["slow"] and not full,
                formal=FORMAL_PROOFS.get(c["id"], ()) if ours else (),
            )
            # A full run of a slow conjecture may take as long as it needs, unless a limit was asked for.
            limit = time_limit or (c["time_limit"] * (60 if c["slow"] and full else 1))
            yield _Task(str(file), pending, limit)


def _row(item: _Task | Result) -> Result:
    return item.pending if isinstance(item, _Task) else item


def _choose(items: list[_Task | Result], select: Sequence[str], ids: Sequence[str]) -> list[_Task | Result]:
    """The items named by `ids`, or those that contain a text of `select`; a clear error where nothing is left."""
    known = [_row(item).id for item in items]
    for name in ids:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            raise ArgumentError(f"no conjecture has the id {name}{hint}")
    if ids:
        return [item for item in items if _row(item).id in ids]
    words = [f"{_row(item).id} {Path(_row(item).file).stem}".lower() for item in items]
    chosen = [
        item
        for item, text in zip(items, words, strict=True)
        if not select or any(wanted.lower() in text for wanted in select)
    ]
    if not chosen:
        raise ArgumentError(f"no conjecture matches {' or '.join(map(repr, select))}")
    return chosen


def verify(
    paths: Iterable[str | os.PathLike[str]] | None = None,
    *,
    select: str | Sequence[str] = (),
    ids: Sequence[str] = (),
    full: bool = False,
    jobs: int | None = None,
    time_limit: float | None = None,
    memory_limit: int | None = MEMORY_LIMIT,
    on_start: Callable[[int], None] | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> Report:
    """Collect conjectures, run them and derive their verdicts.

    Parameters
    ----------
    paths
        Files and folders; the conjectures that come with relugeom by default.
    select
        Run only conjectures whose id or file name contains this text (or one of these texts).
    ids
        Run exactly the conjectures with these ids.
    full
        Run slow conjectures whole instead of a sample.
    jobs
        Worker processes; by default one a processor, at most 8. Results do not depend on it.
    time_limit
        Seconds for each conjecture, in place of its own limit.
    memory_limit
        Bytes of address space for each worker process; None for no limit.
    on_start, on_result
        Called with the number of conjectures before the first starts, and with each result in the order of the files.

    Returns
    -------
    Report

    Raises
    ------
    ArgumentError
        A path does not exist, `jobs`, `time_limit` or `memory_limit` is not positive, an id is unknown, or nothing
        matches `select`.
    """
    if jobs is not None and jobs < 1:
        raise ArgumentError(f"jobs must be at least 1; got {jobs}")
    if time_limit is not None and not time_limit > 0:
        raise ArgumentError(f"time_limit must be positive; got {time_limit}")
    if memory_limit is not None and memory_limit < 1:
        raise ArgumentError(f"memory_limit must be positive; got {memory_limit}")
    wanted = [select] if isinstance(select, str) else list(select)
    files = find_files(default_paths() if paths is None else paths)
    count = jobs or min(os.cpu_count() or 1, 8)
    start = time.perf_counter()
    with _workers(count, memory_limit) as workers:
        requests = [(str(f), {"do": "collect", "path": str(f)}, COLLECT_LIMIT, f"importing {f.name}") for f in files]
        replies = dict(_spread(workers, requests))
        items = [item for file in files for item in _tasks(file, replies[str(file)], time_limit, full)]
        items = list(_refuse_duplicates(_choose(items, wanted, ids)))
        if on_start:
            on_start(len(items))
        results: dict[int, Result] = {i: item for i, item in enumerate(items) if isinstance(item, Result)}
        runs = [
            (i, {"do": "run", "path": t.path, "id": t.pending.id, "full": full}, t.limit, "the conjecture")
            for i, t in enumerate(items)
            if isinstance(t, _Task)
        ]
        told = 0
        replies_by_index = _spread(workers, runs)
        while True:
            while told in results:
                if on_result:
                    on_result(results[told])
                told += 1
            answer = next(replies_by_index, None)
            if answer is None:
                break
            index, reply = answer
            item = items[index]
            assert isinstance(item, _Task)
            results[index] = _finish(item.pending, reply)
    return Report(tuple(results[i] for i in range(len(items))), time.perf_counter() - start)


def _refuse_duplicates(items: Iterable[_Task | Result]) -> Iterator[_Task | Result]:
    seen: dict[str, str] = {}
    for item in items:
        if isinstance(item, _Task):
            name, file = item.pending.id, item.pending.file
            if name in seen:
                yield replace(item.pending, error=f"the id {name} is already taken in {seen[name]}")
                continue
            seen[name] = file
        yield item


def _spread(
    workers: list[_Worker], requests: Sequence[tuple[K, dict[str, Any], float, str]]
) -> Iterator[tuple[K, dict[str, Any]]]:
    """Hand the requests to the workers in order; yield (key, reply) as they come."""
    waiting: queue.SimpleQueue[tuple[K, dict[str, Any], float, str]] = queue.SimpleQueue()
    for request in requests:
        waiting.put(request)
    done: queue.SimpleQueue[tuple[K, dict[str, Any]]] = queue.SimpleQueue()

    def serve(worker: _Worker) -> None:
        while True:
            try:
                key, request, limit, what = waiting.get_nowait()
            except queue.Empty:
                return
            done.put((key, _ask(worker, request, limit, what)))

    for worker in workers:
        threading.Thread(target=serve, args=(worker,), daemon=True).start()
    for _ in requests:
        yield done.get()


def write_certificates(report: Report, directory: str | os.PathLike[str]) -> list[Path]:
    """Write every certificate of a report as `ID.json` (or `ID-1.json`, ...), each whole or not at all.

    Raises
    ------
    StorageError
        The directory cannot be made or written to.
    """
    folder = Path(directory)
    make_folder(folder)
    written: list[Path] = []
    for result in report.results:
        several = len(result.certificates) > 1
        for number, certificate in enumerate(result.certificates, start=1):
            target = folder / (f"{result.id}-{number}.json" if several else f"{result.id}.json")
            write_atomically(target, certificate.text.encode())
            written.append(target)
    return written
