"""Checking that the regular hexagon is the best model of six features in the plane with a bias.

The loss is F = Σ_j S_j, the *star* of output j being S_j = D(s_j, b_j) + Σ_{i≠j} K(g_ij, b_j) ≥ 0, as in
`relugeom.exact.pentagon`, whose letters are kept. The argument for a `HexagonMinimum`, which the code follows part by
part:

1. *Constants.* As for the pentagon, with γ* = 60°, q* = 1/2 and F* = 6(1/3 − ρ*).
2. *Stars.* Without feature j the loss of the others is at least the pentagon's F₅, and K ≥ 0, so F ≥ F₅ + S_j. Suppose
   F ≤ F*. Then S_j ≤ F* − F₅ < 0.2102 for every j, and S_j > F*/2 for at most one j. This j is *heavy*, the others are
   *light*.
3. *Short features.* All norms are below 3, since ‖w_j‖ ≥ 3 has D ≥ 16/75. And g_ij < 2s_j: let g_ij ≥ 2s_j. For b ≤ 0
   D + K > 0.2102 as in 4 of the pentagon with one edge of the ratio 2. For b > 0

       D + K ≥ 5s²/3 − 2s/3 + 1/3 − b(1 − 3s) + 2b²,

   for s ≥ 1/3 at least 4/15, and for 1/50 ≤ s ≤ 1/3 at least 5/24 + s/12 + 13s²/24 > 0.2102. For s ≤ 1/50 the four
   other features have g ≥ −3√s ≥ −3/7, and S_j ≥ 8/25 − b + 2b² + 28b³/9 for b ≤ 3/7, 8/25 − b + 2b² for b ≥ 3/7.
4. *Angles.* No w_j is 0; the gaps γ_e between neighbours add up to 2π. Where γ_e < 90° let α be as in 3 of the
   pentagon, at either end, so that α > −60° by step 3; where γ_e ≥ 90° let α = γ_e and leave K ≥ 0 out. With
   ε(y) = (2/5) max(0, 9/10 − y): *where the heavy output has α ≤ 0 on an edge, α + ε(−α) for it and α' − ε(α') for the
   light output at the other end still add up to 2γ_e at most.* There a' = α' ≥ a = −α; with ψ(z) = a', ψ(y) = a and
   δ = z − y one has a' − a ≤ ψ(δ) ≤ √2 ψ(δ/2), since (ψ²)' = 2ψ cot ψ falls, so that ψ² is concave; hence
   2γ_e − (a' − a) = 2ψ(δ/2) − (a' − a) ≥ (√2 − 1)(a' − a) ≥ ε(a) − ε(a'). So F ≥ 6c − 2πμ = F*, c = F*/6 + γ*μ,
   follows if, with α and α' the angles of the two edges of an output of the star S,

       heavy: S + (μ/2)(α + α' + Σ ε(−α) over those ≤ 0) ≥ c,   light: S + (μ/2)(α + α' − ε) ≥ c,                 (*)

   where ε is 0, or ε(α) for one of the angles if that is ≥ 0: a light output has one edge to the heavy one at most.
5. *Wide angles.* Let α, α' ≥ θ, the first of `angles`. Since S ≥ D + K + K', (*) is the sum of its two halves: it is
   enough that D + 2K(g, b) + μ(α − ε(α)) ≥ c for each angle by itself, which is clear beyond the last of `angles`.
   Between, this is shown in cells and a window as in 4 and 5 of the pentagon; ε = 0 in the window.
6. *Narrow angles.* Let θ ≥ α > −60° and α' ≥ α, beyond which `extent` reaches to where (*) is clear. On rectangles of
   α and α', cut at 0 and θ and halved as often as needed, the left sides are least at the lower ends, but for K, which
   is least at the upper ends. So with
   m = 1/3 − c + (μ/2)(α + α' ± ε) at the lower ends it is enough that S > 1/3 − m by `output_fault`. Here m may be
   replaced by 1/3 − F* + F₅ for a heavy output, and by 1/3 − F*/2 for a light one, because of step 2.

Inequalities are strict but at the centre of the window, so F = F* forces α = 60°, t = t* and s = s* throughout.
"""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from itertools import pairwise

from relugeom.exact.certificates import HexagonMinimum
from relugeom.exact.edges import (
    Constants,
    check_cells,
    check_constants,
    check_convexity,
    check_output,
    check_window,
    constants,
    ratio,
)
from relugeom.exact.enclosures import cosine, pi, point
from relugeom.exact.errors import Fault, require
from relugeom.exact.pentagon import check_pentagon, check_size

__all__ = ["check_angle", "check_hexagon"]

