"""The checker of the hexagon's certificate: each requirement broken once, its steps against sums over amplitudes."""

from __future__ import annotations

import importlib
import random
from dataclasses import replace
from fractions import Fraction as F
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from relugeom.exact import HexagonMinimum, Invalid, Valid, check, dumps
from relugeom.exact.edges import constants
from relugeom.landscape.polygons import hexagon_minimum
from tests.certificate_oracle import fault_of
from tests.conftest import Tier
from tests.second_checker import second_opinion

module: Any = importlib.import_module("relugeom.exact.hexagon")
HEXAGON = hexagon_minimum()
KNOWN = constants(HEXAGON.threshold, 6)
SLOPE, ANGLE, GAIN, LOSS = (float(x.low) for x in (KNOWN.slope, KNOWN.angle, KNOWN.gain, KNOWN.loss))
FIVE = float(HEXAGON.pentagon.loss[0])
SHARE = LOSS / 6 + SLOPE * ANGLE  # c

Floats = npt.NDArray[np.float64]


def _moved(name: str, low: F | int = 0, high: F | int = 0) -> dict[str, Any]:
    bounds = getattr(HEXAGON, name)
    return {name: (bounds[0] + low, bounds[1] + high)}


def _five(**changes: Any) -> dict[str, Any]:
    return {"pentagon": replace(HEXAGON.pentagon, **changes)}


TINY = F(1, 10**15)
LESS = F(1, 1000)
BROKEN: list[tuple[dict[str, Any], str]] = [
    (_five(depth=0), "one norm of at most shortest"),
    (_five(loss=(HEXAGON.pentagon.loss[0] - LESS, F(1))), "the loss of the pentagon is not shown to be large enough"),
    (_moved("threshold", TINY, TINY), "threshold does not enclose a root"),
    (_moved("threshold", high=F(1, 5)), "threshold does not lie between 0 and the cosine"),
    *((_moved(name, low=TINY), f"{name} is not shown to lie") for name in ("norm", "bias", "loss", "slope")),
    (_moved("loss", F(1, 10**6), F(1, 10**6)), "loss is not shown to lie"),
    ({"angles": HEXAGON.angles[:1]}, "there must be two angles at least"),
    ({"angles": (HEXAGON.angles[0], *HEXAGON.angles)}, "angles are not in increasing order"),
    ({"angles": (F(0), *HEXAGON.angles)}, "angles do not lead from above 0"),
    ({"angles": (*HEXAGON.angles, F(8, 5))}, "angles do not lead from above 0"),
    ({"angles": tuple(x for x in HEXAGON.angles if x < F(9, 10))}, "angles do not lead from above 0"),
    ({"angles": HEXAGON.angles[:-1]}, "angles end below c/μ"),
    ({"angles": (*(x for x in HEXAGON.angles if x < 1.25), F(1286, 1000))}, "angles end below c/μ"),  # c/μ = 1.28645
    ({"angles": (*(x for x in HEXAGON.angles if x < 1.25), F(127, 100))}, "angles end below c/μ"),
    ({"angles": (HEXAGON.angles[0], *HEXAGON.angles[-2:])}, "is not excluded"),
    (_moved("window_thresholds", low=F(1, 20)), "window_thresholds do not enclose threshold"),
    ({"window_angles": (F(21, 20), F(69, 64))}, "window_angles do not enclose the angle of the polygon"),
    ({"window_angles": (F(9, 10) - TINY, F(69, 64))}, "window_angles begin below 9/10"),
    (_moved("window_thresholds", high=F(7, 100)), "the second derivatives are not positive definite"),
    ({"depth": 5, "angles": (*HEXAGON.angles[:3], *HEXAGON.angles[5:])}, "between angles"),
    ({"extent": (F(-1), F(5))}, "extent does not begin between −90° and −60°"),
    ({"extent": (F(-8, 5), F(5))}, "extent does not begin between −90° and −60°"),
    ({"extent": (F(1), F(5))}, "extent does not begin between −90° and −60°"),
    ({"extent": (F(-21, 20), F(1, 2))}, "extent does not reach to where everything is clear"),
    ({"extent": (F(-21, 20), F(7, 2))}, "extent does not reach to where everything is clear"),
    ({"depth": 9}, "depth must lie in 0 to 8; got 9"),
    ({"depth": 8}, "the certificate is too large to check"),
    ({"norm": (0.5, F(2))}, "is not a rational number"),
]


