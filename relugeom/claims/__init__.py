"""Claims with verdicts: evidence, the judge, steps that SymPy decides, and the runner of conjectures in files."""

from __future__ import annotations
