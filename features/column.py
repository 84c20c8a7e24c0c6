"""One column of a table: cells of text or typed values, read as what a model needs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from features.spec import normalise_level
from schemas.fields import FieldKind
from schemas.times import EARLIEST_MS, LATEST_MS

__all__ = ["CellError", "Column", "Milliseconds", "Numbers", "TextCells"]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
DECIMAL_COMMA = re.compile(r"[+-]?\d+(,\d+)?")
CODE = re.compile(r"[+-]?0\d")
"""A leading zero makes a code (of a postal district, say), not a number."""
COMPACT_DAY = re.compile(r"(19|20)\d{6}")
"""20240531 is a day, not a number of seconds."""
DAY_FORMATS = ("%Y/%m/%d", "%d.%m.%Y")
SECONDS_UNTIL = 1e11
"""A number below it is a time in seconds since 1970, one above it in milliseconds."""


_Read = Callable[[str], float]


class CellError(ValueError):
    """A cell is not what its column should hold.

    Parameters
    ----------
    row
        Its row, from 0.
    cell
        What it holds.
    """

    def __init__(self, row: int, cell: str) -> None:
        super().__init__(f"row {row + 1} holds {cell!r}")
        self.row = row
        self.cell = cell


@dataclass(frozen=True, slots=True)
class TextCells:
    """Cells of text, as they are in a CSV file; None is an empty cell."""

    cells: Sequence[str | None]
    decimal_comma: bool = False
    """Whether a comma may stand for the decimal point."""
    kind: FieldKind | None = None
    """None: the cells say nothing of their type."""

    def __len__(self) -> int:
        return len(self.cells)

    def strings(self) -> list[str | None]:
        """Return the cells as they came."""
        return list(self.cells)

    def numbers(self) -> NDArray[np.float64]:
        """Read the cells as numbers; missing, ``NaN`` and infinite ones are NaN.

        Raises
        ------
        CellError
            For the first cell that is not a number.
        """
        try:
            return _each(self.cells, _number)
        except CellError:
            if not self.decimal_comma:
                raise
            return _each(self.cells, _number_with_comma)

    def milliseconds(self) -> NDArray[np.float64]:
        """Read the cells as times, in ms since 1970 UTC; missing ones are NaN.

        ISO 8601, ``20240531``, ``2024/05/31``, ``31.5.2024``, or a number of seconds or
        milliseconds since 1970. A time without an offset is UTC.

        Raises
        ------
        CellError
            For the first cell that is not a time.
        """
        return _each(self.cells, _milliseconds)

    def take(self, rows: NDArray[np.intp]) -> TextCells:
        """Return the column of some of the rows."""
        return TextCells([self.cells[row] for row in rows], self.decimal_comma)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, as typed files have them: float64, NaN where missing."""

    values: NDArray[np.float64]
    kind: FieldKind | None = FieldKind.NUMBER

    def __len__(self) -> int:
        return len(self.values)

    def strings(self) -> list[str | None]:
        """Write the numbers as levels: whole ones without a decimal point."""
        return [
            None if value != value else str(int(value)) if value.is_integer() else repr(value)
            for value in self.values.tolist()
        ]

    def numbers(self) -> NDArray[np.float64]:
        """Return the numbers; infinite ones are NaN."""
        return np.where(np.isfinite(self.values), self.values, np.nan)

    def milliseconds(self) -> NDArray[np.float64]:
        """Take the numbers for seconds or milliseconds since 1970."""
        return _in_milliseconds(self.numbers())

    def take(self, rows: NDArray[np.intp]) -> Numbers:
        """Return the column of some of the rows."""
        return Numbers(self.values[rows])


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """Times, as typed files have them: ms since 1970 UTC, float64, NaN where missing."""

    values: NDArray[np.float64]
    kind: FieldKind | None = FieldKind.DATE

    def __len__(self) -> int:
        return len(self.values)

    def strings(self) -> list[str | None]:
        """Write the times in ISO 8601."""
        return [
            None if value != value else datetime.fromtimestamp(value / 1000, UTC).isoformat()
            for value in self.values.tolist()
        ]

    def numbers(self) -> NDArray[np.float64]:
        """Return the milliseconds."""
        return self.values

    def milliseconds(self) -> NDArray[np.float64]:
        """Return the milliseconds."""
        return self.values

    def take(self, rows: NDArray[np.intp]) -> Milliseconds:
        """Return the column of some of the rows."""
        return Milliseconds(self.values[rows])


Column = TextCells | Numbers | Milliseconds


class _Memo(dict[str | None, float]):
    """Reads each different cell once."""

    def __init__(self, read: _Read) -> None:
        super().__init__({None: float("nan")})
        self._read = read

    def __missing__(self, cell: str) -> float:
        value = float("nan") if normalise_level(cell) is None else self._read(cell.strip())
        self[cell] = value
        return value


def _each(cells: Sequence[str | None], read: _Read) -> NDArray[np.float64]:
    memo = _Memo(read)
    try:
        return np.fromiter(map(memo.__getitem__, cells), np.float64, len(cells))
    except ValueError:
        row, cell = _first_unreadable(cells, memo)
        raise CellError(row, cell) from None


def _first_unreadable(cells: Iterable[str | None], memo: _Memo) -> tuple[int, str]:
    for row, cell in enumerate(cells):
        try:
            memo[cell]
        except ValueError:
            return row, cell or ""
    raise AssertionError("every cell was read")


def _number(cell: str) -> float:
    if cell.casefold().lstrip("+-") in {"inf", "infinity"}:
        return float("nan")
    if not NUMBER.fullmatch(cell) or CODE.match(cell):
        raise ValueError("not a number")
    value = float(cell)
    return value if abs(value) != float("inf") else float("nan")


def _number_with_comma(cell: str) -> float:
    return _number(cell.replace(",", ".") if DECIMAL_COMMA.fullmatch(cell) else cell)


def _milliseconds(cell: str) -> float:
    if NUMBER.fullmatch(cell) and not COMPACT_DAY.fullmatch(cell):
        if CODE.match(cell):
            raise ValueError("not a time")
        ms = float(_in_milliseconds(np.array([float(cell)]))[0])
        if not EARLIEST_MS <= ms < LATEST_MS:
            raise ValueError("not a time")
        return ms
    moment = _moment(cell)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return float(round(moment.timestamp() * 1000))


def _moment(cell: str) -> datetime:
    try:
        return datetime.fromisoformat(cell)
    except ValueError:
        day, _, clock = cell.partition(" ")
    time = datetime.fromisoformat(f"1970-01-01T{clock or '00:00'}").time()
    for form in DAY_FORMATS:
        try:
            return datetime.combine(datetime.strptime(day, form).date(), time)
        except ValueError:
            continue
    raise ValueError("not a time")


def _in_milliseconds(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(values) < SECONDS_UNTIL, values * 1000, values)
