"""Weights with a known answer: polygons, antipodal pairs, simplices, parabola, pentagons, failures.

Functions return float64 NumPy arrays; those that end in ``_exact`` return the same object as SymPy
expressions where it is algebraic. Where the object is rational it comes as lists of rows of
`fractions.Fraction`, ready for the checker and accepted by every function of this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import ceil, cos, isfinite, pi, sqrt, tan
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.parameters import Parameters
from relugeom.errors import ArgumentError

__all__ = [
    "RationalMatrix",
    "antipodal_pairs",
    "antipodal_pairs_exact",
    "k_family",
    "parabola",
    "pentagon_measure",
    "pentagon_measure_exact",
    "polygon",
    "polygon_exact",
    "rational_polygon",
    "sensitive_polygon",
    "simplex",
    "simplex_exact",
    "symmetric_failure",
    "symmetric_failure_exact",
    "zero_loss_polygon",
    "zero_loss_polygon_exact",
]

Floats: TypeAlias = npt.NDArray[np.float64]
RationalMatrix: TypeAlias = list[list[Fraction]]


def polygon(n: int, radius: float = 1.0, phase: float = 0.0) -> Floats:
    """Columns r (cos(kφ + phase), sin(kφ + phase)), k = 0, ..., n − 1, with φ = 2π/n.

    Parameters
    ----------
    n : int
        How many features.
    radius : float
        The norm of every column.
    phase : float
        The angle of the first feature, in radians.

    Returns
    -------
    ndarray, shape (2, n)

    See Also
    --------
    relugeom.autoencoder.zero_loss_polygon, relugeom.autoencoder.sensitive_polygon
    relugeom.autoencoder.rational_polygon, relugeom.autoencoder.symmetric_failure
    """
    _at_least("n", n, 1)
    angles = 2 * pi * np.arange(n) / n + phase
    return radius * np.stack([np.cos(angles), np.sin(angles)])


def polygon_exact(n: int) -> Any:
    """`polygon` of radius 1 and phase 0 as a SymPy matrix."""
    import sympy

    _at_least("n", n, 1)
    angles = [2 * sympy.pi * k / n for k in range(n)]
    return sympy.Matrix([[sympy.cos(angle) for angle in angles], [sympy.sin(angle) for angle in angles]])


def zero_loss_polygon(n: int, phase: float = 0.0) -> Parameters:
    """The smallest regular polygon with ReLU(WᵀW + b) = I: r² = 1/(1 − cos φ), b = 1 − r².

    r² cos(kφ) + 1 − r² is 1 for k = 0, and for k ≠ 0 at most r² (cos φ − 1) + 1 = 0.

    Parameters
    ----------
    n : int
        At least 2.
    phase : float
        The angle of the first feature.

    Returns
    -------
    Parameters
        W of shape (2, n), b of shape (n,).

    See Also
    --------
    relugeom.autoencoder.polygon, relugeom.autoencoder.sensitive_polygon, relugeom.autoencoder.rational_polygon
    relugeom.autoencoder.symmetric_failure, relugeom.autoencoder.zero_loss_bias, relugeom.autoencoder.zero_loss_test

    Examples
    --------
    >>> W, b = zero_loss_polygon(4)
    >>> np.maximum(W.T @ W + b, 0).round(12) + 0.0
    array([[1., 0., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 1., 0.],
           [0., 0., 0., 1.]])
    """
    _at_least("n", n, 2)
    square = 1 / (1 - cos(2 * pi / n))
    return Parameters(polygon(n, sqrt(square), phase), np.full(n, 1 - square))


def zero_loss_polygon_exact(n: int) -> Parameters:
    """`zero_loss_polygon` in SymPy: W a 2 × n matrix, b a list."""
    import sympy

    _at_least("n", n, 2)
    square = 1 / (1 - sympy.cos(2 * sympy.pi / n))
    return Parameters(sympy.sqrt(square) * polygon_exact(n), [1 - square] * n)


def sensitive_polygon(n: int, radius: float = 1.0, phase: float = 0.0) -> Parameters:
    """The polygon with the bias of the lowest activation threshold: b = −r² max(0, cos φ).

    The bias must outweigh the largest inner product of two features, r² cos φ, and every bit more raises the
    threshold τ = −b/r². From n = 4 on τ = cos φ; the triangle needs no bias, and τ = 0.

    Parameters
    ----------
    n : int
        How many features.
    radius : float
        The norm of every column.
    phase : float
        The angle of the first feature, in radians.

    Returns
    -------
    Parameters
        W of shape (2, n), b of shape (n,).

    See Also
    --------
    relugeom.autoencoder.polygon, relugeom.autoencoder.zero_loss_polygon, relugeom.autoencoder.rational_polygon
    relugeom.autoencoder.symmetric_failure
    """
    _at_least("n", n, 2)
    return Parameters(polygon(n, radius, phase), np.full(n, -(radius**2) * max(0.0, cos(2 * pi / n))))


def antipodal_pairs(m: int) -> Floats:
    """The 2m vertices e_1, −e_1, ..., e_m, −e_m of the cross-polytope.

    Parameters
    ----------
    m : int
        The dimension.

    Returns
    -------
    ndarray, shape (m, 2m)

    See Also
    --------
    relugeom.autoencoder.simplex, relugeom.autoencoder.parabola, relugeom.autoencoder.k_family
    """
    _at_least("m", m, 1)
    return np.kron(np.eye(m), np.array([1.0, -1.0]))


def antipodal_pairs_exact(m: int) -> RationalMatrix:
    """`antipodal_pairs` in rationals."""
    return [[Fraction(int(entry)) for entry in row] for row in antipodal_pairs(m)]


def simplex(m: int) -> Floats:
    """m + 1 unit vectors in m dimensions whose inner products are all −1/m.

    Row k of the matrix is 0 left of the diagonal, d_k on it and −d_k/(m − k) right of it (k = 0, ..., m − 1),
    with d_k² = (m + 1)(m − k)/(m (m − k + 1)), what the rows above leave of the k-th column's norm.

    Parameters
    ----------
    m : int
        The dimension.

    Returns
    -------
    ndarray, shape (m, m + 1)

    See Also
    --------
    relugeom.autoencoder.antipodal_pairs, relugeom.autoencoder.parabola, relugeom.autoencoder.k_family
    """
    return np.array([[sqrt(square) * sign for square, sign in row] for row in _simplex_entries(m)])


def simplex_exact(m: int) -> Any:
    """`simplex` as a SymPy matrix."""
    import sympy

    return sympy.Matrix(
        [
            [sympy.sqrt(sympy.Rational(square)) * sympy.Rational(sign) for square, sign in row]
            for row in _simplex_entries(m)
        ]
    )


def _simplex_entries(m: int) -> list[list[tuple[Fraction, Fraction]]]:
    """d_k² and the factor of d_k, entry by entry."""
    _at_least("m", m, 1)
    return [
        [
            (
                Fraction((m + 1) * (m - k), m * (m - k + 1)),
                Fraction(0) if j < k else Fraction(1) if j == k else Fraction(-1, m - k),
            )
            for j in range(m + 1)
        ]
        for k in range(m)
    ]


def parabola(n: int) -> Parameters:
    """Encoder columns (1, t, t²), decoder rows (1 − t², 2t, −1), t = 1, ..., n: rank 3, ReLU(R W) = I.

    Row s times column t is 1 − s² + 2st − t² = 1 − (s − t)², an integer: 1 if s = t and at most 0 otherwise.
    So three dimensions hold any number of features once the decoder is free.

    Parameters
    ----------
    n : int
        How many features.

    Returns
    -------
    Parameters
        W of shape (3, n), no bias, a decoder of shape (n, 3).

    See Also
    --------
    relugeom.autoencoder.antipodal_pairs, relugeom.autoencoder.simplex, relugeom.autoencoder.k_family
    """
    _at_least("n", n, 1)
    times = [Fraction(t) for t in range(1, n + 1)]
    encoder = [[Fraction(1) for _ in times], list(times), [t**2 for t in times]]
    return Parameters(encoder, None, [[1 - t**2, 2 * t, Fraction(-1)] for t in times])


def rational_polygon(n: int, accuracy: Fraction = Fraction(1, 8)) -> RationalMatrix:
    """n distinct rational points of the unit circle near the regular n-gon, with small denominators.

    The points are ((1 − t²)/(1 + t²), 2t/(1 + t²)), at angle 2 arctan t, turned by quarter turns. For each
    corner t is the simplest rational that comes within ``accuracy`` × 2π/n of it, so no two can meet.

    Parameters
    ----------
    n : int
    accuracy : Fraction
        As a part of the polygon's angle, in (0, 1/2).

    Returns
    -------
    list of 2 rows of n `Fraction`

    See Also
    --------
    relugeom.autoencoder.polygon, relugeom.autoencoder.zero_loss_polygon, relugeom.autoencoder.sensitive_polygon
    relugeom.autoencoder.symmetric_failure
    """
    _at_least("n", n, 1)
    if not 0 < accuracy < Fraction(1, 2):
        raise ArgumentError(f"accuracy must be between 0 and 1/2; got {accuracy}")
    points = []
    for k in range(n):
        turns = round(Fraction(4 * k, n))
        angle = Fraction(k, n) - Fraction(turns, 4)  # in whole turns, from −1/8 to 1/8
        low, high = (tan(pi * float(angle + side * accuracy / n)) for side in (-1, 1))
        t = _simplest_between(Fraction(low), Fraction(high))
        x, y = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
        for _ in range(turns % 4):
            x, y = -y, x
        points.append((x, y))
    return [[x for x, _ in points], [y for _, y in points]]


def _simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction of least denominator in [low, high], by continued fractions."""
    if low <= 0 <= high:
        return Fraction(0)
    if high < 0:
        return -_simplest_between(-high, -low)
    whole = ceil(low)
    if whole <= high:
        return Fraction(whole)
    return whole - 1 + 1 / _simplest_between(1 / (high - whole + 1), 1 / (low - whole + 1))


