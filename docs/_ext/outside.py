"""Links from a page to files outside docs/: a page that shows the file where there is one, else the file itself.

The pages are read in two places, in the repository and on the site, and are written for the first: `../README.md` is
a file there and a page here.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
#: What stands outside docs/, as a path from the root, and the page of the site that shows it.
PAGES = {
    "README.md": "start.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "proofs": "arguments.md",
    "proofs/formal/README.md": "formal.md",
    "examples": "examples.md",
}
_INCLUDE = re.compile(r"^```\{include\} (\S+)\n```$", flags=re.M)
_LINK = re.compile(r"(?<=\]\()(?!\w+:)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")


def on_the_site(link: re.Match[str], folder: Path) -> str:
    """The target of a link as a page in `folder` must name it to be found on the site."""
    target = (folder / link["path"]).resolve()
    if not target.is_relative_to(ROOT) or not target.exists():
        return link[0]
    path = target.relative_to(ROOT).as_posix().rstrip("/")
    if path in PAGES:
        return f"/{PAGES[path]}{link['anchor'] or ''}"
    if path.startswith("docs/"):
        return f"/{path.removeprefix('docs/')}{link['anchor'] or ''}"
    return f"path:/../{path}" if target.is_file() else "/arguments.md"


def rewrite(app: Sphinx, page: str, text: list[str]) -> None:
    """Take in the files that a page includes, and rewrite the links before the page is parsed."""
    folder = Path(app.env.doc2path(page)).parent

    def included(match: re.Match[str]) -> str:
        file = (folder / match[1]).resolve()
        app.env.note_included(file.as_posix())
        app.env.note_dependency(file.as_posix())
        return _LINK.sub(lambda link: on_the_site(link, file.parent), file.read_text(encoding="utf-8"))

    text[0] = _INCLUDE.sub(included, _LINK.sub(lambda link: on_the_site(link, folder), text[0]))


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
