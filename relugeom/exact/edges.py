"""One output and the two edges on which it meets its neighbours, for amplitudes uniform on [0, 1].

The loss of an output of squared norm s and bias b, which meets neighbours with the inner products q_e s ≥ 0, is
D(s, b) + Σ_e K(q_e s, b), D(s, b) = ∫ (ReLU(as + b) − a)² da, K(g, b) = ∫ ReLU(ag + b)² da. With b = −ts it is

    s²C − 2sB + 1/3 = C(s − B/C)² + 1/3 − B²/C,

    0 ≤ t ≤ 1:  B = (1 − t)²(2 + t)/6,  C = (1 − t)³/3 + Σ_e κ(t, q_e),  κ(t, q) = max(0, q − t)³/(3q),
    t = −τ < 0: B = 1/3 + τ/2,          C = (1/3 + τ + τ²) + Σ_e (q_e²/3 + q_e τ + τ²),

and at least 1/3 for t ≥ 1. So it exceeds 1/3 − m for all s and b if m > 0 and mC > B² for t < 1; K, and so the loss,
does not decrease when a q_e grows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from relugeom.exact.certificates import HexagonMinimum, PentagonMinimum
from relugeom.exact.enclosures import Enclosure, cosine, is_positive, outward, pi, point, root, sine
from relugeom.exact.errors import Fault, require
from relugeom.exact.rationals import clear_denominators

__all__ = [
    "Constants",
    "Polygon",
    "check_cells",
    "check_constants",
    "check_convexity",
    "check_output",
    "check_window",
    "constants",
    "is_convex",
    "ratio",
]

_ZERO = Fraction(0)

Polygon = HexagonMinimum | PentagonMinimum


def ratio(angle: Fraction) -> Fraction:
    """A lower bound of the q = g/s whose angle is given: cos α for α ≥ 0, 1/cos α for α ≤ 0, |α| < 90°."""
    value = cosine(abs(angle))
    return value.low if angle > 0 else 1 / value.high


# ---------------------------------------------------------------------------------------------------------
# The best regular polygon.


class Constants(NamedTuple):
    """Enclosures of γ*, s*, b*, ρ*, F* and μ."""

    angle: Enclosure
    norm: Enclosure
    bias: Enclosure
    gain: Enclosure
    loss: Enclosure
    slope: Enclosure


def _stationary(t: Fraction, q: Enclosure) -> Enclosure:
    """q t(1 − t)³ − 2(q − t)²(2 + t + t² − 2q(1 + t)), the numerator of −6q(2B'C − BC')/(1 − t)."""
    gap = q - point(t)
    return q * point(t * (1 - t) ** 3) - (gap * gap * (point(2 + t + t * t) - q.times(2 * (1 + t)))).times(2)


def _saving(t: Enclosure) -> Enclosure:
    """B = (1 − t)²(2 + t)/6."""
    rest = point(1) - t
    return (rest * rest * (point(2) + t)).times(Fraction(1, 6))


def _cost(t: Enclosure, q: Enclosure) -> Enclosure:
    """C = (1 − t)³/3 + 2(q − t)³/(3q), for 0 ≤ t < q."""
    rest, gap = point(1) - t, q - t
    return (rest * rest * rest + (gap * gap * gap / q).times(2)).times(Fraction(1, 3))


def _interference(t: Enclosure, q: Enclosure) -> Enclosure:
    """∂κ/∂q = (q − t)²(2q + t)/(3q²), for 0 ≤ t < q."""
    gap = q - t
    return (gap * gap * (q.times(2) + t) / (q * q)).times(Fraction(1, 3))


def constants(threshold: tuple[Fraction, Fraction], corners: int) -> Constants:
    """The constants of the regular pentagon or hexagon, for some t* between the two numbers.

    With γ* = 360°/corners and q* = cos γ*, at t* the slope of B²/C in t is 0; s* = B/C, b* = −t*s*, ρ* = B²/C,
    F* = corners·(1/3 − ρ*), μ = 2 s*² ∂κ/∂q sin γ*.

    Raises
    ------
    Fault
        The signs at the two numbers do not show that there is such a t*.
    """
    low, high = threshold
    q = outward((root(point(5)) - point(1)).times(Fraction(1, 4))) if corners == 5 else point(Fraction(1, 2))
    require(0 < low < high < q.low, "threshold does not lie between 0 and the cosine of the angle")
    require(_stationary(low, q).high < 0 < _stationary(high, q).low, "threshold does not enclose a root")
    t = Enclosure(low, high)
    B, C = outward(_saving(t)), outward(_cost(t, q))
    norm, gain = outward(B / C), outward(B * B / C)
    height = root(point(1) - q * q)
    return Constants(
        angle=outward(pi().times(Fraction(2, corners))),
        norm=norm,
        bias=outward(point(0) - t * norm),
        gain=gain,
        loss=outward((point(Fraction(1, 3)) - gain).times(corners)),
        slope=outward((norm * norm * _interference(t, q) * height).times(2)),
    )


def check_constants(c: Polygon, known: Constants) -> None:
    """The constants lie within the bounds that the certificate states."""
    for name in ("norm", "bias", "loss", "slope"):
        (low, high), value = getattr(c, name), getattr(known, name)
        require(low <= value.low <= value.high <= high, f"{name} is not shown to lie between the stated bounds")


# ---------------------------------------------------------------------------------------------------------
# One output.


def _excess(m: Fraction, ratios: Sequence[Fraction]) -> tuple[int, ...]:
    """A multiple of mC − B² by its coefficients in t, for 0 ≤ t ≤ all ratios.

    36(mC − B²) = 12m((1 − t)³ + Σ (q − t)³/q) − (1 − t)⁴(2 + t)².
    """
    cubes = [(1, -3, 3, -1), *((q * q, -3 * q, Fraction(3), -1 / q) for q in ratios)]
    first = [12 * m * sum(coefficients, _ZERO) for coefficients in zip(*cubes, strict=True)]
    second = (4, -12, 9, 4, -6, 0, 1)
    return clear_denominators([x - y for x, y in zip((*first, _ZERO, _ZERO, _ZERO), second, strict=True)])


def check_output(
    m: Fraction,
    ratios: Sequence[Fraction],
    depth: int,
    least: Fraction = _ZERO,
    left_out: tuple[Fraction, Fraction] | None = None,
) -> None:
    """D + Σ_e K exceeds 1/3 − m for all s > least and b.

    The t between the two numbers of `left_out` are not considered. As q − t ≥ q(1 − t) for q ≥ 1 and 0 ≤ t ≤ 1,
    mC − B² is at least (1 − t)³/36 times 12m(1 + Σ q²) − (1 − t)(2 + t)² on t ≥ all ratios below 1, the sum over the
    others, where the part with t is at most 4 and falls; on the pieces between these ratios it is a polynomial. For
    b > 0 the excess is (1 + Σ q²)s²/3 − 2s/3 + m + b(s(1 + Σ q) − 1) + (1 + number of edges)b², and mC − B² is

        (m(1 + Σ q²)/3 − 1/9) + (m(1 + Σ q) − 1/3)τ + (m(1 + number of edges) − 1/4)τ².
    """
    require(m > 0 and all(q > 0 for q in ratios), "the bound is not positive")
    total = 1 + sum(ratios)
    require(3 * m * (1 + sum(q * q for q in ratios)) > 1, "a positive bias is not excluded")
    require(
        least * total >= 1 or (3 * m * total > 1 and 4 * m * (1 + len(ratios)) > 1),
        "a large positive bias is not excluded",
    )
    small, large = sorted(q for q in ratios if q < 1), [q for q in ratios if q >= 1]
    last = small[-1] if small else _ZERO
    require(
        12 * m * (1 + sum(q * q for q in large)) > (1 - last) * (2 + last) ** 2,
        "a threshold above the ratios is not excluded",
    )
    low = _ZERO
    for k, q in enumerate(small):
        pieces = [(low, q)] if left_out is None else [(low, min(q, left_out[0])), (max(low, left_out[1]), q)]
        p = _excess(m, [*small[k:], *large])
        require(
            all(is_positive(p, *ends, depth) for ends in pieces if ends[0] < ends[1]),
            "a threshold below the ratios is not excluded",
        )
        low = q


def check_cells(angles: Sequence[Fraction], check: Callable[[Fraction, Fraction], None]) -> None:
    """The check passes between every two neighbouring angles."""
    for low, high in pairwise(angles):
        try:
            check(low, high)
        except Fault as fault:
            raise Fault(f"between angles {low} and {high}: {fault}") from None


# ---------------------------------------------------------------------------------------------------------
# Near the polygon.


def check_window(c: Polygon, known: Constants) -> None:
    """The window lies around (t*, γ*), between 0 and 90°, with t < cos γ throughout."""
    (t_low, t_high), (low, high) = c.window_thresholds, c.window_angles
    require(0 < t_low <= c.threshold[0] <= c.threshold[1] <= t_high, "window_thresholds do not enclose threshold")
    require(
        0 < low <= known.angle.low <= known.angle.high <= high < pi().low / 2,
        "window_angles do not enclose the angle of the polygon between 0 and 90°",
    )
    require(t_high < cosine(high).low, "window_thresholds reach beyond the cosine of window_angles")


def _curvatures(t: Enclosure, angle: Enclosure, known: Constants) -> tuple[Enclosure, Enclosure, Enclosure]:
    """The second derivatives of G(t, γ) = mC − B² on a box, C for two edges of the ratio q = cos γ > t.

    With m = ρ* + μ(γ − γ*) and u = t/q,

    G_tt = m(2(1 − t) + 4(1 − u)) − (1 − t²)²/2 − 2tB
    G_tγ = 2m sin γ (1 − u²) − μ((1 − t)² + 2q(1 − u)²)
    G_γγ = 2m(sin² γ κ_qq − q κ_q) − 4μ sin γ κ_q,   κ_q = q(1 − u)²(2 + u)/3,   κ_qq = 2(1 − u³)/3
    """
    one = point(1)
    q = Enclosure(cosine(angle.high).low, cosine(angle.low).high)
    height = Enclosure(sine(angle.low).low, sine(angle.high).high)
    u = outward(t / q)
    m = outward(known.gain + known.slope * (angle - known.angle))
    rest, gap, square = one - t, one - u, outward(one - t * t)
    kappa_q = outward((q * gap * gap * (point(2) + u)).times(Fraction(1, 3)))
    kappa_qq = outward((one - u * u * u).times(Fraction(2, 3)))
    tt = m * (rest.times(2) + gap.times(4)) - (square * square).times(Fraction(1, 2)) - (t * _saving(t)).times(2)
    ta = (m * height * (one - u * u)).times(2) - known.slope * (rest * rest + (q * gap * gap).times(2))
    aa = (m * (height * height * kappa_qq - q * kappa_q)).times(2) - (known.slope * height * kappa_q).times(4)
    return outward(tt), outward(ta), outward(aa)


def is_convex(t: Enclosure, angle: Enclosure, known: Constants, depth: int) -> bool:
    """Whether the second derivatives of G form a positive definite matrix, the box quartered up to `depth` times."""
    tt, ta, aa = _curvatures(t, angle, known)
    if tt.low > 0 and (tt * aa - ta * ta).low > 0:
        return True
    return depth > 0 and all(is_convex(x, y, known, depth - 1) for x in _halves(t) for y in _halves(angle))


def check_convexity(c: Polygon, known: Constants) -> None:
    """G is convex throughout the window."""
    require(
        is_convex(Enclosure(*c.window_thresholds), Enclosure(*c.window_angles), known, c.depth),
        "the second derivatives are not positive definite throughout the window",
    )


def _halves(x: Enclosure) -> tuple[Enclosure, Enclosure]:
    middle = (x.low + x.high) / 2
    return Enclosure(x.low, middle), Enclosure(middle, x.high)
