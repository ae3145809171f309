"""Thresholds from below: every shipped bound, against the codes that are known, and the table of the documents."""

from __future__ import annotations

import math
import re
from fractions import Fraction as F
from pathlib import Path

import pytest

from proofs.thresholds import CODES, dot, sharp_steps
from relugeom.capacity.known.thresholds import THRESHOLDS, file_name, threshold_bound
from relugeom.capacity.searches.sensitivity import tied_threshold
from relugeom.exact import SphericalCodeBound, Valid, check

# A sharp soft minimum gives far pairs the weight 0: that underflow is meant.
pytestmark = pytest.mark.floating_point(under="ignore")

ROOT = Path(__file__).parents[1]


def cosine(bound: SphericalCodeBound | None) -> float:
    assert bound is not None
    a, b = bound.cosine
    return float(a) + float(b) * math.sqrt(bound.radicand)


def test_there_is_a_valid_bound_for_every_question() -> None:
    assert {(m, n) for m in range(3, 7) for n in range(2 * m + 1, 4 * m + 1)} <= set(THRESHOLDS)
    folder = ROOT / "relugeom" / "capacity" / "known" / "thresholds"
    assert {path.name for path in folder.glob("*.json")} == {file_name(m, n) for m, n in THRESHOLDS}
    for m, n in THRESHOLDS:
        bound = threshold_bound(m, n)
        assert bound is not None
        assert (bound.dimension, bound.points) == (m, n)
        assert isinstance(check(bound), Valid)
        assert cosine(bound) > (n - 2 * m) / (m * (n - 2))  # better than the elementary bound
    assert threshold_bound(2, 5) is None
    assert threshold_bound(3, 6) is None


def test_bounds_rise_with_the_features_and_fall_with_the_dimension() -> None:
    known = {key: cosine(threshold_bound(*key)) for key in THRESHOLDS}
    for (m, n), value in known.items():
        assert known.get((m, n + 1), 1.0) > value
        assert known.get((m + 1, n), -1.0) < value


@pytest.mark.parametrize(
    ("m", "n", "best"),
    [
        (3, 7, 0.210138), (3, 8, 0.261204), (3, 9, 1 / 3), (3, 10, 0.404394), (3, 11, 1 / math.sqrt(5)),
        (3, 13, 0.542645), (4, 9, 0.162023), (4, 10, 1 / 6),
    ],
)  # fmt: skip
def test_bounds_lie_below_the_best_known_codes(m: int, n: int, best: float) -> None:
    assert 0.4 * best < cosine(threshold_bound(m, n)) < best


def test_linear_programmes_come_to_the_known_values() -> None:
    """The optimum for 2m + 1 points is found by hand for m = 5: (√5 − 2)/5."""
    assert cosine(threshold_bound(5, 11)) == pytest.approx((math.sqrt(5) - 2) / 5, abs=2e-6)


@pytest.mark.parametrize(("name", "code", "m", "n", "largest"), CODES)
def test_codes_have_few_cosines(name, code, m, n, largest) -> None:  # type: ignore[no-untyped-def]
    points = code()
    square = dot(points[0], points[0])
    products = {str(dot(x, y)) for i, x in enumerate(points) for y in points[:i]}
    assert len(points) == n
    assert len(points[0]) == m
    assert str(largest * square) in products
    assert len(products) == (3 if m == 3 else 2)


def test_the_steps_tell_the_codes_from_larger_cosines() -> None:
    assert all(step.decide() is True for step in sharp_steps(F(0)))
    assert sum(step.decide() is not True for step in sharp_steps(F(1, 100))) == 3


def test_both_ends_of_a_threshold() -> None:
    ends = tied_threshold(3, 12, attempts=4)
    assert ends.below == threshold_bound(3, 12)
    assert 1 / math.sqrt(5) - 2e-12 < float(ends.lower) <= 1 / math.sqrt(5)
    assert 5 * ends.lower**2 < 1
    assert ends.lower < ends.upper < ends.lower + F(1, 10**5)
    assert tied_threshold(2, 5, attempts=2).below is None
    sharp = tied_threshold(5, 16, attempts=6)
    assert sharp.lower == F(1, 5)


def test_the_table_of_the_documents() -> None:
    page = (ROOT / "docs" / "capacity.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) \| (\d+) \| (0\.\d{6}) \| (0\.\d{6}) \|", page, flags=re.M)
    assert [(int(m), int(n)) for m, n, *_ in rows] == list(THRESHOLDS)
    for m, n, low, high in rows:
        assert float(low) == math.floor(cosine(threshold_bound(int(m), int(n))) * 10**6 + 1e-6) / 10**6
        assert float(low) <= float(high)
