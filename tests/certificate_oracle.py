"""A second opinion on certificates: the definitions, by enumeration, sharing no code with the checker."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from typing import Any

import mpmath
import sympy

from relugeom.exact import (
    ActivationThreshold,
    AxialLoss,
    ExactReconstruction,
    NotDecodable,
    PolynomialSign,
    PositivePair,
    RankBound,
    SignPattern,
)


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
    for size in range(0 if c.zero_input else 1, c.sparsity + 1):
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
    for size in range(0 if c.zero_input else 1, c.sparsity + 1):
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


_ORACLES = {
    SignPattern: _sign_pattern,
    ExactReconstruction: _exact_reconstruction,
    RankBound: _rank_bound,
    NotDecodable: _not_decodable,
    PolynomialSign: _polynomial_sign,
    PositivePair: _positive_pair,
    AxialLoss: _axial_loss,
    ActivationThreshold: _activation_threshold,
}
