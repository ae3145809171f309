"""The tied ReLU autoencoder x' = ReLU(WᵀWx + b): the object, its loss and derivatives, and what it is built
from.
"""

from __future__ import annotations

from relugeom.autoencoder.model import (
    DataSet,
    Parameters,
    check_smooth,
    encode,
    flatten,
    gradient,
    gram,
    hessian,
    hessian_vector_product,
    kink_distance,
    loss,
    preactivation,
    reconstruct,
    unflatten,
)

__all__ = [
    "DataSet",
    "Parameters",
    "check_smooth",
    "encode",
    "flatten",
    "gradient",
    "gram",
    "hessian",
    "hessian_vector_product",
    "kink_distance",
    "loss",
    "preactivation",
    "reconstruct",
    "unflatten",
]
