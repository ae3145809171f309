"""Checking that the regular pentagon is the best model of five features in the plane with a bias.

For x = a e_i, a uniform on [0, 1], the loss summed over the features is, with s_j = ‖w_j‖² and g_ij = w_i·w_j,

    F = Σ_j D(s_j, b_j) + Σ_{i≠j} K(g_ij, b_j),
    D(s, b) = ∫ (ReLU(as + b) − a)² da,   K(g, b) = ∫ ReLU(ag + b)² da,

both ≥ 0, and K does not decrease in g or in b. The argument for a `PentagonMinimum`, which the code follows part by
part; r and R are the certificate's `shortest` and `longest`:

1. *Constants.* With b = −ts one has, for 0 ≤ t ≤ 1 and g = qs, D + 2K = s²C − 2sB + 1/3 = C(s − B/C)² + 1/3 − B²/C,

       B(t) = (1 − t)²(2 + t)/6,   C(t, q) = (1 − t)³/3 + 2κ,   κ(t, q) = K(q, −t) = (q − t)³/(3q), or 0 for t ≥ q.

   Put γ* = 72°, q* = cos γ*. At q* the slope of B²/C in t is 0 at some t* in `threshold`: a root of
   q t(1 − t)³ − 2(q − t)²(2 + t + t² − 2q(1 + t)) = −6q(2B'C − BC')/(1 − t). There s* = B/C, b* = −t*s*, ρ* = B²/C,
   F* = 5(1/3 − ρ*), which is the loss of the regular pentagon (for b ≤ 0 only neighbours interfere), and
   μ = 2 s*² ∂κ/∂q sin γ*.
2. *One output.* A model with ‖w_j‖ ≥ R for some j has F ≥ D ≥ ((R² − 1)/(R² + 1))²/3 > F*. One with all ‖w_i‖ ≤ R
   and ‖w_j‖ ≤ r < 1 has g_ij ≥ −rR and F ≥ D + 4K(−rR, b_j). With σ = r² ≥ s this is more than F* for b_j ≤ 0, as
   D ≥ (1 − σ)²/3; for 0 ≤ b_j ≤ e = 2(1 − σ)/3, as there D falls in s and D(σ, b) = (1 − σ)²/3 − (1 − σ)b + b²,
   K(−rR, b) = b³/(3rR); and for b_j ≥ e, as K ≥ e³/(3rR).
3. *Angles.* So let r < ‖w_j‖ < R. In cyclic order the gaps γ_e between neighbours add up to 2π. What is not between
   neighbours is dropped, and D_j shared between the two edges of j. With c = F*/5 + γ*μ it is enough that
   D(s, b)/2 + K(g, b) + D(s', b')/2 + K(g, b') + μγ ≥ c for each edge, g = √(ss') cos γ: the sum over five edges is
   F ≥ 5c − 2πμ = F*. This is clear for μγ ≥ c. Otherwise γ < 90° and g > 0. Let α(s, g) be arccos(g/s) for g ≤ s and
   −arccos(s/g) for g ≥ s. Then 2γ ≥ α(s, g) + α(s', g): arccos e^(−v) is concave in v ≥ 0 and 0 at 0, so its odd
   continuation ψ has ψ(v) + ψ(v') ≤ 2ψ((v + v')/2) for v + v' ≥ 0; put v = log s/g, v' = log s'/g. So it is enough that

       D(s, b) + 2K(g, b) + μα(s, g) ≥ c   for every b, s > r² and 0 < g ≤ sR/r,                                (*)

   which is clear for α ≥ c/μ. The other α lie between `angles[0]`, whose cosine is at most r/R, and `angles[-1]`.
4. *Cells.* On α_0 ≤ α ≤ α_1 one has g ≥ qs, q the value of g/s at α_1, and with m = ρ* + μ(α_0 − γ*) > 0 the left side
   of (*) less c is at least D + 2K(qs, b) − 1/3 + m. This is at least m for b ≤ −s. For −s < b ≤ 0 it is
   s²C − 2sB + m, which is positive if mC > B², and so it is: on q ≤ t < 1 because 12m > (1 − q)(2 + q)², where the
   right side falls in q; on 0 ≤ t ≤ q by the coefficients of Bernstein's form; and for q ≥ 1, if 3m(1 + 2q²) > 1,
   because C ≥ (1 + 2q²)(1 − t)³/3 and B² ≤ (1 − t)³/9. For b > 0 it is
   s²(1 + 2q²)/3 − 2s/3 + b(s(1 + 2q) − 1) + 3b² + m. If r²(1 + 2q) ≥ 1, this is positive because 3m(1 + 2q²) > 1. If
   not, then because 3m(1 + 2q) > 1 and 12m > 1 too: with b = τs it is s²C − 2sB + m, C = (1 + 2q²)/3 + (1 + 2q)τ + 3τ²,
   B = 1/3 + τ/2, and mC − B² = (m(1 + 2q²)/3 − 1/9) + (m(1 + 2q) − 1/3)τ + (3m − 1/4)τ².
5. *Window.* In a cell within `window_angles`, those t within `window_thresholds` are left out of 4. There the function
   G(t, γ) = (ρ* + μ(γ − γ*)) C(t, cos γ) − B(t)² has a positive definite matrix of second derivatives, checked box
   by box, and G = 0, ∇G = 0 at (t*, γ*) by the choice of ρ*, t* and μ. So G ≥ 0 there, and G = 0 at
   (t*, γ*) alone.

All inequalities of 2 and 4 are strict, and in 3 as well D + 2K > 0 for g > 0, since D = 0 for s = 1, b = 0 alone and
K(g, 0) = g²/3; and c/μ < 90°. So F = F* forces α = γ*, t = t* and s = s* at both ends of every edge: the regular
pentagon with ‖w_j‖² = s* and b_j = b*.

Numbers are fractions. Those that are no fractions are enclosed between two, rounded outwards to multiples of 2⁻⁹⁶.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from itertools import pairwise
from math import comb, factorial, isqrt
from typing import NamedTuple

from relugeom.exact.certificates import PentagonMinimum
from relugeom.exact.critical import Interval
from relugeom.exact.rationals import cleared

__all__ = ["Constants", "cell_fault", "constants", "pentagon_fault"]

_GRID = 2**96
_MOST_BITS = 200
_MOST_DEPTH = 8
_MOST_WORK = 400_000  # polynomials, of which some ten thousand take a second

_ZERO, _ONE = Fraction(0), Fraction(1)


# ---------------------------------------------------------------------------------------------------------
# Enclosures.


def _point(x: Fraction | int) -> Interval:
    return Interval(Fraction(x), Fraction(x))


def _outward(x: Interval) -> Interval:
    """Rounded to short numbers, down and up."""
    return Interval(Fraction(x.low * _GRID // 1, _GRID), Fraction(-(-x.high * _GRID // 1), _GRID))


def _root(x: Interval) -> Interval:
    """√x for x ≥ 0: isqrt rounds down."""
    low, high = (isqrt(int(end * _GRID * _GRID // 1)) for end in (x.low, x.high))
    return Interval(Fraction(low, _GRID), Fraction(high + 1, _GRID))


def _alternating(terms: list[tuple[int, int]]) -> Interval:
    """Σ (−1)^k p_k/q_k + …, a series whose terms fall to 0 from the second on.

    What follows the last term is smaller than it, and rounding down to the grid moves each term by less than a step.
    """
    steps = [p * _GRID // q for p, q in terms]
    total = sum(steps[0::2]) - sum(steps[1::2])
    error = len(steps) + steps[-1] + 1
    return Interval(Fraction(total - error, _GRID), Fraction(total + error, _GRID))


def _cosine(x: Fraction) -> Interval:
    """cos x for 0 ≤ x < 2, by its series."""
    return _alternating([(x.numerator**k, x.denominator**k * factorial(k)) for k in range(0, 40, 2)])


def _sine(x: Fraction) -> Interval:
    """sin x for 0 ≤ x < 2, by its series."""
    return _alternating([(x.numerator**k, x.denominator**k * factorial(k)) for k in range(1, 41, 2)])


@cache
def _pi() -> Interval:
    """π = 16 arctan 1/5 − 4 arctan 1/239."""
    fifth, small = (_alternating([(1, k * n**k) for k in range(1, 101, 2)]) for n in (5, 239))
    return fifth.times(16) - small.times(4)


def _ratio(angle: Fraction) -> Fraction:
    """A lower bound of g/s where α(s, g) = angle, |angle| < π/2."""
    cosine = _cosine(abs(angle))
    return cosine.low if angle > 0 else 1 / cosine.high


# ---------------------------------------------------------------------------------------------------------
# 1. Constants.


class Constants(NamedTuple):
    """Enclosures of what step 1 defines."""

    angle: Interval
    norm: Interval
    bias: Interval
    gain: Interval
    loss: Interval
    slope: Interval


def _stationary(t: Fraction, q: Interval) -> Interval:
    """q t(1 − t)³ − 2(q − t)²(2 + t + t² − 2q(1 + t))."""
    gap = q - _point(t)
    return q * _point(t * (1 - t) ** 3) - (gap * gap * (_point(2 + t + t * t) - q.times(2 * (1 + t)))).times(2)


def _saving(t: Interval) -> Interval:
    """B = (1 − t)²(2 + t)/6."""
    rest = _point(1) - t
    return (rest * rest * (_point(2) + t)).times(Fraction(1, 6))


def _cost(t: Interval, q: Interval) -> Interval:
    """C = (1 − t)³/3 + 2(q − t)³/(3q), for 0 ≤ t < q."""
    rest, gap = _point(1) - t, q - t
    return (rest * rest * rest + (gap * gap * gap / q).times(2)).times(Fraction(1, 3))


def _interference(t: Interval, q: Interval) -> Interval:
    """∂κ/∂q = (q − t)²(2q + t)/(3q²), for 0 ≤ t < q."""
    gap = q - t
    return (gap * gap * (q.times(2) + t) / (q * q)).times(Fraction(1, 3))


def constants(threshold: tuple[Fraction, Fraction]) -> Constants:
    """The constants of step 1, for a root t* between the two numbers.

    Raises
    ------
    ValueError
        The signs at the two numbers do not show that there is one.
    """
    low, high = threshold
    q = _outward((_root(_point(5)) - _point(1)).times(Fraction(1, 4)))
    if not 0 < low < high < q.low:
        raise ValueError("threshold does not lie between 0 and cos 72°")
    if not _stationary(low, q).high < 0 < _stationary(high, q).low:
        raise ValueError("threshold does not enclose a root")
    t = Interval(low, high)
    B, C = _outward(_saving(t)), _outward(_cost(t, q))
    norm, gain = _outward(B / C), _outward(B * B / C)
    sine = _root(_point(1) - q * q)
    return Constants(
        angle=_outward(_pi().times(Fraction(2, 5))),
        norm=norm,
        bias=_outward(_point(0) - t * norm),
        gain=gain,
        loss=_outward((_point(Fraction(1, 3)) - gain).times(5)),
        slope=_outward((norm * norm * _interference(t, q) * sine).times(2)),
    )


# ---------------------------------------------------------------------------------------------------------
# 2. One output.


def _positive(p: tuple[int, ...], low: Fraction, high: Fraction, depth: int) -> bool:
    """p > 0 on [low, high], by the coefficients of Bernstein's form, the interval halved up to `depth` times."""
    a, b, d = cleared((low, high, _ONE))
    degree = len(p) - 1
    q: list[int] = []
    for k, coefficient in enumerate(reversed(p)):  # Horner's rule: q(x) = d^degree p((a + (b − a)x)/d)
        q = [x + y for x, y in zip((0, *((b - a) * y for y in q)), (*(a * y for y in q), 0), strict=True)]
        q[0] += coefficient * d**k
    scaled = [factorial(k) * factorial(degree - k) * y for k, y in enumerate(q)]
    if all(sum(comb(j, k) * scaled[k] for k in range(j + 1)) > 0 for j in range(degree + 1)):
        return True
    middle = (low + high) / 2
    return depth > 0 and _positive(p, low, middle, depth - 1) and _positive(p, middle, high, depth - 1)


