"""Many seeds at once: the kernels against the definition, step by step, and the same result for any workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import threadpoolctl

from relugeom.autoencoder import Axial, Parameters, UniformAxial, gradient
from relugeom.engines.many_models import ElementwiseKernel, MatrixKernel, _most_elementwise, kernel_for
from relugeom.errors import ArgumentError
from relugeom.optim.batched import Adam, Momentum
from relugeom.training.many_models import Training, descend, starts, train, trained

KERNELS = (ElementwiseKernel, MatrixKernel)
RULES = [Adam(1e-2), Adam(1e-2, 0.8, 0.99, 1e-3), Adam(1e-2, decay=0.5), Momentum(0.1), Momentum(0.05, 0.9)]


def data_sets(n: int) -> list[Any]:
    return [Axial(n), Axial(n, (0.3, 1.0), (1, 2)), UniformAxial(n)]


@pytest.mark.parametrize("kernel_type", KERNELS)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 8])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_a_kernel_computes_the_gradient_of_the_definition(kernel_type: Any, n: int, m: int) -> None:
    rng = np.random.default_rng(n)
    W, b = rng.normal(size=(5, m, n)), 0.3 * rng.normal(size=(5, n))
    for data in data_sets(n):
        kernel = kernel_type(data, W, b)
        for _ in range(2):  # the second call finds the buffers used
            kernel.compute()
        kernel.theta[...] = kernel.factor * kernel.gradient
        expected, found = gradient(Parameters(W, b), data), kernel.parameters()
        np.testing.assert_allclose(found.W, expected.W, atol=1e-13)
        np.testing.assert_allclose(found.b, expected.b, atol=1e-13)


def textbook_adam(rule: Adam, theta: Any, slopes: Any, steps: int) -> Any:
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    for t in range(1, steps + 1):
        g = slopes(theta)
        mean = rule.beta1 * mean + (1 - rule.beta1) * g
        square = rule.beta2 * square + (1 - rule.beta2) * g * g
        theta = (1 - rule.rate * rule.decay) * theta
        unbiased = mean / (1 - rule.beta1**t), square / (1 - rule.beta2**t)
        theta = theta - rule.rate * unbiased[0] / (np.sqrt(unbiased[1]) + rule.epsilon)
    return theta


def textbook_momentum(rule: Momentum, theta: Any, slopes: Any, steps: int) -> Any:
    velocity = np.zeros_like(theta)
    for _ in range(steps):
        velocity = rule.momentum * velocity + slopes(theta)
        theta = theta - rule.rate * velocity
    return theta


@pytest.mark.parametrize("kernel_type", KERNELS)
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_trajectory_is_the_textbook_s(kernel_type: Any, rule: Any) -> None:
    data, steps = Axial(6), 60
    W, b = starts(Training(data, precision="float64"), 3, 0, 4)
    kernel = kernel_type(data, W, b)
    state = rule.start(kernel.theta, kernel.factor)
    for _ in range(steps):
        kernel.compute()
        state.step(kernel.theta, kernel.gradient)

    def slopes(theta: Any) -> Any:
        g = gradient(Parameters(theta[:, :2], theta[:, 2]), data)
        return np.concatenate([g.W, g.b[:, None]], axis=1)

    textbook = textbook_adam if isinstance(rule, Adam) else textbook_momentum
    expected = textbook(rule, np.concatenate([W, b[:, None]], axis=1), slopes, steps)
    found = kernel.parameters()
    np.testing.assert_allclose(found.W, expected[:, :2], atol=1e-11)
    np.testing.assert_allclose(found.b, expected[:, 2], atol=1e-11)


def test_float32_follows_float64_for_a_while() -> None:
    runs = [train(Training(Axial(7), steps=200, precision=p), 5) for p in ("float32", "float64")]
    assert runs[0].W.dtype == np.float32
    np.testing.assert_allclose(runs[0].W, runs[1].W, atol=1e-4)


def test_a_seed_is_the_same_model_in_any_company() -> None:
    training = Training(Axial(5), start="normal")
    many = starts(training, 11, 0, 6)
    one = starts(training, 11, 4, 1)
    np.testing.assert_array_equal(many.W[4], one.W[0])
    assert not np.array_equal(many.W[3], one.W[0])
    child = np.random.default_rng(np.random.SeedSequence(11).spawn(6)[4])
    np.testing.assert_array_equal(many.W[4], child.standard_normal((2, 5)).astype(np.float32))


@pytest.mark.parametrize("n", [7, 16, 21])
def test_the_result_does_not_depend_on_blocks_or_workers(n: int) -> None:
    size = kernel_for(n)[1]
    training = Training(Axial(n), steps=3)
    alone = train(training, size + 3)
    with ThreadPoolExecutor(2) as executor:
        shared = train(training, size + 3, executor=executor)
    np.testing.assert_array_equal(alone.W, shared.W)
    tail = train(training, 2, first=size + 1)
    np.testing.assert_array_equal(alone.W[size + 1 :], tail.W)
    np.testing.assert_array_equal(alone.b[size + 1 :], tail.b)


def test_descend_yields_the_start_the_moments_between_and_the_end() -> None:
    training = Training(Axial(4), steps=7)
    start = starts(training, 0, 0, 2)
    moments = list(descend(training, start, every=3))
    assert [step for step, _ in moments] == [0, 3, 6, 7]
    np.testing.assert_array_equal(moments[0][1].W, start.W)
    np.testing.assert_array_equal(moments[-1][1].W, trained(training, start).W)
    assert not np.array_equal(moments[1][1].W, moments[2][1].W)


def test_no_steps_give_the_start_back() -> None:
    training = Training(Axial(4), steps=0)
    np.testing.assert_array_equal(train(training, 2).W, starts(training, 0, 0, 2).W)


def test_a_rate_too_large_ends_at_infinity_without_a_warning() -> None:
    model = train(Training(Axial(4), optimiser=Momentum(1e6), steps=50), 2)
    assert not np.isfinite(model.W).all()


@pytest.mark.parametrize("wrong", [{"m": 0}, {"steps": -1}, {"start": "zero"}])
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        Training(Axial(3), **wrong)
    with pytest.raises(ArgumentError, match="seeds must be positive"):
        train(Training(Axial(3)), 0)


@pytest.mark.parametrize(("architecture", "most"), [("SkylakeX", 11), ("Haswell", 20), (None, 20)])
def test_the_choice_of_kernel_follows_blas(
    architecture: str | None, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threadpoolctl, "threadpool_info", lambda: [{"user_api": "blas", "architecture": architecture}])
    _most_elementwise.cache_clear()
    try:
        assert kernel_for(most)[0] is ElementwiseKernel
        assert kernel_for(most + 1)[0] is MatrixKernel
    finally:
        _most_elementwise.cache_clear()
