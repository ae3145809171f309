"""relugeom: what does the tied ReLU autoencoder x' = ReLU(WᵀWx + b) give back, and what does training find?

Names are imported on first use (PEP 562), so that ``import relugeom.exact`` pulls in nothing but the standard
library and ``relugeom --help`` answers at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from relugeom._version import __version__

if TYPE_CHECKING:
    from relugeom.conjectures import conjecture
    from relugeom.errors import RelugeomError
    from relugeom.exact import check
    from relugeom.runner import verify
    from relugeom.verdicts import Counterexample, Open, Outcome, Proof, Sample, Scan, Sibling, Step, Verdict, Witness

__all__ = [
    "Counterexample",
    "Open",
    "Outcome",
    "Proof",
    "RelugeomError",
    "Sample",
    "Scan",
    "Sibling",
    "Step",
    "Verdict",
    "Witness",
    "__version__",
    "check",
    "conjecture",
    "verify",
]

_HOMES = {
    "conjecture": "relugeom.conjectures",
    "RelugeomError": "relugeom.errors",
    "check": "relugeom.exact",
    "verify": "relugeom.runner",
} | dict.fromkeys(
    ("Counterexample", "Open", "Outcome", "Proof", "Sample", "Scan", "Sibling", "Step", "Verdict", "Witness"),
    "relugeom.verdicts",
)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'relugeom' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
