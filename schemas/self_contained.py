"""Avro schemas that refer to types of other schemas, as one schema that needs no other.

A schema registry stores references beside a schema (Confluent's "schema references"): the schema
names a type whose definition is registered elsewhere. A union at the top of a schema names types
that an earlier branch defines. Readers here need each record schema alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["definitions", "self_contained"]

DEFINED = ("record", "error", "enum", "fixed")
PARTS = ("type", "items", "values")


def definitions(avro: Any) -> dict[str, Any]:
    """Return the named types that a schema defines, by full name, at any depth.

    Parameters
    ----------
    avro
        A schema as parsed from JSON: an object, a list (union) or a name.
    """
    found: dict[str, Any] = {}
    _collect(avro, "", found)
    return found


def self_contained(avro: Any, known: Mapping[str, Any]) -> Any:
    """Return a schema with the definition of each known type where its name is used first.

    Names are resolved as in the Avro 1.12 specification, "Names": one without a dot belongs to the
    enclosing namespace. A name that is not known stays, and so does a type's name inside itself.

    Parameters
    ----------
    avro
        A schema as parsed from JSON.
    known
        Definitions by full name; see ``definitions``.
    """
    return _with_definitions(avro, "", known, set())


def _collect(node: Any, namespace: str, found: dict[str, Any]) -> None:
    if isinstance(node, list):
        for branch in node:
            _collect(branch, namespace, found)
    elif isinstance(node, Mapping):
        if _is_definition(node):
            name = _full_name(node, namespace)
            namespace = name.rpartition(".")[0]
            found.setdefault(name, _standing_alone(node, name))
        for key in PARTS:
            _collect(node.get(key), namespace, found)
        for entry in _fields(node):
            _collect(entry.get("type"), namespace, found)


def _with_definitions(
    node: Any, namespace: str, known: Mapping[str, Any], defined: set[str]
) -> Any:
    if isinstance(node, str):
        name = node if "." in node or not namespace else f"{namespace}.{node}"
        if name not in known or name in defined:
            return node
        return _with_definitions(known[name], "", known, defined)
    if isinstance(node, list):
        return [_with_definitions(branch, namespace, known, defined) for branch in node]
    if not isinstance(node, Mapping):
        return node
    if _is_definition(node):
        name = _full_name(node, namespace)
        namespace = name.rpartition(".")[0]
        defined.add(name)
    made = {
        key: _with_definitions(part, namespace, known, defined) if key in PARTS else part
        for key, part in node.items()
    }
    if isinstance(node.get("fields"), list):
        made["fields"] = [
            {**entry, "type": _with_definitions(entry.get("type"), namespace, known, defined)}
            if isinstance(entry, Mapping)
            else entry
            for entry in node["fields"]
        ]
    return made


def _is_definition(node: Mapping[str, Any]) -> bool:
    return node.get("type") in DEFINED and isinstance(node.get("name"), str)


def _full_name(node: Mapping[str, Any], enclosing: str) -> str:
    name = str(node["name"])
    if "." in name:
        return name
    namespace = node.get("namespace", enclosing)
    return f"{namespace}.{name}" if namespace else name


def _standing_alone(node: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a definition that means the same inside any namespace."""
    outer, _, bare = name.rpartition(".")
    return {**node, "name": bare, "namespace": outer}


def _fields(node: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    fields = node.get("fields")
    found = fields if isinstance(fields, list) else []
    return [entry for entry in found if isinstance(entry, Mapping)]
