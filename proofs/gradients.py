"""The derivatives by hand: at a fixed activation pattern the loss is a polynomial in W and b.

Let α_ti be 1 where the pre-activation z_ti is positive and 0 elsewhere. Off the kinks α does not move, and

    L = (1/T) Σ_ti [α (z − x)² + (1 − α) x²],      Z = X WᵀW + 1bᵀ.

The only product of entries is the one with α. Everything else is matrix algebra, checked on traces for m, n and T
left as symbols; that is enough, because ⟨A, V⟩ = tr AᵀV for all V determines A.
"""

from __future__ import annotations

from itertools import product
from typing import Any

import sympy as sp

from relugeom import (
    Counterexample,
    Outcome,
    Proof,
    Sibling,
    Step,
    Verdict,
    all_cases,
    conjecture,
    identity,
    sign,
    trace_identity,
)

SETUP = 'Post, "The Problem Set-Up"; Henighan et al. 2023'
AMPLITUDES = "Chen et al., arXiv 2310.06301, the loss for amplitudes uniform in (0, 1]"

m, n, T = sp.symbols("m n T", integer=True, positive=True)
epsilon = sp.Symbol("epsilon")
W, V = sp.MatrixSymbol("W", m, n), sp.MatrixSymbol("V", m, n)
b, c = sp.MatrixSymbol("b", n, 1), sp.MatrixSymbol("c", n, 1)
X, E, E_DOT = (sp.MatrixSymbol(name, T, n) for name in ("X", "E", "Edot"))
ONE = sp.MatrixSymbol("one", T, 1)

H, H_DOT = X * W.T, X * V.T
Z_DOT = H_DOT * W + H * V + ONE * c.T


def _one_entry() -> list[Step]:
    """E = ∂L/∂Z and its own derivative, for one entry."""
    z, x, alpha, z_dot = sp.symbols("z x alpha zdot", real=True)
    entry = (alpha * (z - x) ** 2 + (1 - alpha) * x**2) / T
    slope = 2 * alpha * (z - x) / T
    with_relu = 2 * (alpha * z - x) * alpha / T
    return [
        all_cases(
            "the term is (ReLU(z) − x)²/T, for α = 0 and for α = 1",
            lambda value: bool(sp.expand((entry - (alpha * z - x) ** 2 / T).subs(alpha, value)) == 0),
            (0, 1),
        ),
        identity("∂L/∂z = (2/T) α (z − x)", sp.diff(entry, z), slope),
        all_cases(
            "which is (2/T) (ReLU(z) − x) α, for α = 0 and for α = 1",
            lambda value: bool(sp.expand((slope - with_relu).subs(alpha, value)) == 0),
            (0, 1),
        ),
        identity("Ė = (2/T) α ż", sp.diff(slope, z) * z_dot, 2 * alpha * z_dot / T),
    ]


def _gradient(claimed: Any) -> list[Step]:
    """∂L/∂W = claimed; true for HᵀE + W EᵀX."""
    Y = sp.MatrixSymbol("Y", T, n)
    moved = X * (W + epsilon * V).T * (W + epsilon * V) + ONE * (b + epsilon * c).T
    expansion = H * W + ONE * b.T + epsilon * Z_DOT + epsilon**2 * H_DOT * V
    return [
        *_one_entry(),
        trace_identity("Z(W + εV, b + εc) = Z + εŻ + ε²ḢV, against every Y", Y.T * moved, Y.T * expansion),
        trace_identity("⟨E, Ż⟩ = ⟨∂L/∂W, V⟩ + ⟨Eᵀ1, c⟩", E.T * Z_DOT - (E.T * ONE).T * c, claimed.T * V),
    ]


@conjecture(
    "For all m, n, T, X and every activation pattern, with H = XWᵀ and E = (2/T)(ReLU(Z) − X) ⊙ 1[Z > 0]: "
    "∂L/∂W = HᵀE + W EᵀX and ∂L/∂b = Eᵀ1",
    source=SETUP,
    expected=Verdict.PROVED,
)
def loss_gradient() -> Outcome:
    """E is ∂L/∂Z entry by entry. Along (V, c) the pre-activation moves by Ż = ḢW + HV + 1cᵀ, Ḣ = XVᵀ, because W
    stands in it twice. So dL = ⟨E, Ż⟩, and reading off what stands against V and c gives the gradient.
    """
    return Proof(
        _gradient(H.T * E + W * E.T * X),
        Sibling("∂L/∂W = HᵀE, the decoder's share alone.", _gradient(H.T * E)),
    )


