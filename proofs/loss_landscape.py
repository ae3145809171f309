"""The loss with a bias on X = I: where it is zero, and the states that look like failures of training.

The loss is a sum of squares over the entries z_ji = w_j·w_i + b_j (output j at input e_i) of

    ReLU(z_jj) − 1 on the diagonal,   ReLU(z_ji) off it.

With ρ_ji = (ReLU(z_ji) − δ_ij)·[z_ji > 0] its gradient is ∂L/∂b_j = 2 Σ_i ρ_ji, ∂L/∂w_j = 2 Σ_i (ρ_ji + ρ_ij) w_i.
Off the diagonal ReLU(z)² is continuously differentiable even at z = 0.
"""

from __future__ import annotations

from fractions import Fraction

import sympy as sp

from relugeom import (
    AxialLoss,
    Counterexample,
    CriticalPoint,
    FormalProof,
    Open,
    Outcome,
    Proof,
    Sibling,
    Step,
    Verdict,
    Witness,
    between,
    conjecture,
    identity,
    sign,
)
from relugeom.exact.rationals import dot, transpose
from relugeom.landscape.certifying import stored_certificates

__all__: list[str] = []

FAILURE = 'Post, "Question 1: Does the Optimization Failure solution pursue linear separability?"'
FINISHED = 'The finished post "Optimization Failure" (February 2025)'

p, u, v = sp.symbols("p u v", integer=True, nonnegative=True)
s, g, t, q, phi = sp.symbols("s g t q phi", nonnegative=True)
half = sp.Rational(1, 2)


def nearest_neighbour_steps() -> list[Step]:
    """cos jφ ≤ cos φ for 1 ≤ j ≤ n − 1 and φ = 2π/n, with j = 1 + u and n = 2 + u + v."""
    n = 2 + u + v
    return [
        identity(
            "cos φ − cos jφ = 2 sin((j + 1)φ/2) sin((j − 1)φ/2)",
            sp.cos(phi) - sp.cos((1 + u) * phi),
            2 * sp.sin((2 + u) * phi / 2) * sp.sin(u * phi / 2),
        ),
        between("both angles lie in [0, π], where the sine is ≥ 0: the smaller", 0, u * sp.pi / n, sp.pi),
        between("… and the larger", 0, (2 + u) * sp.pi / n, sp.pi),
    ]


def turn_steps() -> list[Step]:
    """Over a regular k-gon of radius r: Σ w_i = 0, and Σ (w_i·δ)² = k r²|δ|²/2 when k ≥ 3."""
    j = sp.Symbol("j", integer=True)

    def telescope(of: str, angle: sp.Expr, turn: int) -> list[Step]:
        # Over j = 0, …, k − 1 only the ends remain: sin(turn·2π − angle/2) + sin(angle/2).
        return [
            identity(
                f"2 sin(α/2) cos jα is a difference of sines that telescopes, for {of}",
                2 * sp.sin(angle / 2) * sp.cos(j * angle),
                sp.sin((j + half) * angle) - sp.sin((j - half) * angle),
            ),
            identity("… and its ends cancel", sp.sin(2 * turn * sp.pi - angle / 2) + sp.sin(angle / 2), 0),
        ]

    return [
        *telescope("Σ cos jφ = 0", phi, 1),
        *telescope("Σ cos 2jφ = 0", 2 * phi, 2),
        identity("cos² jφ = ½ + ½ cos 2jφ", sp.cos(j * phi) ** 2, half + half * sp.cos(2 * j * phi)),
    ]


