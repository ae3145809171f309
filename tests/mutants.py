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


def damage(content: bytes, rng: random.Random) -> bytes:
    """The bytes with something done to them that disks, editors and cheats do."""
    i, j = sorted((rng.randrange(len(content) + 1), rng.randrange(len(content) + 1)))
    kind = rng.randrange(8)
    if kind == 0:
        return content[:i]
    if kind == 1:  # bits
        flipped = bytearray(content)
        for _ in range(rng.choice((1, 1, 1, 2, 8))):
            flipped[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        return bytes(flipped)
    if kind == 2:  # a hole, as after a crash without a flush
        return content[:i] + b"\0" * (j - i) + content[j:]
    if kind == 3:
        return content[:i] + content[j:]
    if kind == 4:
        return content[:j] + content[i:]
    if kind == 5:
        return content[:i] + rng.randbytes(rng.randint(1, 40)) + content[i:]
    if kind == 6:
        return rng.choice((b"", b"\0" * 100, b"\xef\xbb\xbf" + content, content.decode("latin1").encode("utf-16")))
    return content + rng.choice((content, b"\n\n{}", b"\0", b"PK\x05\x06" + b"\0" * 18))


# Texts in place of a number, a list or a whole document: what a reader must bound before it believes.
HOSTILE = (
    "[" * 100_000, '{"a":' * 50_000, "9" * 100_000, "-" + "9" * 5_000, "1e999999999", "NaN", "-Infinity", '"\\ud800"',
    '"' + "\\\"" * 50_000, "[" + "[]," * 100_000 + "[]]", '{"x": 1, "x": 2}', "null", "true",
    '"' + "a" * 1_000_000 + '"',
    '"\\u0000"', '["1/' + "9" * 700 + '"]', "{}", "[]", '"__import__(\'os\')"', "0x10", "1_000", "\u00b2",
)  # fmt: skip


def hostile(text: str, rng: random.Random) -> str:
    """The JSON document with one value replaced by a hostile text."""
    tree = json.loads(text)
    path = rng.choice(nodes(tree)[1:])
    _at(tree, path[:-1])[path[-1]] = "HOSTILE"
    return json.dumps(tree, ensure_ascii=False).replace('"HOSTILE"', rng.choice(HOSTILE), 1)
