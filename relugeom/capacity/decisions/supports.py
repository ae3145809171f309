"""The inputs that a decoder row treats worst, among all 0/1 inputs with at most k ones.

An output is a sum of values v_j = r·w_j over the support of the input. With feature i active its least value is
v_i plus the k − 1 smallest other values as far as they are negative; with i inactive its greatest is the largest
other value plus k − 1 more as far as they are positive. So a sort replaces the binomially many supports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple

__all__ = ["WorstSupports", "supports", "worst_supports"]


class WorstSupports(NamedTuple):
    """The support with feature i of least value, and the one without it of greatest value.

    `rests` is empty when x = 0 is the worst input without i, or there is no other.
    """

    fires: tuple[int, ...]
    rests: tuple[int, ...]


def worst_supports(
    values: Sequence[int] | Sequence[Fraction], feature: int, active: int, zero_input: bool
) -> WorstSupports:
    """The two worst supports for one row, whose values r·w_j are given."""
    order = sorted((j for j in range(len(values)) if j != feature), key=values.__getitem__)
    low = tuple(j for j in order[: active - 1] if values[j] < 0)
    high = tuple(j for place, j in enumerate(order[: -active - 1 : -1])
                 if values[j] > 0 or (place == 0 and not zero_input))  # fmt: skip
    return WorstSupports((feature, *low), high)


def supports(n: int, active: int, zero_input: bool = False) -> Iterator[tuple[int, ...]]:
    """All supports with 1 (with `zero_input`: 0) to k elements; Σ_s C(n, s) of them."""
    for size in range(0 if zero_input else 1, active + 1):
        yield from combinations(range(n), size)