def _one_output_fault(shortest: Fraction, longest: Fraction, loss: Fraction, depth: int) -> str | None:
    """Whether a norm outside (shortest, longest) costs more than `loss`."""
    if not 0 < shortest < 1 < longest:
        return "shortest must lie between 0 and 1, and longest above 1"
    square = longest * longest
    if not ((square - 1) / (square + 1)) ** 2 / 3 > loss:
        return "one norm of at least longest may cost less than the pentagon"
    least, product = shortest * shortest, shortest * longest
    end = 2 * (1 - least) / 3
    without = (1 - least) ** 2 / 3
    between = cleared((without - loss, least - 1, _ONE, 4 / (3 * product)))
    if not (
        without > loss
        and end <= product
        and 4 * end**3 / (3 * product) > loss
        and _positive(between, _ZERO, end, depth)
    ):
        return "one norm of at most shortest may cost less than the pentagon"
    return None


# ---------------------------------------------------------------------------------------------------------
# 4. Cells.


def _excess(m: Fraction, q: Fraction) -> tuple[int, ...]:
    """A multiple of mC − B² by its coefficients in t, for 0 ≤ t ≤ q: 12m((1 − t)³ + 2(q − t)³/q) − (1 − t)⁴(2 + t)²."""
    cubes = zip((1, -3, 3, -1), (q**3, -3 * q * q, 3 * q, Fraction(-1)), strict=True)
    first = [12 * m * (x + 2 * y / q) for x, y in cubes]
    second = (4, -12, 9, 4, -6, 0, 1)
    return cleared([x - y for x, y in zip((*first, _ZERO, _ZERO, _ZERO), second, strict=True)])