@conjecture(
    "ReLU(WᵀW + b1ᵀ) = I iff, for every i, b_i = 1 − ‖w_i‖² and w_i·(w_i − w_j) ≥ 1 for all j ≠ i",
    source=FAILURE,
    expected=Verdict.PROVED,
    formal=[
        FormalProof(
            "zero_loss.v",
            "zero_loss_iff",
            "over any ordered field: ReLU(WᵀW + b1ᵀ) = I iff b_i = 1 − (WᵀW)_ii for all i and "
            "(WᵀW)_ii − (WᵀW)_ij ≥ 1 for all i ≠ j",
        ),
        FormalProof("zero_loss.v", "zero_total_loss", "the loss summed over the examples of X = I is 0 exactly then"),
    ],
)
def zero_loss_criterion() -> Outcome:
    """A feature must stand out along its own direction, by a margin of exactly 1: more than linear separability.

    The diagonal of the output is 1 iff ‖w_i‖² + b_i = 1, as ReLU is the identity on positive numbers. With that
    bias the pre-activation off the diagonal is w_i·w_j + 1 − ‖w_i‖² = 1 − w_i·(w_i − w_j), and ReLU returns 0 iff
    it is ≤ 0.
    """

    def steps(margin: int) -> list[Step]:
        return [
            identity("‖w_i‖² + b_i = 1 for b_i = 1 − ‖w_i‖²", s + (1 - s), 1),
            identity("w_i·w_j + b_i = margin − w_i·(w_i − w_j)", g + (1 - s), margin - (s - g)),
        ]

    return Proof(
        steps=steps(1),
        sibling=Sibling("some b gives zero loss iff w_i·(w_i − w_j) ≥ 0 for all j ≠ i (weak separability)", steps(0)),
    )


@conjecture(
    "If ReLU(WᵀW + b1ᵀ) = I, two features of norms r ≤ R at an angle θ satisfy cos θ ≤ (r² − 1)/(rR), and for two "
    "features this is enough",
    source='Post, "Question 1"; Olah and Henighan: "there must be a large angular gap"',
    expected=Verdict.PROVED,
)
def two_circles_need_a_gap() -> Outcome:
    """By `zero-loss-criterion` the shorter feature needs r² − rR cos θ ≥ 1, which is the bound; the longer needs
    cos θ ≤ (R² − 1)/(rR), which is weaker. A feature of norm 1 keeps at least 90° from every other."""
    r = sp.Symbol("r", positive=True)
    x = sp.Symbol("x", real=True)
    R = r + q

    def steps(bound: sp.Expr) -> list[Step]:
        return [
            identity("r² − rR cos θ − 1 = rR·(bound − cos θ)", r**2 - r * R * x - 1, r * R * (bound - x)),
            sign("rR > 0", r * R, "> 0"),
            sign("the longer feature asks for less", (R**2 - 1) / (r * R) - bound, ">= 0"),
        ]

    return Proof(
        steps=steps((r**2 - 1) / (r * R)),
        sibling=Sibling("cos θ ≤ r/R, linear separability, is enough", steps(r / R)),
    )


@conjecture(
    "For all m ≥ 2 and n ≥ 3, the set of W for which some b gives ReLU(WᵀW + b1ᵀ) = I has interior points in ℝ^{m×n}",
    source=f"{FAILURE} (a regular circle is one solution among many)",
    expected=Verdict.PROVED,
)
def zero_loss_interior() -> Outcome:
    """Zero loss does not ask for regularity: any small enough change of W keeps it, once b follows.

    Take a regular n-gon (and zeros in the other rows) with r²(1 − cos φ) = 2. Then w_i·(w_i − w_j) =
    r²(1 − cos jφ) ≥ r²(1 − cos φ) = 2 > 1, so all the inequalities of `zero-loss-criterion` are strict, and by
    continuity they hold on a neighbourhood.
    """

    def steps(squared_radius: sp.Expr) -> list[Step]:
        return [
            *nearest_neighbour_steps(),
            sign("the least margin exceeds 1", sp.cancel(squared_radius * (1 - sp.cos(phi))) - 1, "> 0"),
        ]

    return Proof(
        steps=steps(2 / (1 - sp.cos(phi))),
        sibling=Sibling(
            "the smallest regular n-gon with zero loss, r² = 1/(1 − cos φ), is an interior point",
            steps(1 / (1 - sp.cos(phi))),
        ),
    )


def failure_radius_steps(triangle: sp.Rational) -> list[Step]:
    """b_i = 1 − r² ≤ 0 and r²(1 − cos φ) ≥ 1, for r² = `triangle` at n = 4 and 1/(1 − cos φ) from n = 5 on."""
    return [
        sign("n = 4: b_i = 1 − r² ≤ 0", 1 - triangle, "<= 0"),
        sign("n = 4: r²(1 − cos 120°) ≥ 1", triangle * (1 - sp.cos(2 * sp.pi / 3)) - 1, ">= 0"),
        between("n ≥ 5: 0 ≤ φ ≤ π/2, so cos φ ≥ 0, r ≥ 1 and b_i ≤ 0", 0, 2 * sp.pi / (4 + p), sp.pi / 2),
        identity("b_i = 1 − r² = −cos φ/(1 − cos φ)", 1 - 1 / (1 - sp.cos(phi)), -sp.cos(phi) / (1 - sp.cos(phi))),
    ]


