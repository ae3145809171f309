"""The checker of the pentagon's certificate: its parts against their definitions, and each requirement broken once."""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction as F
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from relugeom.exact import Invalid, PentagonMinimum, Valid, check
from relugeom.exact.edges import Constants, _excess, check_window, constants
from relugeom.exact.enclosures import Enclosure, cosine
from relugeom.exact.pentagon import check_cell
from relugeom.landscape.polygons import pentagon_minimum
from tests.certificate_oracle import fault_of
from tests.conftest import Tier
from tests.second_checker import _cell, second_opinion

module: Any = importlib.import_module("relugeom.exact.pentagon")
PENTAGON = pentagon_minimum()
KNOWN = constants(PENTAGON.threshold, 5)
TOO_LARGE = "the certificate is too large to check"


def _moved(name: str, low: F | int = 0, high: F | int = 0) -> dict[str, Any]:
    bounds = getattr(PENTAGON, name)
    return {name: (bounds[0] + low, bounds[1] + high)}


def _without_angles(keep: Callable[[F], bool]) -> dict[str, Any]:
    return {"angles": tuple(x for x in PENTAGON.angles if keep(x))}


TINY = F(1, 10**15)
BROKEN: list[tuple[dict[str, Any], str]] = [
    ({"threshold": PENTAGON.threshold[::-1]}, "threshold does not lie between 0 and the cosine of the angle"),
    (_moved("threshold", -1), "threshold does not lie between 0 and the cosine of the angle"),
    (_moved("threshold", high=F(1, 5)), "threshold does not lie between 0 and the cosine of the angle"),
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
    ({"angles": (*PENTAGON.angles[:-1], F(1402, 1000))}, "angles do not end between c/μ and 90°"),  # c/μ = 1.402014
    ({"angles": (*PENTAGON.angles[:-1], F(139, 100))}, "angles do not end between c/μ and 90°"),
    (_without_angles(lambda x: not -1 < x < 0), "a positive bias is not excluded"),
    (_without_angles(lambda x: not 0 < x < F(5, 4) or x in PENTAGON.window_angles), "is not excluded"),
    ({"depth": -1}, "depth must lie in 0 to 8; got -1"),
    ({"depth": 9}, "depth must lie in 0 to 8; got 9"),
    ({"depth": 1}, "a threshold below the ratios is not excluded"),
    (_moved("window_thresholds", high=F(-1, 40)), "window_thresholds do not enclose threshold"),
    (_moved("window_thresholds", low=F(1, 20)), "window_thresholds do not enclose threshold"),
    (_moved("window_thresholds", low=F(-1)), "window_thresholds do not enclose threshold"),
    (_moved("window_thresholds", high=F(1, 10)), "window_thresholds reach beyond the cosine of window_angles"),
    (_moved("window_thresholds", high=F(1, 20)), "the second derivatives are not positive definite"),
    ({"window_angles": (F(0), F(41, 32))}, "window_angles do not enclose the angle of the polygon between 0 and 90°"),
    (
        {"window_angles": (F(79, 64), F(8, 5))},
        "window_angles do not enclose the angle of the polygon between 0 and 90°",
    ),
    ({"window_angles": (F(40, 32), F(41, 32))}, "a threshold below the ratios is not excluded"),  # cells too wide
]


@pytest.mark.parametrize(("changes", "reason"), BROKEN, ids=[f"{k}-{next(iter(c))}" for k, (c, _) in enumerate(BROKEN)])
def test_each_requirement_is_checked(changes: dict[str, Any], reason: str) -> None:
    result = check(replace(PENTAGON, **changes))
    assert isinstance(result, Invalid)
    assert reason in result.reason


def test_the_window_must_enclose_the_angle() -> None:
    """With cells so fine that they need no window but at 72° itself, where none is fine enough."""
    left = replace(PENTAGON, window_angles=(F(79, 64), F(5, 4)))
    assert (
        fault_of(check_window, left, KNOWN) == "window_angles do not enclose the angle of the polygon between 0 and 90°"
    )
    assert fault_of(check_window, replace(left, window_angles=(F(63, 50), F(41, 32))), KNOWN) is not None
    assert fault_of(check_window, PENTAGON, KNOWN) is None


# ---------------------------------------------------------------------------------------------------------
# One output.


def _least(function: Callable[[F], F], low: F, high: F) -> F:
    """The least value on a fine grid."""
    return min(function(low + (high - low) * F(k, 4000)) for k in range(4001))


def test_one_output_is_decided_by_four_estimates() -> None:
    """For each of several pairs of norms the first loss that is too large, to one part in a thousand."""
    for r, R in ((F(1, 2), F(7, 4)), (F(3, 5), F(7, 4)), (F(2, 5), F(2)), (F(1, 2), F(8, 5)), (F(9, 10), F(2))):
        s, S, reach = r * r, R * R, r * R
        end = F(2, 3) * (1 - s)
        assert end <= reach
        estimates = [
            ((S - 1) / (S + 1)) ** 2 / 3,
            (1 - s) ** 2 / 3,
            4 * end**3 / (3 * reach),
            _least(
                lambda b, s=s, reach=reach: (1 - s) ** 2 / 3 - (1 - s) * b + b * b + 4 * b**3 / (3 * reach), F(0), end
            ),
        ]
        least = min(estimates)
        assert fault_of(module._check_one_output, r, R, least * F(999, 1000), 8) is None
        fault = fault_of(module._check_one_output, r, R, least, 8)
        assert fault is not None
        assert ("longest" in fault) == (least == estimates[0])
        if least == estimates[0]:
            beyond = fault_of(module._check_one_output, r, R * 10, sorted(estimates)[1] * F(999, 1000), 8)
            assert beyond is None or "shortest" in beyond


