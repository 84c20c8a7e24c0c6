"""The fields of a lead's contract, for the simulator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.field_names import REQUIRED
from schemas.fields import FieldKind
from schemas.logical_types import kind_of, type_name
from schemas.store import parse_schema

__all__ = ["LeadField", "lead_fields"]


class LeadField(NamedTuple):
    """A field of a lead besides lead_id and created_at."""

    name: str
    avro_type: str
    """The Avro type without its null branch: ``int``, ``string``, ``enum``, ``array`` ..."""
    kind: FieldKind | None
    """None if a table cell can't hold it (arrays, maps, records, bytes)."""
    may_lack: bool
    """Whether it is nullable or has a default."""
    default: object
    """The value in the record if a lead has none."""
    symbols: frozenset[str]
    """The levels of an enum."""


def lead_fields(avro: Mapping[str, Any]) -> tuple[LeadField, ...]:
    """Return the fields of a contract except ``lead_id`` and ``created_at``, in order.

    Parameters
    ----------
    avro
        The contract: an Avro record schema, parsed from JSON.
    """
    types = parse_schema(avro).fields
    return tuple(
        _lead_field(field, types[field["name"]])
        for field in avro["fields"]
        if field["name"] not in REQUIRED
    )


def _lead_field(field: Mapping[str, Any], avro_type: Any) -> LeadField:
    branches = avro_type if isinstance(avro_type, list) else [avro_type]
    nullable = "null" in branches
    branch = next((branch for branch in branches if branch != "null"), "null")
    return LeadField(
        name=field["name"],
        avro_type=type_name(branch),
        kind=kind_of(branch),
        may_lack=nullable or "default" in field,
        default=None if nullable else field.get("default"),
        symbols=frozenset(branch.get("symbols", ()) if isinstance(branch, Mapping) else ()),
    )
