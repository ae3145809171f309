"""The loss without a bias: its global minimum in the plane is a pentagon, whatever n.

With s_i = ‖w_i‖² and the kernel K(θ) = max(0, cos θ)², the loss on X = I is a quadratic form in the measure
μ = Σ s_i δ_(direction of w_i), because ReLU(w_i·w_j)² = s_i s_j K(θ_ij):

    L = Σ_i (s_i − 1)² + Σ_{i≠j} ReLU(w_i·w_j)² = n − 2|μ| + ∬ K dμ dμ.

Only μ counts: a feature may be split into several on the same ray without changing anything but n. A kernel
h ≤ K whose Fourier coefficients are non-negative gives ∬ K ≥ ∬ h ≥ h₀ |μ|², hence L ≥ n − 1/h₀.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from relugeom import (
    AxialLoss,
    Counterexample,
    Open,
    Outcome,
    Proof,
    Sibling,
    Step,
    Verdict,
    all_cases,
    as_matrix,
    between,
    conjecture,
    identity,
    polynomial_sign,
    sign,
)

__all__: list[str] = []

SOURCE = 'Post, "Imperfect Reconstruction: n > 2m"'

ROOT5 = sp.sqrt(5)
OPTIMUM = 5 * (7 + ROOT5) / 11
COS_72, COS_144 = (ROOT5 - 1) / 4, -(ROOT5 + 1) / 4

c, x, y, s, t = sp.symbols("c x y s t", real=True)
k, J = sp.symbols("k J", integer=True, nonnegative=True)
p = sp.Symbol("p", integer=True, nonnegative=True)


def lower_kernel(optimum: sp.Expr) -> dict[int, sp.Expr]:
    """The Fourier coefficients h_k of the kernel below K, with h₀ = 1/optimum."""
    return {
        0: sp.radsimp(1 / optimum),
        1: (6 + 2 * ROOT5) / 25,
        2: sp.Rational(73, 200) - ROOT5 / 20,
        3: sp.Rational(39, 500),
        6: (ROOT5 - 2) / 50,
        7: sp.Rational(1, 250),
        8: sp.Rational(3, 1000),
    }


def quotient(numerator: sp.Expr, divisor: sp.Expr) -> sp.Expr:
    """The polynomial part of numerator/divisor in c over ℚ(√5)."""
    parts = (sp.Poly(sp.expand(e), c, extension=ROOT5) for e in (numerator, divisor))
    return sp.quo(*parts).as_expr()


def bound_steps(optimum: sp.Expr) -> list[Step]:
    """L ≥ n − optimum for every W with m = 2."""
    h_k = lower_kernel(optimum)
    h = sp.expand(sum(value * sp.chebyshevt(degree, c) for degree, value in h_k.items()))
    touch_left, touch_right = (c - COS_144) ** 2, (c - COS_72) ** 2 * (1 - c)
    q, r = quotient(-h, touch_left), quotient(c**2 - h, touch_right)
    n = sp.Symbol("n", positive=True)
    return [
        identity("a diagonal error is (s − 1)² = 1 − 2s + s²K(0), K(0) = 1", (s - 1) ** 2, 1 - 2 * s + s**2),
        identity("for cos θ = c ≤ 0: K − h = −h = (c − cos 144°)² q(c)", -h, touch_left * q),
        polynomial_sign("q > 0 on [−1, 0]", q, c, [-1, sp.Rational(-1, 2), 0]),
        identity("for c ≥ 0: K − h = c² − h = (c − cos 72°)² (1 − c) r(c)", c**2 - h, touch_right * r),
        polynomial_sign("r > 0 on [0, 1]", r, c, [0, sp.Rational(1, 2), 1]),
        all_cases("h_k ≥ 0 for every k", lambda item: bool(item[1] >= 0), h_k.items()),
        identity(
            "∬ cos k(x − y) = (∫ cos kx)² + (∫ sin kx)²: the integrand splits",
            sp.cos(k * (x - y)),
            sp.cos(k * x) * sp.cos(k * y) + sp.sin(k * x) * sp.sin(k * y),
        ),
        identity(
            "n − 2t + h₀t² = n − optimum + h₀(t − 1/h₀)², t = |μ|",
            n - 2 * t + h_k[0] * t**2,
            n - optimum + h_k[0] * (t - 1 / h_k[0]) ** 2,
        ),
    ]


def pentagon_steps(optimum: sp.Expr) -> list[Step]:
    """The bound is reached by the pentagon measure and by nothing else."""
    h_k = lower_kernel(optimum)
    return [
        identity("cos 144° = 2 cos² 72° − 1", COS_144, 2 * COS_72**2 - 1),
        identity("five equal masses t/5: ∬ K = (t²/5)(1 + 2 cos² 72°) = h₀t²", (1 + 2 * COS_72**2) / 5, h_k[0]),
        sign("h₁ > 0, so equality forces ∫ cos x = ∫ sin x = 0", h_k[1], "> 0"),
        sign("h₂ > 0, so equality forces ∫ cos 2x = ∫ sin 2x = 0", h_k[2], "> 0"),
        identity("1 + 2 cos 72° + 2 cos 144° = 0: the inverse transform on ℤ/5", 1 + 2 * COS_72 + 2 * COS_144, 0),
    ]


@conjecture(
    "For m = 2 and every n ≥ 5, the least loss Σ_i ‖ReLU(WᵀWe_i) − e_i‖² over all W is n − 5(7 + √5)/11, and W "
    "reaches it iff its columns lie on the five rays of a regular pentagon, with total squared norm (7 + √5)/11 "
    "on each",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def pentagon_is_optimal() -> Outcome:
    """A linear-programming bound for a measure on the circle, in the manner of Delsarte.

    Let h(θ) = Σ h_k cos kθ with the seven coefficients of `lower_kernel`; as a polynomial in c = cos θ it is
    Σ h_k T_k(c). Where c ≤ 0 the kernel K vanishes and K − h = (c − cos 144°)² q; where c ≥ 0 it is c² and
    K − h = (c − cos 72°)² (1 − c) r. Both q and r are positive there, so h ≤ K. Every term of ∬ h dμ dμ is a
    non-negative h_k times a sum of two squares, so ∬ K dμ dμ ≥ h₀|μ|². Completing the square gives L ≥ n − 1/h₀.

    Equality: |μ| = 1/h₀; K = h between any two directions that carry mass, so by the factorisations they differ
    by a multiple of 72°, and all lie on one regular pentagon; the first and second Fourier coefficients of μ
    vanish because h₁, h₂ > 0, and the inverse Fourier transform on ℤ/5 then makes the five masses equal. Five
    equal masses do reach the bound, and for n ≥ 5 there are enough features to carry them: split a mass among
    features on its ray as you like; others are 0.
    """
    return Proof(
        steps=bound_steps(OPTIMUM) + pentagon_steps(OPTIMUM),
        sibling=Sibling(
            "the least loss is n − 4: two antipodal pairs are the best that W can do",
            bound_steps(sp.Integer(4)) + pentagon_steps(sp.Integer(4)),
        ),
    )


@conjecture(
    "For n = 5 and m = 2 without a bias, reconstruction of X = I is never perfect, and the columns of a W with the "
    "least loss form a regular pentagon (equal norms, equal gaps of 72°)",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def regular_five() -> Outcome:
    """The case that the post trained: here its picture is exact.

    By `pentagon-is-optimal` the loss is at least n − 5(7 + √5)/11 = (20 − 5√5)/11 ≈ 0.80 > 0 at n = 5. At the
    minimum each of five rays carries the same positive mass, so each of the five features has a ray to itself.
    """

    def steps(n: int) -> list[Step]:
        return [
            *bound_steps(OPTIMUM),
            sign(f"the bound n − 5(7 + √5)/11 is positive at n = {n}", n - OPTIMUM, "> 0"),
            *pentagon_steps(OPTIMUM),
            identity("as many features as rays", n, 5),
        ]

    return Proof(
        steps=steps(5),
        sibling=Sibling("for n = 4 and m = 2 without a bias, reconstruction of X = I is never perfect", steps(4)),
    )


# Sixteen times the inner products of these columns (over 4) are small integers.
SIX_COLUMNS = ((4, 1, -3, -3, 1, 0), (0, 4, 2, -2, -4, 0))


def regular_polygon_steps(least: int) -> list[Step]:
    """The best regular n-gon loses to the pentagon: n even, n = 4J + 1 with J ≥ least, and n = 4J + 3 with J ≥ 1."""
    phi, alpha = sp.symbols("phi alpha", positive=True)
    half = sp.Rational(1, 2)
    dirichlet = (2 * J + 1) * half + sp.sin((2 * J + 1) * phi) / (2 * sp.sin(phi))
    h_0 = sp.radsimp(1 / OPTIMUM)
    one, three = 4 * (least + p) + 1, 4 * (1 + p) + 3
    kappa_one = (one + 1) * sp.Rational(1, 4) - 1 / (2 * sp.sqrt(3))

    def window(n: sp.Expr, last: sp.Expr) -> list[Step]:
        angle = 2 * sp.pi / n
        return [
            between("cos jφ ≥ 0 for j ≤ J, as Jφ ≤ π/2", 0, last * angle, sp.pi / 2),
            between("cos jφ ≤ 0 for J < j ≤ (n − 1)/2, as (J + 1)φ ≥ π/2", sp.pi / 2, (last + 1) * angle, sp.pi),
        ]

    return [
        identity(
            "n − 2ns + ns²κ = n − n/κ + nκ(s − 1/κ)², κ = Σ_j K(jφ), so the best n-gon has loss n − n/κ",
            1 - 2 * s + s**2 * t,
            1 - 1 / t + t * (s - 1 / t) ** 2,
        ),
        # n even: K(θ) + K(θ + π) = cos² θ, so κ = ½ Σ_j cos² jφ = n/4.
        identity("cos² jφ = ½ + ½ cos 2jφ", sp.cos(J * phi) ** 2, half + half * sp.cos(2 * J * phi)),
        identity(
            "2 sin φ cos 2jφ = sin (2j + 1)φ − sin (2j − 1)φ telescopes",
            2 * sp.sin(phi) * sp.cos(2 * J * phi),
            sp.sin((2 * J + 1) * phi) - sp.sin((2 * J - 1) * phi),
        ),
        identity(
            "over a full turn the telescope gives sin(4π − φ) + sin φ = 0", sp.sin(4 * sp.pi - phi) + sp.sin(phi), 0
        ),
        sign("n even: 1/h₀ > 4 = n/κ", 1 / h_0 - 4, "> 0"),
        # n odd: κ = Σ_{|j| ≤ J} cos² jφ with J = ⌊n/4⌋, in closed form by induction on J.
        identity("Σ_{|j| ≤ J} cos² jφ = (2J + 1)/2 + sin (2J + 1)φ / (2 sin φ): J = 0", dirichlet.subs(J, 0), 1),
        identity("… and from J − 1 to J", dirichlet - dirichlet.subs(J, J - 1), 2 * sp.cos(J * phi) ** 2),
        *window(one, least + p),
        identity(
            "n = 4J + 1: (2J + 1)φ = π + α, α = π/n", (2 * least + 2 * p + 1) * 2 * sp.pi / one, sp.pi + sp.pi / one
        ),
        identity(
            "… so κ = (n + 1)/4 − 1/(4 cos α)",
            sp.sin(sp.pi + alpha) / (2 * sp.sin(2 * alpha)),
            -1 / (4 * sp.cos(alpha)),
        ),
        between("… α ≤ π/6, so cos α ≥ √3/2", 0, sp.pi / one, sp.pi / 6),
        sign("… and κ ≥ (n + 1)/4 − 1/(2√3) > n h₀", kappa_one - one * h_0, "> 0"),
        *window(three, 1 + p),
        identity("n = 4J + 3: (2J + 1)φ = π − α", (2 * p + 3) * 2 * sp.pi / three, sp.pi - sp.pi / three),
        identity(
            "… so κ = (n − 1)/4 + 1/(4 cos α) ≥ n/4",
            sp.sin(sp.pi - alpha) / (2 * sp.sin(2 * alpha)),
            1 / (4 * sp.cos(alpha)),
        ),
        sign("… > n h₀", three * sp.Rational(1, 4) - three * h_0, "> 0"),
    ]


@conjecture(
    "For m = 2 without a bias and every n > 4, the loss on X = I is least at columns of W that are geometrically "
    "regular (equal norms, equally spaced around the circle)",
    source=SOURCE,
    expected=Verdict.REFUTED,
)
def regular_for_every_n() -> Outcome:
    """True at n = 5 and false for every n ≥ 6.

    The post speaks of what the model "will still try to learn"; this is what that says about the least loss.

    A regular n-gon of squared radius s has loss n − 2ns + ns²κ with κ = Σ_j K(2πj/n), least at s = 1/κ, where it
    is n − n/κ. If n is even, antipodal features share cos² between them and κ = n/4: the loss is n − 4, the same
    as that of two antipodal pairs. If n is odd, a Dirichlet sum gives κ = (n + 1)/4 − 1/(4 cos(π/n)) for
    n = 4J + 1 and (n − 1)/4 + 1/(4 cos(π/n)) for n = 4J + 3. The pentagon with the other n − 5 features at 0 (or
    sharing its rays) has loss n − 1/h₀, h₀ = (7 − √5)/20 < 1/4, and n/κ < 1/h₀ in all three families once n ≥ 6.
    """
    W = as_matrix([Fraction(entry, 4) for entry in row] for row in SIX_COLUMNS)
    hexagon = identity("the hexagon: 6 − 12s + 9s² = 2 + (3s − 2)²", 6 - 12 * s + 9 * s**2, 2 + (3 * s - 2) ** 2)
    return Counterexample(
        by_hand="n = 6. A regular hexagon of squared radius s has loss 6 − 12s + 6s²·(1 + ¼ + ¼) = 2 + (3s − 2)², "
        "at least 2. Take instead the columns (4,0), (1,4), (−3,2), (−3,−2), (1,−4), all over 4, and (0,0). Times "
        "16, the squared norms are 16, 17, 13, 13, 17, 0 and the positive inner products 4, 4, 5, 5, 5, so the "
        "loss is 1 + (0 + 1 + 9 + 9 + 1)/256 + 2·(16 + 16 + 25 + 25 + 25)/256 = 1 + 234/256 < 2.",
        certificates=[AxialLoss(W, Fraction(245, 128))],
        steps=[hexagon, *regular_polygon_steps(least=2)],
        sibling=Sibling(
            "already for every n ≥ 5 the best regular n-gon loses to the pentagon",
            [hexagon, *regular_polygon_steps(1)],
        ),
    )


# r at which the bound is nearly least, and the bound there, rounded up: n − loss is at most this, for m = 1 to 6.
BEST_RADII = {
    1: (Fraction(1), Fraction(2)),
    2: (Fraction(5, 6), Fraction(4206, 1000)),
    3: (Fraction(3, 4), Fraction(6542, 1000)),
    4: (Fraction(11, 16), Fraction(8977, 1000)),
    5: (Fraction(11, 17), Fraction(11498, 1000)),
    6: (Fraction(8, 13), Fraction(14091, 1000)),
}


def cubic_bound(factor: Any, m: Any, r: Any) -> Any:
    """factor·m(1 + r)³/(r(2r² + 7r + 8 − m r³)), where the denominator is positive."""
    return factor * m * (1 + r) ** 3 / (r * (2 * r**2 + 7 * r + 8 - m * r**3))


def cubic_steps(factor: int) -> list[Step]:
    """L ≥ n − cubic_bound(factor, m, r), by a cubic kernel below K; true for the factor 4."""
    r, d, n = sp.symbols("r d n", positive=True)
    m = (2 * r**2 + 7 * r + 8 - d) / r**3  # so that 2r² + 7r + 8 − m r³ = d > 0
    u, touch, v = (r + 2) ** 2 / (4 * (r + 1) ** 3), r**2 / (r + 2), r**2 / (4 * (r + 1) ** 3)
    h = sp.Poly(c**2 - u * (c - touch) ** 2 * (1 - c), c)
    a_0, a_1, a_2, a_3 = (sp.factor(h.coeff_monomial(c**degree)) for degree in range(4))
    bound = factor * (2 * r**2 + 7 * r + 8 - d) * (1 + r) ** 3 / (r**4 * d)
    return [
        identity("for c ≥ 0: c² − h = u(c − r²/(r + 2))²(1 − c), which is ≥ 0 up to 1", c**2 - h.as_expr(),
                 u * (c - touch) ** 2 * (1 - c)),
        identity("for c ≤ 0: −h = (c + r)²(v − uc), which is ≥ 0", -h.as_expr(), (c + r) ** 2 * (v - u * c)),
        sign("u > 0", u, "> 0"),
        sign("v > 0", v, "> 0"),
        sign("the coefficient of c is positive", a_1, "> 0"),
        sign("that of c² too", a_2, "> 0"),
        sign("and that of c³", a_3, "> 0"),
        identity("bound = factor·m(1 + r)³/(r(2r² + 7r + 8 − m r³))", bound, cubic_bound(factor, m, r)),
        identity("∬ h ≥ (a₂/m + a₀)t² = t²/bound", a_2 / m + a_0, 1 / bound),
        identity(
            "n − 2t + t²/bound = n − bound + (t − bound)²/bound",
            n - 2 * t + t**2 / bound,
            n - bound + (t - bound) ** 2 / bound,
        ),
        identity(
            "at m = 1/r³ the bound is factor·m^(4/3)·(1 + r)³/(7 + 7r + 2r²)",
            cubic_bound(factor, 1 / r**3, r),
            factor * (1 + r) ** 3 / (r**4 * (7 + 7 * r + 2 * r**2)),
        ),
        polynomial_sign(
            "2(1 + r)³ ≤ 7 + 7r + 2r² for 0 ≤ r ≤ 1", 7 + 7 * c + 2 * c**2 - 2 * (1 + c) ** 3, c, [0, 1], strict=False
        ),
        all_cases(
            "the bounds for m = 1 to 6",
            lambda item: (
                2 * item[1][0] ** 2 + 7 * item[1][0] + 8 > item[0] * item[1][0] ** 3
                and cubic_bound(factor, item[0], item[1][0]) <= item[1][1]
            ),
            BEST_RADII.items(),
        ),
    ]  # fmt: skip


@conjecture(
    "For all m, n ≥ 1, every m×n matrix W and every r > 0 with m r³ < 2r² + 7r + 8, Σ_i ‖ReLU(WᵀWe_i) − e_i‖² ≥ n − "
    "4m(1 + r)³/(r(2r² + 7r + 8 − m r³)). So it is at least n − 2m^(4/3), and for m = 1, ..., 6 at least n − 2, 4.206, "
    "6.542, 8.977, 11.498, 14.091",
    source=f"{SOURCE}: how imperfect, in any dimension",
    expected=Verdict.PROVED,
)
def any_m_lower_bound() -> Outcome:
    """The same argument with a cubic kernel, on the sphere of any dimension.

    With K(c) = max(0, c)², c the cosine between directions v, v', take the cubic h = a₃c³ + a₂c² + a₁c + a₀ that
    touches K from below at −r and at r²/(r + 2), and meets it at 1. Then ∬ v·v' dμ dμ = ‖∫ v dμ‖² ≥ 0,
    ∬ (v·v')³ dμ dμ = ‖∫ v⊗v⊗v dμ‖² ≥ 0, and ∬ (v·v')² dμ dμ = ‖M‖² ≥ (tr M)²/m = t²/m for M = ∫ v vᵀ dμ, t = |μ|
    (Cauchy–Schwarz on the m eigenvalues). So ∬ K ≥ (a₂/m + a₀)t², and L ≥ n − 2t + t²/bound. At r = m^(−1/3) the
    condition holds, and the bound is at most 2m^(4/3), as 2(1 + r)³ ≤ 7 + 7r + 2r² for r ≤ 1.

    Sharp at m = 1: for n ≥ 2 the loss n − 2 is reached by (1, −1, 0, …, 0). At m = 2 the pentagon reaches 4.198.
    """
    return Proof(
        steps=cubic_steps(4),
        sibling=Sibling(
            "the same with the factor 3 in place of 4 (at m = 1, r = 1: at least n − 3/2, but (1, −1) has loss 0)",
            cubic_steps(3),
        ),
    )


@conjecture(
    "For m = 3, the greatest value of n − Σ_i ‖ReLU(WᵀWe_i) − e_i‖² over all n and W is 45/7",
    source=f"{SOURCE}: the pentagon's counterpart in higher dimension",
    expected=Verdict.UNDECIDED,
)
def best_gain_in_three_dimensions() -> Outcome:
    """What takes the pentagon's place on the sphere is not settled here; 6.542 is proved (`any-m-lower-bound`)."""
    return Open(
        "descent from 40 random starts for each of six n up to 12 never passes 6.428571 (first reached at n = 9); "
        "the linear-programming bound with zonal kernels is about 6.516 in floats and cannot close the gap. It would "
        "take a three-point (semidefinite) bound that is sharp to prove it, or a better W to refute it",
        trials=240,
    )


@conjecture(
    "For m = 4, the greatest value of n − Σ_i ‖ReLU(WᵀWe_i) − e_i‖² over all n and W is 114/13",
    source=f"{SOURCE}: the pentagon's counterpart in higher dimension",
    expected=Verdict.UNDECIDED,
)
def best_gain_in_four_dimensions() -> Outcome:
    """The same question one dimension up; 8.977 is proved (`any-m-lower-bound`)."""
    return Open(
        "descent from 40 random starts for each of seven n up to 16 never passes 8.769231 (first reached at n = "
        "12); the linear-programming bound is about 8.977 in floats. It would take a sharp three-point (semidefinite) "
        "bound to prove it, or a better W to refute it",
        trials=280,
    )
