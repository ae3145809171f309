"""Models in files: our own, and every kind that people of the field have."""

from __future__ import annotations

from relugeom.autoencoder.files.load import SUFFIXES, load_model, load_models
from relugeom.autoencoder.files.naming import ModelFile, ModelFiles
from relugeom.autoencoder.files.text import FORMAT, dumps_model, loads_model

__all__ = [
    "FORMAT",
    "SUFFIXES",
    "ModelFile",
    "ModelFiles",
    "dumps_model",
    "load_model",
    "load_models",
    "loads_model",
]
