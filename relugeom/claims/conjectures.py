"""Conjectures: declare one, collect them from files, run them.

A conjecture is a decorated function that returns evidence::

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

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from relugeom.claims.verdicts import Judgement, Outcome, Proof, Verdict, judge
from relugeom.errors import ConjectureError

__all__ = ["Conjecture", "conjecture"]


@dataclass(frozen=True, slots=True, eq=False)
class Conjecture:
    """A statement and the function that returns the evidence for it.

    Attributes
    ----------
    id
        How it is selected: the function's name with hyphens.
    statement
        The claim, precise enough to be true or false.
    source
        Where it is made: the section of the post, or a paper.
    expected
        The verdict that is no surprise.
    slow
        The function takes a keyword `full`: False by default (a sample), True under ``--full``.
    time_limit
        Seconds after which the runner gives up.
    """

    id: str
    statement: str
    source: str
    expected: Verdict
    function: Callable[..., Outcome]
    slow: bool
    time_limit: float

    @property
    def argument(self) -> str:
        """The argument in words: the docstring of the function."""
        return inspect.cleandoc(self.function.__doc__ or "")

    def run(self, *, full: bool = False) -> Judgement:
        """Call the function and judge what it returns."""
        outcome = self.function(full=full) if self.slow else self.function()
        if isinstance(outcome, Proof) and not self.argument:
            raise ConjectureError("a Proof must be argued in words: the docstring of the conjecture is empty")
        return judge(outcome)

    def __call__(self, **options: Any) -> Outcome:
        """The bare outcome, as the function returns it."""
        return self.function(**options)


def conjecture(
    statement: str,
    *,
    source: str,
    expected: Verdict,
    slow: bool = False,
    time_limit: float = 60.0,
    id: str | None = None,
) -> Callable[[Callable[..., Outcome]], Conjecture]:
    """Declare a conjecture.

    Raises
    ------
    ConjectureError
        The statement or source is empty, `expected` is not a `Verdict`, the time limit is not positive, or the
        id has other characters than lower-case letters, digits and hyphens.
    """
    if not (isinstance(statement, str) and statement.strip() and isinstance(source, str) and source.strip()):
        raise ConjectureError("statement and source must be non-empty strings")
    if not isinstance(expected, Verdict):
        raise ConjectureError(f"expected must be a Verdict; got {expected!r:.60}")
    if not time_limit > 0:
        raise ConjectureError(f"time_limit must be positive; got {time_limit!r}")

    def declare(function: Callable[..., Outcome]) -> Conjecture:
        name = id or function.__name__.strip("_").replace("_", "-").lower()
        if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name) is None:
            raise ConjectureError(f"id must be made of lower-case letters, digits and hyphens; got {name!r:.60}")
        return Conjecture(name, statement, source, expected, function, slow, time_limit)

    return declare
