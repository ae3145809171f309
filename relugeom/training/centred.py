"""Training at the paper's size in other coordinates than W and b, and with latent vectors that grow on a schedule.

With a_j the largest entry of feature j and τ(j) the example that has it, the optimiser moves v and c in

    w_j = a_j v_j,      b_j = a_j c_j − w_j·h_τ(j),      h_t = W x_t,

so that output j is z_tj = w_j·(h_t − h_τ(j)) + a_j c_j: on its own largest example it is a_j c_j whatever W does. On
X = I that is b_j = c_j − ‖w_j‖², the centred bias of `relugeom.engines.many_models`. A feature that no example has
keeps b.
With q_j = ∂L/∂b_j and Q_t = Σ_{τ(j) = t} q_j w_j the chain rule gives, from the gradient in (W, b) of any engine,

    ∂L/∂c_j = a_j q_j,      ∂L/∂v_j = a_j (∂L/∂w_j − q_j h_τ(j) − Σ_t x_tj Q_t).

Why each helps stands in docs/cure.md. Growth is no part of the descent: after a step, where an example's ‖h_t‖ is
below a norm that rises with the steps, the columns of the features that are largest in it are made longer. By the
margins alone W enters the loss, and longer columns have larger ones, so where all are positive this never raises it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, inf, pi, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from relugeom.autoencoder.examples import SparseExamples
from relugeom.errors import ArgumentError
from relugeom.optim.rules import Scheduled

__all__ = ["CentredCoordinates", "CentredOptimiser", "Growth", "least_norm"]

Array = npt.NDArray[Any]

_MOST = 1.1  # by which factor a column is made longer in one step
_PACE = 0.2


def least_norm(T: int) -> float:
    """1/√(1 − cos(2π/T)): no T latent vectors with zero loss on X = I are all shorter (`smallest-is-regular`)."""
    return 1 / sqrt(1 - cos(2 * pi / T)) if T > 1 else 1.0


@dataclass(frozen=True, slots=True)
class Growth:
    """The norm that latent vectors are made to have: ρ(k) = norm · min(1, k/steps) after k steps.

    Attributes
    ----------
    norm : float
        At the end.
    steps : float
        When it is reached.
    """

    norm: float
    steps: float

    def __post_init__(self) -> None:
        for name in ("norm", "steps"):
            if not 0 < getattr(self, name) < inf:
                raise ArgumentError(f"{name} must be a positive number; got {getattr(self, name)}")

    def __call__(self, step: int) -> float:
        """ρ after that many steps."""
        return self.norm * min(1.0, step / self.steps)

    def pace(self, step: int) -> float:
        """By what the learning rate is multiplied at a step, so that long vectors turn as quickly as short ones."""
        return 1 + _PACE * self(step)


class CentredCoordinates:
    """The way from (W, b) to (v, c) and back, and gradients from one to the other.

    Parameters
    ----------
    examples : SparseExamples
    m : int
        Latent dimensions. Points and gradients are flat: the rows of W (m, n) or v, then b (n,) or c.
    """

    def __init__(self, examples: SparseExamples, m: int) -> None:
        self._m, self._n, T = m, examples.n, examples.T
        rows = np.repeat(np.arange(T), np.diff(examples.indptr))
        columns, values = examples.indices, examples.values
        # The largest entry of a column comes last in its group; of equal ones the last example's.
        order = np.lexsort((rows, values, columns))
        last = order[np.flatnonzero(np.diff(columns[order], append=self._n))]
        last = last[values[last] > 0]
        # Everything below is about the k features that some example has: with few examples the others are most.
        self._touched, self._own, self._amplitudes = columns[last], rows[last], values[last]
        kept = np.isin(columns, self._touched)
        place = np.searchsorted(self._touched, columns[kept])
        self._X = csr_array((values[kept], (rows[kept], place)), shape=(T, len(last)))
        self._Xt = self._X.T.tocsr()
        ones = np.ones_like(self._amplitudes)
        self._owners = csr_array((ones, (self._own, np.arange(len(last)))), shape=(T, len(last)))

    def _split(self, flat: Array) -> tuple[Array, Array]:
        size = self._m * self._n
        return flat[:size].reshape(self._m, self._n), flat[size:]

    def _columns(self, flat: Array) -> Array:
        """The touched columns of W or v, as rows (k, m)."""
        return np.ascontiguousarray(self._split(flat)[0].take(self._touched, axis=1).T)

    def _at_own(self, w: Array, H: Array) -> Array:
        """w_j·h_τ(j), shape (k,)."""
        return np.asarray((w * H.take(self._own, axis=0)).sum(axis=1))

    def from_model(self, parameters: Array) -> Array:
        """(v, c) of (W, b)."""
        found = parameters.copy()
        v, c = self._split(found)
        w = self._columns(parameters)
        v[:, self._touched] /= self._amplitudes
        c[self._touched] = (c[self._touched] + self._at_own(w, self._X @ w)) / self._amplitudes
        return found

    def to_model(self, theta: Array, out: Array) -> None:
        """Write (W, b) of (v, c) into `out`."""
        out[:] = theta
        W, b = self._split(out)
        w = self._columns(theta) * self._amplitudes[:, None]
        W[:, self._touched] = w.T
        b[self._touched] = b[self._touched] * self._amplitudes - self._at_own(w, self._X @ w)

    def gradient(self, parameters: Array, slopes: Array) -> Array:
        """The gradient in (v, c) at the model `parameters`, from that in (W, b)."""
        found = slopes.copy()
        in_v, in_c = self._split(found)
        w = self._columns(parameters)
        H = self._X @ w
        q = in_c[self._touched][:, None]
        in_w = self._columns(slopes) - q * H.take(self._own, axis=0) - self._Xt @ (self._owners @ (q * w))
        in_v[:, self._touched] = (in_w * self._amplitudes[:, None]).T
        in_c[self._touched] *= self._amplitudes
        return found

    def grow(self, theta: Array, norm: float) -> None:
        """Lengthen the v_j whose own latent vector is shorter than `norm`, by the ratio, but a tenth at most."""
        v, _ = self._split(theta)
        H = self._X @ (self._columns(theta) * self._amplitudes[:, None])
        lengths = np.sqrt((H * H).sum(axis=1))
        with np.errstate(divide="ignore"):  # a vector at 0 is short by any factor, and stays
            factors = np.clip(norm / lengths, 1, _MOST).astype(theta.dtype)
        if (factors > 1).any():
            v[:, self._touched] *= factors.take(self._own)


class CentredOptimiser:
    """An optimiser of W and b that moves v and c instead.

    Parameters
    ----------
    rule : Scheduled
        Moves (v, c); weight decay acts on these.
    coordinates : CentredCoordinates
    parameters : ndarray
        The model that training starts from, flat.
    growth : Growth, optional
    """

    def __init__(
        self, rule: Scheduled, coordinates: CentredCoordinates, parameters: Array, growth: Growth | None = None
    ) -> None:
        self._rule, self._coordinates, self._growth = rule, coordinates, growth
        self._theta = coordinates.from_model(parameters)
        self._steps = 0

    def update(self, parameters: Array, gradient: Array, learning_rate: float) -> None:
        """One step of the rule in (v, c), growth, and the model that this is."""
        found = self._coordinates.gradient(parameters, gradient)
        if self._growth is not None:
            learning_rate *= self._growth.pace(self._steps)
        self._rule.update(self._theta, found, learning_rate)
        self._steps += 1
        if self._growth is not None:
            self._coordinates.grow(self._theta, self._growth(self._steps))
        self._coordinates.to_model(self._theta, parameters)

    def state(self) -> dict[str, Array]:
        """What a resumed run needs: the rule's, and v and c."""
        return {**self._rule.state(), "centred": self._theta}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""
        theta = state["centred"]
        if theta.shape != self._theta.shape or theta.dtype != self._theta.dtype:
            raise ArgumentError(
                f"centred must be {self._theta.dtype} {self._theta.shape}; got {theta.dtype} {theta.shape}"
            )
        self._rule.restore({name: array for name, array in state.items() if name != "centred"})
        self._theta[:] = theta
        self._steps = int(state["steps"])
