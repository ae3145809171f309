"""Many seeds at once: the kernels against the definition, step by step, and the same result for any workers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy as sp
import threadpoolctl

from relugeom.autoencoder import Axial, Parameters, UniformAxial, gradient, loss
from relugeom.autoencoder.parameters import as_double
from relugeom.engines.many_models import (
    CentredKernel,
    ElementwiseKernel,
    MatrixKernel,
    _most_elementwise,
    kernel_for,
    most_together,
)
from relugeom.errors import ArgumentError
from relugeom.optim import SGD, AdamW
from relugeom.storage import RunDatabase
from relugeom.studies.censuses import Cohort, census
from relugeom.training.many_models import (
    AxialTraining,
    descend,
    descend_together,
    full_blocks,
    initial_models,
    train_from,
    train_many,
    train_together,
)

KERNELS = (ElementwiseKernel, MatrixKernel)
RULES = [
    AdamW(1e-2),
    AdamW(1e-2, 0.8, 0.99, 1e-3),
    AdamW(1e-2, weight_decay=0.5),
    SGD(0.1),
    SGD(0.05, 0.9),
    SGD(0.05, 0.9, 0.3),
]


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


def sums_in_the_order_of_records(data: Any, W: Any, b: Any) -> Any:
    """The elementwise gradient without its factor with pairs as [j, i], output and input: whole arrays, W (m, n, B)."""
    m, n, B = W.shape
    rows = W[:, :, None] * W[:, None]
    g = rows[0]
    for row in rows[1:]:
        g = g + row
    delta = np.eye(n, dtype=W.dtype)[:, :, None]
    if isinstance(data, Axial) and data.amplitudes == (1,):
        Psi = np.maximum(g + b[:, None], 0)
        Phi = Psi = Psi - delta * np.sign(Psi)
    else:
        Phi, Psi = data.pair_slopes(np, g, b[:, None], delta)
    terms = np.empty((m + 1, n, n, B), W.dtype)
    terms[:m], terms[m] = (Phi + Phi.swapaxes(0, 1)) * W[:, None], Psi
    return np.sum(terms, axis=2)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("B", [1, 2, 3, 250])
@pytest.mark.parametrize("n", [1, 2, 5, 8, 11])
def test_the_elementwise_kernel_adds_in_the_order_of_recorded_runs(
    n: int, B: int, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the sums of einsum, where it rounds products, and with those of multiply and add."""
    if not fused:
        monkeypatch.setattr("relugeom.engines.many_models._rounds_products", lambda dtype: False)
    rng = np.random.default_rng(7)
    for data in data_sets(n):
        for m, dtype in ((1, "float64"), (2, "float32"), (3, "float64")):
            W, b = (rng.standard_normal(shape).astype(dtype) for shape in ((B, m, n), (B, n)))
            kernel = ElementwiseKernel(data, W, b)
            kernel.compute()
            expected = sums_in_the_order_of_records(data, W.transpose(1, 2, 0).copy(), b.T.copy())
            assert kernel.gradient.dtype == dtype
            np.testing.assert_array_equal(kernel.gradient, expected)


def centred_gradient(kernel_type: Any, data: Any, W: Any, c: Any) -> tuple[Any, Any]:
    """(∂L/∂W, ∂L/∂c) from the kernel, models first."""
    inner = kernel_type(data, W, c - (W**2).sum(axis=1))
    kernel = CentredKernel(inner)
    for _ in range(2):  # the second call finds the buffers used
        kernel.compute()
    # The kernel's own way out, with W and c in the place of W and b.
    inner.theta[...] = kernel.theta
    np.testing.assert_allclose(inner.parameters().b, c, atol=1e-13)
    inner.theta[...] = kernel.factor * kernel.gradient
    return tuple(map(np.asarray, inner.parameters()))  # type: ignore[return-value]


