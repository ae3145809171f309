"""The checker of the pentagon's certificate: its parts against their definitions, and each requirement broken once."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction as F
from itertools import pairwise
from typing import Any

import mpmath
import numpy as np
import pytest

from relugeom.exact import Invalid, PentagonMinimum, Valid, check
from relugeom.exact.critical import Interval
from relugeom.exact.pentagon import Constants, cell_fault, constants
from relugeom.landscape.pentagon import pentagon_minimum
from tests.conftest import Tier
from tests.second_checker import _cell, second_opinion

module: Any = importlib.import_module("relugeom.exact.pentagon")
PENTAGON = pentagon_minimum()
KNOWN = constants(PENTAGON.threshold)
TOO_LARGE = "the certificate is too large to check"


def _moved(name: str, low: F | int = 0, high: F | int = 0) -> dict[str, Any]:
    bounds = getattr(PENTAGON, name)
    return {name: (bounds[0] + low, bounds[1] + high)}


def _without_angles(keep: Callable[[F], bool]) -> dict[str, Any]:
    return {"angles": tuple(x for x in PENTAGON.angles if keep(x))}


TINY = F(1, 10**15)
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"threshold": PENTAGON.threshold[::-1]}, "threshold does not lie between 0 and cos 72°"),
    (_moved("threshold", -1), "threshold does not lie between 0 and cos 72°"),
    (_moved("threshold", high=F(1, 5)), "threshold does not lie between 0 and cos 72°"),
    (_moved("threshold", TINY, TINY), "threshold does not enclose a root"),
    (_moved("threshold", -TINY, -TINY), "threshold does not enclose a root"),
    *((_moved(name, low=TINY), f"{name} is not shown to lie") for name in ("norm", "bias", "loss", "slope")),
    *((_moved(name, high=-TINY), f"{name} is not shown to lie") for name in ("norm", "bias", "loss", "slope")),
    (_moved("threshold", -F(1, 10**12)), "norm is not shown to lie"),
    # The false siblings: a least loss greater by a millionth, a slope that is wrong in its fourth digit, the square.
    (_moved("loss", F(1, 10**6), F(1, 10**6)), "loss is not shown to lie"),
    (_moved("slope", F(1, 10**5), F(1, 10**5)), "slope is not shown to lie"),
    ({"norm": (F(1), F(1)), "bias": (F(0), F(0)), "loss": (F(0), F(0))}, "norm is not shown to lie"),
    ({"shortest": F(0)}, "shortest must lie between 0 and 1"),
    ({"shortest": F(1)}, "shortest must lie between 0 and 1"),
    ({"longest": F(1)}, "longest above 1"),
    ({"longest": F(17, 10)}, "one norm of at least longest may cost less"),
    ({"shortest": F(11, 20)}, "one norm of at most shortest may cost less"),
    ({"shortest": F(1, 4), "longest": F(9, 4)}, "one norm of at most shortest may cost less"),  # e > rR
    ({"shortest": F(99, 100)}, "one norm of at most shortest may cost less"),
    ({"angles": ()}, "there must be two angles at least"),
    ({"angles": PENTAGON.angles[:1]}, "there must be two angles at least"),
    ({"angles": (PENTAGON.angles[0], *PENTAGON.angles)}, "angles are not in increasing order"),
    ({"angles": PENTAGON.angles[::-1]}, "angles are not in increasing order"),
    ({"angles": PENTAGON.angles[1:]}, "angles do not begin where one norm is as much longer"),
    ({"angles": (F(-8, 5), *PENTAGON.angles)}, "angles do not begin where one norm is as much longer"),
    (_without_angles(lambda x: x > 0), "angles do not begin where one norm is as much longer"),
    ({"angles": PENTAGON.angles[:-1]}, "angles do not end between c/μ and 90°"),
    ({"angles": (*PENTAGON.angles, F(8, 5))}, "angles do not end between c/μ and 90°"),
    (_without_angles(lambda x: not -1 < x < 0), "a positive bias is not excluded"),
    (_without_angles(lambda x: not 0 < x < F(5, 4) or x in PENTAGON.window_angles), "is not excluded"),
    ({"depth": -1}, "depth must lie in 0 to 8; got -1"),
    ({"depth": 9}, "depth must lie in 0 to 8; got 9"),
    ({"depth": 1}, "a threshold below the ratio is not excluded"),
    (_moved("window_thresholds", high=F(-1, 40)), "window_thresholds do not enclose threshold"),
    (_moved("window_thresholds", low=F(1, 20)), "window_thresholds do not enclose threshold"),
    (_moved("window_thresholds", low=F(-1)), "window_thresholds do not enclose threshold"),
    (_moved("window_thresholds", high=F(1, 10)), "window_thresholds reach beyond the cosine of window_angles"),
    (_moved("window_thresholds", high=F(1, 20)), "the second derivatives are not positive definite"),
    ({"window_angles": (F(0), F(41, 32))}, "window_angles do not enclose 72° between 0 and 90°"),
    ({"window_angles": (F(79, 64), F(8, 5))}, "window_angles do not enclose 72° between 0 and 90°"),
    ({"window_angles": (F(40, 32), F(41, 32))}, "a threshold below the ratio is not excluded"),  # cells too wide
]


@pytest.mark.parametrize(("changes", "reason"), BROKEN, ids=[f"{k}-{next(iter(c))}" for k, (c, _) in enumerate(BROKEN)])
def test_each_requirement_is_checked(changes: dict[str, Any], reason: str) -> None:
    result = check(replace(PENTAGON, **changes))
    assert isinstance(result, Invalid)
    assert reason in result.reason


def test_the_window_must_enclose_the_angle() -> None:
    """With cells so fine that they need no window but at 72° itself, where none is fine enough."""
    left = replace(PENTAGON, window_angles=(F(79, 64), F(5, 4)))
    assert module._window_fault(left, KNOWN) == "window_angles do not enclose 72° between 0 and 90°"
    assert module._window_fault(replace(left, window_angles=(F(63, 50), F(41, 32))), KNOWN) is not None
    assert module._window_fault(PENTAGON, KNOWN) is None


# ---------------------------------------------------------------------------------------------------------
# The parts against their definitions.


def test_series_enclose_and_are_narrow() -> None:
    with mpmath.workdps(40):
        for x in (F(0), F(1, 3), F(1), F(5, 4), F(157, 100)):
            for function, truth in ((module._cosine, mpmath.cos), (module._sine, mpmath.sin)):
                value, exact = function(x), truth(mpmath.mpf(x.numerator) / x.denominator)
                low, high = (mpmath.mpf(end.numerator) / end.denominator for end in (value.low, value.high))
                assert low <= exact <= high
                assert high - low < mpmath.mpf("1e-26")
        pi = module._pi()
        assert mpmath.mpf(pi.low.numerator) / pi.low.denominator <= mpmath.pi
        assert mpmath.pi <= mpmath.mpf(pi.high.numerator) / pi.high.denominator
        assert pi.high - pi.low < F(1, 10**25)


def test_an_alternating_sum_allows_for_what_is_left_out() -> None:
    """1 − 1/2 + 1/4 and then whatever lies between 0 and 1/4."""
    terms = [(1, 1), (1, 2), (1, 4)]
    value = module._alternating(terms)
    assert value.low < F(1, 2)
    assert value.high > F(1)
    assert value.high - value.low < F(3, 5)


def test_rounding_goes_outwards() -> None:
    third = Interval(F(-1, 3), F(1, 3))
    rounded = module._outward(third)
    step = F(1, 2**96)
    assert third.low - step < rounded.low < third.low
    assert third.high < rounded.high < third.high + step
    assert module._outward(Interval(F(1, 2), F(3, 4))) == Interval(F(1, 2), F(3, 4))
    root = module._root(Interval(F(2), F(9)))
    assert root.low**2 < 2 < (root.low + step) ** 2
    assert root.high == 3 + step


def test_ratios_are_lower_bounds() -> None:
    """g/s at an angle: its cosine, or the reciprocal of it."""
    cosine = module._cosine(F(5, 4))
    assert abs(float(cosine.low) - np.cos(1.25)) < 1e-15
    assert module._ratio(F(5, 4)) == cosine.low
    assert module._ratio(F(-5, 4)) * cosine.high == 1
    assert 0 < 1 - module._ratio(F(0)) < F(1, 10**20)


def _loss(s: float, b: float, g: float, points: int = 20_000) -> float:
    """D(s, b) + 2K(g, b) by the midpoint rule."""
    a = (np.arange(points) + 0.5) / points
    own = np.maximum(a * s + b, 0) - a
    other = np.maximum(a * g + b, 0)
    return float(np.mean(own**2 + 2 * other**2))


def test_the_constants_are_those_of_the_best_pentagon() -> None:
    s, b, loss, slope = (float(x.low) for x in (KNOWN.norm, KNOWN.bias, KNOWN.loss, KNOWN.slope))
    cosine = float(np.cos(0.4 * np.pi))
    assert abs(5 * _loss(s, b, s * cosine) - loss) < 1e-8
    for ds, db in ((0.01, 0), (-0.01, 0), (0, 0.01), (0, -0.01), (0.01, -0.01)):
        assert 5 * _loss(s + ds, b + db, (s + ds) * cosine) > loss
    # The least loss falls with the angle by μ a radian: of the loss at s* and b*, by the envelope theorem.
    h = 1e-4
    falls = [_loss(s, b, s * float(np.cos(0.4 * np.pi + turn))) for turn in (-h, h)]
    assert abs((falls[0] - falls[1]) / (2 * h) - slope) < 1e-6
    assert [x.high - x.low < F(1, 10**22) for x in KNOWN] == [True] * 6


def test_positivity_is_decided_by_halving() -> None:
    bump = (26, -100, 100)  # 100(x − 1/2)² + 1
    assert not module._positive(bump, F(0), F(1), 0)
    assert module._positive(bump, F(0), F(1), 4)
    assert not module._positive((25, -100, 100), F(0), F(1), 12)
    assert module._positive((1, 1), F(-1, 2), F(7, 3), 0)
    assert not module._positive((1, 1), F(-1), F(7, 3), 0)
    assert not module._positive((1, -1), F(0), F(1), 0)
    assert module._positive((0, 0, 1), F(1, 3), F(1), 0)
    assert not module._positive((0, 0, 1), F(0), F(1), 5)


def test_the_excess_is_what_it_says() -> None:
    for m, q, t in ((F(1, 3), F(1, 4), F(1, 5)), (F(2, 7), F(3, 4), F(1, 9)), (F(1, 3), F(1, 2), F(1, 2))):
        B = (1 - t) ** 2 * (2 + t) / 6
        C = (1 - t) ** 3 / 3 + 2 * (q - t) ** 3 / (3 * q)
        coefficients = module._excess(m, q)
        value = sum(x * t**k for k, x in enumerate(coefficients))
        scale = F(coefficients[6], -1)
        assert scale > 0
        assert value == 36 * scale * (m * C - B * B)
        assert module._saving(Interval(t, t)) == Interval(B, B)
        assert module._cost(Interval(t, t), Interval(q, q)) == Interval(C, C)


def _margin(t: float, angle: float) -> float:
    q, gain, slope = np.cos(angle), float(KNOWN.gain.low), float(KNOWN.slope.low)
    B, C = (1 - t) ** 2 * (2 + t) / 6, (1 - t) ** 3 / 3 + 2 * (q - t) ** 3 / (3 * q)
    return float((gain + slope * (angle - 0.4 * np.pi)) * C - B * B)


@pytest.mark.parametrize(("t", "angle"), [(0.206, 1.2566), (0.15, 1.22), (0.25, 1.25), (0.28, 1.26), (0.1, 1.3)])
def test_the_second_derivatives_are_those_of_the_margin(t: float, angle: float) -> None:
    """At a point the box is convex exactly where the divided differences form a definite matrix."""
    h = 1e-4
    corner = [[_margin(t + i * h, angle + j * h) for j in (-1, 0, 1)] for i in (-1, 0, 1)]
    tt = (corner[2][1] - 2 * corner[1][1] + corner[0][1]) / h**2
    aa = (corner[1][2] - 2 * corner[1][1] + corner[1][0]) / h**2
    ta = (corner[2][2] - corner[2][0] - corner[0][2] + corner[0][0]) / (4 * h * h)
    assert min(abs(tt), abs(tt * aa - ta**2)) > 1e-4
    point = [Interval(F(x).limit_denominator(10**6), F(x).limit_denominator(10**6)) for x in (t, angle)]
    assert module._is_convex(*point, KNOWN, 0) == (tt > 0 and tt * aa > ta**2)


def test_convexity_is_decided_by_quartering() -> None:
    window = (Interval(*PENTAGON.window_thresholds), Interval(*PENTAGON.window_angles))
    assert not module._is_convex(*window, KNOWN, 2)
    assert module._is_convex(*window, KNOWN, 6)
    assert not module._is_convex(Interval(F(18, 100), F(28, 100)), window[1], KNOWN, 5)


# ---------------------------------------------------------------------------------------------------------
# Cells.


def _least(low: float, high: float, known: Constants, rng: random.Random) -> float:
    """The least value of D + 2K + μα − c that is found for α in the cell."""
    gain, slope = float(known.gain.low), float(known.slope.low)
    found = []
    for _ in range(40):
        angle = rng.uniform(low, high)
        q = np.cos(angle) if angle > 0 else 1 / np.cos(angle)
        s, t = rng.uniform(0.25, 3.06), rng.uniform(-0.3, 1.2)
        found.append(_loss(s, -t * s, q * s) - 1 / 3 + gain + slope * (angle - 0.4 * np.pi))
    return float(min(found))


def test_cells_that_pass_hold_no_counterexample(tier: Tier) -> None:
    rng = random.Random("cells")
    cells = rng.sample(list(pairwise(PENTAGON.angles)), min(93, tier.count(20, 93)))
    for low, high in cells:
        assert cell_fault(PENTAGON, KNOWN, low, high) is None
        assert _least(float(low), float(high), KNOWN, rng) > -1e-7, (low, high)


def test_every_cell_by_two_checkers() -> None:
    """Leaf by leaf, the narrow cells, those of twice their size, and those of eight times."""
    from flint import arb

    data = {
        "shortest": "1/2",
        "window_thresholds": list(map(str, PENTAGON.window_thresholds)),
        "window_angles": list(map(str, PENTAGON.window_angles)),
    }
    constants_ = [arb(float(x.low), 1e-15) for x in (KNOWN.gain, KNOWN.slope, KNOWN.angle)]
    answers = []
    for step in (1, 2, 8):
        ends = PENTAGON.angles[::step]
        for low, high in pairwise(ends):
            first = cell_fault(PENTAGON, KNOWN, low, high) is None
            second = _cell(data, _fmpq(low), _fmpq(high), *constants_)
            assert first == second, (low, high)
            answers.append(first)
    assert len(answers) >= 93 + 46 + 11
    assert 30 < answers.count(False) < 60


def _fmpq(x: F) -> Any:
    from flint import fmpq

    return fmpq(x.numerator, x.denominator)


def _altered(**changes: F) -> Constants:
    """The constants with some of them moved."""
    parts = {name: getattr(KNOWN, name) for name in Constants._fields}
    return Constants(
        **{name: Interval(x.low + changes.get(name, 0), x.high + changes.get(name, 0)) for name, x in parts.items()}
    )


@pytest.mark.parametrize(
    ("known", "side"),
    [
        (_altered(gain=F(-1, 5 * 10**6)), 0),  # F* greater by a millionth
        (_altered(slope=F(1, 10**4)), -1),  # μ wrong in its fourth digit
        (_altered(slope=F(-1, 10**4)), 1),
    ],
)
def test_the_inequality_is_false_with_other_constants(known: Constants, side: int) -> None:
    """Somewhere close to t* and 72° the margin is negative; with the right constants it is not."""
    turn = F(side, 10**4)
    t, angle = PENTAGON.threshold[0] - F(7, 10) * turn, KNOWN.angle.low + turn

    def margin(of: Constants) -> F:
        m = (of.gain + of.slope * (Interval(angle, angle) - of.angle)).high
        p = module._excess(m, module._cosine(angle).high)
        return sum((x * t**k for k, x in enumerate(p)), F(0)) / -p[6]

    assert margin(known) < -F(1, 10**8)
    assert margin(KNOWN) > -F(1, 10**20)


@pytest.mark.parametrize(
    ("m", "q", "shortest", "reason"),
    [
        (F(-1, 100), F(5, 4), F(1, 2), "the bound is not positive"),
        (F(1, 3), F(-1, 10), F(1, 2), "the bound is not positive"),
        (F(33, 100), F(1, 50), F(1, 2), "a positive bias is not excluded"),
        (F(9, 100), F(11, 10), F(1, 2), "a positive bias is not excluded"),
        (F(9, 100), F(6, 5), F(1, 2), "a large positive bias is not excluded"),  # 3m(1 + 2q) < 1 < 12m
        (F(8, 100), F(2), F(2, 5), "a large positive bias is not excluded"),  # 12m < 1 < 3m(1 + 2q)
        (F(8, 100), F(2), F(1, 2), None),
        (F(9, 100), F(13, 10), F(3, 5), None),
        (F(1, 10), F(3, 2), F(1, 10), None),
        (F(33, 100), F(1, 10), F(1, 2), "a threshold above the ratio is not excluded"),
        (F(35, 100), F(1, 10), F(1, 2), None),
        (F(30, 100), F(4, 10), F(1, 2), "a threshold below the ratio is not excluded"),
        (F(31, 100), F(4, 10), F(1, 2), None),
    ],
)
def test_a_cell_is_decided_by_its_least_values(
    m: F, q: F, shortest: F, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """m and q as given, in place of those of an angle; where a cell passes, no s and t of many do worse than 0."""
    monkeypatch.setattr(module, "_ratio", lambda angle: q)
    point = lambda x: Interval(x, x)  # noqa: E731
    known = KNOWN._replace(gain=point(m), slope=point(F(0)))
    answer = cell_fault(replace(PENTAGON, shortest=shortest, window_angles=(F(2), F(2))), known, F(0), F(1))
    assert answer == reason
    grid = [(s, t) for s in np.linspace(float(shortest) ** 2, 4, 80) for t in np.linspace(-3, 1.2, 43)]
    if m > 0 and q > 0:
        least = min(_loss(s, -t * s, float(q) * s, 400) for s, t in grid) - 1 / 3 + float(m)
        assert least > 0 or reason is not None


def test_the_hexagon_is_not_decided_by_its_edges() -> None:
    """The same inequality with the hexagon's constants fails where two features coincide: windows would be needed."""
    gain, slope = F(1, 3) - F(289154, 6 * 10**6), F(201427, 10**6)
    point = lambda x: Interval(x, x)  # noqa: E731
    known = KNOWN._replace(gain=point(gain), slope=point(slope), angle=point(F(1047198, 10**6)))
    assert cell_fault(PENTAGON, known, F(0), F(1, 1000)) is not None
    assert cell_fault(PENTAGON, KNOWN, F(0), F(1, 1000)) is None


