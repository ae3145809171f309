"""Many models of Toy Models of Superposition at once, side by side: ours, PyTorch's, JAX's.

    python benchmarks/toy_models.py [--sizes 5x2 20x5] [--models 100] [--seconds 2.0]

One call trains a hundred models, each on a law of its own (p = 1 − S from 1 to 0.05), with Adam at 10⁻³ on 1,024
examples per step, float32. Two things are timed. *Given batches*: the gradient and the update alone, all forms on the
same eight batches in turn; before any time is taken all must agree with float64 after twenty steps. *Drawing its own*:
the whole step as it is used, every form with the generator of its library. All forms take turns; the median of the
turns is reported, and ratios are between medians of one run. Ours runs on one thread, and once on two processes;
PyTorch and JAX have all cores. The processor time of all threads is reported beside the time on the clock: it depends
less on what else the machine does.
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

from relugeom.autoencoder import Independent
from relugeom.training.toy_models import Batches, ModelBlock, ToyTraining, blocks_of

RATE, BETA1, BETA2, EPSILON = 1e-3, 0.9, 0.999, 1e-8
TURNS, GIVEN = 9, 8
Array = Any
#: Run so many steps on the given batches, or on fresh ones; the models now, W (models, m, n) and b (models, n).
Form = tuple[Callable[[int, bool], None], Callable[[], tuple[Array, Array]]]


def ours(training: ToyTraining, given: Array, blocks: list[tuple[int, int]] | None = None) -> Form:
    parts = []
    for first, count in blocks_of(training) if blocks is None else blocks:
        models = range(first, first + count)
        pool = [np.ascontiguousarray(X[first : first + count]) for X in given]
        parts.append((ModelBlock(training, 0, models), Batches(training, 0, models), pool))

    def run(steps: int, fresh: bool) -> None:
        for block, batches, pool in parts:
            for step in range(steps):
                block.step(batches.draw() if fresh else pool[step % GIVEN])

    def models() -> tuple[Array, Array]:
        theta = np.concatenate([block.theta for block, _, _ in parts])
        return theta[:, :-1], theta[:, -1]

    return run, models


_state: dict[str, Any] = {}


def _hold(training: ToyTraining, given: Array, blocks: list[tuple[int, int]]) -> None:
    _state["form"] = ours(training, given, blocks)


def _advance(steps: int, fresh: bool) -> None:
    _state["form"][0](steps, fresh)


def _models() -> tuple[Array, Array]:
    return _state["form"][1]()  # type: ignore[no-any-return]


def two_processes(training: ToyTraining, given: Array) -> Form:
    """Half of the blocks in each of two processes, which keep them between calls."""
    # Not forked: JAX and PyTorch have threads, which a fork would leave behind.
    pools = [ProcessPoolExecutor(1, get_context("spawn")) for _ in range(2)]
    blocks = blocks_of(training)
    half = -(-len(blocks) // 2)
    for pool, part in zip(pools, (blocks[:half], blocks[half:]), strict=True):
        pool.submit(_hold, training, given, part).result()

    def run(steps: int, fresh: bool) -> None:
        for future in [pool.submit(_advance, steps, fresh) for pool in pools]:
            future.result()

    def models() -> tuple[Array, Array]:
        found = [pool.submit(_models).result() for pool in pools]
        return np.concatenate([w for w, _ in found]), np.concatenate([c for _, c in found])

    return run, models


def torch_form(training: ToyTraining, given: Array, compiled: bool) -> Form:
    """The loss of all models with batched products, summed, so that each gets its own gradient."""
    import torch

    W, b = start(training)
    theta = [torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)]
    pool = [torch.tensor(np.swapaxes(X, 1, 2).copy()) for X in given]  # examples in rows, as its users have them
    p = torch.tensor([law.density for law in training.laws], dtype=torch.float32)[:, None, None]
    optimiser = torch.optim.Adam(theta, RATE, (BETA1, BETA2), EPSILON, foreach=True)
    draws = torch.Generator().manual_seed(0)

    def total(W: Array, b: Array, X: Array) -> Array:
        x = torch.relu(torch.bmm(torch.bmm(X, W.transpose(1, 2)), W) + b[:, None, :])
        return ((x - X) ** 2).sum() / X.shape[1]

    value = torch.compile(total) if compiled else total

    def draw() -> Array:
        return (1 - torch.rand(pool[0].shape, generator=draws) / p).clamp_(min=0)

    def run(steps: int, fresh: bool) -> None:
        for step in range(steps):
            X = draw() if fresh else pool[step % GIVEN]
            optimiser.zero_grad(set_to_none=True)
            value(*theta, X).backward()
            optimiser.step()

    return run, lambda: (theta[0].detach().numpy(), theta[1].detach().numpy())


def jax_form(training: ToyTraining, given: Array, by_hand: bool) -> Form:
    """`jit(vmap(grad))` of the natural loss, or our formula on our layout; steps in a `fori_loop`."""
    import jax
    import jax.numpy as jnp

    T = training.batch
    p = jnp.array([law.density for law in training.laws], jnp.float32)[:, None, None]
    pool = jnp.asarray(np.stack(given if by_hand else [np.swapaxes(X, 1, 2) for X in given]))

    def value(W: Array, b: Array, X: Array) -> Array:
        return ((jax.nn.relu(X @ W.T @ W + b) - X) ** 2).sum() / T

    def written(W: Array, b: Array, X: Array) -> tuple[Array, Array]:
        """W (models, m, n), b (models, n), X (models, n, T)."""
        H = W @ X
        Z = W.swapaxes(1, 2) @ H + b[:, :, None]
        E = jnp.where(Z > 0, Z - X, 0)
        dW = H @ E.swapaxes(1, 2) + (W @ E) @ X.swapaxes(1, 2)
        return dW * (2 / T), E.sum(2) * (2 / T)

    slopes = written if by_hand else jax.vmap(jax.grad(value, (0, 1)))

    def update(X: Array, state: Array) -> Array:
        theta, mean, square, t = state
        grads = slopes(*theta, X)
        mean = tuple(BETA1 * m + (1 - BETA1) * g for m, g in zip(mean, grads, strict=True))
        square = tuple(BETA2 * v + (1 - BETA2) * g * g for v, g in zip(square, grads, strict=True))
        c1, c2 = 1 - BETA1**t, 1 - BETA2**t
        theta = tuple(
            q - RATE * (m / c1) / (jnp.sqrt(v / c2) + EPSILON) for q, m, v in zip(theta, mean, square, strict=True)
        )
        return theta, mean, square, t + 1

    def drawn(step: Array, state: Array) -> Array:
        key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), state[3].astype(jnp.int32)), step)
        return update(jnp.maximum(1 - jax.random.uniform(key, pool.shape[1:]) / p, 0), state)

    on_given = jax.jit(lambda state, steps: jax.lax.fori_loop(0, steps, lambda k, s: update(pool[k % GIVEN], s), state))
    on_fresh = jax.jit(lambda state, steps: jax.lax.fori_loop(0, steps, drawn, state))
    first = tuple(jnp.asarray(part) for part in start(training))
    zeros = tuple(jnp.zeros_like(q) for q in first)
    held = {"state": (first, zeros, zeros, jnp.float32(1))}

    def run(steps: int, fresh: bool) -> None:
        held["state"] = jax.block_until_ready((on_fresh if fresh else on_given)(held["state"], steps))

    return run, lambda: tuple(np.asarray(q) for q in held["state"][0])


def start(training: ToyTraining) -> tuple[Array, Array]:
    """The models before the first step."""
    theta = np.concatenate([ModelBlock(training, 0, range(f, f + k)).theta for f, k in blocks_of(training)])
    return theta[:, :-1].copy(), theta[:, -1].copy()


def reference(training: ToyTraining, given: Array, steps: int) -> tuple[Array, Array]:
    """The definition in float64 with textbook Adam, example by example in rows."""
    W, b = (part.astype(float) for part in start(training))
    means, squares = [np.zeros_like(W), np.zeros_like(b)], [np.zeros_like(W), np.zeros_like(b)]
    for t in range(1, steps + 1):
        X = np.swapaxes(given[(t - 1) % GIVEN], 1, 2).astype(float)
        z = X @ np.swapaxes(W, 1, 2) @ W + b[:, None, :]
        E = 2 / training.batch * np.where(z > 0, z - X, 0)
        # ∂/∂W_ki Σ_tj (x'_tj − x_tj)²: W enters as the encoder and as the decoder.
        dW = W @ (np.swapaxes(E, 1, 2) @ X) + W @ (np.swapaxes(X, 1, 2) @ E)
        for q, g, mean, square in zip((W, b), (dW, E.sum(1)), means, squares, strict=True):
            mean += (1 - BETA1) * (g - mean)
            square += (1 - BETA2) * (g * g - square)
            q -= RATE * (mean / (1 - BETA1**t)) / (np.sqrt(square / (1 - BETA2**t)) + EPSILON)
    return W, b


def compare(n: int, m: int, models: int, seconds: float) -> list[dict[str, Any]]:
    """Milliseconds per step of all models in every form: medians and fastest turns, on given and on fresh batches."""
    training = ToyTraining([Independent(n, 1 - p) for p in np.geomspace(1, 0.05, models)], m=m)
    draws = [Batches(training, 1, range(f, f + k)) for f, k in blocks_of(training)]
    given = [np.concatenate([part.draw() for part in draws]) for _ in range(GIVEN)]
    makers: dict[str, Callable[[], Form]] = {
        "ours": lambda: ours(training, given),
        "ours, 2 processes": lambda: two_processes(training, given),
    }
    if find_spec("torch"):
        makers["torch eager"] = lambda: torch_form(training, given, False)
        makers["torch compiled"] = lambda: torch_form(training, given, True)
    if find_spec("jax"):
        makers["jax jit(vmap(grad))"] = lambda: jax_form(training, given, False)
        makers["jax by hand"] = lambda: jax_form(training, given, True)
    exact = reference(training, given, 20)
    forms: dict[str, Callable[[int, bool], None]] = {}
    off: dict[str, float] = {}
    for name, make in makers.items():
        forms[name], now = make()
        forms[name](20, False)
        off[name] = max(float(np.abs(x - y).max()) for x, y in zip(now(), exact, strict=True))
        assert off[name] < 1e-4, f"{name} is off by {off[name]}"
    rows = []
    for fresh in (False, True):
        steps: dict[str, int] = {}
        for name, run in forms.items():
            run(5, fresh)  # a compiler looks, perhaps twice
            run(5, fresh)
            begin = time.perf_counter()
            run(5, fresh)
            steps[name] = max(3, round(5 * seconds / TURNS / (time.perf_counter() - begin)))
        taken: dict[str, list[float]] = {name: [] for name in forms}
        worked: dict[str, list[float]] = {name: [] for name in forms}
        for _ in range(TURNS):
            for name, run in forms.items():
                begin, before = time.perf_counter(), time.process_time()
                run(steps[name], fresh)
                taken[name].append((time.perf_counter() - begin) / steps[name] * 1e3)
                worked[name].append((time.process_time() - before) / steps[name] * 1e3)
        median = {name: statistics.median(values) for name, values in taken.items()}
        # What the two processes do is not seen from here.
        processor = {name: statistics.median(values) for name, values in worked.items() if "processes" not in name}
        told = "  ".join(f"{name} {value:.2f} ({value / median['ours']:.1f}x)" for name, value in median.items())
        print(f"n = {n}, m = {m}, {'fresh' if fresh else 'given'}: {told}", file=sys.stderr, flush=True)
        fastest = {name: min(values) for name, values in taken.items()}
        rows.append(
            {
                "n": n,
                "m": m,
                "models": models,
                "fresh": fresh,
                "median": median,
                "fastest": fastest,
                "processor": processor,
            }
        )
    rows[0]["largest difference from float64 after 20 steps"] = off
    return rows


def table(report: dict[str, Any]) -> str:
    """The report as Markdown: a row for each size and kind of batch, medians with the fastest turn in brackets."""
    forms = list(report["rows"][0]["median"])
    lines = [
        "# Many toy models at once: 1,024 fresh examples per step and model, Adam, float32",
        "",
        f"Milliseconds per step of all models, medians of {TURNS} turns in which all forms alternate (in brackets the "
        f"fastest, and the median processor time of all threads); {report['machine']}; {report['conditions']}. Ours on "
        "one thread, and on two processes; the others have all cores.",
        "",
    ]
    rows = []
    for row in report["rows"]:
        cells = []
        for name in forms:
            processor = f"; {row['processor'][name]:.2f}" if name in row["processor"] else ""
            cells.append(f"{row['median'][name]:.2f} ({row['fastest'][name]:.2f}{processor})")
        kind = "drawing its own" if row["fresh"] else "given"
        last = f"{row['median']['ours'] * 10:.0f} s"
        rows.append([f"{row['n']}", f"{row['m']}", f"{row['models']}", kind, *cells, last])
    lines.append(grid(["n", "m", "models", "batches", *forms, "10,000 steps, ours"], rows))
    return "\n".join(lines) + "\n"


def _size(text: str) -> tuple[int, int]:
    n, _, m = text.partition("x")
    return int(n), int(m)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=_size, nargs="+", default=[(5, 2), (20, 5)], metavar="NxM")
    parser.add_argument("--models", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each form and kind of batch, in all")
    parser.add_argument("--conditions", default="nothing else running", help="what else the machine did, for the table")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "toy_models")
    arguments = parser.parse_args()
    rows = [row for n, m in arguments.sizes for row in compare(n, m, arguments.models, arguments.seconds)]
    report = {"machine": machine("numpy", "torch", "jax"), "conditions": arguments.conditions, "rows": rows}
    write(report, table(report), arguments.output)


if __name__ == "__main__":
    main()
