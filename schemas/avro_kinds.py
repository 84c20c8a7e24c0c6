"""Which Avro types can be read as which kinds of fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.fields import FieldKind
from schemas.logical_types import meaning_of, type_label, type_name
from schemas.readings import Reading
from schemas.store import Schema

__all__ = ["FRACTIONS", "INTEGERS", "is_readable", "mismatches"]

INTEGERS = ("int", "long")
FRACTIONS = ("float", "double")
READABLE: Mapping[FieldKind, tuple[str, ...]] = {
    FieldKind.NUMBER: (*INTEGERS, *FRACTIONS, "boolean"),
    FieldKind.DATE: (*INTEGERS, "string"),
    FieldKind.CATEGORY: ("string", "enum", "boolean", *INTEGERS),
    FieldKind.TEXT: ("string", "enum", "boolean", *INTEGERS),
}
"""Avro types that can be read as each kind."""


def mismatches(
    schema: Schema, kinds: Mapping[str, FieldKind], readings: Mapping[str, Reading] | None = None
) -> list[str]:
    """Return the fields that a schema lacks, or has with a type that can't be read as their kind.

    Parameters
    ----------
    schema
        A lead's schema.
    kinds
        The fields that are read.
    readings
        Fields whose numbers and times may be text; see ``LeadDecoder``.

    Returns
    -------
    list of str
        A phrase for each.
    """
    wrong = []
    inner = {field: schema.inner_fields[path] for path, field in schema.nested.items()}
    types = {**schema.fields, **inner}
    for name, kind in kinds.items():
        if name not in types:
            wrong.append(f"{name} is not in it")
            continue
        branches = _branches(types[name])
        if not any(is_readable(branch, kind, name in (readings or {})) for branch in branches):
            found = " or ".join(map(type_label, branches))
            wrong.append(f"{name} is {found}, but the model reads a {kind}")
    return wrong


def is_readable(avro_type: Any, kind: FieldKind, has_reading: bool) -> bool:
    """Return whether a type, not a union, can be read as a kind.

    Parameters
    ----------
    avro_type
        As parsed, and not a name.
    kind
        The field's.
    has_reading
        Whether the format of the field's numbers and times is known.
    """
    named, meaning = type_name(avro_type), meaning_of(avro_type)
    what = None if meaning is None else meaning.what
    if what == "decimal":
        is_whole = meaning is not None and meaning.scale == 0
        return kind is FieldKind.NUMBER or (is_whole and kind is not FieldKind.DATE)
    if what == "uuid" and named == "fixed":
        return kind in (FieldKind.CATEGORY, FieldKind.TEXT)
    if what == "clock":
        return kind is FieldKind.NUMBER
    if what == "time":
        return kind in (FieldKind.DATE, FieldKind.NUMBER)
    is_text_of_number = kind is FieldKind.NUMBER and named == "string"
    is_fraction_of_time = kind is FieldKind.DATE and named in FRACTIONS
    if is_text_of_number or is_fraction_of_time:
        return has_reading
    return named in READABLE[kind]


def _branches(avro_type: Any) -> list[Any]:
    return avro_type if isinstance(avro_type, list) else [avro_type]
