"""NVIDIA's run-time compiler, without a GPU and without CuPy.

It turns a source into machine code for an architecture that need not be there, so that sources are checked, and the
registers they take are known, on any machine that has the library (``pip install nvidia-cuda-nvrtc-cu12``).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from relugeom.engines.cuda.backend import options, source
from relugeom.errors import DeviceError

__all__ = ["Compiled", "Resources", "compile_for", "find_nvrtc"]


@dataclass(frozen=True, slots=True)
class Resources:
    """What one kernel takes: registers and bytes of stack per thread, bytes of shared memory per block."""

    registers: int
    stack: int
    shared: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """Machine code (an ELF image) and the resources of its kernels, by name."""

    code: bytes
    kernels: dict[str, Resources]


def find_nvrtc() -> Path | str | None:
    """The library: from the ``nvidia-cuda-nvrtc`` wheels, else wherever the system's linker finds it."""
    for package, folder in (("nvidia.cuda_nvrtc", "lib"), ("nvidia.cu13", "lib")):
        try:
            spec = util.find_spec(package)
        except ModuleNotFoundError:
            continue
        for place in (spec.submodule_search_locations or ()) if spec else ():
            for path in sorted(Path(place, folder).glob("libnvrtc.so*")):
                return path
    return ctypes.util.find_library("nvrtc")


def compile_for(architecture: str, file: str, **macros: object) -> Compiled:
    """Compile a source of this room.

    Parameters
    ----------
    architecture : str
        ``"sm_90"`` for Hopper.
    file : str
    **macros
        As in ``REAL="float", M=2``.

    Raises
    ------
    DeviceError
        When the compiler is not there or refuses the source.
    """
    path = find_nvrtc()
    if path is None:
        raise DeviceError("NVRTC is not installed (pip install nvidia-cuda-nvrtc-cu12)")
    library = ctypes.CDLL(str(path))
    program = ctypes.c_void_p()
    text = source(file).encode()
    if library.nvrtcCreateProgram(ctypes.byref(program), text, file.encode(), 0, None, None):
        raise DeviceError("NVRTC cannot make a program")
    try:
        flags = [flag.encode() for flag in (f"-arch={architecture}", "--ptxas-options=-v", *options(**macros))]
        failed = library.nvrtcCompileProgram(program, len(flags), (ctypes.c_char_p * len(flags))(*flags))
        log = _fetch(library, program, "ProgramLog").rstrip(b"\0").decode()
        if failed:
            raise DeviceError(f"{file} does not compile for {architecture}: {log.strip()}")
        return Compiled(_fetch(library, program, "CUBIN"), dict(_resources(log)))
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _fetch(library: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    getattr(library, f"nvrtcGet{what}")(program, buffer)
    return buffer.raw


def _resources(log: str) -> Iterator[tuple[str, Resources]]:
    for part in log.split("Compiling entry function ")[1:]:
        name = part.split("'")[1]
        number = {
            key: int(match[1]) if (match := re.search(pattern, part)) else 0
            for key, pattern in (
                ("registers", r"Used (\d+) registers"),
                ("stack", r"(\d+) bytes stack frame"),
                ("shared", r"(\d+) bytes smem"),
            )
        }
        yield name, Resources(**number)