def _second_order(claimed: Any) -> list[Step]:
    """The derivative of ∂L/∂W along (V, c) is claimed."""
    Y = sp.MatrixSymbol("Y", m, n)
    E_moved, W_moved = E + epsilon * E_DOT, W + epsilon * V
    moved = (X * W_moved.T).T * E_moved + W_moved * E_moved.T * X
    first = H.T * E + W * E.T * X
    square = H_DOT.T * E_DOT + V * E_DOT.T * X
    return [
        *_one_entry(),
        trace_identity(
            "the gradient at (W + εV, E + εĖ) has this coefficient at ε, against every Y",
            Y.T * moved,
            Y.T * (first + epsilon * claimed + epsilon**2 * square),
        ),
        trace_identity(
            "⟨(V, c), H(V, c)⟩ = ⟨Ė, Ż⟩ + 2⟨E, ḢV⟩, the second derivative of the loss",
            claimed.T * V + (E_DOT.T * ONE).T * c,
            E_DOT.T * Z_DOT + 2 * E.T * H_DOT * V,
        ),
    ]


@conjecture(
    "For all m, n, T, X and every activation pattern, the Hessian of the loss applied to (V, c) is "
    "(ḢᵀE + HᵀĖ + V EᵀX + W ĖᵀX, Ėᵀ1) with Ḣ = XVᵀ, Ż = ḢW + HV + 1cᵀ, Ė = (2/T) Ż ⊙ 1[Z > 0]",
    source=SETUP,
    expected=Verdict.PROVED,
)
def loss_hessian_vector_product() -> Outcome:
    """Replace W by W + εV and E by E + εĖ (up to ε², E moves in no other way at a fixed pattern) in the gradient
    and read off the coefficient of ε. As a second check, its product with (V, c) is the second derivative of L
    along (V, c), which is ⟨Ė, Ż⟩ + 2⟨E, ḢV⟩ since Z moves by εŻ + ε²ḢV.
    """
    outer = H.T * E_DOT + W * E_DOT.T * X
    return Proof(
        _second_order(H_DOT.T * E + V * E.T * X + outer),
        Sibling("The Hessian is its Gauss–Newton part HᵀĖ + W ĖᵀX.", _second_order(outer)),
    )


def _symbols(name: str, rows: int, columns: int) -> sp.Matrix:
    return sp.Matrix(rows, columns, lambda i, j: sp.Symbol(f"{name}_{i}{j}"))


def _agrees_with_sympy(sizes: tuple[int, int, int], tied: bool) -> bool:
    """Gradient and Hessian by the formulas = SymPy's, with one symbol α_ti for each entry of the pattern."""
    rows, columns, examples = sizes
    w, bias = _symbols("w", rows, columns), _symbols("b", 1, columns)
    x, alpha = _symbols("x", examples, columns), _symbols("a", examples, columns)
    ones = sp.ones(examples, 1)
    z = x * w.T * w + ones * bias
    r = z - x
    loss = sum(alpha[k] * r[k] ** 2 + (1 - alpha[k]) * x[k] ** 2 for k in range(len(z))) / examples
    h, e = x * w.T, 2 * alpha.multiply_elementwise(r) / examples
    parameters = [*w, *bias]

    def flat(dw: sp.Matrix, db: sp.Matrix) -> sp.Matrix:
        return sp.Matrix([*dw, *db])

    def column(k: int) -> sp.Matrix:
        unit = [sp.Integer(k == position) for position in range(len(parameters))]
        v, shift = sp.Matrix(rows, columns, unit[: len(w)]), sp.Matrix(1, columns, unit[len(w) :])
        z_dot = x * v.T * w + h * v + ones * shift
        e_dot = 2 * alpha.multiply_elementwise(z_dot) / examples
        through_decoder = v * x.T * e + h.T * e_dot
        through_encoder = v * e.T * x + w * e_dot.T * x
        return flat(through_decoder + through_encoder if tied else through_decoder, ones.T * e_dot)

    gradient = flat(h.T * e + w * e.T * x, ones.T * e)
    expected = sp.Matrix([loss]).jacobian(parameters)
    return bool(
        (gradient - expected.T).expand().is_zero_matrix
        and all((column(k) - expected.T.diff(parameters[k])).expand().is_zero_matrix for k in range(len(parameters)))
    )


