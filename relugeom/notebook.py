"""Certificates in a notebook. The checker has no code for display; what shows its objects stands here.

Everything else that shows itself in a notebook has a ``_repr_html_`` or ``_repr_svg_`` of its own.
"""

from __future__ import annotations

import sys
from html import escape
from typing import Any

from relugeom.exact.certificates import Certificate, dumps
from relugeom.exact.check import Valid, check

__all__ = ["certificate_html", "register"]

_MOST_CHARACTERS = 4_000


def certificate_html(certificate: Certificate) -> str:
    """What a certificate states, whether it is valid, and its file to open and read."""
    answer = check(certificate)
    verdict = "valid" if isinstance(answer, Valid) else f"not valid: {answer.reason}"
    text = dumps(certificate)
    shown = text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " ..."
    return (
        f"<div><strong>{escape(verdict)}</strong> <code>{escape(certificate.kind)}</code>"
        f"<p>{escape(certificate.statement())}</p>"
        f'<details><summary>the file</summary><pre style="overflow-x: auto">{escape(shown)}</pre></details></div>'
    )


def register() -> None:
    """Have IPython show certificates by `certificate_html`; without a running IPython this does nothing."""
    shell: Any = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        shell.display_formatter.formatters["text/html"].for_type(Certificate, certificate_html)
