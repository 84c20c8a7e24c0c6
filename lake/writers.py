"""Files of scores: Parquet, JSON lines, CSV."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

import orjson
import pyarrow as pa
import pyarrow.parquet

from features.reason_sentence import reason_sentence
from schemas.display import for_spreadsheet

__all__ = ["TableWriter", "open_writer"]

GROUP_ROWS = 120_000
"""Rows of a row group, about: what a writer keeps in memory."""


class TableWriter(Protocol):
    """Writes tables of one schema to a file."""

    def write(self, table: Any) -> None:
        """Append a ``pyarrow.Table``."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Complete the file."""


def open_writer(shape: str, file: Path, schema: Any, facts: Mapping[str, str]) -> TableWriter:
    """Open a writer.

    Parameters
    ----------
    shape
        ``parquet``, ``jsonl`` or ``csv``.
    file
        Does not exist yet.
    schema
        The ``pyarrow.Schema`` of the tables.
    facts
        What a Parquet file says of itself in its metadata.
    """
    if shape == "parquet":
        return _Parquet(file, schema.with_metadata(dict(facts)))
    return _Json(file) if shape == "jsonl" else _Csv(file, schema.names)


class _Parquet:
    def __init__(self, file: Path, schema: Any) -> None:
        self._schema = schema
        self._writer = pa.parquet.ParquetWriter(file, schema, compression="zstd")
        self._tables: list[Any] = []
        self._rows = 0

    def write(self, table: Any) -> None:
        self._tables.append(table.replace_schema_metadata(self._schema.metadata))
        self._rows += table.num_rows
        if self._rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._tables:
            self._writer.write_table(pa.concat_tables(self._tables))
        self._tables, self._rows = [], 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._flush()
        self._writer.close()


class _Json:
    """One object a line, as `leadscore score` prints them."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("xb")

    def write(self, table: Any) -> None:
        for row in table.to_pylist():
            self._file.write(orjson.dumps(row, default=str, option=orjson.OPT_APPEND_NEWLINE))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._file.close()


class _Csv:
    """For spreadsheets, as `leadscore score --format csv` prints it."""

    def __init__(self, file: Path, names: list[str]) -> None:
        self._file = file.open("x", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, names)
        self._writer.writeheader()

    def write(self, table: Any) -> None:
        self._writer.writerows(
            {
                name: for_spreadsheet(cell) if isinstance(cell, str) else cell
                for name, cell in {**row, "reasons": reason_sentence(row["reasons"])}.items()
            }
            for row in table.to_pylist()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self._file.close()