def cell_fault(c: PentagonMinimum, known: Constants, low: Fraction, high: Fraction) -> str | None:
    """Where (*) is not shown for low ≤ α(s, g) ≤ high, outside the window."""
    m = (known.gain + known.slope * (_point(low) - known.angle)).low
    q = _ratio(high)
    if not (m > 0 and q > 0):
        return "the bound is not positive"
    if not 3 * m * (1 + 2 * q * q) > 1:
        return "a positive bias is not excluded"
    if not (c.shortest**2 * (1 + 2 * q) >= 1 or (3 * m * (1 + 2 * q) > 1 and 12 * m > 1)):
        return "a large positive bias is not excluded"
    if q >= 1:
        return None
    if not 12 * m > (1 - q) * (2 + q) ** 2:
        return "a threshold above the ratio is not excluded"
    rest = [(_ZERO, q)]
    if c.window_angles[0] <= low and high <= c.window_angles[1]:
        rest = [(_ZERO, c.window_thresholds[0]), (c.window_thresholds[1], q)]
    p = _excess(m, q)
    if not all(_positive(p, *ends, c.depth) for ends in rest):
        return "a threshold below the ratio is not excluded"
    return None


# ---------------------------------------------------------------------------------------------------------
# 5. Window.


def _is_convex(t: Interval, angle: Interval, known: Constants, depth: int) -> bool:
    """Whether the second derivatives of G form a positive definite matrix on the box, quartered up to `depth` times.

    With u = t/q:

    G_tt = m(2(1 − t) + 4(1 − u)) − (1 − t²)²/2 − 2tB
    G_tγ = 2m sin γ (1 − u²) − μ((1 − t)² + 2q(1 − u)²)
    G_γγ = 2m(sin² γ κ_qq − q κ_q) − 4μ sin γ κ_q,   κ_q = q(1 − u)²(2 + u)/3,   κ_qq = 2(1 − u³)/3
    """
    one = _point(1)
    q = Interval(_cosine(angle.high).low, _cosine(angle.low).high)
    sine = Interval(_sine(angle.low).low, _sine(angle.high).high)
    u = _outward(t / q)
    m = _outward(known.gain + known.slope * (angle - known.angle))
    rest, gap, square = one - t, one - u, _outward(one - t * t)
    kappa_q = _outward((q * gap * gap * (_point(2) + u)).times(Fraction(1, 3)))
    kappa_qq = _outward((one - u * u * u).times(Fraction(2, 3)))
    tt = m * (rest.times(2) + gap.times(4)) - (square * square).times(Fraction(1, 2)) - (t * _saving(t)).times(2)
    ta = (m * sine * (one - u * u)).times(2) - known.slope * (rest * rest + (q * gap * gap).times(2))
    aa = (m * (sine * sine * kappa_qq - q * kappa_q)).times(2) - (known.slope * sine * kappa_q).times(4)
    tt, ta, aa = _outward(tt), _outward(ta), _outward(aa)
    if tt.low > 0 and (tt * aa - ta * ta).low > 0:
        return True
    return depth > 0 and all(_is_convex(x, y, known, depth - 1) for x in _halves(t) for y in _halves(angle))


