"""Conjectures: a statement, and the function that returns the evidence for it.

A conjecture is a decorated function::

    from relugeom.claims.conjectures import conjecture
    from relugeom.claims.verdicts import Verdict, Witness

    @conjecture("Four features fit in a plane", source="Limit of number of Free Dimensions", expected=Verdict.CERTIFIED)
    def four_in_a_plane():
        '''The argument, in words: it is shown by `relugeom explain four-in-a-plane`.'''
        return Witness([SignPattern(as_matrix([[1, -1, 0, 0], [0, 0, 1, -1]]))])

The verdict is derived from what the function returns (`relugeom.claims.verdicts.judge`), never declared; `expected`
only says which verdict would be no surprise.
"""

from __future__ import annotations

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Any, NamedTuple

from relugeom.claims.schema import Fields, ReplyError, fault_of_text, finite_number
from relugeom.claims.verdicts import Judgement, Outcome, Proof, Verdict, judge, read_verdict
from relugeom.errors import ConjectureError

__all__ = ["Conjecture", "Declaration", "FormalProof", "conjecture", "declarations"]

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ID_LIMIT = 100
_FORMAL_LIMIT = 100
_OPTIONS = ("source", "expected", "slow", "time_limit", "id", "formal")


class FormalProof(NamedTuple):
    """A theorem for a proof assistant: the file it stands in, what it is called there, what it says in words.

    The file lies beside the conjecture's own, or in a folder `formal` there.

    Parameters
    ----------
    file : str
        The name of a ``.v`` file.
    theorem : str
        What it is called in there.
    statement : str
        What it says, in words.
    """

    file: str
    theorem: str
    statement: str

    @property
    def fault(self) -> str:
        """Why it names no theorem of a neighbouring file; empty when it does."""
        if re.fullmatch(r"\w+\.v", self.file, re.ASCII) is None:
            return f"file of a FormalProof must be the name of a .v file beside the conjecture's; got {self.file!r:.60}"
        if re.fullmatch(r"\w+", self.theorem, re.ASCII) is None:
            return f"theorem of a FormalProof must be a name; got {self.theorem!r:.60}"
        return ""

    def to_json(self) -> dict[str, Any]:
        """The proof as plain JSON values."""
        return self._asdict()

    @classmethod
    def from_json(cls, value: Any) -> FormalProof:
        """The proof that `to_json` gave; a `ReplyError` for anything else."""
        fields = Fields(value, "a formal proof")
        proof = cls(fields.text("file"), fields.text("theorem"), fields.text("statement"))
        fields.end()
        if proof.fault:
            raise ReplyError(proof.fault)
        return proof


@dataclass(frozen=True, kw_only=True)
class Declaration:
    """What is said of a conjecture before it is run.

    Attributes
    ----------
    id
        How it is selected: the function's name with hyphens.
    statement
        The claim, precise enough to be true or false.
    source
        Where it is made: the section of the post, or a paper. Empty for one's own.
    expected
        The verdict that is no surprise; None where any is none.
    argument
        The argument in words: the docstring of the function.
    slow
        The function takes a keyword `full`: False by default (a sample), True under ``--full``.
    time_limit
        Seconds after which the runner gives up; infinity for never.
    formal
        Its formal proofs.
    line
        The line of the file at which it is declared; 0 where that is not known.
    fault
        What is wrong with the declaration; empty when it can be run.
    """

    id: str
    statement: str = ""
    source: str = ""
    expected: Verdict | None = None
    argument: str = ""
    slow: bool = False
    time_limit: float = 60.0
    formal: tuple[FormalProof, ...] = ()
    line: int = 0
    fault: str = ""

    def to_json(self) -> dict[str, Any]:
        """The declaration as plain JSON values, null for no limit."""
        return {
            "id": self.id,
            "statement": self.statement,
            "source": self.source,
            "expected": self.expected.value if self.expected is not None else None,
            "argument": self.argument,
            "slow": self.slow,
            "time_limit": None if self.time_limit == float("inf") else self.time_limit,
            "formal": [proof.to_json() for proof in self.formal],
            "line": self.line,
            "fault": self.fault or None,
        }

    @classmethod
    def from_json(cls, value: Any) -> Declaration:
        """The declaration that `to_json` gave; a `ReplyError` for anything else."""
        fields = Fields(value, "a declaration")
        limit = fields.optional("time_limit", finite_number)
        declaration = cls(
            id=fields.text("id", _ID_LIMIT),
            statement=fields.text("statement"),
            source=fields.text("source"),
            expected=fields.optional("expected", read_verdict),
            argument=fields.text("argument"),
            slow=fields.flag("slow"),
            time_limit=float("inf") if limit is None else limit,
            formal=fields.items("formal", FormalProof.from_json, _FORMAL_LIMIT),
            line=fields.whole("line"),
            fault=fields.optional_text("fault"),
        )
        fields.end()
        if _ID.fullmatch(declaration.id) is None:
            raise ReplyError(f"{declaration.id!r:.60} is no id")
        if not declaration.time_limit > 0:
            raise ReplyError("time_limit of a declaration must be positive")
        return declaration


