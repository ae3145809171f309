"""The small claims: simplices, snapping, what rows and columns of W are, pigeonholes, X = I, random pictures.

Sentences that the post makes in passing, each with the condition under which it is true.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from relugeom import (
    Counterexample,
    Outcome,
    Proof,
    RankBound,
    Sample,
    Sibling,
    SignPattern,
    Step,
    Verdict,
    all_cases,
    as_matrix,
    conjecture,
    identity,
    sign,
)

__all__: list[str] = []

EXPLANATION_1 = 'Post, "Explanation 1: The effective dimensionality of the points is low"'
EXPLANATION_2 = 'Post, "Explanation 2: The ReLU Hypercube"'
ROLE_OF_W = 'Post, "The role of W"'

p = sp.Symbol("p", integer=True, nonnegative=True)
n = 2 + p
J = sp.Symbol("J")


def reduced(matrix: sp.Expr, size: sp.Expr) -> sp.Expr:
    """A polynomial in the all-ones matrix J of the given size, brought to the form α + βJ by J² = size·J."""
    return sp.rem(sp.expand(matrix), J**2 - size * J, J)


# Simplices, and what linear maps can do.


@conjecture(
    "For every n ≥ 2 the axis vectors e_1, …, e_n are affinely independent: they span an (n−1)-simplex",
    source=EXPLANATION_1,
    expected=Verdict.PROVED,
)
def axis_vectors_form_a_simplex() -> Outcome:
    """The differences e_i − e_n, i < n, are linearly independent: their Gram matrix I + J of size n − 1 is invertible.

    (e_i − e_n)·(e_j − e_n) = δ_ij + 1. With J² = (n − 1)J the inverse is I − J/n.
    """

    def steps(size: sp.Expr, shared: sp.Expr) -> list[Step]:
        pivot = 1 + shared * size
        return [
            sign("1 + shared·size, which the inverse divides by, is not 0", pivot, "!= 0"),
            identity(
                "(I + shared·J)(pivot·I − shared·J) = pivot·I",
                reduced((1 + shared * J) * (pivot - shared * J), size),
                pivot,
            ),
        ]

    return Proof(
        steps=steps(n - 1, sp.Integer(1)),
        sibling=Sibling("the n centred vectors e_i − (1/n)Σe_j are linearly independent", steps(n, -1 / n)),
    )


@conjecture(
    "Any n points in ℝⁿ form an (n−1)-simplex",
    source=f'{EXPLANATION_1}, where it is said to hold "in general"',
    expected=Verdict.REFUTED,
)
def any_points_form_a_simplex() -> Outcome:
    """True if they are affinely independent, as the axis vectors and almost all n points are.

    Three points on a line are not.
    """
    differences = as_matrix([[1, 2], [1, 2], [1, 2]])
    return Counterexample(
        by_hand="n = 3: (0,0,0), (1,1,1), (2,2,2) lie on a line. The differences (1,1,1) and (2,2,2) from the "
        "first are proportional, rank 1 instead of 2.",
        certificates=[RankBound(differences, as_matrix([[1], [1], [1]]), as_matrix([[1, 2]]))],
    )


@conjecture(
    "For every n ≥ 2 some (n−1)×n matrix W and bias b give WᵀWe_i + b = e_i for every i, without any ReLU",
    source=EXPLANATION_1,
    expected=Verdict.PROVED,
)
def affine_maps_suffice() -> Outcome:
    """Explanation 1, with the bias that it needs: the axis vectors lie in a plane that misses the origin.

    I − J/n is symmetric and its own square, a projection, whose rank is its trace n − 1; so it is WᵀW with the
    n − 1 rows of W an orthonormal basis of its range. With b = 1/n in every entry, WᵀW + b1ᵀ = I − J/n + J/n.
    """

    def steps(dimension: sp.Expr) -> list[Step]:
        return [
            identity("(I − J/n)² = I − J/n, by J² = nJ", reduced((1 - J / n) ** 2, n), 1 - J / n),
            identity("its trace is the latent dimension", n * (1 - 1 / n), dimension),
            identity("the bias restores I", (1 - J / n) + J / n, 1),
        ]

    return Proof(steps=steps(n - 1), sibling=Sibling("some (n−2)×n matrix W does it", steps(n - 2)))


@conjecture(
    "For every n ≥ 2 some R and some W with n − 1 rows give RWe_i = e_i for every i: the effective dimension of "
    "the axis vectors is n − 1, so a linear map without a bias loses nothing",
    source=EXPLANATION_1,
    expected=Verdict.REFUTED,
)
def linear_maps_suffice() -> Outcome:
    """The simplex has dimension n − 1 but the vectors span n dimensions: without a bias, W has a kernel."""

    def steps(m: int, size: int) -> list[Step]:
        W = sp.Matrix(m, size, sp.symbols(f"w:{m * size}"))
        R = sp.Matrix(size, m, sp.symbols(f"r:{m * size}"))
        return [identity(f"det RW = 0 for all R, W with m = {m}, n = {size}, while det I = 1", (R * W).det(), 0)]

    return Counterexample(
        by_hand="n = 2, m = 1: R = (c, d)ᵀ, W = (a, b) give RW = [[ca, cb], [da, db]]. ca = 1 and cb = 0 force b "
        "= 0, and then db = 0 ≠ 1. In general det RW = 0, as W has a kernel, and det I = 1.",
        steps=[*steps(1, 2), *steps(2, 3)],
        sibling=Sibling("det RW = 0 for all R, W also with m = n = 2", [*steps(1, 2), *steps(2, 2)]),
    )


# Snapping to the axes.


@conjecture(
    "If the n coordinates of a random point have independent, symmetric signs and are never 0, ReLU puts it on an "
    "axis (one positive coordinate exactly) with probability n/2ⁿ, which tends to 0",
    source=f"{EXPLANATION_2}: a lot of points",
    expected=Verdict.PROVED,
)
def snapping_is_rare() -> Outcome:
    """True in low dimension only: ½ at n = 1 and 2, 3/8 at n = 3, under 1 % at n = 10.

    All 2ⁿ sign patterns are equally likely. Those with k plus signs are counted by the coefficient of xᵏ in
    (1 + x)ⁿ; for k = 1 that is the derivative at 0.
    """
    size = sp.Symbol("n", positive=True)
    x = sp.Symbol("x")

    def steps(favourable: sp.Expr) -> list[Step]:
        return [
            identity("the coefficient of x in (1 + x)ⁿ", sp.diff((1 + x) ** size, x).subs(x, 0), favourable),
            all_cases(
                "counted one by one",
                lambda k: sum(signs.count(1) == 1 for signs in product((1, -1), repeat=k)) == favourable.subs(size, k),
                range(1, 11),
            ),
            identity("the probability tends to 0", sp.limit(favourable / 2**size, size, sp.oo), 0),
        ]

    return Proof(steps=steps(size), sibling=Sibling("the probability is 2n/2ⁿ", steps(2 * size)))


@conjecture(
    "A standard normal point in ℝ¹⁰ has exactly one positive coordinate with probability 10/1024",
    source=f"{EXPLANATION_2}: a lot of points",
    expected=Verdict.MEASURED,
)
def random_points_on_axes() -> Outcome:
    """The value of `snapping-is-rare` at n = 10, by throwing points."""

    def draw(seed: int, trials: int) -> Iterable[bool]:
        points = np.random.default_rng(seed).standard_normal((trials, 10))
        single: NDArray[np.bool_] = np.count_nonzero(points > 0, axis=1) == 1
        return single

    return Sample("P(exactly one positive coordinate)", draw, 50_000, expected=10 / 1024)


# Three features in the plane: how mild is "mildly rotated"?


@conjecture(
    "Three independent uniform directions in the plane satisfy the criterion without a bias with probability 1/16",
    source='Post, "Explanation 2": any mildly rotated solution will work',
    expected=Verdict.PROVED,
)
def three_directions_fit() -> Outcome:
    """They fit iff all three gaps are at least 90°: then every angle is, and every inner product is ≤ 0.

    Turn the first direction to 0. The gaps, as parts of the full turn, are uniform on the triangle x, y ≥ 0,
    x + y ≤ 1 (spacings of uniform points, a standard fact), of area ½. Those with all parts ≥ a fill a triangle.
    """
    x, y = sp.symbols("x y", positive=True)

    def steps(a: sp.Rational) -> list[Step]:
        area = sp.integrate(sp.integrate(1, (y, a, 1 - a - x)), (x, a, 1 - 2 * a))
        return [
            identity("all three gaps ≥ a fill 1/16 of the triangle", area / sp.Rational(1, 2), sp.Rational(1, 16)),
            identity("the least gap is a right angle: cos 2πa = 0", sp.cos(2 * sp.pi * a), 0),
        ]

    return Proof(
        steps=steps(sp.Rational(1, 4)),
        sibling=Sibling("three uniform directions have all gaps ≥ 60° with probability 1/16", steps(sp.Rational(1, 6))),
    )


def fits(W: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The criterion without a bias, for a batch of W of shape (..., m, n)."""
    size = W.shape[-1]
    gram = np.swapaxes(W, -1, -2) @ W
    off_diagonal: NDArray[np.bool_] = np.all((gram <= 0) | np.eye(size, dtype=bool), axis=(-1, -2))
    return off_diagonal


