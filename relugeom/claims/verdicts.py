"""The five verdicts, and the evidence from which they are derived.

A conjecture does not say "proved": it returns evidence, and `judge` derives the verdict by re-evaluating every
step, re-checking every certificate and counting every trial itself.

==================  =========================================================================================
`Proof`             PROVED: every step of an argument is checked by machine, and its false sibling fails
`Witness`           CERTIFIED: a finite statement with certificates that the checker accepts
`Counterexample`    REFUTED: an exact counterexample (certificates, or steps when it holds for every n)
`Sample`, `Scan`    MEASURED: a statistic with its interval and trials; a count over all cases in a range
`Open`              UNDECIDED: why, and what was tried
==================  =========================================================================================

Evidence that falls short never turns into a weaker "yes": the verdict is UNDECIDED and the reason names the step.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from relugeom.claims.schema import ITEM_LIMIT, Fields, ReplyError, fault_of_text, finite_number
from relugeom.errors import ConjectureError
from relugeom.exact import Certificate, Invalid, SignPattern, Valid, check, dumps
from relugeom.exact.rationals import dot, transpose
from relugeom.statistics import Interval, wilson_interval

__all__ = [
    "Bound",
    "CertificateRecord",
    "Counterexample",
    "Judgement",
    "Open",
    "Outcome",
    "Proof",
    "Sample",
    "Scan",
    "Sibling",
    "Step",
    "StepRecord",
    "Verdict",
    "Witness",
    "at_least",
    "at_most",
    "judge",
    "read_verdict",
]

# A reason is a line or two; what an expression of a page differs by helps nobody.
REASON_LIMIT = 500
_MOST_PRODUCTS = 1_000_000


class Verdict(enum.Enum):
    """What is known about a statement. A verdict has no truth value: compare it, never test it.

    Parameters
    ----------
    value : str
        ``Verdict("PROVED")`` is `Verdict.PROVED`.
    """

    PROVED = "PROVED"
    CERTIFIED = "CERTIFIED"
    REFUTED = "REFUTED"
    MEASURED = "MEASURED"
    UNDECIDED = "UNDECIDED"

    def __bool__(self) -> bool:
        raise TypeError(f"a verdict is neither true nor false; compare it, as in `verdict is Verdict.{self.name}`")


def _settle(evidence: Any, field: str, kind: type | tuple[type, ...]) -> None:
    """Make a field the tuple of its items, so that a generator cannot be used up before it is judged.

    Raises
    ------
    ConjectureError
        The field is not iterable, or an item is of another type.
    """
    values = getattr(evidence, field)
    where = f"{field} of {type(evidence).__name__}"
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise ConjectureError(f"{where} must be a sequence; got {type(values).__name__}")
    items = tuple(values)
    for number, item in enumerate(items):
        if not isinstance(item, kind):
            names = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
            raise ConjectureError(f"{where} must hold {names}; item {number} is {type(item).__name__}")
    if kind is not object and len(items) > ITEM_LIMIT:
        raise ConjectureError(f"{where} has {len(items)} items; at most {ITEM_LIMIT} are judged")
    object.__setattr__(evidence, field, items)


def _require_callable(evidence: Any, field: str) -> None:
    """Refuse a field that is no function."""
    if not callable(getattr(evidence, field)):
        got = type(getattr(evidence, field)).__name__
        raise ConjectureError(f"{field} of {type(evidence).__name__} must be a function; got {got}")


def _require(evidence: Any, kind: type | tuple[type, ...], *fields: str) -> None:
    """Refuse a field of another type than `kind`."""
    for field in fields:
        value = getattr(evidence, field)
        # True is no number of trials.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            names = " or ".join(k.__name__ for k in (kind if isinstance(kind, tuple) else (kind,)))
            raise ConjectureError(f"{field} of {type(evidence).__name__} must be {names}; got {type(value).__name__}")
        if isinstance(value, str) and (fault := fault_of_text(value)):
            raise ConjectureError(f"{field} of {type(evidence).__name__} {fault}")


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an argument: what it says, how it is decided, and the computation that decides it.

    `decide` returns True when the step holds, and False or a string that names the fault when it does not.
    `relugeom.claims.steps` makes steps that SymPy or the checker decides.

    Parameters
    ----------
    claim : str
        What the step says.
    decide : callable
        Takes nothing; answers True, False, or a string that names the fault.
    method : str
        How it is decided, for the comparison with the sibling's step.
    """

    claim: str
    decide: Callable[[], bool | str]
    method: str = "computation"

    def __post_init__(self) -> None:
        _require(self, str, "claim", "method")
        _require_callable(self, "decide")


