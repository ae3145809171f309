"""The exact simplex method answers with a combination or a separation, and both can be checked by multiplication."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.capacity.decisions.simplex import Combination, Exhausted, Generator, Separation, decide_cone


def oracle(generators: Sequence[Sequence[int]], first: bool = False):  # type: ignore[no-untyped-def]
    """The most violated generator of a list, or (first) simply the first violated one."""

    def violated(u: Sequence[int]) -> Generator[int] | None:
        gains = [sum(a * b for a, b in zip(u, g, strict=True)) for g in generators]
        candidates = [j for j, gain in enumerate(gains) if gain > 0]
        if not candidates:
            return None
        j = candidates[0] if first else max(candidates, key=gains.__getitem__)
        return Generator(j, generators[j])

    return violated


def verified(target: Sequence[int], generators: Sequence[Sequence[int]], first: bool = False) -> bool:
    """Whether t lies in the cone, after the answer has been checked."""
    answer = decide_cone(target, oracle(generators, first))
    if isinstance(answer, Combination):
        assert all(weight > 0 for _, weight in answer.weights)
        total = [sum(weight * generators[j][a] for j, weight in answer.weights) for a in range(len(target))]
        assert total == list(target)
        return True
    assert isinstance(answer, Separation)
    assert sum(u * t for u, t in zip(answer.normal, target, strict=True)) > 0
    assert all(sum(u * x for u, x in zip(answer.normal, g, strict=True)) <= 0 for g in generators)
    return False


@pytest.mark.parametrize(
    ("target", "generators", "inside"),
    [
        ([1, 1], [[1, 0], [0, 1]], True),
        ([1, -1], [[1, 0], [0, 1]], False),
        ([-3, -5], [[-1, 0], [0, -1]], True),
        ([0, 0], [[1, 0]], True),
        ([0, 1], [], False),
        ([2, 1], [[1, 0], [1, 1], [1, 2]], True),
        ([1, 0], [[1, 1], [1, 2]], False),
        ([0, 0, 1], [[1, 1, 0], [-1, 1, 0], [0, -1, 1], [0, -1, 0]], True),
    ],
)
def test_small_cones(target: list[int], generators: list[list[int]], inside: bool) -> None:
    assert verified(target, generators) == inside


vectors = st.lists(st.integers(-4, 4), min_size=3, max_size=3)


@given(vectors, st.lists(vectors, max_size=9))
def test_both_answers_are_right_whatever_the_oracle_prefers(target: list[int], generators: list[list[int]]) -> None:
    assert verified(target, generators) == verified(target, generators, first=True)


@given(st.lists(vectors, min_size=1, max_size=6), st.lists(st.integers(0, 3), min_size=6, max_size=6))
def test_points_of_the_cone_are_found_in_it(generators: list[list[int]], weights: list[int]) -> None:
    target = [sum(w * g[a] for w, g in zip(weights, generators, strict=False)) for a in range(3)]
    assert verified(target, generators)


def test_a_degenerate_problem_does_not_cycle() -> None:
    # Beale's example, as a cone: all but one entry of the target are 0, so every pivot but the last is degenerate.
    generators = [[1, 2, 0, 3], [-240, -360, 0, -80], [-1, -1, 1, -2], [36, 12, 0, 24]]
    slack = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    for first in (False, True):
        assert verified([0, 0, 1, 1], generators + slack, first) in (True, False)


def test_the_budget_is_kept() -> None:
    assert decide_cone([1, 1], oracle([[1, 0], [0, 1]]), max_pivots=1) == Exhausted(1)
    answer = decide_cone([1, 1], oracle([[1, 0], [0, 1]]), max_pivots=2)
    assert answer == Combination(((0, Fraction(1)), (1, Fraction(1))), 2)
