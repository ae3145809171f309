"""A reply is believed in nothing: whatever is no answer becomes an error, and what is one rests on what it must."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from relugeom.claims.conjectures import conjecture
from relugeom.claims.process import Answer
from relugeom.claims.results import Report, Result
from relugeom.claims.run import HEAD_LIMIT, Refusal, _finish, _tasks, read_collection, read_judgement
from relugeom.claims.schema import ITEM_LIMIT, TEXT_LIMIT, Fields, ReplyError, fault_of_text, finite_number, parse
from relugeom.claims.verdicts import Judgement, StepRecord, Verdict, Witness, judge
from relugeom.exact import SignPattern, dumps
from relugeom.exact.rationals import as_matrix
from tests.conftest import Tier

CERTIFICATE = dumps(SignPattern(as_matrix([[1, -1]])))
FALSE = dumps(SignPattern(as_matrix([[1, 1]])))
STEP = {"claim": "c", "method": "m", "holds": True, "fault": None}
FAILED = {"claim": "c", "method": "m", "holds": False, "fault": "no"}
SIBLING = {"statement": "s", "fails_at": "c: no"}
TOLD = {"kind": "k", "statement": "what the process says"}
EMPTY: dict[str, Any] = {
    "verdict": "UNDECIDED", "evidence": "e", "steps": [], "sibling": None, "certificates": [], "by_hand": None,
    "trials": 0, "successes": 0, "interval": None, "note": None,
}  # fmt: skip
PROVED = EMPTY | {"verdict": "PROVED", "steps": [STEP], "sibling": SIBLING}
CERTIFIED = EMPTY | {"verdict": "CERTIFIED", "certificates": [TOLD]}
REFUTED = EMPTY | {"verdict": "REFUTED", "certificates": [TOLD], "by_hand": "look"}
MEASURED = EMPTY | {"verdict": "MEASURED", "trials": 9, "successes": 3, "interval": [0.1, 0.9], "note": "n"}


def lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def test_what_is_an_answer_is_read() -> None:
    assert read_judgement(lines(EMPTY)) == Judgement(verdict=Verdict.UNDECIDED, evidence="e")
    proved = read_judgement(lines(PROVED))
    assert (proved.verdict, proved.steps) == (Verdict.PROVED, (StepRecord("c", "m", ""),))
    assert (proved.sibling, proved.sibling_fault) == ("s", "c: no")
    for reply in (CERTIFIED, REFUTED):
        (certificate,) = read_judgement(lines(reply, CERTIFICATE)).certificates
        # The kind and the statement are computed here.
        assert (certificate.kind, certificate.text, certificate.fault) == ("sign-pattern", CERTIFICATE, "")
        assert "m = 1, n = 2" in certificate.statement
    measured = read_judgement(lines(MEASURED))
    assert (measured.trials, measured.successes, measured.interval, measured.note) == (9, 3, (0.1, 0.9), "n")
    refuted = read_judgement(lines(EMPTY | {"verdict": "REFUTED", "steps": [STEP], "sibling": SIBLING, "by_hand": "b"}))
    assert refuted.by_hand == "b"


def test_certificates_of_what_is_undecided_are_left_out() -> None:
    assert read_judgement(lines(EMPTY | {"certificates": [TOLD]}, FALSE)).certificates == ()
    assert read_judgement(lines(EMPTY | {"steps": [FAILED]})).steps == (StepRecord("c", "m", "no"),)


@pytest.mark.parametrize(
    ("reply", "lacking"),
    [
        (PROVED | {"steps": []}, "PROVED without steps"),
        (PROVED | {"steps": [STEP, FAILED]}, "PROVED with a step that does not hold"),
        (PROVED | {"sibling": None}, "PROVED without a false sibling"),
        (PROVED | {"sibling": {"statement": "s", "fails_at": ""}}, "PROVED without a false sibling"),
        (CERTIFIED | {"certificates": []}, "CERTIFIED without certificates"),
        (CERTIFIED | {"steps": [FAILED]}, "CERTIFIED with a step that does not hold"),
        (REFUTED | {"certificates": []}, "REFUTED without what it rests on"),
        (REFUTED | {"by_hand": None}, "REFUTED without what it rests on"),
        (REFUTED | {"steps": [STEP]}, "REFUTED without a false sibling"),
        (REFUTED | {"steps": [FAILED], "sibling": SIBLING}, "REFUTED with a step that does not hold"),
        (MEASURED | {"trials": 0, "successes": 0}, "MEASURED without trials"),
        (EMPTY | {"evidence": ""}, "UNDECIDED without evidence"),
        (PROVED | {"evidence": ""}, "PROVED without evidence"),
    ],
)
def test_a_verdict_that_rests_on_nothing_is_no_answer(reply: dict[str, Any], lacking: str) -> None:
    with pytest.raises(ReplyError, match=f"the verdict is {lacking}"):
        read_judgement(lines(reply, *[CERTIFICATE] * len(reply["certificates"])))


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        (b"", "the last line has no end"),
        (b"{}", "the last line has no end"),
        (b"\n", "not a JSON text"),
        (b"{}\n", "a judgement has no sibling"),
        (b"[]\n", "a judgement must be an object; got list"),
        (b"7\n", "must be an object; got int"),
        (b"null\n", "must be an object; got NoneType"),
        (b"[" * 200_000 + b"\n", "nested too deeply"),
        (b'{"a":' * 200_000 + b"\n", "nested too deeply"),
        (b"1" * 5000 + b"\n", "not a JSON text"),
        (b"\xff\xfe\n", "not a JSON text"),
        (b"NaN\n", "NaN is no number of JSON"),
        (b'{"a": -Infinity}\n', "-Infinity is no number of JSON"),
        (b" " * HEAD_LIMIT + b"{}\n", "the first line takes more than 8000000 bytes"),
        (b"\n" * (ITEM_LIMIT + 10), "the last line has no end, or there are too many"),
        (lines(EMPTY)[:-1], "the last line has no end"),
        (lines(EMPTY) + b"more", "the last line has no end"),
        (lines(EMPTY, 1), "0 certificates are told of, and 1 there"),
        (lines(CERTIFIED), "1 certificates are told of, and 0 there"),
        (lines(CERTIFIED, CERTIFICATE, CERTIFICATE), "1 certificates are told of, and 2 there"),
        (lines(CERTIFIED, 7), "a certificate must be a text; got int"),
        (lines(CERTIFIED, "{}"), "a certificate does not survive being written"),
        (lines(CERTIFIED, FALSE), "an invalid certificate: output 0 is positive"),
        (lines(CERTIFIED) + b"{\n", "not a JSON text"),
        (lines({"error": "e", "traceback": "t", "more": 1}), "an error has an unknown member 'more'"),
        (lines({"error": "", "traceback": "t"}), "error must not be empty"),
        (lines({"error": "e"}), "an error has no traceback"),
        (lines({"error": ["e"], "traceback": "t"}), "error of an error must be a text; got list"),
    ],
)
def test_what_is_no_answer_is_named(reply: bytes, problem: str) -> None:
    with pytest.raises(ReplyError) as raised:
        read_judgement(reply)
    assert problem in str(raised.value)
    assert len(str(raised.value)) < 300


LONG = "x" * (TEXT_LIMIT + 1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"verdict": "MAYBE"}, "verdict must be one of PROVED, CERTIFIED, REFUTED, MEASURED, UNDECIDED; got 'MAYBE'"),
        ({"verdict": "ERROR"}, "verdict must be one of"),
        ({"verdict": None}, "verdict of a judgement must be a text; got NoneType"),
        ({"verdict": "name"}, "verdict must be one of"),
        ({"evidence": 5}, "evidence of a judgement must be a text; got int"),
        ({"evidence": LONG}, "evidence of a judgement takes 20001 characters; at most 20000 are read"),
        ({"evidence": "\ud800"}, "evidence of a judgement holds a lone surrogate at character 0"),
        ({"steps": {}}, "steps of a judgement must be a list; got dict"),
        ({"steps": [5]}, "a step must be an object; got int"),
        ({"steps": [STEP | {"more": 1}]}, "a step has an unknown member 'more'"),
        ({"steps": [STEP | {"claim": None}]}, "claim of a step must be a text"),
        ({"steps": [STEP | {"holds": False}]}, "a step must hold if and only if it has no fault"),
        ({"steps": [FAILED | {"holds": True}]}, "a step must hold if and only if it has no fault"),
        ({"steps": [STEP | {"holds": 1}]}, "holds of a step must be true or false; got int"),
        ({"steps": [FAILED | {"fault": ""}]}, "fault of a step must not be empty"),
        ({"steps": [STEP] * (ITEM_LIMIT + 1)}, "steps of a judgement has 10001 items; at most 10000 are read"),
        ({"sibling": "s"}, "a sibling must be an object; got str"),
        ({"sibling": {"statement": "", "fails_at": "f"}}, "a sibling must have a statement"),
        ({"sibling": SIBLING | {"more": 1}}, "a sibling has an unknown member"),
        ({"certificates": [{"kind": "k"}]}, "a certificate has no statement"),
        ({"certificates": [TOLD | {"text": ""}]}, "a certificate has an unknown member 'text'"),
        ({"by_hand": ""}, "by_hand of a judgement must not be empty"),
        ({"by_hand": LONG}, "by_hand of a judgement takes"),
        ({"trials": -1}, "trials of a judgement must lie between 0 and"),
        ({"trials": 10**16}, "trials of a judgement must lie between 0 and 1000000000000000"),
        ({"trials": 1.0}, "trials of a judgement must be a whole number; got float"),
        ({"trials": True}, "trials of a judgement must be a whole number; got bool"),
        ({"trials": 1, "successes": 2}, "successes of a judgement must not exceed its trials"),
        ({"interval": [0.1]}, "an interval must be a list of its two ends"),
        ({"interval": {}}, "an interval must be a list of its two ends"),
        ({"interval": [0.1, 0.2, 0.3]}, "an interval must be a list of its two ends"),
        ({"interval": [0.3, 0.2]}, "an interval must have its low end first"),
        ({"interval": [-0.1, 0.2]}, "an interval must lie between 0 and 1"),
        ({"interval": [0.1, 1.2]}, "an interval must lie between 0 and 1"),
        ({"interval": [0, 10**400]}, "a number is not finite"),
        ({"interval": ["0", "1"]}, "a number was expected; got str"),
        ({"interval": [False, True]}, "a number was expected; got bool"),
        ({"note": 5}, "note of a judgement must be a text; got int"),
        ({"more": None}, "a judgement has an unknown member 'more'"),
    ],
)
def test_a_judgement_of_another_form_is_refused(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ReplyError) as raised:
        read_judgement(lines(EMPTY | change))
    assert problem in str(raised.value)


def test_limits_are_reached_before_they_are_passed() -> None:
    whole = EMPTY | {
        "evidence": "x" * TEXT_LIMIT, "steps": [STEP] * ITEM_LIMIT, "trials": 10**15, "successes": 10**15,
        "interval": [0, 1], "sibling": SIBLING,
    }  # fmt: skip
    judgement = read_judgement(lines(whole))
    assert (len(judgement.steps), judgement.trials, judgement.interval) == (ITEM_LIMIT, 10**15, (0.0, 1.0))
    assert read_judgement(lines(EMPTY | {"interval": [0.5, 0.5]})).interval == (0.5, 0.5)
    many = EMPTY | {"certificates": [TOLD] * ITEM_LIMIT}
    assert read_judgement(lines(many, *[FALSE] * ITEM_LIMIT)).evidence == "e"
    assert read_judgement(b" " * (HEAD_LIMIT - len(lines(EMPTY)) + 1) + lines(EMPTY)).evidence == "e"


def test_every_member_is_needed() -> None:
    for name in EMPTY:
        with pytest.raises(ReplyError, match=f"a judgement has no {name}"):
            read_judgement(lines({key: value for key, value in EMPTY.items() if key != name}))


def answer(reply: bytes = b"", fault: str = "") -> Answer:
    return Answer(reply, fault, 1.5, "printed")


def test_every_reply_becomes_one_row() -> None:
    row = Result(id="a", file="a.py", statement="s", heading="h")
    for given, error in (
        (answer(fault="it took too long"), "it took too long"),
        (answer(lines({"error": "ValueError: why", "traceback": "here"})), "ValueError: why"),
        (answer(b"hello\n"), "the conjecture: the process answered with something that is no answer: not a JSON text"),
    ):
        result = _finish(row, given)
        assert result.error.startswith(error)
        assert (result.verdict, result.seconds, result.output, result.statement) == (None, 1.5, "printed", "s")
    assert _finish(row, answer(lines({"error": "e", "traceback": "here"}))).traceback == "here"
    fine = _finish(row, answer(lines(PROVED)))
    assert (fine.verdict, fine.error, fine.seconds, fine.output, fine.heading) == (
        Verdict.PROVED, "", 1.5, "printed", "h",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ({"heading": "h"}, "a collection has no conjectures"),
        ({"heading": None, "conjectures": []}, "heading of a collection must be a text"),
        ({"heading": "h", "conjectures": [5]}, "a declaration must be an object"),
        ({"heading": "h", "conjectures": [], "more": 1}, "a collection has an unknown member"),
    ],
)
def test_a_collection_of_another_form_is_refused(tmp_path, reply: dict[str, Any], problem: str) -> None:
    with pytest.raises(ReplyError, match=problem):
        read_collection(lines(reply))
    (row,) = _tasks(tmp_path / "a.py", answer(lines(reply)), None, False)
    assert isinstance(row, Result)
    assert row.error.startswith("importing a.py: the process answered with something that is no answer")
    with pytest.raises(ReplyError, match="a collection has no certificates"):
        read_collection(lines({"heading": "h", "conjectures": []}, "more"))


# A fuzzer by grammar: replies that are nearly right, with one thing changed wherever a thing can be changed.
ATOMS: list[Any] = [
    None, True, False, 0, 1, -1, 10**18, 10**400, 0.5, 1e308, "", "x", "PROVED", "\ud800", "\x1b[2J", [], {}, [[]],
    {"error": "e"}, LONG, [0, 1], "../../x",
]  # fmt: skip


def damage(value: Any, rng: random.Random) -> Any:
    """The value with one place of it replaced, dropped, doubled or moved."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(list(value))
        match rng.randrange(6):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return value | {rng.choice(["more", "error", key.upper(), "\ud800"]): rng.choice(ATOMS)}
            case 2:
                return {k if k != key else rng.choice(["", "more", *value]): v for k, v in value.items()}
            case _:
                return value | {key: damage(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.85:
        place = rng.randrange(len(value))
        match rng.randrange(4):
            case 0:
                return value[:place] + value[place + 1 :]
            case 1:
                return [*value, value[place]]
            case _:
                return [*value[:place], damage(value[place], rng), *value[place + 1 :]]
    return rng.choice(ATOMS)


def spoil(text: bytes, rng: random.Random) -> bytes:
    """The bytes, sometimes with some of them changed."""
    match rng.randrange(8):
        case 0:
            place = rng.randrange(len(text) + 1)
            return text[:place] + rng.choice([b"\n", b"\0", b"\xff", b"[" * 5000, b'"', b"NaN", b"{}\n"]) + text[place:]
        case 1:
            return text[: rng.randrange(len(text) + 1)]
        case _:
            return text


def trusts_nothing(judgement: Judgement) -> bool:
    """Whether the verdict, if it is more than UNDECIDED, has all that it needs, by a second reading of the rules."""
    steps, certificates = judgement.steps, judgement.certificates
    argued = bool(steps) and all(s.fault == "" for s in steps) and judgement.sibling != "" != judgement.sibling_fault
    match judgement.verdict:
        case Verdict.PROVED:
            return argued
        case Verdict.CERTIFIED:
            return bool(certificates) and all(s.fault == "" for s in steps)
        case Verdict.REFUTED:
            return judgement.by_hand != "" and (argued if steps else bool(certificates))
        case Verdict.MEASURED:
            return 0 <= judgement.successes <= judgement.trials and judgement.trials > 0
    return judgement.verdict is Verdict.UNDECIDED and certificates == ()


def fuzzed(read: Callable[[bytes], Any], whole: list[Any], rng: random.Random) -> Any:
    values = list(whole)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        place = rng.randrange(len(values))
        values[place] = damage(values[place], rng)
    with suppress(ReplyError, Refusal):  # an error that the process reports is as good as any
        return read(spoil(lines(*values), rng))
    return None


def test_no_damaged_reply_is_anything_but_an_answer_or_an_error(tier: Tier) -> None:
    rng = random.Random("replies")
    wholes = [[EMPTY], [PROVED], [CERTIFIED, CERTIFICATE], [REFUTED, CERTIFICATE], [MEASURED]]
    number = tier.count(3000, 100_000)
    read = 0
    for _ in range(number):
        judgement = fuzzed(read_judgement, rng.choice(wholes), rng)
        if judgement is not None:
            read += 1
            assert trusts_nothing(judgement)
            shown = Report(
                (Result(id="a", file="a", **{f: getattr(judgement, f) for f in EMPTY if f != "sibling"}),), 0.0
            )
            json.dumps(shown.to_json(), allow_nan=False).encode()
    declared = json.loads(json.dumps(conjecture("s", source="t")(lambda: None).to_json()))  # type: ignore[arg-type, return-value]
    declared["id"] = "a"
    for _ in range(number // 3):
        collection = fuzzed(read_collection, [{"heading": "h", "conjectures": [declared, declared | {"id": "b"}]}], rng)
        for declaration in collection[1] if collection else ():
            assert declaration.time_limit > 0
            assert set(declaration.id) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    tier.tell(
        f"{number + number // 3} of {number + number // 3} damaged replies refused or read whole ({read} judgements)"
    )


def test_the_schema_reads_values_as_they_are() -> None:
    assert parse(b'{"a": [1, 2.5, "x", null, true]}') == {"a": [1, 2.5, "x", None, True]}
    assert finite_number(3) == 3.0
    assert isinstance(finite_number(3), float)
    assert fault_of_text("é" * TEXT_LIMIT) == ""
    fields = Fields({"a": 1, "b": None, "c": 2.5}, "it")
    assert "a" in fields
    assert fields.whole("a", 1, 1) == 1
    assert "a" not in fields
    assert fields.optional("b", finite_number) is None
    assert fields.number("c") == 2.5
    fields.end()
    with pytest.raises(ReplyError, match="it has no a"):
        fields.whole("a")
    with pytest.raises(ReplyError, match="a of it must lie between 2 and 3"):
        Fields({"a": 1}, "it").whole("a", 2, 3)
    with pytest.raises(ReplyError, match="a of it takes 3 characters; at most 2 are read"):
        Fields({"a": "xyz"}, "it").text("a", 2)
    assert Fields({"a": "xy"}, "it").text("a", 2) == "xy"


def test_a_judgement_and_its_json_are_one() -> None:
    judged = judge(Witness([SignPattern(as_matrix([[1, -1]]))], note="n"))
    told = Judgement.from_json(json.loads(json.dumps(judged.to_json())))
    assert told == Judgement(
        verdict=judged.verdict, evidence=judged.evidence, note="n",
        certificates=tuple(c._replace(text="") for c in judged.certificates),
    )  # fmt: skip
