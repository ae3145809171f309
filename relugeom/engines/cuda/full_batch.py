"""Loss, gradient and AdamW steps over a fixed sparse data set, by the kernels of ``full_batch.cu``.

The formula is `relugeom.engines.objective`'s, with the dense part

    A_j = Σ_t max(z_tj, 0) g_t,    V_t = Σ_j max(z_tj, 0) w_j

summed tile by tile: a block holds `tile_features` features in registers and up to 1,024 examples in shared memory, and
the T·n pre-activations are never stored. Each block leaves one partial A and one partial V; a second kernel adds
them up in a fixed order. Six launches make a step.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from relugeom.arrays import Array, to_numpy
from relugeom.engines.cuda.backend import Backend
from relugeom.errors import ArgumentError

__all__ = ["FullBatch", "slab_examples", "tile_features"]

Host = npt.NDArray[Any]

_FILE = "full_batch.cu"
_THREADS = 128  # of a block of `encode`, `dense` and `examples`
_COLUMNS, _HEIGHT = 32, 8  # features and warps of a block of `features`
_GROUP, _LONGEST = 16, 1024  # examples a slab is a multiple of, and at most
# Blocks that `dense` should at least have: eight for each of the 132 multiprocessors of an H100. A constant, not the
# card's own number: how a sum is cut decides its last bits.
_BLOCKS = 1056
_CAPACITY = 1000  # steps whose constants and losses are on the device at a time
_RECORDED = 10  # steps a recording holds


def tile_features(dtype: npt.DTypeLike) -> int:
    """Features of a block of the dense kernel: 8 a thread in float32, 4 in float64."""
    return _THREADS * (8 if np.dtype(dtype) == np.float32 else 4)


def slab_examples(T: int, tiles: int) -> int:
    """Examples of a block: few enough that there are blocks for every multiprocessor, at most 1,024."""
    wanted = math.ceil(T * tiles / _BLOCKS)
    return min(max(math.ceil(wanted / _GROUP), 1) * _GROUP, _LONGEST)


class FullBatch:
    """A data set on a device.

    Parameters
    ----------
    indptr, indices, values : ndarray, shapes (T + 1,), (nnz,), (nnz,)
        Examples in compressed rows; `values` is float32 or float64, and so is all arithmetic.
    n, m : int
        Features and latent dimensions, m from 1 to 4.
    backend : Backend
    """

    def __init__(self, indptr: Host, indices: Host, values: Host, n: int, m: int, backend: Backend) -> None:
        if values.dtype not in (np.float32, np.float64):
            raise ArgumentError(f"values must be float32 or float64; got {values.dtype}")
        if not 1 <= m <= 4:
            raise ArgumentError(f"m must be from 1 to 4 for the GPU; got {m}")
        if max(len(values), (m + 1) * n) >= 2**31:
            raise ArgumentError(f"less than 2**31 non-zeros are expected; got {len(values)}")
        xp = backend.xp
        self._backend, self.T, self.n, self.m, self.dtype = backend, len(indptr) - 1, n, m, values.dtype
        columns = csr_array((values, indices, indptr), shape=(self.T, n)).tocsc()
        self._rows, self._columns = (
            [xp.asarray(array) for array in (starts.astype(np.int32), places.astype(np.int32), numbers)]
            for starts, places, numbers in (
                (indptr, indices, values),
                (columns.indptr, columns.indices, columns.data),
            )
        )
        self._squares = float(np.sum(np.square(values, dtype=np.float64)))

        self._tiles = math.ceil(n / tile_features(self.dtype))
        self._slab = slab_examples(self.T, self._tiles)
        self._slabs = math.ceil(self.T / self._slab)
        self._example_blocks = math.ceil(self.T / _THREADS)
        self._feature_blocks = math.ceil(n / _COLUMNS)
        self._H = xp.empty((self.T, m), self.dtype)
        self._V = xp.empty((self.T, m), self.dtype)
        self._A_part = xp.empty((self._slabs, m + 1, n), self.dtype)
        self._V_part = xp.empty((self._tiles, m, self.T), self.dtype)
        self._cross = xp.empty(self._example_blocks, np.float64)
        self._feature_sums = xp.empty(self._feature_blocks, np.float64)
        self._gradient = xp.empty((m + 1, n), self.dtype)
        self._constants = xp.empty((_CAPACITY, 3), self.dtype)
        self._losses = xp.empty(_CAPACITY, np.float64)
        self._step = xp.zeros(1, np.int32)
        macros = {"REAL": "float" if self.dtype == np.float32 else "double", "M": m}
        self._kernels = {
            name: backend.kernel(_FILE, name, **macros)
            for name in ("encode", "dense", "examples", "features", "adamw", "finish")
        }

    @property
    def nbytes(self) -> int:
        """Bytes held on the device."""
        held = [*self._rows, *self._columns, self._H, self._V, self._A_part, self._V_part, self._gradient]
        return sum(int(array.nbytes) for array in held)

    def _derive(self, theta: Array) -> None:
        """Four launches: the gradient, and the parts of the loss, at theta."""
        T, n = np.int32(self.T), np.int32(self.n)
        launch = self._kernels
        launch["encode"]((self._example_blocks,), (_THREADS,), (T, n, *self._rows, theta, self._H))
        launch["dense"](
            (self._tiles, self._slabs), (_THREADS,),
            (T, n, np.int32(self._slab), theta, self._H, self._A_part, self._V_part),
        )  # fmt: skip
        launch["examples"](
            (self._example_blocks,), (_THREADS,),
            (T, n, np.int32(self._tiles), *self._rows, theta, self._H, self._V_part, self._V, self._cross),
        )  # fmt: skip
        launch["features"](
            (self._feature_blocks,), (_COLUMNS * _HEIGHT,),
            (T, n, np.int32(self._slabs), *self._columns, theta, self._H, self._V, self._A_part, self._gradient,
             self._feature_sums),
        )  # fmt: skip

    def _finish(self) -> None:
        """The loss into its place, and on to the next step."""
        self._kernels["finish"](
            (1,), (256,),
            (np.int32(self.T), np.int32(self._example_blocks), np.int32(self._feature_blocks), self._cross,
             self._feature_sums, np.float64(self._squares), self._losses, self._step),
        )  # fmt: skip

    def value_and_gradient(self, theta: Array) -> tuple[float, Array]:
        """L and its gradient.

        Parameters
        ----------
        theta : array of the backend, shape (m + 1, n)
            The rows of W, then b.

        Returns
        -------
        tuple of float and array, shape (m + 1, n)
            The array is overwritten by the next call.
        """
        self.check("theta", theta)
        self._step[...] = 0
        self._derive(theta)
        self._finish()
        return float(to_numpy(self._losses[:1])[0]), self._gradient

    def check(self, name: str, array: Array) -> None:
        """Refuse what the kernels would misread."""
        shape = (self.m + 1, self.n)
        if tuple(array.shape) != shape or array.dtype != self.dtype or not array.flags.c_contiguous:
            raise ArgumentError(
                f"{name} must be a contiguous {self.dtype} array of shape {shape}; "
                f"got {array.dtype} {tuple(array.shape)}"
            )

    def steps(
        self,
        theta: Array,
        mean: Array,
        square: Array,
        constants: Sequence[tuple[float, float, float]],
        *,
        beta1: float,
        beta2: float,
    ) -> Host:
        """AdamW steps, in place; `relugeom.optim.adamw` has the formula.

        Parameters
        ----------
        theta, mean, square : arrays of the backend, shape (m + 1, n)
            Parameters and moments.
        constants : sequence of 3-tuples
            For each step: 1 − ηλ, η root/(1 − β₁ᵗ), ε root, with root = √(1 − β₂ᵗ).
        beta1, beta2 : float

        Returns
        -------
        ndarray, shape (steps,)
            The loss before each step.
        """
        for name, array in (("theta", theta), ("mean", mean), ("square", square)):
            self.check(name, array)
        one = self._stepper(theta, mean, square, beta1, beta2)

        def several() -> None:
            for _ in range(_RECORDED):
                one()

        recorded = self._backend.recording(several) if len(constants) >= _RECORDED else several
        losses = np.empty(len(constants))
        for piece in _pieces(len(constants), _CAPACITY):
            count = piece.stop - piece.start
            self._constants[:count] = self._backend.xp.asarray(np.array(constants[piece], self.dtype))
            self._step[...] = 0
            for _ in range(count // _RECORDED):
                recorded()
            for _ in range(count % _RECORDED):
                one()
            losses[piece] = to_numpy(self._losses[:count])
        return losses

    def _stepper(self, theta: Array, mean: Array, square: Array, beta1: float, beta2: float) -> Any:
        size, real = theta.size, self.dtype.type

        def one() -> None:
            self._derive(theta)
            self._kernels["adamw"](
                (math.ceil(size / 256),), (256,),
                (np.int32(size), self._step, self._constants, real(1 - beta1), real(1 - beta2), self._gradient, theta,
                 mean, square),
            )  # fmt: skip
            self._finish()

        return one


def _pieces(length: int, most: int) -> Iterator[slice]:
    return (slice(start, min(start + most, length)) for start in range(0, length, most))
