"""Run conjectures from files and report what came out.

Each file is imported, and each conjecture run, in a process of its own (`relugeom.claims.worker`), under its time limit
and a memory limit; a file that cannot be imported, a conjecture that raises, returns something else, runs too long
or wants too much memory becomes an error row, and the others go on.

Nothing such a process says is believed: a reply is read under one schema, certificates come as the text that would be
written to disk and are checked again here, and a verdict without what it rests on is an error.
"""

from __future__ import annotations

import difflib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from relugeom.claims.collect import default_paths, find_files, imports_of
from relugeom.claims.conjectures import Declaration
from relugeom.claims.formal import find_formal
from relugeom.claims.interpreters import InterpreterSlot
from relugeom.claims.process import Answer, Slot
from relugeom.claims.results import Report, Result, own_fields
from relugeom.claims.schema import ITEM_LIMIT, Fields, ReplyError, parse
from relugeom.claims.verdicts import CertificateRecord, Judgement, Verdict
from relugeom.errors import ArgumentError, CertificateError
from relugeom.exact import Invalid, check, loads

__all__ = ["MEMORY_LIMIT", "list_conjectures", "verify"]

K = TypeVar("K")
AnySlot = Slot | InterpreterSlot

# Importing a file of conjectures gets this long, SymPy and all.
COLLECT_LIMIT = 60.0
# What a conjecture's process may take, in bytes of address space, so that none takes the machine down.
MEMORY_LIMIT = 4 * 2**30
# An answer without its certificates, in bytes.
HEAD_LIMIT = 8_000_000
# Checking the certificates of one conjecture again gets this long; each check is bounded by itself.
CHECK_LIMIT = 300.0


