"""Optimisers and schedules: one idea a module, plain NumPy."""

from __future__ import annotations

from relugeom.optim.adamw import AdamW
from relugeom.optim.rules import Optimiser
from relugeom.optim.schedules import SCHEDULES, Schedule
from relugeom.optim.sgd import SGD

__all__ = ["SCHEDULES", "SGD", "AdamW", "Optimiser", "Schedule"]
