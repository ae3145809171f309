"""The objective and its gradient, summed fast: over many examples, and for many small models at once.

`objective` holds the formula that every engine shares; `blocked`, `hull` and `moments` differ only in how they sum
the dense part, `tree` and `lazy` leave out more of it, `shards` and `box_shards` spread engines over processes, and
`choice` chooses. `many_models` has the kernels for batches of small models, `cuda` both for a GPU.
"""

from __future__ import annotations
