"""What runs: the versions of relugeom and of what it rests on, and the commit."""

from __future__ import annotations

import json
import platform
import subprocess
from importlib import metadata
from pathlib import Path

from relugeom._version import __version__

__all__ = ["OTHERS", "commit", "versions"]

OTHERS = ("matplotlib", "array-api-compat", "python-flint")
"""What relugeom draws with, and what it computes with beside NumPy, SciPy and SymPy; the last is optional."""


def versions(*more: str) -> dict[str, str]:
    """The versions of relugeom, Python, the platform, the numerical packages and of `more` packages.

    "not installed" for one that is missing.
    """
    own = {"relugeom": __version__, "python": platform.python_version(), "platform": platform.platform()}
    return own | {name: _version(name) for name in ("numpy", "scipy", "sympy", *more)}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """The commit that runs, with "and changes" where files differ from it; empty where that cannot be known.

    It is known in a checkout, and where pip installed from a repository by its address.
    """
    root = Path(__file__).resolve().parent.parent
    if (root / ".git").exists():
        found = _git(root, "rev-parse", "HEAD")
        return f"{found} and changes" if found and _git(root, "status", "--porcelain", "-uno") else found
    try:
        origin = json.loads(metadata.distribution("relugeom").read_text("direct_url.json") or "{}")
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    return str(origin.get("vcs_info", {}).get("commit_id", ""))


def _git(root: Path, *arguments: str) -> str:
    try:
        ran = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ran.stdout.strip() if ran.returncode == 0 else ""
