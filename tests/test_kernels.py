"""The CUDA kernels: their transcription, the sources themselves on the processor, NVRTC, and a GPU if there is one."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder import Axial, Parameters, UniformAxial
from relugeom.autoencoder.examples import SparseExamples, axial_examples, sparse_unit_norm_examples
from relugeom.engines.cuda.backend import Backend, cuda, find_device, source
from relugeom.engines.cuda.engine import CudaEngine, DeviceRun
from relugeom.engines.cuda.full_batch import FullBatch, slab_examples, tile_features
from relugeom.engines.cuda.many_models import adam_steps
from relugeom.engines.cuda.nvrtc import compile_for, find_nvrtc
from relugeom.errors import ArgumentError, DeviceError
from relugeom.optim import SGD, AdamW
from relugeom.optim.schedules import Schedule
from relugeom.training import many_models
from relugeom.training.many_models_cuda import train_from
from tests import kernel_transcriptions as transcription
from tests.host_backend import HostBackend
from tests.oracles import value_and_gradient

Array = npt.NDArray[Any]
RTOL = {"float32": 2e-6, "float64": 1e-14}


def problem(T: int, n: int, m: int, S: float, dtype: str, seed: int = 0) -> tuple[SparseExamples, Array]:
    """Examples, and theta (m + 1, n)."""
    examples = sparse_unit_norm_examples(T, n, S, seed=seed, dtype=dtype)
    rng = np.random.default_rng(seed)
    return examples, np.concatenate([rng.normal(size=(m, n)), 0.3 * rng.normal(size=(1, n))]).astype(dtype)


def definition(examples: SparseExamples, theta: Array) -> tuple[float, Array]:
    exact = theta.astype(np.float64)
    loss, gradient = value_and_gradient(examples.to_dense().astype(np.float64), Parameters(exact[:-1], exact[-1]))
    return loss, np.concatenate([gradient.W, gradient.b[None]])


def kernels(examples: SparseExamples, m: int, backend: Backend) -> FullBatch:
    return FullBatch(examples.indptr, examples.indices, examples.values, examples.n, m, backend)


def assert_close(found: tuple[float, Array], expected: tuple[float, Array], rtol: float) -> None:
    assert found[0] == pytest.approx(expected[0], rel=rtol, abs=rtol)
    np.testing.assert_allclose(found[1], expected[1], rtol=0, atol=rtol * np.abs(expected[1]).max())


# --- the same tiling in NumPy -------------------------------------------------------------------------------------


@given(
    T=st.integers(1, 70), n=st.integers(1, 30), m=st.integers(1, 3), seed=st.integers(0, 99),
    tile=st.integers(1, 40), slab=st.integers(1, 3).map(lambda k: 16 * k),
)  # fmt: skip
def test_the_tiling_adds_up_to_the_definition(T: int, n: int, m: int, seed: int, tile: int, slab: int) -> None:
    examples, theta = problem(T, n, m, 0.6, "float64", seed)
    assert_close(transcription.step(examples, theta, tile, slab), definition(examples, theta), 1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("T", [1, 100, 1_000, 10_000, 100_000, 1_000_000])
def test_slabs_fill_a_card_and_stay_in_shared_memory(T: int, dtype: str) -> None:
    tiles = -(-10_000 // tile_features(dtype))
    slab = slab_examples(T, tiles)
    assert slab % transcription.GROUP == 0
    assert 0 < slab <= 1024
    blocks = tiles * -(-T // slab)
    assert blocks >= min(1056, tiles * -(-T // 16)) / 2


# --- the sources themselves, compiled for the processor -------------------------------------------------------------


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("g++") is None:
        pytest.skip("g++ is not installed, which runs the CUDA sources on the processor")
    return tmp_path_factory.mktemp("kernels")


@pytest.fixture
def host(folder: Path) -> HostBackend:
    return HostBackend(folder)


# More features than a tile, examples that fill no group, a single example, columns without data.
SIZES = [(37, 1100, 0.99), (200, 50, 0.9), (5, 3, 0.2), (1, 40, 0.9), (16, 513, 0.5)]


@pytest.mark.parametrize(("dtype", "m"), [*product(["float32", "float64"], [2, 3])])
def test_the_source_computes_the_definition(folder: Path, dtype: str, m: int) -> None:
    for T, n, S in SIZES:
        examples, theta = problem(T, n, m, S, dtype)
        found = []
        for reverse in (False, True):
            loss, gradient = kernels(examples, m, HostBackend(folder, reverse=reverse)).value_and_gradient(theta)
            found.append((loss, gradient.copy()))
            assert_close(found[-1], definition(examples, theta), RTOL[dtype])
        assert found[0][0] == found[1][0]
        np.testing.assert_array_equal(found[0][1], found[1][1])


def test_the_source_and_its_transcription_agree_on_many_slabs(host: HostBackend) -> None:
    examples, theta = problem(700, 24, 2, 0.9, "float64")
    kernel = kernels(examples, 2, host)
    kernel._slab, kernel._slabs = 48, 15
    kernel._A_part = np.empty((15, 3, 24))
    assert_close(kernel.value_and_gradient(theta), transcription.step(examples, theta, 512, 48), 1e-13)


def without_barrier(text: str, line: str) -> str:
    """The source without the first barrier after `line`."""
    head, found, tail = text.partition(line)
    assert found
    return head + found + tail.replace("__syncthreads();", ";", 1)


@pytest.mark.parametrize(
    "line", ["theta[i * n + j] : REAL(0);", "sums[turn][warp][i][lane] = v", "at_data[i][c] = sum;"]
)
def test_a_missing_barrier_is_noticed(tmp_path: Path, folder: Path, line: str) -> None:
    examples, theta = problem(200, 50, 2, 0.9, "float32")
    racing = HostBackend(tmp_path, edit=lambda text: without_barrier(text, line))
    expected = kernels(examples, 2, HostBackend(folder)).value_and_gradient(theta)[1]
    found = kernels(examples, 2, racing).value_and_gradient(theta)[1].copy()
    racing._reverse = True
    backwards = kernels(examples, 2, racing).value_and_gradient(theta)[1]
    assert not (np.array_equal(found, expected) and np.array_equal(backwards, expected))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_steps_are_those_of_adamw(host: HostBackend, dtype: str) -> None:
    examples, theta = problem(60, 20, 2, 0.8, dtype)
    schedule = Schedule("cosine", 1e-2, 40, 5)
    run = DeviceRun(examples, theta.ravel(), backend=host)
    losses = run.advance([schedule(k) for k in range(40)])

    X, flat = examples.to_dense(), theta.ravel().copy()
    optimiser, expected = AdamW(weight_decay=1e-2).start_scheduled(flat.size, dtype), []
    for k in range(40):
        loss, gradient = value_and_gradient(X, Parameters(flat[:40].reshape(2, 20), flat[40:]))
        expected.append(loss)
        optimiser.update(flat, np.concatenate([gradient.W.ravel(), gradient.b]), schedule(k))
    tolerance = 2e-4 if dtype == "float32" else 1e-11
    np.testing.assert_allclose(losses, expected, rtol=tolerance)
    np.testing.assert_allclose(run.parameters, flat, atol=tolerance)
    np.testing.assert_allclose(run.state()["mean"], optimiser.mean, atol=tolerance)
    assert losses[-1] < losses[0]


def test_a_run_in_pieces_ends_in_the_same_bits(host: HostBackend) -> None:
    examples, theta = problem(60, 20, 2, 0.8, "float32")
    rates = [1e-2 * (k + 1) / 35 for k in range(35)]
    whole = DeviceRun(examples, theta.ravel(), backend=host)
    losses = whole.advance(rates)
    first = DeviceRun(examples, theta.ravel(), backend=host)
    head = first.advance(rates[:13])
    second = DeviceRun(examples, first.parameters, backend=host, check=False)
    second.restore(first.state())
    np.testing.assert_array_equal(np.concatenate([head, second.advance(rates[13:])]), losses)
    np.testing.assert_array_equal(second.parameters, whole.parameters)
    assert int(second.state()["steps"]) == 35


def test_the_engine_takes_and_gives_numpy(host: HostBackend) -> None:
    examples, theta = problem(60, 20, 2, 0.8, "float64")
    theta.flags.writeable = False
    engine = CudaEngine(examples, backend=host)
    loss, gradient = engine.value_and_gradient(Parameters(theta[:2], theta[2]))
    assert isinstance(gradient.W, np.ndarray)
    assert_close((loss, np.concatenate([gradient.W, gradient.b[None]])), definition(examples, theta), 1e-13)
    kept = gradient.W.copy()
    engine.value_and_gradient(Parameters(2 * theta[:2], theta[2]))
    np.testing.assert_array_equal(gradient.W, kept)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("c_tj * h[i]", "x * h[i]"),
        ("-values[k], p[i]", "values[k], p[i]"),
        ("WIDTH = sizeof(REAL) == 4 ? 8", "WIDTH = sizeof(REAL) == 4 ? 7"),
    ],
)
def test_a_wrong_kernel_is_refused_at_the_first_step(folder: Path, tmp_path: Path, right: str, wrong: str) -> None:
    examples, theta = problem(60, 1900, 2, 0.99, "float32")
    DeviceRun(examples, theta.ravel(), backend=HostBackend(folder))
    assert right in source("full_batch.cu")
    broken = HostBackend(tmp_path, edit=lambda text: text.replace(right, wrong))
    with pytest.raises(DeviceError, match="differs from NumPy's"):
        DeviceRun(examples, theta.ravel(), backend=broken)
    with pytest.raises(DeviceError, match="differs from NumPy's"):
        CudaEngine(examples, backend=broken).value_and_gradient(Parameters(theta[:2], theta[2]))


def test_arguments_that_do_not_fit_are_refused(host: HostBackend) -> None:
    examples, theta = problem(10, 20, 2, 0.8, "float32")
    engine = CudaEngine(examples, backend=host)
    with pytest.raises(ArgumentError, match="decoder must be None"):
        engine.value_and_gradient(Parameters(theta[:2], theta[2], theta[:2].T))
    with pytest.raises(ArgumentError, match="W must be float32"):
        engine.value_and_gradient(Parameters(theta[:2].astype(np.float64), theta[2]))
    with pytest.raises(ArgumentError, match="shape"):
        engine.value_and_gradient(Parameters(theta[:2], theta[2, :5]))
    with pytest.raises(ArgumentError, match="m must be from 1 to 4"):
        kernels(examples, 5, host)
    with pytest.raises(ArgumentError, match="theta must be a contiguous float32"):
        kernels(examples, 2, host).value_and_gradient(theta[:, ::-1])
    with pytest.raises(ArgumentError, match="parameters must be float32"):
        DeviceRun(examples, theta.ravel()[:-1], backend=host)
    with pytest.raises(ArgumentError, match="mean must be"):
        DeviceRun(examples, theta.ravel(), backend=host).restore({"mean": theta[0], "square": theta, "steps": theta})


# --- many small models ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "m", "dtype"), [(5, 2, "float32"), (5, 2, "float64"), (33, 3, "float64"), (1, 1, "float64")]
)
def test_many_models_are_trained_as_on_the_processor(folder: Path, n: int, m: int, dtype: Any) -> None:
    training = many_models.AxialTraining(Axial(n), m=m, steps=60, dtype=dtype, optimiser=AdamW(1e-2, weight_decay=1e-2))
    start = many_models.initial_models(training, 0, 0, 7)
    expected = many_models.train_from(training, start)
    found = [train_from(training, start, backend=HostBackend(folder, reverse=reverse)) for reverse in (False, True)]
    for name in ("W", "b"):
        np.testing.assert_array_equal(getattr(found[0], name), getattr(found[1], name))
        tolerance = 1e-3 if dtype == "float32" else 1e-11
        np.testing.assert_allclose(getattr(found[0], name), getattr(expected, name), atol=tolerance)
        assert np.abs(getattr(found[0], name) - getattr(start, name)).max() > 0.1


def test_the_source_of_many_models_is_its_transcription(host: HostBackend) -> None:
    rng = np.random.default_rng(3)
    models = rng.normal(size=(4, 3, 9))
    models[0, :2, 4] = models[0, 2, 4] = 0  # a null feature, exactly on the kink
    constants = [(0.01 / (1 + k), 1e-6) for k in range(20)]
    expected = transcription.adam_steps(models, constants, 0.9, 0.999)
    adam_steps(models, np.zeros_like(models), np.zeros_like(models), constants, host, keep=1.0, beta1=0.9, beta2=0.999)
    np.testing.assert_allclose(models, expected, atol=1e-12)


def test_a_wrong_gradient_of_many_models_is_refused(tmp_path: Path, folder: Path) -> None:
    training = many_models.AxialTraining(Axial(5), steps=3)
    start = many_models.initial_models(training, 0, 0, 7)
    broken = HostBackend(tmp_path, edit=lambda text: text.replace("g[M] -= 1;", ""))
    with pytest.raises(DeviceError, match="differs from NumPy's"):
        train_from(training, start, backend=broken)


def test_many_models_need_the_identity_and_adam(host: HostBackend) -> None:
    training = many_models.AxialTraining(Axial(5), steps=3)
    start = many_models.initial_models(training, 0, 0, 2)
    for other in (Axial(5, (1.0, 0.5)), UniformAxial(5)):
        with pytest.raises(ArgumentError, match="data must be Axial"):
            train_from(replace(training, data=other), start, backend=host)
    with pytest.raises(ArgumentError, match="optimiser must be AdamW"):
        train_from(replace(training, optimiser=SGD()), start, backend=host)
    with pytest.raises(ArgumentError, match=r"shape \(B, 2, 5\)"):
        train_from(training, Parameters(start.W[:, :, :4], start.b[:, :4]), backend=host)


# --- the compiler for Hopper ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "macros"),
    [
        *(("full_batch.cu", {"REAL": real, "M": m}) for real, m in product(["float", "double"], [1, 2, 3, 4])),
        *(("many_models.cu", {"REAL": real, "M": 2, "N": n}) for real, n in product(["float", "double"], [5, 32, 200])),
    ],
    ids=str,
)  # fmt: skip
def test_sources_compile_for_hopper_within_its_registers(file: str, macros: dict[str, Any]) -> None:
    if find_nvrtc() is None:
        pytest.skip("NVRTC is not installed (pip install nvidia-cuda-nvrtc-cu12)")
    compiled = compile_for("sm_90", file, **macros)
    assert compiled.code[:4] == b"\x7fELF"
    assert set(compiled.kernels) == ({"adam_steps"} if "N" in macros else
                                     {"encode", "dense", "examples", "features", "adamw", "finish"})  # fmt: skip
    for resources in compiled.kernels.values():
        assert resources.stack == 0, "an array has left the registers"
        assert resources.registers * 128 <= 65536
        assert resources.shared <= 48 * 1024


def test_a_source_that_does_not_compile_says_why() -> None:
    if find_nvrtc() is None:
        with pytest.raises(DeviceError, match="pip install"):
            compile_for("sm_90", "full_batch.cu", REAL="float", M=2)
    else:
        with pytest.raises(DeviceError, match=r"full_batch\.cu does not compile for sm_90"):
            compile_for("sm_90", "full_batch.cu", REAL="nothing", M=2)


# --- with and without a GPU -----------------------------------------------------------------------------------------


def test_the_room_is_imported_without_cupy() -> None:
    program = (
        "import sys, relugeom.engines.cuda.engine, relugeom.training.many_models_cuda; sys.exit('cupy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0


def test_asking_for_a_gpu_that_is_not_there_is_one_line() -> None:
    device = find_device()
    if device.works:
        assert device.name
        assert device.reason == ""
        return
    for ask in (cuda, lambda: CudaEngine(axial_examples(5))):
        with pytest.raises(DeviceError, match="a GPU was asked for, but ") as caught:
            ask()
        assert "\n" not in str(caught.value)


@pytest.fixture
def gpu() -> Backend:
    device = find_device()
    if not device.works:
        pytest.skip(f"no GPU: {device.reason}")
    return cuda()


@pytest.mark.gpu
@pytest.mark.parametrize(("dtype", "m"), [*product(["float32", "float64"], [2, 3])])
def test_a_gpu_computes_the_definition(gpu: Backend, dtype: str, m: int) -> None:
    for T, n, S in [*SIZES, (3000, 2500, 0.99)]:
        examples, theta = problem(T, n, m, S, dtype)
        there = gpu.xp.asarray(theta)
        kernel = kernels(examples, m, gpu)
        loss, gradient = kernel.value_and_gradient(there)
        first = gradient.get()
        assert_close((loss, first), definition(examples, theta), RTOL[dtype])
        for _ in range(5):
            again, gradient = kernel.value_and_gradient(there)
            assert again == loss
            np.testing.assert_array_equal(gradient.get(), first)


@pytest.mark.gpu
def test_a_recorded_step_is_a_step(gpu: Backend) -> None:
    examples, theta = problem(500, 300, 2, 0.98, "float32")
    rates = [1e-3] * 57
    whole, single = (DeviceRun(examples, theta.ravel(), backend=gpu) for _ in range(2))
    losses = whole.advance(rates)
    np.testing.assert_array_equal(losses, np.concatenate([single.advance([rate]) for rate in rates]))
    np.testing.assert_array_equal(whole.parameters, single.parameters)
    assert math.isfinite(losses[-1])


@pytest.mark.gpu
def test_arrays_of_the_gpu_stay_there(gpu: Backend) -> None:
    examples, theta = problem(60, 20, 2, 0.8, "float64")
    there = gpu.xp.asarray(theta)
    _, gradient = CudaEngine(examples, backend=gpu).value_and_gradient(Parameters(there[:2], there[2]))
    assert isinstance(gradient.W, gpu.xp.ndarray)


@pytest.mark.gpu
@pytest.mark.parametrize("n", [5, 8, 16, 32, 40])
def test_a_gpu_trains_many_models(gpu: Backend, n: int) -> None:
    training = many_models.AxialTraining(Axial(n), steps=60, dtype="float64", optimiser=AdamW(1e-2))
    start = many_models.initial_models(training, 0, 0, 300)
    found, expected = train_from(training, start, backend=gpu), many_models.train_from(training, start)
    np.testing.assert_allclose(found.W, expected.W, atol=1e-9)
