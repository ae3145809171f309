"""Every bound of the checker lies where it is said to lie: what reaches it is taken, what exceeds it is not."""

from __future__ import annotations

import importlib
import json
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction as F
from itertools import pairwise
from pathlib import Path

import pytest

from relugeom.errors import CertificateError
from relugeom.exact import (
    ActivationThreshold,
    AxialLoss,
    Certificate,
    CriticalPoint,
    DeadOutputs,
    ExactReconstruction,
    Invalid,
    NotDecodable,
    PolynomialSign,
    PositivePair,
    RankBound,
    SignPattern,
    Valid,
    WeightedSupport,
    check,
    dumps,
    load,
    loads,
)
from relugeom.exact.check import MOST_BITS, WORK_LIMIT
from relugeom.exact.critical import _hessian, _pairs, axial_loss
from relugeom.exact.enclosures import Enclosure
from relugeom.exact.errors import Fault
from relugeom.exact.rationals import as_matrix, as_vector
from tests.test_exact_check import VALID

PAIRS = VALID["pairs"]
checking = importlib.import_module("relugeom.exact.check")  # the package gives the name to the function
TOO_LARGE = Invalid("the certificate is too large to check")


# ---------------------------------------------------------------------------------------------------------
# Reading and writing.


def test_a_file_may_have_sixteen_million_characters(tmp_path: Path) -> None:
    text = dumps(PAIRS)
    path = tmp_path / "padded.json"
    path.write_text(text + " " * (16_000_000 - len(text)), encoding="utf-8")
    assert load(path) == PAIRS
    path.write_text(text + " " * (16_000_001 - len(text)), encoding="utf-8")
    with pytest.raises(CertificateError, match="16000001 characters; at most 16000000"):
        load(path)


def test_text_may_nest_eight_deep() -> None:
    for text in ("[" * 8 + "]" * 8, "[]" * 9, '"[[[[[[[[["', '{"a":' * 8 + "0" + "}" * 8):
        with pytest.raises(CertificateError) as caught:
            loads(text)
        assert "nests" not in str(caught.value)
    for text in ("[" * 9 + "]" * 9, "[" * 9, '{"a":' * 9, "[" * 5 + "[], " * 3 + "[" * 4):
        with pytest.raises(CertificateError, match="nests 9 levels deep; at most 8"):
            loads(text)


@pytest.mark.parametrize("sign", ["", "-"])
def test_numbers_may_have_six_hundred_digits(sign: str) -> None:
    """On either side of the stroke, whatever the sign; what is written is read."""
    for number in (F(int(sign + "9" * 600)), F(int(sign + "1"), int("9" * 600))):
        certificate = replace(PAIRS, bias=as_vector([number] * 4))
        assert loads(dumps(certificate)) == certificate
        beyond = number * 10 + 1 if number.denominator == 1 else F(number.numerator, number.denominator * 10 + 1)
        with pytest.raises(CertificateError, match="more than 600 digits"):
            dumps(replace(PAIRS, bias=as_vector([beyond] * 4)))
        data = {**json.loads(dumps(PAIRS)), "bias": [str(beyond)]}
        with pytest.raises(CertificateError, match=r"sign-pattern\.bias\[0\] has more than 600 digits"):
            loads(json.dumps(data))


def test_integers_may_have_nine_digits() -> None:
    for value in (10**9 - 1, -(10**9) + 1):
        assert loads(dumps(replace(PAIRS, active=value))) == replace(PAIRS, active=value)
    for value in (10**9, -(10**9)):
        with pytest.raises(CertificateError, match="integer of at most nine digits"):
            loads(dumps(replace(PAIRS, active=value)))


def test_lists_may_have_four_hundred_thousand_entries() -> None:
    def text(entries: int) -> str:
        return json.dumps({**json.loads(dumps(PAIRS)), "bias": ["0"] * entries})

    read = loads(text(400_000))
    assert isinstance(read, SignPattern)
    assert read.bias == (0,) * 400_000
    with pytest.raises(CertificateError, match="more than 400000 entries"):
        loads(text(400_001))


