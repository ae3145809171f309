"""Minimum or saddle, where the model is on a kink and has no Hessian.

Examined instead, for directions d, is the limit q(d) of (L(θ + td) − L(θ))/(t²/2), t ↓ 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial, AxialData
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters, gram, hessian
from relugeom.errors import KinkError
from relugeom.landscape.symmetry import across

__all__ = ["OneSided", "one_sided"]

Floats = npt.NDArray[np.float64]


class OneSided(NamedTuple):
    """What the second-order analysis at a kink found.

    Attributes
    ----------
    verdict : {"minimum", "saddle", "flat", "undecided"}
        "minimum": q > 0 in every direction but those of rotation, by a bound. "saddle": a direction with q < 0 is
        known. "flat": q ≥ 0 by a bound, with zeros beyond rotation. "undecided": no negative direction was found,
        and no bound holds.
    least : float
        The least q(d) found over unit d orthogonal to rotation; for independent features the search ends where the
        verdict is known.
    direction : ndarray, shape (p,)
        Where.
    kinks : int
        How many pairs are on a kink.
    """

    verdict: Literal["minimum", "saddle", "flat", "undecided"]
    least: float
    direction: Floats
    kinks: int


def one_sided(
    parameters: Parameters, data: AxialData | Independent, *, tolerance: float = 1e-7, starts: int = 12, seed: int = 0
) -> OneSided:
    """The second-order behaviour of the loss at one stationary model that lies on kinks.

    At an off-diagonal pair with all z = 0 (a g_ij + b_j for X = I and grids; g_ij = b_j = 0 for uniform
    amplitudes) φ is C¹ and homogeneous of degree 2 to first order in the change (ġ, ḃ). So

        q(d) = dᵀH₀d + (2/n) Σ_kinks φ(ġ_ij, ḃ_j, 0),

    with H₀ the Hessian without those pairs. As φ ≥ 0, H₀ > 0 across rotation proves a minimum, and any d with
    q(d) < 0 a saddle; q is searched from many starts by descent on the sphere.

    With independent features the same holds of an output j and a set A of active features without j on which z_j is 0
    whatever the values: the loss has the part P(A) I_j E[z_j₊²], and z_j moves by ḃ_j + Σ_{i∈A} ȧ_ji u_i.

    Raises
    ------
    KinkError
        A diagonal pair is on a kink: the loss has no second-order form of this kind there.
    """
    if not parameters.tied:
        raise KinkError("an untied model on a kink has no one-sided analysis here")
    W = np.asarray(parameters.W, np.float64)
    m, n = W.shape
    biased = parameters.b is not None
    b = np.asarray(parameters.b, np.float64) if biased else np.zeros(n)
    model = Parameters(W, b if biased else None)
    if isinstance(data, Independent):
        H, gains, count = _of_sets(model, data, tolerance)
    else:
        H, gains, count = _of_pairs(model, data, tolerance)
    Q = across(model)
    lengths, vectors = np.linalg.eigh(Q.T @ H @ Q)
    small = 1e-8 * max(1.0, float(np.abs(lengths).max()))

    def q(d: Floats) -> tuple[float, Floats]:
        """q and its gradient at d."""
        V, c = d[: m * n].reshape(m, n), d[m * n :] if biased else np.zeros(n)
        more, slope_W, slope_b = gains(V, c)
        return float(d @ H @ d + more), 2 * H @ d + np.concatenate([slope_W.ravel(), slope_b[: n * biased]])

    rng = np.random.default_rng(seed)
    tries = [*vectors.T[:4], *-vectors.T[:4], *rng.standard_normal((starts, Q.shape[1]))]
    # Every q of independent features is a sum over all sets: their search ends where it has its answer.
    costly = isinstance(data, Independent)
    where = Q @ vectors[:, 0]
    best = q(where)[0] if costly else np.inf
    for u in tries:
        if costly and (lengths[0] > small or best < -small):
            break
        value, d = _lowest_on_sphere(q, Q, u)
        if value < best:
            best, where = value, d
    if lengths[0] > small:
        verdict: Any = "minimum"
    elif best < -small:
        verdict = "saddle"
    elif lengths[0] >= -small:
        verdict = "flat"
    else:
        verdict = "undecided"
    return OneSided(verdict, best, where, count)


#: What the parts on kinks add to q along (V, c), and the slopes of that in V and c.
_Gains = Callable[[Floats, Floats], tuple[float, Floats, Floats]]


def _of_pairs(model: Parameters, data: AxialData, tolerance: float) -> tuple[Floats, _Gains, int]:
    """H₀ without the pairs on kinks, what these add, and how many there are."""
    W = model.W
    n = W.shape[1]
    kinks = _kinks(W, np.zeros(n) if model.b is None else model.b, data, tolerance)
    if any((kink.i == kink.j).any() for kink in kinks):
        raise KinkError("a feature's own pre-activation is 0, where the loss is not C² from one side; no analysis")
    lowered = np.zeros((n, n))
    for kink in kinks:
        lowered[kink.i, kink.j] = 2 * tolerance

    def gains(V: Floats, c: Floats) -> tuple[float, Floats, Floats]:
        value, slope_W, slope_b = 0.0, np.zeros_like(W), np.zeros(n)
        for i, j, weight, piece in kinks:
            g = np.sum(V[:, i] * W[:, j] + W[:, i] * V[:, j], axis=0)
            off = np.zeros(len(i))
            value += 2 / n * weight * float(piece.pair_loss(np, g, c[j], off).sum())
            dg, db = (2 / n * weight * slope for slope in piece.pair_slopes(np, g, c[j], off))
            np.add.at(slope_W.T, i, (dg * W[:, j]).T)
            np.add.at(slope_W.T, j, (dg * W[:, i]).T)
            np.add.at(slope_b, j, db)
        return value, slope_W, slope_b

    return np.asarray(hessian(model, _Lowered(data, lowered))), gains, sum(len(kink.i) for kink in kinks)


def _of_sets(model: Parameters, data: Independent, tolerance: float) -> tuple[Floats, _Gains, int]:
    """The same for independent features, whose parts on kinks are outputs on sets of active features."""
    W = model.W
    kinks = data.kinks(model, tolerance)
    if (kinks & data.sets()).any():
        raise KinkError("a feature's own pre-activation is 0, where the loss is not C² from one side; no analysis")

    def gains(V: Floats, c: Floats) -> tuple[float, Floats, Floats]:
        value, slope_a, slope_b = data.kink_form(kinks, W.T @ V + V.T @ W, c)
        return 2 * value, 2 * W @ (slope_a + slope_a.T), 2 * slope_b

    return data.smooth_hessian(model, kinks), gains, int(kinks.sum())


class _Kinks(NamedTuple):
    """Pairs whose output j on axis i is at 0 for the examples of `piece`, a part `weight` of the data."""

    i: npt.NDArray[np.int64]
    j: npt.NDArray[np.int64]
    weight: float
    piece: AxialData


def _kinks(W: Floats, b: Floats, data: AxialData, tolerance: float) -> list[_Kinks]:
    """The pairs on a kink; with a grid of amplitudes, for each amplitude that is."""
    G, n = np.asarray(gram(W)), len(b)
    masks: list[tuple[Any, float, AxialData]]
    if isinstance(data, Axial):
        masks = [(np.abs(a * G + b) <= tolerance, p, Axial(n, (a,))) for p, a in data.grid]
    else:
        masks = [(np.asarray(data.pair_kink_distance(np, G, b, np.eye(n))) <= tolerance, 1.0, data)]
    found = [(near.nonzero(), weight, piece) for near, weight, piece in masks if near.any()]
    return [_Kinks(i, j, weight, piece) for (i, j), weight, piece in found]


@dataclass(frozen=True, slots=True, eq=False)
class _Lowered(AxialData):
    """The data set with some pre-activations lowered a little, which switches pairs on a kink off."""

    data: AxialData
    shift: Floats

    @property
    def n(self) -> int:  # type: ignore[override]
        return self.data.n

    def pair_loss(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_loss(xp, g, b - self.shift, delta)

    def pair_slopes(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_slopes(xp, g, b - self.shift, delta)

    def pair_curvatures(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_curvatures(xp, g, b - self.shift, delta)

    def pair_kink_distance(self, xp: Any, g: Any, b: Any, delta: Any) -> Any:
        return self.data.pair_kink_distance(xp, g, b - self.shift, delta)

    def pair_off(self, xp: Any, g: Any, b: Any) -> Any:
        return self.data.pair_off(xp, g, b - self.shift)


def _lowest_on_sphere(q: Callable[[Floats], tuple[float, Floats]], Q: Floats, u: Floats) -> tuple[float, Floats]:
    """Descend q(Qu)/‖u‖² from u; the value and the unit direction."""
    from scipy.optimize import minimize

    def quotient(u: Floats) -> tuple[float, Floats]:
        value, slope = q(Q @ u)
        square = float(u @ u)
        return value / square, (Q.T @ slope - 2 * value / square * u) / square

    u = np.asarray(minimize(quotient, u / np.linalg.norm(u), jac=True, method="L-BFGS-B").x)
    u /= np.linalg.norm(u)
    return q(Q @ u)[0], Q @ u
