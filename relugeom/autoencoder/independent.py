"""Features present independently of each other: the data of *Toy Models of Superposition*, and their exact loss.

    x_i = 0 with probability S, else uniform on (0, 1],        L = E Σ_j I_j (x_j − x'_j)²,

not normalised, empty examples included, with an importance I_j in the loss (Elhage et al., 2022). Groups of features
may be correlated (present together) or anticorrelated (at most one of them at a time).

Given which features are active, every pre-activation is a linear form on a cube, so the loss over the whole
population is a finite sum, without sampling: with P(A) the probability that exactly the set A is active and the moments
of `relugeom.autoencoder.positive_part`,

    L = Σ_A P(A) Σ_j I_j (1[j ∈ A] (1/3 − 2 E[u_j z_j₊]) + E[z_j₊²]),      z_j = Σ_{i∈A} g_ij u_i + b_j,

g_ij = r_j·w_i, which is w_i·w_j tied. With D_ji = ∂L/∂g_ij the chain rule gives ∂L/∂W = RᵀD and ∂L/∂R = D Wᵀ, and for a
tied model the sum W (D + Dᵀ).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import comb
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.data import DataSet, as_importance, check_n
from relugeom.autoencoder.parameters import Parameters, check_arrays
from relugeom.autoencoder.positive_part import Moments, active_sets, moments
from relugeom.errors import ArgumentError

__all__ = ["Independent", "errors_by_set", "slopes_by_set"]

Array = npt.NDArray[Any]

#: The states of the recursion grow like 3^n.
_MOST_STATES = 200_000
_NUMBERS = 4_000_000  # in the sums of the models that are computed together


class _Slopes(NamedTuple):
    """Derivatives of L by output: to the coefficient of feature i, D (batch, j, i), and to b_j, d (batch, j)."""

    D: Array
    d: Array


def errors_by_set(found: Moments, sets: Array) -> Array:
    """E (x_j − x'_j)² given each set A of active features with uniform values: E[z_j₊²] − 2 E[u_j z_j₊] + 1[j ∈ A]/3.

    Parameters
    ----------
    found : Moments
        Of every output, of order 0 or more.
    sets : ndarray of bool, shape (sets, n)

    Returns
    -------
    ndarray, shape (batch, sets, n)
    """
    errors: Array = found["", 2] - 2 * found["j", 1] + sets / 3
    return errors


def slopes_by_set(found: Moments) -> tuple[Array, Array]:
    """Half the derivatives of `errors_by_set`: E[u_i z_j₊] − E[u_i u_j 1[z_j > 0]] and E[z_j₊] − E[u_j 1[z_j > 0]].

    Parameters
    ----------
    found : Moments
        Of every output, of order 1 or more.

    Returns
    -------
    ndarray, shape (batch, sets, n, n)
        By the coefficient of feature i in output j, indexed [..., j, i].
    ndarray, shape (batch, sets, n)
        By b_j.
    """
    return found["i", 1] - found["ij", 0], found["", 1] - found["j", 0]


@dataclass(frozen=True, slots=True, eq=False)
class Independent(DataSet):
    """Independent features; its loss and derivatives are exact, over the whole population.

    Attributes
    ----------
    n : int
        Number of features.
    sparsity : float
        S = P(x_i = 0), in [0, 1); p = 1 − S.
    importance : sequence of n floats, optional
        I_j ≥ 0; default 1 each.
    correlated, anticorrelated : sequence of groups of int
        Groups whose features are present together, and groups of which at most one feature is (k of them need p ≤ 1/k).
        A group has two features or more, and no feature is in two groups.
    values : {"uniform", "one"}
        What a present feature has: uniform on (0, 1], or 1.
    weights : ndarray, shape (n,)
        The importance as an array.
    most_active : int, optional
        Leave out the sets of more active features; `rest` bounds what that may add. Default: all, for n ≤ 10.

    Raises
    ------
    ArgumentError
        A value is out of its range, groups overlap, or there are too many sets to sum over.

    See Also
    --------
    relugeom.autoencoder.Axial, relugeom.autoencoder.UniformAxial, relugeom.autoencoder.DenseExamples
    relugeom.autoencoder.SparseExamples, relugeom.autoencoder.as_data
    """

    n: int
    sparsity: float
    importance: Sequence[float] | None = None
    correlated: Sequence[Sequence[int]] = ()
    anticorrelated: Sequence[Sequence[int]] = ()
    values: str = "uniform"
    most_active: int | None = None
    weights: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_n(self.n)
        if not isinstance(self.sparsity, Real) or not 0 <= self.sparsity < 1:
            raise ArgumentError(f"sparsity must lie in [0, 1); got {self.sparsity!r:.60}")
        if not isinstance(self.values, str) or self.values not in ("uniform", "one"):
            raise ArgumentError(f'values must be "uniform" or "one"; got {self.values!r:.60}')
        weights = np.ones(self.n) if self.importance is None else as_importance(self.importance, self.n)
        object.__setattr__(self, "weights", weights)
        try:
            groups = [tuple(group) for part in (self.correlated, self.anticorrelated) for group in part]
        except TypeError:
            groups = [()]
        if any(len(group) < 2 for group in groups):
            raise ArgumentError("correlated and anticorrelated must hold groups of two or more features")
        members = [i for group in groups for i in group]
        if any(not isinstance(i, Integral) or i not in range(self.n) for i in members):
            raise ArgumentError(f"groups must be of features 0 to {self.n - 1}; got {groups!r:.80}")
        if len(set(members)) < len(members):
            raise ArgumentError("no feature may be in two groups, or twice in one")
        longest = max(map(len, self.anticorrelated), default=1)
        # 1/k need not be a float, nor its 1 − S.
        if longest * self.density > 1 + 1e-12:
            raise ArgumentError(
                f"anticorrelated groups of {longest} need a sparsity of at least 1 − 1/{longest}; got {self.sparsity:g}"
            )
        most = self.n if self.most_active is None else self.most_active
        if not isinstance(most, Integral) or not 0 <= most <= self.n:
            raise ArgumentError(f"most_active must lie in 0 to n = {self.n}; got {most!r:.60}")

    @property
    def T(self) -> int:  # type: ignore[override]
        """1: the loss is an expectation over the whole population."""
        return 1

    @property
    def density(self) -> float:
        """p = 1 − S, the probability that a feature is present."""
        return 1.0 - self.sparsity

    @property
    def is_summable(self) -> bool:
        """Whether there are few enough sets of active features for the exact loss."""
        return self.states <= _MOST_STATES

    @property
    def states(self) -> int:
        """The states of the recursion that sums over the sets."""
        return sum(comb(self.n, k) * 2**k for k in range(self._most + 1))

    def settings(self) -> dict[str, Any]:
        """The law as plain values."""
        return {
            "n": self.n,
            "sparsity": self.sparsity,
            "importance": self.weights.tolist(),
            "correlated": [list(group) for group in self.correlated],
            "anticorrelated": [list(group) for group in self.anticorrelated],
            "values": self.values,
        }

    def sets(self) -> Array:
        """The sets of active features that are summed over, shape (sets, n); refused where there are too many."""
        self.check_summable()
        return active_sets(self.n, self._most)

    def check_summable(self) -> None:
        """Refuse, by an `ArgumentError`, what has too many sets of active features for the exact loss."""
        if not self.is_summable:
            raise ArgumentError(
                f"n = {self.n} with up to {self._most} active features takes {self.states:,} states, at most "
                f"{_MOST_STATES:,}; give a smaller most_active, or sample with examples(...)"
            )

    def probabilities(self, sets: Array) -> Array:
        """P(A): the probability that exactly these features are active.

        Parameters
        ----------
        sets : ndarray of bool, shape (..., n)

        Returns
        -------
        ndarray, shape (...)
        """
        p = self.density
        result: Array = np.ones(sets.shape[:-1])
        alone = np.ones(self.n, dtype=bool)
        for group in map(list, self.correlated):
            alone[group] = False
            count = sets[..., group].sum(-1)
            result = result * np.where(count == len(group), p, np.where(count == 0, 1 - p, 0.0))
        for group in map(list, self.anticorrelated):
            alone[group] = False
            count = sets[..., group].sum(-1)
            result = result * np.where(count > 1, 0.0, np.where(count == 1, p, max(0.0, 1 - len(group) * p)))
        result = result * np.where(sets[..., alone], p, 1 - p).prod(-1)
        return result

    def examples(self, T: int, seed: int, step: int = 0) -> Array:
        """T examples of this law; the same for the same seed and step.

        Parameters
        ----------
        T : int
        seed : int
            Entropy.
        step : int
            Which batch: any can be visited again, in any order.

        Returns
        -------
        ndarray, shape (T, n)
        """
        if T < 1 or step < 0:
            raise ArgumentError(f"T must be positive and step not negative; got {T} and {step}")
        streams = np.random.SeedSequence(seed, spawn_key=(step,)).spawn(2)
        presence, sizes = (np.random.default_rng(stream) for stream in streams)
        tosses = presence.random((T, self.n))
        present = tosses < self.density
        for first, *others in self.correlated:
            present[:, others] = present[:, [first]]
        for first, *others in self.anticorrelated:
            # One toss for all: below p the first, in the next p the second, and so on.
            for place, j in enumerate(others, 1):
                present[:, j] = (tosses[:, first] >= place * self.density) & (
                    tosses[:, first] < (place + 1) * self.density
                )
        if self.values == "one":
            return present.astype(float)
        values: Array = present * (1.0 - sizes.random((T, self.n)))  # random() lies in [0, 1)
        return values

    def rest(self, parameters: Parameters) -> Array:
        """An upper bound of what the sets of more than `most_active` features add to the loss.

        Σ_{|A| > k} P(A) Σ_j I_j max(1, max(0, b_j + Σ_i max(g_ij, 0))²): no output exceeds its largest value on the
        cube, and |x_j − x'_j| ≤ max(1, x'_j).
        """
        a, b, _ = self._forms(parameters)
        left_out = max(0.0, 1.0 - float(self.probabilities(self.sets()).sum()))
        largest = np.maximum(b + np.maximum(a, 0).sum(-1), 1.0)
        return self._reshape(left_out * (self.weights * largest**2).sum(-1), parameters)

    def loss(self, parameters: Parameters) -> Array:
        """L = E Σ_j I_j (x_j − x'_j)², exact up to rounding (and up to `rest`)."""
        P, by_output = self._errors(parameters)
        return self._reshape(np.einsum("s,zsj,j->z", P, by_output, self.weights), parameters)

    def feature_loss(self, parameters: Parameters) -> Array:
        """I_j E (x_j − x'_j)² for every feature j, shape (..., n); they add up to `loss`."""
        P, by_output = self._errors(parameters)
        return self._reshape_by_feature(np.einsum("s,zsj,j->zj", P, by_output, self.weights), parameters)

    def _errors(self, parameters: Parameters) -> tuple[Array, Array]:
        """P(A), and E (x_j − x'_j)² given each set A, shape (batch, sets, n)."""
        a, b, P = self._forms(parameters)
        sets = self.sets()
        if self.values == "one":
            return P, (np.maximum(self._vertex_forms(a, b), 0) - sets) ** 2
        size = max(1, _NUMBERS // (self.states * self.n))
        parts = [moments(a[k : k + size], b[k : k + size], most=self._most) for k in range(0, max(1, len(a)), size)]
        return P, np.concatenate([errors_by_set(found, sets) for found in parts])

    def gradient(self, parameters: Parameters) -> Parameters:
        """∂L/∂W = RᵀD, ∂L/∂R = D Wᵀ, tied ∂L/∂W = W (D + Dᵀ); and ∂L/∂b = d.

        D_ji = Σ_A P(A) I_j (2 E[u_i z_j₊] − 2 E[u_i u_j 1[z_j > 0]]),
        d_j = Σ_A P(A) I_j (2 E[z_j₊] − 2 E[u_j 1[z_j > 0]]).
        """
        W, _, R = self._arrays(parameters)
        slopes = self._slopes(parameters)
        return self._like(parameters, _transpose(R) @ slopes.D, slopes.d, slopes.D @ _transpose(W))

    def hessian_vector_product(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """The derivative of `gradient` along (V, c, U), U in R: with ȧ = U W + R V,

            Ḋ_ji = Σ_l K_jil ȧ_jl + k_ji c_j,      ḋ_j = Σ_i k_ji ȧ_ji + κ_j c_j,
            (RᵀD)˙ = UᵀD + RᵀḊ,      (D Wᵀ)˙ = Ḋ Wᵀ + D Vᵀ,      tied the sum of the first and the second's transpose,

        where K, k, κ are the second derivatives of L by output, sums over A of

            2 E[u_i u_l 1[z_j > 0]] − 2 E[u_i u_l u_j δ(z_j)],   2 E[u_i 1] − 2 E[u_i u_j δ],   2 E[1] − 2 E[u_j δ].
        """
        check_arrays(parameters, direction=direction)
        if _batch(parameters) != _batch(direction):
            raise ArgumentError(
                f"parameters and direction must have the same leading axes; got {_batch(parameters)} and "
                f"{_batch(direction)}"
            )
        W, _, R = self._arrays(parameters)
        V, c, U = self._arrays(direction)
        slopes = self._slopes(parameters)
        K, k, kappa = self._curvatures(parameters)
        moved = U @ W + R @ V
        D_dot = np.einsum("zjil,zjl->zji", K, moved) + k * c[..., None]
        d_dot = np.einsum("zji,zji->zj", k, moved) + kappa * c
        dW = _transpose(U) @ slopes.D + _transpose(R) @ D_dot
        dR = D_dot @ _transpose(W) + slopes.D @ _transpose(V)
        return self._like(parameters, dW, d_dot, dR)

    def hessian(self, parameters: Parameters) -> Array:
        """The matrix of second derivatives, in the order of `flatten`.

        With J_j = ∂(a_j1, ..., a_jn)/∂θ, a_ji = r_j·w_i, and K, k, κ as in `hessian_vector_product`, it is
        Σ_j J_jᵀ K_j J_j, with J_jᵀ k_j in the column of b_j, κ_j on its diagonal, and D_ji from ∂²a_ji = 2 ∂r_j·∂w_i.
        """
        return self._hessian(parameters, None)

    def smooth_hessian(self, parameters: Parameters, off: Array) -> Array:
        """`hessian` without the parts of the loss that `kinks` marks.

        Parameters
        ----------
        parameters : Parameters
            One model.
        off : ndarray of bool, shape (sets, n)
        """
        return self._hessian(parameters, off)

    def _hessian(self, parameters: Parameters, off: Array | None) -> Array:
        at, lead = check_arrays(parameters), _batch(parameters)
        W, _, R = self._arrays(parameters)
        (B, m, n), eye = W.shape, np.eye(self.n)
        slopes = self._slopes(parameters)
        K, k, kappa = self._curvatures(parameters, off)
        own = np.einsum("zja,il->zjial", R, eye).reshape(B, n, n, m * n)  # ∂a_ji/∂W_al
        of_decoder = np.einsum("zai,jl->zjila", W, eye)  # ∂a_ji/∂R_la
        D = np.einsum("zji,ac->zajci", slopes.D, np.eye(m))  # the part of ∂²L/∂R_ja ∂W_ci
        if at.tied:
            J = own + np.swapaxes(of_decoder, -1, -2).reshape(B, n, n, m * n)
            bend = D.reshape(B, m * n, m * n)
            bend = bend + _transpose(bend)
        else:
            J = np.concatenate([own, of_decoder.reshape(B, n, n, n * m)], axis=-1)
            bend = np.zeros((B, 2 * m * n, 2 * m * n))
            bend[:, m * n :, : m * n] = np.swapaxes(D, 1, 2).reshape(B, n * m, m * n)
            bend[:, : m * n, m * n :] = _transpose(bend[:, m * n :, : m * n])
        H = (_transpose(J) @ (K @ J)).sum(1) + bend
        if at.biased:
            cross = np.einsum("zjip,zji->zpj", J, k)
            level = np.einsum("zj,jl->zjl", kappa, eye)
            first = m * n  # the bias stands between W and the decoder
            above = np.concatenate([H[:, :first, :first], cross[:, :first], H[:, :first, first:]], axis=2)
            middle = np.concatenate([_transpose(cross[:, :first]), level, _transpose(cross[:, first:])], axis=2)
            below = np.concatenate([H[:, first:, :first], cross[:, first:], H[:, first:, first:]], axis=2)
            H = np.concatenate([above, middle, below], axis=1)
        matrices: Array = ((H + _transpose(H)) / 2).reshape(*lead, *H.shape[1:])
        return matrices

    def _near_kinks(self, parameters: Parameters) -> Array:
        """For every set that may occur and every output, how far the form is from a jump of its second derivatives.

        A form z on a set with two or more coefficients that are not 0 is smooth enough. A set without j gives
        E[z_j₊²], which has a jump where z_j vanishes whatever the values are; a set with j gives −2 E[u_j z_j₊] too,
        with a jump where z_j = 0 at u_j = 1 whatever the other values are.
        """
        a, b, P = self._forms(parameters)
        possible = P > 0
        sets = self.sets()[possible]
        if self.values == "one":
            return np.abs(self._vertex_forms(a, b)[:, possible])
        own = np.einsum("zjj->zj", a)
        end = np.abs(b[:, None, :] + np.where(sets, own[:, None, :], 0.0))
        others = np.where(sets[:, None, :] & ~np.eye(self.n, dtype=bool), np.abs(a)[:, None], 0.0).max(-1, initial=0.0)
        distances: Array = np.maximum(end, others)
        return distances

    def kink_distance(self, parameters: Parameters) -> Array:
        """How far the nearest jump of a second derivative is: of b_j from 0 where nothing is active, for instance.

        For values of 1 the least |z_j| of all sets; for uniform values the least distance to a form that has a jump.
        """
        return self._reshape(self._near_kinks(parameters).min(axis=(-2, -1)), parameters)

    def kinks(self, parameters: Parameters, tolerance: float) -> Array:
        """Which parts of the loss, by set and output, are within `tolerance` of a kink.

        Parameters
        ----------
        parameters : Parameters
            One model.
        tolerance : float

        Returns
        -------
        ndarray of bool, shape (sets, n)
            In the order of `sets`.
        """
        _, _, P = self._forms(parameters)
        marks = np.zeros((len(P), self.n), dtype=bool)
        marks[P > 0] = self._near_kinks(parameters)[0] <= tolerance
        return marks

    def kink_form(self, kinks: Array, a: Array, b: Array) -> tuple[float, Array, Array]:
        """Σ P(A) I_j E[(b_j + Σ_{i∈A} a_ji u_i)₊²] over the marked sets and outputs, and its slopes in a and b.

        Where those forms are 0 and move by (a, b), this is what the loss gains to second order.

        Parameters
        ----------
        kinks : ndarray of bool, shape (sets, n)
        a : ndarray, shape (n, n)
        b : ndarray, shape (n,)
        """
        sets = self.sets()
        share = self.probabilities(sets)[:, None] * kinks * self.weights
        if self.values == "one":
            z = np.maximum(self._vertex_forms(a[None], b[None])[0], 0)
            return float((share * z**2).sum()), 2 * (share * z).T @ sets, 2 * (share * z).sum(0)
        found = moments(a[None], b[None], most=self._most, order=1)
        return (
            float((share * found["", 2][0]).sum()),
            2 * np.einsum("sj,sji->ji", share, found["i", 1][0]),
            2 * (share * found["", 1][0]).sum(0),
        )

    def highest(self, parameters: Parameters, *, present: bool = False) -> Array:
        """The largest z_j over all examples that may occur, of any number of active features; shape (..., n).

        Parameters
        ----------
        parameters : Parameters
        present : bool
            Only over examples that have feature j.
        """
        W, b, R = self._arrays(parameters)
        a, p, n = R @ W, self.density, self.n
        # By how much a feature that is present can raise z_j, its value going down to 0 where that is uniform.
        gains = a if self.values == "one" else np.maximum(a, 0)
        groups = [
            *((list(group), True) for group in self.correlated),
            *((list(group), False) for group in self.anticorrelated),
        ]
        grouped = {i for group, _ in groups for i in group}
        groups += [([i], True) for i in range(n) if i not in grouped]
        top = np.array(np.broadcast_to(b, gains.shape[:2]))
        for group, together in groups:
            part = gains[..., group]
            most = part.sum(-1) if together else part.max(-1)
            always = (1 if together else len(group)) * p >= 1
            free = most if always else np.maximum(most, 0)
            if present:
                free[:, group] = most[:, group] if together else part[:, group, range(len(group))]
            top += free
        return self._reshape_by_feature(top, parameters)

    def dead(self, parameters: Parameters) -> Array:
        """z_j < 0 on every example, of any number of active features."""
        return self.highest(parameters) < 0

    def silent(self, parameters: Parameters) -> Array:
        """z_j ≤ 0 on every example that has feature j, with any number of others."""
        return self.highest(parameters, present=True) <= 0

    def untouched(self) -> Array:
        """None is: every feature is present with probability p > 0."""
        return np.zeros(self.n, dtype=bool)

    # ------------------------------------------------------------------------------------------------------------

    @property
    def _most(self) -> int:
        """How many features may be active in the sums."""
        return self.n if self.most_active is None else self.most_active

    def _arrays(self, parameters: Parameters) -> tuple[Array, Array, Array]:
        """W (batch, m, n), b (batch, n) and R (batch, n, m) in float64, with one batch axis."""
        at = check_arrays(parameters)
        if at.W.shape[-1] != self.n:
            raise ArgumentError(f"W must have n = {self.n} columns for this data set; got {tuple(at.W.shape)}")
        W, b, R = (to_numpy(part).astype(float) for part in (at.W, at.b, at.xp.matrix_transpose(at.D)))
        lead = _batch(parameters)
        m = W.shape[-2]
        return (
            np.broadcast_to(W, (*lead, m, self.n)).reshape(-1, m, self.n),
            np.broadcast_to(b, (*lead, self.n)).reshape(-1, self.n),
            np.broadcast_to(R, (*lead, self.n, m)).reshape(-1, self.n, m),
        )

    def _forms(self, parameters: Parameters) -> tuple[Array, Array, Array]:
        """The coefficients a_ji = r_j·w_i of every output, the offsets b_j, and P(A)."""
        W, b, R = self._arrays(parameters)
        return R @ W, b, self.probabilities(self.sets())

    def _vertex_forms(self, a: Array, b: Array) -> Array:
        """z_j for every set, its features having the value 1: shape (batch, sets, n)."""
        forms: Array = b[:, None, :] + np.einsum("zji,si->zsj", a, self.sets().astype(float))
        return forms

    def _slopes(self, parameters: Parameters) -> _Slopes:
        a, b, P = self._forms(parameters)
        if self.values == "one":
            sets = self.sets().astype(float)
            z = self._vertex_forms(a, b)
            E = 2 * (np.maximum(z, 0) - sets) * (z > 0) * P[:, None] * self.weights
            return _Slopes(np.einsum("zsj,si->zji", E, sets), E.sum(1))
        D, d = np.empty_like(a), np.empty_like(b)
        size = max(1, _NUMBERS // (self.states * self.n**2))
        for k in range(0, len(a), size):
            some = slice(k, k + size)
            by_coefficient, by_offset = slopes_by_set(moments(a[some], b[some], most=self._most, order=1))
            np.einsum("s,zsji,j->zji", P, by_coefficient, 2 * self.weights, out=D[some])
            np.einsum("s,zsj,j->zj", P, by_offset, 2 * self.weights, out=d[some])
        return _Slopes(D, d)

    def _curvatures(self, parameters: Parameters, off: Array | None = None) -> tuple[Array, Array, Array]:
        """K, k and κ of `hessian_vector_product`; `off` marks sets and outputs to leave out, of one model."""
        a, b, P = self._forms(parameters)
        if self.values == "one":
            sets = self.sets().astype(float)
            on = self._vertex_forms(a, b) > 0
            slope = 2 * (on if off is None else on & ~off) * P[:, None] * self.weights
            return (
                np.einsum("zsj,si,sl->zjil", slope, sets, sets),
                np.einsum("zsj,si->zji", slope, sets),
                slope.sum(1),
            )
        if off is not None and off.any():
            # A form that is 0 has no moments.
            outputs = off.any(axis=0)
            members = np.einsum("sj,si->ji", off, self.sets()) > 0
            a, b = np.where(members, 0.0, a), np.where(outputs, 0.0, b)
        found: Moments = moments(a, b, most=self._most, order=2)
        twice = 2 * self.weights
        return (
            np.einsum("s,zsjil,j->zjil", P, found["il", 0] - found["ilj", -1], twice),
            np.einsum("s,zsji,j->zji", P, found["i", 0] - found["ij", -1], twice),
            np.einsum("s,zsj,j->zj", P, found["", 0] - found["j", -1], twice),
        )

    def _reshape(self, values: Array, parameters: Parameters) -> Array:
        """Values of a flat batch with the leading axes of the model."""
        return values.reshape(_batch(parameters))[()]

    def _reshape_by_feature(self, values: Array, parameters: Parameters) -> Array:
        """Values by feature of a flat batch, with the leading axes of the model."""
        return values.reshape(*_batch(parameters), self.n)

    def _like(self, parameters: Parameters, dW: Array, db: Array, dR: Array) -> Parameters:
        """Derivatives with the leading axes of the model; tied, what the decoder gets goes to W."""
        at, lead, m = check_arrays(parameters), _batch(parameters), dW.shape[-2]
        W = dW + _transpose(dR) if at.tied else dW
        b = db.reshape(*lead, self.n) if at.biased else None
        return Parameters(W.reshape(*lead, m, self.n), b, None if at.tied else dR.reshape(*lead, self.n, m))


def _transpose(A: Array) -> Array:
    return np.swapaxes(A, -1, -2)


def _batch(parameters: Parameters) -> tuple[int, ...]:
    """The leading axes of a model."""
    at = check_arrays(parameters)
    return np.broadcast_shapes(at.W.shape[:-2], at.b.shape[:-1], at.D.shape[:-2])
