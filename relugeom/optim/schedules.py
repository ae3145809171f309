"""Learning rates over a run, as functions of the step k = 0, 1, ..., K - 1.

    constant        η_k = η
    warm-up+cosine  η_k = η (k + 1) / w                              for k < w
                    η_k = η (1 + cos(π (k - w + 1) / (K - w))) / 2   for w <= k < K

so the peak η is reached at the end of the warm-up and 0 at the last step (Henighan et al., 2023: w = 2,500 and
K = 50,000).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from relugeom.errors import ArgumentError
from relugeom.optim.rules import check_whole, is_finite

__all__ = ["SCHEDULES", "Schedule"]

SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A learning rate for every step.

    Attributes
    ----------
    kind : {"cosine", "constant"}
    learning_rate : float
        The peak η.
    steps : int
        K.
    warmup : int
        w; counts for both kinds.

    See Also
    --------
    relugeom.optim.AdamW, relugeom.optim.SGD
    """

    kind: str
    learning_rate: float
    steps: int
    warmup: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.kind, str) or self.kind not in SCHEDULES:
            raise ArgumentError(f"schedule must be one of {', '.join(SCHEDULES)}; got {self.kind!r:.60}")
        if not (is_finite(self.learning_rate) and self.learning_rate > 0):
            raise ArgumentError(f"learning_rate must be a positive number; got {self.learning_rate!r:.60}")
        for name, value in (("steps", self.steps), ("warmup", self.warmup)):
            check_whole(name, value, 0)

    def __call__(self, step: int) -> float:
        """η at `step`."""
        if step < self.warmup:
            return self.learning_rate * (step + 1) / self.warmup
        if self.kind == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * (step - self.warmup + 1) / (self.steps - self.warmup))) / 2
