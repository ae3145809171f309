"""A second opinion on certificates: the definitions, by enumeration, sharing no code with the checker."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import combinations, pairwise
from typing import Any

import mpmath
import numpy as np
import sympy

from relugeom.exact import (
    ActivationThreshold,
    AxialLoss,
    CriticalPoint,
    DeadOutputs,
    ExactReconstruction,
    HexagonMinimum,
    NotDecodable,
    PentagonMinimum,
    PolynomialSign,
    PositivePair,
    RankBound,
    SignPattern,
    SphericalCodeBound,
)
from relugeom.exact.errors import Fault


def fault_of(check: Callable[..., None], *arguments: Any, **options: Any) -> str | None:
    """Why a check fails, or None when it passes."""
    try:
        check(*arguments, **options)
    except Fault as fault:
        return str(fault)
    return None


def outputs(certificate: Any, x: list[Fraction]) -> list[Fraction]:
    """ReLU(RWx + b), written out."""
    W, n = certificate.encoder, len(certificate.encoder[0])
    h = [sum((W[k][j] * x[j] for j in range(n)), Fraction(0)) for k in range(len(W))]
    z = []
    for j in range(n):
        row = [W[k][j] for k in range(len(W))] if certificate.decoder is None else certificate.decoder[j]
        bias = Fraction(0) if certificate.bias is None else certificate.bias[j]
        z.append(sum((r * v for r, v in zip(row, h, strict=True)), bias))
    return [max(value, Fraction(0)) for value in z]


def is_true(certificate: Any) -> bool:
    """Whether the statement of a (small) certificate is true, by its definition."""
    return bool(_ORACLES[type(certificate)](certificate))


def _axis(n: int, i: int, a: Fraction = Fraction(1)) -> list[Fraction]:
    return [a if j == i else Fraction(0) for j in range(n)]


def _sign_pattern(c: SignPattern) -> bool:
    n = len(c.encoder[0])
    for size in range(0 if c.zero_input else 1, c.active + 1):
        for support in combinations(range(n), size):
            x = [Fraction(int(j in support)) for j in range(n)]
            if {j for j, value in enumerate(outputs(c, x)) if value > 0} != set(support):
                return False
    return True


def _exact_reconstruction(c: ExactReconstruction) -> bool:
    n = len(c.encoder[0])
    return all(outputs(c, _axis(n, i)) == _axis(n, i) for i in range(n))


def _rank_bound(c: RankBound) -> bool:
    return sympy.Matrix(c.matrix).rank() <= len(c.right)


def _not_decodable(c: NotDecodable) -> bool:
    """No (r, b) exists: the linear system r·w_S + b ≥ 1 inside, ≤ 0 outside is infeasible, by exact elimination."""
    n, rows = len(c.encoder[0]), []
    for size in range(0 if c.zero_input else 1, c.active + 1):
        for support in combinations(range(n), size):
            w = [sum((row[j] for j in support), Fraction(0)) for row in c.encoder]
            inside = c.feature in support
            coefficients = [*w, Fraction(int(c.with_bias))]
            rows.append(([-x for x in coefficients], Fraction(-1)) if inside else (coefficients, Fraction(0)))
    return not _feasible(rows, len(c.encoder) + 1)


def _feasible(rows: list[tuple[list[Fraction], Fraction]], unknowns: int) -> bool:
    """Whether A y ≤ d has a solution, by Fourier-Motzkin elimination."""
    for k in range(unknowns):
        upper = [(a, d) for a, d in rows if a[k] > 0]
        lower = [(a, d) for a, d in rows if a[k] < 0]
        rows = [(a, d) for a, d in rows if a[k] == 0]
        for a, d in upper:
            for e, f in lower:
                s, t = -e[k], a[k]
                rows.append(([s * x + t * y for x, y in zip(a, e, strict=True)], s * d + t * f))
        rows = list({(tuple(_scaled(a, d)[0]), _scaled(a, d)[1]): _scaled(a, d) for a, d in rows}.values())
    return all(d >= 0 for _, d in rows)


def _scaled(a: list[Fraction], d: Fraction) -> tuple[list[Fraction], Fraction]:
    size = max((abs(x) for x in (*a, d)), default=Fraction(0)) or Fraction(1)
    return [x / size for x in a], d / size


def _positive_pair(c: PositivePair) -> bool:
    i, j = c.pair
    product = sum(row[i] * row[j] for row in c.encoder)
    return product == 0 if i == j else product > 0


def _polynomial_sign(c: PolynomialSign) -> bool:
    """By its values at 201 points, in 60 digits."""
    with mpmath.workdps(60):
        root = mpmath.sqrt(c.radicand)

        def real(pair: tuple[Fraction, Fraction]) -> mpmath.mpf:
            a, b = (mpmath.mpf(x.numerator) / x.denominator for x in pair)
            return a + b * root

        p = [real(pair) for pair in reversed(c.coefficients)]
        low, high = real(c.breakpoints[0]), real(c.breakpoints[-1])
        values = [mpmath.polyval(p, low + (high - low) * s / 200) for s in range(201)]
        return all(v > mpmath.mpf("-1e-40") for v in values) and (not c.strict or all(v > 0 for v in values))


def _axial_loss(c: AxialLoss) -> bool:
    n = len(c.encoder[0])
    total = sum((y - x) ** 2 for i in range(n) for x, y in zip(_axis(n, i), outputs(c, _axis(n, i)), strict=True))
    return total == c.value


def _activation_threshold(c: ActivationThreshold) -> bool:
    n, t = len(c.encoder[0]), c.threshold
    amplitudes = [t + (1 - t) * Fraction(s, 64) for s in range(1, 65)] + [t + (1 - t) / 10**9]
    return all(
        {j for j, value in enumerate(outputs(c, _axis(n, i, a))) if value > 0} == {i}
        for i in range(n)
        for a in amplitudes
    )


def _amplitude_loss(c: CriticalPoint, W: list[list[Any]], b: list[Any]) -> Any:
    """(1/n) Σ_i E_a ‖ReLU(WᵀW a e_i + b) − a e_i‖² in mpmath, with quadrature for uniform amplitudes."""
    n, relu = len(b), lambda z: z if z > 0 else mpmath.mpf(0)

    def at(a: Any) -> Any:
        total = mpmath.mpf(0)
        for i in range(n):
            for j in range(n):
                z = a * sum(row[i] * row[j] for row in W) + b[j]
                total += (relu(z) - (a if i == j else 0)) ** 2
        return total / n

    if c.amplitudes is None:
        ends = {mpmath.mpf(0), mpmath.mpf(1)}
        for i in range(n):
            for j in range(n):
                g = sum(row[i] * row[j] for row in W)
                if g != 0 and 0 < -b[j] / g < 1:
                    ends.add(-b[j] / g)
        return mpmath.quad(at, sorted(ends))
    weights = c.weights or (Fraction(1),) * len(c.amplitudes)
    values = [at(mpmath.mpf(a.numerator) / a.denominator) for a in c.amplitudes]
    shares = [mpmath.mpf(w.numerator) / w.denominator for w in weights]
    return mpmath.fdot(shares, values) / mpmath.fsum(shares)


def _critical_point(c: CriticalPoint) -> bool:
    """Newton's method with divided differences from the centre: where it ends, its curvatures, its loss."""
    m, n = len(c.encoder), len(c.bias)
    held = {a * n + i for k, i in enumerate(c.gauge) for a in range(k + 1, m)}
    free = [q for q in range(m * n + n) if q not in held]
    with mpmath.workdps(60):
        number = [mpmath.mpf(x.numerator) / x.denominator for x in (*(x for row in c.encoder for x in row), *c.bias)]

        def loss(x: list[Any]) -> Any:
            full = list(number)
            for q, value in zip(free, x, strict=True):
                full[q] = value
            return _amplitude_loss(c, [full[a * n : (a + 1) * n] for a in range(m)], full[m * n :])

        def shifted(x: list[Any], *moves: tuple[int, Any]) -> Any:
            y = list(x)
            for q, step in moves:
                y[q] += step
            return loss(y)

        h, x = mpmath.mpf("1e-15"), [number[q] for q in free]
        for _ in range(6):
            g = mpmath.matrix([(shifted(x, (q, h)) - shifted(x, (q, -h))) / (2 * h) for q in range(len(x))])
            H = mpmath.matrix(len(x))
            for s in range(len(x)):
                for t in range(len(x)):
                    corners = [(u * v, shifted(x, (s, u * h), (t, v * h))) for u in (1, -1) for v in (1, -1)]
                    H[s, t] = sum(sign * value for sign, value in corners) / (4 * h * h)
            step = mpmath.lu_solve(H, -g)
            x = [a + d for a, d in zip(x, step, strict=True)]
        low, high, radius = (mpmath.mpf(v.numerator) / v.denominator for v in (c.low, c.high, c.radius))
        near = mpmath.sqrt(sum((x[k] - number[q]) ** 2 for k, q in enumerate(free))) <= radius
        curvatures = mpmath.eigsy(H, eigvals_only=True)
        value = loss(x)
        between = low <= value <= high
        better = True
        if c.better_encoder is not None and c.better_bias is not None:
            W = [[mpmath.mpf(y.numerator) / y.denominator for y in row] for row in c.better_encoder]
            better = _amplitude_loss(c, W, [mpmath.mpf(y.numerator) / y.denominator for y in c.better_bias]) < value
        return bool(near and between and better and sum(v < 0 for v in curvatures) == c.negative)


