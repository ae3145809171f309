"""Thresholds: certified from above, a theorem from below."""

from __future__ import annotations

import math
from fractions import Fraction as F
from importlib.resources import files

import numpy as np
import pytest

from relugeom.capacity.known.cells import Column
from relugeom.capacity.searches.codes import MeanThreshold, exact_thresholds
from relugeom.capacity.searches.sensitivity import (
    MEAN_BELOW_HEXAGON,
    MeanThresholdFound,
    best_mean_threshold,
    tied_threshold,
    untied_threshold,
)
from relugeom.claims.collect import default_paths
from relugeom.errors import ArgumentError
from relugeom.exact import SignPattern, Valid, check, loads
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


@pytest.mark.parametrize(("n", "infimum"), [(6, 1 - 3.22655 / 6), (7, 1 - 3.22655 / 7), (8, 1 - 3.22655 / 8)])
def test_twins_lower_the_mean(n: int, infimum: float) -> None:
    found = best_mean_threshold(2, n, attempts=2)
    assert found == MeanThresholdFound.of(found.encoder)
    assert found.largest <= F(9999, 10000)
    assert infimum < found.mean < infimum + 0.006
    held = best_mean_threshold(2, n, ceiling=0.99, attempts=2)
    assert held.largest <= F(99, 100)
    assert found.mean < held.mean < math.cos(2 * math.pi / n)


def test_the_mean_is_no_worse_than_a_shipped_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MeanThresholdFound.of(MEAN_BELOW_HEXAGON).mean == F(1, 3) * (F(99, 101) + F(96, 289) + F(96, 580))
    assert best_mean_threshold(2, 6, attempts=2).mean <= MeanThresholdFound.of(MEAN_BELOW_HEXAGON).mean
    # Also where the search finds nothing good: here it returns its start, a crowded parabola.
    monkeypatch.setattr(MeanThreshold, "improve", lambda self, x: x)
    assert best_mean_threshold(2, 6, attempts=2).encoder == MEAN_BELOW_HEXAGON
    for m in (3, 4):  # the tied witness of twelve features
        name = Column(tied=True, bias="free", active=1).witness(m)
        shipped = loads((files("relugeom.capacity.known") / "witnesses" / name).read_text(encoding="utf-8"))
        assert isinstance(shipped, SignPattern)
        assert best_mean_threshold(m, 12, attempts=1).mean <= MeanThresholdFound.of(shipped.encoder).mean


@pytest.mark.parametrize("n", [5, 7])
def test_the_slopes_of_the_sharp_mean(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its nonlinear programme is handed to SciPy; here the constraints' derivatives are compared with differences."""
    import scipy.optimize

    seen = {}

    def minimize(fun, x0, **options):  # type: ignore[no-untyped-def]
        seen.update(start=x0, **options["constraints"][0])
        return scipy.optimize.OptimizeResult(x=x0)

    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    rng = np.random.default_rng(n)
    MeanThreshold(3, n).improve(rng.standard_normal(3 * n))
    y = seen["start"] + 0.1
    differences = [(seen["fun"](y + h) - seen["fun"](y - h)) / 2e-5 for h in 1e-5 * np.eye(4 * n)]
    np.testing.assert_allclose(seen["jac"](y), np.transpose(differences), atol=1e-8)


def test_unequal_norms_lower_the_mean() -> None:
    found = best_mean_threshold(2, 7, ceiling=0.92, attempts=8)
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
        lambda: best_mean_threshold(2, 6, ceiling=1.0),
    ],
)
def test_errors(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match=r"must be|must lie|one dimension"):
        call()


def test_a_lower_bound_says_why_and_by_which_theorem() -> None:
    claims = "".join(path.read_text(encoding="utf-8") for path in default_paths()[0].rglob("*.py"))
    for interval in (tied_threshold(2, 4), untied_threshold(3, 7), untied_threshold(2, 5, unit_norms=True)):
        assert " " in interval.argument
        assert interval.theorem is None or f"def {interval.theorem.replace('-', '_')}(" in claims
    assert tied_threshold(2, 4).theorem == "two-m-attained"
    assert untied_threshold(2, 5, unit_norms=True).theorem is None
