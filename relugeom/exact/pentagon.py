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

from dataclasses import fields
from fractions import Fraction
from functools import partial
from itertools import pairwise

from relugeom.exact.certificates import PentagonMinimum
from relugeom.exact.edges import (
    Constants,
    Polygon,
    check_cells,
    check_constants,
    check_convexity,
    check_output,
    check_window,
    constants,
    ratio,
)
from relugeom.exact.enclosures import cosine, is_positive, pi, point
from relugeom.exact.errors import Fault, require
from relugeom.exact.rationals import clear_denominators

__all__ = ["check_cell", "check_pentagon", "check_size"]

_MOST_BITS = 200
_MOST_DEPTH = 8
_MOST_WORK = 400_000  # polynomials, of which some ten thousand take a second

_ZERO, _ONE = Fraction(0), Fraction(1)


# ---------------------------------------------------------------------------------------------------------
# 2. One output.


def _check_one_output(shortest: Fraction, longest: Fraction, loss: Fraction, depth: int) -> None:
    """A norm outside (shortest, longest) costs more than `loss`."""
    require(0 < shortest < 1 < longest, "shortest must lie between 0 and 1, and longest above 1")
    square = longest * longest
    require(
        ((square - 1) / (square + 1)) ** 2 / 3 > loss, "one norm of at least longest may cost less than the pentagon"
    )
    least, product = shortest * shortest, shortest * longest
    end = 2 * (1 - least) / 3
    without = (1 - least) ** 2 / 3
    between = clear_denominators((without - loss, least - 1, _ONE, 4 / (3 * product)))
    require(
        without > loss
        and end <= product
        and 4 * end**3 / (3 * product) > loss
        and is_positive(between, _ZERO, end, depth),
        "one norm of at most shortest may cost less than the pentagon",
    )


# ---------------------------------------------------------------------------------------------------------
# 4. Cells.


def check_cell(c: PentagonMinimum, known: Constants, low: Fraction, high: Fraction) -> None:
    """(*) for low ≤ α(s, g) ≤ high, outside the window."""
    m = (known.gain + known.slope * (point(low) - known.angle)).low
    inside = c.window_angles[0] <= low and high <= c.window_angles[1]
    left_out = c.window_thresholds if inside else None
    check_output(m, [ratio(high)] * 2, c.depth, c.shortest**2, left_out)


# ---------------------------------------------------------------------------------------------------------


def check_size(c: Polygon) -> None:
    """The numbers are rational and short, and the work is within bounds."""
    numbers = [x for field in fields(c) if isinstance(value := getattr(c, field.name), tuple) for x in value]
    numbers += [getattr(c, name) for name in ("shortest", "longest") if hasattr(c, name)]
    for x in numbers:
        if not isinstance(x, int | Fraction):
            raise Fault(f"{x!r:.40} is not a rational number")
        short = max(abs(x.numerator), x.denominator).bit_length() <= _MOST_BITS
        require(short, "the certificate is too large to check")
    require(len(c.angles) >= 2, "there must be two angles at least")
    require(0 <= c.depth <= _MOST_DEPTH, f"depth must lie in 0 to {_MOST_DEPTH}; got {c.depth}")
    # A cell takes fewer than 2^(depth + 1) polynomials, the window 4^depth · 4/3 boxes that each take as long as ten.
    work = len(c.angles) * 2 ** (c.depth + 1) + 14 * 4**c.depth
    require(work <= _MOST_WORK, "the certificate is too large to check")


def check_pentagon(c: PentagonMinimum) -> None:
    """Follow the argument above, and raise a `Fault` where it breaks."""
    check_size(c)
    # 1. Constants.
    known = constants(c.threshold, 5)
    check_constants(c, known)
    # 2. One output.
    _check_one_output(c.shortest, c.longest, known.loss.high, c.depth)
    # 3. Angles.
    require(all(x < y for x, y in pairwise(c.angles)), "angles are not in increasing order")
    first, last, right = c.angles[0], c.angles[-1], pi().low / 2
    require(
        -right < first < 0 and cosine(-first).high <= c.shortest / c.longest,
        "angles do not begin where one norm is as much longer than another as may be",
    )
    require(
        last < right and (known.slope * (point(last) - known.angle)).low >= known.loss.high / 5,
        "angles do not end between c/μ and 90°",
    )
    # 4. Cells.
    check_window(c, known)
    check_cells(c.angles, partial(check_cell, c, known))
    # 5. Window.
    check_convexity(c, known)
