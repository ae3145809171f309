"""What training finds over many seeds: atlas, census, cures, traces, resampling, the number of active entries.

The path of a seed: train, polish, classify, certify. `atlas` walks it for one data set, `census` counts over many.
"""

from __future__ import annotations

from relugeom.studies.activity import Failures, failures, failures_by_activity
from relugeom.studies.atlases import AtlasGroup, atlas
from relugeom.studies.censuses import Cohort, Count, Summary, census, summary
from relugeom.studies.companions import PairCase, companions
from relugeom.studies.cures import Cure, cures
from relugeom.studies.levels import Levels, energy_levels
from relugeom.studies.packing import Packing, packings
from relugeom.studies.phases import PhaseDiagram, phase_diagram
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
    "Levels",
    "Packing",
    "PairCase",
    "PhaseDiagram",
    "Resampling",
    "SchemeCount",
    "Summary",
    "ToyRow",
    "Trace",
    "atlas",
    "census",
    "chaos_map",
    "companions",
    "compare",
    "cures",
    "energy_levels",
    "events",
    "failures",
    "failures_by_activity",
    "packings",
    "phase_diagram",
    "summary",
    "toy_models",
    "trace",
]