@dataclass(frozen=True, kw_only=True, eq=False)
class Conjecture(Declaration):
    """A statement and the function that returns the evidence for it."""

    function: Callable[..., Outcome]

    def run(self, *, full: bool = False) -> Judgement:
        """Call the function and judge what it returns.

        Raises
        ------
        ConjectureError
            The declaration is at fault, or what comes back is no evidence.
        """
        if self.fault:
            raise ConjectureError(self.fault)
        outcome = self.function(full=full) if self.slow else self.function()
        if isinstance(outcome, Proof) and not self.argument:
            dropped = " (Python drops docstrings under -OO)" if sys.flags.optimize > 1 else ""
            raise ConjectureError(f"a Proof must be argued in words: the docstring of the conjecture is empty{dropped}")
        return judge(outcome)

    def __call__(self, **options: Any) -> Outcome:
        """The bare outcome, as the function returns it."""
        return self.function(**options)


# What is declared while a file is imported, with the file at whose top level it happened; None at other times.
_declared: list[tuple[str, Conjecture]] | None = None


@contextmanager
def declarations() -> Iterator[list[tuple[str, Conjecture]]]:
    """Collect what is declared meanwhile: pairs of a file and a conjecture, in the order of declaration.

    Names are no guide to what a file declares: a decorator on top, a second function of the same name, or a list
    hides a conjecture from them.
    """
    global _declared
    before, _declared = _declared, []
    try:
        yield _declared
    finally:
        _declared = before


def _module_frame(frame: FrameType | None) -> FrameType | None:
    """The top level of the file that is being imported: the first frame outwards that is no function's."""
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return frame


