"""Models of the plane that memorise sparse examples, built and not trained: x' = ReLU(WᵀWx + b) for x ≥ 0 in ℝⁿ.

A feature is *private* if one example alone has it, *shared* if several do. An example with a private feature gets a
place on a regular polygon, h_t = R u_t; its private features answer there and nowhere else. A shared feature can answer
at one of its examples, or at two that are neighbours on the polygon: a line cuts off either. So the order of the
examples around the polygon decides what is kept, and zero loss is reached where every feature is kept whole.

With s_t = Σ x_tj² over the private features of t and w_j given for the shared ones, put E_t = R Σ_shared x_tj w_j and

    w_j = x_tj (R u_t − E_t/R)/s_t,    b_j = x_tj (1 − (R² − E_t·u_t)/s_t)    for j private to t.

Then W x_t = R u_t whatever the shared columns are, output j is x_tj at t, and it is off at t' if and only if R²(1 −
u_t·u_t') ≥ s_t + E_t·(u_t − u_t'). E_t does not depend on R, so some R does for all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import cos, pi, sin, sqrt
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from relugeom.autoencoder.circular_ones import OddCycle, circular_order, is_odd_cycle, odd_cycle
from relugeom.autoencoder.constructions import polygon
from relugeom.autoencoder.examples import SparseExamples
from relugeom.autoencoder.parameters import Parameters
from relugeom.errors import ArgumentError

__all__ = ["Memorisable", "is_obstruction", "memorisable", "memorising_loss", "memorising_order", "memorising_polygon"]

Floats = npt.NDArray[np.float64]

_MOST_TESTED = 300  # examples: from about a hundred on a pair or three that share decide, for data of the paper's law


class _SharedFeature(NamedTuple):
    """A feature of several examples: who has it, and how much."""

    feature: int
    holders: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the construction needs to know of the examples.

    Attributes
    ----------
    private : dict
        The private features of every example that has some, each with its value.
    shared : list of _SharedFeature
    total : float
        Σ ‖x_t‖².
    """

    private: dict[int, dict[int, float]]
    shared: list[_SharedFeature]
    total: float

    def keepable(self) -> Iterator[_SharedFeature]:
        """Shared features all of whose examples are on the polygon; the others stay 0, as h_t = 0 needs."""
        return (shared for shared in self.shared if all(t in self.private for t in shared.holders))


def _facts(examples: SparseExamples) -> _Facts:
    values = np.asarray(examples.values, np.float64)
    if (values < 0).any():
        raise ArgumentError(f"examples must not be negative; got {values.min()}")
    rows = np.repeat(np.arange(examples.T), np.diff(examples.indptr))
    on = values > 0
    rows, columns, values = rows[on], np.asarray(examples.indices)[on], values[on]
    order = np.lexsort((rows, columns))
    rows, columns, values = rows[order], columns[order], values[order]
    private: dict[int, dict[int, float]] = {}
    shared = []
    for part in np.split(np.arange(len(columns)), np.flatnonzero(np.diff(columns)) + 1):
        holders, amounts = rows[part].tolist(), values[part].tolist()
        if len(part) == 1:
            private.setdefault(holders[0], {})[int(columns[part[0]])] = amounts[0]
        elif len(part):
            shared.append(_SharedFeature(int(columns[part[0]]), tuple(holders), tuple(amounts)))
    return _Facts(private, shared, float((values**2).sum()))


