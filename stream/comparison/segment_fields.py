"""The fields by which a comparison is segmented: the candidate's, and any other of the leads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.comparison.raw_segments import segments_of_numbers, segments_of_texts
from agents.comparison.segments import SegmentedField
from features.table import Table
from model.bundle import Bundle
from schemas.decode import LeadDecoder
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.registered import framed
from schemas.store import SchemaStore
from schemas.wire import formats_with
from stream.consume.partition_progress import Record
from stream.schema_registry.opened import asked_schemas
from stream.settings import Settings

__all__ = ["field_of_records", "field_of_table", "fields_of_model"]


def fields_of_model(
    bundle: Bundle, bins: NDArray[np.int16], rows: NDArray[np.int64]
) -> dict[str, SegmentedField]:
    """Return the model's fields and aspects by their names for people, segmented by its bins.

    Parameters
    ----------
    bundle
        The model.
    bins
        int16, shape (total, counted): codes of all leads.
    rows
        int64, shape (n,): the leads to segment.
    """
    counted = bundle.metadata.shown_reference.counted
    return {
        field.name: SegmentedField(field.name, bins[rows, i], field.labels)
        for i, field in enumerate(counted)
    }


def field_of_records(
    name: str, bundle: Bundle, settings: Settings, records: Sequence[Record]
) -> SegmentedField:
    """Read a field that the model does not have from the leads' records.

    Parameters
    ----------
    name
        The field, as the leads' schema names it.
    bundle
        The model; the leads may be written with its contract.
    settings
        The folders of schemas.
    records
        Records that can be decoded.

    Raises
    ------
    InputError
        No lead has a value of this field.
    """
    store = SchemaStore.load(*settings.schema_folders)
    store.add(bundle.metadata.contract, f"the contract of model {bundle.name}")
    values = [framed(record.value, record.headers) for record in records]
    formats = formats_with(asked_schemas(settings))
    for kind in (FieldKind.NUMBER, FieldKind.CATEGORY):
        read = LeadDecoder(
            store, {name: kind}, max_bytes=settings.max_event_bytes, formats=formats
        ).decode(values)
        found = _segments(name, read.columns[name], read.positions, len(records))
        if found is not None:
            return found
    raise _unknown(name, bundle)


def field_of_table(
    name: str, bundle: Bundle, table: Table, rows: NDArray[np.int64]
) -> SegmentedField:
    """Read a field that the model does not have from a table.

    Parameters
    ----------
    name
        The column, as the file or the model names it.
    bundle
        The model.
    table
        The file.
    rows
        int64, shape (n,): the rows of the leads.

    Raises
    ------
    InputError
        There is no such column, or it has no value.
    """
    column = table.find(name, "--by")
    try:
        values: Any = table.columns_for({column: FieldKind.NUMBER})[column]
    except InputError:  # not a column of numbers
        values = table.columns_for({column: FieldKind.CATEGORY})[column]
    chosen = values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
    found = _segments(name, chosen, range(len(rows)), len(rows))
    if found is None:
        raise _unknown(name, bundle)
    return found


def _segments(
    name: str, column: Any, positions: Sequence[int], total: int
) -> SegmentedField | None:
    """Return the segments of all leads; None if no value could be read."""
    if isinstance(column, np.ndarray):
        numbers = np.full(total, np.nan)
        numbers[list(positions)] = column
        return None if np.isnan(numbers).all() else segments_of_numbers(name, numbers)
    texts: list[str | None] = [None] * total
    for position, value in zip(positions, column, strict=True):
        texts[position] = None if value is None else str(value)
    return segments_of_texts(name, texts) if any(text is not None for text in texts) else None


def _unknown(name: str, bundle: Bundle) -> InputError:
    known = [field.name for field in bundle.metadata.shown_reference.counted]
    return InputError(
        f"no lead has a value of the field {name!r} (--by): name one of the leads' fields, such as "
        f"{', '.join(known[:8])}"
    )
