"""The reference: a page for every purpose of the front door, with every name's signature and docstring.

Which names there are, and on which page, is `relugeom.PURPOSES`; this extension writes the pages when a build begins.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from sphinx.application import Sphinx

import relugeom


def slug(purpose: str) -> str:
    """A purpose as the name of a file."""
    return re.sub(r"\W+", "-", purpose.lower()).strip("-")


def page(purpose: str) -> str:
    """The page of one purpose."""
    parts = [
        f"# {purpose}\n\nEvery name below is at the front door: `import relugeom as rg`, then `rg.` and the name.\n"
    ]
    for home, names in relugeom.PURPOSES[purpose].items():
        for name in names.split():
            value = getattr(relugeom, name)
            kind = "class" if inspect.isclass(value) else "function" if callable(value) else "data"
            parts.append(f"```{{eval-rst}}\n.. auto{kind}:: {home}.{name}\n```\n")
    return "\n".join(parts)


def write(app: Sphinx) -> None:
    """Write the pages, each only where it has changed, so that a second build has nothing to do."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    pages = {f"{slug(purpose)}.md": page(purpose) for purpose in relugeom.PURPOSES}
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


_LISTS = ("Attributes", "Parameters", "Returns", "Yields", "Raises", "See Also", "Examples")


def formulas_as_written(app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    """Show the formulas of a docstring, which stand indented between blank lines, character by character."""
    shown: list[str] = []
    section, inside = "", False
    for number, line in enumerate(lines):
        if number + 1 < len(lines) and re.fullmatch(r"-{3,}", lines[number + 1].strip()):
            section = line.strip()
        formula = line.startswith("    ") and section not in _LISTS
        if formula and not inside and not (shown and shown[-1].strip()):
            shown += ["::", ""]
            inside = True
        elif inside and line.strip() and not formula:
            inside = False
        shown.append(line)
    lines[:] = shown


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("builder-inited", write)
    # Before numpydoc reads them.
    app.connect("autodoc-process-docstring", formulas_as_written, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
