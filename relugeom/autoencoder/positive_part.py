"""Exact moments of the positive part of a linear form on a cube, for every set of active coordinates at once.

For coefficients a_1, ..., a_n, an offset b and a set A of k active coordinates, let

    S = b + Σ_{i∈A} a_i u_i,      u uniform on [0, 1]^A,      M_α(A, b; r) = E[u^α S₊^r],

with S₊⁰ = 1[S > 0] and S₊^r = max(S, 0)^r. Textbooks give M as a divided difference of z₊^(k+r), a sum of 2^k terms
over the product of the a_i, which loses every digit where coefficients are small or nearly equal. Here is a
recursion of non-negative terms that does not.

Let v be the vertex of the cube where S is largest (v_i = 1 where a_i ≥ 0) and d_i = |u_i − v_i|, so that
S = S(v) − Σ |a_i| d_i. Multiply by S₊^(r−1) u^α and integrate each d_i by parts, ∂S₊^r/∂d_i = −r |a_i| S₊^(r−1):

    (r + k + |α|) M_α(r) = r S(v) M_α(r − 1) + Σ_{i∈A} F_i,
    F_i = α_i M_{α − e_i}(A, b; r)    where a_i ≥ 0 and α_i > 0,
    F_i = M_α(A∖i, b; r)              where a_i ≥ 0 and α_i = 0       (the face u_i = 0),
    F_i = M_{α∖i}(A∖i, b + a_i; r)    where a_i < 0                   (the face u_i = 1).

For r = 0 the first term is S(v) ρ_α with the density ρ_α = E[u^α δ(S)]. Integrating the coordinate l with the largest
|a_l|,

    a_l ρ_α = M_{α∖l}(A∖l, b + a_l; 0) − 1[α_l = 0] M_α(A∖l, b; 0) − α_l M_{α − e_l}(A, b; 0).

That is the one subtraction. It is harmless: it matters only where S changes sign, and there S(v) ≤ k |a_l|, so the
rounding error of S(v) ρ_α is at most k times that of a probability. So M(r) has an absolute error of a few units in the
last place of max(S, 0)^r at its largest, whatever the coefficients.

The recursion visits the pairs (A, C) of disjoint sets, C being the coordinates already put at u_i = 1, 3^n in all, by
layers of equal k.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Moments", "active_sets", "moments"]

Array = npt.NDArray[Any]

#: The kinds of moment, with the powers r that a loss, its gradient and its Hessian need: the factors of u^α, j standing
#: for the output's own feature and i, l for every feature.
_LOSS = (("", (0, 1, 2)), ("j", (0, 1)))
_GRADIENT = (("", (0, 1, 2)), ("j", (0, 1)), ("i", (0, 1)), ("ij", (0,)))
_HESSIAN = (("", (0, 1, 2)), ("j", (0, 1)), ("i", (0, 1)), ("ij", (0,)), ("il", (0,)), ("ilj", ()))
_KINDS = (_LOSS, _GRADIENT, _HESSIAN)

#: Moments by kind and power, shape (batch, sets, outputs, features for i, features for l). A density has the power −1.
Moments = dict[tuple[str, int], Array]


@dataclass(frozen=True, slots=True)
class _Layer:
    """The states (A, C) with k = |A|: the members of A, the set C, and where the faces lie in the layer below."""

    members: Array  # (states, k)
    active: Array  # (states, n), bool: in A
    done: Array  # (states, n), bool: in C, at u = 1
    at_zero: Array  # (states, k): index of (A∖i, C)
    at_one: Array  # (states, k): index of (A∖i, C ∪ i)
    plain: Array  # indices of the states with C empty


@cache
def _layers(n: int, most: int) -> tuple[_Layer, ...]:
    """The layers k = 0, ..., most of the states that lead to sets of at most `most` of n features."""
    layers = []
    below: dict[tuple[int, int], int] = {}
    for k in range(most + 1):
        here: dict[tuple[int, int], int] = {}
        members, zeros, ones = [], [], []
        for inside in combinations(range(n), k):
            A = sum(1 << i for i in inside)
            rest = [i for i in range(n) if not A >> i & 1]
            for chosen in chain.from_iterable(combinations(rest, size) for size in range(min(most - k, len(rest)) + 1)):
                C = sum(1 << i for i in chosen)
                here[A, C] = len(here)
                members.append(inside)
                zeros.append([below[A ^ 1 << i, C] for i in inside])
                ones.append([below[A ^ 1 << i, C | 1 << i] for i in inside])
        sets = np.array([A for A, C in here])
        done = np.array([C for A, C in here])
        bit = 1 << np.arange(n)
        layers.append(
            _Layer(
                np.array(members, dtype=np.intp).reshape(len(here), k),
                (sets[:, None] & bit) != 0,
                (done[:, None] & bit) != 0,
                np.array(zeros, dtype=np.intp).reshape(len(here), k),
                np.array(ones, dtype=np.intp).reshape(len(here), k),
                np.flatnonzero(done == 0),
            )
        )
        below = here
    return tuple(layers)


@cache
def active_sets(n: int, most: int) -> Array:
    """The sets of at most `most` of n features, by size and in each size in the order of `itertools.combinations`.

    Returns
    -------
    ndarray of bool, shape (sets, n)
    """
    sets = np.concatenate([layer.active[layer.plain] for layer in _layers(n, most)])
    sets.flags.writeable = False  # every caller gets the same array
    return sets


def moments(a: Array, b: Array, *, most: int, order: int = 0) -> Moments:
    """The moments of S₊ for every output, every model of a batch and every set of active features.

    Parameters
    ----------
    a : ndarray, shape (batch, outputs, n)
        a[:, j, i] is the coefficient of feature i in output j. Fewer than n outputs are the first ones.
    b : ndarray, shape (batch, outputs)
    most : int
        Sets of at most so many features are considered.
    order : {0, 1, 2}
        How many derivatives of the loss the moments must serve.

    Returns
    -------
    dict of (str, int) to ndarray, shape (batch, sets, n, ...)
        Under ("ij", r) stands E[u_i u_j S₊^r] for every set of `active_sets`, every output j and every feature i. A
        factor counts as 0 where its feature is not active. The power −1 stands for the density, E[... δ(S)], and is
        there for order 2 alone.
    """
    parts: dict[tuple[str, int], list[Array]] = {}
    below: Moments = {}
    for k, layer in enumerate(_layers(a.shape[-1], most)):
        # What underflows is below every rounding error of what it is added to.
        with np.errstate(under="ignore"):
            below = _vertices(a, b, layer, order) if k == 0 else _advance(a, b, layer, k, below, order)
        for key, values in below.items():
            parts.setdefault(key, []).append(values[:, layer.plain])
    return {key: np.concatenate(values, axis=1) for key, values in parts.items()}


def _place(values: Array, kind: str, among: str) -> Array:
    """Moments of one kind with their feature axes where a kind of more factors has them."""
    axes = [letter for letter in among if letter != "j"]
    given = [letter for letter in kind if letter != "j"]
    return values.reshape(*values.shape[:3], *(values.shape[3] if letter in given else 1 for letter in axes))


def _without(factor: str, kind: str) -> tuple[str, str]:
    """The kind with one factor less, under its own letters and under the name by which it is kept."""
    rest = kind.replace(factor, "")
    return rest, rest.replace("l", "i") if "i" not in rest else rest


def _vertices(a: Array, b: Array, layer: _Layer, order: int) -> Moments:
    """The layer without active coordinates: S is a number, and a factor is 1 where its coordinate is done, else 0."""
    offset = b[:, None, :] + np.einsum("zji,si->zsj", a, layer.done.astype(a.dtype))
    found: Moments = {}
    for kind, powers in _KINDS[order]:
        for r in (*powers, *((0,) if kind == "ilj" else ())):
            values = (offset > 0).astype(a.dtype) if r == 0 else np.maximum(offset, 0.0) ** r
            values = values.reshape(*values.shape, *(1 for letter in kind if letter != "j"))
            for factor in kind:
                values = values * _of_factor(factor, kind, layer.done, a.shape[1])
            found[kind, r] = values
    for kind in ("j", "ij", "ilj") if order == 2 else ():
        found[kind, -1] = np.zeros_like(found[kind, 0])
    return found


def _of_factor(factor: str, kind: str, marks: Array, outputs: int) -> Array:
    """Marks of features, shape (states, n, ...), on the axis of a factor: the outputs for j, its own for i and l."""
    states, n, *rest = marks.shape
    axes = [letter for letter in kind if letter != "j"]
    shape = [outputs if factor == "j" else 1, *(n if letter == factor else 1 for letter in axes)]
    return (marks[:, :outputs] if factor == "j" else marks).reshape(states, *shape, *rest)


def _advance(a: Array, b: Array, layer: _Layer, k: int, below: Moments, order: int) -> Moments:
    """The moments of all states of one layer, from those of the layer below.

    Axes: model, state, output, the features of i and of l where the kind has them, and last the coordinate of A.
    """
    outputs, n = a.shape[1:]
    active = layer.active.astype(a.dtype)
    # S at the other end of C, then its largest and its least value on the cube.
    offset = b[:, None, :] + np.einsum("zji,si->zsj", a, layer.done.astype(a.dtype))
    peak = offset + np.einsum("zji,si->zsj", np.maximum(a, 0), active)
    floor = offset + np.einsum("zji,si->zsj", np.minimum(a, 0), active)
    coefficients = np.swapaxes(a[:, :, layer.members], 1, 2)  # (batch, states, outputs, k)
    largest = np.argmax(np.abs(coefficients), axis=-1)[..., None]
    steepest = np.take_along_axis(coefficients, largest, axis=-1)[..., 0]
    mixed = (floor < 0) & (peak > 0) & (steepest != 0)  # elsewhere S has one sign, and no density at 0
    leverage = np.divide(peak, steepest, out=np.zeros_like(peak), where=mixed)
    inverse = np.divide(1.0, steepest, out=np.zeros_like(peak), where=mixed)
    is_member = np.swapaxes(layer.members[:, :, None] == np.arange(n), 1, 2)  # (states, n, k)

    found: Moments = {}
    for kind, powers in _KINDS[order]:
        axes = [letter for letter in kind if letter != "j"]

        def spread(values: Array, axes: list[str] = axes) -> Array:
            """Something for each state and output, beside the axes of the features."""
            return values.reshape(*values.shape[:3], *(1 for _ in axes), *values.shape[3:])

        rising = spread(coefficients) >= 0
        marks = {factor: _of_factor(factor, kind, is_member, outputs) for factor in kind}
        weighted = (
            np.any(
                [np.broadcast_to(m, np.broadcast_shapes(*(x.shape for x in marks.values()))) for m in marks.values()],
                axis=0,
            )
            if marks
            else np.zeros(1, bool)
        )
        for r in powers or (0,):
            zero = np.moveaxis(below[kind, r][:, layer.at_zero], 2, -1)
            one = np.moveaxis(below[kind, r][:, layer.at_one], 2, -1)
            removed: Any = 0.0  # Σ over the factors u_q that are u_l: the moment without u_q
            for factor, mark in marks.items():
                rest, name = _without(factor, kind)
                removed = removed + mark * _place(found[name, r], rest, kind)[..., None]
            term = np.where(rising, np.where(weighted, removed, zero), one)
            if r == 0:
                jump = one - zero - removed
                index = np.broadcast_to(spread(largest), (*jump.shape[:-1], 1))
                jump = np.take_along_axis(jump, index, axis=-1)[..., 0]
                first = spread(leverage) * jump
                if order == 2 and kind in ("j", "ij", "ilj"):
                    found[kind, -1] = _settle(spread(inverse) * jump, kind, -1, layer, found)
            else:
                first = r * spread(peak) * found[kind, r - 1]
            total = (first + term.sum(-1)) / (r + k + len(kind))
            if r == 0:
                # S > 0 almost everywhere; the recursion would need to know on which side a face of S = 0 lies.
                total = np.where(spread(floor) >= 0, _means(kind, n)[:outputs], total)
            total = np.where(spread(peak) > 0, total, 0.0)
            found[kind, r] = _settle(total, kind, r, layer, found)
    return found


@cache
def _means(kind: str, n: int) -> Array:
    """E[u^α] where all factors are active, 1/(α_q + 1) for every coordinate, on the axes of output, i and l."""
    axes = [letter for letter in kind if letter != "j"]
    means = np.ones((n, *(n for _ in axes)))
    for place in np.ndindex(means.shape):
        features = [place[0] if letter == "j" else place[1 + axes.index(letter)] for letter in kind]
        means[place] = prod(1 / (features.count(q) + 1) for q in set(features))
    return means


def _settle(total: Array, kind: str, r: int, layer: _Layer, found: Moments) -> Array:
    """Moments as computed where all factors are active; a factor is 1 where its coordinate is done, 0 where neither."""
    for factor in kind:
        rest, name = _without(factor, kind)
        active = _of_factor(factor, kind, layer.active, total.shape[2])
        done = _of_factor(factor, kind, layer.done, total.shape[2])
        reduced = _place(found[name, r], rest, kind) if (name, r) in found else 0.0
        total = np.where(active, total, np.where(done, reduced, 0.0))
    return total
