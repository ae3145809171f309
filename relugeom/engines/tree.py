"""Many examples in the plane: boxes in two levels settle most pairs, and most non-zeros of the data with them.

The examples lie in leaves, those with latent vectors close together in one leaf, and the leaves in boxes, a power of
two each. Over a box with middle μ and half-widths s the pre-activation of feature j stays within d_j·μ + b_j ± s·|d_j|,
so the pair (box, j) is full (nothing is rectified), empty (everything is) or straddling, as in
`relugeom.engines.moments`; the straddling pairs of a box are tested again in its leaves. With g_t = (h_t, 1),
S_v = Σ_{t in v} g_t g_tᵀ, F_j the boxes and leaves that feature j fills and F_v the features that fill v, the full
pairs have in the dense part (`relugeom.engines.objective`)

    A_j = (Σ_{v in F_j} S_v) p_j,      V_t = Σ_{v around t} (Σ_{j in F_v} d_j p_jᵀ) g_t

which are slim products of the 0-1 matrices that the tests give, in float64. Of the straddling pairs of the leaves
many are formed by one call: leaves with about as many of them make a batch.

The data. Let σ = 1 where more pairs of boxes and features are full than empty, else 0, and c = x [z > 0] = σ x + s.
Then s is 0 at every non-zero whose pair is full (empty, for σ = 0), and z is looked at for the others only. For tied
models X D = H, so

    Σ c z = σ (Σ_t |h_t|² + Σ_nz x b) + Σ s z,      T/2 ∂L/∂W = A - Sᵀ H + Xᵀ (V - 2 σ H - S D)

and X itself is gone over twice: for H, and for the last product. Latent vectors are held as complex numbers, whose
sparse products take both coordinates in one pass, to the bits of two real ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.sparse import csc_array, csr_array

from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.engines.objective import ALONE, Share, check_fit, check_order
from relugeom.engines.sorting import Sorting
from relugeom.errors import ArgumentError

__all__ = ["Tree", "tree_order"]

Array = npt.NDArray[Any]

_TILE = 1 << 17  # pre-activations formed together
_CHUNK = 1 << 16  # pairs or non-zeros looked at together, so that their temporaries stay in the cache
_SORT_GROWTH = 1.2  # of the straddling pairs since the last sort
_SLACK = 1e-6  # relative: boxes are blown up by more than rounding can move a bound in float32


def tree_order(H: Array, depth: int) -> Array:
    """The permutation of the rows of H (T, 2) that makes runs of ⌈T/2^depth⌉ compact: halved by x, then by y, ..."""
    T, leaves = len(H), 1 << depth
    size = -(-T // leaves)
    coordinates = np.full((2, leaves * size), np.inf, H.dtype)
    coordinates[:, :T] = H.T
    order = np.arange(leaves * size)
    for level in range(depth):
        boxes = order.reshape(1 << level, -1)
        keys = coordinates[level % 2].take(boxes)
        halves = np.argpartition(keys, boxes.shape[1] // 2, axis=1)
        order = np.take_along_axis(boxes, halves, axis=1).ravel()
    return order[order < T]


class _Boxes(NamedTuple):
    """Boxes side by side."""

    low: Array  # (boxes, 2)
    high: Array  # (boxes, 2)
    moments: Array  # (boxes, 6): the entries of S, float64

    def unite(self, ratio: int) -> _Boxes:
        """The boxes around every `ratio` of them."""
        low, high, moments = (part.reshape(-1, ratio, part.shape[1]) for part in self)
        return _Boxes(low.min(axis=1), high.max(axis=1), moments.sum(axis=1))

    def some(self, first: int, last: int) -> _Boxes:
        """Boxes first..last-1."""
        return _Boxes(self.low[first:last], self.high[first:last], self.moments[first:last])


def _settle(boxes: _Boxes, P: Array, A: Array, maps: Array) -> tuple[Array, Array]:
    """Add to A (3, k) and to the maps (boxes, 5) what the full pairs of boxes and features P (3, k) have.

    Returns which pairs are full and which straddle, (boxes, k) each. The columns of `maps` are the entries
    d_x d_x, d_x d_y, d_y d_y, d_x b, d_y b of Σ d pᵀ.
    """
    low, high = boxes.low / 2, boxes.high / 2  # halved first, since their sum may overflow
    middle, half = low + high, high - low
    # What is full is so for every example by itself, too, however near to 0 its z: no one looks at its data again.
    half += _SLACK * (np.abs(middle) + half)
    one = np.ones((len(half), 1), half.dtype)
    bounds = np.concatenate([P, np.abs(P[:2])])
    full = np.concatenate([middle, one, -half], axis=1) @ bounds > 0
    straddling = np.concatenate([middle, one, half], axis=1) @ bounds > 0
    straddling ^= full
    weight = full.astype(np.float64)
    x, y, b = P.astype(np.float64)
    xx, xy, yy, gx, gy, count = boxes.moments.T @ weight
    A[0] += xx * x + xy * y + gx * b
    A[1] += xy * x + yy * y + gy * b
    A[2] += gx * x + gy * y + count * b
    maps += weight @ np.stack([x * x, x * y, y * y, x * b, y * b]).T
    return full, straddling


class _Shortcut(NamedTuple):
    """What is known of the non-zeros without looking at them."""

    sign: int  # σ
    exceptions: Array  # (boxes, features): where c = σ x is not known to hold


class Tree:
    """L and its gradient over a fixed data set, for many examples and m = 2.

    Parameters
    ----------
    examples : SparseExamples
        Their float type is the type of all arithmetic, but for the sums over boxes, which are float64.
    sizes : tuple of int
        Examples per box and per leaf, at most; the first is a power of two times the second.
    share : Share
        The examples of which to form the sums; other processes have the others.
    """

    def __init__(self, examples: SparseExamples, sizes: tuple[int, int], share: Share = ALONE) -> None:
        self.T, self.n = examples.T, examples.n
        self.dtype = examples.values.dtype
        self._complex = np.result_type(self.dtype, np.complex64)
        self._original = examples
        self._squares = 0.0 if share.place else float(np.sum(np.square(examples.values, dtype=np.float64)))
        self._depth = max(0, math.ceil(math.log2(self.T / sizes[1])))
        self._ratio = min(sizes[0] // sizes[1], 1 << self._depth)  # leaves per box
        self._size = -(-self.T // (1 << self._depth))
        self._share, self._own = share, share.own(self.T, self._ratio * self._size)
        self._count = len(self._own)
        self._leaves = self._ratio * len(range(share.place, (1 << self._depth) // self._ratio, share.shards))
        padding = np.arange(self._count, self._leaves * self._size)
        self._padding = np.unravel_index(padding, (self._leaves, self._size))
        self._G = np.ones((self._leaves, 3, self._size), self.dtype)
        self._V = np.empty((self._leaves, 2, self._size), self.dtype)
        self._Z = np.empty(0, self.dtype)
        self._zero = self._Z
        self._sums = _Columns(self.n + 1, max(_CHUNK, _TILE // self._size, self.n), self.dtype)
        self.sorting = Sorting(_SORT_GROWTH)  # by the straddling pairs of leaves and features
        self._column_sums: Array | None = None
        self._arrange(np.arange(self.T))

    def _arrange(self, order: Array) -> None:
        """Hold the examples physically in `order`."""
        self._order = order
        own = order[self._own]
        examples = self._examples = self._original.take(own)
        if self._column_sums is None or len(own) < self.T:  # those of all are the same in every order
            self._column_sums = np.bincount(examples.indices, examples.values, minlength=self.n)
        shape = (examples.T, self.n)
        self._X = csr_array((examples.values.astype(self._complex), examples.indices, examples.indptr), shape=shape)
        self._Xt = self._X.T
        self._row_of = np.repeat(np.arange(examples.T, dtype=examples.indices.dtype), np.diff(examples.indptr))

    def value_and_gradient(self, model: Parameters) -> tuple[float, Parameters]:
        """L and its gradient, as `relugeom.engines.objective.Objective.value_and_gradient`.

        Raises
        ------
        ArgumentError
            When a shape or a float type does not fit the examples.
        """
        self.check(model)
        W, b, R = model.W, model.b, model.decoder
        D = W if R is None else R.T
        P = np.concatenate([D, b[None]])
        h = self._order_anew(self._X @ _as_complex(W))
        leaves = self._enter(h)
        if not all(np.isfinite(part).all() for part in (leaves.low, leaves.high, P)):  # something has overflown
            return math.nan, Parameters(*(None if part is None else np.full_like(part, np.nan) for part in model))
        A, shortcut = self._dense(leaves, P)
        squares = float(np.vdot(A, P.astype(np.float64)))
        v = _as_complex(self._V.transpose(1, 0, 2)).ravel()[: self._count]
        cross, SG = self._exceptions(shortcut, h, v, P)
        A -= SG
        if shortcut.sign:
            XD = h if R is None else self._X @ _as_complex(D)
            cross += _dot(h, XD) + float(b.astype(np.float64) @ self._column_sums)
            A[2] -= self._column_sums
            v -= XD
            if R is None:
                v -= h
            else:
                A[:2] -= _parts(self._Xt @ h)
        encoder = _parts(self._Xt @ v)
        loss = (self._squares - 2 * cross + squares) / self.T
        if R is None:
            A[:2] += encoder
        A = (A * (2 / self.T)).astype(self.dtype)
        if R is None:
            return loss, Parameters(A[:2], A[2])
        encoder *= 2 / self.T
        return loss, Parameters(encoder.astype(self.dtype), A[2], np.ascontiguousarray(A[:2].T))

    def check(self, model: Parameters) -> None:
        """Refuse parameters that do not fit the examples."""
        check_fit(model, self.n, self.dtype)
        if len(model.W) != 2:
            raise ArgumentError(f"the engine 'tree' is for m = 2; got W of shape {model.W.shape}")

    def _order_anew(self, h: Array) -> Array:
        """h, after sorting the examples where that was never done, long ago, or the leaves have become loose."""
        if not self.sorting.is_due():
            return h
        h = self._share.all(self._own, h)
        order = tree_order(h.view(self.dtype).reshape(-1, 2), self._depth)
        self._arrange(self._order[order])
        return h[order[self._own]]

    def _enter(self, h: Array) -> _Boxes:
        """Write (h_t, 1) into the leaves, and 0 where a leaf has fewer examples than others."""
        G = self._G
        whole = self._count // self._size  # leaves that have no room left
        for axis, part in enumerate((h.real, h.imag)):
            G[:whole, axis] = part[: whole * self._size].reshape(whole, self._size)
            G[whole:, axis] = part[-1]
            G[whole : whole + 1, axis, : self._count - whole * self._size] = part[whole * self._size :]
        low, high = G[:, :2].min(axis=2), G[:, :2].max(axis=2)
        G[self._padding[0], :, self._padding[1]] = 0
        exact = G.astype(np.float64)  # far from 0 the entries of S p nearly cancel
        squares = np.matmul(exact, exact.transpose(0, 2, 1)).reshape(-1, 9)
        return _Boxes(low, high, squares[:, [0, 1, 4, 2, 5, 8]])

    def _dense(self, leaves: _Boxes, P: Array) -> tuple[Array, _Shortcut]:
        """A (3, n) of the dense part, in float64, and what the boxes say of the data; V is filled."""
        boxes = leaves.unite(self._ratio)
        A, maps = np.zeros((3, self.n)), np.zeros((len(boxes.low), 5))
        full, straddling = np.empty((2, len(maps), self.n), bool)
        width = max(1, _CHUNK // len(maps))
        for start in range(0, self.n, width):
            part = slice(start, start + width)
            full[:, part], straddling[:, part] = _settle(boxes, P[:, part], A[:, part], maps)
        maps = np.repeat(maps, self._ratio, axis=0)
        counts, features = self._visit(leaves, straddling, P, A, maps)
        np.matmul(maps[:, [[0, 1, 3], [1, 2, 4]]].astype(self.dtype), self._G, out=self._V)
        self._form(counts, features, P, A)
        most_are_full = 2 * np.count_nonzero(full) > full.size - np.count_nonzero(straddling)
        return A, _Shortcut(int(most_are_full), ~full if most_are_full else full | straddling)

    def _visit(self, leaves: _Boxes, straddling: Array, P: Array, A: Array, maps: Array) -> tuple[Array, list[Array]]:
        """Test the straddling pairs of the boxes again in their leaves; how many straddle there, and which features."""
        counts: Array = np.zeros(self._leaves, np.int64)
        features = []
        for box, mask in enumerate(straddling):
            columns = np.flatnonzero(mask)
            first, last = box * self._ratio, (box + 1) * self._ratio
            sums = np.zeros((3, len(columns)))
            _, found = _settle(leaves.some(first, last), P.take(columns, axis=1), sums, maps[first:last])
            for row, addition in zip(A, sums, strict=True):
                row[columns] += addition
            counts[first:last] = np.count_nonzero(found, axis=1)
            place = np.flatnonzero(found)
            place -= np.repeat(np.arange(len(found)) * len(columns), counts[first:last])
            features.append(columns.take(place))
        return counts, features

    def _form(self, counts: Array, features: list[Array], P: Array, A: Array) -> None:
        """Add to A and V what straddling pairs have: counts[k] of leaf k, their features one leaf after the other."""
        self.sorting.straddling = int(counts.sum()) * self._size
        self._sums.clear()
        padded = np.zeros((self.n + 1, 3), self.dtype)
        padded[:-1] = P.T
        for leaves, listed in self._batches(counts, np.concatenate(features)):
            g, p = self._G.take(leaves, axis=0), padded.take(listed, axis=0)
            Z, zero = self._scratch(listed.size * self._size)
            z = Z.reshape(*listed.shape, self._size)
            np.matmul(p, g, out=z)
            np.maximum(Z, zero, out=Z)
            # Of BLAS's ways with slim factors this is the fastest: rows of three numbers side by side.
            np.matmul(z, np.ascontiguousarray(g.transpose(0, 2, 1)), out=self._sums.place(listed))
            self._V[leaves] += np.matmul(p[:, :, :2].transpose(0, 2, 1), z)
        A += self._sums.total()[:, :-1]

    def _batches(self, counts: Array, features: Array) -> Iterator[tuple[Array, Array]]:
        """Leaves with about as many straddling features, and these; n where a leaf has fewer."""
        starts = np.cumsum(counts) - counts
        order = np.argsort(-counts, kind="stable")[: np.count_nonzero(counts)]
        most = max(1, _TILE // self._size)
        at = 0
        while at < len(order):
            width = int(counts[order[at]])
            if width > most:
                start = int(starts[order[at]])
                for first in range(start, start + width, most):
                    yield order[at : at + 1], features[None, first : min(first + most, start + width)]
                at += 1
                continue
            leaves = order[at : at + most // width]
            listed = np.full((len(leaves), width), self.n)
            for row, start, count in zip(listed, starts[leaves].tolist(), counts[leaves].tolist(), strict=True):
                row[:count] = features[start : start + count]
            yield leaves, listed
            at += len(leaves)

    def _scratch(self, size: int) -> tuple[Array, Array]:
        """Memory for Z that is used again, since fresh pages would cost more than the arithmetic, and as many zeros."""
        if len(self._Z) < size:
            self._Z = np.empty(size + size // 4, self.dtype)
            self._zero = np.zeros_like(self._Z)
        return self._Z[:size], self._zero[:size]

    def _exceptions(self, shortcut: _Shortcut, h: Array, v: Array, P: Array) -> tuple[float, Array]:
        """Σ s z and Sᵀ G (3, n), in float64; v loses S D."""
        examples, size = self._examples, self._ratio * self._size
        found = []
        for box, unknown in enumerate(shortcut.exceptions):
            first, last = examples.indptr[[min(box * size, self._count), min((box + 1) * size, self._count)]]
            place = np.flatnonzero(unknown.take(examples.indices[first:last].astype(np.intp)))
            place += first
            rows, columns = self._row_of.take(place).astype(np.intp), examples.indices.take(place).astype(np.intp)
            g = h.take(rows)
            z = P[0].take(columns) * g.real
            z += P[1].take(columns) * g.imag
            z += P[2].take(columns)
            rare = np.flatnonzero(z <= 0 if shortcut.sign else z > 0)
            found.append((rows.take(rare), columns.take(rare), examples.values.take(place.take(rare))))
        rows, columns, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        if shortcut.sign:
            values = -values
        indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=self._count))])
        S = csr_array((values, columns, indptr), shape=(self._count, self.n))
        SH = S.T @ h.view(self.dtype).reshape(-1, 2)
        SG = np.concatenate([SH.T, np.bincount(columns, values, minlength=self.n)[None]])
        v -= _as_complex((S @ np.ascontiguousarray(P[:2].T)).T)
        return float(np.vdot(SG, P.astype(np.float64))), SG

    def state(self) -> dict[str, Array]:
        """The order of the examples, and when the next sort is due."""
        return {"order": self._order, "tree": self.sorting.state()}

    def restore(self, state: dict[str, Array]) -> None:
        """Take up a `state`.

        Raises
        ------
        ArgumentError
            When it belongs to another number of examples.
        """
        order = check_order(state["order"], self.T)
        self.sorting.restore(state["tree"])
        self._arrange(order)

    def close(self) -> None:
        """Nothing to release."""


class _Columns:
    """Sums of triples by column, a number of triples at a time."""

    def __init__(self, columns: int, room: int, dtype: npt.DTypeLike) -> None:
        self._columns, self._triples = np.empty(room, np.int32), np.empty((room, 3), dtype)
        self._ones, self._starts = np.ones(room, dtype), np.arange(room + 1, dtype=np.int32)
        self._total = np.zeros((3, columns))
        self._count = 0

    def place(self, columns: Array) -> Array:
        """Where to write the triples of these columns (...), shape (..., 3)."""
        if self._count + columns.size > len(self._columns):
            self._add()
        here = slice(self._count, self._count + columns.size)
        self._count = here.stop
        self._columns[here] = columns.ravel()
        return self._triples[here].reshape(*columns.shape, 3)

    def _add(self) -> None:
        here = slice(self._count)
        parts = self._ones[here], self._columns[here], self._starts[: self._count + 1]
        gather = csc_array(parts, shape=(self._total.shape[1], self._count))
        self._total += (gather @ self._triples[here]).T
        self._count = 0

    def clear(self) -> None:
        """Begin anew, also after a step that was interrupted."""
        self._total[:], self._count = 0, 0

    def total(self) -> Array:
        """The sums (3, columns) since they began, in float64."""
        self._add()
        return self._total.copy()


def _as_complex(rows: Array) -> Array:
    """Two real arrays as one complex."""
    found = np.empty(rows.shape[1:], np.result_type(rows.dtype, np.complex64))
    found.real, found.imag = rows
    return found


def _parts(z: Array) -> Array:
    """The two rows of a complex one, in float64."""
    return np.stack([z.real, z.imag]).astype(np.float64)


def _dot(a: Array, b: Array) -> float:
    """Σ a·b of vectors in the plane, given as complex numbers."""
    return float(np.sum(a.real * b.real, dtype=np.float64) + np.sum(a.imag * b.imag, dtype=np.float64))
