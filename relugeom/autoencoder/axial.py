"""Data on the axes, x = a e_i: losses and derivatives through the Gram matrix, without forming X.

For an example on axis i the pre-activation of output j is a g_ij + b_j with g_ij = w_i·w_j, so the loss is a
sum over pairs of one function of two numbers,

    L = (1/n) Σ_ij φ(g_ij, b_j, δ_ij),      φ(g, b, δ) = E_a (aδ − ReLU(a g + b))².

Which amplitudes a occur changes φ and nothing else. `Axial` takes finitely many, `UniformAxial` all of (0,
1]; each gives φ with its first and second derivatives, and the chain rule through G = WᵀW is written once, in
`AxialData`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeGuard

import numpy as np

from relugeom.arrays import Array, device_of
from relugeom.autoencoder.data import DataSet, check_n
from relugeom.autoencoder.model import gram
from relugeom.autoencoder.parameters import Checked, Parameters, check_arrays
from relugeom.errors import ArgumentError

__all__ = ["Axial", "AxialData", "UniformAxial", "is_identity"]

_BLOCK = 1024  # axes looked at together where no n × n matrix is needed


class AxialData(DataSet):
    """The chain rule from φ(g_ij, b_j, δ_ij) to W and b. Index i is the input, j the output.

    Subclasses have ``n`` and give φ, (φ_g, φ_b) and (φ_gg, φ_gb, φ_bb) elementwise. In these methods Φ_g ...
    are the n × n matrices of those values, already divided by n.
    """

    n: int

    @abstractmethod
    def pair_loss(self, xp: Any, g: Array, b: Array, delta: Array) -> Array:
        """φ."""

    @abstractmethod
    def pair_slopes(self, xp: Any, g: Array, b: Array, delta: Array) -> tuple[Array, Array]:
        """(φ_g, φ_b)."""

    @abstractmethod
    def pair_curvatures(self, xp: Any, g: Array, b: Array, delta: Array) -> tuple[Array, Array, Array]:
        """(φ_gg, φ_gb, φ_bb)."""

    @abstractmethod
    def pair_kink_distance(self, xp: Any, g: Array, b: Array, delta: Array) -> Array:
        """How far (g, b) is from the points where a second derivative of φ jumps."""

    @abstractmethod
    def pair_off(self, xp: Any, g: Array, b: Array) -> tuple[Array, Array]:
        """Whether a g + b < 0, and whether a g + b ≤ 0, for every amplitude."""

    @property
    def T(self) -> int:  # type: ignore[override]
        """n: the loss is an average over the axes, and on each over its amplitudes."""
        return self.n

    def _arrays(self, parameters: Parameters, direction: Parameters | None = None) -> Checked:
        at = check_arrays(parameters, direction=direction)
        if at.W.shape[-1] != self.n:
            raise ArgumentError(f"W must have n = {self.n} columns for this data set; got {tuple(at.W.shape)}")
        return at

    def _at(self, parameters: Parameters, direction: Parameters | None = None) -> tuple[Checked, Array, Array, Array]:
        """The arrays, g_ij, b_j and δ_ij, the last three broadcast together."""
        at = self._arrays(parameters, direction)
        g = gram(at.W) if at.tied else at.xp.matrix_transpose(at.W) @ at.D
        return at, g, at.b[..., None, :], at.xp.eye(self.n, dtype=at.W.dtype, device=device_of(at.W))

    def loss(self, parameters: Parameters) -> Array:
        """L = (1/n) Σ_ij φ(g_ij, b_j, δ_ij)."""
        at, g, b, delta = self._at(parameters)
        return at.xp.mean(at.xp.sum(self.pair_loss(at.xp, g, b, delta), axis=-1), axis=-1)

    def gradient(self, parameters: Parameters) -> Parameters:
        """∂L/∂W = D Φ_gᵀ, ∂L/∂D = W Φ_g and ∂L/∂b_j = Σ_i (Φ_b)_ij, since dG = dWᵀD + WᵀdD.

        Tied, W stands in both places: W (Φ_g + Φ_gᵀ).
        """
        at, g, b, delta = self._at(parameters)
        xp = at.xp
        Phi_g, Phi_b = (phi / self.n for phi in self.pair_slopes(xp, g, b, delta))
        slope_b = xp.sum(Phi_b, axis=-2)
        if at.tied:
            return at.like(at.W @ _twice_symmetric(xp, Phi_g), slope_b, at.D)
        return at.like(at.D @ xp.matrix_transpose(Phi_g), slope_b, at.W @ Phi_g)

    def hessian_vector_product(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """The derivative of `gradient` along (V, c, U), U in D.

        With Ġ = VᵀD + WᵀU,

            Φ̇_g = Φ_gg ⊙ Ġ + Φ_gb c,    Φ̇_b = Φ_gb ⊙ Ġ + Φ_bb c      (c_j along column j),
            (D Φ_gᵀ)˙ = U Φ_gᵀ + D Φ̇_gᵀ,    (W Φ_g)˙ = V Φ_g + W Φ̇_g,    (∂L/∂b_j)˙ = Σ_i (Φ̇_b)_ij.

        Tied, U = V and the first two add up.
        """
        at, g, b, delta = self._at(parameters, direction)
        xp, T = at.xp, at.xp.matrix_transpose
        c = at.c[..., None, :]
        Phi_g = self.pair_slopes(xp, g, b, delta)[0] / self.n
        Phi_gg, Phi_gb, Phi_bb = (phi / self.n for phi in self.pair_curvatures(xp, g, b, delta))
        cross = T(at.V) @ at.D
        G_dot = _twice_symmetric(xp, cross) if at.tied else cross + T(at.W) @ at.U
        dPhi_g = Phi_gg * G_dot + Phi_gb * c
        slope_b = xp.sum(Phi_gb * G_dot + Phi_bb * c, axis=-2)
        if at.tied:
            dW = at.V @ _twice_symmetric(xp, Phi_g) + at.W @ _twice_symmetric(xp, dPhi_g)
            return at.like(dW, slope_b, at.D)
        dW = at.U @ T(Phi_g) + at.D @ T(dPhi_g)
        return at.like(dW, slope_b, at.V @ Phi_g + at.W @ dPhi_g)

    def hessian(self, parameters: Parameters) -> Array:
        """The second derivatives, block by block.

        Put dg_ij = v_i·w_j + w_i·v_j and d²g_ij = 2 v_i·v_j into the second differential

            Σ_ij φ_gg dg² + 2 φ_gb dg db + φ_bb db² + φ_g d²g

        and collect. With R = Φ_g + Φ_gᵀ, S = Φ_gg + Φ_ggᵀ, P = Φ_gb, and a, c for rows of W,

            ∂²L/∂W_ai ∂W_cj = δ_ac R_ij + δ_ij Σ_k S_ik W_ak W_ck + S_ij W_aj W_ci
            ∂²L/∂W_ai ∂b_j  = P_ij W_aj + δ_ij Σ_k P_ki W_ak
            ∂²L/∂b_i ∂b_j   = δ_ij Σ_k (Φ_bb)_ki

        These are the blocks of a tied model; those of an untied one come from `hessian_vector_product`.
        """
        at, g, b, delta = self._at(parameters)
        if not at.tied:
            return DataSet.hessian(self, parameters)
        xp, W = at.xp, at.W
        m, n = W.shape[-2:]
        R = _twice_symmetric(xp, self.pair_slopes(xp, g, b, delta)[0] / n)
        Phi_gg, P, Phi_bb = (phi / n for phi in self.pair_curvatures(xp, g, b, delta))
        S = _twice_symmetric(xp, Phi_gg)
        eye_m = xp.eye(m, dtype=W.dtype, device=device_of(W))

        moments = (W[..., :, None, :] * W[..., None, :, :]) @ S[..., None, :, :]  # [a, c, i]
        WW = (  # axes [a, i, c, j]
            eye_m[:, None, :, None] * R[..., None, :, None, :]
            + delta[:, None, :] * xp.matrix_transpose(moments)[..., None]
            + S[..., None, :, None, :] * W[..., :, None, None, :] * xp.matrix_transpose(W)[..., None, :, :, None]
        )
        WW = xp.reshape(WW, (*WW.shape[:-4], m * n, m * n))
        if not at.biased:
            return WW
        Wb = P[..., None, :, :] * W[..., :, None, :] + delta * (W @ P)[..., None]  # axes [a, i, j]
        Wb = xp.reshape(Wb, (*Wb.shape[:-3], m * n, n))
        bb = delta * xp.sum(Phi_bb, axis=-2)[..., None]
        upper = xp.concat([WW, Wb], axis=-1)
        lower = xp.concat([xp.matrix_transpose(Wb), bb], axis=-1)
        return xp.concat([upper, lower], axis=-2)

    def kink_distance(self, parameters: Parameters) -> Array:
        """The least distance of a pair (g_ij, b_j) from a jump in the second derivatives of φ."""
        at, g, b, delta = self._at(parameters)
        return at.xp.min(self.pair_kink_distance(at.xp, g, b, delta), axis=(-2, -1))

    def dead(self, parameters: Parameters) -> Array:
        """a g_ij + b_j < 0 for every axis i and every amplitude."""
        at = self._arrays(parameters)
        xp, b = at.xp, at.b[..., None, :]
        parts = []
        for start in range(0, self.n, _BLOCK):  # so that many features fit in memory
            g = xp.matrix_transpose(at.W[..., start : min(start + _BLOCK, self.n)]) @ at.D
            parts.append(xp.all(self.pair_off(xp, g, b)[0], axis=-2, keepdims=True))
        return xp.all(xp.concat(parts, axis=-2), axis=-2)

    def silent(self, parameters: Parameters) -> Array:
        """a g_jj + b_j ≤ 0 for every amplitude."""
        at = self._arrays(parameters)
        return self.pair_off(at.xp, at.xp.sum(at.W * at.D, axis=-2), at.b)[1]

    def untouched(self) -> Array:
        """None is: every axis is there."""
        return np.zeros(self.n, dtype=bool)


def _twice_symmetric(xp: Any, A: Array) -> Array:
    """A + Aᵀ."""
    return A + xp.matrix_transpose(A)


_SMALLEST = 1e-100  # of amplitudes and shares: products of three are still numbers


@dataclass(frozen=True, slots=True)
class Axial(AxialData):
    """The examples a e_i, with every axis equally often and the amplitude a from a finite grid.

    Parameters
    ----------
    n : int
        Number of features.
    amplitudes : sequence of float
        Positive. The default, a = 1 alone, is the data set X = I.
    weights : sequence of float, optional
        Relative frequencies of the amplitudes, positive; they are scaled to add up to 1. Default: equal.

    See Also
    --------
    relugeom.autoencoder.UniformAxial, relugeom.autoencoder.Independent, relugeom.autoencoder.DenseExamples
    relugeom.autoencoder.SparseExamples, relugeom.autoencoder.as_data

    Notes
    -----
    With weights p_k, r_k = ReLU(z_k) − a_k δ and z_k = a_k g + b,

        φ = Σ p_k r_k²,    φ_g = Σ 2 p_k a_k r_k 1[z_k > 0],    φ_gg = Σ 2 p_k a_k² 1[z_k > 0],

    and each ∂/∂b instead of ∂/∂g has one factor a_k less. The kinks are at z_k = 0.

    Examples
    --------
    >>> from relugeom.autoencoder import loss
    >>> float(loss(Parameters([[1.0, -1.0]]), Axial(2)))
    0.0
    """

    n: int
    amplitudes: Sequence[float] = (1.0,)
    weights: Sequence[float] | None = None

    def __post_init__(self) -> None:
        check_n(self.n)
        amplitudes = _positive("amplitudes", self.amplitudes)
        weights = _positive("weights", [1.0] * len(amplitudes) if self.weights is None else self.weights)
        if len(weights) != len(amplitudes):
            raise ArgumentError(f"weights must have {len(amplitudes)} entries; got {len(weights)}")
        if not all(_SMALLEST <= a <= 1 / _SMALLEST for a in amplitudes):
            raise ArgumentError(f"amplitudes must lie between {_SMALLEST} and {1 / _SMALLEST:g}; got {amplitudes}")
        total = sum(weights)
        shares = tuple(weight / total for weight in weights)
        if not all(share >= _SMALLEST for share in shares):
            raise ArgumentError(f"weights must not vanish beside their sum {total:g}; got {weights}")
        object.__setattr__(self, "amplitudes", amplitudes)
        object.__setattr__(self, "weights", shares)

    @property
    def grid(self) -> list[tuple[float, float]]:
        """The weight and the amplitude of each point; the weights add up to 1."""
        return list(zip(self.weights or (), self.amplitudes, strict=True))

    def pair_loss(self, xp: Any, g: Array, b: Array, delta: Array) -> Array:
        """φ = Σ p_k (ReLU(z_k) − a_k δ)²."""
        return sum(p * (_relu(xp, a * g + b) - a * delta) ** 2 for p, a in self.grid)

    def pair_slopes(self, xp: Any, g: Array, b: Array, delta: Array) -> tuple[Array, Array]:
        """φ_g and φ_b: Σ 2 p_k r_k 1[z_k > 0] with the factor a_k and without."""
        terms = [(a, 2 * p * (_relu(xp, a * g + b) - a * delta) * _step(xp, a * g + b)) for p, a in self.grid]
        return sum(a * term for a, term in terms), sum(term for _, term in terms)

    def pair_curvatures(self, xp: Any, g: Array, b: Array, delta: Array) -> tuple[Array, Array, Array]:
        """φ_gg, φ_gb and φ_bb: Σ 2 p_k 1[z_k > 0] with the factors a_k², a_k and 1."""
        terms = [(a, 2 * p * _step(xp, a * g + b)) for p, a in self.grid]
        gg, gb, bb = (sum(a**power * term for a, term in terms) for power in (2, 1, 0))
        return gg, gb, bb

    def pair_kink_distance(self, xp: Any, g: Array, b: Array, delta: Array) -> Array:
        """min_k |a_k g + b|."""
        distance = xp.abs(self.amplitudes[0] * g + b)
        for a in self.amplitudes[1:]:
            distance = xp.minimum(distance, xp.abs(a * g + b))
        return distance

    def pair_off(self, xp: Any, g: Array, b: Array) -> tuple[Array, Array]:
        """a g + b is largest at the least or the largest amplitude."""
        highest = xp.maximum(min(self.amplitudes) * g + b, max(self.amplitudes) * g + b)
        return highest < 0, highest <= 0


@dataclass(frozen=True, slots=True)
class UniformAxial(AxialData):
    """The examples a e_i, with every axis equally often and a uniform on (0, 1], integrated exactly.

    Parameters
    ----------
    n : int
        Number of features.

    See Also
    --------
    relugeom.autoencoder.Axial, relugeom.autoencoder.Independent, relugeom.autoencoder.DenseExamples
    relugeom.autoencoder.SparseExamples, relugeom.autoencoder.as_data

    Notes
    -----
    Let the pair be active for a in (l, h) within [0, 1], and s_k = (h^k − l^k)/k. Then, with u = g − δ,

        φ = u² s_3 + 2 u b s_2 + b² s_1 + δ (1/3 − s_3).

    At an end that moves, a* = −b/g, the output is 0 and the integrand is the same on both sides, so the ends
    cancel in the slopes: φ_g = 2 (u s_3 + b s_2) and φ_b = 2 (u s_2 + b s_1). They do not cancel in the
    curvatures: the integrand 2a(ua + b) of φ_g is 2a*(ga* + b − δa*) = −2δa*² there, not 0. The end moves by
    da* = −(a* dg + db)/g, and the interval grows by da* where the end is h (g < 0), by −da* where it is l (g
    > 0); both give

        φ_gg = 2 s_3 − 2δ a*³/|g|,      φ_gb = 2 s_2 − 2δ a*²/|g|,      φ_bb = 2 s_1 − 2δ a*/|g|.

    φ is C¹ (for δ = 1 except at g = b = 0). Its curvatures jump where an end enters at a = 1 with δ = 1, on
    g + b = 0, and have no limit at g = b = 0, which is where orthogonal features without bias sit.

    The loss is that of Chen et al., "Dynamical versus Bayesian Phase Transitions in a Toy Model of
    Superposition" (arXiv 2310.06301).
    """

    n: int

    def __post_init__(self) -> None:
        check_n(self.n)

    def pair_loss(self, xp: Any, g: Array, b: Array, delta: Array) -> Array:
        """φ = u² s_3 + 2 u b s_2 + b² s_1 + δ (1/3 − s_3)."""
        s1, s2, s3, _ = _active_interval(xp, g, b)
        u = g - delta
        return u**2 * s3 + 2 * u * b * s2 + b**2 * s1 + delta * (1 / 3 - s3)

    def pair_slopes(self, xp: Any, g: Array, b: Array, delta: Array) -> tuple[Array, Array]:
        """φ_g = 2 (u s_3 + b s_2) and φ_b = 2 (u s_2 + b s_1)."""
        s1, s2, s3, _ = _active_interval(xp, g, b)
        u = g - delta
        return 2 * (u * s3 + b * s2), 2 * (u * s2 + b * s1)

    def pair_curvatures(self, xp: Any, g: Array, b: Array, delta: Array) -> tuple[Array, Array, Array]:
        """φ_gg, φ_gb and φ_bb: 2 s_k − 2δ a*^k/|g| for k = 3, 2, 1."""
        s1, s2, s3, end = _active_interval(xp, g, b)
        # An end other than 0 occurs only where g ≠ 0; elsewhere the quotient is 0 whatever it is divided by.
        moving = 2 * delta / xp.where(end > 0, xp.abs(g), xp.ones_like(g))
        return 2 * s3 - moving * end**3, 2 * s2 - moving * end**2, 2 * s1 - moving * end

    def pair_kink_distance(self, xp: Any, g: Array, b: Array, delta: Array) -> Array:
        """|g + b| on the diagonal, max(|g|, |b|) off it."""
        return xp.where(delta > 0, xp.abs(g + b), xp.maximum(xp.abs(g), xp.abs(b + 0 * g)))

    def pair_off(self, xp: Any, g: Array, b: Array) -> tuple[Array, Array]:
        """The largest is g + b, at a = 1, or b, which a only comes near."""
        b = b + xp.zeros_like(g)
        return (b <= 0) & (g + b < 0), (b <= 0) & (g + b <= 0)


def is_identity(data: DataSet) -> TypeGuard[Axial]:
    """Whether the data are X = I: every axis at the amplitude 1 alone.

    Examples
    --------
    >>> is_identity(Axial(3)), is_identity(Axial(3, (0.5,)))
    (True, False)
    """
    return isinstance(data, Axial) and tuple(data.amplitudes) == (1.0,)


def _active_interval(xp: Any, g: Array, b: Array) -> tuple[Array, Array, Array, Array]:
    """s_1, s_2, s_3 of the part of [0, 1] where a g + b > 0, and its moving end −b/g (0 if none moves)."""
    b = b + xp.zeros_like(g)
    from_start, to_stop = b > 0, g + b > 0
    moves = from_start != to_stop
    end = xp.where(moves, -b, xp.zeros_like(g)) / xp.where(moves, g, xp.ones_like(g))
    low = xp.where(from_start, xp.zeros_like(g), end)
    high = xp.where(to_stop, xp.ones_like(g), end)
    return high - low, (high**2 - low**2) / 2, (high**3 - low**3) / 3, end


def _relu(xp: Any, z: Array) -> Array:
    return xp.maximum(z, xp.zeros_like(z))


def _step(xp: Any, z: Array) -> Array:
    """1[z > 0], the derivative of ReLU with ReLU'(0) = 0."""
    return xp.where(z > 0, xp.ones_like(z), xp.zeros_like(z))


def _positive(name: str, numbers: Sequence[float]) -> tuple[float, ...]:
    try:
        values = tuple(float(number) for number in numbers)
    except (TypeError, ValueError, OverflowError):
        values = ()
    if not values or not all(isfinite(value) and value > 0 for value in values):
        raise ArgumentError(f"{name} must be positive finite numbers, at least one; got {numbers!r:.80}")
    return values