@conjecture(
    "Three random directions in the plane fit without a bias with probability 1/16",
    source='Post, "Explanation 2": any mildly rotated solution will work',
    expected=Verdict.MEASURED,
)
def random_directions_fit() -> Outcome:
    """The value of `three-directions-fit`, by throwing directions."""

    def draw(seed: int, trials: int) -> Iterable[bool]:
        return fits(np.random.default_rng(seed).standard_normal((trials, 2, 3)))

    return Sample("P(three directions fit)", draw, 50_000, expected=1 / 16)


@conjecture(
    "A uniformly random plane in ℝ³, W its orthonormal basis in rows, satisfies the criterion with probability 1/4",
    source='Post, "Explanation 2": the plane has some wiggleroom to pivot',
    expected=Verdict.PROVED,
)
def random_plane_fits() -> Outcome:
    """WᵀW is the projection P = I − uuᵀ along the unit normal u, with −u_i u_j off the diagonal.

    No entry off the diagonal is positive iff all u_i have the same sign (almost surely none is 0, and the diagonal
    1 − u_i² is positive). Reflections in the axes leave the uniform distribution alone, so all 8 sign patterns are
    equally likely, and 2 of them will do.
    """

    def steps(size: int) -> list[Step]:
        u = sp.Matrix(sp.symbols(f"u:{size}", real=True))
        P = sp.eye(size) - u * u.T
        alike = [signs for signs in product((1, -1), repeat=size) if all(a * b > 0 for a in signs for b in signs)]
        return [
            identity("P² − P = (‖u‖² − 1)uuᵀ: a projection when ‖u‖ = 1", P * P - P, (u.dot(u) - 1) * u * u.T),
            identity("P kills u then: Pu = (1 − ‖u‖²)u", P * u, (1 - u.dot(u)) * u),
            identity("sign patterns that agree, of all", sp.Rational(len(alike), 2**size), sp.Rational(1, 4)),
        ]

    return Proof(steps=steps(3), sibling=Sibling("the same for a random hyperplane in ℝ⁴", steps(4)))


