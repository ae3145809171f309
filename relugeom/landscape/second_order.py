"""Loss, gradient and Newton system of a batch on axial data, in one pass: the fast path of `AxialData`.

`AxialData` has the formulas and is what the tests compare with. Newton's method asks for all of it at every point, so
here the pairs are evaluated once, six numbers each (φ, its slopes and its curvatures), and the matrix H + λI is
written block by block into memory that the caller keeps:

    rows W_a, columns W_c :   S_ij W_aj W_ci + δ_ij Σ_k S_ik W_ak W_ck + δ_ac R_ij
    rows W_a, columns b   :   P_ij W_aj + δ_ij Σ_k P_ki W_ak
    rows b,   columns b   :   δ_ij Σ_k (Φ_bb)_ki

with R = Φ_g + Φ_gᵀ, S = Φ_gg + Φ_ggᵀ, P = Φ_gb. R is what d²g = 2 v·v contributes; without it the matrix is that of
Gauss and Newton.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.axial import Axial, AxialData, UniformAxial
from relugeom.autoencoder.model import gram

__all__ = ["Batch", "BatchArrays", "Pairs", "evaluate", "newton_system", "pairs"]

Floats = npt.NDArray[np.float64]


class Pairs(NamedTuple):
    """φ and its derivatives at every pair, each of shape (B, n, n)."""

    value: Floats
    g: Floats
    b: Floats
    gg: Floats
    gb: Floats
    bb: Floats


class BatchArrays:
    """Arrays whose first axis is the models of a batch: the fields of a dataclass."""

    __slots__ = ()
    __dataclass_fields__: Any

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Forget the models outside `rows`."""
        for name in self.__dataclass_fields__:
            setattr(self, name, getattr(self, name)[rows])

    def replace(self, rows: npt.NDArray[np.bool_], other: Any) -> None:
        """Take the models in `rows` from another batch of the same length."""
        for name in self.__dataclass_fields__:
            getattr(self, name)[rows] = getattr(other, name)[rows]


@dataclass(slots=True)
class Batch(BatchArrays):
    """Models at which everything is known that a Newton step needs.

    Attributes
    ----------
    x : ndarray, shape (B, mn + n)
        As `flatten` orders them.
    loss : ndarray, shape (B,)
    slope : ndarray, shape (B, mn + n)
        The gradient.
    R, S, P : ndarray, shape (B, n, n)
        As at the top of this file.
    c : ndarray, shape (B, n)
        The column sums of Φ_bb.
    """

    x: Floats
    loss: Floats
    slope: Floats
    R: Floats
    S: Floats
    P: Floats
    c: Floats


def evaluate(x: Floats, data: AxialData, m: int) -> Batch:
    """Everything about the models x.

    Parameters
    ----------
    x : ndarray, shape (B, mn + n)
    data : AxialData
    m : int
        Latent dimension.
    """
    B, n = len(x), data.n
    W, b = x[:, : m * n].reshape(B, m, n), x[:, None, m * n :]
    value, g, b_slope, gg, gb, bb = pairs(data, gram(W), b)
    R, S = g / n, gg / n
    R, S = R + R.swapaxes(1, 2), S + S.swapaxes(1, 2)
    slope = np.empty_like(x)
    np.matmul(W, R, out=slope[:, : m * n].reshape(B, m, n))
    np.divide(b_slope.sum(axis=1), n, out=slope[:, m * n :])
    return Batch(x, value.reshape(B, -1).sum(axis=1) / n, slope, R, S, gb / n, bb.sum(axis=1) / n)


def pairs(data: AxialData, g: Floats, b: Floats) -> Pairs:
    """φ and its derivatives at g, shape (B, n, n), and b, shape (B, 1, n)."""
    match data:
        case Axial():
            return _grade(data, g, b)
        case UniformAxial():
            return _uniform(g, b)
    delta: Any = np.eye(data.n)
    parts = data.pair_loss(np, g, b, delta), *data.pair_slopes(np, g, b, delta), *data.pair_curvatures(np, g, b, delta)
    return Pairs(*(np.broadcast_to(part, g.shape) for part in parts))


