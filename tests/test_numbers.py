"""Derivatives against the complex step on many random cases; intervals that cover as often as they say."""

from __future__ import annotations

import math
import random
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from relugeom.autoencoder import Axial, Parameters, UniformAxial, gradient, hessian, kink_distance
from relugeom.claims.run import verify
from relugeom.statistics import wilson_interval
from tests.conftest import Tier

STEP = 1e-100  # the complex step cancels nothing, so it can be as small as underflow allows


def _case(rng: np.random.Generator) -> tuple[Parameters, Any]:
    """A model and data away from kinks."""
    while True:
        m, n = int(rng.integers(1, 5)), int(rng.integers(1, 7))
        model = Parameters(rng.normal(size=(m, n)), 0.5 * rng.normal(size=n) if rng.random() < 0.8 else None)
        kind = rng.integers(3)
        if kind == 0:
            data: Any = rng.uniform(size=(int(rng.integers(1, 6)), n)) * (rng.random((1, n)) < 0.7)
        elif kind == 1:
            data = Axial(n, tuple(rng.uniform(0.2, 1, size=int(rng.integers(1, 4)))))
        else:
            data = UniformAxial(n)
        if float(kink_distance(model, data)) > 1e-4:
            return model, data


def _complex_loss(W: Any, b: Any, data: Any) -> complex:
    """L of the definition for complex parameters near real ones; ReLU goes by the real part."""
    relu = lambda z: np.where(z.real > 0, z, 0)  # noqa: E731
    n = W.shape[1]
    if isinstance(data, UniformAxial):
        # ∫ over each piece between the ends where some output switches, by Gauss's rule, exact for quadratics.
        total, G = 0.0, W.T @ W
        nodes = np.array([-math.sqrt(3 / 5), 0.0, math.sqrt(3 / 5)])
        shares = np.array([5 / 18, 8 / 18, 5 / 18])
        for i in range(n):
            for j in range(n):
                g, c, target = G[i, j], b[j], float(i == j)
                # A moving end is complex too, or its share of the second derivative would be lost.
                end = -c / g if g != 0 else 0j
                inside = 0 < end.real < 1
                on = [(0, end), (end, 1)] if inside else [(0, 1)]
                for low, high in on:
                    a = (low + high) / 2 + nodes * (high - low) / 2
                    active = (np.mean(a.real) * g + c).real > 0
                    total += (high - low) * np.sum(shares * ((a * g + c) * active - a * target) ** 2)
        return total / n
    if isinstance(data, Axial):
        weights = np.full(len(data.amplitudes), 1 / len(data.amplitudes))
        return sum(
            w * np.sum((relu(a * W.T @ W + b) - a * np.eye(n)) ** 2) / n
            for a, w in zip(data.amplitudes, weights, strict=True)
        )
    Z = data @ W.T @ W + b
    return np.sum((relu(Z) - data) ** 2) / len(data)


def _complex_gradient(model: Parameters, data: Any) -> np.ndarray:
    m, n = model.W.shape
    biased = model.b is not None
    x = np.concatenate([model.W.ravel(), model.b if biased else np.zeros(n)]).astype(complex)
    found = np.empty(m * n + n * biased)
    for k in range(len(found)):
        y = x.copy()
        y[k] += 1j * STEP
        found[k] = _complex_loss(y[: m * n].reshape(m, n), y[m * n :], data).imag / STEP
    return found


def _flat(derivative: Parameters) -> np.ndarray:
    return np.concatenate([derivative.W.ravel(), [] if derivative.b is None else derivative.b])


def test_gradients_against_the_complex_step(tier: Tier) -> None:
    total = tier.count(300, 10_000)
    rng = np.random.default_rng([len(tier.name), 1])
    worst = 0.0
    for _ in range(total):
        model, data = _case(rng)
        expected = _complex_gradient(model, data)
        error = np.max(np.abs(_flat(gradient(model, data)) - expected)) / (1 + np.max(np.abs(expected)))
        worst = max(worst, error)
        assert error < 1e-12, (model, data)
    tier.tell(f"{total} of {total} gradients agree with the complex step, relative error at most {worst:.1e}")


def test_hessians_against_differences_of_gradients(tier: Tier) -> None:
    total = tier.count(100, 2_000)
    rng = np.random.default_rng([len(tier.name), 2])
    worst, step, tested = 0.0, 1e-6, 0
    while tested < total:
        model, data = _case(rng)
        if float(kink_distance(model, data)) < 1e-2:  # a difference must not step over a kink
            continue
        tested += 1
        x = _flat(model)
        m, n = model.W.shape
        direction = rng.normal(size=len(x))

        def at(
            y: np.ndarray, m: int = m, n: int = n, biased: bool = model.b is not None, data: Any = data
        ) -> np.ndarray:
            return _flat(gradient(Parameters(y[: m * n].reshape(m, n), y[m * n :] if biased else None), data))

        expected = (at(x + step * direction) - at(x - step * direction)) / (2 * step)
        H = np.asarray(hessian(model, data))
        error = np.max(np.abs(H @ direction - expected)) / (1 + np.max(np.abs(expected)))
        worst = max(worst, error)
        assert error < 1e-5
        np.testing.assert_allclose(H, H.T, atol=1e-12 * (1 + np.abs(H).max()))
    tier.tell(f"{tested} of {total} Hessians agree with differences of gradients, relative error at most {worst:.1e}")


@pytest.mark.parametrize("level", [0.9, 0.99])
def test_wilson_intervals_cover_as_often_as_they_say(level: float, tier: Tier) -> None:
    """On average over p the coverage is the level; nowhere is it far below."""
    total = tier.count(2_000, 200_000)
    rng = random.Random(f"{tier.name} {level}")
    covered, exact, worst = 0, 0.0, 1.0
    probabilities = [k / 40 for k in range(1, 40)]
    for p in probabilities:
        inside = [k for k in range(101) if p in wilson_interval(k, 100, level)]
        coverage = float(binom.pmf(inside, 100, p).sum())
        exact += coverage / len(probabilities)
        worst = min(worst, coverage)
    assert abs(exact - level) < 0.01
    assert worst > level - 0.06
    for _ in range(total):
        p = rng.random()
        successes = sum(rng.random() < p for _ in range(50))
        covered += p in wilson_interval(successes, 50, level)
    spread = 5 * math.sqrt(level * (1 - level) / total)
    assert abs(covered / total - level) < 0.01 + spread
    tier.tell(
        f"{covered} of {total} intervals of level {level} cover; exactly {exact:.4f} on average, {worst:.4f} at worst"
    )


def test_the_claims_do_not_depend_on_the_number_of_workers(tier: Tier) -> None:
    """Everything but the seconds, over 1, 2 and 8 workers; a few conjectures over 1 and 3 by default."""

    def plain(jobs: int) -> list[dict[str, Any]]:
        report = verify(select=() if tier.name == "long" else ["interference", "small"], jobs=jobs)
        rows = [{**result.to_json(), "seconds": None} for result in report.results]
        for row, result in zip(rows, report.results, strict=True):
            row["texts"] = [certificate.text for certificate in result.certificates]
        return rows

    one = plain(1)
    others = [2, 8] if tier.name == "long" else [3]
    assert all(plain(jobs) == one for jobs in others)
    tier.tell(f"{len(one)} of {len(one)} conjectures alike over 1 worker and over {others}")
