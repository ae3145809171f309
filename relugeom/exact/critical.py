"""Checking critical points of the loss on data on the axes: existence, inertia, and how high they lie.

For x = a e_i the loss is L = (1/n) Σ_ij φ(g_ij, b_j, δ_ij), g_ij = w_i·w_j, φ(g, b, δ) = E_a (aδ − ReLU(a g + b))²,
where a comes from a grid or is uniform on (0, 1]. The argument for a `CriticalPoint`, which the code follows
line by line:

1. *Gauge.* W may be rotated so that feature gauge[k] has zeros below row k. Rotations move the model across the slice
   of such W as long as entry k of feature gauge[k] is not 0, so a critical point of L on the slice is one of L,
   and a strict minimum on the slice is one of L up to rotation.
2. *Box.* Every other coordinate within r of the centre. Enclosure arithmetic shows that no activation changes sign on
   the box, so that L is smooth there, and encloses its Hessian H.
3. *Curvature.* A is a rational matrix near the middle of the enclosure and δ ≥ ‖H(x) − A‖ for all x in the box
   (largest row sum). By inertia A has no eigenvalue in [−μ, μ], so ‖A⁻¹‖ < 1/μ; with δ < μ every H(x) has the
   inertia of A.
4. *Existence.* x ↦ x − A⁻¹∇L(x) contracts by δ/μ. If ‖∇L(centre)‖ ≤ (μ − δ) r it maps the ball of radius r into
   itself (Banach), so the ball holds exactly one critical point.
5. *Height.* |L(x) − L(centre)| ≤ ‖∇L(centre)‖ r + (‖A‖ + δ) r²/2 in the ball.

Nothing is rounded.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from relugeom.exact.certificates import CriticalPoint, DeadOutputs
from relugeom.exact.enclosures import Enclosure
from relugeom.exact.errors import Fault, require
from relugeom.exact.rationals import Inertia, Matrix, Vector, column, dot, inertia

__all__ = ["axial_loss", "check_critical_point", "check_dead_outputs"]

_GRID = 2**30  # the entries of A are multiples of 1/_GRID, to keep the elimination quick
_MOST_COORDINATES = 48
_MOST_AMPLITUDES = 16
_MOST_BITS = 200


_ZERO = Enclosure(Fraction(0), Fraction(0))
_ONE = Enclosure(Fraction(1), Fraction(1))


class _Pair(NamedTuple):
    """φ's derivatives at (g, b, δ)."""

    g: Enclosure
    b: Enclosure
    gg: Enclosure
    gb: Enclosure
    bb: Enclosure


_INACTIVE = _Pair(_ZERO, _ZERO, _ZERO, _ZERO, _ZERO)


def _pair_grid(g: Enclosure, b: Enclosure, delta: int, grid: list[tuple[Fraction, Fraction]]) -> _Pair:
    """φ = Σ p (ReLU(z) − aδ)², z = a g + b, over amplitudes a of weight p.

    Each active one adds 2p (z − aδ) ∇z and 2p ∇z∇zᵀ, with ∇z = (a, 1).
    """
    total = _INACTIVE
    for a, p in grid:
        z = g.times(a) + b
        if z.is_positive():
            r = (z - _ONE.times(a * delta)).times(2 * p)
            term = _Pair(r.times(a), r, _ONE.times(2 * p * a * a), _ONE.times(2 * p * a), _ONE.times(2 * p))
            total = _Pair(*(x + y for x, y in zip(total, term, strict=True)))
    return total