@conjecture(
    "For every n ≥ 4, the symmetric failure — w_n = 0, b_n = 1/n, the others a regular (n−1)-gon with r² = max(1, "
    "1/(1 − cos φ)), φ = 2π/(n − 1), b_i = 1 − r² — is a critical point with Σ_i ‖x'(e_i) − e_i‖² = (n − 1)/n",
    source=f"{FINISHED}, symmetric failure",
    expected=Verdict.PROVED,
)
def null_feature_is_critical() -> Outcome:
    """All residuals vanish except those of output n: ρ_ni = 1/n at the live inputs, ρ_nn = 1/n − 1.

    The live outputs are exact on live inputs, as r²(1 − cos φ) ≥ 1, and at e_n they see z = b_i = 1 − r² ≤ 0: from
    n = 5 on φ ≤ π/2 and 1/(1 − cos φ) ≥ 1; the triangle of n = 4 has r = 1 and b_i = 0. Then ∂L/∂b_n = 2(Σ_i ρ_ni) = 0;
    ∂L/∂w_n = (2/n) Σ w_i + 4ρ_nn w_n = 0, since a regular polygon sums to 0; ∂L/∂w_i = 2 ρ_ni w_n = 0. Everything
    else is 0 with its residual (and differentiable: see the head of this file on z = 0).
    """

    def steps(triangle: sp.Rational) -> list[Step]:
        n = 4 + p
        return [
            *failure_radius_steps(triangle),
            *nearest_neighbour_steps(),
            *turn_steps(),
            identity("∂L/∂b_n = 2((n − 1)/n + 1/n − 1) = 0", (n - 1) / n + 1 / n - 1, 0),
            identity("the loss: (n − 1)/n² + (1 − 1/n)²", (n - 1) / n**2 + (1 - 1 / n) ** 2, (n - 1) / n),
        ]

    return Proof(
        steps=steps(sp.Integer(1)),
        sibling=Sibling(
            "the same with r² = 1/(1 − cos φ) at n = 4 too (there b_i = 1/3: the live outputs fire at e_4)",
            steps(sp.Rational(2, 3)),
        ),
    )


def saddle_steps(orientation: int) -> list[Step]:
    """Moving the live polygon by δ and w_n by −orientation·c·δ lowers the loss, for every n ≥ 4 and r ≥ 1."""
    n, r = 4 + p, 1 + q
    live = n - 1
    c, b, x = sp.symbols("c b x", real=True)
    small = 2 / (n * r**2)
    w_n = -orientation * c  # in units of δ
    scale = 1 + 2 * r * t
    w, w_other, delta = (sp.Matrix(sp.symbols(f"{name}_1 {name}_2", real=True)) for name in ("w", "y", "d"))
    moved = sp.expand((scale * w + delta).dot(scale * w - scale * w_other))

    # At e_n a live output sees z = w_n·w_i' + 1 − ‖w_i'‖², and w_i·δ = r t x with −1 ≤ x ≤ 1.
    z = w_n * (scale * r * t * x + t**2) + 1 - (scale**2 * r**2 + 2 * scale * r * t * x + t**2)

    # Σ_i (1/n + w_n·w_i')² + (1/n + ‖w_n‖² − 1)², by Σ w_i·δ = 0 and Σ (w_i·δ)² = (n − 1)r²t²/2.
    loss = live * (1 / n + w_n * t**2) ** 2 + w_n**2 * scale**2 * live * r**2 * t**2 / 2
    loss += (1 / n + w_n**2 * t**2 - 1) ** 2
    coefficient = live * ((r**2 / 2 - 2 / n) * c**2 - 2 * orientation * c / n)

    return [
        *failure_radius_steps(sp.Integer(1)),
        *nearest_neighbour_steps(),
        *turn_steps(),
        identity(
            "w_i'·(w_i' − w_j') = (1 + 2rt)² w_i·(w_i − w_j) + (1 + 2rt) δ·(w_i − w_j)",
            moved,
            sp.expand(scale**2 * w.dot(w - w_other) + scale * delta.dot(w - w_other)),
        ),
        sign(
            "… ≥ 1 as w_i·(w_i − w_j) ≥ 1 and |w_i − w_j| ≤ 2r: the live outputs stay exact",
            scale**2 - scale * 2 * r * t - 1,
            ">= 0",
        ),
        sign("z decreases with x, so x = −1 is the worst case", -sp.diff(z, x).subs(c, small), ">= 0"),
        sign("z ≤ 0 at x = −1: the live outputs stay 0 at e_n", -z.subs(x, -1).subs(c, small), ">= 0"),
        identity("the loss starts at (n − 1)/n", loss.subs(t, 0), (n - 1) / n),
        identity("its first derivative along the curve is 0", sp.diff(loss, t).subs(t, 0), 0),
        identity(
            "half its second derivative is (n − 1)((r²/2 − 2/n)c² − 2c/n)",
            sp.diff(loss, t, 2).subs(t, 0) / 2,
            coefficient,
        ),
        sign("… which is negative at c = 2/(n r²)", coefficient.subs(c, small), "< 0"),
        sign("(n − 1)b² + (1 − b)², the loss along b_n, is convex", sp.diff(live * b**2 + (1 - b) ** 2, b, 2), "> 0"),
    ]


