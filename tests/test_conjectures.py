"""A declaration that is wrong costs its own row, with file and line; what is declared is run, whatever it is called."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import pytest

from relugeom import FormalProof, Proof, Sibling, Step, Verdict, Witness, conjecture
from relugeom.claims.collect import collect, imports_of
from relugeom.claims.conjectures import Conjecture, Declaration, declarations
from relugeom.claims.run import verify
from relugeom.claims.schema import TEXT_LIMIT, ReplyError
from relugeom.errors import ConjectureError
from relugeom.exact import SignPattern
from relugeom.exact.rationals import as_matrix


def nothing() -> Witness:
    """Argued."""
    return Witness([SignPattern(as_matrix([[1]]))])


def test_a_statement_is_enough() -> None:
    claim = conjecture("s")(nothing)
    assert (claim.id, claim.statement, claim.source, claim.expected, claim.fault) == ("nothing", "s", "", None, "")
    assert (claim.slow, claim.time_limit, claim.formal, claim.argument) == (False, 60.0, (), "Argued.")
    assert claim().certificates
    assert claim.run().verdict is Verdict.CERTIFIED


PROOF = FormalProof("a.v", "a", "what it says")


@pytest.mark.parametrize(
    ("statement", "options", "fault"),
    [
        (" ", {}, "statement must be a non-empty string"),
        (5, {}, "statement must be a non-empty string"),
        ("s", {"source": 5}, "source must be a string; got int"),
        ("s", {"sorce": "me"}, "conjecture has no option 'sorce'; did you mean source?"),
        ("s", {"zzz": "me"}, "there are source, expected, slow, time_limit, id, formal"),
        ("s", {"expected": "PROVED"}, "expected must be a Verdict; got 'PROVED'"),
        ("s", {"slow": 1}, "slow must be True or False; got 1"),
        ("s", {"time_limit": 0}, "time_limit must be positive; got 0"),
        ("s", {"time_limit": math.nan}, "time_limit must be positive; got nan"),
        ("s", {"time_limit": "60"}, "time_limit must be a number of seconds; got str"),
        ("s", {"time_limit": True}, "time_limit must be a number of seconds; got bool"),
        ("s", {"time_limit": 10**400}, "time_limit must be a number of seconds that fits a float"),
        ("s", {"id": "Not An Id"}, "id must be made of lower-case letters"),
        ("s", {"id": 5}, "id must be made of lower-case letters"),
        ("s", {"id": "../../etc"}, "id must be made of lower-case letters"),
        ("s", {"id": "a" * 101}, "at most 100"),
        ("s" * (TEXT_LIMIT + 1), {}, "statement takes 20001 characters; at most 20000 are read"),
        ("\ud800", {}, "statement holds a lone surrogate at character 0"),
        ("s", {"source": "\ud800"}, "source holds a lone surrogate"),
        ("s", {"formal": "a.v"}, "formal must be FormalProof, or several; got str"),
        ("s", {"formal": ["a.v"]}, "formal must hold FormalProof; got str"),
        ("s", {"formal": FormalProof("a.v", "a b", "")}, "theorem of a FormalProof must be a name; got 'a b'"),
        ("s", {"formal": FormalProof("a.v", "a", 5)}, "the parts of a FormalProof must be strings"),  # type: ignore[arg-type]
        ("s", {"formal": [PROOF] * 101}, "formal must hold at most 100; got 101"),
    ],
)
def test_a_wrong_declaration_is_told_when_it_is_run(statement: Any, options: dict[str, Any], fault: str) -> None:
    claim = conjecture(statement, **options)(nothing)
    assert fault in claim.fault
    with pytest.raises(ConjectureError) as raised:
        claim.run()
    assert fault in str(raised.value)
    # What is told of it can be told: it survives the way to the parent.
    assert Declaration.from_json(claim.to_json()).fault == claim.fault


def test_what_is_no_function_is_told() -> None:
    assert "must decorate a function; got int" in conjecture("s")(5).fault  # type: ignore[arg-type]
    bare = conjecture(nothing)  # type: ignore[arg-type]
    assert isinstance(bare, Conjecture)
    assert "statement must be a non-empty string, as in @conjecture(" in bare.fault


def test_a_proof_needs_words() -> None:
    def mute() -> Proof:
        return Proof([Step("s", lambda: True)], Sibling("t", [Step("t", lambda: False)]))

    with pytest.raises(ConjectureError, match="must be argued in words"):
        conjecture("s")(mute).run()


@pytest.mark.parametrize("limit", [60, 0.5, 1e300, math.inf])
def test_a_declaration_survives_the_way(limit: float) -> None:
    told = conjecture("s", source="t", expected=Verdict.PROVED, slow=True, time_limit=limit, formal=PROOF)(nothing)
    fields = {name: getattr(told, name) for name in Declaration.__dataclass_fields__}
    assert Declaration.from_json(told.to_json()) == Declaration(**fields)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "../x"}, {"id": ""}, {"id": "a" * 101}, {"id": None}, {"statement": 5}, {"statement": "\ud800"},
        {"expected": "MAYBE"}, {"expected": []}, {"slow": 1}, {"time_limit": 0}, {"time_limit": -1.0},
        {"time_limit": 10**400}, {"time_limit": True}, {"time_limit": "1"}, {"line": -1}, {"line": 1.5},
        {"line": 10**16},
        {"formal": {}}, {"formal": [{}]}, {"formal": [{"file": "../a.v", "theorem": "a", "statement": ""}]},
        {"formal": [{"file": "a.v", "theorem": "a", "statement": "", "more": 1}]}, {"fault": ""}, {"more": 1},
        {"argument": "x" * (TEXT_LIMIT + 1)}, {"formal": [PROOF.to_json()] * 101},
    ],
)  # fmt: skip
def test_a_declaration_of_another_form_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ReplyError):
        Declaration.from_json(conjecture("s")(nothing).to_json() | change)


def test_a_declaration_without_a_member_is_refused() -> None:
    told = conjecture("s")(nothing).to_json()
    for name in told:
        with pytest.raises(ReplyError, match=f"a declaration has no {name}"):
            Declaration.from_json({key: value for key, value in told.items() if key != name})


HIDDEN = """
import functools
from relugeom import Open, conjecture

