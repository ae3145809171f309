"""The cosine polygon: with a bias, any number of features fits in the plane.

Throughout, φ = 2π/n and the columns of W are (cos kφ, sin kφ), k = 0, ..., n − 1. An entry of WᵀW depends on
d = i − j modulo n alone, so 1 ≤ d ≤ n − 1 covers everything off the diagonal. Put

    s = sin(φ/2),    x = sin((d − 1)φ/2),    y = sin((d + 1)φ/2).

Then 1 − cos φ = 2s² and cos φ − cos dφ = 2xy, with s > 0 and x, y ≥ 0: all statements below follow from signs
of expressions in s, x and y.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import sympy as sp

from relugeom import (
    Counterexample,
    FormalProof,
    Outcome,
    Proof,
    Sibling,
    SignPattern,
    Step,
    Verdict,
    Witness,
    all_cases,
    as_matrix,
    between,
    conjecture,
    identity,
    rational_polygon,
    sign,
)
from relugeom.exact.rationals import Matrix, dot, transpose

SECTION = 'Post, "Can this really generalize to higher dimensions?"'

s, t, radius = sp.symbols("s t r", positive=True)
x, y, u = sp.symbols("x y u", nonnegative=True)

COS_PHI = 1 - 2 * s**2
COS_D_PHI = COS_PHI - 2 * x * y


def _entries(neighbour: int = 1) -> list[Step]:
    """cos(neighbour·φ) is the largest entry off the diagonal; true for 1 and, for every n, only for 1.

    d = 1 + q and n = 2 + q + r with q, r ≥ 0 are all pairs 1 ≤ d ≤ n − 1.
    """
    i, j, phi, d = sp.symbols("i j phi d", real=True)
    q, r = sp.symbols("q r", integer=True, nonnegative=True)
    low = (d - neighbour) * phi / 2
    high = (d + neighbour) * phi / 2
    at = {d: 1 + q, phi: 2 * sp.pi / (2 + q + r)}
    return [
        identity(
            "w_i·w_j = cos((i − j)φ)",
            sp.cos(i * phi) * sp.cos(j * phi) + sp.sin(i * phi) * sp.sin(j * phi),
            sp.cos((i - j) * phi),
        ),
        identity(
            "cos((d + n)φ) = cos dφ, as nφ = 2π: the matrix is circulant", sp.cos(d * phi + 2 * sp.pi), sp.cos(d * phi)
        ),
        identity("1 − cos φ = 2 sin²(φ/2)", 1 - sp.cos(phi), 2 * sp.sin(phi / 2) ** 2),
        identity(
            f"cos {neighbour}φ − cos dφ = 2 sin((d − {neighbour})φ/2) sin((d + {neighbour})φ/2)",
            sp.cos(neighbour * phi) - sp.cos(d * phi),
            2 * sp.sin(low) * sp.sin(high),
        ),
        between("(d − 1)φ/2 lies in [0, π], so x ≥ 0", 0, low.subs(at), sp.pi),
        between("(d + 1)φ/2 lies in [0, π], so y ≥ 0", 0, high.subs(at), sp.pi),
    ]


def _strict() -> list[Step]:
    """s > 0, and x, y > 0 except at the two neighbours d = 1 and d = n − 1; here n = 3 + p = d + 1 + r."""
    p, q, r = sp.symbols("p q r", integer=True, nonnegative=True)
    n = 4 + q + r
    return [
        sign("φ/2 > 0", sp.pi / (3 + p), "> 0"),
        sign("φ/2 < π, so s > 0", sp.pi - sp.pi / (3 + p), "> 0"),
        sign("for 2 ≤ d ≤ n − 2, (d − 1)φ/2 > 0", sp.pi * (1 + q) / n, "> 0"),
        sign("for 2 ≤ d ≤ n − 2, (d + 1)φ/2 < π, so x, y > 0", sp.pi - sp.pi * (3 + q) / n, "> 0"),
    ]


@conjecture(
    "For every n ≥ 3, WᵀW of the regular n-gon is circulant with entries cos((i − j)φ), φ = 2π/n; in every row "
    "the diagonal 1 is the only maximum and the second-largest value is cos φ, at the two neighbours alone",
    source=SECTION,
    expected=Verdict.PROVED,
)
def cosine_polygon_gram() -> Outcome:
    """The addition theorem gives w_i·w_j = cos((i − j)φ), which depends on d = i − j modulo n.

    cos φ − cos dφ = 2 sin((d − 1)φ/2) sin((d + 1)φ/2). For 1 ≤ d ≤ n − 1 both angles lie in [0, π], where the sine
    is not negative: no entry off the diagonal exceeds cos φ. For 2 ≤ d ≤ n − 2 both lie strictly inside, where it
    is positive: only d = ±1 attain cos φ. And 1 − cos φ = 2 sin²(φ/2) > 0, so the diagonal exceeds them all.
    """
    return Proof(
        _entries() + _strict(),
        Sibling("For every n ≥ 3 the largest entry off the diagonal is cos 2φ.", _entries(neighbour=2) + _strict()),
    )


def _window(top: sp.Expr) -> list[Step]:
    """−1 < β ≤ top is exactly the set of uniform biases that work; true for top = −cos φ."""
    return [
        *_entries(),
        *_strict(),
        sign("β = top − u, u ≥ 0: no entry off the diagonal stays positive", COS_D_PHI + top - u, "<= 0"),
        sign("β = top + t, t > 0: the entry beside the diagonal is positive", COS_PHI + top + t, "> 0"),
        sign("β = −1 + t: the diagonal is positive", 1 + (t - 1), "> 0"),
        sign("β = −1 − u: the diagonal is not positive", 1 + (-1 - u), "<= 0"),
        sign("the window is not empty: top − (−1) > 0", top + 1, "> 0"),
    ]


@conjecture(
    "For every n ≥ 3 a uniform bias b = (β, ..., β) gives the regular n-gon of radius 1 the criterion (only the "
    "diagonal of WᵀW + b is positive) if and only if −1 < β ≤ −cos φ",
    source=SECTION,
    expected=Verdict.PROVED,
)
def bias_window() -> Outcome:
    """The diagonal entry 1 + β is positive iff β > −1. The entries cos dφ + β off it are at most cos φ + β, which
    occurs; so none is positive iff β ≤ −cos φ. The window has length 1 − cos φ = 2s² > 0.
    """
    return Proof(
        _window(-COS_PHI),
        Sibling("The window reaches some t > 0 beyond −cos φ.", _window(-COS_PHI + t)),
    )


def _bias_works(bias: sp.Expr) -> list[Step]:
    return [
        *_entries(),
        *_strict(),
        sign("the diagonal of WᵀW + b is positive", 1 + bias, "> 0"),
        sign("no entry off the diagonal is positive", COS_D_PHI + bias, "<= 0"),
    ]


@conjecture(
    "The bias makes the criterion hold for every n ≥ 3 at m = 2: the regular n-gon with the bias −cos φ in every "
    "entry, its second-highest row value subtracted",
    source=SECTION,
    expected=Verdict.PROVED,
    id="bias-any-n",
    formal=[
        FormalProof(
            "bias.v",
            "bias_any_n",
            "for every n some W (2×n) and some b < 0, the same for all outputs, satisfy the criterion for WᵀW + b",
        ),
        FormalProof(
            "bias.v",
            "unit_columns",
            "distinct unit columns, in any dimension, satisfy the criterion with some b < 0, the same for all outputs",
        ),
    ],
)
def bias_any_n() -> Outcome:
    """Subtracting cos φ from cos dφ leaves −2xy ≤ 0 off the diagonal and 2s² > 0 on it. (For n = 1 and 2 no bias
    is needed: (1, 0) and (−1, 0).)
    """
    return Proof(
        _bias_works(-COS_PHI),
        Sibling(
            "The regular n-gon satisfies the criterion for every n ≥ 3 without a bias.", _bias_works(sp.Integer(0))
        ),
        certificates=[_near_regular(n) for n in (5, 12)],
    )


def _middle_point(gap: sp.Expr) -> list[Step]:
    """Of three numbers w ≤ w + u ≤ w + u + gap the middle one cannot be told from the outer two."""
    w, slope, bias = sp.symbols("w a b", real=True)
    first, last = sp.symbols("f_1 f_3", nonpositive=True)

    def output(h: sp.Expr) -> sp.Expr:
        return slope * h + bias

    return [
        identity(
            "(u + v)·f(w₂) = v·f(w₁) + u·f(w₃) for f(h) = ah + b",
            (u + gap) * output(w + u),
            gap * output(w) + u * output(w + u + gap),
        ),
        sign("u + v > 0 when the outer two differ", u + gap, "> 0"),
        sign("f(w₁), f(w₃) ≤ 0 make the right side ≤ 0", gap * first + u * last, "<= 0"),
    ]


@conjecture(
    "At m = 1, with any bias, tied or untied, the criterion holds for at most n = 2 features, and n = 2 is attained",
    source='Post, "The role of b"',
    expected=Verdict.PROVED,
    id="bias-line",
    formal=[
        FormalProof(
            "bias.v",
            "bias_line",
            "if W (1×n) and any bias b satisfy the criterion for WᵀW + b, then n ≤ 2",
        ),
        FormalProof(
            "bias.v",
            "some_bias_works",
            "some bias serves W exactly when (WᵀW)_ij < (WᵀW)_ii for all i ≠ j",
        ),
    ],
)
def bias_line() -> Outcome:
    """Each output is an affine function f_j(h) = a_j h + b_j of one number. Among three features take those with
    w₁ ≤ w₂ ≤ w₃, w₂ = w₁ + u, w₃ = w₂ + v. If w₁ < w₃, then f₂(w₂) is the mean of f₂(w₁) ≤ 0 and f₂(w₃) ≤ 0 with
    weights v and u, so it is not positive; if w₁ = w₃ all three outputs f₂ agree. Either way the criterion fails.
    The pair (1), (−1) attains 2.
    """
    return Proof(
        _middle_point(t),
        Sibling("At m = 1 with any bias at most n = 1 (the third point put back on the first).", _middle_point(-u)),
        certificates=[SignPattern(as_matrix([[1, -1]]))],
    )


def _zero_loss(square: sp.Expr) -> list[Step]:
    """r² = square is the least at which b = 1 − r² reconstructs exactly; true for 1/(1 − cos φ)."""

    def entry(cosine: sp.Expr, r2: sp.Expr) -> sp.Expr:
        return r2 * cosine + 1 - r2

    return [
        *_entries(),
        *_strict(),
        identity("the diagonal r² + b = 1 for b = 1 − r²", entry(sp.Integer(1), radius**2), 1),
        sign("at this radius no entry off the diagonal is positive", entry(COS_D_PHI, square), "<= 0"),
        sign("nor at any larger one", entry(COS_D_PHI, square + u), "<= 0"),
        sign("at a smaller one the entry beside the diagonal is positive", entry(COS_PHI, square - t), "> 0"),
    ]


@conjecture(
    "For every n ≥ 3 the regular n-gon of radius r has a bias with ReLU(WᵀW + b) = I exactly if and only if "
    "r² ≥ 1/(1 − cos φ), and the bias is then 1 − r² in every entry",
    source=SECTION + ", made exact; Henighan's notebook",
    expected=Verdict.PROVED,
)
def zero_loss_radius() -> Outcome:
    """Exactness on the diagonal forces b_i = 1 − r². Off it r² cos dφ + 1 − r² ≤ 0 must hold; the largest of these
    entries is r² cos φ + 1 − r² = 1 − r²(1 − cos φ), which is not positive iff r² ≥ 1/(1 − cos φ).
    """
    return Proof(
        _zero_loss(1 / (1 - COS_PHI)),
        Sibling("The least such radius is r² = 1/(2(1 − cos φ)).", _zero_loss(1 / (2 * (1 - COS_PHI)))),
    )


def _sensitivity(least: int) -> list[Step]:
    """For n ≥ least: in the window, a bias β ≤ 0 has threshold −β, and the least of them is cos φ ≥ 0."""
    p = sp.Symbol("p", integer=True, nonnegative=True)
    alpha = u / (1 + u)  # every number in [0, 1); the amplitude is a = 1 − α
    beta, fixed = sp.symbols("beta c", nonnegative=True)
    return [
        *_entries(),
        between("φ lies in [0, π/2], so cos φ ≥ 0", 0, 2 * sp.pi / (least + p), sp.pi / 2),
        identity(
            "at the zero-loss radius the threshold is the same: 1 − 1/r² = cos φ", 1 - 1 / (1 / (2 * s**2)), COS_PHI
        ),
        sign("a = β + t: the own output a − β is positive", (beta + t) - beta, "> 0"),
        sign("a = β − u: the own output a − β is not positive", (beta - u) - beta, "<= 0"),
        # cos dφ = cos φ − 2xy and β = cos φ + c with cos φ ≥ 0; a·cos dφ − β = a(cos dφ − β) − (1 − a)β.
        identity(
            "a cos dφ − β = (1 − α)(cos dφ − β) − αβ for a = 1 − α",
            (1 - alpha) * COS_D_PHI - beta,
            (1 - alpha) * (COS_D_PHI - beta) - alpha * beta,
        ),
        sign("cos dφ − β ≤ 0 for β = cos φ + c", COS_D_PHI - (COS_PHI + fixed), "<= 0"),
        sign("so the other outputs stay ≤ 0", (1 - alpha) * (-fixed) - alpha * beta, "<= 0"),
    ]


@conjecture(
    "For n ≥ 4, the regular n-gon of radius 1 with uniform bias −β, cos φ ≤ β < 1, recovers the support of a·e_i, "
    "0 < a ≤ 1, if and only if a > β. So the best uniform bias asks a > cos φ, and so does the smallest polygon of "
    "zero loss",
    source='Post, "Cost of absorbing interference: decrease sensitivity"',
    expected=Verdict.PROVED,
)
def polygon_sensitivity() -> Outcome:
    """The own output a − β is positive iff a > β. The output a cos dφ − β = a(cos dφ − β) + (1 − a)(−β) is a mean of
    two numbers that are not positive: the first because β ≥ cos φ ≥ cos dφ, the second because β ≥ cos φ ≥ 0, for
    which φ ≤ π/2, that is n ≥ 4. Scaling the columns by r and b by r² changes no sign, and 1 − 1/r² = cos φ at the
    zero-loss radius.

    For n = 3 the best bias of the window is +1/2, and then the other outputs fire at every a < 1: b = 0 is better,
    with threshold 0.
    """
    return Proof(_sensitivity(4), Sibling("The same for every n ≥ 3.", _sensitivity(3)))


def _on_a_circle(norm: sp.Expr) -> list[Step]:
    """u·v < 1 for distinct u, v with ‖u‖² = 1 and ‖v‖² = norm; true for norm = 1."""
    dots, distance = sp.symbols("g D", real=True)
    gap = sp.Symbol("delta", positive=True)
    parameter = sp.Symbol("tau", real=True)
    return [
        identity("1 − u·v = ‖u − v‖²/2", 1 - dots, (1 - 2 * dots + norm) / 2),
        sign(
            "which is δ²/2 > 0 for u ≠ v: at the bias −M, M = max u·v, the diagonal 1 − M is positive",
            gap**2 / 2,
            "> 0",
        ),
        sign("bias −M: no entry M − c off the diagonal exceeds it", (distance - u) - distance, "<= 0"),
        identity(
            "((1 − τ²)/(1 + τ²), 2τ/(1 + τ²)) lies on the circle",
            ((1 - parameter**2) / (1 + parameter**2)) ** 2 + (2 * parameter / (1 + parameter**2)) ** 2,
            1,
        ),
    ]


@conjecture(
    "Any n ≥ 2 distinct points of the unit circle (or sphere), regular or not, satisfy the criterion with the uniform "
    "bias −(largest inner product); every subset of them still does, with the same bias",
    source=SECTION + ", generalised",
    expected=Verdict.PROVED,
)
def circle_without_regularity() -> Outcome:
    """Distinct unit vectors have u·v = 1 − ‖u − v‖²/2 < 1. So the largest inner product M is below 1, the diagonal of
    WᵀW − M is 1 − M > 0 and the rest is at most 0. Leaving features out takes rows and columns away together, and
    what is left of the matrix has the same signs. Rational parameters τ give rational points.
    """
    distinct = sp.Symbol("N", positive=True)
    return Proof(
        _on_a_circle(sp.Integer(1)),
        Sibling("Any n distinct points of the plane satisfy it.", _on_a_circle(distinct)),
        certificates=[
            _with_bias(as_matrix([[1, Fraction(4, 5), Fraction(3, 5)], [0, Fraction(3, 5), Fraction(4, 5)]]))
        ],
    )


def _with_bias(W: Matrix) -> SignPattern:
    """The criterion at the bias −(largest inner product), for points given in their order around the circle."""
    points = transpose(W)
    largest = max(dot(points[k - 1], points[k]) for k in range(len(points)))
    return SignPattern(W, bias=(-largest,) * len(points))


def _near_regular(n: int) -> SignPattern:
    """n rational points of the circle, each within an eighth of a gap of the regular n-gon."""
    return _with_bias(as_matrix(rational_polygon(n)))


@conjecture(
    "There are 1000 rational points of the plane and one rational uniform bias that satisfy the criterion; hence so "
    "do any n of them, for every n ≤ 1000",
    source=SECTION + ", in exact numbers",
    expected=Verdict.CERTIFIED,
)
def circle_thousand() -> Outcome:
    """The points are rational points of the unit circle within an eighth of a gap of the regular 1000-gon, the bias
    is minus their largest inner product. Every subset of features keeps the criterion, so this one certificate
    settles all n ≤ 1000.
    """
    return Witness([_near_regular(1000)])


@conjecture(
    "For each n tried out of 3, ..., 1000 (all of them with --full) there are n rational points of the plane and one "
    "uniform bias that satisfy the criterion",
    source=SECTION + ", in exact numbers",
    expected=Verdict.CERTIFIED,
    slow=True,
    time_limit=3600,
)
def circle_every_n(*, full: bool = False) -> Outcome:
    """One certificate for each n: rational points of the unit circle within an eighth of a gap of the regular
    n-gon, not a part of a larger polygon.
    """
    tried: Sequence[int] = range(3, 1001) if full else [*range(3, 33), 50, 64, 100, 150, 200]
    return Witness([_near_regular(n) for n in tried], note=f"{len(tried)} of the 998 values of n tried")


def _subtraction_fails(W: Matrix) -> list[Step]:
    first, second = transpose(W)
    rows = [[dot(first, first), dot(first, second)], [dot(second, first), dot(second, second)]]
    return [
        all_cases(
            "the diagonal entry less the second-highest of its row is not positive",
            lambda row: row[0] - min(row) <= 0,
            rows[:1],
        ),
        all_cases("no bias helps: the entry beside the diagonal is larger", lambda row: row[0] <= row[1], rows[:1]),
    ]


@conjecture(
    "For every W with distinct columns, subtracting from each row of WᵀW its second-highest value leaves the diagonal "
    "as the only positive value of the row",
    source=SECTION + ": the recipe, given for the polygon, taken beyond it",
    expected=Verdict.REFUTED,
)
def second_highest_subtracted() -> Outcome:
    """It is right for the polygon, whose diagonal is the maximum of each row. In general a longer feature in a similar
    direction exceeds the diagonal of a shorter one: then no bias whatever gives the criterion.
    """
    longer = as_matrix([[1, 3], [0, Fraction(1, 10)]])
    orthonormal = as_matrix([[1, 0], [0, 1]])
    return Counterexample(
        by_hand="W = [(1, 0), (3, 0.1)]: the first row of WᵀW is (1, 3). Its second-highest value is 1; subtracted, "
        "(0, 2) is left, so the diagonal is 0 and the entry beside it is positive. In the first column 1 + b > 0 "
        "and 3 + b ≤ 0 contradict each other for every b.",
        steps=_subtraction_fails(longer),
        sibling=Sibling("It fails for W = I of size 2.", _subtraction_fails(orthonormal)),
    )
