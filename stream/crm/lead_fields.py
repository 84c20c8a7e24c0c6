"""The fields of a lead's contract, as the producing side needs them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.fields import FieldKind

__all__ = ["LeadField", "lead_fields"]

KIND_OF_TYPE = {
    "int": FieldKind.NUMBER,
    "long": FieldKind.NUMBER,
    "float": FieldKind.NUMBER,
    "double": FieldKind.NUMBER,
    "boolean": FieldKind.CATEGORY,
    "string": FieldKind.CATEGORY,
    "enum": FieldKind.CATEGORY,
}
ENVELOPE = frozenset({"lead_id", "created_at"})


class LeadField(NamedTuple):
    """A field of a lead besides lead_id and created_at."""

    name: str
    avro_type: str
    """The Avro type without its null branch: ``int``, ``string``, ``enum``, ``array`` ..."""
    kind: FieldKind | None
    """None where a cell of a table can't hold it (arrays, maps, records, bytes)."""
    may_lack: bool
    """Whether it is nullable or has a default."""
    default: object
    """What stands in the record where a lead has no value."""
    symbols: frozenset[str]
    """Of an enum: its levels."""


def lead_fields(avro: Mapping[str, Any]) -> tuple[LeadField, ...]:
    """List the fields of a lead's contract besides ``lead_id`` and ``created_at``, in order.

    Parameters
    ----------
    avro
        The contract: an Avro record schema, parsed from JSON.
    """
    return tuple(_lead_field(field) for field in avro["fields"] if field["name"] not in ENVELOPE)


def _lead_field(field: Mapping[str, Any]) -> LeadField:
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    nullable = "null" in branches
    branch = next((branch for branch in branches if branch != "null"), "null")
    described = branch if isinstance(branch, dict) else {"type": branch}
    kind = KIND_OF_TYPE.get(described["type"])
    if kind is FieldKind.NUMBER and described.get("logicalType") == "timestamp-millis":
        kind = FieldKind.DATE
    return LeadField(
        name=field["name"],
        avro_type=described["type"],
        kind=kind,
        may_lack=nullable or "default" in field,
        default=None if nullable else field.get("default"),
        symbols=frozenset(described.get("symbols", ())),
    )
