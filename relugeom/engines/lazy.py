"""Do not do again what has not changed: features that stay off are not formed at every step.

When the examples are looked at, a feature may be off on all of them by some distance. It then stays off while
everything moves less than that distance, as in the neighbour lists of molecular dynamics (Verlet, 1967). With h⁰ and
p⁰ = (d⁰, b⁰) what they were then, and s_j = -max_t (d⁰_j·h⁰_t + b⁰_j),

    z_tj = z⁰_tj + (h_t - h⁰_t)·d⁰_j + h_t·(d_j - d⁰_j) + (b_j - b⁰_j)
    max_t |h_t - h⁰_t|_∞ |d⁰_j|₁ + max_t |h_t|_∞ |d_j - d⁰_j|₁ + |b_j - b⁰_j| < s_j   =>   z_tj < 0 for every t

This is checked at every step, exactly and cheaply, before anything is summed; where it fails for one feature, the
examples are looked at anew. So the lists decide what is summed together, never what is left out. They follow from the
references h⁰, p⁰ and a horizon alone, which are part of the state.

With few examples that is nearly everything: of 10,000 features, 100 examples of ten non-zeros hold at most 1,000, and
training turns the others off.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.objective import check_fit
from relugeom.errors import ArgumentError

__all__ = ["LazyBlock", "distance_off"]

Array = npt.NDArray[Any]

_HORIZONS = (8, 16, 256)  # steps that the lists should live for: at least, at first, at most
_AGAIN = 64  # steps until the features are looked at again when nearly all were on
_TILE = 1 << 17  # pre-activations formed together; they stay in the second-level cache
_ROUNDING = 1e-5  # relative: more than rounding can move a pre-activation in float32


def distance_off(Gt: Array, P: Array) -> Array:
    """s_j = -max_t (d_j·h_t + b_j), shape (n,), less what rounding may hide, for (h_t, 1) in columns and P (m+1, n)."""
    width = P.shape[1]
    largest = np.full(width, -np.inf, P.dtype)
    size = max(1, _TILE // max(width, 1))
    for start in range(0, Gt.shape[1], size):
        np.maximum(largest, (Gt[:, start : start + size].T @ P).max(axis=0), out=largest)
    return np.asarray(-largest - _ROUNDING * (np.abs(Gt[:-1]).max() * np.abs(P[:-1]).sum(axis=0) + np.abs(P[-1])))


class LazyBlock:
    """L and its gradient over a fixed data set, for few examples: one block of examples by features that may be on.

        E = max(Z, 0) - X ∘ [Z > 0],    T L = Σ E² + Σ x² over the non-zeros that are off
        A = Gᵀ E,  V = E D,    T ∂L/∂(D, b) = 2 A,  T ∂L/∂W = 2 Vᵀ X

    Parameters
    ----------
    examples : SparseExamples
        Their float type is the type of all arithmetic.

    Attributes
    ----------
    latent : ndarray, shape (m+1, T)
        The latent vectors of the last call in columns (h_t, 1).
    """

    def __init__(self, examples: SparseExamples) -> None:
        self.T, self.n = examples.T, examples.n
        self.dtype = examples.values.dtype
        self._original = examples
        filled = np.flatnonzero(np.diff(examples.indptr))
        self._filled = filled if len(filled) < self.T else None  # rows without a non-zero have no part of the sums
        self._starts = examples.indptr[filled]
        self._row_of = np.repeat(np.arange(self.T), np.diff(examples.indptr))
        self._squares = np.square(examples.values, dtype=np.float64)
        self.latent = np.empty((0, self.T), self.dtype)
        self._Z = self._zero = np.empty(0, self.dtype)
        self.select(np.arange(examples.n))

    def select(self, features: Array) -> None:
        """From now on models have these features only, in this (increasing) order; the others are off and hold no data.

        Raises
        ------
        ArgumentError
            When a feature that holds data is left out.
        """
        examples = self._original
        place = np.full(examples.n, -1, examples.indices.dtype)
        place[features] = np.arange(len(features))
        self._indices = place[examples.indices]
        self._at = self._indices.astype(np.intp)  # for `take`, which would convert it at every step
        if len(self._indices) and self._indices.min() < 0:
            raise ArgumentError("features must include every one that some example has")
        self.n = len(features)
        self._Xt = csr_array((examples.values, self._indices, examples.indptr), shape=(self.T, self.n)).T
        self._age, self._horizon = 0, _HORIZONS[1]
        self._reference: Array | None = None
        self._distance = np.empty(0, self.dtype)
        self._columns: Array | None = None

    def _list(self, columns: Array | None) -> None:
        """Form these columns from now on (None: all), and find the non-zeros in them, tile by tile."""
        self._columns = columns
        width = self.n if columns is None else len(columns)
        rows, at, values, squares = self._row_of, self._at, self._original.values, self._squares
        if columns is not None:
            place = np.full(self.n, -1, at.dtype)
            place[columns] = np.arange(width)
            at = place[at]
            listed = at >= 0
            rows, at, values, squares = rows[listed], at[listed], values[listed], squares[listed]
        self._off = float(self._squares.sum() - squares.sum()) if len(at) < len(self._indices) else 0.0
        size = max(1, min(self.T, _TILE // max(width, 1)))
        self._tiles = []
        for start in range(0, self.T, size):
            stop = min(start + size, self.T)
            here = slice(*np.searchsorted(rows, (start, stop)))
            where = (rows[here] - start) * width + at[here]
            self._tiles.append((slice(start, stop), where, values[here], squares[here]))
        if len(self._Z) < size * width:
            self._Z, self._zero = np.empty(size * width, self.dtype), np.zeros(size * width, self.dtype)

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        """L and its gradient, as `relugeom.engines.objective.Objective.value_and_gradient`."""
        check_fit(model, self.n, self.dtype)
        W, b, R = model.W, model.b, model.decoder
        m = len(W)
        P = np.concatenate([W if R is None else R.T, b[None]])
        Gt = self.latent = self._encode(W)
        self._review(Gt, P)
        columns = self._columns
        part = P if columns is None else P.take(columns, axis=1)
        A, Vt, squares = self._sums(Gt, part)
        gradient = A
        if columns is not None:
            gradient = np.zeros_like(P)
            for row, sums in zip(gradient, A, strict=True):
                row[columns] = sums
        encoder = (self._Xt @ Vt.T).T
        scale = self.dtype.type(2 / self.T)
        if R is None:
            gradient[:m] += encoder
            gradient *= scale
            found = Parameters(gradient[:m], gradient[m])
        else:
            gradient *= scale
            found = Parameters(np.ascontiguousarray(encoder * scale), gradient[m], np.ascontiguousarray(gradient[:m].T))
        return squares / self.T, found

    def _encode(self, W: Array) -> Array:
        """(H, 1)ᵀ, shape (m+1, T): the columns of W at the non-zeros, summed by example."""
        Gt = np.ones((len(W) + 1, self.T), self.dtype)
        at_data = W.take(self._at, axis=1)
        at_data *= self._original.values
        if self._filled is None:
            np.add.reduceat(at_data, self._starts, axis=1, out=Gt[:-1])
        else:
            Gt[:-1] = 0
            if len(self._filled):
                Gt[:-1, self._filled] = np.add.reduceat(at_data, self._starts, axis=1)
        return Gt

    def _sums(self, Gt: Array, P: Array) -> tuple[Array, Array, float]:
        """A (m+1, columns), Vᵀ (m, T) and T L, for P (m+1, columns)."""
        m, width = len(P) - 1, P.shape[1]
        A = np.empty_like(P)
        Vt = np.empty((m, self.T), self.dtype)
        total = self._off
        for place, (rows, where, values, squares) in enumerate(self._tiles):
            flat = self._Z[: (rows.stop - rows.start) * width]
            Z = flat.reshape(rows.stop - rows.start, width)
            np.matmul(Gt[:, rows].T, P, out=Z)
            np.maximum(flat, self._zero[: len(flat)], out=flat)
            at_data = flat.take(where)
            on = at_data > 0
            flat[where] = at_data - values * on
            total += float(np.vdot(flat, flat)) + float(np.dot(squares, ~on))
            if place:
                A += Gt[:, rows] @ Z
            else:
                np.matmul(Gt[:, rows], Z, out=A)
            np.matmul(P[:m], Z.T, out=Vt[:, rows])
        return A, Vt, total

    def _review(self, Gt: Array, P: Array) -> None:
        """Make the lists anew where they no longer hold."""
        self._age += 1
        if self._reference is not None:
            if self._columns is None:
                if self._age <= _AGAIN:
                    return
            elif (self._motion(Gt, P) < self._distance).all():
                return
        if self._reference is None:
            self._pace = np.zeros(self.n, self.dtype)
        else:
            self._pace = self._motion(Gt, P) / self.dtype.type(self._age)
            least, _, most = _HORIZONS
            if self._columns is not None and self._age < self._horizon // 4:
                self._horizon = min(2 * self._horizon, most)
            elif self._age > 2 * self._horizon:
                self._horizon = max(self._horizon // 2, least)
        self._reference, self._latent_then, self._age = None, Gt, 0  # whoever is interrupted here begins anew
        self._settle(P)
        self._reference = P

    def _motion(self, Gt: Array, P: Array) -> Array:
        """By how much the pre-activations of each feature may have grown since the references, shape (n,)."""
        moved = P - self._reference
        np.abs(moved, out=moved)
        reach = np.full(len(P), np.abs(Gt[:-1]).max())
        reach[-1] = 1
        found = reach @ moved
        found += np.abs(Gt - self._latent_then).max() * self._size
        return np.asarray(found)

    def _settle(self, P: Array) -> None:
        """The lists, from the references P and h⁰."""
        self._size = np.abs(P[:-1]).sum(axis=0)
        distance: Array = distance_off(self._latent_then, P)
        on = ~(distance > self._horizon * self._pace)
        columns = np.flatnonzero(on)
        self._distance = distance
        self._distance[columns] = np.inf
        self._list(columns if 4 * len(columns) <= 3 * self.n else None)

    def state(self) -> dict[str, Array]:
        """The references of the lists."""
        if self._reference is None:
            return {}
        return {
            "reference": self._reference.copy(),
            "latent": self._latent_then.copy(),
            "pace": self._pace.copy(),
            "age": np.array([self._age, self._horizon]),
        }

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state` for the same features.

        Raises
        ------
        ArgumentError
            When it belongs to another number of features or examples.
        """
        if not state:
            return
        reference, latent = state["reference"], state["latent"]
        if reference.ndim != 2 or reference.shape[1] != self.n or latent.shape != (len(reference), self.T):
            raise ArgumentError(
                f"state must be of {self.n} features and {self.T} examples; got {reference.shape}, {latent.shape}"
            )
        self._reference, self._latent_then, self._pace = reference, latent, state["pace"]
        self._age, self._horizon = (int(value) for value in state["age"])
        self._settle(reference)

    def close(self) -> None:
        """Nothing to release."""