@conjecture(
    "A random plane in ℝ³ shows all three axes apart with probability 1/4",
    source='Post, "Explanation 2": the plane has some wiggleroom to pivot',
    expected=Verdict.MEASURED,
)
def random_planes_fit() -> Outcome:
    """The value of `random-plane-fits`, by throwing planes."""
    return Sample(
        "P(a random plane fits)", lambda seed, trials: fits(random_planes(seed, trials, 3)), 50_000, expected=0.25
    )


def random_planes(seed: int, trials: int, size: int) -> NDArray[np.float64]:
    """Orthonormal bases, shape (trials, 2, size), of uniformly random planes in ℝ^size."""
    spanning = np.random.default_rng(seed).standard_normal((trials, size, 2))
    return np.swapaxes(np.linalg.qr(spanning)[0], -1, -2)


@conjecture(
    "How often a uniformly random plane projects the five axes of the 5-cube asymmetrically: their largest projected "
    "norm, or the largest gap between neighbours, is at least twice the smallest",
    source='Post, "Imperfect Reconstruction: n > 2m": a randomly sampled orientation of a hypercube',
    expected=Verdict.MEASURED,
)
def random_hypercube_projection() -> Outcome:
    """In the regular picture both ratios are 1; a factor of 2 in either is plain to the eye."""

    def draw(seed: int, trials: int) -> Iterable[bool]:
        W = random_planes(seed, trials, 5)
        norms = np.linalg.norm(W, axis=1)
        angles = np.sort(np.arctan2(W[:, 1], W[:, 0]), axis=1)
        gaps = np.diff(angles, axis=1, append=angles[:, :1] + 2 * np.pi)
        asymmetric: NDArray[np.bool_] = norms.max(axis=1) >= 2 * norms.min(axis=1)
        asymmetric |= gaps.max(axis=1) >= 2 * gaps.min(axis=1)
        return asymmetric

    return Sample("P(asymmetric)", draw, 50_000)


# Rows, columns and zones.