def _halves(x: Interval) -> tuple[Interval, Interval]:
    middle = (x.low + x.high) / 2
    return Interval(x.low, middle), Interval(middle, x.high)


def _window_fault(c: PentagonMinimum, known: Constants) -> str | None:
    """Whether the window lies where step 5 needs it: around (t*, γ*), with t < q < 1 throughout."""
    (t_low, t_high), (low, high) = c.window_thresholds, c.window_angles
    if not 0 < t_low <= c.threshold[0] <= c.threshold[1] <= t_high:
        return "window_thresholds do not enclose threshold"
    if not 0 < low <= known.angle.low <= known.angle.high <= high < _pi().low / 2:
        return "window_angles do not enclose 72° between 0 and 90°"
    if not t_high < _cosine(high).low:
        return "window_thresholds reach beyond the cosine of window_angles"
    return None


# ---------------------------------------------------------------------------------------------------------


def _size_fault(c: PentagonMinimum) -> str | None:
    pairs = (c.threshold, c.norm, c.bias, c.loss, c.slope, c.window_thresholds, c.window_angles, c.angles)
    for x in (c.shortest, c.longest, *(x for pair in pairs for x in pair)):
        if not isinstance(x, int | Fraction):
            return f"{x!r:.40} is not a rational number"
        if max(abs(x.numerator), x.denominator).bit_length() > _MOST_BITS:
            return "the certificate is too large to check"
    if len(c.angles) < 2:
        return "there must be two angles at least"
    if not 0 <= c.depth <= _MOST_DEPTH:
        return f"depth must lie in 0 to {_MOST_DEPTH}; got {c.depth}"
    # A cell takes fewer than 2^(depth + 1) polynomials, the window 4^depth · 4/3 boxes that each take as long as ten.
    if len(c.angles) * 2 ** (c.depth + 1) + 14 * 4**c.depth > _MOST_WORK:
        return "the certificate is too large to check"
    return None


