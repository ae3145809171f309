"""Which points are the same but for rotation, reflection and renaming, and which directions only turn a model.

`invariants` maps a model to a vector that does not change under W → QW with Q orthogonal, nor under renaming the
features; `groups` puts equal vectors together. Where minima form a continuum (zero loss on X = I) vectors differ within
one family; there `relugeom.landscape.kinds.Kind.type` is what to group by.

An untied model has more symmetry: W → AW, R → RA⁻¹ for every invertible A.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.arrays import to_numpy
from relugeom.autoencoder.model import Parameters, flatten, gram
from relugeom.autoencoder.parameters import check_arrays

__all__ = ["across", "groups", "invariants", "symmetries"]

Floats = npt.NDArray[np.float64]


def invariants(parameters: Parameters) -> Floats:
    """Numbers that rotation, reflection and renaming of the features leave alone.

    Sorted: the biases, the squared norms, all g_ij (i < j), and all g_ij + b_j (i ≠ j), which tie the biases to
    the features. Untied, with r_j·w_i in the place of g_ij, for i > j too, since it is not symmetric.

    Parameters
    ----------
    parameters : Parameters
        One model or a batch; without a bias, b counts as 0.

    Returns
    -------
    ndarray, shape (..., 2n + 3n(n − 1)/2), untied (..., 2n + 2n(n − 1))
    """
    at = check_arrays(parameters)
    W, b, D = (np.asarray(to_numpy(part), np.float64) for part in (at.W, at.b, at.D))
    G = np.asarray(gram(W) if at.tied else np.swapaxes(W, -1, -2) @ D)
    n = W.shape[-1]
    b = np.broadcast_to(b, (*G.shape[:-2], n))
    off = np.nonzero(~np.eye(n, dtype=bool))
    upper = np.triu_indices(n, 1) if at.tied else off
    parts = [
        b,
        G[..., range(n), range(n)],
        G[..., upper[0], upper[1]],
        (G + b[..., None, :])[..., off[0], off[1]],
    ]
    return np.concatenate([np.sort(part, axis=-1) for part in parts], axis=-1)


def groups(vectors: Floats, tolerance: float = 1e-6) -> npt.NDArray[np.int64]:
    """Number the rows so that rows within `tolerance` of a group's first row share its number.

    Groups are numbered by size, largest first.

    Parameters
    ----------
    vectors : ndarray, shape (B, k)
    tolerance : float
        Of the largest difference of two entries.

    Returns
    -------
    ndarray of int, shape (B,)
    """
    label = np.full(len(vectors), -1, np.int64)
    count = 0
    for row in range(len(vectors)):
        if label[row] < 0:
            rest = np.flatnonzero(label < 0)
            label[rest[np.abs(vectors[rest] - vectors[row]).max(axis=1) <= tolerance]] = count
            label[row] = count  # also a row with nan, which equals nothing
            count += 1
    sizes = np.bincount(label, minlength=count)
    rank = np.empty(count, np.int64)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(count)
    return rank[label]


def symmetries(parameters: Parameters) -> Floats:
    """An orthonormal basis of the directions in which the model changes and no output does.

    Tied: (AW, 0) with A antisymmetric, the rotations. Untied: (BW, 0, −RB) with any B.

    Parameters
    ----------
    parameters : Parameters
        One model.

    Returns
    -------
    ndarray, shape (r, p)
        In the order of `flatten`. Tied, r = m(m − 1)/2 where W has rank at least m − 1.
    """
    W = np.asarray(parameters.W, np.float64)
    m, n = W.shape
    still = None if parameters.b is None else np.zeros(n)
    moves: list[Any] = []
    for a in range(m):
        for c in range(a if parameters.tied else m):
            V = np.zeros((m, n))
            V[a] = W[c]
            if parameters.tied:
                V[c] = -W[a]
                moves.append(flatten(Parameters(V, still)))
            else:
                R = np.asarray(parameters.decoder, np.float64)
                U = np.zeros((n, m))
                U[:, c] = -R[:, a]
                moves.append(flatten(Parameters(V, still, U)))
    if not moves:
        return np.zeros((0, m * n + (0 if still is None else n)))
    _, sizes, basis = np.linalg.svd(np.array(moves), full_matrices=False)
    return np.asarray(basis[sizes > 1e-9 * max(1.0, float(sizes.max(initial=0)))])


def across(parameters: Parameters) -> Floats:
    """An orthonormal basis, in columns, of the directions orthogonal to `symmetries`."""
    turns = symmetries(parameters)
    _, _, full = np.linalg.svd(turns) if len(turns) else (0, 0, np.eye(turns.shape[1]))
    return np.asarray(full[len(turns) :]).T
