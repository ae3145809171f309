"""The pentagon's certificate: found again, the same everywhere, and small."""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from relugeom.exact import Valid, check, dumps
from relugeom.exact.errors import require
from relugeom.landscape import polygons
from relugeom.landscape.polygons import hexagon_minimum, pentagon_minimum


def test_the_certificate_is_valid_and_small() -> None:
    certificate = pentagon_minimum()
    assert isinstance(check(certificate), Valid)
    assert certificate == pentagon_minimum()
    assert len(certificate.angles) == 94
    assert len(dumps(certificate)) < 3000


def test_the_documents_hold_the_same_certificate() -> None:
    page = Path(__file__).parents[1] / "docs" / "pentagon.json"
    assert page.read_text(encoding="utf-8") == dumps(pentagon_minimum())


def test_the_constants_are_the_known_ones() -> None:
    certificate = pentagon_minimum()
    for bounds, value in (
        (certificate.loss, 0.079128135372471),
        (certificate.norm, 1.36997576675702),
        (certificate.bias, -0.282297283126772),
        (certificate.slope, 0.108858945668085),
    ):
        assert bounds[1] - bounds[0] == F(1, 10**18)
        assert abs(float(bounds[0]) - value) < 1e-14


def test_the_threshold_is_a_root_to_the_last_digit() -> None:
    low, high = polygons._threshold(5, 30)
    assert high - low == F(1, 10**30)
    q = float(np.cos(0.4 * np.pi))
    t = float(low)
    assert abs(q * t * (1 - t) ** 3 - 2 * (q - t) ** 2 * (2 + t + t * t - 2 * q * (1 + t))) < 1e-15
    assert polygons._threshold(5, 12)[0] == F(int(low * 10**12), 10**12)


def test_stated_bounds_are_rounded_outwards() -> None:
    step = F(1, 10**18)
    low, high = polygons._round_outwards(F(-1, 3), F(1, 3))
    assert F(-1, 3) - step < low < F(-1, 3)
    assert F(1, 3) < high < F(1, 3) + step
    assert polygons._round_outwards(F(1, 2), F(1)) == (F(1, 2), F(1))


def test_cells_are_halved_until_they_pass_and_no_further() -> None:
    widths = [y - x for x, y in pairwise(pentagon_minimum().angles)]
    assert max(widths) > F(1, 2)
    assert min(widths) < F(1, 1000)

    def check_width(low: F, high: F) -> None:
        require(high - low <= F(1, 4) and low >= F(1, 8), "too wide")

    ends = F(1, 8), F(11, 32), F(9, 16), F(25, 32), F(1), F(5, 4)
    assert polygons._angles(check_width, F(1, 8), F(1), F(5, 4)) == ends
    with pytest.raises(ArithmeticError, match=r"no cell at the angle 0\.0 is small enough"):
        polygons._angles(check_width, F(0), F(1))


def test_the_hexagon_is_found_too() -> None:
    certificate = hexagon_minimum()
    assert isinstance(check(certificate), Valid)
    assert certificate.pentagon == pentagon_minimum()
    assert abs(float(certificate.loss[0]) - 0.289154256189) < 1e-12
    assert abs(float(certificate.slope[0]) - 0.201426609807) < 1e-10
    assert len(certificate.angles) == 151
    low, high = polygons._threshold(6, 30)
    assert high - low == F(1, 10**30)
    assert certificate.threshold[0] == F(int(low * 10**24), 10**24)
