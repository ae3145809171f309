"""Where training gets stuck, and whether it really is: polishing, classifying, certifying, and families of points."""

from __future__ import annotations

from relugeom.landscape.certifying import NoCertificate, certify, certify_dead_outputs, stored_certificates
from relugeom.landscape.curvatures import Curvatures, curvatures, inertia
from relugeom.landscape.kinds import Kind, kind
from relugeom.landscape.kinks import OneSided, one_sided
from relugeom.landscape.natures import Nature, known_minimum, nature
from relugeom.landscape.polishing import Polished, Status, polish
from relugeom.landscape.symmetry import groups, invariants, symmetries

__all__ = [
    "Curvatures",
    "Kind",
    "Nature",
    "NoCertificate",
    "OneSided",
    "Polished",
    "Status",
    "certify",
    "certify_dead_outputs",
    "curvatures",
    "groups",
    "inertia",
    "invariants",
    "kind",
    "known_minimum",
    "nature",
    "one_sided",
    "polish",
    "stored_certificates",
    "symmetries",
]