def test_errors_are_cut_at_three_hundred_characters() -> None:
    data = {**json.loads(dumps(PAIRS)), **{f"note{k}": 0 for k in range(100)}}
    with pytest.raises(CertificateError) as caught:
        loads(json.dumps(data))
    assert len(str(caught.value)) == 300


def test_one_row_a_line() -> None:
    assert dumps(replace(PAIRS, bias=as_vector([F(-1, 2), 0, 0, 0]))) == (
        '{\n "format": "relugeom-certificate/1",\n "kind": "sign-pattern",\n "encoder": [\n'
        '  [ "1", "-1", "0", "0" ],\n  [ "0", "0", "1", "-1" ]\n ],\n "decoder": null,\n'
        ' "bias": [ "-1/2", "0", "0", "0" ],\n "sparsity": 1,\n "zero_input": false\n}\n'
    )


def test_numbers_are_shown_while_they_are_short() -> None:
    def loss(value: F) -> str:
        return AxialLoss(as_matrix([[1]]), value).statement()

    assert " is 1/99999999999999999999 ≈ 1e-20 (" in loss(F(1, 10**20 - 1))
    assert " is the stated value ≈ 1e-20 (" in loss(F(1, 10**20))
    below, above = F(3 * 10**300 - 1, 3), F(3 * 10**300 + 1, 3)
    assert f" is {below} ≈ 1e+300 (" in loss(below)
    assert f" is {above} (" in loss(above)
    assert " is 7 (" in loss(F(7))
    for entry, shown in ((10**40 - 1, str(10**40 - 1)), (10**40, "a number of more than 40 digits")):
        result = check(ExactReconstruction(as_matrix([[1]]), as_matrix([[entry]])))
        assert result == Invalid(f"output 0 at x = e_0 is {shown}, not 1")


# ---------------------------------------------------------------------------------------------------------
# The work of checking: multiplications times what one costs, 10 + k + k²/4096 for k bits: those of a common denominator
# and of the longest numerator.


