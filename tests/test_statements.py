"""The sentence that a valid certificate proves, word for word: a mistake there is as bad as one in the proof."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction as F
from math import comb, isqrt
from pathlib import Path

import pytest

from relugeom.exact import (
    Certificate,
    NotDecodable,
    PentagonMinimum,
    PolynomialSign,
    SignPattern,
    Valid,
    check,
    load,
)
from relugeom.exact.rationals import as_matrix, as_vector
from tests.conftest import Tier
from tests.random_certificates import random_certificate, shipped
from tests.statement_reader import holds
from tests.test_exact_check import VALID

SENTENCES = {
    "pairs": "ReLU(WᵀWx) has exactly the support of x for every 0/1 input x with exactly one 1 (m = 2, n = 4)",
    "pairs with a useless bias": (
        "ReLU(WᵀWx + b) has exactly the support of x for every 0/1 input x with at most 1 one (m = 2, n = 4)"
    ),
    "identity, all sparsities": (
        "ReLU(WᵀWx) has exactly the support of x for every 0/1 input x with at most 3 ones (m = 3, n = 3)"
    ),
    "parabola": "ReLU(RWx) has exactly the support of x for every 0/1 input x with exactly one 1 (m = 3, n = 7)",
    "parabola, exactly": "ReLU(RWx) = x exactly for every axis vector x = e_i (m = 3, n = 7)",
    "parabola, rank": "the 7×7 matrix A has rank at most 3",
    "square, exactly": "ReLU(WᵀWx) = x exactly for every axis vector x = e_i (m = 2, n = 4)",
    "square, threshold": (
        "ReLU(WᵀWx + b) has exactly the support of x = a·e_i for every i and every a with 1/3 < a ≤ 1 (m = 2, n = 4)"
    ),
    "square, threshold 0": (
        "ReLU(WᵀWx + b) has exactly the support of x = a·e_i for every i and every a with 0 < a ≤ 1 (m = 2, n = 4)"
    ),
    "five in a plane fail": "w_0·w_1 > 0, so ReLU(WᵀWx) does not recover the support of x = e_0 (m = 2, n = 5)",
    "five in a plane fail, traced": (
        "w_2·w_3 > 0, so ReLU(WᵀWx) does not recover the support of x = e_2 (m = 2, n = 5)"
    ),
    "zero column": "w_1 = 0, so ReLU(WᵀWx) does not recover the support of x = e_1 (m = 1, n = 2)",
    "inside the cone": (
        "no decoder row r makes r·Wx positive exactly when x_2 = 1, over the 0/1 inputs x with exactly one 1 (m = "
        "2, n = 3)"
    ),
    "inside the hull": (
        "no decoder row r and no bias b makes r·Wx + b positive exactly when x_2 = 1, over the 0/1 inputs x with "
        "exactly one 1 (m = 1, n = 3)"
    ),
    "two active": (
        "no decoder row r and no bias b makes r·Wx + b positive exactly when x_0 = 1, over the 0/1 inputs x with "
        "at most 2 ones (m = 1, n = 2)"
    ),
    "polynomial": "(1) + (√5)·x + (1)·x^2 > 0 for all x in [0, 1]",
    "polynomial, touching": "(1) + (-2)·x + (1)·x^2 ≥ 0 for all x in [0, 1]",
    "loss": "the sum over i of ‖ReLU(WᵀWx) − x‖² at x = e_i is 1 (m = 2, n = 3)",
    "one feature, exactly": (
        "the loss, the mean of ‖ReLU(WᵀWx + b) − x‖² over x = a·e_i for every i, a in {1/2, 1} with equal weights, has "
        "exactly one critical point (W, b) at distance at most 1/1000 from the stated model (m = 1, n = 1); up to "
        "rotation it is a strict local minimum, with loss between -0.001 and 0.0101010101011"
    ),
    "off is worse": (
        "the loss, the mean of ‖ReLU(WᵀWx + b) − x‖² over x = a·e_i for every i, a in {1/2, 1} with weights 1 : 1, has "
        "exactly one critical point (W, b) at distance at most 1/1000 from the stated model (m = 1, n = 1); up to "
        "rotation it is no minimum (negative curvatures: 1), with loss between 0.06 and 0.07, and another model has "
        "lower loss"
    ),
    "four in space": "among any 4 unit vectors in 3 dimensions two have an inner product of at least -1/3",
    "five in a plane": "among any 5 unit vectors in 2 dimensions two have an inner product of at least -1/4 + 1/4·√5",
    "five in a plane, not sharp": "among any 5 unit vectors in 2 dimensions two have an inner product of at least 3/10",
    "two outputs are dead": (
        "ReLU(WᵀWx + b), 2 of its outputs 0 on every axis and the others exact, is a local minimum of Σ_i "
        "‖ReLU(WᵀWe_i + b) − e_i‖², with value 2 (m = 2, n = 3)"
    ),
    "pentagon": (
        "for every W (m = 2, n = 5) and b, Σ_i E_a ‖ReLU(WᵀWx + b) − x‖² at x = a·e_i, a uniform on [0, 1], is at "
        "least F*, and equal to F* exactly where the w_j are the corners of a regular pentagon with ‖w_j‖² = s* and "
        "b_j = b* for all j, for some F* in [0.0791281353724, 0.0791281353725], s* in [1.36997576675, 1.36997576676] "
        "and b* in [-0.282297283127, -0.282297283126]"
    ),
    "hexagon": (
        "for every W (m = 2, n = 6) and b, Σ_i E_a ‖ReLU(WᵀWx + b) − x‖² at x = a·e_i, a uniform on [0, 1], is at "
        "least F*, and equal to F* exactly where the w_j are the corners of a regular hexagon with ‖w_j‖² = s* and "
        "b_j = b* for all j, for some F* in [0.289154256189, 0.289154256190], s* in [1.74378979028, 1.74378979029] "
        "and b* in [-0.618135131869, -0.618135131868]"
    ),
}
VARIANTS: list[tuple[Certificate, str]] = [
    (
        replace(VALID["parabola"], active=2),  # type: ignore[call-arg]
        "ReLU(RWx) has exactly the support of x for every 0/1 input x with 1 to 2 ones (m = 3, n = 7)",
    ),
    (
        replace(VALID["parabola"], active=2, zero_input=True, bias=as_vector([0] * 7)),  # type: ignore[call-arg]
        "ReLU(RWx + b) has exactly the support of x for every 0/1 input x with at most 2 ones (m = 3, n = 7)",
    ),
    (
        replace(VALID["square, exactly"], bias=as_vector([0] * 4)),  # type: ignore[call-arg]
        "ReLU(WᵀWx + b) = x exactly for every axis vector x = e_i (m = 2, n = 4)",
    ),
    (
        replace(VALID["loss"], value=F(4, 3), bias=as_vector([0] * 3)),  # type: ignore[call-arg]
        "the sum over i of ‖ReLU(WᵀWx + b) − x‖² at x = e_i is 4/3 ≈ 1.33333 (m = 2, n = 3)",
    ),
    (
        PolynomialSign(((F(0), F(0)), (F(1, 2), F(-3)), (F(0), F(0)), (F(2), F(0))), ((F(-1), F(0)), (F(1), F(1))), 2),
        "(1/2 − 3·√2)·x + (2)·x^3 > 0 for all x in [-1, 1 + √2]",
    ),
    (PolynomialSign(((F(1), F(0)),), tuple((F(k), F(0)) for k in range(4))), "(1) > 0 for all x in [0, 3]"),
    (PolynomialSign(((F(0), F(0)),), ((F(0), F(0)), (F(1), F(0))), strict=False), "0 ≥ 0 for all x in [0, 1]"),
    (
        replace(VALID["one feature, exactly"], amplitudes=None, radius=F(944, 10**12)),  # type: ignore[call-arg]
        "the loss, the mean of ‖ReLU(WᵀWx + b) − x‖² over x = a·e_i for every i, a uniform on (0, 1], has exactly one "
        "critical point (W, b) at distance at most 59/62500000000 from the stated model (m = 1, n = 1); up to rotation "
        "it is a strict local minimum, with loss between -0.001 and 0.0101010101011",
    ),
    (
        replace(VALID["one feature, exactly"], encoder=as_matrix([[1] * 3] * 3), gauge=(2, 0)),  # type: ignore[call-arg]
        "the loss, the mean of ‖ReLU(WᵀWx + b) − x‖² over x = a·e_i for every i, a in {1/2, 1} with equal weights, has "
        "exactly one critical point (W, b) at distance at most 1/1000 from the stated model (m = 3, n = 3) among the "
        "models with entries 1, 2 of w_2 and entry 2 of w_0 equal to 0; up to rotation it is a strict local minimum, "
        "with loss between -0.001 and 0.0101010101011",
    ),
]


@pytest.mark.parametrize("name", VALID)
def test_the_sentence_of_every_example(name: str) -> None:
    assert VALID[name].statement() == SENTENCES[name]


@pytest.mark.parametrize(("certificate", "sentence"), VARIANTS, ids=range(len(VARIANTS)))
def test_the_sentence_of_variants(certificate: Certificate, sentence: str) -> None:
    assert certificate.statement() == sentence


# ---------------------------------------------------------------------------------------------------------
# Read literally, at the precision that is printed, by a reader of its own.


@pytest.mark.parametrize("name", VALID)
def test_the_sentence_of_every_example_holds_when_it_is_read(name: str) -> None:
    assert holds(VALID[name].statement(), VALID[name])


@pytest.mark.parametrize("path", shipped(), ids=lambda path: path.name)
def test_the_sentence_of_every_shipped_certificate_holds_when_it_is_read(path: Path) -> None:
    certificate = load(path)
    sentence = certificate.statement()
    if (
        isinstance(certificate, SignPattern | NotDecodable)
        and comb(len(certificate.encoder[0]), certificate.active) > 3e4
    ):
        pytest.skip("too many inputs to try one by one")
    assert holds(sentence, certificate)


def test_the_sentences_of_random_certificates_hold_when_they_are_read(tier: Tier) -> None:
    total = tier.count(60, 2_000)
    rng = random.Random(f"sentences, {tier.name}")
    read = 0
    while read < total:
        certificate = random_certificate(rng)
        if isinstance(certificate, PentagonMinimum) or not isinstance(check(certificate), Valid):
            continue
        assert holds(certificate.statement(), certificate), certificate
        read += 1
    tier.tell(f"{total} of {total} sentences of random valid certificates hold as they are printed")


def test_a_radius_is_never_rounded() -> None:
    """The critical point is w = 1, b = 0, and the centre 9.43e-10 from it, along the direction of least curvature."""
    least = F(isqrt(45 * 10**24), 10**12)  # of [[5, 3], [3, 2]]: (7 − √45)/2, with the direction (6, −3 − √45)
    norm = F(isqrt(int((36 + (3 + least) ** 2) * 10**24)), 10**12)
    step = [F(round(x * F(943, 10**12) / norm * 10**24), 10**24) for x in (F(6), -3 - least)]
    point = replace(
        VALID["one feature, exactly"], encoder=((1 + step[0],),), bias=(step[1],), radius=F(944, 10**12),
        margin=(7 - least) / 2 * F(9995, 10_000), low=F(-1, 10**6), high=F(1, 10**6),
    )  # type: ignore[call-arg]  # fmt: skip
    assert isinstance(check(point), Valid), check(point)
    sentence = point.statement()
    assert holds(sentence, point)
    rounded = sentence.replace("59/62500000000", "47/50000000000")  # 9.4e-10, as two digits would have it
    assert rounded != sentence
    assert not holds(rounded, point)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("pairs", "exactly one 1", "1 to 2 ones"),
        ("pairs", "n = 4", "n = 5"),
        ("parabola", "RWx", "WᵀWx"),
        ("parabola, exactly", "RWx", "RWx + b"),
        ("parabola, rank", "at most 3", "at most 2"),
        ("square, threshold", "1/3", "1/4"),
        ("five in a plane fail", "w_0·w_1", "w_0·w_2"),
        ("zero column", "w_1 = 0", "w_0 = 0"),
        ("inside the cone", "x_2 = 1", "x_0 = 1"),
        ("polynomial", "√5", "−√5"),
        ("polynomial, touching", "≥", ">"),
        ("loss", "is 1", "is 2"),
        ("one feature, exactly", "0.0101010101011", "-0.0005"),
        ("one feature, exactly", "a strict local minimum", "no minimum (negative curvatures: 1)"),
        ("one feature, exactly", "{1/2, 1}", "{1/2, 1/2, 1}"),
        ("off is worse", "0.07,", "0.061,"),
        ("two outputs are dead", "2 of its", "1 of its"),
        ("pentagon", "s* in [", "s* in [9"),
        ("hexagon", "b* in [-0.618", "b* in [-0.617"),
        ("four in space", "any 4 unit", "any 3 unit"),
        ("four in space", "-1/3", "-1/4"),
        ("five in a plane", "2 dimensions", "3 dimensions"),
        ("five in a plane, not sharp", "3/10", "31/100"),
        ("inside the cone", "no decoder row r makes", "no decoder row r and no bias b makes"),
    ],
)
def test_the_reader_notices_a_sentence_that_is_false(name: str, before: str, after: str) -> None:
    sentence = VALID[name].statement()
    assert before in sentence
    assert not holds(sentence.replace(before, after, 1), VALID[name])