@pytest.mark.parametrize(("changes", "reason"), BROKEN, ids=[f"{k}-{next(iter(c))}" for k, (c, _) in enumerate(BROKEN)])
def test_each_requirement_is_checked(changes: dict[str, Any], reason: str) -> None:
    result = check(replace(HEXAGON, **changes))
    assert isinstance(result, Invalid)
    assert reason in result.reason


def test_both_checkers_accept_it() -> None:
    assert isinstance(check(HEXAGON), Valid)
    assert second_opinion(dumps(HEXAGON)) is True


def test_rectangles_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fault_of(module._check_narrow_angles, HEXAGON, KNOWN) is None
    monkeypatch.setattr(module, "_MOST_RECTANGLES", 100)
    assert fault_of(module._check_narrow_angles, HEXAGON, KNOWN) == "100 rectangles of angles do not suffice"


def test_without_the_bounds_on_stars_the_narrow_angles_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three features on one ray, as in two triples that face each other, cost the middle one less than its share."""
    free = replace(HEXAGON, pentagon=replace(HEXAGON.pentagon, loss=(F(0), F(1))))
    monkeypatch.setattr(module, "_MOST_RECTANGLES", 500)
    assert fault_of(module._check_narrow_angles, free, KNOWN) is not None


def test_without_the_shift_the_narrow_angles_are_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_STEEPNESS", F(0))
    monkeypatch.setattr(module, "_MOST_RECTANGLES", 1000)
    assert fault_of(module._check_narrow_angles, HEXAGON, KNOWN) is not None


# ---------------------------------------------------------------------------------------------------------
# The steps of the argument on random numbers.


def _alpha(q: Floats) -> Floats:
    return np.where(q <= 1, np.arccos(np.minimum(q, 1)), -np.arccos(1 / np.maximum(q, 1)))


def _shift(y: Floats) -> Floats:
    return 0.4 * np.maximum(0, 0.9 - y)


def test_angles_add_up_to_twice_the_gap_at_most(tier: Tier) -> None:
    """With the shift too, where one of them is ≤ 0."""
    rng = np.random.default_rng(0)
    count = tier.count(100_000, 3_000_000)
    r, gap = np.exp(0.7 * rng.normal(size=(2, count))), rng.uniform(0, np.pi / 2, count)
    gap[: count // 4] *= (gap[: count // 4] / 2) ** 5
    g = r[0] * r[1] * np.cos(gap)
    low, high = np.sort([_alpha(g / r[0] ** 2), _alpha(g / r[1] ** 2)], axis=0)
    assert np.all(low + high <= 2 * gap + 1e-6)
    shifted = low + _shift(-low) + high - _shift(high)
    assert np.all((shifted <= 2 * gap + 1e-6)[low <= 0])
    assert module._shift(F(0)) == F(9, 25)
    assert module._shift(F(1, 2)) == F(4, 25)
    assert module._shift(F(9, 10)) == module._shift(F(2)) == 0


def _star(s: float, b: float, products: list[float], points: int = 2000) -> float:
    a = (np.arange(points) + 0.5) / points
    others = [np.maximum(a * g + b, 0) ** 2 for g in products]
    return float(np.mean((np.maximum(a * s + b, 0) - a) ** 2 + sum(others)))


def test_short_features_cost_more_than_their_share(tier: Tier) -> None:
    rng = random.Random("short")
    for _ in range(tier.count(2_000, 50_000)):
        s = 9 * 10 ** rng.uniform(-5, 0)
        b = rng.choice((-s * rng.uniform(0, 1.3), rng.uniform(0, 0.6)))
        others = [-3 * s**0.5] * 4
        assert _star(s, b, [2 * s, *others], 500) > 0.2102


def test_rectangles_that_pass_hold_no_counterexample(tier: Tier) -> None:
    """At random outputs with two angles: heavy or light, the star with the price of the angles is large enough."""
    rng = random.Random("rectangles")
    for _ in range(tier.count(3_000, 100_000)):
        first = rng.uniform(-1.047, float(HEXAGON.angles[0]))
        second = rng.uniform(first, 2.7)
        s, t = rng.uniform(0.02, 3), rng.uniform(-0.5, 1.1)
        angles = (first, second)
        products = [s * (np.cos(x) if x >= 0 else 1 / np.cos(x)) for x in angles if x < np.pi / 2]
        star = _star(s, -t * s, products)
        if star > LOSS - FIVE:
            continue
        if star > LOSS / 2:
            total = sum(x + float(_shift(np.array(-x))) if x <= 0 else x for x in angles)
        else:
            total = first + second - max((float(_shift(np.array(x))) for x in angles if x >= 0), default=0)
        assert star + SLOPE / 2 * total > SHARE, (angles, s, t)


@pytest.mark.parametrize(
    ("first", "second", "passes"),
    [
        ((F(-1), F(-9, 10)), (F(-1), F(-9, 10)), True),  # beyond what a star may cost
        ((F(-2, 5), F(-3, 10)), (F(3, 5), F(7, 10)), False),  # too wide
        ((F(-2, 5), F(-399, 1000)), (F(7, 10), F(701, 1000)), True),
        ((F(0), F(1, 100)), (F(0), F(1, 100)), True),
        ((F(1, 2), F(51, 100)), (F(2), F(3)), True),
        ((F(-1, 10), F(0)), (F(3), F(5)), True),
        ((F(-1, 10), F(0)), (F(8, 5), F(5)), True),
        ((F(-1), F(-9, 10)), (F(8, 5), F(5)), True),
        ((F(-1), F(-9, 10)), (F(3, 2), F(5)), False),  # m too small for one edge
        ((F(1), F(11, 10)), (F(1), F(11, 10)), False),  # around the hexagon
    ],
)
def test_rectangles_by_hand(first: tuple[F, F], second: tuple[F, F], passes: bool) -> None:
    five = HEXAGON.pentagon.loss[0]
    for sides in ((first, second), (second, first)):
        assert (fault_of(module._check_rectangle, KNOWN, five, sides, 6) is None) == passes


def test_the_bound_is_the_share_less_the_price() -> None:
    for total in (F(0), F(1), F(-2), F(5, 2)):
        expected = 1 / 3 - SHARE + SLOPE / 2 * float(total)
        assert abs(float(module._bound(KNOWN, total)) - expected) < 1e-14


def test_cells_hold_no_counterexample() -> None:
    rng = random.Random("cells of the hexagon")
    for low, high in rng.sample(list(pairwise(HEXAGON.angles)), 30):
        assert fault_of(module.check_angle, HEXAGON, KNOWN, low, high) is None
        for _ in range(20):
            angle, s, t = rng.uniform(float(low), float(high)), rng.uniform(0.02, 3.5), rng.uniform(-0.3, 1.1)
            price = SLOPE * (angle - float(_shift(np.array(angle))))
            assert _star(s, -t * s, [s * float(np.cos(angle))] * 2, 20_000) + price > SHARE - 1e-7


def test_a_wider_cell_fails_and_the_shift_counts() -> None:
    free = replace(HEXAGON, window_angles=(F(1, 4), F(1, 2)))
    assert fault_of(module.check_angle, free, KNOWN, F(1040, 1000), F(1042, 1000)) is not None
    assert fault_of(module.check_angle, HEXAGON, KNOWN, F(1040, 1000), F(1042, 1000)) is None
    # At 0.45 the cell fails only for the shift: without it, it passes.
    assert fault_of(module.check_angle, HEXAGON, KNOWN, F(40, 100), F(401, 1000)) is not None
    m = (KNOWN.gain + KNOWN.slope * (module.point(F(40, 100)) - KNOWN.angle)).low
    assert fault_of(module.check_output, m, [module.ratio(F(401, 1000))] * 2, 6) is None


def test_the_certificate_is_what_it_says() -> None:
    assert isinstance(HEXAGON, HexagonMinimum)
    assert HEXAGON.extent == (F(-21, 20), F(5))
    assert LOSS - FIVE < 0.2102
