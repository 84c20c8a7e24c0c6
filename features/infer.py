"""Which columns of a table are features, of which kind; and why the others are not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from features.column import TextCells
from features.column_verdict import (
    NO_VALUES,
    ColumnVerdict,
    columns_of_times,
    judge,
    read_by_values,
    read_column,
    without_persons,
)
from features.spec import CREATED_AT
from features.table import Table
from features.written_cells import Hints
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.readings import Reading
from schemas.time_reading import TimeReading

__all__ = [
    "Inferred",
    "infer_fields",
    "with_creation",
    "with_settled_readings",
    "without_fields",
    "without_levels_of_few",
]


@dataclass(frozen=True, slots=True)
class Inferred:
    """Decisions about the columns of a table.

    Attributes
    ----------
    kinds
        The fields that are used, in the table's order.
    dropped
        The columns that are not, by their name in the file, and why.
    identifiers
        Those of them that were dropped because they identify leads.
    readings
        How the used fields that are numbers or times are written.
    forced
        Fields whose kind is given: cells that do not fit it are missing, however many.
    remarks
        What was decided that may surprise, by the column's name in the file: a sentence each.
    words
        Words that were read as missing, by the column's name in the file, and how often.
    misfits
        Number of cells that do not fit their column and count as missing, likewise.
    withheld
        Levels of the used categories that the model must not keep, by field.
    """

    kinds: dict[str, FieldKind]
    dropped: dict[str, str]
    identifiers: tuple[str, ...]
    readings: dict[str, Reading] = field(default_factory=dict)
    forced: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)
    words: dict[str, Mapping[str, int]] = field(default_factory=dict)
    misfits: dict[str, int] = field(default_factory=dict)
    withheld: dict[str, frozenset[str]] = field(default_factory=dict)


def infer_fields(
    table: Table,
    *,
    reserved: Mapping[str, str],
    text: Collection[str] = (),
    contract: Mapping[str, FieldKind] | None = None,
    given: Mapping[str, FieldKind] | None = None,
) -> Inferred:
    """Decide the kind of each column.

    A column of numbers is a number, one of times a date, any other a category; each is decided
    over all its values (``features.number_decision``, ``features.time_decision``), after
    ``with_settled_readings`` for what they leave open. Dropped are: reserved columns, columns that
    a contract does not have, columns without values, almost empty ones (less than 0.1 % of the rows
    or 10 of them have a value), those with one value only, and identifiers. Whole numbers that name
    something (long ones that the model could not keep apart, postal codes, codes of one length) are
    categories. Levels that may name persons are withheld (``features.personal``).

    Parameters
    ----------
    table
        The training data.
    reserved
        Fields that are no features, and why.
    text
        Fields that are free text.
    contract
        The kinds of the contract's fields; None where there is no contract.
    given
        Fields whose kind is given; it is not judged.

    Raises
    ------
    InputError
        A text field is a number or a date in the contract, a field is not of its given kind,
        or nothing is left.
    """
    said = {**(given or {}), **dict.fromkeys(text, FieldKind.TEXT)}
    found = Inferred({}, dict(table.unusable), (), forced=tuple(sorted(given or ())))
    verdicts: dict[str, ColumnVerdict] = {}
    for name in table.names:
        original = table.originals[name]
        if name in reserved:
            found.dropped[original] = reserved[name]
        elif contract is not None and name not in contract:
            found.dropped[original] = "not in the contract"
        else:
            verdicts[name] = read_column(table, name, contract, said)
    times = list(columns_of_times(table, verdicts, reserved))
    identifiers = []
    for name, read in verdicts.items():
        original = table.originals[name]
        judged = judge(table, name, read, times, is_said=name in said, can_be_said=contract is None)
        verdict = without_persons(table, name, judged)
        if verdict.unfit is not None:
            found.dropped[original] = verdict.unfit
            identifiers += [original] if verdict.is_identifier else []
        else:
            _note(found, name, original, verdict)
    _require_some(found, table)
    return replace(found, identifiers=tuple(identifiers))


def with_settled_readings(
    table: Table,
    *,
    reserved: Collection[str],
    text: Collection[str] = (),
    contract: Mapping[str, FieldKind] | None = None,
    given: Mapping[str, FieldKind] | None = None,
) -> Table:
    """Return the table with what the values of a column leave open decided by the other columns.

    Where the day and the month of all dates of a column could be either, or a mark could separate
    thousands or decimals, the columns whose values decide it are followed if they agree. The time
    of creation, ``created_at``, has a vote as the others and is decided by them. A part of the rows
    is then read as the whole table is: the order of days and months is kept for each column.

    Parameters
    ----------
    table
        The training data, all rows.
    reserved
        Fields that are not read.
    text, contract, given
        As of ``infer_fields``.

    Raises
    ------
    InputError
        As of ``infer_fields``.
    """
    said = {**(given or {}), **dict.fromkeys(text, FieldKind.TEXT)}
    read = [
        (
            name,
            read_by_values(table, name)
            if name == CREATED_AT
            else read_column(table, name, contract, said),
        )
        for name in table.names
        if name not in reserved and (contract is None or name in {CREATED_AT, *contract})
    ]
    decided = [v.reading for _, v in read if v.decision is not None and not v.decision.is_open]
    columns = dict(table.columns)
    for name, verdict in read:
        column = columns[name]
        if verdict.decision is None or not isinstance(column, TextCells):
            continue
        hints = _voted(column.hints, decided)
        if not verdict.decision.is_open:
            hints = _as_read(column.hints, verdict.reading)
        columns[name] = column.with_hints(hints, column.missing)
    return replace(table, columns=columns)


def with_creation(found: Inferred, table: Table) -> Inferred:
    """Return the same with the time of creation as a date, or why it is none.

    It comes last, and is no longer among the dropped columns. Where its column is not one of times,
    or its times are unfit, it stays there, with the reason.

    Parameters
    ----------
    found
        What the other columns are.
    table
        Has a column of the field ``created_at``.
    """
    verdict = read_by_values(table, CREATED_AT)
    verdict = judge(table, CREATED_AT, verdict, [], is_said=False, can_be_said=False)
    unfit = verdict.unfit
    if verdict.kind is not FieldKind.DATE and unfit != NO_VALUES:
        unfit = "its values are no times"
    original = table.originals[CREATED_AT]
    if unfit is not None:
        return replace(found, dropped={**found.dropped, original: unfit})
    dropped = {column: why for column, why in found.dropped.items() if column != original}
    found = replace(found, kinds={**found.kinds}, dropped=dropped)
    _note(found, CREATED_AT, original, verdict)
    return found


def without_levels_of_few(
    found: Inferred, table: Table, leads: NDArray[np.int64] | None
) -> Inferred:
    """Return the same with the levels withheld that too few leads have, whatever their rows.

    Parameters
    ----------
    found
        What the columns are, withheld levels counted by rows.
    table
        The training data.
    leads
        int64, shape (n,): rows with the same number are of one lead. None: each row is a lead.

    Raises
    ------
    InputError
        Nothing is left.
    """
    if leads is None:
        return found
    withheld, dropped = {}, {}
    for name, kind in found.kinds.items():
        remark = found.remarks.get(table.originals[name])
        verdict = without_persons(table, name, ColumnVerdict(kind, remark=remark), leads)
        if verdict.unfit is not None:
            dropped[name] = verdict.unfit
        elif verdict.withheld:
            withheld[name] = verdict.withheld
    columns = [table.originals[name] for name in dropped]
    remarks = {column: why for column, why in found.remarks.items() if column not in columns}
    identifiers = (*found.identifiers, *columns)
    found = replace(found, withheld=withheld, remarks=remarks, identifiers=identifiers)
    return without_fields(found, dropped, table)


def without_fields(found: Inferred, reasons: Mapping[str, str], table: Table) -> Inferred:
    """Return the same with some fields dropped.

    Parameters
    ----------
    reasons
        Why, by the field's name.
    table
        The training data.

    Raises
    ------
    InputError
        Nothing is left.
    """
    dropped = {table.originals[name]: why for name, why in reasons.items()}
    kinds = {name: kind for name, kind in found.kinds.items() if name not in reasons}
    found = replace(found, kinds=kinds, dropped={**found.dropped, **dropped})
    _require_some(found, table)
    return found


def _require_some(found: Inferred, table: Table) -> None:
    if not found.kinds:
        reasons = "; ".join(f"{column}: {reason}" for column, reason in found.dropped.items())
        raise InputError(
            f"{table.source} has no column left to learn from ({reasons}). Exclude less, or add "
            "columns that tell leads apart."
        )


def _note(found: Inferred, name: str, original: str, verdict: ColumnVerdict) -> None:
    found.kinds[name] = verdict.kind
    if verdict.reading is not None:
        found.readings[name] = verdict.reading
    if verdict.withheld:
        found.withheld[name] = verdict.withheld
    if verdict.remark is not None:
        found.remarks[original] = verdict.remark
    if verdict.decision is not None and verdict.decision.words:
        found.words[original] = verdict.decision.words
    if verdict.decision is not None and verdict.decision.misfits:
        found.misfits[original] = sum(verdict.decision.misfits.values())


# What columns leave open is decided by the others


def _as_read(hints: Hints, reading: Reading | None) -> Hints:
    """Add the order of days and months that a column's own values show."""
    if isinstance(reading, TimeReading) and reading.first is not None:
        return replace(hints, first=reading.first, is_first_given=True)
    return hints


def _voted(hints: Hints, readings: Collection[Reading | None]) -> Hints:
    """Add what the columns say whose values leave nothing open, where they agree."""
    decimals = {r.decimal for r in readings if isinstance(r, NumberReading) and not r.assumed}
    orders = {r.first for r in readings if isinstance(r, TimeReading) and r.first is not None}
    if len(decimals) == 1:
        hints = replace(hints, decimal=decimals.pop())
    if len(orders) == 1:
        hints = replace(hints, first=orders.pop())
    return hints