@conjecture(
    "For (m, n, T) = (1, 2, 2), (2, 3, 1) and every activation pattern, all entries of the gradient and of "
    "the Hessian by these formulas agree with symbolic differentiation",
    source=SETUP,
    expected=Verdict.PROVED,
)
def loss_derivatives_entry_by_entry() -> Outcome:
    """Another road to the same formulas: SymPy differentiates the polynomial, with a symbol for every entry of W, b, X
    and of the pattern, and each Hessian column is the formula at a unit direction.
    """
    sizes = [(1, 2, 2), (2, 3, 1)]

    def steps(tied: bool) -> list[Step]:
        return [all_cases("formula = derivative", lambda size: _agrees_with_sympy(size, tied), sizes)]

    return Proof(steps(True), Sibling("The Hessian has no terms from the encoder.", steps(False)))


def _axial_agrees(claimed_factor: int) -> bool:
    """The blocks of the Hessian for L = Σ φ_ij(g_ij, b_j), at m = 2 and n = 2, for arbitrary 2-jets φ_ij.

    Second derivatives at a point see φ_ij only through its value, slopes and curvatures there, so a general
    quadratic polynomial around the point stands for any φ_ij.
    """
    rows, columns = 2, 2
    w, bias = _symbols("w", rows, columns), _symbols("b", 1, columns)
    g0, b0 = w.T * w, list(bias)
    jets = {name: _symbols(name, columns, columns) for name in ("g", "b", "gg", "gb", "bb")}
    moved, shifted = _symbols("u", rows, columns), _symbols("v", 1, columns)
    g = moved.T * moved
    loss = sp.Integer(0)
    for i, j in product(range(columns), repeat=2):
        dg, db = g[i, j] - g0[i, j], shifted[j] - b0[j]
        loss += jets["g"][i, j] * dg + jets["b"][i, j] * db + jets["gg"][i, j] * dg**2 / 2
        loss += jets["gb"][i, j] * dg * db + jets["bb"][i, j] * db**2 / 2
    back = dict(zip([*moved, *shifted], [*w, *b0], strict=True))
    R, S = jets["g"] + jets["g"].T, claimed_factor * jets["gg"] + jets["gg"].T
    P = jets["gb"]
    bb_sum = [sum(jets["bb"][k, j] for k in range(columns)) for j in range(columns)]

    def gradient_agrees() -> bool:
        dw = w * R
        return all(
            sp.expand(loss.diff(moved[a, i]).subs(back) - dw[a, i]) == 0 for a in range(rows) for i in range(columns)
        )

    def entry(a: int, i: int, d: int, j: int) -> Any:
        moment = sum(S[i, k] * w[a, k] * w[d, k] for k in range(columns))
        return int(a == d) * R[i, j] + int(i == j) * moment + S[i, j] * w[a, j] * w[d, i]

    def mixed(a: int, i: int, j: int) -> Any:
        return P[i, j] * w[a, j] + int(i == j) * sum(P[k, i] * w[a, k] for k in range(columns))

    indices = list(product(range(rows), range(columns)))
    return (
        gradient_agrees()
        and all(
            sp.expand(loss.diff(moved[a, i], moved[d, j]).subs(back) - entry(a, i, d, j)) == 0
            for (a, i), (d, j) in product(indices, repeat=2)
        )
        and all(
            sp.expand(loss.diff(moved[a, i], shifted[j]).subs(back) - mixed(a, i, j)) == 0
            for (a, i), j in product(indices, range(columns))
        )
        and all(
            sp.expand(loss.diff(shifted[i], shifted[j]).subs(back) - int(i == j) * bb_sum[j]) == 0
            for i, j in product(range(columns), repeat=2)
        )
    )


def _axial(claimed_factor: int) -> list[Step]:
    Phi = sp.MatrixSymbol("Phi", n, n)
    dG = V.T * W + W.T * V
    return [
        trace_identity("⟨Φ_g, dG⟩ = ⟨W (Φ_g + Φ_gᵀ), V⟩", Phi.T * dG, (W * (Phi + Phi.T)).T * V),
        all_cases("the blocks of the Hessian agree with SymPy's", lambda _: _axial_agrees(claimed_factor), [(2, 2)]),
    ]


