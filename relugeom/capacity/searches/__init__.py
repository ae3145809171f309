"""Searches for encoders: untrusted, with successes that are certified."""

from __future__ import annotations
