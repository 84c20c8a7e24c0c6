"""Polls that continue past records which the client can't decode.

Most readers need only the valid records of a topic: `readable` skips the others and logs them. A
reader of a log whose every record counts, such as the ledger of re-drives, uses `all_readable`,
which raises an error instead. One that accounts for every record, such as a re-drive itself, uses
`with_unreadable`.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    RecordTooLargeError,
    UnsupportedCodecError,
)

from agents.records import SourceRecord as Record
from schemas.errors import FatalError
from stream.fetch.raw_batches import RawReader
from stream.fetch.raw_records import RawRecord, UnreadableRecord

__all__ = [
    "Polled",
    "Take",
    "UnreadableRecordError",
    "all_readable",
    "may_be_unreadable",
    "poll",
    "readable",
    "with_unreadable",
]

log = logging.getLogger(__name__)

Take = Callable[[TopicPartition, Sequence[RawRecord]], Sequence[Record]]
"""Decides what a reader gets of records of which some may be unreadable."""


class UnreadableRecordError(FatalError):
    """A record can't be read, in a log of which every record is needed."""


class Polled(Protocol):
    """The part of an aiokafka consumer that is used here."""

    async def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        """Return fetched records; wait if there are none."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Set the position."""


def may_be_unreadable(error: Exception) -> bool:
    """Return whether a record may have caused the error, rather than the connection."""
    comes_of_records = (CorruptRecordException, RecordTooLargeError, UnsupportedCodecError)
    return isinstance(error, comes_of_records) or not isinstance(error, KafkaError)


def readable(partition: TopicPartition, records: Sequence[RawRecord]) -> list[RawRecord]:
    """Return the readable records, and log the offsets of the others."""
    left_out = _unreadable(records)
    if left_out:
        log.warning(
            "unreadable records of %s: %d, the first at offset %d (%s)",
            *(partition, len(left_out), left_out[0].offset, left_out[0].detail),
        )
    return [record for record in records if not isinstance(record, UnreadableRecord)]


def all_readable(partition: TopicPartition, records: Sequence[RawRecord]) -> list[RawRecord]:
    """Return the records.

    Raises
    ------
    UnreadableRecordError
        One of them can't be read.
    """
    if left_out := _unreadable(records):
        raise UnreadableRecordError(
            f"expected to read every record of {partition.topic}, but {left_out[0].detail}, at"
            f" offset {left_out[0].offset} of partition {partition.partition}: without it, what was"
            " done before could be done twice. See docs/runbook.md#bookkeeping-that-cant-be-read"
        )
    return [*records]


def with_unreadable(partition: TopicPartition, records: Sequence[RawRecord]) -> list[RawRecord]:
    """Return the records, and log the offsets of the unreadable ones among them."""
    readable(partition, records)
    return [*records]


def _unreadable(records: Sequence[RawRecord]) -> list[UnreadableRecord]:
    return [record for record in records if isinstance(record, UnreadableRecord)]


async def poll(
    consumer: Polled,
    reader: RawReader,
    stops: Mapping[TopicPartition, int | None],
    *,
    timeout_ms: int,
    max_records: int,
    take: Take = readable,
) -> AsyncIterator[Mapping[TopicPartition, Sequence[Record]]]:
    """Poll once.

    Parameters
    ----------
    consumer
        A consumer with the partitions assigned.
    reader
        Reads the records that the consumer can't decode.
    stops
        The partitions to poll, each with the offset to stop before; None: no limit. The client may
        poll a record beyond it if the log has a gap; it is dropped.
    timeout_ms
        Longest wait for records, in milliseconds.
    max_records
        Most records to poll.
    take
        `readable`, `all_readable`, or `with_unreadable`.

    Yields
    ------
    mapping of TopicPartition to sequence of Record
        Once, empty if nothing arrived; in several steps if the client can't decode a record.

    Raises
    ------
    Exception
        The error of the poll, if no record can be its cause.
    UnreadableRecordError
        See ``take``.
    """
    starts = {partition: await consumer.position(partition) for partition in stops}
    try:
        polled = await consumer.getmany(*stops, timeout_ms=timeout_ms, max_records=max_records)
    except Exception as error:
        if not may_be_unreadable(error):
            raise
        caught = error
    else:
        yield {
            partition: _below(records, stops[partition]) for partition, records in polled.items()
        }
        return
    for partition, start in starts.items():
        consumer.seek(partition, start)  # the failed poll has moved the position
    has_moved = False
    for partition, start in starts.items():
        if start == stops[partition]:
            continue
        async for step in reader.read(partition, start, stops[partition]):
            has_moved = has_moved or step.next_offset > start
            consumer.seek(partition, step.next_offset)
            if records := take(partition, step.records):
                yield {partition: records}
    if not has_moved:
        raise caught


def _below(records: Sequence[Any], stop: int | None) -> Sequence[Any]:
    if stop is None or not records or records[-1].offset < stop:
        return records
    return [record for record in records if record.offset < stop]
