"""A run on the disk, at one moment: everything that the steps to come depend on.

Parameters, the optimiser's moments, the engine's arrangement of the examples, the trajectory so far, the
configuration and the data's hash. A run taken up from a checkpoint therefore ends in the same bits as one that was
never interrupted. The file is written atomically (`relugeom.storage`), so there is always a good one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.parameters import Parameters
from relugeom.errors import ArgumentError, StorageError
from relugeom.storage import load_arrays, save_arrays
from relugeom.training.configuration import Configuration
from relugeom.training.trajectory import Trajectory
from relugeom.writing import FileLock

__all__ = ["VERSION", "Checkpoint", "named_arrays"]

Array = npt.NDArray[Any]

VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A run after `step` updates.

    Attributes
    ----------
    configuration : Configuration
    step : int
        Updates done.
    status : {"running", "finished", "interrupted", "diverged"}
    parameters : ndarray, shape ((m + 1) n,) or ((2 m + 1) n,)
        W, b and, untied, the decoder, one after the other.
    optimiser, engine : dict of str to ndarray
        Their states; the engine's is empty for fresh data.
    trajectory : Trajectory
    data_hash : str
    """

    configuration: Configuration
    step: int
    status: str
    parameters: Array
    optimiser: dict[str, Array]
    engine: dict[str, Array]
    trajectory: Trajectory
    data_hash: str

    @property
    def model(self) -> Parameters:
        """W (m, n), b (n,) and, untied, the decoder (n, m), as views of the parameters."""
        return views(self.parameters, self.configuration)

    def save(self, path: str | Path, lock: FileLock | None = None) -> None:
        """Write to `path`, or raise StorageError and leave what was there; under `lock`, if no one else wrote there.

        W, b and the decoder are stored by name, so that the file also serves as an initialisation.
        """
        arrays = named_arrays(self.model)
        for prefix, state in (
            ("optimiser", self.optimiser),
            ("engine", self.engine),
            ("trajectory", self.trajectory.arrays()),
        ):
            arrays |= {f"{prefix}:{name.replace('/', '|')}": array for name, array in state.items()}
        facts = {
            "kind": "checkpoint",
            "version": VERSION,
            "configuration": self.configuration.as_dict(),
            "step": self.step,
            "status": self.status,
            "data_hash": self.data_hash,
        }
        save_arrays(path, arrays, facts, lock=lock)

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint:
        """Read what `save` wrote.

        Raises
        ------
        StorageError
            When the file is damaged, of another version, or does not fit together.
        """
        arrays, facts = load_arrays(path, kind="checkpoint")
        if "M" in arrays:  # what version 0.1.0 called the decoder
            arrays["decoder"] = arrays.pop("M")
        if facts.get("version") != VERSION:
            raise StorageError(f"{path}: checkpoint version {facts.get('version')!r:.60}; this one reads {VERSION}")
        try:
            configuration = Configuration.from_dict(facts["configuration"])
            parts = {prefix: _select(arrays, prefix) for prefix in ("optimiser", "engine", "trajectory")}
            m, n = configuration.m, configuration.n
            shapes = {"W": (m, n), "b": (n,)} | ({"decoder": (n, m)} if configuration.untied else {})
            for name, shape in shapes.items():
                if arrays[name].shape != shape or arrays[name].dtype != configuration.dtype:
                    raise StorageError(
                        f"{path}: {name} must be {configuration.dtype} {shape}; "
                        f"got {arrays[name].dtype} {arrays[name].shape}"
                    )
            step = int(facts["step"])
            if not 0 <= step <= configuration.steps:
                raise StorageError(f"{path}: step {step} lies outside 0..{configuration.steps}")
            return cls(
                configuration,
                step,
                str(facts["status"]),
                np.concatenate([arrays[name].ravel() for name in shapes]),
                parts["optimiser"],
                parts["engine"],
                Trajectory.from_arrays(parts["trajectory"]),
                str(facts["data_hash"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError, ArgumentError) as error:
            raise StorageError(f"{path}: not a complete checkpoint ({error!s:.200})") from None


def named_arrays(model: Parameters) -> dict[str, Array]:
    """W, b and, untied, the decoder by the names that array files use."""
    return {"W": model.W, "b": model.b} | ({} if model.tied else {"decoder": model.decoder})


def views(parameters: Array, configuration: Configuration) -> Parameters:
    """W, b and the decoder inside the flat parameters."""
    m, n = configuration.m, configuration.n
    W, b, R = np.split(parameters, [m * n, (m + 1) * n])
    return Parameters(W.reshape(m, n), b, R.reshape(n, m) if configuration.untied else None)


def _select(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    found = ((name.partition(":"), array) for name, array in arrays.items())
    return {name.replace("|", "/"): array for (head, _, name), array in found if head == prefix}
