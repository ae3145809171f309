"""What is this model to the loss: a minimum, a saddle, on its way somewhere? One answer for every model, with a reason.

A trained model is near a critical point, not on it. `nature` polishes it to the one next to it, says how far that was,
and asks there, in this order:

1. are all numbers finite? else *diverged*;
2. is the loss 0, or the least value that a theorem gives? then a *global minimum*;
3. did polishing converge, and stay near? else *drifting* or *not critical*;
4. is it on a kink? then the one-sided analysis answers, or nothing does: *on a kink*;
5. the curvatures across the symmetries: one negative, a *saddle*; all positive, a *strict minimum* modulo rotation;
   some zero, *flat*: a family of points of equal loss, or not settled at second order.

Floats say what to expect; a certificate, where there is one, proves it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from math import nan, sqrt
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.axial import Axial, AxialData, UniformAxial, is_identity
from relugeom.autoencoder.data import DenseExamples
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import (
    DataSet,
    Parameters,
    as_data,
    dead_features,
    flatten,
    gradient,
    kink_distance,
    loss,
    reconstruct,
    unflatten,
)
from relugeom.autoencoder.parameters import check_arrays
from relugeom.errors import ArgumentError, KinkError
from relugeom.exact.certificates import Certificate, ExactReconstruction
from relugeom.exact.check import Valid, check
from relugeom.exact.rationals import Inertia, Matrix, as_matrix, dot, transpose
from relugeom.html import html_table
from relugeom.landscape.certifying import NoCertificate, certify, certify_dead_outputs
from relugeom.landscape.curvatures import Curvatures, curvatures
from relugeom.landscape.families.independent import FAMILIES, best_member
from relugeom.landscape.families.polygons import polished_polygons
from relugeom.landscape.kinks import one_sided
from relugeom.landscape.polishing import Status, polish
from relugeom.landscape.sizes import loss_of_nothing, of_usual_size
from relugeom.landscape.symmetry import invariants

__all__ = ["Nature", "NatureName", "known_minimum", "nature"]

Floats = npt.NDArray[np.float64]

NatureName = Literal[
    "global minimum",
    "strict minimum",
    "flat",
    "saddle",
    "on a kink",
    "drifting",
    "diverged",
    "not critical",
    "undecided",
]

_ZERO = 1e-10  # a total below this part of Σ x², or of 1 if that is less, is zero but for rounding
_REACHED = 1e-9  # how near the least value that a theorem gives counts as reached
_NEAR = 0.1  # polishing that moves a model by more than this part of its norm has left it
_MOST_PARAMETERS = 600  # beyond, the Hessian is too large to polish with
_SAME_POINT = 1e-6  # invariants within this are those of the point that a theorem is about
_STEEP = 1e-4  # a gradient beyond this part of the model's norm is no critical point's
_MOST_CERTIFIED = 60  # beyond, exact arithmetic takes minutes
_MOST_RATIONAL = 600  # weights of a model whose exactness is checked
_MOST_COMPARED = 30  # features with which polygons are polished for comparison
_MOST_EQUAL = 5  # independent features of the symmetric models compared with
_LOWER = 1e-6  # a loss lower by this much makes a minimum spurious


@dataclass(frozen=True, slots=True, eq=False)
class Nature:
    """What a model is to the loss.

    Attributes
    ----------
    name : str
        "global minimum", "strict minimum" (modulo rotation), "flat", "saddle", "on a kink", "drifting", "diverged",
        "not critical", or "undecided" where the model is too large to tell.
    reason : str
        Why, in a sentence.
    model : Parameters
        The point that is described: the critical point that polishing reached, or the model as given.
    distance : float
        How far it is from the given model, ‖θ − θ'‖ over all parameters.
    loss, total_loss : float
        There: the mean over the examples, and the sum.
    gradient_norm, kink_distance : float
        There.
    inertia : Inertia, or None
        How many curvatures are positive, negative, zero, symmetries left out; None on kinks and where not computed.
    direction : Parameters, or None
        For a saddle, a unit direction in which the loss falls to second order; for a flat point one of no curvature.
    one_sided : str
        On a kink: "minimum", "saddle", "flat" or "undecided"; else empty.
    spurious : bool
        For a strict minimum: whether a model of lower loss is known.
    certificate : Certificate, or None
        It proves what its statement says, of a model within rounding of this one.
    uncertified : str
        Why there is no certificate; empty where there is one.
    """

    name: NatureName
    reason: str
    model: Parameters
    distance: float
    loss: float
    total_loss: float
    gradient_norm: float
    kink_distance: float
    inertia: Inertia | None = None
    direction: Parameters | None = None
    one_sided: str = ""
    spurious: bool = False
    certificate: Certificate | None = None
    uncertified: str = ""

    def _repr_html_(self) -> str:
        signs = "" if self.inertia is None else "{} positive, {} negative, {} zero".format(*self.inertia)
        proof = f"none: {self.uncertified}" if self.certificate is None else self.certificate.statement()
        rows = [
            ("nature", self.name + (f": {self.one_sided}" if self.one_sided else "")),
            ("reason", self.reason),
            ("polished by", f"{self.distance:.3g}"),
            ("total loss", f"{self.total_loss:.6g}"),
            ("gradient norm", f"{self.gradient_norm:.2g}"),
            ("curvatures", signs),
            ("certificate", proof),
        ]
        return html_table(("", ""), [row for row in rows if row[1]], label="nature", style="text-align: left")


def known_minimum(data: DataSet, m: int, *, biased: bool) -> tuple[float, str] | None:
    """The least loss (the mean) of tied models on this data set, and the theorem that gives it, where one does.

    Parameters
    ----------
    data : DataSet
    m : int
        Latent dimension.
    biased : bool
        Whether the models have a bias.

    Returns
    -------
    (float, str) or None
        The value, and the identifier of the claim in docs/claims.md.
    """
    n = data.n
    if is_identity(data):
        if not biased and m == 1 and n >= 2:
            return (n - 2) / n, "any-m-lower-bound"
        if not biased and m == 2 and n >= 5:
            return (n - 5 * (7 + sqrt(5)) / 11) / n, "pentagon-is-optimal"
    if isinstance(data, UniformAxial) and biased and (m, n) == (2, 5):
        return _PENTAGON / 5, "pentagon-with-bias-is-optimal"
    if isinstance(data, UniformAxial) and biased and (m, n) == (2, 6):
        return _HEXAGON / 6, "hexagon-with-bias-is-optimal"
    return None


# F* of the certificates PentagonMinimum and HexagonMinimum.
_PENTAGON = 0.079128135372471
_HEXAGON = 0.289154256189035


def nature(
    parameters: Parameters,
    data: DataSet | Any = None,
    *,
    near: float = _NEAR,
    iterations: int = 300,
    certificates: bool = True,
) -> Nature:
    """Say what one model is to the loss, whatever the model: never an exception for what it is, always a reason.

    Parameters
    ----------
    parameters : Parameters
        One model, tied or not, with a bias or without.
    data : array, shape (T, n), or DataSet, optional
        Default: X = I.
    near : float
        A critical point farther away than this part of the model's norm is not the model's own.
    iterations : int
        Of Newton's method in polishing.
    certificates : bool
        Whether to try for a certificate, in exact arithmetic.

    Returns
    -------
    Nature
        Its name, the reason in a sentence, and the certificate or why there is none.

    Raises
    ------
    ArgumentError
        The model is no single model, or does not fit the data.

    See Also
    --------
    relugeom.landscape.polish, relugeom.landscape.kind, relugeom.inspection.inspect

    Examples
    --------
    >>> from relugeom.autoencoder import symmetric_failure
    >>> nature(symmetric_failure(7)).one_sided
    'saddle'
    """
    at = check_arrays(parameters)
    if at.W.ndim != 2 or at.b.ndim != 1 or at.D.ndim != 2:
        raise ArgumentError(f"parameters must be one model, W (m, n); got W of shape {tuple(at.W.shape)}")
    W, b, D = (np.asarray(to_numpy(part), np.float64) for part in (at.W, at.b, at.D))
    given = Parameters(W, b if at.biased else None, None if at.tied else D.T)
    known = Axial(W.shape[1]) if data is None else as_data(data)
    if known.n != W.shape[1]:
        raise ArgumentError(f"W must have n = {known.n} columns for this data set; got {W.shape}")
    with np.errstate(over="ignore", invalid="ignore"):
        if not np.isfinite(flatten(given)).all() or not np.isfinite(float(loss(given, known))):
            return Nature(
                "diverged", "some number of the model or its loss is not finite", given, nan, nan, nan, nan, nan
            )
    scaled, unit = of_usual_size(known)
    if scaled is known:
        return _Question(given, known, near, iterations, certificates).answer()
    found = _Question(_divide(given, unit), scaled, near, iterations, certificates).answer()
    return _of_original(found, given, known, unit)


def _divide(model: Parameters, unit: float) -> Parameters:
    """(W, b/s, R)."""
    return Parameters(model.W, None if model.b is None else model.b / unit, model.decoder)


def _of_original(found: Nature, given: Parameters, data: DataSet, unit: float) -> Nature:
    """What was found of the scaled problem, said of the original one."""
    model = _divide(found.model, 1 / unit)
    value = float(loss(model, data))
    return replace(
        found, reason=found.reason + "; these numbers are of the data scaled to size 1", model=model,
        distance=float(np.linalg.norm(flatten(model) - flatten(given))), loss=value, total_loss=data.T * value,
        gradient_norm=float(np.linalg.norm(flatten(gradient(model, data)))),
        kink_distance=float(kink_distance(model, data)),
        direction=None if found.direction is None else _divide(found.direction, 1 / unit),
    )  # fmt: skip


@dataclass(slots=True)
class _Question:
    """A model and a data set, and what has been found of them on the way to an answer."""

    given: Parameters
    data: DataSet
    near: float
    iterations: int
    certificates: bool

    def answer(self) -> Nature:
        size = len(flatten(self.given))
        if size > _MOST_PARAMETERS:
            return self._without_polishing(size)
        found = polish(_batch(self.given), self.data, escapes=0, iterations=self.iterations)
        model, status = found.model(0), Status(int(found.status[0]))
        start = flatten(self.given)
        moved = float(np.linalg.norm(flatten(model) - start))
        there = self._lowest(model)
        if there is not None:
            return self._if_near(there, moved)
        if status == Status.DRIFTING:
            longest = float(np.linalg.norm(model.W, axis=0).max())
            reason = (
                f"after {self.iterations} steps of polishing the longest feature has norm {longest:.3g} and the "
                "gradient has not vanished: perhaps a minimum at infinity"
            )
            return self._say("drifting", reason, model, uncertified="there is no point to certify")
        if status == Status.UNCONVERGED:
            reason = (
                f"polishing did not reach a critical point within {self.iterations} steps: the gradient norm fell from "
                f"{self._slope(self.given):.2g} to {float(found.gradient_norm[0]):.2g}; train on, or allow more steps"
            )
            return self._say("not critical", reason, self.given, uncertified="the model is no critical point")
        there = self._on_a_kink(model) if status == Status.KINK else self._smooth(model)
        return self._if_near(there, moved)

    def _if_near(self, there: Nature, moved: float) -> Nature:
        """`there`, unless polishing left the given model behind."""
        norm = float(np.linalg.norm(flatten(self.given)))
        if moved <= self.near * norm:
            return there
        reason = (
            f"the gradient norm is {self._slope(self.given):.2g}; the critical point that polishing finds is "
            f"{moved:.3g} away, {moved / max(norm, 1e-300):.0%} of the model's norm ({there.name}: "
            f"{there.reason})"
        )
        return self._say("not critical", reason, self.given, uncertified="the model is no critical point")

    def _say(self, name: NatureName, reason: str, model: Parameters, **more: Any) -> Nature:
        value = float(loss(model, self.data))
        return Nature(
            name,
            reason,
            model,
            float(np.linalg.norm(flatten(model) - flatten(self.given))),
            value,
            self.data.T * value,
            self._slope(model),
            float(kink_distance(model, self.data)),
            **more,
        )

    def _slope(self, model: Parameters) -> float:
        return float(np.linalg.norm(flatten(gradient(model, self.data))))

    def _without_polishing(self, size: int) -> Nature:
        lowest = self._lowest(self.given)
        if lowest is not None:
            return lowest
        slope, norm = self._slope(self.given), float(np.linalg.norm(flatten(self.given)))
        reason = (
            f"the gradient norm is {slope:.2g}; with {size:,} parameters the Hessian is too large to polish with (at "
            f"most {_MOST_PARAMETERS})"
        )
        name: NatureName = "not critical" if slope > _STEEP * max(1.0, norm) else "undecided"
        return self._say(name, reason, self.given, uncertified="the model was not polished")

    def _lowest(self, model: Parameters) -> Nature | None:
        """The answer where no loss can be lower."""
        value = float(loss(model, self.data))
        if isinstance(self.data, Independent):
            value += float(self.data.rest(model))  # of the sets that the sum leaves out
        small = self.data.T * value < _ZERO * min(1.0, self.data.T * self._nothing(model))
        if value == 0 or (small and self._is_right_everywhere(model)):
            certificate, why = self._certify_zero(model)
            reason = f"zero loss: the total is {self.data.T * value:.2g}, 0 but for rounding, and no loss is negative"
            return self._say("global minimum", reason, model, certificate=certificate, uncertified=why)
        least = known_minimum(self.data, model.W.shape[0], biased=model.b is not None) if model.tied else None
        if least is not None and value <= least[0] + _REACHED:
            reason = f"the loss is the least there is, {least[0]:.9g}, by the theorem {least[1]}"
            why = f"the theorem {least[1]} is the evidence (relugeom explain {least[1]})"
            return self._say("global minimum", reason, model, uncertified=why)
        return None

    def _is_right_everywhere(self, model: Parameters) -> bool:
        """Whether no small or unimportant feature is wrong, which the total would hide: each beside its own size."""
        if isinstance(self.data, Independent):
            equal = replace(self.data, importance=(self.data.weights > 0).astype(float).tolist())
            return float(equal.loss(model)) < _ZERO * loss_of_nothing(equal)
        if isinstance(self.data, DenseExamples):
            counted = (
                np.ones(self.data.n, bool) if self.data.importance is None else np.asarray(self.data.importance) > 0
            )
            X = np.asarray(to_numpy(self.data.X), np.float64)[..., counted]
            error = (np.asarray(to_numpy(reconstruct(model, self.data.X)), np.float64)[..., counted] - X) ** 2
            size = (X**2).sum(axis=0)
            return bool((error.sum(axis=0) < _ZERO * np.where(size > 0, size, size.sum())).all())
        return True

    def _nothing(self, model: Parameters) -> float:
        """The loss of answering 0 to everything, the mean of Σ x²: what is small is small beside it."""
        W, b, R = model.W, model.b, model.decoder
        zeros = [None if part is None else np.zeros_like(part) for part in (b, R)]
        return float(loss(Parameters(np.zeros_like(W), *zeros), self.data))

    def _certify_zero(self, model: Parameters) -> tuple[Certificate | None, str]:
        if not self.certificates:
            return None, "not asked for"
        if not is_identity(self.data):
            return None, "certificates of zero loss are for X = I"
        if model.W.size > _MOST_RATIONAL:
            return None, f"exact arithmetic is tried up to {_MOST_RATIONAL} weights"
        # A little farther out, with the bias that W demands, the outputs of a rational model stay exact.
        grown = 1.0 if model.b is None else 1 + 1e-6
        encoder = _rational(grown * np.asarray(model.W))
        decoder = None if model.tied else _rational(grown * np.asarray(model.decoder))
        rows = transpose(encoder) if decoder is None else decoder
        columns = transpose(encoder)
        bias = None if model.b is None else tuple(1 - dot(r, w) for r, w in zip(rows, columns, strict=True))
        certificate = ExactReconstruction(encoder, decoder, bias)
        answer = check(certificate)
        if isinstance(answer, Valid):
            return certificate, ""
        return None, f"the model of rational numbers next to it is not exact: {answer.reason}"

    def _dead_outputs(self, model: Parameters, dead: tuple[int, ...]) -> tuple[Certificate | None, str]:
        """A rational model next to this one, a little farther out so that its live outputs stay exact."""
        if model.W.size > _MOST_RATIONAL:
            return None, f"exact arithmetic is tried up to {_MOST_RATIONAL} weights"
        certificate = certify_dead_outputs(_rational((1 + 1e-6) * np.asarray(model.W)), dead)
        if certificate is None:
            return None, "no rational model next to it satisfies the conditions exactly"
        return certificate, ""

    def _smooth(self, model: Parameters) -> Nature:
        try:
            found = curvatures(model, self.data)
        except KinkError:
            return self._on_a_kink(model)
        signs = found.inertia
        if signs.negative:
            steep = self._parameters(found.directions[:, 0], model)
            certificate, why = self._certify(model, None)
            reason = (
                f"{signs.negative} of {sum(signs)} curvatures are negative, the lowest {found.values[0]:.3g}: the loss "
                "falls along the direction given"
            )
            return self._say(
                "saddle", reason, model, inertia=signs, direction=steep, certificate=certificate, uncertified=why
            )
        if signs.zero:
            return self._flat(model, found)
        better = self._better(model)
        certificate, why = self._certify(model, better)
        reason = (
            f"the gradient vanishes and all {signs.positive} curvatures are positive, the least {found.values[0]:.3g}"
        )
        if better is not None:
            reason += f"; spurious: another model has loss {float(loss(better, self.data)):.3g}"
        return self._say(
            "strict minimum", reason, model,
            inertia=signs, spurious=better is not None, certificate=certificate, uncertified=why,
        )  # fmt: skip

    def _flat(self, model: Parameters, found: Curvatures) -> Nature:
        """No curvature is negative, some are 0: walk along them and look."""
        signs = found.inertia
        step = 1e-2 * max(1.0, float(np.linalg.norm(flatten(model))))
        here, value = flatten(model), float(loss(model, self.data))
        equal = False
        for v in found.directions[:, np.abs(found.values) <= found.small].T:
            for sign in (1, -1):
                there = here + sign * step * v
                reached = polish(
                    _batch(self._parameters(there, model)), self.data, escapes=0, iterations=self.iterations
                )
                lower, end = float(reached.loss[0]), flatten(reached.model(0))
                if lower < value - 1e-10 * (1 + value) and np.linalg.norm(end - here) < 4 * step:
                    reason = (
                        f"some curvatures are 0, and a step of {step:.2g} along one of them leads down to {lower:.6g}"
                    )
                    return self._say(
                        "saddle", reason, model, inertia=signs, direction=self._parameters(sign * v, model),
                        uncertified="the descent is not of second order",
                    )  # fmt: skip
                same = abs(lower - value) <= 1e-10 * (1 + value) and reached.status[0] in (Status.SMOOTH, Status.KINK)
                equal = equal or bool(same and np.linalg.norm(end - here) > step / 2)
        flat = self._parameters(found.directions[:, int(np.argmin(np.abs(found.values)))], model)
        certificate, why = self._certify_flat(model)
        if equal:
            reason = (
                f"a family of equal loss: {signs.zero} of {sum(signs)} curvatures are 0, none is negative, and along "
                "them there are other critical points of the same loss"
            )
        else:
            reason = (
                f"not settled at second order: {signs.zero} of {sum(signs)} curvatures are 0, none is negative, and no "
                "lower loss was found along them"
            )
        return self._say("flat", reason, model, inertia=signs, direction=flat, certificate=certificate, uncertified=why)

    def _certify_flat(self, model: Parameters) -> tuple[Certificate | None, str]:
        dead = tuple(np.flatnonzero(dead_features(model, self.data)).tolist())
        exact = abs(self.data.T * float(loss(model, self.data)) - len(dead)) < 1e-9
        if self.certificates and dead and exact and model.tied and model.b is not None and is_identity(self.data):
            return self._dead_outputs(model, dead)
        return None, "certificates of critical points need curvatures other than 0"

    def _on_a_kink(self, model: Parameters) -> Nature:
        why = "there is no kind of certificate for a point on a kink"
        theorem = _known_kink(model, self.data)
        if theorem:
            better = self._better(model)
            reason = f"a strict minimum modulo rotation by the theorem {theorem}"
            if better is not None:
                reason += f"; spurious: another model has loss {float(loss(better, self.data)):.3g}"
            why = f"the theorem {theorem} is the evidence (relugeom explain {theorem})"
            return self._say("strict minimum", reason, model, spurious=better is not None, uncertified=why)
        if not (isinstance(self.data, AxialData | Independent) and model.tied):
            reason = (
                f"a pre-activation is {float(kink_distance(model, self.data)):.1g} from 0, where the loss has no "
                "Hessian; the one-sided analysis is for tied models on axial data or independent features"
            )
            return self._say("on a kink", reason, model, one_sided="undecided", uncertified=why)
        try:
            found = one_sided(model, self.data)
        except KinkError as error:
            return self._say("on a kink", str(error), model, one_sided="undecided", uncertified=why)
        told = {
            "minimum": "to second order the loss rises in every direction but those of rotation, by a bound",
            "saddle": f"to second order the loss falls along the direction given (least {found.least:.3g})",
            "flat": "to second order the loss falls nowhere, by a bound, but there are zeros beyond rotation",
            "undecided": f"no direction of descent was found (least {found.least:.3g}), and no bound excludes one",
        }[found.verdict]
        down = self._parameters(found.direction, model) if found.verdict == "saddle" else None
        pairs = "pairs of a set of active features" if isinstance(self.data, Independent) else "pairs of an axis"
        reason = f"{found.kinks} {pairs} and an output are on a kink: {told}"
        return self._say("on a kink", reason, model, one_sided=found.verdict, direction=down, uncertified=why)

    def _parameters(self, vector: Floats, like: Parameters) -> Parameters:
        return unflatten(vector, *like.W.shape, untied=not like.tied)

    def _better(self, model: Parameters) -> Parameters | None:
        """A polygon with null features that has a lower loss, if there is one."""
        m, n = model.W.shape
        if not (model.tied and model.b is not None and m >= 2):
            return None
        if isinstance(self.data, Independent):
            return self._better_family(model, self.data)
        if not isinstance(self.data, AxialData) or n > _MOST_COMPARED:
            return None
        polygons = [Parameters(np.pad(W, ((0, m - 2), (0, 0))), b) for W, b in polished_polygons(self.data)]
        losses = [float(loss(other, self.data)) for other in polygons]
        limit = float(loss(model, self.data)) - _LOWER
        return polygons[int(np.argmin(losses))] if losses and min(losses) < limit else None

    def _better_family(self, model: Parameters, law: Independent) -> Parameters | None:
        """The best symmetric model of up to five equal independent features, if it has a lower loss."""
        groups = law.correlated or law.anticorrelated
        if model.W.shape[0] != 2 or groups or law.values != "uniform" or np.ptp(law.weights) > 0:
            return None
        known = [best_member(family, law.density) for family, k in FAMILIES.items() if k <= min(law.n, _MOST_EQUAL)]
        best = max(known, key=lambda member: member.gain, default=None)
        other = None if best is None else best.model(law.n)
        limit = float(loss(model, law)) * (1 - _LOWER)
        return other if other is not None and float(loss(other, law)) < limit else None

    def _certify(self, model: Parameters, better: Parameters | None) -> tuple[Certificate | None, str]:
        if not self.certificates:
            return None, "not asked for"
        if len(flatten(model)) > _MOST_CERTIFIED:
            return None, f"exact arithmetic is tried up to {_MOST_CERTIFIED} parameters"
        found = certify(model, self.data, better)
        return (None, found.reason) if isinstance(found, NoCertificate) else (found, "")


def _known_kink(model: Parameters, data: DataSet) -> str:
    """The theorem that settles this point on a kink: the square with a null feature; empty if none does."""
    if not (isinstance(data, UniformAxial) and model.tied and model.b is not None and model.W.shape == (2, 5)):
        return ""
    square = Parameters(np.array([[1.0, 0, -1, 0, 0], [0, 1, 0, -1, 0]]), np.array([0, 0, 0, 0, 0.1]))
    near = np.abs(invariants(model) - invariants(square)).max() < _SAME_POINT
    return "square-with-a-null-feature" if near else ""


def _batch(model: Parameters) -> Parameters:
    """One model as a batch of one."""
    b, R = model.b, model.decoder
    return Parameters(model.W[None], None if b is None else b[None], None if R is None else R[None])


def _rational(values: Floats) -> Matrix:
    """The entries, rounded to nine decimals."""
    return as_matrix([[Fraction(round(float(x) * 10**9), 10**9) for x in row] for row in values])
