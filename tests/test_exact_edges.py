"""An output and its edges: the constants of the best polygons, and each condition against sums over amplitudes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction as F

import numpy as np
import pytest

from relugeom.exact import edges
from relugeom.exact.edges import Constants, check_output, constants, is_convex, ratio
from relugeom.exact.enclosures import Enclosure, cosine
from relugeom.exact.errors import Fault
from relugeom.landscape.polygons import hexagon_minimum, pentagon_minimum
from tests.certificate_oracle import fault_of

CERTIFICATES = {5: pentagon_minimum(), 6: hexagon_minimum()}
KNOWN = {n: constants(c.threshold, n) for n, c in CERTIFICATES.items()}


def _loss(s: float, b: float, products: Sequence[float], points: int = 20_000) -> float:
    """D(s, b) + Σ K(g, b) by the midpoint rule."""
    a = (np.arange(points) + 0.5) / points
    others = [np.maximum(a * g + b, 0) ** 2 for g in products]
    return float(np.mean((np.maximum(a * s + b, 0) - a) ** 2 + sum(others)))


def test_ratios_are_lower_bounds() -> None:
    """g/s at an angle: its cosine, or the reciprocal of it."""
    value = cosine(F(5, 4))
    assert abs(float(value.low) - np.cos(1.25)) < 1e-15
    assert ratio(F(5, 4)) == value.low
    assert ratio(F(-5, 4)) * value.high == 1
    assert 0 < 1 - ratio(F(0)) < F(1, 10**20)


@pytest.mark.parametrize("n", [5, 6])
def test_the_constants_are_those_of_the_best_polygon(n: int) -> None:
    known, turn = KNOWN[n], 2 * np.pi / n
    s, b, loss, slope = (float(x.low) for x in (known.norm, known.bias, known.loss, known.slope))
    assert abs(float(known.angle.low) - turn) < 1e-15
    assert abs(n * _loss(s, b, [s * np.cos(turn)] * 2) - loss) < 1e-8
    assert abs(n * (1 / 3 - float(known.gain.low)) - loss) < 1e-15
    for ds, db in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.01, -0.01)):
        assert n * _loss(s + ds, b + db, [(s + ds) * np.cos(turn)] * 2) > loss
    # The least loss falls with the angle by μ a radian: of the loss at s* and b*, by the envelope theorem.
    h = 1e-4
    falls = [_loss(s, b, [s * np.cos(turn + step)] * 2) for step in (-h, h)]
    assert abs((falls[0] - falls[1]) / (2 * h) - slope) < 1e-6
    assert [x.high - x.low < F(1, 10**22) for x in known] == [True] * 6


def test_the_excess_is_what_it_says() -> None:
    for m, ratios, t in (
        (F(1, 3), [F(1, 4), F(1, 4)], F(1, 5)),
        (F(2, 7), [F(3, 4), F(2)], F(1, 9)),
        (F(1, 3), [F(1, 2)], F(1, 2)),
        (F(1, 3), [], F(1, 2)),
    ):
        B = (1 - t) ** 2 * (2 + t) / 6
        C = (1 - t) ** 3 / 3 + sum((q - t) ** 3 / (3 * q) for q in ratios)
        coefficients = edges._excess(m, ratios)
        scale = F(coefficients[6], -1)
        assert scale > 0
        assert sum(x * t**k for k, x in enumerate(coefficients)) == 36 * scale * (m * C - B * B)
        assert edges._saving(Enclosure(t, t)) == Enclosure(B, B)
    q, t = F(1, 4), F(1, 5)
    C = (1 - t) ** 3 / 3 + 2 * (q - t) ** 3 / (3 * q)
    assert edges._cost(Enclosure(t, t), Enclosure(q, q)) == Enclosure(C, C)
    kappa_q = (q - t) ** 2 * (2 * q + t) / (3 * q * q)
    assert edges._interference(Enclosure(t, t), Enclosure(q, q)) == Enclosure(kappa_q, kappa_q)


def test_thresholds_enclose_a_root_inside_the_angle() -> None:
    low, high = CERTIFICATES[5].threshold
    with pytest.raises(Fault, match="does not enclose a root"):
        constants((low - F(1, 10**20), low), 5)
    with pytest.raises(Fault, match="does not enclose a root"):
        constants((high, high + F(1, 10**20)), 5)
    for pair in ((high, low), (low, low), (F(0), high), (low, F(31, 100)), (F(-1, 2), high)):
        with pytest.raises(Fault, match="between 0 and the cosine"):
            constants(pair, 5)
    with pytest.raises(Fault, match="between 0 and the cosine"):
        constants((F(1, 3), F(1, 2)), 6)
    assert constants((low - F(1, 10**20), high + F(1, 10**20)), 5).loss.high > KNOWN[5].loss.high


# ---------------------------------------------------------------------------------------------------------
# One output: (m, ratios, least s, answer).

OUTPUTS: list[tuple[F, list[F], F, str | None]] = [
    (F(-1, 100), [F(5, 4)] * 2, F(1, 4), "the bound is not positive"),
    (F(0), [F(5, 4)] * 2, F(1, 4), "the bound is not positive"),
    (F(1, 3), [F(-1, 10)] * 2, F(1, 4), "the bound is not positive"),
    (F(1, 3), [F(1), F(0)], F(1, 4), "the bound is not positive"),
    (F(33, 100), [F(1, 50)] * 2, F(1, 4), "a positive bias is not excluded"),
    (F(9, 100), [F(11, 10)] * 2, F(1, 4), "a positive bias is not excluded"),
    (F(9, 100), [F(6, 5)] * 2, F(1, 4), "a large positive bias is not excluded"),  # 3m(1 + Σ q) < 1 < 12m
    (F(8, 100), [F(2)] * 2, F(4, 25), "a large positive bias is not excluded"),  # 12m < 1 < 3m(1 + Σ q)
    (F(8, 100), [F(2)] * 2, F(1, 5), None),
    (F(8, 100), [F(2)] * 2, F(1, 4), None),
    (F(9, 100), [F(13, 10)] * 2, F(9, 25), None),
    (F(1, 10), [F(3, 2)] * 2, F(1, 100), None),
    (F(12, 100), [F(2)], F(0), "a large positive bias is not excluded"),  # 8m < 1 < 3m(1 + q)
    (F(13, 100), [F(2)], F(0), None),
    (F(33, 100), [F(1, 10)] * 2, F(1, 4), "a threshold above the ratios is not excluded"),
    (F(35, 100), [F(1, 10)] * 2, F(1, 4), None),
    (F(30, 100), [F(4, 10)] * 2, F(1, 4), "a threshold below the ratios is not excluded"),
    (F(31, 100), [F(4, 10)] * 2, F(1, 4), None),
    (F(22, 100), [F(1, 4), F(3, 4)], F(0), "a threshold below the ratios is not excluded"),
    (F(24, 100), [F(1, 4), F(3, 4)], F(0), None),
    (F(24, 100), [F(3, 4), F(1, 4)], F(0), None),
    (F(14, 100), [F(1, 2), F(11, 10)], F(0), None),
    (F(136, 1000), [F(1, 2), F(11, 10)], F(0), "a threshold below the ratios is not excluded"),
    (F(32, 100), [F(1, 10), F(7, 10)], F(0), None),
    (F(34, 100), [], F(1), None),
    (F(33, 100), [], F(1), "a positive bias is not excluded"),
]


@pytest.mark.parametrize(("m", "ratios", "least", "answer"), OUTPUTS, ids=range(len(OUTPUTS)))
def test_an_output_is_decided_by_its_ratios(m: F, ratios: list[F], least: F, answer: str | None) -> None:
    """Where it passes, no s and b of many cost 1/3 − m or less; where it does not, some nearly do."""
    assert fault_of(check_output, m, ratios, 6, least) == answer
    if m > 0 and all(q > 0 for q in ratios):
        grid = [(s, t) for s in np.linspace(float(least) + 1e-9, 4, 100) for t in np.linspace(-3, 1.2, 85)]
        small = [(s, -b / s) for s in (1e-6, 0.01, 0.05) for b in np.linspace(0, 0.6, 60) if s > least]
        costs = (_loss(s, -t * s, [float(q) * s for q in ratios], 300) for s, t in (*grid, *small))
        excess = min(costs) - 1 / 3 + float(m)
        assert excess > -1e-6 if answer is None else excess < 0.1


def test_thresholds_that_are_left_out_are_not_considered() -> None:
    m, ratios = F(30, 100), [F(4, 10)] * 2
    fault = "a threshold below the ratios is not excluded"
    assert fault_of(check_output, m, ratios, 6, left_out=(F(1, 10), F(2, 5))) is None
    assert fault_of(check_output, m, ratios, 6, left_out=(F(3, 10), F(7, 20))) == fault
    assert fault_of(check_output, m, ratios, 6, left_out=(F(1, 10), F(12, 50))) == fault
    assert fault_of(check_output, m, ratios, 6, left_out=(F(-1), F(2))) is None
    # With different ratios they are left out of both pieces.
    m, ratios = F(22, 100), [F(1, 4), F(3, 4)]
    assert fault_of(check_output, m, ratios, 6) == fault
    assert fault_of(check_output, m, ratios, 6, left_out=(F(1, 100), F(74, 100))) is None
    assert fault_of(check_output, m, ratios, 6, left_out=(F(1, 1000), F(1, 100))) == fault


def test_halving_decides_what_is_close() -> None:
    m, ratios = F(305, 1000), [F(4, 10)] * 2
    answers = [fault_of(check_output, m, ratios, depth) for depth in range(8)]
    assert answers[0] == "a threshold below the ratios is not excluded"
    assert answers[7] is None
    assert answers == sorted(answers, key=lambda answer: answer is None)


# ---------------------------------------------------------------------------------------------------------
# Near the polygon.


def _margin(n: int, t: float, angle: float) -> float:
    q, gain, slope = np.cos(angle), float(KNOWN[n].gain.low), float(KNOWN[n].slope.low)
    B, C = (1 - t) ** 2 * (2 + t) / 6, (1 - t) ** 3 / 3 + 2 * (q - t) ** 3 / (3 * q)
    return float((gain + slope * (angle - 2 * np.pi / n)) * C - B * B)


@pytest.mark.parametrize(
    ("n", "t", "angle"),
    [
        (5, 0.206, 1.2566), (5, 0.15, 1.22), (5, 0.25, 1.25), (5, 0.28, 1.26), (5, 0.1, 1.3), (5, 0.2, 1.34),
        (6, 0.354, 1.047), (6, 0.3, 1.0), (6, 0.4, 1.1), (6, 0.42, 1.0),
    ],
)  # fmt: skip
def test_the_second_derivatives_are_those_of_the_margin(n: int, t: float, angle: float) -> None:
    """At a point they are the divided differences, and the box is convex where these form a definite matrix."""
    h = 1e-4
    corner = [[_margin(n, t + i * h, angle + j * h) for j in (-1, 0, 1)] for i in (-1, 0, 1)]
    tt = (corner[2][1] - 2 * corner[1][1] + corner[0][1]) / h**2
    aa = (corner[1][2] - 2 * corner[1][1] + corner[1][0]) / h**2
    ta = (corner[2][2] - corner[2][0] - corner[0][2] + corner[0][0]) / (4 * h * h)
    assert min(abs(tt), abs(tt * aa - ta**2)) > 1e-4
    point = [Enclosure(F(x).limit_denominator(10**6), F(x).limit_denominator(10**6)) for x in (t, angle)]
    for enclosed, value in zip(edges._curvatures(point[0], point[1], KNOWN[n]), (tt, ta, aa), strict=True):
        assert enclosed.low <= enclosed.high < enclosed.low + F(1, 10**20)
        assert abs(float(enclosed.low) - value) < 1e-5
    assert is_convex(point[0], point[1], KNOWN[n], 0) == (tt > 0 and tt * aa > ta**2)


@pytest.mark.parametrize("n", [5, 6])
def test_convexity_is_decided_by_quartering(n: int) -> None:
    c = CERTIFICATES[n]
    window = (Enclosure(*c.window_thresholds), Enclosure(*c.window_angles))
    assert not is_convex(*window, KNOWN[n], 2)
    assert is_convex(*window, KNOWN[n], 6)
    low, high = c.window_thresholds
    assert not is_convex(Enclosure(low, high + (high - low)), window[1], KNOWN[n], 5)


def test_constants_hold_what_they_name() -> None:
    assert Constants._fields == ("angle", "norm", "bias", "gain", "loss", "slope")
    for n in (5, 6):
        known = KNOWN[n]
        t = float(CERTIFICATES[n].threshold[0])
        assert abs(float(known.bias.low) + t * float(known.norm.low)) < 1e-15