@pytest.mark.parametrize("kernel_type", KERNELS)
@pytest.mark.parametrize("m", [1, 2, 3])
def test_the_centred_gradient_is_the_chain_rule_of_the_definition(kernel_type: Any, m: int) -> None:
    rng = np.random.default_rng(m)
    W, c = rng.normal(size=(4, m, 6)), 0.5 + 0.3 * rng.normal(size=(4, 6))
    for data in data_sets(6):
        plain = gradient(Parameters(W, c - (W**2).sum(axis=1)), data)
        found_W, found_c = centred_gradient(kernel_type, data, W, c)
        np.testing.assert_allclose(found_c, plain.b, atol=1e-13)
        np.testing.assert_allclose(found_W, plain.W - 2 * W * np.asarray(plain.b)[:, None], atol=1e-13)


@pytest.mark.parametrize("kernel_type", KERNELS)
def test_the_centred_gradient_is_the_slope_of_the_loss(kernel_type: Any) -> None:
    rng = np.random.default_rng(5)
    W, c = rng.normal(size=(1, 2, 5)), 0.5 + 0.3 * rng.normal(size=(1, 5))
    data, step = UniformAxial(5), 1e-6

    def value(W: Any, c: Any) -> float:
        return float(loss(Parameters(W[0], c[0] - (W[0] ** 2).sum(axis=0)), data))

    found_W, found_c = centred_gradient(kernel_type, data, W, c)
    for k in np.ndindex(2, 5):
        shift = np.zeros_like(W)
        shift[0][k] = step
        slope = (value(W + shift, c) - value(W - shift, c)) / (2 * step)
        assert found_W[0][k] == pytest.approx(slope, abs=1e-8)
    for k in range(5):
        shift = np.zeros_like(c)
        shift[0, k] = step
        slope = (value(W, c + shift) - value(W, c - shift)) / (2 * step)
        assert found_c[0, k] == pytest.approx(slope, abs=1e-8)


@pytest.mark.parametrize("kernel_type", KERNELS)
def test_the_centred_gradient_is_that_of_algebra(kernel_type: Any) -> None:
    """On X = I, z_ij = w_j·(w_i − w_j) + c_j differentiated by SymPy."""
    n, rng = 4, np.random.default_rng(8)
    W, c = rng.normal(size=(1, 2, n)), 0.5 + 0.5 * rng.normal(size=(1, n))
    w, d = sp.Matrix(2, n, sp.symbols(f"w:{2 * n}")), sp.symbols(f"c:{n}")
    values = dict(zip([*w, *d], [*W[0].ravel(), *c[0]], strict=True))
    total: Any = 0
    for i, j in np.ndindex(n, n):
        z = sum(w[a, j] * (w[a, i] - w[a, j]) for a in range(2)) + d[j]
        if z.subs(values) > 0:
            total += (z - int(i == j)) ** 2 / sp.Integer(n)
        else:
            total += sp.Rational(int(i == j), n)
    found_W, found_c = centred_gradient(kernel_type, Axial(n), W, c)
    expected = [float(sp.diff(total, symbol).subs(values)) for symbol in [*w, *d]]
    np.testing.assert_allclose([*found_W[0].ravel(), *found_c[0]], expected, atol=1e-12)


def textbook_adam(rule: AdamW, theta: Any, slopes: Any, steps: int, shares: Any = None) -> Any:
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    for t in range(1, steps + 1):
        learning_rate = rule.learning_rate * (1 if shares is None else shares(t - 1))
        g = slopes(theta)
        mean = rule.beta1 * mean + (1 - rule.beta1) * g
        square = rule.beta2 * square + (1 - rule.beta2) * g * g
        theta = (1 - learning_rate * rule.weight_decay) * theta
        unbiased = mean / (1 - rule.beta1**t), square / (1 - rule.beta2**t)
        theta = theta - learning_rate * unbiased[0] / (np.sqrt(unbiased[1]) + rule.epsilon)
    return theta


def textbook_momentum(rule: SGD, theta: Any, slopes: Any, steps: int, shares: Any = None) -> Any:
    velocity = np.zeros_like(theta)
    for t in range(steps):
        velocity = rule.momentum * velocity + slopes(theta) + rule.weight_decay * theta
        theta = theta - rule.learning_rate * (1 if shares is None else shares(t)) * velocity
    return theta


