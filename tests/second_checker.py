"""A second checker: decides from the JSON text whether a certificate proves its statement, with python-flint.

It shares no line with `relugeom.exact` and takes another road wherever there is one: definitions by enumeration instead
of sorted sums, the Gram matrix instead of projected vectors, Bernstein's formula instead of Horner's rule, ball
arithmetic instead of squaring for signs in ℚ(√d), intervals of amplitudes instead of end points.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import combinations, pairwise
from math import factorial, isqrt
from typing import Any

from flint import arb, arb_poly, ctx, fmpq, fmpq_mat, fmpq_poly

__all__ = ["second_opinion"]


def second_opinion(text: str) -> bool | None:
    """Whether the certificate in this text is valid; None where that hangs on how a checker rounds (see `_CLOSE`).

    The text must be one that can be read.
    """
    data = json.loads(text)
    return _KINDS[data["kind"]](data)


def _number(text: str) -> fmpq:
    numerator, _, denominator = text.partition("/")
    return fmpq(int(numerator), int(denominator or 1))


def _matrix(rows: list[list[str]]) -> fmpq_mat:
    return fmpq_mat(len(rows), len(rows[0]), [_number(x) for row in rows for x in row])


class _Model:
    """W, R and b with their defaults; `fits` is False when the shapes do not go together."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.W = _matrix(data["encoder"])
        self.n = self.W.ncols()
        self.R = self.W.transpose() if data.get("decoder") is None else _matrix(data["decoder"])
        given = data.get("bias")
        self.b = [fmpq(0)] * self.n if given is None else [_number(x) for x in given]
        self.fits = (self.R.nrows(), self.R.ncols(), len(self.b)) == (self.n, self.W.nrows(), self.n)
        self.product = self.R * self.W if self.fits else None

    def preactivations(self, support: tuple[int, ...]) -> list[fmpq]:
        """RWx + b at the 0/1 input with this support."""
        return [sum((self.product[j, i] for i in support), self.b[j]) for j in range(self.n)]


def _sign_pattern(data: dict[str, Any]) -> bool:
    model, k = _Model(data), data["sparsity"]
    if not (model.fits and 1 <= k <= model.n):
        return False
    sizes = range(0 if data["zero_input"] else 1, k + 1)
    return all(
        (z > 0) == (j in support)
        for size in sizes
        for support in combinations(range(model.n), size)
        for j, z in enumerate(model.preactivations(support))
    )


def _exact_reconstruction(data: dict[str, Any]) -> bool:
    model = _Model(data)
    return model.fits and all(
        max(z, fmpq(0)) == (1 if j == i else 0)
        for i in range(model.n)
        for j, z in enumerate(model.preactivations((i,)))
    )


def _axial_loss(data: dict[str, Any]) -> bool:
    model = _Model(data)
    if not model.fits:
        return False
    errors = [
        max(z, fmpq(0)) - (1 if j == i else 0) for i in range(model.n) for j, z in enumerate(model.preactivations((i,)))
    ]
    return sum((e * e for e in errors), fmpq(0)) == _number(data["value"])


def _activation_threshold(data: dict[str, Any]) -> bool:
    """For each input and output, the amplitudes at which a·g + b > 0 are a half-line; compare it with (t, 1]."""
    model, t = _Model(data), _number(data["threshold"])
    if not model.fits or not 0 <= t < 1:
        return False
    for i in range(model.n):
        for j in range(model.n):
            g, b = model.product[j, i], model.b[j]
            if g == 0:
                everywhere, nowhere = b > 0, b <= 0
            elif g > 0:  # positive for a > −b/g
                everywhere, nowhere = -b / g <= t, -b / g >= 1
            else:  # positive for a < −b/g
                everywhere, nowhere = -b / g > 1, -b / g <= t
            if not (everywhere if i == j else nowhere):
                return False
    return True


def _rank_bound(data: dict[str, Any]) -> bool:
    A, left, right = (_matrix(data[name]) for name in ("matrix", "left", "right"))
    return left.ncols() == right.nrows() and left * right == A


