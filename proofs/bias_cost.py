"""What the bias buys and what it costs: when one exists, and how active a feature must then be.

G = WᵀW. An input a·e_i, 0 < a ≤ 1, gives output j the value a G_ij + b_j. The threshold of a model is the least t
such that for every i and every t < a ≤ 1 the outputs that are positive at a·e_i are exactly output i.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from relugeom import (
    ActivationThreshold,
    Counterexample,
    NotDecodable,
    Outcome,
    Proof,
    RankBound,
    Sibling,
    SignPattern,
    Step,
    Verdict,
    WeightedSupport,
    Witness,
    all_cases,
    as_matrix,
    between,
    conjecture,
    identity,
    sign,
)
from relugeom.capacity.searches.sensitivity import MEAN_BELOW_HEXAGON
from relugeom.exact.rationals import Matrix, Vector, dot, transpose

GAP = 'Post, "Question 1"; Olah and Henighan on the large angular gap'
COST = 'Post, "Cost of absorbing interference: decrease sensitivity"'

# Numbers that range over a half-line: `t`, `r`, `R` are > 0 and `u`, `v`, `w` are ≥ 0.
r, s, t = sp.symbols("r s t", positive=True)
u, v, w = sp.symbols("u v w", nonnegative=True)


# When a bias exists


def _some_bias(margin: Any) -> list[Step]:
    """With M = max G_ij over i ≠ j and G_jj = M + margin, b_j = −M works; true for a positive margin."""
    largest, bias = sp.symbols("M b", real=True)
    return [
        sign("b_j = −M: the diagonal M + margin − M is positive", (largest + margin) - largest, "> 0"),
        sign("b_j = −M: the entries M − u off it are not", (largest - u) - largest, "<= 0"),
        sign(
            "if G_ij = G_jj + u, then G_jj + b > 0 makes G_ij + b > 0, whatever b",
            (largest + u + bias).subs(bias, t - largest),
            "> 0",
        ),
    ]


@conjecture(
    "A tied model has a bias with which it meets the criterion if and only if w_i·w_j < ‖w_j‖² for all i ≠ j",
    source=GAP,
    expected=Verdict.PROVED,
)
def bias_exists() -> Outcome:
    """Each b_j enters only output j, whose values are G_ij + b_j. A shift can bring G_jj above zero and all others
    to zero or below iff G_jj is the only maximum of its column: then b_j = −max G_ij does it.
    """
    return Proof(_some_bias(t), Sibling("It does iff w_i·w_j ≤ ‖w_j‖² for all i ≠ j.", _some_bias(u)))


def _angular_gap(shorter: Any, longer: Any) -> list[Step]:
    """cos θ < shorter/longer is both conditions on a pair with radii shorter ≤ longer."""
    bound = shorter / longer
    product = shorter * longer
    return [
        sign("below the bound, w_i·w_j < the shorter squared", shorter**2 - product * (bound - t), "> 0"),
        sign("and w_i·w_j < the longer squared", longer**2 - product * (bound - t), "> 0"),
        sign("from the bound on, w_i·w_j ≥ the shorter squared", product * (bound + u) - shorter**2, ">= 0"),
    ]


@conjecture(
    "For non-zero columns with radii r_i and angles θ_ij, a bias with the criterion exists if and only if "
    "cos θ_ij < min(r_i/r_j, r_j/r_i) for all i ≠ j",
    source=GAP,
    expected=Verdict.PROVED,
)
def bias_angular_gap() -> Outcome:
    """w_i·w_j = r_i r_j cos θ must be below r_i² and below r_j². For radii r ≤ R = r + v only the first binds, and
    it says cos θ < r/R: the more unequal the radii, the larger the angle they need. (A column w_j = 0 never meets
    w_i·w_j < ‖w_j‖².)
    """
    return Proof(
        _angular_gap(r, r + v),
        Sibling("For radii r < R the condition is cos θ < R/r, hence none.", _angular_gap(r + t, r)),
    )


def _exact_gap(bound: Any, longer: Any) -> list[Step]:
    """cos θ ≤ bound is both conditions of exact reconstruction on radii r ≤ longer; true for (r² − 1)/(r·longer)."""
    product = r * longer
    return [
        identity("b_j = 1 − ‖w_j‖² makes the diagonal 1", r**2 + (1 - r**2), 1),
        sign("up to the bound, w_i·w_j ≤ r² − 1", product * (bound - u) - (r**2 - 1), "<= 0"),
        sign("and w_i·w_j ≤ R² − 1", product * (bound - u) - (longer**2 - 1), "<= 0"),
        sign("beyond it, w_i·w_j > r² − 1", product * (bound + t) - (r**2 - 1), "> 0"),
    ]


@conjecture(
    "ReLU(WᵀW + b) = I exactly if and only if b_j = 1 − ‖w_j‖² and w_i·w_j ≤ ‖w_j‖² − 1 for all i ≠ j; a pair with "
    "radii r ≤ R meets this if and only if cos θ ≤ (r² − 1)/(rR)",
    source=GAP,
    expected=Verdict.PROVED,
)
def exact_angular_gap() -> Outcome:
    """An output 1 on the diagonal is ‖w_j‖² + b_j = 1, an output 0 off it is w_i·w_j + b_j ≤ 0. For a pair, the
    condition with the smaller of r² − 1 and R² − 1 implies the other.
    """
    longer = r + v
    return Proof(
        _exact_gap((r**2 - 1) / (r * longer), longer),
        Sibling("The bound is 1 − 1/(rR) instead.", _exact_gap(1 - 1 / (r * longer), longer)),
    )


# Thresholds


def _own_output(bias: Any) -> list[Step]:
    """At a·e_i the own output is positive iff a > −b_i/‖w_i‖², a positive number; true for b_i < 0."""
    threshold = -bias / r**2
    return [
        sign("the threshold is positive", threshold, "> 0"),
        sign("above it the output is positive", (threshold + s) * r**2 + bias, "> 0"),
        sign("up to it the output is not", (threshold - u) * r**2 + bias, "<= 0"),
    ]


@conjecture(
    "With w_i ≠ 0 and b_i < 0, feature i is reconstructed from a·e_i, a > 0, only if it is active enough: output i is "
    "positive if and only if a > −b_i/‖w_i‖², a positive number",
    source=COST,
    expected=Verdict.PROVED,
)
def active_enough() -> Outcome:
    """Output i at a·e_i is a‖w_i‖² + b_i, an increasing function of a with this zero."""
    return Proof(_own_output(-t), Sibling("The same for b_i = 0.", _own_output(sp.Integer(0))))


def _other_outputs(bias: Any) -> list[Step]:
    """Output j ≠ i stays off at a·e_i for a = 1 − α, 0 ≤ α < 1, if it is off at a = 1; true for b_j ≤ 0."""
    product, alpha = sp.Symbol("G", real=True), u / (1 + u)
    at_one = sp.Symbol("z", nonpositive=True)
    return [
        identity(
            "a G + b = (1 − α)(G + b) + αb for a = 1 − α",
            (1 - alpha) * product + bias,
            (1 - alpha) * (product + bias) + alpha * bias,
        ),
        sign("G + b ≤ 0 and b ≤ 0 make it ≤ 0", (1 - alpha) * at_one + alpha * bias, "<= 0"),
    ]


@conjecture(
    "If b ≤ 0 and the tied model meets the criterion, then for 0 < a ≤ 1 the outputs that are positive at a·e_i are "
    "exactly output i if and only if a > −b_i/‖w_i‖²",
    source=COST,
    expected=Verdict.PROVED,
)
def activation_threshold() -> Outcome:
    """Output i is positive iff a‖w_i‖² > −b_i. Every other output at a·e_i lies between b_j ≤ 0 (a → 0) and
    G_ij + b_j ≤ 0 (a = 1), so it stays off. With b_j > 0 it would fire at small a.
    """
    off = -v
    own = [
        sign("above −b/‖w‖² the own output is positive", (v / r**2 + s) * r**2 + off, "> 0"),
        sign("up to it, it is not", (v / r**2 - u) * r**2 + off, "<= 0"),
    ]
    return Proof(own + _other_outputs(off), Sibling("The same for biases of any sign.", own + _other_outputs(t - v)))


def _worst_case(first: Any, second: Any) -> list[Step]:
    """t r_j = r_i c + first and t r_i = r_j c + second force t ≥ c; true when both are ≥ 0."""
    r_i, r_j, c = sp.symbols("r_i r_j c", positive=True)
    squares = (r_i * c + first) * (r_j * c + second) - r_i * r_j * c**2
    return [
        sign("t² r_i r_j ≥ c² r_i r_j", squares, ">= 0"),
        sign("unit columns, b = −β, cos θ ≤ β: others at a = 1 − α stay off", (1 - u / (1 + u)) * (v - w) - v, "<= 0"),
        sign("unit columns: the own output a − β is positive for a > β", (v + s) - v, "> 0"),
    ]


@conjecture(
    "For m ≥ 2 and n ≥ 2, the least t for which some tied (W, b) has exactly output i positive at every a·e_i, t < a "
    "≤ 1, is max(0, c(m, n)), with c(m, n) the least possible largest cosine between n unit vectors in m dimensions: "
    "unequal norms or biases never help the worst case",
    source=COST + ", sharpened",
    expected=Verdict.PROVED,
)
def worst_threshold() -> Outcome:
    """Let t be the threshold. Just above t output j is positive at a·e_j, so t‖w_j‖² + b_j ≥ 0; at a = 1 it is off
    at e_i, so w_i·w_j + b_j ≤ 0. Together t‖w_j‖² ≥ w_i·w_j, that is t r_j ≥ r_i cos θ, and by symmetry t r_i ≥ r_j
    cos θ. Where cos θ > 0 the product gives t ≥ cos θ; the largest cosine is at least c(m, n), and t ≥ 0 anyway.
    (For t = 1 there is nothing to show; for t < 1 no column is 0: its output would be b_j > 0 at every input.)

    It is attained by n unit columns whose largest cosine is c(m, n), which exist by compactness, with b = −max(0, c)
    in every entry: at a·e_i the own output is a − β and another a cos θ − β ≤ 0.
    """
    free = sp.Symbol("x", real=True)
    return Proof(
        _worst_case(v, w),
        Sibling("One of the two inequalities, t r_j ≥ r_i cos θ, already forces t ≥ cos θ.", _worst_case(v, free)),
    )


def _thresholds(W: Matrix) -> Vector:
    """−b_i/‖w_i‖² with the bias nearest to zero that works, b_i = −max(0, w_j·w_i)."""
    columns = transpose(W)
    return tuple(max([Fraction(0)] + [dot(x, y) for y in columns if y is not x]) / dot(x, x) for x in columns)


SIX = MEAN_BELOW_HEXAGON
SIX_SHORTER = as_matrix([[10, 10, 8, 8, -9, -9], [1, -1, 15, -15, 8, -8]])


@conjecture(
    "For n = 6, m = 2 no tied W has thresholds −b_i/‖w_i‖² with a mean below cos(2π/6) = 1/2, that of the regular "
    "hexagon",
    source=COST + ", the mean in place of the worst case",
    expected=Verdict.REFUTED,
)
def mean_threshold() -> Outcome:
    """Two features in nearly one direction give up (thresholds near 1), and the other four, longer, gain more."""

    def steps(W: Matrix) -> list[Step]:
        return [
            all_cases("every threshold is below 1", lambda x: x < 1, _thresholds(W)),
            all_cases("their mean is below 1/2", lambda total: total / 6 < Fraction(1, 2), [sum(_thresholds(W))]),
        ]

    norms = [dot(x, x) for x in transpose(SIX)]
    bias = tuple(-x * norm for x, norm in zip(_thresholds(SIX), norms, strict=True))
    return Counterexample(
        by_hand="Columns (10, ±1), (8, ±15), (−18, ±16). The largest products with the others are 99, 96 and 96, the "
        "squared norms 101, 289 and 580. The thresholds 99/101, 96/289, 96/580, each twice, have the mean 0.4926.",
        certificates=[SignPattern(SIX, bias=bias)],
        steps=steps(SIX),
        sibling=Sibling("With (−9, ±8) in place of (−18, ±16) the mean is below 1/2 too.", steps(SIX_SHORTER)),
    )


# Untied decoders: any rows R and biases b, output j at a·e_i is a (R_j·w_i) + b_j


def _parabola(constant: int) -> list[Step]:
    i, j = sp.symbols("i j", integer=True)
    below = 1 + sp.Symbol("p", integer=True, nonnegative=True)
    rows, columns = sp.Matrix([[constant - i**2, 2 * i, -1]]), sp.Matrix([1, j, j**2])
    return [
        identity(
            "rows (c − i², 2i, −1), columns (1, j, j²): three dimensions", (rows * columns)[0], constant - (i - j) ** 2
        ),
        identity("the diagonal is 1", constant, 1),
        sign("entries at distance d = 1 + p are not positive", constant - below**2, "<= 0"),
    ]


@conjecture(
    "For m ≥ 3 and every n there is an untied model without bias whose output at a·e_i is exactly a·e_i, for every i "
    "and every a > 0",
    source=COST + ", for untied decoders",
    expected=Verdict.PROVED,
)
def untied_threshold_free() -> Outcome:
    """RW = A with A_ij = 1 − (i − j)² has rank 3, diagonal 1 and no positive entry off it, so ReLU(aA) = aI.
    Without a bias the amplitude is a common factor. More dimensions than three can be left empty.
    """
    return Proof(_parabola(1), Sibling("The same for A_ij = 2 − (i − j)².", _parabola(2)))


def _crossing() -> list[Step]:
    """The segment between the neighbours of w_j, at gaps α and β, crosses its ray at ρ = cos((α+β)/2)/cos((α−β)/2)."""
    alpha, beta = sp.symbols("alpha beta", real=True)
    before = sp.Matrix([sp.cos(alpha), -sp.sin(alpha)])
    after = sp.Matrix([sp.cos(beta), sp.sin(beta)])
    half_sum, half_difference = (alpha + beta) / 2, (alpha - beta) / 2
    return [
        identity(
            "sin β · w₋ + sin α · w₊ = sin(α + β) · w_j",
            sp.sin(beta) * before + sp.sin(alpha) * after,
            sp.sin(alpha + beta) * sp.Matrix([1, 0]),
        ),
        identity(
            "sin α + sin β = 2 sin((α+β)/2) cos((α−β)/2)",
            sp.sin(alpha) + sp.sin(beta),
            2 * sp.sin(half_sum) * sp.cos(half_difference),
        ),
        identity(
            "sin(α + β) = 2 sin((α+β)/2) cos((α+β)/2)", sp.sin(2 * half_sum), 2 * sp.sin(half_sum) * sp.cos(half_sum)
        ),
        identity(
            "cos((α−β)/2) − cos((α+β)/2) = 2 sin(α/2) sin(β/2), so ρ ≤ 1",
            sp.cos(half_difference) - sp.cos(half_sum),
            2 * sp.sin(alpha / 2) * sp.sin(beta / 2),
        ),
    ]


def _average_gap(share: int) -> Step:
    """Some two adjacent gaps add up to at most share·π/n; true for 4, as all such sums together make 4π."""
    count = 2 + sp.Symbol("k", integer=True, nonnegative=True)
    return sign(
        f"n sums above {share}π/n would make more than 4π", count * (share * sp.pi / count + t) - 4 * sp.pi, "> 0"
    )


def _unit_norm(share: int) -> list[Step]:
    f_low, f_one = sp.Symbol("f_t", nonnegative=True), sp.Symbol("f_1", positive=True)
    slope, bias, low, rho = sp.symbols("g b tau rho", real=True)

    def f(a: Any) -> Any:
        return slope * a + bias

    return [
        *_crossing(),
        identity(
            "(1 − τ) f(ρ) = (1 − ρ) f(τ) + (ρ − τ) f(1) for f(a) = ga + b",
            (1 - low) * f(rho),
            (1 - rho) * f(low) + (rho - low) * f(1),
        ),
        sign("f(τ) ≥ 0, f(1) > 0 and τ < ρ ≤ 1 make f(ρ) > 0", u * f_low + t * f_one, "> 0"),
        between(
            "4π/n ≤ π for n ≥ 4, where the cosine falls", 0, 4 * sp.pi / (4 + sp.Symbol("k", nonnegative=True)), sp.pi
        ),
        _average_gap(share),
    ]


@conjecture(
    "At m = 2 and n ≥ 4, an untied model with columns of norm 1 that has exactly output i positive at every a·e_i, t "
    "< a ≤ 1, has t ≥ cos(2π/n), the value of the tied regular n-gon",
    source=COST + ", for untied decoders",
    expected=Verdict.PROVED,
)
def untied_plane_unit_norm() -> Outcome:
    """The n sums of two adjacent gaps add up to 4π, so some feature j has gaps with α + β ≤ 4π/n ≤ π. The segment
    between its neighbours crosses its ray at ρ w_j, ρ = sin(α+β)/(sin α + sin β) = cos((α+β)/2)/cos((α−β)/2), which
    is at least cos((α+β)/2) ≥ cos(2π/n) and at most 1. (If α = β = 0, or α + β = π, the bound is plain: the three
    columns agree and no row separates them, or cos(2π/n) = 0.) Output j, an affine function, is ≤ 0 at both
    neighbours, hence at ρ w_j. On the ray it is ≥ 0 at the threshold τ and > 0 at 1; if τ < ρ it would be positive
    at ρ. So τ ≥ ρ ≥ cos(2π/n).
    """
    return Proof(_unit_norm(4), Sibling("No threshold is below cos(π/n): half the gaps suffice.", _unit_norm(2)))


def _not_attained(least: int) -> list[Step]:
    before, after = sp.symbols("f_1 f_2", nonpositive=True)
    count = least + sp.Symbol("p", integer=True, nonnegative=True)
    return [
        *_crossing(),
        _average_gap(4),
        sign("4π/n < π: two adjacent gaps lie in a half-plane", sp.pi - 4 * sp.pi / count, "> 0"),
        sign("sin β f(w₋) + sin α f(w₊) ≤ 0 for sines ≥ 0", u * before + v * after, "<= 0"),
    ]


@conjecture(
    "At m = 2 and n ≥ 5 no model, tied or untied, with any norms and biases, has exactly output i positive at every "
    "a·e_i, 0 < a ≤ 1: threshold 0 is not attained",
    source=COST + ", for untied decoders",
    expected=Verdict.PROVED,
)
def untied_plane_not_attained() -> Outcome:
    """Let a → 0 in a R_j·w_i + b_j ≤ 0 and in a R_j·w_j + b_j > 0: both b_j ≤ 0 and b_j ≥ 0, so b = 0 and the
    criterion holds without bias. Then no column is 0. Some feature has adjacent gaps with α + β ≤ 4π/n < π, and
    sin(α + β) ŵ_j = sin β ŵ₋ + sin α ŵ₊ is a non-negative combination of its neighbours' directions, so R_j·w_j > 0
    and R_j·w_± ≤ 0 contradict each other. (If α = β = 0 the three directions agree, which contradicts it at once.)
    """
    return Proof(_not_attained(5), Sibling("The same for n ≥ 4.", _not_attained(4)))


def _free_norm(ratio: Any) -> list[Step]:
    """Radii on the far side of j are at most ratio·r_j; true for ratio = εκ, 0 < κ ≤ 1."""
    epsilon = sp.Symbol("epsilon", positive=True)
    shrink = 1 / (1 + u)  # every number in (0, 1]
    sine = sp.Symbol("sigma", positive=True)
    delta = sp.Symbol("delta", real=True)
    k, q, rest = sp.symbols("k q l", integer=True, nonnegative=True)
    N = 1 + k + q + rest
    return [
        between("δ = π/N lies in [0, π/2], so σ = sin δ > 0", 0, sp.pi / (2 + rest), sp.pi / 2),
        identity("v_j·w_j = r_j cos(π/2 − δ) = r_j sin δ", r * sp.cos(sp.pi / 2 - delta), r * sp.sin(delta)),
        between(
            "columns past j stand at π/2 + qδ ≤ 3π/2 to v_j: cosine ≤ 0",
            sp.pi / 2,
            sp.pi / 2 + q * sp.pi / N,
            3 * sp.pi / 2,
        ),
        sign("so they stay off: a·(−v) − ε r_j ≤ 0", shrink * (-v) - epsilon * r, "<= 0"),
        sign("columns before j have v_j·w_i ≤ r_i and stay off", shrink * ratio(epsilon) * r - epsilon * r, "<= 0"),
        sign("output j is positive for a > ε/sin δ", (epsilon / sine + t) * r * sine - epsilon * r, "> 0"),
        between("the columns below lie at −kδ in [−π, 0], off for the row (0, 1)", 0, (1 + k) * sp.pi / N, sp.pi),
    ]


@conjecture(
    "At m = 2, for every n ≥ 4 and every t > 0, some untied model has exactly output i positive at every a·e_i, t < a "
    "≤ 1: with free norms the infimum of the thresholds is 0",
    source=COST + ", for untied decoders",
    expected=Verdict.PROVED,
)
def untied_plane_free_norm() -> Outcome:
    """Let N = n − 2, δ = π/N and 0 < ε < 1. One column is (0, 1); the others stand at the angles −kδ, k = 0, ...,
    N, with radii ε^(−1−min(k, N−k)): longer and longer towards the middle from both sides. Take j in the first
    half, k ≤ N/2 (the second half is the mirror image). All columns before it, seen from (0, 1), have radii at most
    ε r_j.

    Decode j by the unit vector v_j at the angle −kδ + π/2 − δ, perpendicular to the next column, with b_j = −ε r_j.
    For columns past j, v_j·w_i ≤ 0; for those before, v_j·w_i ≤ ‖w_i‖ ≤ ε r_j by Cauchy–Schwarz; so at every 0 < a
    ≤ 1 they leave output j off. And a r_j sin δ − ε r_j > 0 iff a > ε/sin δ. The column (0, 1) is decoded by itself
    without bias. So the threshold is at most ε/sin δ, for every ε.
    """
    return Proof(
        _free_norm(lambda epsilon: epsilon / (1 + w)),
        Sibling("The same with all columns of one norm.", _free_norm(lambda epsilon: sp.Integer(1))),
    )


def _k_family(K: Any) -> tuple[sp.Matrix, sp.Matrix, sp.Matrix]:
    """Columns (1, 0), (0, 1), (−1, 0), (−K, −K²), (K, −K²), with the lines that cut each off from the others."""
    W = sp.Matrix([[1, 0, -1, -K, K], [0, 1, 0, -(K**2), -(K**2)]])
    R = sp.Matrix([[K**2 + 1, K], [0, 1], [-(K**2) - 1, K], [-(K**2), -K - 1], [K**2, -K - 1]])
    b = sp.Matrix([-K, 0, -K, -(K**2), -(K**2)])
    return W, R, b


def _k_steps(threshold: Any) -> list[Step]:
    """The worst threshold of the family is threshold(K); true for K/(K² + 1)."""
    K = 3 + u
    W, R, b = _k_family(K)
    A = R * W
    at = threshold(K)
    steps = [
        identity(
            "(K² (0, 1) + (K, −K²))/(K² + 1) = K/(K² + 1) · (1, 0): no threshold is lower",
            (K**2 * W[:, 1] + W[:, 4]) / (K**2 + 1),
            K / (K**2 + 1) * W[:, 0],
        ),
        sign("K/(K² + 1) < cos 72° = (√5 − 1)/4", (sp.sqrt(5) - 1) / 4 * (K**2 + 1) - K, "> 0"),
    ]
    for j in range(5):
        steps.append(sign(f"b_{j + 1} ≤ 0", b[j], "<= 0"))
        steps.append(sign(f"output {j + 1} is ≥ 0 at the threshold", A[j, j] * at + b[j], ">= 0"))
        steps.append(sign(f"output {j + 1} is > 0 at a = 1", A[j, j] + b[j], "> 0"))
        steps += [sign(f"output {j + 1} is off at e_{i + 1}", A[j, i] + b[j], "<= 0") for i in range(5) if i != j]
    return steps


@conjecture(
    "For K ≥ 3 and the five columns (1, 0), (0, 1), (−1, 0), (−K, −K²), (K, −K²), the least t for which some untied "
    "decoder and bias have exactly output i positive at every a·e_i, t < a ≤ 1, is K/(K² + 1), below cos 72°",
    source=COST + ", for untied decoders",
    expected=Verdict.PROVED,
)
def k_family() -> Outcome:
    """Each row of the decoder is a line through two other columns, with b_j ≤ 0; outputs are affine in a, so being
    ≤ 0 at a = 0 and at a = 1 keeps an output off in between. No decoder does better: output 1 is ≤ 0 at (0, 1) and
    at (K, −K²), hence at the point K/(K² + 1)·(1, 0) of the segment between them; being positive at (1, 0), it is
    not positive below that point.
    """

    def certificate(K: int) -> ActivationThreshold:
        W, R, b = (
            as_matrix([[Fraction(int(x)) for x in part.row(i)] for i in range(part.rows)]) for part in _k_family(K)
        )
        return ActivationThreshold(W, tuple(row[0] for row in b), Fraction(K, K**2 + 1), R)

    return Proof(
        _k_steps(lambda K: K / (K**2 + 1)),
        Sibling("The threshold is 1/(K + 1).", _k_steps(lambda K: 1 / (K + 1))),
        certificates=[certificate(K) for K in (3, 4, 100)],
    )


# Where the cost does not show, and what else a bias does


def _normalised(others: Any) -> list[Step]:
    """a e_i plus entries of squared norm `others`, rescaled to norm 1, has i-th entry 1; true for others = 0."""
    return [identity("a/‖x‖ = 1", t / sp.sqrt(t**2 + others), 1)]


@conjecture(
    "In the post's data a sample with one active entry is e_i after its normalisation, whatever its amplitude: a "
    "threshold below 1 is invisible there",
    source='Post, "The Problem Set-Up": samples are normalised to magnitude 1',
    expected=Verdict.PROVED,
)
def normalised_amplitude() -> Outcome:
    """‖a e_i‖ = a for a > 0, so the sample is rescaled to a = 1. Only samples with several active
    entries show amplitudes.
    """
    return Proof(
        _normalised(sp.Integer(0)),
        Sibling("The entry is 1 also when another entry s > 0 is active.", _normalised(s**2)),
    )


def _hull_distance(share: int) -> list[Step]:
    """Some w_j is within 1 − cos(share·π/(2n)) of the hull of the others; true for share = 4."""
    alpha, beta, psi = sp.symbols("alpha beta psi", real=True)
    direction = (beta - alpha) / 2
    normal = sp.Matrix([sp.cos(direction), sp.sin(direction)])
    tangent = sp.Matrix([-sp.sin(direction), sp.cos(direction)])
    before = sp.Matrix([sp.cos(alpha), -sp.sin(alpha)])
    after = sp.Matrix([sp.cos(beta), sp.sin(beta)])
    point = sp.Matrix([1, 0])
    x, y, rest = sp.symbols("x y z", nonnegative=True)
    # The gaps are α and β; another column at ψ = β + x leaves y up to 2π − α, so x + y = 2π − α − β.
    others = {psi: beta + x, alpha: 2 * sp.pi - beta - x - y}
    middle = ((psi - direction) - (alpha + beta) / 2).subs(others)
    beyond = ((2 * sp.pi - (alpha + beta) / 2) - (psi - direction)).subs(others)
    count = 3 + rest
    return [
        identity("both neighbours lie on n·h = cos((α+β)/2): before", normal.dot(before), sp.cos((alpha + beta) / 2)),
        identity("both neighbours lie on n·h = cos((α+β)/2): after", normal.dot(after), sp.cos((alpha + beta) / 2)),
        sign("the others are at least (α+β)/2 from n", middle, ">= 0"),
        sign("and at most 2π − (α+β)/2, so on the far side", beyond, ">= 0"),
        identity(
            "w_j is 2 sin(α/2) sin(β/2) above that line",
            normal.dot(point) - sp.cos((alpha + beta) / 2),
            2 * sp.sin(alpha / 2) * sp.sin(beta / 2),
        ),
        identity(
            "its foot is 2 sin(β/2) cos(α/2) from w₊",
            tangent.dot(after - point),
            2 * sp.sin(beta / 2) * sp.cos(alpha / 2),
        ),
        identity(
            "and 2 sin(α/2) cos(β/2) from w₋", tangent.dot(point - before), 2 * sp.sin(alpha / 2) * sp.cos(beta / 2)
        ),
        identity(
            "2 sin(α/2) sin(β/2) = cos((α−β)/2) − cos((α+β)/2) ≤ 1 − cos((α+β)/2)",
            2 * sp.sin(alpha / 2) * sp.sin(beta / 2),
            sp.cos((alpha - beta) / 2) - sp.cos((alpha + beta) / 2),
        ),
        _average_gap(share),
        between("2π/n lies in [0, π], where 1 − cos rises", 0, 2 * sp.pi / count, sp.pi),
        identity("n = 3, α ≥ π: β ≤ π/3 and ‖w_j − w₊‖ ≤ 2 sin(π/6) = 1", 2 * sp.sin(sp.pi / 6), 1),
        sign("which is below 1 − cos 120°", 1 - sp.cos(2 * sp.pi / 3) - 1, "> 0"),
    ]


@conjecture(
    "Among n ≥ 3 points of a circle, the regular n-gon, and it alone, has the largest possible least distance of a "
    "point from the convex hull of the others: 1 − cos(2π/n) for radius 1",
    source='Post, "Question 1": each vector is as far out of the others\' hull as possible',
    expected=Verdict.PROVED,
)
def circle_hull_distance() -> Outcome:
    """Let w_j have the gaps α and β to its neighbours. The line through these has the unit normal n half-way
    between them; all other points lie beyond it, and w_j is 2 sin(α/2) sin(β/2) above it. With both gaps at most π
    the foot of the perpendicular lies between the neighbours, so this is the distance from the hull.

    The sums α + β add up to 4π; take the least, α + β ≤ 4π/n. If both gaps are at most π, the distance is
    cos((α−β)/2) − cos((α+β)/2) ≤ 1 − cos(2π/n). If one exceeded π, then n = 3 and the other is at most π/3, so w_j
    is within 1 of a neighbour, less than 1 − cos 120°. Equality needs α + β = 4π/n for the least sum, hence for
    all, and α = β at this j, hence (α_j = α_{j+2} from equal sums) all gaps equal. The regular n-gon attains it at
    every j.
    """
    return Proof(_hull_distance(4), Sibling("The least distance never exceeds 1 − cos(π/n).", _hull_distance(2)))


@conjecture(
    "There are seven points of a circle about the origin, two of them not parallel, and a bias that shifts all so "
    "that these two lie on one ray from the origin: a linear read-out without a bias of its own can then not single "
    "out either",
    source='Post, "A More Intuitive Description", the days of the week',
    expected=Verdict.CERTIFIED,
)
def week_in_line_of_sight() -> Outcome:
    """On the circle x² + y² = 25 take (3, 4), (0, 5), (−4, 3), (−5, 0), (−4, −3), (0, −5), (4, −3), and shift by (9,
    8) into the positive quadrant. Then (3, 4) and (−4, −3), independent before, stand at (12, 12) and (5, 5). The
    certificates: before, the two were told apart without a bias, and all seven with one (tied weights); after, the
    pair is of rank one, and neither feature has a row r with r·h > 0 for it alone.
    """
    days = as_matrix([[3, 0, -4, -5, -4, 0, 4], [4, 5, 3, 0, -3, -5, -3]])
    shifted = tuple(tuple(x + shift for x in row) for row, shift in zip(days, (9, 8), strict=True))
    sunday, wednesday = 0, 4
    pair = as_matrix([[12, 5], [12, 5]])

    def in_the_way(feature: int, other: int, weight: int, other_weight: int) -> NotDecodable:
        return NotDecodable(
            shifted,
            feature,
            (WeightedSupport((feature,), Fraction(weight)),),
            (WeightedSupport((other,), Fraction(other_weight)),),
            with_bias=False,
        )

    return Witness(
        [
            SignPattern(tuple((row[sunday], row[wednesday]) for row in days)),
            SignPattern(days, bias=(Fraction(-24),) * 7),
            RankBound(pair, as_matrix([[1], [1]]), as_matrix([[12, 5]])),
            in_the_way(sunday, wednesday, 5, 12),
            in_the_way(wednesday, sunday, 12, 5),
        ]
    )
