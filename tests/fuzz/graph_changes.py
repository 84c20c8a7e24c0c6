"""Changes of a model's graph as a structure: attributes, shapes, constants, nodes, trees."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

__all__ = ["MARK", "changed_graph", "some_changes"]

MARK = b"\xfe\xed"
"""Begins an input that lists changes; others overwrite bytes of the file."""
CHANGE = struct.Struct("<HHBB")
"""A field, an entry of it, what is done to it, and a value."""
MOST_CHANGES = 8
INTEGERS = (
    *(-1, 0, 1, 2, 3, 16, 17, 20_000, 2**31 - 1, 2**31, 2**62, 2**63 - 1),
    *(-(2**63), -(2**31)),
)
FLOATS = (0.0, -1.0, 1e30, 3e38, float("inf"), float("-inf"), float("nan"), 1e-40)
TEXTS = (
    *(b"", b"LEAF", b"BRANCH_LT", b"BRANCH_EQ", b"features", b"twice", b"margin"),
    *(b"\xff\0", b"Loop"),
)
Field = tuple[Any, Any]


def changed_graph(model: Any, changes: bytes) -> Any:
    """Apply changes to a message; what a field does not take is left out."""
    changed = type(model)()
    changed.CopyFrom(model)
    for at in range(
        0, min(len(changes), MOST_CHANGES * CHANGE.size) - CHANGE.size + 1, CHANGE.size
    ):
        field, entry, action, value = CHANGE.unpack_from(changes, at)
        fields = list(_fields(changed))
        if fields:
            part, described = fields[field % len(fields)]
            _change(part, described, entry, action, value)
    return changed


def some_changes(model: Any) -> Sequence[bytes]:
    """Return inputs to begin from: one change of each field."""
    count = len(list(_fields(model)))
    return [MARK + CHANGE.pack(field, field, field % 6, field % 13) for field in range(count)]


def _fields(part: Any) -> Iterator[Field]:
    """Every field of a message and of those in it, set or not."""
    for described in part.DESCRIPTOR.fields:
        if described.name == "value":  # the metadata's text is fuzzed for itself
            continue
        yield part, described
        inner = getattr(part, described.name)
        if described.message_type is None:
            continue
        if hasattr(inner, "add"):
            for entry in inner:
                yield from _fields(entry)
        elif part.HasField(described.name):
            yield from _fields(inner)


def _change(part: Any, described: Any, entry: int, action: int, value: int) -> None:
    held = getattr(part, described.name)
    if not (hasattr(held, "append") or hasattr(held, "add")):
        if action % 3 == 0 or described.message_type is not None:
            part.ClearField(described.name)
        else:
            with suppress(ValueError):  # beyond what 32 or 64 bits hold
                setattr(part, described.name, _drawn(held, value))
        return
    at = entry % max(len(held), 1)
    match action % 6:
        case 0 if len(held):
            del held[at]
        case 1 if len(held):
            held.append(held[at])
        case 2:
            del held[at:]
        case 3 if described.message_type is not None:
            held.add()
        case 3:
            with suppress(ValueError):
                held.append(_drawn(_empty(described), value))
        case 4 if described.message_type is None and len(held):
            held[at] = held[(at + value) % len(held)]
        case 5 if described.message_type is None and len(held):
            with suppress(ValueError):
                held[at] = _drawn(held[at], value)


def _empty(described: Any) -> Any:
    return {described.CPPTYPE_STRING: b"", described.CPPTYPE_FLOAT: 0.0}.get(described.cpp_type, 0)


def _drawn(held: Any, value: int) -> Any:
    """Return a value of the type of the one that is there, near it or wild."""
    if isinstance(held, bytes):
        texts = (*TEXTS, held + b"\0", held[:-1])
        return texts[value % len(texts)]
    if isinstance(held, float):
        floats = (*FLOATS, held * 2, -held)
        return floats[value % len(floats)]
    integers = (*INTEGERS, held + 1, held - 1, -held, held * 2)
    return integers[value % len(integers)]