def _least_limit(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> int:
    """The smallest limit of work with which the certificate is not refused as too large."""
    low, high = 0, WORK_LIMIT
    while high - low > 1:
        middle = (low + high) // 2
        monkeypatch.setattr(checking, "WORK_LIMIT", middle)
        low, high = (middle, high) if check(certificate) == TOO_LARGE else (low, middle)
    return high


_SURDS = ((F(1), F(0)), (F(0), F(3)), (F(1, 2), F(0)))
_INSIDE = (WeightedSupport((2,), F(1)),)
_OUTSIDE = (WeightedSupport((0,), F(1, 2)), WeightedSupport((1,), F(1, 2)))
_THIRDS = as_matrix([[F(1, 3), 2, -1, 0], [0, F(1, 2), 1, -1], [4, 0, 0, 1]])  # columns up to 12 = 4 + 3 bits, over 3

WORK: list[tuple[str, Certificate, int, int]] = [
    ("m n²", PAIRS, 2 * 4 * 4, 1 + 1),
    ("m n²", SignPattern(_THIRDS), 3 * 4 * 4, 2 + 3),
    ("m n², long bias", ExactReconstruction(_THIRDS, bias=(F(2**100),) * 4), 3 * 4 * 4, 2 + 101),
    ("m n², long decoder", ExactReconstruction(as_matrix([[1]]), as_matrix([[F(1, 2**70)]])), 1, 71 + 1),
    ("2 k n²", SignPattern(_THIRDS, active=2), 2 * 2 * 4 * 4, (3 + 3) + (2 + 3)),
    ("2 k n², all of W", SignPattern(as_matrix([[F(1, 2), 0], [0, F(1, 3)]]), active=2), 2 * 2 * 2 * 2,
     (3 + 1) + (2 + 1)),
    ("2 k n², rows of R", SignPattern(as_matrix([[1, 0], [0, 1]]), as_matrix([[F(1, 2**9), 0], [0, 1]]), active=2),
     2 * 2 * 2 * 2, (1 + 1) + (10 + 1)),
    ("a b c", RankBound(as_matrix([[1, 2, 3]]), as_matrix([[1]]), as_matrix([[F(1, 8), 2, 3]])), 3, 4 + 1),
    ("a b c", RankBound(as_matrix([[5], [6]]), as_matrix([[F(1, 4), 1], [1, 2]]), as_matrix([[1], [1]])), 4, 3 + 1),
    ("m Σ(1 + |S|)", NotDecodable(as_matrix([[0, 2, 1], [0, 4, 2]]), 2, _INSIDE, _OUTSIDE, True), 2 * 6, 1 + 3),
    ("m Σ(1 + |S|), weights",
     NotDecodable(as_matrix([[0, 2, 1]]), 2, _INSIDE, (WeightedSupport((0, 1), F(1, 2**50)),), False, 2), 5, 51 + 1),
    ("m n", PositivePair(as_matrix([[1, 3]]), (0, 1)), 2, 2 * (1 + 2)),
    ("(1 + pivots) m n", PositivePair(as_matrix([[1, F(-1, 8)]] * 9), (0, 0), (1,)), 2 * 9 * 2, 2 * (4 + 1)),
    ("20 (deg + 1)² points", PolynomialSign(_SURDS, _SURDS[:2]), 20 * 9 * 2, 2 + 2 + 2 * 3 * (1 + 2)),
    ("20 (deg + 1)² points", VALID["four in space"], 20 * 4 * 2, 1 + 2 + 2 * 2 * 3 + 2 * 2 * (2 + 1)),
    ("20 (deg + 1)² points", replace(VALID["four in space"], dimension=1021, breakpoints=_SURDS[1:2]),
     20 * 4 * 3, 1 + 2 + 2 * 2 * 10 + 2 * 2 * (2 + 1)),
    ("20 (deg + 1)² points", VALID["five in a plane, not sharp"], 20 * 16 * 3, 9 + 8 + 2 * 4 * 3 + 2 * 4 * (3 + 3)),
    ("20 (deg + 1)² points", replace(VALID["four in space"], breakpoints=((F(1, 2**60), F(0)),)),
     20 * 4 * 3, 1 + 2 + 2 * 2 * 3 + 2 * 2 * (61 + 1)),
    ("4 n²", AxialLoss(as_matrix([[F(1, 4), 1], [1, 1]]), F(1)), 4 * 4, 2 * (4 + 4 + 2)),
    ("4 n², decoder", AxialLoss(as_matrix([[1, 1]]), F(1), as_matrix([[F(1, 4)], [8]])), 4 * 4, 2 * (2 + 7 + 2)),
    ("4 n², bias", AxialLoss(as_matrix([[1, 0, 0]]), F(1), bias=as_vector([F(1, 2**200), 1, 1])), 4 * 9,
     2 * (2 + 2 + 202)),
    ("4 n², value", AxialLoss(as_matrix([[1, 0]]), F(2**300)), 4 * 4, 1 + 301),
    ("2 n²", ActivationThreshold(as_matrix([[1, -1, 0]]), as_vector([0] * 3), F(1, 2**90)), 2 * 9, 91 + 1),
    ("m n²", DeadOutputs(as_matrix([[1, 0]]), as_vector([0, -2]), (1,)), 1 * 2 * 2, 1 + 2),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "certificate", "multiplications", "bits"), WORK, ids=[name for name, *_ in WORK])
