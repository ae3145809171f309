"""Is there a cyclic order in which each of some sets is consecutive? Either way with a reason that is quickly checked.

Sets of 0, ..., n − 1 have the *circular-ones property* if the n elements can stand around a circle so that each set is
an arc. Complements of arcs are arcs; so with one element e as base and complements in place of the sets that have e,
it is the question for a line (Tucker, 1971), which a PQ-tree answers (Booth and Lueker, 1976).

*Yes* comes with the order, *no* with an odd cycle (McConnell, 2004). For a ≠ b say that (a, b) holds in an order if
going around from e one meets a before b. Of (a, b) and (b, a) exactly one holds. If a set has of e, a, b, c exactly a
and b, or exactly c and e, then (a, c) and (c, b) cannot both hold, nor can both fail, which is (b, c) and (c, a): c and
e would stand on different sides between a and b. So along a chain of such pairs truth alternates, and a cycle of odd
length has no order. McConnell's theorem is that there is one whenever there is no order; nothing here relies on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["OddCycle", "circular_order", "is_circular_order", "is_odd_cycle", "odd_cycle"]

Sets = Sequence[frozenset[int]]


@dataclass(frozen=True, slots=True)
class OddCycle:
    """A proof that there is no order.

    Attributes
    ----------
    base : int
    pairs : tuple of pairs of int
        An odd number; each is the next one turned round, or excluded beside it by one of the sets, and so the last
        and the first.
    """

    base: int
    pairs: tuple[tuple[int, int], ...]


def is_circular_order(sets: Sets, order: Sequence[int]) -> bool:
    """Whether each set is consecutive around `order`, which has every element once."""
    if sorted(order) != list(range(len(order))):
        return False
    inside = ([t in members for t in order] for members in sets)
    return all(sum(now != before for now, before in zip(row, [row[-1], *row[:-1]], strict=True)) <= 2 for row in inside)


def is_odd_cycle(sets: Sets, size: int, found: OddCycle) -> bool:
    """Whether this proves that there is no order of 0, ..., size − 1, checked from the sets alone.

    An element that does not exist, and so is in no set, may have no place where all others have one.
    """
    if any(t not in range(size) for t in (found.base, *(t for pair in found.pairs for t in pair))):
        return False
    if len(found.pairs) % 2 == 0 or any(len({found.base, *pair}) < 3 for pair in found.pairs):
        return False
    around = zip(found.pairs, [*found.pairs[1:], found.pairs[0]], strict=True)
    return all(_alternate(sets, found.base, one, other) for one, other in around)


def _alternate(sets: Sets, base: int, one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether exactly one of two pairs holds in any order."""
    if one == other[::-1]:
        return True
    if other[1] == one[0]:
        one, other = other, one
    (a, c), (d, b) = one, other
    if c != d or len({base, a, b, c}) < 4:
        return False
    return any({base, a, b, c} & members in ({a, b}, {c, base}) for members in sets)


def circular_order(sets: Sets, size: int) -> tuple[int, ...] | None:
    """An order of 0, ..., size − 1 around a circle in which each set is an arc, or None if there is none."""
    if size < 4:
        return tuple(range(size))
    base = size - 1
    tree: _Node | None = _Node.of("P", [_Node.leaf(t) for t in range(base)])
    for members in _linear(sets, base, frozenset(range(base))):
        if tree is not None and 1 < len(members) < base:
            tree = _reduce(tree, members)
    return None if tree is None else (*tree.frontier(), base)


def odd_cycle(sets: Sets, size: int) -> OddCycle | None:
    """A proof that `circular_order` finds none, on few elements, or None where this search finds no proof.

    Sets that are not needed are left out, one after the other, and of elements that the others do not tell apart one is
    enough.
    """
    if circular_order(sets, size) is not None:
        return None
    needed = list(dict.fromkeys(sets))
    for members in tuple(needed):
        rest = [other for other in needed if other != members]
        if circular_order(rest, size) is None:
            needed = rest
    classes: dict[tuple[bool, ...], int] = {}
    for t in range(size):
        classes.setdefault(tuple(t in members for members in needed), t)
    *elements, base = classes.values()
    return _odd_cycle(list(_linear(needed, base, frozenset(elements))), base, elements)


def _linear(sets: Sets, base: int, others: frozenset[int]) -> Iterator[frozenset[int]]:
    """The sets, or their complements, without the base."""
    return (others - members if base in members else others & members for members in sets)


def _odd_cycle(sets: Sets, base: int, elements: Collection[int]) -> OddCycle | None:
    """Colour pairs by turns; where that fails, the ways to the two ends of the edge close a cycle of odd length."""

    def beside(pair: tuple[int, int]) -> Iterator[tuple[int, int]]:
        p, q = pair
        yield q, p
        for members in sets:
            if p in members and q not in members:
                yield from ((q, b) for b in members if b != p)
            elif q in members and p not in members:
                yield from ((a, p) for a in members if a != q)

    before: dict[tuple[int, int], tuple[int, int] | None] = {}
    depth: dict[tuple[int, int], int] = {}
    for root in ((a, b) for a in elements for b in elements if a != b):
        if root in depth:
            continue
        before[root], depth[root] = None, 0
        queue = deque([root])
        while queue:
            pair = queue.popleft()
            for other in beside(pair):
                if other not in depth:
                    before[other], depth[other] = pair, depth[pair] + 1
                    queue.append(other)
                elif (depth[other] - depth[pair]) % 2 == 0:
                    return OddCycle(base, _cycle_of(before, pair, other))
    return None


