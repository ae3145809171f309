"""The updates are their formulas, and stay as fast on features that nothing touches."""

from __future__ import annotations

import math

import numpy as np
import pytest

from relugeom.errors import ArgumentError
from relugeom.optim import SGD, AdamW, Schedule


def test_adamw_is_its_formula() -> None:
    rng = np.random.default_rng(0)
    theta = rng.normal(size=20)
    expected, mean, square = theta.copy(), np.zeros(20), np.zeros(20)
    optimiser = AdamW(beta1=0.8, beta2=0.95, epsilon=1e-3, weight_decay=0.1).start_scheduled(20, np.float64)
    for step in range(1, 200):
        gradient, learning_rate = rng.normal(size=20), 0.1 / step
        mean = 0.8 * mean + 0.2 * gradient
        square = 0.95 * square + 0.05 * gradient**2
        expected -= learning_rate * 0.1 * expected
        expected -= learning_rate * (mean / (1 - 0.8**step)) / (np.sqrt(square / (1 - 0.95**step)) + 1e-3)
        optimiser.update(theta, gradient, learning_rate)
        np.testing.assert_allclose(theta, expected, rtol=1e-12)


def test_sgd_is_its_formula() -> None:
    rng = np.random.default_rng(0)
    theta = rng.normal(size=20)
    expected, velocity = theta.copy(), np.zeros(20)
    optimiser = SGD(momentum=0.9, weight_decay=0.1).start_scheduled(20, np.float64)
    for _ in range(100):
        gradient = rng.normal(size=20)
        velocity = 0.9 * velocity + gradient + 0.1 * expected
        expected = expected - 0.05 * velocity
        optimiser.update(theta, gradient, 0.05)
        np.testing.assert_allclose(theta, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AdamW(weight_decay=1e-2).start_scheduled(10, np.float32),
        lambda: SGD(momentum=0.9).start_scheduled(10, np.float32),
    ],
)
def test_averages_never_become_subnormal(make) -> None:
    optimiser, theta = make(), np.ones(10, np.float32)
    gradient = np.float32(10) ** -np.arange(10, dtype=np.float32)
    tiny = np.finfo(np.float32).tiny
    for step in range(3_000):
        optimiser.update(theta, gradient if step == 0 else np.zeros_like(gradient), 1e-3)
        for average in optimiser.state().values():
            if average.ndim:
                assert not np.any((average != 0) & (np.abs(average) < tiny)), f"step {step}"


@pytest.mark.parametrize(
    "make",
    [
        lambda: AdamW(weight_decay=1e-2).start_scheduled(4, np.float32),
        lambda: SGD(momentum=0.5).start_scheduled(4, np.float32),
    ],
)
def test_state_goes_over(make) -> None:
    one, other = make(), make()
    theta = np.arange(4, dtype=np.float32)
    for _ in range(3):
        one.update(theta, theta**2, 0.01)
    other.restore({name: array.copy() for name, array in one.state().items()})
    copy = theta.copy()
    one.update(theta, theta, 0.01)
    other.update(copy, copy, 0.01)
    assert np.array_equal(theta, copy)
    with pytest.raises(ArgumentError):
        other.restore({name: np.zeros(5, np.float32) for name in one.state()})


def test_schedules() -> None:
    cosine = Schedule("cosine", 1e-3, 50_000, 2_500)
    assert cosine(0) == pytest.approx(1e-3 / 2_500)
    assert cosine(2_499) == 1e-3
    assert cosine(26_249) == pytest.approx(5e-4)
    assert cosine(49_999) == pytest.approx(0, abs=1e-12)
    rates = [cosine(step) for step in range(50_000)]
    assert np.argmax(rates) == 2_499
    constant = Schedule("constant", 0.1, 10, 4)
    assert [constant(step) for step in range(6)] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1])


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Schedule("linear", 1, 1),
        lambda: Schedule("cosine", 0, 1),
        lambda: Schedule("cosine", math.nan, 1),
        lambda: Schedule("cosine", 1, 1, -1),
        lambda: Schedule(np.array(["cosine", "constant"]), 1, 1),
        lambda: Schedule("cosine", 10**400, 1),
        lambda: Schedule("cosine", np.ones(2), 1),
        lambda: Schedule("cosine", "1", 1),
        lambda: Schedule("cosine", 1, 1.5),
        lambda: Schedule("cosine", 1, np.ones(2)),
        lambda: Schedule("cosine", 1, 4, "1"),
        lambda: AdamW(beta1=1),
        lambda: AdamW(weight_decay=-1),
        lambda: AdamW(epsilon=0),
        lambda: AdamW(math.inf),
        lambda: AdamW(learning_rate="1"),
        lambda: AdamW(beta2=None),
        lambda: AdamW(epsilon=[1e-8]),
        lambda: AdamW(epsilon=math.inf),
        lambda: SGD(weight_decay=True),
        lambda: SGD(momentum=1j),
        lambda: SGD(10**400),
        lambda: SGD(0),
        lambda: SGD(momentum=1),
    ],
)
def test_wrong_arguments(wrong) -> None:
    with pytest.raises(ArgumentError):
        wrong()
