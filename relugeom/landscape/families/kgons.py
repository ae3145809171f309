"""Regular polygons as critical points for uniform amplitudes, chamber by chamber.

k features at equal angles and one radius l, one bias b, all amplitudes in (0, 1]. With s = l² and θ = 2π/k

    h_k(s, b) = 3k Σ_{d=0}^{k−1} φ(s cos dθ, b, δ_{d0}),

and among c features, the others null with b ≤ 0, the loss is (h_k + c − k)/(3c). A *chamber* is the number
of features that an axis switches on at a = 1: d with s cos dθ + b > 0. φ is smooth inside a chamber, so a k-gon
there is a solution of two smooth equations in (s, b).

Source of the notation: Chen et al., "Dynamical versus Bayesian Phase Transitions in a Toy Model of Superposition"
(arXiv 2310.06301).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import UniformAxial
from relugeom.autoencoder.constructions import polygon
from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError, KinkError
from relugeom.landscape.curvatures import inertia
from relugeom.landscape.kinks import one_sided

__all__ = ["KGon", "kgon_loss", "kgons", "quadrature_loss"]

_STARTS = 16
_FAR = 50.0


@dataclass(frozen=True, slots=True)
class KGon:
    """A polygon that is a critical point of the loss on its own k features.

    Attributes
    ----------
    k : int
    chamber : int
        How many outputs an axis switches on at a = 1, its own included.
    radius, bias, h : float
        l, b and h_k.
    nature : str
        "minimum", "saddle" or "flat" among all models of k features, or what the one-sided analysis says on a kink.
    curvatures : tuple of int, or None
        How many are positive, negative, zero modulo rotation; None on a kink.
    """

    k: int
    chamber: int
    radius: float
    bias: float
    h: float
    nature: str
    curvatures: tuple[int, int, int] | None


def kgon_loss(k: int, s: float, b: float) -> float:
    """h_k(s, b), by the closed form of φ."""
    g, delta = _row(k, s)
    return float(3 * k * UniformAxial(k).pair_loss(np, g, np.array(b), delta).sum())


def _row(k: int, s: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """g and δ for one axis; cos dθ of a right angle is exactly 0."""
    cosines = np.cos(2 * pi * np.arange(k) / k)
    cosines[np.abs(cosines) < 1e-15] = 0
    return s * cosines, np.eye(k)[0]


def quadrature_loss(k: int, s: float, b: float, digits: int = 30) -> Any:
    """h_k(s, b) by adaptive quadrature of the definition, sharing nothing with the closed form.

    3 Σ_ij ∫₀¹ (aδ_ij − ReLU(a g_ij + b))² da in mpmath with `digits` digits, cut where an output switches.
    """
    import mpmath

    with mpmath.workdps(digits):
        s, b = mpmath.mpf(s), mpmath.mpf(b)
        total = mpmath.mpf(0)
        for d in range(k):
            g = s * mpmath.cospi(mpmath.mpf(2 * d) / k)

            def error(a: Any, g: Any = g, own: bool = d == 0) -> Any:
                return ((a if own else 0) - max(a * g + b, 0)) ** 2

            cut = [-b / g] if g != 0 and 0 < -b / g < 1 else []
            total += mpmath.quad(error, [0, *cut, 1])
        return 3 * k * total


def kgons(k: int) -> list[KGon]:
    """The regular k-gons that are critical points and on which some output is on, sorted by h.

    Found by solving ∂h/∂s = ∂h/∂b = 0 from a grid of starts; a solution counts once.

    Raises
    ------
    ArgumentError
        k is below 3.
    """
    from scipy.optimize import root

    if k < 3:
        raise ArgumentError(f"k must be at least 3; got {k}")
    data = UniformAxial(k)

    def slopes(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        g, delta = _row(k, x[0])
        dg, db = data.pair_slopes(np, g, np.array(x[1]), delta)
        return np.array([(dg * _row(k, 1.0)[0]).sum(), db.sum()])

    found: list[npt.NDArray[np.float64]] = (
        [np.array([1.0, 0.0])] if np.abs(slopes(np.array([1.0, 0.0]))).max() < 1e-14 else []
    )
    for s in np.linspace(0.2, 6.0, _STARTS):
        for share in np.linspace(-1.0, 0.5, _STARTS):
            solution = root(slopes, np.array([s, share * s]), tol=1e-13)
            x = solution.x
            # Where nothing is on the loss is constant, and far out it only looks so: neither is a polygon.
            real = solution.success and 1e-3 < x[0] < _FAR and x[0] + x[1] > 1e-9 and np.abs(slopes(x)).max() < 1e-12
            if real and all(np.abs(x - other).max() > 1e-5 for other in found):
                found.append(x)
    return sorted((_describe(k, float(s), float(b)) for s, b in found), key=lambda gon: gon.h)


def _describe(k: int, s: float, b: float) -> KGon:
    model, data = Parameters(polygon(k, sqrt(s)), np.full(k, b)), UniformAxial(k)
    chamber = int((_row(k, s)[0] + b > 1e-12).sum())
    try:
        signs = inertia(model, data)
        nature = "saddle" if signs.negative else "flat" if signs.zero else "minimum"
        return KGon(k, chamber, sqrt(s), b, kgon_loss(k, s, b), nature, (signs.positive, signs.negative, signs.zero))
    except KinkError:
        try:
            nature = one_sided(model, data).verdict
        except KinkError:
            nature = "undecided"
        return KGon(k, chamber, sqrt(s), b, kgon_loss(k, s, b), f"{nature} on a kink", None)