@dataclass(frozen=True, slots=True)
class Sibling:
    """A false statement near the proved one, argued the same way: at least one of its steps must fail.

    The judge insists on as many steps, decided by the same methods in the same order. Whether the sibling is near,
    and whether the steps are about the statement at all, is for the reader of the argument to see.

    Parameters
    ----------
    statement : str
        The false statement.
    steps : sequence of Step
        As many as the proof has, decided by the same methods.
    """

    statement: str
    steps: Sequence[Step]

    def __post_init__(self) -> None:
        _require(self, str, "statement")
        _settle(self, "steps", Step)


@dataclass(frozen=True, slots=True)
class Proof:
    """An argument (the docstring of the conjecture) whose algebraic steps are all checked by machine.

    Parameters
    ----------
    steps : sequence of Step
    sibling : Sibling
        The false statement that the same steps must fail to prove.
    certificates : sequence of Certificate
        Checked by the judge.
    note : str
        For the reader; no evidence.
    """

    steps: Sequence[Step]
    sibling: Sibling
    certificates: Sequence[Certificate] = ()
    note: str = ""

    def __post_init__(self) -> None:
        _require(self, str, "note")
        _require(self, Sibling, "sibling")
        _settle(self, "steps", Step)
        _settle(self, "certificates", Certificate)


@dataclass(frozen=True, slots=True)
class Witness:
    """A finite statement: the certificates that prove it.

    Parameters
    ----------
    certificates : sequence of Certificate
        Checked by the judge.
    note : str
        For the reader; no evidence.
    """

    certificates: Sequence[Certificate]
    note: str = ""

    def __post_init__(self) -> None:
        _require(self, str, "note")
        _settle(self, "certificates", Certificate)


@dataclass(frozen=True, slots=True)
class Counterexample:
    """Why the statement is false, in a form that can be checked by hand.

    Needs certificates, or steps with their sibling (when the counterexample is a family), or both.

    Parameters
    ----------
    by_hand : str
        The counterexample in a form that a person can check.
    certificates : sequence of Certificate
        Checked by the judge.
    steps : sequence of Step
    sibling : Sibling, optional
    note : str
        For the reader; no evidence.
    """

    by_hand: str
    certificates: Sequence[Certificate] = ()
    steps: Sequence[Step] = ()
    sibling: Sibling | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _require(self, str, "by_hand", "note")
        _require(self, (Sibling, type(None)), "sibling")
        _settle(self, "steps", Step)
        _settle(self, "certificates", Certificate)


@dataclass(frozen=True, slots=True)
class Bound:
    """What a statement says of a probability: that it is at least, or at most, a number."""

    relation: Literal["≥", "≤"]
    value: float

    def __post_init__(self) -> None:
        if self.relation not in ("≥", "≤"):
            raise ConjectureError(f"relation of Bound must be '≥' or '≤'; got {self.relation!r:.20}")
        _require(self, (float, int), "value")
        if not 0 <= self.value <= 1:
            raise ConjectureError(f"a probability lies between 0 and 1; got {self.value!r:.20}")

    def judge(self, interval: Interval) -> bool | None:
        """True when every value in the interval satisfies the bound, False when none does, None in between."""
        if self.relation == "≥":
            ends = [end >= self.value for end in interval]
        else:
            ends = [end <= self.value for end in interval]
        return ends[0] if ends[0] == ends[1] else None


def at_least(value: float) -> Bound:
    """The claim of a `Sample` that the probability is `value` or more.

    Parameters
    ----------
    value : float
        In [0, 1].

    Returns
    -------
    Bound

    See Also
    --------
    relugeom.claims.verdicts.at_most
    """
    return Bound("≥", value)