@conjecture(
    "For W ∈ ℝ^{2×3}: the latent vector is Wx = Σ x_j w_j with w_j the columns, so these are the features; the "
    "decoded vector Wᵀh = Σ h_r (row r) lies in the span of the rows, so these span the latent plane in ℝ³",
    source=f'{ROLE_OF_W}; the caption "features (rows of W)" has it the other way round',
    expected=Verdict.PROVED,
)
def columns_are_features() -> Outcome:
    """Both are the definition of the matrix product, read by columns and by rows; any shape goes the same way.

    In the post's convention W is m×n. The caption to Anthropic's figure calls the rows features: there are only two.
    """
    W = sp.Matrix(2, 3, sp.symbols("w:6"))
    x, h = sp.Matrix(sp.symbols("x:3")), sp.Matrix(sp.symbols("h:2"))

    def combined(coefficients: sp.Matrix, vectors: list[sp.Matrix]) -> sp.Matrix:
        # The first two entries are compared, so that rows can stand in for columns in the false sibling.
        return sum((a * v[:2, :] for a, v in zip(coefficients, vectors, strict=False)), sp.zeros(2, 1))

    columns, rows = [W.col(j) for j in range(3)], [W.row(r).T for r in range(2)]

    def steps(features: list[sp.Matrix]) -> list[Step]:
        return [
            identity("Wx = Σ x_j · feature j", W * x, combined(x, features)),
            identity("Wᵀh = Σ h_r · row r", W.T * h, sum((h[r] * rows[r] for r in range(2)), sp.zeros(3, 1))),
        ]

    return Proof(steps=steps(columns), sibling=Sibling("the rows of W are the features", steps(rows)))


@conjecture(
    "In the plane, the zone of inputs whose output is on axis i is bounded by lines w_j·h + b_j = 0, and the edge "
    "that feature j cuts is perpendicular to w_j",
    source='Post, "Question 1": the clipped corner is perpendicular to the short vectors',
    expected=Verdict.PROVED,
)
def clipped_edge_normal() -> Outcome:
    """The zone is {h : w_i·h + b_i > 0 and w_j·h + b_j ≤ 0 for j ≠ i}, a polygon.

    If h and h' lie on the edge cut by j then w_j·(h − h') = (w_j·h + b_j) − (w_j·h' + b_j) = 0 − 0. A short w_j
    with a negative b_j is far from the origin, at |b_j|/‖w_j‖, and clips a corner only. In an untied model the row
    M_j takes the place of w_j.
    """
    w_i, w_j, h, other = (sp.Matrix(sp.symbols(f"{name}:2", real=True)) for name in ("v", "w", "h", "k"))
    b = sp.Symbol("b", real=True)

    def steps(normal: sp.Matrix) -> list[Step]:
        on_edge = (w_j.dot(h) + b) - (w_j.dot(other) + b)
        foot = -b * normal / normal.dot(normal)
        return [
            identity("normal·(h − h') is the difference of two zeros", normal.dot(h - other), on_edge),
            identity("the foot of the perpendicular, −b w_j/‖w_j‖², lies on the line", w_j.dot(foot) + b, 0),
        ]

    return Proof(steps=steps(w_j), sibling=Sibling("the edge is perpendicular to w_i", steps(w_i)))


# How many examples, and which data.


@conjecture(
    "For n ≥ 2, among any n + 1 examples each of which a model with n outputs sends to a single positive output, "
    "two share that output",
    source='Post, "Can this really generalize to higher dimensions?": by the pigeonhole argument',
    expected=Verdict.PROVED,
)
def pigeonhole_on_the_axes() -> Outcome:
    """If every axis held at most one example there would be at most n·1 < n + 1 of them.

    So data that use an axis once only number at most n. The sibling asks for three on one axis.
    """

    def steps(shared: int) -> list[Step]:
        return [sign("n + 1 examples exceed the places", n + 1 - n * (shared - 1), "> 0")]

    return Proof(steps=steps(2), sibling=Sibling("three of the n + 1 examples share an output", steps(3)))


