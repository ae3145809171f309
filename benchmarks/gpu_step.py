"""The CUDA kernels on a GPU: checks, and step times beside their floor, NumPy's and those of PyTorch and JAX.

    python benchmarks/gpu_step.py [--sizes 1000 10000 100000 1000000] [--dtypes float32 float64] [--peers]

Every size's first gradient is compared with NumPy's in float64 before anything is timed; then the variants take turns.
Printed are the time of a step (loss, gradient, AdamW; medians of repetitions), the floor that bytes and operations set
(docs/backends.md), and which of the two decides. With --peers also torch's best form, a compiled gathered encode over
chunks of examples, and JAX's gradient derived by hand in a scan over chunks; both in full float32 precision.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

# Ours on the processor: one thread, as in training. JAX is not to take the whole card.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import numpy as np

from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.autoencoder.parameters import Parameters
from relugeom.doctor import machine
from relugeom.engines.choice import choose_engine, make_engine
from relugeom.engines.cuda.backend import cuda, find_device
from relugeom.engines.cuda.engine import DeviceRun
from relugeom.engines.cuda.full_batch import slab_examples, tile_features
from relugeom.errors import DeviceError, RelugeomError
from relugeom.optim import AdamW

N, M, S = 10_000, 2, 0.999
CLOCK, MULTIPROCESSORS, BANDWIDTH = 1.755e9, 132, 3.35e12  # H100 SXM: boost clock, SMs, HBM3 bytes per second
RATE = 1e-7  # so small that every repetition meets the same state
CHUNK = 20_000  # examples that the peers make dense at a time
# Takes so many steps and waits for them; the gradient at the start, shape (m + 1, n).
Variant = tuple[Callable[[int], Any], Callable[[], Any]]
Array = Any
PROCESSOR = "ours, NumPy, one thread"
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}
PAPER = AdamW(weight_decay=1e-2)


class NumpyRun:
    """`relugeom.engines.cuda.engine.DeviceRun` over the NumPy engine of the rule: for times, and to rehearse."""

    def __init__(self, examples: SparseExamples, parameters: Array, *, optimiser: AdamW = PAPER) -> None:
        n, dtype = examples.n, examples.values.dtype
        self._shape = (parameters.size // n, n)
        self._engine = make_engine(examples, choose_engine(examples.T, n, self._shape[0] - 1, dtype))
        self._theta = parameters.copy()
        self._rule = optimiser.start_scheduled(parameters.size, dtype)

    def value_and_gradient(self) -> tuple[float, Array]:
        """The loss, and its gradient as flat as the parameters."""
        theta = self._theta.reshape(self._shape)
        loss, gradient = self._engine.value_and_gradient(Parameters(theta[:-1], theta[-1]))
        return loss, np.concatenate([gradient.W.ravel(), gradient.b])

    def advance(self, learning_rates: Sequence[float]) -> Array:
        """One step for each learning rate; the losses before them."""
        losses = []
        for learning_rate in learning_rates:
            loss, gradient = self.value_and_gradient()
            self._rule.update(self._theta, gradient, learning_rate)
            losses.append(loss)
        return np.array(losses)

    @property
    def steps(self) -> int:
        return self._rule.steps

    @property
    def parameters(self) -> Array:
        return self._theta.copy()

    def state(self) -> dict[str, Array]:
        return {name: array.copy() for name, array in self._rule.state().items()}

    def restore(self, state: dict[str, Array]) -> None:
        self._rule.restore(state)


def floor(examples: SparseExamples, m: int) -> tuple[float, float, float]:
    """Bytes of a step, and the seconds that operations and bytes take at the least.

    Operations per pair: 3m + 2 issued (z: m, maximum: 1, A: m + 1, V: m), of which 128 per cycle and multiprocessor in
    float32; in float64 every one of the 3m + 2 holds the unit for a cycle of 64 lanes.
    """
    T, n, real = examples.T, examples.n, examples.values.itemsize
    lanes = 128 if real == 4 else 64
    operations = T * n * (3 * m + 2) / (lanes * MULTIPROCESSORS * CLOCK)
    tiles = -(-n // tile_features(examples.values.dtype))
    slabs = -(-T // slab_examples(T, tiles))
    non_zeros = 3 * examples.nnz * (4 + real)  # twice by rows, once by columns
    partial = 2 * real * (tiles * m * T + slabs * (m + 1) * n)  # written and read
    hidden = real * m * T * 5  # h and V: written, and read by the kernels that need them
    moved = float(non_zeros + partial + hidden)
    return moved, operations, moved / BANDWIDTH


def start(n: int, m: int, dtype: Any) -> Any:
    bound = np.sqrt(6 / (n + m))
    W = np.random.default_rng(0).uniform(-bound, bound, m * n)
    return np.concatenate([W, np.zeros(n)]).astype(dtype)


def padded(examples: SparseExamples) -> tuple[Array, Array]:
    """The non-zeros as rectangles: columns and values, shape (T, most non-zeros per row), padded with value 0."""
    lengths = np.diff(examples.indptr)
    columns = np.zeros((examples.T, lengths.max()), np.int32)
    values = np.zeros(columns.shape, examples.values.dtype)
    filled = np.arange(columns.shape[1]) < lengths[:, None]
    columns[filled], values[filled] = examples.indices, examples.values
    return columns, values


def torch_variant(examples: SparseExamples, theta: Array) -> Variant:
    """Loss, gradient by autograd over chunks that fit the memory, fused AdamW."""
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    n = examples.n
    columns, values = (torch.from_numpy(array).to(device) for array in padded(examples))
    columns = columns.long()
    W = torch.tensor(theta[: M * n].reshape(M, n), device=device, requires_grad=True)
    b = torch.tensor(theta[M * n :], device=device, requires_grad=True)
    optimiser = torch.optim.AdamW([W, b], lr=RATE, fused=True)

    @torch.compile(dynamic=False)
    def loss(W: Any, b: Any, place: Any, x: Any) -> Any:
        out = torch.relu((x[..., None] * W.T[place]).sum(1) @ W + b)
        return ((out * out).sum() - 2 * (x * out.gather(1, place)).sum()) / examples.T

    def derive() -> None:
        optimiser.zero_grad(set_to_none=True)
        for first in range(0, examples.T, CHUNK):
            rows = slice(first, first + CHUNK)
            loss(W, b, columns[rows], values[rows]).backward()

    def steps(count: int) -> None:
        for _ in range(count):
            derive()
            optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()

    def gradient() -> Array:
        derive()
        return np.concatenate([W.grad.cpu().numpy(), b.grad.cpu().numpy()[None]])

    return steps, gradient


def jax_variant(examples: SparseExamples, theta: Array) -> Variant:
    """The gradient written out, over chunks of examples, and AdamW; all steps in one loop on the device."""
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_default_matmul_precision", "highest")
    n, T = examples.n, examples.T
    chunk = next(size for size in range(min(CHUNK, T), 0, -1) if T % size == 0)
    columns, values = (jnp.asarray(array).reshape(T // chunk, chunk, -1) for array in padded(examples))

    def derive(P: Any) -> Any:
        W = P[:M]

        def body(A: Any, rows: Any) -> Any:
            column, x = rows
            h = (x[..., None] * W.T[column]).sum(1)
            g = jnp.concatenate([h, jnp.ones((chunk, 1), h.dtype)], 1)
            out = jax.nn.relu(g @ P)
            c = x * (jnp.take_along_axis(out, column, 1) > 0)
            v = out @ W.T - (c[..., None] * W.T[column]).sum(1)
            at_data = x[..., None] * jnp.concatenate([v, jnp.zeros((chunk, 1), v.dtype)], 1)[:, None]
            return A + g.T @ out + jnp.zeros_like(A).at[:, column].add(
                jnp.moveaxis(at_data - c[..., None] * g[:, None], 2, 0)
            ), None

        return 2 / T * jax.lax.scan(body, jnp.zeros_like(P), (columns, values))[0]

    def step(_: int, state: Any) -> Any:
        P, mean, square, t = state
        g = derive(P)
        mean, square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g * g
        move = (mean / (1 - 0.9**t)) / (jnp.sqrt(square / (1 - 0.999**t)) + 1e-8)
        return P * (1 - RATE * 1e-2) - RATE * move, mean, square, t + 1

    many = jax.jit(lambda state, count: jax.lax.fori_loop(0, count, step, state))
    P = jnp.asarray(theta.reshape(M + 1, n))
    held = {"state": (P, jnp.zeros_like(P), jnp.zeros_like(P), jnp.asarray(1, P.dtype))}

    def steps(count: int) -> None:
        held["state"] = jax.block_until_ready(many(held["state"], count))

    return steps, lambda: np.asarray(jax.jit(derive)(P))


PEERS = {"torch, compiled, chunks": ("torch", torch_variant), "JAX, by hand, chunks": ("jax", jax_variant)}


def timed(steps: Callable[[int], Any], count: int) -> float:
    begin = time.perf_counter()
    steps(count)
    return (time.perf_counter() - begin) / count * 1e3


def error_of(gradient: Array, expected: Array, scale: float) -> float:
    return math.sqrt(float(np.sum((gradient.astype(np.float64) - expected) ** 2))) / scale


def compare(
    T: int,
    dtype: str,
    *,
    n: int = N,
    repetitions: int = 7,
    peers: Sequence[str] = (),
    seconds: float = 0.05,
    make_run: Callable[[SparseExamples, Array], Any] = DeviceRun,
) -> list[dict[str, Any]]:
    """Times of a step of every variant, in turns of about that many seconds."""
    examples = sparse_unit_norm_examples(T, n, 1 - 10 / n, seed=1, dtype=dtype)
    theta = start(n, M, dtype)
    exact = NumpyRun(replace(examples, values=examples.values.astype(np.float64)), theta.astype(np.float64))
    expected = exact.value_and_gradient()[1].reshape(M + 1, n)
    run, processor = make_run(examples, theta), NumpyRun(examples, theta)
    variants: dict[str, Variant] = {
        "ours": (lambda count: run.advance([RATE] * count), lambda: _first_gradient(make_run(examples, theta))),
        PROCESSOR: (
            lambda count: processor.advance([RATE] * count),
            lambda: processor.value_and_gradient()[1].reshape(M + 1, n),
        ),
    }
    for label in peers:
        variants[label] = PEERS[label][1](examples, theta)
    scale = math.sqrt(float(np.sum(expected**2)))
    errors = {label: error_of(gradient(), expected, scale) for label, (_, gradient) in variants.items()}
    for label, error in errors.items():
        if not error <= TOLERANCE[dtype]:
            raise DeviceError(f"{label} at T = {T}: its gradient is off by {error:.1e}")
    counts: dict[str, int] = {}
    for label, (steps, _) in variants.items():
        steps(1 if label == PROCESSOR else 10)  # compilers and recordings
        counts[label] = max(1, min(2_000, int(seconds * 1e3 / timed(steps, 2))) // 10 * 10 or 1)
        steps(counts[label])
    times: dict[str, list[float]] = {label: [] for label in variants}
    for _ in range(repetitions):
        for label, (steps, _) in variants.items():
            times[label].append(timed(steps, counts[label]))
    moved, operations, bytes_ = floor(examples, M)
    return [
        {
            "T": T, "dtype": dtype, "variant": label, "ms": statistics.median(found), "fastest": min(found),
            "error": errors[label], "floor_ms": max(operations, bytes_) * 1e3,
            "bound_by": "operations" if operations > bytes_ else "bytes", "floor_bytes": moved,
            "floor_bytes_ms": bytes_ * 1e3, "floor_operations_ms": operations * 1e3,
        }
        for label, found in times.items()
    ]  # fmt: skip


def _first_gradient(run: Any) -> Array:
    """From the first average of the squares and of the gradients themselves: μ = (1 − β₁) g after one step."""
    run.advance([RATE])
    mean = run.state()["mean"].astype(np.float64)
    return mean.reshape(M + 1, -1) / (1 - 0.9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "float64"), default=["float32", "float64"])
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--peers", action="store_true")
    arguments = parser.parse_args()
    device = find_device()
    cuda()  # one clear line where there is no GPU
    print(json.dumps({"gpu": device.name, "cupy": device.cupy, **machine()}))
    for dtype in arguments.dtypes:
        for T in arguments.sizes:
            peers = list(PEERS) if arguments.peers else []
            for row in compare(T, dtype, repetitions=arguments.repetitions, peers=peers):
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    try:
        main()
    except RelugeomError as error:
        sys.exit(f"gpu_step: error: {error}")
