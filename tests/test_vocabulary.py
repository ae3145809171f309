"""One name for one thing, one place for one piece of logic, and pointers that lead somewhere."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import defaultdict
from pathlib import Path

import relugeom

PACKAGE = Path(relugeom.__file__).parent
SOURCES = {path: path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))}
FEW_LINES, FEW_LETTERS = 6, 70  # less than this may occur twice


def test_a_class_has_a_name_of_its_own() -> None:
    homes = defaultdict(list)
    for path, source in SOURCES.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(str(path.relative_to(PACKAGE)))
    assert len(homes) > 100
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


# Adjectives that say which features, or how something is spaced or looked at.
ADJECTIVES = {"untouched", "log_spaced", "one_sided"}
VERBS = ("is", "has", "add", "check", "decide", "read", "start")


def test_a_function_has_no_participle_for_a_name() -> None:
    found = {
        node.name
        for source in SOURCES.values()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and not any("property" in ast.unparse(d) for d in node.decorator_list)
    }
    assert len(found) > 1000
    words = {name: name.strip("_").split("_") for name in found}
    ending = {name for name, parts in words.items() if parts[-1].endswith("ed") and parts[0] not in VERBS}
    assert ending == ADJECTIVES


class _Plain(ast.NodeTransformer):
    """Code without the names of its variables, so that renaming them hides no repetition."""

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.copy_location(ast.Name("_", node.ctx), node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        return ast.copy_location(ast.arg("_"), node)


def plain_lines(source: str) -> list[str]:
    """A line for every statement, without docstrings, imports and the fields of classes."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            node.body = [
                part
                for part in node.body
                if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
                and not isinstance(part, ast.Import | ast.ImportFrom)
                and not (isinstance(node, ast.ClassDef) and isinstance(part, ast.AnnAssign))
            ] or [ast.Pass()]
    return [line.strip() for line in ast.unparse(_Plain().visit(tree)).splitlines() if line.strip()]


def test_no_logic_stands_in_two_places() -> None:
    places = defaultdict(list)
    for path, source in SOURCES.items():
        lines = plain_lines(source)
        for start in range(len(lines) - FEW_LINES + 1):
            part = lines[start : start + FEW_LINES]
            if sum(map(len, part)) >= FEW_LETTERS:
                places["\n".join(part)].append(f"{path.relative_to(PACKAGE)}, statement {start}")
    assert len(places) > 10_000
    assert {part: where for part, where in places.items() if len(where) > 1} == {}


def neighbours(text: str) -> list[str]:
    """The names below "See Also"."""
    found = re.search(r"^ *See Also\n *-{8}\n(.*?)(?:\n\s*\n|\Z)", text, flags=re.M | re.S)
    lines = [] if found is None else found[1].splitlines()
    return [name.strip() for line in lines if not line.startswith("  ") for name in line.partition(" : ")[0].split(",")]


def test_neighbours_exist() -> None:
    told = 0
    for name in relugeom.__all__:
        known = getattr(relugeom, name)
        for other in neighbours(inspect.getdoc(known) or ""):
            home, _, last = other.rpartition(".")
            assert hasattr(importlib.import_module(home or known.__module__), last), (name, other)
            assert last != name
            told += 1
    assert told > 250
