"""Rows of a table read one by one, by a model's own readings.

``Table.columns_for`` decides by all cells of a column how they are written. Where a table is a part
of a larger one, that would depend on where the part begins and ends. Here a row is read the same
in whatever part it stands, as an event is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.column import Column, Milliseconds, Numbers
from features.contract import branch_of
from features.levels import known_level
from features.matrix import Columns
from features.spec import CREATED_AT, FeatureSpec
from features.table import Table
from schemas.errors import ErrorCode, InvalidEventError
from schemas.fields import FieldKind
from schemas.number_reading import (
    FALSE_WORDS,
    PLAIN_NUMBERS,
    TRUE_WORDS,
    NumberReading,
    read_number,
)
from schemas.store import parse_schema
from schemas.time_reading import (
    FIRST_MS,
    PLAIN_TIMES,
    UNTIL_MS,
    TimeReading,
    read_time,
    time_of_number,
)

__all__ = ["ReadRows", "RowReader"]

REMEMBERED = 50_000
"""Different cells of a column that are remembered."""


@dataclass(frozen=True, slots=True)
class ReadRows:
    """Rows of a table as a model needs them.

    Attributes
    ----------
    columns
        The model's fields, n values each; what can't be read is missing.
    created_at
        float64, shape (n,): times of creation, milliseconds since 1970, NaN where unknown, which
        they are if the model does not read them.
    misfits
        By row: why it is no lead.
    """

    columns: Columns
    created_at: NDArray[np.float64]
    misfits: dict[int, InvalidEventError]


class RowReader:
    """Reads rows of tables with a model's fields.

    Parameters
    ----------
    spec
        The fields.
    contract
        The leads' contract: an Avro record schema, parsed from JSON.
    """

    def __init__(self, spec: FeatureSpec, contract: Mapping[str, Any]) -> None:
        self._names = spec.file_names
        self._kinds = spec.kinds
        types = parse_schema(contract).fields
        readings = spec.file_readings
        self._readers = {
            name: _reader(kind, branch_of(types.get(name, "null")), readings.get(name))
            for name, kind in self._kinds.items()
        }

    def fields_in(self, table: Table) -> dict[str, str]:
        """Return the model's fields that a table has, with the names of their columns.

        Raises
        ------
        InputError
            It is ambiguous which column is a field.
        """
        found = table.with_fields_of(self._names)
        return {name: found.originals[name] for name in self._kinds if name in found.columns}

    def read(self, table: Table) -> ReadRows:
        """Read all rows of a table.

        Raises
        ------
        InputError
            It is ambiguous which column is a field.
        """
        table = table.with_fields_of(self._names)
        columns: dict[str, NDArray[np.float64] | Sequence[str | bytes | None]] = {}
        misfits: dict[int, InvalidEventError] = {}
        for name, kind in self._kinds.items():
            column = table.columns.get(name)
            if column is None:
                columns[name] = _missing(kind, table.rows)
                continue
            reader = self._readers[name]
            columns[name], rows = reader.read(column)
            if rows:
                verdict = InvalidEventError(
                    ErrorCode.TYPE, f"column {table.originals[name]!r}: expected {reader.expected}"
                )
                misfits |= dict.fromkeys(rows, verdict)
        created = columns.get(CREATED_AT)
        created_at = created if isinstance(created, np.ndarray) else np.full(table.rows, np.nan)
        return ReadRows(columns, created_at, misfits)


class _Memo(dict[str | None, float]):
    """Reads each different cell once; what is none of the column's kind is a misfit."""

    def __init__(self, read: Callable[[str], float | None]) -> None:
        super().__init__({None: float("nan")})
        self._read = read
        self.misfits: set[str] = set()

    def __missing__(self, cell: str) -> float:
        value = self._read(cell.strip())
        if value is None:
            self.misfits.add(cell)
            value = float("nan")
        self[cell] = value
        return value

    def forget(self) -> None:
        """Forget all cells, where there are too many."""
        if len(self) > REMEMBERED:
            self.clear()
            self[None] = float("nan")
            self.misfits.clear()


def _through(memo: _Memo, cells: Sequence[str | None]) -> tuple[NDArray[np.float64], list[int]]:
    memo.forget()
    values = np.fromiter(map(memo.__getitem__, cells), np.float64, len(cells))
    if not memo.misfits:
        return values, []
    return values, [row for row, cell in enumerate(cells) if cell in memo.misfits]


