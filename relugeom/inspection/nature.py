"""What a model is on the landscape of its loss, in one name, with the reason and, if there is one, the certificate.

The model is polished: Newton's method brings it to the critical point next to it, without leaving that point again.
What is said is about that point, and how far it is stands beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial, AxialData
from relugeom.autoencoder.constructions import zero_loss_polygon
from relugeom.autoencoder.criterion import zero_loss_bias, zero_loss_test
from relugeom.autoencoder.model import Parameters, hessian
from relugeom.errors import KinkError
from relugeom.exact.certificates import Certificate, ExactReconstruction
from relugeom.exact.check import Valid, check
from relugeom.exact.rationals import Matrix
from relugeom.landscape.certify import certify, certify_dead_outputs
from relugeom.landscape.kinds import inertia, one_sided
from relugeom.landscape.polish import Status, polish

__all__ = ["MOST_PARAMETERS", "NATURES", "Nature", "nature"]

Floats = npt.NDArray[np.float64]

NATURES = (
    "global minimum", "strict minimum modulo rotation", "flat", "saddle", "on a kink", "drifting", "diverged",
    "not critical", "not examined",
)  # fmt: skip

MOST_PARAMETERS = 400
"""Newton's method solves a system of this size in every step."""

_ZERO = 1e-20  # of the loss after polishing: squares of rounding errors
_FAR = 0.2  # of the parameters' norm: the point reached is another one
_NONE_NEAR = "no model with rational numbers near by has its outputs exact"
_NEXT = 1e-3  # of the parameters' norm, and no farther: the model is at the point but for the end of its training


@dataclass(frozen=True, slots=True, eq=False)
class Nature:
    """What a model is.

    Attributes
    ----------
    name : str
        One of `NATURES`.
    reason : str
        Why, in a sentence.
    distance : float or None
        ‖θ − θ'‖ to the critical point θ' that polishing reached; None where it was not polished.
    loss : float or None
        There.
    point : Parameters or None
        It.
    certificate : Certificate or None
        What proves it.
    without : str
        Why there is no certificate; "" where there is one.
    direction : Parameters or None
        Along which the loss falls, at a saddle.
    """

    name: str
    reason: str
    distance: float | None = None
    loss: float | None = None
    point: Parameters | None = None
    certificate: Certificate | None = None
    without: str = ""
    direction: Parameters | None = None


def nature(W: Floats, b: Floats | None, data: Any, *, tied: bool = True) -> Nature:
    """The nature of one model.

    Parameters
    ----------
    W : ndarray, shape (m, n)
    b : ndarray, shape (n,), or None
    data : AxialData or anything else
        Polishing and second order are for data a·e_i.
    tied : bool
    """
    parts = [W] if b is None else [W, b]
    if not all(np.isfinite(part).all() for part in parts):
        return Nature("diverged", "the model holds numbers that are not finite", without="nothing to certify")
    refusal = _refusal(W, b, data, tied)
    if refusal:
        return Nature("not examined", refusal, without="no critical point is known")
    assert b is not None
    found = polish(Parameters(W[None], b[None]), data, escapes=0)
    point = Parameters(found.W[0], found.b[0])
    distance = float(np.sqrt(((found.W[0] - W) ** 2).sum() + ((found.b[0] - b) ** 2).sum()))
    value, status = float(found.loss[0]), Status(int(found.status[0]))
    size = float(np.sqrt((W**2).sum() + (b**2).sum()))
    if status == Status.DRIFTING:
        words = "polishing reached no critical point: the longest feature goes on growing while the loss falls"
        return Nature("drifting", words, distance, value, point, without="there is no critical point to certify")
    if status == Status.UNCONVERGED or distance > _FAR * size:
        words = (
            f"the gradient does not vanish near by: Newton's method went {distance:.3g} away, from parameters of norm "
            f"{size:.3g}" + (", and did not converge" if status == Status.UNCONVERGED else "")
        )
        return Nature("not critical", words, distance, value, point, without="the model is at no critical point")
    where = "" if distance <= _NEXT * size else f" (of the critical point {distance:.2g} away)"
    if value <= _ZERO:
        certificate, without = _zero_loss_certificate(point, data)
        words = f"the loss is 0, and no loss is less{where}"
        if certificate is not None:
            words += "; certified for the model with rational numbers next to it"
        return Nature("global minimum", words, distance, value, point, certificate, without)
    answer = _smooth if status == Status.SMOOTH else _kinked
    name, words, certificate, without, direction = answer(point, data, value)
    return Nature(name, words + where, distance, value, point, certificate, without, direction)


def _refusal(W: Floats, b: Floats | None, data: Any, tied: bool) -> str:
    """Why the model is not polished; "" if it is."""
    if not isinstance(data, AxialData):
        return "not polished: that is done on data a·e_i (identity, uniform, a grid)"
    if not tied:
        return "not polished: that is done for tied models"
    if b is None:
        return "not polished: that is done for models with a bias"
    size = W.size + W.shape[1]
    return "" if size <= MOST_PARAMETERS else f"not polished: {size} parameters, at most {MOST_PARAMETERS} are"


