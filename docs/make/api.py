"""The page of all names of the front door, docs/api.md: python -m docs.make.api > docs/api.md"""

from __future__ import annotations

import inspect
from types import UnionType

import relugeom

__all__ = ["api_page"]

_HEAD = """# Names

After this page you know which names there are, and which to ask for help.

`import relugeom as rg` gives these names, each on first use; `help(rg.loss)` says more than the line here. What a name
comes from is in brackets: `rg.autoencoder`, `rg.capacity` and the other packages have more. `python -m docs.make.api >
docs/api.md` writes this page anew.
"""


def api_page() -> str:
    """The whole page: a table for every purpose, a line for every name."""
    parts = [_HEAD]
    for purpose, homes in relugeom.PURPOSES.items():
        parts.append(f"\n## {purpose}\n\n| name | what it is |\n|---|---|\n")
        for home, names in homes.items():
            parts += [f"| `{name}` ({home.removeprefix('relugeom.')}) | {_line(name)} |\n" for name in names.split()]
    return "".join(parts)


def _line(name: str) -> str:
    """The first sentence of a name's documentation."""
    value = getattr(relugeom, name)
    if isinstance(value, UnionType):
        return f"One of {', '.join(kind.__name__ for kind in value.__args__)}."
    text = inspect.getdoc(value) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return paragraph.replace("|", "\\|")


if __name__ == "__main__":
    print(api_page(), end="")
