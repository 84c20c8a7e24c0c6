"""Convert a table to leads: find their contract, and convert each column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from features.infer import with_settled_readings
from features.number_decision import NumberDecision
from features.remarks import remark_on
from features.table import Table
from schemas.errors import InputError
from schemas.field_names import ENVELOPE, FieldNames
from schemas.fields import FieldKind
from schemas.number_reading import FALSE_WORDS, TRUE_WORDS, NumberReading
from schemas.store import Schema
from schemas.time_reading import TimeReading
from stream.simulator.lead_fields import LeadField, lead_fields
from stream.simulator.playing import Lead

__all__ = [
    "contract_of",
    "lacking_fields",
    "leads_of",
    "reading_remarks",
    "under_field_names",
    "unused_columns",
]

REQUEST_ID = "request_id"
SHOWN = 8
"""Fields that an error names."""
ANY_NUMBERS = NumberReading(assumed=True, truth=True, clock=True)
"""Reading of a numeric column: yes and no are 1 and 0, 14:30 is milliseconds."""


def under_field_names(table: Table, contract: Schema) -> Table:
    """Return a table with its columns renamed to the contract's fields.

    Names match regardless of form, such as case. A field's aliases match too: the contract of a
    model keeps the column names of its training file there.

    Raises
    ------
    InputError
        Several columns match one field.
    """
    columns = {
        field["name"]: next(iter(field.get("aliases", ())), field["name"])
        for field in contract.avro["fields"]
        if field["name"] not in ENVELOPE
    }
    return table.with_fields_of(FieldNames(columns))


def with_settled_numbers(table: Table, contract: Schema) -> Table:
    """Return a table in which columns whose values leave it open are read as the others are.

    Of a part of a file, all values of a column may be such as 1.291: the other columns show whether
    a point separates decimals or thousands.
    """
    kinds = {field.name: field.kind for field in lead_fields(contract.avro) if field.kind}
    return with_settled_readings(table, reserved=(), contract=kinds)


def contract_of(table: Table, contracts: Sequence[Schema]) -> Schema:
    """Return the contract of a table's leads: the largest one whose fields are all in the table.

    The request id does not count: it belongs to the event, and files seldom have it.

    Parameters
    ----------
    table
        The leads.
    contracts
        The lead contracts to choose from.

    Raises
    ------
    InputError
        The table lacks fields of every contract, or two contracts fit equally well.
    """
    fields = {
        contract.name: {field.name for field in lead_fields(contract.avro)} - {REQUEST_ID}
        for contract in contracts
    }
    names = {contract.name: _names_for(table, contract) for contract in contracts}
    fitting = [name for name in fields if fields[name] <= names[name]]
    largest = max((len(fields[name]) for name in fitting), default=0)
    best = [name for name in fitting if len(fields[name]) == largest]
    if len(best) == 1:
        return next(contract for contract in contracts if contract.name == best[0])
    if best:
        raise InputError(
            f"the file fits several contracts: choose one with --schema {' or '.join(best)}"
        )
    closest = min(fields, key=lambda name: len(fields[name] - names[name]))
    raise InputError(
        f"the file has all fields of no contract; the closest is {closest}, of which it lacks "
        f"{', '.join(sorted(fields[closest] - names[closest]))}. Name the contract with --schema "
        f"NAME or --schema FILE.avsc; missing fields are then sent as null"
    )


def _names_for(table: Table, contract: Schema) -> set[str]:
    try:
        return {*under_field_names(table, contract).names}
    except InputError:  # ambiguous, so hardly the right contract
        return {*table.names}


def unused_columns(table: Table, contract: Schema, *envelope: str | None) -> list[str]:
    """Return the columns without a field in the contract, except id and time."""
    known = {field.name for field in lead_fields(contract.avro)} | {*envelope}
    return [name for name in table.names if name not in known]


def lacking_fields(table: Table, contract: Schema) -> list[str]:
    """Return the fields of a contract that have no column.

    Raises
    ------
    InputError
        None of them has one.
    """
    names = [field.name for field in lead_fields(contract.avro) if field.name != REQUEST_ID]
    lacking = [name for name in names if name not in table.names]
    if names and len(lacking) == len(names):
        raise InputError(
            f"{table.source} has a column for no field of {contract.name}"
            f" ({', '.join(lacking[:SHOWN])}{', …' if len(lacking) > SHOWN else ''}): name another"
            " contract with --schema, or rename the columns"
        )
    return lacking


def reading_remarks(table: Table, contract: Schema, time: str | None) -> Iterator[str]:
    """Yield a remark for each column whose numbers or times may be read in several ways.

    Parameters
    ----------
    table, contract, time
        As of ``leads_of``.
    """
    kinds = {f.name: f.kind for f in lead_fields(contract.avro) if f.kind and f.name in table.names}
    if time is not None:
        kinds[time] = FieldKind.DATE
    for name, decision in table.decisions(kinds, dict.fromkeys(kinds, ANY_NUMBERS)).items():
        remark = remark_on(decision, options=isinstance(decision, NumberDecision))
        if remark is not None:
            reading = decision.reading
            has_order = isinstance(reading, TimeReading) and reading.first is not None
            remedy = " (--dates says which)" if has_order else ""
            yield f"column {table.originals[name]!r}: {remark}{remedy}"


def leads_of(table: Table, contract: Schema, *, lead_id: str, time: str | None) -> list[Lead]:
    """Return the rows of a table as leads, in the order of the file.

    Parameters
    ----------
    table
        The table.
    contract
        The leads' contract.
    lead_id
        Column of the ids, by field name.
    time
        Column of ``created_at``, by field name; None: the time of sending.

    Raises
    ------
    InputError
        The table lacks a required column, or a cell does not fit its field.
    """
    fields = lead_fields(contract.avro)
    columns = [_values(table, field, contract.name) for field in fields]
    names = [field.name for field in fields]
    rows = zip(*columns, strict=True) if columns else [()] * table.rows
    return [
        Lead(identity, created_at, dict(zip(names, row, strict=True)))
        for identity, created_at, row in zip(
            _ids(table, lead_id), _times(table, time), rows, strict=True
        )
    ]


def _ids(table: Table, name: str) -> list[str]:
    wrong = f"the id column {name!r} is empty"
    return [
        _given(cell, row, wrong) for row, cell in enumerate(_cells(table, name, FieldKind.TEXT))
    ]


def _times(table: Table, name: str | None) -> Sequence[int | None]:
    if name is None:
        return [None] * table.rows
    wrong = f"the time column {name!r} is empty (--now sends the time of playing instead)"
    cells = _cells(table, name, FieldKind.DATE)
    return [int(_given(cell, row, wrong)) for row, cell in enumerate(cells)]


def _values(table: Table, field: LeadField, contract: str) -> Sequence[object]:
    if field.kind is None or field.name not in table.names:
        if not field.may_lack:
            raise InputError(
                f"the contract {contract} requires {field.name}, which {table.source} does not have"
            )
        return [field.default] * table.rows
    convert = CONVERSIONS.get(field.avro_type, _as_it_is)
    wrong = f"the column {field.name!r} does not fit the field's type {field.avro_type}"
    values: list[object] = []
    for row, cell in enumerate(_cells(table, field.name, field.kind)):
        if cell is not None:
            values.append(_given(convert(cell, field), row, wrong))
        elif field.may_lack:
            values.append(field.default)
        else:
            raise _at(row, f"the column {field.name!r} is empty, and {contract} requires it")
    return values


def _cells(table: Table, name: str, kind: FieldKind) -> Iterator[Any]:
    """Yield each cell of a column as a Python value, None if it is missing.

    Raises
    ------
    InputError
        A cell does not have this kind.
    """
    readings = {name: ANY_NUMBERS} if kind is FieldKind.NUMBER else {}
    values = table.columns_for({name: kind}, readings)[name]
    for decision in table.decisions({name: kind}, readings).values():
        for row in table.misfits(name, decision):
            raise _at(row, f"the column {name!r} should hold a {kind}")
    cells = values.tolist() if isinstance(values, np.ndarray) else values
    return (None if cell != cell else cell for cell in cells)


def _given(value: Any, row: int, wrong: str) -> Any:
    if value is None:
        raise _at(row, wrong)
    return value


def _at(row: int, wrong: str) -> InputError:
    return InputError(f"row {row + 1} of the file: {wrong}")


def _as_it_is(cell: object, field: LeadField) -> object:
    return cell


def _integer(cell: float, field: LeadField) -> int | None:
    return int(cell) if float(cell).is_integer() else None


def _fraction(cell: float, field: LeadField) -> float:
    return float(cell)


def _boolean(cell: str, field: LeadField) -> bool | None:
    level = cell.strip().casefold()
    return True if level in TRUE_WORDS else False if level in FALSE_WORDS else None


def _symbol(cell: str, field: LeadField) -> str | None:
    return cell if cell in field.symbols else None


CONVERSIONS: dict[str, Callable[..., object]] = {
    "int": _integer,
    "long": _integer,
    "float": _fraction,
    "double": _fraction,
    "boolean": _boolean,
    "enum": _symbol,
}
"""Conversions of a cell by the field's Avro type; they return None if it does not fit."""
