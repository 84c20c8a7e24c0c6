"""Reads past records that the client can't decode: they get a verdict, other records a score.

Not the lead is broken but the record around it: its checksum, its compression, a header's name that
is not UTF-8; or its batch is too large to be read (stream/fetch/bounded_responses.py). aiokafka
raises the error from the poll, and drops the records that this poll had already taken of other
partitions: their positions have moved, but no records were returned. So each partition is reset to
the end of what was handed over, and one fetch of it is read from there without the consumer
(stream/fetch/raw_batches.py). Then the consumer continues behind that.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeGuard

from aiokafka import TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
)

from agents.dead_letters import VALUE_BYTES
from schemas.errors import InvalidEventError
from stream.consume.assignment import Assignment
from stream.consume.partition_progress import PartitionProgress, Record
from stream.fetch.raw_batches import RawReader, RawStep
from stream.fetch.raw_records import RawRecord, UnreadableRecord
from stream.kafka.consumer import Consumer

__all__ = ["HandOver", "UnreadablePolicy", "UnreadableRecords"]

log = logging.getLogger(__name__)

UnreadablePolicy = Literal["dead_letter", "stop"]
"""For a record that can't be read: write a dead letter, or stop reading its partition."""


class HandOver(Protocol):
    """Hands over records of a partition, in order."""

    async def __call__(
        self,
        fetched: Mapping[TopicPartition, Sequence[Record]],
        verdicts: Mapping[int, InvalidEventError],
    ) -> None:
        """Enter records in the progress at once, and wait until they may continue.

        Parameters
        ----------
        fetched
            The records of one partition.
        verdicts
            By position: why a record is no lead, whatever its value.
        """


class UnreadableRecords:
    """Reads what the consumer of an assignment can't.

    Parameters
    ----------
    consumer
        The consumer.
    reader
        Reads beside it.
    hand_over
        Takes what was read.
    policy
        What happens to a record that can't be read.

    Attributes
    ----------
    stopped_at
        With the policy "stop", the offset of the record at which each partition stands.
    """

    def __init__(
        self,
        consumer: Consumer,
        reader: RawReader,
        hand_over: HandOver,
        policy: UnreadablePolicy = "dead_letter",
    ) -> None:
        self.stopped_at: dict[TopicPartition, int] = {}
        self._consumer = consumer
        self._reader = reader
        self._hand_over = hand_over
        self._policy = policy

    async def read_past(self, error: Exception, assignment: Assignment) -> None:
        """Read past what a poll has raised; call it at once, with no await between.

        Parameters
        ----------
        error
            What the poll has raised.
        assignment
            The current one.

        Raises
        ------
        Exception
            The error, if no record was found that could have caused it.
        KafkaError
            A partition can't be read for another reason.
        """
        try:
            partitions = [at for at in assignment if at not in self.stopped_at]
            for partition in partitions:
                self._consumer.seek(partition, _end(assignment[partition]))
            self._consumer.pause(*partitions)
            has_moved = [await self._read(partition, assignment) for partition in partitions]
            if assignment.has_ended:
                return
            still_ours = [at for at in partitions if at in assignment and at not in self.stopped_at]
            self._consumer.resume(*still_ours)
        except IllegalStateError:
            log.info("a rebalance revoked the partitions while records were read past an error")
            return
        if partitions and not any(has_moved):
            raise error

    async def _read(self, partition: TopicPartition, assignment: Assignment) -> bool:
        """Read one fetch of a partition; return whether the error may have come from it."""
        if partition not in assignment:
            return True
        start = _end(assignment[partition])
        try:
            async for step in self._reader.read(partition, start):
                if partition not in assignment:
                    return True
                await self._take(partition, step)
                if partition in self.stopped_at:
                    return True
        except OffsetOutOfRangeError:
            return True  # the next poll says so, too: see stream/consume/offset_reset.py
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("reading %s: %r, trying again", partition, error)
            return True
        return partition in assignment and step.next_offset > start

    async def _take(self, partition: TopicPartition, step: RawStep) -> None:
        records, next_offset = step.records, step.next_offset
        unreadable = [record for record in records if _is_damaged(record)]
        if unreadable and self._policy == "stop":
            next_offset = unreadable[0].offset
            records = [record for record in records if record.offset < next_offset]
            self._stop(partition, unreadable[0])
        elif unreadable:
            _log(partition, unreadable, next_offset)
        # No await between: the position never lies behind records that were not handed over.
        self._consumer.seek(partition, next_offset)
        if records:
            await self._hand_over({partition: records}, _verdicts(records))

    def _stop(self, partition: TopicPartition, record: UnreadableRecord) -> None:
        self.stopped_at[partition] = record.offset
        log.error(
            "the record of %s at offset %d can't be read (%s): with LEADSCORE_UNREADABLE=stop"
            " nothing more of the partition is read. Move the group behind the record, or set"
            " LEADSCORE_UNREADABLE=dead_letter (docs/runbook.md#a-record-that-cant-be-read)",
            partition,
            record.offset,
            record.detail,
        )


def _end(progress: PartitionProgress) -> int:
    """Return the offset after what was handed over of a partition."""
    begin = progress.committed if progress.end is None else progress.end
    return begin or 0


def _is_damaged(record: RawRecord) -> TypeGuard[UnreadableRecord]:
    """Return whether a record can't be read, and not for its size alone."""
    return isinstance(record, UnreadableRecord) and record.problem.is_damage


def _verdicts(records: Sequence[RawRecord]) -> dict[int, InvalidEventError]:
    """Return the verdicts by position; add the size of a value that was skipped as a header."""
    verdicts = {}
    for position, record in enumerate(records):
        if isinstance(record, UnreadableRecord):
            verdicts[position] = record.error
            if record.value_bytes is not None:
                size = (VALUE_BYTES, b"%d" % record.value_bytes)
                record.headers = [*record.headers, size]
    return verdicts


def _log(partition: TopicPartition, records: Sequence[UnreadableRecord], next_offset: int) -> None:
    first = records[0]
    log.error(
        "%d records of %s can't be read, the first at offset %d (%s): dead letters say which, and"
        " reading continues at offset %d. Ask their sender to fix them"
        " (docs/runbook.md#a-record-that-cant-be-read)",
        *(len(records), partition, first.offset, first.detail, next_offset),
        extra={
            "topic": partition.topic,
            "partition": partition.partition,
            "offsets": [records[0].offset, records[-1].offset],
            "problems": sorted({str(record.problem) for record in records}),
        },
    )
