"""Spherical codes as a search problem: a tied encoder whose outputs wake up early.

With the best bias b_j = −t‖w_j‖² the support of a·e_i is recovered for all t < a ≤ 1 iff

    w_i·w_j ≤ t ‖w_j‖²    for all i ≠ j,    t ≥ 0.

Over unit vectors the smallest such t is the cosine of the best spherical code, and unequal norms do not help: of two
columns the longer one has to satisfy cos θ · r_short/r_long ≤ t from one side and cos θ · r_long/r_short ≤ t from the
other. The conditions of the search are V_ij = t − u_i·u_j for i < j, with u = w/‖w‖; with the symmetric weights
P_ij = ∂softmin/∂V_ij the gradient is −U(P + Pᵀ), through the normalisation.

The mean of the thresholds is another matter: there unequal norms can help.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from relugeom.capacity.searches.problem import Array, Problem, soft_minimum
from relugeom.capacity.searches.readable import integer_grids
from relugeom.capacity.searches.starts import encoders
from relugeom.errors import ArgumentError
from relugeom.exact import ActivationThreshold, Certificate, Valid, check
from relugeom.exact.rationals import Matrix, dot, transpose

__all__ = ["MeanThreshold", "SphericalCode", "exact_thresholds"]


def exact_thresholds(encoder: Matrix) -> tuple[Fraction, ...]:
    """τ_j = max(0, max_{i≠j} w_i·w_j) / ‖w_j‖²: the tied thresholds under their best biases.

    A threshold of 1 or more means that feature j cannot be recovered. No column may be zero.
    """
    columns = transpose(encoder)
    return tuple(
        max(Fraction(0), *(dot(w, v) for i, v in enumerate(columns) if i != j)) / dot(w, w)
        for j, w in enumerate(columns)
    )


@dataclass(frozen=True)
class SphericalCode(Problem):
    """n tied features in m dimensions that are all recovered at every amplitude above `threshold`.

    Attributes
    ----------
    m, n
        Dimensions and features, n ≥ 2.
    threshold
        t, in [0, 1).
    """

    m: int
    n: int
    threshold: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.m < 1 or self.n < 2:
            raise ArgumentError(f"m must be at least 1 and n must be at least 2; got m = {self.m}, n = {self.n}")
        if not 0 <= self.threshold < 1:
            raise ArgumentError(f"threshold must lie in [0, 1); got {self.threshold}")

    @property
    def dimension(self) -> int:
        """mn."""
        return self.m * self.n

    def margin(self, x: Array, sharpness: float) -> tuple[float, Array]:
        """softmin of t − u_i·u_j over i < j."""
        W = x.reshape(self.m, self.n)
        norms = np.linalg.norm(W, axis=0)
        U = W / norms
        upper = np.triu_indices(self.n, 1)
        value, weights = soft_minimum(float(self.threshold) - (U.T @ U)[upper], sharpness)
        P = np.zeros((self.n, self.n))
        P[upper] = weights
        gU = -U @ (P + P.T)
        return value, ((gU - np.sum(gU * U, axis=0) * U) / norms).ravel()

    def certify(self, x: Array) -> Certificate | None:
        """The coarsest integer encoder near W whose thresholds are all at most t."""
        W = x.reshape(self.m, self.n)
        t, norms = self.threshold, np.linalg.norm(W, axis=0)
        if not norms.all():
            return None
        for encoder in integer_grids(W / norms, tied=True):
            columns = transpose(encoder)
            if all(map(any, columns)) and max(exact_thresholds(encoder)) <= t:
                found = ActivationThreshold(encoder, tuple(-t * dot(w, w) for w in columns), t)
                return found if isinstance(check(found), Valid) else None
        return None

    def settles(self, certificate: Certificate) -> bool:
        """A tied threshold of at most t for this m and n."""
        return (
            isinstance(certificate, ActivationThreshold)
            and certificate.decoder is None
            and (len(certificate.encoder), len(certificate.encoder[0])) == (self.m, self.n)
            and certificate.threshold <= self.threshold
        )

    def constructions(self) -> Mapping[str, Array]:
        """The constructions of `relugeom.capacity.searches.starts`."""
        return {name: W.ravel() for name, W in encoders(self.m, self.n).items()}


@dataclass(frozen=True)
class MeanThreshold(Problem):
    """The mean of the tied thresholds over all features, with free norms: −mean is maximised, nothing is certified.

    With softmax weights q_ij over i ≠ j, τ_j is replaced by the smooth maximum T_j of w_i·w_j/‖w_j‖² (and 0):

        ∂T_j/∂w_i = q_ij w_j/‖w_j‖²,        ∂T_j/∂w_j = Σ_i q_ij (w_i − 2 (w_i·w_j/‖w_j‖²) w_j)/‖w_j‖².

    A mean alone would give up some features for the others, so Σ_j max(0, T_j − ceiling)² is added, times 10.

    Attributes
    ----------
    m, n
        Dimensions and features, n ≥ 2.
    ceiling
        Where a threshold begins to be too large; at 1 a feature is lost.
    """

    m: int
    n: int
    ceiling: float = 0.9

    @property
    def dimension(self) -> int:
        """mn."""
        return self.m * self.n

    def margin(self, x: Array, sharpness: float) -> tuple[float, Array]:
        """−(1/n) Σ_j T_j − 10 Σ_j max(0, T_j − ceiling)² and its gradient."""
        W = x.reshape(self.m, self.n)
        squares = np.sum(W * W, axis=0)
        A = W.T @ W / squares  # A_ij = w_i·w_j / ‖w_j‖²
        T = np.zeros(self.n)
        q = np.zeros((self.n, self.n))
        for j in range(self.n):
            others = np.delete(np.arange(self.n), j)
            # The smooth minimum of −A_ij and 0 is −T_j.
            least, weights = soft_minimum(np.append(-A[others, j], 0.0), sharpness)
            T[j], q[others, j] = -least, weights[:-1]
        excess = np.maximum(T - self.ceiling, 0.0)
        q = q * (1 / self.n + 20 * excess)  # ∂/∂A_ij of the whole sum
        V = W / squares
        gradient = V @ q.T + W @ q / squares - 2 * np.sum(q * A, axis=0) * V
        return -float(T.mean() + 10 * np.sum(excess**2)), -gradient.ravel()

    def improve(self, x: Array) -> Array:
        """The mean itself, unsmoothed: the least (1/n) Σ t_j with w_i·w_j ≤ t_j ‖w_j‖², 0 ≤ t_j ≤ ceiling, near x.

        A nonlinear programme in (W, t), by sequential quadratic programming. The norms are held below 20 times the
        shortest of x.
        """
        from scipy.optimize import minimize

        m, n = self.m, self.n
        W = x.reshape(m, n) / np.linalg.norm(x.reshape(m, n), axis=0).min()
        i, j = np.nonzero(~np.eye(n, dtype=bool))
        pair = np.arange(len(i))

        def slack(y: Array) -> Array:
            V, t = y[: m * n].reshape(m, n), y[m * n :]
            return np.asarray(t[j] * np.sum(V * V, axis=0)[j] - np.sum(V[:, i] * V[:, j], axis=0))

        def slopes(y: Array) -> Array:
            V, t = y[: m * n].reshape(m, n), y[m * n :]
            by_vector = np.zeros((len(pair), m, n))
            by_vector[pair, :, j] = (2 * t[j] * V[:, j] - V[:, i]).T
            by_vector[pair, :, i] = -V[:, j].T
            by_threshold = np.zeros((len(pair), n))
            by_threshold[pair, j] = np.sum(V * V, axis=0)[j]
            return np.hstack([by_vector.reshape(len(pair), m * n), by_threshold])

        gram = W.T @ W
        np.fill_diagonal(gram, 0.0)
        start = np.concatenate([W.ravel(), np.clip((gram / np.sum(W * W, axis=0)).max(axis=0), 0, self.ceiling)])
        mean = np.repeat([0.0, 1 / n], [m * n, n])
        found = minimize(
            lambda y: mean @ y,
            start,
            jac=lambda y: mean,
            bounds=[(-20.0, 20.0)] * (m * n) + [(0.0, self.ceiling)] * n,
            constraints=[{"type": "ineq", "fun": slack, "jac": slopes}],
            method="SLSQP",
            options={"maxiter": 300, "ftol": 1e-10},
        )
        return np.asarray(found.x[: m * n])

    def certify(self, x: Array) -> Certificate | None:
        """Nothing: a mean has no kind of certificate; `exact_thresholds` of a rational W gives its exact value."""
        return None
