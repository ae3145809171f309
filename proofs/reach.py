"""How far a model of zero loss lies from a start near 0, and how far an optimiser can walk.

Throughout X = I and m = 2 unless a statement says otherwise, φ = 2π/n, and B(n) = cos φ/(1 − cos φ), which is n²/2π² −
5/6 + O(n⁻²). First the distance: every model of zero loss holds a column with ‖w‖² ≥ 1/(1 − cos φ), and the bias beside
it is at most −B(n). Then the reach: whatever gradients Adam is shown, it moves no parameter further than a constant
times the sum of its learning rates. Where the second is less than the first, no training ends at zero loss.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from relugeom import (
    Counterexample,
    Outcome,
    Proof,
    Schedule,
    Sibling,
    Step,
    Verdict,
    all_cases,
    between,
    conjecture,
    identity,
    sign,
)

__all__: list[str] = []

POST = 'Post, "Question 1": when do the points not organise into one circle?'
RECIPE = "Henighan et al. (2023): 50,000 updates of AdamW at 1e-3 after 2,500 of warm-up, cosine decay to 0"
ADAM = "Kingma and Ba (2015), section 2.1 (the size of a step), made exact"

r, R, M, t = sp.symbols("r R M t", positive=True)
u, v, w, mu = sp.symbols("u v w mu", nonnegative=True)
phi = sp.Symbol("phi", real=True)


# The distance


def pair_steps(asked: Any) -> list[Step]:
    """From w_j·(w_j − w_i) ≥ margin for all i ≠ j, a cosine of at most 1 − asked·margin/M²; true for asked ≤ 1.

    r = ‖w_j‖ and R = r + u are the norms of a pair, M = r + u + v is the longest; the margin is 1, or what a loss of ε
    leaves of it.
    """
    margin, longer, bias = t, r + u, sp.Symbol("b_j", real=True)
    longest = r + u + v
    bound = (r**2 - margin) / (r * longer)
    return [
        identity("z_jj − z_ij = w_j·(w_j − w_i), the margin", (r**2 + bias) - (w + bias), r**2 - w),
        sign(
            "(r² − margin)/(rR) is at most 1 − asked·margin/R²",
            1 - asked * margin / longer**2 - bound,
            ">= 0",
        ),
        sign(
            "… and that at most 1 − asked·margin/M², for M the longest",
            (1 - asked * margin / longest**2) - (1 - asked * margin / longer**2),
            ">= 0",
        ),
    ]


def gap_steps(asked: Any) -> list[Step]:
    """n gaps that add up to 2π are not all above φ; so the least angle is at most φ, and M² is as stated."""
    n = sp.Symbol("n", positive=True)
    return [
        sign("n gaps of more than 2π/n add up to more than 2π", n * (2 * sp.pi / n + t) - 2 * sp.pi, "> 0"),
        sign("a gap that exceeds π is at least the angle between its two columns", (sp.pi + u) - (sp.pi - u), ">= 0"),
        identity(
            "if M² = asked·margin/(1 − cos φ + s), then 1 − asked·margin/M² = cos φ − s",
            1 - asked * mu / (asked * mu / (1 - sp.cos(phi) + t)),
            sp.cos(phi) - t,
        ),
    ]


def equality_steps(asked: Any) -> list[Step]:
    """Where M² is least `pair_steps` holds with equality, so r = R = M; and the polygon has zero loss."""
    d, other = sp.symbols("d other", integer=True, nonnegative=True)
    n = 2 + d + other
    square = asked / (1 - sp.cos(phi))
    return [
        identity(
            "1 − 1/R² − (r² − 1)/(rR) = (R − r)(rR + 1)/(rR²)",
            1 - asked / R**2 - (r**2 - 1) / (r * R),
            (R - r) * (r * R + 1) / (r * R**2),
        ),
        sign("(rR + 1)/(rR²) > 0, so equality makes r = R", (r * R + 1) / (r * R**2), "> 0"),
        sign("1 − 1/M² > 1 − 1/R² for M > R, so equality makes R = M", 1 / R**2 - 1 / (R + t) ** 2, "> 0"),
        identity("the polygon: M² cos φ + 1 − M² = 0 for neighbours", square * sp.cos(phi) + 1 - square, 0),
        identity(
            "cos φ − cos dφ = 2 sin((d + 1)φ/2) sin((d − 1)φ/2), here for 1 + d",
            sp.cos(phi) - sp.cos((1 + d) * phi),
            2 * sp.sin((2 + d) * phi / 2) * sp.sin(d * phi / 2),
        ),
        between("both angles lie in [0, π], where the sine is ≥ 0: the smaller", 0, d * sp.pi / n, sp.pi),
        between("… and the larger: the others' outputs are off, too", 0, (2 + d) * sp.pi / n, sp.pi),
    ]


def bias_steps(asked: Any) -> list[Step]:
    """b_j = 1 − ‖w_j‖² at the longest column."""
    square = asked / (1 - sp.cos(phi))
    return [
        identity("1 − M² = −cos φ/(1 − cos φ)", 1 - square, -sp.cos(phi) / (1 - sp.cos(phi))),
        sign("a longer column has a smaller bias", (1 - R**2) - (1 - (R + u) ** 2), ">= 0"),
    ]


@conjecture(
    "For m = 2 and every n ≥ 2, if ReLU(WᵀW + b1ᵀ) = I then max ‖w_j‖² ≥ 1/(1 − cos(2π/n)), with equality if and only "
    "if the columns are a regular n-gon of this size; and every longest column has b_j ≤ −B(n), B(n) = "
    "cos(2π/n)/(1 − cos(2π/n))",
    source=POST,
    expected=Verdict.PROVED,
    id="smallest-is-regular",
)
def smallest_is_regular() -> Outcome:
    """Zero loss means w_j·(w_j − w_i) ≥ 1 for all i ≠ j (`zero-loss-criterion`), so no column is 0. For a pair with
    norms r ≤ R the condition on the shorter one reads cos θ ≤ (r² − 1)/(rR). That is at most 1 − 1/R², since the
    difference is (R − r)(rR + 1)/(rR²), and 1 − 1/R² ≤ 1 − 1/M² with M the longest norm. So any two columns make an
    angle of at least α, cos α = 1 − 1/M² (which is at least −1, being at least a cosine).

    Sort the columns by direction. The gap between neighbours is the angle between them, or 2π minus it where it exceeds
    π; either way it is at least α. The n gaps add up to 2π, so α ≤ φ, that is 1 − 1/M² ≥ cos φ (the cosine falls on [0,
    π]), and M² ≥ 1/(1 − cos φ).

    At equality α = φ, so every gap is φ, and neighbours make the angle φ exactly, so both inequalities above are
    equalities for them: r = R = M. All norms are equal: the columns are a regular n-gon. Conversely that polygon, with
    b = 1 − M², answers 0 to its neighbours and less to the others.

    The bias is b_j = 1 − ‖w_j‖², so at a longest column b_j ≤ 1 − 1/(1 − cos φ) = −B(n).
    """

    def steps(asked: int) -> list[Step]:
        return [*pair_steps(asked), *gap_steps(asked), *equality_steps(asked), *bias_steps(asked)]

    return Proof(steps(1), Sibling("max ‖w_j‖² ≥ 2/(1 − cos(2π/n))", steps(2)))


@conjecture(
    "For m = 2, n ≥ 2 and a total loss Σ_ij (ReLU(WᵀW + b1ᵀ)_ij − δ_ij)² ≤ ε with μ = 1 − √(2ε) > 0, some column has "
    "‖w_j‖² ≥ μ/(1 − cos(2π/n)), and every longest column has b_j ≤ 1 + √ε − μ/(1 − cos(2π/n))",
    source=f"{POST} Robust form",
    expected=Verdict.PROVED,
)
def nearly_zero_loss_is_nearly_as_far() -> Outcome:
    """Let d_ij be the errors, Σ d_ij² ≤ ε < 1/2. Output j is on at its own e_j, for otherwise d_jj = −1; so z_jj = 1 +
    d_jj there, and z_ij ≤ |d_ij| elsewhere. The two errors d_jj and d_ij (i ≠ j) have |d_jj| + |d_ij| ≤ √(2(d_jj² +
    d_ij²)) ≤ √(2ε), so w_j·(w_j − w_i) = z_jj − z_ij ≥ 1 − √(2ε) = μ. From here on the argument of
    `smallest-is-regular` runs with the margin μ in place of 1. (No column is 0, for its margin would be 0.) And b_j =
    z_jj − ‖w_j‖² with z_jj ≤ 1 + √ε.
    """
    error, own = sp.symbols("d_ij d_jj", real=True)

    def steps(factor: int) -> list[Step]:
        # The smaller of the two absolute values, and by how much the other is larger.
        smaller, more = u, v
        return [
            sign(
                f"(|d_jj| + |d_ij|)² ≤ {factor}(d_jj² + d_ij²)",
                sp.expand(factor * (smaller**2 + (smaller + more) ** 2) - (2 * smaller + more) ** 2),
                ">= 0",
            ),
            identity("(1 + d_jj) − d_ij is the margin", (1 + own) - error, 1 - (error - own)),
            *pair_steps(1),
            *gap_steps(1),
        ]

    return Proof(
        steps(2),
        Sibling("the same with μ = 1, as far as at zero loss", steps(0)),
    )


@conjecture(
    "For m = 2 and T ≥ 2 examples x_t ≥ 0 of norm 1 with disjoint supports, any number of features: zero loss needs "
    "max ‖W x_t‖² ≥ 1/(1 − cos(2π/T)), and at a longest W x_t some feature j of x_t has b_j ≤ −x_tj B(T)",
    source=f'{POST} The post\'s "X = I without loss of generality"',
    expected=Verdict.PROVED,
)
def disjoint_examples_are_as_far() -> Outcome:
    """Let h_t = W x_t, P_t the support of x_t and β_t = Σ_{j∈P_t} x_tj b_j. For j in P_t zero loss says w_j·h_t + b_j =
    x_tj and w_j·h_s + b_j ≤ 0 for s ≠ t. Multiply by x_tj ≥ 0 and add up over P_t: since Σ x_tj w_j = h_t and Σ x_tj² =
    1, h_t·h_t + β_t = 1 and h_s·h_t + β_t ≤ 0. These are the conditions of `smallest-is-regular` with h_t for w_t and
    β_t for b_t, so max ‖h_t‖² is as stated and β_t ≤ −B(T) at a longest one. If b_j > −x_tj B(T) for every j in P_t,
    then β_t > −B(T) Σ x_tj² = −B(T), which is false.
    """
    x, b, z = sp.symbols("x_tj b_j z", real=True)
    entry = sp.Symbol("x", positive=True)
    B = sp.Symbol("B", real=True)

    def steps(share: Any) -> list[Step]:
        return [
            identity("x_tj(w_j·h + b_j) = (x_tj w_j)·h + x_tj b_j", x * (z + b), (x * z) + x * b),
            sign("x_tj ≥ 0 keeps w_j·h_s + b_j ≤ 0 when multiplied", entry * (-u), "<= 0"),
            *pair_steps(1),
            *gap_steps(1),
            identity(
                "b_j = −x_tj B + s gives x_tj b_j = −B x_tj² + s x_tj, and Σ x_tj² = 1",
                entry * (-(entry**share) * B + t),
                -B * entry**2 + t * entry,
            ),
            sign("s x_tj > 0 for s > 0", t * entry, "> 0"),
        ]

    return Proof(steps(1), Sibling("some feature j of it has b_j ≤ −B(T), its share left out", steps(0)))


# The reach


def ratio_steps() -> list[Step]:
    """|m̂|/√v̂ ≤ C for Adam, whatever the gradients. x and y stand for √(qᵗ) and √(β₂ᵗ)."""
    a, b = sp.symbols("beta1 beta2", positive=True)
    k = sp.Symbol("k", positive=True)
    x, y = sp.symbols("x y", real=True)
    return [
        identity(
            "qᵏ β₂ᵏ = β₁²ᵏ: the split for Cauchy and Schwarz is one, and xy = β₁ᵗ",
            (a**2 / b) ** k * b**k,
            a ** (2 * k),
        ),
        identity(
            "(1 − x²)(1 − y²) = (1 − xy)² − (x − y)²",
            (1 - x**2) * (1 - y**2),
            (1 - x * y) ** 2 - (x - y) ** 2,
        ),
        sign("(x − y)² ≥ 0", (x - y) ** 2, ">= 0"),
    ]


def constant_steps(square: Any) -> list[Step]:
    """C² at β₁ = 9/10 and β₂ = 999/1000."""
    a, b = sp.Rational(9, 10), sp.Rational(999, 1000)
    return [
        identity("C² = (1 − β₁)²/((1 − β₂)(1 − β₁²/β₂))", (1 - a) ** 2 / ((1 - b) * (1 - a**2 / b)), square),
        sign("β₁² < β₂", b - a**2, "> 0"),
    ]


def walk_steps() -> list[Step]:
    """One step moves a parameter by at most ηC, and decay only draws it back."""
    eta, C, size, decay = sp.symbols("eta C size decay", positive=True)
    share = 1 / (1 + decay)  # stands for 1 − ηλ, any number in (0, 1]
    eps = sp.Symbol("epsilon", nonnegative=True)
    return [
        sign("ε ≥ 0 only shortens a step", eta * C - eta * C * size / (size + eps), ">= 0"),
        sign("(1 − ηλ)|θ| ≤ |θ|", size - share * size, ">= 0"),
    ]


@conjecture(
    "Adam with β₁² < β₂ moves a parameter by at most ηC in a step of rate η, C² = (1 − β₁)²/((1 − β₂)(1 − β₁²/β₂)), "
    "whatever gradients it is shown; 7.2704 > C at β₁ = 0.9, β₂ = 0.999. So from 0 it ends within C Ση, with decoupled "
    "weight decay too (ηλ ≤ 1)",
    source=ADAM,
    expected=Verdict.PROVED,
)
def adam_walks_no_further() -> Outcome:
    """With m_t = (1 − β₁) Σ β₁^(t−k) g_k and v_t = (1 − β₂) Σ β₂^(t−k) g_k², q = β₁²/β₂ < 1, Cauchy and Schwarz give

        (Σ β₁^(t−k) g_k)² = (Σ q^((t−k)/2) · β₂^((t−k)/2) g_k)² ≤ Σ q^(t−k) · Σ β₂^(t−k) g_k²,

    and the first sum is (1 − qᵗ)/(1 − q). So |m_t| ≤ C √(1 − qᵗ) √v_t, and for the corrected averages

        |m̂_t|/√v̂_t ≤ C √(1 − qᵗ) √(1 − β₂ᵗ)/(1 − β₁ᵗ) ≤ C,

    the last because (1 − x)(1 − y) ≤ (1 − √(xy))² with x = qᵗ, y = β₂ᵗ, √(xy) = β₁ᵗ. The step is η m̂/(√v̂ + ε), no
    more than η times this ratio. Decay multiplies θ by 1 − ηλ in [0, 1] before the step, so |θ_t| ≤ |θ_{t−1}| + η_t C.

    The gradients are any numbers: the loss may be summed or averaged, decay may be part of the gradient as well.
    """

    def steps(square: Any) -> list[Step]:
        return [
            *ratio_steps(),
            *constant_steps(square),
            *walk_steps(),
            sign("7.2704 > C", sp.Rational(72704, 10000) ** 2 - square, "> 0"),
        ]

    return Proof(
        steps(sp.Rational(370, 7)),
        Sibling(
            "C = (1 − β₁)/√(1 − β₂) = 3.17 (see `adam-steps-as-published`)",
            steps((1 - sp.Rational(9, 10)) ** 2 / (1 - sp.Rational(999, 1000))),
        ),
    )


@conjecture(
    "A step of Adam is at most η(1 − β₁)/√(1 − β₂) where 1 − β₁ > √(1 − β₂), whatever the gradients (3.17 η at "
    "β₁ = 0.9, β₂ = 0.999)",
    source="Kingma and Ba (2015), section 2.1: the first of its two upper bounds",
    expected=Verdict.REFUTED,
    id="adam-steps-as-published",
)
def adam_steps_as_published() -> Outcome:
    """The bound is reached by one gradient after many zeros. Two gradients of 1 after many zeros go beyond it: m_t = (1
    − β₁) (1 + β₁) and v_t = (1 − β₂)(1 + β₂), and 1.9²/1.999 > 1. The true constant is that of `adam-walks-no-further`.
    """
    a, b = sp.Rational(9, 10), sp.Rational(999, 1000)

    def steps(second: int) -> list[Step]:
        first, square = (1 - a) * (1 + a * second), (1 - b) * (1 + b * second**2)
        return [
            sign("the bound is meant for 1 − β₁ > √(1 − β₂)", (1 - a) ** 2 - (1 - b), "> 0"),
            # The corrections: m is divided by 1 − 0.9ᵗ ≤ 1, and v by 1 − 0.999ᵗ ≤ 1, which is at least 9/10 here.
            sign(
                "0.999ᵗ ≤ 1/(1 + t/1000) ≤ 1/10 from t = 9,000 on",
                sp.Rational(1, 10) - 1 / (1 + sp.Rational(9000, 1000)),
                ">= 0",
            ),
            sign(
                "m_t²·(9/10)/v_t exceeds the bound squared",
                sp.Rational(9, 10) * first**2 / square - (1 - a) ** 2 / (1 - b),
                "> 0",
            ),
        ]

    return Counterexample(
        by_hand="9,000 gradients 0, then 1 and 1: m = 0.19, v = 0.001999, a step of 4.25 η and not 3.17 η",
        steps=steps(1),
        sibling=Sibling("9,000 gradients 0, then a single 1, go beyond it", steps(0)),
    )


@conjecture(
    "Warm-up over w steps to η and cosine decay to 0 at step K, as `relugeom.optim.schedules` defines them, add up to "
    "ηK/2 exactly, whatever 1 ≤ w < K: the paper's rates sum to 25",
    source=RECIPE,
    expected=Verdict.PROVED,
)
def rates_add_up_to_half() -> Outcome:
    """The warm-up is η Σ_{k=1..w} k/w = η(w + 1)/2. With N = K − w the rest is (η/2) Σ_{j=1..N} (1 + cos(πj/N)); the
    cosines add up to −1, since those of j and N − j cancel and cos π = −1 is left (with cos(π/2) = 0 in the middle for
    even N). So it is η(N − 1)/2, and the sum η(w + 1 + N − 1)/2 = ηK/2.
    """
    N, warm, j, eta = sp.symbols("N w j eta", positive=True)

    def steps(last: int) -> list[Step]:
        def is_half(case: tuple[int, int]) -> bool:
            total, warmup = case
            # The code's own rates, in floating point, against the sum that is claimed.
            schedule = Schedule("cosine", 1.0, total, warmup)
            return abs(sum(map(schedule, range(total))) - (total + last + 1) / 2) < 1e-9 * total

        return [
            identity("Σ_{k=1..w} k/w = (w + 1)/2", sp.summation(j, (j, 1, warm)) / warm, (warm + 1) / 2),
            identity("cos(π(N − j)/N) = −cos(πj/N)", sp.cos(sp.pi - sp.pi * j / N), -sp.cos(sp.pi * j / N)),
            identity("cos π = −1 is left", sp.cos(sp.pi), last),
            identity("(w + 1)/2 + (N − 1)/2 = K/2", eta * ((warm + 1) + (N + last)) / 2, eta * (warm + N) / 2),
            all_cases("the code's rates sum to it, here within 1e-9", is_half, [(50_000, 2_500), (7, 3), (10, 1)]),
            identity("η = 1/1000 and K = 50,000", sp.Rational(1, 1000) * 50_000 / 2, 25),
        ]

    return Proof(steps(-1), Sibling("they add up to η(K + 1)/2: the last cosine is left out", steps(0)))


def wall_steps(n: int, epsilon: Fraction) -> list[Step]:
    """C·25 is less than what the bias of a longest column needs, from this n on; π < 355/113.

    1 − cos φ ≤ φ²/2 makes 1/(1 − cos φ) ≥ n²/2π². √(2ε) ≤ root2 and √ε ≤ root are rational.
    """
    more = sp.Symbol("k", nonnegative=True)
    size = n + more
    least = sp.Rational(113, 355) ** 2 * size**2 / 2
    root2, root = (_root_above(2 * epsilon), _root_above(epsilon))
    needed = (1 - root2) * least - 1 - root
    return [
        identity("1 − cos φ = 2 sin²(φ/2)", 1 - sp.cos(phi), 2 * sp.sin(phi / 2) ** 2),
        identity(
            "… and sin(φ/2) ≤ φ/2 makes it at most φ²/2 = 2π²/n²", 2 * (2 * sp.pi / (2 * M)) ** 2, 2 * sp.pi**2 / M**2
        ),
        sign("π < 355/113", sp.Rational(355, 113) - sp.pi, "> 0"),
        sign("√(2ε) is at most this", root2**2 - sp.Rational(2 * epsilon), ">= 0"),
        sign("√ε is at most this", root**2 - sp.Rational(epsilon), ">= 0"),
        sign("what the bias needs is positive", sp.expand(needed), "> 0"),
        sign("… and its square exceeds (25 C)² = 625·370/7", sp.expand(needed**2) - sp.Rational(625 * 370, 7), "> 0"),
    ]


def _root_above(number: Fraction) -> Any:
    """A rational not below the root, to four digits."""
    scale = 10_000
    root = sp.integer_nthroot(int(number * scale**2), 2)[0]
    return sp.Rational(root if Fraction(root, scale) ** 2 == number else root + 1, scale)


@conjecture(
    "The paper's recipe (Adam or AdamW, β₁ = 0.9, β₂ = 0.999, any ε ≥ 0 and decoupled decay 0 ≤ λ ≤ 1,000, rates that "
    "sum to 25, b = 0 at the start, W anywhere) ends at zero loss on X = I, m = 2, for no n ≥ 61",
    source=RECIPE,
    expected=Verdict.PROVED,
)
def recipe_cannot_reach_zero_loss() -> Outcome:
    """By `adam-walks-no-further` and `rates-add-up-to-half` every bias ends within 25 C < 181.76 of 0. By
    `smallest-is-regular` zero loss needs a bias of at most −B(n) = 1 − 1/(1 − cos φ) ≤ 1 − n²/2π², since 1 − cos φ ≤
    φ²/2. At n = 61 that is below −187, and it falls with n. (B(60) = 181.54 lies within 25 C, so this argument stops
    there.)

    In exact arithmetic, and with X = I trained whole; where the biases start elsewhere the reach starts there.
    """
    return Proof(
        wall_steps(61, Fraction(0)),
        Sibling("… for no n ≥ 4 (which the square, at zero loss from the start, refutes)", wall_steps(4, Fraction(0))),
    )


@conjecture(
    "The paper's recipe, b = 0 at the start, ends with a total loss of at most 0.01 on X = I, m = 2, for no n ≥ 65",
    source=RECIPE,
    expected=Verdict.PROVED,
)
def recipe_cannot_come_near_zero_loss() -> Outcome:
    """By `nearly-zero-loss-is-nearly-as-far` with ε = 0.01 a bias is at most 1 + √ε − (1 − √(2ε))/(1 − cos φ), which
    for n ≥ 65 lies below −182.6, and every bias ends within 25 C < 181.76 of 0.
    """
    epsilon = Fraction(1, 100)
    return Proof(wall_steps(65, epsilon), Sibling("… for no n ≥ 4 (which the square refutes)", wall_steps(4, epsilon)))