def _pair_uniform(g: Enclosure, b: Enclosure, delta: int) -> _Pair:
    """φ = ∫ over (0, 1], of which the pair is active on (l, h): with s_k = (h^k − l^k)/k and u = g − δ,

        φ_g = 2 (u s_3 + b s_2),   φ_b = 2 (u s_2 + b s_1),   φ_gg, φ_gb, φ_bb = 2 s_k − 2δ e^k/g,  k = 3, 2, 1,

    where the last term is there only if an end e = −b/g lies between 0 and 1: one sign at a = 0, another at a = 1
    (and δ = 1 only for g = ‖w‖² > 0).
    """
    at_start, at_stop = b.is_positive(), (g + b).is_positive()
    if not at_start and not at_stop:
        return _INACTIVE
    s1, s2, s3 = _ONE, _ONE.times(Fraction(1, 2)), _ONE.times(Fraction(1, 3))
    moving = (_ZERO, _ZERO, _ZERO)
    if at_start != at_stop:
        e = (_ZERO - b) / g
        powers = (e, e * e, e * e * e)
        thirds = tuple(power.times(Fraction(1, k)) for k, power in enumerate(powers, start=1))
        s1, s2, s3 = thirds if at_start else (s1 - thirds[0], s2 - thirds[1], s3 - thirds[2])
        moving = tuple((power / g).times(2 * delta) for power in powers)  # type: ignore[assignment]
    u = g - _ONE.times(delta)
    return _Pair(
        (u * s3 + b * s2).times(2),
        (u * s2 + b * s1).times(2),
        s3.times(2) - moving[2],
        s2.times(2) - moving[1],
        s1.times(2) - moving[0],
    )


def _pairs(
    W: list[list[Enclosure]], b: list[Enclosure], grid: list[tuple[Fraction, Fraction]] | None
) -> list[list[_Pair]]:
    """φ's derivatives, divided by n, for input i and output j."""
    n = len(b)
    table = []
    for i in range(n):
        row = []
        for j in range(n):
            g = _sum([w[i] * w[j] for w in W])
            pair = _pair_uniform(g, b[j], int(i == j)) if grid is None else _pair_grid(g, b[j], int(i == j), grid)
            row.append(_Pair(*(x.times(Fraction(1, n)) for x in pair)))
        table.append(row)
    return table


def _sum(terms: list[Enclosure]) -> Enclosure:
    return Enclosure(sum((t.low for t in terms), Fraction(0)), sum((t.high for t in terms), Fraction(0)))


def _gradient(W: list[list[Enclosure]], b: list[Enclosure], pairs: list[list[_Pair]]) -> list[Enclosure]:
    """∂L/∂W_ai = Σ_j W_aj (φ_g,ij + φ_g,ji) row by row, then ∂L/∂b_j = Σ_i φ_b,ij."""
    n = range(len(b))
    slopes = [_sum([row[j] * (pairs[i][j].g + pairs[j][i].g) for j in n]) for row in W for i in n]
    return slopes + [_sum([pairs[i][j].b for i in n]) for j in n]


def _hessian(W: list[list[Enclosure]], b: list[Enclosure], pairs: list[list[_Pair]]) -> list[list[Enclosure]]:
    """The second derivatives, in the same order. With R = φ_g + φ_gᵀ, S = φ_gg + φ_ggᵀ, P = φ_gb:

    ∂²L/∂W_ai ∂W_cj = δ_ac R_ij + δ_ij Σ_k S_ik W_ak W_ck + S_ij W_aj W_ci
    ∂²L/∂W_ai ∂b_j  = P_ij W_aj + δ_ij Σ_k P_ki W_ak
    ∂²L/∂b_i ∂b_j   = δ_ij Σ_k φ_bb,ki
    """
    m, n = range(len(W)), range(len(b))
    R = [[pairs[i][j].g + pairs[j][i].g for j in n] for i in n]
    S = [[pairs[i][j].gg + pairs[j][i].gg for j in n] for i in n]
    moments = {(a, c, i): _sum([S[i][k] * W[a][k] * W[c][k] for k in n]) for a in m for c in m for i in n}
    weights, biases = [(a, i) for a in m for i in n], list(n)

    def weight_weight(a: int, i: int, c: int, j: int) -> Enclosure:
        terms = [S[i][j] * W[a][j] * W[c][i]]
        if a == c:
            terms.append(R[i][j])
        if i == j:
            terms.append(moments[a, c, i])
        return _sum(terms)

    def weight_bias(a: int, i: int, j: int) -> Enclosure:
        own = pairs[i][j].gb * W[a][j]
        return own + _sum([pairs[k][i].gb * W[a][k] for k in n]) if i == j else own

    upper = [
        [weight_weight(a, i, c, j) for c, j in weights] + [weight_bias(a, i, j) for j in biases] for a, i in weights
    ]
    lower = [
        [weight_bias(a, i, j) for a, i in weights]
        + [_sum([pairs[k][j].bb for k in n]) if h == j else _ZERO for h in biases]
        for j in biases
    ]
    return upper + lower