def _not_decodable(data: dict[str, Any]) -> bool:
    W, i, k = _matrix(data["encoder"]), data["feature"], data["sparsity"]
    m, n = W.nrows(), W.ncols()
    if not (0 <= i < n and 1 <= k <= n):
        return False
    totals = {}
    for side in ("inside", "outside"):
        least = 0 if side == "outside" and data["zero_input"] else 1
        point, weight_sum = fmpq_mat(m, 1), fmpq(0)
        for item in data[side]:
            support, weight = item["support"], _number(item["weight"])
            if len(set(support)) < len(support) or any(not 0 <= j < n for j in support):
                return False
            if not least <= len(support) <= k or weight < 0 or (i in support) != (side == "inside"):
                return False
            indicator = fmpq_mat(n, 1, [fmpq(int(j in support)) for j in range(n)])
            point += weight * (W * indicator)
            weight_sum += weight
        totals[side] = (point, weight_sum)
    (inside, alpha), (outside, beta) = totals["inside"], totals["outside"]
    return alpha > 0 and inside == outside and (alpha == beta or not data["with_bias"])


def _positive_pair(data: dict[str, Any]) -> bool:
    """On the Gram matrix: G ← G − g_u g_uᵀ / G_uu for each pivot."""
    W, pair, pivots = _matrix(data["encoder"]), data["pair"], data["pivots"]
    n = W.ncols()
    named = [*pair, *pivots]
    if len(pair) != 2 or any(not 0 <= u < n for u in named) or len(set(pivots)) < len(pivots):
        return False
    i, j = pair
    G = W.transpose() * W
    if i == j:
        return G[i, i] == 0 and not pivots
    if G[i, j] <= 0 or i in pivots or j in pivots:
        return False
    for u in pivots:
        row = fmpq_mat(1, n, [G[u, v] for v in range(n)])
        if row[0, u] == 0 or any(row[0, v] > 0 for v in range(n) if v != u):
            return False
        G = G - row.transpose() * row / row[0, u]
    return G[i, j] > 0


def _sign(a: fmpq, b: fmpq, d: int) -> int:
    """The sign of a + b√d, by balls of growing precision; it is 0 only for a = b = 0, as √d is irrational."""
    if a == 0 and b == 0:
        return 0
    precision = ctx.prec
    try:
        while True:
            ball = arb(a) + arb(b) * arb(d).sqrt()
            if ball > 0 or ball < 0:
                return 1 if ball > 0 else -1
            ctx.prec *= 2
    finally:
        ctx.prec = precision


def _polynomial_sign(data: dict[str, Any]) -> bool:
    """Σ c_k (l + h t)^k (1 + t)^(deg − k) for every piece [l, h], with polynomials A + B√d in t."""
    d = data["radicand"]
    pairs = [tuple(map(_number, pair)) for pair in data["coefficients"]]
    points = [tuple(map(_number, pair)) for pair in data["breakpoints"]]
    if d < 1 or not 1 <= len(pairs) <= 60 or not 2 <= len(points) <= 1000:
        return False
    if isqrt(d) ** 2 == d and any(b != 0 for _, b in [*pairs, *points]):
        return False

    def times(p: tuple[fmpq_poly, fmpq_poly], q: tuple[fmpq_poly, fmpq_poly]) -> tuple[fmpq_poly, fmpq_poly]:
        return p[0] * q[0] + d * p[1] * q[1], p[0] * q[1] + p[1] * q[0]

    degree = len(pairs) - 1
    for low, high in pairwise(points):
        if _sign(high[0] - low[0], high[1] - low[1], d) <= 0:
            return False
        line = (fmpq_poly([low[0], high[0]]), fmpq_poly([low[1], high[1]]))
        total, power = (fmpq_poly(), fmpq_poly()), (fmpq_poly([1]), fmpq_poly())
        for k, (a, b) in enumerate(pairs):
            term = times(
                times(power, (fmpq_poly([a]), fmpq_poly([b]))), (fmpq_poly([1, 1]) ** (degree - k), fmpq_poly())
            )
            total = (total[0] + term[0], total[1] + term[1])
            power = times(power, line)
        signs = [_sign(total[0][k], total[1][k], d) for k in range(degree + 1)]
        if min(signs) < 0 or (data["strict"] and not (signs[0] > 0 and signs[-1] > 0)):
            return False
    return True