@conjecture(
    "For every n ≥ 4, the symmetric failure (w_n = 0, b_n = 1/n, the others a regular (n−1)-gon with r² = max(1, "
    "1/(1 − cos φ)), b_i = 1 − r²) is a saddle of the loss: every neighbourhood holds points of smaller and of greater "
    "loss",
    source=f"{FINISHED}, symmetric failure and asymmetric recovery",
    expected=Verdict.PROVED,
)
def symmetric_failure_is_a_saddle() -> Outcome:
    """Tilt the polygon and the null feature together, in opposite directions.

    For δ in the plane, t = |δ|, put w_i' = (1 + 2rt)w_i + δ and b_i' = 1 − ‖w_i'‖² for the live features,
    w_n' = −cδ with c = 2/(n r²), b_n' = 1/n. Every live feature keeps its margin 1 over the other live ones, so
    the live outputs stay exact on live inputs; at e_n they stay at 0. What is left is output n. Since
    ReLU(z)² ≤ z², its share is at most

        Σ_i (1/n + w_n'·w_i')² + (1/n + ‖w_n'‖² − 1)²
            = (n − 1)(1/n − ct²)² + c²(1 + 2rt)²(n − 1)r²t²/2 + (1/n + c²t² − 1)²,

    which is (n − 1)/n + (n − 1)((r²/2 − 2/n)c² − 2c/n) t² + O(t³): less than (n − 1)/n for small t, when
    0 < c < 4/(n r² − 4), where c = 2/(n r²) lies (any c > 0 at n = 4, where n r² = 4).
    The points tend to the symmetric failure as t → 0. The loss has its minimum over b_n alone there, so it is no
    maximum either.

    With w_n alone moved and all else fixed the loss does grow: the argument that a small w_n is drawn back to 0
    is right about that direction, but the live features respond at the same order.
    """
    return Proof(
        steps=saddle_steps(1),
        sibling=Sibling(
            "the same curve with w_n' = +cδ, a tilt in the same direction, lowers the loss", saddle_steps(-1)
        ),
    )


def tilted_square(shift: Fraction, loss: Fraction) -> AxialLoss:
    """The curve of `symmetric-failure-is-a-saddle` at n = 5, δ = (shift, 0): a square (r = 1) and a null feature."""
    zero, one, scale = Fraction(0), Fraction(1), 1 + 2 * shift
    square = ((one, zero), (zero, one), (-one, zero), (zero, -one))
    live = [(scale * x + shift, scale * y) for x, y in square]
    bias = (*(1 - dot(w, w) for w in live), Fraction(1, 5))
    return AxialLoss(transpose((*live, (-Fraction(2, 5) * shift, zero))), loss, bias=bias)