def test_the_reach_of_the_others_must_cover_the_bias() -> None:
    """e = 2(1 − r²)/3 ≤ rR, to the dot: at r = 1/2 and R = 1 both are 1/2."""
    low = F(1, 10**30)
    assert fault_of(module._check_one_output, F(1, 2), F(1) + F(1, 10**9), low, 8) is None
    assert fault_of(module._check_one_output, F(49, 100), F(1) + F(1, 10**9), low, 8) == (
        "one norm of at most shortest may cost less than the pentagon"
    )
    # 2(1 − r²)/3 = rR for r = 1/4, R = 5/2.
    assert fault_of(module._check_one_output, F(1, 4), F(5, 2), F(1, 100), 8) is None
    assert fault_of(module._check_one_output, F(1, 4), F(5, 2) - F(1, 10**9), F(1, 100), 8) is not None


# ---------------------------------------------------------------------------------------------------------
# Cells.


def _loss(s: float, b: float, g: float) -> float:
    """D(s, b) + 2K(g, b) by the midpoint rule."""
    a = (np.arange(20_000) + 0.5) / 20_000
    own = np.maximum(a * s + b, 0) - a
    other = np.maximum(a * g + b, 0)
    return float(np.mean(own**2 + 2 * other**2))


def _lowest(low: float, high: float, known: Constants, rng: random.Random) -> float:
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
        assert fault_of(check_cell, PENTAGON, KNOWN, low, high) is None
        assert _lowest(float(low), float(high), KNOWN, rng) > -1e-7, (low, high)


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
            first = fault_of(check_cell, PENTAGON, KNOWN, low, high) is None
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
        **{name: Enclosure(x.low + changes.get(name, 0), x.high + changes.get(name, 0)) for name, x in parts.items()}
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
        m = (of.gain + of.slope * (Enclosure(angle, angle) - of.angle)).high
        p = _excess(m, [cosine(angle).high] * 2)
        return sum((x * t**k for k, x in enumerate(p)), F(0)) / -p[6]

    assert margin(known) < -F(1, 10**8)
    assert margin(KNOWN) > -F(1, 10**20)


def test_the_hexagon_is_not_decided_by_its_edges() -> None:
    """The same inequality with the hexagon's constants fails where two features coincide: windows would be needed."""
    gain, slope = F(1, 3) - F(289154, 6 * 10**6), F(201427, 10**6)
    point = lambda x: Enclosure(x, x)  # noqa: E731
    known = KNOWN._replace(gain=point(gain), slope=point(slope), angle=point(F(1047198, 10**6)))
    assert fault_of(check_cell, PENTAGON, known, F(0), F(1, 1000)) is not None
    assert fault_of(check_cell, PENTAGON, KNOWN, F(0), F(1, 1000)) is None


# ---------------------------------------------------------------------------------------------------------
# Work.


@pytest.mark.parametrize(("depth", "most"), [(0, 199_993), (6, 2677), (7, 666)])
def test_work_is_bounded(depth: int, most: int) -> None:
    def spread(count: int) -> PentagonMinimum:
        return replace(PENTAGON, angles=tuple(F(k, 2**20) for k in range(count)), depth=depth)

    assert most * 2 ** (depth + 1) + 14 * 4**depth <= 400_000 < (most + 1) * 2 ** (depth + 1) + 14 * 4**depth
    assert fault_of(module.check_size, spread(most)) is None
    assert fault_of(module.check_size, spread(most + 1)) == TOO_LARGE
    assert fault_of(module.check_size, replace(spread(2), depth=8)) == TOO_LARGE


@pytest.mark.parametrize("name", ["shortest", "longest"])
@pytest.mark.parametrize("number", [F(2**200 - 1), F(1, 2**200 - 1), F(-(2**200) + 1)])
def test_numbers_have_two_hundred_bits(name: str, number: F) -> None:
    assert fault_of(module.check_size, replace(PENTAGON, **{name: number})) is None
    beyond = number * 2 if number.denominator == 1 else number / 2
    assert fault_of(module.check_size, replace(PENTAGON, **{name: beyond})) == TOO_LARGE
    assert fault_of(module.check_size, replace(PENTAGON, norm=(F(1), beyond))) == TOO_LARGE
    assert fault_of(module.check_size, replace(PENTAGON, angles=(F(0), beyond))) == TOO_LARGE


def test_the_second_checker_is_given_the_same_text() -> None:
    from relugeom.exact import dumps

    assert isinstance(check(PENTAGON), Valid)
    assert second_opinion(dumps(PENTAGON)) is True
