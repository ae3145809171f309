"""Families of points known in closed form or by one equation: k-gons, symmetric failures, curves to infinity."""

from __future__ import annotations
