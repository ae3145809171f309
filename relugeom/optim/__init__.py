"""Objective engines, optimisers and schedules: one idea a module, all of them plain NumPy.

`objective` holds the formula that every engine shares; `definition`, `blocked`, `hull` and `moments` differ only
in how they sum the dense part, `shards` spreads any of them over processes, and `engines` chooses.
"""

from __future__ import annotations
