"""The checker: is a certificate's statement true? Exact arithmetic over ℚ (and ℚ(√d)) decides.

This file is what has to be believed, with those beside it in this folder. It uses nothing but them and the standard
library, does no searching, and ends for each kind in one comparison that is visibly the definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import lcm
from typing import Any

from relugeom.exact.certificates import (
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
)
from relugeom.exact.critical import check_critical_point, check_dead_outputs
from relugeom.exact.errors import ArgumentError, Fault, require
from relugeom.exact.hexagon import check_hexagon
from relugeom.exact.pentagon import check_pentagon
from relugeom.exact.quadratic import Quadratic
from relugeom.exact.rationals import Matrix, Vector, clear_denominators, column, dot, matmul, transpose

__all__ = ["WORK_LIMIT", "Invalid", "Valid", "check"]

# Multiplications times their cost: about a minute at the very most on an ordinary machine.
WORK_LIMIT = 400_000_000

# The longest common denominator of the numbers that are added up.
MOST_BITS = 40_000

_LONGEST_REASON = 300


@dataclass(frozen=True, slots=True)
class Valid:
    """The statement is true.

    Parameters
    ----------
    statement : str
        What the certificate proves, computed from its data.
    """

    statement: str


@dataclass(frozen=True, slots=True)
class Invalid:
    """The certificate does not prove its statement; `reason` says where it breaks.

    Parameters
    ----------
    reason : str
        Where it breaks.
    """

    reason: str


def _show(value: Fraction) -> str:
    """The number where it is short; Python refuses to print long ones."""
    return str(value) if max(abs(value.numerator), value.denominator) < 10**40 else "a number of more than 40 digits"


def check(certificate: Certificate) -> Valid | Invalid:
    """Check a certificate by exact arithmetic.

    Returns
    -------
    Valid or Invalid
        `Valid(statement)` when the data prove the statement, `Invalid(reason)` otherwise.

    See Also
    --------
    relugeom.exact.load, relugeom.exact.loads, relugeom.exact.dumps, relugeom.landscape.certify
    """
    checker = _CHECKERS.get(type(certificate))
    if checker is None:
        return Invalid(f"{type(certificate).__name__} is not a kind of certificate")
    try:
        checker(certificate)
        return Valid(certificate.statement())
    except Fault as fault:
        reason = str(fault)
        return Invalid(reason if len(reason) <= _LONGEST_REASON else reason[: _LONGEST_REASON - 1] + "…")


# ---------------------------------------------------------------------------------------------------------
# The model: decoder rows, biases, encoded columns.


def _bits(numbers: Iterable[Fraction]) -> int:
    """The length of the numbers over their common denominator, which is that of a sum of them."""
    multiple, longest = 1, 1
    for x in numbers:
        # Anything else (a float, an integer of fixed size) might round or overflow.
        if not isinstance(x, int | Fraction):
            raise Fault(f"{x!r:.40} is not a rational number")
        multiple = lcm(multiple, x.denominator)
        longest = max(longest, x.numerator.bit_length())
        require(multiple.bit_length() <= MOST_BITS, "the certificate is too large to check")
    return multiple.bit_length() + longest


def _within_reach(multiplications: int, *vectors: Iterable[Fraction], bits: int = 0) -> None:
    """Refuse work out of reach before it is done; `vectors` hold the numbers that will be multiplied and added up."""
    length = max((*map(_bits, vectors), bits))
    require(multiplications * _cost(length) <= WORK_LIMIT, "the certificate is too large to check")


def _cost(bits: int) -> int:
    """Of a multiplication: about ten for small numbers; long ones take the square of their length."""
    return 10 + bits + bits * bits // 4096


def _decoder_and_bias(W: Matrix, R: Matrix | None, b: Vector | None) -> tuple[Matrix, Vector]:
    """R and b with their defaults filled in, after the shapes and the size of the work have been checked."""
    m, n = len(W), len(W[0])
    decoder = transpose(W) if R is None else R
    require(
        len(decoder) == n and len(decoder[0]) == m, f"decoder must be {n}×{m}; got {len(decoder)}×{len(decoder[0])}"
    )
    bias = (Fraction(0),) * n if b is None else b
    require(len(bias) == n, f"bias must have {n} entries; got {len(bias)}")
    _within_reach(m * n * n, *transpose(W), *((*row, entry) for row, entry in zip(decoder, bias, strict=True)))
    return decoder, bias


def _indices(items: tuple[int, ...], n: int, name: str) -> None:
    require(all(0 <= i < n for i in items), f"{name} must name features 0 to {n - 1}; got {list(items)}")
    require(len(set(items)) == len(items), f"{name} names a feature twice")


def _check_sign_pattern(c: SignPattern) -> None:
    W = c.encoder
    R, b = _decoder_and_bias(W, c.decoder, c.bias)
    n, k = len(W[0]), c.active
    require(1 <= k <= n, f"active must lie in 1 to {n}; got {k}")
    if k == 1:
        # Only signs matter, so rows and columns may be cleared of denominators.
        rows = [clear_denominators((*R[j], b[j])) for j in range(n)]
        columns = [clear_denominators((*column(W, i), Fraction(1))) for i in range(n)]
        for j, row in enumerate(rows):
            for i, encoded in enumerate(columns):
                value = sum(x * y for x, y in zip(row, encoded, strict=True))
                if i == j:
                    require(value > 0, f"output {j} is not positive at x = e_{j}")
                else:
                    require(value <= 0, f"output {j} is positive at x = e_{i}")
    else:
        columns_of_W = transpose(W)
        # Each of n² sums has k terms over different denominators, which divide those of a row of R times those of W.
        _within_reach(2 * k * n * n, bits=_bits(x for row in W for x in row) + max(map(_bits, R)))
        for j in range(n):
            others = sorted(dot(R[j], columns_of_W[i]) for i in range(n) if i != j)
            own = dot(R[j], columns_of_W[j])
            # Least value over supports that hold j: add the k − 1 smallest others where negative.
            least = own + b[j] + sum(min(x, Fraction(0)) for x in others[: k - 1])
            require(least > 0, f"output {j} is not positive at some input with x_{j} = 1 and at most {k} ones")
            # Greatest value over the others: the largest one, and up to k − 1 more where positive.
            top = others[::-1][:k]
            greatest = b[j] + top[0] + sum(max(x, Fraction(0)) for x in top[1:])
            require(greatest <= 0, f"output {j} is positive at some input with x_{j} = 0 and 1 to {k} ones")
    if c.zero_input:
        for j in range(n):
            require(b[j] <= 0, f"output {j} is positive at x = 0")


def _check_exact_reconstruction(c: ExactReconstruction) -> None:
    R, b = _decoder_and_bias(c.encoder, c.decoder, c.bias)
    for j, row in enumerate(matmul(R, c.encoder)):
        for i, entry in enumerate(row):
            if i == j:
                require(entry + b[j] == 1, f"output {j} at x = e_{j} is {_show(max(entry + b[j], Fraction(0)))}, not 1")
            else:
                require(entry + b[j] <= 0, f"output {j} at x = e_{i} is positive")


def _check_rank_bound(c: RankBound) -> None:
    require(len(c.left[0]) == len(c.right), "the factors do not fit: columns of left, rows of right")
    _within_reach(len(c.left) * len(c.right) * len(c.right[0]), *c.left, *transpose(c.right))
    require(matmul(c.left, c.right) == c.matrix, "left times right is not the matrix")


def _combine(W: Matrix, side: tuple[WeightedSupport, ...]) -> Vector:
    """Σ_S weight_S Σ_{j∈S} w_j."""
    return tuple(
        sum((item.weight * sum((row[j] for j in item.support), Fraction(0)) for item in side), Fraction(0)) for row in W
    )


def _check_not_decodable(c: NotDecodable) -> None:
    W, i, k = c.encoder, c.feature, c.active
    n = len(W[0])
    require(0 <= i < n, f"feature must lie in 0 to {n - 1}; got {i}")
    require(1 <= k <= n, f"active must lie in 1 to {n}; got {k}")
    for name, side in (("inside", c.inside), ("outside", c.outside)):
        for item in side:
            _indices(item.support, n, f"a support of {name}")
            smallest = 0 if name == "outside" and c.zero_input else 1
            require(smallest <= len(item.support) <= k, f"a support of {name} has {len(item.support)} elements")
            require((i in item.support) == (name == "inside"), f"a support of {name} is on the wrong side of {i}")
            require(item.weight >= 0, f"a weight of {name} is negative")
    both = (*c.inside, *c.outside)
    _within_reach(len(W) * sum(1 + len(item.support) for item in both), *W, tuple(item.weight for item in both))
    total_inside = sum((item.weight for item in c.inside), Fraction(0))
    total_outside = sum((item.weight for item in c.outside), Fraction(0))
    require(total_inside > 0, "the weights of inside have no positive sum")
    if c.with_bias:
        require(total_inside == total_outside, "with a bias, the weights of inside and outside must have equal sums")
    require(_combine(W, c.inside) == _combine(W, c.outside), "the weighted encodings of the two sides differ")


def _check_positive_pair(c: PositivePair) -> None:
    W = c.encoder
    n = len(W[0])
    require(len(c.pair) == 2, f"pair must name two features; got {len(c.pair)}")
    require(all(0 <= i < n for i in c.pair), f"pair must name features 0 to {n - 1}; got {list(c.pair)}")
    _indices(c.pivots, n, "pivots")
    length, steps = max(map(_bits, transpose(W))), len(c.pivots)
    _within_reach((1 + steps) * len(W) * n, bits=2 * length)
    # After t pivots the numbers are determinants of t + 1 rows of products of two.
    work = sum(2 * n * (1 + steps - t) * _cost(2 * (t + 1) * length) for t in range(1, steps + 1))
    require(work <= WORK_LIMIT, "the certificate is too large to check")
    i, j = c.pair
    wi, wj = column(W, i), column(W, j)
    if i == j:
        require(not any(wi), f"w_{i} is not zero")
        require(not c.pivots, "a zero column needs no elimination")
        return
    require(dot(wi, wj) > 0, f"w_{i}·w_{j} is not positive")
    require(not {i, j} & set(c.pivots), "the pair was itself a pivot")
    # Only signs matter: the products of columns cleared of denominators, and positive multiples of them. The rows of
    # G that are needed go through G ← (G_uu G − g_u g_uᵀ)/d, where d > 0 is the pivot before u: Bareiss's elimination,
    # in which all entries are determinants, so that the divisions leave no rest.
    vectors = [clear_denominators(v) for v in transpose(W)]
    G = {u: [sum(x * y for x, y in zip(vectors[u], v, strict=True)) for v in vectors] for u in (*c.pivots, i)}
    before = 1
    for u in c.pivots:
        row = G.pop(u)
        square = row[u]
        require(square > 0, f"pivot {u} is zero when its turn comes")
        require(all(x <= 0 for v, x in enumerate(row) if v != u), f"pivot {u} has a positive product in its row")
        for v, other in G.items():
            G[v] = [(square * x - other[u] * y) // before for x, y in zip(other, row, strict=True)]
        before = square
    require(G[i][j] > 0, f"after the elimination, features {i} and {j} have no positive product")


def _check_polynomial_sign(c: PolynomialSign) -> None:
    d = c.radicand
    require(bool(c.coefficients), "the polynomial has no coefficients")
    require(len(c.coefficients) <= 60, "the degree is at most 59")
    require(2 <= len(c.breakpoints) <= 1000, "there must be 2 to 1000 breakpoints")
    try:
        p = [Quadratic(a, b, d) for a, b in c.coefficients]
        points = [Quadratic(a, b, d) for a, b in c.breakpoints]
    except ArgumentError as error:
        raise Fault(str(error)) from None
    # A breakpoint enters with the power of the degree.
    bits = _bits(x for pair in c.coefficients for x in pair) + 2 * len(p) * max(map(_bits, c.breakpoints))
    _within_reach(20 * len(p) ** 2 * len(points), bits=bits)
    for s, (low, high) in enumerate(pairwise(points)):
        require(low < high, f"breakpoints {s} and {s + 1} are not in increasing order")
        q = _on_half_line(p, low, high)
        require(all(x.sign() >= 0 for x in q), f"a coefficient is negative between breakpoints {s} and {s + 1}")
        if c.strict:
            # Positive first and last coefficients make the ends positive; between them one positive term is enough.
            require(q[0].sign() > 0, f"the polynomial is not positive at breakpoint {s}")
            require(q[-1].sign() > 0, f"the polynomial is not positive at breakpoint {s + 1}")


def _on_half_line(p: list[Quadratic], low: Quadratic, high: Quadratic) -> list[Quadratic]:
    """Coefficients in t of (1 + t)^deg p((low + high·t)/(1 + t)), which runs over [low, high) as t ≥ 0."""
    one = Quadratic(Fraction(1), Fraction(0), low.d)
    total: list[Quadratic] = []
    power = [one]  # (1 + t)^k, growing as Horner's rule descends
    for coefficient in reversed(p):
        # total ← total·(low + high t) + coefficient·(1 + t)^k
        shifted = _times(total, [low, high]) if total else []
        scaled = [x * coefficient for x in power]
        total = [x + y for x, y in zip(shifted, scaled, strict=True)] if shifted else scaled
        power = _times(power, [one, one])
    return total


def _times(p: list[Quadratic], q: list[Quadratic]) -> list[Quadratic]:
    zero = Quadratic(Fraction(0), Fraction(0), p[0].d)
    product = [zero] * (len(p) + len(q) - 1)
    for i, x in enumerate(p):
        for j, y in enumerate(q):
            product[i + j] = product[i + j] + x * y
    return product


def _check_axial_loss(c: AxialLoss) -> None:
    R, b = _decoder_and_bias(c.encoder, c.decoder, c.bias)
    # Every square lies over the square of the product of all denominators.
    everything = sum(_bits(x for row in rows for x in row) for rows in (c.encoder, R, (b,)))
    _within_reach(4 * len(R) ** 2, (c.value,), bits=2 * everything)
    total = Fraction(0)
    for j, row in enumerate(matmul(R, c.encoder)):
        for i, entry in enumerate(row):
            output = max(entry + b[j], Fraction(0))
            total += (output - (i == j)) ** 2
    require(total == c.value, f"the loss is {_show(total)}, not the stated value")


def _check_activation_threshold(c: ActivationThreshold) -> None:
    R, b = _decoder_and_bias(c.encoder, c.decoder, c.bias)
    t = c.threshold
    _within_reach(2 * len(R) ** 2, (t,))
    require(0 <= t < 1, f"threshold must lie in [0, 1); got {_show(t)}")
    for j, row in enumerate(matmul(R, c.encoder)):
        for i, entry in enumerate(row):
            # a·entry + b_j is linear in a, so its sign on (t, 1] is decided at the two ends.
            at_threshold, at_one = t * entry + b[j], entry + b[j]
            if i == j:
                require(at_threshold >= 0 and at_one > 0, f"output {j} is not positive at some a·e_{j} with a > {t}")
            else:
                require(at_threshold <= 0 and at_one <= 0, f"output {j} is positive at some a·e_{i} with a > {t}")


def _check_dead_outputs(c: DeadOutputs) -> None:
    _decoder_and_bias(c.encoder, None, c.bias)
    check_dead_outputs(c)


def _check_spherical_code_bound(c: SphericalCodeBound) -> None:
    m, n, d = c.dimension, c.points, c.radicand
    require(m >= 2, f"there must be at least 2 dimensions; got {m}")
    require(bool(c.coefficients), "the polynomial has no coefficients")
    require(len(c.coefficients) <= 60, "the degree is at most 59")
    require(len(c.breakpoints) <= 1000, "there may be at most 1000 breakpoints")
    minus_one = (Fraction(-1), Fraction(0))
    try:
        f = [Quadratic(a, b, d) for a, b in c.coefficients]
        points = [Quadratic(a, b, d) for a, b in (minus_one, *c.breakpoints, c.cosine)]
    except ArgumentError as error:
        raise Fault(str(error)) from None
    # In powers of x the coefficients are longer by a factor of at most (deg + m) for each degree.
    bits = _bits(x for pair in c.coefficients for x in pair) + 2 * len(f) * (len(f) + m).bit_length()
    bits += 2 * len(f) * max(map(_bits, (*c.breakpoints, c.cosine)))
    _within_reach(20 * len(f) ** 2 * len(points), bits=bits)
    require(all(x.sign() >= 0 for x in f) and f[0].sign() > 0, "f_0 must be positive and no other f_k negative")
    room = _room(f, n)  # P_k(1) = 1, so f(1) is the sum of all f_k
    require(room.sign() >= 0, "f(1) exceeds n f_0")
    zonal = _zonal_polynomials(m, len(f))
    powers = [sum((x * P[k] for x, P in zip(f[k:], zonal[k:], strict=True)), f[0] * 0) for k in range(len(f))]
    for s, (low, high) in enumerate(pairwise(points)):
        require(low < high, f"breakpoints {s} and {s + 1}, the ends counted, are not in increasing order")
        q = _on_half_line(powers, low, high)
        require(all(x.sign() <= 0 for x in q), f"f is not shown to be ≤ 0 between breakpoints {s} and {s + 1}")
    if room.sign() == 0:
        # f = (x − s) g by Horner's rule, and g in zonal polynomials from the highest degree down.
        g = [powers[-1]]
        for x in powers[-2:0:-1]:
            g.append(x + points[-1] * g[-1])
        require((powers[0] + points[-1] * g[-1]).sign() == 0, "n f_0 = f(1), but f does not vanish at s")
        g.reverse()
        expansion = []
        for k in reversed(range(len(g))):
            expansion.append(g[k] * (1 / zonal[k][k]))
            g = [x - expansion[-1] * y for x, y in zip(g[:k], zonal[k], strict=False)]
        expansion.reverse()
        require(
            all(x.sign() >= 0 for x in expansion[1:]) and _room(expansion, n).sign() > 0,
            "n f_0 = f(1), but f/(x − s) does not rule out that all inner products are zeros of f",
        )


def _room(f: list[Quadratic], n: int) -> Quadratic:
    """n f_0 − Σ f_k."""
    return f[0] * n - sum(f[1:], f[0])


def _zonal_polynomials(m: int, count: int) -> list[list[Fraction]]:
    """P_0, P_1, ... in powers of x: (k + m − 2) P_{k+1} = (2k + m − 2) x P_k − k P_{k−1}."""
    P = [[Fraction(1)], [Fraction(0), Fraction(1)]]
    for k in range(1, count - 1):
        shifted, before = [Fraction(0), *P[k]], [*P[k - 1], Fraction(0), Fraction(0)]
        P.append([((2 * k + m - 2) * x - k * y) / (k + m - 2) for x, y in zip(shifted, before, strict=True)])
    return P[:count]


_CHECKERS: dict[type[Certificate], Callable[[Any], None]] = {
    SignPattern: _check_sign_pattern,
    ExactReconstruction: _check_exact_reconstruction,
    RankBound: _check_rank_bound,
    NotDecodable: _check_not_decodable,
    PositivePair: _check_positive_pair,
    PolynomialSign: _check_polynomial_sign,
    AxialLoss: _check_axial_loss,
    ActivationThreshold: _check_activation_threshold,
    CriticalPoint: check_critical_point,
    DeadOutputs: _check_dead_outputs,
    PentagonMinimum: check_pentagon,
    SphericalCodeBound: _check_spherical_code_bound,
    HexagonMinimum: check_hexagon,
}
