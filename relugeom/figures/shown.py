"""A figure that shows itself in a notebook, whatever backend is chosen there, or none."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure

__all__ = ["ShownFigure"]


class ShownFigure(Figure):
    """`matplotlib.figure.Figure` with a picture of itself."""

    def _repr_svg_(self) -> str:
        from relugeom.figures.style import LIGHT, house_style

        stream = io.StringIO()
        background: Any = self.get_facecolor()
        with house_style(LIGHT):
            self.savefig(stream, format="svg", facecolor=background, metadata={"Date": None, "Creator": "relugeom"})
        return stream.getvalue()
