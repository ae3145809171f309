"""Where training gets stuck, and whether it really is: many seeds, polishing, classifying, certifying, watching.

The path of a seed: `batched.train` → `polish.polish` → `classify` → `certify.certify`; `atlas.atlas` walks it for one
data set, `census.census` counts over many. Experiments: `kgons`, `failure`, `trace`, `resampling`, `activity`.
"""

from __future__ import annotations

__all__: list[str] = []