def _zonal(m: int, k: int) -> fmpq_poly:
    """The Gegenbauer polynomial of degree k for λ = (m − 2)/2 by its explicit sum, scaled to 1 at 1."""
    half, terms = fmpq(m - 2, 2), [fmpq(0)] * (k + 1)
    for j in range(k // 2 + 1):
        term = fmpq((-1) ** j * 2 ** (k - 2 * j), factorial(j) * factorial(k - 2 * j))
        for i in range(k - j, k):
            term /= half + i
        terms[k - 2 * j] = term
    polynomial = fmpq_poly(terms)
    return polynomial / polynomial(fmpq(1))


def _spherical_code_bound(data: dict[str, Any]) -> bool:
    """f as a pair of polynomials A + B√d, f ≤ 0 by Bernstein's formula, f/(x − s) by comparing coefficients."""
    m, n, d = data["dimension"], data["points"], data["radicand"]
    pairs = [tuple(map(_number, pair)) for pair in data["coefficients"]]
    s = tuple(map(_number, data["cosine"]))
    points = [(fmpq(-1), fmpq(0)), *(tuple(map(_number, pair)) for pair in data["breakpoints"]), s]
    if m < 2 or d < 1 or not 1 <= len(pairs) <= 60 or len(points) > 1002:
        return False
    if isqrt(d) ** 2 == d and any(b != 0 for _, b in [*pairs, *points]):
        return False
    signs = [_sign(a, b, d) for a, b in pairs]
    if signs[0] <= 0 or min(signs) < 0:
        return False
    excess = [sum((pair[part] for pair in pairs), fmpq(0)) - n * pairs[0][part] for part in (0, 1)]
    if _sign(*excess, d) > 0:
        return False
    degree = len(pairs) - 1
    P = [_zonal(m, k) for k in range(degree + 1)]
    A, B = (sum((pair[part] * p for pair, p in zip(pairs, P, strict=True)), fmpq_poly()) for part in (0, 1))
    for low, high in pairwise(points):
        if _sign(high[0] - low[0], high[1] - low[1], d) <= 0:
            return False
        if any(_sign(a, b, d) > 0 for a, b in _bernstein(A, B, degree, low, high, d)):
            return False
    if excess != [0, 0]:
        return True
    # f = (x − s) g, from the constant down to the leading coefficient the other way round: f_k = g_{k−1} − s g_k.
    g = [(fmpq(0), fmpq(0))]
    for k in range(degree, 0, -1):
        a, b = g[-1]
        g.append((A[k] + s[0] * a + d * s[1] * b, B[k] + s[0] * b + s[1] * a))
    a, b = g[-1]
    if (A[0] + s[0] * a + d * s[1] * b, B[0] + s[0] * b + s[1] * a) != (0, 0):
        return False
    rest = [fmpq_poly([pair[part] for pair in g[:0:-1]]) for part in (0, 1)]
    expansion = [(fmpq(0), fmpq(0))] * degree
    for k in range(degree - 1, -1, -1):
        expansion[k] = tuple(part[k] / P[k][k] for part in rest)
        rest = [part - value * P[k] for part, value in zip(rest, expansion[k], strict=True)]
    room = [n * expansion[0][part] - sum((pair[part] for pair in expansion), fmpq(0)) for part in (0, 1)]
    return all(_sign(a, b, d) >= 0 for a, b in expansion[1:]) and _sign(*room, d) > 0


def _bernstein(
    A: fmpq_poly, B: fmpq_poly, degree: int, low: tuple[fmpq, fmpq], high: tuple[fmpq, fmpq], d: int
) -> list[tuple[fmpq, fmpq]]:
    """The coefficients in t of Σ c_k (l + h t)^k (1 + t)^(deg − k), as pairs."""
    total, power = (fmpq_poly(), fmpq_poly()), (fmpq_poly([1]), fmpq_poly())
    line = (fmpq_poly([low[0], high[0]]), fmpq_poly([low[1], high[1]]))
    for k in range(degree + 1):
        rest = fmpq_poly([1, 1]) ** (degree - k)
        total = (
            total[0] + rest * (A[k] * power[0] + d * B[k] * power[1]),
            total[1] + rest * (A[k] * power[1] + B[k] * power[0]),
        )
        power = (power[0] * line[0] + d * power[1] * line[1], power[0] * line[1] + power[1] * line[0])
    return [(total[0][k], total[1][k]) for k in range(degree + 1)]


def _dead_outputs(data: dict[str, Any]) -> bool:
    model, dead = _Model(data), data["dead"]
    if not model.fits or not dead or len(set(dead)) < len(dead) or not set(dead) <= set(range(model.n)):
        return False
    for i in range(model.n):
        for j, z in enumerate(model.preactivations((i,))):
            if not (z < 0 if j in dead else z == 1 if i == j else z <= 0):
                return False
    return True


class _Straddles(Exception):
    """A ball that holds 0, where a sign was needed."""


def _positive(ball: arb) -> bool:
    if ball > 0 or ball < 0:
        return bool(ball > 0)
    raise _Straddles


def _power(ball: arb, k: int) -> arb:
    """By multiplication: flint's own power of a ball that holds 0 is not a number."""
    return ball if k == 1 else ball * _power(ball, k - 1)


def _pair_derivatives(g: arb, b: arb, delta: int, grid: list[tuple[fmpq, fmpq]] | None) -> list[arb]:
    """φ_g, φ_b, φ_gg, φ_gb, φ_bb of φ(g, b) = E_a (ReLU(a g + b) − aδ)², for balls g and b."""
    if grid is not None:
        total = [arb(0)] * 5
        for a, p in grid:
            if _positive(arb(a) * g + b):
                r = arb(a) * (g - delta) + b
                terms = (2 * p * a * r, 2 * p * r, arb(2 * p * a * a), arb(2 * p * a), arb(2 * p))
                total = [x + y for x, y in zip(total, terms, strict=True)]
        return total
    start, stop = _positive(b), _positive(g + b)
    if not start and not stop:
        return [arb(0)] * 5
    low, high, end = arb(0), arb(1), None
    if start != stop:
        end = -b / g
        low, high = (low, end) if start else (end, high)
    s = [(_power(high, k) - _power(low, k)) / k for k in (1, 2, 3)]
    u = g - delta
    jump = [arb(0)] * 3 if end is None else [2 * delta * _power(end, k) / abs(g) for k in (1, 2, 3)]
    return [
        2 * (u * s[2] + b * s[1]), 2 * (u * s[1] + b * s[0]),
        2 * s[2] - jump[2], 2 * s[1] - jump[1], 2 * s[0] - jump[0],
    ]  # fmt: skip


def _derivatives(x: list[arb], m: int, n: int, grid: Any) -> tuple[list[arb], list[list[arb]]]:
    """∇L and ∇²L at the balls x = (W row by row, b), pair by pair through ∇g_ij and ∇²g_ij."""
    size = m * n + n
    slope, curvature = [arb(0)] * size, [[arb(0)] * size for _ in range(size)]
    for i in range(n):
        for j in range(n):
            g = sum((x[a * n + i] * x[a * n + j] for a in range(m)), arb(0))
            fg, fb, fgg, fgb, fbb = (v / n for v in _pair_derivatives(g, x[m * n + j], int(i == j), grid))
            dg: dict[int, arb] = {}
            for a in range(m):
                for p, q in ((a * n + i, a * n + j), (a * n + j, a * n + i)):
                    dg[p] = dg.get(p, arb(0)) + x[q]
                    curvature[p][q] += fg
            last = m * n + j
            slope[last] += fb
            curvature[last][last] += fbb
            for p, v in dg.items():
                slope[p] += fg * v
                curvature[p][last] += fgb * v
                curvature[last][p] += fgb * v
                for q, w in dg.items():
                    curvature[p][q] += fgg * v * w
    return slope, curvature


def _value(W: fmpq_mat, b: list[fmpq], grid: Any) -> fmpq:
    """L exactly: over a grid by its terms, over (0, 1] by Simpson's rule, exact for the quadratic pieces."""
    n, G = W.ncols(), W.transpose() * W
    total = fmpq(0)
    for i in range(n):
        for j in range(n):
            square = lambda a, g=G[i, j], c=b[j], d=int(i == j): (max(a * g + c, fmpq(0)) - a * d) ** 2  # noqa: E731
            if grid is not None:
                total += sum((p * square(a) for a, p in grid), fmpq(0))
                continue
            g = G[i, j]
            ends = [fmpq(0), *([-b[j] / g] if g != 0 and 0 < -b[j] / g < 1 else []), fmpq(1)]
            for low, high in pairwise(ends):
                total += (high - low) / 6 * (square(low) + 4 * square((low + high) / 2) + square(high))
    return total / n


def _negative_roots(A: list[list[fmpq]], shift: fmpq) -> tuple[int, int]:
    """How many eigenvalues of A − shift are negative, and how many zero: Descartes's rule, exact for real roots."""
    size = len(A)
    matrix = fmpq_mat(size, size, [A[s][t] - (shift if s == t else 0) for s in range(size) for t in range(size)])
    coefficients = [c * (-1) ** k for k, c in enumerate(matrix.charpoly().coeffs())]
    zero = next(k for k, c in enumerate(coefficients) if c != 0)
    signs = [c > 0 for c in coefficients if c != 0]
    return sum(x != y for x, y in pairwise(signs)), zero


def _critical_point(data: dict[str, Any]) -> bool | None:
    W, b = _matrix(data["encoder"]), [_number(x) for x in data["bias"]]
    m, n = W.nrows(), W.ncols()
    r, mu, low, high = (_number(data[name]) for name in ("radius", "margin", "low", "high"))
    gauge, amplitudes, weights = data["gauge"], data["amplitudes"], data["weights"]
    if len(b) != n or r <= 0 or mu <= 0 or len(gauge) != m - 1 or len(set(gauge)) != m - 1:
        return False
    if any(not 0 <= i < n for i in gauge) or (amplitudes is None and weights is not None):
        return False
    held = {a * n + i for k, i in enumerate(gauge) for a in range(k + 1, m)}
    if any(abs(W[k, i]) <= r for k, i in enumerate(gauge)) or any(W[q // n, q % n] != 0 for q in held):
        return False
    grid = None
    if amplitudes is not None:
        values = [_number(a) for a in amplitudes]
        shares = [fmpq(1)] * len(values) if weights is None else [_number(w) for w in weights]
        if not values or len(shares) != len(values) or min(values) <= 0 or min(shares) <= 0:
            return False
        if any(a == b for a, b in combinations(values, 2)):
            return False
        grid = [(a, p / sum(shares, fmpq(0))) for a, p in zip(values, shares, strict=True)]
    better_W, better_b = data["better_encoder"], data["better_bias"]
    if (better_W is None) != (better_b is None):
        return False
    if better_W is not None and ((len(better_W), len(better_W[0])) != (m, n) or len(better_b) != n):
        return False
    centre = [*(W[a, i] for a in range(m) for i in range(n)), *b]
    free = [q for q in range(m * n + n) if q not in held]
    precision, ctx.prec = ctx.prec, 300
    try:
        try:
            around = [arb(x) if q in held else arb(arb(x), arb(r)) for q, x in enumerate(centre)]
            _, H = _derivatives(around, m, n, grid)
            gradient, _ = _derivatives([arb(x) for x in centre], m, n, grid)
        except _Straddles:
            return False
        A = [[_rounded((H[s][t] + H[t][s]) / 2) for t in free] for s in free]
        rows = [sum((abs(H[s][t] - A[x][y]).upper() for y, t in enumerate(free)), arb(0)) for x, s in enumerate(free)]
        delta = max((row.upper() for row in rows), key=lambda ball: float(ball))
        size = max(sum((abs(v) for v in row), fmpq(0)) for row in A) + delta
        near = [{_negative_roots(A, shift + step) for step in (-_CLOSE, _CLOSE)} for shift in (mu, -mu)]
        if any((data["negative"], 0) not in counts for counts in near):
            return False
        square = sum((gradient[q] * gradient[q] for q in free), arb(0))
        if not (delta < mu and square <= ((mu - delta) * r) ** 2):
            return False
        spread = ((mu - delta) + size / 2) * r * r
        value = _value(W, b, grid)
        if not (low <= value - spread and value + spread <= high):
            return False
        if better_W is not None and _value(_matrix(better_W), [_number(x) for x in better_b], grid) >= low:
            return False
        return None if any(len(counts) > 1 for counts in near) else True
    finally:
        ctx.prec = precision


# The certificate leaves open which matrix near the Hessian is counted: a margin that is nearer to a curvature than
# this is for the one checker's and not for the other's.
_CLOSE = fmpq(1, 2**24)


def _rounded(ball: arb) -> fmpq:
    """The middle of a ball, to 40 bits after the point."""
    middle, exponent = (ball.mid() * 2**40).floor().mid().man_exp()
    return fmpq(int(middle)) * fmpq(2) ** int(exponent) / 2**40


# ---------------------------------------------------------------------------------------------------------
# The pentagon: balls where the checker has fractions, mean values where it has Bernstein's form, derivatives by
# arithmetic on Taylor polynomials where it has formulas, and the cells from the last to the first.


class _Jet:
    """f, f_t, f_γ, f_tt, f_tγ, f_γγ at a ball of (t, γ)."""

    def __init__(self, *parts: arb) -> None:
        self.parts = parts

    def __add__(self, other: _Jet) -> _Jet:
        return _Jet(*(x + y for x, y in zip(self.parts, other.parts, strict=True)))

    def __sub__(self, other: _Jet) -> _Jet:
        return _Jet(*(x - y for x, y in zip(self.parts, other.parts, strict=True)))

    def __mul__(self, other: _Jet) -> _Jet:
        f, ft, fa, ftt, fta, faa = self.parts
        g, gt, ga, gtt, gta, gaa = other.parts
        return _Jet(
            f * g, ft * g + f * gt, fa * g + f * ga,
            ftt * g + 2 * ft * gt + f * gtt, fta * g + ft * ga + fa * gt + f * gta, faa * g + 2 * fa * ga + f * gaa,
        )  # fmt: skip

    def over(self, number: int) -> _Jet:
        return _Jet(*(x / number for x in self.parts))


def _constant(x: arb | int) -> _Jet:
    return _Jet(arb(x), *[arb(0)] * 5)


def _margin(t: arb, angle: arb, gain: arb, slope: arb, middle: arb) -> _Jet:
    """G = (ρ* + μ(γ − 72°))C − B², with C = (1 − t)³/3 + (2/3)(q² − 3qt + 3t² − t³/q)."""
    sine, q = angle.sin(), angle.cos()
    T, Q = _Jet(t, arb(1), *[arb(0)] * 4), _Jet(q, arb(0), -sine, arb(0), arb(0), -q)
    inverse = _Jet(1 / q, arb(0), sine / q**2, arb(0), arb(0), 1 / q + 2 * sine**2 / q**3)
    M = _Jet(gain + slope * (angle - middle), arb(0), slope, *[arb(0)] * 3)
    rest = _constant(1) - T
    three = _constant(3)
    kappa = Q * Q - three * Q * T + three * T * T - T * T * T * inverse
    C = (rest * rest * rest + kappa + kappa).over(3)
    B = (rest * rest * (_constant(2) + T)).over(6)
    return M * C - B * B


def _between(low: arb, high: arb) -> arb:
    return arb((low + high) / 2, (high - low) / 2)


def _throughout(
    holds: Callable[[list[arb]], bool], fails: Callable[[list[arb]], bool], box: list[tuple[arb, arb]], depth: int
) -> bool | None:
    """Whether something holds on the whole box; no if it fails at a middle, None if halving does not tell."""
    if holds([_between(*side) for side in box]):
        return True
    if fails([(low + high) / 2 for low, high in box]):
        return False
    if depth == 0:
        return None
    widest = max(range(len(box)), key=lambda k: float(box[k][1] - box[k][0]))
    low, high = box[widest]
    answers = []
    for part in (((low + high) / 2, high), (low, (low + high) / 2)):
        answers.append(_throughout(holds, fails, [*box[:widest], part, *box[widest + 1 :]], depth - 1))
        if answers[-1] is False:
            return False
    return None if None in answers else True


def _keeps_its_sign(p: arb_poly, low: arb, high: arb) -> bool | None:
    """p > 0 on [low, high], by mean values."""
    slope = p.derivative()

    def holds(x: list[arb]) -> bool:
        middle = x[0].mid()
        return bool(p(middle) + slope(x[0]) * (x[0] - middle) > 0)

    return _throughout(holds, lambda x: bool(p(x[0]) <= 0), [(low, high)], 30)


def _settled(m: arb, ratios: list[arb], least: arb, left_out: list[fmpq] | None) -> bool | None:
    """Whether D + Σ K > 1/3 − m for all s > least and b, the t that are left out apart."""
    edges = len(ratios)
    linear, square = 1 + sum(ratios, arb(0)), 1 + sum((q * q for q in ratios), arb(0))
    if not (m > 0 and all(q > 0 for q in ratios) and m * square > arb(1) / 3):
        return False
    if not (least * linear >= 1 or (m * linear > arb(1) / 3 and m * (1 + edges) > arb(1) / 4)):
        return False
    small = sorted((q for q in ratios if q < 1), key=float)
    last = small[-1] if small else arb(0)
    large = sum((q * q for q in ratios if q >= 1), arb(0))
    if not m * (1 + large) > (1 - last) * (2 + last) ** 2 / 12:
        return False
    t = arb_poly([0, 1])
    answers: list[bool | None] = []
    for k in reversed(range(len(small))):  # where t lies between the ratios k − 1 and k
        ends = [small[k - 1] if k else arb(0), small[k]]
        pieces = [ends]
        if left_out is not None:
            pieces = [[ends[0], ends[1].min(arb(left_out[0]))], [ends[0].max(arb(left_out[1])), ends[1]]]
        touched = [*small[k:], *(q for q in ratios if q >= 1)]
        cost = (1 - t) ** 3 * (arb(1) / 3)
        for q in touched:
            cost = cost + (q - t) ** 3 * (1 / (3 * q))
        p = m * cost - ((1 - t) ** 2 * (2 + t)) ** 2 * (arb(1) / 36)
        answers += [_keeps_its_sign(p, low, high) for low, high in pieces if low < high]
    return False if False in answers else None if None in answers else True


def _ratio(angle: fmpq) -> arb:
    return arb(angle).cos() if angle > 0 else 1 / arb(angle).cos()


def _cell(data: dict[str, Any], low: fmpq, high: fmpq, gain: arb, slope: arb, middle: arb) -> bool | None:
    """Whether the cell is settled with its least m and q; ε belongs to the hexagon's."""
    pentagon = "shortest" in data
    shift = fmpq(0) if pentagon else fmpq(2, 5) * max(fmpq(0), fmpq(9, 10) - low)
    least = arb(_number(data["shortest"])) ** 2 if pentagon else arb(0)
    (left, right), window = (list(map(_number, data[f"window_{name}"])) for name in ("angles", "thresholds"))
    m = gain + slope * (arb(low - shift) - middle)
    return _settled(m, [_ratio(high)] * 2, least, window if left <= low and high <= right else None)


def _shortest_and_longest(r: fmpq, R: fmpq, loss: arb) -> bool:
    """A norm outside (r, R) costs more than the loss."""
    if not 0 < r < 1 < R:
        return False
    s, S, reach = r * r, R * R, r * R
    end = fmpq(2, 3) * (1 - s)
    if not (loss < ((S - 1) / (S + 1)) ** 2 / 3 and loss < (1 - s) ** 2 / 3):
        return False
    if end > reach or not loss < 4 * end**3 / (3 * reach):
        return False
    # The least value of (1 − s)²/3 − (1 − s)b + b² + 4b³/(3rR) over b ≥ 0 is where 4b²/(rR) + 2b = 1 − s.
    b = (((4 + 16 * arb((1 - s) / reach)).sqrt() - 2) / (8 / arb(reach))).min(arb(end))
    return bool(loss < arb((1 - s) ** 2 / 3) - arb(1 - s) * b + b**2 + 4 * b**3 / (3 * arb(reach)))


def _pentagon_minimum(data: dict[str, Any]) -> bool | None:
    precision, ctx.prec = ctx.prec, 200
    try:
        return _polygon_minimum(data, 5)
    finally:
        ctx.prec = precision


def _hexagon_minimum(data: dict[str, Any]) -> bool | None:
    precision, ctx.prec = ctx.prec, 200
    try:
        answers = [_polygon_minimum(data["pentagon"], 5)]
        if answers[0] is not False:
            answers.append(_polygon_minimum(data, 6))
        return False if False in answers else None if None in answers else True
    finally:
        ctx.prec = precision


def _polygon_minimum(data: dict[str, Any], n: int) -> bool | None:
    low, high = map(_number, data["threshold"])
    middle = 2 * arb.pi() / n
    q, sine = middle.cos(), middle.sin()
    if not (data["depth"] >= 0 and low > 0 and low < high and arb(high) < q):
        return False
    quartic = lambda t: q * t * (1 - t) ** 3 - 2 * (q - t) ** 2 * (2 + t + t**2 - 2 * q * (1 + t))  # noqa: E731
    if not (quartic(arb(low)) < 0 and quartic(arb(high)) > 0):
        return False
    t = _between(arb(low), arb(high))
    B, C = 1 / arb(3) - t / 2 + t**3 / 6, ((1 - t) ** 3 + 2 * q**2 * (1 - t / q) ** 3) / 3
    s, gain = B / C, B**2 / C
    slope = 2 * s**2 * sine * (2 * q - 3 * t + t**3 / q**2) / 3
    values = {"norm": s, "bias": -t * s, "loss": n * (1 / arb(3) - gain), "slope": slope}
    for name, value in values.items():
        bounds = list(map(_number, data[name]))
        if not (value > bounds[0] and value < bounds[1]):
            return False
    angles, quarter = [_number(x) for x in data["angles"]], arb.pi() / 2
    if len(angles) < 2 or any(x >= y for x, y in pairwise(angles)):
        return False
    if not (arb(angles[-1]) < quarter and slope * (arb(angles[-1]) - middle) >= values["loss"] / n):
        return False
    (t_low, t_high), (left, right) = (list(map(_number, data[f"window_{name}"])) for name in ("thresholds", "angles"))
    if not (0 < t_low <= low and high <= t_high and left > 0 and arb(left) < middle and middle < arb(right)):
        return False
    if not (arb(right) < quarter and arb(t_high) < arb(right).cos()):
        return False
    constants = (gain, slope, middle)
    own = _pentagon_alone if n == 5 else _hexagon_alone
    answers = [own(data, angles, values["loss"], *constants)]

    def definite(box: list[arb]) -> bool:
        *_, tt, ta, aa = _margin(*box, *constants).parts
        return bool(tt > 0 and tt * aa > ta**2)

    def indefinite(point: list[arb]) -> bool:
        *_, tt, ta, aa = _margin(*point, *constants).parts
        return bool(tt <= 0 or tt * aa <= ta**2)

    if answers[0] is not False:
        answers.append(_throughout(definite, indefinite, [(arb(t_low), arb(t_high)), (arb(left), arb(right))], 16))
    for pair in reversed(list(pairwise(angles))):
        if False in answers:
            return False
        answers.append(_cell(data, *pair, *constants))
    # With little halving the checker cannot tell what is so.
    return False if False in answers else None if None in answers or data["depth"] < 5 else True


def _pentagon_alone(
    data: dict[str, Any], angles: list[fmpq], loss: arb, gain: arb, slope: arb, middle: arb
) -> bool | None:
    r, R = _number(data["shortest"]), _number(data["longest"])
    begins = -arb(angles[0]) < arb.pi() / 2 and angles[0] < 0
    return bool(_shortest_and_longest(r, R, loss) and begins and arb(angles[0]).cos() <= arb(r / R))


def _hexagon_alone(
    data: dict[str, Any], angles: list[fmpq], loss: arb, gain: arb, slope: arb, middle: arb
) -> bool | None:
    """Stars, and the narrow angles in squares, from the widest pair of angles to the narrowest."""
    five, (lowest, top) = _number(data["pentagon"]["loss"][0]), map(_number, data["extent"])
    shift = lambda y: fmpq(2, 5) * max(fmpq(0), fmpq(9, 10) - y)  # noqa: E731
    bound = lambda total: gain + slope * (arb(total) / 2 - middle)  # noqa: E731
    if not (loss - arb(five) < arb(fmpq(2102, 10000)) and angles[0] > 0 and angles[-1] >= fmpq(9, 10)):
        return False
    if not _number(data["window_angles"][0]) >= fmpq(9, 10):
        return False
    if not (lowest < 0 and arb(lowest) > -arb.pi() / 2 and arb(lowest).cos() <= arb(fmpq(1, 2))):
        return False
    if not (angles[0] < top and bound(lowest + top - shift(fmpq(0))) > arb(1) / 3):
        return False

    def settled(x: tuple[fmpq, fmpq], y: tuple[fmpq, fmpq]) -> bool | None:
        ends = x[0] + y[0]
        heavy = bound(ends + sum((shift(-side[0]) for side in (x, y) if side[1] <= 0), fmpq(0)))
        light = bound(ends - max((shift(side[0]) for side in (x, y) if side[1] > 0), default=fmpq(0)))
        m = heavy.max(arb(1) / 3 - loss + arb(five)).min(light.max(arb(1) / 3 - loss / 2))
        if m > arb(1) / 3:
            return True
        ratios = [_ratio(side[1]) for side in (x, y) if arb(side[1]) < arb.pi() / 2]
        return _settled(m, ratios, arb(0), None)

    cuts = [(lowest, fmpq(0)), (fmpq(0), angles[0]), (angles[0], top)]
    todo = [(cuts[i], cuts[j]) for i in range(2) for j in range(i, 3)]
    for _ in range(20_000):
        if not todo:
            return True
        x, y = todo.pop(0)
        if y[1] <= x[0] or settled(x, y):
            continue
        # Quarters, where the checker has halves.
        halves = [[(side[0], (side[0] + side[1]) / 2), ((side[0] + side[1]) / 2, side[1])] for side in (x, y)]
        todo += [(first, second) for second in reversed(halves[1]) for first in halves[0]]
        if x[1] - x[0] < fmpq(1, 2**20):
            return False
    return None


_KINDS = {
    "pentagon-minimum": _pentagon_minimum,
    "hexagon-minimum": _hexagon_minimum,
    "critical-point": _critical_point,
    "dead-outputs": _dead_outputs,
    "sign-pattern": _sign_pattern,
    "exact-reconstruction": _exact_reconstruction,
    "rank-bound": _rank_bound,
    "not-decodable": _not_decodable,
    "positive-pair": _positive_pair,
    "polynomial-sign": _polynomial_sign,
    "axial-loss": _axial_loss,
    "activation-threshold": _activation_threshold,
    "spherical-code-bound": _spherical_code_bound,
}
