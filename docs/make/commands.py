"""The page of all commands, docs/commands.md: what `--help` prints, at 100 columns.

python -m docs.make.commands > docs/commands.md
"""

from __future__ import annotations

import argparse
import os
import re

from relugeom.cli import COMMANDS, build_parser

__all__ = ["help_page", "plain"]

_HEAD = """# Commands

After this page you know every command and its options.

What `relugeom --help` and `relugeom COMMAND --help` print; `python -m docs.make.commands > docs/commands.md` writes
this page anew.

```text
{}```
"""


def help_page() -> str:
    """The whole page."""
    os.environ["COLUMNS"] = "100"  # argparse asks for nothing else
    parser = build_parser()
    (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    parts = [_HEAD.format(parser.format_help())]
    for name in COMMANDS:
        parts.append(f"\n## relugeom {name}\n\n```text\n{commands.choices[name].format_help()}```\n")
    return "".join(parts)


def plain(page: str) -> str:
    """The page without what differs between versions of Python: line breaks, and the way to write "-j N, --jobs N"."""
    text = " ".join(page.split())
    value = r"(\S+(?: \[[^\]]*\])?|\[[^\]]*\])"
    return re.sub(rf"(-\w) {value}, (--[\w-]+ \2)(?= )", r"\1, \3", text)


if __name__ == "__main__":
    print(help_page(), end="")
