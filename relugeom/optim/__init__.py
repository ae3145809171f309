"""Optimisers and schedules: one idea a module, plain NumPy."""

from __future__ import annotations