def memorising_order(examples: SparseExamples) -> tuple[int, ...]:
    """An order of the examples that have private features, with those that share much side by side.

    Pairs are taken by what they keep, largest first, as long as they form paths (or close one cycle through all), and
    the paths are strung together. Where every shared feature has two examples this finds an order that keeps all of
    them if there is one; else it is a good order, not the best.
    """
    facts = _facts(examples)
    members = sorted(facts.private)
    gains: dict[tuple[int, int], float] = {}
    for shared in facts.keepable():
        most = max(value**2 for value in shared.values)
        for a, (t, x) in enumerate(zip(shared.holders, shared.values, strict=True)):
            for u, y in zip(shared.holders[a + 1 :], shared.values[a + 1 :], strict=True):
                gain = min(x, y) ** 2 - (most - max(x, y) ** 2)  # exact where there are two
                if gain > 0:
                    gains[t, u] = gains.get((t, u), 0.0) + gain
    ends: dict[int, int] = {t: t for t in members}  # the other end of the path of which t is an end
    beside: dict[int, list[int]] = {t: [] for t in members}
    for (t, u), _ in sorted(gains.items(), key=lambda item: (-item[1], item[0])):
        if len(beside[t]) == 2 or len(beside[u]) == 2 or ends[t] == u:
            continue
        beside[t].append(u)
        beside[u].append(t)
        far, near = ends[t], ends[u]
        ends[far], ends[near] = near, far
    order: list[int] = []
    seen: set[int] = set()
    for start in members:
        if start in seen or len(beside[start]) == 2:
            continue
        at: int | None = start
        while at is not None:
            order.append(at)
            seen.add(at)
            at = next((t for t in beside[at] if t not in seen), None)
    return tuple(order)


def _answers(facts: _Facts, order: Sequence[int]) -> Iterator[tuple[_SharedFeature, tuple[int, ...]]]:
    """Each shared feature with the places in `holders` at which it answers: two neighbours, or the largest."""
    place = {t: k for k, t in enumerate(order)}
    around = len(order)
    for shared in facts.keepable():
        holders, values = shared.holders, shared.values
        choices: list[tuple[tuple[int, ...], float]] = [((a,), values[a] ** 2) for a in range(len(holders))]
        choices += [
            ((a, b), values[a] ** 2 + values[b] ** 2)
            for a in range(len(holders))
            for b in range(len(holders))
            if (place[holders[b]] - place[holders[a]]) % around == 1
        ]
        # Rounding may hide what a small value adds: of two that keep the same, the pair.
        yield shared, max(choices, key=lambda choice: (choice[1], len(choice[0])))[0]


def _order(facts: _Facts, examples: SparseExamples, order: Sequence[int] | None) -> tuple[int, ...]:
    if order is None:
        return memorising_order(examples)
    if sorted(order) != sorted(facts.private):
        raise ArgumentError(
            f"order must name each of the {len(facts.private)} examples with a private feature once; got {order!r:.80}"
        )
    return tuple(order)


def memorising_loss(examples: SparseExamples, order: Sequence[int] | None = None) -> float:
    """The loss of `memorising_polygon`, from the examples alone: (1/T) Σ x_tj² over what is not kept."""
    facts = _facts(examples)
    kept = sum(x**2 for own in facts.private.values() for x in own.values())
    for shared, places in _answers(facts, _order(facts, examples, order)):
        kept += sum(shared.values[a] ** 2 for a in places)
    return max(facts.total - kept, 0.0) / examples.T