class _Numbers:
    expected = "a number"

    def __init__(self, reading: NumberReading, *, is_whole: bool) -> None:
        self._memo = _Memo(lambda cell: read_number(cell, reading))
        self._is_whole = is_whole
        if is_whole:
            self.expected = "a whole number"

    def read(self, column: Column) -> tuple[NDArray[np.float64], list[int]]:
        """Return the numbers, NaN where missing, and the rows that have none."""
        if isinstance(column, Numbers | Milliseconds):
            values, rows = column.numbers(), list[int]()
        else:
            values, rows = _through(self._memo, column.cells)
        if self._is_whole and (fractions := np.flatnonzero(values % 1 > 0)).size:
            return values, sorted({*rows, *fractions.tolist()})
        return values, rows


class _Times:
    expected = "a time, such as 2024-05-31T09:30:00Z"

    def __init__(self, reading: TimeReading) -> None:
        self._reading = reading
        self._memo = _Memo(lambda cell: read_time(cell, reading))

    def read(self, column: Column) -> tuple[NDArray[np.float64], list[int]]:
        """Return milliseconds since 1970, NaN where missing, and the rows that have no time."""
        if isinstance(column, Milliseconds):
            return column.values, []
        if isinstance(column, Numbers):
            return self._of_numbers(column.numbers())
        return _through(self._memo, column.cells)

    def _of_numbers(self, numbers: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[int]]:
        if self._reading.unit in (None, "ms"):
            is_ms = (numbers >= FIRST_MS) & (numbers < UNTIL_MS)
            if (is_ms | np.isnan(numbers)).all():
                return numbers, []
        values = numbers.tolist()
        times = {value: time_of_number(value, self._reading) for value in {*values}}
        found = [times[value] for value in values]
        rows = [row for row, at in enumerate(found) if at is None]
        return np.array([np.nan if at is None else at for at in found], dtype=np.float64), rows


class _Levels:
    expected = "text"

    def read(self, column: Column) -> tuple[list[str | None], list[int]]:
        """Return the cells, None where missing."""
        return column.strings(), []


class _Booleans:
    expected = "true or false (yes or no, 1 or 0)"

    def read(self, column: Column) -> tuple[list[str | None], list[int]]:
        """Return ``true`` and ``false``, None where missing, and the rows with another word."""
        cells = column.strings()
        words: dict[str | None, str | None] = {cell: _truth(cell) for cell in {*cells}}
        rows = [row for row, cell in enumerate(cells) if words[cell] == ""]
        return [words[cell] or None for cell in cells], rows


class _Symbols:
    def __init__(self, symbols: Sequence[str]) -> None:
        self._symbols = {*symbols, None}
        self.expected = f"one of {', '.join(symbols)}"

    def read(self, column: Column) -> tuple[list[str | None], list[int]]:
        """Return the cells, None where missing, and the rows with another word."""
        cells = column.strings()
        return cells, [row for row, cell in enumerate(cells) if cell not in self._symbols]


_Reader = _Numbers | _Times | _Levels | _Booleans | _Symbols


def _reader(kind: FieldKind, branch: Mapping[str, Any], reading: object) -> _Reader:
    if branch["type"] == "boolean":
        return _Booleans()
    if branch["type"] == "enum":
        return _Symbols(branch["symbols"])
    if kind is FieldKind.NUMBER:
        number = reading if isinstance(reading, NumberReading) else PLAIN_NUMBERS
        return _Numbers(number, is_whole=branch["type"] in ("int", "long"))
    return _Times(_time_reading(reading)) if kind is FieldKind.DATE else _Levels()


def _time_reading(reading: object) -> TimeReading:
    return reading if isinstance(reading, TimeReading) else PLAIN_TIMES


def _truth(cell: str | None) -> str | None:
    """Return ``true`` or ``false``; None where it is missing, and "" where it is another word."""
    word = known_level(cell)
    if word is None:
        return None
    return "true" if word in TRUE_WORDS else "false" if word in FALSE_WORDS else ""


def _missing(kind: FieldKind, rows: int) -> NDArray[np.float64] | list[str | None]:
    return np.full(rows, np.nan) if kind in (FieldKind.NUMBER, FieldKind.DATE) else [None] * rows