@conjecture(
    "For L = Σ_ij φ_ij(g_ij, b_j) with G = WᵀW: ∂L/∂W = W(Φ_g + Φ_gᵀ) for all m, n; and for m = n = 2, "
    "with R = Φ_g + Φ_gᵀ, S = Φ_gg + Φ_ggᵀ, P = Φ_gb, ∂²L/∂W_ai ∂W_cj = δ_ac R_ij + δ_ij Σ_k S_ik W_ak W_ck + "
    "S_ij W_aj W_ci, ∂²L/∂W_ai ∂b_j = P_ij W_aj + δ_ij Σ_k P_ki W_ak, ∂²L/∂b_i ∂b_j = δ_ij Σ_k (Φ_bb)_kj",
    source="Data on the axes, x = a e_i; " + AMPLITUDES,
    expected=Verdict.PROVED,
)
def axial_derivatives() -> Outcome:
    """dG = VᵀW + WᵀV, so dL = ⟨Φ_g, dG⟩ = ⟨W(Φ_g + Φ_gᵀ), V⟩. For the second derivatives a general quadratic polynomial
    around the point stands for φ_ij; SymPy differentiates and every entry is compared.
    """
    return Proof(_axial(1), Sibling("The same with S = 2Φ_gg + Φ_ggᵀ.", _axial(2)))


# The integral of one pair over amplitudes uniform in (0, 1].

g, beta, amplitude = sp.symbols("g b a", real=True)
u, v = sp.symbols("u v", positive=True)
END = -beta / g

# Name, active interval (low, high), |g|, and numbers g, b that range over the whole regime as u, v > 0 do.
REGIMES: dict[str, tuple[Any, Any, Any, dict[Any, Any]]] = {
    "switched on at −b/g (g > 0 > b > −g)": (END, sp.Integer(1), g, {g: u + v, beta: -u}),
    "switched off at −b/g (g < 0 < b < −g)": (sp.Integer(0), END, -g, {g: -u - v, beta: u}),
}


def _pair(low: Any, high: Any, delta: int) -> Any:
    """φ = (δ−g)² (hi³−lo³)/3 − (δ−g) b (hi²−lo²) + b² (hi−lo) + δ² (1/3 − (hi³−lo³)/3)."""
    cubes = sp.Rational(1, 3) * (high**3 - low**3)
    return (
        (delta - g) ** 2 * cubes
        - (delta - g) * beta * (high**2 - low**2)
        + beta**2 * (high - low)
        + delta**2 * (sp.Rational(1, 3) - cubes)
    )


def _slopes(low: Any, high: Any, delta: int) -> tuple[Any, Any]:
    """(φ_g, φ_b) = 2 (u s₃ + b s₂), 2 (u s₂ + b s₁) with u = g − δ and s_k = (hi^k − lo^k)/k."""
    s1, s2, s3 = (sp.Rational(1, k) * (high**k - low**k) for k in (1, 2, 3))
    return 2 * ((g - delta) * s3 + beta * s2), 2 * ((g - delta) * s2 + beta * s1)


