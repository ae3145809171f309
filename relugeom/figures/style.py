"""The house style: colours, sizes, and files that come out the same every time.

Feature i has the same colour in every picture of a theme. Colours are chosen so that any two of the twelve differ under
each common kind of colour blindness, and every feature is labelled as well, so that no meaning hangs on colour alone.
Sizes are those of a paper: 3.4 inches for a column, 7 for the page, text of 8 points.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relugeom.errors import ArgumentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLUMN", "DARK", "FORMATS", "LIGHT", "PAGE", "THEMES", "Theme", "house_style", "inline_svg", "render"]

COLUMN = 3.4
"""The width in inches of a picture for one column."""

PAGE = 7.0
"""The width in inches of a picture for the whole page."""

FORMATS = ("svg", "png", "pdf")


@dataclass(frozen=True, slots=True)
class Theme:
    """The colours of one theme.

    Attributes
    ----------
    name : str
    paper, ink, faint, line : str
        Background; text and arrows; secondary text; axes and grids. `faint` is readable on `paper`, `line` is not text.
    good, bad : str
        For what works and what does not, where two things are set against each other.
    features : tuple of str
        Feature i has colour ``features[i % 12]``.
    """

    name: str
    paper: str
    ink: str
    faint: str
    line: str
    good: str
    bad: str
    features: tuple[str, ...]

    def feature(self, i: int) -> str:
        """The colour of feature i."""
        return self.features[i % len(self.features)]

    def variables(self) -> dict[str, str]:
        """The colours by the names they have as CSS variables."""
        named = {"paper": self.paper, "ink": self.ink, "faint": self.faint, "line": self.line}
        named |= {"good": self.good, "bad": self.bad}
        return named | {f"feature-{i}": colour for i, colour in enumerate(self.features)}


LIGHT = Theme(
    name="light",
    paper="#ffffff",
    ink="#1a1f26",
    faint="#5a6472",
    line="#c3cad3",
    good="#1b7a4b",
    bad="#b3261e",
    features=(
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8716f4", "#502708",
        "#e0004b", "#820654", "#8e78ff", "#3a0b92", "#486b3e", "#50166c",
    ),
)  # fmt: skip

DARK = Theme(
    name="dark",
    paper="#14181d",
    ink="#e8ebef",
    faint="#a0aab8",
    line="#454e5a",
    good="#5fd08f",
    bad="#ff8a80",
    features=(
        "#4da3e8", "#ff8a3c", "#2fd0a0", "#ee9ccb", "#9e59fe", "#ffd953",
        "#fa0357", "#de14af", "#dff802", "#cf531b", "#528f66", "#b4fe8b",
    ),
)  # fmt: skip

THEMES = {theme.name: theme for theme in (LIGHT, DARK)}


@contextmanager
def house_style(theme: Theme) -> Iterator[None]:
    """Matplotlib's own defaults, whatever the user's settings are, and on them the house's; restored at the end."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": "sans-serif",
                "font.sans-serif": ["DejaVu Sans"],
                "mathtext.fontset": "dejavusans",
                "font.size": 8.0,
                "axes.titlesize": 8.5,
                "axes.labelsize": 8.0,
                "xtick.labelsize": 7.0,
                "ytick.labelsize": 7.0,
                "legend.fontsize": 7.5,
                "legend.frameon": False,
                "figure.facecolor": theme.paper,
                "savefig.facecolor": theme.paper,
                "axes.facecolor": theme.paper,
                "axes.edgecolor": theme.line,
                "axes.labelcolor": theme.ink,
                "axes.titlecolor": theme.ink,
                "text.color": theme.ink,
                "xtick.color": theme.line,
                "ytick.color": theme.line,
                "xtick.labelcolor": theme.faint,
                "ytick.labelcolor": theme.faint,
                "grid.color": theme.line,
                "legend.labelcolor": theme.ink,
                "axes.linewidth": 0.8,
                "lines.linewidth": 1.4,
                "patch.linewidth": 0.8,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "figure.dpi": 100,
                "savefig.dpi": 200,
                "svg.hashsalt": "relugeom",
                "svg.fonttype": "path",
                "pdf.fonttype": 42,
            }
        )
        yield


# Matplotlib's own metadata holds the date, and in PDF the version of the program too.
_METADATA: dict[str, dict[str, str | None]] = {
    "svg": {"Date": None, "Creator": "relugeom"},
    "pdf": {"CreationDate": None, "Creator": "relugeom", "Producer": None},
    "png": {"Software": None},
}


def render(figure: Figure, format: str = "svg", theme: Theme = LIGHT) -> bytes:
    """The file of a figure: the same bytes for the same figure and versions.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    format : {"svg", "png", "pdf"}
    theme : Theme
        The theme that the figure was drawn in.
    """
    if format not in FORMATS:
        raise ArgumentError(f"format must be one of {', '.join(FORMATS)}; got {format!r}")
    buffer = io.BytesIO()
    with house_style(theme):
        figure.savefig(buffer, format=format, metadata=_METADATA[format])
    return buffer.getvalue()


def inline_svg(figure: Figure, name: str, label: str) -> str:
    """A figure drawn in the light theme as an ``<svg>`` element to stand in a page.

    Its colours become CSS variables (`Theme.variables`) with the light ones to fall back on, so that one drawing serves
    both themes of the page; its ids are prefixed with `name`, so that several can stand in one page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    name : str
        Letters, digits and hyphens.
    label : str
        What a reader who cannot see the picture is told.
    """
    from html import escape

    text = render(figure, "svg").decode()
    text = text[text.index("<svg") :].strip()
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", text)
    for variable, colour in LIGHT.variables().items():
        text = text.replace(f"{colour};", f"var(--{variable},{colour});").replace(
            f'{colour}"', f'var(--{variable},{colour})"'
        )
    attributes = f'<svg role="img" aria-label="{escape(label, quote=True)}" '
    return text.replace("<svg ", attributes, 1)