def _cycle_of(
    before: dict[tuple[int, int], tuple[int, int] | None], one: tuple[int, int], other: tuple[int, int]
) -> tuple[tuple[int, int], ...]:
    """The cycle of the edge between two pairs and their ways to the first common one."""

    def way(pair: tuple[int, int] | None) -> Iterator[tuple[int, int]]:
        while pair is not None:
            yield pair
            pair = before[pair]

    first, second = list(way(one)), list(way(other))
    shared = set(first) & set(second)
    first = first[: next(k for k, pair in enumerate(first) if pair in shared) + 1]
    second = second[: next(k for k, pair in enumerate(second) if pair in shared)]
    return (*first, *reversed(second))


# ---------------------------------------------------------------------------------------------------------
# The PQ-tree: all orders of the leaves in which every set so far is consecutive.


@dataclass(frozen=True, slots=True, eq=False)
class _Node:
    """A leaf; P: its children in any order; Q: in this one or turned round."""

    kind: Literal["P", "Q", "leaf"]
    children: tuple[_Node, ...]
    leaves: frozenset[int] = field(repr=False)

    @classmethod
    def leaf(cls, element: int) -> _Node:
        return cls("leaf", (), frozenset([element]))

    @classmethod
    def of(cls, kind: Literal["P", "Q"], children: Sequence[_Node]) -> _Node:
        return cls(kind, tuple(children), frozenset().union(*(child.leaves for child in children)))

    def frontier(self) -> Iterator[int]:
        """The leaves from left to right."""
        if self.kind == "leaf":
            yield from self.leaves
        for child in self.children:
            yield from child.frontier()

    def share(self, members: frozenset[int]) -> int:
        """0: none of its leaves are members; 2: all; 1: some."""
        common = len(self.leaves & members)
        return 0 if not common else 2 if common == len(self.leaves) else 1


def _together(nodes: Sequence[_Node]) -> list[_Node]:
    """The nodes in any order, as at most one node."""
    return list(nodes) if len(nodes) < 2 else [_Node.of("P", nodes)]


def _by_share(node: _Node, members: frozenset[int]) -> tuple[list[_Node], list[_Node], list[_Node]]:
    groups: tuple[list[_Node], list[_Node], list[_Node]] = ([], [], [])
    for child in node.children:
        groups[child.share(members)].append(child)
    return groups


def _reduce(node: _Node, members: frozenset[int]) -> _Node | None:
    """The orders of a node with all the members in which these are consecutive; None if there are none."""
    if node.leaves == members:
        return node
    for place, child in enumerate(node.children):
        if members <= child.leaves:
            below = _reduce(child, members)
            if below is None:
                return None
            return _Node.of(_kind(node), [*node.children[:place], below, *node.children[place + 1 :]])
    if node.kind == "P":
        without, partly, full = _by_share(node, members)
        if len(partly) > 2:
            return None
        ends = [_rising(child, members) for child in partly]
        left, right = [*ends, [], []][:2]
        if left is None or right is None:
            return None
        middle = [*left, *_together(full), *reversed(right)]
        inner = _Node.of("Q", middle) if partly else middle[0]
        return _Node.of("P", [*without, inner]) if without else inner
    shares = [child.share(members) for child in node.children]
    first, last = (shares[::step].index(next(s for s in shares[::step] if s)) for step in (1, -1))
    last = len(shares) - 1 - last
    if any(share != 2 for share in shares[first + 1 : last]):
        return None
    left, right = _rising(node.children[first], members), _rising(node.children[last], members)
    if left is None or right is None:
        return None
    inside = [*left, *node.children[first + 1 : last], *reversed(right)]
    return _Node.of("Q", [*node.children[:first], *inside, *node.children[last + 1 :]])


def _kind(node: _Node) -> Literal["P", "Q"]:
    return "Q" if node.kind == "Q" else "P"


def _rising(node: _Node, members: frozenset[int]) -> list[_Node] | None:
    """The orders of a node in which the members come last, as a row of nodes; None if there are none."""
    if node.share(members) != 1:
        return [node]
    if node.kind == "P":
        without, partly, full = _by_share(node, members)
        rows = [_together(without), *(_rising(child, members) for child in partly), _together(full)]
        if len(partly) > 1:
            return None
    else:
        children = node.children
        if [child.share(members) for child in children] != sorted(child.share(members) for child in children):
            children = children[::-1]
        shares = [child.share(members) for child in children]
        if shares != sorted(shares) or shares.count(1) > 1:
            return None
        rows = [_rising(child, members) for child in children]
    found: list[_Node] = []
    for row in rows:
        if row is None:
            return None
        found += row
    return found
