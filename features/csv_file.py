"""Columns of a CSV file whose separator is not given."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from features.column import TextCells
from features.repeated_names import check_repeated
from features.written_cells import Hints
from schemas.errors import InputError

__all__ = ["CsvColumns", "read_csv"]

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE_ROWS = 200
SEPARATOR_LINE = re.compile(r'"?sep=([,;\t|])"?[ \t]*(?:\r\n|\r|\n)', re.IGNORECASE)
TOTAL = re.compile(
    r"\s*(?:(?:grand|sub)?[ -]?totals?|total general|totale?|summe?|gesamt|somme|suma"
    r"|合计|合計|итого)"
    r"\s*(?:[:(].*)?",
    re.IGNORECASE,
)
"""First cells of rows of totals."""
AVERAGE = re.compile(
    r"\s*(?:insgesamt|anzahl|count|average|avg|mittelwert|durchschnitt|moyenne|promedio|всего"
    r"|小计|小計|平均|合计行)\s*(?:[:(].*)?",
    re.IGNORECASE,
)
FORMULA = re.compile(r'="((?:[^"]|"")*)"')
"""How spreadsheets are made to keep digits as text."""
AS_TEXT = re.compile(r"'(?=[=+@-]|[\d.,]+$)")
"""The apostrophe by which spreadsheets, and what guards against formulas, mark text."""
RULE = re.compile(r":?-{3,}:?")
"""A cell of the line between names and rows, as Markdown and terminals have it."""
QUOTES = ("'", "`")
"""Characters that some programs write instead of the quotation mark."""
COUNT_OF_ROWS = re.compile(r"\(\d[\d.,]* rows?\)", re.IGNORECASE)
WORDS_OF_FOOTER = 3
"""Words of a row's only cell from which on it is a footer."""
SPARSE = 2
"""Filled cells of a usual row up to which a row of one cell may be a lead."""


class CsvColumns(NamedTuple):
    """Columns of a CSV file.

    Attributes
    ----------
    columns
        Each column's cells, by its name in the file; an empty cell is None.
    left_out
        How many rows are empty, totals, footers or the names again, and no leads.
    """

    columns: dict[str, TextCells]
    left_out: int


def read_csv(text: str, name: str) -> CsvColumns:
    """Read a CSV file's columns, finding out its separator.

    The separator (comma, semicolon, tab or bar) is the one that a first line such as ``sep=;``
    names, as Excel writes it, else the one that cuts most of the first rows into as many cells as
    the first line with cells; that line holds the names.

    Parameters
    ----------
    text
        The file.
    name
        What to call it in messages.

    Raises
    ------
    InputError
        The file is not a table of at least two columns and one row.
    """
    skipped, text, separator = _named_separator(text)
    if not text.strip():
        raise InputError(f"{name} is empty. Expected names in the first line and a line a lead.")
    # A cell may be as long as the file: the module's own limit is for cells of strangers.
    csv.field_size_limit(max(len(text), 1))
    separator = separator or _separator(text, name)
    rows = _rows(text, separator, name, skipped)
    header = [cell.strip() for cell in next(rows)[1]]
    quote = next((q for q in QUOTES if all(map(re.compile(f"{q}.*{q}").fullmatch, header))), None)
    if quote is not None:
        rows = _rows(text, separator, name, skipped, quote)
        header = [cell.strip() for cell in next(rows)[1]]
    if len(header) == 1:
        raise _one_column(name)
    check_repeated(filter(None, header), name)
    cells = _transposed(rows, header, separator, name)
    left_out = _leave_out_totals(cells, header)
    if not cells[0]:
        raise InputError(f"{name} has names in the first line, but no leads below it.")
    hints = Hints(decimal="." if separator == "," else ",")
    columns = {
        column: TextCells(values, hints=hints)
        for number, (column, values) in enumerate(zip(header, cells, strict=True))
        if _is_used(column, values, number, name)
    }
    return CsvColumns(columns, left_out)


def _named_separator(text: str) -> tuple[int, str, str | None]:
    """Return how many lines name the separator, the text behind them, and the separator."""
    match = SEPARATOR_LINE.match(text)
    return (0, text, None) if match is None else (1, text[match.end() :], match[1])


def _is_used(column: str, values: list[str | None], number: int, name: str) -> bool:
    """Return whether a column is one; without a name, only the first, or one with cells, is."""
    if column or number == 0:
        return True
    if any(value is not None for value in values):
        raise InputError(
            f"{name}: column {number + 1} has no name in the first line. Give it one, or delete "
            "what stands above the names."
        )
    return False


