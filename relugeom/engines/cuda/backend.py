"""Where kernels run: an array namespace, and kernels by name.

The wrappers of this room are written against `Backend` and never import CuPy. `cuda` gives the one for a GPU; the
tests give another, which compiles the same sources for the processor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import util
from importlib.resources import files
from typing import Any, Protocol

import numpy as np

from relugeom.errors import DeviceError

__all__ = ["Backend", "Device", "Kernel", "cuda", "find_device", "options", "source"]

Kernel = Callable[[tuple[int, ...], tuple[int, ...], tuple[Any, ...]], None]
"""``kernel(grid, block, arguments)``; arguments are arrays and NumPy scalars of exactly the declared types."""


class Backend(Protocol):
    """A place where kernels run."""

    xp: Any
    """Namespace of its arrays: NumPy's functions, CuPy's, ..."""

    def kernel(self, file: str, name: str, **macros: object) -> Kernel:
        """The kernel `name` of a source file of this room, compiled with these macros."""

    def recording(self, launches: Callable[[], None]) -> Callable[[], None]:
        """A function that launches the same kernels on the same arrays again, with less work for the host."""


@dataclass(frozen=True, slots=True)
class Device:
    """What a search for a GPU found.

    Attributes
    ----------
    works : bool
        Memory was allocated, a kernel compiled and run, and its result right.
    reason : str
        Why it does not work, in one line; empty when it does.
    cupy : str
        Version; empty when CuPy is not installed.
    name, capability : str
        Of the device: "NVIDIA H100 80GB HBM3", "9.0".
    memory : int
        Its bytes.
    """

    works: bool
    reason: str = ""
    cupy: str = ""
    name: str = ""
    capability: str = ""
    memory: int = 0


def source(file: str) -> str:
    """The text of a CUDA source of this room."""
    return files(__package__).joinpath(file).read_text(encoding="utf-8")


def options(**macros: object) -> tuple[str, ...]:
    """Compiler options that define the macros."""
    return ("-std=c++17", *(f"-D{name}={value}" for name, value in macros.items()))


def find_device() -> Device:
    """Look for a GPU by using it: CuPy imports, and may even count devices, on machines where none works."""
    if util.find_spec("cupy") is None:
        return Device(False, "CuPy is not installed (pip install 'relugeom[cuda12]' or 'relugeom[cuda13]')")
    try:
        import cupy

        version = str(cupy.__version__)
    except Exception as error:
        return Device(False, f"CuPy cannot be imported: {_one_line(error)}")
    try:
        array = cupy.arange(1000, dtype=cupy.float64)
        double = cupy.RawKernel(
            'extern "C" __global__ void twice(double *x) { x[blockIdx.x * 250 + threadIdx.x] *= 2; }', "twice"
        )
        double((4,), (250,), (array,))
        if not np.array_equal(array.get(), 2.0 * np.arange(1000)):
            return Device(False, "the device computes wrong results", version)
        properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    except Exception as error:  # which one CuPy raises without a driver or a device depends on its version
        return Device(False, f"CuPy {version} finds no working GPU: {_one_line(error)}", version)
    name = properties["name"]
    return Device(
        True,
        "",
        version,
        name.decode() if isinstance(name, bytes) else str(name),
        f"{properties['major']}.{properties['minor']}",
        int(properties["totalGlobalMem"]),
    )


def cuda() -> Backend:
    """The GPU that CuPy currently uses.

    Raises
    ------
    DeviceError
        When there is none that works; the message says why, in one line.
    """
    device = find_device()
    if not device.works:
        raise DeviceError(f"a GPU was asked for, but {device.reason}")
    return _Cuda()


class _Cuda:
    def __init__(self) -> None:
        import cupy

        self.xp = cupy
        self._modules: dict[tuple[str, tuple[str, ...]], Any] = {}

    def kernel(self, file: str, name: str, **macros: object) -> Kernel:
        flags = options(**macros)
        if (file, flags) not in self._modules:
            self._modules[file, flags] = self.xp.RawModule(code=source(file), options=flags)
        try:
            found: Kernel = self._modules[file, flags].get_function(name)  # compiles; CuPy keeps the result on disk
        except Exception as error:
            raise DeviceError(f"{file} does not compile: {_one_line(error)}") from error
        return found

    def recording(self, launches: Callable[[], None]) -> Callable[[], None]:
        # A capture is refused on the default stream, and does not wait for what other streams have yet to write.
        stream = self.xp.cuda.Stream(non_blocking=True)
        self.xp.cuda.get_current_stream().synchronize()
        with stream:
            stream.begin_capture()
            launches()
            graph = stream.end_capture()

        def launch() -> None:
            self.xp.cuda.get_current_stream().synchronize()
            graph.launch(stream)
            stream.synchronize()

        return launch


def _one_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
