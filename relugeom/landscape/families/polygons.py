"""Polygons with null features, polished: models to hold others against, since one of them is often the lowest known."""

from __future__ import annotations

import numpy as np

from relugeom.autoencoder.axial import AxialData
from relugeom.autoencoder.constructions import zero_loss_polygon
from relugeom.autoencoder.model import Parameters
from relugeom.landscape.polishing import polish

__all__ = ["polished_polygons"]


def polished_polygons(data: AxialData) -> list[Parameters]:
    """The critical points next to a regular k-gon of zero loss among n features, the others null, k = 3, ..., n.

    Parameters
    ----------
    data : AxialData

    Returns
    -------
    list of Parameters
        In the plane, with a bias; n − 2 of them.
    """
    n = data.n
    found = []
    for k in range(3, n + 1):
        W, b = zero_loss_polygon(k)
        start = np.pad(W, ((0, 0), (0, n - k))), np.pad(np.asarray(b), (0, n - k), constant_values=1 / n)
        found.append(polish(Parameters(start[0][None], start[1][None]), data).model(0))
    return found