def _pair_steps(moving_ends: int) -> list[Step]:
    """Value, slopes and curvatures in each regime; `moving_ends` is the weight of the terms from the ends, truly 1."""
    steps: list[Step] = []
    for (name, (low, high, size, at)), delta in product(REGIMES.items(), (0, 1)):
        where = f"δ = {delta}, {name}"
        error = ((g - delta) * amplitude + beta) ** 2
        silent = delta**2 * amplitude**2
        direct = sp.integrate(error, (amplitude, low, high)) + sp.integrate(silent, (amplitude, 0, low))
        value, slopes = _pair(low, high, delta), _slopes(low, high, delta)
        curvatures = [2 * (high**k - low**k) / k - 2 * moving_ends * delta * END**k / size for k in (3, 2, 1)]
        output = g * amplitude + beta
        ends = (low, high) if low == END else (high, low)
        steps += [
            identity(f"{where}: the output vanishes at −b/g", output.subs(amplitude, END), 0),
            sign(
                f"{where}: it is positive at the other end of the active part",
                output.subs(amplitude, ends[1]).subs(at),
                "> 0",
            ),
            sign(f"{where}: −b/g > 0", END.subs(at), "> 0"),
            sign(f"{where}: −b/g < 1", (1 - END).subs(at), "> 0"),
            identity(f"{where}: φ", value, direct + sp.integrate(silent, (amplitude, high, 1))),
            identity(f"{where}: φ_g", sp.diff(value, g), slopes[0]),
            identity(f"{where}: φ_b", sp.diff(value, beta), slopes[1]),
            identity(f"{where}: φ_gg", sp.diff(value, g, 2), curvatures[0]),
            identity(f"{where}: φ_gb", sp.diff(value, g, beta), curvatures[1]),
            identity(f"{where}: φ_bb", sp.diff(value, beta, 2), curvatures[2]),
        ]
    for delta in (0, 1):
        always = sp.integrate(((g - delta) * amplitude + beta) ** 2, (amplitude, 0, 1))
        value, slopes = _pair(0, 1, delta), _slopes(0, 1, delta)
        steps += [
            identity(f"δ = {delta}, always active: φ", value, always),
            identity(f"δ = {delta}, always active: φ_g", sp.diff(value, g), slopes[0]),
            identity(f"δ = {delta}, always active: φ_b", sp.diff(value, beta), slopes[1]),
            identity(f"δ = {delta}, never active: φ = δ²/3", _pair(0, 0, delta), sp.Rational(delta, 3)),
        ]
    return steps


@conjecture(
    "For amplitudes a uniform in (0, 1] the pair φ(g, b) = E(ReLU(ag + b) − aδ)², δ ∈ {0, 1}, is "
    "(δ−g)² s₃ − 2(δ−g) b s₂ + b² s₁ + δ(1/3 − s₃), s_k = (h^k − l^k)/k on its active interval [l, h] ⊆ [0, 1]; "
    "its slopes are 2(us₃ + bs₂) and 2(us₂ + bs₁), u = g − δ; where the end a* = −b/g lies in (0, 1) its curvatures "
    "φ_gg, φ_gb, φ_bb are 2s_k − 2δ a*^k/|g|, k = 3, 2, 1",
    source=AMPLITUDES,
    expected=Verdict.PROVED,
)
def uniform_pair_integral() -> Outcome:
    """While the output is active the error is (g − δ)a + b, otherwise −aδ; integrate both. In the slopes the moving
    end cancels, because the two integrands agree there (the output is 0); in the curvatures it leaves −2δ a*^k/|g|.
    The regimes are: switched on at −b/g, switched off at −b/g, always active, never active.
    """
    return Proof(
        _pair_steps(1), Sibling("The moving end cancels in the curvatures too: they are 2s_k.", _pair_steps(0))
    )


def _borders(delta: int) -> list[Step]:
    """Where regimes meet, off the origin, the intervals agree; at the origin the slopes must tend to 0."""
    on, off = REGIMES.values()
    at_origin = _slopes(0, 1, delta)
    s = sp.symbols("s_1:4", nonnegative=True)
    return [
        identity("on at −b/g meets always active at b = 0: l = 0", on[0].subs(beta, 0), 0),
        identity("on at −b/g meets never active at b = −g: l = 1", on[0].subs(beta, -g), 1),
        identity("off at −b/g meets always active at b = −g: h = 1", off[1].subs(beta, -g), 1),
        identity("off at −b/g meets never active at b = 0: h = 0", off[1].subs(beta, 0), 0),
        identity("at the origin, from the active side: φ_g → 0", at_origin[0].subs({g: 0, beta: 0}), 0),
        identity("at the origin, from the active side: φ_b → 0", at_origin[1].subs({g: 0, beta: 0}), 0),
        identity(
            "φ_g has no part that is constant in (g, b)",
            2 * ((g - delta) * s[2] + beta * s[1]),
            2 * g * s[2] + 2 * beta * s[1],
        ),
    ]