def _dead_outputs(c: DeadOutputs) -> bool:
    """The value at the model, and that it is nowhere lower on a thousand models close by."""
    n = len(c.bias)

    def value(W: list[list[float]], b: list[float]) -> float:
        total = 0.0
        for i in range(n):
            for j in range(n):
                z = sum(row[i] * row[j] for row in W) + b[j]
                total += (max(z, 0.0) - (i == j)) ** 2
        return total

    W, b = [[float(x) for x in row] for row in c.encoder], [float(x) for x in c.bias]
    rng = random.Random(0)
    around = (
        value([[x + rng.gauss(0, 1e-6) for x in row] for row in W], [x + rng.gauss(0, 1e-6) for x in b])
        for _ in range(1000)
    )
    return abs(value(W, b) - len(c.dead)) < 1e-9 and min(around) >= len(c.dead) - 1e-9


def _square_integral(slope: Any, bias: Any, target: int) -> Any:
    """∫ (ReLU(a·slope + bias) − a·target)² da over [0, 1], piece by piece by Simpson's rule, exact for squares."""
    value = lambda a: (max(a * slope + bias, 0 * a) - a * target) ** 2  # noqa: E731
    end = -bias / slope if slope != 0 else -1
    ends = [0 * bias, *([end] if 0 < end < 1 else []), 1 + 0 * bias]
    return sum((y - x) / 6 * (value(x) + 4 * value((x + y) / 2) + value(y)) for x, y in pairwise(ends))


