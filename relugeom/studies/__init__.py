"""What training finds over many seeds: atlas, census, traces, resampling, the number of active entries.

The path of a seed: train, polish, classify, certify. `atlas.atlas` walks it for one data set, `census.census` counts
over many.
"""

from __future__ import annotations
