"""The sentence that a valid certificate proves, word for word: a mistake there is as bad as one in the proof."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

import pytest

from relugeom.exact import Certificate, PolynomialSign
from relugeom.exact.rationals import as_matrix, as_vector
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
