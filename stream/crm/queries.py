"""Conditions on many ids, in requests whose address is not too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote

__all__ = ["MOST_BYTES", "split_by_size"]

MOST_BYTES = 8_000
"""Most bytes of the ids in an address: Salesforce's has 16,384, with the rest of the query."""


def split_by_size(conditions: Iterable[str]) -> Iterator[list[str]]:
    """Yield conditions in groups that an address has room for; each group has at least one."""
    some: list[str] = []
    size = 0
    for condition in conditions:
        length = len(quote(condition)) + 8  # with what joins it to the next
        if some and size + length > MOST_BYTES:
            yield some
            some, size = [], 0
        some.append(condition)
        size += length
    if some:
        yield some
