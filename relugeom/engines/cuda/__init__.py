"""The two hot paths in CUDA: a full-batch step over sparse examples, and many Adam steps of many small models.

The sources stand beside this file and are compiled when they are first used. Importing this room needs neither CuPy
nor a GPU; asking for one that is not there raises `relugeom.errors.DeviceError`, in one line.
"""

from __future__ import annotations
