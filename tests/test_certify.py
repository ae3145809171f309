"""Certified critical points: the stored ones are re-checked, fresh ones are found, tampered ones fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest

from relugeom.autoencoder import (
    Axial,
    Parameters,
    UniformAxial,
    as_data,
    flatten,
    gradient,
    hessian,
    loss,
    polygon,
    rational_polygon,
)
from relugeom.exact import CriticalPoint, DeadOutputs, Invalid, Valid, check, dumps, loads
from relugeom.exact.critical import axial_loss
from relugeom.exact.enclosures import Enclosure
from relugeom.landscape.certifying import NoCertificate, certify, certify_dead_outputs, fix_gauge, stored_certificates
from relugeom.landscape.families.kgons import kgons
from relugeom.landscape.polishing import polish

STORED = stored_certificates()


@pytest.mark.parametrize("name", STORED)
def test_stored_certificates_are_valid(name: str) -> None:
    assert isinstance(check(STORED[name]), Valid)


def test_ten_spurious_minima_are_stored_for_n_from_6_to_9() -> None:
    spurious = [
        c for c in STORED.values() if isinstance(c, CriticalPoint) and c.negative == 0 and c.better_encoder is not None
    ]
    count = Counter(len(c.bias) for c in spurious)
    assert sum(count.values()) >= 10
    assert set(count) == {6, 7, 8, 9}
    # No two of them are the same point: data and loss differ.
    assert len({(c.amplitudes, len(c.bias), c.low) for c in spurious}) == len(spurious)


@pytest.mark.parametrize("name", [name for name in STORED if "n6" in name or "k10" in name])
def test_stored_certificates_agree_with_the_definition(name: str) -> None:
    c = STORED[name]
    if not isinstance(c, CriticalPoint):
        return
    n = len(c.bias)
    data = UniformAxial(n) if c.amplitudes is None else Axial(n, [float(a) for a in c.amplitudes])
    model = Parameters(np.array(c.encoder, float), np.array(c.bias, float))
    assert float(c.low) - 1e-15 <= float(loss(model, data)) <= float(c.high) + 1e-15
    assert np.linalg.norm(flatten(gradient(model, data))) < 1e-10
    values = np.linalg.eigvalsh(hessian(model, data))
    assert (values < -float(c.margin)).sum() == c.negative
    if c.better_encoder is not None:
        assert loss(Parameters(np.array(c.better_encoder, float), np.array(c.better_bias, float)), data) < float(c.low)


@pytest.mark.parametrize(("m", "n"), [(2, 6), (3, 8)])
@pytest.mark.parametrize("amplitudes", [None, (0.25, 0.5, 0.75, 1.0)])
def test_a_fresh_critical_point_is_certified(m: int, n: int, amplitudes: tuple[float, ...] | None) -> None:
    data = UniformAxial(n) if amplitudes is None else Axial(n, amplitudes, (1, 2, 2, 1))
    rng = np.random.default_rng(5)
    found = polish(Parameters(rng.normal(size=(6, m, n)), np.full((6, n), 0.1)), data)
    certificates = [certify(Parameters(W, b), data) for W, b in zip(found.W, found.b, strict=True)]
    valid = [c for c in certificates if isinstance(c, CriticalPoint)]
    assert valid
    for c in valid:
        assert loads(dumps(c)) == c
        assert len(c.gauge) == m - 1


def _pentagon() -> CriticalPoint:
    gon = kgons(5)[0]
    start = Parameters(polygon(5, gon.radius)[None], np.full((1, 5), gon.bias))
    found = polish(start, UniformAxial(5))
    certificate = certify(Parameters(found.W[0], found.b[0]), UniformAxial(5))
    assert isinstance(certificate, CriticalPoint)
    return certificate


def test_a_pentagon_tampered_with_fails() -> None:
    good = _pentagon()
    moved = tuple(tuple(x + (F(1, 10**6) if x else 0) for x in row) for row in good.encoder)
    for bad, reason in [
        (replace(good, encoder=moved), "gradient"),
        (replace(good, negative=1), "curvatures"),
        (replace(good, margin=good.margin * 100), "curvatures"),
        (replace(good, radius=F(1, 2)), "activation|feature"),
        (replace(good, radius=good.radius / 10**9), "gradient"),
        (replace(good, low=good.high), "low and high"),
        (replace(good, amplitudes=(F(1),)), "activation|gradient|curvatures"),
        (replace(good, better_encoder=good.encoder, better_bias=good.bias), "not better"),
        (replace(good, gauge=((good.gauge[0] + 1) % 5,)), "does not fix the rotation"),
    ]:
        result = check(bad)
        assert isinstance(result, Invalid)
        assert any(word in result.reason for word in reason.split("|")), result.reason


def test_what_is_no_smooth_isolated_critical_point_is_not_certified() -> None:
    W, b = np.asarray(polygon(5, 1.2)), np.full(5, -0.3)
    for model, data, reason in (
        (Parameters(np.eye(2), np.zeros(2)), Axial(2), "on a kink"),
        (Parameters(W, b), UniformAxial(5), "the checker refuses it: "),  # no critical point
        (Parameters(W), UniformAxial(5), "with a bias"),
        (Parameters(W, b, W.T), UniformAxial(5), "tied"),
        (Parameters(W, b), as_data(np.eye(5)), "data on the axes, not DenseExamples"),
        (Parameters(np.zeros((2, 5)), np.full(5, -1.0)), Axial(5), "singular"),
    ):
        found = certify(model, data)
        assert isinstance(found, NoCertificate)
        assert reason in found.reason


def test_fixing_the_gauge_turns_only() -> None:
    W = np.random.default_rng(0).normal(size=(3, 6))
    turned, chosen = fix_gauge(W)
    np.testing.assert_allclose(turned.T @ turned, W.T @ W, atol=1e-12)
    assert (turned[1:, chosen[0]] == 0).all()
    assert turned[2, chosen[1]] == 0
    assert np.array_equal(fix_gauge(np.ones((1, 2)))[0], np.ones((1, 2)))


def test_exact_loss_is_the_loss() -> None:
    rng = np.random.default_rng(1)
    W, b = rng.normal(size=(2, 4)), rng.normal(size=4)
    rows, bias = tuple(tuple(F(x) for x in row) for row in W), tuple(F(x) for x in b)
    grid = [(F(1, 4), F(1, 3)), (F(1), F(2, 3))]
    model = Parameters(W, b)
    assert float(axial_loss(rows, bias, None)) == pytest.approx(float(loss(model, UniformAxial(4))), abs=1e-14)
    weighted = Axial(4, (0.25, 1), (1, 2))
    assert float(axial_loss(rows, bias, grid)) == pytest.approx(float(loss(model, weighted)), abs=1e-14)


def test_intervals_contain_what_they_should() -> None:
    x, y = Enclosure(F(-1), F(2)), Enclosure(F(1), F(3))
    assert x * y == Enclosure(F(-3), F(6))
    assert x - y == Enclosure(F(-4), F(1))
    assert x / y == Enclosure(F(-1), F(2))
    assert x.times(2) == Enclosure(F(-2), F(4))


def test_dead_outputs_are_certified_or_not() -> None:
    W = tuple((*(2 * x for x in row), F(0)) for row in rational_polygon(4))
    good = certify_dead_outputs(W, (4,))
    assert isinstance(good, DeadOutputs)
    assert isinstance(check(good), Valid)
    small = tuple((*(x / 2 for x in row), F(0)) for row in rational_polygon(5))
    assert certify_dead_outputs(small, (5,)) is None  # the live ones can't be exact
