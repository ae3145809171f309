"""The formula that every fast engine shares.

Let D be the decoder (Wᵀ, or R), p_j = (d_j, b_j) its rows with their biases, g_t = (h_t, 1). Then z_tj = g_t·p_j, and

    T L = Σ x² - 2 Σ_nz x max(z, 0) + Σ max(z, 0)²
    A_j = Σ_t max(z_tj, 0) g_t,    V_t = Σ_j max(z_tj, 0) d_j,    Σ max(z, 0)² = Σ_j A_j·p_j

The data enter at their non-zeros only: with c = x [z > 0] there, A_j loses Σ_t c_tj g_t and V_t loses Σ_j c_tj d_j,
after which 2A/T is the gradient in (D, b) and (2/T) Σ_t v_t x_tᵀ the gradient in the encoder. What is left is the
dense part, A and V of the T·n rectified pre-activations: engines differ in how they sum that, and in nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.errors import ArgumentError

__all__ = ["ALONE", "DensePart", "Objective", "Share", "check_fit", "check_order"]

Array = npt.NDArray[Any]

_CHUNK = 1 << 14  # non-zeros handled together, so that their temporaries stay in the cache


class Share(NamedTuple):
    """Which of the examples are one's own: every `shards`-th box of them, from the box `place` on."""

    place: int
    shards: int
    all: Callable[[Array, Array], Array]
    """From one's own places and the rows there to the rows of all."""

    def own(self, T: int, size: int) -> Array:
        """One's own places in the order of T examples, for boxes of `size`."""
        boxes = -(-T // size)
        places = np.arange(boxes * size).reshape(boxes, size)[self.place :: self.shards].ravel()
        return places[places < T]


ALONE = Share(0, 1, lambda own, rows: rows)


class DensePart(Protocol):
    """How an engine sums the rectified pre-activations."""

    size: int
    """Examples per box; neighbours in the order that are to stay together."""

    def order(self, latent: Callable[[], Array]) -> Array | None:
        """A permutation of all examples, given by their latent vectors, that it would like from now on, or None.

        Affects speed only.
        """

    def accumulate(self, G: Array, P: Array, V: Array) -> Array:
        """Return A (m+1, n) and fill V (T, m), for G (T, m+1) of rows (h_t, 1) and P (m+1, n) of columns (d_j, b_j)."""

    def state(self) -> dict[str, Array]:
        """What, besides the order of the examples, decides how later sums are arranged."""

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`."""


class Objective:
    """L and its gradient over a fixed data set.

    Parameters
    ----------
    examples : SparseExamples
        Their float type is the type of all arithmetic.
    dense : DensePart
    share : Share
        The examples of which to form the sums; other processes have the others.
    """

    def __init__(self, examples: SparseExamples, dense: DensePart, share: Share = ALONE) -> None:
        self.T, self.n = examples.T, examples.n
        self.dtype = examples.values.dtype
        self._dense = dense
        self._original = examples
        self._share, self._own = share, share.own(self.T, dense.size)
        self._squares = 0.0 if share.place else float(np.sum(np.square(examples.values, dtype=np.float64)))
        # Few examples leave most columns empty: the sparse products then run over the others only.
        occupied = np.zeros(self.n, bool)
        occupied[examples.indices] = True
        self._place = np.cumsum(occupied, dtype=examples.indices.dtype) - 1
        present = np.flatnonzero(occupied)
        self._present = present if 2 * len(present) < self.n else None
        self._arrange(np.arange(self.T, dtype=np.int64), examples if share.shards == 1 else examples.take(self._own))

    def _arrange(self, order: Array, examples: SparseExamples) -> None:
        """Hold one's own of the examples in `order`, with everything that depends on it."""
        self._order = order
        indices = examples.indices if self._present is None else self._place.take(examples.indices)
        shape = (examples.T, self.n if self._present is None else len(self._present))
        self._X = csr_array((examples.values, indices, examples.indptr), shape=shape)
        self._Xt = self._X.T
        self._C = csr_array((np.empty_like(examples.values), indices, examples.indptr), shape=shape)
        self._Ct = self._C.T  # shares the values, which every step overwrites
        self._row_of = np.repeat(np.arange(examples.T, dtype=indices.dtype), np.diff(examples.indptr))

    def _narrow(self, rows: Array) -> Array:
        """Rows (k, n) at the columns that hold data."""
        return rows if self._present is None else rows.take(self._present, axis=1)

    def _subtract(self, rows: Array, columns: Array) -> None:
        """rows (k, n) -= columns.T, for `columns` (present, k)."""
        if self._present is None:
            rows -= columns.T
        else:
            for row, column in zip(rows, columns.T, strict=True):
                row[self._present] -= column

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        """L and its gradient.

        Parameters
        ----------
        model : Parameters
            One model with a bias: W (m, n), b (n,) and, untied, its decoder (n, m).

        Raises
        ------
        ArgumentError
            When a shape or a float type does not fit the examples.
        """
        self.check(model)
        W, b, R = model.W, model.b, model.decoder
        m = len(W)
        D = W if R is None else R.T
        P = np.concatenate([D, b[None]])
        G = self._encode(W)
        V = np.empty((len(G), m), self.dtype)
        A = self._dense.accumulate(G, P, V)
        squares = float(np.vdot(A.astype(np.float64), P.astype(np.float64)))
        at_data = self._narrow(P)
        cross = self._active_data(G, at_data)
        self._subtract(A, self._Ct @ G)
        V -= self._C @ np.ascontiguousarray(at_data[:m].T)
        encoder = A[:m].copy() if R is None else np.zeros_like(W)
        self._subtract(encoder, self._Xt @ -V)
        scale = self.dtype.type(2 / self.T)
        A *= scale
        encoder *= scale
        loss = (self._squares - 2 * cross + squares) / self.T
        return loss, Parameters(encoder, A[m], None if R is None else np.ascontiguousarray(A[:m].T))

    def check(self, model: Parameters) -> None:
        """Refuse parameters that do not fit the examples."""
        check_fit(model, self.n, self.dtype)

    def _encode(self, W: Array) -> Array:
        """G: rows (h_t, 1), after giving the dense part a chance to reorder the examples."""
        columns = np.ascontiguousarray(self._narrow(W).T)
        H = self._X @ columns
        order = self._dense.order(partial(self._share.all, self._own, H))
        if order is not None:
            order = self._order[order]
            self._arrange(order, self._original.take(order[self._own]))
            H = self._X @ columns
        G = np.ones((len(H), len(W) + 1), self.dtype)
        G[:, :-1] = H
        return G

    def _active_data(self, G: Array, P: Array) -> float:
        """Write c = x [z > 0] at the non-zeros and return Σ c z."""
        total = 0.0
        values, columns, rows, active = self._X.data, self._X.indices, self._row_of, self._C.data
        Gt = np.ascontiguousarray(G.T[:-1])
        for start in range(0, len(values), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            column, row = columns[chunk], rows[chunk]
            z = P[-1].take(column)
            for p, g in zip(P[:-1], Gt, strict=True):
                z += p.take(column) * g.take(row)
            c = np.multiply(values[chunk], z > 0, out=active[chunk])
            total += float(np.dot(c, z))
        return total

    def state(self) -> dict[str, Array]:
        """What must be restored, besides the parameters, for the next gradient to be the same to the last bit."""
        return {"order": self._order, **self._dense.state()}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`.

        Raises
        ------
        ArgumentError
            When it belongs to another number of examples.
        """
        order = check_order(state["order"], self.T)
        self._arrange(order, self._original.take(order[self._own]))
        self._dense.restore({name: array for name, array in state.items() if name != "order"})

    def close(self) -> None:
        """Nothing to release; engines over processes have something."""


def check_fit(model: Parameters, n: int, dtype: np.dtype[Any]) -> None:
    """Refuse parameters that do not fit examples of n features of this type."""
    W, b, R = model.W, model.b, model.decoder
    if b is None:
        raise ArgumentError(f"b must have shape ({n},); the engines are for models with a bias")
    if W.ndim != 2 or W.shape[1] != n:
        raise ArgumentError(f"W must have shape (m, {n}); got {W.shape}")
    if b.shape != (n,):
        raise ArgumentError(f"b must have shape ({n},); got {b.shape}")
    if R is not None and R.shape != W.shape[::-1]:
        raise ArgumentError(f"decoder must have shape {W.shape[::-1]}; got {R.shape}")
    for name, array in (("W", W), ("b", b), ("decoder", R)):
        if array is not None and array.dtype != dtype:
            raise ArgumentError(f"{name} must be {dtype}, as the examples are; got {array.dtype}")


def check_order(order: Array, T: int) -> Array:
    """The order of T examples in an engine's state; refuse any other."""
    if order.shape != (T,) or not np.array_equal(np.sort(order), np.arange(T)):
        raise ArgumentError(f"state must order {T} examples; got {order.shape[0]}")
    return order