@cache
def _best_polygon(n: int) -> tuple[Any, Any, Any]:
    """The squared norm, the bias and the loss of the best regular n-gon, to 40 digits, by Newton's method."""
    start = {5: ("1.37", "-0.28"), 6: ("1.74", "-0.62")}[n]
    with mpmath.workdps(60):

        def loss(s: Any, b: Any) -> Any:
            products = [s * mpmath.cospi(mpmath.mpf(2 * k) / n) for k in range(n)]
            return n * sum(_square_integral(g, b, int(k == 0)) for k, g in enumerate(products))

        slopes = lambda s, b: (mpmath.diff(loss, (s, b), (1, 0)), mpmath.diff(loss, (s, b), (0, 1)))  # noqa: E731
        s, b = mpmath.findroot(slopes, tuple(map(mpmath.mpf, start)), tol=1e-70)
        return s, b, loss(s, b)


def _polygon_minimum(c: HexagonMinimum | PentagonMinimum) -> bool:
    """The best polygon lies within the bounds, and none of a thousand models, half of them close, has a lower loss."""
    n = 5 if isinstance(c, PentagonMinimum) else 6
    norm, bias, loss = _best_polygon(n)
    with mpmath.workdps(60):
        for value, bounds in ((norm, c.norm), (bias, c.bias), (loss, c.loss)):
            low, high = (mpmath.mpf(x.numerator) / x.denominator for x in bounds)
            if not low <= value <= high:
                return False
    rng = random.Random(0)
    radius, corners = float(norm) ** 0.5, [2 * math.pi * k / n for k in range(n)]
    for k in range(1000):
        if k % 2:
            W = [[rng.gauss(0, 1) for _ in range(n)] for _ in range(2)]
            b = [rng.gauss(0, 0.5) for _ in range(n)]
        else:
            size = 10 ** rng.uniform(-4, -1)
            W = [[radius * turn(x) + rng.gauss(0, size) for x in corners] for turn in (math.cos, math.sin)]
            b = [float(bias) + rng.gauss(0, size) for _ in corners]
        pairs = [(i, j, sum(row[i] * row[j] for row in W)) for i in range(n) for j in range(n)]
        if sum(_square_integral(g, b[j], int(i == j)) for i, j, g in pairs) < float(c.loss[0]) - 1e-12:
            return False
    return True