def at_most(value: float) -> Bound:
    """The claim of a `Sample` that the probability is `value` or less.

    Parameters
    ----------
    value : float
        In [0, 1].

    Returns
    -------
    Bound

    See Also
    --------
    relugeom.claims.verdicts.at_least
    """
    return Bound("≤", value)


@dataclass(frozen=True, slots=True)
class Sample:
    """A probability, estimated: `draw(seed, trials)` yields that many booleans, which the judge counts.

    `expected` is the value the statement gives, `claim` the bound it gives (`at_least(0.1)`, `at_most(0.05)`), if any.
    When the interval excludes the value, or does not lie whole on the claimed side of the bound, the verdict is
    UNDECIDED.

    Parameters
    ----------
    quantity : str
        What the probability is of.
    draw : callable
        ``draw(seed, trials)`` yields that many booleans.
    trials : int
    seed : int
    expected : float, optional
        The value that the statement gives.
    level : float
        Of the interval.
    note : str
        For the reader; no evidence.
    claim : Bound, optional
        `at_least` or `at_most` a value.
    """

    quantity: str
    draw: Callable[[int, int], Iterable[bool]]
    trials: int
    seed: int = 0
    expected: float | None = None
    level: float = 0.99
    note: str = ""
    claim: Bound | None = None

    def __post_init__(self) -> None:
        _require(self, str, "quantity", "note")
        _require_callable(self, "draw")
        _require(self, int, "trials", "seed")
        _require(self, (float, int, type(None)), "expected")
        _require(self, float, "level")
        _require(self, (Bound, type(None)), "claim")
        if not 0 < self.level < 1:
            raise ConjectureError(f"level of Sample must lie strictly between 0 and 1; got {self.level}")
        if self.expected is not None and not 0 <= self.expected <= 1:
            raise ConjectureError(f"expected of Sample must lie between 0 and 1; got {self.expected!r:.20}")


@dataclass(frozen=True, slots=True)
class Scan:
    """A count over every case in a stated range: the judge evaluates `holds` on each and reports the failures.

    `findings` are figures for the reader, computed from the outcomes in order by `describe(cases, outcomes)`.

    Parameters
    ----------
    quantity : str
        What is counted.
    cases : sequence
        Every case of the stated range.
    holds : callable
        Takes a case; answers True or False.
    describe : callable, optional
        ``describe(cases, outcomes)``: figures for the reader.
    note : str
        For the reader; no evidence.
    """

    quantity: str
    cases: Sequence[object]
    holds: Callable[[object], bool]
    describe: Callable[[Sequence[object], Sequence[bool]], str] | None = None
    note: str = ""

    def __post_init__(self) -> None:
        _require(self, str, "quantity", "note")
        _require_callable(self, "holds")
        if self.describe is not None:
            _require_callable(self, "describe")
        _settle(self, "cases", object)


@dataclass(frozen=True, slots=True)
class Open:
    """Not decided: the reason, and what was tried ("no counterexample found" belongs here).

    Parameters
    ----------
    reason : str
        Why it is not decided.
    trials : int
        How many attempts at a counterexample were made.
    note : str
        For the reader; no evidence.
    """

    reason: str
    trials: int = 0
    note: str = ""

    def __post_init__(self) -> None:
        _require(self, str, "reason", "note")
        _require(self, int, "trials")


Outcome = Proof | Witness | Counterexample | Sample | Scan | Open


class StepRecord(NamedTuple):
    """A step after the judge has evaluated it; `fault` is empty when it holds."""

    claim: str
    method: str
    fault: str

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        return {"claim": self.claim, "method": self.method, "holds": not self.fault, "fault": self.fault or None}

    @classmethod
    def from_json(cls, value: Any) -> StepRecord:
        """The record that `to_json` gave; a `ReplyError` for anything else."""
        fields = Fields(value, "a step")
        record = cls(fields.text("claim"), fields.text("method"), fields.optional_text("fault"))
        if fields.flag("holds") != (not record.fault):
            raise ReplyError("a step must hold if and only if it has no fault")
        fields.end()
        return record