@conjecture(
    "For every n ≥ 4 the symmetric failure (a regular (n−1)-gon at zero loss and one null feature with b_n = 1/n) "
    "is a local minimum of the loss, so training is stuck there",
    source=f"{FINISHED}, symmetric failure",
    expected=Verdict.REFUTED,
)
def symmetric_failure_is_a_minimum() -> Outcome:
    """It is a critical point (`null-feature-is-critical`) but the curve of `symmetric-failure-is-a-saddle` descends.

    The certificates are the failure and two points of that curve at n = 5, where everything is rational; the
    steps carry the curve to every n ≥ 4 and arbitrarily close to the failure.
    """
    return Counterexample(
        by_hand="n = 5, m = 2. The square (1,0), (0,1), (−1,0), (0,−1) with b = 0 and w_5 = 0, b_5 = 1/5 has loss "
        "4·(1/5)² + (4/5)² = 4/5. Move to w = (1.3,0), (0.1,1.2), (−1.1,0), (0.1,−1.2), b_i = 1 − ‖w_i‖², and "
        "w_5 = (−0.04,0), b_5 = 1/5. The first four outputs are still exact. Output 5 is (50 − 13, 50 − 1, 50 + 11, "
        "50 − 1)/250 at the first four inputs and 126/625 at its own: the loss is "
        "(37² + 49² + 61² + 49²)/250² + (499/625)² ≈ 0.7957 < 4/5.",
        certificates=[
            tilted_square(Fraction(0), Fraction(4, 5)),
            tilted_square(Fraction(1, 10), Fraction(310826, 390625)),
            tilted_square(Fraction(1, 1000), Fraction(7812494387519, 9765625000000)),
        ],
        steps=saddle_steps(1),
        sibling=Sibling("the same curve with w_n' = +cδ lowers the loss", saddle_steps(-1)),
    )


def curve_steps(lowest: sp.Expr) -> list[Step]:
    """The curve of `relugeom.landscape.families.valley`, for Y ≥ `lowest`; A² = R² − Y² = Y² + i is what grows."""
    y, i, h = sp.symbols("y i h", nonnegative=True)
    A, R = sp.symbols("A R", positive=True)
    count, Y = 1 + p, lowest + s
    b = 1 / (count + 2)
    D, E = sp.symbols("D E", nonnegative=True)
    y_1, y_2 = sp.symbols("y_1 y_2", real=True)
    root_1, root_2 = sp.symbols("a_1 a_2", nonnegative=True)  # √(R² − y²) of two long features
    loss = count * ((1 - b - D) ** 2 + (count - 1) * (b + D) ** 2 + 2 * (b + E) ** 2) + 2 * count * E**2
    excess = count * (count * D**2 + 4 * E**2 + 4 * b * (E - D))
    length = sp.sqrt(Y**2 + A**2)
    along_D, along_E = b**2 / A**2, b * Y / (A * length)
    return [
        identity(
            "long on long: R² − (y − y')²/2 − p·p' = (√(R² − y²) − √(R² − y'²))²/2 ≥ 0",
            (y_1**2 + root_1**2 + y_2**2 + root_2**2) / 2 - (y_1 - y_2) ** 2 / 2 - (root_1 * root_2 + y_1 * y_2),
            (root_1 - root_2) ** 2 / 2,
        ),
        sign("… and (y − y')²/2 ≥ 1, as they are √2 apart", (sp.sqrt(2) * (1 + u)) ** 2 / 2 - 1, ">= 0"),
        sign("the bias 1 − R² of the long is ≤ 0: R² = 2Y² + i ≥ 1", 2 * Y**2 + i - 1, ">= 0"),
        identity(
            "two on long, and long on two: ε²(R² − y²) − y²(1 − ε²) = Y² − y² at ε = Y/R",
            (Y / R) ** 2 * (R**2 - y**2) - y**2 * (1 - (Y / R) ** 2),
            Y**2 - y**2,
        ),
        sign("… ≥ 0, as Y is the greatest |y|", (y + h) ** 2 - y**2, ">= 0"),
        identity("two on each other: 2ε² − 1 = (Y² − A²)/R²", 2 * (Y / length) ** 2 - 1, (Y**2 - A**2) / length**2),
        sign("… ≤ 0, for A ≥ Y", Y**2 - (Y + h) ** 2, "<= 0"),
        identity(
            "q on long: δ²(R² − y²) − b² = b²(Y² − y²)/A² ≥ 0 at δ = b/A",
            (b / A) ** 2 * (Y**2 + A**2 - y**2) - b**2,
            b**2 * (Y**2 - y**2) / A**2,
        ),
        identity("the loss is q(q + 1)/(q + 2) and an excess", loss, count * (count + 1) / (count + 2) + excess),
        identity(
            "E > D where A²Y² > b²R², which is, with A² = Y² + i: Y²(Y² − 2b²) + i(Y² − b²)",
            (Y**2 + i) * Y**2 - b**2 * (2 * Y**2 + i),
            Y**2 * (Y**2 - 2 * b**2) + i * (Y**2 - b**2),
        ),
        sign("… > 0: the first of the two", sp.expand((Y**2 - 2 * b**2) * (count + 2) ** 2), "> 0"),
        sign("… and the second", sp.expand((Y**2 - b**2) * (count + 2) ** 2), "> 0"),
        sign("so the excess is positive", excess.subs(E, D + h + i + 1 / R), "> 0"),
        identity(
            "E − D falls with A: its derivative is b(2b R³ − YA(2A² + Y²))/(A³R³)",
            sp.diff(along_E - along_D, A),
            b * (2 * b * length**3 - Y * A * (2 * A**2 + Y**2)) / (A**3 * length**3),
        ),
        sign(
            "… < 0, for (YA(2A² + Y²))² > (2b R³)² at A² = Y² + i",
            sp.expand(
                (Y**2 * (Y**2 + i) * (3 * Y**2 + 2 * i) ** 2 - 4 * b**2 * (2 * Y**2 + i) ** 3) * (count + 2) ** 2
            ),
            "> 0",
        ),
        sign("D falls too", sp.diff(along_D, A), "< 0"),
        sign("… and E² = b²Y²/(A²(A² + Y²))", sp.diff(along_E**2, A), "< 0"),
        identity("D tends to 0", sp.limit(along_D, A, sp.oo), 0),
        identity("E tends to 0, and the excess with them", sp.limit(along_E, A, sp.oo), 0),
    ]


