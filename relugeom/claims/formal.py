"""Which conjectures have a formal proof, and having Coq check it.

The proofs are the ``.v`` files of ``proofs/formal``; its README states every theorem in words. A proof counts as
*checked* when, in this order,

1. no source that it rests on leaves a gap (``Admitted``) or adds an assumption (``Axiom``, ``Parameter``, ...),
2. ``coqc`` compiles those sources, in a fresh folder, dependencies first,
3. ``Print Assumptions`` was asked of every theorem named here and each time said "Closed under the global context".

Nothing here is needed for the symbolic proofs, and nothing is claimed where ``coqc`` isn't installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

from relugeom.errors import ArgumentError, StorageError

__all__ = [
    "FORMAL_PROOFS",
    "FormalProof",
    "FormalResult",
    "check_formal",
    "coqc_version",
    "formal_sources",
]


@dataclass(frozen=True, slots=True)
class FormalProof:
    """A theorem of ``proofs/formal``: where it stands, what it is called there, what it says in words."""

    file: str
    theorem: str
    statement: str


@dataclass(frozen=True, slots=True)
class FormalResult:
    """What came of checking one file.

    Attributes
    ----------
    status : {"checked", "failed", "not-installed"}
    version : str or None
        Coq's version; None where there is no ``coqc``.
    seconds : float
        Time spent compiling the file and what it imports.
    assumptions_closed : bool
        Whether ``Print Assumptions`` said so for every theorem that `FORMAL_PROOFS` names in the file.
    message : str
        The cause, and the remedy where there is one.
    """

    status: Literal["checked", "failed", "not-installed"]
    version: str | None
    seconds: float
    assumptions_closed: bool
    message: str


_BOUND = (
    FormalProof(
        "two_m_bound.v",
        "two_m_bound",
        "over any ordered field: if W (m×n) has (WᵀW)_ii > 0 for all i and (WᵀW)_ij ≤ 0 for all i ≠ j, then n ≤ 2m",
    ),
    FormalProof(
        "two_m_bound.v",
        "obtuse_bound",
        "a family of non-zero vectors with no positive inner product has at most twice as many members as its rank",
    ),
)

#: The formal proofs of a conjecture, by its id.
FORMAL_PROOFS: dict[str, tuple[FormalProof, ...]] = {
    "two-m-bound-energy": _BOUND,
    "two-m-bound-elimination": _BOUND,
    "two-m-attained": (
        FormalProof(
            "attained.v",
            "two_m_attained",
            "for every m some W (m×2m) satisfies the criterion, and ReLU(WᵀW) = I exactly",
        ),
    ),
    "two-m-equality": (
        FormalProof(
            "attained.v",
            "two_m_equality",
            "if n = 2m and W satisfies the criterion, every column has a partner, a negative multiple of it, "
            "and is orthogonal to all other columns",
        ),
        FormalProof(
            "attained.v",
            "antipodal_pairs",
            "conversely, non-zero columns that pair up in this way satisfy the criterion",
        ),
    ),
    "same-subspace-reason": (
        FormalProof(
            "parabola.v",
            "same_subspace_refuted",
            "for every n some n×n matrix of rank at most 3 has a positive diagonal and nothing positive off it",
        ),
        FormalProof(
            "parabola.v",
            "untied_any_n",
            "for every m ≥ 3 and every n there are D (n×m) and W (m×n) with ReLU(DW) = I, over the integers too",
        ),
    ),
    "bias-any-n": (
        FormalProof(
            "bias.v",
            "bias_any_n",
            "for every n some W (2×n) and some b < 0, the same for all outputs, satisfy the criterion for WᵀW + b",
        ),
        FormalProof(
            "bias.v",
            "unit_columns",
            "distinct unit columns, in any dimension, satisfy the criterion with some b < 0, the same for all outputs",
        ),
    ),
    "bias-line": (
        FormalProof(
            "bias.v",
            "bias_line",
            "if W (1×n) and any bias b satisfy the criterion for WᵀW + b, then n ≤ 2",
        ),
        FormalProof(
            "bias.v",
            "some_bias_works",
            "some bias serves W exactly when (WᵀW)_ij < (WᵀW)_ii for all i ≠ j",
        ),
    ),
    "refuter-always-answers": (
        FormalProof(
            "refuter.v",
            "refuter_always_answers",
            "given n > 2m vectors of length m, the elimination returns a zero vector or a pair "
            "with positive inner product",
        ),
        FormalProof(
            "refuter.v",
            "refute_sound",
            "given any number of vectors of equal length, what the elimination returns is right, "
            "or it returns no answer",
        ),
    ),
}

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


def coqc_version() -> str | None:
    """Return the version of ``coqc``, such as ``"8.16.1"``, or None where it isn't installed."""
    if shutil.which("coqc") is None:
        return None
    said = subprocess.run(["coqc", "--version"], capture_output=True, text=True, timeout=60, check=False).stdout
    found = re.search(r"version (\S+)", said)
    return found.group(1) if found else None


def check_formal(file: str, timeout: float = 300.0, *, sources: Traversable | None = None) -> FormalResult:
    """Have Coq check one file of ``proofs/formal`` and what it imports.

    Parameters
    ----------
    file : str
        A name such as ``"two_m_bound.v"``.
    timeout : float
        Seconds for all compilations together.
    sources : Traversable, optional
        The folder to read; default `formal_sources`.

    Returns
    -------
    FormalResult
        A proof that doesn't check, and a machine without Coq, are results, not errors.

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
    named = {proof.theorem for proofs in FORMAL_PROOFS.values() for proof in proofs if proof.file == file}
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
    return result("checked", True, f"Coq {version} checked {', '.join(order)}; no assumptions")


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
