"""The linear model x' = WᵀW x + b beside the ReLU model: its least population loss, in closed form.

With the best b the loss is E Σ_j I_j ((1 − G)(x − E x))_j², G = WᵀW. For independent features of variance v this is
v ‖D^(1/2) (1 − G)‖_F² with D = diag(I), and D^(1/2) G has rank at most m. So by Eckart and Young it is at least v times
the sum of the n − m smallest importances, and the projection G on the m most important axes reaches that: a linear
model gives the m most important features a dimension each and ignores the others, however sparse they are.

With groups and equal importances the projection on the m leading eigenvectors of the covariance C is best (PCA), and
the least loss the sum of the other n − m eigenvalues.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.independent import Independent
from relugeom.errors import ArgumentError

__all__ = ["covariance", "least_linear_loss"]


def covariance(law: Independent) -> npt.NDArray[np.floating[Any]]:
    """C = E (x − E x)(x − E x)ᵀ, shape (n, n)."""
    p = law.density
    first, second = (1.0, 1.0) if law.values == "one" else (1 / 2, 1 / 3)  # E x and E x² of a present feature
    C = np.full((law.n, law.n), 0.0)
    np.fill_diagonal(C, p * second - (p * first) ** 2)
    for groups, together in ((law.correlated, p), (law.anticorrelated, 0.0)):
        for group in groups:
            for i in group:
                for j in group:
                    if i != j:
                        C[i, j] = together * first**2 - (p * first) ** 2
    return C


def least_linear_loss(law: Independent, m: int) -> float:
    """The least of E Σ_j I_j (x_j − x'_j)² over all x' = WᵀW x + b with W of m rows.

    Raises
    ------
    ArgumentError
        The features are in groups and differ in importance: then the formula above does not hold.
    """
    if m < 1:
        raise ArgumentError(f"m must be positive; got {m}")
    kept = max(law.n - m, 0)
    if not law.correlated and not law.anticorrelated:
        return float(covariance(law)[0, 0] * np.sort(law.weights)[:kept].sum())
    if (law.weights != law.weights[0]).any():
        raise ArgumentError("the least linear loss is known for groups only where all importances are equal")
    return float(law.weights[0] * np.linalg.eigvalsh(covariance(law))[:kept].sum())
