"""Formal proofs of conjectures: where they lie, and having Rocq check them.

A conjecture declares them (`@conjecture(..., formal=FormalProof(...))`), in ``.v`` files beside its own or in a folder
`formal` there. Those of the post are in ``proofs/formal``; its README states every theorem in words. A proof counts
as *checked* when, in this order,

1. no source that it rests on leaves a gap (``Admitted``) or adds an assumption (``Axiom``, ``Parameter``, ...),
2. ``coqc`` compiles those sources, in a fresh folder, dependencies first,
3. ``Print Assumptions`` was asked of every declared theorem and each time said "Closed under the global context".

Nothing here is needed for the symbolic proofs, and nothing is claimed where ``coqc`` isn't installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from relugeom.errors import ArgumentError, StorageError

__all__ = [
    "FormalResult",
    "check_formal",
    "coqc_version",
    "find_formal",
    "formal_sources",
]


@dataclass(frozen=True, slots=True)
class FormalResult:
    """What came of checking one file.

    Attributes
    ----------
    status : {"checked", "failed", "not-installed"}
    version : str or None
        Rocq's version; None where there is no ``coqc``.
    seconds : float
        Time spent compiling the file and what it imports.
    assumptions_closed : bool
        Whether ``Print Assumptions`` said so for every theorem that it was asked of, all declared ones among them.
    message : str
        The cause, and the remedy where there is one.
    """

    status: Literal["checked", "failed", "not-installed"]
    version: str | None
    seconds: float
    assumptions_closed: bool
    message: str


_FLAGS = ("-w", "-notation-overridden,-ambiguous-paths", "-Q", ".", "relugeom")
_CLOSED = "Closed under the global context"
_COMMENT = re.compile(r"\(\*.*?\*\)", re.DOTALL)
_IMPORT = re.compile(r"^From relugeom Require (?:Import|Export) ([\w\s]+)\.", re.MULTILINE)
_ASKED = re.compile(r"^Print Assumptions (\w+)\.", re.MULTILINE)
# Ways to leave a gap, to assume something, or to switch a check of the kernel off.
_GAP = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|Primitive|bypass_check)\b"
    r"|\bUnset\s+(?:Guard|Positivity|Universe)\s+Checking\b"
)


def formal_sources() -> Traversable:
    """Return the folder of the ``.v`` files: package data when installed, ``proofs/formal`` in a checkout.

    Raises
    ------
    StorageError
        If neither place has them.
    """
    places: list[Traversable] = [Path(__file__).resolve().parents[2] / "proofs" / "formal"]
    # Missing when a checkout is merely on the path: there the package is the folder proofs, under another name.
    with suppress(ModuleNotFoundError):
        places.insert(0, resources.files("relugeom.proofs") / "formal")
    for place in places:
        if (place / "two_m_bound.v").is_file():
            return place
    raise StorageError(f"the formal proofs are missing; looked in {', '.join(str(place) for place in places)}")


def find_formal(files: Iterable[str], beside: Path) -> Path | None:
    """The folder that holds a conjecture's formal proofs: `formal` beside its own file, or that file's folder.

    None where neither has all of them.
    """
    wanted = list(files)
    for folder in (beside.parent / "formal", beside.parent):
        if all((folder / name).is_file() for name in wanted):
            return folder
    return None


def coqc_version() -> str | None:
    """Return the version of ``coqc``, such as ``"8.16.1"``, or None where it isn't installed."""
    if shutil.which("coqc") is None:
        return None
    said = subprocess.run(["coqc", "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"version (\S+)", said)
    return found.group(1) if found else None


def check_formal(
    file: str,
    timeout: float = 300.0,
    *,
    theorems: Iterable[str] = (),
    sources: Traversable | None = None,
) -> FormalResult:
    """Have Rocq check one file and what it imports from its folder.

    Parameters
    ----------
    file : str
        A name such as ``"two_m_bound.v"``.
    timeout : float
        Seconds for all compilations together.
    theorems : iterable of str
        What the file is said to prove: ``Print Assumptions`` must be asked of each.
    sources : Traversable, optional
        The folder to read; default `formal_sources`.

    Returns
    -------
    FormalResult
        A proof that doesn't check, and a machine without Rocq, are results, not errors.

    Raises
    ------
    ArgumentError
        If there is no such file or `timeout` is not positive.
    """
    if not timeout > 0:
        raise ArgumentError(f"timeout must be a positive number of seconds; got {timeout}")
    folder = formal_sources() if sources is None else sources
    code = {entry.name: entry.read_text(encoding="utf-8") for entry in folder.iterdir() if entry.name.endswith(".v")}
    if file not in code:
        raise ArgumentError(f"file must be one of {', '.join(sorted(code))}; got {file!r}")

    version = coqc_version()
    bare = {name: _COMMENT.sub(" ", text) for name, text in code.items()}
    order = _with_imports(file, bare)
    for name in order:
        if gap := _GAP.search(bare[name]):
            return FormalResult("failed", version, 0.0, False, f"{name} has a gap or an assumption: {gap.group()}")
    named = set(theorems)
    asked = _ASKED.findall(bare[file])
    if unasked := sorted(named.difference(asked)):
        return FormalResult("failed", version, 0.0, False, f"{file} lacks Print Assumptions {', '.join(unasked)}")
    if version is None:
        remedy = "coqc is not installed; Debian: apt-get install coq libcoq-mathcomp-algebra"
        return FormalResult("not-installed", None, 0.0, False, remedy)

    start = time.monotonic()

    def result(status: Literal["checked", "failed", "not-installed"], closed: bool, message: str) -> FormalResult:
        return FormalResult(status, version, time.monotonic() - start, closed, message)

    with tempfile.TemporaryDirectory(prefix="relugeom-formal-") as scratch:
        for name in order:
            (Path(scratch) / name).write_text(code[name], encoding="utf-8")
        for name in order:
            left = timeout - (time.monotonic() - start)
            try:
                ran = subprocess.run(
                    ["coqc", *_FLAGS, name],
                    cwd=scratch,
                    capture_output=True,
                    text=True,
                    timeout=max(left, 0.01),
                    check=False,
                )
            except subprocess.TimeoutExpired:
                return result("failed", False, f"{name} did not compile within {timeout:g} s; raise timeout")
            if ran.returncode != 0:
                if "with prefix mathcomp" in ran.stderr:
                    remedy = "Mathematical Components is not installed; Debian: apt-get install libcoq-mathcomp-algebra"
                    return result("not-installed", False, remedy)
                return result("failed", False, f"coqc rejects {name}: {' '.join(ran.stderr.split())[:300]}")
    closed = ran.stdout.count(_CLOSED) == len(asked) and "Axioms:" not in ran.stdout
    if not closed:
        return result("failed", False, f"Print Assumptions in {file} said: {' '.join(ran.stdout.split())[:300]}")
    return result("checked", True, f"Rocq {version} checked {', '.join(order)}; no assumptions")


def _with_imports(file: str, bare: dict[str, str]) -> list[str]:
    """List the files that `file` rests on, each after what it imports, `file` last."""
    order: list[str] = []

    def visit(name: str) -> None:
        for imported in " ".join(_IMPORT.findall(bare.get(name, ""))).split():
            visit(f"{imported}.v")
        if name not in order and name in bare:
            order.append(name)

    visit(file)
    return order