_Answer = tuple[str, str, Certificate | None, str, Parameters | None]


def _smooth(point: Parameters, data: AxialData, value: float) -> _Answer:
    counts = inertia(point, data)
    if counts.negative:
        direction, curvature = _lowest(point, data)
        words = f"{counts.negative} directions of negative curvature, the lowest {curvature:.3g}"
        certificate = certify(point, data)
        without = "" if certificate else "the checker could not separate its curvatures from 0"
        return "saddle", words.replace("1 directions", "1 direction"), certificate, without, direction
    if counts.zero:
        words = (
            f"no curvature is negative and {counts.zero} beyond those of rotation are 0: a family of equal loss, or "
            "not settled at second order"
        )
        return "flat", words, *_flat_certificate(point, data, value), None
    certificate = certify(point, data, _better(point, data, value))
    without = "" if certificate else "the checker could not separate its curvatures from 0"
    words = f"all {counts.positive} curvatures but those of rotation are positive; the loss is {value:.6g}"
    return "strict minimum modulo rotation", words, certificate, without, None


def _kinked(point: Parameters, data: AxialData, value: float) -> _Answer:
    try:
        found = one_sided(point, data)
    except KinkError as error:
        return "on a kink", f"undecided: {error}", None, "there is no second-order form to certify", None
    m, n = point.W.shape
    words = {
        "minimum": "a minimum: the loss rises to second order in every direction but those of rotation",
        "flat": "no direction falls to second order and some are level: a family of equal loss, or not settled; "
        f"{found.kinks} pairs are on a kink",
        "undecided": "undecided: no falling direction was found, and no bound excludes one",
        "saddle": f"the loss falls to second order along a direction, by {found.least:.3g}",
    }[found.verdict]
    if found.verdict == "saddle":
        direction = Parameters(found.direction[: m * n].reshape(m, n), found.direction[m * n :])
        return "saddle", words, None, "it lies on a kink, where no certificate of saddles holds", direction
    certificate, without = _flat_certificate(point, data, value)
    return "on a kink", words, certificate, without, None


def _lowest(point: Parameters, data: AxialData) -> tuple[Parameters, float]:
    values, vectors = np.linalg.eigh(hessian(point, data))
    m, n = point.W.shape
    v = vectors[:, 0]
    return Parameters(v[: m * n].reshape(m, n), v[m * n :]), float(values[0])


def _is_identity(data: AxialData) -> bool:
    return isinstance(data, Axial) and data.amplitudes == (1.0,)


def _better(point: Parameters, data: AxialData, value: float) -> Parameters | None:
    """A polygon of zero loss, where there is one and it is better."""
    m, n = point.W.shape
    return zero_loss_polygon(n) if m == 2 and n >= 3 and _is_identity(data) and value > 1e-6 else None


def _zero_loss_certificate(point: Parameters, data: AxialData) -> tuple[Certificate | None, str]:
    """That a model with rational numbers, longer by at most a part in a million, has zero loss on X = I."""
    if not _is_identity(data):
        return None, "certificates of zero loss are for X = I"
    for encoder in _rational(point, ()):
        bias = tuple(1 - sum(x * x for x in column) for column in zip(*encoder, strict=True))
        certificate = ExactReconstruction(encoder, None, bias)
        if isinstance(check(certificate), Valid):
            return certificate, ""
    return None, _NONE_NEAR


def _flat_certificate(point: Parameters, data: AxialData, value: float) -> tuple[Certificate | None, str]:
    """That the model is a minimum in which some outputs are dead and all others exact, where it is that."""
    if not _is_identity(data):
        return None, "certificates of minima that are not strict are for X = I"
    n = point.W.shape[1]
    Z = point.W.T @ point.W + point.b
    dead = tuple(np.flatnonzero(Z.max(axis=0) < 0).tolist())
    if not dead or abs(value * n - len(dead)) > 1e-9:
        return None, "certificates of minima that are not strict are for dead outputs beside exact ones"
    return _dead_certificate(point, dead)


def _dead_certificate(point: Parameters, dead: tuple[int, ...]) -> tuple[Certificate | None, str]:
    for encoder in _rational(point, dead):
        certificate = certify_dead_outputs(encoder, dead)
        if certificate is not None:
            return certificate, ""
    return None, _NONE_NEAR


def _rational(point: Parameters, dead: tuple[int, ...]) -> Iterator[Matrix]:
    """W in rational numbers, and a little longer, where the live outputs keep their distance from 0."""
    live = [i for i in range(point.W.shape[1]) if i not in dead]
    for longer in (1.0, 1 + 1e-6):
        W = longer * point.W
        slack = zero_loss_test(W, zero_loss_bias(W)).slack
        if slack[live].min(initial=np.inf) > 1e-9:
            yield tuple(tuple(Fraction(float(x)).limit_denominator(10**12) for x in row) for row in W)
