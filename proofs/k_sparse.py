"""Several active features at once: "any number of features" is a matter of one active entry.

One linear encoder W (m×n), one untied ReLU layer: ReLU(RWx + b). It *recovers k-sparse supports* if its output has
exactly the support of x for every 0/1 input x with at most k ones, x = 0 included.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement, pairwise
from math import ceil

import sympy as sp

from relugeom import (
    NotDecodable,
    Outcome,
    Proof,
    Sibling,
    SignPattern,
    Step,
    Valid,
    Verdict,
    WeightedSupport,
    Witness,
    all_cases,
    as_matrix,
    as_vector,
    check,
    conjecture,
    identity,
    sign,
)
from relugeom.exact.rationals import Matrix, Vector

ONE_ACTIVE = 'Post, "ReLU: Free Dimensions, Somewhat" (about one active entry), carried on to k'


# ---------------------------------------------------------------------------------------------------------
# The criterion by the kernel, made explicit where the kernel is a line ℝz.


def _positive(z: Vector) -> Vector:
    """z⁺."""
    return tuple(max(v, Fraction(0)) for v in z)


def _negative(z: Vector) -> Vector:
    """z⁻ = (−z)⁺."""
    return _positive(tuple(-v for v in z))


def _pivot(z: Vector) -> int:
    """Where |z| is greatest."""
    return max(range(len(z)), key=lambda j: abs(z[j]))


def _encoder(z: Vector) -> Matrix:
    """The rows e_j − (z_j / z_u) e_u, j ≠ u, whose common kernel is ℝz."""
    u, n = _pivot(z), len(z)
    return as_matrix([[-z[j] / z[u] if i == u else i == j for i in range(n)] for j in range(n) if j != u])


def _decoder_row(z: Vector, i: int, k: int) -> tuple[list[Fraction], Fraction] | None:
    """ρ with ρ·z = 0 and b such that ρ·x + b > 0 iff x_i = 1, or None where there are none. See the argument."""
    n = len(z)
    e = [Fraction(j == i) for j in range(n)]
    if z[i] == 0:
        return e, Fraction(0)
    z = tuple(v / z[i] for v in z)
    u = _pivot(z)
    if abs(z[u]) > 1:
        return [e[j] - (j == u) / z[u] for j in range(n)], min(1 / z[u], Fraction(0))
    plus, minus = sum(_positive(z)), sum(_negative(z))
    if plus > k:
        return [plus * e[j] - (z[j] > 0) for j in range(n)], Fraction(0)
    if minus > k:
        return [minus * e[j] + (z[j] < 0) for j in range(n)], Fraction(-k)
    return None


def _recovery(z: Vector, k: int) -> SignPattern | None:
    """A decoder for the encoder with kernel ℝz, if every feature has one."""
    u = _pivot(z)
    rows = [_decoder_row(z, i, k) for i in range(len(z))]
    found = [row for row in rows if row is not None]
    if len(found) < len(rows):
        return None
    decoder = as_matrix([[v for j, v in enumerate(rho) if j != u] for rho, _ in found])
    return SignPattern(_encoder(z), decoder, tuple(b for _, b in found), active=k, zero_input=True)


def _mixture(y: Vector) -> tuple[WeightedSupport, ...]:
    """y ∈ [0, 1]ⁿ as a mixture of sets with at most ⌈Σ y⌉ elements.

    Lay intervals of lengths y_j end to end; a grid of step 1 with offset u hits each of them at most once. As u
    runs over [0, 1), interval j is hit with probability y_j ("systematic sampling").
    """
    ends = [sum(y[:j], Fraction(0)) for j in range(len(y) + 1)]
    offsets = sorted({end % 1 for end in ends} | {Fraction(1)})
    return tuple(
        WeightedSupport(tuple(j for j in range(len(y)) if ceil(ends[j + 1] - u) > ceil(ends[j] - u)), nxt - u)
        for u, nxt in pairwise(offsets)
    )


def _collision(z: Vector, k: int) -> NotDecodable:
    """The mixtures z⁺ and z⁻ (z scaled to ‖z‖_∞ = 1 with a positive peak) have the same encoding."""
    u = _pivot(z)
    scaled = tuple(v / z[u] for v in z)
    return NotDecodable(
        encoder=_encoder(z),
        feature=u,
        inside=_mixture(_positive(scaled)),
        outside=_mixture(_negative(scaled)),
        with_bias=True,
        active=k,
        zero_input=True,
    )


def _decided_by_kernel(z: Vector, k: int, recovered: bool) -> bool:
    """The checker confirms what the criterion says about the encoder with kernel ℝz."""
    certificate = _recovery(z, k) if recovered else _collision(z, k)
    return certificate is not None and isinstance(check(certificate), Valid)


@conjecture(
    "For 1 ≤ k ≤ n, an m×n encoder W allows an untied decoder with bias that recovers k-sparse supports iff every "
    "z ≠ 0 with Wz = 0 has max(‖z⁺‖₁, ‖z⁻‖₁) > k‖z‖_∞",
    source=ONE_ACTIVE,
    expected=Verdict.PROVED,
)
def sparse_recovery_kernel() -> Outcome:
    """Feature i needs a row r and a number b with r·Wx + b > 0 for the inputs with x_i = 1 and ≤ 0 for the others. For
    finitely many points that is possible iff the convex hulls of the two sets of encodings are disjoint (strict
    separation of compact convex sets). The 0/1 inputs with at most k ones have the hull {y ∈ [0, 1]ⁿ : Σ y ≤ k}:
    systematic sampling writes such a y as a mixture of them; x_i = 1 or x_i = 0 cuts out y_i = 1 or y_i = 0.

    The hulls of the encodings meet iff z = y − y' is in ker W for some y, y' of these two sets. Then z_i = 1 = ‖z‖_∞,
    and y ≥ z⁺, y' ≥ z⁻, so ‖z⁺‖₁, ‖z⁻‖₁ ≤ k. Conversely such a z (scaled to ‖z‖_∞ = 1, and turned round so that
    the peak is positive) gives y = z⁺ and y' = z⁻. So some feature fails iff some z ≠ 0 in ker W has
    max(‖z⁺‖₁, ‖z⁻‖₁) ≤ k‖z‖_∞.

    Where the kernel is a line ℝz, everything is explicit. With z_i = 1, any ρ with ρ·z = 0 is a row of some RW, and
    - |z_j| > 1 for some j: ρ = e_i − e_j/z_j, b = min(1/z_j, 0);
    - s = ‖z⁺‖₁ > k: ρ = s e_i − Σ_{z_j > 0} e_j, b = 0, at least s − 1 − (k − 1) > 0 where x_i = 1;
    - s = ‖z⁻‖₁ > k: ρ = s e_i + Σ_{z_j < 0} e_j, b = −k, at least s − k > 0 where x_i = 1, at most k − k otherwise;
    and for z_i = 0, ρ = e_i. Otherwise the two mixtures collide. The checker confirms one or the other for all
    z with 2 to 6 entries in {−2, ..., 2}, up to their order, and k = 1, 2, 3.
    """
    v = sp.Symbol("v", real=True)
    a, excess = sp.symbols("a excess", positive=True)
    y, k = sp.symbols("y k", nonnegative=True)
    lines = [as_vector(z) for n in range(2, 7) for z in combinations_with_replacement(range(-2, 3), n) if any(z)]

    def steps(boundary_recovers: bool) -> list[Step]:
        def agrees(case: tuple[Vector, int]) -> bool:
            z, active = case
            margin = max(sum(_positive(z)), sum(_negative(z))) - active * max(map(abs, z))
            return _decided_by_kernel(z, active, margin > 0 or (boundary_recovers and margin == 0))

        return [
            identity("z⁺ − z⁻ = z", (abs(v) + v) / 2 - (abs(v) - v) / 2, v),
            sign("y − z⁺ ≥ 0 for z = a > 0, where y = a + y'", (a + y) - a, ">= 0"),
            sign("y − z⁺ ≥ 0 for z = −a < 0, where z⁺ = 0", y, ">= 0"),
            sign("1 > max(c, 0) − min(c, 0) = |c| for c = 1/z_j, |z_j| = 1 + a", 1 - 1 / (1 + a), "> 0"),
            sign("s − 1 − (k − 1) > 0 for s = k + excess", sp.expand(k + excess - 1 - (k - 1)), "> 0"),
            sign("s − k > 0", sp.expand(k + excess - k), "> 0"),
            all_cases(
                "a decoder or a collision, as the criterion says",
                agrees,
                [(z, active) for z in lines for active in (1, 2, 3) if active <= len(z)],
            ),
        ]

    return Proof(steps(False), Sibling("the same with ≥ k‖z‖_∞ in place of > k‖z‖_∞", steps(True)))


# ---------------------------------------------------------------------------------------------------------
# Two active features: how many fit.


@conjecture(
    "For k ≥ 2 and m ≥ 1: if some m×n encoder with some untied decoder and bias recovers k-sparse supports, "
    "then n ≤ 2^m − 1",
    source=ONE_ACTIVE,
    expected=Verdict.PROVED,
)
def sparse_counting_bound() -> Outcome:
    """It is enough to look at k = 2. Let P = conv{w_1, ..., w_n}, of dimension d ≤ m. The n bodies (w_i + P)/2 lie
    in P, and two of them meet in the midpoint (w_i + w_j)/2 at most. For let w_i + Σ α_l w_l = w_j + Σ β_l w_l with
    convex weights, so that z = e_i + α − e_j − β is in ker W. With ω = Σ min(α_l, β_l) over l ≠ i, j,

        ‖z⁺‖₁ = ‖z⁻‖₁ = 2 − β_i − α_j − ω,   z_i = A = 1 + α_i − β_i,   −z_j = B = 1 + β_j − α_j,

    and A + B − ‖z⁺‖₁ = α_i + β_j + ω ≥ 0, so ‖z⁺‖₁ ≤ A + B ≤ 2 max(A, B) ≤ 2‖z‖_∞. By the kernel criterion z = 0:
    A = 0 forces β_i = 1, and B = 0 forces α_j = 1, so both points are (w_i + w_j)/2.

    Each body has 2^−d times the volume of P, so n ≤ 2^d. If d ≥ 2 and n = 2^d they would fill P; but then P without
    finitely many midpoints, which is connected, would be a disjoint union of n ≥ 2 closed non-empty pieces. So
    n ≤ 2^d − 1. If d = 1 and m ≥ 2, n ≤ 2 < 2^m − 1. If d = 0 all w_i are equal and n = 1, as e_1 − e_2 may not be in
    ker W. If m = 1 and n ≥ 2, some z ≠ 0 in ker W has two non-zero entries at most, and then
    ‖z⁺‖₁ ≤ |z_1| + |z_2| ≤ 2‖z‖_∞; so n = 1.
    """
    alpha_i, alpha_j, beta_i, beta_j, overlap = sp.symbols("alpha_i alpha_j beta_i beta_j overlap", nonnegative=True)
    a, e = sp.symbols("a e", nonnegative=True)
    A, B = 1 + alpha_i - beta_i, 1 + beta_j - alpha_j

    def steps(k: int) -> list[Step]:
        plus = 2 - beta_i - alpha_j - overlap
        return [
            identity("‖z⁺‖₁ = A + Σ α_l − Σ min(α_l, β_l), l ≠ i, j", A + (1 - alpha_i - alpha_j) - overlap, plus),
            identity("‖z⁻‖₁ = B + Σ β_l − Σ min(α_l, β_l), l ≠ i, j", B + (1 - beta_i - beta_j) - overlap, plus),
            sign("A ≥ 0 for β_i = 1 − a", A.subs(beta_i, 1 - a), ">= 0"),
            sign("k (A + B)/2 − ‖z⁺‖₁ ≥ 0", sp.expand(sp.Rational(k, 2) * (A + B) - plus), ">= 0"),
            sign("k max(A, B) − k (A + B)/2 ≥ 0 for A = B + e", k * (B + e) - sp.Rational(k, 2) * (B + e + B), ">= 0"),
            sign("m = 1: k max − (|z_1| + |z_2|) ≥ 0 for |z_1| = |z_2| + e", k * (a + e) - (a + e + a), ">= 0"),
            sign("d = 1, m ≥ 2: 2^m − 1 ≥ 2, as 2^(2 + p) = 4·2^p and 2^p ≥ 1", 4 * (1 + e) - 1 - 2, ">= 0"),
        ]

    return Proof(steps(2), Sibling("the same for k ≥ 1", steps(1)))


def _two_sparse(encoder: Sequence[Sequence[int]], decoder: Sequence[Sequence[int]], bias: Sequence[int]) -> SignPattern:
    return SignPattern(as_matrix(encoder), as_matrix(decoder), as_vector(bias), active=2, zero_input=True)


_WITNESSES = (
    _two_sparse([[1, 0, -1], [0, 1, -1]], [[2, -1], [-1, 2], [-1, -1]], [0, 0, 0]),
    _two_sparse(
        [[1, 0, 0, -1], [0, 1, 0, -1], [0, 0, 1, -1]],
        [[3, -1, -1], [-1, 3, -1], [-1, -1, 3], [-1, -1, -1]],
        [0, 0, 0, 0],
    ),
    _two_sparse(
        [[-1, 0, 0, 1, -1, 0, 1], [-1, 1, 1, -2, 1, 0, 0], [0, 0, 0, 1, -2, 2, -1], [-1, 2, -2, 1, 0, 0, 0]],
        [
            [-4, -3, 0, -1],
            [0, 1, 0, 2],
            [1, 1, 0, -2],
            [2, -4, 1, 1],
            [-6, 2, -9, 1],
            [-3, 2, 8, 0],
            [17, 2, -9, -1],
        ],
        [-2, -1, -1, -3, -7, -4, -7],
    ),
    _two_sparse(
        [
            [0, -1, 0, 1, 0, -1, 1, 0, 0],
            [1, -1, 0, 1, 0, 1, 0, -2, 0],
            [0, 1, -2, 1, -2, 0, 2, -1, 1],
            [1, 1, -2, 0, 2, 1, 1, 0, -4],
            [-6, 0, -3, 3, 2, 2, -2, 1, 3],
        ],
        [
            [-5, 3, 1, 1, -3],
            [-10, -5, 6, 1, -1],
            [2, 1, -6, -3, -1],
            [29, 25, 4, 4, 10],
            [4, 3, -8, 3, 2],
            [-21, 15, -1, 0, 2],
            [15, -9, 8, 6, -2],
            [7, -16, -3, -1, 1],
            [-3, 0, 1, -3, 1],
        ],
        [-9, -9, -8, -41, -11, -11, -18, -11, -5],
    ),
    _two_sparse(
        [
            [1, -2, -1, 0, 1, 0, 0, 0, 0, 1, 0],
            [-2, 1, -1, 0, 2, -1, -1, 0, 0, 0, 2],
            [1, 0, 3, 0, -1, -1, -2, -2, 1, 1, 0],
            [2, 0, -1, -3, 2, -1, 0, 0, 2, -1, 0],
            [1, -1, 0, -1, -1, 2, -1, -1, 3, -2, 1],
            [0, 0, 1, 1, 2, -3, -3, 2, 2, 0, -2],
        ],
        [
            [3, -4, 2, 3, -1, -1],
            [-3, 1, 0, 1, -1, 0],
            [-3, -2, 5, -1, 0, 1],
            [3, 0, -1, -6, 2, 2],
            [6, 5, 0, 5, -2, 1],
            [3, -2, -7, -6, 10, -1],
            [-2, -4, -7, 8, -8, -7],
            [-10, -8, -19, -1, 3, 11],
            [-1, 1, 0, 0, 4, 2],
            [16, 4, 10, -2, -7, -4],
            [1, 3, 1, -1, 1, -1],
        ],
        [-8, -3, -9, -9, -12, -18, -16, -21, -4, -18, -3],
    ),
)


@conjecture(
    "An untied ReLU layer with bias recovers 2-sparse supports for some encoder with (m, n) = (2, 3), (3, 4), (4, 7), "
    "(5, 9) and (6, 11)",
    source=ONE_ACTIVE,
    expected=Verdict.CERTIFIED,
)
def sparse_witnesses() -> Outcome:
    """Encoders, decoders and biases with small integers. By the counting bound 3 is the most for m = 2.

    The first two have the kernel spanned by (1, ..., 1). The third has the kernel spanned by (1, ..., 1) and the
    coordinates x and y of a heptagon with corners (2, 1), (1, 2), (−1, 2), (−2, 1), (−2, −1), (0, −2), (2, −1); the
    others, found by a random search for the margin of the kernel criterion, by (1, ..., 1) and the coordinates of
    9 points in space and of 11 points in four dimensions. Two encoders in orthogonal spaces have the sum of
    their kernels, which keeps the criterion: the numbers of features add up.
    """
    return Witness(_WITNESSES, note="lower bounds only from m = 3 on; the upper bound is 2^m − 1")


@conjecture(
    "If ReLU(RWx + b) = x for every 0/1 input x with one or two ones, for some m×n encoder W, then n ≤ m",
    source=ONE_ACTIVE,
    expected=Verdict.PROVED,
)
def exact_values_two_sparse() -> Outcome:
    """Let M = RW. For i ≠ j, output i is 1 at e_i and at e_i + e_j: M_ii + b_i = 1 and M_ii + M_ij + b_i = 1, so
    M_ij = 0. Output i is 0 at e_j: M_ij + b_i ≤ 0, so b_i = −u ≤ 0 and M_ii = 1 + u > 0. M is diagonal with a
    positive diagonal and has rank n, but RW has rank at most m. (n = 1 ≤ m needs no argument.) So what superposition
    can return for two active features is their support, not their values.
    """
    own, other, b = sp.symbols("M_ii M_ij b_i", real=True)
    u = sp.Symbol("u", nonnegative=True)
    at_one, at_two = own + b - 1, own + other + b - 1

    def steps(equations: Sequence[sp.Expr]) -> list[Step]:
        solution = sp.solve(equations, [own, other], dict=True)[0]
        return [
            identity("M_ij = 0", solution.get(other, other), 0),
            sign("M_ii = 1 − b_i > 0 for b_i = −u", solution[own].subs(b, -u), "> 0"),
        ]

    return Proof(
        steps([at_one, at_two]), Sibling("the same if only the inputs with exactly one 1 return", steps([at_one]))
    )
