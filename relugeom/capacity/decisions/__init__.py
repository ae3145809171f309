"""Exact answers for a given encoder: does some decoder recover, and if not, why not."""

from __future__ import annotations