def _leave_out_totals(cells: list[list[str | None]], header: list[str]) -> int:
    """Remove rows that are no leads from the columns; return their number.

    These are rows without a value, with the names again, or of totals, and footers at the end.
    """
    usual = _usual_width(cells)
    wrong = {row for row in _rows_of_totals(cells) if 2 * len(_filled(cells, row)) <= usual}
    wrong.update(_rows_without_values(cells, header))
    for row in reversed(range(len(cells[0]))):
        if row not in wrong and not (usual > SPARSE and _is_footer(_filled(cells, row))):
            break
        wrong.add(row)
    if wrong:
        for column in cells:
            column[:] = [cell for row, cell in enumerate(column) if row not in wrong]
    return len(wrong)


def _rows_of_totals(cells: list[list[str | None]]) -> Iterator[int]:
    """Yield the rows whose first cell, or first but one, says that they are totals."""
    for row, (first, second) in enumerate(zip(cells[0], cells[1], strict=True)):
        cell = second if first is None else first
        if cell is not None and (TOTAL.fullmatch(cell) or AVERAGE.fullmatch(cell)):
            yield row


def _rows_without_values(cells: list[list[str | None]], header: list[str]) -> Iterator[int]:
    """Yield the rows that are empty, a ruled line, or the names again (files one after another)."""
    for row, first in enumerate(cells[0]):
        if first is None or first.strip() == header[0] or RULE.fullmatch(first.strip()):
            filled = [cell.strip() for cell in _filled(cells, row)]
            if all(map(RULE.fullmatch, filled)) or filled == [name for name in header if name]:
                yield row


def _filled(cells: list[list[str | None]], row: int) -> list[str]:
    return [cell for column in cells if (cell := column[row]) is not None]


def _usual_width(cells: list[list[str | None]]) -> int:
    """Return how many cells of a row are filled, in the middle one of the first rows."""
    rows = range(min(len(cells[0]), SAMPLE_ROWS))
    widths = sorted(len(_filled(cells, row)) for row in rows)
    return widths[len(widths) // 2] if widths else 0


def _is_footer(filled: list[str]) -> bool:
    if len(filled) != 1:
        return False
    text = filled[0].strip()
    words = len(text.split())
    return words >= WORDS_OF_FOOTER or text[-1] == ":" or COUNT_OF_ROWS.fullmatch(text) is not None


def _separator(text: str, name: str) -> str:
    best, fits = "", (0.0, 0)
    for separator in SEPARATORS:
        try:
            widths = [
                len(row)
                for row in islice(
                    csv.reader(
                        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True
                    ),
                    SAMPLE_ROWS,
                )
                if row
            ]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            share = Counter(widths)[widths[0]] / len(widths)
            best, fits = max((best, fits), (separator, (share, widths[0])), key=lambda x: x[1])
    if not best:
        raise _one_column(name)
    return best


def _one_column(name: str) -> InputError:
    return InputError(
        f"{name} is not a table of several columns: its first line has no comma, semicolon, "
        "tab or bar. Expected CSV (the names in the first line), JSON or Parquet."
    )


def _rows(
    text: str, separator: str, name: str, skipped: int, quote: str = '"'
) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=separator,
        quotechar=quote,
        skipinitialspace=True,
        strict=True,
    )
    try:
        for row in reader:
            if row:
                yield skipped + reader.line_num, row
    except csv.Error as error:
        raise InputError(
            f"{name}, line {skipped + reader.line_num}: {error}. A quote is not closed, or stands "
            'inside a cell; double it ("") or take it out.'
        ) from None


def _transposed(
    rows: Iterator[tuple[int, list[str]]], header: list[str], separator: str, name: str
) -> list[list[str | None]]:
    columns: list[list[str | None]] = [[] for _ in header]
    # One object for each different cell: levels repeat, and a large file is mostly levels.
    same: dict[str, str | None] = {}
    footers: list[tuple[int, list[str]]] = []
    for line, row in rows:
        if len(row) < len(header) and _is_footer([cell for cell in row if cell.strip()]):
            footers.append((line, row))
            continue
        # A line that looks like a footer is none if leads follow.
        for wrong, cells in (*footers, (line, row)):
            if len(cells) != len(header):
                raise InputError(
                    f"{name} is ragged: line {wrong} has {len(cells)} cells, the first line "
                    f"{len(header)} (separated by {SEPARATORS[separator]}). Correct the line; "
                    "quote cells that hold the separator."
                )
        for column, cell in zip(columns, row, strict=True):
            if cell not in same:
                same[cell] = _plain(cell)
            column.append(same[cell])
    for _, row in footers:
        for number, column in enumerate(columns):
            column.append(row[number] if number < len(row) and row[number].strip() else None)
    return columns


def _plain(cell: str) -> str | None:
    """Return a cell without what spreadsheets write around text; None where it is empty."""
    text = cell.strip()
    if text.startswith("=") and (formula := FORMULA.fullmatch(text)):
        return formula[1].replace('""', '"') or None
    if text.startswith("'") and AS_TEXT.match(text):
        return text[1:]
    return cell if text else None