_GREATEST_STAR = Fraction(2102, 10_000)
_STEEPNESS, _REACH = Fraction(2, 5), Fraction(9, 10)
_MOST_RECTANGLES = 5_000
_ZERO, _THIRD = Fraction(0), Fraction(1, 3)

Side = tuple[Fraction, Fraction]


def _shift(y: Fraction) -> Fraction:
    """ε(y) for y ≥ 0."""
    return _STEEPNESS * max(_ZERO, _REACH - y)


# ---------------------------------------------------------------------------------------------------------
# 5. Wide angles.


def check_angle(c: HexagonMinimum, known: Constants, low: Fraction, high: Fraction) -> None:
    """D + 2K + μ(α − ε(α)) > c for low ≤ α ≤ high, outside the window."""
    m = (known.gain + known.slope * (point(low - _shift(low)) - known.angle)).low
    inside = c.window_angles[0] <= low and high <= c.window_angles[1]
    check_output(m, [ratio(high)] * 2, c.depth, left_out=c.window_thresholds if inside else None)


# ---------------------------------------------------------------------------------------------------------
# 6. Narrow angles.


def _bound(known: Constants, total: Fraction) -> Fraction:
    """ρ* + (μ/2)(total − 2γ*), which is 1/3 − c + (μ/2) total, from below."""
    return (known.gain + known.slope * (point(total / 2) - known.angle)).low


def _check_rectangle(known: Constants, five: Fraction, sides: tuple[Side, Side], depth: int) -> None:
    """(*) for angles within the two sides, neither of which has 0 inside."""
    total = sides[0][0] + sides[1][0]
    raised = total + sum(_shift(-low) for low, high in sides if high <= 0)
    lowered = total - max((_shift(low) for low, high in sides if high > 0), default=_ZERO)
    heavy = max(_bound(known, raised), _THIRD - known.loss.high + five)
    light = max(_bound(known, lowered), _THIRD - known.loss.high / 2)
    m = min(heavy, light)
    if m <= _THIRD:
        # Beyond 90° there is no interference to count on.
        check_output(m, [ratio(high) for _, high in sides if high < pi().low / 2], depth)


def _check_narrow_angles(c: HexagonMinimum, known: Constants) -> None:
    """(*) for extent[0] ≤ α ≤ angles[0] and α ≤ α' ≤ extent[1]."""
    sides = list(pairwise((c.extent[0], _ZERO, c.angles[0], c.extent[1])))
    waiting = [(sides[i], sides[j]) for i in range(2) for j in range(i, 3)]
    for _ in range(_MOST_RECTANGLES):
        if not waiting:
            return
        first, second = waiting.pop()
        if second[1] <= first[0]:
            continue
        try:
            _check_rectangle(known, c.pentagon.loss[0], (first, second), c.depth)
        except Fault:
            if first[1] - first[0] > second[1] - second[0]:
                waiting += [(half, second) for half in _halves(first)]
            else:
                waiting += [(first, half) for half in _halves(second)]
    raise Fault(f"{_MOST_RECTANGLES} rectangles of angles do not suffice")


def _halves(side: Side) -> tuple[Side, Side]:
    middle = (side[0] + side[1]) / 2
    return (side[0], middle), (middle, side[1])


# ---------------------------------------------------------------------------------------------------------


def check_hexagon(c: HexagonMinimum) -> None:
    """Follow the argument above, and raise a `Fault` where it breaks."""
    check_size(c)
    check_pentagon(c.pentagon)
    # 1. Constants.
    known = constants(c.threshold, 6)
    check_constants(c, known)
    # 2. Stars. 3. Short features.
    require(
        known.loss.high - c.pentagon.loss[0] < _GREATEST_STAR,
        "the loss of the pentagon is not shown to be large enough",
    )
    # 5. Wide angles.
    require(all(x < y for x, y in pairwise(c.angles)), "angles are not in increasing order")
    first, last, right = c.angles[0], c.angles[-1], pi().low / 2
    require(first > _ZERO and _REACH <= last < right, "angles do not lead from above 0 to between 9/10 and 90°")
    require((known.slope * (point(last) - known.angle)).low >= known.loss.high / 6, "angles end below c/μ")
    check_window(c, known)
    require(c.window_angles[0] >= _REACH, "window_angles begin below 9/10")
    check_cells(c.angles, partial(check_angle, c, known))
    # 6. Narrow angles.
    lowest, top = c.extent
    require(
        -right < lowest < _ZERO and cosine(-lowest).high <= Fraction(1, 2),
        "extent does not begin between −90° and −60°",
    )
    require(
        first < top and _bound(known, lowest + top - _shift(_ZERO)) > _THIRD,
        "extent does not reach to where everything is clear",
    )
    _check_narrow_angles(c, known)
    check_convexity(c, known)
