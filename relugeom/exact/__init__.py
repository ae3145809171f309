"""Certificates and their checker: the standard library and this folder, and nothing else.

Searching may be wrong; checking must not be. Whatever relugeom calls certified or refuted carries a certificate
that `check` accepts, and all of relugeom that `check` relies on is in this folder.
"""

from __future__ import annotations

from relugeom.exact.certificates import (
    KINDS,
    ActivationThreshold,
    AxialLoss,
    Certificate,
    CriticalPoint,
    DeadOutputs,
    ExactReconstruction,
    HexagonMinimum,
    NotDecodable,
    PentagonMinimum,
    PolynomialSign,
    PositivePair,
    RankBound,
    SignPattern,
    SphericalCodeBound,
    WeightedSupport,
    dumps,
    load,
    loads,
)
from relugeom.exact.check import Invalid, Valid, check
from relugeom.exact.quadratic import Quadratic

__all__ = [
    "KINDS",
    "ActivationThreshold",
    "AxialLoss",
    "Certificate",
    "CriticalPoint",
    "DeadOutputs",
    "ExactReconstruction",
    "HexagonMinimum",
    "Invalid",
    "NotDecodable",
    "PentagonMinimum",
    "PolynomialSign",
    "PositivePair",
    "Quadratic",
    "RankBound",
    "SignPattern",
    "SphericalCodeBound",
    "Valid",
    "WeightedSupport",
    "check",
    "dumps",
    "load",
    "loads",
]