def pentagon_fault(c: PentagonMinimum) -> str | None:
    """Where the certificate breaks, or None when it proves its statement."""
    fault = _size_fault(c)
    if fault is not None:
        return fault
    # 1. Constants.
    try:
        known = constants(c.threshold)
    except ValueError as error:
        return str(error)
    for name in ("norm", "bias", "loss", "slope"):
        (low, high), value = getattr(c, name), getattr(known, name)
        if not low <= value.low <= value.high <= high:
            return f"{name} is not shown to lie between the stated bounds"
    # 2. One output.
    fault = _one_output_fault(c.shortest, c.longest, known.loss.high, c.depth)
    if fault is not None:
        return fault
    # 3. Angles.
    if any(x >= y for x, y in pairwise(c.angles)):
        return "angles are not in increasing order"
    first, last, right = c.angles[0], c.angles[-1], _pi().low / 2
    if not (-right < first < 0 and _cosine(-first).high <= c.shortest / c.longest):
        return "angles do not begin where one norm is as much longer than another as may be"
    if not (last < right and (known.slope * (_point(last) - known.angle)).low >= known.loss.high / 5):
        return "angles do not end between c/μ and 90°"
    # 4. Cells.
    fault = _window_fault(c, known)
    if fault is not None:
        return fault
    for low, high in pairwise(c.angles):
        fault = cell_fault(c, known, low, high)
        if fault is not None:
            return f"between angles {low} and {high}: {fault}"
    # 5. Window.
    if not _is_convex(Interval(*c.window_thresholds), Interval(*c.window_angles), known, c.depth):
        return "the second derivatives are not positive definite throughout the window"
    return None
