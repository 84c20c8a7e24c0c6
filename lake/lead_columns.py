"""Columns of a file that scoring reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from features.parquet_file import text_paths
from features.row_reader import RowReader
from features.table_file import arrow_table
from schemas.errors import InputError

__all__ = ["ID", "LeadColumns", "find_columns"]

ID = "lead_id"


@dataclass(frozen=True, slots=True)
class LeadColumns:
    """Names in a file.

    Attributes
    ----------
    fields
        The model's fields that it has.
    read
        The columns to read.
    texts
        Dotted names of those that are text and features.
    lead_id
        The column of the leads' ids; None: it has none, and rows are numbered.
    """

    fields: frozenset[str]
    read: tuple[str, ...]
    texts: frozenset[str]
    lead_id: str | None


def find_columns(
    schema: Any, reader: RowReader, id_column: str, keep: Sequence[str], source: str
) -> LeadColumns:
    """Find the columns that scoring reads.

    Parameters
    ----------
    schema
        The ``pyarrow.Schema`` of a file, with the columns of its partitions.
    reader
        Knows the model's fields.
    id_column
        Column of the leads' ids. If it is ``lead_id``, it may be missing.
    keep
        Columns that are copied.
    source
        Name of the file for messages.

    Raises
    ------
    InputError
        A named column is missing, or the file has none of the model's fields.
    """
    table = arrow_table(schema.empty_table(), source)
    fields = reader.fields_in(table)
    if not fields:
        raise InputError(
            f"{source} has none of the model's fields. Its columns: {', '.join(schema.names)}."
            " Name another model with --model."
        )
    lead_id = None
    if id_column != ID or ID in table.names:
        lead_id = table.originals[table.find(id_column, "--id")]
    for name in keep:
        _check_column(name, schema.names, source)
    wanted = [*fields.values(), *keep, *([] if lead_id is None else [lead_id])]
    read = dict.fromkeys(_top_of(name, schema.names) for name in wanted)
    features = {*fields.values()} - {*keep, lead_id}
    texts = {path for field in schema for path in text_paths(field.name, field.type)}
    return LeadColumns(frozenset(fields), tuple(read), frozenset(texts & features), lead_id)


def _top_of(name: str, columns: Sequence[str]) -> str:
    """Return the column of a file that a dotted name is in."""
    return name if name in columns else name.partition(".")[0]


def _check_column(name: str, columns: Sequence[str], source: str) -> None:
    if name not in columns:
        close = get_close_matches(name, columns, n=3, cutoff=0.6)
        hint = f"Did you mean {' or '.join(close)}?" if close else f"It has {', '.join(columns)}."
        raise InputError(f"{source} has no column {name!r} (--keep). {hint}")