def _short_path(path: Path) -> str:
    """The path relative to the working directory where it lies inside it, else the last two parts."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(Path(*path.parts[-2:]))


# Reading replies.


class Refusal(Exception):
    """What a process said of itself in place of an answer: one line, and the traceback."""


def _lines(reply: bytes) -> tuple[Any, list[bytes]]:
    """The answer and the lines of its certificates.

    Raises
    ------
    ReplyError
        It is none.
    Refusal
        It is an error that the process reports.
    """
    head, *rest = reply.split(b"\n", ITEM_LIMIT + 2)
    if not rest or rest.pop() != b"":
        raise ReplyError("the last line has no end, or there are too many")
    if len(head) > HEAD_LIMIT:
        raise ReplyError(f"the first line takes more than {HEAD_LIMIT} bytes")
    value = parse(head)
    if isinstance(value, dict) and "error" in value:
        told = Fields(value, "an error")
        error, where = told.text("error"), told.text("traceback")
        told.end()
        if not error:
            raise ReplyError("error must not be empty")
        raise Refusal(error, where)
    return value, rest


def read_collection(reply: bytes) -> tuple[str, tuple[Declaration, ...]]:
    """The heading of a file and what it declares, from the reply of the process that imported it.

    Raises
    ------
    ReplyError
        The reply is no answer.
    """
    value, rest = _lines(reply)
    if rest:
        raise ReplyError("a collection has no certificates")
    told = Fields(value, "a collection")
    heading, declared = told.text("heading"), told.items("conjectures", Declaration.from_json)
    told.end()
    return heading, declared


def read_judgement(reply: bytes) -> Judgement:
    """A judgement, from the reply of the process that ran a conjecture, its certificates checked again.

    Raises
    ------
    ReplyError
        The reply is no answer, or its verdict does not rest on what it must rest on.
    """
    value, rest = _lines(reply)
    judgement = Judgement.from_json(value)
    if judgement.lacks:
        raise ReplyError(f"the verdict is {value['verdict']} {judgement.lacks}")
    if len(rest) != len(judgement.certificates):
        raise ReplyError(f"{len(judgement.certificates)} certificates are told of, and {len(rest)} there")
    if judgement.verdict is Verdict.UNDECIDED:
        return replace(judgement, certificates=())
    start = time.monotonic()
    checked = []
    for line in rest:
        checked.append(_check_certificate(parse(line)))
        if time.monotonic() - start > CHECK_LIMIT:
            raise ReplyError(f"to check its certificates again takes longer than {CHECK_LIMIT:g} s")
    return replace(judgement, certificates=tuple(checked))


def _check_certificate(text: Any) -> CertificateRecord:
    """A certificate, read and checked in this process."""
    if not isinstance(text, str):
        raise ReplyError(f"a certificate must be a text; got {type(text).__name__}")
    try:
        certificate = loads(text)
    except CertificateError as error:
        raise ReplyError(f"a certificate does not survive being written: {error}") from None
    result = check(certificate)
    if isinstance(result, Invalid):
        raise ReplyError(f"an invalid certificate: {result.reason:.200}")
    return CertificateRecord(certificate.kind, result.statement, text)


def _refusal(row: Result, answer: Answer, problem: Exception, what: str) -> Result:
    """The row with the error, where a reply was read in vain."""
    if isinstance(problem, Refusal):
        error, where = problem.args
        return replace(row, error=error, traceback=where, seconds=answer.seconds, output=answer.output)
    error = f"{what}: the process answered with something that is no answer: {problem!s:.300}"
    return replace(row, error=error, seconds=answer.seconds, output=answer.output)


def _finish(row: Result, answer: Answer) -> Result:
    """The result of a conjecture, from what its process answered."""
    if answer.fault:
        return replace(row, error=answer.fault, seconds=answer.seconds, output=answer.output)
    try:
        judgement = read_judgement(answer.reply)
    except (ReplyError, Refusal) as problem:
        return _refusal(row, answer, problem, "the conjecture")
    told = own_fields(judgement, Judgement)
    return replace(row, **told, seconds=answer.seconds, output=answer.output)


# What there is to run.


@dataclass(frozen=True, slots=True)
class _Task:
    path: str
    row: Result
    limit: float


def _tasks(file: Path, answer: Answer, time_limit: float | None, full: bool) -> Iterator[_Task | Result]:
    """What a file declares: tasks to run, and error rows for what cannot be run."""
    shown = _short_path(file)
    whole = Result(id=file.stem, file=shown, seconds=answer.seconds, output=answer.output)
    if answer.fault:
        yield replace(whole, error=answer.fault)
        return
    try:
        heading, declared = read_collection(answer.reply)
    except (ReplyError, Refusal) as problem:
        yield _refusal(whole, answer, problem, f"importing {file.name}")
        return
    if not declared:
        yield replace(whole, error="the file declares no conjecture")
    for declaration in declared:
        row = Result(
            **own_fields(declaration, Declaration), file=shown, heading=heading, sampled=declaration.slow and not full
        )
        if row.fault:
            yield replace(row, error=f"{shown}:{row.line}: {row.fault}")
            continue
        if row.formal:
            names = [proof.file for proof in row.formal]
            folder = find_formal(names, file)
            if folder is None:
                where = f"beside {shown} nor in its folder formal"
                yield replace(row, error=f"{shown}:{row.line}: {' and '.join(sorted(set(names)))} lies neither {where}")
                continue
            row = replace(row, formal_folder=folder)
        # A full run of a slow conjecture may take as long as it needs, unless a limit was asked for.
        yield _Task(str(file), row, time_limit or (row.time_limit * (60 if row.slow and full else 1)))


def _row(item: _Task | Result) -> Result:
    return item.row if isinstance(item, _Task) else item


def _choose(items: list[_Task | Result], select: Sequence[str], ids: Sequence[str]) -> list[_Task | Result]:
    """The items named by `ids`, or those that contain a text of `select`; a clear error where nothing is left."""
    known = {_row(item).id for item in items}
    for name in ids:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
            if close:
                hint = f"; did you mean {' or '.join(close)}?"
            else:
                hint = "; relugeom verify prints the ids, and relugeom verify -k TEXT those that contain a text"
            broken = [item for item in items if isinstance(item, Result) and not item.statement]
            failed = "".join(f"; {row.file} was not read: {row.error}" for row in broken)
            raise ArgumentError(f"no conjecture has the id {name}{hint}{failed}")
    if ids:
        wanted = set(ids)
        return [item for item in items if _row(item).id in wanted]
    rows = [_row(item) for item in items]
    words = [f"{row.id} {Path(row.file).stem} {row.statement}".lower() for row in rows]
    chosen = [
        item
        for item, text in zip(items, words, strict=True)
        if not select or any(wanted.lower() in text for wanted in select)
    ]
    if not chosen:
        raise ArgumentError(f"no conjecture matches {' or '.join(map(repr, select))}")
    return chosen


def _refuse_duplicates(items: Iterable[_Task | Result]) -> Iterator[_Task | Result]:
    seen: dict[str, str] = {}
    for item in items:
        if isinstance(item, _Task):
            name, file = item.row.id, item.row.file
            if name in seen:
                yield replace(item.row, error=f"the id {name} is already taken in {seen[name]}")
                continue
            seen[name] = file
        yield item


# Running it.


@contextmanager
def _slots(count: int, memory_limit: int | None, modules: Sequence[str]) -> Iterator[list[AnySlot]]:
    kind = Slot if hasattr(os, "fork") else InterpreterSlot
    slots: list[AnySlot] = [kind(memory_limit, modules) for _ in range(count)]
    try:
        yield slots
    finally:
        for slot in slots:
            slot.close()


def _spread(
    slots: list[AnySlot], requests: Sequence[tuple[K, dict[str, Any], float, str]]
) -> Iterator[tuple[K, Answer]]:
    """Hand the requests to the slots in order; yield (key, answer) as they come."""
    waiting: queue.SimpleQueue[tuple[K, dict[str, Any], float, str]] = queue.SimpleQueue()
    for request in requests:
        waiting.put(request)
    done: queue.SimpleQueue[tuple[K, Answer | BaseException]] = queue.SimpleQueue()

    def serve(slot: AnySlot) -> None:
        while True:
            try:
                key, request, limit, what = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put((key, slot.ask(request, limit, what)))
            except BaseException as error:  # a mistake of ours: raised where somebody sees it
                done.put((key, error))

    for slot in slots:
        threading.Thread(target=serve, args=(slot,), daemon=True).start()
    for _ in requests:
        key, answer = done.get()
        if isinstance(answer, BaseException):
            raise answer
        yield key, answer


def _collect(
    slots: list[AnySlot],
    files: Sequence[Path],
    select: Sequence[str],
    ids: Sequence[str],
    time_limit: float | None = None,
    full: bool = False,
) -> list[_Task | Result]:
    """The chosen conjectures of the files, in order; a row with its error where a file cannot be read."""
    requests = [(str(f), {"do": "collect", "path": str(f)}, COLLECT_LIMIT, f"importing {f.name}") for f in files]
    answers = dict(_spread(slots, requests))
    items = [item for file in files for item in _tasks(file, answers[str(file)], time_limit, full)]
    return list(_refuse_duplicates(_choose(items, select, ids)))


def list_conjectures(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    *,
    select: str | Sequence[str] = (),
    jobs: int | None = None,
    memory_limit: int | None = MEMORY_LIMIT,
) -> list[Result]:
    """The conjectures that `verify` would run, as rows without a verdict; a file that cannot be read has its error."""
    wanted = [select] if isinstance(select, str) else list(select)
    files = find_files(default_paths() if paths is None else paths)
    with _slots(jobs or min(os.cpu_count() or 1, 8), memory_limit, imports_of(files)) as slots:
        return [_row(item) for item in _collect(slots, files, wanted, ())]


def verify(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
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
        A file or folder, or several; the conjectures that come with relugeom by default.
    select
        Run only conjectures whose id, file name or statement contains this text (or one of these texts).
    ids
        Run exactly the conjectures with these ids.
    full
        Run slow conjectures whole instead of a sample.
    jobs
        Conjectures at a time; by default one a processor, at most 8. Results do not depend on it.
    time_limit
        Seconds for each conjecture, in place of its own limit.
    memory_limit
        Bytes of address space for each conjecture; None for no limit. Where the system sets none, the report says so.
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

    See Also
    --------
    relugeom.claims.conjectures.conjecture
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
    with _slots(count, memory_limit, imports_of(files)) as slots:
        items = _collect(slots, files, wanted, ids, time_limit, full)
        if on_start:
            on_start(len(items))
        results: dict[int, Result] = {i: item for i, item in enumerate(items) if isinstance(item, Result)}
        runs = [
            (i, {"do": "run", "path": t.path, "id": t.row.id, "full": full}, t.limit, "the conjecture")
            for i, t in enumerate(items)
            if isinstance(t, _Task)
        ]
        told = 0
        answers_by_index = _spread(slots, runs)
        while True:
            while told in results:
                if on_result:
                    on_result(results[told])
                told += 1
            answered = next(answers_by_index, None)
            if answered is None:
                break
            index, answer = answered
            results[index] = _finish(_row(items[index]), answer)
        limited = all(slot.limited for slot in slots)
    notes = () if limited else ("this system sets no limit on memory: the conjectures ran without one",)
    return Report(tuple(results[i] for i in range(len(items))), time.perf_counter() - start, notes)