@conjecture(
    "The loss falls for ever along curves to infinity: for k ≥ 2 and q ≥ 1 there is a curve of models of n = k + q + 2 "
    "features in the plane, k of which grow without bound, along which Σ_i ‖x'(e_i) − e_i‖² falls to q(q + 1)/(q + 2), "
    "never reached",
    source="Where polishing does not converge, beside " + FINISHED,
    expected=Verdict.PROVED,
)
def curves_to_infinity() -> Outcome:
    """k long features at height √2 apart, two of norm 1 across, q that vanish.

    With y_j = √2 (j − (k − 1)/2), Y = max |y_j| ≥ 1/√2, A² = R² − Y² ≥ Y² and b = 1/(q + 2) ≤ 1/3 take the features
    p_j = (−√(R² − y_j²), y_j) with bias 1 − R², (ε, ±√(1 − ε²)) with bias 0 and ε = Y/R, and q times (δ, 0) with bias
    b and δ = b/A. The long outputs are exact: p·p' ≤ R² − 1, their products with the others are not positive, and
    1 − R² ≤ 0. The outputs of the two are exact on the long and on each other, and δε on the q. Those of the q are 0
    on the long, b + δε on the two, b + δ² on the q. With D = δ², E = δε that makes

        q ((1 − b − D)² + (q − 1)(b + D)² + 2(b + E)²) + 2qE²
            = q(q + 1)/(q + 2) + q (qD² + 4E² + 4b(E − D)).

    E > D, and all of D, E² and E − D fall to 0 as A grows.

    It says nothing about the models beside the curve. Seeds are seen to drift along such curves for k ≥ 4; for k = 2
    and 3 other directions lead further down.
    """
    return Proof(
        steps=curve_steps(sp.sqrt(half)),
        sibling=Sibling("the same for k ≥ 1, where Y ≥ 0", curve_steps(sp.Integer(0))),
    )


