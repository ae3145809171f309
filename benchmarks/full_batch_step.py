"""One full-batch training step, side by side: ours, PyTorch's, JAX's.

    python benchmarks/full_batch_step.py [--sizes 100 1000 10000] [--repetitions 15] [--alone 100000 1000000]

A step is the loss, its gradient and the AdamW update at n = 10,000, m = 2, S = 0.999 in float32. States early, in the
middle and late in training come from a run made first. Before any time is taken, every variant's gradient is
compared with the definition in float64, and the error ‖g - g*‖ / max(‖g*‖, ‖g* at step 0‖) reported. Then all variants
take turns of a few steps each; what is reported are the medians and the fastest, and the ratios of both (on a machine
that is shared with others the fastest are the fairer to forms that need all cores at once). Ours runs on one thread
(and once on several processes); the others have all cores. PyTorch and JAX are left out when they are not installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # ours: one thread; the others keep their own pools

import numpy as np
from _table import grid, machine, write

from relugeom.autoencoder import Parameters
from relugeom.autoencoder.examples import SparseExamples, sparse_unit_norm_examples
from relugeom.engines.choice import EngineChoice, choose_engine, make_engine
from relugeom.optim import AdamW, Schedule

N, M, S, RATE, DECAY = 10_000, 2, 0.999, 1e-3, 1e-2
RUN_STEPS = {100: 50_000, 1_000: 20_000, 10_000: 4_000}  # of the run that gives the states
Array = Any
# Functions that make one step in place of their own copies, give the gradients in W and b, and take up other W and b.
Variant = tuple[Callable[[], None], Callable[[], tuple[Array, Array]], Callable[[Array, Array], None]]


def start(T: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    bound = np.sqrt(6 / (N + M))
    return rng.uniform(-bound, bound, (M, N)).astype(np.float32), np.zeros(N, np.float32)


def states(examples: SparseExamples) -> dict[str, tuple[Array, Array]]:
    """Parameters before the first step, after a tenth of a run, and at its end."""
    steps = RUN_STEPS.get(examples.T, 1_000)
    engine = make_engine(examples, choose_engine(examples.T, N, M))
    W, b = start(examples.T)
    flat = np.concatenate([W.ravel(), b])
    W, b = flat[: M * N].reshape(M, N), flat[M * N :]
    optimiser, schedule = (
        AdamW(weight_decay=DECAY).start_scheduled(flat.size, np.float32),
        Schedule("cosine", RATE, steps, steps // 20),
    )
    found = {"early": (W.copy(), b.copy())}
    for step in range(steps):
        if step == steps // 10:
            found["middle"] = (W.copy(), b.copy())
        _, gradient = engine.value_and_gradient(Parameters(W, b))
        optimiser.update(flat, np.concatenate([gradient.W.ravel(), gradient.b]), schedule(step))
    found["late"] = (W.copy(), b.copy())
    return found


def reference(examples: SparseExamples, W: Array, b: Array) -> tuple[Array, Array]:
    """The definition in float64, some rows at a time."""
    exact = replace(examples, values=examples.values.astype(np.float64))
    gradient = exact.gradient(Parameters(W.astype(np.float64), b.astype(np.float64)))
    return gradient.W, gradient.b


def norm(*parts: Array) -> float:
    return float(np.sqrt(sum(np.vdot(part, part) for part in parts)))


def padded(examples: SparseExamples) -> tuple[Array, Array]:
    """The non-zeros as rectangles: columns and values, shape (T, most non-zeros a row), padded with value 0."""
    lengths = np.diff(examples.indptr)
    columns = np.zeros((examples.T, lengths.max()), np.int32)
    values = np.zeros(columns.shape, np.float32)
    filled = np.arange(columns.shape[1]) < lengths[:, None]
    columns[filled], values[filled] = examples.indices, examples.values
    return columns, values


def ours(examples: SparseExamples, W: Array, b: Array, choice: EngineChoice) -> tuple[Variant, Any]:
    engine = make_engine(examples, choice)
    flat = np.concatenate([W.ravel(), b])
    W, b = flat[: M * N].reshape(M, N), flat[M * N :]
    optimiser = AdamW(weight_decay=DECAY).start_scheduled(flat.size, np.float32)
    packed = np.empty_like(flat)

    def gradient() -> tuple[Array, Array]:
        _, g = engine.value_and_gradient(Parameters(W, b))
        return g.W, g.b

    def step() -> None:
        gW, gb = gradient()
        packed[: M * N], packed[M * N :] = gW.ravel(), gb
        optimiser.update(flat, packed, 1e-7)  # so small that every repetition meets the same state

    def place(other_W: Array, other_b: Array) -> None:
        W[:], b[:] = other_W, other_b

    return (step, gradient, place), engine


def torch_variants(examples: SparseExamples, W: Array, b: Array) -> dict[str, Variant]:
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    columns, values = (torch.from_numpy(array) for array in padded(examples))
    columns = columns.long()
    squares = float(np.sum(np.square(examples.values, dtype=np.float64)))
    T = examples.T
    X = torch.from_numpy(examples.to_dense())

    def dense(W: Any, b: Any) -> Any:
        return ((X - torch.relu(X @ W.T @ W + b)) ** 2).sum() / T

    def gathered(W: Any, b: Any) -> Any:
        h = (values[..., None] * W.T[columns]).sum(1)
        out = torch.relu(h @ W + b)
        return (squares - 2 * (values * out.gather(1, columns)).sum() + (out * out).sum()) / T

    def variant(loss: Callable[..., Any]) -> Variant:
        parameters = [torch.tensor(W, requires_grad=True), torch.tensor(b, requires_grad=True)]
        optimiser = torch.optim.AdamW(parameters, lr=1e-7, weight_decay=DECAY, fused=True)

        def gradient() -> tuple[Array, Array]:
            optimiser.zero_grad(set_to_none=True)
            loss(*parameters).backward()
            return parameters[0].grad.numpy(), parameters[1].grad.numpy()

        def step() -> None:
            gradient()
            optimiser.step()

        def place(W: Array, b: Array) -> None:
            with torch.no_grad():
                for parameter, value in zip(parameters, (W, b), strict=True):
                    parameter.copy_(torch.from_numpy(value))

        return step, gradient, place

    torch._dynamo.reset()
    return {
        "torch, dense autograd": variant(dense),
        "torch, gathered encode": variant(gathered),
        "torch.compile, dense": variant(torch.compile(dense)),
        "torch.compile, gathered encode": variant(torch.compile(gathered)),
    }


def jax_variants(examples: SparseExamples, W: Array, b: Array) -> dict[str, Variant]:
    import jax
    import jax.numpy as jnp

    columns, values = (jnp.asarray(array) for array in padded(examples))
    squares = float(np.sum(np.square(examples.values, dtype=np.float64)))
    T = examples.T
    X = jnp.asarray(examples.to_dense())

    def dense(parameters: Any) -> Any:
        W, b = parameters
        return ((X - jax.nn.relu(X @ W.T @ W + b)) ** 2).sum() / T

    def gathered(parameters: Any) -> Any:
        W, b = parameters
        h = (values[..., None] * W.T[columns]).sum(1)
        out = jax.nn.relu(h @ W + b)
        return (squares - 2 * (values * jnp.take_along_axis(out, columns, 1)).sum() + (out * out).sum()) / T

    chunk = next(size for size in (50, 25, 20, 10, 5, 1) if T % size == 0)

    def by_hand(parameters: Any) -> Any:
        """The gradient written out, over chunks of rows that stay in the cache."""
        W, b = parameters
        P = jnp.concatenate([W, b[None]])

        def body(carry: Any, rows: Any) -> Any:
            A, encoder = carry
            column, value = rows
            h = (value[..., None] * W.T[column]).sum(1)
            g = jnp.concatenate([h, jnp.ones((chunk, 1), h.dtype)], 1)
            out = jax.nn.relu(g @ P)
            c = value * (jnp.take_along_axis(out, column, 1) > 0)
            A = A + g.T @ out
            A = A.at[:, column].add(-(g.T[:, :, None] * c[None]))
            v = out @ W.T - (c[..., None] * W.T[column]).sum(1)
            return (A, encoder.at[:, column].add(v.T[:, :, None] * value[None])), None

        shape = (T // chunk, chunk, columns.shape[1])
        zero = (jnp.zeros_like(P), jnp.zeros_like(W))
        (A, encoder), _ = jax.lax.scan(body, zero, (columns.reshape(shape), values.reshape(shape)))
        return (2 / T) * (A[:M] + encoder), (2 / T) * A[M]

    def variant(derivative: Callable[..., Any]) -> Variant:
        state = {
            "p": (jnp.asarray(W), jnp.asarray(b)),
            "m": (jnp.zeros((M, N)), jnp.zeros(N)),
            "v": (jnp.zeros((M, N)), jnp.zeros(N)),
            "t": jnp.asarray(0.0),
        }
        compiled = jax.jit(derivative)

        def update(p: Any, m: Any, v: Any, t: Any) -> Any:
            g = derivative(p)
            t = t + 1
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)

            def new(p: Any, m: Any, v: Any) -> Any:
                return p * (1 - 1e-7 * DECAY) - 1e-7 * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)

            return jax.tree.map(new, p, m, v), m, v, t

        jitted = jax.jit(update, donate_argnums=(0, 1, 2))

        def step() -> None:
            state["p"], state["m"], state["v"], state["t"] = jitted(**state)
            jax.block_until_ready(state["p"])

        def gradient() -> tuple[Array, Array]:
            gW, gb = compiled(state["p"])
            return np.asarray(gW), np.asarray(gb)

        def place(W: Array, b: Array) -> None:
            state["p"] = (jnp.array(W), jnp.array(b))

        return step, gradient, place

    return {
        "JAX, jit of the dense loss": variant(jax.grad(dense)),
        "JAX, gathered encode": variant(jax.grad(gathered)),
        "JAX, gradient by hand, scan": variant(by_hand),
    }


def turn(T: int) -> int:
    """Steps before the next variant's turn: enough, where they are short, for its memory to be in the caches again."""
    return max(2, min(40, 4_000 // T))


def timed(step: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    step()
    return (time.perf_counter() - begin) * 1e3


def limits() -> dict[str, float]:
    """What one core can do: float32 multiply-add rate and copy bandwidth."""
    A = np.ones((1024, 1024), np.float32)
    x = np.ones(1 << 25, np.float32)
    y = np.empty_like(x)
    product = min(timed(lambda: A @ A) for _ in range(10))
    copy = min(timed(lambda: np.copyto(y, x)) for _ in range(5))
    return {"sgemm_gflops": 2 * 1024**3 / product / 1e6, "copy_gb_s": 2 * x.nbytes / copy / 1e6}


def compare(T: int, repetitions: int, peers: bool, processes: int) -> list[dict[str, Any]]:
    examples = sparse_unit_norm_examples(T, N, S, seed=1)
    rows = []
    initial = 0.0
    for name, (W, b) in states(examples).items():
        exact = reference(examples, W, b)
        initial = norm(*exact) if name == "early" else initial
        scale = max(norm(*exact), initial)
        variants: dict[str, Variant] = {}
        engines = []
        choices = {
            f"ours, {kind}": choose_engine(T, N, M, name=kind) for kind in ("blocked", "hull", "moments", "lazy")
        }
        chosen = choose_engine(T, N, M)
        choices["ours, as chosen"] = chosen
        if processes > 1 and choose_engine(T, N, M, processes=processes) != chosen:
            choices[f"ours, {processes} processes"] = choose_engine(T, N, M, processes=processes)
        for label, choice in choices.items():
            variants[label], engine = ours(examples, W, b, choice)
            engines.append(engine)
        for library, make in (("torch", torch_variants), ("jax", jax_variants)):
            if peers and importlib.util.find_spec(library):
                variants |= make(examples, W, b)
        errors = {}
        for label, (_, gradient, _) in variants.items():
            difference = (mine - theirs for mine, theirs in zip(gradient(), exact, strict=True))
            errors[label] = norm(*difference) / scale
            if errors[label] > 1e-5:
                print(f"warning: {label} at T = {T}, {name}: error {errors[label]:.1e}", file=sys.stderr)
        times: dict[str, list[float]] = {label: [] for label in variants}
        for step, _, _ in variants.values():
            step()
        for _ in range(repetitions if T < 5_000 else -(-repetitions // 3)):  # the dense forms take seconds there
            for label, (step, _, _) in variants.items():
                times[label] += [timed(step) for _ in range(turn(T))]
        for label in variants:
            row = {
                "T": T,
                "state": name,
                "variant": label,
                "ms": statistics.median(times[label]),
                "fastest": min(times[label]),
                "error": errors[label],
            }
            rows.append(row)
            print(f"T = {T:>6} {name:<7}{label:<34}{row['ms']:9.2f} ms  error {row['error']:.0e}", file=sys.stderr)
        for engine in engines:
            engine.close()
    return rows


def alone(T: int, repetitions: int, processes: int) -> list[dict[str, Any]]:
    """Loss and gradient only, early, where no dense form fits."""
    examples = sparse_unit_norm_examples(T, N, S, seed=1)
    W, b = start(T)
    rows = []
    for count in sorted({1, processes}):
        engine = make_engine(examples, choose_engine(T, N, M, processes=count))
        engine.value_and_gradient(Parameters(W, b))
        ms = statistics.median(timed(lambda: engine.value_and_gradient(Parameters(W, b))) for _ in range(repetitions))  # noqa: B023
        engine.close()
        rows.append({"T": T, "processes": count, "ms": ms, "data_MB": examples.nbytes / 1e6})
        print(f"T = {T:>7} alone, {count} processes {ms:9.1f} ms", file=sys.stderr)
    return rows


def ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The fastest form of each library over ours as chosen, by medians and by fastest steps."""
    found = []
    for T, state in dict.fromkeys((row["T"], row["state"]) for row in rows):
        entry: dict[str, Any] = {"T": T, "state": state}
        for measure in ("ms", "fastest"):
            here = {row["variant"]: row[measure] for row in rows if (row["T"], row["state"]) == (T, state)}
            mine = here["ours, as chosen"]
            for library in ("torch", "JAX"):
                best = min(((ms, label) for label, ms in here.items() if label.startswith(library)), default=None)
                if best:
                    entry[f"{library}, {measure}"] = {"best": best[1], "ms": best[0], "ratio": best[0] / mine}
        found.append(entry)
    return found


def table(report: dict[str, Any]) -> str:
    lines = [
        "# One full-batch step at n = 10,000, m = 2, S = 0.999, float32",
        "",
        f"{report['machine']}; {report['repetitions']} turns of 2 to 40 steps each (a third of the turns from "
        "T = 10,000 on); ours on one thread unless said.",
        f"One core multiplies at {report['limits']['sgemm_gflops']:.0f} GFLOP/s and copies at "
        f"{report['limits']['copy_gb_s']:.0f} GB/s. A dense step costs 17 operations a pair (T n of them); the last "
        "column, those operations over the fastest time, says how far a form is from the multiply rate: above 100 % "
        "means that most pairs were never touched.",
        "",
    ]
    steps = []
    for row in report["rows"]:
        rate = 17 * row["T"] * N / row["fastest"] / 1e6 / report["limits"]["sgemm_gflops"]
        steps.append(
            [
                f"{row['T']:,}", row["state"], row["variant"], f"{row['ms']:.2f}", f"{row['fastest']:.2f}",
                f"{row['error']:.0e}", f"{rate:.0%}",
            ]
        )  # fmt: skip
    head = ("T", "state", "variant", "median ms", "fastest ms", "error", "of the multiply rate")
    lines += [
        grid(head, steps),
        "",
        "Best form of each library over ours as chosen, by medians (by fastest steps):",
        "",
    ]
    ratios = []
    for entry in report["ratios"]:
        cells = [f"{entry['T']:,}", entry["state"]]
        for library in ("torch", "JAX"):
            pair = [entry.get(f"{library}, {measure}") for measure in ("ms", "fastest")]
            cells.append(f"{pair[0]['ratio']:.1f} ({pair[1]['ratio']:.1f})" if pair[0] and pair[1] else "")
        ratios.append(cells)
    lines.append(grid(("T", "state", "torch", "JAX"), ratios))
    if report["alone"]:
        rows = [[f"{r['T']:,}", f"{r['processes']}", f"{r['ms']:.0f}", f"{r['data_MB']:.0f}"] for r in report["alone"]]
        lines += ["", "Loss and gradient alone:", "", grid(("T", "processes", "ms", "data, MB"), rows)]
        lines += ["", f"Growth exponent on one process, T = 1,000 and up: {report['exponent']:.2f}."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1_000, 10_000])
    parser.add_argument("--alone", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--repetitions", type=int, default=8)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-peers", action="store_true", help="leave out torch and JAX")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "full_batch_step")
    arguments = parser.parse_args()
    rows = [
        row
        for T in arguments.sizes
        for row in compare(T, arguments.repetitions, not arguments.no_peers, arguments.processes)
    ]
    lonely = [row for T in arguments.alone for row in alone(T, 5, arguments.processes)]
    sizes = [(r["T"], r["ms"]) for r in rows if r["variant"] == "ours, as chosen" and r["state"] == "early"]
    sizes += [(r["T"], r["ms"]) for r in lonely if r["processes"] == 1]
    large = [(np.log(T), np.log(ms)) for T, ms in sizes if T >= 1_000]
    report = {
        "machine": machine("numpy", "scipy", "torch", "jax"),
        "repetitions": arguments.repetitions,
        "limits": limits(),
        "rows": rows,
        "ratios": ratios(rows),
        "alone": lonely,
        "exponent": float(np.polyfit(*zip(*large, strict=True), 1)[0]) if len(large) > 1 else float("nan"),
    }
    write(report, table(report), arguments.output)


if __name__ == "__main__":
    main()
