"""What does training find? The paper's experiment at its own size, and sweeps of it."""

from __future__ import annotations
