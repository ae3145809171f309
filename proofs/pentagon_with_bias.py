"""The loss with a bias and uniform amplitudes: five or six features in the plane are best as a regular polygon.

For x = a e_i with a uniform on [0, 1], the loss summed over the features is, with s_j = ‖w_j‖² and g_ij = w_i·w_j,

    F = Σ_j D(s_j, b_j) + Σ_{i≠j} K(g_ij, b_j),
    D(s, b) = ∫ (ReLU(as + b) − a)² da,   K(g, b) = ∫ ReLU(ag + b)² da   (a from 0 to 1).

D and K are ≥ 0, and K does not decrease in g or in b.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

import sympy as sp

from relugeom import (
    HexagonMinimum,
    Outcome,
    PentagonMinimum,
    Proof,
    Sibling,
    Step,
    Verdict,
    conjecture,
    identity,
    polynomial_sign,
    sign,
    valid_certificate,
)
from relugeom.landscape.polygons import hexagon_minimum, pentagon_minimum

__all__: list[str] = []

Polygon = TypeVar("Polygon", PentagonMinimum, HexagonMinimum)

SOURCE = "Chen et al., Dynamical versus Bayesian phase transitions in a toy model of superposition (2023): the 5-gon"

a, b, t, q = sp.symbols("a b t q", real=True)
s, g, m, mu, gamma, x, v, tau, p = sp.symbols("s g m mu gamma x v tau p", positive=True)
rho, gamma_star = sp.symbols("rho gamma_star", positive=True)
third = sp.Rational(1, 3)

B = (1 - t) ** 2 * (2 + t) / 6
KAPPA = (q - t) ** 3 / (3 * q)
C = (1 - t) ** 3 / 3 + 2 * KAPPA
QUARTIC = q * t * (1 - t) ** 3 - 2 * (q - t) ** 2 * (2 + t + t**2 - 2 * q * (1 + t))
SQUARED_NORM, BOUND = sp.Rational(49, 16), sp.Rational(2, 25)


def integral(integrand: sp.Expr, low: sp.Expr, high: sp.Expr) -> sp.Expr:
    """∫ of a polynomial in a."""
    return sp.integrate(sp.expand(integrand), (a, low, high))


def output_steps() -> list[Step]:
    """One output with its two neighbours, as a function of its squared norm s and its threshold t = −b/s."""
    return [
        identity(
            "for 0 ≤ t ≤ 1: D(s, −ts) = s²(1 − t)³/3 − 2sB + 1/3",
            integral((s * (a - t) - a) ** 2, t, 1) + integral(a**2, 0, t),
            s**2 * (1 - t) ** 3 / 3 - 2 * s * B + third,
        ),
        identity("for 0 ≤ t ≤ q: K(qs, −ts) = s²κ", integral((s * (a * q - t)) ** 2, t / q, 1), s**2 * KAPPA),
        identity(
            "D + 2K = s²C − 2sB + 1/3 = C(s − B/C)² + 1/3 − B²/C",
            s**2 * C - 2 * s * B + third,
            C * (s - B / C) ** 2 + third - B**2 / C,
        ),
        identity(
            "for b ≥ 0: D + 2K = s²(1 + 2q²)/3 − 2s/3 + 1/3 + b(s(1 + 2q) − 1) + 3b²",
            integral((s * a + b - a) ** 2, 0, 1) + 2 * integral((q * s * a + b) ** 2, 0, 1),
            s**2 * (1 + 2 * q**2) / 3 - 2 * s / 3 + third + b * (s * (1 + 2 * q) - 1) + 3 * b**2,
        ),
    ]


def constant_steps() -> list[Step]:
    """B²/C is stationary in t at a root of the quartic, and μ is its slope against the angle."""
    kappa_q = (q - t) ** 2 * (2 * q + t) / (3 * q**2)
    angle_slope = (mu * C - m * sp.sin(gamma) * sp.diff(C, q)).subs(mu, 2 * s**2 * kappa_q * sp.sin(gamma))
    return [
        identity(
            "(2B'C − BC')·6q = −(1 − t)·(q t(1 − t)³ − 2(q − t)²(2 + t + t² − 2q(1 + t)))",
            (2 * sp.diff(B, t) * C - B * sp.diff(C, t)) * 6 * q,
            -(1 - t) * QUARTIC,
        ),
        identity("∂κ/∂q = (q − t)²(2q + t)/(3q²)", sp.diff(KAPPA, q), kappa_q),
        identity(
            "with μ = 2s²(∂κ/∂q) sin γ and m = ρ = s²C the slope μC − m sin γ ∂C/∂q is 0",
            angle_slope.subs(m, s**2 * C),
            0,
        ),
        identity(
            "five edges: 5(F*/5 + γ*μ) − 2πμ = F* for γ* = 2π/5",
            5 * (x / 5 + 2 * sp.pi / 5 * mu) - 2 * sp.pi * mu,
            x,
        ),
    ]


def one_output_steps() -> list[Step]:
    """All norms lie between 1/2 and 7/4, or the loss exceeds 2/25."""
    best = (s - 1) / (s + 1)
    return [
        identity(
            "3D = s(s + 1)y³ − 3sy² + 1 with y = 1 − t",
            3 * (s**2 * (1 - t) ** 3 / 3 - 2 * s * B + third),
            s * (s + 1) * (1 - t) ** 3 - 3 * s * (1 - t) ** 2 + 1,
        ),
        identity(
            "… is ((s − 1)/(s + 1))² + s(s + 1)(y − 2/(s + 1))²(y + 1/(s + 1)), so D ≥ ((s − 1)/(s + 1))²/3",
            s * (s + 1) * x**3 - 3 * s * x**2 + 1,
            best**2 + s * (s + 1) * (x - 2 / (s + 1)) ** 2 * (x + 1 / (s + 1)),
        ),
        sign("(s − 1)/(s + 1) rises", sp.diff(best, s), "> 0"),
        identity(
            "for s ≥ 1 and b ≥ 0, D = (s − 1)²/3 + (s − 1)b + b² ≥ (s − 1)²/3",
            integral((s * a + b - a) ** 2, 0, 1),
            (s - 1) ** 2 / 3 + (s - 1) * b + b**2,
        ),
        sign("‖w‖ ≥ 7/4 costs more than 2/25", (best**2 / 3).subs(s, SQUARED_NORM) - BOUND, "> 0"),
        sign("‖w‖ ≤ 1/2 and b ≤ 0 cost (1 − 1/4)²/3 > 2/25", sp.Rational(9, 16) / 3 - BOUND, "> 0"),
        identity(
            "for 0 ≤ b ≤ 7/8: K(−7/8, b) = 8b³/21",
            integral((b - sp.Rational(7, 8) * a) ** 2, 0, sp.Rational(8, 7) * b),
            8 * b**3 / 21,
        ),
        sign("b ≥ 1/2 costs 4K(−7/8, 1/2) > 2/25", 4 * sp.Rational(8, 21) / 8 - BOUND, "> 0"),
        identity(
            "for 0 ≤ b ≤ 1/2 and s ≤ 1/4 D falls in s: ∂D/∂s = 2(s − 1)/3 + b ≤ 0",
            sp.diff((s - 1) ** 2 / 3 + (s - 1) * b + b**2, s),
            2 * (s - sp.Rational(1, 4)) / 3 + (b - sp.Rational(1, 2)),
        ),
        polynomial_sign(
            "… and D(1/4, b) + 4K(−7/8, b) > 2/25",
            sp.Rational(3, 16) - 3 * b / 4 + b**2 + 32 * b**3 / 21 - BOUND,
            b,
            [0, sp.Rational(1, 4), sp.Rational(1, 2)],
        ),
    ]


def angle_steps() -> list[Step]:
    """arccos e^(−v) is concave."""
    angle = sp.acos(sp.exp(-v))
    return [
        identity(
            "the derivative of arccos e^(−v) is (e^(2v) − 1)^(−1/2)", sp.diff(angle, v) ** 2, 1 / (sp.exp(2 * v) - 1)
        ),
        sign("… it is positive", (1 / sp.sqrt(sp.exp(2 * v) - 1)).subs(v, sp.log(1 + x)), "> 0"),
        sign(
            "… and falls",
            sp.diff(1 / sp.sqrt(sp.exp(2 * v) - 1), v).subs(v, sp.log(1 + x)),
            "< 0",
        ),
    ]


def cell_steps() -> list[Step]:
    """mC > B² for every threshold, from conditions on m and q."""
    big = 1 + p
    return [
        identity(
            "for q ≤ t ≤ 1: m(1 − t)³/3 − B² = (1 − t)³(12m − (1 − t)(2 + t)²)/36",
            m * (1 - t) ** 3 / 3 - B**2,
            (1 - t) ** 3 * (12 * m - (1 - t) * (2 + t) ** 2) / 36,
        ),
        identity("(1 − t)(2 + t)² = 4 − t²(3 + t), at most 4, falls", (1 - t) * (2 + t) ** 2, 4 - t**2 * (3 + t)),
        identity(
            "for 0 ≤ t ≤ q: 36(mC − B²) = 12m((1 − t)³ + 2(q − t)³/q) − (1 − t)⁴(2 + t)²",
            36 * (m * C - B**2),
            12 * m * ((1 - t) ** 3 + 2 * (q - t) ** 3 / q) - (1 - t) ** 4 * (2 + t) ** 2,
        ),
        identity("for q = 1 + p ≥ 1: (q − t) − q(1 − t) = pt ≥ 0", (big - t) - big * (1 - t), p * t),
        identity(
            "… so C ≥ (1 + 2q²)(1 − t)³/3, which is C with q(1 − t) for q − t",
            (1 - t) ** 3 / 3 + 2 * (big * (1 - t)) ** 3 / (3 * big),
            (1 + 2 * big**2) * (1 - t) ** 3 / 3,
        ),
        identity(
            "for b = τs ≥ 0: mC − B² = (m(1 + 2q²)/3 − 1/9) + (m(1 + 2q) − 1/3)τ + (3m − 1/4)τ²",
            m * ((1 + 2 * q**2) / 3 + (1 + 2 * q) * tau + 3 * tau**2) - (third + tau / 2) ** 2,
            (m * (1 + 2 * q**2) / 3 - third**2) + (m * (1 + 2 * q) - third) * tau + (3 * m - third * 3 / 4) * tau**2,
        ),
        identity(
            "… as there D + 2K = s²C − 2sB + 1/3 with C = (1 + 2q²)/3 + (1 + 2q)τ + 3τ², B = 1/3 + τ/2",
            integral((s * a + tau * s - a) ** 2, 0, 1) + 2 * integral((q * s * a + tau * s) ** 2, 0, 1),
            s**2 * ((1 + 2 * q**2) / 3 + (1 + 2 * q) * tau + 3 * tau**2) - 2 * s * (third + tau / 2) + third,
        ),
    ]


def window_steps() -> list[Step]:
    """The second derivatives of G = (ρ + μ(γ − γ*))C(t, cos γ) − B², as the checker has them."""
    slant = rho + mu * (gamma - gamma_star)
    G = (slant * C - B**2).subs(q, sp.cos(gamma))
    u = t / q
    kappa_q, kappa_qq = q * (1 - u) ** 2 * (2 + u) / 3, 2 * (1 - u**3) / 3
    sine = sp.sin(gamma)
    formulas = {
        "G_tt": (
            (t, t),
            slant * (2 * (1 - t) + 4 * (1 - u)) - (1 - t**2) ** 2 / 2 - 2 * t * B,
        ),
        "G_tγ": ((t, gamma), 2 * slant * sine * (1 - u**2) - mu * ((1 - t) ** 2 + 2 * q * (1 - u) ** 2)),
        "G_γγ": (
            (gamma, gamma),
            2 * slant * (sine**2 * kappa_qq - q * kappa_q) - 4 * mu * sine * kappa_q,
        ),
    }
    return [
        identity(f"{name}, with u = t/q", sp.diff(G, *variables), formula.subs(q, sp.cos(gamma)))
        for name, (variables, formula) in formulas.items()
    ]


def pentagon_steps(certificate: PentagonMinimum) -> list[Step]:
    """Everything the argument needs, the certificate last."""
    return [
        *output_steps(),
        *constant_steps(),
        *one_output_steps(),
        *angle_steps(),
        *cell_steps(),
        *window_steps(),
        valid_certificate("the constants, the one-output estimates, every cell and the window", certificate),
    ]


def raised(certificate: Polygon, by: Fraction) -> Polygon:
    """The certificate that claims a greater least loss."""
    low, high = certificate.loss
    return replace(certificate, loss=(low + by, high + by))


MILLIONTH = Fraction(1, 10**6)


@conjecture(
    "For n = 5, m = 2 and data a·e_i with a uniform on [0, 1], the loss over all W and b is least exactly where the "
    "columns of W are the corners of a regular pentagon with ‖w_j‖² = s* and b_j = b* for every j, s* = 1.369975766…, "
    "b* = −0.282297283…; summed over the features it is F* = 0.079128135…",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def pentagon_with_bias_is_optimal() -> Outcome:
    """Five features share the circle: an edge pays for its angle, and a half-edge is a function of one angle.

    *Norms.* A longest output costs at least ((s − 1)/(s + 1))²/3 by itself, and a shortest one must be switched on by
    its bias, which the four others then trigger: outside 1/2 < ‖w_j‖ < 7/4 the loss exceeds 2/25 > F*.

    *Edges.* In cyclic order the gaps γ_e between neighbours add up to 2π. Drop K between features that are not
    neighbours, and share D_j between the two edges of j. With a price μ for each radian, c = F*/5 + (2π/5)μ, it is
    enough that D(s, b)/2 + K(g, b) + D(s', b')/2 + K(g, b') + μγ ≥ c for every edge, g = √(ss') cos γ.

    *Half-edges.* Only γ < 90° matters, since μπ/2 > c. Let α(s, g) = arccos(g/s), or −arccos(s/g) for g > s: the gap
    to a copy of itself at which s would meet the same g. arccos e^(−v) is concave and 0 at 0, hence subadditive, so
    that 2γ ≥ α(s, g) + α(s', g), and it is enough that D(s, b) + 2K(g, b) + μα(s, g) ≥ c for one output alone.

    *One angle.* With b = −ts and g = qs the left side is a quadratic in s, of which 1/3 − B(t)²/C(t, q) + μα is the
    least value. So the claim is B² ≤ (ρ* + μ(α − 2π/5))C for all t, where q = cos α, with ρ* = 1/3 − F*/5. It is a
    polynomial inequality in t for each α, checked in cells of α; near (t*, 72°), where it is an equality, the
    difference has a definite matrix of second derivatives. `relugeom.exact.pentagon` has it line by line.

    Each inequality is strict but at s*, b* and 72°, so nothing else has the loss F*.
    """
    certificate = pentagon_minimum()
    return Proof(
        steps=pentagon_steps(certificate),
        certificates=[certificate],
        sibling=Sibling(
            "… summed over the features it is at least F* + 10⁻⁶",
            pentagon_steps(raised(certificate, MILLIONTH)),
        ),
    )


def short_feature_steps() -> list[Step]:
    """Six features: a norm of at least 3, or an inner product g ≥ 2s, costs its output more than 0.2102."""
    most = sp.Rational(2102, 10_000)
    return [
        sign("‖w‖ ≥ 3 costs at least (8/10)²/3 > 0.2102", sp.Rational(64, 300) - most, "> 0"),
        sign(
            "b ≤ 0: (1/3 − 0.2102)·C > B² since (1/3 − 0.2102)(1 + 2²)/3 > 1/9",
            (third - most) * 5 / 3 - third**2,
            "> 0",
        ),
        identity(
            "b ≥ 0: D + K(2s, b) = 5s²/3 − 2s/3 + 1/3 − b(1 − 3s) + 2b²",
            integral((s * a + b - a) ** 2, 0, 1) + integral((2 * s * a + b) ** 2, 0, 1),
            5 * s**2 / 3 - 2 * s / 3 + third - b * (1 - 3 * s) + 2 * b**2,
        ),
        identity(
            "s ≥ 1/3: without b this is 4/15 + (5/3)(s − 1/5)²",
            5 * s**2 / 3 - 2 * s / 3 + third,
            sp.Rational(4, 15) + sp.Rational(5, 3) * (s - sp.Rational(1, 5)) ** 2,
        ),
        identity(
            "s ≤ 1/3: it is 5/24 + s/12 + 13s²/24 + 2(b − (1 − 3s)/4)²",
            5 * s**2 / 3 - 2 * s / 3 + third - b * (1 - 3 * s) + 2 * b**2,
            sp.Rational(5, 24) + s / 12 + 13 * s**2 / 24 + 2 * (b - (1 - 3 * s) / 4) ** 2,
        ),
        sign(
            "… more than 0.2102 for s = 1/50 + x",
            (sp.Rational(5, 24) + s / 12 + 13 * s**2 / 24).subs(s, sp.Rational(1, 50) + x) - most,
            "> 0",
        ),
        sign("s ≤ 1/50: the others have |g| ≤ 3√s ≤ 3/7", sp.Rational(9, 49) - sp.Rational(9, 50), "> 0"),
        identity(
            "for 0 ≤ b ≤ 3/7: K(−3/7, b) = 7b³/9",
            integral((b - sp.Rational(3, 7) * a) ** 2, 0, sp.Rational(7, 3) * b),
            7 * b**3 / 9,
        ),
        identity(
            "… and D + K ≥ 8/25 − b + 2b², since 1/3 − 2s/3 − 8/25 = 2(1/50 − s)/3",
            third - 2 * s / 3 - sp.Rational(8, 25),
            2 * (sp.Rational(1, 50) - s) / 3,
        ),
        polynomial_sign(
            "… so for b ≤ 3/7 with four others 8/25 − b + 2b² + 28b³/9 > 0.2102",
            sp.Rational(8, 25) - b + 2 * b**2 + 28 * b**3 / 9 - most,
            b,
            [0, sp.Rational(1, 7), sp.Rational(1, 5), sp.Rational(3, 7)],
        ),
        sign(
            "… and for b = 3/7 + x without them",
            sp.expand((sp.Rational(8, 25) - b + 2 * b**2 - most).subs(b, sp.Rational(3, 7) + x)),
            "> 0",
        ),
    ]


def shift_steps() -> list[Step]:
    """ψ² is concave, and a shift of steepness 2/5 may be moved along an edge."""
    angle = sp.acos(sp.exp(-v))
    return [
        identity("ψ' = cot ψ, that is, 1/(e^(2v) − 1) = e^(−2v)/(1 − e^(−2v))", sp.diff(angle, v) ** 2,
                 sp.exp(-2 * v) / (1 - sp.exp(-2 * v))),
        identity(
            "x cot x has the slope (sin 2x/2 − x)/sin² x, which is < 0 since sin 2x < 2x",
            sp.diff(x * sp.cos(x) / sp.sin(x), x),
            (sp.sin(2 * x) / 2 - x) / sp.sin(x) ** 2,
        ),
        sign("2/5 < √2 − 1", 2 - (sp.Rational(2, 5) + 1) ** 2, "> 0"),
    ]  # fmt: skip


def hexagon_steps(certificate: HexagonMinimum) -> list[Step]:
    """What the hexagon needs beyond the pentagon, the certificate last."""
    q_2, alpha, alpha_2 = sp.symbols("q_2 alpha alpha_2", real=True)
    one, two = sp.Function("K")(alpha), sp.Function("K")(alpha_2)
    edges = (1 + q**2 + q_2**2) / 3, 1 + q + q_2
    return [
        *output_steps(),
        *constant_steps(),
        *angle_steps(),
        *cell_steps(),
        *window_steps(),
        identity(
            "six edges: 6(F*/6 + γ*μ) − 2πμ = F* for γ* = 2π/6", 6 * (x / 6 + 2 * sp.pi / 6 * mu) - 2 * sp.pi * mu, x
        ),
        *short_feature_steps(),
        *shift_steps(),
        identity(
            "an output with two edges is the mean of two with equal edges",
            x + one + two + mu / 2 * (alpha + alpha_2),
            (x + 2 * one + mu * alpha) / 2 + (x + 2 * two + mu * alpha_2) / 2,
        ),
        identity(
            "b = τs ≥ 0 and two edges: C = (1 + q² + q'²)/3 + (1 + q + q')τ + 3τ²",
            sum(integral((ratio * s * a + tau * s) ** 2, 0, 1) for ratio in (1, q, q_2)),
            s**2 * (edges[0] + edges[1] * tau + 3 * tau**2),
        ),
        identity(
            "for q ≥ t on two edges: 36(mC − B²) = 12m((1 − t)³ + Σ (q − t)³/q) − (1 − t)⁴(2 + t)²",
            36 * (m * ((1 - t) ** 3 / 3 + KAPPA + KAPPA.subs(q, q_2)) - B**2),
            12 * m * ((1 - t) ** 3 + (q - t) ** 3 / q + (q_2 - t) ** 3 / q_2) - (1 - t) ** 4 * (2 + t) ** 2,
        ),
        valid_certificate("the constants, every cell and rectangle of angles, and the window", certificate),
    ]


@conjecture(
    "For n = 6, m = 2 and data a·e_i with a uniform on [0, 1], the loss over all W and b is least exactly where the "
    "columns of W are the corners of a regular hexagon with ‖w_j‖² = s* and b_j = b* for every j, s* = 1.743789790…, "
    "b* = −0.618135131…; summed over the features it is F* = 0.289154256…",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def hexagon_with_bias_is_optimal() -> Outcome:
    """As for five, with two angles at a time, because two features on each of three rays cost little on some edges.

    *Stars.* F is the sum of the stars S_j = D_j + Σ_i K(g_ij, b_j). Without feature j the others cost at least F₅*, the
    pentagon's loss, so F ≥ F₅* + S_j: if F ≤ F*, no star exceeds F* − F₅* = 0.2100…, and at most one exceeds F*/2.

    *Outputs.* With the angles α and α' that an output has on its two edges it is enough that
    S + (μ/2)(α + α') ≥ F*/6 + (2π/6)μ for each output, as the α at the two ends of an edge add up to twice its gap at
    most. This is the sum of two inequalities with equal edges, which hold for α ≥ 30° as they do for the pentagon.
    Where one angle is smaller, S is large, and mostly beyond what the bounds on stars allow.

    *The heavy output.* What is left are outputs with α < 0 and a star above F*/2. There is at most one, and on its
    edges with α ≤ 0 it may take ε(−α) from the angle of the other end, ε(y) = (2/5) max(0, 9/10 − y): the sum of the
    two stays below twice the gap, because (arccos e^(−v))² is concave and 2/5 < √2 − 1.

    *Short features.* For α ≤ −60°, that is, g ≥ 2s, a star exceeds 0.2102 by itself. `relugeom.exact.hexagon` has the
    argument line by line.
    """
    certificate = hexagon_minimum()
    return Proof(
        steps=hexagon_steps(certificate),
        certificates=[certificate],
        sibling=Sibling(
            "… summed over the features it is at least F* + 10⁻⁶",
            hexagon_steps(raised(certificate, MILLIONTH)),
        ),
    )


def averaging_steps(corners: int, certificate: PentagonMinimum | HexagonMinimum) -> list[Step]:
    """The mean of F over the choices of `corners` among n = corners + k features."""
    k = sp.Symbol("k", integer=True, nonnegative=True)
    n = corners + k
    outputs, pairs, choices = (sp.expand_func(sp.binomial(n - less, corners - less)) for less in (1, 2, 0))
    return [
        identity(f"C(n, {corners})/C(n − 1, {corners - 1}) = n/{corners}", choices, n / sp.Integer(corners) * outputs),
        identity(
            f"C(n − 1, {corners - 1}) = C(n − 2, {corners - 2})(n − 1)/{corners - 1}",
            outputs,
            pairs * (n - 1) / (corners - 1),
        ),
        sign(f"(n − 1)/{corners - 1} ≥ 1", (n - 1) / sp.Integer(corners - 1) - 1, ">= 0"),
        valid_certificate(f"{corners} features cost at least F*", certificate),
    ]


@conjecture(
    "For m = 2, every n ≥ 5 and data a·e_i with a uniform on [0, 1], the mean loss of every W and b is at least F*/5 = "
    "0.015825627…, the mean loss of the best pentagon at n = 5",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def pentagon_bounds_every_n() -> Outcome:
    """Average the bound for five over all choices of five features.

    The five columns and biases of a choice S have F_S ≥ F*. In Σ_S F_S each D_j stands C(n − 1, 4) times and each
    K(g_ij, b_j) ≥ 0 stands C(n − 2, 3) times, which is no more often for n ≥ 5. So C(n − 1, 4) F ≥ C(n, 5) F*, that is
    F/n ≥ F*/5.
    """
    certificate = pentagon_minimum()
    return Proof(
        steps=averaging_steps(5, certificate),
        certificates=[certificate],
        sibling=Sibling(
            "… is at least F*/5 + 2·10⁻⁷ (false at n = 5)",
            averaging_steps(5, raised(certificate, MILLIONTH)),
        ),
    )


@conjecture(
    "For m = 2, every n ≥ 6 and data a·e_i with a uniform on [0, 1], the mean loss of every W and b is at least F*/6 = "
    "0.048192376…, the mean loss of the best hexagon at n = 6",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def hexagon_bounds_every_n() -> Outcome:
    """Average the bound for six over all choices of six features, as for five."""
    certificate = hexagon_minimum()
    return Proof(
        steps=averaging_steps(6, certificate),
        certificates=[certificate],
        sibling=Sibling(
            "… is at least F*/6 + 10⁻⁷ (false at n = 6)",
            averaging_steps(6, raised(certificate, MILLIONTH)),
        ),
    )