def axial_loss(W: Matrix, b: Vector, grid: list[tuple[Fraction, Fraction]] | None) -> Fraction:
    """L, exactly, at a rational point; kinks do no harm."""
    n = len(b)
    total = Fraction(0)
    for i in range(n):
        for j in range(n):
            g, delta = dot(column(W, i), column(W, j)), int(i == j)
            if grid is None:
                total += _uniform_loss(g, b[j], delta)
            else:
                total += sum((p * (max(a * g + b[j], Fraction(0)) - a * delta) ** 2 for a, p in grid), Fraction(0))
    return total / n


def _uniform_loss(g: Fraction, b: Fraction, delta: int) -> Fraction:
    """∫ (aδ − ReLU(a g + b))² da over (0, 1] = u² s_3 + 2 u b s_2 + b² s_1 + δ (1/3 − s_3)."""
    at_start, at_stop = b > 0, g + b > 0
    end = -b / g if at_start != at_stop else Fraction(0)
    low = Fraction(0) if at_start else end
    high = Fraction(1) if at_stop else end
    s1, s2, s3 = ((high**k - low**k) / k for k in (1, 2, 3))
    u = g - delta
    return u * u * s3 + 2 * u * b * s2 + b * b * s1 + delta * (Fraction(1, 3) - s3)


def _grid(c: CriticalPoint) -> list[tuple[Fraction, Fraction]] | None:
    """Amplitudes with weights that add up to 1, or None for uniform amplitudes."""
    if c.amplitudes is None:
        return None
    weights = (Fraction(1),) * len(c.amplitudes) if c.weights is None else c.weights
    return [(a, w / sum(weights)) for a, w in zip(c.amplitudes, weights, strict=True)]


def _bits(numbers: list[Fraction]) -> int:
    return max(max(abs(x.numerator), x.denominator).bit_length() for x in numbers)


def _check_shape(c: CriticalPoint) -> None:
    m, n = len(c.encoder), len(c.encoder[0])
    numbers = [*c.bias, c.radius, c.margin, c.low, c.high, *(c.amplitudes or ()), *(c.weights or ())]
    numbers += [x for row in c.encoder for x in row]
    numbers += [x for row in (*(c.better_encoder or ()), c.better_bias or ()) for x in row]
    require(
        m * n + n <= _MOST_COORDINATES and len(c.amplitudes or ()) <= _MOST_AMPLITUDES and _bits(numbers) <= _MOST_BITS,
        "the certificate is too large to check",
    )
    require(len(c.bias) == n, f"bias must have {n} entries; got {len(c.bias)}")
    amplitudes, weights = c.amplitudes or (), c.weights
    require(c.amplitudes is not None or weights is None, "weights belong to amplitudes")
    require(
        c.amplitudes is None or (bool(amplitudes) and all(a > 0 for a in amplitudes)),
        "amplitudes must be positive, at least one",
    )
    require(
        len(set(amplitudes)) == len(amplitudes),
        "amplitudes must be different from each other; weights say how often each occurs",
    )
    require(
        weights is None or (len(weights) == len(amplitudes) and all(w > 0 for w in weights)),
        "weights must be positive, one per amplitude",
    )
    require(c.radius > 0 and c.margin > 0, "radius and margin must be positive")
    require(
        len(c.gauge) == m - 1 and len(set(c.gauge)) == m - 1 and all(0 <= i < n for i in c.gauge),
        f"gauge must name {m - 1} different features; got {list(c.gauge)}",
    )
    for k, i in enumerate(c.gauge):
        require(
            all(c.encoder[a][i] == 0 for a in range(k + 1, m)) and abs(c.encoder[k][i]) > c.radius,
            f"feature {i} does not fix the rotation: entry {k} must exceed the radius, those below must be 0",
        )
    W, b = c.better_encoder, c.better_bias
    require((W is None) == (b is None), "better_encoder and better_bias go together")
    require(W is None or (len(W), len(W[0])) == (m, n), "the better model must have the same shape")
    require(b is None or len(b) == n, "the better model must have the same shape")


