"""Random certificates of every kind: built to be valid, one step beside a valid one, or drawn blindly."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

from relugeom.exact import (
    ActivationThreshold,
    AxialLoss,
    Certificate,
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
    WeightedSupport,
    load,
)
from relugeom.exact.rationals import Matrix, Vector, dot, matmul, transpose
from relugeom.landscape.polygons import hexagon_minimum, pentagon_minimum

__all__ = ["GENERATORS", "random_certificate", "shipped"]

Rng = random.Random


def random_certificate(rng: Rng, kind: str | None = None) -> Certificate:
    """One of the kind, or of any: a third valid by construction, the others with one number or two changed."""
    if kind is None:  # the minima take a fraction of a second each
        weights = [1 if kind.endswith("-minimum") else 5 for kind in GENERATORS]
        kind = rng.choices(list(GENERATORS), weights)[0]
    certificate = GENERATORS[kind](rng)
    for _ in range(rng.choice((0, 1, 2))):
        certificate = _nudged(certificate, rng)
    return certificate


def _nudged(certificate: Certificate, rng: Rng) -> Certificate:
    """The certificate with one thing in one field changed."""
    name = rng.choice([field.name for field in fields(certificate)])
    return replace(certificate, **{name: _changed(getattr(certificate, name), rng)})


def _changed(value: Any, rng: Rng) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + rng.choice((-1, 1))
        case Fraction():
            return value + rng.choice((-1, 1)) * rng.choice((Fraction(1), Fraction(1, 7), Fraction(1, 10**9), value))
        case WeightedSupport():
            return (
                WeightedSupport(_changed(value.support, rng), value.weight)
                if rng.random() < 0.5
                else (WeightedSupport(value.support, _changed(value.weight, rng)))
            )
        case tuple() if value and isinstance(value[0], tuple) and not isinstance(value[0], WeightedSupport):
            # A matrix or a list of pairs keeps its shape, which the reader of files would insist on.
            if rng.random() < 0.1:
                return value[:-1] or value
            i = rng.randrange(len(value))
            row = list(value[i])
            k = rng.randrange(len(row))
            row[k] = _changed(row[k], rng)
            return (*value[:i], tuple(row), *value[i + 1 :])
        case tuple() if value:
            i = rng.randrange(len(value))
            if rng.random() < 0.2:
                return (*value[:i], *value[i + 1 :])
            return (*value[:i], _changed(value[i], rng), *value[i + 1 :])
        case _:
            return value


def _fraction(rng: Rng, largest: int = 3) -> Fraction:
    return Fraction(rng.randint(-largest, largest), rng.choice((1, 1, 1, 2, 3)))


def _vector(rng: Rng, n: int, largest: int = 3) -> Vector:
    return tuple(_fraction(rng, largest) for _ in range(n))


def _matrix(rng: Rng, rows: int, columns: int) -> Matrix:
    return tuple(_vector(rng, columns) for _ in range(rows))


def _inverse_pair(rng: Rng, n: int) -> tuple[Matrix, Matrix]:
    """U and U⁻¹ for a product of shears."""
    U = V = tuple(tuple(Fraction(int(i == j)) for j in range(n)) for i in range(n))
    for _ in range(rng.randint(0, 3) if n > 1 else 0):
        i, j = rng.sample(range(n), 2)
        factor = _fraction(rng)
        U = tuple(
            tuple(x + factor * y for x, y in zip(row, U[j], strict=True)) if k == i else row for k, row in enumerate(U)
        )
        V = tuple(tuple(x - factor * row[i] if k == j else x for k, x in enumerate(row)) for row in V)
    return U, V


def _parabola(n: int) -> tuple[Matrix, Matrix]:
    """W of three rows and R with RW = 1 − (i − j)²."""
    W = tuple(tuple(Fraction(t) ** p for t in range(n)) for p in range(3))
    R = tuple((Fraction(1 - t * t), Fraction(2 * t), Fraction(-1)) for t in range(n))
    return W, R


def _model(rng: Rng) -> tuple[Matrix, Matrix | None, Vector | None]:
    """A model that recovers the axes, in changed coordinates and with positive factors a column."""
    n = rng.randint(1, 6)
    if rng.random() < 0.5:
        W, R = _parabola(n)
        U, V = _inverse_pair(rng, 3)
        return matmul(U, W), matmul(R, V), None if rng.random() < 0.5 else (Fraction(0),) * n
    # Antipodal pairs on the axes.
    m = (n + 1) // 2
    length = [Fraction(rng.randint(1, 4), rng.randint(1, 3)) if rng.random() < 0.3 else Fraction(1) for _ in range(n)]
    W = tuple(tuple((1 - 2 * (j % 2)) * length[j] if j // 2 == a else Fraction(0) for j in range(n)) for a in range(m))
    # A bias below the smallest squared length changes no sign at the axes.
    bias = None if rng.random() < 0.5 else tuple(-Fraction(rng.randint(0, 8), 9) * x * x for x in length)
    return W, None, bias


def _sign_pattern(rng: Rng) -> SignPattern:
    if rng.random() < 0.3:  # an invertible square model recovers all supports
        n = rng.randint(1, 4)
        U, V = _inverse_pair(rng, n)
        return SignPattern(U, V, None, rng.randint(1, n), rng.random() < 0.5)
    W, R, b = _model(rng)
    return SignPattern(W, R, b, 1, rng.random() < 0.5)


def _exact_reconstruction(rng: Rng) -> ExactReconstruction:
    W, R, b = _model(rng)
    if R is None:  # b_j = 1 − ‖w_j‖² makes the diagonal exact; off it, lengths decide
        b = tuple(1 - dot(w, w) for w in transpose(W))
    return ExactReconstruction(W, R, b)


def _rank_bound(rng: Rng) -> RankBound:
    r = rng.randint(1, 3)
    left, right = _matrix(rng, rng.randint(1, 4), r), _matrix(rng, r, rng.randint(1, 4))
    return RankBound(matmul(left, right), left, right)


def _not_decodable(rng: Rng) -> NotDecodable:
    """Choose the supports and weights, then shift one column of W so that the two sides meet."""
    m, n = rng.randint(1, 3), rng.randint(2, 6)
    k, i = rng.randint(1, n), rng.randrange(n)
    with_bias, zero_input = rng.random() < 0.5, rng.random() < 0.3
    others = [j for j in range(n) if j != i]

    def support(inside: bool) -> tuple[int, ...]:
        least = 0 if inside or zero_input else 1
        chosen = rng.sample(others, rng.randint(least, min(len(others), k - inside)) if k > inside else 0)
        return tuple(sorted((*chosen, i) if inside else chosen))

    inside = tuple(WeightedSupport(support(True), Fraction(rng.randint(1, 4), 3)) for _ in range(rng.randint(1, 2)))
    outside = tuple(WeightedSupport(support(False), Fraction(rng.randint(0, 4), 3)) for _ in range(rng.randint(0, 3)))
    total = sum(item.weight for item in inside)
    if with_bias:
        spare = sum(item.weight for item in outside)
        if spare == 0:
            outside = (WeightedSupport(support(False), total),)
        else:
            outside = tuple(WeightedSupport(item.support, item.weight * total / spare) for item in outside)
    # Σ_S α_S Σ_{j∈S} w_j is total·w_i + the rest: solve for w_i.
    columns = [_vector(rng, m) for _ in range(n)]
    rest = [Fraction(0)] * m
    for sign, side in ((1, outside), (-1, inside)):
        for item in side:
            for j in item.support:
                if j != i:
                    rest = [x + sign * item.weight * y for x, y in zip(rest, columns[j], strict=True)]
    columns[i] = tuple(x / total for x in rest)
    return NotDecodable(transpose(tuple(columns)), i, inside, outside, with_bias, k, zero_input)


def _positive_pair(rng: Rng) -> PositivePair:
    """Search a random matrix for a pair and a trace; most traces are empty or short."""
    n = rng.randint(5, 6)
    W = tuple(tuple(Fraction(rng.randint(-2, 2)) for _ in range(n)) for _ in range(rng.randint(1, 4)))
    vectors, pivots = list(transpose(W)), []
    if zero := [i for i, v in enumerate(vectors) if not any(v)]:
        return PositivePair(W, (zero[0], zero[0]))
    live = list(range(n))
    for _ in range(rng.randint(0, 3)):
        ready = [
            u for u in live if any(vectors[u]) and all(dot(vectors[u], vectors[v]) <= 0 for v in range(n) if v != u)
        ]
        if not ready:
            break
        u = rng.choice(ready)
        pivot = vectors[u]
        vectors = [
            tuple(x - dot(v, pivot) / dot(pivot, pivot) * y for x, y in zip(v, pivot, strict=True)) for v in vectors
        ]
        pivots.append(u)
        live.remove(u)
    pairs = [(i, j) for i in live for j in live if i != j and dot(vectors[i], vectors[j]) > 0]
    return PositivePair(W, rng.choice(pairs or [(0, n - 1)]), tuple(pivots))


def _polynomial_sign(rng: Rng) -> PolynomialSign:
    """(Σ positive terms) on a piece of the half-line, moved so that the piece may lie anywhere."""
    d = rng.choice((2, 3, 5, 6, 7, 4))
    surd = lambda: Fraction(0) if d == 4 or rng.random() < 0.6 else _fraction(rng)  # noqa: E731
    degree, strict = rng.randint(0, 5), rng.random() < 0.6
    points = sorted({_fraction(rng, 4) for _ in range(rng.randint(2, 5))} | {Fraction(-5), Fraction(5)})
    if rng.random() < 0.5:
        points = [Fraction(0), *(abs(x) + Fraction(k + 1, 3) for k, x in enumerate(sorted(map(abs, points))))]
        coefficients = [(abs(_fraction(rng)), surd()) for _ in range(degree + 1)]
        coefficients[0] = (coefficients[0][0] + Fraction(1, 5), Fraction(0))
    else:  # a square plus a little, which needs a sign and not just positive coefficients
        a, b = _fraction(rng), _fraction(rng)
        coefficients = [
            (a * a + Fraction(rng.randint(-1, 9), 3), Fraction(0)),
            (2 * a * b, surd() / 9),
            (b * b, surd() / 9),
        ]
    surds = tuple((x, Fraction(0)) for x in points)
    if d != 4 and rng.random() < 0.3:
        surds = (*surds[:-1], (surds[-1][0] + 1, Fraction(1, 3)))
    return PolynomialSign(tuple(coefficients), surds, d, strict)


def _axial_loss(rng: Rng) -> AxialLoss:
    m, n = rng.randint(1, 3), rng.randint(1, 5)
    W = _matrix(rng, m, n)
    R = None if rng.random() < 0.5 else _matrix(rng, n, m)
    b = None if rng.random() < 0.5 else _vector(rng, n)
    total = Fraction(0)
    for j, row in enumerate(transpose(W) if R is None else R):
        for i, w in enumerate(transpose(W)):
            z = dot(row, w) + (0 if b is None else b[j])
            total += (max(z, Fraction(0)) - int(i == j)) ** 2
    return AxialLoss(W, total, R, b)


def _activation_threshold(rng: Rng) -> ActivationThreshold:
    W, R, b = _model(rng)
    n, norms = len(W[0]), [dot(w, w) for w in transpose(W)]
    if R is not None:
        return ActivationThreshold(W, tuple(-Fraction(rng.randint(0, 3), 4) for _ in range(n)), Fraction(3, 4), R)
    # a·‖w_j‖² + b_j turns positive at −b_j/‖w_j‖²; the threshold is the largest of these, or a little more.
    bias = tuple(-Fraction(rng.randint(0, 8), 9) * x for x in norms) if b is None else b
    lowest = max(-c / x for c, x in zip(bias, norms, strict=True))
    return ActivationThreshold(W, bias, lowest + rng.choice((Fraction(0), (1 - lowest) / 3)), None)


def _grid(rng: Rng) -> tuple[Vector, Vector | None]:
    """Two to four amplitudes in (0, 1], with or without weights."""
    amplitudes = tuple(Fraction(k, 8) for k in sorted(rng.sample(range(2, 9), rng.randint(2, 4))))
    return amplitudes, None if rng.random() < 0.5 else tuple(Fraction(rng.randint(1, 4)) for _ in amplitudes)


def shipped() -> list[Path]:
    """The certificates that come with the package."""
    package = Path(__file__).parents[1] / "relugeom"
    return sorted([*package.glob("landscape/certificates/**/*.json"), *package.glob("capacity/known/*/*.json")])


@cache
def _shipped_critical_points() -> tuple[CriticalPoint, ...]:
    """The small ones, for grids and for uniform amplitudes."""
    found = [load(path) for path in shipped()]
    return tuple(c for c in found if isinstance(c, CriticalPoint) and len(c.bias) <= 6)


def _critical_point(rng: Rng) -> CriticalPoint:
    """A shipped one, a perfect model of one or two features on a line, or the best constant, which is a saddle."""
    if rng.random() < 0.3:
        return rng.choice(_shipped_critical_points())
    amplitudes, weights = _grid(rng)
    shares = weights or (Fraction(1),) * len(amplitudes)
    mean = dot(amplitudes, shares) / sum(shares)
    variance = sum(w * (a - mean) ** 2 for a, w in zip(amplitudes, shares, strict=True)) / sum(shares)
    radius, margin = Fraction(1, rng.choice((10_000, 1_000, 300))), Fraction(1, rng.choice((20, 100, 400)))
    slack = Fraction(1, 100)
    match rng.randrange(3):
        case 0:
            encoder, bias, negative, value = ((Fraction(1),),), (Fraction(0),), 0, Fraction(0)
        case 1:
            sign = Fraction(rng.choice((-1, 1)))
            encoder, bias, negative, value = ((sign, -sign),), (Fraction(0),) * 2, 0, Fraction(0)
        case _:
            encoder, bias, negative, value = ((Fraction(0),),), (mean,), 1, variance
    better = (
        (((Fraction(1),),), (Fraction(0),)) if negative and value > 2 * slack and rng.random() < 0.7 else (None, None)
    )
    return CriticalPoint(
        encoder, bias, amplitudes, weights, radius, margin, (), negative, value - slack, value + slack, *better
    )


def _dead_outputs(rng: Rng) -> DeadOutputs:
    """Antipodal pairs on the axes, b = 1 − ‖w‖², and further features that are switched off."""
    n = rng.randint(1, 6)
    m = (n + 1) // 2
    dead = tuple(sorted(rng.sample(range(n), rng.randint(1, n))))
    W = tuple(
        tuple(
            (_fraction(rng, 1) if j in dead else Fraction(1 - 2 * (j % 2))) if j // 2 == a else Fraction(0)
            for j in range(n)
        )
        for a in range(m)
    )
    # A dead output is negative at every axis when its bias is below minus its largest product.
    columns = transpose(W)
    bias = tuple(
        -max(dot(w, v) for v in columns) - Fraction(1, 5) if j in dead else Fraction(0) for j, w in enumerate(columns)
    )
    return DeadOutputs(W, bias, dead)


_pentagon, _hexagon = cache(pentagon_minimum), cache(hexagon_minimum)


def _varied(c: Any, rng: Rng) -> Any:
    """The certificate with some cells halved and wider bounds."""
    more = [(x + y) / 2 for x, y in pairwise(c.angles) if rng.random() < 0.1]
    slack = Fraction(rng.randint(0, 3), 10**12)
    bounds = {name: (getattr(c, name)[0] - slack, getattr(c, name)[1] + slack) for name in ("norm", "bias", "loss")}
    return replace(c, angles=tuple(sorted((*c.angles, *more))), **bounds)


def _spherical_code_bound(rng: Rng) -> SphericalCodeBound:
    """A simplex, a shipped bound, or (x − s)(x − a)² in as many points as it serves for."""
    m, choice = rng.randint(2, 6), rng.random()
    if choice < 0.2:
        n, scale = rng.randint(2, 7), Fraction(rng.randint(1, 5), rng.randint(1, 5))
        f = ((scale, Fraction(0)), (scale * (n - 1), Fraction(0)))
        return SphericalCodeBound(m, n, (Fraction(-1, n - 1) if n > 2 else Fraction(-9, 10), Fraction(0)), f)
    if choice < 0.4:
        return rng.choice(_shipped_bounds())
    s, a = Fraction(rng.randint(-2, 6), 10), Fraction(-rng.randint(3, 9), 10)
    # x² = (1 + (m − 1) P_2)/m and x³ = (3 P_1 + (m − 1) P_3)/(m + 2).
    c_2, c_1, c_0 = -s - 2 * a, a * a + 2 * a * s, -a * a * s
    f = (c_0 + c_2 / m, c_1 + Fraction(3, m + 2), c_2 * (m - 1) / m, Fraction(m - 1, m + 2))
    n = max(2, ceil(sum(f) / f[0]) if f[0] > 0 else rng.randint(2, 9))
    inside = (a,) if -1 < a < s else ()
    return SphericalCodeBound(
        m, n, (s, Fraction(0)), tuple((x, Fraction(0)) for x in f), tuple((x, Fraction(0)) for x in inside)
    )


@cache
def _shipped_bounds() -> tuple[SphericalCodeBound, ...]:
    """Those of few coefficients."""
    found = [load(path) for path in shipped()]
    return tuple(c for c in found if isinstance(c, SphericalCodeBound) and len(c.coefficients) <= 9)


def _pentagon_minimum(rng: Rng) -> PentagonMinimum:
    varied: PentagonMinimum = _varied(_pentagon(), rng)
    return varied


def _hexagon_minimum(rng: Rng) -> HexagonMinimum:
    varied: HexagonMinimum = _varied(_hexagon(), rng)
    return replace(varied, pentagon=_pentagon_minimum(rng)) if rng.random() < 0.3 else varied


GENERATORS: dict[str, Callable[[Rng], Certificate]] = {
    "sign-pattern": _sign_pattern,
    "exact-reconstruction": _exact_reconstruction,
    "rank-bound": _rank_bound,
    "not-decodable": _not_decodable,
    "positive-pair": _positive_pair,
    "polynomial-sign": _polynomial_sign,
    "axial-loss": _axial_loss,
    "activation-threshold": _activation_threshold,
    "critical-point": _critical_point,
    "dead-outputs": _dead_outputs,
    "pentagon-minimum": _pentagon_minimum,
    "spherical-code-bound": _spherical_code_bound,
    "hexagon-minimum": _hexagon_minimum,
}
