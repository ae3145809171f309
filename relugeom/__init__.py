"""relugeom: what does the tied ReLU autoencoder x' = ReLU(WᵀWx + b) give back, and what does training find?

Names are imported on first use (PEP 562), so that ``import relugeom.exact`` pulls in nothing but the standard
library and ``relugeom --help`` answers at once.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from relugeom._version import __version__

if TYPE_CHECKING:
    from relugeom.claims.conjectures import FormalProof, conjecture
    from relugeom.claims.run import verify
    from relugeom.claims.verdicts import (
        Counterexample,
        Open,
        Outcome,
        Proof,
        Sample,
        Scan,
        Sibling,
        Step,
        Verdict,
        Witness,
        at_least,
        at_most,
    )
    from relugeom.errors import RelugeomError
    from relugeom.exact import check

__all__ = [
    "Counterexample",
    "FormalProof",
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
    "at_least",
    "at_most",
    "check",
    "conjecture",
    "verify",
]

_HOMES = {
    "FormalProof": "relugeom.claims.conjectures",
    "conjecture": "relugeom.claims.conjectures",
    "RelugeomError": "relugeom.errors",
    "check": "relugeom.exact",
    "verify": "relugeom.claims.run",
} | dict.fromkeys(
    (
        "Counterexample", "Open", "Outcome", "Proof", "Sample", "Scan", "Sibling", "Step", "Verdict", "Witness",
        "at_least", "at_most",
    ),
    "relugeom.claims.verdicts",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'relugeom' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