class CertificateRecord(NamedTuple):
    """A certificate after the checker has checked it: `fault` is empty when it is valid.

    Attributes
    ----------
    kind
        What sort of certificate it is.
    statement
        What it proves, computed from its data; empty when it is invalid.
    text
        The certificate as it is written to a file; empty when it is invalid, or was not handed on.
    fault
        Why it is invalid.
    """

    kind: str
    statement: str
    text: str = ""
    fault: str = ""

    def to_json(self) -> dict[str, Any]:
        """The record as plain JSON values, without the certificate itself."""
        return {"kind": self.kind, "statement": self.statement}

    @classmethod
    def from_json(cls, value: Any) -> CertificateRecord:
        """The record that `to_json` gave; a `ReplyError` for anything else."""
        fields = Fields(value, "a certificate")
        record = cls(fields.text("kind"), fields.text("statement"))
        fields.end()
        return record


def _probability(value: Any) -> float:
    number = finite_number(value)
    if not 0 <= number <= 1:
        raise ReplyError("an interval must lie between 0 and 1")
    return number


def _interval(value: Any) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise ReplyError("an interval must be a list of its two ends")
    low, high = map(_probability, value)
    if low > high:
        raise ReplyError("an interval must have its low end first")
    return low, high


def _sibling(value: Any) -> tuple[str, str]:
    fields = Fields(value, "a sibling")
    found = fields.text("statement"), fields.text("fails_at")
    fields.end()
    if not found[0]:
        raise ReplyError("a sibling must have a statement")
    return found


def read_verdict(value: Any) -> Verdict:
    """The verdict of that name; a `ReplyError` for anything else."""
    if not isinstance(value, str) or value not in Verdict.__members__:
        raise ReplyError(f"verdict must be one of {', '.join(Verdict.__members__)}; got {value!r:.40}")
    return Verdict[value]


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A verdict with everything it was derived from; None for the verdict where nothing could be judged."""

    verdict: Verdict | None = None
    evidence: str = ""
    steps: tuple[StepRecord, ...] = ()
    sibling: str = ""
    sibling_fault: str = ""
    certificates: tuple[CertificateRecord, ...] = ()
    by_hand: str = ""
    trials: int = 0
    successes: int = 0
    interval: tuple[float, float] | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The judgement as plain JSON values, ERROR for no verdict."""
        return {
            "verdict": self.verdict.value if self.verdict is not None else "ERROR",
            "evidence": self.evidence,
            "steps": [step.to_json() for step in self.steps],
            "sibling": {"statement": self.sibling, "fails_at": self.sibling_fault} if self.sibling else None,
            "certificates": [certificate.to_json() for certificate in self.certificates],
            "by_hand": self.by_hand or None,
            "trials": self.trials,
            "successes": self.successes,
            "interval": list(self.interval) if self.interval else None,
            "note": self.note or None,
        }

    @classmethod
    def from_json(cls, value: Any) -> Judgement:
        """What `to_json` was given, without the texts of certificates; a `ReplyError` for anything else."""
        fields = Fields(value, "a judgement")
        sibling, sibling_fault = fields.optional("sibling", _sibling) or ("", "")
        judgement = cls(
            verdict=read_verdict(fields.text("verdict")),
            evidence=fields.text("evidence"),
            steps=fields.items("steps", StepRecord.from_json),
            sibling=sibling,
            sibling_fault=sibling_fault,
            certificates=fields.items("certificates", CertificateRecord.from_json),
            by_hand=fields.optional_text("by_hand"),
            trials=fields.whole("trials"),
            successes=fields.whole("successes"),
            interval=fields.optional("interval", _interval),
            note=fields.optional_text("note"),
        )
        fields.end()
        if judgement.successes > judgement.trials:
            raise ReplyError("successes of a judgement must not exceed its trials")
        return judgement

    @property
    def lacks(self) -> str:
        """What the verdict rests on and is not there, as "without steps"; empty when all is there.

        The judge never derives such a verdict. Whoever was told one by somebody else asks here.
        """
        argued = self.verdict in (Verdict.PROVED, Verdict.REFUTED)
        if not self.evidence:
            return "without evidence"
        if (argued or self.verdict is Verdict.CERTIFIED) and any(step.fault for step in self.steps):
            return "with a step that does not hold"
        if argued and self.steps and not (self.sibling and self.sibling_fault):
            return "without a false sibling that fails"
        if self.verdict is Verdict.PROVED and not self.steps:
            return "without steps"
        if self.verdict is Verdict.CERTIFIED and not self.certificates:
            return "without certificates"
        if self.verdict is Verdict.REFUTED and not (self.by_hand and (self.steps or self.certificates)):
            return "without what it rests on"
        if self.verdict is Verdict.MEASURED and not self.trials:
            return "without trials"
        return ""