@conjecture(
    "ReLU(WᵀWx + b) with n features memorises at most n examples, whatever non-negative examples these are",
    source='Post, "Can this really generalize to higher dimensions?": any number that is ≤ n, taken beyond axial data',
    expected=Verdict.REFUTED,
)
def at_most_n_examples() -> Outcome:
    """On the axes, which the post has in mind, it is right (`pigeonhole-on-the-axes`). The pigeonhole counts axes, and
    general data need not be on axes.

    W = I returns every non-negative vector. Even m = 1 returns infinitely many: with ‖w‖ = 1 as a row, WᵀW is the
    projection onto the row, and a non-negative row is returned with all its positive multiples.
    """
    a = sp.Symbol("a", positive=True)

    def steps(second: int) -> list[Step]:
        W, x = sp.Matrix([[sp.Rational(3, 5), sp.Rational(second, 5)]]), sp.Matrix([3 * a, second * a])
        return [
            identity("WᵀWx = x for x = a·(3, second)", W.T * W * x, x),
            sign("ReLU leaves it alone: the second entry is ≥ 0", second * a, ">= 0"),
        ]

    return Counterexample(
        by_hand="n = 2, m = 1: W = (3/5, 4/5), b = 0. At x = (3a, 4a) the latent value is (9a + 16a)/5 = 5a, and "
        "Wᵀ sends it to (3a, 4a): every multiple a > 0 is memorised. With W = I (m = n = 2) all of (1,0), (0,1), "
        "(1,1) are.",
        certificates=[SignPattern(as_matrix([[1, 0], [0, 1]]), active=2)],
        steps=steps(4),
        sibling=Sibling("W = (3/5, −4/5) memorises a·(3, −4)", steps(-4)),
    )


@conjecture(
    "For orthonormal non-negative examples x_1, …, x_T (columns of X) and any model (V, β) of T features, the "
    "model W = VXᵀ, b = Xβ has the same loss on x_1, …, x_T as (V, β) has on the identity",
    source='Post, "Can this really generalize to higher dimensions?": X = I without loss of generality',
    expected=Verdict.PROVED,
)
def orthonormal_data_are_axes() -> Outcome:
    """Without loss of generality, for data whose supports do not meet.

    Where x_s and x_t are both positive their inner product would be positive, as no entry is negative; so the
    supports are disjoint. Wx_t = VXᵀx_t = Ve_t. At a coordinate i in the support of x_s, with entry a > 0,
    (WᵀWx_t + b)_i = Σ_r X_ir (VᵀV)_rt + (Xβ)_i = a·((VᵀV)_st + β_s), because X_ir = 0 for the other r. ReLU
    commutes with a > 0, so the error there is a times the error ρ_st of (V, β); the squares add up to ρ_st², since
    Σ a² = ‖x_s‖² = 1. Coordinates in no support give 0 and should.
    """
    a, y = sp.symbols("a y", positive=True)
    G_st, G_rt, beta_s, beta_r, rho = sp.symbols("G_st G_rt beta_s beta_r rho", real=True)

    def steps(overlap: sp.Expr) -> list[Step]:
        z = (a * G_st + overlap * G_rt) + (a * beta_s + overlap * beta_r)
        return [
            sign("two positive entries would give a positive inner product", a * y, "> 0"),
            identity("(WᵀWx_t + b)_i = a((VᵀV)_st + β_s)", z, a * (G_st + beta_s)),
            sign("ReLU(ay) = a ReLU(y): y and ay are positive together", a * y, "> 0"),
            sign("… and negative together", -a * y, "< 0"),
            identity(
                "(aρ)² + (yρ)² = (a² + y²)ρ²: unit norm adds the squares up to ρ²",
                (a * rho) ** 2 + (y * rho) ** 2,
                (a**2 + y**2) * rho**2,
            ),
        ]

    return Proof(
        steps=steps(sp.Integer(0)),
        sibling=Sibling("the same for non-negative unit examples that overlap", steps(sp.Symbol("e", positive=True))),
    )


@conjecture(
    "Two of the post's samples (n = 10,000 entries, each non-zero with probability 0.001) have overlapping "
    "supports with probability 1 − (1 − 10⁻⁶)^10000 ≈ 0.00995",
    source='Post, "The Problem Set-Up" and X = I without loss of generality',
    expected=Verdict.MEASURED,
)
def two_samples_overlap() -> Outcome:
    """An entry is active in both with probability p² = 10⁻⁶, independently over the 10,000 entries.

    So any two samples are almost always orthogonal, while among T samples of a large set overlaps are the rule:
    about T²/200 pairs. Supports are drawn as positions separated by geometric gaps.
    """
    size, active, most = 10_000, 1e-3, 48

    def draw(seed: int, trials: int) -> Iterable[bool]:
        rng = np.random.default_rng(seed)
        positions = np.cumsum(rng.geometric(active, (2, trials, most)), axis=2)
        # Positions beyond the last entry must not meet: they are sent to different places for the two samples.
        beyond = positions > size
        positions[beyond] = np.arange(-np.count_nonzero(beyond), 0)
        merged = np.sort(np.concatenate(positions, axis=1), axis=1)
        overlap: NDArray[np.bool_] = np.any(np.diff(merged, axis=1) == 0, axis=1)
        return overlap

    return Sample("P(overlap)", draw, 50_000, expected=1 - (1 - active**2) ** size)
