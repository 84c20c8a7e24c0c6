"""Columns of a Parquet file."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from features.column import Column, Milliseconds, Numbers, TextCells
from schemas.errors import InputError
from schemas.fields import FieldKind

__all__ = ["read_parquet"]


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
        Each column, by its name in the file: numbers, times, or text (``true`` and ``false`` for
        booleans).
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
        table = pyarrow.parquet.read_table(io.BytesIO(content), use_threads=False)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"{name} is not a readable Parquet file: {reason}") from None
    if not table.num_rows:
        raise InputError(f"{name} has columns, but no rows.")
    columns: dict[str, Column] = {}
    unusable: dict[str, str] = {}
    for field, values in zip(table.schema, table.columns, strict=True):
        column = _column(pyarrow, field.type, values)
        if column is None:
            unusable[field.name] = f"holds {field.type}, not numbers, text, times or yes and no"
        else:
            columns[field.name] = column
    return columns, unusable


def _column(pa: Any, kind: Any, values: Any) -> Column | None:
    types = pa.types
    if types.is_dictionary(kind):
        return _column(pa, kind.value_type, values.cast(kind.value_type))
    if types.is_boolean(kind):
        words = {None: None, True: "true", False: "false"}
        return TextCells([words[value] for value in values.to_pylist()], kind=FieldKind.CATEGORY)
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        cells = [value if value and value.strip() else None for value in values.to_pylist()]
        return TextCells(cells)
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return Numbers(_float64(values.cast(pa.float64(), safe=False)))
    if types.is_timestamp(kind) or types.is_date(kind):
        in_ms = values.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        return Milliseconds(_float64(in_ms.cast(pa.float64(), safe=False)))
    if types.is_null(kind):
        return TextCells([None] * len(values))
    return None


def _float64(values: Any) -> Any:
    return np.array(values.to_numpy(zero_copy_only=False), dtype=np.float64)
