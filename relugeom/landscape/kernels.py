"""The gradient of many small models at once, without temporaries.

Both kernels hold the parameters of a block of models, compute ``gradient`` for all of them, and leave out the
constant ``factor``. Their definition is `relugeom.autoencoder.axial`, whose chain rule they spell out:

    ∂L/∂w_i = Σ_j (Φ_ij + Φ_ji) w_j,      ∂L/∂b_j = Σ_i Ψ_ij,      Φ = φ_g, Ψ = φ_b at (g_ij, b_j, δ_ij).

For X = I, Φ = Ψ = (2/n) (ReLU(g_ij + b_j) − δ_ij 1[g_ij + b_j > 0]): ReLU's output is already the masked
gradient and only the diagonal needs the 1. For other amplitudes φ_g and φ_b are asked of the data set.

* `PairKernel`: the model index last and contiguous, one pass for all pairs (i, i + k), k = 1, ..., n/2, so that
  each inner product is formed once. Best for small n.
* `MatrixKernel`: one small matrix a model, three batched products. Best from about n = 16 on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from relugeom.autoencoder.axial import Axial, AxialData
from relugeom.autoencoder.model import Parameters

__all__ = ["MatrixKernel", "PairKernel", "kernel_for"]

Floats = npt.NDArray[np.floating[Any]]


def _is_identity(data: AxialData) -> bool:
    return isinstance(data, Axial) and tuple(data.amplitudes) == (1.0,)


class PairKernel:
    """Structure of arrays: ``theta`` is (m + 1, n, B), the rows of W and then b.

    It is the first part of a longer array in which the first n/2 features stand a second time, so that feature
    i + k is a slice for every k.
    """

    def __init__(self, data: AxialData, W: Floats, b: Floats) -> None:
        B, m, n = W.shape
        self.data, self.n, self.half = data, n, n // 2
        self._identity = _is_identity(data)
        self.factor = 2 / n if self._identity else 1 / n
        self._wide = np.empty((m + 1, n + self.half, B), W.dtype)
        self._wide_gradient = np.zeros_like(self._wide)
        self.theta = self._wide[:, :n]
        self.theta[:m], self.theta[m] = W.transpose(1, 2, 0), b.T
        self.gradient = self._wide_gradient[:, :n]
        self._zero = np.zeros(B, W.dtype)
        self._products = np.empty((m, n, B), W.dtype)
        self._g, self._s = np.empty((2, n, B), W.dtype)
        self._r = np.empty((2, n, B), W.dtype)
        self._plans = [self._plan(k) for k in range(1, self.half + 1)]

    def _plan(self, k: int) -> tuple[Floats, ...]:
        """The views for the pairs (i, i + k); for k = n/2 the second half would repeat the first."""
        D, G, m = self._wide, self._wide_gradient, self._wide.shape[0] - 1
        count = self.half if 2 * k == self.n else self.n
        _, row, item = D.strides
        both = as_strided(D[m], (2, count, D.shape[2]), (k * row, row, item), writeable=False)
        near, far = slice(count), slice(k, k + count)
        return (D[:m, near], D[:m, far], both, G[:m, near], G[:m, far], G[m, near], G[m, far],
                self._products[:, :count], self._g[:count], self._s[:count], self._r[:, :count])  # fmt: skip

    def compute(self) -> None:
        """Fill ``gradient``."""
        m, n, half = self._wide.shape[0] - 1, self.n, self.half
        D, G = self._wide, self._wide_gradient
        D[:, n:] = D[:, :half]
        self._diagonal(D[:m, :n], D[m, :n], G[:m, :n], G[m, :n])
        G[:, n:] = 0
        for W_i, W_j, both, G_i, G_j, Gb_i, Gb_j, products, g, s, r in self._plans:
            np.multiply(W_i, W_j, out=products)
            _sum_rows(products, g)
            if self._identity:
                np.add(g, both, out=r)
                np.maximum(r, self._zero, out=r)
                np.add(r[0], r[1], out=s)
                into_i, into_j = r
            else:
                Phi, (into_i, into_j) = self.data.pair_slopes(np, g, both, np.zeros((), g.dtype))
                np.add(Phi[0], Phi[1], out=s)
            np.multiply(s, W_j, out=products)
            np.add(G_i, products, out=G_i)
            np.multiply(s, W_i, out=products)
            np.add(G_j, products, out=G_j)
            np.add(Gb_i, into_i, out=Gb_i)
            np.add(Gb_j, into_j, out=Gb_j)
        np.add(G[:, :half], G[:, n:], out=G[:, :half])

    def _diagonal(self, W: Floats, b: Floats, G: Floats, Gb: Floats) -> None:
        """The pairs (i, i), which begin the sums: 2Φ_ii w_i and Ψ_ii."""
        np.multiply(W, W, out=self._products)
        _sum_rows(self._products, self._g)
        if self._identity:
            np.add(self._g, b, out=Gb)
            np.maximum(Gb, self._zero, out=Gb)
            np.subtract(Gb, Gb > self._zero, out=Gb)
            np.add(Gb, Gb, out=self._s)
        else:
            Phi, Psi = self.data.pair_slopes(np, self._g, b, np.ones((), b.dtype))
            np.add(Phi, Phi, out=self._s)
            Gb[...] = Psi
        np.multiply(self._s, W, out=G)

    def parameters(self) -> Parameters:
        """A copy of the models, W (B, m, n) and b (B, n)."""
        *W, b = self.theta
        return Parameters(np.stack(W).transpose(2, 0, 1).copy(), b.T.copy())


def _sum_rows(products: Floats, out: Floats) -> None:
    if len(products) == 1:
        out[...] = products[0]
        return
    np.add(products[0], products[1], out=out)
    for row in products[2:]:
        np.add(out, row, out=out)


class MatrixKernel:
    """Array of structures: ``theta`` is (B, m + 1, n), each model's W with b below it.

    [W; 1]ᵀ [W; b] holds every pre-activation, [W; 1] Φ gives WΦ and the column sums, W Φᵀ the rest.
    """

    def __init__(self, data: AxialData, W: Floats, b: Floats) -> None:
        B, m, n = W.shape
        self.data, self.m, self.n = data, m, n
        self._identity = _is_identity(data)
        self.factor = 2 / n if self._identity else 1 / n
        self.theta = np.concatenate([W, b[:, None, :]], axis=1)
        self.gradient = np.empty_like(self.theta)
        self._with_ones = np.ones_like(self.theta)
        self._Z = np.empty((B, n, n), W.dtype)
        self._diagonal = self._Z.reshape(B, n * n)[:, :: n + 1]
        self._zero = np.zeros((n, n), W.dtype)
        self._WT = np.empty((B, m, n), W.dtype)

    def compute(self) -> None:
        """Fill ``gradient``."""
        m, L, Z = self.m, self._with_ones, self._Z
        W, b = self.theta[:, :m], self.theta[:, m]
        L[:, :m] = W
        if self._identity:
            np.matmul(L.swapaxes(1, 2), self.theta, out=Z)
            np.maximum(Z, self._zero, out=Z)
            np.subtract(self._diagonal, self._diagonal > 0, out=self._diagonal)
            np.matmul(L, Z, out=self.gradient)
            Phi = Z
        else:
            np.matmul(L[:, :m].swapaxes(1, 2), W, out=Z)
            Phi, Psi = self.data.pair_slopes(np, Z, b[:, None, :], np.eye(self.n, dtype=Z.dtype))
            np.matmul(W, Phi, out=self.gradient[:, :m])
            np.sum(Psi, axis=1, out=self.gradient[:, m])
        np.matmul(W, Phi.swapaxes(1, 2), out=self._WT)
        np.add(self.gradient[:, :m], self._WT, out=self.gradient[:, :m])

    def parameters(self) -> Parameters:
        """A copy of the models, W (B, m, n) and b (B, n)."""
        return Parameters(self.theta[:, : self.m].copy(), self.theta[:, self.m].copy())


def kernel_for(n: int) -> tuple[type[PairKernel] | type[MatrixKernel], int]:
    """The faster kernel for n features and the number of models whose working set stays in cache."""
    if n > 12:
        return MatrixKernel, 500
    return PairKernel, 2000
