"""Enclosures hold what they enclose, are narrow, and round outwards; polynomials keep the sign that is said."""

from __future__ import annotations

from fractions import Fraction as F

import mpmath

from relugeom.exact import enclosures
from relugeom.exact.enclosures import Enclosure


def test_series_enclose_and_are_narrow() -> None:
    with mpmath.workdps(40):
        for x in (F(0), F(1, 3), F(1), F(5, 4), F(157, 100)):
            for function, truth in ((enclosures.cosine, mpmath.cos), (enclosures.sine, mpmath.sin)):
                value, exact = function(x), truth(mpmath.mpf(x.numerator) / x.denominator)
                low, high = (mpmath.mpf(end.numerator) / end.denominator for end in (value.low, value.high))
                assert low <= exact <= high
                assert high - low < mpmath.mpf("1e-26")
        pi = enclosures.pi()
        assert mpmath.mpf(pi.low.numerator) / pi.low.denominator <= mpmath.pi
        assert mpmath.pi <= mpmath.mpf(pi.high.numerator) / pi.high.denominator
        assert pi.high - pi.low < F(1, 10**25)


def test_an_alternating_sum_allows_for_what_is_left_out() -> None:
    """1 − 1/2 + 1/4 and then whatever lies between 0 and 1/4."""
    terms = [(1, 1), (1, 2), (1, 4)]
    value = enclosures._alternating(terms)
    assert value.low < F(1, 2)
    assert value.high > F(1)
    assert value.high - value.low < F(3, 5)


def test_rounding_goes_outwards() -> None:
    third = Enclosure(F(-1, 3), F(1, 3))
    rounded = enclosures.outward(third)
    step = F(1, 2**96)
    assert third.low - step < rounded.low < third.low
    assert third.high < rounded.high < third.high + step
    assert enclosures.outward(Enclosure(F(1, 2), F(3, 4))) == Enclosure(F(1, 2), F(3, 4))
    root = enclosures.root(Enclosure(F(2), F(9)))
    assert root.low**2 < 2 < (root.low + step) ** 2
    assert root.high == 3 + step


def test_positivity_is_decided_by_halving() -> None:
    bump = (26, -100, 100)  # 100(x − 1/2)² + 1
    assert not enclosures.is_positive(bump, F(0), F(1), 0)
    assert enclosures.is_positive(bump, F(0), F(1), 4)
    assert not enclosures.is_positive((25, -100, 100), F(0), F(1), 12)
    assert enclosures.is_positive((1, 1), F(-1, 2), F(7, 3), 0)
    assert not enclosures.is_positive((1, 1), F(-1), F(7, 3), 0)
    assert not enclosures.is_positive((1, -1), F(0), F(1), 0)
    assert enclosures.is_positive((0, 0, 1), F(1, 3), F(1), 0)
    assert not enclosures.is_positive((0, 0, 1), F(0), F(1), 5)
