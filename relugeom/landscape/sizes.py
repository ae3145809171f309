"""Tolerances are absolute numbers, so questions about tiny data are asked of the same data in their usual size.

Examples s x have at (W, s b) the loss s² times that of x at (W, b), and importances t I_j have t times that of I_j.
With powers of two no digit changes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from relugeom.arrays import floating_arrays, to_numpy
from relugeom.autoencoder.data import DataSet, DenseExamples
from relugeom.autoencoder.independent import Independent
from relugeom.autoencoder.model import Parameters

__all__ = ["loss_of_nothing", "of_usual_size"]

_SMALL = 2.0**-6  # entries and mean squares below this are scaled up


def loss_of_nothing(law: Independent) -> float:
    """E Σ_j I_j x_j², the loss of answering 0 to everything."""
    return float(law.loss(Parameters(np.zeros((1, law.n)), np.zeros(law.n))))


def of_usual_size(data: DataSet) -> tuple[DataSet, float]:
    """The data in a size for which absolute tolerances are meant, and what the examples were divided by for that.

    Data of usual size, and kinds that always are, stay as they are: the same object, and 1.
    """
    if isinstance(data, Independent):
        nothing = loss_of_nothing(data)
        if not 0 < nothing < _SMALL:
            return data, 1.0
        return replace(data, importance=data.weights * 2.0 ** -np.floor(np.log2(nothing))), 1.0
    if not isinstance(data, DenseExamples):
        return data, 1.0
    X = np.asarray(to_numpy(floating_arrays(X=data.X)[1]), np.float64)
    weights = np.ones(data.n) if data.importance is None else data.importance
    largest = float(np.abs(X).max(initial=0.0))
    nothing = 0.0 if largest == 0 else float(((X / largest) ** 2 @ weights).mean())
    if nothing == 0 or (_SMALL <= largest <= 1 / _SMALL and nothing >= _SMALL):
        return data, 1.0
    unit = float(2.0 ** np.floor(np.log2(largest)))
    return DenseExamples(X / unit, weights * 2.0 ** -np.floor(np.log2(nothing))), unit
