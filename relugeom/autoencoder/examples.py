"""Data sets, stored by their non-zeros.

    X in R^{T x n},  row t = the non-zeros indices[indptr[t]:indptr[t+1]] with their values

The paper's data (Henighan et al., 2023): every entry is non-zero with probability p = 1 - S, uniform on (0, 1],
and every row is divided by its norm. At n = 10,000 and S = 0.999 a row holds ten non-zeros, so a million
examples take 80 MB here (8 bytes a non-zero and 4 a row) and 40 GB as a dense array; nothing in this module
ever makes the latter.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.arrays import array_namespace, device_of, floating_arrays
from relugeom.autoencoder.data import DataSet, DenseExamples
from relugeom.autoencoder.parameters import Parameters, as_parameters, flatten, unflatten
from relugeom.errors import ArgumentError, StorageError
from relugeom.storage import load_arrays, save_arrays

__all__ = [
    "FreshExamples",
    "SparseExamples",
    "axial_examples",
    "load_examples",
    "save_examples",
    "sparse_unit_norm_examples",
]

Array = npt.NDArray[Any]

_CHUNK = 1 << 20  # skips drawn at a time
_HASH_CHUNK = 1 << 20
_DENSE = 1 << 21  # entries made dense at a time


@dataclass(frozen=True, slots=True, eq=False)
class SparseExamples(DataSet):
    """T examples of n entries, in compressed rows.

    As a `DataSet` it makes a few rows dense at a time. The engines of `relugeom.engines` give the same loss and
    gradient much faster, over and over, for training.

    Attributes
    ----------
    indptr : ndarray, shape (T + 1,)
        Row t occupies ``indptr[t]:indptr[t+1]`` of the two arrays below. int32 while that is enough, else int64.
    indices : ndarray, shape (nnz,)
        Column of every non-zero, increasing within a row; of the same integer type.
    values : ndarray, shape (nnz,)
        The non-zeros, float32 or float64.
    n : int
        Number of columns.

    See Also
    --------
    relugeom.autoencoder.Axial, relugeom.autoencoder.UniformAxial, relugeom.autoencoder.Independent
    relugeom.autoencoder.DenseExamples, relugeom.autoencoder.as_data
    """

    indptr: Array
    indices: Array
    values: Array
    n: int

    @property
    def T(self) -> int:  # type: ignore[override]
        """Number of examples."""
        return len(self.indptr) - 1

    @property
    def nnz(self) -> int:
        """Number of non-zeros."""
        return len(self.values)

    @property
    def nbytes(self) -> int:
        """Bytes held: 8 a non-zero and 4 a row in float32."""
        return self.indptr.nbytes + self.indices.nbytes + self.values.nbytes

    def _parts(self, parameters: Parameters) -> Iterator[tuple[float, DenseExamples]]:
        """A few rows at a time, dense, in the kind of array of the model, each with its share of all rows."""
        xp, W = floating_arrays(W=as_parameters("parameters", parameters).W)
        rows = max(1, _DENSE // self.n)
        for start in range(0, self.T, rows):
            stop = min(start + rows, self.T)
            dense = self.take(np.arange(start, stop)).to_dense()
            yield (stop - start) / self.T, DenseExamples(xp.asarray(dense, dtype=W.dtype, device=device_of(W)))

    def _mean(self, parameters: Parameters, function: Callable[[DenseExamples], Any]) -> Any:
        return reduce(add, (share * function(part) for share, part in self._parts(parameters)))

    def loss(self, parameters: Parameters) -> Any:
        """As for the dense array."""
        return self._mean(parameters, lambda part: part.loss(parameters))

    def gradient(self, parameters: Parameters) -> Parameters:
        """As for the dense array."""
        return self._mean_parameters(parameters, lambda part: part.gradient(parameters))

    def hessian_vector_product(self, parameters: Parameters, direction: Parameters) -> Parameters:
        """As for the dense array."""
        return self._mean_parameters(parameters, lambda part: part.hessian_vector_product(parameters, direction))

    def _mean_parameters(self, parameters: Parameters, function: Callable[[DenseExamples], Parameters]) -> Parameters:
        model = as_parameters("parameters", parameters)
        vector = self._mean(parameters, lambda part: flatten(function(part)))
        # The length of the vector is mn or 2mn, and n more for a bias.
        m = (vector.shape[-1] - (0 if model.b is None else self.n)) // (self.n * (1 if model.tied else 2))
        return unflatten(vector, m, self.n, untied=not model.tied)

    def kink_distance(self, parameters: Parameters) -> Any:
        """As for the dense array."""
        return _fold("minimum", (part.kink_distance(parameters) for _, part in self._parts(parameters)))

    def dead(self, parameters: Parameters) -> Any:
        """As for the dense array."""
        return _fold("logical_and", (part.dead(parameters) for _, part in self._parts(parameters)))

    def silent(self, parameters: Parameters) -> Any:
        """As for the dense array."""
        return _fold("logical_and", (part.silent(parameters) for _, part in self._parts(parameters)))

    def untouched(self) -> Array:
        """No non-zero lies in the column."""
        return np.asarray(np.bincount(self.indices[self.values != 0], minlength=self.n) == 0)

    @classmethod
    def from_dense(cls, X: npt.ArrayLike) -> SparseExamples:
        """Keep the non-zeros of a small dense array, shape (T, n)."""
        dense = np.asarray(X)
        if dense.ndim != 2 or dense.dtype not in (np.float32, np.float64):
            raise ArgumentError(f"X must be a float array of shape (T, n); got {dense.dtype} {dense.shape}")
        rows, columns = np.nonzero(dense)
        return _from_coordinates(rows, columns, dense[rows, columns], *dense.shape)

    def to_dense(self) -> Array:
        """X, shape (T, n): for small data and for tests."""
        X = np.zeros((self.T, self.n), self.values.dtype)
        X[np.repeat(np.arange(self.T), np.diff(self.indptr)), self.indices] = self.values
        return X

    def take(self, rows: Array) -> SparseExamples:
        """The examples `rows` (integers, in that order)."""
        lengths = np.diff(self.indptr)[rows]
        indptr = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(self.indptr.dtype)
        # Position k of new row r comes from indptr[rows[r]] + k, k counted from the row's own start.
        source = np.arange(indptr[-1], dtype=self.indptr.dtype)
        source += np.repeat(self.indptr[:-1][rows] - indptr[:-1], lengths)
        return SparseExamples(indptr, self.indices[source], self.values[source], self.n)

    def digest(self) -> str:
        """SHA-256 of shape and content: equal for equal data, whatever machine or index type holds it."""
        sha = hashlib.sha256(f"relugeom.SparseExamples/1 {self.T} {self.n} {self.values.dtype.name}".encode())
        for array, kind in (
            (self.indptr, "<i8"),
            (self.indices, "<i8"),
            (self.values, self.values.dtype.newbyteorder("<")),
        ):
            for start in range(0, len(array), _HASH_CHUNK):
                sha.update(array[start : start + _HASH_CHUNK].astype(kind).tobytes())
        return sha.hexdigest()


def _fold(name: str, parts: Iterable[Any]) -> Any:
    """The parts joined by the function `name` of their namespace."""
    return reduce(lambda one, other: getattr(array_namespace(one), name)(one, other), parts)


def _from_coordinates(rows: Array, columns: Array, values: Array, T: int, n: int) -> SparseExamples:
    kind = np.int32 if max(len(values), n) < 2**31 - 1 else np.int64
    indptr = np.zeros(T + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=T), out=indptr[1:])
    return SparseExamples(indptr.astype(kind), columns.astype(kind), np.ascontiguousarray(values), n)


def axial_examples(n: int, amplitudes: tuple[float, ...] = (1.0,), dtype: npt.DTypeLike = np.float32) -> SparseExamples:
    """X = [a_1 I; a_2 I; ...]: every one-hot vector at every amplitude, (n * len(amplitudes)) examples."""
    if n < 1:
        raise ArgumentError(f"n must be at least 1; got {n}")
    if not amplitudes or not all(math.isfinite(a) and a != 0 for a in amplitudes):
        raise ArgumentError(f"amplitudes must be finite non-zero numbers; got {amplitudes}")
    T = n * len(amplitudes)
    return SparseExamples(
        np.arange(T + 1, dtype=np.int32),
        np.tile(np.arange(n, dtype=np.int32), len(amplitudes)),
        np.repeat(np.asarray(amplitudes, dtype), n),
        n,
    )


def sparse_unit_norm_examples(
    T: int,
    n: int = 10_000,
    S: float = 0.999,
    *,
    seed: int | np.random.SeedSequence,
    dtype: npt.DTypeLike = np.float32,
) -> SparseExamples:
    """The paper's data: P(x_ti != 0) = 1 - S independently, x_ti ~ U(0, 1], then ``x_t / |x_t|``.

    A row that comes out all zero has no direction; it is drawn again, so every row follows the law above
    conditioned on not vanishing.

    The entries are not tossed one by one: read X row after row as one long sequence, and the gaps between its
    successes are independent geometric variables. Drawing the gaps costs time and memory in proportion to the
    non-zeros, and the law is the same. An all-zero row is then simply one that no success falls into, and leaving
    it out of the count *is* drawing it again.

    Parameters
    ----------
    T, n : int
        Number of examples and of features.
    S : float
        Sparsity, in [0, 1).
    seed : int or SeedSequence
        Entropy; gaps and magnitudes come from two streams spawned from it.
    dtype : float32 or float64

    Returns
    -------
    SparseExamples

    Raises
    ------
    ArgumentError
        On T < 1, n < 1, S outside [0, 1), or S so close to 1 that hardly any row would survive.

    See Also
    --------
    relugeom.autoencoder.as_data
    """
    check_distribution(T, n, S)
    if np.dtype(dtype) not in (np.float32, np.float64):
        raise ArgumentError(f"dtype must be float32 or float64; got {np.dtype(dtype)}")
    sequence = seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)
    # Children are named, not spawned: spawning counts, and the second call would see other data.
    gaps, magnitudes = (
        np.random.default_rng(np.random.SeedSequence(sequence.entropy, spawn_key=(*sequence.spawn_key, child)))
        for child in range(2)
    )
    rows, columns = _successes(T, n, 1.0 - S, gaps)
    values = 1.0 - magnitudes.random(len(rows))  # random() lies in [0, 1)
    norms = np.sqrt(np.bincount(rows, values * values, minlength=T))
    values /= norms[rows]
    return _from_coordinates(rows, columns, values.astype(dtype), T, n)


def check_distribution(T: int, n: int, S: float) -> None:
    """Refuse T, n, S that describe no data set."""
    if T < 1:
        raise ArgumentError(f"T must be at least 1; got {T}")
    if n < 1:
        raise ArgumentError(f"n must be at least 1; got {n}")
    if not 0.0 <= S < 1.0:
        raise ArgumentError(f"S must lie in [0, 1); got {S}")
    survives = -math.expm1(n * math.log(S)) if S > 0 else 1.0
    if survives * 2.0**60 < float(T) * n:
        raise ArgumentError(f"S = {S} leaves a row of n = {n} entries non-zero too rarely (probability {survives:.1e})")


def _successes(T: int, n: int, p: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Rows and columns of the successes of T non-empty Bernoulli(p) rows, sorted; rows count only non-empty ones."""
    rows: list[Array] = []
    columns: list[Array] = []
    position, last_drawn, last_kept = -1, -1, -1
    while last_kept < T:  # row T, or a success beyond it, shows that row T - 1 is complete
        expected = (T - 1 - last_kept) * max(n * p, 1.0)
        count = min(_CHUNK, int(expected + 6 * math.sqrt(expected) + 16))
        positions = position + np.cumsum(rng.geometric(p, count))
        position = int(positions[-1])
        drawn, column = np.divmod(positions, n)
        kept = last_kept + np.cumsum(np.diff(drawn, prepend=last_drawn) > 0)
        last_drawn, last_kept = int(drawn[-1]), int(kept[-1])
        wanted = kept < T
        rows.append(kept[wanted].astype(np.int64))
        columns.append(column[wanted])
    return np.concatenate(rows), np.concatenate(columns)


