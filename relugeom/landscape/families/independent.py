"""Symmetric models of independent features in the plane: their exact losses, where they cross, which are minima.

All features have the same density p, importance 1 and uniform values. A family uses k features as one of

    alone              two orthogonal features, w_i = e_i and b_i = 0, which are given back exactly,
    pair and alone     an antipodal pair ±r e_1 of bias b, and one feature alone on e_2,
    k-gon              k features at equal angles, radius r and bias b (two antipodal pairs for k = 4),

and leaves the other n − k features null, with the constant output p/2. These add p/3 − p²/4 each, so what a family
gains over them does not depend on n:

    L = n (p/3 − p²/4) − G,      G_k(p) = max over its radius and bias of k (p/3 − p²/4) − L_k,

and of all families on at most n features that of the largest gain has the least loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import pi, sqrt

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.constructions import polygon
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters
from relugeom.autoencoder.positive_part import moments
from relugeom.errors import ArgumentError
from relugeom.landscape.kinks import one_sided
from relugeom.landscape.symmetry import across

__all__ = ["FAMILIES", "Member", "best_member", "crossing", "local_nature", "null_loss", "with_null_features"]

Floats = npt.NDArray[np.float64]

#: Names of the families, each with the number of features that it uses.
FAMILIES = {
    "alone": 2, "pair and alone": 3, "triangle": 3, "two pairs": 4, "pentagon": 5, "hexagon": 6, "heptagon": 7,
    "octagon": 8,
}  # fmt: skip
_FLAT = 1e-9  # of the largest curvature: less counts as zero
_STEEP = 1e-9  # times p: the gradient at a member


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """The best member of a family at one density, on its own features.

    Attributes
    ----------
    family : str
    density : float
        p.
    radius, bias : float
        r and b of the k-gon or of the pair; 1 and 0 for features alone.
    loss : float
        On its own k features.
    gain : float
        k (p/3 − p²/4) − loss.
    """

    family: str
    density: float
    radius: float
    bias: float
    loss: float
    gain: float

    @property
    def features(self) -> int:
        """k."""
        return FAMILIES[self.family]

    def total(self, n: int) -> float:
        """The loss among n features, the others null."""
        if n < self.features:
            raise ArgumentError(f"n must be at least {self.features}, the features of the {self.family}; got {n}")
        return n * null_loss(self.density) - self.gain

    def model(self, n: int) -> Parameters:
        """W (2, n) and b (n,), the last features null."""
        return with_null_features(_model(self.family, self.radius, self.bias), n, self.density)


def null_loss(p: float) -> float:
    """p/3 − p²/4, the variance of a feature and so the least loss of a constant output, at b = p/2."""
    return p / 3 - p * p / 4


def with_null_features(model: Parameters, n: int, p: float) -> Parameters:
    """The model with null features added, of constant output p/2."""
    assert model.b is not None
    k = model.W.shape[1]
    return Parameters(np.pad(model.W, ((0, 0), (0, n - k))), np.r_[model.b, np.full(n - k, p / 2)])


def _model(family: str, r: float, b: float) -> Parameters:
    if family == "alone":
        return Parameters(np.eye(2), np.zeros(2))
    if family == "pair and alone":
        return Parameters(np.array([[r, -r, 0.0], [0.0, 0.0, 1.0]]), np.array([b, b, 0.0]))
    k = FAMILIES[family]
    W = np.asarray(polygon(k))
    if k == 4:  # the right angles exactly
        W = np.array([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]])
    return Parameters(r * W, np.full(k, b))


@cache
def best_member(family: str, p: float) -> Member:
    """The member of least loss, by quasi-Newton descent on the exact loss from where it is for rare features.

    Raises
    ------
    ArgumentError
        There is no such family, or p is no density.
    """
    if family not in FAMILIES:
        raise ArgumentError(f"family must be one of {', '.join(FAMILIES)}; got {family!r}")
    if not 0 < p <= 1:
        raise ArgumentError(f"p must lie in (0, 1]; got {p!r}")
    k, null = FAMILIES[family], null_loss(p)
    if family == "alone":
        return Member(family, p, 1.0, 0.0, 0.0, 2 * null)
    # Lines that are orthogonal do not meet in any pre-activation, so a pair has a loss of its own.
    on_a_line = family in ("pair and alone", "two pairs")
    cosines = np.array([1.0, -1.0]) if on_a_line else np.cos(2 * pi * np.arange(k) / k)
    r, b, loss = _descend(cosines, p)
    loss *= 2 if family == "pair and alone" else k
    return Member(family, p, r, b, loss, k * null - loss)


def _descend(cosines: Floats, p: float) -> tuple[float, float, float]:
    """The best radius and bias where every output sees the others under these angles, and the loss of one output.

    With a_i = r² cos φ_i the loss is Σ_A P(A) (E[z₊²] + 1[0 ∈ A] (1/3 − 2 E[u_0 z₊])). The descent starts from the
    smallest polygon of zero loss on X = I, from radius 1, and from the best linear model, r² = 2/k with bias p/2.
    """
    from scipy.optimize import minimize

    k = len(cosines)
    law = Independent(k, 1 - p)
    sets = law.sets()
    P, own = law.probabilities(sets), sets[:, 0]

    def value(x: Floats) -> tuple[float, Floats]:
        found = moments(x[0] ** 2 * cosines[None, None], np.array([[x[1]]]), most=k, order=1)
        loss = P @ (found["", 2][0, :, 0] + own / 3 - 2 * found["j", 1][0, :, 0])
        slope_a = 2 * P @ (found["i", 1][0, :, 0] - found["ij", 0][0, :, 0])
        slope_b = 2 * P @ (found["", 1][0, :, 0] - found["j", 0][0, :, 0])
        return float(loss) / p, np.array([2 * x[0] * (slope_a @ cosines), slope_b]) / p

    square = 1 / (1 - cosines[1])
    starts = [(sqrt(square), 0.7 * (1 - square)), (1.0, 0.0), (sqrt(2 / k if k > 2 else 1 / k), p / 2)]
    options = {"gtol": _STEEP, "maxiter": 200}
    ends = [minimize(value, np.array(start), jac=True, method="BFGS", options=options) for start in starts]
    best = min(ends, key=lambda end: float(end.fun))
    return float(best.x[0]), float(best.x[1]), float(best.fun) * p


def crossing(first: str, second: str, low: float, high: float) -> float:
    """The density p in [low, high] at which two families have the same gain, where one overtakes the other.

    Raises
    ------
    ArgumentError
        The same family is ahead at both ends.
    """
    from scipy.optimize import brentq

    def ahead(p: float) -> float:
        return (best_member(first, float(p)).gain - best_member(second, float(p)).gain) / float(p)

    if ahead(low) * ahead(high) > 0:
        raise ArgumentError(f"[low, high] must hold a crossing of {first} and {second}; got [{low}, {high}]")
    return float(brentq(ahead, low, high, xtol=1e-10))


def local_nature(member: Member, n: int) -> tuple[str, float]:
    """What the member is among all models of n features: "minimum", "saddle", or "flat", and its least curvature.

    On kinks the one-sided analysis answers, which may be "undecided". Else the Hessian is put together from that of the
    k features and one null feature. Two null features e, e' meet in the outputs that both disturb: with
    κ_j = ∂²L/∂b_j²,

        ∂²L/∂w_e ∂w_e' = (p/2)² Σ_j κ_j w_j w_jᵀ,

    for x_e and x_e' are independent of z_j; their own outputs are right on average, E[x_e' (b_e − x_e)] = 0.
    """
    k, p = member.features, member.density
    extra = min(n - k, 1)
    model, law = member.model(k + extra), Independent(k + extra, 1 - p)
    if float(law.kink_distance(model)) < 1e-9:
        found = one_sided(member.model(n), Independent(n, 1 - p))
        return found.verdict, found.least
    H = _hessian(member, extra)
    if n - k > 1:
        H = _repeat(H, member, n)
    Q = across(member.model(n))
    values = np.linalg.eigvalsh(Q.T @ H @ Q)
    small = _FLAT * float(np.abs(values).max())
    least = float(values[0])
    return ("saddle" if least < -small else "flat" if least <= small else "minimum"), least


@cache
def _hessian(member: Member, extra: int) -> Floats:
    """On the member's own features and so many null ones."""
    n = member.features + extra
    return np.asarray(Independent(n, 1 - member.density).hessian(member.model(n)))


def _repeat(H: Floats, member: Member, n: int) -> Floats:
    """The Hessian for n − k null features from that for one, in the order of `flatten`."""
    k = member.features
    rows = np.arange(3 * (k + 1)).reshape(3, k + 1)
    own, null = rows[:, :k].ravel(), rows[:, k]
    order = np.arange(3 * n).reshape(3, n)
    there, out = order[:, :k].ravel(), np.zeros((3 * n, 3 * n))
    out[np.ix_(there, there)] = H[np.ix_(own, own)]
    W = member.model(k).W
    meeting = (member.density / 2) ** 2 * (W * np.diag(H)[rows[2, :k]]) @ W.T
    for e in range(k, n):
        for other in range(k, n):
            out[np.ix_(order[:2, e], order[:2, other])] = meeting
        out[np.ix_(order[:, e], order[:, e])] = H[np.ix_(null, null)]
        out[np.ix_(there, order[:, e])] = H[np.ix_(own, null)]
        out[np.ix_(order[:, e], there)] = H[np.ix_(null, own)]
    return out
