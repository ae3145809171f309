"""The gradient of many small models at once, without temporaries.

Both kernels hold the parameters of a block of models, compute ``gradient`` for all of them, and leave out the
constant ``factor``. Their definition is `relugeom.autoencoder.axial`, whose chain rule they spell out:

    ∂L/∂w_j = Σ_i (Φ_ij + Φ_ji) w_i,      ∂L/∂b_j = Σ_i Ψ_ij,      Φ = φ_g, Ψ = φ_b at (g_ij, b_j, δ_ij).

For X = I, Φ = Ψ = (2/n) (ReLU(g_ij + b_j) − δ_ij 1[g_ij + b_j > 0]): ReLU's output is already the masked
gradient and only the diagonal needs the 1. For other amplitudes φ_g and φ_b are asked of the data set.

* `ElementwiseKernel`: the model index last, so that every step is one operation on whole arrays. Each takes up to a
  microsecond to begin, however short the arrays, so there are as few as possible: all n² pairs are formed, although
  g_ij = g_ji, because folding them in half takes three times as many operations. Products are added as they are formed
  (einsum), in the order and with the roundings of multiply and add.
* `MatrixKernel`: one small matrix per model, three batched products. Best for many features; from how many on depends
  on the overhead of BLAS for small products, which is low in builds for AVX-512.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import AxialData, is_identity
from relugeom.autoencoder.model import Parameters

__all__ = ["CentredKernel", "ElementwiseKernel", "MatrixKernel", "UnbiasedKernel", "kernel_for", "most_together"]

Floats = npt.NDArray[np.floating[Any]]


class ElementwiseKernel:
    """Structure of arrays: ``theta`` is (m + 1, n, B), the rows of W and then b.

    Pairs are indexed [i, j], input and output: adding b and summing over i then run over n B numbers at a time.
    """

    def __init__(self, data: AxialData, W: Floats, b: Floats) -> None:
        B, m, n = W.shape
        self.data, self.m, self.n = data, m, n
        self._identity = is_identity(data)
        self.factor = 2 / n if self._identity else 1 / n
        self.theta = np.empty((m + 1, n, B), W.dtype)
        self.theta[:m], self.theta[m] = W.transpose(1, 2, 0), b.T
        self.gradient = np.empty_like(self.theta)
        self._fused = B > 1 and _rounds_products(W.dtype)
        # einsum takes its loops in the order of strides: with m the shorter one, sums over it stay in the cache.
        self._W = np.empty((n, m, B), W.dtype).swapaxes(0, 1)
        self._Psi, self._square = np.empty((2, n, n, B), W.dtype)
        self._own = self._Psi.reshape(n * n, B)[:: n + 1]  # i = j
        self._on = np.empty((n, B), W.dtype)
        self._zero, self._one = np.zeros(n * B, W.dtype), np.ones((n, B), W.dtype)
        self._delta = np.eye(n, dtype=W.dtype)[:, :, None]

    def compute(self) -> None:
        """Fill ``gradient``."""
        b, Psi, square = self.theta[-1], self._Psi, self._square
        self._W[...] = self.theta[:-1]
        if self._identity:
            self._multiply_pairs(Psi, square)
            np.add(Psi, b, out=Psi)
            rows = Psi.reshape(self.n, -1)
            np.maximum(rows, self._zero, out=rows)
            np.ceil(self._own, out=self._on)  # 1 where it is positive: the same as np.sign, and faster
            np.minimum(self._on, self._one, out=self._on)
            np.subtract(self._own, self._on, out=self._own)
            Phi = Psi
        else:
            self._multiply_pairs(square, Psi)
            Phi, Psi[...] = self.data.pair_slopes(np, square, b, self._delta)
        np.add(Phi, Phi.swapaxes(0, 1), out=square)
        self._sum_over_inputs()

    def _multiply_pairs(self, out: Floats, work: Floats) -> None:
        """g_ij = w_i·w_j."""
        W = self._W
        if self._fused:
            np.einsum("mib,mjb->ijb", W, W, out=out)
            return
        np.multiply(W[0, :, None], W[0], out=out)
        for row in W[1:]:
            np.multiply(row[:, None], row, out=work)
            np.add(out, work, out=out)

    def _sum_over_inputs(self) -> None:
        """Fill ``gradient`` with Σ_i Ψ_ij and the sums of w_i times ``_square``, which is symmetric in i and j."""
        W, Psi, square = self._W, self._Psi, self._square
        self._add_inputs(Psi, self.gradient[-1])
        if self._fused:
            np.einsum("jib,mib->mjb", square, W, out=self.gradient[:-1])
            return
        for row, out in zip(W, self.gradient, strict=False):
            np.multiply(square, row[:, None], out=Psi)
            self._add_inputs(Psi, out)

    @staticmethod
    def _add_inputs(terms: Floats, out: Floats) -> None:
        if terms.shape[-1] == 1:
            # With one model the sums over i are along memory in the order [j, i], where NumPy adds in eight strands;
            # recorded runs of one model have been added so.
            np.add.reduce(terms.swapaxes(0, 1).copy(), axis=1, out=out)
        else:
            np.add.reduce(terms, axis=0, out=out)

    @staticmethod
    def rows(array: Floats) -> Floats:
        """A view of an array shaped like ``theta`` with its m + 1 rows as the first axis."""
        return array

    def parameters(self) -> Parameters:
        """A copy of the models, W (B, m, n) and b (B, n)."""
        *W, b = self.theta
        return Parameters(np.stack(W).transpose(2, 0, 1).copy(), b.T.copy())


@cache
def _rounds_products(dtype: np.dtype[Any]) -> bool:
    """Whether einsum rounds a product before it adds it, as multiply and add do; some processors fuse the two."""
    x = 1 + 2.0 ** -(np.finfo(dtype).nmant // 2 + 2)  # x² is rounded to 2x − 1
    left = np.full((2, 67), x, dtype)
    right = left.copy()
    left[0], right[0] = 1 - 2 * x, 1
    return not np.einsum("ib,ib->b", left, right).any()


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
        self._identity = is_identity(data)
        self.factor = 2 / n if self._identity else 1 / n
        self.theta = np.concatenate([W, b[:, None, :]], axis=1)
        self.gradient = np.empty_like(self.theta)
        self._with_ones = np.ones_like(self.theta)
        self._Z = np.empty((B, n, n), W.dtype)
        self._own = self._Z.reshape(B, n * n)[:, :: n + 1]  # i = j
        self._on = np.empty((B, n), W.dtype)
        self._zero = np.zeros_like(self._Z)
        self._WT = np.empty((B, m, n), W.dtype)

    def compute(self) -> None:
        """Fill ``gradient``."""
        m, L, Z = self.m, self._with_ones, self._Z
        W, b = self.theta[:, :m], self.theta[:, m]
        L[:, :m] = W
        if self._identity:
            np.matmul(L.swapaxes(1, 2), self.theta, out=Z)
            np.maximum(Z, self._zero, out=Z)
            np.sign(self._own, out=self._on)
            np.subtract(self._own, self._on, out=self._own)
            np.matmul(L, Z, out=self.gradient)
            Phi = Z
        else:
            np.matmul(L[:, :m].swapaxes(1, 2), W, out=Z)
            Phi, Psi = self.data.pair_slopes(np, Z, b[:, None, :], np.eye(self.n, dtype=Z.dtype))
            np.matmul(W, Phi, out=self.gradient[:, :m])
            np.sum(Psi, axis=1, out=self.gradient[:, m])
        np.matmul(W, Phi.swapaxes(1, 2), out=self._WT)
        np.add(self.gradient[:, :m], self._WT, out=self.gradient[:, :m])

    @staticmethod
    def rows(array: Floats) -> Floats:
        """A view of an array shaped like ``theta`` with its m + 1 rows as the first axis."""
        return array.swapaxes(0, 1)

    def parameters(self) -> Parameters:
        """A copy of the models, W (B, m, n) and b (B, n)."""
        return Parameters(self.theta[:, : self.m].copy(), self.theta[:, self.m].copy())


class CentredKernel:
    """A kernel whose last row is c in place of b, where b_j = c_j − ‖w_j‖².

    The pre-activation of output j at e_i is then w_j·(w_i − w_j) + c_j, and c_j that at its own e_j. By the chain rule

        ∂L/∂c_j = ∂L/∂b_j,      (∂L/∂w_j with c held) = (∂L/∂w_j with b held) − 2 w_j ∂L/∂b_j.

    Parameters
    ----------
    kernel : ElementwiseKernel or MatrixKernel
        Holds the models as W and b. Only ``theta`` and ``gradient`` of this object are in the new coordinates.
    """

    def __init__(self, kernel: ElementwiseKernel | MatrixKernel) -> None:
        self.kernel, self.factor = kernel, kernel.factor
        self.theta, self.gradient = kernel.theta.copy(), kernel.gradient
        self._theta, self._inner, self._slopes = map(kernel.rows, (self.theta, kernel.theta, kernel.gradient))
        self._work: Floats = np.empty_like(self._theta[0])
        self._terms = np.empty_like(self._theta[:-1])
        self._theta[-1] += self._squares()

    def _squares(self) -> Floats:
        """‖w_j‖²."""
        W = self._theta[:-1]
        np.multiply(W, W, out=self._terms)
        _sum_rows(self._terms, self._work)
        return self._work

    def _give_models(self) -> None:
        """Write W and b = c − ‖w‖² into the kernel."""
        self._inner[:-1] = self._theta[:-1]
        np.subtract(self._theta[-1], self._squares(), out=self._inner[-1])

    def compute(self) -> None:
        """Fill ``gradient``."""
        self._give_models()
        self.kernel.compute()
        np.multiply(self._slopes[-1], -2, out=self._work)
        np.multiply(self._theta[:-1], self._work, out=self._terms)
        np.add(self._slopes[:-1], self._terms, out=self._slopes[:-1])

    def parameters(self) -> Parameters:
        """A copy of the models, W (B, m, n) and b (B, n)."""
        self._give_models()
        return self.kernel.parameters()


class UnbiasedKernel:
    """A kernel whose last row stays as it is, for models without a bias: ∂L/∂b counts as 0.

    Parameters
    ----------
    kernel : ElementwiseKernel or MatrixKernel
        With b = 0, which weight decay keeps too.
    """

    def __init__(self, kernel: ElementwiseKernel | MatrixKernel) -> None:
        self.kernel, self.factor, self.theta, self.gradient = kernel, kernel.factor, kernel.theta, kernel.gradient
        self._slopes_in_b: Floats = kernel.rows(kernel.gradient)[-1]

    def compute(self) -> None:
        """Fill ``gradient``."""
        self.kernel.compute()
        self._slopes_in_b[...] = 0

    def parameters(self) -> Parameters:
        """A copy of the models, W (B, m, n) and b (B, n), which is 0."""
        return self.kernel.parameters()


# Built into OpenBLAS for AVX-512, with kernels for small matrices.
_QUICK_TO_BEGIN = {"SkylakeX", "Cooperlake", "SapphireRapids"}


@cache
def _most_elementwise() -> int:
    """Up to how many features the elementwise kernel is the faster one with this BLAS."""
    from threadpoolctl import threadpool_info

    return 11 if any(pool.get("architecture") in _QUICK_TO_BEGIN for pool in threadpool_info()) else 20


def kernel_for(n: int) -> tuple[type[ElementwiseKernel] | type[MatrixKernel], int]:
    """The faster kernel for n features, and how many models make a block, as `benchmarks/many_models.py` measured."""
    if n > _most_elementwise():
        return MatrixKernel, 250
    return ElementwiseKernel, 1000 if n <= 8 else 500


def most_together(n: int) -> int:
    """How many models are trained fastest in one block; to the same bits, but records are in blocks of `kernel_for`."""
    kernel, block = kernel_for(n)
    return block if kernel is MatrixKernel else 2000 if n <= 8 else 1000 if n <= 11 else 500
