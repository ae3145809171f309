"""How close n directions in m dimensions must come: thresholds from below, and three codes that meet the bound.

The best worst-case threshold of n tied features is max(0, c(m, n)), c the least possible largest cosine
(`worst-threshold`).
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import combinations, product

from relugeom.capacity.known.thresholds import THRESHOLDS, threshold_bound
from relugeom.claims.conjectures import conjecture
from relugeom.claims.steps import all_cases, valid_certificate
from relugeom.claims.verdicts import Open, Outcome, Proof, Sibling, Step, Verdict, Witness
from relugeom.exact import Quadratic, SphericalCodeBound

__all__: list[str] = []

SOURCE = 'Post, "Cost of absorbing interference: decrease sensitivity", sharpened'

Point = tuple[Quadratic, ...]


def number(a: Fraction | int, b: Fraction | int = 0, d: int = 5) -> Quadratic:
    """a + b√d."""
    return Quadratic(Fraction(a), Fraction(b), d)


def dot(x: Point, y: Point) -> Quadratic:
    """x·y."""
    first, *rest = (u * v for u, v in zip(x, y, strict=True))
    return sum(rest, first)


def icosahedron() -> list[Point]:
    """(0, ±1, ±φ) and its cyclic permutations, φ = (1 + √5)/2."""
    zero, one, phi = number(0), number(1), number(Fraction(1, 2), Fraction(1, 2))
    points = [(zero, one * s, phi * t) for s, t in product((1, -1), repeat=2)]
    return [(*point[k:], *point[:k]) for point in points for k in range(3)]


def half_cube() -> list[Point]:
    """The corners (±1, ..., ±1) of the cube in five dimensions with an even number of minus signs."""
    return [tuple(map(number, signs)) for signs in product((1, -1), repeat=5) if signs.count(-1) % 2 == 0]


def twenty_seven() -> list[Point]:
    """(0, ωʲ, −ωᵏ) in ℂ³ and its cyclic permutations, ω a third root of unity, as points of ℝ⁶ over ℚ(√3)."""
    half = Fraction(1, 2)
    roots = [(number(1, 0, 3), number(0, 0, 3)), (number(-half, 0, 3), number(0, half, 3))]
    roots.append((roots[1][0], roots[1][1] * -1))
    zero = (number(0, 0, 3), number(0, 0, 3))
    found = []
    for u, v in product(roots, repeat=2):
        point = (zero, u, (v[0] * -1, v[1] * -1))
        found += [(*point[k:], *point[:k]) for k in range(3)]
    return [tuple(x for part in point for x in part) for point in found]


CODES = (
    ("twelve points in three dimensions, the icosahedron", icosahedron, 3, 12, number(0, Fraction(1, 5))),
    ("sixteen points in five dimensions, the half-cube", half_cube, 5, 16, number(Fraction(1, 5))),
    ("twenty-seven points in six dimensions", twenty_seven, 6, 27, number(Fraction(1, 4), 0, 3)),
)


def code_steps(name: str, points: list[Point], m: int, n: int, cosine: Quadratic, more: Fraction) -> list[Step]:
    """Code and bound meet at cosine + more; true for more = 0."""
    bound = threshold_bound(m, n)
    assert bound is not None
    a, b = bound.cosine
    square = dot(points[0], points[0])
    largest = (cosine + more) * square
    return [
        all_cases(f"{name}: all of one norm", lambda x: not (dot(x, x) - square).sign(), points),
        all_cases(
            "no two have a cosine above the stated one",
            lambda pair: (dot(*pair) - largest).sign() <= 0,
            combinations(points, 2),
        ),
        all_cases(
            f"there are {n} of them, with {m} coordinates",
            lambda size: size == (n, m),
            [(len(set(points)), len(points[0]))],
        ),
        valid_certificate("and no code has a smaller largest cosine", replace(bound, cosine=(a + more, b))),
        all_cases("which is the stated one", lambda pair: pair == (a, b), [(cosine.a, cosine.b)]),
    ]


def sharp_steps(more: Fraction) -> list[Step]:
    """The three codes, with the same number added to each cosine."""
    return [step for name, code, m, n, cosine in CODES for step in code_steps(name, code(), m, n, cosine, more)]


@conjecture(
    "The least possible largest cosine between n unit vectors in m dimensions is 1/√5 for (m, n) = (3, 12), 1/5 for "
    "(5, 16) and 1/4 for (6, 27); so that is the best worst-case threshold of so many tied features, over all W and b",
    source=SOURCE,
    expected=Verdict.PROVED,
)
def sharp_thresholds() -> Outcome:
    """The bounds are Delsarte's: f = (x − 1/√5)(x + 1/√5)²(x + 1), (x − 1/5)(x + 3/5)² and (x − 1/4)(x + 1/2)² have
    non-negative coefficients f_k in the zonal polynomials of their dimension, and f(1) = n f_0. The argument, and what
    is checked where f(1) = n f_0, stands in the docstring of `relugeom.exact.SphericalCodeBound`. The codes have the
    cosines ±1/√5 and −1, 1/5 and −3/5, 1/4 and −1/2. What that says of thresholds is `worst-threshold`.
    """
    return Proof(
        steps=sharp_steps(Fraction(0)),
        sibling=Sibling("all three are larger by 1/100", sharp_steps(Fraction(1, 100))),
    )


@conjecture(
    "For every (m, n) with 3 ≤ m ≤ 6 and 2m < n ≤ 4m, and for (3, 13) and (6, 27), the least possible largest cosine "
    "between n unit vectors in m dimensions is at least that of a certificate: from 0.0320 for (6, 13) to 0.4937 for "
    "(3, 13)",
    source=SOURCE,
    expected=Verdict.CERTIFIED,
)
def thresholds_from_below() -> Outcome:
    """A linear programme finds f, rounding makes it rational, and the certificate is checked exactly;
    `docs/capacity.md` has the table, with what is certified from above.
    """
    bounds = [threshold_bound(m, n) for m, n in THRESHOLDS]
    found = [bound for bound in bounds if isinstance(bound, SphericalCodeBound)]
    if [(bound.dimension, bound.points) for bound in found] != list(THRESHOLDS):
        return Open("some certificates are not for the (m, n) of their names")
    return Witness(found)
