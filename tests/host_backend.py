"""A `Backend` without a GPU: the CUDA sources, unchanged, compiled for the processor by the C++ compiler."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from relugeom.engines.cuda.backend import Kernel, options, source

HEADER = Path(__file__).with_name("cuda_on_host.hpp")
KERNELS = {
    "full_batch.cu": ("encode", "dense", "examples", "features", "adamw", "finish"),
    "many_models.cu": ("adam_steps",),
}


class HostBackend:
    """Kernels on NumPy arrays; `reverse` runs the threads of a block in the opposite order."""

    xp = np

    def __init__(self, folder: Path, *, reverse: bool = False, edit: Callable[[str], str] = str) -> None:
        self._folder, self._reverse, self._edit = folder, reverse, edit
        self._libraries: dict[Path, ctypes.CDLL] = {}

    def _library(self, file: str, **macros: object) -> ctypes.CDLL:
        name = "-".join([file.removesuffix(".cu"), *map(str, macros.values())])
        made = self._folder / f"{name}.so"
        if made not in self._libraries:
            if not made.exists():
                launchers = "".join(
                    f'extern "C" void run_{kernel}(const int *grid, int threads, bool backwards, void **arguments)'
                    f" {{ host::launch({kernel}, grid, threads, backwards, arguments); }}\n"
                    for kernel in KERNELS[file]
                )
                text = self._folder / f"{name}.cpp"
                text.write_text(f'#include "{HEADER}"\n{self._edit(source(file))}{launchers}', encoding="utf-8")
                compiler = shutil.which("g++")
                assert compiler is not None
                # Fortified, longjmp() refuses to leave one stack for another.
                flags = ["-O1", "-w", "-U_FORTIFY_SOURCE", "-shared", "-fPIC", *options(**macros)]
                command = [compiler, *flags, str(text), "-o", str(made)]
                subprocess.run(command, check=True)
            self._libraries[made] = ctypes.CDLL(str(made))
        return self._libraries[made]

    def kernel(self, file: str, name: str, **macros: object) -> Kernel:
        run = getattr(self._library(file, **macros), f"run_{name}")

        def launch(grid: tuple[int, ...], block: tuple[int, ...], arguments: tuple[Any, ...]) -> None:
            held = []
            for argument in arguments:
                if isinstance(argument, np.ndarray):
                    assert argument.flags.c_contiguous
                    held.append(ctypes.c_void_p(argument.ctypes.data))
                else:
                    assert isinstance(argument, np.generic), f"{name} was given a {type(argument)}"
                    held.append(ctypes.create_string_buffer(argument.tobytes()))
            pointers = (ctypes.c_void_p * len(held))(*(ctypes.addressof(value) for value in held))
            run((ctypes.c_int * 2)(*grid, *[1] * (2 - len(grid))), block[0], self._reverse, pointers)

        return launch

    def recording(self, launches: Callable[[], None]) -> Callable[[], None]:
        return launches