def memorising_polygon(examples: SparseExamples, order: Sequence[int] | None = None) -> Parameters:
    """A model with m = 2 that gives back every private feature, and of every shared one as much as the order allows.

    Parameters
    ----------
    examples : SparseExamples
        Not negative.
    order : sequence of int, optional
        The examples with private features, around the polygon. Default: `memorising_order`.

    Returns
    -------
    Parameters
        float64. Its loss is `memorising_loss`, up to rounding: ‖h‖² grows as T², and faster where features are shared,
        and an answer is a difference of numbers of that size.

    Notes
    -----
    A shared feature that answers x at u alone has R w = x p u and b = x (1 − p), p = max(1, 1/(1 − cos φ)), φ the angle
    of the polygon. One that answers x and y at neighbours, with v their bisector and e at right angles to it, has
    R w = αv + γe with γ = (y − x)/(2 sin(φ/2)), b = (x + y)/2 − α cos(φ/2), and α the least for which it is off at all
    others. Examples without a private feature have h = 0 and are lost whole.

    Examples
    --------
    >>> from relugeom.autoencoder import reconstruct
    >>> X = np.array([[3, 0, 0, 1], [0, 2, 0, 2], [0, 0, 5, 0.0]])
    >>> reconstruct(memorising_polygon(SparseExamples.from_dense(X)), X).round(9) + 0.0
    array([[3., 0., 0., 1.],
           [0., 2., 0., 2.],
           [0., 0., 5., 0.]])
    """
    facts = _facts(examples)
    around = _order(facts, examples, order)
    W, b = np.zeros((2, examples.n)), np.zeros(examples.n)
    if not around:
        return Parameters(W, b)
    corners = polygon(len(around))
    place = {t: k for k, t in enumerate(around)}
    lost = len(around) < examples.T  # some h = 0, at which every output must be off
    shared_columns: list[tuple[int, Floats]] = []  # of R W
    E = np.zeros((2, len(around)))
    for shared, places in _answers(facts, around):
        at = [place[shared.holders[a]] for a in places]
        column, b[shared.feature] = _cut(corners, at, [shared.values[a] for a in places], lost)
        shared_columns.append((shared.feature, column))
        for t, x in zip(shared.holders, shared.values, strict=True):
            E[:, place[t]] += x * column
    own = np.array([sum(x**2 for x in facts.private[t].values()) for t in around])
    square = _least_square(corners, own, E, lost)
    R = sqrt(square)
    for j, column in shared_columns:
        W[:, j] = column / R
    for k, t in enumerate(around):
        direction = (R * corners[:, k] - E[:, k] / R) / own[k]
        offset = 1 - (square - E[:, k] @ corners[:, k]) / own[k]
        for j, x in facts.private[t].items():
            W[:, j], b[j] = x * direction, x * offset
    return Parameters(W, b)


def _cut(corners: Floats, at: Sequence[int], values: Sequence[float], lost: bool) -> tuple[Floats, float]:
    """(R w, b) of a feature that answers those values at one corner or two neighbours, and is off at all others."""
    k = corners.shape[1]
    half = pi / k
    if len(at) == 1:
        (x,) = values
        steep = max(1.0, 1 / (1 - cos(2 * half))) if k > 1 else 1.0
        return x * steep * corners[:, at[0]], x * (1 - steep)
    first, second = (corners[:, place] for place in at)
    x, y = values
    along = (second - first) / (2 * sin(half))  # e, and the bisector v a quarter turn before it
    outward = np.array([along[1], -along[0]])
    mean, slope = (x + y) / 2, (y - x) / (2 * sin(half))
    others = np.delete(corners, at, axis=1)
    needed = (mean + slope * (along @ others)) / (cos(half) - outward @ others)
    steep = max([0.0, *needed, *([mean / cos(half)] if lost and k > 2 else [])])
    return steep * outward + slope * along, mean - steep * cos(half)


def _least_square(corners: Floats, own: Floats, E: Floats, lost: bool) -> float:
    """The least R² at which every private output is off on all other examples."""
    towards = np.einsum("ak,ak->k", E, corners)  # E_t·u_t
    gaps = 1 - corners.T @ corners
    need = own[:, None] + towards[:, None] - E.T @ corners
    np.fill_diagonal(gaps, np.inf)
    bounds = [float(own.max()), float(np.max(need / gaps))]
    if lost:
        bounds.append(float(np.max(own + towards)))
    return max(bounds)


@dataclass(frozen=True, slots=True)
class Memorisable:
    """Whether some model of the plane gives back every example exactly, with the reason.

    Attributes
    ----------
    answer : {"yes", "no", "undecided"}
        "yes" with an order for which `memorising_polygon` does it; "no" with an obstruction.
    order : tuple of int, or None
    obstruction : tuple of int, or None
        Examples, first one that shares a feature with each of the three after it; or around a cycle that is too short.
    odd_cycle : OddCycle or None
        Another obstruction: in no cyclic order are the examples of each feature consecutive.
    loss : float
        What the best order found leaves.
    """

    answer: Literal["yes", "no", "undecided"]
    order: tuple[int, ...] | None
    obstruction: tuple[int, ...] | None
    loss: float
    odd_cycle: OddCycle | None = None


