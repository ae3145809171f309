"""Floating point: how large a regular n-gon may grow before its features run together.

The computation: the columns are (cos 2πk/n, sin 2πk/n), rounded to the format; every product in WᵀW is rounded,
and so is every sum of two products. The polygon *passes* if every entry off the diagonal is smaller than the two
diagonal entries of its row and column. That is the criterion with a bias: a representable b_i = −max_{j≠i} G_ij
leaves fl(G_ij + b_i) ≤ 0 < fl(G_ii + b_i), because rounding is monotone and never turns a difference into 0.

u is the unit roundoff: the spacing of the numbers just below 1, 2⁻⁸ in bfloat16, 2⁻¹¹ in float16, 2⁻²⁴ in float32,
2⁻⁵³ in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, factorial, floor

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from relugeom import (
    Counterexample,
    ExactReconstruction,
    Outcome,
    Proof,
    Scan,
    Sibling,
    Step,
    Verdict,
    Witness,
    all_cases,
    as_matrix,
    as_vector,
    conjecture,
    identity,
    sign,
)

__all__: list[str] = []

SOURCE = 'Post, "Can this really generalize to higher dimensions?": infinite floating point precision'

Array = NDArray[np.floating]


def to_bfloat16(values: Array) -> Array:
    """float64 values rounded to 8 significant bits, ties to even, on their bit patterns; overflow is not handled.

    Adding just under half a unit of the last place kept, plus that place's own bit, carries exactly when rounding
    to nearest goes up.
    """
    dropped = 52 - 7
    bits = np.asarray(values, dtype=np.float64).view(np.int64)
    half = (1 << (dropped - 1)) - 1 + ((bits >> dropped) & 1)
    return ((bits + half) & -(1 << dropped)).view(np.float64)


@dataclass(frozen=True, slots=True)
class Format:
    """A floating-point format: how values are rounded to it, and its unit roundoff."""

    name: str
    rounded: Callable[[Array], Array]
    roundoff: float


def native(name: str, digits: int) -> Format:
    """A format that NumPy computes in itself."""
    return Format(name, lambda values: values.astype(name), 2.0**-digits)


BFLOAT16 = Format("bfloat16", to_bfloat16, 2.0**-8)
FLOAT16, FLOAT32, FLOAT64 = native("float16", 11), native("float32", 24), native("float64", 53)


def reach(n: int, u: float) -> int:
    """The largest d at which features d apart can collide: beyond it 1 − cos dφ > 8.5u, over twice an entry's error."""
    return int(np.arccos(1 - 8.5 * u) * n / (2 * np.pi))


def collides(n: int, form: Format, start: int, count: int) -> bool:
    """Whether one of the columns start, …, start + count − 1 of the rounded n-gon fails against a later one."""
    rounded, far = form.rounded, reach(n, form.roundoff)
    if far == 0:
        return False
    angle = 2 * np.pi * (np.arange(start, start + count + far) % n) / n
    x, y = rounded(np.cos(angle)), rounded(np.sin(angle))
    diagonal = rounded(rounded(x * x) + rounded(y * y))
    for d in range(1, far + 1):
        gram = rounded(rounded(x[:count] * x[d : count + d]) + rounded(y[:count] * y[d : count + d]))
        if np.any(gram >= np.minimum(diagonal[:count], diagonal[d : count + d])):
            return True
    return False


