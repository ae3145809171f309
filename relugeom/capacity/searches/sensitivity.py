"""What a bias costs: the best threshold above which n features in m dimensions are recovered, as a certified interval.

A bias below zero hides inputs a·e_i with a ≤ τ_i. How small can the largest τ_i be made?

- Tied: max(0, c), where c is the cosine of the best spherical code. Zero for n ≤ 2m; in the plane cos(2π/n), because
  the smallest of n angular gaps is at most 2π/n; for n > 2m at least (n − 2m)/(m(n − 2)), and more by the certificates
  of `relugeom.capacity.known.thresholds`.
- Untied, m ≥ 3: zero for every n, by the parabola.
- Untied, m = 2: zero for n ≤ 4. With unit norms cos(2π/n) is reached by the polygon. With free norms every positive
  value is reached, by columns (K^s, K^{2s}) and rows (2K^s, −1), s = 0, 1, ...: the output of s at column u is
  K^{2s}(2K^{u−s} − K^{2(u−s)}), which is K^{2s} at u = s, at most K^{2s}(2/K − 1/K²) below and negative above, so the
  worst threshold is (2K − 1)/K².

The *mean* of the tied thresholds is another matter: unequal norms lower it. In the plane, from n = 6 on, the least mean
seen with all thresholds ≤ c falls as c rises to 1, and sits where n − 4 features nearly share a direction (twins,
triplets, ...) and have the threshold c, so that the other four have more room. As c → 1 it falls to 1 − 3.22655/n (as
far as searched), which no W attains: features in one and the same direction are lost.

The upper end of an interval is a rational witness that the checker accepts; the lower end says by which theorem it
holds. Where the theorem is weaker than the witness, the gap is open.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files

import numpy as np

from relugeom.capacity.known.cells import DIMENSIONS, Column
from relugeom.capacity.known.thresholds import threshold_bound
from relugeom.capacity.searches.attempt import ascend
from relugeom.capacity.searches.codes import MeanThreshold, SphericalCode, exact_thresholds
from relugeom.capacity.searches.problem import Array
from relugeom.capacity.searches.readable import integer_grids
from relugeom.capacity.searches.starts import encoders, twins
from relugeom.errors import ArgumentError
from relugeom.exact import ActivationThreshold, Invalid, SignPattern, SphericalCodeBound, check, loads
from relugeom.exact.rationals import Matrix, as_matrix, as_vector, transpose

__all__ = [
    "MEAN_BELOW_HEXAGON",
    "MeanThresholdFound",
    "ThresholdInterval",
    "best_mean_threshold",
    "tied_threshold",
    "untied_threshold",
]

_DIGITS = 6  # of the rational threshold that is certified

# Six features in the plane with mean threshold 0.4926, below the hexagon's 1/2, in numbers for checking by hand.
MEAN_BELOW_HEXAGON = as_matrix([[10, 10, 8, 8, -18, -18], [1, -1, 15, -15, 16, -16]])


@dataclass(frozen=True, slots=True)
class ThresholdInterval:
    """lower ≤ best worst-case threshold ≤ upper.

    Attributes
    ----------
    lower
        Holds by `argument`, and by `theorem` where there is one.
    argument
        Why, in a sentence.
    theorem
        The conjecture that proves it (``relugeom explain ID``), or None.
    upper
        Attained by `certificate`.
    certificate
        Accepted by the checker.
    below
        The certificate of `lower`, where it comes from one; accepted by the checker. Where its cosine is irrational,
        `lower` is less by at most 10⁻¹².
    """

    lower: Fraction
    argument: str
    theorem: str | None
    upper: Fraction
    certificate: ActivationThreshold
    below: SphericalCodeBound | None = None


@dataclass(frozen=True, slots=True)
class MeanThresholdFound:
    """The best mean of the tied thresholds that was found; below it nothing is known but 0.

    Attributes
    ----------
    encoder
        Rational, with small integers where they suffice.
    mean
        The exact mean of its thresholds.
    largest
        The largest of them, less than 1.
    """

    encoder: Matrix
    mean: Fraction
    largest: Fraction

    @classmethod
    def of(cls, encoder: Matrix) -> MeanThresholdFound:
        """The figures of an encoder without a zero column."""
        thresholds = exact_thresholds(encoder)
        return cls(encoder, sum(thresholds, Fraction(0)) / len(thresholds), max(thresholds))


_NOT_NEGATIVE = "no threshold is negative"


def tied_threshold(m: int, n: int, *, attempts: int = 10, seed: int = 0) -> ThresholdInterval:
    """The best worst-case threshold of n tied features in m dimensions, over all encoders and biases.

    Raises
    ------
    ArgumentError
        m < 1 or n < 2; or m = 1 and n > 2, where no threshold works.
    """
    _require(m, n)
    if n <= 2 * m:
        pairs = as_matrix([[(j % m == i) * (1 if j < m else -1) for j in range(n)] for i in range(m)])
        witness = ActivationThreshold(pairs, as_vector([0] * n), Fraction(0))
        return _interval(Fraction(0), _NOT_NEGATIVE, "two-m-attained", witness)
    if m == 2:
        lower, why, theorem = _cosine_below(n), "the smallest of n gaps is at most 2π/n", None
    else:
        lower, why, theorem = Fraction(n - 2 * m, m * (n - 2)), "the 2m bound, made robust", "two-m-robust"
    below = threshold_bound(m, n)
    if below is not None:
        lower, why, theorem = _rational_below(below), "no spherical code is better", "thresholds-from-below"
    problem = SphericalCode(m, n)
    point = _best(problem, attempts, seed)
    least = -problem.margin(point, math.inf)[0]
    for digits in range(_DIGITS, 0, -1):
        threshold = Fraction(math.floor(least * 10**digits) + 2, 10**digits)
        certificate = SphericalCode(m, n, threshold).certify(point)
        if isinstance(certificate, ActivationThreshold):
            return _interval(lower, why, theorem, certificate, below)
    raise ArgumentError(f"m = {m}, n = {n}: the columns are too close together for a threshold below 1")


def untied_threshold(m: int, n: int, *, unit_norms: bool = False, steepness: int = 1000) -> ThresholdInterval:
    """The same for an untied decoder; `steepness` is K, used for free norms in the plane.

    For unit norms in the plane let α and β be the gaps beside feature i. Its best row gives it the threshold
    cos((α + β)/2) / cos((α − β)/2), and (α + β)/2 is at most 2π/n for some i, so cos(2π/n) cannot be beaten.

    Raises
    ------
    ArgumentError
        m < 1 or n < 2; or m = 1 and n > 2; or K < 3.
    """
    _require(m, n)
    zero = as_vector([0] * n)
    if n <= 2 * m:
        return tied_threshold(m, n)
    if m >= 3:
        t = range(n)
        W = as_matrix([[1] * n, t, [s * s for s in t]] + [[0] * n] * (m - 3))
        R = as_matrix([[1 - s * s, 2 * s, -1] + [0] * (m - 3) for s in t])
        return _interval(Fraction(0), _NOT_NEGATIVE, "untied-any-n", ActivationThreshold(W, zero, Fraction(0), R))
    if unit_norms:
        tied = tied_threshold(m, n)
        return _interval(tied.lower, "some two neighbouring gaps add up to at most 4π/n", None, tied.certificate)
    if steepness < 3:
        raise ArgumentError(f"steepness must be at least 3; got {steepness}")
    K = steepness
    W = as_matrix([[K**s for s in range(n)], [K ** (2 * s) for s in range(n)]])
    R = as_matrix([[2 * K**s, -1] for s in range(n)])
    threshold = Fraction(2 * K - 1, K * K)
    b = tuple(-threshold * K ** (2 * s) for s in range(n))
    certificate = ActivationThreshold(W, b, threshold, R)
    return _interval(Fraction(0), f"{_NOT_NEGATIVE}; 0 is not attained from n = 5 on", None, certificate)


def best_mean_threshold(
    m: int, n: int, *, ceiling: float = 0.9999, attempts: int = 10, seed: int = 0
) -> MeanThresholdFound:
    """The smallest mean threshold found for n tied features in m dimensions, where all of them are recovered.

    From random starts, from the constructions, and from *twins*: directions spread evenly, one of which several
    features share. Never more than the mean of a witness that is shipped for this m and n.

    Parameters
    ----------
    m, n : int
    ceiling : float
        No threshold may be larger; below 1. The nearer to 1, the smaller the mean, where features give up for others.
    attempts : int
        Random starts, those from the constructions among them.
    seed : int
        Seed of the starts.

    Raises
    ------
    ArgumentError
        m < 1 or n < 2; or m = 1 and n > 2; or the ceiling lies outside (0, 1); or nothing was found below it.
    """
    _require(m, n)
    if not 0 < ceiling < 1:
        raise ArgumentError(f"ceiling must lie strictly between 0 and 1; got {ceiling!r}")
    problem = MeanThreshold(m, n, ceiling - (1 - ceiling) / 100)  # room for rounding to a grid
    blunt = MeanThreshold(m, n, min(ceiling, 0.9))  # its penalty for large thresholds is soft
    points = [_best(blunt, attempts, seed), *twins(m, n, seed)]
    found = [_rational_mean(problem.improve(point).reshape(m, n), ceiling) for point in points]
    found += [MeanThresholdFound.of(W) for W in _shipped_encoders(m, n)]
    best = min((each for each in found if each is not None and each.largest <= ceiling), key=_mean, default=None)
    if best is None:
        raise ArgumentError(f"m = {m}, n = {n}: no encoder with all thresholds at most {ceiling} was found")
    return best


def _mean(found: MeanThresholdFound) -> Fraction:
    return found.mean


def _rational_mean(W: Array, ceiling: float) -> MeanThresholdFound | None:
    """The encoder on the coarsest integer grid whose mean is as good as those of finer grids, to 10⁻⁴."""
    best: MeanThresholdFound | None = None
    for encoder in integer_grids(W, tied=True):
        if not all(map(any, transpose(encoder))):
            continue
        found = MeanThresholdFound.of(encoder)
        # A finer grid must be worth its digits.
        if found.largest <= ceiling and (best is None or found.mean < best.mean - Fraction(1, 10**4)):
            best = found
    return best


def _shipped_encoders(m: int, n: int) -> list[Matrix]:
    """Tied encoders for this m and n that come with the package."""
    witnesses = [MEAN_BELOW_HEXAGON]
    if m in DIMENSIONS:
        name = Column(tied=True, bias="free", active=1).witness(m)
        certificate = loads((files("relugeom.capacity.known") / "witnesses" / name).read_text(encoding="utf-8"))
        if isinstance(certificate, SignPattern):
            witnesses.append(certificate.encoder)
    return [W for W in witnesses if (len(W), len(W[0])) == (m, n)]


def _best(problem: SphericalCode | MeanThreshold, attempts: int, seed: int) -> Array:
    """The best point of some ascents, from the constructions and from random starts."""
    starts = list(encoders(problem.m, problem.n).values())
    points = []
    for index in range(attempts):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,)))
        x = rng.standard_normal(problem.dimension)
        if index < len(starts):
            x = starts[index].ravel() + 1e-3 * x
        points.append(ascend(problem, x))
    return max(points, key=lambda x: problem.margin(x, math.inf)[0])


def _cosine_below(n: int) -> Fraction:
    """A rational just below cos(2π/n); the float is right to 1e-15."""
    return Fraction(math.floor(math.cos(2 * math.pi / n) * 10**12) - 1, 10**12)


def _rational_below(bound: SphericalCodeBound) -> Fraction:
    """The cosine a + b√d of the bound, or a rational less than 10⁻¹² below it."""
    a, b = bound.cosine
    scale = 10**12 * max(1, math.ceil(abs(b)))
    root = Fraction(math.isqrt(bound.radicand * scale**2) + (b < 0), scale)
    return a + b * root


def _interval(
    lower: Fraction,
    argument: str,
    theorem: str | None,
    certificate: ActivationThreshold,
    below: SphericalCodeBound | None = None,
) -> ThresholdInterval:
    for each in (certificate, below):
        if each is not None and isinstance(verdict := check(each), Invalid):
            raise ArgumentError(f"the witness does not check: {verdict.reason}")
    return ThresholdInterval(lower, argument, theorem, certificate.threshold, certificate, below)


def _require(m: int, n: int) -> None:
    if m < 1 or n < 2:
        raise ArgumentError(f"m must be at least 1 and n at least 2; got m = {m}, n = {n}")
    if m == 1 and n > 2:
        raise ArgumentError(f"one dimension holds two features at the very most; got n = {n}")