def _spherical_code_bound(c: SphericalCodeBound) -> bool:
    """Against the best code: known in the plane and for n ≤ 2m, and elsewhere the best that is found."""
    m, n = c.dimension, c.points
    with mpmath.workdps(60):
        a, b = (mpmath.mpf(x.numerator) / x.denominator for x in c.cosine)
        s = a + b * mpmath.sqrt(c.radicand)
        if m == 2:
            return bool(s <= mpmath.cos(2 * mpmath.pi / n) + mpmath.mpf("1e-50"))
        if n <= 2 * m:
            return bool(s <= (0 if n > m + 1 else mpmath.mpf(-1) / (n - 1)) + mpmath.mpf("1e-50"))
        return float(s) <= spread(m, n) + 1e-9


@cache
def spread(m: int, n: int) -> float:
    """The least largest cosine of n directions that six descents of Σ exp(k u_i·u_j), k growing, come to."""
    if m == 2:
        return float(np.cos(2 * np.pi / n))
    best = 1.0
    rng = np.random.default_rng(n)
    for _ in range(6):
        U = rng.standard_normal((n, m))
        for sharpness in (2.0, 10.0, 50.0, 250.0, 1000.0):
            for _ in range(150):
                U /= np.linalg.norm(U, axis=1, keepdims=True)
                G = U @ U.T
                np.fill_diagonal(G, -1.0)
                U -= 0.2 / sharpness * (np.exp(np.maximum(sharpness * (G - G.max()), -300.0)) @ U)
        U /= np.linalg.norm(U, axis=1, keepdims=True)
        G = U @ U.T
        np.fill_diagonal(G, -1.0)
        best = min(best, float(G.max()))
    return best


_ORACLES = {
    SignPattern: _sign_pattern,
    ExactReconstruction: _exact_reconstruction,
    RankBound: _rank_bound,
    NotDecodable: _not_decodable,
    PolynomialSign: _polynomial_sign,
    PositivePair: _positive_pair,
    AxialLoss: _axial_loss,
    ActivationThreshold: _activation_threshold,
    CriticalPoint: _critical_point,
    DeadOutputs: _dead_outputs,
    PentagonMinimum: _polygon_minimum,
    HexagonMinimum: _polygon_minimum,
    SphericalCodeBound: _spherical_code_bound,
}