def passes(n: int, form: Format) -> bool:
    """Whether the rounded n-gon passes. A few columns often tell that it does not; only a pass needs all of them."""
    return not any(collides(n, form, 0, count) for count in (min(n, 128), n // 8 + 1, n))


def first_and_last(cases: Sequence[object], outcomes: Sequence[bool]) -> str:
    """Pass and fail interleave between the two."""
    first = next((n for n, passed in zip(cases, outcomes, strict=True) if not passed), None)
    last = next((n for n, passed in zip(reversed(cases), reversed(outcomes), strict=True) if passed), None)
    return f"first failure at n = {first}, last pass at n = {last}, in {cases[0]} ≤ n ≤ {cases[-1]}"


def scan(form: Format, note: str = "") -> Scan:
    """Every n up to 2π/√u: beyond that all n fail, so first failure and last pass are those over all n ≥ 3."""
    top = int(np.ceil(2 * np.pi / np.sqrt(form.roundoff)))
    return Scan(
        f"n for which the n-gon passes in {form.name}",
        range(3, top + 1),
        lambda n: isinstance(n, int) and passes(n, form),
        first_and_last,
        note,
    )


@conjecture(
    "With round-to-nearest, unit roundoff u ≤ 2⁻⁸, correctly rounded sines and cosines and no underflow, the "
    "regular n-gon passes for every 3 ≤ n ≤ 3/(2√u) and fails for every n ≥ 2π/√u",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def precision_grows_as_n_squared() -> Outcome:
    """The claim of infinite precision, quantified: the bits needed grow as 2 log₂ n.

    *Few features.* Each cosine and sine carries a relative error of at most u, each product and the sum one more.
    So an entry differs from its true value, cos jφ, by at most ((1 + u)⁴ − 1)(|cos cos| + |sin sin|) ≤ 4.1u
    (Cauchy–Schwarz on the second factor). The true gap between the diagonal and the rest is at least
    1 − cos φ ≥ φ²/2 − φ⁴/24 (alternating series), which grows with φ up to √6, beyond any φ = 2π/n; and
    φ ≥ (4π/3)√u. There it exceeds twice 4.1u.

    *Many features.* If φ ≤ √u then cos φ > 1 − φ²/2 ≥ 1 − u/2, which rounds to 1. Columns 0 and 1 are (1, 0) and
    (1, y), their entry is fl(1·1 + 0·y) = 1, the same as the diagonal entry of column 0.
    """
    u, angle = sp.symbols("u phi", positive=True)
    # u = 1/(256 + p) parametrises 0 < u ≤ 2⁻⁸.
    unit = 1 / (256 + sp.Symbol("p", nonnegative=True))
    below_root_6 = sp.sqrt(6) / (1 + sp.Symbol("q", positive=True))
    gap = angle**2 / 2 - angle**4 / 24

    def steps(few: sp.Rational) -> list[Step]:
        least, many = 2 * sp.pi * sp.sqrt(u) / few, 2 * sp.pi / sp.sqrt(u)
        return [
            sign("(1 + u)⁴ − 1 ≤ 4.1u", (sp.Rational(41, 10) * u - (1 + u) ** 4 + 1).subs(u, unit), ">= 0"),
            sign("φ²/2 − φ⁴/24 grows up to φ = √6", sp.diff(gap, angle).subs(angle, below_root_6), "> 0"),
            sign(
                "at φ = 2π√u/few the gap exceeds two errors",
                sp.expand((gap.subs(angle, least) - sp.Rational(82, 10) * u) / u).subs(u, unit),
                "> 0",
            ),
            sign("φ ≤ 2π/3 < √6", sp.sqrt(6) - 2 * sp.pi / 3, "> 0"),
            identity("if n ≥ 2π/√u then φ²/2 ≤ u/2, half the spacing below 1", (2 * sp.pi / many) ** 2 / 2, u / 2),
        ]

    return Proof(
        steps=steps(sp.Rational(3, 2)),
        sibling=Sibling("the n-gon passes for every n ≤ 4/√u (in float16, n = 117 does not)", steps(sp.Integer(4))),
    )


@conjecture(
    "How many features the regular n-gon holds in bfloat16 (emulated): the n that pass, counted over every n that can",
    source=SOURCE,
    expected=Verdict.MEASURED,
)
def polygon_in_bfloat16() -> Outcome:
    """A full count: beyond the range every n fails (`precision-grows-as-n-squared`)."""
    return scan(BFLOAT16)


@conjecture(
    "How many features the regular n-gon holds in float16: the n that pass, counted over every n that can",
    source=SOURCE,
    expected=Verdict.MEASURED,
)
def polygon_in_float16() -> Outcome:
    """A full count: beyond the range every n fails (`precision-grows-as-n-squared`)."""
    return scan(FLOAT16)


@conjecture(
    "How many features the regular n-gon holds in float32: the n that pass, counted over every n that can",
    source=SOURCE,
    expected=Verdict.MEASURED,
)
def polygon_in_float32() -> Outcome:
    """A full count: beyond the range every n fails (`precision-grows-as-n-squared`)."""
    return scan(FLOAT32)


def probed(n: object) -> bool:
    """Whether sixteen windows of 4,096 columns over an eighth of the circle show no collision in float64."""
    return isinstance(n, int) and not any(collides(n, FLOAT64, n * k // 128, 4096) for k in range(16))


@conjecture(
    "How many features the regular n-gon holds in float64: the n that show a collision, probed from 150 to 600 million",
    source=SOURCE,
    expected=Verdict.MEASURED,
)
def polygon_in_float64() -> Outcome:
    """A bracket: the bound lets every n up to 142 million pass; a window that shows a collision is a failure.

    A window that shows none decides nothing, and neither do the n between the probes; `first-failure-in-float64` names
    a smaller n, out of their reach. The cosines are NumPy's, whose last bit may depend on the platform.
    """

    def describe(cases: Sequence[object], outcomes: Sequence[bool]) -> str:
        first = next(n for n, clear in zip(cases, outcomes, strict=True) if not clear)
        return f"the first failure lies between 3/(2√u) ≈ 142,359,398 and {first:,}"

    return Scan(
        "probed n without a collision in float64", range(150_000_000, 600_000_001, 10_000_000), probed, describe
    )


# Exact arithmetic for one pair of columns in float64: nothing here depends on the cosines of a platform.

GRID = 2**130  # enclosures have ends that are multiples of 1/GRID
Enclosure = tuple[Fraction, Fraction]


def outward(low: Fraction, high: Fraction) -> Enclosure:
    """The smallest enclosure on the grid that holds both numbers."""
    return Fraction(floor(low * GRID), GRID), Fraction(ceil(high * GRID), GRID)


def arctangent(q: int) -> Enclosure:
    """arctan(1/q) = 1/q − 1/(3q³) + 1/(5q⁵) − …, between two partial sums, for q ≥ 2."""
    terms = [Fraction((-1) ** k, (2 * k + 1) * q ** (2 * k + 1)) for k in range(70)]
    without, full = sum(terms[:-1], Fraction(0)), sum(terms, Fraction(0))
    return outward(min(without, full), max(without, full))


def enclosed_pi() -> Enclosure:
    """π = 16 arctan(1/5) − 4 arctan(1/239) (Machin)."""
    fifth, small = arctangent(5), arctangent(239)
    return outward(16 * fifth[0] - 4 * small[1], 16 * fifth[1] - 4 * small[0])


def enclosed_column(k: int, n: int) -> tuple[Enclosure, Enclosure]:
    """cos(2πk/n) and sin(2πk/n) for 0 ≤ k < n.

    Taylor's polynomials at a rational angle near 2πk/n, x ≤ 7: the rest is at most |x|^60/60!, and both functions
    change by no more than the angle does.
    """
    pi = enclosed_pi()
    x = Fraction(floor(2 * pi[0] * k / n * GRID), GRID)
    error = 2 * pi[1] * k / n - x + abs(x) ** 60 / factorial(60)
    cosine = sum(((-1) ** j * x ** (2 * j) / factorial(2 * j) for j in range(30)), Fraction(0))
    sine = sum(((-1) ** j * x ** (2 * j + 1) / factorial(2 * j + 1) for j in range(30)), Fraction(0))
    return outward(cosine - error, cosine + error), outward(sine - error, sine + error)


def float64(value: Fraction) -> Fraction:
    """The nearest number of 53 significant bits, ties to even."""
    if value == 0:
        return value
    scale = Fraction(2) ** (53 + value.denominator.bit_length() - value.numerator.bit_length())
    # The quotient of lengths may be one too large: 2⁵² ≤ |value·scale| < 2⁵³ is wanted.
    while abs(value) * scale >= 2**53:
        scale /= 2
    return round(value * scale) / scale


def float64_column(k: int, n: int) -> tuple[Fraction, Fraction]:
    """The correctly rounded column; the lower ends of the enclosures stand for them."""
    (x, _), (y, _) = enclosed_column(k, n)
    return float64(x), float64(y)


def float64_product(v: tuple[Fraction, Fraction], w: tuple[Fraction, Fraction]) -> Fraction:
    """fl(fl(v_0 w_0) + fl(v_1 w_1))."""
    return float64(float64(v[0] * w[0]) + float64(v[1] * w[1]))


def collision_steps(n: int, k: int) -> list[Step]:
    """Columns k and k + 1 of the correctly rounded n-gon run together; every step is a computation with fractions."""

    def rounds_one_way(column: int) -> bool:
        return all(float64(low) == float64(high) for low, high in enclosed_column(column, n))

    def covers_a_diagonal(columns: tuple[int, int]) -> bool:
        v, w = (float64_column(column, n) for column in columns)
        return float64_product(v, w) >= min(float64_product(v, v), float64_product(w, w))

    return [
        identity("Machin: (5 + i)⁴(239 − i) = 114244(1 + i)", (5 + sp.I) ** 4 * (239 - sp.I), 114244 * (1 + sp.I)),
        all_cases("both ends of each enclosure of cos and sin round to one number", rounds_one_way, [k, k + 1]),
        all_cases("the entry of the pair is not below both diagonal entries", covers_a_diagonal, [(k, k + 1)]),
    ]


@conjecture(
    "In float64, with correctly rounded sines and cosines, the regular n-gon passes for every n < 230 million, the "
    "first that was seen to fail among the probes",
    source=SOURCE,
    expected=Verdict.REFUTED,
)
def first_failure_in_float64() -> Outcome:
    """One n below 230 million and two neighbouring columns of it; no cosine of a platform is asked.

    π by Machin's formula, whose sum of angles lies between 0 and 1, so that it is π/4 and not π/4 + 2π; cos and sin by
    Taylor's polynomials with their rest. The enclosures are narrower than 2⁻¹⁰⁰, and both ends round to the same
    number of 53 bits: these are the correctly rounded columns. Products and sums are then rounded one by one.
    """
    n, k = 225_506_803, 24_156_925
    return Counterexample(
        by_hand="n = 225,506,803, columns 24,156,925 and 24,156,926. Times 2⁵³ their correctly rounded coordinates "
        "are x = 7042818863267245, y = 5615010318228609 and x' = 7042818706818968, y' = 5615010514459211. Rounded to "
        "53 bits, 2⁵³·xx and 2⁵³·xx' are 5506850258107146 and 5506850135778680, 2⁵⁴·yy and 2⁵⁴·yy' are "
        "7000697993267689 and 7000698237924619. So 2⁵³ times the sums is 18014398509481981/2 on the diagonal and "
        "18014398509481979/2 off it: two ties, which both go to the even 9007199254740990.",
        steps=collision_steps(n, k),
        sibling=Sibling("columns 0 and 1 of the same polygon run together too", collision_steps(n, 0)),
        note="whether a smaller n fails is not known here: it would take all n columns of each n from 142,359,398 on, "
        "some 10¹⁶ entries, or a bound on how well cosines and sines are rounded at neighbouring columns at once",
    )


def thin_annulus(low: int, high: int) -> list[tuple[int, int]]:
    """Lattice points with low ≤ x² + y² ≤ high, kept greedily while w·w' < min(‖w‖², ‖w'‖²) for all pairs."""
    radius = int(high**0.5)
    span = range(-radius, radius + 1)
    kept: list[tuple[int, int]] = []
    for x, y in ((x, y) for x in span for y in span if low <= x * x + y * y <= high):
        if all(x * a + y * b < min(x * x + y * y, a * a + b * b) for a, b in kept):
            kept.append((x, y))
    return kept


@conjecture(
    "There are 160 columns in the plane, with entries in bfloat16, and a bias for which ReLU(WᵀW + b1ᵀ) = I exactly",
    source=SOURCE,
    expected=Verdict.CERTIFIED,
)
def annulus_beats_rounding() -> Outcome:
    """Regularity is not what precision should be spent on.

    Integers up to 256 are bfloat16 numbers. Two lattice points of nearly the same norm satisfy w·w' < min(‖w‖², ‖w'‖²)
    iff ‖w − w'‖² exceeds the difference of their squared norms, so a thin annulus holds many. All numbers are
    integers: w·(w − w') ≥ 1, and b = 1 − ‖w‖² gives zero loss. Rounding cosines perturbs the radius by u, and
    polygons fail from n of the order of 1/√u; the annulus goes to the order of u^(−2/3).
    """
    points = thin_annulus(62_000, 62_100)[:160]
    bias = [1 - x * x - y * y for x, y in points]
    return Witness(
        [ExactReconstruction(as_matrix(zip(*points, strict=True)), bias=as_vector(bias))],
        note="the polygon with its cosines rounded to bfloat16 is counted in `rounded-columns-exact-products`",
    )


@conjecture(
    "How many features the regular n-gon holds when only its columns are rounded to bfloat16 and WᵀW is formed in "
    "float64: the n that pass, counted over 3 ≤ n ≤ 200",
    source=SOURCE,
    expected=Verdict.MEASURED,
)
def rounded_columns_exact_products() -> Outcome:
    """The comparison for `annulus-beats-rounding`: only the columns are rounded, all pairs are compared."""

    def holds(n: object) -> bool:
        if not isinstance(n, int):
            return False
        angle = 2 * np.pi * np.arange(n) / n
        W = np.stack([to_bfloat16(np.cos(angle)), to_bfloat16(np.sin(angle))])
        gram = W.T @ W
        diagonal = np.diag(gram).copy()
        np.fill_diagonal(gram, -np.inf)
        return bool(np.all(gram.max(axis=1) < diagonal))

    return Scan("n for which it passes", range(3, 201), holds, first_and_last)
