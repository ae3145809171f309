"""The kernels' arithmetic in NumPy, cut into the same tiles, slabs and groups and added up in the same stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.examples import SparseExamples

Array = npt.NDArray[Any]

GROUP = 16


def encode(examples: SparseExamples, W: Array) -> Array:
    """`encode`: every example gathers the columns of W at its own non-zeros."""
    H = np.zeros((examples.T, len(W)), W.dtype)
    for t in range(examples.T):
        for k in range(examples.indptr[t], examples.indptr[t + 1]):
            H[t] += examples.values[k] * W[:, examples.indices[k]]
    return H


def dense(theta: Array, H: Array, tile: int, slab: int) -> tuple[Array, Array]:
    """`dense`: the partial sums of every block (tile, slab), a group of examples at a time."""
    m, (T, n) = len(theta) - 1, (len(H), theta.shape[1])
    tiles, slabs = -(-n // tile), -(-T // slab)
    A_part, V_part = np.zeros((slabs, m + 1, n), theta.dtype), np.zeros((tiles, m, T), theta.dtype)
    for y in range(slabs):
        for x in range(tiles):
            features = slice(x * tile, min((x + 1) * tile, n))
            p = theta[:, features]
            for start in range(y * slab, min((y + 1) * slab, T), GROUP):
                group = slice(start, min(start + GROUP, (y + 1) * slab, T))
                h = H[group]
                z = np.maximum(h @ p[:m] + p[m], 0)
                A_part[y, :m, features] += h.T @ z
                A_part[y, m, features] += z.sum(axis=0)
                V_part[x, :, group] = p[:m] @ z.T
    return A_part, V_part


def step(examples: SparseExamples, theta: Array, tile: int, slab: int) -> tuple[float, Array]:
    """Loss and gradient, (m + 1, n), by the four kernels one after the other."""
    m, (T, n) = len(theta) - 1, (examples.T, examples.n)
    H = encode(examples, theta[:m])
    A_part, V_part = dense(theta, H, tile, slab)
    V, cross = V_part.sum(axis=0).T, 0.0
    columns: list[list[tuple[int, Any]]] = [[] for _ in range(n)]
    for t in range(T):  # `examples`
        for k in range(examples.indptr[t], examples.indptr[t + 1]):
            j, x = examples.indices[k], examples.values[k]
            columns[j].append((t, x))
            z = theta[:m, j] @ H[t] + theta[m, j]
            if z > 0:
                cross += float(x) * float(z)
                V[t] -= x * theta[:m, j]
    A = A_part.sum(axis=0, dtype=np.float64)  # `features`
    gradient = A.copy()
    for j, column in enumerate(columns):
        for t, x in column:
            c = x if theta[:m, j] @ H[t] + theta[m, j] > 0 else 0
            gradient[:m, j] += x * V[t] - c * H[t]
            gradient[m, j] -= c
    data = float(np.sum(np.square(examples.values, dtype=np.float64)))
    return (data - 2 * cross + float(np.sum(A * theta))) / T, (2 / T * gradient).astype(theta.dtype)


def adam_steps(models: Array, constants: Sequence[tuple[float, float]], beta1: float, beta2: float) -> Array:
    """`adam_steps`: every feature of a model loops over all features, with the diagonal put right at the end."""
    models = models.copy()
    mean, square = np.zeros_like(models), np.zeros_like(models)
    n = models.shape[2]
    for rate, epsilon in constants:
        W, b = models[:, :-1], models[:, -1]
        g = np.zeros_like(models)
        for j in range(n):
            inner = np.sum(W * W[:, :, j, None], axis=1)
            to_j, to_i = np.maximum(inner + b[:, j, None], 0), np.maximum(inner + b, 0)
            g[:, :-1] += (to_j + to_i)[:, None] * W[:, :, j, None]
            g[:, -1] += to_i
        active = np.sum(W * W, axis=1) + b > 0
        g[:, :-1] -= 2 * active[:, None] * W
        g[:, -1] -= active
        mean = beta1 * mean + g
        square = beta2 * square + g * g
        models = models - rate * (mean / (np.sqrt(square) + epsilon))
    return models
