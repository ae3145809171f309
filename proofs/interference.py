"""Interference between two features as a function of their angle: f(θ) = max(0, cos θ)².

This is what one feature of norm 1 adds to the loss of another without a bias. On |θ| ≤ π/2 it is cos²θ = ½(1 + cos 2θ),
elsewhere 0. It is concave on |θ| ≤ π/4, convex on the rest of the circle, and flat from π/2 on: the question behind
the post's caveats is how far "convex" carries.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from relugeom import (
    AxialLoss,
    Counterexample,
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
    sign,
)

CAVEAT_1 = 'Post, "Caveat 1: Loss is not actually quadratic, only convex"'
CAVEAT_2 = 'Post, "Caveat 2: Loss is only convex near θ = ±π/2"'
SPACING = 'Post, "Imperfect Reconstruction: n > 2m"'

theta = sp.Symbol("theta", real=True)
t = sp.Symbol("t", positive=True)
u, v = sp.symbols("u v", nonnegative=True)

NEAR = sp.cos(theta) ** 2  # f where cos θ ≥ 0
SHARE = u / (u + t)  # every number in [0, 1)


def _differs(cosine: Any, at: Any) -> list[Step]:
    """½(1 + cos 2θ) = cos²θ, and where cos θ = cosine < 0 this is not f = 0."""
    return [
        identity("½(1 + cos 2θ) = cos²θ", (1 + sp.cos(2 * theta)) / 2, NEAR),
        sign("cos²θ − 0 > 0", cosine**2, "> 0"),
        sign("f(θ) = 0 there, as cos θ < 0", cosine, "< 0"),
        identity("for example at this angle", sp.cos(at), cosine.subs(t, 1)),
    ]


@conjecture(
    "max(0, cos θ)² = ½(cos 2θ + 1) for all θ",
    source=CAVEAT_1,
    expected=Verdict.REFUTED,
)
def interference_identity() -> Outcome:
    """It forgets the maximum: the right side is cos²θ, which is positive at obtuse angles, where ReLU leaves no
    interference.
    """
    return Counterexample(
        by_hand="θ = π: max(0, −1)² = 0, but ½(cos 2π + 1) = 1. In a model: the features (1) and (−1) have loss 0 on "
        "X = I, where the right side would give 1 for each of the two pairs.",
        certificates=[AxialLoss(as_matrix([[1, -1]]), Fraction(0))],
        steps=_differs(-t, sp.pi),
        sibling=Sibling("It fails at θ = 0.", _differs(t, sp.Integer(0))),
    )


def _identity_holds(cosine: Any, value: Any) -> list[Step]:
    return [
        identity("½(1 + cos 2θ) = cos²θ", (1 + sp.cos(2 * theta)) / 2, NEAR),
        identity("max(0, cos θ)² = cos²θ for cos θ ≥ 0", value**2, cosine**2),
        sign("and max(0, cos θ)² = 0 < cos²θ for cos θ < 0", (-t) ** 2, "> 0"),
    ]


@conjecture(
    "max(0, cos θ)² = ½(cos 2θ + 1) if and only if cos θ ≥ 0, that is for |θ| ≤ π/2 modulo 2π",
    source=CAVEAT_1 + ", corrected",
    expected=Verdict.PROVED,
)
def interference_identity_where() -> Outcome:
    """½(1 + cos 2θ) = cos²θ. With c = cos θ ≥ 0 the maximum is c; with c < 0 it is 0, and c² > 0."""
    return Proof(
        _identity_holds(u, sp.Max(0, u)),
        Sibling("It holds if and only if cos θ ≤ 0.", _identity_holds(-t, sp.Max(0, -t))),
    )


def _third_difference(values: list[Any]) -> list[Step]:
    """A quadratic function at four equally spaced points has third difference 0; these values have not."""
    a, b, c, x, h = sp.symbols("a b c x h", real=True)

    def difference(f: list[Any]) -> Any:
        return f[3] - 3 * f[2] + 3 * f[1] - f[0]

    quadratic = [a * (x + k * h) ** 2 + b * (x + k * h) + c for k in range(4)]
    return [
        identity("a quadratic function has third difference 0", difference(quadratic), 0),
        sign("these four values have another", difference(values), "!= 0"),
    ]


@conjecture(
    "The loss is a quadratic function of the angle between two features",
    source=SPACING + "; taken back in Caveat 1",
    expected=Verdict.REFUTED,
)
def interference_quadratic() -> Outcome:
    """The post itself takes this back ("not actually quadratic"); it is not quadratic on any piece of |θ| ≤ π/2 either,
    where it is ½ + ½ cos 2θ.
    """
    values = [sp.Max(0, sp.cos(k * sp.pi / 3)) ** 2 for k in range(4)]
    return Counterexample(
        by_hand="At θ = 0°, 60°, 120°, 180° the interference is 1, 1/4, 0, 0. A quadratic function at equally spaced "
        "points has f₃ − 3f₂ + 3f₁ − f₀ = 0; here it is 0 − 0 + 3/4 − 1 = −1/4.",
        steps=_third_difference(values),
        sibling=Sibling("The values 0, 1, 4, 9 do not come from one either.", _third_difference([0, 1, 4, 9])),
    )


def _convexity(start: Any) -> list[Step]:
    """f'' ≥ 0 from `start` to π/2 and f'' ≤ 0 up to `start`, strictly between; true for π/4."""
    rising = start + SHARE * (sp.pi / 2 - start)
    inside = t / (1 + t)  # every number strictly between 0 and 1
    return [
        identity("f' = −sin 2θ for cos θ > 0", sp.diff(NEAR, theta), -sp.sin(2 * theta)),
        identity("f'' = −2 cos 2θ for cos θ > 0", sp.diff(NEAR, theta, 2), -2 * sp.cos(2 * theta)),
        between("2θ ∈ [π/2, π], so f'' ≥ 0, from here to π/2", sp.pi / 2, 2 * rising, sp.pi),
        between("2θ ∈ [0, π/2], so f'' ≤ 0, up to here", 0, 2 * SHARE * start, sp.pi / 2),
        sign("strictly in between: 2θ > π/2", 2 * (start + inside * (sp.pi / 2 - start)) - sp.pi / 2, "> 0"),
        sign("… and 2θ < π/2", sp.pi / 2 - 2 * inside * start, "> 0"),
        identity("f is continuous at π/2, where the flat part begins", NEAR.subs(theta, sp.pi / 2), 0),
        identity("and so is f'", sp.diff(NEAR, theta).subs(theta, sp.pi / 2), 0),
    ]


@conjecture(
    "On an arc of the circle, max(0, cos θ)² is convex if and only if the arc lies in π/4 ≤ θ ≤ 7π/4, and concave if "
    "and only if it lies in |θ| ≤ π/4 or in π/2 ≤ θ ≤ 3π/2, where the function is 0",
    source=CAVEAT_2,
    expected=Verdict.PROVED,
)
def interference_convexity() -> Outcome:
    """Where cos θ > 0, f'' = −2 cos 2θ: negative for |θ| < π/4, positive for π/4 < |θ| < π/2. On the obtuse side f
    = 0. At π/2 both f and f' are continuous, so f' increases on all of [π/4, π], and by f(−θ) = f(θ) = f(2π − θ) on
    [π/4, 7π/4]. An arc (of positive length) on which f is convex meets no point with f'' < 0 in its interior, so
    it lies in [π/4, 7π/4]; one on which f is concave meets none with f'' > 0, so it lies in one of the two arcs
    that are left between these points, and on both f is concave.
    """
    return Proof(_convexity(sp.pi / 4), Sibling("It is convex from π/6 on.", _convexity(sp.pi / 6)))


@conjecture(
    "max(0, cos θ)² is convex near θ = ±π/2",
    source=CAVEAT_1,
    expected=Verdict.PROVED,
)
def interference_convex_near_right_angle() -> Outcome:
    """±π/2 lie inside the arc [π/4, 7π/4] on which it is convex. To be precise: it is strictly convex only on the
    acute side, π/4 < |θ| ≤ π/2, and constant on the obtuse side.
    """

    def steps(angle: Any) -> list[Step]:
        return [
            *_convexity(sp.pi / 4),
            sign("the angle lies beyond π/4", angle - sp.pi / 4, "> 0"),
            sign("and before 7π/4", 7 * sp.pi / 4 - angle, "> 0"),
        ]

    return Proof(steps(sp.pi / 2), Sibling("It is convex near θ = 0.", steps(sp.Integer(0))))


def _flat_arc(angle: Any) -> list[Step]:
    return [
        sign("cos θ < 0 at this angle, and by continuity near it", sp.cos(angle), "< 0"),
        sign("it is farther than π/4 from π/2", angle - 3 * sp.pi / 4, "> 0"),
        sign("and from −π/2 = 3π/2", 5 * sp.pi / 4 - angle, "> 0"),
    ]


@conjecture(
    "Loss is convex only near θ = ±π/2: at every angle more than π/4 from both, max(0, cos θ)² is not convex",
    source=CAVEAT_2,
    expected=Verdict.REFUTED,
)
def interference_convex_only_there() -> Outcome:
    """The word "near" is read as: within π/4, as far as ½(1 + cos 2θ), the formula of Caveat 1, is convex around ±π/2.

    Between 3π/4 and 5π/4 the interference is constantly 0, hence convex. What is true: within |θ| < π/2, where the post
    expects other preferences, it is concave up to π/4 and convex from π/4 on.
    """
    return Counterexample(
        by_hand="Near θ = π, which is π/2 away from both ±π/2, max(0, cos θ)² = 0 is constant, and constants are "
        "convex.",
        steps=_flat_arc(sp.pi),
        sibling=Sibling("θ = 0 is another such angle.", _flat_arc(sp.Integer(0))),
    )


def _jump(power: int) -> list[Step]:
    piece = sp.cos(theta) ** power
    second = sp.diff(piece, theta, 2).subs(theta, sp.pi / 2)
    return [
        identity("the values meet at π/2", piece.subs(theta, sp.pi / 2), 0),
        identity("the slopes meet", sp.diff(piece, theta).subs(theta, sp.pi / 2), 0),
        identity("the second derivative is 2 on the acute side and 0 on the other", second, 2),
    ]


@conjecture(
    "max(0, cos θ)² is once but not twice continuously differentiable: at ±π/2 its second derivative jumps from 2 to 0",
    source=CAVEAT_1 + ", sharpened",
    expected=Verdict.PROVED,
)
def interference_jump() -> Outcome:
    """cos²θ has value and slope 0 at π/2, like the flat part, but the second derivative −2 cos π = 2."""
    return Proof(_jump(2), Sibling("So does that of max(0, cos θ)³.", _jump(3)))


def _adjacent(last: int) -> list[Step]:
    """2π/n < π/4 iff n > last; true for 8."""
    n = last + 1 + sp.Symbol("p", integer=True, nonnegative=True)
    return [
        sign(f"n > {last}: π/4 − 2π/n > 0", sp.pi / 4 - 2 * sp.pi / n, "> 0"),
        all_cases(f"3 ≤ n ≤ {last}: 2π/n ≥ π/4", lambda k: Fraction(2, k) >= Fraction(1, 4), range(3, last + 1)),
    ]


@conjecture(
    "The adjacent gaps 2π/n of the regular n-gon lie in the zone |θ| < π/4 where the interference is strictly "
    "concave if and only if n > 8",
    source=CAVEAT_2 + ", quantified",
    expected=Verdict.PROVED,
)
def interference_adjacent_gaps() -> Outcome:
    """2π/n < π/4 says n > 8; at n = 8 the gap is the inflection point itself."""
    return Proof(_adjacent(8), Sibling("If and only if n > 7.", _adjacent(7)))


H = sp.sin(theta) - 2 * theta * sp.cos(theta)  # its zero θ* is the tangent point: tan θ* = 2θ*


def _tangent_point() -> list[Step]:
    """H has exactly one zero θ* in (0, π/2), between 66.7° and 66.8°."""
    acute = sp.Symbol("x", positive=True)
    sine, cosine = sp.symbols("S C", positive=True)
    second = sp.diff(H, theta, 2)
    return [
        identity(
            "f(θ) − (1 − θ sin 2θ) = −H(θ) sin θ: the tangent at θ meets (0, 1) iff H(θ) = 0",
            NEAR - 1 + theta * sp.sin(2 * theta),
            -H * sp.sin(theta),
        ),
        identity("H(0) = 0", H.subs(theta, 0), 0),
        sign("H'(0) < 0", sp.diff(H, theta).subs(theta, 0), "< 0"),
        identity("H'' = 3 sin θ + 2θ cos θ", second, 3 * sp.sin(theta) + 2 * theta * sp.cos(theta)),
        sign("which is positive on (0, π/2)", 3 * sine + 2 * acute * cosine, "> 0"),
        sign("H(66.7°) < 0", H.subs(theta, sp.pi * sp.Rational(667, 1800)), "< 0"),
        sign("H(66.8°) > 0", H.subs(theta, sp.pi * sp.Rational(668, 1800)), "> 0"),
    ]


def _even_spacing(last: int) -> list[Step]:
    """2π/n ≥ θ* iff n ≤ last, and for n > last an uneven spacing is better; true for 5."""
    even = 2 * sp.pi / last
    y = sp.Symbol("y", positive=True)
    slope = sp.diff(sp.sin(y) ** 2 / y, y)
    return [
        *_tangent_point(),
        sign(f"H(2π/{last}) > 0: the gap is beyond θ*", H.subs(theta, even), "> 0"),
        sign(f"H(2π/{last + 1}) < 0: the gap is before θ*", H.subs(theta, 2 * sp.pi / (last + 1)), "< 0"),
        identity("(sin²y/y)' = −H(y) sin y / y²", slope, -H.subs(theta, y) * sp.sin(y) / y**2),
        identity("5 sin² 72° = (25 + 5√5)/8", 5 * sp.sin(2 * sp.pi / 5) ** 2, (25 + 5 * sp.sqrt(5)) / 8),
        identity("6 sin² 60° = 9/2", 6 * sp.sin(sp.pi / 3) ** 2, sp.Rational(9, 2)),
        sign("the former is larger", (25 + 5 * sp.sqrt(5)) / 8 - sp.Rational(9, 2), "> 0"),
    ]


@conjecture(
    "Σ f(γ_k) ≥ n f(2π/n), f = max(0, cos)², for all gaps γ_k ≥ 0 that add up to 2π (even spacing of adjacent "
    "features by Jensen's argument) holds for 2 ≤ n ≤ 5 and for no n ≥ 6. The gap 2π/n must reach the tangent point "
    "θ* of the convex envelope: tan θ* = 2θ*, 66.7° < θ* < 66.8°",
    source=SPACING,
    expected=Verdict.PROVED,
)
def even_spacing_by_jensen() -> Outcome:
    """The tangent from (0, 1) to the graph of f touches it where f(θ) = 1 + θf'(θ), that is tan θ = 2θ. H = sin θ −
    2θ cos θ starts at 0, falls, and is convex: one zero θ* in (0, π/2), negative before and positive after. Let e
    be this tangent on [0, θ*] and f on [θ*, π/2], continued by 0. It is convex, and e ≤ f: on [π/4, θ*] because f
    is convex there and e its tangent; on [0, π/4] because f − e is concave and not negative at both ends; beyond
    π/2 because f ≥ 0.

    2π/n ≥ θ* for n ≤ 5: then Σ f(γ_k) ≥ Σ e(γ_k) ≥ n e(2π/n) = n f(2π/n) by Jensen (n ≤ 4: the right side is 0).

    For n ≥ 6 put n − 5 gaps to 0 and five to 72°. The sum is n − 5 sin² 72°, against n − n sin²(2π/n) for equal
    gaps. With y = 2π/n, n sin²(2π/n) = 2π sin²y/y, which increases in y up to θ*; so it is at most its value at n =
    6, 9/2, less than 5 sin² 72° = (25 + 5√5)/8.
    """
    return Proof(_even_spacing(5), Sibling("It holds for n ≤ 6 and for no n ≥ 7.", _even_spacing(6)))


def _pentagon(pairs: int) -> list[Step]:
    """Five unit vectors: the least interference over all ordered pairs is pairs·cos² 72°; true for 10."""
    regular = [sp.Max(0, sp.cos(2 * sp.pi * d / 5)) ** 2 for d in range(1, 5)]
    return [
        *_tangent_point(),
        sign("72° is beyond θ*, where the envelope is strictly convex", H.subs(theta, 2 * sp.pi / 5), "> 0"),
        sign("and below 90°", sp.pi / 2 - 2 * sp.pi / 5, "> 0"),
        identity("the regular pentagon has this sum", 5 * sum(regular), pairs * sp.cos(2 * sp.pi / 5) ** 2),
        sign("which is not 0", sp.cos(2 * sp.pi / 5), "> 0"),
    ]


@conjecture(
    "Among five unit vectors in the plane Σ_{i≠j} max(0, cos θ_ij)² is at least 10 cos² 72° > 0, with equality for the "
    "regular pentagon alone: at n = 5, m = 2 and equal norms, imperfect and regular",
    source=SPACING,
    expected=Verdict.PROVED,
)
def pentagon_interference() -> Outcome:
    """Count the five adjacent pairs alone, both ways round: twice Σ f(γ_k) ≥ 10 f(72°), by Jensen with the envelope
    e of `even-spacing-by-jensen`, as 72° ≥ θ*. The pairs left out count ≥ 0, and exactly 0 in the regular pentagon
    (144°). The envelope is strictly convex on [θ*, π/2] and lies above its tangent at 72° elsewhere, so equality
    makes all gaps 72°.
    """
    return Proof(_pentagon(10), Sibling("The least sum is 5 cos² 72°.", _pentagon(5)))
