"""What ran: the versions that a report is made with."""

from __future__ import annotations

import platform
from importlib import metadata

from relugeom._version import __version__

__all__ = ["versions"]


def versions(*more: str) -> dict[str, str]:
    """The versions of relugeom, Python, the platform, the numerical packages and of `more` packages."""
    known = {"relugeom": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in ("numpy", "scipy", "sympy", *more):
        known[package] = metadata.version(package)
    return known
