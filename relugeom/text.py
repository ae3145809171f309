"""Text from elsewhere, made safe to print: statements, names, evidence, file names, and JSON.

A terminal obeys control characters, and marks of writing direction reorder what stands beside them, so that one row
could rewrite another or read as its opposite. `printable` shows such characters instead, in Python's notation;
`json_text` does the same within JSON and never writes what is no JSON (NaN, a lone surrogate, a character that the
stream cannot hold).
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from typing import Any, TextIO

__all__ = ["is_text", "json_text", "printable"]

_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
# Whatever is no printable ASCII character: the only ones that are looked at twice.
_UNUSUAL = re.compile(r"[^ -~]")


def _is_hidden(character: str) -> bool:
    """Whether a character is a control, a format mark, a surrogate, unassigned, or ends a line."""
    return not character.isprintable() and unicodedata.category(character) != "Zs"


def _show(match: re.Match[str]) -> str:
    character = match.group()
    if not _is_hidden(character):
        return character
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def printable(text: object, *, lines: bool = False) -> str:
    r"""The text with every character shown that a terminal would obey: ``\x1b``, ``\u202e``, ``\n``.

    Parameters
    ----------
    text : object
        What is to be printed; ``str(text)`` of anything that is no text, a path for example.
    lines : bool
        Keep line feeds (of a docstring, say), and make tabs spaces.

    Examples
    --------
    >>> print(printable("harmless\x1b[2A\n"))
    harmless\x1b[2A\n
    """
    whole = str(text)
    if lines:
        return "\n".join(_UNUSUAL.sub(_show, line) for line in whole.expandtabs(4).split("\n"))
    return _UNUSUAL.sub(_show, whole)


def is_text(text: str) -> bool:
    """Whether the text can be written as UTF-8; a lone surrogate, which JSON can spell, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    # A line feed stands between the values, never within: JSON's own writer has escaped those.
    return character if character == "\n" or not _is_hidden(character) else json.dumps(character)[1:-1]


def _finite(value: Any) -> Any:
    """The value with null in place of every number that JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def json_text(value: Any, stream: TextIO | None = None, *, indent: int | None = 1) -> str:
    """The value as JSON that any reader accepts and any terminal shows.

    Numbers that are not finite become null; control characters and marks of direction are escaped; where `stream`
    holds no Unicode, so is every other character outside ASCII.
    """
    encoding = getattr(stream, "encoding", None) or "utf-8"
    narrow = not encoding.lower().replace("_", "-").startswith("utf")
    text = json.dumps(_finite(value), indent=indent, ensure_ascii=narrow, allow_nan=False)
    return _UNUSUAL.sub(_escape, text)
