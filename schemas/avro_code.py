"""Building blocks of generated readers: lines of Python that walk over the bytes of Avro values.

The lines use these names: ``b`` is the record's bytes, ``p`` the position in them, ``n`` and
``raw`` hold what was just read.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

from schemas.logical_types import type_name
from schemas.store import of_name

__all__ = ["AvroCode", "Block"]


class Block:
    """Lines with the same indentation; inner blocks append to the same list."""

    def __init__(self, depth: int, lines: list[str] | None = None) -> None:
        self.lines: list[str] = [] if lines is None else lines
        self._depth = depth

    def add(self, *lines: str) -> None:
        """Append lines."""
        self.lines.extend("    " * self._depth + line for line in lines)

    def inner(self) -> Block:
        """Return a block that is indented below the latest line."""
        return Block(self._depth + 1, self.lines)


class AvroCode:
    """Writes the code that reads or skips the parts of Avro values.

    Parameters
    ----------
    constants
        Further objects that the generated code refers to, by name.

    Attributes
    ----------
    constants
        All of these objects.
    """

    def __init__(self, constants: Mapping[str, Any]) -> None:
        self.constants: dict[str, Any] = {
            **constants,
            "unpack_double": struct.Struct("<d").unpack_from,
            "unpack_float": struct.Struct("<f").unpack_from,
            "varint": _varint,
        }
        self._named: dict[str, Any] = {}
        self._names = count()

    def union(self, block: Block, branches: list[Any], read: Callable[..., None]) -> None:
        """Read the index of a branch, and in an inner block each branch by ``read``."""
        self.varint(block, "n")
        for i, branch in enumerate(branches):
            block.add(f"{'el' if i else ''}if n == {2 * i}:")
            read(block.inner(), branch)
        block.add("else: raise ValueError")

    def varint(self, block: Block, name: str) -> None:
        """Read a varint into a variable: the unsigned number, before the zigzag decoding."""
        block.add(f"{name} = b[p]", "p += 1")
        block.add(f"if {name} > 127: {name}, p = varint(b, {name}, p)")

    def length(self, block: Block) -> None:
        """Read the length of a string or of bytes into ``n``."""
        self.varint(block, "n")
        block.add("if n & 1: raise ValueError", "n >>= 1")

    def constant(self, value: Any) -> str:
        """Return the name by which the generated code refers to an object."""
        name = f"constant{next(self._names)}"
        self.constants[name] = value
        return name

    def resolved(self, avro_type: Any) -> Any:
        """Return a type, or the type that a name means; types with a name are remembered."""
        if isinstance(avro_type, dict) and avro_type["type"] in ("record", "enum", "fixed"):
            self._named[avro_type["name"]] = avro_type
        return of_name(avro_type, self._named)

    def raw_bytes(self, block: Block, avro_type: Any) -> None:
        """Read bytes or a fixed into ``raw``."""
        if type_name(avro_type) == "fixed":
            block.add(f"n = {avro_type['size']}")
        else:
            self.length(block)
        # A slice beyond the end is shortened without an error.
        block.add("raw = b[p:p + n]", "p += n", "if p > len(b): raise ValueError")

    def skip(self, block: Block, avro_type: Any) -> None:
        """Skip a value of a type."""
        avro_type = self.resolved(avro_type)
        if isinstance(avro_type, list):
            self.union(block, avro_type, self.skip)
            return
        match type_name(avro_type):
            case "null":
                block.add("pass")
            case "boolean":
                block.add("n = b[p]", "p += 1", "if n > 1: raise ValueError")
            case "int" | "long":
                self.varint(block, "n")
            case "float":
                block.add("p += 4")
            case "double":
                block.add("p += 8")
            case "fixed":
                block.add(f"p += {avro_type['size']}")
            case "enum":
                self.varint(block, "n")
                block.add(f"if n & 1 or n >> 1 >= {len(avro_type['symbols'])}: raise ValueError")
            case "string":
                self.length(block)
                block.add("b[p:p + n].decode()", "p += n")
            case "bytes":
                self.length(block)
                block.add("p += n")
            case "record":
                block.add("pass")
                for entry in avro_type["fields"]:
                    self.skip(block, entry["type"])
            case _:
                self._skip_blocks(block, avro_type)

    def _skip_blocks(self, block: Block, avro_type: Any) -> None:
        """Skip an array or a map: blocks of items up to an empty block."""
        left = f"left{next(self._names)}"
        block.add("while True:")
        loop = block.inner()
        self.varint(loop, "n")
        loop.add(f"{left} = (n >> 1) ^ -(n & 1)", f"if not {left}: break")
        # A negative count is followed by the block's size in bytes. The items are still read,
        # to detect invalid ones.
        loop.add(f"if {left} < 0:")
        sized = loop.inner()
        sized.add(f"{left} = -{left}")
        self.varint(sized, "n")
        loop.add(f"for _ in range({left}):")
        items = loop.inner()
        if type_name(avro_type) == "map":
            self.skip(items, "string")
            self.skip(items, avro_type["values"])
        else:
            self.skip(items, avro_type["items"])
        # Numbers are skipped without a check of the end: a wrong count could loop for long.
        items.add("if p > len(b): raise ValueError")


def _varint(b: bytes, first: int, p: int) -> tuple[int, int]:
    """Read a varint from its second byte on; return the unsigned number and the position."""
    n = first & 127
    for shift in range(7, 70, 7):
        byte = b[p]
        p += 1
        n |= (byte & 127) << shift
        if byte < 128:
            if n >> 64:
                break
            return n, p
    raise ValueError("varint")
