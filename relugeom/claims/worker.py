"""The process in which conjectures are imported and run, one at a time, on request.

A conjecture may loop for ever, eat all memory, fork, crash the interpreter or call `sys.exit`; in a process of its own,
of bounded memory, it takes nothing else with it. Requests and replies are one JSON object a line on the standard
streams; whatever a conjecture prints goes to stderr. The process ends as soon as its input closes, so it does not
outlive the one that started it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import queue
import resource
import sys
import threading
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from relugeom.claims.conjectures import Conjecture
from relugeom.claims.verdicts import Judgement
from relugeom.errors import ConjectureError
from relugeom.exact import dumps

__all__ = ["collect", "main"]

# More than this, in characters of JSON, is no evidence that anyone would read.
REPLY_LIMIT = 64_000_000

_modules: dict[str, ModuleType] = {}


def _module(path: str) -> ModuleType:
    """Import a file by its path, with its folder on `sys.path` so that it can import its neighbours."""
    if path not in _modules:
        file = Path(path)
        name = f"relugeom_conjectures_{len(_modules)}_{file.stem}"
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise ConjectureError(f"{file.name} is not a Python file")
        folder = str(file.resolve().parent)
        if folder not in sys.path:
            sys.path.append(folder)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        _modules[path] = module
    return _modules[path]


def collect(path: str) -> list[Conjecture]:
    """The conjectures declared in a file, in the order of the file."""
    module = _module(path)
    found = {
        id(value): value
        for value in vars(module).values()
        if isinstance(value, Conjecture) and value.function.__module__ == module.__name__
    }
    return sorted(found.values(), key=lambda c: c.function.__code__.co_firstlineno)


def _describe(conjecture: Conjecture) -> dict[str, Any]:
    return {
        "id": conjecture.id,
        "statement": conjecture.statement,
        "source": conjecture.source,
        "expected": conjecture.expected.value,
        "slow": conjecture.slow,
        "time_limit": conjecture.time_limit,
        "argument": conjecture.argument,
    }


def _judgement(judgement: Judgement) -> dict[str, Any]:
    return {
        "verdict": judgement.verdict.value,
        "evidence": judgement.evidence,
        "steps": [{"claim": s.claim, "method": s.method, "fault": s.fault} for s in judgement.steps],
        "certificates": [dumps(c.certificate) for c in judgement.certificates],
        "sibling": judgement.sibling,
        "sibling_fault": judgement.sibling_fault,
        "by_hand": judgement.by_hand,
        "note": judgement.note,
        "trials": judgement.trials,
        "successes": judgement.successes,
        "interval": judgement.interval,
    }


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    conjectures = collect(request["path"])
    if request["do"] == "collect":
        heading = (sys.modules[_module(request["path"]).__name__].__doc__ or "").strip().partition("\n")[0]
        return {"heading": heading, "conjectures": [_describe(c) for c in conjectures]}
    chosen = next((c for c in conjectures if c.id == request["id"]), None)
    if chosen is None:
        raise ConjectureError(f"{request['id']} is no longer declared")
    start = time.perf_counter()
    judgement = chosen.run(full=request["full"])
    return {"seconds": time.perf_counter() - start, **_judgement(judgement)}


def _fault(error: BaseException) -> str:
    """One line: the error, and where in the conjecture's own file it was raised."""
    message = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {message}"[:300]


def _reply(request: dict[str, Any]) -> str:
    """The answer as JSON text, or what went wrong."""
    try:
        text = json.dumps(_answer(request))
        if len(text) > REPLY_LIMIT:
            raise ConjectureError(f"the evidence takes {len(text)} characters; at most {REPLY_LIMIT} are reported")
        return text
    except MemoryError:  # telling more would need memory
        return json.dumps({"error": "MemoryError: the memory limit was reached"})
    except BaseException as error:  # a conjecture may raise anything, SystemExit included
        return json.dumps({"error": _fault(error), "traceback": traceback.format_exc()})


def main(memory_limit: int | None = None) -> None:
    """Answer requests until the input closes, with at most `memory_limit` bytes of address space."""
    if memory_limit is not None:
        _, ceiling = resource.getrlimit(resource.RLIMIT_AS)
        if ceiling == resource.RLIM_INFINITY or memory_limit < ceiling:
            resource.setrlimit(resource.RLIMIT_AS, (min(memory_limit, sys.maxsize), ceiling))
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    process = os.getpid()
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()

    def listen() -> None:
        for line in sys.stdin:
            requests.put(line)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        text = _reply(json.loads(requests.get()))
        if os.getpid() != process:
            # The conjecture forked, and this is the child: two answers to one question would be one too many.
            os._exit(0)
        replies.write(text + "\n")
        replies.flush()
