"""Ways to damage a JSON document: what a careless hand, a bad disk or a cheat might do."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

Path = tuple[Any, ...]


def nodes(tree: Any, path: Path = ()) -> list[Path]:
    """Every place in the document, the root included."""
    found = [path]
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        found += nodes(value, (*path, key))
    return found


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def _damaged_value(value: Any, rng: random.Random) -> Any:
    if isinstance(value, bool):
        return rng.choice([not value, None, "true", 1])
    if isinstance(value, int):
        return rng.choice([value + 1, value - 1, -value, 0, value * 10**12, float(value), str(value)])
    if isinstance(value, str):
        numbers = [f"-{value}", "0", "1", "-1", f"{value}1", "1/0", "nan", "inf", "1e3", "0.5", "", "9" * 5000]
        part = value.split("/")[0]
        near = [str(int(part) + d) + value[len(part) :] for d in (-1, 1)] if part.lstrip("-").isdigit() else []
        return rng.choice([*numbers, *near, *near, *near, *near])
    if value is None:
        return rng.choice([[], "0", 0, [["1"]]])
    if isinstance(value, list) and value:
        kind = rng.randrange(5)
        new = copy.deepcopy(value)
        i, j = rng.randrange(len(new)), rng.randrange(len(new))
        if kind == 0:
            del new[i]
        elif kind == 1:
            new.insert(j, copy.deepcopy(new[i]))
        elif kind == 2:
            new[i], new[j] = new[j], new[i]
        elif kind == 3:
            new[i] = copy.deepcopy(new[j])
        else:
            return rng.choice([None, {}, [], "0"])
        return new
    return rng.choice([None, [], {}, "0", 7])


def mutate(text: str, rng: random.Random) -> str:
    """The document with one thing changed, sometimes as text and mostly as a tree."""
    if rng.random() < 0.1:
        i = rng.randrange(len(text))
        return rng.choice([text[:i], text[:i] + rng.choice('"[]{}0-/,') + text[i + 1 :], text[:i] + text[i + 1 :]])
    tree = json.loads(text)
    path = rng.choice(nodes(tree)[1:])
    parent = _at(tree, path[:-1])
    if isinstance(parent, dict) and rng.random() < 0.1:
        del parent[path[-1]]
    else:
        parent[path[-1]] = _damaged_value(parent[path[-1]], rng)
    return json.dumps(tree)
