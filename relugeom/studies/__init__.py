"""What training finds over many seeds: atlas, census, cures, traces, resampling, the number of active entries.

The path of a seed: train, polish, classify, certify. `atlas` walks it for one data set, `census` counts over many.
"""

from __future__ import annotations

from relugeom.studies.activity import Failures, failures, failures_by_activity
from relugeom.studies.atlases import AtlasGroup, atlas
from relugeom.studies.censuses import Cohort, Count, Summary, census, summary
from relugeom.studies.cures import Cure, cures
from relugeom.studies.resampling import Resampling, SchemeCount, chaos_map, compare
from relugeom.studies.toy_models import ToyRow, toy_models
from relugeom.studies.traces import Event, Trace, events, trace

__all__ = [
    "AtlasGroup",
    "Cohort",
    "Count",
    "Cure",
    "Event",
    "Failures",
    "Resampling",
    "SchemeCount",
    "Summary",
    "ToyRow",
    "Trace",
    "atlas",
    "census",
    "chaos_map",
    "compare",
    "cures",
    "events",
    "failures",
    "failures_by_activity",
    "summary",
    "toy_models",
    "trace",
]
