"""Polls that no record can end: what the client can't decode is left out, and said so.

For readers that need the sound records of a topic, and for which others are none: bounded reads
(stream/kafka/log_reader.py), the drift topics, whoever follows the outputs.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    RecordTooLargeError,
    UnsupportedCodecError,
)

from agents.scoring import SourceRecord as Record
from stream.fetch.raw_batches import RawReader
from stream.fetch.raw_records import RawRecord, UnreadableRecord

__all__ = ["Polled", "may_be_unreadable", "poll", "readable"]

log = logging.getLogger(__name__)


class Polled(Protocol):
    """What is used of an aiokafka consumer."""

    async def position(self, partition: TopicPartition) -> int:
        """Return the offset that is read next."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        """Return what was fetched, or wait for it."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read from there."""


def may_be_unreadable(error: Exception) -> bool:
    """Return whether an error may come of a record, and not of the way to Kafka."""
    comes_of_records = (CorruptRecordException, RecordTooLargeError, UnsupportedCodecError)
    return isinstance(error, comes_of_records) or not isinstance(error, KafkaError)


async def poll(
    consumer: Polled,
    reader: RawReader,
    stops: Mapping[TopicPartition, int | None],
    *,
    timeout_ms: int,
    max_records: int,
) -> AsyncIterator[Mapping[TopicPartition, Sequence[Record]]]:
    """Poll once.

    Parameters
    ----------
    consumer
        Has the partitions assigned.
    reader
        Reads beside it what it can't decode.
    stops
        The partitions to poll, and the offset from which on nothing of each is wanted; None: there
        is none. The client may poll one past a gap in the log; it is left out.
    timeout_ms
        How long to wait for records.
    max_records
        Most records to poll.

    Yields
    ------
    mapping of TopicPartition to sequence of Record
        Once, empty where nothing came; in steps where the client can't decode what came.

    Raises
    ------
    Exception
        What the poll has raised, where no record can be blamed.
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
        consumer.seek(partition, start)  # what was polled of it is gone
    has_moved = False
    for partition, start in starts.items():
        if start == stops[partition]:
            continue
        async for step in reader.read(partition, start, stops[partition]):
            has_moved = has_moved or step.next_offset > start
            consumer.seek(partition, step.next_offset)
            if records := readable(partition, step.records):
                yield {partition: records}
    if not has_moved:
        raise caught


def readable(partition: TopicPartition, records: Sequence[RawRecord]) -> list[RawRecord]:
    """Leave out the records that can't be read, and log where they are."""
    left_out = [record for record in records if isinstance(record, UnreadableRecord)]
    if left_out:
        log.warning(
            "%d records of %s can't be read and are left out, the first at offset %d (%s)",
            *(len(left_out), partition, left_out[0].offset, left_out[0].detail),
        )
    return [record for record in records if not isinstance(record, UnreadableRecord)]


def _below(records: Sequence[Any], stop: int | None) -> Sequence[Any]:
    if stop is None or not records or records[-1].offset < stop:
        return records
    return [record for record in records if record.offset < stop]