@conjecture(
    "Off the diagonal (δ = 0) the pair φ for amplitudes uniform in (0, 1] is continuously differentiable everywhere; "
    "on the diagonal (δ = 1) it is so away from g = b = 0",
    source=AMPLITUDES,
    expected=Verdict.PROVED,
)
def uniform_pair_smoothness() -> Outcome:
    """Value and slopes are one polynomial in g, b and the ends l, h of the active interval (when it is empty, l = h).
    Away from the origin l and h are continuous across the borders of the regimes (where l = h, how both move does not
    matter), so φ is C¹ there. For δ = 0 the slopes are 2(gs₃ + bs₂) and 2(gs₂ + bs₁) with 0 ≤ s_k ≤ 1/k, as s_k is the
    integral of a^(k−1) over a part of [0, 1]: they tend to 0 at the origin, where they vanish.
    """
    return Proof(_borders(0), Sibling("For δ = 1 it is continuously differentiable at the origin too.", _borders(1)))


def _null_feature(delta: int) -> list[Step]:
    """φ(0, b) = b² − δb + δ/3 for b ≥ 0 and δ/3 for b ≤ 0: a corner at b = 0 when δ = 1."""
    active, silent = _pair(0, 1, delta).subs(g, 0), _pair(0, 0, delta).subs(g, 0)
    right, left = (sp.diff(piece, beta).subs(beta, 0) for piece in (active, silent))
    return [
        identity("the pieces meet at b = 0", active.subs(beta, 0), silent.subs(beta, 0)),
        sign("their slopes do not", left - right, "!= 0"),
    ]


@conjecture(
    "For amplitudes uniform in (0, 1] the loss is continuously differentiable in (W, b) everywhere",
    source=AMPLITUDES + " (there: C¹ but not C² at 4-gons)",
    expected=Verdict.REFUTED,
)
def uniform_loss_differentiable() -> Outcome:
    """It fails at a feature with w = 0 and b = 0, on its diagonal pair, and nowhere else."""
    return Counterexample(
        by_hand="n = 1, W = 0: the output is ReLU(b) at every amplitude. For b ≤ 0 the loss is E a² = 1/3; for b ≥ 0 "
        "it is E(b − a)² = b² − b + 1/3. At b = 0 the slopes are 0 on the left and −1 on the right.",
        steps=_null_feature(1),
        sibling=Sibling("An output for another feature (δ = 0) has a corner there too.", _null_feature(0)),
    )


def _one_output(products: list[int], scale: int = 1) -> list[Step]:
    """Σ_i φ(g_i, b) for one output, g_0 = 1 its own; its second derivatives in b from both sides of b = 0.

    For small b > 0 a pair with g ≥ 0 is always active and one with g < 0 switches off at −b/g; for small b < 0
    one with g > 0 switches on at −b/g and the others are never active.
    """

    def side(positive: bool) -> Any:
        total = sp.Integer(0)
        for index, value in enumerate(products):
            product_ = sp.Rational(value, scale)
            end = -beta / product_ if product_ else None
            if positive:
                low, high = sp.Integer(0), (end if product_ < 0 else sp.Integer(1))
            else:
                low, high = (end, sp.Integer(1)) if product_ > 0 else (sp.Integer(0), sp.Integer(0))
            total += _pair(low, high, int(index == 0)).subs(g, product_)
        return total

    def at_zero(positive: bool, order: int) -> Any:
        return sp.diff(side(positive), beta, order).subs(beta, 0)

    return [
        identity("both sides meet at b = 0", at_zero(True, 0), at_zero(False, 0)),
        identity("with the same slope", at_zero(True, 1), at_zero(False, 1)),
        sign("but with another curvature", at_zero(True, 2) - at_zero(False, 2), "> 0"),
    ]


@conjecture(
    "For amplitudes uniform in (0, 1] the loss is not twice differentiable at the 4-gon of radius 1 with b = 0: moving "
    "one bias, its second derivative jumps",
    source=AMPLITUDES,
    expected=Verdict.PROVED,
)
def uniform_loss_4_gon() -> Outcome:
    """One output j meets the products g = 1 (its own), 0, 0 (its neighbours), −1. As b_j passes 0, each neighbour
    contributes max(b_j, 0)², whose curvature jumps from 0 to 2; the own pair has curvature 2 on both sides and the
    opposite one 0. At the triangle (products 1, −1/2, −1/2) no feature is at a right angle, and nothing jumps.
    """
    return Proof(
        _one_output([1, 0, 0, -1]), Sibling("It jumps at the triangle too.", _one_output([2, -1, -1], scale=2))
    )
