"""What does training find? The paper's experiment at its own size, sweeps of it, and many small models at once."""

from __future__ import annotations

from relugeom.training.checkpoint import Checkpoint
from relugeom.training.configuration import Configuration
from relugeom.training.loop import measure_run, resume, train
from relugeom.training.many_models import AxialTraining, descend, initial_models, train_from, train_many
from relugeom.training.metrics import Metrics, measure
from relugeom.training.recipes import Recipe
from relugeom.training.sweeps import best_of, configurations, sweep
from relugeom.training.toy_models import ToyTraining, toy_trajectories, train_toy_models
from relugeom.training.trajectory import Trajectory

__all__ = [
    "AxialTraining",
    "Checkpoint",
    "Configuration",
    "Metrics",
    "Recipe",
    "ToyTraining",
    "Trajectory",
    "best_of",
    "configurations",
    "descend",
    "initial_models",
    "measure",
    "measure_run",
    "resume",
    "sweep",
    "toy_trajectories",
    "train",
    "train_from",
    "train_many",
    "train_toy_models",
]
