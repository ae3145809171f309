"""Thresholds from below: how close two of n directions in m dimensions must come, with a certificate for each (m, n).

The best worst-case threshold of n tied features is max(0, c), where c is the least possible largest cosine between n
directions (`worst-threshold`). Delsarte's linear programming bound gives c ≥ s; each bound is a `SphericalCodeBound`
beside this module, made by `benchmarks/threshold_certificates.py`. For m = 3 and n = 12, m = 5 and n = 16, m = 6 and
n = 27 it is sharp.
"""

from __future__ import annotations

from importlib.resources import files

from relugeom.exact import SphericalCodeBound, loads

__all__ = ["THRESHOLDS", "file_name", "threshold_bound"]

# m = 3 to 6 and n up to 4m, where a positive threshold is needed, and two more.
THRESHOLDS = tuple(sorted({*((m, n) for m in range(3, 7) for n in range(2 * m + 1, 4 * m + 1)), (3, 13), (6, 27)}))


def file_name(m: int, n: int) -> str:
    """Of the certificate for n features in m dimensions."""
    return f"m{m}-n{n:02d}.json"


def threshold_bound(m: int, n: int) -> SphericalCodeBound | None:
    """The shipped certificate for n features in m dimensions, where there is one; it is not checked here."""
    if (m, n) not in THRESHOLDS:
        return None
    text = (files("relugeom.capacity.known") / "thresholds" / file_name(m, n)).read_text(encoding="utf-8")
    certificate = loads(text)
    assert isinstance(certificate, SphericalCodeBound)
    return certificate
