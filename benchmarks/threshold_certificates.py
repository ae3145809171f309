"""Make the certificates that bound thresholds from below anew: Delsarte's linear programme, rounded to rationals.

    python benchmarks/threshold_certificates.py            # writes relugeom/capacity/known/thresholds/*.json
    python benchmarks/threshold_certificates.py --table    # prints the table of docs/capacity.md

For m dimensions and n points, s is the largest cosine for which some f = Σ f_k P_k has f_0 = 1, f_k ≥ 0, f ≤ 0 on
[−1, s] and f(1) ≤ n, by bisection. A little below it the slack of both inequalities is made as large as possible, the
f_k are rounded, and [−1, s] is cut at the local maxima of f until the exact checker agrees. Where a sharp code is
known, f is written down.
"""

from __future__ import annotations

import argparse
import math
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

import relugeom.capacity
from relugeom.capacity.known.thresholds import THRESHOLDS, file_name
from relugeom.capacity.searches.sensitivity import tied_threshold
from relugeom.exact import SphericalCodeBound, Valid, check, dumps
from relugeom.exact.check import _times, _zonal_polynomials
from relugeom.exact.quadratic import Quadratic

ROOM = Path(relugeom.capacity.__file__).parent / "known" / "thresholds"
DEGREE = 24
GRID = 1500
ROUNDING = 10**9

Array = NDArray[np.float64]

# The sharp codes: f = (x − s) times factors x − root, numbers a + b√5.
FIFTH = (Fraction(0), Fraction(1, 5))
MINUS_FIFTH = (Fraction(0), Fraction(-1, 5))
SHARP = {
    (3, 12): (FIFTH, [(Fraction(-1), Fraction(0)), MINUS_FIFTH, MINUS_FIFTH]),
    (5, 16): ((Fraction(1, 5), Fraction(0)), [(Fraction(-3, 5), Fraction(0))] * 2),
    (6, 27): ((Fraction(1, 4), Fraction(0)), [(Fraction(-1, 2), Fraction(0))] * 2),
}


def zonal(m: int, x: Array) -> Array:
    """P_0, ..., P_DEGREE at x."""
    P = [np.ones_like(x), x]
    for k in range(1, DEGREE):
        P.append(((2 * k + m - 2) * x * P[k] - k * P[k - 1]) / (k + m - 2))
    return np.array(P)


def programme(m: int, n: int, s: float) -> tuple[float, Array]:
    """The largest e with f + e ≤ 0 on a grid of [−1, s] and f(1) + e ≤ n, and f_0 = 1, f_1, ..."""
    x = (s - 1) / 2 + (s + 1) / 2 * np.cos(np.pi * np.arange(GRID) / (GRID - 1))
    P = zonal(m, x)
    rows = np.vstack([np.column_stack([P[1:].T, np.ones(GRID)]), np.ones(DEGREE + 1)])
    right = np.append(-np.ones(GRID), n - 1.0)
    cost = np.append(np.zeros(DEGREE), -1.0)
    found = linprog(cost, A_ub=rows, b_ub=right, bounds=[(0, None)] * DEGREE + [(None, 1)], method="highs")
    return float(found.x[-1]), np.append(1.0, found.x[:-1])


def certified(m: int, n: int) -> SphericalCodeBound:
    """The certificate with the largest s of six digits that comes out."""
    low, high = 0.0, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if programme(m, n, middle)[0] > 0 else (low, middle)
    best = math.floor(low * 10**6)
    for numerator in range(best, best - 20, -1):
        s = Fraction(numerator, 10**6)
        slack, f = programme(m, n, float(s))
        if slack <= 0:
            continue
        exact = tuple((Fraction(round(x * ROUNDING), ROUNDING), Fraction(0)) for x in f)
        while exact[-1][0] == 0:
            exact = exact[:-1]
        certificate = SphericalCodeBound(m, n, (s, Fraction(0)), exact, maxima(m, f, float(s)))
        if isinstance(check(certificate), Valid):
            return certificate
    raise SystemExit(f"m = {m}, n = {n}: no certificate near {low}")


def maxima(m: int, f: Array, s: float) -> tuple[tuple[Fraction, Fraction], ...]:
    """The local maxima of f inside (−1, s), and the middles between them, to six digits."""
    x = np.linspace(-1, s, 200_001)
    y = f @ zonal(m, x)
    inner = np.flatnonzero((y[1:-1] >= y[:-2]) & (y[1:-1] > y[2:])) + 1
    peaks = []
    for k in inner:
        a, b, c = y[k - 1 : k + 2]
        peaks.append(x[k] + (x[1] - x[0]) / 2 * (a - c) / (a - 2 * b + c))
    ends = [-1.0, *peaks, s]
    cuts = sorted({*peaks, *((a + b) / 2 for a, b in pairwise(ends))})
    return tuple((Fraction(round(cut * 10**6), 10**6), Fraction(0)) for cut in cuts)


def sharp(m: int, n: int) -> SphericalCodeBound:
    """f from its factors, expanded in zonal polynomials."""
    cosine, roots = SHARP[m, n]
    one = Quadratic(Fraction(1), Fraction(0), 5)
    powers = [one]
    for a, b in (cosine, *roots):
        powers = _times(powers, [Quadratic(-a, -b, 5), one])
    P = _zonal_polynomials(m, len(powers))
    f = []
    for k in reversed(range(len(powers))):
        f.append(powers[k] * (1 / P[k][k]))
        powers = [x - f[-1] * y for x, y in zip(powers[:k], P[k], strict=False)]
    inner = tuple(sorted({root for root in roots if root != (Fraction(-1), Fraction(0))}))
    return SphericalCodeBound(m, n, cosine, tuple((x.a, x.b) for x in reversed(f)), inner)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", action="store_true")
    if parser.parse_args().table:
        print("| m | n | at least | at most | certificate from below |\n|--:|--:|--:|--:|---|")
        for m, n in THRESHOLDS:
            ends = tied_threshold(m, n)
            low, high = math.floor(ends.lower * 10**6) / 10**6, math.ceil(ends.upper * 10**6) / 10**6
            kind = "sharp" if (m, n) in SHARP else ""
            print(f"| {m} | {n} | {low:.6f} | {high:.6f} | {kind} |", flush=True)
        return
    ROOM.mkdir(exist_ok=True)
    for m, n in THRESHOLDS:
        certificate = sharp(m, n) if (m, n) in SHARP else certified(m, n)
        result = check(certificate)
        assert isinstance(result, Valid), result
        (ROOM / file_name(m, n)).write_text(dumps(certificate), encoding="utf-8")
        print(result.statement, flush=True)


if __name__ == "__main__":
    main()
