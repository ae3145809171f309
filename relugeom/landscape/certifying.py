"""Certificates for critical points: floats choose the numbers, `relugeom.exact` decides.

`certify` rounds a polished model to a rational centre in the gauge the checker wants, proposes radius, margin and
bounds, and asks the checker. What comes back is valid, or says why there is none; nothing here needs to be believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from importlib import resources
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial, UniformAxial
from relugeom.autoencoder.model import DataSet, Parameters, hessian, kink_distance
from relugeom.exact.certificates import Certificate, CriticalPoint, DeadOutputs, loads
from relugeom.exact.check import Valid, check
from relugeom.exact.critical import axial_loss
from relugeom.exact.rationals import Matrix, Vector, as_matrix, as_vector

__all__ = ["NoCertificate", "certify", "certify_dead_outputs", "fix_gauge", "stored_certificates"]

Floats = npt.NDArray[np.float64]

_CENTRE_BITS = 44
_RADII = (2.0**-22, 2.0**-26, 2.0**-30)


@dataclass(frozen=True, slots=True)
class NoCertificate:
    """Why there is no certificate, in a sentence."""

    reason: str


def fix_gauge(W: Floats) -> tuple[Floats, tuple[int, ...]]:
    """W rotated so that the k-th of m − 1 chosen features has zeros below row k; and which features.

    Each is the one that sticks out most from the span of those before it.
    """
    W = np.array(W, np.float64)
    chosen: list[int] = []
    for k in range(len(W) - 1):
        i = int(np.argmax(np.linalg.norm(W[k:], axis=0)))
        # A reflection that maps the lower part of feature i to a multiple of the first unit vector.
        v = W[k:, i].copy()
        v[0] += np.copysign(np.linalg.norm(v), v[0])
        W[k:] -= 2 * np.outer(v, v @ W[k:]) / max(float(v @ v), np.finfo(float).tiny)
        W[k + 1 :, i] = 0
        chosen.append(i)
    return W, tuple(chosen)


def _round(values: Floats) -> list[Any]:
    scale = 2**_CENTRE_BITS
    return [[Fraction(round(float(x) * scale), scale) for x in row] for row in np.atleast_2d(values)]


def certify(parameters: Parameters, data: DataSet, better: Parameters | None = None) -> CriticalPoint | NoCertificate:
    """A valid certificate for the critical point next to a polished model, or why there is none.

    Parameters
    ----------
    parameters : Parameters
        One model, W (m, n) and b (n,), with a gradient of about 1e-10 or less.
    data : Axial or UniformAxial
        Amplitudes and weights are taken as the rationals nearest to them with denominators up to 1000.
    better : Parameters, optional
        A model of lower loss, which makes a local minimum a spurious one.

    Returns
    -------
    CriticalPoint or NoCertificate
        The latter for a model that is on a kink, untied or without a bias, for a singular Hessian, and where the
        point is none.

    See Also
    --------
    relugeom.exact.check
    """
    if not isinstance(data, Axial | UniformAxial):
        return NoCertificate(f"certificates of critical points are for data on the axes, not {type(data).__name__}")
    if not parameters.tied or parameters.b is None:
        return NoCertificate("certificates of critical points are for tied models with a bias")
    amplitudes, weights = _rational_grid(data)
    if not float(kink_distance(parameters, data)) > 0:
        return NoCertificate("the model is on a kink, where there is no Hessian")
    W, gauge = fix_gauge(np.asarray(parameters.W))
    m, n = W.shape
    b = np.asarray(parameters.b)
    held = {(a, i) for k, i in enumerate(gauge) for a in range(k + 1, m)}
    free = [q for q in range(m * n + n) if q >= m * n or divmod(q, n) not in held]
    curvatures = np.linalg.eigvalsh(hessian(Parameters(W, b), data)[np.ix_(free, free)])
    margin = Fraction(float(np.abs(curvatures).min()) / 2).limit_denominator(10**6)
    if margin <= 0:
        return NoCertificate("the Hessian is singular")
    encoder, bias = as_matrix(_round(W)), as_vector(_round(b)[0])
    grid = None if amplitudes is None else _shares(amplitudes, weights)
    centre = axial_loss(encoder, bias, grid)
    for radius in map(Fraction, _RADII):
        # The checker's bound for the change of the loss, generously.
        spread = Fraction(round(float(radius) ** 2 * (2 * float(np.abs(curvatures).max()) * n + 10) * 2**90) + 1, 2**90)
        low, high = _outward(centre - spread, centre + spread)
        certificate = CriticalPoint(
            encoder, bias, amplitudes, weights, radius, margin, gauge, int((curvatures < 0).sum()), low, high,
            None if better is None else as_matrix(_short(np.asarray(better.W))),
            None if better is None else as_vector(_short(np.asarray(better.b))[0]),
        )  # fmt: skip
        answer = check(certificate)
        if isinstance(answer, Valid):
            return certificate
        reason = answer.reason
    return NoCertificate(f"the checker refuses it: {reason}")


def _outward(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """Bounds a little wider, with short denominators."""
    scale = 10**12
    return Fraction(low.numerator * scale // low.denominator, scale), Fraction(
        -(-high.numerator * scale // high.denominator), scale
    )


def _short(values: Floats) -> list[Any]:
    """Rationals with six decimals: for a model that only has to be better."""
    return [[Fraction(round(float(x) * 10**6), 10**6) for x in row] for row in np.atleast_2d(values)]


def _rational_grid(data: Axial | UniformAxial) -> tuple[Vector | None, Vector | None]:
    if isinstance(data, UniformAxial):
        return None, None
    amplitudes = tuple(Fraction(a).limit_denominator(1000) for a in data.amplitudes)
    weights = tuple(Fraction(w).limit_denominator(1000) for w in data.weights or ())
    return amplitudes, None if len(set(weights)) <= 1 else weights


def _shares(amplitudes: Vector, weights: Vector | None) -> list[tuple[Fraction, Fraction]]:
    shares = (Fraction(1),) * len(amplitudes) if weights is None else weights
    return [(a, w / sum(shares)) for a, w in zip(amplitudes, shares, strict=True)]


def certify_dead_outputs(encoder: Matrix, dead: tuple[int, ...]) -> DeadOutputs | None:
    """The non-strict minimum on X = I in which the outputs `dead` are off and the others exact, if there is one.

    The biases follow: 1 − ‖w_j‖² for a live output, one less than −max_i w_i·w_j for a dead one.
    """
    columns = list(zip(*encoder, strict=True))
    products = [[sum(x * y for x, y in zip(u, v, strict=True)) for v in columns] for u in columns]
    bias = tuple(-max(row) - 1 if j in dead else 1 - row[j] for j, row in enumerate(products))
    certificate = DeadOutputs(encoder, bias, dead)
    return certificate if isinstance(check(certificate), Valid) else None


def stored_certificates() -> dict[str, Certificate]:
    """The certificates that come with the package, by file name."""
    folder = resources.files("relugeom.landscape") / "certificates"
    files = sorted((item for item in folder.iterdir() if item.name.endswith(".json")), key=lambda item: item.name)
    return {item.name: loads(item.read_text(encoding="utf-8")) for item in files}
