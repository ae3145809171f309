"""A minimum on kinks, for amplitudes uniform on (0, 1]: one-sided second order instead of a Hessian.

With L = F/n, F = Σ_ij ∫₀¹ (aδ_ij − ReLU(a w_i·w_j + b_j))² da. Write K(g, b) = ∫₀¹ ReLU(ag + b)² da, which is convex
and satisfies K(sg, sb) = s²K(g, b) for s ≥ 0, and D(s, b) = ∫₀¹ (ReLU(as + b) − a)² da.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy as sp

from relugeom import Outcome, Proof, Sibling, Step, Verdict, conjecture, identity, sign

__all__: list[str] = []

a, tau = sp.symbols("a tau", real=True)
radial = sp.symbols("p_1:5", real=True)
turning = sp.symbols("t_1:5", real=True)
biases = sp.symbols("beta_1:5", real=True)
v_1, v_2 = sp.symbols("v_1 v_2", real=True)
beta_5 = sp.Symbol("beta_5", real=True)

SQUARE = [sp.Matrix(direction) for direction in ((1, 0), (0, 1), (-1, 0), (0, -1))]
QUARTER_TURN = sp.Matrix([[0, -1], [1, 0]])
# w_i moves by p_i outwards and by t_i along the circle.
MOVES = [p * w + t * QUARTER_TURN * w for p, t, w in zip(radial, turning, SQUARE, strict=True)]
SHIFT = sum(MOVES, sp.zeros(2, 1))
# Edge e joins the neighbours e and e + 1: what their inner product becomes, to first order.
EDGES = [SQUARE[e].dot(MOVES[(e + 1) % 4]) + SQUARE[(e + 1) % 4].dot(MOVES[e]) for e in range(4)]

# Multipliers for the functionals S_x and S_x + S_y: for each of the four features the line m(a) = m_0 + m_1 a, and for
# the edges after and before it the slopes of l(a) = l·a, l ≥ 0.
Multipliers = list[tuple[Fraction, Fraction, Fraction, Fraction]]
AXIS: Multipliers = [
    (Fraction(-63, 22), Fraction(111, 22), Fraction(15, 44), Fraction(15, 44)),
    (Fraction(-51, 22), Fraction(153, 44), Fraction(0), Fraction(51, 44)),
    (Fraction(3, 2), Fraction(-3), Fraction(0), Fraction(0)),
    (Fraction(-51, 22), Fraction(153, 44), Fraction(51, 44), Fraction(0)),
]
DIAGONAL: Multipliers = [
    (Fraction(-9, 2), Fraction(15, 2), Fraction(3, 2), Fraction(0)),
    (Fraction(-9, 2), Fraction(15, 2), Fraction(0), Fraction(3, 2)),
    (Fraction(-3, 2), Fraction(3, 2), Fraction(0), Fraction(3, 2)),
    (Fraction(-3, 2), Fraction(3, 2), Fraction(3, 2), Fraction(0)),
]
AXIS_NORM, DIAGONAL_NORM = sp.Rational(585, 88), sp.Integer(15)


def rational(value: Fraction) -> sp.Rational:
    """The same number in SymPy."""
    return sp.Rational(value.numerator, value.denominator)


def mean(polynomial: Any) -> Any:
    """∫₀¹ da of a polynomial in a."""
    terms = sp.Poly(sp.expand(polynomial), a).terms()
    return sum((coefficient / (power + 1) for (power,), coefficient in terms), sp.Integer(0))


def lower_bound(multipliers: Multipliers, turns: int) -> tuple[Any, Any]:
    """What a lower bound of C is made of, the features numbered on by `turns`: (linear part, norm).

    C ≥ s·(linear part) − s²·norm for every s ≥ 0, by 2xy − y² ≤ x² and, for y ≥ 0, 2xy − y² ≤ ReLU(x)², under ∫₀¹ da.
    """
    linear, norm = sp.Integer(0), sp.Integer(0)
    for k, row in enumerate(multipliers):
        i = (k + turns) % 4
        m_0, m_1, after, before = map(rational, row)
        m = m_0 + m_1 * a
        linear += mean(2 * (2 * a * radial[i] + biases[i]) * m)
        norm += mean(m**2)
        for slope, edge in ((after, EDGES[i]), (before, EDGES[i - 1])):
            linear += mean(2 * (a * edge + biases[i]) * slope * a)
            norm += mean((slope * a) ** 2)
    return sp.expand(linear), norm


def duality_steps() -> list[Step]:
    """C ≥ ℓ²/(4·norm) for ℓ = ±S_x, ±S_y (norm 585/88) and ±S_x ± S_y (norm 15)."""
    x, ell, norm = sp.symbols("x ell N", real=True)
    y, u = sp.symbols("y u", nonnegative=True)
    steps = [
        identity("x² − (2xy − y²) = (x − y)² ≥ 0", x**2 - (2 * x * y - y**2), (x - y) ** 2),
        sign("and for x = −u ≤ 0 ≤ y: 2xy − y² ≤ 0 = ReLU(x)²", 2 * (-u) * y - y**2, "<= 0"),
        identity(
            "sℓ − s²N at s = ℓ/(2N) is ℓ²/(4N)",
            ell / (2 * norm) * ell - (ell / (2 * norm)) ** 2 * norm,
            ell**2 / (4 * norm),
        ),
    ]
    for name, multipliers, of, wanted in (
        ("S_x", AXIS, sp.Matrix([1, 0]), AXIS_NORM),
        ("S_x + S_y", DIAGONAL, sp.Matrix([1, 1]), DIAGONAL_NORM),
    ):
        steps += [
            sign(
                f"the multipliers of the edges are ≥ 0, for {name}",
                rational(min(min(row[2:]) for row in multipliers)),
                ">= 0",
            ),
            identity(f"their norm is {wanted}", lower_bound(multipliers, 0)[1], wanted),
        ]
        for turns in range(4):
            functional = QUARTER_TURN**turns * of
            steps.append(
                identity(
                    f"they give {name}, turned by {90 * turns}°",
                    lower_bound(multipliers, turns)[0],
                    sp.expand(functional.dot(SHIFT)),
                )
            )
    return steps


def expansion_steps(bias: sp.Rational) -> list[Step]:
    """F near the square, with w_5 = v and b_5 = bias + β_5, from below and up to third order."""
    s, g, depth = sp.symbols("s g depth", positive=True)
    p, b = sp.symbols("p beta", real=True)
    cut = depth / s  # b = −depth: the output is 0 below this amplitude
    clipped = sp.integrate((a * s - depth - a) ** 2, (a, cut, 1)) + sp.integrate(a**2, (a, 0, cut))
    whole = mean((a * (s - 1) - depth) ** 2)

    # Outputs 5: positive at every input, so polynomials; every move is scaled by τ.
    v = sp.Matrix([v_1, v_2])
    b_5 = bias + tau * beta_5
    inputs = [w + tau * move for w, move in zip(SQUARE, MOVES, strict=True)]
    others = sum((mean((a * tau * v.dot(w) + b_5) ** 2) for w in inputs), sp.Integer(0))
    fifth = sp.expand(others + mean((a * tau**2 * v.dot(v) + b_5 - a) ** 2))
    return [
        identity(
            "b < 0: D(s, b) differs from ∫ (a(s − 1) + b)² by b³(s + 1)/(3s²)",
            clipped - whole,
            -(depth**3) * (s + 1) / (3 * s**2),
        ),
        identity(
            "∫ (2ap + β)² = (4/3)(p + 3β/4)² + β²/4, positive definite",
            mean((2 * a * p + b) ** 2),
            sp.Rational(4, 3) * (p + 3 * b / 4) ** 2 + b**2 / 4,
        ),
        identity(
            "opposite features, g ≤ −½: K(g, β) ≤ ∫ (β − a/2)² up to a = 2β, which is 2β³/3",
            sp.integrate((depth - a / 2) ** 2, (a, 0, 2 * depth)),
            2 * depth**3 / 3,
        ),
        identity("K(g, 0) = g²/3 for g ≥ 0", mean((a * g) ** 2), g**2 / 3),
        identity("the four g_e add up to 0", sum(EDGES), 0),
        *(identity(f"g_e = t_i − t_j at edge {e + 1}", EDGES[e], turning[e] - turning[(e + 1) % 4]) for e in range(4)),
        identity("output 5 at the point: 1/3 − b + 5b²", fifth.subs(tau, 0), sp.Rational(1, 3) - bias + 5 * bias**2),
        identity("its first derivative vanishes", sp.diff(fifth, tau).subs(tau, 0), 0),
        identity(
            "its second order is |v|²/10 + v·S/10 + 5β₅²",
            sp.diff(fifth, tau, 2).subs(tau, 0) / 2,
            v.dot(v) / 10 + v.dot(SHIFT) / 10 + 5 * beta_5**2,
        ),
    ]


def positivity_steps() -> list[Step]:
    """C ≥ 13|S|²/500, which is more than the fifth feature can take back."""
    y, u = sp.symbols("y u", nonnegative=True)
    s_1, s_2 = sp.symbols("S_1 S_2", real=True)
    x = y + u
    sigma = sp.Rational(13, 500)
    v, S = sp.Matrix([v_1, v_2]), sp.Matrix([s_1, s_2])
    return [
        sign(
            "for 0 ≤ y ≤ x: ½·x²/(4·585/88) + ½·(x + y)²/(4·15) ≥ 13(x² + y²)/500",
            sp.expand(x**2 / (8 * AXIS_NORM) + (x + y) ** 2 / (8 * DIAGONAL_NORM) - sigma * (x**2 + y**2)),
            ">= 0",
        ),
        identity(
            "|v|²/10 + v·S/10 = |v + S/2|²/10 − |S|²/40",
            v.dot(v) / 10 + v.dot(S) / 10,
            (v + S / 2).dot(v + S / 2) / 10 - S.dot(S) / 40,
        ),
        sign("13/500 > 1/40", sigma - sp.Rational(1, 40), "> 0"),
    ]


@conjecture(
    "For n = 5, m = 2 and data a·e_i with a uniform on (0, 1], the square with norms 1, biases 0 and a null fifth "
    "feature (w = 0, b = 1/10) is a local minimum, strict modulo rotation",
    source='The finished post "Optimization Failure" (February 2025), symmetric failure, with amplitudes',
    expected=Verdict.PROVED,
)
def square_with_a_null_feature() -> Outcome:
    """The state lies on twelve kinks (inner products and biases are both 0), so there is no Hessian. A form q does its
    work: F(moved) − F ≥ q(move) − O(|move|³), with q continuous, q(s·move) = s²q(move) for s ≥ 0, and q > 0 except on
    the rotations.

    *Moves.* w_i = (1 + p_i) u_i + t_i u_i^⊥ for the four corners u_i of the square, b_i = β_i, w_5 = v, b_5 = 1/10 +
    β₅. S is the sum of the four moves, g_e = t_e − t_{e+1} the first order of the inner product of two neighbours; the
    four g_e add up to 0. The gauge t_1 = 0 leaves one model of each class of rotations nearby.

    *The form.* (i) Own outputs: ‖w_i‖² = 1 + 2p_i + O(2), so D is ∫ (2ap_i + β_i)² da up to third order, on either side
    of b = 0. (ii) Neighbours: K(g_e + O(2), β) = K(g_e, β) + O(3), as K has slopes of first order. (iii) Opposite
    features: 0 up to third order. (iv) Output 5, where ReLU is the identity: a constant, no first order, and |v|²/10 +
    v·S/10 + 5β₅². (v) The outputs of the four at input 5 add something ≥ 0, which is left out. So

        q = C + |v|²/10 + v·S/10 + 5β₅²,    C = Σ_i [∫ (2ap_i + β_i)² da + K(g_{i−1}, β_i) + K(g_i, β_i)].

    *C ≥ 13|S|²/500.* For every x and y, x² ≥ 2xy − y², and if y ≥ 0 also ReLU(x)² ≥ 2xy − y². Put s·m_i(a) for y in the
    squares and s·l_ie(a), l ≥ 0, in the K's, and integrate: C ≥ sℓ − s²N with ℓ linear in the moves. The multipliers
    are chosen so that the β's cancel and ℓ is S_x, N = 585/88; or S_x + S_y, N = 15; numbering the features on turns S
    by quarter turns. At s = ℓ/(2N), for the sign that makes ℓ ≥ 0, C ≥ ℓ²/(4N). So with x ≥ y ≥ 0 for |S_x| and |S_y|
    in order, C ≥ x²/(4·585/88) and C ≥ (x + y)²/(4·15); half of each is enough.

    *The end.* q = C/26 + (25/26)C − |S|²/40 + |v + S/2|²/10 + 5β₅² ≥ C/26 + |v + S/2|²/10 + 5β₅². If q is 0, then
    p_i = β_i = 0 (a definite form) and K(g_e, 0) = 0, so g_e ≤ 0, so g_e = 0 as they add up to 0, so all t_i are t_1 =
    0; hence S = 0, v = 0 and β₅ = 0. On the unit sphere of the gauge q has a positive minimum κ, so F(moved) − F ≥
    κ|move|² − O(|move|³).
    """

    def steps(bias: sp.Rational) -> list[Step]:
        return [*expansion_steps(bias), *duality_steps(), *positivity_steps()]

    return Proof(
        steps=steps(sp.Rational(1, 10)),
        sibling=Sibling("the same with b = 1/5 for the null feature, its best bias on X = I", steps(sp.Rational(1, 5))),
        note="it is not global: the pentagon has F = 0.0791 in place of 17/60 = 0.2833",
    )