def k_family(K: int) -> RationalMatrix:
    """Columns (1, 0), (0, 1), (−1, 0), (−K, −K²), (K, −K²): five features in the plane, threshold K/(K² + 1).

    With a free decoder and free norms the worst activation threshold of these five tends to 0 as K grows,
    though no five features of the plane attain 0.

    Parameters
    ----------
    K : int
        At least 3.

    Returns
    -------
    matrix of Fraction, 2 rows of 5

    See Also
    --------
    relugeom.autoencoder.antipodal_pairs, relugeom.autoencoder.simplex, relugeom.autoencoder.parabola
    """
    _at_least("K", K, 3)
    columns = [(1, 0), (0, 1), (-1, 0), (-K, -(K**2)), (K, -(K**2))]
    return [[Fraction(column[row]) for column in columns] for row in range(2)]


def pentagon_measure(directions: Sequence[int], weights: Sequence[float] | None = None) -> Floats:
    """Five pentagon directions, each of total squared norm s = (7 + √5)/11, shared out among n features.

    Without bias and for X = I the loss Σ (x' − x)² is n − 2·5s + 5s²(1 + 2cos² 72°), for neighbours of the
    pentagon meet at 72° and the rest at more than 90°. It is least at s = 1/(1 + 2cos² 72°) = (7 + √5)/11 =
    0.8396..., where it is n − 5s. How the features of one direction share s does not matter.

    Parameters
    ----------
    directions : sequence of n ints
        Which of the five directions, 0 to 4, each feature takes; each must occur.
    weights : sequence of n floats, optional
        Relative squared norms of the features of one direction, not negative. Default: equal.

    Returns
    -------
    ndarray, shape (2, n)
    """
    shares = _pentagon_shares(directions, [1] * len(directions) if weights is None else weights)
    norms = np.sqrt((7 + sqrt(5)) / 11 * np.array([float(share) for share in shares]))
    corners = polygon(5)
    return norms * corners[:, list(directions)]


