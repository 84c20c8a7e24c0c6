"""Dotted names for values inside nested objects: ``{"a": {"b": 1}}`` has the field ``a.b``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["DEEPEST", "LONGEST_PATH", "flattened", "object_paths", "path_to"]

DEEPEST = 8
"""Levels of objects that are flattened; what is nested deeper stays an object."""
LONGEST_PATH = 200
"""Characters of an object's dotted name up to which it is flattened: each of its values gets the
name in front, so that a long one would multiply the size of a lead."""


def flattened(lead: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with the values of nested objects under dotted names.

    Arrays stay as they are. An empty object has no values. If an object has both the key ``a.b``
    and an object ``a`` with the key ``b``, the key that comes last wins, as with a repeated key.

    Parameters
    ----------
    lead
        A JSON object.

    Examples
    --------
    >>> flattened({"id": 1, "address": {"city": "Bonn", "geo": {"lat": 50.7}}, "tags": []})
    {'id': 1, 'address.city': 'Bonn', 'address.geo.lat': 50.7, 'tags': []}
    """
    return {path: value for path, value, is_object in _walk(lead, "", 1) if not is_object}


def object_paths(lead: Mapping[str, Any]) -> Iterator[str]:
    """Return the dotted names of the nested objects that are flattened.

    Examples
    --------
    >>> [*object_paths({"id": 1, "address": {"city": "Bonn", "geo": {"lat": 50.7}}})]
    ['address', 'address.geo']
    """
    return (path for path, _, is_object in _walk(lead, "", 1) if is_object)


def path_to(name: str, lead: Mapping[str, Any]) -> str | None:
    """Return the dotted name of the first nested object that has a key; None if none has it.

    Examples
    --------
    >>> path_to("lead_id", {"op": "c", "after": {"lead_id": "L-1"}})
    'after'
    """
    found = (path for path, value, is_object in _walk(lead, "", 1) if is_object and name in value)
    return next(found, None)


def _walk(found: Mapping[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, Any, bool]]:
    """Yield each value with its dotted name, and whether it is an object that is flattened."""
    for key, value in found.items():
        path = prefix + key
        is_object = isinstance(value, dict) and depth < DEEPEST and len(path) <= LONGEST_PATH
        yield path, value, is_object
        if is_object:
            yield from _walk(value, f"{path}.", depth + 1)