def loud(function):
    return functools.wraps(function)(lambda: function())

@functools.lru_cache
@conjecture("hidden by a cache on top")
def cached():
    return Open("cached")

@loud
@conjecture("hidden by a function on top")
def wrapped():
    return Open("wrapped")

@conjecture("a decorator below")
@loud
def below():
    return Open("below")

@conjecture("the first of two", id="first")
def twice():
    return Open("first")

@conjecture("the second of two", id="second")
def twice():
    return Open("second")

listed = [conjecture(f"number {i}", id=f"listed-{i}")(lambda i=i: Open(str(i))) for i in range(2)]
del listed

from neighbour import shared, declare
declare()
"""
NEIGHBOUR = """
from relugeom import Open, conjecture

@conjecture("of the neighbour")
def shared():
    return Open("shared")

def declare():
    @conjecture("made by a neighbour's function")
    def made():
        return Open("made")
"""


def test_whatever_is_declared_is_run_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "hiding.py").write_text(HIDDEN)
    (tmp_path / "neighbour.py").write_text(NEIGHBOUR)
    rows = verify([tmp_path / "hiding.py"], jobs=1).results
    assert [(row.id, row.evidence) for row in rows] == [
        ("cached", "cached"), ("wrapped", "wrapped"), ("below", "below"), ("first", "first"), ("second", "second"),
        ("listed-0", "0"), ("listed-1", "1"), ("made", "made"),
    ]  # fmt: skip
    assert [row.id for row in verify([tmp_path / "neighbour.py"], jobs=1).results] == ["shared"]


def test_a_wrong_decorator_costs_its_own_row_with_file_and_line(tmp_path: Path) -> None:
    text = """
        from relugeom import Open, conjecture

        @conjecture("misspelt", sorce="me")
        def misspelt():
            return Open("x")

        @conjecture
        def bare():
            return Open("x")

        @conjecture("for ever", time_limit=10**400)
        def for_ever():
            return Open("x")

        @conjecture("fine", time_limit=float("inf"))
        def fine():
            return Open("x")

        @conjecture("again", id="fine")
        def again():
            return Open("y")
    """
    path = tmp_path / "wrong.py"
    path.write_text(textwrap.dedent(text))
    misspelt, bare, for_ever, fine, again = verify([path], jobs=1).results
    assert misspelt.error == f"{misspelt.file}:4: conjecture has no option 'sorce'; did you mean source?"
    assert bare.error.startswith(f"{bare.file}:8: statement must be a non-empty string")
    assert for_ever.error.startswith(f"{for_ever.file}:12: time_limit must be")
    assert (fine.verdict, fine.as_expected) == (Verdict.UNDECIDED, True)
    assert again.error == f"the id fine is already taken in {fine.file}"


def test_declarations_are_collected_only_meanwhile() -> None:
    with declarations() as outer:
        conjecture("outer")(nothing)
        with declarations() as inner:
            conjecture("inner")(nothing)
        conjecture("outer again")(nothing)
    conjecture("later")(nothing)
    assert [claim.statement for _, claim in outer] == ["outer", "outer again"]
    assert [claim.statement for _, claim in inner] == ["inner"]


def test_imports_are_read_off_the_text_and_never_run(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(
        "import numpy.linalg as la, os\n    from relugeom.exact import check\nimport os; raise SystemExit\n"
    )
    (tmp_path / "b.py").write_bytes(b"\xff\x00from sympy import x\n# import scipy\nfrom scipy.stats import norm")
    missing = tmp_path / "missing.py"
    assert imports_of([path, tmp_path / "b.py", missing]) == [
        "numpy.linalg",
        "numpy.random",
        "relugeom.exact",
        "scipy.stats",
    ]
    assert collect(write_one(tmp_path))[0].run().evidence == "one"


def write_one(folder: Path) -> Path:
    path = folder / "one.py"
    path.write_text("from relugeom import Open, conjecture\none = conjecture('s', id='one')(lambda: Open('one'))\n")
    return path
