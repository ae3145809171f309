"""Arcs around a circle: the answer is that of trying all orders, and each answer is checked by a short program."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.autoencoder.circular_ones import (
    OddCycle,
    circular_order,
    is_circular_order,
    is_odd_cycle,
    odd_cycle,
)
from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.memorising import is_obstruction, memorisable

families = st.integers(3, 6).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.frozensets(st.integers(0, n - 1), min_size=1), max_size=6))
)


@given(families)
def test_the_answer_is_that_of_trying_all_orders(family: tuple[int, list[frozenset[int]]]) -> None:
    size, sets = family
    exists = any(is_circular_order(sets, (*order, size - 1)) for order in permutations(range(size - 1)))
    order, cycle = circular_order(sets, size), odd_cycle(sets, size)
    if exists:
        assert order is not None
        assert is_circular_order(sets, order)
        assert cycle is None
    else:
        assert order is None
        assert cycle is not None
        assert is_odd_cycle(sets, size, cycle)


@pytest.mark.parametrize("size", [4, 7, 12])
def test_arcs_of_a_hidden_order_are_found(size: int) -> None:
    rng = np.random.default_rng(size)
    for _ in range(20):
        hidden = rng.permutation(size).tolist()
        starts, lengths = rng.integers(0, size, 8).tolist(), rng.integers(1, size, 8).tolist()
        sets = [
            frozenset(hidden[(start + k) % size] for k in range(length))
            for start, length in zip(starts, lengths, strict=True)
        ]
        order = circular_order(sets, size)
        assert order is not None
        assert is_circular_order(sets, order)


TRIANGLE = [frozenset({0, 1}), frozenset({1, 2}), frozenset({2, 0})]  # and one left out


def test_a_cycle_that_is_no_proof_is_refused() -> None:
    cycle = odd_cycle(TRIANGLE, 4)
    assert cycle is not None
    assert is_odd_cycle(TRIANGLE, 4, cycle)
    assert not is_odd_cycle(TRIANGLE[:2], 4, cycle)
    assert not is_odd_cycle(TRIANGLE, 4, replace(cycle, pairs=cycle.pairs[1:]))
    assert not is_odd_cycle(TRIANGLE, 4, replace(cycle, pairs=cycle.pairs[2:]))
    assert not is_odd_cycle(TRIANGLE, 4, OddCycle(cycle.base, ((cycle.base, 1), *cycle.pairs[1:])))
    assert not is_odd_cycle(TRIANGLE, 4, OddCycle(cycle.base, ()))


def test_a_cycle_through_an_example_that_does_not_exist_is_refused() -> None:
    """Four arcs of two fill a circle of four: a fifth element has no place, but there is none."""
    ring: list[tuple[int, ...]] = [(0, 1), (1, 2), (2, 3), (3, 0)]
    cycle = odd_cycle([frozenset(pair) for pair in ring], 5)
    assert cycle is not None
    examples = shared_by(4, ring)
    assert memorisable(examples).answer == "yes"
    assert not is_obstruction(examples, cycle)


def test_an_order_that_is_none_is_refused() -> None:
    assert is_circular_order([frozenset({0, 3})], (0, 1, 2, 3))
    assert not is_circular_order([frozenset({0, 2})], (0, 1, 2, 3))
    assert not is_circular_order([], (0, 0, 2, 3))


def shared_by(size: int, sets: list[tuple[int, ...]]) -> SparseExamples:
    """Examples with a private feature each, and a feature per set."""
    X = np.zeros((size, size + len(sets)))
    X[range(size), range(size)] = 1
    for j, members in enumerate(sets):
        X[list(members), size + j] = 0.5
    return SparseExamples.from_dense(X)


def test_features_of_three_examples_can_rule_memorising_out() -> None:
    """Sets of three that overlap two by two in one example fill a circle of six; a seventh has no place on it."""
    examples = shared_by(7, [(0, 1, 2), (2, 3, 4), (4, 5, 0)])
    found = memorisable(examples)
    assert (found.answer, found.obstruction) == ("no", None)
    assert found.odd_cycle is not None
    assert is_obstruction(examples, found.odd_cycle)
    without = examples.to_dense() * (np.arange(10) != 6)  # the seventh has nothing of its own
    assert not is_obstruction(SparseExamples.from_dense(without), found.odd_cycle)
    assert memorisable(shared_by(6, [(0, 1, 2), (2, 3, 4), (4, 5, 0)])).answer == "undecided"
