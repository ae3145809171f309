"""Wilson's interval solves its equation, covers, and refuses what is no count and no level."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.errors import ArgumentError
from relugeom.statistics import Interval, wilson_interval


@given(st.integers(1, 10_000), st.data())
def test_wilson_solves_its_own_equation(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson_interval(successes, trials, 0.95)
    p, z = successes / trials, 1.959963984540054
    assert 0 <= low <= p <= high <= 1
    for bound in (low, high):
        # The bounds are the values p₀ at which |p − p₀| = z √(p₀(1 − p₀)/N).
        assert abs(p - bound) == pytest.approx(z * math.sqrt(bound * (1 - bound) / trials), abs=1e-7)


def test_wilson_intervals_cover() -> None:
    rng = random.Random(11)
    for p in (0.01, 0.3):
        hits = sum(
            low <= p <= high
            for low, high in (
                wilson_interval(sum(rng.random() < p for _ in range(200)), 200, 0.95) for _ in range(2000)
            )
        )
        assert 0.92 < hits / 2000 < 0.985


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 3), (4, 3)])
def test_wilson_refuses_what_cannot_be(successes: int, trials: int) -> None:
    with pytest.raises(ArgumentError, match="must lie in 0 to trials"):
        wilson_interval(successes, trials)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.5, 2.0, math.nan, math.inf])
def test_a_level_that_is_none_is_refused(level: float) -> None:
    with pytest.raises(ArgumentError, match="level must lie strictly between 0 and 1"):
        wilson_interval(1, 2, level)


def test_the_greatest_level_still_has_a_quantile() -> None:
    low, high = wilson_interval(1, 2, math.nextafter(1.0, 0.0))
    assert 0 < low < 0.05
    assert 0.95 < high < 1


def test_an_interval_holds_its_ends_and_numbers_alone() -> None:
    interval = Interval((0.25, 0.5))
    assert 0.25 in interval
    assert 0.5 in interval
    assert 0.51 not in interval
    assert 0.24 not in interval
    assert "0.3" not in interval