def judge(outcome: Outcome) -> Judgement:
    """Derive the verdict from the evidence.

    Raises
    ------
    ConjectureError
        `outcome` is not one of the outcome types, or is empty of evidence.
    """
    judgement = _judge_outcome(outcome)
    if fault := fault_of_text(judgement.evidence):
        raise ConjectureError(f"the evidence {fault}")
    return judgement


def _judge_outcome(outcome: Outcome) -> Judgement:
    match outcome:
        case Proof():
            return _judge_argument(outcome, Verdict.PROVED, outcome.sibling, "")
        case Counterexample():
            return _judge_argument(outcome, Verdict.REFUTED, outcome.sibling, outcome.by_hand)
        case Witness():
            return _judge_argument(outcome, Verdict.CERTIFIED, None, "")
        case Sample():
            return _judge_sample(outcome)
        case Scan():
            return _judge_scan(outcome)
        case Open():
            if not outcome.reason:
                raise ConjectureError("an undecided outcome must say why")
            return Judgement(
                verdict=Verdict.UNDECIDED, evidence=outcome.reason, note=outcome.note, trials=outcome.trials
            )
    raise ConjectureError(
        f"a conjecture must return a Proof, Witness, Counterexample, Sample, Scan or Open; got {type(outcome).__name__}"
    )


def _shorten(reason: str) -> str:
    """A reason that can be written, and is cut where nobody would read on."""
    reason = reason[: REASON_LIMIT + 1].encode(errors="backslashreplace").decode()
    return reason if len(reason) <= REASON_LIMIT else reason[: REASON_LIMIT - 1] + "…"


def _evaluate(step: Step) -> StepRecord:
    decision = step.decide()
    if decision is True:
        fault = ""
    elif isinstance(decision, str):
        fault = decision or "does not hold"
    else:
        fault = "does not hold" if decision is False else f"decided neither way: {decision!r:.60}"
    return StepRecord(step.claim, step.method, _shorten(fault))


def _inspect(certificate: Certificate) -> CertificateRecord:
    match check(certificate):
        case Valid(statement):
            return CertificateRecord(certificate.kind, statement, dumps(certificate))
        case Invalid(reason):
            if reason.endswith("is not a rational number"):
                reason += "; relugeom.exact.rationals.as_matrix makes exact what is given as floats"
            elif isinstance(certificate, SignPattern) and reason.startswith("output"):  # its matrices are matrices
                reason += _beyond_2m(certificate)
            return CertificateRecord(certificate.kind, "", fault=_shorten(reason))


def _beyond_2m(claimed: SignPattern) -> str:
    """What the theorem n ≤ 2m says of an invalid certificate about more features; empty where it is silent."""
    m, n = len(claimed.encoder), len(claimed.encoder[0])
    if claimed.decoder is not None or claimed.bias is not None or n <= 2 * m or m * n * n > _MOST_PRODUCTS:
        return ""
    columns = transpose(claimed.encoder)
    fails = (
        (i, j)
        for j in range(n)
        for i in range(j + 1)
        if (dot(columns[i], columns[j]) > 0 if i < j else not any(columns[i]))
    )
    i, j = next(fails)  # by the theorem there is one
    words = f"w_{i}·w_{j} > 0" if i < j else f"w_{i} = 0"
    return (
        f"; no {m}×{n} matrix can do it without a bias, as {n} > 2m = {2 * m} (relugeom explain two-m-bound-energy), "
        f'and Counterexample("{words}", [PositivePair(W, ({i}, {j}))]) refutes this one'
    )


