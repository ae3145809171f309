"""The judge derives the verdict from the evidence, and is not talked into one."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from relugeom.claims.steps import all_cases, identity
from relugeom.claims.verdicts import (
    REASON_LIMIT,
    Bound,
    Counterexample,
    Judgement,
    Open,
    Proof,
    Sample,
    Scan,
    Sibling,
    Step,
    StepRecord,
    Verdict,
    Witness,
    at_least,
    at_most,
    judge,
)
from relugeom.errors import ConjectureError
from relugeom.exact import PositivePair, SignPattern, dumps
from relugeom.exact.rationals import as_matrix
from relugeom.statistics import wilson_interval

GOOD = SignPattern(as_matrix([[1, -1]]))
BAD = SignPattern(as_matrix([[1, 1]]))
HOLDS = Step("one is one", lambda: 1 == 1)
FAILS = Step("one is two", lambda: 1 == 2)
FALSE_SIBLING = Sibling("one is two", [FAILS])


@pytest.mark.parametrize("verdict", Verdict)
def test_a_verdict_has_no_truth_value(verdict: Verdict) -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(verdict)


def test_a_proof_is_proved_when_every_step_holds_and_the_sibling_fails() -> None:
    judgement = judge(Proof([HOLDS, HOLDS], Sibling("one is two", [HOLDS, FAILS]), [GOOD]))
    assert judgement.verdict is Verdict.PROVED
    assert judgement.evidence == "2 steps checked, false sibling fails, 1 certificate valid"
    assert judgement.sibling_fault == "one is two: does not hold"


@pytest.mark.parametrize(
    ("outcome", "reason"),
    [
        (Proof([HOLDS, FAILS], Sibling("one is two", [HOLDS, FAILS])), "step not checked: one is two: does not hold"),
        (Proof([Step("why", lambda: "x remains")], FALSE_SIBLING), "step not checked: why: x remains"),
        (Proof([Step("why", lambda: "")], FALSE_SIBLING), "step not checked: why: does not hold"),
        (Proof([Step("why", lambda: None)], FALSE_SIBLING), "step not checked: why: decided neither way: None"),
        (Proof([Step("why", lambda: 1)], FALSE_SIBLING), "step not checked: why: decided neither way: 1"),
        (Proof([HOLDS], Sibling("one is two", [HOLDS])), "the same steps also prove the false statement: one is two"),
        (Proof([HOLDS], FALSE_SIBLING, [BAD]), "invalid sign-pattern certificate: output 0 is positive at x = e_1"),
        (Witness([GOOD, BAD]), "invalid sign-pattern certificate: output 0 is positive at x = e_1"),
        (Counterexample("look", [BAD]), "invalid sign-pattern certificate: output 0 is positive at x = e_1"),
    ],
)
def test_evidence_that_falls_short_is_undecided(outcome: object, reason: str) -> None:
    judgement = judge(outcome)  # type: ignore[arg-type]
    assert judgement.verdict is Verdict.UNDECIDED
    assert judgement.evidence == reason


@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        (None, "must return a Proof"),
        (Verdict.PROVED, "must return a Proof"),
        (True, "must return a Proof"),
        (Proof([], FALSE_SIBLING), "a Proof must have steps"),
        (Proof([], FALSE_SIBLING, [GOOD]), "a Proof must have steps"),
        (Witness([]), "must have evidence"),
        (Counterexample("", [GOOD]), "how to check it by hand"),
        (Counterexample("look"), "must have evidence"),
        (Counterexample("look", steps=[HOLDS]), "false sibling"),
        (Proof([HOLDS, HOLDS], Sibling("fewer steps", [FAILS])), "by the same methods, step by step"),
        (Proof([HOLDS], Sibling("another method", [identity("1 = 2", 1, 2)])), "by the same methods, step by step"),
        (Open(""), "must say why"),
        (Scan("nothing", [], bool), "must have cases"),
        (Sample("coin", lambda seed, trials: [True], 2), "must yield 2 results; got 1"),
    ],
)
def test_what_is_not_evidence_is_an_error(outcome: object, message: str) -> None:
    with pytest.raises(ConjectureError, match=message):
        judge(outcome)  # type: ignore[arg-type]


def test_the_other_verdicts() -> None:
    assert judge(Witness([GOOD])).verdict is Verdict.CERTIFIED
    assert judge(Counterexample("1·1 > 0", [GOOD])).verdict is Verdict.REFUTED
    assert judge(Counterexample("for all n", steps=[HOLDS], sibling=FALSE_SIBLING)).verdict is Verdict.REFUTED
    undecided = judge(Open("nobody knows", trials=7))
    assert (undecided.verdict, undecided.evidence, undecided.trials) == (Verdict.UNDECIDED, "nobody knows", 7)


def test_trials_are_counted_by_the_judge() -> None:
    def coin(seed: int, trials: int) -> list[bool]:
        rng = random.Random(seed)
        return [rng.random() < 0.25 for _ in range(trials)]

    judgement = judge(Sample("share", coin, 4000, seed=3, expected=0.25))
    assert judgement.verdict is Verdict.MEASURED
    assert judgement.successes == sum(coin(3, 4000))
    assert judgement.interval is not None
    assert judgement.interval[0] < 0.25 < judgement.interval[1]
    assert "the interval holds 0.25" in judgement.evidence
    against = judge(Sample("share", coin, 4000, seed=3, expected=0.5))
    assert against.verdict is Verdict.UNDECIDED
    assert "the interval excludes 0.5" in against.evidence


def test_a_scan_reports_every_failure() -> None:
    judgement = judge(Scan("even", range(10), lambda n: n % 2 == 0, lambda cases, outcomes: f"first {cases[0]}"))
    assert judgement.evidence == "even: 5 of 10; first 0"
    assert (judgement.successes, judgement.trials) == (5, 10)


def test_a_generator_is_evidence_like_a_list() -> None:
    """It is used up by the first who reads it: what was claimed must not vanish with it."""
    proof = Proof((identity("1 = 2", 1, k) for k in [2]), Sibling("1 = 3", [identity("1 = 3", 1, 3)]))  # type: ignore[arg-type]
    assert judge(proof).verdict is Verdict.UNDECIDED
    assert judge(proof).evidence.startswith("step not checked: 1 = 2")
    assert judge(Proof(iter([HOLDS]), Sibling("1 = 2", iter([FAILS])))).verdict is Verdict.PROVED  # type: ignore[arg-type]
    assert judge(Witness(c for c in [BAD])).verdict is Verdict.UNDECIDED  # type: ignore[arg-type]
    scan = judge(Scan("n", (n for n in range(3)), lambda n: n == 1))  # type: ignore[arg-type]
    assert scan.evidence == "n: 1 of 3"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Witness(SignPattern(W) for W in []),
        lambda: Witness(map(SignPattern, [])),
        lambda: Proof(filter(None, []), Sibling("1 = 3", filter(None, []))),
        lambda: Counterexample("by hand", filter(None, [])),
        lambda: Scan("n", (n for n in ()), lambda n: True),
    ],
)
def test_an_empty_generator_is_no_evidence(make) -> None:
    with pytest.raises(ConjectureError):
        judge(make())


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Open(5), "reason of Open must be str; got int"),
        (lambda: Open("x", trials=float("nan")), "trials of Open must be int; got float"),
        (lambda: Open("x", trials=True), "trials of Open must be int; got bool"),
        (lambda: Step(1, lambda: True), "claim of Step must be str; got int"),
        (lambda: Step("x", True), "decide of Step must be a function; got bool"),
        (lambda: Counterexample(by_hand=5), "by_hand of Counterexample must be str; got int"),
        (lambda: Proof([HOLDS], "no sibling"), "sibling of Proof must be Sibling; got str"),
        (lambda: Proof(HOLDS, FALSE_SIBLING), "steps of Proof must be a sequence; got Step"),
        (lambda: Witness([HOLDS]), "certificates of Witness must hold Certificate; item 0 is Step"),
        (lambda: Sample("p", lambda s, t: [], 1.5), "trials of Sample must be int; got float"),
        (lambda: Scan("n", "123", lambda n: True), "cases of Scan must be a sequence; got str"),
    ],
)
def test_evidence_of_the_wrong_type_is_named_where_it_is_made(make, field: str) -> None:
    with pytest.raises(ConjectureError, match=re.escape(field)):
        make()


def drawn(successes: int, trials: int = 1000, **options: Any) -> Judgement:
    return judge(Sample("p", lambda seed, trials: [i < successes for i in range(trials)], trials, **options))


@pytest.mark.parametrize(
    ("claim", "successes", "verdict", "told"),
    [
        (at_least(0.1), 200, Verdict.MEASURED, "; the interval shows ≥ 0.1"),
        (at_least(0.1), 100, Verdict.UNDECIDED, "; the interval does not settle ≥ 0.1"),
        (at_least(0.1), 50, Verdict.UNDECIDED, "; the interval excludes ≥ 0.1"),
        (at_most(0.1), 50, Verdict.MEASURED, "; the interval shows ≤ 0.1"),
        (at_most(0.1), 100, Verdict.UNDECIDED, "; the interval does not settle ≤ 0.1"),
        (at_most(0.1), 200, Verdict.UNDECIDED, "; the interval excludes ≤ 0.1"),
        (at_least(0), 0, Verdict.MEASURED, "; the interval shows ≥ 0"),
        (at_most(1), 1000, Verdict.MEASURED, "; the interval shows ≤ 1"),
        (at_most(0.123456789), 50, Verdict.MEASURED, "; the interval shows ≤ 0.123456789"),
    ],
)
def test_a_claim_is_judged_by_the_whole_interval(claim: Bound, successes: int, verdict: Verdict, told: str) -> None:
    judgement = drawn(successes, claim=claim)
    assert judgement.verdict is verdict
    assert judgement.evidence.endswith(told)


def test_the_ends_of_an_interval_belong_to_it() -> None:
    interval = wilson_interval(200, 1000)
    low, high = interval
    assert (at_least(low).judge(interval), at_least(high).judge(interval)) == (True, None)
    assert (at_most(high).judge(interval), at_most(low).judge(interval)) == (True, None)
    assert (at_least(0.9).judge(interval), at_most(0.1).judge(interval)) == (False, False)


def test_a_value_and_a_claim_must_both_agree() -> None:
    assert drawn(200, expected=0.2, claim=at_least(0.1)).verdict is Verdict.MEASURED
    assert drawn(200, expected=0.9, claim=at_least(0.1)).verdict is Verdict.UNDECIDED
    both = drawn(200, expected=0.2, claim=at_least(0.3))
    assert both.verdict is Verdict.UNDECIDED
    assert both.evidence.endswith("(99%, 1,000 trials); the interval holds 0.2; the interval excludes ≥ 0.3")


@pytest.mark.parametrize(("level", "shown"), [(0.99, "99%"), (0.999, "99.9%"), (0.5, "50%"), (0.9999999, "99.99999%")])
def test_a_level_is_shown_as_it_is(level: float, shown: str) -> None:
    assert f"({shown}, 1,000 trials)" in drawn(200, level=level).evidence
    assert drawn(200, level=level).interval == wilson_interval(200, 1000, level)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: drawn(1, level=0.0), "level of Sample must lie strictly between 0 and 1; got 0.0"),
        (lambda: drawn(1, level=1.0), "level of Sample must lie strictly between 0 and 1; got 1.0"),
        (lambda: drawn(1, level=float("nan")), "level of Sample must lie strictly between 0 and 1"),
        (lambda: drawn(1, level=1), "level of Sample must be float; got int"),
        (lambda: drawn(1, expected=1.5), "expected of Sample must lie between 0 and 1; got 1.5"),
        (lambda: drawn(1, expected=-0.5), "expected of Sample must lie between 0 and 1; got -0.5"),
        (lambda: drawn(1, claim=0.5), "claim of Sample must be Bound or NoneType; got float"),
        (lambda: at_least(1.5), "a probability lies between 0 and 1; got 1.5"),
        (lambda: at_most(-0.5), "a probability lies between 0 and 1; got -0.5"),
        (lambda: at_most(float("nan")), "a probability lies between 0 and 1; got nan"),
        (lambda: at_least("0.5"), "value of Bound must be float or int; got str"),
        (lambda: Bound("=", 0.5), "relation of Bound must be '≥' or '≤'; got '='"),
        (lambda: Open("x" * 20_001), "reason of Open takes 20001 characters; at most 20000 are read"),
        (lambda: Open("x", note="\ud800"), "note of Open holds a lone surrogate at character 0"),
        (lambda: Witness([GOOD] * 10_001), "certificates of Witness has 10001 items; at most 10000 are judged"),
        (lambda: Proof(5, FALSE_SIBLING), "steps of Proof must be a sequence; got int"),
        (lambda: Scan("s", [1], 5), "holds of Scan must be a function; got int"),
        (lambda: Scan("s", [1], bool, 5), "describe of Scan must be a function; got int"),
        (lambda: Sample("s", 5, 1), "draw of Sample must be a function; got int"),
        (lambda: Sample("s", bool, True), "trials of Sample must be int; got bool"),
        (lambda: Counterexample("x", sibling=5), "sibling of Counterexample must be Sibling or NoneType; got int"),
        (lambda: judge(Proof([HOLDS], Sibling("", [FAILS]))), "the false sibling must have a statement"),
        (lambda: judge(Scan("s", [1], bool, lambda c, o: "x" * 20_000)), "the evidence takes 20011 characters"),
    ],
)
def test_what_cannot_be_judged_is_named(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ConjectureError, match=re.escape(message)):
        make()


def test_a_scan_may_be_longer_than_a_proof() -> None:
    assert judge(Scan("n", range(20_000), lambda n: n != 7)).evidence == "n: 19,999 of 20,000"
    assert judge(Scan("n", [1], lambda n: 0)).evidence == "n: 0 of 1"


def test_edges_of_what_is_taken() -> None:
    assert judge(Open("x" * 20_000, note="n", trials=3)) == Judgement(
        verdict=Verdict.UNDECIDED, evidence="x" * 20_000, note="n", trials=3
    )
    assert drawn(1, expected=0, claim=at_least(0)).trials == 1000
    assert drawn(999, expected=1, claim=at_most(1)).successes == 999
    assert len(judge(Witness([GOOD] * 10_000)).certificates) == 10_000


def test_what_a_judgement_holds() -> None:
    proof = judge(Proof([HOLDS], FALSE_SIBLING, [GOOD], note="n"))
    assert proof.steps == (StepRecord("one is one", "computation", ""),)
    assert (proof.sibling, proof.sibling_fault, proof.note) == ("one is two", "one is two: does not hold", "n")
    (certificate,) = proof.certificates
    assert (certificate.kind, certificate.text, certificate.fault) == ("sign-pattern", dumps(GOOD), "")
    assert "m = 1, n = 2" in certificate.statement
    refuted = judge(Counterexample("by hand", [GOOD], note="n"))
    assert (refuted.by_hand, refuted.note, refuted.sibling, refuted.steps) == ("by hand", "n", "", ())
    assert refuted.evidence == "1 certificate valid"
    (bad,) = judge(Witness([BAD])).certificates
    assert (bad.kind, bad.statement, bad.text) == ("sign-pattern", "", "")
    assert bad.fault == "output 0 is positive at x = e_1"
    assert proof.lacks == refuted.lacks == ""
    # Of an argument that fails, the sibling is not asked.
    fails = judge(Proof([HOLDS, FAILS], Sibling("s", [HOLDS, HOLDS])))
    assert (fails.sibling, fails.sibling_fault, len(fails.steps)) == ("s", "", 2)


def test_floats_in_a_certificate_are_told_how_to_become_exact() -> None:
    judgement = judge(Witness([SignPattern([[0.5, -1.0]])]))  # type: ignore[arg-type]
    assert judgement.verdict is Verdict.UNDECIDED
    assert judgement.evidence == (
        "invalid sign-pattern certificate: 0.5 is not a rational number; "
        "relugeom.exact.rationals.as_matrix makes exact what is given as floats"
    )


def test_a_sibling_is_argued_by_the_same_methods_of_any_size() -> None:
    def proof(*sibling: Step) -> Proof:
        return Proof([all_cases("one", bool, [1])], Sibling("none", sibling))

    assert judge(proof(all_cases("none", bool, [1, 2, 0]))).verdict is Verdict.PROVED
    assert judge(proof(all_cases("none", bool, [1, 2]))).verdict is Verdict.UNDECIDED
    for others in ([identity("a", 1, 2)], [all_cases("a", bool, [0]), all_cases("a", bool, [0])], []):
        with pytest.raises(ConjectureError, match="by the same methods, step by step"):
            judge(proof(*others))


RIGHT: dict[type, dict[str, Any]] = {
    Step: {"claim": "c", "decide": bool, "method": "m"},
    Sibling: {"statement": "s", "steps": [FAILS]},
    Proof: {"steps": [HOLDS], "sibling": FALSE_SIBLING, "certificates": [GOOD], "note": "n"},
    Witness: {"certificates": [GOOD], "note": "n"},
    Counterexample: {"by_hand": "b", "certificates": [GOOD], "steps": [HOLDS], "sibling": None, "note": "n"},
    Sample: {
        "quantity": "q", "draw": bool, "trials": 1, "seed": 0, "expected": 0.5, "level": 0.5, "note": "n",
        "claim": None,
    },
    Scan: {"quantity": "q", "cases": [1], "holds": bool, "describe": bool, "note": "n"},
    Open: {"reason": "r", "trials": 1, "note": "n"},
}  # fmt: skip


@pytest.mark.parametrize("kind", RIGHT, ids=lambda kind: kind.__name__)
def test_every_field_of_every_evidence_is_checked(kind: type) -> None:
    assert {field.name for field in dataclasses.fields(kind)} == set(RIGHT[kind])
    kind(**RIGHT[kind])
    for field in RIGHT[kind]:
        with pytest.raises(ConjectureError, match=f"^{field} of {kind.__name__} "):
            kind(**RIGHT[kind] | {field: object()})


def test_defaults_of_evidence() -> None:
    assert (Open("x").trials, Open("x").note) == (0, "")
    sample = Sample("q", bool, 1)
    assert (sample.seed, sample.expected, sample.level, sample.note, sample.claim) == (0, None, 0.99, "", None)
    assert Judgement() == Judgement(verdict=None, evidence="", trials=0, successes=0, interval=None)
    assert Judgement().to_json()["verdict"] == "ERROR"
    assert Step("c", bool).method == "computation"


def test_a_judgement_as_json() -> None:
    proof = judge(Proof([HOLDS], FALSE_SIBLING, [GOOD], note="n")).to_json()
    assert proof == {
        "verdict": "PROVED", "evidence": "1 step checked, false sibling fails, 1 certificate valid",
        "steps": [{"claim": "one is one", "method": "computation", "holds": True, "fault": None}],
        "sibling": {"statement": "one is two", "fails_at": "one is two: does not hold"},
        "certificates": [{"kind": "sign-pattern", "statement": judge(Witness([GOOD])).certificates[0].statement}],
        "by_hand": None, "trials": 0, "successes": 0, "interval": None, "note": "n",
    }  # fmt: skip
    failed = judge(Proof([FAILS], FALSE_SIBLING)).to_json()
    assert failed["steps"] == [
        {"claim": "one is two", "method": "computation", "holds": False, "fault": "does not hold"}
    ]
    assert failed["note"] is None
    counted = drawn(200).to_json()
    assert (counted["trials"], counted["successes"], counted["sibling"]) == (1000, 200, None)
    assert counted["interval"] == list(wilson_interval(200, 1000))
    assert judge(Counterexample("by hand", [GOOD])).to_json()["by_hand"] == "by hand"


@pytest.mark.parametrize("length", [REASON_LIMIT - 1, REASON_LIMIT, REASON_LIMIT + 1, 10**6])
def test_a_reason_ends_where_nobody_reads_on(length: int) -> None:
    fault = judge(Proof([Step("s", lambda: "x" * length)], Sibling("t", [FAILS]))).steps[0].fault
    assert REASON_LIMIT == 500
    assert len(fault) == min(length, 500)
    assert fault.endswith("…") == (length > 500)


def test_an_invalid_witness_beyond_2m_is_answered_by_the_theorem() -> None:
    for encoder, pair, words in (
        ([[1, -1, 0, 0, 1], [0, 0, 1, -1, 1]], (0, 4), "w_0·w_4 > 0"),
        ([[1, -1, 0, 0, 0], [0, 0, 1, -1, 0]], (4, 4), "w_4 = 0"),
    ):
        W = as_matrix(encoder)
        judgement = judge(Witness([SignPattern(W)]))
        assert judgement.verdict is Verdict.UNDECIDED
        assert "no 2×5 matrix can do it without a bias, as 5 > 2m = 4" in judgement.evidence
        assert f'Counterexample("{words}", [PositivePair(W, {pair})])' in judgement.evidence
        refuted = judge(Counterexample(words, [PositivePair(W, pair)]))
        assert refuted.verdict is Verdict.REFUTED
    below = judge(Witness([SignPattern(as_matrix([[1, 1], [0, 1]]))]))
    biased = judge(Witness([SignPattern(W, bias=(Fraction(0),) * 5)]))
    assert "2m" not in below.evidence + biased.evidence
