"""The problem of the laboratory: n features in m dimensions, a decoder and a bias of some kind, k active features.

Unknowns are W (m×n), for an untied decoder R (n×m), and b (n numbers, one, or none). For the 0/1 inputs X (T×n) and the
signs Y = 2X − 1 the conditions are

    V = Y ∘ (X W̃ᵀ R̃ᵀ + 1bᵀ) > 0,      W̃ = W √n / ‖W‖  (or unit columns),  R̃ = R with unit rows  (tied: W̃ᵀ).

With P = Y ∘ ∂softmin/∂V, the gradient is

    ∂/∂W̃ = R̃ᵀ Pᵀ X,    ∂/∂R̃ = Pᵀ X W̃ᵀ  (tied: its transpose adds to ∂/∂W̃),    ∂/∂b = Pᵀ 1,

and through a normalisation u = v/‖v‖ a gradient g becomes (g − (g·u) u)/‖v‖.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Literal

import numpy as np

from relugeom.capacity.decisions.feasibility import decide
from relugeom.capacity.decisions.outcomes import BIASES, Bias
from relugeom.capacity.decisions.supports import supports
from relugeom.capacity.known.theorems import Theorem, upper_bound
from relugeom.capacity.searches.margins import alternating_margin
from relugeom.capacity.searches.problem import Array, Problem, soft_minimum
from relugeom.capacity.searches.readable import exact_values, integer_grids, rational_directions, shorten
from relugeom.capacity.searches.starts import encoders
from relugeom.errors import ArgumentError
from relugeom.exact import Certificate, ExactReconstruction, SignPattern

__all__ = ["Decoding", "inputs"]


@cache
def inputs(n: int, active: int, zero_input: bool = False) -> Array:
    """All allowed 0/1 inputs as rows, shape (T, n)."""
    rows = list(supports(n, active, zero_input))
    X = np.zeros((len(rows), n))
    for row, support in zip(X, rows, strict=True):
        row[list(support)] = 1.0
    X.setflags(write=False)
    return X


@dataclass(frozen=True)
class Decoding(Problem):
    """n features in m dimensions, recovered by ReLU(RWx + b).

    Attributes
    ----------
    m, n
        Dimensions and features.
    tied
        R = Wᵀ; otherwise R is free.
    bias
        "none", "shared" or "free".
    active
        k, the largest number of active features.
    zero_input
        Whether x = 0 must give no positive output.
    values
        "signs": the support is recovered. "exact": ReLU(RWx + b) = x, for one active feature.
    unit_norms
        Whether every column of W has norm 1.
    """

    m: int
    n: int
    tied: bool = True
    bias: Bias = "none"
    active: int = 1
    zero_input: bool = False
    values: Literal["signs", "exact"] = "signs"
    unit_norms: bool = False

    def __post_init__(self) -> None:
        if self.m < 1 or self.n < 1:
            raise ArgumentError(f"m and n must be at least 1; got m = {self.m}, n = {self.n}")
        if not 1 <= self.active <= self.n:
            raise ArgumentError(f"active must lie in 1 to n = {self.n}; got {self.active}")
        if self.bias not in BIASES:
            raise ArgumentError(f"bias must be one of {', '.join(BIASES)}; got {self.bias!r}")
        if self.values not in ("signs", "exact"):
            raise ArgumentError(f'values must be "signs" or "exact"; got {self.values!r}')
        if self.values == "exact" and self.active > 1:
            raise ArgumentError("exact values are asked for one active feature only")

    @property
    def dimension(self) -> int:
        """mn unknowns for W, as many for an untied R, and the biases."""
        return self.m * self.n * (1 if self.tied else 2) + self._biases

    def unpack(self, x: Array) -> tuple[Array, Array | None, Array | None]:
        """W, R (None: tied) and b (None: no bias), before normalisation."""
        m, n = self.m, self.n
        W, rest = x[: m * n].reshape(m, n), x[m * n :]
        R = None if self.tied else rest[: m * n].reshape(n, m)
        return W, R, None if self.bias == "none" else rest[0 if self.tied else m * n :]

    def margin(self, x: Array, sharpness: float) -> tuple[float, Array]:
        """softmin V and its gradient, as at the top of this file."""
        X = self._inputs
        W, R, b = self.unpack(x)
        W_norm = np.linalg.norm(W, axis=0) if self.unit_norms else np.linalg.norm(W) / np.sqrt(self.n)
        Wu = W / W_norm
        R_norm = np.ones(1) if R is None else np.linalg.norm(R, axis=1, keepdims=True)
        Ru = Wu.T if R is None else R / R_norm
        Y = 2 * X - 1
        Z = X @ Wu.T @ Ru.T
        value, weights = soft_minimum(Y * (Z if b is None else Z + b), sharpness)
        P = Y * weights
        gW, gR = Ru.T @ P.T @ X, P.T @ X @ Wu.T
        if R is None:
            gW = gW + gR.T
        along = np.sum(gW * Wu, axis=0) if self.unit_norms else np.sum(gW * Wu) / self.n
        parts = [((gW - along * Wu) / W_norm).ravel()]
        if R is not None:
            parts.append(((gR - np.sum(gR * Ru, axis=1, keepdims=True) * Ru) / R_norm).ravel())
        if b is not None:
            gb = P.sum(axis=0)
            parts.append(gb if self.bias == "free" else gb.sum(keepdims=True))
        return value, np.concatenate(parts)

    def improve(self, x: Array) -> Array:
        """Decoder and encoder in turn, each the optimum of a linear programme while the other is held (untied)."""
        W, R, _ = self.unpack(x)
        if R is None or self.unit_norms or self.bias == "shared":
            return x
        W, R, b = alternating_margin(W, self._inputs, bias=self.bias == "free")
        if not np.any(R, axis=1).all():
            return x  # some row has no margin above 0, and its optimum is r = 0
        better = np.concatenate([W.ravel(), R.ravel(), b if self.bias == "free" else b[:0]])
        return max((x, better), key=lambda point: self.margin(point, np.inf)[0])

    def certify(self, x: Array) -> Certificate | None:
        """The coarsest rational encoder near W that has a decoder, decided exactly."""
        W = self.unpack(x)[0]
        for encoder in rational_directions(W) if self.unit_norms else integer_grids(W, tied=self.tied):
            answer = decide(encoder, tied=self.tied, bias=self.bias, active=self.active, zero_input=self.zero_input)
            if isinstance(answer, SignPattern):
                found = exact_values(answer) if self.values == "exact" else shorten(answer, self.bias)
                if found is not None:
                    return found
        return None

    def settles(self, certificate: Certificate) -> bool:
        """The certificate is about this m, n, decoder, bias, and about at least these inputs."""
        kind = SignPattern if self.values == "signs" else ExactReconstruction
        if not isinstance(certificate, kind):
            return False
        W, b = certificate.encoder, certificate.bias
        bias_fits = {"none": b is None, "shared": b is None or len(set(b)) == 1, "free": True}[self.bias]
        inputs_fit = not isinstance(certificate, SignPattern) or (
            certificate.active >= self.active and certificate.zero_input >= self.zero_input
        )
        norms_fit = not self.unit_norms or all(sum(row[j] ** 2 for row in W) == Fraction(1) for j in range(self.n))
        decoder_fits = certificate.decoder is None or not self.tied
        return (len(W), len(W[0])) == (self.m, self.n) and decoder_fits and bias_fits and inputs_fit and norms_fit

    def constructions(self) -> Mapping[str, Array]:
        """Polygon, pairs, simplex, moment curve: with W as decoder to begin with, and no bias."""
        return {
            name: np.concatenate([W.ravel(), *([] if self.tied else [W.T.ravel()]), np.zeros(self._biases)])
            for name, W in encoders(self.m, self.n).items()
        }

    def key(self) -> str:
        """The `repr` of version 0.1.0, which called `active` sparsity: candidates keep their names for ever."""
        return repr(self).replace("active=", "sparsity=", 1)

    def obstacle(self) -> Theorem | None:
        """The theorem that bounds n from above, if n is beyond it."""
        theorem = upper_bound(self.m, tied=self.tied, bias=self.bias, active=self.active, zero_input=self.zero_input)
        return theorem if theorem.most is not None and self.n > theorem.most else None

    @property
    def _inputs(self) -> Array:
        # Without a bias the output at x = 0 is 0, which is right but would keep the margin at 0.
        return inputs(self.n, self.active, self.zero_input and self.bias != "none")

    @property
    def _biases(self) -> int:
        return {"none": 0, "shared": 1, "free": self.n}[self.bias]