@conjecture(
    "For every n ≥ 4, a regular (n−1)-gon with r² = 1/(1 − cos φ), φ = 2π/(n − 1), one of whose features is "
    "doubled (the pair shares b = ½ − r², the others have b = 1 − r²), is a critical point with Σ_i ‖x'(e_i) − "
    "e_i‖² = 1",
    source=f"{FAILURE}: two overlapping vectors",
    expected=Verdict.PROVED,
)
def duplicated_pair_is_critical() -> Outcome:
    """Two features on one vector w cannot be told apart: both outputs give ½ at both inputs.

    The residuals are ρ = −½ at the pair's own entries and +½ at its two crossed ones; all others vanish, since
    an output of the pair sees r² cos jφ + ½ − r² ≤ ½ − 1 < 0 at the other inputs. Then ∂L/∂b = 2(−½ + ½) = 0 and
    ∂L/∂w = 2(2·(−½) + ½ + ½)w = 0 for either of the pair. The others have no residual and meet none.
    """

    def steps(bias: sp.Expr) -> list[Step]:
        own, crossed = s + bias - 1, s + bias
        return [
            *nearest_neighbour_steps(),
            sign("an output of the pair is negative at the other inputs", bias + s - 1, "< 0"),
            identity("∂L/∂b: the two residuals of an output cancel", own + crossed, 0),
            identity("∂L/∂w: own residual twice, crossed ones once each", 2 * own + crossed + crossed, 0),
            identity("the loss: two own and two crossed entries", 2 * own**2 + 2 * crossed**2, 1),
        ]

    return Proof(
        steps=steps(half - s),
        sibling=Sibling("the same with b = ¾ − r² for the pair", steps(sp.Rational(3, 4) - s)),
    )


@conjecture(
    "For all m ≥ 2, n ≥ 3 and 1 ≤ d ≤ n, the loss Σ_i ‖x'(e_i) − e_i‖² has a non-strict local minimum of value d, "
    "with d outputs that are strictly dead (negative at every input); its global minimum is 0",
    source=f"{FAILURE}: five axes that are not reconstructible",
    expected=Verdict.PROVED,
)
def dead_outputs_are_minima() -> Outcome:
    """A strictly dead output stays dead under every small change, and costs exactly 1.

    Take a regular n-gon with r²(1 − cos φ) = 2, b_j = 1 − r² for the n − d live outputs and −1 − r² for the dead.
    A dead output is at most r² − 1 − r² = −1 at every input; a live one is exact (off the diagonal it is at most
    r² cos φ + 1 − r² = −1). The loss is d here, and at least d wherever the dead outputs are still dead. Moving a dead
    bias changes nothing, so the minimum is not strict; live biases for all would give loss 0.
    """

    def steps(dead: sp.Expr) -> list[Step]:
        squared_radius = 2 / (1 - sp.cos(phi))
        off_diagonal = sp.cancel(squared_radius * sp.cos(phi) + 1 - squared_radius)
        d = sp.Symbol("d", positive=True)
        return [
            *nearest_neighbour_steps(),
            sign("a dead output is negative even at its own input", s + dead, "< 0"),
            identity("a live output is 1 at its own input", s + 1 - s, 1),
            sign("a live output is negative at the other inputs", off_diagonal, "< 0"),
            identity("d dead outputs miss one 1 each", d * (0 - 1) ** 2, d),
        ]

    return Proof(
        steps=steps(-1 - s),
        sibling=Sibling("the same with b = ½ − r² for the d outputs", steps(half - s)),
    )


@conjecture(
    "For m = 2 and each of n = 6, 7, 8, 9, the loss on data a·e_i has a local minimum that is strict up to rotation, "
    "lies away from all kinks and is not global: for a uniform on (0, 1], and for a on a finite grid",
    source=f"{FAILURE}: optimisation failure as a property of the loss",
    expected=Verdict.CERTIFIED,
)
def spurious_strict_minimum() -> Outcome:
    """With several amplitudes a threshold costs something and zero loss is out of reach, so minima can be isolated.

    Each certificate holds a rational model, a radius, and a better model. In the box around the model the activation
    pattern is constant, so the loss is a polynomial there (for uniform amplitudes a rational function); the gradient
    at the centre is so small, and the Hessian with the rotation fixed so surely positive definite on the whole box,
    that there is exactly one critical point in it, a strict local minimum, whose loss is above that of the better
    model. Training found these minima; their existence does not depend on how.
    """
    found = [c for c in stored_certificates().values() if isinstance(c, CriticalPoint) and c.better_encoder is not None]
    minima = [c for c in found if c.negative == 0 and len(c.encoder) == 2]
    sizes = {(c.amplitudes is None, len(c.bias)) for c in minima}
    if sizes != {(uniform, n) for uniform in (True, False) for n in (6, 7, 8, 9)}:
        return Open(f"certificates are there for {sorted(sizes)} only")
    return Witness(minima)
