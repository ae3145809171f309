"""The tied ReLU autoencoder x' = ReLU(WᵀWx + b): the object, its loss and derivatives, its examples."""

from __future__ import annotations

from relugeom.autoencoder.axial import Axial, UniformAxial
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
    "Axial",
    "DataSet",
    "Parameters",
    "UniformAxial",
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
