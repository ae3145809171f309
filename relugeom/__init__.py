"""relugeom: what does the tied ReLU autoencoder x' = ReLU(WᵀWx + b) give back, and what does training find?

Names are imported on first use (PEP 562), so that ``import relugeom.exact`` pulls in nothing but the standard
library and ``relugeom --help`` answers at once.
"""

from __future__ import annotations

from relugeom._version import __version__

__all__ = ["__version__"]
