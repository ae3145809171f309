"""The checker accepts what is true and names the place where a tampered certificate breaks."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction as F
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.errors import ArgumentError, CertificateError
from relugeom.exact import (
    KINDS,
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
    SphericalCodeBound,
    Valid,
    WeightedSupport,
    check,
    dumps,
    load,
    loads,
)
from relugeom.exact.certificates import LIMITS
from relugeom.exact.rationals import as_matrix, as_vector
from relugeom.landscape.polygons import hexagon_minimum, pentagon_minimum
from tests.certificate_oracle import is_true
from tests.conftest import Tier
from tests.mutants import mutate

PAIRS = as_matrix([[1, -1, 0, 0], [0, 0, 1, -1]])
SQUARE = as_matrix([[1, 0, -1, 0], [0, 1, 0, -1]])
PENTAGONISH = as_matrix([[5, 2, -4, -4, 2], [0, 5, 3, -3, -5]])
PARABOLA_W = as_matrix([[1] * 7, range(7), [t * t for t in range(7)]])
PARABOLA_R = as_matrix([[1 - t * t, 2 * t, -1] for t in range(7)])
TRIANGLE = as_matrix([[1, 0, -1], [0, 1, -1]])
TWO_SPARSE = as_matrix([[1, 0, 0], [0, 1, 0]])

VALID: dict[str, Certificate] = {
    "pairs": SignPattern(PAIRS),
    "pairs with a useless bias": SignPattern(PAIRS, bias=as_vector([F(-1, 2)] * 4), zero_input=True),
    "identity, all sparsities": SignPattern(as_matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), active=3, zero_input=True),
    "parabola": SignPattern(PARABOLA_W, PARABOLA_R),
    "parabola, exactly": ExactReconstruction(PARABOLA_W, PARABOLA_R),
    "parabola, rank": RankBound(
        as_matrix([[1 - (i - j) ** 2 for j in range(7)] for i in range(7)]), PARABOLA_R, PARABOLA_W
    ),
    "square, exactly": ExactReconstruction(SQUARE),
    "square, threshold": ActivationThreshold(SQUARE, as_vector([F(-1, 3)] * 4), F(1, 3)),
    "square, threshold 0": ActivationThreshold(SQUARE, as_vector([0] * 4), F(0)),
    "five in a plane fail": PositivePair(PENTAGONISH, (0, 1)),
    "five in a plane fail, traced": PositivePair(as_matrix([[1, -1, -1, 0, 0], [0, -1, 1, 1, -1]]), (2, 3), (0,)),
    "zero column": PositivePair(as_matrix([[1, 0]]), (1, 1)),
    "inside the cone": NotDecodable(
        as_matrix([[1, 0, 1], [0, 1, 1]]),
        2,
        (WeightedSupport((2,), F(1)),),
        (WeightedSupport((0,), F(1)), WeightedSupport((1,), F(1))),
        with_bias=False,
    ),
    "inside the hull": NotDecodable(
        as_matrix([[0, 2, 1]]),
        2,
        (WeightedSupport((2,), F(1)),),
        (WeightedSupport((0,), F(1, 2)), WeightedSupport((1,), F(1, 2))),
        with_bias=True,
    ),
    "two active": NotDecodable(
        as_matrix([[1, 1]]),
        0,
        (WeightedSupport((0,), F(1)),),
        (WeightedSupport((1,), F(1)),),
        with_bias=True,
        active=2,
        zero_input=True,
    ),
    "polynomial": PolynomialSign(((F(1), F(0)), (F(0), F(1)), (F(1), F(0))), ((F(0), F(0)), (F(1), F(0)))),
    "polynomial, touching": PolynomialSign(
        ((F(1), F(0)), (F(-2), F(0)), (F(1), F(0))), ((F(0), F(0)), (F(1), F(0))), strict=False
    ),
    "loss": AxialLoss(TRIANGLE, F(1 + 1 + 0 + 0)),
}
VALID["loss"] = AxialLoss(TRIANGLE, F(1))
VALID["one feature, exactly"] = CriticalPoint(
    as_matrix([[1]]), as_vector([0]), as_vector([F(1, 2), 1]), None, F(1, 1000), F(1, 20), (), 0, F(-1, 1000), F(1, 99)
)
VALID["off is worse"] = CriticalPoint(  # w = 0, b = 3/4: the best constant for a = 1/2, 1, and a saddle
    as_matrix([[0]]), as_vector([F(3, 4)]), as_vector([F(1, 2), 1]), as_vector([1, 1]), F(1, 1000), F(1, 20), (), 1,
    F(6, 100), F(7, 100), as_matrix([[1]]), as_vector([0]),
)  # fmt: skip
VALID["two outputs are dead"] = DeadOutputs(as_matrix([[1, 0, 0], [0, 1, -1]]), as_vector([0, -2, -2]), (1, 2))
VALID["pentagon"] = pentagon_minimum()
VALID["hexagon"] = hexagon_minimum()


def rationals(*values: F | int) -> tuple[tuple[F, F], ...]:
    """As numbers of ℚ(√d)."""
    return tuple((F(x), F(0)) for x in values)


VALID["four in space"] = SphericalCodeBound(3, 4, (F(-1, 3), F(0)), rationals(1, 3))
# f = (x − cos 72°)(x − cos 144°)², the cosines (±√5 − 1)/4, in cosines of multiples.
COS_72, COS_144 = (F(-1, 4), F(1, 4)), (F(-1, 4), F(-1, 4))
VALID["five in a plane"] = SphericalCodeBound(
    2, 5, COS_72, ((F(5, 16), F(1, 16)), (F(5, 8), F(1, 8)), (F(3, 8), F(1, 8)), (F(1, 4), F(0))), (COS_144,)
)
# f = (x − 3/10)(x + 4/5)²
VALID["five in a plane, not sharp"] = SphericalCodeBound(
    2, 5, (F(3, 10), F(0)), rationals(F(229, 500), F(91, 100), F(13, 20), F(1, 4)), rationals(F(-4, 5))
)


@pytest.mark.parametrize("name", VALID)
def test_valid_certificates_are_accepted_and_survive_a_round_trip(name: str) -> None:
    certificate = VALID[name]
    result = check(certificate)
    assert isinstance(result, Valid), result
    assert is_true(certificate)
    again = loads(dumps(certificate))
    assert again == certificate
    assert result.statement == again.statement()


def test_every_kind_has_a_valid_example() -> None:
    assert {certificate.kind for certificate in VALID.values()} == set(KINDS)


INVALID: list[tuple[Certificate, str]] = [
    (SignPattern(as_matrix([[1, 1], [0, 0]])), "output 0 is positive at x = e_1"),
    (SignPattern(as_matrix([[1, 0], [0, 0]])), "output 1 is not positive at x = e_1"),
    (SignPattern(PAIRS, active=2), "output 0 is not positive at some input with x_0 = 1 and at most 2 ones"),
    (SignPattern(as_matrix([[1, 0, 0], [0, 1, 0], [0, 0, 1]]), as_matrix([[2, 1, 1], [1, 2, 1], [1, 1, 2]]),
                 as_vector([-2] * 3), active=2), "output 0 is not positive at some input with x_0 = 1"),
    (SignPattern(PAIRS, active=0), "active must lie in 1 to 4; got 0"),
    (SignPattern(PAIRS, decoder=PAIRS), "decoder must be 4×2; got 2×4"),
    (SignPattern(PAIRS, bias=as_vector([1])), "bias must have 4 entries; got 1"),
    (SignPattern(TWO_SPARSE, as_matrix([[1, 0], [0, 1], [-1, -1]]), as_vector([0, 0, 1]), zero_input=True),
     "output 2 is positive at x = 0"),
    (ExactReconstruction(as_matrix([[2]])), "output 0 at x = e_0 is 4, not 1"),
    (ExactReconstruction(as_matrix([[1, 1]])), "output 0 at x = e_1 is positive"),
    (RankBound(as_matrix([[1]]), as_matrix([[1]]), as_matrix([[2]])), "left times right is not the matrix"),
    (RankBound(as_matrix([[1]]), as_matrix([[1, 2]]), as_matrix([[2]])), "the factors do not fit"),
    (PositivePair(PAIRS, (0, 1)), "w_0·w_1 is not positive"),
    (PositivePair(PAIRS, (0, 2)), "w_0·w_2 is not positive"),
    (PositivePair(PAIRS, (0, 0)), "w_0 is not zero"),
    (PositivePair(as_matrix([[1, 0]]), (1, 1), (0,)), "a zero column needs no elimination"),
    (PositivePair(as_matrix([[1, 1]]), (0, 1), (2,)), "pivots must name features 0 to 1; got [2]"),
    (PositivePair(as_matrix([[1, 1, 1, -1]]), (0, 1), (2,)), "pivot 2 has a positive product in its row"),
    (PositivePair(PAIRS, (0, 9)), "pair must name features 0 to 3"),
    (PositivePair(PAIRS, (0,)), "pair must name two features; got 1"),
    (PositivePair(as_matrix([[1, 1, -1], [0, 1, -1]]), (0, 1), (2,)), "after the elimination"),
    (PositivePair(as_matrix([[1, 1]]), (0, 1), (0,)), "the pair was itself a pivot"),
    (PositivePair(as_matrix([[1, 1, 0]]), (0, 1), (2,)), "pivot 2 is zero when its turn comes"),
    (PositivePair(as_matrix([[1, 1, 1]]), (0, 1), (2,)), "pivot 2 has a positive product in its row"),
    (PositivePair(as_matrix([[1, 1, 1]]), (0, 1), (2, 2)), "pivots names a feature twice"),
    (PolynomialSign(((F(-1), F(0)),), ((F(0), F(0)), (F(1), F(0)))), "a coefficient is negative"),
    (PolynomialSign(((F(0), F(0)), (F(1), F(0))), ((F(0), F(0)), (F(1), F(0)))), "not positive at breakpoint 0"),
    (PolynomialSign(((F(1), F(0)), (F(-1), F(0))), ((F(0), F(0)), (F(1), F(0)))), "not positive at breakpoint 1"),
    (PolynomialSign(((F(1), F(0)),), ((F(1), F(0)), (F(0), F(0)))), "not in increasing order"),
    (PolynomialSign(((F(1), F(1)),), ((F(0), F(0)), (F(1), F(0))), radicand=4), "not a square"),
    (PolynomialSign((), ((F(0), F(0)), (F(1), F(0)))), "no coefficients"),
    (PolynomialSign(((F(1), F(0)),), ((F(0), F(0)),)), "2 to 1000 breakpoints"),
    (PolynomialSign(((F(1), F(0)),) * 61, ((F(0), F(0)), (F(1), F(0)))), "degree"),
    (AxialLoss(TRIANGLE, F(2)), "the loss is 1, not the stated value"),
    (ActivationThreshold(SQUARE, as_vector([F(-1, 3)] * 4), F(1, 4)), "output 0 is not positive at some a·e_0"),
    (ActivationThreshold(SQUARE, as_vector([F(1, 3)] * 4), F(1, 4)), "output 0 is positive at some a·e_1"),
    (ActivationThreshold(as_matrix([[0]]), as_vector([0]), F(0)), "output 0 is not positive at some a·e_0"),
    (ActivationThreshold(SQUARE, as_vector([0] * 4), F(1)), "threshold must lie in [0, 1); got 1"),
    (DeadOutputs(as_matrix([[1, 0], [0, 1]]), as_vector([0, 0]), (1,)), "output 1 is not negative at x = e_0"),
    (DeadOutputs(as_matrix([[1, 0], [0, 1]]), as_vector([1, -2]), (1,)), "output 0 is not exact at x = e_0"),
    (DeadOutputs(as_matrix([[1, F(1, 2), 0], [0, 1, -1]]), as_vector([0, F(-1, 4), -4]), (2,)),
     "output 0 is not exact at x = e_1"),
    (DeadOutputs(as_matrix([[1, 0], [0, 1]]), as_vector([0, -2]), ()), "dead must name some features"),
    (DeadOutputs(as_matrix([[1, 0], [0, 1]]), as_vector([0]), (1,)), "bias must have 2 entries; got 1"),
]  # fmt: skip


@pytest.mark.parametrize(("certificate", "reason"), INVALID, ids=lambda value: getattr(value, "kind", str(value)[:40]))
def test_invalid_certificates_say_where_they_break(certificate: Certificate, reason: str) -> None:
    result = check(certificate)
    assert isinstance(result, Invalid)
    assert reason in result.reason


def _farkas(**changes: object) -> NotDecodable:
    base = VALID["inside the hull"]
    assert isinstance(base, NotDecodable)
    fields = {name: getattr(base, name) for name in base.codecs}
    return NotDecodable(**{**fields, **changes})


HALF = F(1, 2)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("four in space", {"dimension": 1}, "at least 2 dimensions; got 1"),
        ("four in space", {"points": 3}, "f(1) exceeds n f_0"),
        ("four in space", {"points": 1, "coefficients": rationals(1)}, "f is not shown to be ≤ 0 between breakpoints"),
        ("four in space", {"points": 0, "coefficients": rationals(1)}, "f(1) exceeds n f_0"),
        ("four in space", {"coefficients": ()}, "no coefficients"),
        ("four in space", {"coefficients": rationals(*[1] * 61)}, "the degree is at most 59"),
        ("four in space", {"coefficients": rationals(0, 0)}, "f_0 must be positive"),
        ("four in space", {"coefficients": rationals(1, 4, -1)}, "no other f_k negative"),
        ("four in space", {"coefficients": rationals(1)}, "f is not shown to be ≤ 0 between breakpoints 0 and 1"),
        ("four in space", {"coefficients": rationals(1, F(29, 10))}, "f is not shown to be ≤ 0"),
        ("four in space", {"cosine": (F(-1, 4), F(0))}, "f is not shown to be ≤ 0 between breakpoints 0 and 1"),
        ("four in space", {"cosine": (F(-1, 2), F(0))}, "n f_0 = f(1), but f does not vanish at s"),
        ("four in space", {"cosine": (F(-1), F(0))}, "breakpoints 0 and 1, the ends counted, are not in increasing"),
        ("four in space", {"breakpoints": rationals(-1)}, "breakpoints 0 and 1, the ends counted, are not in"),
        ("four in space", {"breakpoints": rationals(F(-1, 3))}, "breakpoints 1 and 2, the ends counted, are not in"),
        ("four in space", {"breakpoints": rationals(*range(1001))}, "at most 1000 breakpoints"),
        ("four in space", {"cosine": (F(-1), F(1)), "radicand": 4}, "not a square"),
        ("five in a plane", {"breakpoints": ()}, "f is not shown to be ≤ 0 between breakpoints 0 and 1"),
        ("five in a plane", {"points": 4}, "f(1) exceeds n f_0"),
        # f = (x − s) g with g = x² − 4x/5 + 14/25, whose second coefficient is negative.
        (
            "four in space",
            {
                "dimension": 2,
                "points": 3,
                "cosine": (F(-98, 121), F(0)),
                "coefficients": rationals(F(1387, 3025), F(8011, 12100), F(3, 605), F(1, 4)),
            },
            "n f_0 = f(1), but f/(x − s) does not rule out that all inner products are zeros of f",
        ),
    ],
)
def test_bounds_of_spherical_codes_say_where_they_break(name: str, changes: dict[str, object], reason: str) -> None:
    base = VALID[name]
    assert isinstance(base, SphericalCodeBound)
    result = check(replace(base, **changes))  # type: ignore[arg-type]
    assert isinstance(result, Invalid)
    assert reason in result.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"feature": 3}, "feature must lie in 0 to 2"),
        ({"active": 0}, "active must lie in 1 to 3"),
        ({"inside": ()}, "the weights of inside have no positive sum"),
        ({"inside": (WeightedSupport((1,), F(1)),)}, "a support of inside is on the wrong side of 2"),
        ({"outside": (WeightedSupport((2,), F(1)),)}, "a support of outside is on the wrong side of 2"),
        ({"inside": (WeightedSupport((0, 2), F(1)),)}, "a support of inside has 2 elements"),
        ({"outside": (WeightedSupport((), F(1)),)}, "a support of outside has 0 elements"),
        ({"inside": (WeightedSupport((), F(1)),), "zero_input": True}, "a support of inside has 0 elements"),
        ({"inside": (WeightedSupport((2,), F(-1)),)}, "a weight of inside is negative"),
        ({"outside": (WeightedSupport((1,), HALF),)}, "must have equal sums"),
        ({"outside": (WeightedSupport((1,), F(1)),)}, "the weighted encodings of the two sides differ"),
        ({"inside": (WeightedSupport((2, 2), F(1)),), "active": 2}, "names a feature twice"),
        ({"inside": (WeightedSupport((7,), F(1)),)}, "must name features 0 to 2"),
    ],
)
def test_farkas_certificates_say_where_they_break(changes: dict[str, object], reason: str) -> None:
    result = check(_farkas(**changes))
    assert isinstance(result, Invalid)
    assert reason in result.reason


def _critical(name: str, **changes: object) -> CriticalPoint:
    base = VALID[name]
    assert isinstance(base, CriticalPoint)
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("one feature, exactly", {"bias": as_vector([F(1, 1000)])}, "the gradient at the centre is too large"),
        ("one feature, exactly", {"radius": F(1, 2)}, "an activation changes sign on the box"),
        ("one feature, exactly", {"radius": F(1, 20)}, "the Hessian varies by more than the margin"),
        ("one feature, exactly", {"margin": F(1)}, "0 curvatures are below −margin"),
        ("one feature, exactly", {"negative": 1}, "1 curvatures are below −margin"),
        ("one feature, exactly", {"negative": -1}, "-1 curvatures are below −margin"),
        ("one feature, exactly", {"low": F(0)}, "the loss is not shown to lie between"),
        ("one feature, exactly", {"high": F(0)}, "the loss is not shown to lie between"),
        ("one feature, exactly", {"amplitudes": None}, "an activation changes sign on the box"),
        ("one feature, exactly", {"amplitudes": ()}, "amplitudes must be positive"),
        ("one feature, exactly", {"amplitudes": as_vector([-1])}, "amplitudes must be positive"),
        ("one feature, exactly", {"amplitudes": as_vector([-1, 1])}, "amplitudes must be positive"),
        ("one feature, exactly", {"amplitudes": as_vector([0, 1])}, "amplitudes must be positive"),
        ("one feature, exactly", {"weights": as_vector([1])}, "weights must be positive, one per amplitude"),
        ("one feature, exactly", {"weights": as_vector([1, 0])}, "weights must be positive, one per amplitude"),
        ("off is worse", {"amplitudes": as_vector([F(1, 2), F(1, 2)])}, "amplitudes must be different from each other"),
        ("one feature, exactly", {"gauge": (0,)}, "gauge must name 0 different features"),
        (
            "one feature, exactly",
            {"encoder": as_matrix([[1], [0]]), "gauge": (1,)},
            "gauge must name 1 different features",
        ),
        ("one feature, exactly", {"encoder": as_matrix([[1], [1]]), "gauge": (0,)}, "0 does not fix the rotation"),
        (
            "one feature, exactly",
            {"encoder": as_matrix([[1, 0], [0, 1], [1, 0]]), "bias": as_vector([0, 0]), "gauge": (0, 1)},
            "0 does not fix the rotation",
        ),
        ("one feature, exactly", {"encoder": as_matrix([[F(1, 1000)], [0]]), "gauge": (0,)}, "0 does not fix the"),
        ("one feature, exactly", {"margin": F(0)}, "radius and margin must be positive"),
        ("one feature, exactly", {"radius": F(0)}, "radius and margin must be positive"),
        ("one feature, exactly", {"bias": ()}, "bias must have 1 entries; got 0"),
        ("off is worse", {"negative": 0}, "0 curvatures are below −margin"),
        ("off is worse", {"better_bias": as_vector([F(3, 4)])}, "the better model is not better"),
        ("off is worse", {"better_bias": None}, "go together"),
        ("off is worse", {"better_encoder": PAIRS}, "the same shape"),
        ("off is worse", {"better_bias": as_vector([0, 0])}, "the same shape"),
        ("off is worse", {"amplitudes": None}, "weights belong to amplitudes"),
    ],
)
def test_critical_points_say_where_they_break(name: str, changes: dict[str, object], reason: str) -> None:
    result = check(_critical(name, **changes))
    assert isinstance(result, Invalid)
    assert reason in result.reason


def test_a_class_that_is_not_a_kind_is_invalid() -> None:
    assert check(Certificate()) == Invalid("Certificate is not a kind of certificate")
    with pytest.raises(ArgumentError, match="not a kind of certificate"):
        Certificate().statement()


WIDE = as_matrix([[10**500] * 2000])
TALL = tuple((row,) for row in WIDE[0])
SUPPORTS = (WeightedSupport((0,), F(1)),) * 2000
LONG = tuple((F(10**500), F(k)) for k in range(60))


@pytest.mark.parametrize(
    "certificate",
    [
        SignPattern(WIDE),
        ExactReconstruction(WIDE),
        RankBound(WIDE, TALL, WIDE),
        NotDecodable(TALL, 0, SUPPORTS, (), with_bias=False),
        PositivePair(WIDE, (0, 1), tuple(range(2, 200))),
        PolynomialSign(LONG, LONG),
        AxialLoss(WIDE, F(0)),
        ActivationThreshold(WIDE, WIDE[0], F(0)),
        CriticalPoint(WIDE, WIDE[0], None, None, F(1), F(1), (), 0, F(0), F(1)),
        DeadOutputs(WIDE, WIDE[0], (0,)),
        replace(VALID["pentagon"], angles=as_vector([F(k, 10**5) for k in range(20_000)])),  # type: ignore[call-arg]
        SphericalCodeBound(3, 7, LONG[1], LONG, LONG),
        replace(VALID["hexagon"], angles=as_vector([F(k, 10**5) for k in range(20_000)])),  # type: ignore[call-arg]
    ],
    ids=lambda certificate: certificate.kind,
)
def test_oversized_work_is_refused_before_it_is_done(certificate: Certificate) -> None:
    assert check(certificate) == Invalid("the certificate is too large to check")


def _odd(count: int, digits: int = 600) -> tuple[F, ...]:
    """Numbers between 1 and 10 with long denominators that have hardly a factor in common."""
    rng = random.Random(count)
    return tuple(F(10**digits, rng.randrange(10 ** (digits - 1), 10**digits) | 1) for _ in range(count))


@pytest.mark.parametrize(
    "certificate",
    [
        SignPattern(tuple((x,) for x in _odd(300))),
        ExactReconstruction(tuple((x,) for x in _odd(300))),
        AxialLoss(tuple((x,) for x in _odd(300)), F(0)),
        DeadOutputs(tuple((x,) for x in _odd(3000, 50)), (F(-(10**9)),), (0,)),
        RankBound(as_matrix([[1]]), (_odd(300),), tuple((x,) for x in _odd(300))),
        NotDecodable(TRIANGLE, 0, tuple(WeightedSupport((0,), x) for x in _odd(300)), (), with_bias=False),
        PolynomialSign(tuple((x, F(0)) for x in _odd(40)), ((F(0), F(0)), (F(1), F(0)))),
        PolynomialSign(((F(1), F(1)),) * 30, ((_odd(1)[0], F(0)), (F(11), F(0)))),
        SphericalCodeBound(3, 7, (F(1, 2), F(0)), tuple((x, F(0)) for x in _odd(40))),
        SphericalCodeBound(3, 7, (1 / _odd(1)[0], F(0)), rationals(*[1] * 30)),
    ],
    ids=lambda certificate: certificate.kind,
)
def test_sums_whose_denominators_would_grow_without_bound_are_refused(certificate: Certificate) -> None:
    assert check(certificate) == Invalid("the certificate is too large to check")


@pytest.mark.parametrize("entry", [0.5, np.int64(1)])
def test_numbers_that_could_round_or_overflow_are_refused(entry: object) -> None:
    matrix: Any = ((entry,),)
    result = check(ExactReconstruction(matrix))
    assert isinstance(result, Invalid)
    assert "is not a rational number" in result.reason
    assert isinstance(check(ActivationThreshold(as_matrix([[1]]), as_vector([0]), 0.5)), Invalid)  # type: ignore[arg-type]
    for changes in ({"shortest": entry}, {"angles": (entry, F(1))}, {"loss": (entry, F(1))}):
        pentagon = check(replace(VALID["pentagon"], **changes))  # type: ignore[arg-type]
        assert isinstance(pentagon, Invalid)
        assert "is not a rational number" in pentagon.reason


def test_numbers_too_long_to_print_are_described() -> None:
    # Python prints no integer of more than 4300 digits.
    long = tuple((x,) for x in _odd(8))
    assert check(ExactReconstruction(long)) == Invalid("output 0 at x = e_0 is a number of more than 40 digits, not 1")
    assert check(AxialLoss(long, F(0))) == Invalid("the loss is a number of more than 40 digits, not the stated value")
    too_long = check(ExactReconstruction(as_matrix([[1]]), bias=(F(10**5000, 3),)))
    assert isinstance(too_long, Invalid)


def test_a_loss_beyond_the_range_of_floats_is_stated() -> None:
    huge = 10**100 + F(1, 3)
    result = check(AxialLoss(((huge,),), (huge**2 - 1) ** 2))
    assert isinstance(result, Valid)
    assert "/81 (m = 1, n = 1)" in result.statement


def test_bounds_are_rounded_outwards_in_the_statement() -> None:
    third = replace(VALID["off is worse"], low=F(1, 3), high=F(2, 3))
    assert "loss between 0.333333333333 and 0.666666666667" in third.statement()
    assert "loss between -0.333333333334 and 0.0666666666667" in replace(third, low=F(-1, 3), high=F(2, 30)).statement()


def test_numbers_that_no_reader_would_accept_are_not_written() -> None:
    for certificate in (
        SignPattern(as_matrix([[10**5000]])),
        NotDecodable(PAIRS, 0, (WeightedSupport((0,), F(1, 10**700)),), (), with_bias=False),
        PolynomialSign(((F(10**600), F(0)),), ((F(0), F(0)), (F(1), F(0)))),
    ):
        with pytest.raises(CertificateError, match="more than 600 digits"):
            dumps(certificate)
    assert "the stated value" in AxialLoss(TRIANGLE, F(1, 10**5000)).statement()


def _text(**changes: object) -> str:
    return json.dumps({**json.loads(dumps(VALID["pairs"])), **changes})


NESTED = json.loads(dumps(VALID["hexagon"]))["pentagon"]


def _pentagon(value: object) -> str:
    return json.dumps({**json.loads(dumps(VALID["hexagon"])), "pentagon": value})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[1, 2]", "must be a JSON object"),
        ("{}", '"format" must be'),
        (_text(kind="proof-by-authority"), '"kind" must be one of'),
        (_text(kind=["sign-pattern"]), '"kind" must be one of'),
        (_text(format="relugeom-certificate/2"), '"format" must be'),
        (_text(note="trust me"), "unknown fields ['note']"),
        (_text(encoder=[["1", "2"], ["1"]]), "rows of equal length"),
        (_text(encoder=[]), "at least one row"),
        (_text(encoder=[[]]), "at least one row"),
        (_text(encoder=[["1", 0.5]]), "sign-pattern.encoder[0][1] must be a rational number"),
        (_text(encoder=[["1", "1/0"]]), "denominator 0"),
        (_text(encoder=[["1", "9" * 700]]), "more than 600 digits"),
        (_text(encoder=[["1", "١"]]), "must be a rational number"),
        (_text(sparsity=True), "sparsity must be an integer"),
        (_text(sparsity=10**10), "at most nine digits"),
        (_text(zero_input=1), "zero_input must be true or false"),
        (_text(bias="0"), "bias must be a list"),
        (_pentagon(None), "hexagon-minimum.pentagon must be an object with shortest, longest, threshold"),
        (_pentagon({"shortest": "1"}), "hexagon-minimum.pentagon must be an object with shortest, longest, threshold"),
        (_pentagon({**NESTED, "depth": "6"}), "hexagon-minimum.pentagon.depth must be an integer"),
        (
            _pentagon({**NESTED, "loss": ["1"]}),
            "hexagon-minimum.pentagon.loss must be two rationals [low",
        ),
        ('{"format": NaN}', "NaN is not a rational number"),
        ('{"format": 1, "format": 2}', "stands twice"),
        ("[" * 5000 + "]" * 5000, "levels deep"),
        ('{"a": ' + "[" * 100_000, "levels deep"),
        ('{"format": ' + "9" * 10_000 + "}", "not JSON"),
        ('"' + '\\"' * 1_000_000, "not JSON"),  # quadratic, if each quote were tried as the start of a string
        ('["\\"' + "[" * 10, "not JSON"),
    ],
)
def test_what_cannot_be_read_gets_one_clear_error(text: str, message: str) -> None:
    with pytest.raises(CertificateError) as caught:
        loads(text)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_size_is_bounded_before_reading(tmp_path) -> None:
    with pytest.raises(CertificateError, match="characters; at most"):
        loads(" " * (LIMITS.characters + 1))
    with pytest.raises(CertificateError, match="entries"):
        loads(_text(bias=["0"] * (LIMITS.entries + 1)))
    path = tmp_path / "latin.json"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CertificateError, match="not UTF-8"):
        load(path)
    path.write_text(dumps(VALID["pairs"]), encoding="utf-8")
    assert load(path) == VALID["pairs"]


@pytest.mark.parametrize("name", VALID)
def test_tampering_is_rejected_or_leaves_a_true_statement(name: str, tier: Tier) -> None:
    # The minima take a fraction of a second each.
    total = tier.count({"pentagon": 100, "hexagon": 50}.get(name, 300), 3_000)
    rng = random.Random(f"tamper {name}")
    text = dumps(VALID[name])
    refused = true = 0
    for _ in range(total):
        mutant = mutate(text, rng)
        try:
            certificate = loads(mutant)
        except CertificateError:
            refused += 1
            continue
        if isinstance(check(certificate), Valid):
            true += 1
            assert is_true(certificate), mutant
    assert true < 0.7 * total
    tier.tell(f"{name}: {total} of {total} mutants, {refused} refused, {total - refused - true} invalid, {true} true")


small = st.integers(-3, 3).map(F)


@given(st.data())
def test_sign_patterns_agree_with_enumeration(data: st.DataObject) -> None:
    m, n = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 4))
    matrix = lambda rows, columns: tuple(tuple(data.draw(small) for _ in range(columns)) for _ in range(rows))  # noqa: E731
    certificate = SignPattern(
        matrix(m, n),
        data.draw(st.sampled_from([None, matrix(n, m)])),
        data.draw(st.sampled_from([None, matrix(1, n)[0]])),
        data.draw(st.integers(1, n)),
        data.draw(st.booleans()),
    )
    assert isinstance(check(certificate), Valid) == is_true(certificate)


@given(
    st.lists(st.tuples(small, small), min_size=1, max_size=5),
    st.lists(st.fractions(-2, 2, max_denominator=3), min_size=2, max_size=5, unique=True),
    st.booleans(),
)
def test_accepted_polynomials_keep_their_sign(coefficients: list[tuple[F, F]], points: list[F], strict: bool) -> None:
    breakpoints = tuple((x, F(0)) for x in sorted(points))
    certificate = PolynomialSign(tuple(coefficients), breakpoints, strict=strict)
    if isinstance(check(certificate), Valid):
        assert is_true(certificate)


def test_the_checker_needs_the_standard_library_alone() -> None:
    program = (
        "import sys; before = set(sys.modules); import relugeom.exact; "
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "['relugeom']"


def test_two_large_outputs_add_up() -> None:
    """With two active features the greatest value is that of the two largest columns, not of some two."""
    decoder = as_matrix([[10, 2, 2, -5], [-1, 10, -1, -1], [-1, -1, 10, -1], [-1, -1, -1, 10]])
    identity = as_matrix([[int(i == j) for j in range(4)] for i in range(4)])
    right, wrong = (
        SignPattern(identity, decoder, as_vector([bias, -3, -3, -3]), active=2) for bias in (-4, F(-39, 10))
    )
    assert isinstance(check(right), Valid)
    answer = check(wrong)
    assert isinstance(answer, Invalid)
    assert "output 0 is positive at some input with x_0 = 0 and 1 to 2 ones" in answer.reason


def test_a_weight_may_be_zero() -> None:
    certificate = VALID["inside the cone"]
    assert isinstance(certificate, NotDecodable)
    more = replace(certificate, inside=(*certificate.inside, WeightedSupport((2,), F(0))))
    assert isinstance(check(more), Valid)


def test_a_dead_output_must_exist() -> None:
    certificate = VALID["two outputs are dead"]
    assert isinstance(certificate, DeadOutputs)
    for dead in ((1, 2, 3), (-1, 1, 2)):
        answer = check(replace(certificate, dead=dead))
        assert isinstance(answer, Invalid)
        assert "dead must name some features" in answer.reason


def test_a_better_model_with_endless_digits_is_too_large() -> None:
    certificate = VALID["off is worse"]
    assert isinstance(certificate, CriticalPoint)
    answer = check(replace(certificate, better_encoder=as_matrix([[F(1, 10**4000)]])))
    assert isinstance(answer, Invalid)
    assert "too large to check" in answer.reason


@pytest.mark.parametrize("bias", [F(-1), F(-1, 2)])
def test_a_dead_output_is_negative_on_every_axis(bias: F) -> None:
    certificate = VALID["two outputs are dead"]
    assert isinstance(certificate, DeadOutputs)
    answer = check(replace(certificate, bias=(F(0), bias, F(-2))))
    assert isinstance(answer, Invalid)
    assert "output 1 is not negative at x = e_1" in answer.reason


def test_a_pivot_may_have_no_positive_product_at_all() -> None:
    """w_0·w_2 < 0 does not make up for w_0·w_1 > 0: after the projection w_1·w_2 = 0 would seem to be 1."""
    certificate = PositivePair(as_matrix([[1, 1, -1], [0, 1, 1]]), (1, 2), (0,))
    assert not is_true(certificate)
    assert isinstance(check(certificate), Invalid)


def test_the_empty_support_counts_where_the_zero_input_does() -> None:
    """A feature encoded as 0 cannot be told from nothing."""
    inside, outside = (WeightedSupport((0,), F(1)),), (WeightedSupport((), F(1)),)
    certificate = NotDecodable(as_matrix([[0]]), 0, inside, outside, with_bias=True, zero_input=True)
    assert isinstance(check(certificate), Valid)
    answer = check(replace(certificate, zero_input=False))
    assert isinstance(answer, Invalid)
    assert "a support of outside has 0 elements" in answer.reason


@pytest.mark.parametrize(("entry", "bias"), [(F(1, 2), F(-1, 4)), (F(-1), F(1, 2))])
def test_an_output_is_off_at_both_ends_of_the_amplitudes(entry: F, bias: F) -> None:
    """Output 0 at a·e_1 is on at a = 1 alone, or near the threshold alone."""
    decoder, identity = as_matrix([[1, entry], [0, 1]]), as_matrix([[1, 0], [0, 1]])
    answer = check(ActivationThreshold(identity, (bias, F(0)), F(1, 3), decoder))
    assert isinstance(answer, Invalid)
    assert "output 0 is positive at some a·e_1 with a > 1/3" in answer.reason
    off = ActivationThreshold(identity, (F(-1, 4), F(0)), F(1, 3), as_matrix([[1, F(1, 4)], [0, 1]]))
    assert isinstance(check(off), Valid)