# ---------------------------------------------------------------------------------------------------------
# Work.


@pytest.mark.parametrize(("depth", "most"), [(0, 199_993), (6, 2677), (7, 666)])
def test_work_is_bounded(depth: int, most: int) -> None:
    def spread(count: int) -> PentagonMinimum:
        return replace(PENTAGON, angles=tuple(F(k, 2**20) for k in range(count)), depth=depth)

    assert most * 2 ** (depth + 1) + 14 * 4**depth <= 400_000 < (most + 1) * 2 ** (depth + 1) + 14 * 4**depth
    assert module._size_fault(spread(most)) is None
    assert module._size_fault(spread(most + 1)) == TOO_LARGE
    assert module._size_fault(replace(spread(2), depth=8)) == TOO_LARGE


@pytest.mark.parametrize("name", ["shortest", "longest"])
@pytest.mark.parametrize("number", [F(2**200 - 1), F(1, 2**200 - 1), F(-(2**200) + 1)])
def test_numbers_have_two_hundred_bits(name: str, number: F) -> None:
    assert module._size_fault(replace(PENTAGON, **{name: number})) is None
    beyond = number * 2 if number.denominator == 1 else number / 2
    assert module._size_fault(replace(PENTAGON, **{name: beyond})) == TOO_LARGE
    assert module._size_fault(replace(PENTAGON, norm=(F(1), beyond))) == TOO_LARGE
    assert module._size_fault(replace(PENTAGON, angles=(F(0), beyond))) == TOO_LARGE


def test_the_second_checker_is_given_the_same_text() -> None:
    from relugeom.exact import dumps

    assert isinstance(check(PENTAGON), Valid)
    assert second_opinion(dumps(PENTAGON)) is True
