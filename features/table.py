"""A table of leads: columns of a file, with their names there, and how they are read."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from features.column import CellError, Column, TextCells
from features.matrix import Columns
from features.number_decision import NumberDecision
from features.repeated_names import alike
from features.time_decision import TimeDecision
from schemas.errors import InputError, InvalidEventError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.readings import Reading
from schemas.time_reading import TimeReading

__all__ = ["Table", "identity_of_part"]


def identity_of_part(sha256: str, rows: NDArray[np.int64]) -> str:
    """Return the identity of some rows of a table with an identity."""
    return hashlib.sha256(sha256.encode() + rows.astype("<i8").tobytes()).hexdigest()


@dataclass(frozen=True)
class Table:
    """Columns of the same length, by field name, in the file's order.

    Parameters
    ----------
    columns
        The columns, by field name.
    originals
        The same columns' names in the file, by field name.
    rows
        Their length.
    sha256
        Identity of the data, in hex: the file's sha256; of a part of a table, that of the table's
        identity and the part's row numbers.
    source
        What to call the table in messages.
    unusable
        Columns of the file that can't be read, and why.
    encoding
        Encoding of a CSV or JSON.
    encoding_guessed
        Whether it was concluded from the letters.
    encodings
        Others in which its letters are words, too.
    left_out
        How many rows of the file are empty, totals, footers or the names again, and no leads.
    """

    columns: Mapping[str, Column]
    originals: Mapping[str, str]
    rows: int
    sha256: str
    source: str = "the table"
    unusable: Mapping[str, str] = field(default_factory=dict)
    encoding: str | None = None
    encoding_guessed: bool = False
    encodings: tuple[str, ...] = ()
    left_out: int = 0

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, as field names."""
        return tuple(self.columns)

    @cached_property
    def remarks(self) -> tuple[str, ...]:
        """Sentences on how the file was read, where it may surprise."""
        remarks = []
        if self.encoding_guessed:
            others = f" ({', '.join(self.encodings)} fit its bytes, too)" if self.encodings else ""
            remarks.append(
                f"{self.source} was read as {self.encoding}: if letters look wrong, give"
                f" --encoding{others}"
            )
        if self.left_out:
            remarks.append(
                f"{self.source}: rows that are empty, totals, footers or the names again, and no"
                f" leads, were left out: {self.left_out}"
            )
        remarks += [self._alike(group) for group in alike(self.originals.values())]
        return tuple(remarks)

    def _alike(self, columns: Sequence[str]) -> str:
        """Return a remark on columns whose names differ in form only."""
        names = " and ".join(map(repr, columns))
        fields = [name for name, column in self.originals.items() if column in columns]
        filled = [self._filled(name) for name in fields]
        is_one = not any((a & b).any() for a, b in combinations(filled, 2))
        remedy = (
            "no row has values in both, so they are probably one column: give it one name"
            if is_one
            else "a lead must have each name exactly; rename one of them, or leave it out"
        )
        return f"{self.source}: {names} differ in form only, and are different columns: {remedy}"

    def _filled(self, name: str) -> NDArray[np.bool_]:
        """Return which rows have a value in a column."""
        return np.array([cell is not None for cell in self.columns[name].strings()])

    @cached_property
    def missing(self) -> frozenset[str]:
        """Words that mean missing by an option, case-folded."""
        columns = self.columns.values()
        return frozenset().union(*(c.missing for c in columns if isinstance(c, TextCells)))

    def find(self, column: str, option: str) -> str:
        """Find a column by its name in the file or its field name.

        Parameters
        ----------
        column
            The name.
        option
            Which option asks for it, for the message.

        Raises
        ------
        InputError
            There is no such column; the message names close ones.
        """
        by_original = {original: name for name, original in self.originals.items()}
        if column in by_original:
            return by_original[column]
        if column in self.columns:
            return column
        known = {name.casefold(): name for name in (*self.originals.values(), *self.names)}
        close = get_close_matches(column.casefold(), known, n=3, cutoff=0.6)
        hint = (
            f"Did you mean {' or '.join(repr(known[name]) for name in close)}?"
            if close
            else f"Its columns: {', '.join(self.originals.values())}."
        )
        raise InputError(f"{self.source} has no column {column!r} ({option}). {hint}")

    def with_fields_of(self, names: FieldNames) -> Table:
        """Return the table with a model's names for its fields.

        Raises
        ------
        InputError
            It is ambiguous which column is a field.
        """
        by_column = {column: name for name, column in self.originals.items()}
        try:
            own = (name for name in self.names if name in names and name not in by_column)
            found = names.find((*by_column, *own))
        except InvalidEventError as error:
            raise InputError(f"{self.source}: {error}") from None
        field_of = {by_column.get(name, name): field for field, name in found.items()}
        return self._renamed({n: field for n, field in field_of.items() if n in self.columns})

    def with_name(self, name: str, new: str) -> Table:
        """Return the table with another field name for a column.

        Where another column has that name, it can't be read any more, and ``unusable`` says why.
        """
        return self._renamed({name: new})

    def _renamed(self, new_names: Mapping[str, str]) -> Table:
        """Return the table with other names for columns.

        Columns whose names they get can't be read any more, and ``unusable`` says why.
        """
        reader = {new: self.originals[name] for name, new in new_names.items()}
        unread = {
            self.originals[name]: f"{reader[name]!r} is read as {name}"
            for name in self.names
            if name not in new_names and name in reader
        }
        kept = {
            name: new_names.get(name, name)
            for name in self.names
            if name in new_names or name not in new_names.values()
        }
        return replace(
            self,
            columns={new: self.columns[name] for name, new in kept.items()},
            originals={new: self.originals[name] for name, new in kept.items()},
            unusable={**self.unusable, **unread},
        )

    def columns_for(
        self,
        kinds: Mapping[str, FieldKind],
        readings: Mapping[str, Reading] | None = None,
        forced: Collection[str] = (),
    ) -> Columns:
        """Read fields as what a model needs; a field without a column is missing in every row.

        Parameters
        ----------
        kinds
            The fields.
        readings
            How a model's training data write numbers and times. It holds for a column here too,
            unless that plainly shows another.
        forced
            Fields that are of their kind however few of their cells fit: the others are missing.

        Raises
        ------
        InputError
            A cell is not a number, or not a time, where one is due.
        """
        known = readings or {}
        return {
            name: self._values(name, kind, known.get(name), forced=name in forced)
            for name, kind in kinds.items()
        }

    def decisions(
        self, kinds: Mapping[str, FieldKind], readings: Mapping[str, Reading] | None = None
    ) -> dict[str, NumberDecision | TimeDecision]:
        """Return how each column of text that is read as numbers or times is read.

        Parameters
        ----------
        kinds, readings
            As of ``columns_for``.
        """
        known = readings or {}
        found: dict[str, NumberDecision | TimeDecision] = {}
        for name, kind in kinds.items():
            column = self.columns.get(name)
            if isinstance(column, TextCells):
                decision = self._decision(column, name, kind, known.get(name))
                if decision is not None:
                    found[name] = decision
        return found

    def misfits(self, name: str, decision: NumberDecision | TimeDecision) -> list[int]:
        """Return the rows of a column whose cells its decision does not read."""
        if not decision.misfits:
            return []
        return [
            row
            for row, cell in enumerate(self.columns[name].strings())
            if cell is not None and cell.strip() in decision.misfits
        ]

    def with_hints(
        self,
        *,
        decimal: Literal[".", ","] | None = None,
        first: Literal["day", "month"] | None = None,
        missing: Collection[str] = (),
    ) -> Table:
        """Return the table with hints that options give.

        Parameters
        ----------
        decimal
            The decimal separator; None: not said.
        first
            What comes first in dates such as 3/4/2024; None: not said.
        missing
            Words that mean missing, whatever their case.
        """
        words = frozenset(" ".join(word.split()).casefold() for word in missing)
        given: dict[str, Any] = {}
        if decimal is not None:
            given |= {"decimal": decimal, "is_decimal_given": True}
        if first is not None:
            given |= {"first": first, "is_first_given": True}
        return replace(
            self,
            columns={
                name: column.with_hints(replace(column.hints, **given), words)
                if isinstance(column, TextCells)
                else column
                for name, column in self.columns.items()
            },
        )

    def take(self, rows: NDArray[np.integer]) -> Table:
        """Return some of the rows, in the order asked for."""
        indices = np.asarray(rows, dtype=np.int64)
        return Table(
            columns={name: column.take(indices) for name, column in self.columns.items()},
            originals=self.originals,
            rows=len(indices),
            sha256=identity_of_part(self.sha256, indices),
            source=self.source,
            unusable=self.unusable,
            encoding=self.encoding,
            encoding_guessed=self.encoding_guessed,
            encodings=self.encodings,
        )

    def slice(self, start: int, stop: int) -> Table:
        """Return the rows from ``start`` up to ``stop``, as Python's slices count."""
        return self.take(np.arange(self.rows)[start:stop])

    def before(self, column: str, moment: float) -> Table:
        """Return the rows whose time is before a moment, in the file's order.

        Parameters
        ----------
        column
            The time's field name.
        moment
            Milliseconds since 1970 UTC.
        """
        times = self._values(column, FieldKind.DATE)
        return self.take(np.flatnonzero(np.asarray(times) < moment))

    def _decision(
        self, column: TextCells, name: str, kind: FieldKind, known: Reading | None
    ) -> NumberDecision | TimeDecision | None:
        if kind is FieldKind.NUMBER:
            return column.number_decision(known if isinstance(known, NumberReading) else None)
        if kind is FieldKind.DATE:
            time = known if isinstance(known, TimeReading) else None
            return column.time_decision(self.originals[name], time)
        return None

    def _values(
        self, name: str, kind: FieldKind, known: Reading | None = None, *, forced: bool = False
    ) -> NDArray[np.float64] | list[str | None]:
        column = self.columns.get(name)
        as_number = kind in (FieldKind.NUMBER, FieldKind.DATE)
        if column is None:
            return np.full(self.rows, np.nan) if as_number else [None] * self.rows
        if not as_number:
            return column.strings()
        try:
            if kind is FieldKind.NUMBER:
                number = known if isinstance(known, NumberReading) else None
                return column.numbers(number, forced=forced)
            time = known if isinstance(known, TimeReading) else None
            return column.milliseconds(self.originals[name], time, forced=forced)
        except CellError as error:
            expected = (
                "a number" if kind is FieldKind.NUMBER else "a time, such as 2024-05-31T09:30:00Z"
            )
            raise InputError(
                f"{self.source}, column {self.originals[name]!r}, row {error.row + 1}: expected "
                f"{expected}, got {error.cell!r}. Correct the cell, or leave it empty."
            ) from None