@dataclass(frozen=True, slots=True)
class FreshExamples:
    """A new batch every step: the "infinite data" limit. Batch k depends on the seed and k only, so any step can be
    visited again, in any order.

    Attributes
    ----------
    T : int
        Examples a batch.
    n : int
    S : float
    seed : int
    dtype : str
    """

    T: int
    n: int
    S: float
    seed: int
    dtype: str = "float32"

    def batch(self, step: int) -> SparseExamples:
        """The batch of step `step` (0, 1, ...)."""
        if step < 0:
            raise ArgumentError(f"step must be at least 0; got {step}")
        sequence = np.random.SeedSequence(self.seed, spawn_key=(step,))
        return sparse_unit_norm_examples(self.T, self.n, self.S, seed=sequence, dtype=self.dtype)

    def __iter__(self) -> Iterator[SparseExamples]:
        step = 0
        while True:
            yield self.batch(step)
            step += 1


def save_examples(path: str | Path, examples: SparseExamples) -> None:
    """Write the three arrays and n to an array file (`relugeom.storage`)."""
    save_arrays(
        path,
        {"indptr": examples.indptr, "indices": examples.indices, "values": examples.values},
        {"kind": "examples", "n": examples.n},
    )


def load_examples(path: str | Path) -> SparseExamples:
    """Read what `save_examples` wrote, and believe none of it before it is checked.

    Raises
    ------
    StorageError
        When the file is damaged, is no data set, or its arrays do not describe one.
    """
    arrays, facts = load_arrays(path, kind="examples")
    n = facts.get("n")
    if not isinstance(n, int) or n < 1 or set(arrays) != {"indptr", "indices", "values"}:
        raise StorageError(f"{path}: not a data set (needs indptr, indices, values and n)")
    indptr, indices, values = arrays["indptr"], arrays["indices"], arrays["values"]
    sound = (
        all(a.ndim == 1 for a in arrays.values())
        and indptr.dtype == indices.dtype
        and indptr.dtype in (np.int32, np.int64)
        and values.dtype in (np.float32, np.float64)
        and len(indptr) >= 2
        and len(indices) == len(values)
        and indptr[0] == 0
        and indptr[-1] == len(values)
        and bool(np.all(np.diff(indptr) >= 0))
    )
    if not sound:
        raise StorageError(f"{path}: the arrays do not describe compressed rows")
    if len(indices) and not (indices.min() >= 0 and indices.max() < n):
        raise StorageError(f"{path}: a column lies outside 0..{n - 1}")
    rises = np.diff(indices) > 0
    rises[indptr[1:-1][(indptr[1:-1] > 0) & (indptr[1:-1] < len(indices))] - 1] = True
    if not rises.all():
        raise StorageError(f"{path}: the columns of a row must increase")
    if not np.isfinite(values).all():
        raise StorageError(f"{path}: a value is not finite")
    return SparseExamples(indptr, indices, values, n)
