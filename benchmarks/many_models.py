"""Many small models at once, side by side: ours, PyTorch's, JAX's.

    python benchmarks/many_models.py [--sizes 5 8 16 32] [--models 1000 10000] [--seconds 1.0] [--no-torch]

A model-step is the gradient and the Adam update of one model on X = I, m = 2, float32; reported are million
model-steps a second. All forms start from the same models and must agree with the float64 definition after 20 steps
before any time is taken. They take turns; the median of the turns is reported, and ratios are between medians of one
run. Ours runs on one thread, and once on two processes; PyTorch and JAX have all cores. JAX by hand also runs block by
block, all steps of one before the next as ours does, at the block size that was fastest in a short trial before. A
second table counts model-steps by the processor time of all threads and processes, which other work changes less.

    python benchmarks/many_models.py --limit

compares one step of ours on one thread with what operations on whole arrays can reach.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # ours: one thread; the others keep their own pools

import numpy as np
from _table import grid, machine, write

from relugeom.autoencoder import Axial, Parameters, flatten, gradient, unflatten
from relugeom.engines.many_models import ElementwiseKernel, kernel_for, most_together
from relugeom.optim import AdamW
from relugeom.training.many_models import AxialTraining, initial_models

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
TURNS = 9
BLOCKS = (250, 500, 1000, 2000)
Array = Any
Form = tuple[Callable[[int], None], Callable[[], tuple[Array, Array]]]  # run steps; the models now


def ours(W: Array, b: Array) -> Form:
    n = W.shape[2]
    kernel_type, size = kernel_for(n)[0], most_together(n)
    blocks = [kernel_type(Axial(n), W[s : s + size], b[s : s + size]) for s in range(0, len(W), size)]
    rates = [AdamW(RATE).start(kernel.theta, kernel.factor) for kernel in blocks]

    def run(steps: int) -> None:
        for kernel, state in zip(blocks, rates, strict=True):
            for _ in range(steps):
                kernel.compute()
                state.step(kernel.theta, kernel.gradient)

    def models() -> tuple[Array, Array]:
        parts = [kernel.parameters() for kernel in blocks]
        return np.concatenate([p.W for p in parts]), np.concatenate([p.b for p in parts])

    return run, models


_state: dict[str, Any] = {}
_workers: list[ProcessPoolExecutor] = []


def _hold(W: Array, b: Array) -> None:
    _state["form"] = ours(W, b)


def _advance(steps: int) -> None:
    _state["form"][0](steps)


def two_processes(W: Array, b: Array) -> Form:
    """Half of the models in each of two processes, which keep them between calls."""
    # Not forked: JAX and PyTorch have threads, which a fork would leave behind.
    while len(_workers) < 2:
        _workers.append(ProcessPoolExecutor(1, get_context("spawn")))
    pools = _workers
    half = len(W) // 2
    parts = [(W[:half], b[:half]), (W[half:], b[half:])]
    for pool, part in zip(pools, parts, strict=True):
        pool.submit(_hold, *part).result()

    def run(steps: int) -> None:
        for future in [pool.submit(_advance, steps) for pool in pools]:
            future.result()

    def models() -> tuple[Array, Array]:
        found = [pool.submit(_models).result() for pool in pools]
        return np.concatenate([w for w, _ in found]), np.concatenate([c for _, c in found])

    return run, models


def processor_time() -> float:
    """Seconds of processor time up to now, of all threads here and of the workers."""
    return time.process_time() + sum(pool.submit(time.process_time).result() for pool in _workers)


def _models() -> tuple[Array, Array]:
    return _state["form"][1]()  # type: ignore[no-any-return]


def torch_form(W: Array, b: Array, compiled: bool, device: str = "cpu") -> Form:
    import torch

    theta = [torch.tensor(part, device=device, requires_grad=True) for part in (W, b)]
    eye = torch.eye(W.shape[2], device=device)
    optimiser = torch.optim.Adam(theta, RATE, (BETA1, BETA2), EPSILON, foreach=True)

    def total(W: Array, b: Array) -> Array:
        x = torch.relu(torch.bmm(W.transpose(1, 2), W) + b[:, None, :])
        return ((x - eye) ** 2).sum() / W.shape[2]

    value = torch.compile(total) if compiled else total

    def run(steps: int) -> None:
        for _ in range(steps):
            optimiser.zero_grad(set_to_none=True)
            value(*theta).backward()
            optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return run, lambda: (theta[0].detach().cpu().numpy(), theta[1].detach().cpu().numpy())


def jax_form(W: Array, b: Array, by_hand: bool) -> Form:
    """`jit(vmap(grad))` of the natural loss, or our pair formula with the model index last; steps in a `fori_loop`."""
    import jax
    import jax.numpy as jnp

    n = W.shape[2]
    eye = jnp.eye(n)

    def value(W: Array, b: Array) -> Array:
        return ((jax.nn.relu(W.T @ W + b) - eye) ** 2).sum() / n

    def pairs(W: Array, b: Array) -> tuple[Array, Array]:
        """W (m, n, B), b (n, B); the pairs (i, i + k), each inner product once."""
        z = (W * W).sum(0) + b
        e = jnp.maximum(z, 0) - (z > 0)
        dW, db = 2 * e * W, e
        for k in range(1, n // 2 + 1):
            far = jnp.roll(W, -k, 1)
            g = (W * far).sum(0)
            r, q = jnp.maximum(g + b, 0), jnp.maximum(g + jnp.roll(b, -k, 0), 0)
            s = (r + q) * (0.5 if 2 * k == n else 1.0)
            half = 0.5 if 2 * k == n else 1.0
            dW = dW + s * far + jnp.roll(s * W, k, 1)
            db = db + half * r + half * jnp.roll(q, k, 0)
        return dW * (2 / n), db * (2 / n)

    slopes = pairs if by_hand else jax.vmap(jax.grad(value, (0, 1)))

    def step(_: int, state: Array) -> Array:
        theta, mean, square, t = state
        grads = slopes(*theta)
        mean = tuple(BETA1 * m + (1 - BETA1) * g for m, g in zip(mean, grads, strict=True))
        square = tuple(BETA2 * v + (1 - BETA2) * g * g for v, g in zip(square, grads, strict=True))
        c1, c2 = 1 - BETA1**t, 1 - BETA2**t
        theta = tuple(
            p - RATE * (m / c1) / (jnp.sqrt(v / c2) + EPSILON) for p, m, v in zip(theta, mean, square, strict=True)
        )
        return theta, mean, square, t + 1

    many = jax.jit(lambda state, steps: jax.lax.fori_loop(0, steps, step, state))
    first = (jnp.asarray(W.transpose(1, 2, 0)), jnp.asarray(b.T)) if by_hand else (jnp.asarray(W), jnp.asarray(b))
    zeros = tuple(jnp.zeros_like(p) for p in first)
    held = {"state": (first, zeros, zeros, jnp.float32(1))}

    def run(steps: int) -> None:
        held["state"] = jax.block_until_ready(many(held["state"], steps))

    def models() -> tuple[Array, Array]:
        W, b = (np.asarray(p) for p in held["state"][0])
        return (W.transpose(2, 0, 1), b.T) if by_hand else (W, b)

    return run, models


def jax_blocks(W: Array, b: Array, size: int) -> Form:
    """JAX by hand, `size` models at a time."""
    parts = [jax_form(W[s : s + size], b[s : s + size], True) for s in range(0, len(W), size)]

    def run(steps: int) -> None:
        for advance, _ in parts:
            advance(steps)

    def models() -> tuple[Array, Array]:
        found = [read() for _, read in parts]
        return np.concatenate([w for w, _ in found]), np.concatenate([c for _, c in found])

    return run, models


def best_block(W: Array, b: Array) -> int:
    """The block size with which JAX by hand is fastest: the best of five short turns each, by processor time."""
    sizes = [size for size in BLOCKS if size <= len(W)]
    forms = {size: jax_blocks(W[: max(sizes)], b[: max(sizes)], size)[0] for size in sizes}
    for run in forms.values():
        run(100)
    fastest = dict.fromkeys(sizes, float("inf"))
    for _ in range(5):
        for size, run in forms.items():
            begin = time.process_time()
            run(100)
            fastest[size] = min(fastest[size], time.process_time() - begin)
    return min(fastest, key=lambda size: fastest[size])


def reference(W: Array, b: Array, steps: int) -> tuple[Array, Array]:
    """The definition in float64 with textbook Adam."""
    theta = flatten(Parameters(W.astype(float), b.astype(float)))
    m, n = W.shape[1:]
    mean, square = np.zeros_like(theta), np.zeros_like(theta)
    for t in range(1, steps + 1):
        g = flatten(gradient(unflatten(theta, m, n), Axial(n)))
        mean, square = BETA1 * mean + (1 - BETA1) * g, BETA2 * square + (1 - BETA2) * g * g
        theta = theta - RATE * (mean / (1 - BETA1**t)) / (np.sqrt(square / (1 - BETA2**t)) + EPSILON)
    return unflatten(theta, m, n)  # type: ignore[return-value]


def compare(n: int, B: int, seconds: float, torch: bool) -> dict[str, Any]:
    """Million model-steps a second of every form: medians and fastest turns, by the clock and by processor time."""
    W, b = initial_models(AxialTraining(Axial(n)), 0, 0, B)
    makers: dict[str, Callable[[], Form]] = {
        "ours": lambda: ours(W, b),
        "ours, 2 processes": lambda: two_processes(W, b),
    }
    if torch:
        makers["torch bmm eager"] = lambda: torch_form(W, b, False)
        makers["torch compiled"] = lambda: torch_form(W, b, True)
    if find_spec("jax"):
        makers["jax jit(vmap(grad))"] = lambda: jax_form(W, b, False)
        makers["jax by hand"] = lambda: jax_form(W, b, True)
        block = best_block(W, b)
        makers["jax by hand, best block"] = lambda: jax_blocks(W, b, block)
        print(f"n = {n}, B = {B}: JAX by hand in blocks of {block}", file=sys.stderr, flush=True)
    exact = reference(W[:50], b[:50], 20)
    forms: dict[str, Callable[[int], None]] = {}
    steps: dict[str, int] = {}
    for name, make in makers.items():
        run, models = make()
        run(20)
        off = max(float(np.abs(x[:50] - y).max()) for x, y in zip(models(), exact, strict=True))
        assert off < 1e-4, f"{name} is off by {off}"
        run(20)  # a compiler may look again
        begin = time.perf_counter()
        run(20)
        steps[name] = max(5, round(20 * seconds / TURNS / (time.perf_counter() - begin)))
        forms[name] = run
    speeds: dict[str, list[float]] = {name: [] for name in forms}
    by_processor: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(TURNS):
        for name, run in forms.items():
            used, begin = processor_time(), time.perf_counter()
            run(steps[name])
            speeds[name].append(steps[name] * B / (time.perf_counter() - begin) / 1e6)
            by_processor[name].append(steps[name] * B / (processor_time() - used) / 1e6)
    median = {name: statistics.median(values) for name, values in speeds.items()}
    row = "  ".join(f"{name} {value:.2f} ({median['ours'] / value:.1f}x)" for name, value in median.items())
    print(f"n = {n}, B = {B}: {row}", file=sys.stderr, flush=True)
    return {
        "n": n,
        "B": B,
        "median": median,
        "fastest": {name: max(values) for name, values in speeds.items()},
        "processor_median": {name: statistics.median(values) for name, values in by_processor.items()},
        "processor_fastest": {name: max(values) for name, values in by_processor.items()},
    }


def limit(n: int, B: int) -> dict[str, float]:
    """Microseconds of one step of a block, and of as many operations of the same length on operands in one piece."""
    W, b = initial_models(AxialTraining(Axial(n)), 0, 0, B)
    kernel = ElementwiseKernel(Axial(n), W, b)
    state = AdamW(RATE).start(kernel.theta, kernel.factor)
    x2, y2 = np.ones((2, 2, n * n * B), np.float32)
    x, y, o = np.ones((3, n * n * B), np.float32)
    p2, o2 = np.ones((2, 2 * n * B), np.float32)
    p, q, z = np.ones((3, n * B), np.float32)

    def in_one_piece() -> None:
        np.copyto(o2, p2)
        np.einsum("mx,mx->x", x2, y2, out=o)
        np.add(x, y, out=o)
        np.maximum(x, y, out=o)
        np.ceil(p, out=z)
        np.minimum(p, q, out=z)
        np.subtract(p, q, out=z)
        np.add(x, y, out=o)
        np.add(x, y, out=o)  # the sums over i, of b and of W's rows
        np.einsum("mx,mx->x", x2, y2, out=o)

    forms: dict[str, Callable[[], None]] = {
        "gradient": kernel.compute,
        "gradient in one piece": in_one_piece,
        "Adam": lambda: state.step(kernel.theta, kernel.gradient),
    }
    turns: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(150):
        for name, form in forms.items():
            begin = time.perf_counter()
            for _ in range(20):
                form()
            turns[name].append((time.perf_counter() - begin) / 20 * 1e6)
    return {name: min(times) for name, times in turns.items()}


def table(report: dict[str, Any]) -> str:
    """The report as Markdown: a row for each size, medians with the fastest turn in brackets; twice."""
    forms = list(report["rows"][0]["median"])
    lines = [
        "# Many small models at once: X = I, m = 2, Adam, float32",
        "",
        f"Million model-steps a second, medians of {TURNS} turns in which all forms alternate (fastest in brackets); "
        f"{report['machine']}; load {report['load']} at the start. "
        "Ours on one thread, and on two processes; the others have all cores.",
        "",
    ]

    def cells(prefix: str) -> str:
        rows = [
            [f"{row['n']}", f"{row['B']:,}"]
            + [f"{row[f'{prefix}median'][name]:.2f} ({row[f'{prefix}fastest'][name]:.2f})" for name in forms]
            for row in report["rows"]
        ]
        return grid(["n", "B", *forms], rows)

    between = ["", "The same by processor time, of all threads and processes of a form together:", ""]
    return "\n".join([*lines, cells(""), *between, cells("processor_")]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 8, 16, 32])
    parser.add_argument("--models", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--seconds", type=float, default=1.0, help="of each form, in all")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "many_models")
    parser.add_argument("--limit", action="store_true", help="measure a step against its operations alone")
    arguments = parser.parse_args()
    if arguments.limit:
        for n in (5, 8):
            for B in (2, 1_000, 2_000):
                print(f"n = {n}, B = {B:,}, fastest of 150 turns in µs:", limit(n, B))
        return
    load = f"{os.getloadavg()[0]:.1f}"
    torch = bool(find_spec("torch")) and not arguments.no_torch
    rows = [compare(n, B, arguments.seconds, torch) for n in arguments.sizes for B in arguments.models]
    report = {"machine": machine("numpy", "torch", "jax"), "load": load, "rows": rows}
    write(report, table(report), arguments.output)


if __name__ == "__main__":
    main()