def _grade(data: Axial, g: Floats, b: Floats) -> Pairs:
    """Sums over the amplitudes a: p r² with r = ReLU(z) − aδ, then 2p r 1[z > 0] and 2p 1[z > 0] with factors a."""
    total: list[Any] = [0.0] * 6
    for p, a in data.grid:
        z = a * g + b
        twice = 2 * p * (z > 0)
        r = np.maximum(z, 0.0)
        np.einsum("bii->bi", r)[...] -= a
        slope, curve = twice * r, a * twice
        r *= r
        parts = p * r, a * slope, slope, a * curve, curve, twice
        total = [whole + part for whole, part in zip(total, parts, strict=True)]
    return Pairs(*total)


def _uniform(g: Floats, b: Floats) -> Pairs:
    """As in `UniformAxial`, the active part (l, h) of [0, 1] found once."""
    b = np.broadcast_to(b, g.shape)
    from_start, to_stop = b > 0, g + b > 0
    moves = from_start != to_stop
    end = np.divide(-b, g, out=np.zeros_like(g), where=moves)
    low, high = np.where(from_start, 0.0, end), np.where(to_stop, 1.0, end)
    low2, high2 = low * low, high * high
    s1, s2, s3 = high - low, (high2 - low2) / 2, (high2 * high - low2 * low) / 3
    u = g.copy()
    np.einsum("bii->bi", u)[...] -= 1.0
    us3, us2, bs2, bs1 = u * s3, u * s2, b * s2, b * s1
    value = u * us3 + 2 * u * bs2 + b * bs1
    found = Pairs(value, 2 * (us3 + bs2), 2 * (us2 + bs1), 2 * s3, 2 * s2, 2 * s1)
    # What only the pairs with δ = 1 have: a loss where they rest, and an end that moves.
    on = {name: np.einsum("bii->bi", array) for name, array in (*found._asdict().items(), ("s3", s3), ("end", end))}
    on["value"][...] += 1 / 3 - on["s3"]
    along = np.abs(np.einsum("bii->bi", g))
    moving = np.divide(2.0, along, out=np.zeros_like(along), where=np.einsum("bii->bi", moves))
    for power, name in ((1, "bb"), (2, "gb"), (3, "gg")):
        on[name][...] -= moving * on["end"] ** power
    return found


def newton_system(at: Batch, m: int, lift: Floats, damping: Floats, out: Floats) -> Floats:
    """H + λI, or what Gauss and Newton have in place of H.

    Parameters
    ----------
    at : Batch
        Of B models.
    m : int
        Latent dimension.
    lift : ndarray, shape (B,)
        How much of R to count: 1 gives H, 0 the matrix of Gauss and Newton.
    damping : ndarray, shape (B,)
        λ.
    out : ndarray, shape (B or more, mn + n, mn + n)
        Where to write.

    Returns
    -------
    ndarray, shape (B, mn + n, mn + n)
        The first B entries of `out`.
    """
    B, n = at.c.shape
    A = out[:B]
    W = at.x[:, : m * n].reshape(B, m, n)
    rows = [slice(a * n, (a + 1) * n) for a in range(m + 1)]  # the last for b
    R = at.R * lift[:, None, None]
    for a in range(m):
        weighted = at.S * W[:, a, None, :]
        for c in range(a, m):
            block = A[:, rows[a], rows[c]]
            np.multiply(weighted, W[:, c, :, None], out=block)
            _diagonal(block)[...] += np.matmul((W[:, a] * W[:, c])[:, None, :], at.S)[:, 0]
            if a == c:
                block += R
            else:
                A[:, rows[c], rows[a]] = block.swapaxes(1, 2)
        block = A[:, rows[a], rows[m]]
        np.multiply(at.P, W[:, a, None, :], out=block)
        _diagonal(block)[...] += np.matmul(W[:, None, a], at.P)[:, 0]
        A[:, rows[m], rows[a]] = block.swapaxes(1, 2)
    A[:, rows[m], rows[m]] = 0.0
    _diagonal(A[:, rows[m], rows[m]])[...] = at.c
    _diagonal(A)[...] += damping[:, None]
    return A


def _diagonal(A: Floats) -> Floats:
    """The diagonals of a batch of matrices, to write to."""
    return np.einsum("bii->bi", A)  # type: ignore[no-any-return]
