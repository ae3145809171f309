"""Symmetric models of independent features: exact losses, crossings and natures against the general tools."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from proofs.toy_models import PAIR, PENTAGON, least_output_loss
from relugeom.autoencoder import Independent, Parameters, UniformAxial, polygon
from relugeom.errors import ArgumentError
from relugeom.figures.toy_minima import bifurcations
from relugeom.landscape.families.independent import FAMILIES, _hessian, _repeat, best_member, crossing, local_nature
from relugeom.landscape.polishing import polish

RECORD = Path(__file__).parents[1] / "docs" / "toy-minima.json"


@pytest.mark.parametrize("family", ["alone", "pair and alone", "triangle", "two pairs", "pentagon"])
@pytest.mark.parametrize("p", [0.05, 0.6])
def test_members_are_critical_and_have_the_loss_that_is_told(family: str, p: float) -> None:
    found, n = best_member(family, p), FAMILIES[family] + 1
    law, model = Independent(n, 1 - p), found.model(n)
    assert found.total(n) == pytest.approx(float(law.loss(model)), abs=1e-14)
    slope = law.gradient(model)
    assert max(np.abs(slope.W).max(), np.abs(slope.b).max()) < 1e-8
    for bias, radius in ((1e-2, 0.0), (-1e-2, 0.0), (0.0, 1e-2), (0.0, -1e-2)):
        if family not in ("alone", "pair and alone"):
            near = Parameters((1 + radius) * model.W, model.b + bias * (np.arange(n) < found.features))
            assert float(law.loss(near)) > found.total(n)


def test_rare_polygons_are_those_of_the_axes() -> None:
    """h_5 = 0.23738 at l = 1.17046, b = -0.28230 (Chen et al.): L/p tends to h_5/3 as p does to 0."""
    rare = best_member("pentagon", 1e-7)
    assert (rare.radius, rare.bias) == pytest.approx((1.17046, -0.28230), abs=1e-5)
    assert rare.loss / 1e-7 == pytest.approx(0.23738 / 3, abs=1e-5)
    assert rare.loss / 1e-7 == pytest.approx(5 * float(UniformAxial(5).loss(rare.model(5))), abs=1e-6)


@pytest.mark.long
def test_where_families_cross_their_losses_are_equal() -> None:
    p = crossing("two pairs", "triangle", 0.6, 0.8)
    gains = [best_member("two pairs", q).gain - best_member("triangle", q).gain for q in (0.99 * p, p, 1.01 * p)]
    assert gains[0] > 1e-5
    assert abs(gains[1]) < 1e-10
    assert gains[2] < -1e-5
    with pytest.raises(ArgumentError, match=r"must hold a crossing of triangle and two pairs; got \[0.1, 0.2\]"):
        crossing("triangle", "two pairs", 0.1, 0.2)


def test_the_hessian_of_several_null_features_is_put_together_from_that_of_one() -> None:
    found = best_member("triangle", 0.2)
    whole = Independent(6, 0.8).hessian(found.model(6))
    np.testing.assert_allclose(_repeat(_hessian(found, 1), found, 6), whole, atol=1e-13)
    assert np.abs(whole[3, 4]) > 1e-3  # null features meet


@pytest.mark.long
def test_natures_are_those_that_a_small_push_finds() -> None:
    """From a minimum Newton's method returns after a push; from a saddle something lower is found."""
    rng = np.random.default_rng(0)
    for family, p, n in (("two pairs", 0.2, 4), ("pentagon", 0.4, 5)):
        found = best_member(family, p)
        law, model = Independent(n, 1 - p), found.model(n)
        pushed = Parameters((model.W + 1e-3 * rng.normal(size=model.W.shape))[None], model.b[None])
        reached = float(polish(pushed, law, escapes=1).loss[0])
        assert (reached < found.total(n) - 1e-6) == (local_nature(found, n)[0] == "saddle")
    assert local_nature(best_member("alone", 0.4), 3)[0] == "saddle"


@pytest.mark.parametrize("density", [Fraction(1, 10), Fraction(1, 3), Fraction(3, 4)])
def test_the_exact_least_loss_of_values_of_one_is_below_every_other(density: Fraction) -> None:
    law = Independent(5, 1 - float(density), values="one")
    least = least_output_loss(PENTAGON, density)
    exact = 5 * (float(least.a) + float(least.b) * 5**0.5)
    rng = np.random.default_rng(1)
    r, b = rng.uniform(0, 1.5, size=2000), rng.uniform(-1, 1, size=2000)
    losses = law.loss(Parameters(r[:, None, None] * np.asarray(polygon(5)), np.repeat(b[:, None], 5, axis=1)))
    assert exact - 1e-12 <= losses.min() <= exact + 5e-3
    pair = least_output_loss(PAIR, density)
    assert pair.b == 0
    if density < Fraction(1, 2):
        p = density
        assert pair.a == p**2 * (1 - p) ** 2 / (p**2 + (1 - p) ** 2)


def test_bad_input_is_named() -> None:
    with pytest.raises(ArgumentError, match="family must be one of alone, pair and alone, triangle"):
        best_member("square", 0.1)
    with pytest.raises(ArgumentError, match=r"p must lie in \(0, 1\]; got 0"):
        best_member("pentagon", 0)
    with pytest.raises(ArgumentError, match="n must be at least 5, the features of the pentagon; got 4"):
        best_member("pentagon", 0.1).total(4)


def test_the_record_is_what_is_computed_and_has_a_picture() -> None:
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    cheap = [row for row in record["members"] if row["family"] == "two pairs"]
    for row in cheap[:: len(cheap) // 2]:
        found = best_member(row["family"], row["p"])
        assert found.gain == pytest.approx(row["gain"], abs=1e-10)
        assert local_nature(found, 4)[0] == row["natures"]["4"]
    for steps in record["crossings"].values():
        for before, after in pairwise(steps):
            if {before["family"], after["family"]} <= {"triangle", "two pairs"}:
                gains = [best_member(step["family"], after["from"]).gain for step in (before, after)]
                assert gains[0] == pytest.approx(gains[1], abs=1e-9)
    for row in record["trained"]:
        law = Independent(row["n"], 1 - row["p"])
        assert float(law.loss(Parameters(np.array(row["W"]), np.array(row["b"])))) == pytest.approx(row["trained"])
    picture = bifurcations(record)
    above, below = picture.axes
    assert len(above.lines) == 2 * len(FAMILIES)
    assert len(below.patches) == sum(map(len, record["crossings"].values()))
