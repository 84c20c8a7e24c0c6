"""The elements of a page of HTML, and whether each of them is closed."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

__all__ = ["elements_of"]

VOID = {"meta", "br"}


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.names.add(tag)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.names.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements_of(page: str) -> set[str]:
    """Return the names of a page's elements, of which each must be closed in order."""
    found = _Elements()
    found.feed(page)
    assert found.open == []
    return found.names
