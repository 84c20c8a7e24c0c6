"""Reading of records for a sink: events with their fields, and verdicts on the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from agents.lead_grades import grade_in
from agents.outcomes.overdue_event import read_overdue
from schemas.errors import ErrorCode, InvalidEventError
from schemas.record_reader import RecordReader
from schemas.registered import RegisteredSchemas, framed
from schemas.scored_event_reader import ScoredEventReader
from schemas.store import SchemaStore
from stream.consume.partition_progress import Batch
from stream.sinks.sink import SinkRecord

__all__ = ["Content", "ReadEvents", "Unwritable", "read_batch", "read_value", "reader_of"]

Content = Literal["scores", "leads", "overdue"]
"""Content that a sink writes."""

Read = Callable[[bytes | None], Mapping[str, Any]]
"""Reads a record's value; raises an InvalidEventError."""

Unwritable = tuple[Any, InvalidEventError]
"""A record that can't be written, and the verdict on it."""

ReadEvents = tuple[list[SinkRecord], list[Unwritable]]


def reader_of(
    content: Content, store: SchemaStore, registered: RegisteredSchemas | None = None
) -> Read:
    """Return the reader of a topic's values.

    Parameters
    ----------
    content
        What the topic holds.
    store
        The schemas that leads may be written with.
    registered
        What ids of the schema registry stand for; None: no registry is set.
    """
    if content == "scores":
        return _score_reader(registered)
    if content == "overdue":
        return _overdue
    return RecordReader(store, registered).read


def read_batch(batch: Batch, read: Read) -> ReadEvents:
    """Read the records of a batch.

    A tombstone, such as that of an erasure, is skipped: a dead letter of it would keep the id.

    Returns
    -------
    records
        What can be written.
    unwritable
        Records that are no event, and those that can't be read, with the verdict.
    """
    records: list[SinkRecord] = []
    unwritable: list[Unwritable] = []
    for position, record in enumerate(batch.records):
        try:
            if error := batch.verdicts.get(position):
                raise error
            if record.value is None and record.key is not None:
                continue
            lead_id, event = read_value(framed(record.value, record.headers), read)
        except InvalidEventError as error:
            unwritable.append((record, error))
        else:
            grade = grade_in(record.headers)
            records.append(SinkRecord(record.offset, record.timestamp, lead_id, event, grade))
    return records, unwritable


def read_value(value: bytes | None, read: Read) -> tuple[str, Mapping[str, Any]]:
    """Read a value that is to be written to a sink.

    Returns
    -------
    lead_id : str
        The lead.
    event : mapping
        The fields.

    Raises
    ------
    InvalidEventError
        It can't be read, or is of no lead.
    """
    event = read(value)
    lead_id = event.get("lead_id")
    if not isinstance(lead_id, str) or not lead_id:
        raise InvalidEventError(
            ErrorCode.VALIDATION,
            "expected lead_id to be a string that is not empty: only such records can be"
            " written to a sink",
        )
    return lead_id, event


def _score_reader(registered: RegisteredSchemas | None) -> Read:
    reader = ScoredEventReader(registered)

    def read(value: bytes | None) -> Mapping[str, Any]:
        try:
            return reader.read(value)
        except ValueError as error:
            raise InvalidEventError(ErrorCode.DECODE, _no_bytes(str(error))) from None

    return read


def _overdue(value: bytes | None) -> Mapping[str, Any]:
    try:
        return read_overdue(value)
    except ValueError:
        raise InvalidEventError(ErrorCode.DECODE, "expected a lead_overdue event") from None


def _no_bytes(sentence: str) -> str:
    """Return an error's first part: fastavro and orjson may quote bytes of the value after it."""
    return f"expected a scored event: {sentence.split(':')[0]}"
