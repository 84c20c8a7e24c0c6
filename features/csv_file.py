"""Columns of a CSV file whose separator and encoding nobody told."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from features.column import TextCells
from features.decide import Hints
from schemas.errors import InputError

__all__ = ["UNICODE", "read_csv"]

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SAMPLE_ROWS = 200
SAMPLE_BYTES = 65_536
NOT_TEXT = frozenset(range(32)) - set(b"\t\n\r\f\v\x1a\x1b") | {127}
ENCODINGS = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256"),
    *("shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"),
)
"""Encodings that are tried where the file is not Unicode."""
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
UNICODE = frozenset({"utf-8", *BYTE_ORDER_MARKS.values()})
"""Encodings that are told for certain."""


def read_csv(
    content: bytes, name: str, encoding: str | None = None
) -> tuple[dict[str, TextCells], str]:
    """Read a CSV file's columns, finding out its encoding and separator.

    The separator (comma, semicolon, tab or bar) is the one that cuts most of the first rows into
    as many cells as the first line; the first line holds the names.

    Parameters
    ----------
    content
        The file.
    name
        What to call it in messages.
    encoding
        Its encoding; None to find it out: by a byte-order mark, else UTF-8, else by its letters.

    Returns
    -------
    dict
        Each column's cells, by its name in the file; an empty cell is None.
    str
        The file's encoding.

    Raises
    ------
    InputError
        The file is not a table of at least two columns and one row.
    """
    text, found = _decoded(content, name, encoding)
    separator = _separator(text, name)
    rows = _rows(text, separator, name)
    header = [cell.strip() for cell in next(rows)[1]]
    _check_header(header, name)
    cells = _transposed(rows, header, separator, name)
    hints = Hints(decimal="." if separator == "," else ",")
    columns = {
        column: TextCells(values, hints=hints) for column, values in zip(header, cells, strict=True)
    }
    return columns, found


def _decoded(content: bytes, name: str, encoding: str | None) -> tuple[str, str]:
    marked = next((e for mark, e in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    known = encoding or marked
    if known is None and not NOT_TEXT.isdisjoint(content[:SAMPLE_BYTES]):
        raise InputError(
            f"{name} is not a table: it holds binary data. Expected CSV (text, a line a lead, "
            "the names in the first line) or Parquet."
        )
    try:
        return content.decode(known or "utf-8").removeprefix("\ufeff"), known or "utf-8"
    except LookupError:
        raise InputError(
            f"there is no encoding {known!r}; try utf-8, utf-16, cp1252 or latin-1"
        ) from None
    except UnicodeDecodeError as error:
        if known is None and content[: error.start].isascii():
            return _guessed(content, name, error)
        raise InputError(
            f"{name} is not {known or 'UTF-8'}: {_place(content, error)}. Save it as UTF-8, or "
            "name its encoding with --encoding (cp1252, say)."
        ) from None
    except UnicodeError as error:  # some encodings tell no more
        raise InputError(
            f"{name} is not {known}: {error}. Save it as UTF-8, or name its encoding with "
            "--encoding (cp1252, say)."
        ) from None


def _guessed(content: bytes, name: str, failure: UnicodeDecodeError) -> tuple[str, str]:
    unknown = InputError(
        f"the encoding of {name} can't be found out: it is not UTF-8 ({_place(content, failure)}) "
        "nor another encoding that its letters tell. Save it as UTF-8, or name its encoding with "
        "--encoding (cp1252, say)."
    )
    try:
        from charset_normalizer import from_bytes
    except ImportError:  # a worker's environment need not have it
        raise unknown from None
    around = content[max(0, failure.start - SAMPLE_BYTES // 2) :][:SAMPLE_BYTES]
    guess = from_bytes(around, cp_isolation=list(ENCODINGS)).best()
    try:
        if guess is not None:
            return content.decode(guess.encoding), guess.encoding
    except UnicodeDecodeError:
        pass
    raise unknown


def _place(content: bytes, error: UnicodeDecodeError) -> str:
    line = content.count(b"\n", 0, error.start) + 1
    return f"line {line} has the byte 0x{content[error.start]:02x}"


def _separator(text: str, name: str) -> str:
    best, fits = "", (0.0, 0)
    for separator in SEPARATORS:
        try:
            widths = [
                len(row)
                for row in islice(
                    csv.reader(io.StringIO(text, newline=""), delimiter=separator), SAMPLE_ROWS
                )
                if row
            ]
        except csv.Error:
            continue
        if widths and widths[0] > 1:
            share = Counter(widths)[widths[0]] / len(widths)
            best, fits = max((best, fits), (separator, (share, widths[0])), key=lambda x: x[1])
    if not best:
        if not text.strip():
            raise InputError(
                f"{name} is empty. Expected names in the first line and a line a lead."
            )
        raise InputError(
            f"{name} is not a table of several columns: its first line has no comma, semicolon, "
            "tab or bar. Expected CSV (the names in the first line) or Parquet."
        )
    return best


def _rows(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as error:
        raise InputError(
            f"{name}, line {reader.line_num}: {error}. A quote is not closed, or stands inside a "
            'cell; double it ("") or take it out.'
        ) from None


def _check_header(header: list[str], name: str) -> None:
    for number, column in enumerate(header, 1):
        if not column and number > 1:
            raise InputError(f"{name}: column {number} has no name in the first line. Give it one.")
    repeated = [column for column, times in Counter(header).items() if times > 1]
    if repeated:
        raise InputError(
            f"{name} has more than one column {repeated[0]!r}. Give each column a name of its own."
        )


def _transposed(
    rows: Iterator[tuple[int, list[str]]], header: list[str], separator: str, name: str
) -> list[list[str | None]]:
    columns: list[list[str | None]] = [[] for _ in header]
    # One object for each different cell: levels repeat, and a large file is mostly levels.
    same: dict[str, str | None] = {}
    for line, row in rows:
        if len(row) != len(header):
            raise InputError(
                f"{name} is ragged: line {line} has {len(row)} cells, the first line "
                f"{len(header)} (separated by {SEPARATORS[separator]}). Mend the line; quote cells "
                f"that hold the separator."
            )
        for column, cell in zip(columns, row, strict=True):
            column.append(same.setdefault(cell, cell if cell.strip() else None))
    if not columns[0]:
        raise InputError(f"{name} has names in the first line, but no leads below it.")
    return columns
