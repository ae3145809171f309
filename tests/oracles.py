"""Slow second opinions: losses and gradients by plain loops that also take complex numbers."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from relugeom.autoencoder import Parameters, gradient, loss

__all__ = [
    "complex_step",
    "dense_gradient",
    "dense_loss",
    "pair_integral",
    "relative_error",
    "uniform_gradient",
    "uniform_loss",
    "untied_gradient",
    "untied_loss",
    "value_and_gradient",
]


def split(theta: Any, m: int, n: int) -> tuple[Any, Any]:
    return theta[: m * n].reshape(m, n), theta[m * n :]


def complex_step(function: Callable[[Any], Any], theta: Any, step: float = 1e-30) -> Any:
    """Im f(θ + ih e_k)/h for every k along the last axis: a derivative without cancellation."""
    return np.stack([np.imag(function(theta + 1j * step * unit)) / step for unit in np.eye(len(theta))], axis=-1)


def relative_error(found: Any, expected: Any) -> float:
    """max |found − expected| against the largest expected entry, or against 1 where that is smaller."""
    scale = max(1.0, float(np.max(np.abs(expected))))
    return float(np.max(np.abs(np.asarray(found) - np.asarray(expected)))) / scale


def dense_loss(theta: Any, X: Any, m: int, n: int) -> Any:
    """(1/T) Σ_t Σ_i (ReLU(z_ti) − x_ti)², one term at a time."""
    W, b = split(theta, m, n)
    total = 0.0
    for x in X:
        for i in range(n):
            z = W[:, i] @ (W @ x) + b[i]
            total = total + ((z if z.real > 0 else 0.0) - x[i]) ** 2
    return total / len(X)


def dense_gradient(theta: Any, X: Any, m: int, n: int) -> Any:
    """The chain rule term by term: z_i = Σ_a W_ai h_a + b_i with h_a = Σ_j W_aj x_j."""
    W, b = split(theta, m, n)
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for x in X:
        h = W @ x
        for i in range(n):
            z = W[:, i] @ h + b[i]
            if z.real > 0:
                slope = 2 * (z - x[i]) / len(X)
                db[i] += slope
                dW[:, i] += slope * h
                dW += slope * np.outer(W[:, i], x)
    return np.concatenate([dW.ravel(), db])


def pair_integral(g: Any, b: Any, same: bool) -> tuple[Any, Any, Any]:
    """∫ (aδ − ReLU(ag + b))² da over (0, 1), and ∫ a r da and ∫ r da with r the error where active.

    Gauss's rule with three points, exact for cubics, on each side of the break point.
    """
    delta = 1.0 if same else 0.0
    breaks = [0.0, 1.0]
    if g != 0 and 0 < (-b / g).real < 1:
        breaks.insert(1, -b / g)
    nodes, weights = np.polynomial.legendre.leggauss(3)
    value = with_a = without = 0.0
    for low, high in pairwise(breaks):
        for node, weight in zip(nodes, weights, strict=True):
            a, da = (low + high) / 2 + (high - low) / 2 * node, (high - low) / 2 * weight
            z = a * g + b
            active = z.real > 0
            r = (z if active else 0.0) - a * delta
            value = value + r**2 * da
            if active:
                with_a, without = with_a + a * r * da, without + r * da
    return value, with_a, without


def uniform_loss(theta: Any, m: int, n: int) -> Any:
    """(1/n) Σ_ij of `pair_integral`."""
    W, b = split(theta, m, n)
    return sum(pair_integral(W[:, i] @ W[:, j], b[j], i == j)[0] for i in range(n) for j in range(n)) / n


def uniform_gradient(theta: Any, m: int, n: int) -> Any:
    """The gradient of `uniform_loss`; the ends of the active intervals add nothing to it."""
    W, b = split(theta, m, n)
    dW, db = np.zeros_like(W), np.zeros_like(b)
    for i in range(n):
        for j in range(n):
            _, with_a, without = pair_integral(W[:, i] @ W[:, j], b[j], i == j)
            dW[:, i] += 2 * with_a * W[:, j] / n
            dW[:, j] += 2 * with_a * W[:, i] / n
            db[j] += 2 * without / n
    return np.concatenate([dW.ravel(), db])


def untied_loss(theta: Any, X: Any, m: int, n: int) -> Any:
    """`dense_loss` with a decoder of its own after W and b, one term at a time."""
    W, b, R = theta[: m * n].reshape(m, n), theta[m * n : m * n + n], theta[m * n + n :].reshape(n, m)
    total = 0.0
    for x in X:
        for i in range(n):
            z = R[i] @ (W @ x) + b[i]
            total = total + ((z if z.real > 0 else 0.0) - x[i]) ** 2
    return total / len(X)


def untied_gradient(theta: Any, X: Any, m: int, n: int) -> Any:
    """The chain rule of `untied_loss`, term by term."""
    W, b, R = theta[: m * n].reshape(m, n), theta[m * n : m * n + n], theta[m * n + n :].reshape(n, m)
    dW, db, dR = np.zeros_like(W), np.zeros_like(b), np.zeros_like(R)
    for x in X:
        h = W @ x
        for i in range(n):
            z = R[i] @ h + b[i]
            if z.real > 0:
                slope = 2 * (z - x[i]) / len(X)
                db[i] += slope
                dR[i] += slope * h
                dW += slope * np.outer(R[i], x)
    return np.concatenate([dW.ravel(), db, dR.ravel()])


def value_and_gradient(X: Any, model: Parameters) -> tuple[float, Parameters]:
    """What every engine gives, by the definition."""
    return float(loss(model, X)), gradient(model, X)
