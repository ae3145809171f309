"""Thresholds: certified from above, a theorem from below."""

from __future__ import annotations

import math
from fractions import Fraction as F

import pytest

from relugeom.capacity.codes import exact_thresholds
from relugeom.capacity.sensitivity import best_mean_threshold, tied_threshold, untied_threshold
from relugeom.errors import ArgumentError
from relugeom.exact import Valid, check
from relugeom.exact.rationals import as_matrix

# A sharp soft minimum gives far pairs the weight 0: that underflow is meant.
pytestmark = pytest.mark.floating_point(under="ignore")


def test_exact_thresholds_by_hand() -> None:
    # w_0 = (1, 0), w_1 = (0, 2), w_2 = (1, 1): products 0, 1, 2 and squares 1, 4, 2.
    assert exact_thresholds(as_matrix([[1, 0, 1], [0, 2, 1]])) == (F(1), F(1, 2), F(1))
    assert exact_thresholds(as_matrix([[1, -1]])) == (F(0), F(0))


@pytest.mark.parametrize(
    ("m", "n", "cosine"),
    [
        (1, 2, 0.0),
        (2, 4, 0.0),
        (2, 5, math.cos(2 * math.pi / 5)),
        (2, 9, math.cos(2 * math.pi / 9)),
        (3, 7, 0.210138),  # 77.8695°, the optimal code of seven points
        (3, 8, 0.261204),  # the square antiprism
        (3, 12, 1 / math.sqrt(5)),  # the icosahedron
        (4, 9, 0.162023),
    ],
)
def test_tied_thresholds_are_spherical_codes(m: int, n: int, cosine: float) -> None:
    interval = tied_threshold(m, n, attempts=6)
    assert isinstance(check(interval.certificate), Valid)
    assert (len(interval.certificate.encoder), len(interval.certificate.encoder[0])) == (m, n)
    assert interval.certificate.threshold == interval.upper
    assert interval.lower <= interval.upper
    assert float(interval.upper) == pytest.approx(cosine, abs=2e-5)
    if m == 2 and n > 4:
        assert float(interval.upper - interval.lower) < 3e-6


def test_untied_thresholds() -> None:
    parabola = untied_threshold(4, 9)
    assert parabola.lower == parabola.upper == 0
    steep = untied_threshold(2, 7, steepness=100)
    assert steep.upper == F(199, 10_000)
    assert steep.lower == 0
    unit = untied_threshold(2, 7, unit_norms=True)
    assert float(unit.lower) == pytest.approx(math.cos(2 * math.pi / 7), abs=1e-9)
    assert untied_threshold(2, 4).upper == 0
    for interval in (parabola, steep, unit):
        assert isinstance(check(interval.certificate), Valid)


def test_unequal_norms_lower_the_mean() -> None:
    found = best_mean_threshold(2, 7, attempts=8)
    thresholds = exact_thresholds(found.encoder)
    assert sum(thresholds) / 7 == found.mean
    assert max(thresholds) == found.largest < 1
    assert float(found.mean) < math.cos(2 * math.pi / 7) - 0.01


@pytest.mark.parametrize(
    "call",
    [
        lambda: tied_threshold(1, 3),
        lambda: tied_threshold(2, 1),
        lambda: untied_threshold(1, 3),
        lambda: untied_threshold(2, 6, steepness=2),
        lambda: best_mean_threshold(0, 3),
    ],
)
def test_errors(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match=r"must be|one dimension"):
        call()
