"""What is printed obeys nobody: controls and marks of direction are shown, and JSON is JSON."""

from __future__ import annotations

import io
import json
import math
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.text import json_text, printable

HOSTILE = "\x00\x07\x08\t\n\r\x1b[2A\x7f\x85\x9b\u061c\u200b\u200e\u200f\u2028\u2029\u202e\u2066\ufeff\ud800\U000e0001"


def obeyed(character: str) -> bool:
    """Whether a terminal or a reader may do something else with a character than to show it."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")


@given(st.text(st.characters(), max_size=80))
def test_nothing_that_is_obeyed_is_left(text: str) -> None:
    shown = printable(text)
    assert not any(map(obeyed, shown))
    kept = "".join(c for c in text if not obeyed(c))
    assert [c for c in shown if c in kept] or not kept
    shown.encode()
    assert printable(shown) == shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("W·W ≤ 1, ½ é e\u0301 \u00a0 \u2009 語", "W·W ≤ 1, ½ é e\u0301 \u00a0 \u2009 語"),
        ("a\x1b[2Kb", r"a\x1b[2Kb"),
        ("a.json: valid\nb", r"a.json: valid\nb"),
        ("\u202eabc\u2066", r"\u202eabc\u2066"),
        ("\ud800\t\r", r"\ud800\t\r"),
        ("\U000e0001", r"\U000e0001"),
        (3, "3"),
    ],
)
def test_what_is_shown(text: object, expected: str) -> None:
    assert printable(text) == expected


def test_lines_are_kept_where_asked() -> None:
    assert printable("a\n\tb\x1b\r\n", lines=True) == "a\n    b\\x1b\\r\n"


@given(st.text(st.characters(), max_size=80))
def test_json_reads_as_what_it_was_on_every_stream(text: str) -> None:
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    for written in (json_text([text, {text: 1}]), json_text([text, {text: 1}], narrow), json_text([text], sys.stdout)):
        assert json.loads(written)[0] == text
        assert not any(obeyed(c) for c in written if c != "\n")
    assert json_text(text, narrow).isascii()


def test_numbers_that_json_lacks_become_null() -> None:
    value = {"a": [math.nan, -math.inf, 1.5], "b": (math.inf, 2, True, None)}

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    assert json.loads(json_text(value), parse_constant=refuse) == {"a": [None, None, 1.5], "b": [None, 2, True, None]}


def test_json_is_for_people_too() -> None:
    assert json_text({"é": HOSTILE[:4]}, indent=None) == '{"é": "\\u0000\\u0007\\b\\t"}'
