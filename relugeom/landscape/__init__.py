"""Where training gets stuck, and whether it really is: polishing, classifying, certifying, and families of points."""

from __future__ import annotations