@pytest.mark.parametrize("kernel_type", KERNELS)
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_trajectory_is_the_textbook_s(kernel_type: Any, rule: Any) -> None:
    data, steps = Axial(6), 60
    W, b = initial_models(AxialTraining(data, dtype="float64"), 3, 0, 4)
    kernel = kernel_type(data, W, b)
    state = rule.start(kernel.theta, kernel.factor)
    for _ in range(steps):
        kernel.compute()
        state.step(kernel.theta, kernel.gradient)

    def slopes(theta: Any) -> Any:
        g = gradient(Parameters(theta[:, :2], theta[:, 2]), data)
        return np.concatenate([g.W, g.b[:, None]], axis=1)

    textbook = textbook_adam if isinstance(rule, AdamW) else textbook_momentum
    expected = textbook(rule, np.concatenate([W, b[:, None]], axis=1), slopes, steps)
    found = kernel.parameters()
    np.testing.assert_allclose(found.W, expected[:, :2], atol=1e-11)
    np.testing.assert_allclose(found.b, expected[:, 2], atol=1e-11)


@pytest.mark.parametrize("n", [6, 21], ids=["elementwise", "matrix"])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_centred_trajectory_with_a_schedule_is_the_textbook_s_on_w_and_c(n: int, rule: Any) -> None:
    data, steps = Axial(n), 40
    training = AxialTraining(
        data, optimiser=rule, steps=steps, dtype="float64", initialisation="normal", init_scale=0.1, init_bias=0.2,
        bias_coordinate="centred", schedule="cosine", warmup=7,
    )  # fmt: skip
    W, b = initial_models(training, 3, 0, 4)

    def slopes(theta: Any) -> Any:
        W, c = theta[:, :2], theta[:, 2]
        g = gradient(Parameters(W, c - (W**2).sum(axis=1)), data)
        return np.concatenate([g.W - 2 * W * np.asarray(g.b)[:, None], np.asarray(g.b)[:, None]], axis=1)

    def shares(step: int) -> float:
        if step < 7:
            return (step + 1) / 7
        return float(1 + np.cos(np.pi * (step - 6) / (steps - 7))) / 2

    textbook = textbook_adam if isinstance(rule, AdamW) else textbook_momentum
    start = np.concatenate([W, (b + (W**2).sum(axis=1))[:, None]], axis=1)
    expected = textbook(rule, start, slopes, steps, shares)
    found = train_from(training, Parameters(W, b))
    np.testing.assert_allclose(found.W, expected[:, :2], atol=1e-11)
    np.testing.assert_allclose(found.b, expected[:, 2] - (expected[:, :2] ** 2).sum(axis=1), atol=1e-11)


@pytest.mark.parametrize("n", [6, 21], ids=["elementwise", "matrix"])
@pytest.mark.parametrize("rule", RULES, ids=repr)
def test_a_trajectory_without_a_bias_is_the_textbook_s_on_w_alone(n: int, rule: Any) -> None:
    data, steps = Axial(n), 40
    training = AxialTraining(data, optimiser=rule, steps=steps, dtype="float64", bias_coordinate="none")
    W, b = initial_models(training, 3, 0, 4)
    textbook = textbook_adam if isinstance(rule, AdamW) else textbook_momentum
    expected = textbook(rule, W, lambda W: gradient(Parameters(W, np.zeros(n)), data).W, steps)
    found = train_from(training, Parameters(W, b))
    np.testing.assert_allclose(found.W, expected, atol=1e-11)
    np.testing.assert_array_equal(found.b, 0)


def test_a_small_start_is_xavier_s_made_small_and_a_circle_has_its_norms_and_biases() -> None:
    xavier, small = (
        initial_models(AxialTraining(Axial(9), initialisation=s, dtype="float64"), 4, 2, 3) for s in ("xavier", "small")
    )
    np.testing.assert_allclose(small.W, 1e-3 * xavier.W, rtol=1e-15)
    half = initial_models(AxialTraining(Axial(9), initialisation="small", init_scale=0.5, dtype="float64"), 4, 2, 3)
    np.testing.assert_array_equal(half.W, 0.5 * xavier.W)
    W, b = initial_models(AxialTraining(Axial(9), initialisation="circle", dtype="float64"), 4, 2, 3)
    square = 16 / (1 - np.cos(2 * np.pi / 9))
    np.testing.assert_allclose((W**2).sum(axis=1), square)
    np.testing.assert_allclose(b, 1 - square)


