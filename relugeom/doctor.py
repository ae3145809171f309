"""What this installation can do: versions, BLAS, the GPU, and the engine for a size."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from relugeom.blas import BLAS_THREADS
from relugeom.engines.choice import ENGINES, choose_engine, why_not
from relugeom.engines.cuda.backend import Device, find_device
from relugeom.engines.cuda.nvrtc import compile_for, find_nvrtc
from relugeom.errors import ArgumentError, DeviceError
from relugeom.installed import OTHERS, versions

__all__ = ["Diagnosis", "EngineAdvice", "blas", "diagnose", "machine"]


@dataclass(frozen=True, slots=True)
class EngineAdvice:
    """An engine for a size, and why it is or is not taken (`reason` is empty for the one that is)."""

    engine: str
    taken: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What `diagnose` found.

    Attributes
    ----------
    versions : dict of str to str
        "not installed" for an optional package that is missing.
    machine : dict
        See `machine`.
    blas : dict
        See `blas`.
    device : Device
        Whether a GPU works, or why none does.
    compiler : str
        Whether the kernels compile for Hopper on this machine, with or without a GPU.
    size : dict
        T, n, m and dtype that the engines below are for.
    engines : tuple of EngineAdvice
    """

    versions: dict[str, str]
    machine: dict[str, Any]
    blas: dict[str, Any]
    device: Device
    compiler: str
    size: dict[str, Any]
    engines: tuple[EngineAdvice, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def machine() -> dict[str, Any]:
    """The machine in a few words: system, processor, cores that this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {"system": platform.platform(), "processor": platform.machine(), "cores": cores}


def blas() -> dict[str, Any]:
    """Which BLAS is loaded, and with how many threads, as threadpoolctl sees it; else which one NumPy was built for.

    ``threads`` is None where nothing could be seen; ``environment`` holds the variables that limit them.
    """
    from threadpoolctl import threadpool_info

    environment = {name: os.environ[name] for name in BLAS_THREADS if name in os.environ}
    for pool in threadpool_info():
        if pool.get("user_api") == "blas":
            name, version = str(pool["internal_api"]), str(pool.get("version"))
            return {"name": name, "version": version, "threads": pool["num_threads"], "environment": environment}
    built: Any = np.show_config(mode="dicts")
    built = built["Build Dependencies"]["blas"]
    return {
        "name": str(built.get("name")),
        "version": str(built.get("version")),
        "threads": None,
        "environment": environment,
    }


def diagnose(T: int = 1_000, n: int = 10_000, m: int = 2, dtype: str = "float32") -> Diagnosis:
    """Look at everything, and use the GPU if there is one.

    Parameters
    ----------
    T, n, m, dtype
        The size of problem to choose an engine for.
    """
    if min(T, n, m) < 1:
        raise ArgumentError(f"T, n and m must be positive; got {T}, {n}, {m}")
    device = find_device()
    chosen = choose_engine(T, n, m, dtype).name
    advice = []
    for engine in ENGINES:
        reason = why_not(engine, T, n, m)
        if engine == "cuda" and not device.works:
            reason = device.reason
        advice.append(EngineAdvice(engine, engine == chosen, reason))
    known = versions(*OTHERS)
    del known["platform"]  # it is what `machine` says
    return Diagnosis(
        known,
        machine(),
        blas(),
        device,
        _compiler(),
        {"T": T, "n": n, "m": m, "dtype": dtype},
        tuple(advice),
    )


def _compiler() -> str:
    if find_nvrtc() is None:
        return "NVRTC is not installed; kernels cannot be compiled here"
    try:
        kernels = compile_for("sm_90", "full_batch.cu", REAL="float", M=2).kernels
    except DeviceError as error:
        return str(error).splitlines()[0]
    registers = max(kernel.registers for kernel in kernels.values())
    return f"kernels compile for sm_90; the largest takes {registers} registers per thread"
