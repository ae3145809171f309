"""What a text may say: the one reading of replies, which are believed in nothing but their form.

A reply comes from a process in which somebody's program has run. `parse` reads its JSON, `Fields` takes one object
apart, member by member, each with its type and its bounds; whatever does not fit, and whatever is left over, is a
`ReplyError` that names the member.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from relugeom.errors import ConjectureError

__all__ = ["ITEM_LIMIT", "TEXT_LIMIT", "Fields", "ReplyError", "fault_of_text", "parse"]

T = TypeVar("T")

# Longer texts and lists are no evidence that anyone would read.
TEXT_LIMIT = 20_000
ITEM_LIMIT = 10_000
# Greater counts are no counts of anything that was done.
COUNT_LIMIT = 10**15


class ReplyError(ConjectureError):
    """A reply that is no answer: the member that is wrong, and what was expected there."""


def fault_of_text(text: str, limit: int = TEXT_LIMIT) -> str:
    """Why a text can be neither kept nor shown; empty when it can."""
    if len(text) > limit:
        return f"takes {len(text)} characters; at most {limit} are read"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"holds a lone surrogate at character {error.start}"
    return ""


def _no_constant(name: str) -> NoReturn:
    raise ReplyError(f"{name} is no number of JSON")


def parse(text: bytes) -> Any:
    """The value that a JSON text stands for.

    Raises
    ------
    ReplyError
        It is not JSON, not UTF-8, nested too deeply, or has a number that is not finite.
    """
    try:
        return json.loads(text.decode(), parse_constant=_no_constant)
    except RecursionError:
        raise ReplyError("a value is nested too deeply") from None
    except ValueError as error:
        if isinstance(error, ReplyError):
            raise
        raise ReplyError(f"not a JSON text: {error!s:.80}") from None


class Fields:
    """The members of one JSON object, each taken once under its type and its bounds.

    Raises
    ------
    ReplyError
        The value is not an object; later, by each method, when the member is missing or is no such thing.
    """

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            raise ReplyError(f"{what} must be an object; got {type(value).__name__}")
        self._left = dict(value)
        self._what = what

    def __contains__(self, key: str) -> bool:
        return key in self._left

    def _take(self, key: str) -> Any:
        if key not in self._left:
            raise ReplyError(f"{self._what} has no {key}")
        return self._left.pop(key)

    def _refuse(self, key: str, expected: str, value: Any) -> NoReturn:
        raise ReplyError(f"{key} of {self._what} must be {expected}; got {type(value).__name__}")

    def text(self, key: str, limit: int = TEXT_LIMIT) -> str:
        """A text of at most `limit` characters that can be written as UTF-8."""
        value = self._take(key)
        if not isinstance(value, str):
            self._refuse(key, "a text", value)
        if fault := fault_of_text(value, limit):
            raise ReplyError(f"{key} of {self._what} {fault}")
        return value

    def optional(self, key: str, read: Callable[[Any], T]) -> T | None:
        """None for null, else what `read` makes of the value."""
        value = self._take(key)
        return None if value is None else read(value)

    def optional_text(self, key: str) -> str:
        """A text, or empty for null; an empty text is no way to say null."""
        if self._left.get(key, "") is None:
            del self._left[key]
            return ""
        text = self.text(key)
        if not text:
            raise ReplyError(f"{key} of {self._what} must not be empty")
        return text

    def whole(self, key: str, low: int = 0, high: int = COUNT_LIMIT) -> int:
        """A whole number from `low` to `high`."""
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(key, "a whole number", value)
        if not low <= value <= high:
            raise ReplyError(f"{key} of {self._what} must lie between {low} and {high}")
        return value

    def number(self, key: str) -> float:
        """A finite number."""
        return finite_number(self._take(key))

    def flag(self, key: str) -> bool:
        """True or false."""
        value = self._take(key)
        if not isinstance(value, bool):
            self._refuse(key, "true or false", value)
        return value

    def items(self, key: str, read: Callable[[Any], T], limit: int = ITEM_LIMIT) -> tuple[T, ...]:
        """A list of at most `limit` values, each read by `read`."""
        value = self._take(key)
        if not isinstance(value, list):
            self._refuse(key, "a list", value)
        if len(value) > limit:
            raise ReplyError(f"{key} of {self._what} has {len(value)} items; at most {limit} are read")
        return tuple(map(read, value))

    def end(self) -> None:
        """Nothing else may be there."""
        if self._left:
            raise ReplyError(f"{self._what} has an unknown member {min(self._left)!r:.60}")


def finite_number(value: Any) -> float:
    """A finite number, as a float."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ReplyError(f"a number was expected; got {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ReplyError("a number is not finite")
    return number
