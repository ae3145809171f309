"""Pieces of HTML that the pages share: escaped tables, colours as CSS variables, JSON inside a script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

__all__ = ["css_variables", "html_table", "script_json"]


def css_variables(colours: Mapping[str, str]) -> str:
    """Colours by name as declarations of CSS variables."""
    return " ".join(f"--{name}: {colour};" for name, colour in colours.items())


def script_json(value: Any) -> str:
    """JSON that can stand inside a ``<script>`` element: no text in it ends the element early."""
    return json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], *, label: str = "table", caption: str = "", style: str = ""
) -> str:
    """A table that scrolls on its own.

    Parameters
    ----------
    head, rows : sequences of str
        Escaped here.
    label : str
        What a screen reader calls it.
    caption : str
        Shown above it.
    style : str
        CSS for every cell, where there is no style sheet (in a notebook, say).
    """
    css = f' style="{escape(style, quote=True)}"' if style else ""
    above = f"<caption{css}>{escape(caption)}</caption>" if caption else ""
    names = "".join(f'<th scope="col"{css}>{escape(name)}</th>' for name in head)
    body = "".join("<tr>" + "".join(f"<td{css}>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label, quote=True)}" '
        f'style="overflow-x: auto"><table>{above}<thead><tr>{names}</tr></thead><tbody>{body}</tbody></table></div>'
    )
