"""What is known of the largest number of features, by theorem.

A question is (m, tied or not, bias or none, k active features, whether x = 0 counts); the answer is the smallest upper
bound on n among the theorems below, or that every n is possible. The ids are those of `relugeom verify`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from relugeom.capacity.decisions.outcomes import Bias

__all__ = ["Theorem", "upper_bound"]


class Theorem(NamedTuple):
    """n ≤ most (None: every n is possible), by the conjecture `id`."""

    most: int | None
    id: str
    statement: str


def upper_bound(m: int, *, tied: bool, bias: Bias, active: int = 1, zero_input: bool = False) -> Theorem:
    """The best known theorem on how many features m dimensions hold.

    Parameters
    ----------
    m : int
        The dimension, at least 1.
    tied, bias, active, zero_input
        As for `relugeom.capacity.decisions.feasibility.decide`.

    Returns
    -------
    Theorem
        The bound, which may be infinite, with its statement and its source.

    See Also
    --------
    relugeom.capacity.decide, relugeom.capacity.search, relugeom.capacity.find_positive_pair
    relugeom.autoencoder.max_sparse_support
    """
    zero_input = zero_input or bias == "none"  # without a bias the output at x = 0 is 0
    bounds = list(_bounds(m, tied, bias, active, zero_input))
    finite = [theorem for theorem in bounds if theorem.most is not None]
    return min(finite, key=lambda theorem: theorem.most or 0) if finite else bounds[0]


def _bounds(m: int, tied: bool, bias: Bias, active: int, zero_input: bool) -> Iterator[Theorem]:
    if active >= 2 and zero_input:
        if m < active:
            yield Theorem(m, "sparse-room-below-2k", "m < k active features: n ≤ m")
        if m < 2 * active:
            yield Theorem(m + 1, "sparse-room-below-2k", "m < 2k, k active features: n ≤ m + 1")
        yield Theorem(2**m - 1, "sparse-counting-bound", "k ≥ 2 active features: n ≤ 2ᵐ − 1")
    if bias == "none" and tied:
        yield Theorem(2 * m, "two-m-bound-elimination", "tied, without bias: n ≤ 2m")
    elif bias == "none" and m <= 2:
        name = ("untied-line", "untied-plane")[m - 1]
        yield Theorem(2 * m, name, f"untied, without bias, m = {m}: n ≤ {2 * m}")
    elif m == 1:
        yield Theorem(2, "bias-line", "m = 1: n ≤ 2 with any bias")
    elif bias == "none":
        yield Theorem(None, "untied-any-n", "untied, m ≥ 3: every n")
    else:
        yield Theorem(None, "bias-any-n", "with a bias, m ≥ 2: every n")
