"""The judge derives the verdict from the evidence, and is not talked into one."""

from __future__ import annotations

import random
import re

import pytest
import sympy as sp

from relugeom.claims.steps import all_cases, between, certified, identity, polynomial_sign, sign, trace_identity
from relugeom.claims.verdicts import (
    Counterexample,
    Open,
    Proof,
    Sample,
    Scan,
    Sibling,
    Step,
    Verdict,
    Witness,
    judge,
)
from relugeom.errors import ConjectureError
from relugeom.exact import AxialLoss, SignPattern
from relugeom.exact.rationals import as_matrix

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


x = sp.Symbol("x", real=True)
n = sp.Symbol("n", positive=True)
k = sp.Symbol("k", nonnegative=True)
rows, columns = sp.symbols("rows columns", integer=True, positive=True)
A = sp.MatrixSymbol("A", rows, columns)
B = sp.MatrixSymbol("B", columns, rows)


@pytest.mark.parametrize(
    "step",
    [
        identity("Pythagoras", sp.sin(x) ** 2 + sp.cos(x) ** 2, 1),
        identity("a sum to a product", sp.cos(x) - sp.cos(3 * x), 2 * sp.sin(2 * x) * sp.sin(x)),
        identity("matrices, entry by entry", sp.Matrix([[x, 1]]) * sp.Matrix([[1], [x]]), sp.Matrix([[2 * x]])),
        identity("fractions", 1 / n - 1 / (n + 1), 1 / (n * (n + 1))),
        identity("roots", 1 / (sp.sqrt(5) - 1), (sp.sqrt(5) + 1) / 4),
        trace_identity("a rotation", A * B, B * A),
        trace_identity("a transpose", 2 * A * B, A * B + A.T * B.T),
        trace_identity("a square", (A + B.T) * (A.T + B), A * A.T + B.T * B + 2 * x * A * B / x),
        trace_identity("nothing", A * B, A * B),
        sign("positive", n * (n + 1), "> 0"),
        sign("a square", x**2 - 2 * x + 1, ">= 0"),
        between("an angle", 0, sp.pi / (k + 2), sp.pi),
        polynomial_sign("no root", x**2 + sp.sqrt(5) * x + sp.Rational(1, 3), x, [0, 1]),
        certified("a pair", GOOD),
        all_cases("squares", lambda i: i * i >= i, range(10)),
    ],
    ids=lambda step: step.claim,
)
def test_true_steps_hold(step: Step) -> None:
    assert step.decide() is True


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        (identity("wrong", sp.sin(x) ** 2, 1), "the sides differ by"),
        (identity("wrong entry", sp.Matrix([x, 1]), sp.Matrix([x, 2])), "the sides differ by -1"),
        (identity("nearly", sp.Rational(1, 10**30), 0), "the sides differ by"),
        (identity("rounded away", 1 + 1e-30, 1), "a floating-point number"),
        (identity("rounded in a matrix", sp.Matrix([x, 0.5]), sp.Matrix([x, 0.5])), "a floating-point number"),
        (identity("no entries", sp.zeros(0, 2), sp.zeros(0, 2)), "no entries"),
        (identity("the wrong branch", sp.sqrt(x**2), x), "the sides differ by"),
        (sign("a rounded sign", 1e-30 * n, "> 0"), "a floating-point number"),
        (polynomial_sign("a rounded coefficient", 0.1 * x, x, [1, 2]), "a floating-point number"),
        (trace_identity("not a rotation", A * B * A * A.T, A * A.T * A * B * 2), "the traces differ by"),
        (trace_identity("one transpose only", A * B, A * A.T), "the traces differ by"),
        (sign("unknown", x, "> 0"), "it does not follow that x > 0"),
        (sign("weak", k, "> 0"), "it does not follow"),
        (between("too large", 0, sp.pi * (k + 1), sp.pi), "above the range"),
        (between("too small", 0, -n, 1), "below the range"),
        (polynomial_sign("a root", x - sp.Rational(1, 2), x, [0, 1]), "a coefficient is negative"),
        (certified("no pair", BAD), "output 0 is positive at x = e_1"),
        (certified("a loss", AxialLoss(as_matrix([[1]]), as_matrix([[1]])[0][0])), "the loss is 0"),
        (all_cases("fails", lambda i: i < 3, range(10)), "fails at 3"),
        (all_cases("truthy is not true", lambda i: 1, range(10)), "fails at 0"),  # type: ignore[arg-type, return-value]
        (all_cases("empty", lambda i: True, []), "there are no cases"),
    ],
    ids=lambda value: value.claim if isinstance(value, Step) else value,
)
def test_false_steps_name_their_fault(step: Step, fault: str) -> None:
    decision = step.decide()
    assert isinstance(decision, str)
    assert fault in decision


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