def _limit(value: object) -> float | str:
    """A time limit in seconds, or what is wrong with it."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"time_limit must be a number of seconds; got {type(value).__name__}"
    if not value > 0:
        return f"time_limit must be positive; got {value!r:.40}"
    try:
        return float(value)
    except OverflowError:
        return "time_limit must be a number of seconds that fits a float, or float('inf')"


def _fault(statement: object, source: object, expected: object, slow: object, unknown: Iterable[str]) -> str:
    """What is wrong with the options of the decorator; empty for nothing."""
    for name in unknown:
        close = difflib.get_close_matches(name, _OPTIONS, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(_OPTIONS)}"
        return f"conjecture has no option {name!r:.60}{hint}"
    if not isinstance(statement, str) or not statement.strip():
        return 'statement must be a non-empty string, as in @conjecture("Four features fit in a plane")'
    if not isinstance(source, str):
        return f"source must be a string; got {type(source).__name__}"
    for name, text in (("statement", statement), ("source", source)):
        if fault := fault_of_text(text):
            return f"{name} {fault}"
    if expected is not None and not isinstance(expected, Verdict):
        return f"expected must be a Verdict; got {expected!r:.60}"
    if not isinstance(slow, bool):
        return f"slow must be True or False; got {slow!r:.60}"
    return ""


def _formal(given: object) -> tuple[FormalProof, ...] | str:
    """The formal proofs as a tuple, or what is wrong with them."""
    if isinstance(given, FormalProof):
        given = (given,)
    if isinstance(given, str) or not isinstance(given, Iterable):
        return f"formal must be FormalProof, or several; got {type(given).__name__}"
    proofs = tuple(given)
    for proof in proofs:
        if not isinstance(proof, FormalProof):
            return f"formal must hold FormalProof; got {type(proof).__name__}"
        if not all(isinstance(part, str) and not fault_of_text(part) for part in proof):
            return "the parts of a FormalProof must be strings"
        if proof.fault:
            return proof.fault
    return proofs if len(proofs) <= _FORMAL_LIMIT else f"formal must hold at most {_FORMAL_LIMIT}; got {len(proofs)}"


def conjecture(
    statement: str,
    *,
    source: str = "",
    expected: Verdict | None = None,
    slow: bool = False,
    time_limit: float = 60.0,
    id: str | None = None,
    formal: FormalProof | Iterable[FormalProof] = (),
    **unknown: Any,
) -> Callable[[Callable[..., Outcome]], Conjecture]:
    """Declare a conjecture.

    Parameters
    ----------
    statement : str
        The claim, precise enough to be true or false.
    source : str
        Where it is made.
    expected : Verdict, optional
        The verdict that is no surprise.
    slow : bool
        Whether the function takes a keyword `full`, and takes long with it.
    time_limit : float
        Seconds after which the runner gives up.
    id : str, optional
        How it is selected; by default the function's name with hyphens.
    formal : FormalProof or several
        Theorems for a proof assistant, in ``.v`` files beside this one or in a folder `formal` there.
    **unknown
        Any other option, which is a mistake and costs the conjecture its own row.

    Returns
    -------
    callable
        A decorator, which makes a `Conjecture` of a function that returns an `Outcome`.

    See Also
    --------
    relugeom.claims.run.verify

    Notes
    -----
    A declaration that cannot be run (an empty statement, an unknown option, an id of other characters than lower-case
    letters, digits and hyphens) raises nothing here, so that it costs its own row and not the file's: `Conjecture.run`
    raises a `ConjectureError` that says what is wrong.
    """

    def declare(function: Callable[..., Outcome]) -> Conjecture:
        limit, proofs = _limit(time_limit), _formal(formal)
        name = getattr(function, "__name__", "")
        wanted = name.strip("_").replace("_", "-").lower() if id is None else id
        argument = getattr(function, "__doc__", None)
        fault = _fault(statement, source, expected, slow, unknown)
        if not fault and not callable(function):
            fault = f"conjecture must decorate a function; got {type(function).__name__}"
        if not fault and isinstance(argument, str) and (too_much := fault_of_text(argument)):
            fault = f"the docstring {too_much}"
        proper = isinstance(wanted, str) and _ID.fullmatch(wanted) is not None and len(wanted) <= _ID_LIMIT
        if not fault and not proper:
            fault = (
                f"id must be made of lower-case letters, digits and hyphens, at most {_ID_LIMIT}; got {wanted!r:.60}"
            )
        fault = fault or (limit if isinstance(limit, str) else "") or (proofs if isinstance(proofs, str) else "")
        frame = _module_frame(sys._getframe(1))
        # Where it is at fault, what is right of it is shown all the same.
        fallback = "-".join(re.findall("[a-z0-9]+", str(wanted).lower()))[:_ID_LIMIT].strip("-") or "unnamed"
        declared = Conjecture(
            id=wanted if proper else fallback,
            statement=statement if isinstance(statement, str) and not fault_of_text(statement) else "",
            source=source if isinstance(source, str) and not fault_of_text(source) else "",
            expected=expected if isinstance(expected, Verdict) else None,
            argument=inspect.cleandoc(argument) if isinstance(argument, str) and not fault_of_text(argument) else "",
            slow=slow is True,
            time_limit=limit if isinstance(limit, float) else 60.0,
            formal=proofs if isinstance(proofs, tuple) else (),
            line=frame.f_lineno if frame is not None else 0,
            fault=fault.encode(errors="backslashreplace").decode(),
            function=function,
        )
        if _declared is not None:
            _declared.append((frame.f_code.co_filename if frame is not None else "", declared))
        return declared

    if callable(statement):
        # Written without a statement, as `@conjecture` alone: what it decorates came in place of one.
        function, statement = statement, ""
        return declare(function)  # type: ignore[return-value]
    return declare
