"""Does this encoder have a decoder? Every answer carries its proof, however narrow the gap."""

from __future__ import annotations

import itertools
from fractions import Fraction as F

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relugeom.capacity import TiedFailure, Undecided, decide, decide_feature
from relugeom.capacity.decisions.outcomes import BIASES
from relugeom.capacity.decisions.supports import supports, worst_supports
from relugeom.errors import ArgumentError
from relugeom.exact import NotDecodable, PositivePair, SignPattern, Valid, check
from relugeom.exact.rationals import as_matrix, dot, transpose

GAPS = [F(1, 10**k) for k in range(31)]


def is_yes(answer: object) -> bool:
    """Yes or no, after the proof has been checked."""
    if isinstance(answer, TiedFailure):
        return False
    assert isinstance(answer, SignPattern | NotDecodable | PositivePair), answer
    assert isinstance(check(answer), Valid)
    return isinstance(answer, SignPattern)


# ---------------------------------------------------------------------------------------------------------
# Narrow gaps.


@pytest.mark.parametrize("gap", GAPS)
def test_a_point_just_outside_just_inside_and_on_a_triangle(gap: F) -> None:
    def triangle_and(height: F) -> list[list[F | int]]:
        return [[-1, 1, 0, 0], [0, 0, 5, height]]

    assert is_yes(decide(triangle_and(-gap)))
    assert not is_yes(decide(triangle_and(F(0))))
    assert not is_yes(decide(triangle_and(gap)))


@pytest.mark.parametrize("gap", GAPS)
def test_a_ray_just_outside_and_on_a_cone(gap: F) -> None:
    def cone_and(height: F) -> list[list[F | int]]:
        return [[-1, 1, 0, 0], [0, 0, 5, height], [1, 1, 1, 1]]

    assert is_yes(decide(cone_and(-gap), bias="none"))
    assert not is_yes(decide(cone_and(F(0)), bias="none"))
    assert not is_yes(decide(cone_and(gap), bias="none"))


@pytest.mark.parametrize("gap", GAPS)
def test_the_kernel_criterion_on_its_edge(gap: F) -> None:
    # The kernel is spanned by z = (1, 1, g): two active features fit iff 2 + g > 2.
    def encoder(g: F) -> list[list[F | int]]:
        return [[1, -1, 0], [0, g, -1]]

    assert is_yes(decide(encoder(gap), active=2, zero_input=True))
    assert not is_yes(decide(encoder(F(0)), active=2, zero_input=True))


@pytest.mark.parametrize("gap", GAPS)
def test_tied_gaps(gap: F) -> None:
    pair = [[1, gap], [0, 1]]
    assert not is_yes(decide(pair, tied=True, bias="none"))
    assert is_yes(decide([[1, -gap], [0, 1]], tied=True, bias="none"))
    assert is_yes(decide([[1, 1 - gap / 2], [0, 1]], tied=True))
    assert not is_yes(decide([[1, 1 + gap], [0, 1]], tied=True))


def test_floats_are_the_rationals_they_are() -> None:
    # 0.1 + 0.2 is not 0.3 but a little more.
    assert is_yes(decide(np.array([[-1.0, 1.0, 0.0, 0.0], [0.3, 0.3, 5.0, 0.3]])[:, [0, 1, 2]]))
    assert not is_yes(decide([[-1.0, 1.0, 0.0, 0.0], [0.3, 0.3, 5.0, 0.1 + 0.2]]))
    assert is_yes(decide([[-1.0, 1.0, 0.0, 0.0], [0.1 + 0.2, 0.1 + 0.2, 5.0, 0.3]]))


# ---------------------------------------------------------------------------------------------------------
# Against the definition.

small = st.integers(1, 3).flatmap(
    lambda m: st.integers(1, 5).flatmap(
        lambda n: st.lists(st.lists(st.integers(-2, 2), min_size=n, max_size=n), min_size=m, max_size=m)
    )
)


@given(small, st.integers(1, 3), st.booleans(), st.sampled_from(BIASES))
def test_tied_against_all_inputs(W: list[list[int]], k: int, zero_input: bool, bias: str) -> None:
    columns = transpose(as_matrix(W))
    n, k = len(columns), min(k, len(columns))
    G = [[dot(v, w) for v in columns] for w in columns]
    lows, highs = [], []
    for j in range(n):
        readings = {s: sum((G[j][i] for i in s), F(0)) for s in supports(n, k, zero_input)}
        lows.append(min(value for s, value in readings.items() if j in s))
        highs.append(max((value for s, value in readings.items() if j not in s), default=None))
    if bias == "none":
        expected = min(lows) > 0 and all(high is None or high <= 0 for high in highs)
    elif bias == "free":
        expected = all(high is None or high < low for low, high in zip(lows, highs, strict=True))
    else:
        expected = all(high is None or high < min(lows) for high in highs)
    answer = decide(W, tied=True, bias=bias, active=k, zero_input=zero_input)  # type: ignore[arg-type]
    assert is_yes(answer) == expected
    if isinstance(answer, TiedFailure):
        assert answer.fires.value <= answer.rests.value


