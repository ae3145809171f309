"""Optimisers and schedules: one idea a module, plain NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from relugeom.errors import ArgumentError
from relugeom.optim.adamw import AdamW
from relugeom.optim.rules import Optimiser
from relugeom.optim.schedules import SCHEDULES, Schedule
from relugeom.optim.sgd import SGD

__all__ = ["OPTIMISERS", "SCHEDULES", "SGD", "AdamW", "Optimiser", "Schedule", "optimiser_of_name"]

OPTIMISERS: Mapping[str, type[AdamW] | type[SGD]] = {kind.name: kind for kind in (AdamW, SGD)}
"""By the names that files and the command line have for them."""


def optimiser_of_name(name: str, **constants: float) -> AdamW | SGD:
    """The optimiser of a name; constants that it does not have are left out, so that one set serves several."""
    if name not in OPTIMISERS:
        raise ArgumentError(f"optimiser must be one of {', '.join(OPTIMISERS)}; got {name!r:.60}")
    kind = OPTIMISERS[name]
    own = {field.name for field in fields(kind)}
    return kind(**{name: value for name, value in constants.items() if name in own})