def memorisable(examples: SparseExamples) -> Memorisable:
    """Whether the examples can be memorised exactly at m = 2, whatever the decoder and the biases.

    Where every example has a private feature, the examples of each feature must be consecutive in some cyclic order
    (`supports-are-arcs` in `relugeom verify`), which is tested up to 300 examples. Where every shared feature is in two
    examples that is enough, and from four examples on it means: no example shares features with three others, and those
    that share form no cycle but one through all (`memorisable-in-the-plane`). A feature of three examples or more may
    leave it undecided.
    """
    facts = _facts(examples)
    order = memorising_order(examples)
    if len(order) < examples.T:
        return Memorisable("undecided", order, None, memorising_loss(examples, order))
    if _is_kept(facts, order):
        return Memorisable("yes", order, None, 0.0)
    found = _obstruction(facts, examples.T)
    if found is None and examples.T <= _MOST_TESTED:
        arcs = circular_order(_supports(facts), examples.T)
        if arcs is None:
            cycle = odd_cycle(_supports(facts), examples.T)
            answer: Literal["no", "undecided"] = "undecided" if cycle is None else "no"
            return Memorisable(answer, order, None, memorising_loss(examples, order), cycle)
        if _is_kept(facts, arcs):
            return Memorisable("yes", arcs, None, 0.0)
        order = min(order, arcs, key=lambda tried: memorising_loss(examples, tried))
    return Memorisable("undecided" if found is None else "no", order, found, memorising_loss(examples, order))


def _is_kept(facts: _Facts, order: Sequence[int]) -> bool:
    """Whether the order keeps everything: by counting, not by what is left, which may be as small as rounding."""
    return all(len(places) == len(shared.holders) for shared, places in _answers(facts, order))


def _supports(facts: _Facts) -> list[frozenset[int]]:
    """The examples of each shared feature."""
    return [frozenset(shared.holders) for shared in facts.shared]


def _pairs(facts: _Facts) -> set[tuple[int, int]]:
    """The pairs of examples that share a feature which nobody else has."""
    return {(s.holders[0], s.holders[1]) for s in facts.shared if len(s.holders) == 2}


def _obstruction(facts: _Facts, T: int) -> tuple[int, ...] | None:
    """An example beside three others, or a cycle through fewer than all."""
    if T < 4:
        return None
    beside: dict[int, list[int]] = {}
    for t, u in sorted(_pairs(facts)):
        beside.setdefault(t, []).append(u)
        beside.setdefault(u, []).append(t)
    for t, others in beside.items():
        if len(others) >= 3:
            return (t, *others[:3])
    # Now every example has at most two beside it: walk from each until the walk ends or comes back.
    for start in beside:
        walk, before, at = [start], None, start
        while True:
            onward = [t for t in beside[at] if t != before]
            if not onward or (len(walk) > 1 and onward[0] == start):
                break
            before, at = at, onward[0]
            walk.append(at)
        if onward and 2 < len(walk) < T:
            return tuple(walk)
    return None


def is_obstruction(examples: SparseExamples, found: Sequence[int] | OddCycle) -> bool:
    """Whether these examples prove that the data cannot be memorised exactly at m = 2; see `memorisable`.

    Checked from the examples alone: all have private features, there are at least four, and the first shares a feature
    with each of three others, or each shares one with the next, around a cycle that leaves an example out. The features
    meant are those of exactly two examples. Of an odd cycle, that it is one for the examples of the shared features.
    """
    facts = _facts(examples)
    if isinstance(found, OddCycle):
        return len(facts.private) == examples.T and is_odd_cycle(_supports(facts), examples.T, found)
    pairs = {frozenset(pair) for pair in _pairs(facts)}
    if examples.T < 4 or len(facts.private) < examples.T or len(set(found)) != len(found):
        return False
    star = len(found) == 4 and all(frozenset((found[0], t)) in pairs for t in found[1:])
    around = zip(found, [*found[1:], *found[:1]], strict=True)
    cycle = 3 <= len(found) < examples.T and all(frozenset(pair) in pairs for pair in around)
    return bool(star or cycle)