def pentagon_measure_exact(directions: Sequence[int], weights: Sequence[int | Fraction] | None = None) -> Any:
    """`pentagon_measure` as a SymPy matrix, for rational weights."""
    import sympy

    shares = _pentagon_shares(directions, [1] * len(directions) if weights is None else weights)
    mass = (7 + sympy.sqrt(5)) / 11
    corners = polygon_exact(5)
    columns = [
        sympy.sqrt(mass * sympy.Rational(share)) * corners[:, direction]
        for share, direction in zip(shares, directions, strict=True)
    ]
    return sympy.Matrix.hstack(*columns)


def _pentagon_shares(directions: Sequence[int], weights: Sequence[Any]) -> list[Fraction]:
    """Each feature's part of its direction's squared norm."""
    if set(directions) != set(range(5)):
        raise ArgumentError(f"directions must be numbers 0 to 4, each at least once; got {list(directions)}")
    if len(weights) != len(directions) or not all(isfinite(weight) and weight >= 0 for weight in weights):
        raise ArgumentError(f"weights must be {len(directions)} numbers, not negative; got {list(weights)}")
    exact = [Fraction(weight) for weight in weights]
    totals = [sum(w for d, w in zip(directions, exact, strict=True) if d == corner) for corner in range(5)]
    if 0 in totals:
        raise ArgumentError(f"weights must not vanish on direction {totals.index(0)}; got {list(weights)}")
    return [weight / totals[direction] for direction, weight in zip(directions, exact, strict=True)]