def check_critical_point(c: CriticalPoint) -> None:
    """Follow the argument above, and raise a `Fault` where it breaks."""
    _check_shape(c)
    m, n, r, mu = len(c.encoder), len(c.bias), c.radius, c.margin
    grid = _grid(c)
    # 1. Gauge: these coordinates are held at 0.
    held = {(a, i) for k, i in enumerate(c.gauge) for a in range(k + 1, m)}
    free = [q for q in range(m * n + n) if divmod(q, n) not in held]

    def box(radius: Fraction) -> tuple[list[list[Enclosure]], list[Enclosure]]:
        W = [
            [_ZERO if (a, i) in held else Enclosure(x - radius, x + radius) for i, x in enumerate(row)]
            for a, row in enumerate(c.encoder)
        ]
        return W, [Enclosure(x - radius, x + radius) for x in c.bias]

    # 2. Box.
    try:
        W, b = box(r)
        H = _hessian(W, b, _pairs(W, b, grid))
        W, b = box(Fraction(0))
        gradient = _gradient(W, b, _pairs(W, b, grid))
    except Fault:
        raise Fault("an activation changes sign on the box") from None
    # 3. Curvature.
    middle = {(s, t): Fraction(round((H[s][t].low + H[s][t].high) / 2 * _GRID), _GRID) for s in free for t in free}
    A = [[middle[min(s, t), max(s, t)] for t in free] for s in free]  # symmetric, whatever was rounded
    delta = max(
        sum(max(H[s][t].high - A[x][y], A[x][y] - H[s][t].low) for y, t in enumerate(free)) for x, s in enumerate(free)
    )
    size = max(sum(abs(entry) for entry in row) for row in A) + delta
    claimed = Inertia(len(free) - c.negative, c.negative, 0)
    for shift in (mu, -mu):
        shifted = tuple(tuple(x - shift * (s == t) for t, x in enumerate(row)) for s, row in enumerate(A))
        require(
            inertia(shifted) == claimed,
            f"it is not so that {c.negative} curvatures are below −margin and the others above margin",
        )
    require(delta < mu, "the Hessian varies by more than the margin on the box")
    # 4. Existence.
    square = sum((gradient[q].low ** 2 for q in free), Fraction(0))
    require(square <= ((mu - delta) * r) ** 2, "the gradient at the centre is too large for the radius")
    # 5. Height.
    centre, spread = axial_loss(c.encoder, c.bias, grid), ((mu - delta) + size / 2) * r * r
    require(c.low <= centre - spread and centre + spread <= c.high, "the loss is not shown to lie between low and high")
    if c.better_encoder is not None and c.better_bias is not None:
        require(axial_loss(c.better_encoder, c.better_bias, grid) < c.low, "the better model is not better")


def check_dead_outputs(c: DeadOutputs) -> None:
    """On X = I: the outputs in `dead` are negative on every axis, the others exact.

    Near such a model the dead outputs stay 0 and cost 1 each, and the others cost at least 0, so the loss, summed over
    the axes, is nowhere less than the number of dead outputs: a local minimum. (`check` has seen to shapes and size.)
    """
    n, dead = len(c.bias), set(c.dead)
    require(
        bool(dead) and len(dead) == len(c.dead) and all(0 <= j < n for j in dead),
        f"dead must name some features, each once; got {list(c.dead)}",
    )
    for j in range(n):
        for i in range(n):
            z = dot(column(c.encoder, i), column(c.encoder, j)) + c.bias[j]
            require(j not in dead or z < 0, f"output {j} is not negative at x = e_{i}")
            require(j in dead or (z == 1 if i == j else z <= 0), f"output {j} is not exact at x = e_{i}")