@given(small, st.integers(1, 2), st.booleans(), st.sampled_from(["none", "free"]))
def test_untied_answers_are_certified_and_no_worse_than_tied(
    W: list[list[int]], k: int, zero_input: bool, bias: str
) -> None:
    k = min(k, len(W[0]))
    untied = decide(W, bias=bias, active=k, zero_input=zero_input)  # type: ignore[arg-type]
    tied = decide(W, tied=True, bias=bias, active=k, zero_input=zero_input)  # type: ignore[arg-type]
    assert is_yes(untied) or not is_yes(tied)
    if isinstance(untied, SignPattern) and bias == "free":
        shared = decide(W, bias="shared", active=k, zero_input=zero_input)
        assert isinstance(shared, SignPattern | Undecided)
        if zero_input:
            assert isinstance(shared, SignPattern)
            assert shared.bias is not None
            assert set(shared.bias) == {F(-1)}


@pytest.mark.parametrize(("k", "m"), list(itertools.product([1, 2, 3], [2, 3, 4, 5])))
def test_one_kernel_vector(k: int, m: int) -> None:
    """For n = m + 1 the kernel is a line ℝz, and features fit iff max(‖z⁺‖₁, ‖z⁻‖₁) > k‖z‖_∞."""
    rng = np.random.default_rng([k, m])
    for _ in range(10):
        z = rng.choice([-3, -2, -1, 1, 2, 3], size=m + 1)
        W = np.hstack([np.eye(m, dtype=int) * z[-1], -z[:-1, None]])
        answer = decide(W, active=k, zero_input=True)
        norm = max(z[z > 0].sum(), -z[z < 0].sum())
        assert is_yes(answer) == (norm > k * np.abs(z).max())


def test_worst_supports() -> None:
    assert worst_supports([5, -1, -2, 3, 4], 0, 2, False) == ((0, 2), (4, 3))
    assert worst_supports([5, -1, -2], 0, 3, False) == ((0, 2, 1), (1,))
    assert worst_supports([5, -1, -2], 0, 3, True) == ((0, 2, 1), ())
    assert worst_supports([5], 0, 1, False) == ((0,), ())


# ---------------------------------------------------------------------------------------------------------
# Families.


@pytest.mark.parametrize("m", range(1, 7))
def test_the_2m_bound(m: int) -> None:
    pairs = np.hstack([np.eye(m, dtype=int), -np.eye(m, dtype=int)])
    assert is_yes(decide(pairs, tied=True, bias="none"))
    rng = np.random.default_rng(m)
    crowded = [np.hstack([pairs, rng.integers(-2, 3, size=(m, 1))]) for _ in range(10)]
    crowded += [rng.normal(size=(m, 2 * m + 1)) for _ in range(10)]
    for W in crowded:
        assert isinstance(decide(W, tied=True, bias="none"), PositivePair)


@pytest.mark.parametrize("n", [1, 2, 5, 20, 60])
def test_the_parabola_holds_any_number(n: int) -> None:
    W = [[1] * n, list(range(n)), [t * t for t in range(n)]]
    answer = decide(W, bias="none")
    assert is_yes(answer)
    assert isinstance(answer, SignPattern)
    assert answer.bias is None


def test_five_in_the_plane_are_too_many_without_a_bias() -> None:
    rng = np.random.default_rng(3)
    assert not any(is_yes(decide(rng.normal(size=(2, 5)), bias="none")) for _ in range(30))
    assert is_yes(decide([[5, 4, 3, 0, -3], [0, 3, 4, 5, 4]]))


def test_random_instances_are_all_decided() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(150):
        m, n = rng.integers(1, 7), rng.integers(1, 41)
        W = rng.normal(size=(m, n)) if rng.random() < 0.5 else rng.integers(-3, 4, size=(m, n))
        answer = decide(
            W,
            tied=bool(rng.random() < 0.2),
            bias="free" if rng.random() < 0.5 else "none",
            active=int(rng.integers(1, min(n, 3) + 1)),
            zero_input=bool(rng.integers(2)),
        )
        seen.add((type(answer), is_yes(answer)))
    assert len(seen) == 4


def test_one_feature_alone() -> None:
    assert is_yes(decide([[0]], bias="free"))
    assert not is_yes(decide([[0]], bias="free", zero_input=True))
    assert not is_yes(decide([[0]], bias="none"))
    assert is_yes(decide([[-2]], bias="none"))
    assert is_yes(decide([[0]], tied=True, bias="shared"))
    assert not is_yes(decide([[0]], tied=True, bias="none"))


# ---------------------------------------------------------------------------------------------------------
# Answers that are not yes or no.


def test_the_budget_leaves_it_undecided() -> None:
    answer = decide([[1, 0, -1, 0], [0, 1, 0, -1]], bias="none", max_pivots=1)
    assert isinstance(answer, Undecided)
    assert "feature 0" in answer.reason


def test_a_positive_shared_bias_is_not_searched_for() -> None:
    # Feature 1 sits at 0, where only a positive bias can wake it.
    answer = decide([[1, 0]], bias="shared")
    assert isinstance(answer, Undecided)
    assert "positive" in answer.reason
    assert isinstance(decide([[1, 0, -1]], bias="shared"), NotDecodable)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: decide([[1.0, float("nan")]]), "finite"),
        (lambda: decide([[1, 2], [3]]), "shape"),
        (lambda: decide([]), "shape"),
        (lambda: decide([[1, 2]], active=3), "active must lie in 1 to n = 2; got 3"),
        (lambda: decide([[1, 2]], active=0), "active"),
        (lambda: decide([[1, 2]], bias="some"), "bias must be one of"),  # type: ignore[arg-type]
        (lambda: decide_feature([[1, 2]], 2), "feature must lie in 0 to 1"),
    ],
)
def test_errors_name_the_argument(call, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ArgumentError, match=message):
        call()
