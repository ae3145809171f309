"""What a run records: a row of numbers, and the parameters, at chosen steps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.errors import ArgumentError

__all__ = ["COLUMNS", "Trajectory", "log_spaced"]

Array = npt.NDArray[Any]

COLUMNS = ("step", "loss", "gradient_norm", "active_fraction", "dead_features")


def log_spaced(steps: int, per_decade: int = 4) -> list[int]:
    """0, then about `per_decade` steps per decade, and the last step."""
    if per_decade < 1:
        raise ArgumentError(f"per_decade must be at least 1; got {per_decade}")
    exponents = np.arange(0, np.log10(max(steps, 1)) + 1e-9, 1 / per_decade)
    return sorted({0, steps - 1, *(round(10**e) for e in exponents if round(10**e) < steps)})


class Trajectory:
    """Rows of `COLUMNS`, and the flat parameters at those steps of them that were asked for."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, ...]] = []
        self.snapshots: dict[int, Array] = {}

    def add(self, row: Iterable[float], parameters: Array | None = None) -> None:
        """One more step; `parameters` are copied."""
        self.rows.append(tuple(float(value) for value in row))
        if parameters is not None:
            self.snapshots[int(self.rows[-1][0])] = parameters.copy()

    def column(self, name: str) -> Array:
        """One of `COLUMNS` over the recorded steps."""
        return np.array([row[COLUMNS.index(name)] for row in self.rows])

    def arrays(self) -> dict[str, Array]:
        """For a file."""
        stored = {"rows": np.array(self.rows, np.float64).reshape(-1, len(COLUMNS))}
        return stored | {f"parameters {step}": array for step, array in self.snapshots.items()}

    @classmethod
    def from_arrays(cls, arrays: dict[str, Array]) -> Trajectory:
        """The inverse of `arrays`."""
        trajectory = cls()
        trajectory.rows = [tuple(row) for row in arrays["rows"].tolist()]
        trajectory.snapshots = {
            int(name.split()[1]): array for name, array in arrays.items() if name.startswith("parameters ")
        }
        return trajectory
