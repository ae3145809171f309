"""Minima at infinity: on X = I the loss has curves along which it falls for ever, and valleys around some of them.

In the plane, for k ≥ 2 and q ≥ 1, let n = k + q + 2. With y_j = √2 (j − (k − 1)/2) for j = 0 ... k − 1, Y = max |y_j|
and R > √2 Y, take

    k long features     (−√(R² − y_j²), y_j),        b = 1 − R²,
    two of norm 1       (ε, ±√(1 − ε²)),             b = 0,            ε = Y/R,
    q that vanish       (δ, 0),                      b = 1/(q + 2),    δ = b/√(R² − Y²).

* Long outputs are exact on long inputs: √(R² − y²)√(R² − y'²) ≤ R² − (y² + y'²)/2, so p·p' ≤ R² − (y − y')²/2 ≤ R² − 1.
  They are 0 on the others, whose products with p are not positive.
* The two are exact on each other, 2ε² < 1, and 0 on the long, because ε/√(1 − ε²) = Y/√(R² − Y²).
* The q are 0 on the long, −δ√(R² − y²) + b ≤ 0; on each other and on the two they are b + δ² and b + δε, which is all
  that they cost, but for δε in the outputs of the two.

With D = δ², E = δε the Σ-loss is

    q ((1 − b − D)² + (q − 1)(b + D)² + 2 (b + E)²) + 2 q E² = q(q + 1)/(q + 2) + q (q D² + 4 E² + 4 b (E − D)),

and E > D. It falls, as R grows, to q(q + 1)/(q + 2) = 2/3, 3/2, 12/5, ..., and is never there.

That is proved (`curves-to-infinity`). That training and polishing end there is observed: for k ≥ 4 the curve runs along
the floor of a valley, and `polish` says "drifting" of seeds in it. For k = 2 and 3 other directions lead down, to
smaller losses at finite points.
"""

from __future__ import annotations

from math import inf, sqrt

import numpy as np

from relugeom.autoencoder.model import Parameters
from relugeom.errors import ArgumentError

__all__ = ["limit", "valley", "valley_loss"]


def valley(k: int, q: int, R: float) -> Parameters:
    """A point of the valley: k features of norm R, two of norm 1, q that vanish as 1/R.

    Parameters
    ----------
    k, q : int
        At least 2 and 1; the model has k + q + 2 features.
    R : float
        Above (k − 1), which is √2 Y.

    Returns
    -------
    Parameters
        W, shape (2, k + q + 2), and b.

    Examples
    --------
    >>> from relugeom.autoencoder import Axial, loss
    >>> [round(8 * float(loss(valley(5, 1, R), Axial(8))), 4) for R in (10, 20, 40)]
    [0.6786, 0.6695, 0.6674]
    """
    y, b, epsilon, delta = _curve(k, q, R)
    across = sqrt(1 - epsilon**2)
    columns = [*zip(-np.sqrt(R**2 - y**2), y, strict=True), (epsilon, across), (epsilon, -across), *[(delta, 0.0)] * q]
    return Parameters(np.array(columns).T, np.array([1 - R**2] * k + [0.0] * 2 + [b] * q))


def valley_loss(k: int, q: int, R: float) -> float:
    """The Σ-loss of `valley`, q(q + 1)/(q + 2) + q (q D² + 4 E² + 4 b (E − D))."""
    _, b, epsilon, delta = _curve(k, q, R)
    D, E = delta**2, delta * epsilon
    return limit(q) + q * (q * D**2 + 4 * E**2 + 4 * b * (E - D))


def limit(q: int) -> float:
    """What the Σ-loss falls to with q vanishing features: q(q + 1)/(q + 2)."""
    if not isinstance(q, int) or q < 1:
        raise ArgumentError(f"q must be a positive integer; got {q!r}")
    return q * (q + 1) / (q + 2)


def _curve(k: int, q: int, R: float) -> tuple[np.ndarray, float, float, float]:
    """y_j, b, ε and δ."""
    limit(q)
    if not isinstance(k, int) or k < 2:
        raise ArgumentError(f"k must be an integer, at least 2; got {k!r}")
    if not k - 1 < R < inf:
        raise ArgumentError(f"R must be finite and above k − 1 = {k - 1}; got {R!r}")
    y = sqrt(2) * (np.arange(k) - (k - 1) / 2)
    Y, b = float(y.max()), 1 / (q + 2)
    return y, b, Y / R, b / sqrt(R**2 - Y**2)
