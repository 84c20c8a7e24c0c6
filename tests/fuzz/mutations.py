"""Mutations of an input: of its bytes, and of JSON as a tree."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.fuzz.target import Shape

__all__ = ["changed"]

WILD_BYTES = (
    b"",
    b"\x00",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x80\x80\x80\x80\x08",  # a length of 1 GiB
    b"\xfe" + b"\xff" * 8 + b"\x01",  # the largest long
    b"\xff" * 9 + b"\x01",  # the smallest
    b"\xff" * 12,  # a number that never ends
    b"\x00\x00\x00\x00\x00\x00\xf8\x7f",  # NaN
    b"\xed\xa0\x80",  # a lone surrogate
    b"\r\n",
    b'"',
    b"[" * 200,
    b'{"a":' * 200,
    b"9" * 400,
    b"1e999",
)
WILD_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**400,
    0.5,
    1e308,
    -0.0,
    float("nan"),
    float("inf"),
    "",
    "a",
    "\ud800",
    "\x00",
    "x" * 2000,
    [],
    {},
    [[]],
)


def changed(value: bytes, shape: Shape, longest: int, draw: random.Random) -> bytes:
    """Change an input in a way that its shape suggests."""
    change = changed_json if shape is Shape.JSON else changed_bytes
    return change(value, longest, draw)


def changed_bytes(value: bytes, longest: int, draw: random.Random) -> bytes:
    """Flip, overwrite, leave out, put in, repeat or cut."""
    changed = bytearray(value)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        at = draw.randint(0, len(changed))
        end = min(len(changed), at + draw.choice((1, 1, 2, 4, 8, 40)))
        match draw.randrange(6):
            case 0 if changed:
                changed[min(at, len(changed) - 1)] ^= 1 << draw.randrange(8)
            case 1:
                changed[at:end] = draw.randbytes(end - at)
            case 2:
                del changed[at:end]
            case 3:
                changed[at:at] = draw.choice(WILD_BYTES)
            case 4:
                changed[at:at] = changed[at:end] * draw.choice((1, 2, 30))
            case _:
                wild = draw.choice(WILD_BYTES)
                changed[at : at + len(wild)] = wild
    return bytes(changed[:longest])


def changed_json(value: bytes, longest: int, draw: random.Random) -> bytes:
    """Change one place of the tree; what is no JSON is changed as bytes are."""
    if draw.random() < 0.2:
        return changed_bytes(value, longest, draw)
    try:
        tree = [json.loads(value)]
        for _ in range(draw.choice((1, 1, 2, 3))):
            _change(tree, draw)
        return json.dumps(tree[0]).encode()[:longest]
    except (ValueError, RecursionError):
        return changed_bytes(value, longest, draw)


def _change(tree: list[Any], draw: random.Random) -> None:
    places = list(_places(tree))
    parent, key = draw.choice(places)
    old = parent[key]
    change: Callable[[Any], Any] = draw.choice((_wild, _nudged, _repeated, _deeper, _other))
    parent[key] = change((old, places, draw))
    if isinstance(parent, dict) and draw.random() < 0.2:
        if draw.random() < 0.5:
            del parent[key]
        else:
            parent[draw.choice(("", "name", "type", "x" * 300))] = old


def _wild(given: Any) -> Any:
    return given[2].choice(WILD_VALUES)


def _nudged(given: Any) -> Any:
    old, _, draw = given
    if isinstance(old, bool) or old is None:
        return not old
    if isinstance(old, int | float):
        return draw.choice((old + 1, old - 1, -old, old // 2, old * 1_000_003))
    if isinstance(old, str):
        return draw.choice((old + "\u0130", old.upper(), old[:-1], f" {old}", old * 2))
    return old


def _repeated(given: Any) -> Any:
    old, _, draw = given
    if isinstance(old, list) and old:
        return draw.choice((old[1:], old[::-1], old * 2, [*old, old[0]], old[:1]))
    return [old]


def _deeper(given: Any) -> Any:
    old, _, draw = given
    for _ in range(draw.choice((1, 3, 30, 400))):
        old = draw.choice(([old], {"a": old}))
    return old


def _other(given: Any) -> Any:
    """Replace a part by one from another position."""
    _, places, draw = given
    parent, key = draw.choice(places)
    return json.loads(json.dumps(parent[key]))


def _places(node: Any, depth: int = 0) -> Any:
    """Every place of a tree, as its parent and the key in it."""
    entries = node.items() if isinstance(node, dict) else enumerate(node)
    for key, child in list(entries):
        yield node, key
        if isinstance(child, dict | list) and depth < 40:
            yield from _places(child, depth + 1)
