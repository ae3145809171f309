"""The CUDA kernels on a GPU: checks, step times beside their floor, and a complete run in resumed pieces.

    python benchmarks/gpu_step.py [--sizes 1000 10000 100000 1000000] [--dtypes float32 float64] [--peers]
    python benchmarks/gpu_step.py --run STATE.npz [-T 1000000] [--steps 50000] [--seconds 500]

The first form compares every size's first gradient with NumPy's, then prints the time of a step (loss, gradient, AdamW;
medians of repetitions), the floor that bytes and operations set (docs/backends.md), and their ratio. With --peers it
times torch's best form, a compiled gathered encode over chunks of examples, in turns with ours.

The second form trains the paper's setting until the time is up, stores the state, and goes on from it when called
again: every call is one piece, and the end does not depend on how it was cut.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.doctor import machine
from relugeom.engines.cuda.backend import cuda, find_device
from relugeom.engines.cuda.engine import DeviceRun
from relugeom.engines.cuda.full_batch import slab_examples, tile_features
from relugeom.optim.schedules import Schedule
from relugeom.storage import load_arrays, save_arrays

N, M, S, RATE = 10_000, 2, 0.999, 1e-3
CLOCK, MULTIPROCESSORS, BANDWIDTH = 1.755e9, 132, 3.35e12  # H100 SXM: boost clock, SMs, HBM3 bytes a second


def floor(examples: SparseExamples, m: int) -> tuple[float, float]:
    """Seconds that operations and bytes of a step take at the least.

    Operations a pair: 3m + 2 issued (z: m, maximum: 1, A: m + 1, V: m), of which 128 a cycle and multiprocessor in
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
    return operations, (non_zeros + partial + hidden) / BANDWIDTH


def start(n: int, m: int, dtype: Any) -> Any:
    bound = np.sqrt(6 / (n + m))
    W = np.random.default_rng(0).uniform(-bound, bound, m * n)
    return np.concatenate([W, np.zeros(n)]).astype(dtype)


def torch_step(examples: SparseExamples, chunk: int = 20_000) -> Callable[[int], None]:
    """Loss, gradient by autograd over chunks that fit the memory, fused AdamW."""
    import torch

    lengths = np.diff(examples.indptr)
    columns = np.zeros((examples.T, lengths.max()), np.int64)
    values = np.zeros(columns.shape, examples.values.dtype)
    filled = np.arange(columns.shape[1]) < lengths[:, None]
    columns[filled], values[filled] = examples.indices, examples.values
    there, numbers = torch.from_numpy(columns).cuda(), torch.from_numpy(values).cuda()
    theta = start(N, M, examples.values.dtype)
    W = torch.tensor(theta[: M * N].reshape(M, N), device="cuda", requires_grad=True)
    b = torch.tensor(theta[M * N :], device="cuda", requires_grad=True)
    optimiser = torch.optim.AdamW([W, b], lr=1e-7, fused=True)

    @torch.compile
    def loss(W: Any, b: Any, place: Any, x: Any) -> Any:
        out = torch.relu((x[..., None] * W.T[place]).sum(1) @ W + b)
        return ((out * out).sum() - 2 * (x * out.gather(1, place)).sum()) / examples.T

    def steps(count: int) -> None:
        for _ in range(count):
            optimiser.zero_grad(set_to_none=True)
            for first in range(0, examples.T, chunk):
                rows = slice(first, first + chunk)
                loss(W, b, there[rows], numbers[rows]).backward()
            optimiser.step()
        torch.cuda.synchronize()

    return steps


def timed(steps: Callable[[int], Any], count: int) -> float:
    begin = time.perf_counter()
    steps(count)
    return (time.perf_counter() - begin) / count * 1e3


def compare(T: int, dtype: str, repetitions: int, peers: bool) -> list[dict[str, Any]]:
    examples = sparse_unit_norm_examples(T, N, S, seed=1, dtype=dtype)
    run = DeviceRun(examples, start(N, M, dtype))  # compares with NumPy, or ends here
    variants: dict[str, Callable[[int], Any]] = {"ours": lambda count: run.advance([1e-7] * count)}
    if peers:
        variants["torch, compiled, chunks"] = torch_step(examples)
    count = max(1, 100_000 // T) * 10
    times: dict[str, list[float]] = {label: [] for label in variants}
    for steps in variants.values():
        steps(count)
    for _ in range(repetitions):
        for label, steps in variants.items():
            times[label].append(timed(steps, count))
    operations, bytes_ = floor(examples, M)
    return [
        {
            "T": T, "dtype": dtype, "variant": label, "ms": statistics.median(found), "fastest": min(found),
            "floor_ms": max(operations, bytes_) * 1e3, "bound_by": "operations" if operations > bytes_ else "bytes",
        }
        for label, found in times.items()
    ]  # fmt: skip


def piece(path: Path, T: int, steps: int, seconds: float) -> None:
    """Go on with the run in `path`, or begin it."""
    begin = time.monotonic()
    examples = sparse_unit_norm_examples(T, N, S, seed=0)
    kind = f"gpu run T={T} steps={steps} data={examples.digest()[:16]}"
    losses = np.empty(0)
    if path.exists():
        arrays, _ = load_arrays(path, kind=kind)
        run = DeviceRun(examples, arrays["parameters"])
        run.restore({name: arrays[name] for name in ("mean", "square", "steps")})
        losses = arrays["losses"]
    else:
        run = DeviceRun(examples, start(N, M, np.float32))
    schedule, ready = Schedule("cosine", RATE, steps, steps // 20), time.monotonic()
    first = run.steps
    while run.steps < steps and time.monotonic() - begin < seconds:
        end = min(run.steps + 500, steps)
        losses = np.concatenate([losses, run.advance([schedule(k) for k in range(run.steps, end)])])
        save_arrays(path, {"parameters": run.parameters, "losses": losses, **run.state()}, {"kind": kind})
        print(f"step {run.steps}/{steps}  loss {losses[-1]:.6f}", file=sys.stderr, flush=True)
    taken = time.monotonic() - ready
    done = {"T": T, "steps": run.steps, "of": steps, "piece_steps": run.steps - first, "piece_seconds": taken}
    last = float(losses[-1]) if len(losses) else None
    print(json.dumps({**done, "set_up_seconds": ready - begin, "loss": last, "machine": machine()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "float64"), default=["float32", "float64"])
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--run", type=Path, metavar="STATE")
    parser.add_argument("-T", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=500.0)
    arguments = parser.parse_args()
    device = find_device()
    cuda()  # one clear line where there is no GPU
    if arguments.run is not None:
        piece(arguments.run, arguments.T, arguments.steps, arguments.seconds)
        return
    print(json.dumps({"gpu": device.name, "cupy": device.cupy, **machine()}))
    for dtype in arguments.dtypes:
        for T in arguments.sizes:
            for row in compare(T, dtype, arguments.repetitions, arguments.peers):
                print(json.dumps(row), flush=True)


if __name__ == "__main__":
    from relugeom.errors import RelugeomError

    try:
        main()
    except RelugeomError as error:
        sys.exit(f"gpu_step: error: {error}")
