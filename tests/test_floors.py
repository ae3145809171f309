"""A module imports only from floors below its own, and rooms on one floor do not import each other."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

import relugeom

PACKAGE = Path(relugeom.__file__).parent
FLOORS: list[set[str]] = [
    {"exact", "html", "text", "_version"},
    {"errors", "installed"},
    {"records", "writing"},
    {"arrays", "blas", "notebook", "storage", "progress", "statistics"},
    {"executors", "bars"},
    {"resuming"},
    {"claims", "autoencoder", "optim"},
    {"engines", "capacity"},
    {"training"},
    {"landscape"},
    {"studies"},
    {"figures", "doctor", "bench"},
    {"report", "explorer", "inspection"},
    {"cli"},
    {"__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}


def imported_rooms(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    return {name.split(".")[1] for name in names if name.startswith("relugeom.")}


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    assert room in FLOOR, f"{room} stands on no floor"
    for other in imported_rooms(path) - {room}:
        assert FLOOR[other] < FLOOR[room], f"{room} (floor {FLOOR[room]}) imports {other} (floor {FLOOR[other]})"


def test_public_names_exist() -> None:
    for path in MODULES:
        if path.name == "__main__.py":
            continue
        name = ".".join(["relugeom", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        module = importlib.import_module(name)
        for public in getattr(module, "__all__", ()):
            assert hasattr(module, public), f"{name} has no {public}"


def test_the_lazy_names_of_the_package_exist() -> None:
    for name in relugeom.__all__:
        assert getattr(relugeom, name) is not None
    assert set(relugeom.__all__) == {*relugeom.HOMES, "__version__"}
    rooms = set(dir(relugeom)) - set(relugeom.__all__)
    for room in rooms:
        assert getattr(relugeom, room).__name__ == f"relugeom.{room}"
    there = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert there - {"__init__", "__main__", "_version", "cli"} == rooms
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        relugeom.nonsense  # noqa: B018


def test_the_checker_needs_the_standard_library_alone() -> None:
    """What `relugeom/exact` imports from its own folder and from Python, and nothing else."""
    for path in (PACKAGE / "exact").glob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        for name in names:
            assert name.split(".")[0] in sys.stdlib_module_names or name.startswith("relugeom.exact."), (path, name)
