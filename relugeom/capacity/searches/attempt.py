"""One attempt of a search: a start, smooth ascent of the margin, improvement, a certificate if the point is good.

The attempt is a function of (problem, seed, index, seeded) alone, so it gives the same candidate in any process.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from relugeom.capacity.searches.problem import Array, Problem
from relugeom.exact import dumps

__all__ = ["SHARPNESSES", "Candidate", "ascend", "attempt"]

SHARPNESSES = tuple(5.0 * 4**stage for stage in range(8))
_ITERATIONS = 150
_NOISE = 1e-3
_NEARLY = -1e-3  # solutions without interior have margin 0, which ascent reaches from below; exact arithmetic decides


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one attempt came to.

    Attributes
    ----------
    index
        Which attempt.
    start
        "random", or the name of a construction.
    margin
        At the point reached; not smoothed.
    point
        The point.
    certificate
        Its certificate as JSON text, or None.
    """

    index: int
    start: str
    margin: float
    point: tuple[float, ...]
    certificate: str | None


def attempt(problem: Problem, seed: int, index: int, seeded: bool) -> Candidate:
    """Attempt number `index`.

    With `seeded` the first attempts start at the constructions of the problem, each certified as it stands before it
    is disturbed; all others start at random.
    """
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
    names = sorted(problem.constructions()) if seeded else []
    if index < len(names):
        start, x = names[index], problem.constructions()[names[index]]
        certificate = problem.certify(x)
        if certificate is not None:
            with np.errstate(all="ignore"):
                margin = problem.margin(x, np.inf)[0]
            return Candidate(index, start, margin, tuple(x.tolist()), dumps(certificate))
        x = x + _NOISE * rng.standard_normal(len(x))
    else:
        start, x = "random", problem.start(rng)
    x = problem.improve(ascend(problem, x))
    margin = problem.margin(x, np.inf)[0]
    certificate = problem.certify(x) if margin > _NEARLY else None
    return Candidate(index, start, margin, tuple(x.tolist()), None if certificate is None else dumps(certificate))


def ascend(problem: Problem, x: Array, sharpnesses: Sequence[float] = SHARPNESSES) -> Array:
    """L-BFGS on the smooth margin, from a blunt minimum to a sharp one."""
    from scipy.optimize import minimize

    for sharpness in sharpnesses:

        def descent(point: Array, sharpness: float = sharpness) -> tuple[float, Array]:
            value, gradient = problem.margin(point, sharpness)
            return -value, -gradient

        options = {"maxiter": _ITERATIONS, "maxcor": 20}
        x = minimize(descent, x, jac=True, method="L-BFGS-B", options=options).x
    return np.asarray(x)
