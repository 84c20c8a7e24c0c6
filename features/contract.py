"""A lead's contract (an Avro record schema) and a table: do they fit, and what follows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from features.column import TextCells
from features.column_name import field_name
from features.levels import known_level
from features.table import Table
from schemas.errors import InputError
from schemas.field_names import ENVELOPE
from schemas.fields import FieldKind
from schemas.logical_types import kind_of
from schemas.number_reading import FALSE_WORDS, TRUE_WORDS
from schemas.readings import Reading
from schemas.store import parse_schema

__all__ = ["branch_of", "conform", "contract_kinds", "derive_contract", "is_boolean"]

TIME_TYPE = {"type": "long", "logicalType": "timestamp-millis"}
TYPE_OF_KIND: dict[FieldKind, object] = {
    FieldKind.NUMBER: "double",
    FieldKind.CATEGORY: "string",
    FieldKind.TEXT: "string",
    FieldKind.DATE: TIME_TYPE,
}


def contract_kinds(contract: Mapping[str, Any]) -> dict[str, FieldKind]:
    """Return the kinds of a contract's fields; those that can't be features are left out.

    Parameters
    ----------
    contract
        The Avro record schema, parsed from JSON.
    """
    types = parse_schema(contract).fields
    kinds = {name: kind_of(branch_of(avro_type)) for name, avro_type in types.items()}
    return {name: kind for name, kind in kinds.items() if kind and name not in ENVELOPE}


def conform(
    table: Table,
    contract: Mapping[str, Any],
    skip: Collection[str] = (),
    readings: Mapping[str, Reading] | None = None,
) -> Table:
    """Read a table as leads of a contract.

    Parameters
    ----------
    table
        Columns that the contract does not have are left as they are.
    contract
        The Avro record schema, parsed from JSON.
    skip
        Fields that are not used, whatever they hold.
    readings
        How a model's training data write numbers and times.

    Returns
    -------
    Table
        Boolean fields hold ``true`` and ``false`` only, as events do.

    Raises
    ------
    InputError
        A column's values are not of its field's type.
    """
    columns = dict(table.columns)
    for name, avro_type in parse_schema(contract).fields.items():
        branch = branch_of(avro_type)
        kind = kind_of(branch)
        if name not in columns or name in {*ENVELOPE, *skip} or kind is None:
            continue
        if branch["type"] == "boolean":
            columns[name] = _booleans(table, name)
        elif branch["type"] == "enum":
            _check_symbols(table, name, branch["symbols"])
        else:
            _check_numbers(table, name, kind, branch["type"], readings)
    return replace(table, columns=columns)


def derive_contract(
    name: str,
    kinds: Mapping[str, FieldKind],
    booleans: Collection[str],
    columns: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Make the contract of leads with some fields, all of them nullable.

    Parameters
    ----------
    name
        Name of the model; the record is called after it.
    kinds
        The fields.
    booleans
        Those of them whose levels are true and false.
    columns
        The fields' names in the training file: an alias of each that has another.
    """
    originals = columns or {}
    fields = [
        {
            "name": field,
            "type": ["null", "boolean" if field in booleans else TYPE_OF_KIND[kind]],
            "default": None,
        }
        | ({"aliases": [originals[field]]} if originals.get(field, field) != field else {})
        for field, kind in kinds.items()
    ]
    return {
        "type": "record",
        "name": f"{field_name(name)}_lead",
        "namespace": "leadscore",
        "fields": [
            {"name": "lead_id", "type": "string"},
            {"name": "created_at", "type": TIME_TYPE},
            *fields,
        ],
    }


def is_boolean(table: Table, name: str) -> bool:
    """Return whether a column holds nothing but true and false, and something at all."""
    cells = {cell.strip().casefold() for cell in table.columns[name].strings() if cell is not None}
    return bool(cells) and cells <= {"true", "false"}


def branch_of(avro_type: Any) -> dict[str, Any]:
    """Return the one type that a field has besides null, as an object; none where several."""
    branches = avro_type if isinstance(avro_type, list) else [avro_type]
    branches = [branch for branch in branches if branch != "null"]
    if len(branches) != 1:
        return {"type": "union"}
    return branches[0] if isinstance(branches[0], dict) else {"type": branches[0]}


def _booleans(table: Table, name: str) -> TextCells:
    words: list[str | None] = []
    for row, cell in enumerate(table.columns[name].strings()):
        word = known_level(cell, table.missing)
        if word is not None and word not in TRUE_WORDS and word not in FALSE_WORDS:
            raise _misfit(table, name, row, cell, "true or false (yes or no, 1 or 0)")
        words.append(None if word is None else "true" if word in TRUE_WORDS else "false")
    return TextCells(words, kind=FieldKind.CATEGORY)


def _check_symbols(table: Table, name: str, symbols: Collection[str]) -> None:
    for row, cell in enumerate(table.columns[name].strings()):
        if cell is not None and cell not in symbols:
            raise _misfit(table, name, row, cell, f"one of {', '.join(symbols)}")


def _check_numbers(
    table: Table,
    name: str,
    kind: FieldKind,
    avro_type: str,
    readings: Mapping[str, Reading] | None,
) -> None:
    values = table.columns_for({name: kind}, readings)[name]
    if kind is not FieldKind.NUMBER or avro_type not in ("int", "long"):
        return
    numbers = np.asarray(values, dtype=np.float64)
    fractions = np.flatnonzero(numbers % 1 > 0)
    if len(fractions):
        row = int(fractions[0])
        raise _misfit(table, name, row, str(numbers[row]), f"a whole number ({avro_type})")


def _misfit(table: Table, name: str, row: int, cell: str | None, expected: str) -> InputError:
    return InputError(
        f"{table.source}, column {table.originals[name]!r}, row {row + 1}: the contract expects "
        f"{expected}, got {cell!r}. Correct the cell, or leave the column out with --exclude."
    )
