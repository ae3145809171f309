"""The explorer: one page, without a server, on which features are dragged and everything follows."""

from __future__ import annotations

from relugeom.explorer.page import explorer_page, presets, read_atlas

__all__ = ["explorer_page", "presets", "read_atlas"]
