"""The exact population loss of independent features against a hundred million sampled examples.

    python benchmarks/exact_loss.py [--samples 100000000] [--write]

Each case is a law and a model. Examples are drawn in float64, a hundred thousand at a time, and their losses are added
up as they come, mean and variance by the pairwise update of Chan, Golub and LeVeque. The difference is given in
standard errors of the sampled mean: about two of three lie within one, and none should lie far beyond three.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator
from math import sqrt
from pathlib import Path
from time import perf_counter

import numpy as np

from relugeom.autoencoder import Independent, Parameters, polygon

RESULT = Path(__file__).parent / "results" / "exact_loss.json"
CHUNK = 100_000


def cases() -> Iterator[tuple[str, Independent, Parameters]]:
    """Laws and models: a pentagon, the cases where sampling and sum differ most in form, random models."""
    rng = np.random.default_rng(0)

    def random(n: int) -> Parameters:
        return Parameters(rng.normal(size=(2, n)) * 0.8, rng.normal(size=n) * 0.3 - 0.2)

    pentagon = Parameters(1.17 * polygon(5), np.full(5, -0.28))
    yield "pentagon, p = 0.1", Independent(5, 0.9), pentagon
    yield "pentagon, p = 0.01", Independent(5, 0.99), pentagon
    yield "pentagon, p = 0.1, importance 0.9^i", Independent(5, 0.9, 0.9 ** np.arange(5)), pentagon
    yield "random, n = 5, p = 1", Independent(5, 0.0), random(5)
    yield "random, n = 5, p = 0.3, values 1", Independent(5, 0.7, values="one"), random(5)
    grouped = Independent(6, 0.7, 0.8 ** np.arange(6), correlated=[(0, 2)], anticorrelated=[(1, 3, 4)])
    yield "random, n = 6, p = 0.3, groups and importance", grouped, random(6)
    yield "random, n = 8, p = 0.2", Independent(8, 0.8), random(8)


def sampled(law: Independent, model: Parameters, samples: int) -> tuple[float, float]:
    """Mean and standard error of the loss of so many examples."""
    count, mean, squares = 0, 0.0, 0.0
    for step in range(samples // CHUNK):
        X = law.examples(CHUNK, 0, step)
        losses = (np.maximum(X @ model.W.T @ model.W + model.b, 0) - X) ** 2 @ law.weights
        here, spread = float(losses.mean()), float(((losses - losses.mean()) ** 2).sum())
        total = count + CHUNK
        squares += spread + (here - mean) ** 2 * count * CHUNK / total
        mean += (here - mean) * CHUNK / total
        count = total
    return mean, sqrt(squares / (count - 1) / count)


def main() -> None:
    """Compare, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--samples", type=int, default=100_000_000, help="examples of each case, a multiple of 100,000")
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    rows = []
    print(f"{'case':<46} {'exact':>16} {'sampled':>16} {'error':>9} {'distance':>8}   seconds: exact, sampled")
    for name, law, model in cases():
        law.loss(model)  # the tables of the recursion are made once for each n
        start = perf_counter()
        exact = float(law.loss(model))
        between = perf_counter()
        mean, error = sampled(law, model, arguments.samples)
        end = perf_counter()
        rows.append(
            {
                "case": name, "law": law.settings(), "W": model.W.tolist(), "b": np.asarray(model.b).tolist(),
                "exact": exact, "sampled": mean, "standard_error": error, "distance": (mean - exact) / error,
                "seconds_exact": between - start, "seconds_sampled": end - between,
            }
        )  # fmt: skip
        print(
            f"{name:<46} {exact:16.12f} {mean:16.12f} {error:9.1e} {(mean - exact) / error:8.2f}   "
            f"{between - start:.4f}, {end - between:.0f}",
            flush=True,
        )
    if arguments.write:
        machine = {"python": platform.python_version(), "numpy": np.__version__, "machine": platform.machine()}
        RESULT.write_text(json.dumps({"samples": arguments.samples, **machine, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
