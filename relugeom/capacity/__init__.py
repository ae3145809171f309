"""How many features fit into m dimensions: bounds that answer with a certificate, and witnesses that reach them."""

from __future__ import annotations

from relugeom.capacity.refuter import Component, Structure, find_positive_pair, structure

__all__ = ["Component", "Structure", "find_positive_pair", "structure"]