def test_work_is_estimated_as_stated(
    formula: str, certificate: Certificate, multiplications: int, bits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _least_limit(certificate, monkeypatch) == multiplications * (10 + bits + bits**2 // 4096)


def test_the_growth_of_numbers_in_an_elimination_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before pivot t = 1, 2, 3 the rows of the other pivots and of the pair hold 5 numbers of 2 (t + 1) k bits."""
    k = 100 + 1
    certificate = PositivePair(as_matrix([[2**99, -1, -1, 0, 0]]), (3, 4), (0, 1, 2))
    after = [2 * 5 * (4 - t) * (10 + 2 * (t + 1) * k + (2 * (t + 1) * k) ** 2 // 4096) for t in (1, 2, 3)]
    assert _least_limit(certificate, monkeypatch) == sum(after)


def test_an_elimination_among_long_numbers_is_refused() -> None:
    """Seven pivots along the axes, and 23 columns with negative products with each of them."""
    rng = random.Random(0)

    def pair(digits: int) -> PositivePair:
        def number() -> F:
            return F(rng.randrange(1, 10**digits), rng.randrange(10 ** (digits - 1), 10**digits))

        pivots = [[number() * (u == v) for v in range(7)] for u in range(8)]
        others = [[(1 if u == 7 else -1) * number() for _ in range(23)] for u in range(8)]
        return PositivePair(tuple((*a, *b) for a, b in zip(pivots, others, strict=True)), (7, 29), tuple(range(7)))

    assert check(pair(585)) == TOO_LARGE
    assert isinstance(check(pair(25)), Valid)


def test_about_a_minute_of_work_is_done() -> None:
    """The limit is stated in multiplications times bits, whatever the machine."""
    assert WORK_LIMIT == 400_000_000


def test_common_denominators_may_have_forty_thousand_bits() -> None:
    one = as_matrix([[1]])
    assert MOST_BITS == 40_000
    assert check(ExactReconstruction(one, bias=(F(1, 2**39_999),))) != TOO_LARGE
    assert check(ExactReconstruction(one, bias=(F(1, 2**40_000),))) == TOO_LARGE


def test_degrees_and_pieces_are_bounded() -> None:
    one = (F(1), F(0))
    steps = tuple((F(k), F(0)) for k in range(1001))
    assert isinstance(check(PolynomialSign((one,) * 60, steps[:2])), Valid)
    assert check(PolynomialSign((one,) * 61, steps[:2])) == Invalid("the degree is at most 59")
    assert isinstance(check(PolynomialSign((one,), steps[:2])), Valid)
    assert isinstance(check(PolynomialSign((one,), steps[:1000])), Valid)
    code = replace(VALID["four in space"], cosine=(F(1), F(0)))
    minus = tuple((F(k, 1001), F(0)) for k in range(-1000, 1))
    for largest, beyond, reason in (
        ({"coefficients": (one,) * 60}, {"coefficients": (one,) * 61}, "the degree is at most 59"),
        ({"breakpoints": minus[:1000]}, {"breakpoints": minus}, "there may be at most 1000 breakpoints"),
    ):
        assert check(replace(code, **largest)) != Invalid(reason)  # type: ignore[arg-type]
        assert check(replace(code, **beyond)) == Invalid(reason)  # type: ignore[arg-type]
    for points in (steps[:1], steps):
        assert check(PolynomialSign((one,), points)) == Invalid("there must be 2 to 1000 breakpoints")


# ---------------------------------------------------------------------------------------------------------
# Critical points.

# The gradient is exactly 0.
EXACT = replace(VALID["one feature, exactly"], radius=F(1, 1024), low=F(-1), high=F(1))


@pytest.mark.parametrize(
    ("largest", "beyond"),
    [
        ({"encoder": as_matrix([[1] * 24])}, {"encoder": as_matrix([[1] * 7] * 6)}),
        ({"encoder": as_matrix([[1] * 12] * 3)}, {"encoder": as_matrix([[1] * 13] * 3)}),
        ({"amplitudes": as_vector(range(1, 17))}, {"amplitudes": as_vector(range(1, 18))}),
        *(({name: F(2**200 - 1)}, {name: F(2**200)}) for name in ("radius", "margin", "low", "high")),
        ({"low": F(-1, 2**200 - 1)}, {"low": F(-1, 2**200)}),
        ({"weights": as_vector([1, 2**200 - 1])}, {"weights": as_vector([1, 2**200])}),
        ({"amplitudes": as_vector([1, 2**200 - 1])}, {"amplitudes": as_vector([1, 2**200])}),
        ({"bias": as_vector([2**200 - 1])}, {"bias": as_vector([2**200])}),
        ({"encoder": as_matrix([[2**200 - 1]])}, {"encoder": as_matrix([[2**200]])}),
        ({"better_encoder": as_matrix([[2**200 - 1]])}, {"better_encoder": as_matrix([[2**200]])}),
        ({"better_bias": as_vector([2**200 - 1])}, {"better_bias": as_vector([2**200])}),
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_the_size_of_critical_points_is_bounded(largest: dict[str, object], beyond: dict[str, object]) -> None:
    assert check(replace(EXACT, **largest)) != TOO_LARGE  # type: ignore[arg-type]
    assert check(replace(EXACT, **beyond)) == TOO_LARGE  # type: ignore[arg-type]


def _breaks(valid: CriticalPoint, invalid: CriticalPoint, reason: str) -> None:
    assert isinstance(check(valid), Valid), check(valid)
    result = check(invalid)
    assert isinstance(result, Invalid)
    assert reason in result.reason


def _curvature(c: CriticalPoint) -> tuple[list[list[F]], F]:
    """A, in multiples of 2⁻³⁰, and δ of the argument's third step."""
    grid = [(a, F(1, 2)) for a in c.amplitudes or ()]
    box = (
        [[Enclosure(x - c.radius, x + c.radius) for x in row] for row in c.encoder],
        [Enclosure(x - c.radius, x + c.radius) for x in c.bias],
    )
    H = _hessian(*box, _pairs(*box, grid))
    A = [[F(round(2**30 * (entry.low + entry.high) / 2), 2**30) for entry in row] for row in H]
    rows = [[max(x.high - y, y - x.low) for x, y in zip(*pair, strict=True)] for pair in zip(H, A, strict=True)]
    return A, max(map(sum, rows))


@pytest.mark.parametrize("radius", [F(1, 1024), F(1, 1000), F(1, 999)])
def test_the_margin_must_exceed_the_variation_of_the_hessian(radius: F) -> None:
    boxed = replace(EXACT, radius=radius)
    _, delta = _curvature(boxed)
    assert 0 < delta < F(1, 20)
    _breaks(
        replace(boxed, margin=delta + F(1, 10**15)), replace(boxed, margin=delta),
        "the Hessian varies by more than the margin",
    )  # fmt: skip


def test_the_margin_must_separate_the_curvatures_from_zero() -> None:
    """A has eigenvalues of which the smaller one, rounded down and up, is the largest and the first wrong margin."""
    A, _ = _curvature(EXACT)
    trace, determinant = A[0][0] + A[1][1], A[0][0] * A[1][1] - A[0][1] * A[1][0]
    low, high = F(0), trace / 2
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if middle**2 - trace * middle + determinant > 0 else (low, middle)
    _breaks(
        replace(EXACT, margin=low), replace(EXACT, margin=high),
        "it is not so that 0 curvatures are below −margin and the others above margin",
    )  # fmt: skip


def test_the_height_is_bounded_by_gradient_and_curvature() -> None:
    """L(centre) ± (‖∇L‖ r + (‖A‖ + δ) r²/2), with (μ − δ) r for the norm of the gradient."""
    A, delta = _curvature(EXACT)
    norm = max(sum(abs(entry) for entry in row) for row in A)
    r = EXACT.radius
    spread = (EXACT.margin - delta) * r**2 + (norm + delta) * r**2 / 2
    assert axial_loss(EXACT.encoder, EXACT.bias, [(a, F(1, 2)) for a in EXACT.amplitudes or ()]) == 0
    fault = "the loss is not shown to lie between low and high"
    _breaks(replace(EXACT, low=-spread), replace(EXACT, low=-spread + F(1, 10**12)), fault)
    _breaks(replace(EXACT, high=spread), replace(EXACT, high=spread - F(1, 10**12)), fault)


def test_a_gradient_may_be_as_large_as_the_contraction_allows() -> None:
    """‖∇L(centre)‖ ≤ (μ − δ) r, to the dot; for w = 1, small b and a = 1/4, 1/2 the slopes are 2b (3/4, 1)."""
    b = F(1, 2**16)
    moved = replace(EXACT, bias=(b,), amplitudes=as_vector([F(1, 4), F(1, 2)]), high=F(1))
    _, delta = _curvature(moved)
    margin = delta + 2 * b * F(5, 4) / moved.radius
    _breaks(
        replace(moved, margin=margin), replace(moved, margin=margin - F(1, 10**12)),
        "the gradient at the centre is too large for the radius",
    )  # fmt: skip


def test_the_better_model_must_be_strictly_better() -> None:
    worse = VALID["off is worse"]
    root = F(247, 1000)  # w = 1 and b = root cost root²
    _breaks(
        replace(worse, low=root**2, better_bias=(root - F(1, 10**9),)),
        replace(worse, low=root**2, better_bias=(root,)),
        "the better model is not better",
    )  # fmt: skip


@pytest.mark.parametrize("entry", [F(1, 8), F(-1, 8)])
def test_the_radius_must_be_smaller_than_what_fixes_the_rotation(entry: F) -> None:
    two = CriticalPoint(
        as_matrix([[entry, 1], [0, 1]]), as_vector([1, 1]), as_vector([1]), None, F(1, 8), F(1), (0,), 0, F(0), F(1)
    )
    fault = "feature 0 does not fix the rotation"
    at, below = check(two), check(replace(two, radius=F(1, 9)))
    assert isinstance(at, Invalid)
    assert isinstance(below, Invalid)
    assert fault in at.reason
    assert fault not in below.reason


def test_intervals_around_zero_have_no_sign_and_divide_nothing() -> None:
    one = Enclosure(F(1), F(1))
    for low, high in ((-1, 1), (0, 1), (-1, 0), (0, 0)):
        around = Enclosure(F(low), F(high))
        with pytest.raises(Fault):
            around.is_positive()
        with pytest.raises(Fault):
            one / around
    assert one.is_positive()
    assert not (one - one.times(2)).is_positive()


def _ends(interval: Enclosure) -> tuple[F, F]:
    return interval.low, interval.high


def test_intervals_are_as_narrow_as_they_can_be() -> None:
    values = [F(-2), F(-1, 2), F(0), F(1, 3), F(3)]
    some = [Enclosure(x, y) for x, y in pairwise(values)] + [Enclosure(x, x) for x in values] + [Enclosure(F(-2), F(3))]
    operations: list[tuple[Callable[[Enclosure, Enclosure], Enclosure], Callable[[F, F], F]]] = [
        (lambda x, y: x + y, lambda x, y: x + y),
        (lambda x, y: x - y, lambda x, y: x - y),
        (lambda x, y: x * y, lambda x, y: x * y),
    ]
    for x in some:
        for y in some:
            for intervals, numbers in operations:
                corners = [numbers(p, q) for p in _ends(x) for q in _ends(y)]
                assert _ends(intervals(x, y)) == (min(corners), max(corners))
            if y.low > 0 or y.high < 0:
                corners = [p / q for p in _ends(x) for q in _ends(y)]
                assert _ends(x / y) == (min(corners), max(corners))