@pytest.mark.parametrize("rule", [AdamW(1e-2), SGD(0.1), SGD(0.05, 0.9), SGD(0.05, 0.9, 0.3)], ids=repr)
def test_no_coordinate_moves_a_model_that_has_not_started(rule: Any) -> None:
    training = AxialTraining(Axial(5), optimiser=rule, steps=0, initialisation="normal", bias_coordinate="centred")
    np.testing.assert_array_equal(train_many(training, 3).b, 0)


def test_a_small_start_and_a_centred_bias_reach_zero_loss_where_the_usual_start_fails() -> None:
    data = Axial(12)
    recipe: dict[str, Any] = {"optimiser": AdamW(1e-2), "steps": 6_000, "schedule": "cosine"}
    usual = train_many(AxialTraining(data, **recipe), 20)
    cured = train_many(AxialTraining(data, initialisation="small", bias_coordinate="centred", **recipe), 20)
    assert (12 * np.asarray(loss(usual, data)) < 1e-3).sum() <= 8
    assert (12 * np.asarray(loss(cured, data)) < 1e-3).all()


def test_float32_follows_float64_for_a_while() -> None:
    runs = [train_many(AxialTraining(Axial(7), steps=200, dtype=p), 5) for p in ("float32", "float64")]
    assert runs[0].W.dtype == np.float32
    np.testing.assert_allclose(runs[0].W, runs[1].W, atol=1e-4)


def test_a_seed_is_the_same_model_in_any_company() -> None:
    training = AxialTraining(Axial(5), initialisation="normal")
    many = initial_models(training, 11, 0, 6)
    one = initial_models(training, 11, 4, 1)
    np.testing.assert_array_equal(many.W[4], one.W[0])
    assert not np.array_equal(many.W[3], one.W[0])
    child = np.random.default_rng(np.random.SeedSequence(11).spawn(6)[4])
    np.testing.assert_array_equal(many.W[4], child.standard_normal((2, 5)).astype(np.float32))


@pytest.mark.parametrize("n", [7, 16, 21])
def test_the_result_does_not_depend_on_blocks_or_workers(n: int) -> None:
    size = most_together(n)
    training = AxialTraining(Axial(n), steps=3)
    alone = train_many(training, size + 3)
    with ThreadPoolExecutor(2) as executor:
        shared = train_many(training, size + 3, executor=executor)
    np.testing.assert_array_equal(alone.W, shared.W)
    tail = train_many(training, 2, first=size + 1)
    np.testing.assert_array_equal(alone.W[size + 1 :], tail.W)
    np.testing.assert_array_equal(alone.b[size + 1 :], tail.b)


