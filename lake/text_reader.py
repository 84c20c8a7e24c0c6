"""CSV and JSON files of a data set: read whole, by the parsers of `leadscore score FILE`."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import lru_cache
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.json

from features.table_file import find_json, parse_table
from lake.parquet_reader import BATCH_ROWS, with_partitions
from lake.plan import InputFile
from lake.store import open_store, reaching
from schemas.errors import InputError

__all__ = ["TEXT_SUFFIXES", "is_text_file", "read_text_batches", "read_text_file"]

TEXT_SUFFIXES = tuple(
    f".{name}{packed}"
    for name in ("csv", "tsv", "json", "jsonl", "ndjson")
    for packed in ("", ".gz")
)
LARGEST, LARGEST_PACKED = 256 << 20, 32 << 20
"""Bytes of a file, and of one that is compressed: it takes several times as much memory."""
_one_at_a_time = Lock()


def is_text_file(url: str) -> bool:
    """Return whether a file is CSV or JSON, by its name."""
    return url.endswith(TEXT_SUFFIXES)


def read_text_batches(file: InputFile, columns: Sequence[str]) -> Iterator[Any]:
    """Read a file.

    Parameters
    ----------
    file
        The file.
    columns
        Names of the columns to read, of the file or of its partitions.

    Yields
    ------
    pyarrow.Table
        Of at most ``BATCH_ROWS`` rows.

    Raises
    ------
    InputError, StartupError
        As of ``read_text_file``.
    """
    table = read_text_file(file.url, file.version)
    own = table.select([name for name in columns if name not in file.partitions])
    for first in range(0, table.num_rows, BATCH_ROWS):
        rows = min(BATCH_ROWS, table.num_rows - first)
        # Without columns of its own a table has no rows.
        part = own.slice(first, rows) if own.num_columns else pa.table({"": pa.nulls(rows)})
        found = with_partitions(part, file.partitions, columns)
        yield found.select([name for name in found.column_names if name])


def read_text_file(url: str, version: str) -> Any:
    """Read a file of CSV or JSON; the last one is remembered.

    Parameters
    ----------
    url
        Where it is.
    version
        What changes when the file does.

    Returns
    -------
    pyarrow.Table
        Cells of CSV are text. Values of JSON are numbers, text or booleans; times are text.

    Raises
    ------
    InputError
        There is no such file, it is too large, or it is no table.
    StartupError
        The store can't be reached.
    """
    with _one_at_a_time:  # a file at once in memory, and one thread at once can use Python
        return _parsed(url, version)


@lru_cache(maxsize=1)
def _parsed(url: str, _: str) -> Any:
    files, path = open_store(url)
    with reaching(url):
        size = files.info(path)["size"]
        most = LARGEST_PACKED if url.endswith(".gz") else LARGEST
        if size > most:
            raise InputError(
                f"{url} has {size >> 20} MB, and a CSV or JSON file of a data set is read whole, up"
                f" to {most >> 20} MB: split it, or convert it to Parquet (docs/lake.md)"
            )
        content = files.cat_file(path)
    leads = find_json(content, url)
    if leads is not None:
        return _of_json("\n".join(lead.text for lead in leads), url)
    table = parse_table(content, url)
    return pa.table(
        {
            table.originals[name]: pa.array(column.strings(), type=pa.string())
            for name, column in table.columns.items()
        }
    )


def _of_json(text: str, url: str) -> Any:
    """Read objects, one after the other."""
    content = text.encode()
    try:
        found = _read_json(content, None)
        kinds = [pa.field(field.name, _as_written(field.type)) for field in found.schema]
        if pa.schema(kinds) != found.schema.remove_metadata():
            found = _read_json(content, pa.schema(kinds))
    except pa.ArrowException as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(
            f"{url} was expected to have an object for each lead, whose values are of one type for"
            f" each key: {reason}"
        ) from None
    return found


def _read_json(content: bytes, schema: Any) -> Any:
    return pa.json.read_json(
        io.BytesIO(content),
        # In one block, as types are concluded for each.
        pa.json.ReadOptions(use_threads=False, block_size=max(len(content), 1)),
        pa.json.ParseOptions(explicit_schema=schema, newlines_in_values=True),
    )


def _as_written(kind: Any) -> Any:
    """Return a type with text instead of times, which a model reads in its own way."""
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(each.name, _as_written(each.type)) for each in kind])
    if pa.types.is_list(kind):
        return pa.list_(_as_written(kind.value_type))
    return pa.string() if pa.types.is_temporal(kind) else kind
