"""Columns of a Parquet file, and of any data in Arrow."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.column import Column, Milliseconds, Numbers, TextCells
from features.repeated_names import check_repeated
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.nested_objects import DEEPEST
from schemas.times import EARLIEST_MS, LATEST_MS

__all__ = ["arrow_columns", "read_parquet", "text_paths"]

CELLS_A_BYTE = 100
"""Maximum decompression ratio; a column with one value compresses to almost nothing."""
PER_MS = {"s": 0.001, "ms": 1.0, "us": 1e3, "ns": 1e6}
"""Units of times of day, which become milliseconds since midnight, as in Avro."""
ALWAYS_READ = 20_000_000
"""Cells that are read however short the file is."""


def read_parquet(content: bytes, name: str) -> tuple[dict[str, Column], dict[str, str]]:
    """Read a Parquet file's columns.

    Parameters
    ----------
    content
        The file.
    name
        What to call it in messages.

    Returns
    -------
    dict
        Each column, by its name in the file, dotted inside structs: numbers (also times of day,
        in milliseconds since midnight), times, or text (``true`` and ``false`` for booleans).
    dict
        Columns that can't be used, and why.

    Raises
    ------
    InputError
        The file is damaged, has no rows, or pyarrow is not there to read it.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise InputError(
            f"{name} is a Parquet file, and pyarrow is not installed to read it: install "
            "leadscore[train], or save the file as CSV."
        ) from None
    try:
        table = _read(pyarrow, content, name)
        if not table.num_rows:
            raise InputError(f"{name} has columns, but no rows.")
        return arrow_columns(table, name)
    except InputError:
        raise
    except Exception as error:  # pyarrow raises whatever damaged bytes lead it to
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(f"{name} is not a readable Parquet file: {reason}") from None


def arrow_columns(table: Any, name: str) -> tuple[dict[str, Column], dict[str, str]]:
    """Read the columns of a ``pyarrow.Table``.

    Parameters
    ----------
    table
        Any number of rows.
    name
        What to call it in messages.

    Returns
    -------
    dict, dict
        As of ``read_parquet``.

    Raises
    ------
    InputError
        A name is repeated.
    """
    import pyarrow as pa

    for _ in range(DEEPEST - 1):  # one level of structs each time, under dotted names
        table = table.flatten()
    check_repeated(table.schema.names, name)
    columns: dict[str, Column] = {}
    unusable: dict[str, str] = {}
    for field, values in zip(table.schema, table.columns, strict=True):
        column = _column(pa, field.type, values)
        if column is None:
            unusable[field.name] = f"holds {field.type}, not numbers, text, times or yes and no"
        else:
            columns[field.name] = column
    return columns, unusable


def _read(pa: Any, content: bytes, name: str) -> Any:
    described = pa.parquet.read_metadata(io.BytesIO(content))
    cells = described.num_rows * described.num_columns
    most = max(ALWAYS_READ, CELLS_A_BYTE * len(content))
    if cells > most:
        raise InputError(
            f"{name} claims {described.num_rows} rows of {described.num_columns} columns: expected "
            f"at most {most} cells in {len(content)} bytes. Save it again, or as CSV."
        )
    # Each different text once: a long one may stand in any number of rows.
    schema = described.schema.to_arrow_schema()
    check_repeated(schema.names, name)
    texts = [path for field in schema for path in text_paths(field.name, field.type)]
    return pa.parquet.read_table(io.BytesIO(content), use_threads=False, read_dictionary=texts)


def text_paths(path: str, kind: Any) -> Iterator[str]:
    """Yield the dotted names of the texts of a field of an Arrow schema, also inside structs."""
    import pyarrow as pa

    if _is_text(pa, kind):
        yield path
    elif pa.types.is_struct(kind):
        for inner in kind:
            yield from text_paths(f"{path}.{inner.name}", inner.type)


def _column(pa: Any, kind: Any, values: Any) -> Column | None:
    types = pa.types
    if types.is_dictionary(kind) and _is_text(pa, kind.value_type):
        return TextCells(_looked_up(values))
    if types.is_dictionary(kind):
        return _column(pa, kind.value_type, values.cast(kind.value_type))
    if types.is_boolean(kind):
        words = {None: None, True: "true", False: "false"}
        return TextCells([words[value] for value in values.to_pylist()], kind=FieldKind.CATEGORY)
    if _is_text(pa, kind):
        plain = values.cast(pa.string()) if types.is_string_view(kind) else values
        return TextCells(_looked_up(plain.dictionary_encode()))
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Numbers(_float64(values.cast(pa.float64(), safe=False)))
    if types.is_timestamp(kind) or types.is_date(kind):
        in_ms = values.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        return Milliseconds(_times(_float64(in_ms.cast(pa.float64(), safe=False))))
    if types.is_time(kind):
        counts = values.cast(pa.int32() if types.is_time32(kind) else pa.int64())
        return Numbers(_float64(counts.cast(pa.float64())) / PER_MS[kind.unit], is_clock=True)
    if str(kind) == "extension<arrow.uuid>":
        return TextCells([None if value is None else str(value) for value in values.to_pylist()])
    if types.is_null(kind):
        return TextCells([None] * len(values))
    return None


def _is_text(pa: Any, kind: Any) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _looked_up(values: Any) -> list[str | None]:
    cells: list[str | None] = []
    for chunk in values.chunks:
        if len(chunk.dictionary) > len(chunk):  # of a whole row group
            chunk = chunk.cast(chunk.type.value_type).dictionary_encode()
        words = np.array([*_cells(chunk.dictionary), None], dtype=object)
        indices = chunk.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
        cells += words[indices].tolist()
    return cells


def _cells(values: Any) -> list[str | None]:
    return [value if value and value.strip() else None for value in values.to_pylist()]


def _times(ms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times with NaN for those that no calendar has."""
    return np.where((ms >= EARLIEST_MS) & (ms < LATEST_MS), ms, np.nan)


def _float64(values: Any) -> Any:
    return np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)
