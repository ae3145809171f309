"""How many curvatures of the loss are positive, negative and zero at a smooth point, those of symmetry left out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.model import DataSet, Parameters, hessian, kink_distance
from relugeom.errors import KinkError
from relugeom.exact.rationals import Inertia
from relugeom.landscape.symmetry import across

__all__ = ["ON_A_KINK", "Curvatures", "curvatures", "inertia"]

Floats = npt.NDArray[np.float64]

ON_A_KINK = 1e-9
"""A pre-activation nearer to 0 than this is on the kink."""


class Curvatures(NamedTuple):
    """Eigenvalues of the Hessian across the symmetries, lowest first, and their directions.

    Attributes
    ----------
    values : ndarray, shape (k,)
    directions : ndarray, shape (p, k)
        Unit vectors in the order of `flatten`, in columns.
    small : float
        Values within ± this count as zero.
    """

    values: Floats
    directions: Floats
    small: float

    @property
    def inertia(self) -> Inertia:
        """How many are positive, negative and zero."""
        values, small = self.values, self.small
        return Inertia(int((values > small).sum()), int((values < -small).sum()), int((np.abs(values) <= small).sum()))


def curvatures(parameters: Parameters, data: DataSet | Any, *, tolerance: float = 1e-8) -> Curvatures:
    """The curvatures of the loss at one model, on the space orthogonal to its symmetries.

    Parameters
    ----------
    parameters : Parameters
        One model, tied or not, with a bias or without.
    data : array, shape (T, n), or DataSet
    tolerance : float
        Eigenvalues below this part of the largest (or of 1) count as zero.

    Raises
    ------
    KinkError
        The model is on a kink, where the Hessian means nothing; see `relugeom.landscape.kinks.one_sided`, and
        `relugeom.landscape.natures.nature`, which answers for every model.
    """
    if not float(kink_distance(parameters, data)) > ON_A_KINK:
        raise KinkError("the model is on a kink of the ReLU, where there is no Hessian; expected a smooth point")
    Q = across(parameters)
    values, vectors = np.linalg.eigh(Q.T @ hessian(parameters, data) @ Q)
    return Curvatures(values, Q @ vectors, tolerance * max(1.0, float(np.abs(values).max())))


def inertia(parameters: Parameters, data: DataSet | Any, *, tolerance: float = 1e-8) -> Inertia:
    """Count the `curvatures` by sign.

    Raises
    ------
    KinkError
        As for `curvatures`.
    """
    return curvatures(parameters, data, tolerance=tolerance).inertia
