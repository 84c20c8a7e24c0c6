"""Limits of schemas: within them, no bytes make a reader raise, hang or exhaust memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["MAX_BLOCKS", "MAX_TYPES", "MAX_UNIONS", "check_sound"]

MAX_BLOCKS = 8
"""Depth of nested arrays and maps: the generated reader has two loops for each, and Python allows
20 statically nested blocks."""
MAX_UNIONS = 32
"""Depth of nested unions: Python allows 100 levels of indentation."""
MAX_TYPES = 20_000
"""Number of types, a named one counted at each use: the reader has code for each."""

LEAST_BYTES = {"null": 0, "float": 4, "double": 8}
"""Fewest bytes of primitive types; the others take at least one."""


def check_sound(parsed: Mapping[str, Any]) -> None:
    """Check a record schema beyond fastavro's own checks.

    Parameters
    ----------
    parsed
        As fastavro parses it, named types by their full names.

    Raises
    ------
    ValueError
        A part is missing or invalid; or the schema is recursive, nested too deeply, too large, or
        has arrays whose items take no bytes.
    """
    _Check().least_bytes(parsed, (), 0, 0)


class _Check:
    """One traversal of a schema, with the named types met so far."""

    def __init__(self) -> None:
        self._named: dict[str, Mapping[str, Any]] = {}
        self._types = 0

    def least_bytes(self, node: Any, inside: tuple[str, ...], blocks: int, unions: int) -> int:
        """Return the fewest bytes that a datum of a type takes.

        Parameters
        ----------
        node
            A type.
        inside
            The enclosing records.
        blocks, unions
            Number of enclosing arrays and maps, and of enclosing unions.
        """
        self._types += 1
        if self._types > MAX_TYPES:
            raise ValueError(f"more than {MAX_TYPES} types in all: leave some out")
        if isinstance(node, list):
            return self._union(node, inside, blocks, unions + 1)
        if isinstance(node, str):
            if node in inside:
                raise ValueError(f"{node} refers to itself: such leads are not supported, flatten")
            if node not in self._named:
                return LEAST_BYTES.get(node, 1)
            node = self._named[node]
        kind = node["type"]
        if kind in ("record", "enum", "fixed"):
            self._named[node["name"]] = node
        match kind:
            case "record":
                return self._record(node, (*inside, node["name"]), blocks, unions)
            case "array" | "map":
                return self._block(node, inside, blocks + 1, unions)
            case "fixed":
                return _size(node)
            case "enum":
                _check_symbols(node)
                return 1
            case _:
                return self.least_bytes(kind, inside, blocks, unions)

    def _union(self, node: list[Any], inside: tuple[str, ...], blocks: int, unions: int) -> int:
        if unions > MAX_UNIONS:
            raise ValueError(
                f"unions inside each other {unions} deep: flatten, {MAX_UNIONS} is most"
            )
        if not node or any(isinstance(branch, list) for branch in node):
            raise ValueError("a union that is empty or has a union for a branch: name its types")
        return 1 + min(self.least_bytes(branch, inside, blocks, unions) for branch in node)

    def _record(
        self, node: Mapping[str, Any], inside: tuple[str, ...], blocks: int, unions: int
    ) -> int:
        fields = node["fields"]
        names = [entry["name"] for entry in fields]
        if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
            raise ValueError(f"record {node['name']}: each field needs a name of its own")
        return sum(self.least_bytes(entry["type"], inside, blocks, unions) for entry in fields)

    def _block(
        self, node: Mapping[str, Any], inside: tuple[str, ...], blocks: int, unions: int
    ) -> int:
        if blocks > MAX_BLOCKS:
            raise ValueError(
                f"arrays or maps inside each other {blocks} deep: flatten, {MAX_BLOCKS} is most"
            )
        is_map = node["type"] == "map"
        items = self.least_bytes(node["values" if is_map else "items"], inside, blocks, unions)
        if not is_map and items == 0:
            raise ValueError("an array of items without bytes could be of any length: leave it out")
        return 1


def _check_symbols(node: Mapping[str, Any]) -> None:
    symbols = node["symbols"]
    is_list = isinstance(symbols, list) and all(isinstance(symbol, str) for symbol in symbols)
    if not is_list or len(set(symbols)) != len(symbols):
        raise ValueError(f"enum {node['name']}: symbols must be a list of different names")


def _size(node: Mapping[str, Any]) -> int:
    size = node.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(f"fixed {node['name']}: size must be an integer of 0 or more")
    return size
