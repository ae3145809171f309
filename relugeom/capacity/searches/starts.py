"""Encoders worth starting from: the constructions that hold many features, as floats."""

from __future__ import annotations

import numpy as np

from relugeom.capacity.searches.problem import Array

__all__ = ["encoders", "twins"]


def encoders(m: int, n: int) -> dict[str, Array]:
    """Those of the constructions that exist for n features in m dimensions, each of shape (m, n), by name."""
    identity = np.eye(m)
    t = np.linspace(-1.0, 1.0, n)
    found: dict[str, Array] = {}
    if n <= 2 * m:
        found["antipodal pairs"] = np.hstack([identity, -identity])[:, :n]
    if n == m + 1:
        found["simplex"] = np.hstack([identity, -np.ones((m, 1))])
    if m >= 2:
        angles = 2 * np.pi * np.arange(n) / n
        found["polygon"] = _pad(np.stack([np.cos(angles), np.sin(angles)]), m)
        found["moment curve"] = t ** np.arange(1, m + 1)[:, None]
    if m >= 3:
        found["parabola"] = _pad(np.stack([np.ones(n), t, t * t]), m)
        # The spiral of Fibonacci: n points spread evenly over the sphere.
        height = 1 - (2 * np.arange(n) + 1) / n
        turn = np.pi * (3 - np.sqrt(5)) * np.arange(n)
        radius = np.sqrt(1 - height**2)
        found["spherical code"] = _pad(np.stack([radius * np.cos(turn), radius * np.sin(turn), height]), m)
    return found


def _pad(W: Array, m: int) -> Array:
    return np.vstack([W, np.zeros((m - len(W), W.shape[1]))])


def twins(m: int, n: int, seed: int) -> list[Array]:
    """Encoders, raveled, in which 2, 3, ... up to n − 2m features nearly share a direction; none for n ≤ 2m or m = 1.

    The directions, one for all the twins and one for each other feature, are spread as evenly as a polygon (m = 2) or
    the spiral (m ≥ 3) has them. Twins are shorter than the others, who then have the room that the twins give up.
    """
    if m < 2 or n <= 2 * m:
        return []
    found = []
    for count in range(2, max(2, n - 2 * m) + 1):
        directions = encoders(m, n - count + 1)["polygon" if m == 2 else "spherical code"]
        W = np.hstack([np.repeat(directions[:, :1], count, axis=1), 1.6 * directions[:, 1:]])
        for index in range(3):
            rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index, count)))
            found.append((W + 0.05 * rng.standard_normal(W.shape)).ravel())
    return found
