"""Files of conjectures: which there are, and what one declares when it is imported."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from relugeom import HOMES
from relugeom.claims.conjectures import Conjecture, declarations
from relugeom.errors import ArgumentError, ConjectureError

__all__ = ["collect", "default_paths", "find_files", "heading_of", "imports_of"]

# The libraries that conjectures are written with, and that may be imported beforehand: they run nobody's program.
_IMPORT = re.compile(rb"^[ \t]*(?:from|import)[ \t]+((?:relugeom|numpy|scipy|sympy)(?:\.\w+)*)", re.MULTILINE)
# What is imported from the front door: a line, or what stands between brackets.
_DOOR = re.compile(rb"^[ \t]*from[ \t]+relugeom[ \t]+import[ \t]*(?:\(([^)]*)\)|([^(\n]*))", re.MULTILINE)
_MODULE = "relugeom_conjectures_of_this_file"


def default_paths() -> list[Path]:
    """The conjectures that come with relugeom: the installed package `relugeom.proofs`, or `proofs/` of a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed, checkout = package / "proofs", package.parent / "proofs"
    return [installed if installed.is_dir() else checkout]


def find_files(paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """The Python files named, and those inside the folders named (not the ones that start with an underscore).

    Raises
    ------
    ArgumentError
        A path is empty, does not exist, is not a Python file, or there is nothing to run in it.
    """
    files: list[Path] = []
    for given in [paths] if isinstance(paths, str | os.PathLike) else paths:
        if not os.fspath(given):
            raise ArgumentError("a path must not be empty; the folder one is in is .")
        path = Path(given)
        if path.is_dir():
            inside = sorted(p for p in path.rglob("*.py") if not p.name.startswith("_") and p.is_file())
            if not inside:
                raise ArgumentError(f"{path} holds no Python files")
            files += inside
        elif path.is_file():
            if path.suffix != ".py":
                raise ArgumentError(f"{path} is not a Python file")
            files.append(path)
        else:
            raise ArgumentError(f"{path} does not exist")
    return list(dict.fromkeys(files))


def imports_of(files: Iterable[Path]) -> list[str]:
    """The modules of relugeom, NumPy, SciPy and SymPy that the files say they import, in order of their names.

    Read off the text, not by running anything: imported once beforehand, they cost each conjecture nothing.
    """
    found: set[str] = set()
    for file in files:
        try:
            with open(file, "rb") as handle:
                text = handle.read(100_000)
        except OSError:
            continue  # whoever imports the file says what is wrong with it
        found.update(match.decode() for match in _IMPORT.findall(text))
        names = b" ".join(b" ".join(groups) for groups in _DOOR.findall(text)).decode(errors="replace")
        found.update(HOMES[name] for name in re.findall(r"\w+", names) if name in HOMES)
    if any(name.partition(".")[0] == "numpy" for name in found):
        found.add("numpy.random")  # which NumPy imports late
    return sorted(found)


def collect(path: str | os.PathLike[str]) -> list[Conjecture]:
    """Import a file and return the conjectures that it declares, in the order of declaration.

    Whatever is declared at its top level counts, by whatever name it goes in the end; what it imports from other files
    does not. Its folder comes last on `sys.path`, so that it can import its neighbours.

    Raises
    ------
    ConjectureError
        It is not a Python file.
    """
    file = Path(path)
    spec = importlib.util.spec_from_file_location(_MODULE, file)
    if spec is None or spec.loader is None:
        raise ConjectureError(f"{file.name} is not a Python file")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[_MODULE] = module
    with declarations() as declared:
        spec.loader.exec_module(module)
    return [conjecture for where, conjecture in declared if where == spec.origin]


def heading_of() -> str:
    """The first line of the docstring of the file that was collected last."""
    text = getattr(sys.modules.get(_MODULE), "__doc__", None)
    return text.strip().partition("\n")[0] if isinstance(text, str) else ""