@pytest.mark.parametrize("seeds", [8, 9, 10])
def test_a_model_left_over_is_trained_alone_as_in_a_census(
    seeds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("training.many_models", "studies.censuses"):
        monkeypatch.setattr(f"relugeom.{module}.kernel_for", lambda n: (ElementwiseKernel, 8))
    training = AxialTraining(Axial(11), optimiser=AdamW(0.03), steps=60)
    found = train_many(training, seeds)
    with RunDatabase(tmp_path / "census.db") as database:
        census([Cohort(training, seeds)], database)
        records = [record for _, row in database for record in row["records"]]
    losses = training.data.n * np.asarray(loss(as_double(found), training.data))
    assert {record["seed"]: record["trained"] for record in records} == dict(enumerate(losses))
    together = train_from(training, initial_models(training, 0, 0, seeds))
    assert np.array_equal(found.W, together.W) == (seeds != 9)


def test_descend_yields_the_start_the_moments_between_and_the_end() -> None:
    training = AxialTraining(Axial(4), steps=7)
    start = initial_models(training, 0, 0, 2)
    moments = list(descend(training, start, every=3))
    assert [step for step, _ in moments] == [0, 3, 6, 7]
    np.testing.assert_array_equal(moments[0][1].W, start.W)
    np.testing.assert_array_equal(moments[-1][1].W, train_from(training, start).W)
    assert not np.array_equal(moments[1][1].W, moments[2][1].W)


@pytest.mark.parametrize("bias_coordinate", ["plain", "centred", "none"])
@pytest.mark.parametrize(
    "rules",
    [
        [AdamW(1e-2), AdamW(0.3), AdamW(1e-2)],
        [AdamW(1e-2, weight_decay=0.1), AdamW(3e-3, weight_decay=0.5)],
        [SGD(0.1, 0.9), SGD(1e6, 0.9)],
        [SGD(0.05, weight_decay=0.3), SGD(0.2, weight_decay=0.1)],
    ],
    ids=["adam", "adamw", "momentum", "decay"],
)
def test_trainings_in_one_block_have_the_bits_that_they_have_apart(rules: Any, bias_coordinate: Any) -> None:
    """Other learning rates, decays, starts and numbers of models; 40 steps, so that averages are cleared once."""
    cells = [("xavier", None), ("small", 0.3), ("normal", 0.7)]
    for n, dtype, data in ((5, "float32", Axial(5)), (8, "float64", UniformAxial(8)), (11, "float32", Axial(11))):
        trainings = [
            AxialTraining(data, optimiser=rule, steps=40, initialisation=start, init_scale=scale, dtype=dtype,
                     bias_coordinate=bias_coordinate, schedule="cosine", warmup=5)
            for rule, (start, scale) in zip(rules, cells, strict=False)
        ]  # fmt: skip
        counts = [3, 2, 7][: len(trainings)]
        starts = [initial_models(t, n, 4, count) for t, count in zip(trainings, counts, strict=True)]
        parts = list(zip(trainings, starts, strict=True))
        assert full_blocks([(t, count) for t, count in zip(trainings, counts, strict=True)]) == [[*range(len(parts))]]
        together = [moment for _, moment in descend_together(parts, every=25)]
        apart = [[models for _, models in descend(*part, every=25)] for part in parts]
        for moment, expected in zip(together, zip(*apart, strict=True), strict=True):
            for found, models in zip(moment, expected, strict=True):
                np.testing.assert_array_equal(found.W, models.W)
                np.testing.assert_array_equal(found.b, models.b)
        np.testing.assert_array_equal(train_together(parts)[-1].W, train_from(*parts[-1]).W)


def test_blocks_are_filled_with_what_differs_in_rates_and_starts_alone() -> None:
    usual = AxialTraining(Axial(5), optimiser=AdamW(1e-3))
    alike = [
        replace(usual, optimiser=AdamW(1e-2)),
        replace(usual, initialisation="small", init_scale=0.1),
        replace(usual, init_bias=-0.1),
    ]
    assert full_blocks([(t, 200) for t in [usual, *alike]]) == [[0, 1, 2, 3]]
    for other in (
        replace(usual, data=Axial(6)),
        replace(usual, data=UniformAxial(5)),
        replace(usual, m=3),
        replace(usual, steps=10),
        replace(usual, dtype="float64"),
        replace(usual, bias_coordinate="centred"),
        replace(usual, schedule="cosine"),
        replace(usual, warmup=3),
        replace(usual, optimiser=SGD()),
        replace(usual, optimiser=AdamW(beta2=0.99)),
        replace(usual, optimiser=AdamW(weight_decay=0.01)),
    ):
        assert full_blocks([(usual, 20), (other, 20), (usual, 20)]) == [[0, 2], [1]]


@pytest.mark.parametrize("rule", [AdamW, SGD])
def test_constants_in_single_precision_have_a_block_of_their_own(rule: Any) -> None:
    # NumPy computes with them in their own type, whatever that of the models.
    usual = AxialTraining(Axial(5), optimiser=rule(0.013), dtype="float64")
    parts = [(usual, 20), *((replace(usual, optimiser=rule(np.float32(rate))), 20) for rate in (0.013, 0.031))]
    assert full_blocks([*parts, (replace(usual, optimiser=rule(np.float64(0.1))), 20)]) == [[0, 3], [1], [2]]
    decay = replace(usual, optimiser=rule(weight_decay=np.float32(0.1)))
    assert full_blocks([(replace(usual, optimiser=rule(weight_decay=0.1)), 20), (decay, 20)]) == [[0], [1]]


def test_training_starts_at_tied_models_of_its_size_with_a_bias_or_without() -> None:
    training = AxialTraining(Axial(4), steps=3, bias_coordinate="none")
    start = initial_models(training, 0, 0, 2)
    assert start.b is not None
    found, expected = train_from(training, Parameters(start.W)), train_from(training, start)
    np.testing.assert_array_equal(found.W, expected.W)
    np.testing.assert_array_equal(found.b, np.zeros((2, 4)))
    with pytest.raises(ArgumentError, match=r"'none' needs biases that start at 0; got -0\.5"):
        train_from(training, Parameters(start.W, start.b - 0.5))
    plain = replace(training, bias_coordinate="plain")
    for wrong, message in (
        (Parameters(start.W), "start must have a bias for bias_coordinate = 'plain'; got b = None"),
        (Parameters(start.W, start.b, start.W.swapaxes(1, 2)), r"of tied models; got a decoder of shape \(2, 4, 2\)"),
        (Parameters(start.W, start.b[0]), r"b \(models, 4\); got \(2, 2, 4\) and \(4,\)"),
        (Parameters(start.W[0], start.b[0]), r"W \(models, m, 4\)"),
        (Parameters(start.W[..., :3], start.b[..., :3]), r"W \(models, m, 4\) .* got \(2, 2, 3\) and \(2, 3\)"),
    ):
        with pytest.raises(ArgumentError, match=message):
            train_from(plain, wrong)


def test_a_block_is_full_or_shared_out_among_workers() -> None:
    usual, most = AxialTraining(Axial(5)), most_together(5)
    assert full_blocks([(usual, most // 2)] * 5) == [[0, 1], [2, 3], [4]]
    assert full_blocks([(usual, most // 4)] * 4, 2) == [[0, 1], [2, 3]]
    assert full_blocks([(usual, 200)] * 2, 16) == [[0], [1]]
    assert full_blocks([(usual, 100)] * 3, 16) == [[0, 1], [2]]
    assert full_blocks([(usual, 2 * most), (usual, 5)]) == [[0], [1]]
    # Models that are alone have sums of their own order; toy models and large matrices gain nothing.
    assert full_blocks([(usual, 1), (usual, 1), (usual, 20), (None, 16), (None, 16)]) == [[0], [1], [2], [3], [4]]
    assert full_blocks([(AxialTraining(Axial(40)), 20)] * 2) == [[0], [1]]


def test_no_steps_give_the_start_back() -> None:
    training = AxialTraining(Axial(4), steps=0)
    np.testing.assert_array_equal(train_many(training, 2).W, initial_models(training, 0, 0, 2).W)


@pytest.mark.parametrize("start", ["normal", "circle"])
@pytest.mark.parametrize("bias_coordinate", ["plain", "centred"])
def test_a_start_too_large_is_infinite_without_a_warning(start: str, bias_coordinate: str) -> None:
    training = AxialTraining(Axial(4), steps=2, initialisation=start, init_scale=1e150, bias_coordinate=bias_coordinate)
    assert np.isinf(initial_models(training, 0, 0, 2).W).all()
    assert not np.isfinite(train_many(training, 2).W).any()


def test_a_rate_too_large_ends_at_infinity_without_a_warning() -> None:
    model = train_many(AxialTraining(Axial(4), optimiser=SGD(1e6), steps=50), 2)
    assert not np.isfinite(model.W).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"initialisation": "circle", "init_bias": 0.1}, {"init_bias": float("nan")}, {"data": np.eye(3)},
        {"init_bias": 10**400}, {"init_bias": True}, {"initialisation": "circle", "init_scale": 1e200},
        {"bias_coordinate": "none", "init_bias": 0.1}, {"bias_coordinate": "none", "initialisation": "circle"},
    ],
)  # fmt: skip
def test_nonsense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        AxialTraining(**{"data": Axial(3), **wrong})
    with pytest.raises(ArgumentError, match="seeds must be a whole number, at least 1"):
        train_many(AxialTraining(Axial(3)), 0)


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
