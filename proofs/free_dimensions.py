"""How many axis vectors a tied autoencoder without bias gives back: 2m, and how much room they have.

The criterion, here and below: WᵀW has a positive diagonal and no positive entry off it. It says that ReLU(WᵀWx)
has exactly the support of x for every axis vector x = e_i (the post's "unique single positive value").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import Any

import sympy as sp

from relugeom import (
    ExactReconstruction,
    FormalProof,
    Open,
    Outcome,
    Proof,
    Sibling,
    SignPattern,
    Step,
    Verdict,
    Witness,
    all_cases,
    as_matrix,
    as_vector,
    between,
    conjecture,
    find_positive_pair,
    identity,
    sign,
)
from relugeom.capacity import Structure, structure
from relugeom.exact.rationals import Matrix, column, dot, rank, transpose

FREE_DIMENSIONS = 'Post, "Limit of number of Free Dimensions"'
HYPERCUBE = 'Post, "ReLU: Free Dimensions, Somewhat"'

p, q = sp.symbols("p q", integer=True, nonnegative=True)
m = 1 + p  # every m ≥ 1
g, s = sp.symbols("g s", real=True)
t, x, y, d = sp.symbols("t x y d", nonnegative=True)


def _antipodal(dimension: int) -> Matrix:
    """[I, −I]."""
    rows = range(dimension)
    return as_matrix([[(i == k) for i in rows] + [-(i == k) for i in rows] for k in rows])


# ---------------------------------------------------------------------------------------------------------
# The bound.

# What both proofs of the bound come to, for a proof assistant.
BOUND = [
    FormalProof(
        "two_m_bound.v",
        "two_m_bound",
        "over any ordered field: if W (m×n) has (WᵀW)_ii > 0 for all i and (WᵀW)_ij ≤ 0 for all i ≠ j, then n ≤ 2m",
    ),
    FormalProof(
        "two_m_bound.v",
        "obtuse_bound",
        "a family of non-zero vectors with no positive inner product has at most twice as many members as its rank",
    ),
]

ENERGY = FormalProof(
    "energy.v",
    "energy_bound",
    "over any ordered field: if W (m×n) has unit columns whose inner products are at most s ≤ 1, "
    "then n ≤ m(2 + (n − 2)s)",
)


@conjecture(
    "For every m ≥ 1: if an m×n matrix W satisfies the criterion, then n ≤ 2m",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
    formal=[ENERGY, *BOUND],
)
def two_m_bound_energy() -> Outcome:
    """Scale the columns to norm 1, which changes no sign. Then −1 ≤ G_ij ≤ 0 off the diagonal (Cauchy–Schwarz),
    so G_ij² + G_ij ≤ 0 there, while G_ii² + G_ii = 2. The sum of G_ij² + G_ij over all i, j is therefore at most
    2n.

    It is also tr G² + 1ᵀG1. G is positive semidefinite, so 1ᵀG1 ≥ 0. At most m eigenvalues λ_k of G are not
    zero and Σ λ_k = tr G = n, so that tr G² = Σ λ_k² ≥ n²/m, because Σ (λ_k − n/m)² ≥ 0 over those m.

    Together n²/m ≤ 2n. But n > 2m makes n²/m − 2n positive.
    """
    n, squares = sp.symbols("n squares", positive=True)

    def steps(bound: Any) -> list[Step]:
        more = bound + 1 + q
        return [
            identity("g² + g = −t(1 − t) for g = −t", (g**2 + g).subs(g, -t), -t * (1 - t)),
            sign("−t(1 − t) ≤ 0 for t ≥ 0 and 1 − t ≥ 0", -t * x, "<= 0"),
            identity("on the diagonal g² + g = 2", (g**2 + g).subs(g, 1), 2),
            identity(
                "Σ (λ_k − n/m)² = Σ λ_k² − n²/m, over m terms with Σ λ_k = n",
                squares - 2 * (n / m) * n + m * (n / m) ** 2,
                squares - n**2 / m,
            ),
            sign("n²/m − 2n > 0 beyond the bound", sp.factor(more**2 / m - 2 * more), "> 0"),
        ]

    return Proof(steps(2 * m), Sibling("the same with n ≤ 2m − 1", steps(2 * m - 1)))


@conjecture(
    "For every m ≥ 1 and every m×n matrix W with n > 2m, elimination on WᵀW with at most m pivots ends in a zero "
    "column or in i ≠ j with w_i·w_j > 0",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
    formal=BOUND,
)
def two_m_bound_elimination() -> Outcome:
    """Take any w_u ≠ 0. If G_uj > 0 for some j, that is the pair. Otherwise project all vectors along w_u:
    w_i' = w_i − c_i w_u with c_i = G_iu/G_uu ≤ 0, whose inner products are G'_ij = G_ij − G_iu G_uj/G_uu ≤ G_ij.
    So a product that is positive after the projection was positive before, and by induction in WᵀW.

    Vectors that become 0 were c_i w_u with c_i < 0; if there are two of them, their product c_i c_j G_uu was
    positive, and they are the pair. Otherwise u and at most one more vector are dropped, what is left is not
    zero and lies in a space of one dimension less. After at most m pivots the dimension is 0 and at least
    n − 2m vectors are left that are not zero: impossible if n > 2m, so a pair must have appeared.
    """
    g_iu, g_ju, g_ij = sp.symbols("g_iu g_ju g_ij", real=True)
    g_uu = sp.Symbol("g_uu", positive=True)
    a, b = sp.symbols("a b", positive=True)
    c_i, c_j = g_iu / g_uu, g_ju / g_uu

    def steps(bound: Any) -> list[Step]:
        more = bound + 1 + q
        return [
            identity("w_i' is orthogonal to w_u", g_iu - c_i * g_uu, 0),
            identity(
                "w_i'·w_j' = G_ij − G_iu G_uj / G_uu",
                g_ij - c_i * g_ju - c_j * g_iu + c_i * c_j * g_uu,
                g_ij - g_iu * g_ju / g_uu,
            ),
            sign("G_ij − G'_ij ≥ 0 when G_iu = −x and G_ju = −y are not positive", (-x) * (-y) / g_uu, ">= 0"),
            sign("two negative multiples of w_u have a positive product", (-a) * (-b) * g_uu, "> 0"),
            sign("m pivots that drop two features each leave one", sp.expand(more - 2 * m), "> 0"),
        ]

    return Proof(steps(2 * m), Sibling("the same for every n > 2m − 1", steps(2 * m - 1)))


@conjecture(
    "For all m ≥ 1 and n ≥ 3: if unit vectors w_1, ..., w_n in m dimensions have w_i·w_j ≤ s for all i ≠ j, then "
    "s ≥ (n − 2m) / (m(n − 2))",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
    formal=[ENERGY],
)
def two_m_robust() -> Outcome:
    """How positive the largest product must be beyond 2m. The right-hand side is at most 1, since n ≤ mn, so let
    s ≤ 1. Off the diagonal −1 ≤ g ≤ s gives (g + 1)(g − s) ≤ 0, that is g² + (1 − s)g ≤ s; on it
    g² + (1 − s)g = 2 − s. Summed over all i, j, with tr G² ≥ n²/m and 1ᵀG1 ≥ 0 as in the energy proof,

        n²/m ≤ n(2 − s) + n(n − 1)s,

    and the difference of the two sides is n(n − 2) times s minus the bound. Since n(n − 2) > 0, s is not below
    it. (Equality for the simplex n = m + 1, s = −1/m, and for n = 2m, s = 0.)
    """
    n = 3 + q
    u, v = sp.symbols("u v", nonnegative=True)

    def steps(excess: Any) -> list[Step]:
        return [
            identity("(g + 1)(g − s) = g² + (1 − s)g − s", (g + 1) * (g - s), g**2 + (1 - s) * g - s),
            sign("(g + 1)(g − s) ≤ 0 for g + 1 = u ≥ 0 and s − g = v ≥ 0", u * (-v), "<= 0"),
            identity("on the diagonal g² + (1 − s)g = 2 − s", (g**2 + (1 - s) * g).subs(g, 1), 2 - s),
            identity(
                "n(2 − s) + n(n − 1)s − n²/m = n(n − 2)(s − bound)",
                n * (2 - s) + n * (n - 1) * s - n**2 / m,
                n * (n - 2) * (s - excess / (m * (n - 2))),
            ),
            sign("n(n − 2) > 0", n * (n - 2), "> 0"),
            sign("the bound is at most 1: m(n − 2) − (n − 2m) = n(m − 1)", sp.factor(m * (n - 2) - n + 2 * m), ">= 0"),
        ]

    return Proof(steps(n - 2 * m), Sibling("the same with n − 2m + 1 in place of n − 2m", steps(n - 2 * m + 1)))


@conjecture(
    "For every m ≥ 1: an m×2m matrix satisfies the criterion iff its columns are m mutually orthogonal pairs "
    "w, −c w with w ≠ 0 and c > 0",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
    formal=[
        FormalProof(
            "attained.v",
            "two_m_equality",
            "if n = 2m and W satisfies the criterion, every column has a partner, a negative multiple of it, "
            "and is orthogonal to all other columns",
        ),
        FormalProof(
            "attained.v",
            "antipodal_pairs",
            "conversely, non-zero columns that pair up in this way satisfy the criterion",
        ),
    ],
)
def two_m_equality() -> Outcome:
    """With unit columns and n = 2m, both sides of n²/m ≤ Σ (G_ij² + G_ij) ≤ 2n are equal, so nothing is lost on
    the way. Hence G_ij² + G_ij = 0, so every entry off the diagonal is 0 or −1; and 1ᵀG1 = 0, so G1 = 0 (G is
    positive semidefinite). A row with k entries −1 has the sum 1 − k, so k = 1: each w_i has one partner with
    ‖w_i + w_j‖² = 2 + 2·(−1) = 0, its opposite, and is orthogonal to all others. Positive scaling of the columns
    gives the pairs w, −c w. Conversely such pairs have the products ‖w‖² > 0, −c‖w‖² ≤ 0 and 0.
    """
    k = sp.Symbol("k", integer=True, nonnegative=True)
    norm, c = sp.symbols("norm c", positive=True)

    def steps(n: Any) -> list[Step]:
        return [
            identity("the two sides n²/m and 2n agree", n**2 / m, 2 * n),
            identity("g² + g = g(g + 1), so it vanishes at 0 and −1 only", g**2 + g, g * (g + 1)),
            identity("1 − k = 0 only for k = 1", sp.solve(1 - k, k)[0], 1),
            identity("‖w_i + w_j‖² = 1 + 2g + 1 vanishes at g = −1", (1 + 2 * g + 1).subs(g, -1), 0),
            sign("conversely w·w > 0", norm**2, "> 0"),
            sign("conversely w·(−c w) ≤ 0", -c * norm**2, "<= 0"),
        ]

    return Proof(
        steps(2 * m),
        Sibling("a valid m×(2m − 1) matrix consists of m − 1 such pairs and one more vector", steps(2 * m - 1)),
    )


@conjecture(
    "For every m ≥ 1 the bound is attained: ReLU(WᵀWx) = x for x = e_1, ..., e_2m with W = [I, −I]; at m = 2, "
    "up to the order, the columns of WᵀW are the post's [1, −1, 0, 0], [−1, 1, 0, 0], [0, 0, 1, −1], [0, 0, −1, 1]",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
    formal=[
        FormalProof(
            "attained.v",
            "two_m_attained",
            "for every m some W (m×2m) satisfies the criterion, and ReLU(WᵀW) = I exactly",
        ),
    ],
)
def two_m_attained() -> Outcome:
    """The columns are σ e_k with σ = ±1. Two of them have the product σ τ δ_kl: 1 on the diagonal, −1 for opposite
    ones, 0 otherwise. ReLU leaves the identity.
    """
    post = sp.Matrix([[1, -1, 0, 0], [-1, 1, 0, 0], [0, 0, 1, -1], [0, 0, -1, 1]])
    pairs = sp.Matrix([[1, -1, 0, 0], [0, 0, 1, -1]])

    def steps(signs: Sequence[int]) -> list[Step]:
        cases = [(a, b, same) for a in (0, 1) for b in (0, 1) for same in (0, 1)]
        return [
            all_cases(
                "ReLU(σ τ δ_kl) is 1 for a column with itself and 0 for two different ones",
                lambda case: (
                    max(signs[case[0]] * signs[case[1]] * case[2], 0) == (1 if case[0] == case[1] and case[2] else 0)
                ),
                cases,
            ),
            identity("the post's vectors are the columns of WᵀW", pairs.T * pairs, post),
        ]

    sizes = range(1, 9)
    return Proof(
        steps((1, -1)),
        Sibling("the same for W = [I, I]", steps((1, 1))),
        certificates=[ExactReconstruction(_antipodal(size)) for size in sizes]
        + [SignPattern(as_matrix([[1, -1, 0, 0], [0, 0, 1, -1]]))],
    )


def _too_many(dimension: int) -> Iterator[Matrix]:
    """Matrices with more than 2m columns: random, nearly valid, and with repeated or zero columns."""
    random = Random(dimension)
    n = 2 * dimension + 1
    for size in (3, 1000, 10**12):
        yield as_matrix([[random.randint(-size, size) for _ in range(n)] for _ in range(dimension)])
    yield as_matrix(
        [[Fraction(random.randint(-99, 99), random.randint(1, 10**15)) for _ in range(n)] for _ in range(dimension)]
    )
    yield as_matrix([[random.gauss(0, 1) for _ in range(n + dimension)] for _ in range(dimension)])
    valid = _antipodal(dimension)
    shrinking = [Fraction(-1, 10**i) for i in range(dimension)]
    for extra in ([Fraction(1)] * dimension, shrinking, [Fraction(0)] * dimension):
        yield tuple((*row, entry) for row, entry in zip(valid, extra, strict=True))
    yield tuple((*row, row[0]) for row in valid)
    yield tuple(
        (*(entry + Fraction(random.randint(-9, 9), 10**30) for entry in row), Fraction(-1, i + 1))
        for i, row in enumerate(valid)
    )


@conjecture(
    "For 80 rational matrices with m = 1, ..., 8 rows and more than 2m columns (random, repeated, zero and nearly "
    "valid columns) the refuter names a pair that violates the criterion",
    source=FREE_DIMENSIONS,
    expected=Verdict.CERTIFIED,
    formal=[
        FormalProof(
            "refuter.v",
            "refuter_always_answers",
            "given n > 2m vectors of length m, the elimination returns a zero vector or a pair with positive "
            "inner product",
        ),
        FormalProof(
            "refuter.v",
            "refute_sound",
            "given any number of vectors of equal length, what the elimination returns is right, or it "
            "returns no answer",
        ),
    ],
)
def refuter_always_answers() -> Outcome:
    """The elimination of the constructive proof, run in exact arithmetic: each certificate holds the matrix, the
    pair, and the pivots that led to it. Some matrices miss the criterion by 10⁻³⁰ only.
    """
    answers = [find_positive_pair(W) for dimension in range(1, 9) for W in _too_many(dimension)]
    found = [answer for answer in answers if answer is not None]
    if len(found) < 80:
        return Open(f"the refuter answered for {len(found)} matrices only")
    return Witness(found)


# ---------------------------------------------------------------------------------------------------------
# What a valid W looks like.


def _takes_apart(W: Matrix) -> bool:
    """Orthogonal components, each independent or with one positive dependency; n − rank W of the second kind."""
    found = structure(W)
    if not isinstance(found, Structure):
        return False
    parts = [(c.dependency, tuple(column(W, i) for i in c.features)) for c in found.components]
    return (
        all(dot(v, w) == 0 for (_, a), (_, b) in combinations(parts, 2) for v in a for w in b)
        and all(rank(part) == len(part) - (c is not None) for c, part in parts)
        and all(min(c) > 0 for c, _ in parts if c is not None)
        and not any(dot(as_vector(c), row) for c, part in parts if c is not None for row in transpose(part))
        and found.dependent == len(W[0]) - rank(W)
    )


_VALID = (
    as_matrix([[1, 2, 0], [-5, 1, 0], [0, 0, 1]]),
    as_matrix([[1, -1, 0], [0, 1, -1], [0, 0, 1]]),
    as_matrix([[2, -1, -1], [0, 3, -3]]),
    as_matrix([[1, 0, 0, -2, 0], [0, 1, 0, -3, 0], [0, 0, 1, 0, -7]]),
    as_matrix([[3, 0, -1, 0, 0, 0], [0, 2, -1, 0, 0, 0], [0, 0, 0, 1, 1, -1], [0, 0, 0, 1, -2, 0]]),
    *map(_antipodal, range(1, 7)),
)


@conjecture(
    "If W satisfies the criterion, the connected components of the graph {i, j : w_i·w_j ≠ 0} are mutually "
    "orthogonal; each is linearly independent, or k + 1 vectors in k dimensions with exactly one dependency, up to "
    "a factor, which is strictly positive; n − rank W is the number of components of the second kind",
    source=FREE_DIMENSIONS,
    expected=Verdict.PROVED,
)
def structure_theorem() -> Outcome:
    """Components are orthogonal by definition. Within one, let Gv = 0. Since G_ij ≤ 0 off the diagonal,
    G_ij |v_i||v_j| ≤ G_ij v_i v_j, so |v|ᵀG|v| ≤ vᵀGv = 0, and G|v| = 0 because G is positive semidefinite.
    If |v_i| = 0, row i says that the non-positive terms G_ij |v_j| sum to 0, so each is 0 and |v_j| = 0 for all
    neighbours j of i; the component is connected, so v = 0. A dependency therefore has no zero entry. Were v not
    of one sign, |v| − v would be a dependency with a zero entry, and so would y_i x − x_i y for two independent
    dependencies x and y. Hence the kernel of a component is {0} or spanned by one positive vector. Orthogonal
    components add their ranks, which counts the dependent ones.

    The decomposition is also computed for eleven matrices, in exact arithmetic.
    """
    x_i, y_i = sp.symbols("x_i y_i", real=True)
    size, a, b = sp.symbols("size a b", nonnegative=True)

    def steps(turn: int) -> list[Step]:
        entry = turn * size  # G_ij off the diagonal
        return [
            sign("G_ij (|v_i||v_j| − v_i v_j) ≤ 0 for v_i = a ≥ 0, v_j = −b ≤ 0", entry * (a * b - a * (-b)), "<= 0"),
            sign("G_ij |v_j| ≤ 0", entry * b, "<= 0"),
            identity("|v| − v vanishes where v ≥ 0", sp.Abs(a) - a, 0),
            identity("y_i x − x_i y vanishes at i", (y_i * x - x_i * y).subs({x: x_i, y: y_i}), 0),
            all_cases("orthogonal parts, positive dependencies, n − rank W of them", _takes_apart, _VALID),
        ]

    return Proof(steps(-1), Sibling("the same if w_i·w_j ≥ 0 for all i ≠ j", steps(1)))


# ---------------------------------------------------------------------------------------------------------
# Wiggle room.


def _room_up_to(largest: Any) -> list[Step]:
    """Strictly obtuse sets of n = `largest` vectors exist in m dimensions, and none of more.

    The quadratic form of nI − J vanishes only where all v_i equal their mean: its rank is n − 1.
    """
    total, squares = sp.symbols("total squares", real=True)
    n = largest
    more = largest + 1 + q
    return [
        identity(
            "vᵀ(nI − J)v = n Σ v_i² − (Σ v_i)² = n Σ (v_i − Σ v_i / n)²",
            n * squares - total**2,
            n * (squares - 2 * (total / n) * total + n * (total / n) ** 2),
        ),
        sign("rank n − 1 ≤ m", sp.expand(m - (n - 1)), ">= 0"),
        sign("the diagonal n − 1 is positive", sp.expand(n - 1), "> 0"),
        sign("beyond, n − m ≥ 2 dependencies", sp.expand(more - m - 2), ">= 0"),
    ]


@conjecture(
    "For every m ≥ 1 and n ≥ 1, the set of m×n matrices that satisfy the criterion has interior iff n ≤ m + 1",
    source=HYPERCUBE,
    expected=Verdict.PROVED,
)
def wiggle_room() -> Outcome:
    """For n = m + 1 the matrix nI − J is positive semidefinite of rank n − 1 = m, so it is WᵀW for some m×n
    matrix W: the simplex. Its products −1 off the diagonal are strictly negative, and stay so for all matrices
    near W. Fewer columns of it do the same for n ≤ m.

    For n ≥ m + 2, an interior point would have, as near as one likes, a valid W with all w_i·w_j ≠ 0 (the zeros of
    these polynomials have no interior). By the structure theorem such a W is a single component and has at most
    one dependency; but it has n − rank W ≥ n − m ≥ 2.
    """
    return Proof(_room_up_to(m + 1), Sibling("the same with n ≤ m + 2", _room_up_to(m + 2)))


@conjecture(
    "The probability that n independent uniform directions in m ≥ 1 dimensions satisfy the criterion decreases "
    "strictly in n until it is 0, which happens first at n = m + 2; in the plane it is 1, 1/2, 1/16, 0 for n = 1, 2, "
    "3, 4",
    source=HYPERCUBE,
    expected=Verdict.PROVED,
)
def wiggle_room_shrinks() -> Outcome:
    """The first n directions of n + 1 valid ones are valid, and a further direction close to the first one, which
    has positive probability, spoils them: so P(n + 1) < P(n) while P(n) > 0. Up to n = m + 1 the valid sets
    contain a neighbourhood of the simplex (wiggle room), so P(n) > 0. From n = m + 2 on, a valid W has more than
    one component, so some product w_i·w_j is exactly 0, which has probability 0.

    In the plane two directions include an angle that is uniform on [0, π], valid from π/2 on. For three, the gaps
    α, β, 2π − α − β are uniform on the triangle of area 2π²; all are ≥ π/2 on a triangle of legs π/2.
    """
    angle, alpha, beta = sp.symbols("angle alpha beta", real=True)
    right = sp.pi / 2

    def steps(largest: Any) -> list[Step]:
        return [
            *_room_up_to(largest),
            identity("n = 2: P = 1/2", sp.integrate(1 / sp.pi, (angle, right, sp.pi)), sp.Rational(1, 2)),
            identity(
                "n = 3: P = 1/16",
                sp.integrate(1 / (2 * sp.pi**2), (beta, right, 3 * right - alpha), (alpha, right, sp.pi)),
                sp.Rational(1, 16),
            ),
        ]

    return Proof(steps(m + 1), Sibling("the same with 0 first at n = m + 3", steps(m + 2)))


@conjecture(
    "At n = 4, m = 2 there is no wiggle room: for every W that satisfies the criterion and every i, the latent "
    "points h with w_i·h > 0 and w_j·h ≤ 0 for all j ≠ i form an open ray, which has no area",
    source=HYPERCUBE,
    expected=Verdict.PROVED,
)
def four_in_a_plane_have_no_area() -> Outcome:
    """By the equality case of the 2m bound, W is two orthogonal pairs, and after a rotation of the plane
    (a, 0), (−b, 0), (0, c), (0, −d) with positive a, b, c, d. For the first feature d (w_3·h) + c (w_4·h) = 0 with
    both products ≤ 0, so both vanish: c h_2 = 0. The conditions that remain are a h_1 > 0 and −b h_1 ≤ 0: the open
    ray of w_1. The others are the same up to a rotation by 90°.
    """
    h = sp.Matrix(sp.symbols("h_1 h_2", real=True))
    a, b, c, d, r = sp.symbols("a b c d r", positive=True)

    def steps(third: sp.Matrix, fourth: sp.Matrix) -> list[Step]:
        return [
            identity("d (w_3·h) + c (w_4·h) = 0", d * third.dot(h) + c * fourth.dot(h), 0),
            identity("w_3·h = c h_2", third.dot(h), c * h[1]),
            sign("w_1·h > 0 on the ray h = (r, 0), r > 0", sp.Matrix([a, 0]).dot(sp.Matrix([r, 0])), "> 0"),
            sign("w_2·h ≤ 0 there", sp.Matrix([-b, 0]).dot(sp.Matrix([r, 0])), "<= 0"),
        ]

    return Proof(
        steps(sp.Matrix([0, c]), sp.Matrix([0, -d])),
        Sibling("at n = 3, m = 2 the same regions have no area", steps(sp.Matrix([-1, c]), sp.Matrix([-1, -d]))),
    )


@conjecture(
    "W = [1, −1] on a line gives back both axis vectors of the plane: ReLU(WᵀWx) = x for x = e_1, e_2",
    source=HYPERCUBE,
    expected=Verdict.CERTIFIED,
)
def two_on_a_line() -> Outcome:
    """WᵀW = [[1, −1], [−1, 1]]: the latent line runs through the regions (+, ≤ 0) and (≤ 0, +)."""
    return Witness([ExactReconstruction(_antipodal(1)), SignPattern(_antipodal(1))])


# ---------------------------------------------------------------------------------------------------------
# Three features in a plane: how mild "mildly rotated" is.


@conjecture(
    "Three non-zero vectors in the plane, of any lengths, satisfy the criterion iff all three angular gaps between "
    "neighbours are at least 90°",
    source=HYPERCUBE,
    expected=Verdict.PROVED,
)
def rotations_of_three() -> Outcome:
    """Lengths do not change signs. If all gaps are at least π/2, write them π/2 + a, π/2 + b, π/2 + c with
    a, b, c ≥ 0; they add up to 2π, so a + b + c = π/2. Every pair is a pair of neighbours, and the cosine of its
    gap is cos(π/2 + a) = −sin a ≤ 0, because 0 ≤ a ≤ π/2. Conversely a gap π/2 − e with 0 < e ≤ π/2 has the
    cosine sin e > 0.

    So "any mildly rotated solution works" is true for mild rotations: from gaps of 120° each of the three
    directions may turn by 15° independently (gaps ≥ 120° − 2·15°). It is far from true for all rotations.
    """
    a, b, c = sp.symbols("a b c", nonnegative=True)
    r = sp.Symbol("r", positive=True)

    def steps(least: Any) -> list[Step]:
        return [
            identity("the excesses a, b, c add up to 2π − 3·π/2 = π/2", 2 * sp.pi - 3 * least, sp.pi / 2),
            between("0 ≤ a ≤ a + b + c", sp.Integer(0), a, a + b + c),
            identity("cos(least gap + a) = −sin a", sp.cos(least + a), -sp.sin(a)),
            sign("sin a ≥ 0 for a = arctan t, t ≥ 0 (and sin π/2 = 1)", sp.sin(sp.atan(t)), ">= 0"),
            identity("a gap that is smaller by e has the cosine sin e", sp.cos(least - a), sp.sin(a)),
            sign("sin e > 0 for e = arctan r, r > 0", sp.sin(sp.atan(r)), "> 0"),
            sign("gaps of 120° may lose 15° twice", 2 * sp.pi / 3 - 2 * sp.pi / 12 - least, ">= 0"),
        ]

    return Proof(steps(sp.pi / 2), Sibling("the same with gaps of at least 60°", steps(sp.pi / 3)))


@conjecture(
    "Let the rows of W be an orthonormal basis of a plane in ℝ³ with unit normal u. W satisfies the criterion iff u is "
    "not an axis and no two coordinates of u have opposite signs; so the plane normal to (1, 1, 1) may be tilted in "
    "every direction by up to arcsin(1/√3) ≈ 35.26°, and not further in every direction",
    source=HYPERCUBE,
    expected=Verdict.PROVED,
)
def tilts_of_the_plane() -> Outcome:
    """The rows of W and u are an orthonormal basis, so WᵀW + uuᵀ = I and WᵀW has the entries −u_i u_j off the
    diagonal and 1 − u_i² = u_j² + u_k² on it. The first are ≤ 0 for all pairs iff no two coordinates have opposite
    signs; the second are positive unless u is an axis.

    Tilted by the angle θ, u = cos θ (1, 1, 1)/√3 + sin θ v with a unit vector v = (x, y, −x − y). Here x² ≤ 2/3,
    since (2/3)‖v‖² − x² = (x + 2y)²/3, and the same for the other coordinates. So u_i ≥ (cos θ − √2 sin θ)/√3,
    and this is ≥ 0 iff cos² θ ≥ 2 sin² θ, that is sin² θ ≤ 1/3. The bound is reached by v = (1, 1, −2)/√6: tilted
    further that way, the third coordinate is negative and the two others are positive.
    """
    v_1, v_2 = sp.symbols("v_1 v_2", real=True)
    theta = sp.Symbol("theta", real=True)
    height = sp.cos(theta) ** 2 - 2 * sp.sin(theta) ** 2
    worst = sp.Matrix([1, 1, -2]) / sp.sqrt(6)

    def steps(limit: Any) -> list[Step]:
        return [
            sign("−u_i u_j ≤ 0 for coordinates of one sign", -x * y, "<= 0"),
            sign("−u_i u_j > 0 for opposite signs", -(1 + x) * -(1 + y), "> 0"),
            identity(
                "‖v‖²·2/3 − x² = (x + 2y)²/3",
                sp.Rational(2, 3) * (v_1**2 + v_2**2 + (v_1 + v_2) ** 2) - v_1**2,
                (v_1 + 2 * v_2) ** 2 / 3,
            ),
            identity("cos² θ − 2 sin² θ = 3 (limit² − sin² θ)", height, 3 * (limit**2 - sp.sin(theta) ** 2)),
            sign("3 (limit² − sin² θ) ≥ 0 for sin² θ = limit² − d", sp.expand(3 * (limit**2 - (limit**2 - d))), ">= 0"),
            identity("v = (1, 1, −2)/√6 is a unit vector", worst.dot(worst), 1),
            identity("normal to (1, 1, 1)", sum(worst), 0),
            identity("with v_3 = −√(2/3)", worst[2], -sp.sqrt(sp.Rational(2, 3))),
        ]

    return Proof(
        steps(1 / sp.sqrt(3)), Sibling("the same with tilts of up to 45° = arcsin(1/√2)", steps(1 / sp.sqrt(2)))
    )
