"""From fresh seeds to critical points, side by side: ours, jaxopt's Levenberg-Marquardt, SciPy's BFGS and L-BFGS-B.

    python benchmarks/polish.py [--sizes 5 8 16] [--seeds 1000] [--alone 20] [--turns 3]

All start from the same Xavier seeds in float64, m = 2; reported are milliseconds a seed. They take turns; the median
of the turns is reported, and ratios are between medians of one run. Ours and jaxopt (jit of vmap, compiled before any
time is taken) have all seeds at once, SciPy the first `--alone` of them one after the other, with our gradient. Ours
runs on one thread; JAX has all cores.

Points are judged by the readable definition: how many have a gradient of norm 1e-10 or less, how many a Hessian with
an eigenvalue below -1e-8, and how many give back everything (X = I). A seed of ours may also be said to drift to a
minimum at infinity, where no gradient vanishes. Levenberg-Marquardt needs a sum of squares, so it runs on X = I
only: with amplitudes uniform on (0, 1] the loss is an integral.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # ours: one thread; JAX keeps its own pool

import numpy as np
from _table import grid, machine, write

from relugeom.autoencoder import Axial, Parameters, UniformAxial, flatten, gradient, hessian, loss, unflatten
from relugeom.autoencoder.axial import AxialData
from relugeom.landscape.polishing import Status, polish
from relugeom.training.many_models import AxialTraining, initial_models

Array = Any
Solver = Callable[[], Array]  # the points reached, one a row


def scipy_minimise(x: Array, data: AxialData, method: str) -> Array:
    from scipy.optimize import minimize

    def value(point: Array) -> tuple[float, Array]:
        model = unflatten(point, 2, data.n)
        return float(loss(model, data)), flatten(gradient(model, data))

    tight = {"gtol": 1e-10, "maxiter": 10_000}
    options = tight if method == "BFGS" else tight | {"ftol": 0.0, "maxfun": 100_000}
    return np.array([minimize(value, row, jac=True, method=method, options=options).x for row in x])


def jaxopt_solver(x: Array, data: AxialData) -> Solver:
    import jax
    import jax.numpy as jnp
    from jaxopt import LevenbergMarquardt

    jax.config.update("jax_enable_x64", True)
    n = data.n
    eye = jnp.eye(n)

    def residuals(point: Array) -> Array:
        W, b = point[: 2 * n].reshape(2, n), point[2 * n :]
        return ((jax.nn.relu(W.T @ W + b) - eye) / jnp.sqrt(n)).ravel()

    solver = LevenbergMarquardt(residuals, maxiter=300, tol=1e-12, jit=True)
    many = jax.jit(jax.vmap(lambda point: solver.run(point).params))
    first = jnp.asarray(x)
    jax.block_until_ready(many(first))
    return lambda: np.asarray(jax.block_until_ready(many(first)))


def quality(x: Array, data: AxialData) -> dict[str, float]:
    """Of the points reached: percentages."""
    model = unflatten(x, 2, data.n)
    size = np.linalg.norm(flatten(gradient(model, data)), axis=1)
    least = np.linalg.eigvalsh(hessian(model, data))[:, 0]
    return {
        "critical": 100 * float((size <= 1e-10).mean()),
        "bent": 100 * float((least < -1e-8).mean()),
        "zero": 100 * float((loss(model, data) < 1e-15).mean()),
    }


def compare(data: AxialData, seeds: int, alone: int, turns: int) -> dict[str, Any]:
    """Milliseconds a seed of every solver, and what it reached."""
    W, b = initial_models(AxialTraining(data, dtype="float64"), 0, 0, seeds)
    x = np.asarray(flatten(Parameters(W, b)))
    statuses: Array = []

    def ours() -> Array:
        nonlocal statuses
        found = polish(Parameters(W, b), data)
        statuses = found.status
        return flatten(Parameters(found.W, found.b))

    solvers: dict[str, tuple[int, Solver]] = {"ours": (seeds, ours)}
    if isinstance(data, Axial) and find_spec("jaxopt"):
        solvers["jaxopt LM"] = (seeds, jaxopt_solver(x, data))
    for method in ("BFGS", "L-BFGS-B"):
        solvers[f"SciPy {method}"] = (alone, lambda method=method: scipy_minimise(x[:alone], data, method))  # type: ignore[misc]
    times: dict[str, list[float]] = {name: [] for name in solvers}
    reached = {}
    for _ in range(turns):
        for name, (count, solve) in solvers.items():
            begin = time.perf_counter()
            reached[name] = solve()
            times[name].append((time.perf_counter() - begin) / count * 1e3)
    row = {
        "data": "X = I" if isinstance(data, Axial) else "uniform",
        "n": data.n,
        "milliseconds": {name: statistics.median(values) for name, values in times.items()},
        "quality": {name: quality(points, data) for name, points in reached.items()},
        "drifting": 100 * float((statuses == Status.DRIFTING).mean()),
    }
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def table(report: dict[str, Any]) -> str:
    """The report as Markdown: a line a solver."""
    lines = [
        "# From fresh seeds to critical points",
        "",
        f"Milliseconds a seed (medians of {report['turns']} turns in which all alternate), how many times ours "
        + "that is, and of the points reached the percentage with a gradient of norm 1e-10 or less, with a "
        + f"negative eigenvalue, with zero loss; {report['machine']}. Ours on one thread, {report['seeds']:,} seeds; "
        + f"SciPy on {report['alone']}. On a kink the eigenvalues are those of one side only.",
        "",
    ]
    rows = []
    for row in report["rows"]:
        for name, value in row["milliseconds"].items():
            q = row["quality"][name]
            drift = f" (+ {row['drifting']:.1f} drifting)" if name == "ours" and row["drifting"] else ""
            rows.append(
                [
                    row["data"], f"{row['n']}", name, f"{value:.2f}", f"{value / row['milliseconds']['ours']:.1f}",
                    f"{q['critical']:.1f}{drift}", f"{q['bent']:.1f}", f"{q['zero']:.1f}",
                ]
            )  # fmt: skip
    head = ("data", "n", "solver", "ms a seed", "x ours", "critical %", "negative eigenvalue %", "zero loss %")
    return "\n".join([*lines, grid(head, rows)]) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[5, 8, 16])
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--alone", type=int, default=20, help="seeds for SciPy, which has them one after the other")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results" / "polish")
    arguments = parser.parse_args()
    rows = [
        compare(kind(n), arguments.seeds, arguments.alone, arguments.turns)
        for n in arguments.sizes
        for kind in (UniformAxial, Axial)
    ]
    report = {
        "machine": machine("numpy", "scipy", "jax", "jaxopt"),
        "seeds": arguments.seeds,
        "alone": arguments.alone,
        "turns": arguments.turns,
        "rows": rows,
    }
    write(report, table(report), arguments.output)


if __name__ == "__main__":
    main()