def symmetric_failure(n: int, live: int | None = None, bias: float | None = None) -> Parameters:
    """A regular polygon of `live` features given back exactly, and n − live null ones, w = 0.

    The polygon has r² = max(1, 1/(1 − cos φ)) and b = 1 − r² ≤ 0, so that it is off on the axes of the null ones. A
    null feature with bias β answers max(β, 0) to everything. β = 1/n is best, and costs (n − 1)/n in Σ (x' − x)²; with
    β < 0 the feature is dead as well and costs 1.

    Parameters
    ----------
    n : int
    live : int, optional
        From 2 to n. Default: n − 1.
    bias : float, optional
        β. Default: 1/n.

    Returns
    -------
    Parameters
        W of shape (2, n), b of shape (n,).

    See Also
    --------
    relugeom.autoencoder.polygon, relugeom.autoencoder.zero_loss_polygon, relugeom.autoencoder.sensitive_polygon
    relugeom.autoencoder.rational_polygon

    Notes
    -----
    The "symmetric failure" of R. Tan, "Optimization Failure" (2025), is n = 7 with six live features.
    """
    live = n - 1 if live is None else live
    _check_live(n, live)
    square = max(1.0, 1 / (1 - cos(2 * pi / live)))
    W = np.concatenate([polygon(live, sqrt(square)), np.zeros((2, n - live))], axis=1)
    lost = 1 / n if bias is None else bias
    return Parameters(W, np.array([1 - square] * live + [lost] * (n - live)))


def symmetric_failure_exact(n: int, live: int | None = None, bias: Any = None) -> Parameters:
    """`symmetric_failure` in SymPy: W a 2 × n matrix, b a list."""
    import sympy

    live = n - 1 if live is None else live
    _check_live(n, live)
    square = sympy.Max(1, 1 / (1 - sympy.cos(2 * sympy.pi / live)))
    W = (sympy.sqrt(square) * polygon_exact(live)).row_join(sympy.zeros(2, n - live))
    lost = sympy.Rational(1, n) if bias is None else sympy.sympify(bias)
    return Parameters(W, [1 - square] * live + [lost] * (n - live))


def _check_live(n: int, live: int) -> None:
    _at_least("n", n, 2)
    if not 2 <= live <= n:
        raise ArgumentError(f"live must be from 2 to n = {n}; got {live}")


def _at_least(name: str, number: int, least: int) -> None:
    if not isinstance(number, int) or number < least:
        raise ArgumentError(f"{name} must be an integer, at least {least}; got {number!r}")
