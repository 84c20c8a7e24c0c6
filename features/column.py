"""One column of a table: cells of text or typed values, read as what a model needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.number_decision import NumberDecision, decide_numbers
from features.time_decision import TimeDecision, decide_times
from features.written_cells import TOLERATED, Hints
from schemas.fields import FieldKind
from schemas.number_reading import PLAIN_NUMBERS, NumberReading, read_number
from schemas.time_reading import PLAIN_TIMES, TimeReading, read_time

__all__ = ["CellError", "Column", "Milliseconds", "Numbers", "TextCells"]

_Read = Callable[[str], float | None]
T = TypeVar("T")


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


@dataclass(frozen=True)
class TextCells:
    """Cells of text, as they are in a CSV file; None is an empty cell."""

    cells: Sequence[str | None]
    hints: Hints = Hints()  # noqa: RUF009 - frozen
    """How numbers and dates are written, by the file or by an option."""
    kind: FieldKind | None = None
    """None: the cells say nothing of their type."""
    missing: frozenset[str] = frozenset()
    """Words that mean missing in this file, case-folded, besides the usual ones."""
    _decisions: dict[tuple[object, ...], Any] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __len__(self) -> int:
        return len(self.cells)

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each different cell occurs, empty ones left out."""
        return Counter(cell for cell in self.cells if cell is not None)

    def strings(self) -> list[str | None]:
        """Return the cells as they came."""
        return list(self.cells)

    def number_decision(
        self, known: NumberReading | None = None, *, forced: bool = False
    ) -> NumberDecision | None:
        """Decide how the column writes its numbers; None where it is not one of numbers.

        Parameters
        ----------
        known
            How a model's training data write them.
        forced
            Whether it is one of numbers, however few of its cells are: the others are misfits.
        """
        return self._decided(
            ("number", known, forced),
            lambda: decide_numbers(
                self.counts, self.hints, self.missing, 1.0 if forced else TOLERATED, known
            ),
        )

    def time_decision(
        self, name: str = "", known: TimeReading | None = None, *, forced: bool = False
    ) -> TimeDecision | None:
        """Decide how the column writes its times; None where it is not one of times.

        Parameters
        ----------
        name
            The column's name: some numbers are times only where it says so.
        known, forced
            As of ``number_decision``.
        """
        return self._decided(
            ("time", name, known, forced),
            lambda: decide_times(
                *(self.counts, name, self.hints, self.missing),
                1.0 if forced else TOLERATED,
                known,
            ),
        )

    def _decided(self, key: tuple[object, ...], decide: Callable[[], T]) -> T:
        if key not in self._decisions:
            self._decisions[key] = decide()
        decision: T = self._decisions[key]
        return decision

    def numbers(
        self, known: NumberReading | None = None, *, forced: bool = False
    ) -> NDArray[np.float64]:
        """Read the cells as numbers; missing and infinite ones, and the few misfits, are NaN.

        Parameters
        ----------
        known, forced
            As of ``number_decision``.

        Raises
        ------
        CellError
            For the first cell that is not a number, unless such cells are so few that the column
            is one of numbers all the same.
        """
        decision = self.number_decision(known, forced=forced)
        if decision is None:
            found = decide_numbers(self.counts, self.hints, self.missing, 1.0, known)
            closest = (known or PLAIN_NUMBERS) if found is None else found.reading
            return _each(self.cells, lambda cell: read_number(cell, closest))
        return _each(self.cells, lambda cell: read_number(cell, decision.reading), decision.misfits)

    def milliseconds(
        self, name: str = "", known: TimeReading | None = None, *, forced: bool = False
    ) -> NDArray[np.float64]:
        """Read the cells as times, in ms since 1970 UTC; missing ones and the few misfits are NaN.

        Parameters
        ----------
        name, known, forced
            As of ``time_decision``.

        Raises
        ------
        CellError
            For the first cell that is not a time, as with ``numbers``.
        """
        decision = self.time_decision(name, known, forced=forced)
        if decision is None:
            return _each(self.cells, lambda cell: read_time(cell, known or PLAIN_TIMES))
        return _each(self.cells, lambda cell: read_time(cell, decision.reading), decision.misfits)

    def take(self, rows: NDArray[np.intp]) -> TextCells:
        """Return the column of some of the rows."""
        return self.with_cells([self.cells[row] for row in rows])

    def with_cells(self, cells: Sequence[str | None]) -> TextCells:
        """Return a column of other cells, of which the file says the same."""
        return TextCells(cells, self.hints, self.kind, self.missing)

    def with_hints(self, hints: Hints, missing: frozenset[str]) -> TextCells:
        """Return the same cells, with other hints and words that mean missing."""
        if hints == self.hints and missing == self.missing:
            return self  # with the decisions that were made
        return TextCells(self.cells, hints, self.kind, missing)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, as typed files have them: float64, NaN where missing."""

    values: NDArray[np.float64]
    kind: FieldKind | None = FieldKind.NUMBER
    is_clock: bool = False
    """Whether they are times of day, in milliseconds since midnight."""

    def __len__(self) -> int:
        return len(self.values)

    def strings(self) -> list[str | None]:
        """Write the numbers as levels: whole ones without a decimal point."""
        return [None if value != value else _written(value) for value in self.values.tolist()]

    def numbers(
        self, known: NumberReading | None = None, *, forced: bool = False
    ) -> NDArray[np.float64]:
        """Return the numbers; infinite ones are NaN."""
        return np.where(np.isfinite(self.values), self.values, np.nan)

    def as_text(self) -> TextCells:
        """Return the numbers as a CSV file has them."""
        numbers = self.numbers()
        return TextCells(
            [None if value != value else _written(value) for value in numbers.tolist()]
        )

    def milliseconds(
        self, name: str = "", known: TimeReading | None = None, *, forced: bool = False
    ) -> NDArray[np.float64]:
        """Read the numbers as times, in ms since 1970 UTC.

        Raises
        ------
        CellError
            For the first number that is no time by any unit.
        """
        return self.as_text().milliseconds(name, known, forced=forced)

    def take(self, rows: NDArray[np.intp]) -> Numbers:
        """Return the column of some of the rows."""
        return replace(self, values=self.values[rows])


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

    def numbers(
        self, known: NumberReading | None = None, *, forced: bool = False
    ) -> NDArray[np.float64]:
        """Return the milliseconds."""
        return self.values

    def milliseconds(
        self, name: str = "", known: TimeReading | None = None, *, forced: bool = False
    ) -> NDArray[np.float64]:
        """Return the milliseconds."""
        return self.values

    def take(self, rows: NDArray[np.intp]) -> Milliseconds:
        """Return the column of some of the rows."""
        return Milliseconds(self.values[rows])


Column = TextCells | Numbers | Milliseconds


class _Memo(dict[str | None, float]):
    """Reads each different cell once."""

    def __init__(self, read: _Read, misfits: Collection[str]) -> None:
        super().__init__({None: float("nan")})
        self._read = read
        self._misfits = misfits

    def __missing__(self, cell: str) -> float:
        value = self._read(cell.strip())
        if value is None:
            if cell.strip() not in self._misfits:
                raise ValueError("not of the column's kind")
            value = float("nan")
        self[cell] = value
        return value


def _each(
    cells: Sequence[str | None], read: _Read, misfits: Collection[str] = ()
) -> NDArray[np.float64]:
    memo = _Memo(read, misfits)
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


def _written(value: float) -> str:
    return str(int(value)) if value.is_integer() else repr(value)