def _methods(steps: Sequence[Step]) -> list[str]:
    """How the steps are decided, sizes left out."""
    return ["".join(c for c in step.method if not c.isdigit()) for step in steps]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _judge_argument(
    outcome: Proof | Counterexample | Witness, verdict: Verdict, sibling: Sibling | None, by_hand: str
) -> Judgement:
    given_steps = () if isinstance(outcome, Witness) else outcome.steps
    if verdict is Verdict.PROVED and not given_steps:
        raise ConjectureError("a Proof must have steps")
    if verdict is Verdict.REFUTED and not by_hand:
        raise ConjectureError("a Counterexample must say how to check it by hand")
    if not given_steps and not outcome.certificates:
        raise ConjectureError(f"a {type(outcome).__name__} must have evidence")
    if given_steps and sibling is None:
        raise ConjectureError("steps need a false sibling that the same steps fail to prove")

    if sibling is not None and not sibling.statement:
        raise ConjectureError("the false sibling must have a statement")
    if sibling is not None and _methods(sibling.steps) != _methods(given_steps):
        raise ConjectureError("the false sibling must be argued by the same methods, step by step")

    steps = tuple(_evaluate(step) for step in given_steps)
    certificates = tuple(_inspect(certificate) for certificate in outcome.certificates)
    sibling_fault = ""
    problem = next((f"step not checked: {s.claim}: {s.fault}" for s in steps if s.fault), "")
    if not problem:
        problem = next((f"invalid {c.kind} certificate: {c.fault}" for c in certificates if c.fault), "")
    if not problem and sibling is not None:
        failed = next((record for record in map(_evaluate, sibling.steps) if record.fault), None)
        if failed is None:
            problem = f"the same steps also prove the false statement: {sibling.statement}"
        else:
            sibling_fault = f"{failed.claim}: {failed.fault}"

    parts = []
    if steps:
        parts.append(f"{_count(len(steps), 'step')} checked, false sibling fails")
    if certificates:
        parts.append(f"{_count(len(certificates), 'certificate')} valid")
    return Judgement(
        verdict=Verdict.UNDECIDED if problem else verdict,
        evidence=problem or ", ".join(parts),
        steps=steps,
        certificates=certificates,
        sibling=sibling.statement if sibling else "",
        sibling_fault=sibling_fault,
        by_hand=by_hand,
        note=outcome.note,
    )


def _judge_sample(sample: Sample) -> Judgement:
    outcomes = [bool(result) for result in sample.draw(sample.seed, sample.trials)]
    if len(outcomes) != sample.trials or not outcomes:
        raise ConjectureError(f"the draw must yield {sample.trials} results; got {len(outcomes)}")
    successes = sum(outcomes)
    interval = wilson_interval(successes, sample.trials, sample.level)
    evidence = (
        f"{sample.quantity} = {successes / sample.trials:.4g} "
        f"[{interval[0]:.4g}, {interval[1]:.4g}] ({100 * sample.level:.10g}%, {sample.trials:,} trials)"
    )
    agrees = sample.expected is None or sample.expected in interval
    if sample.expected is not None:
        evidence += f"; the interval {'holds' if agrees else 'excludes'} {sample.expected:.4g}"
    if sample.claim is not None:
        word = {True: "shows", False: "excludes", None: "does not settle"}[supports := sample.claim.judge(interval)]
        evidence += f"; the interval {word} {sample.claim.relation} {sample.claim.value:.10g}"
        agrees = agrees and supports is True
    return Judgement(
        # A measurement that speaks against the statement is no measurement of it.
        verdict=Verdict.MEASURED if agrees else Verdict.UNDECIDED,
        evidence=evidence,
        note=sample.note,
        trials=sample.trials,
        successes=successes,
        interval=(interval[0], interval[1]),
    )


def _judge_scan(scan: Scan) -> Judgement:
    if not scan.cases:
        raise ConjectureError("a Scan must have cases")
    outcomes = [bool(scan.holds(case)) for case in scan.cases]
    successes = sum(outcomes)
    findings = scan.describe(scan.cases, outcomes) if scan.describe else ""
    evidence = f"{scan.quantity}: {successes:,} of {len(outcomes):,}" + (f"; {findings}" if findings else "")
    return Judgement(
        verdict=Verdict.MEASURED, evidence=evidence, note=scan.note, trials=len(outcomes), successes=successes
    )
