"""Reads the ranges of a replay and hands their records to the pipeline, as the batch source does.

The partitions are assigned by hand. Each is read from its commit, or from the start of its range,
to the end of its range, and every offset of it enters the account.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from agents.scored_batch import ScoredBatch
from schemas.errors import FatalError, InvalidEventError
from stream.consume.in_flight import BytesInFlight
from stream.consume.offset_committer import Committer
from stream.consume.partition_progress import NO_VERDICTS, Batch, Record
from stream.consume.unreadable_records import UnreadableRecords
from stream.fetch.bounded_polls import bytes_of
from stream.fetch.raw_batches import RawReader
from stream.kafka.lenient_polls import may_be_unreadable
from stream.process.backoff import REQUEST_PAUSE
from stream.process.deadlines import now
from stream.replay.account import Account
from stream.replay.commits import Reading, ReplayCommits, name_of
from stream.replay.progress import ReplayAssignment, ReplayProgress
from stream.replay.ranges import PartitionRange
from stream.replay.selection import Selection
from stream.replay.source_limits import Pace, SourceLimits

__all__ = ["ReplaySource"]

log = logging.getLogger(__name__)

POLL_MS = 200
POSITION_INTERVAL = 0.2
"""Seconds between two looks at the positions of partitions without records in a poll."""
POSITION_LIMIT = 0.05
"""Seconds to wait for a position; if it is not known by then, it is asked for after the next
poll."""


class ReplaySource:
    """Reads ranges of partitions to their ends.

    Parameters
    ----------
    topic, ranges
        What is read.
    assignment
        Their progress.
    consumer
        An aiokafka consumer of the replay's group, not started.
    committer
        Commits the progress.
    reader
        Reads records that the consumer can't decode.
    accept
        Scores the batches of a poll; waits while too many are in flight.
    selection
        Which records are scored.
    pace
        How fast they are read.
    limits
        Limits.

    Attributes
    ----------
    commits
        Commits the progress.
    """

    def __init__(
        self,
        topic: str,
        ranges: Sequence[PartitionRange],
        *,
        assignment: ReplayAssignment,
        consumer: Any,
        committer: Committer,
        reader: RawReader,
        accept: Callable[[Sequence[Batch]], Awaitable[None]],
        selection: Selection,
        pace: Pace,
        limits: SourceLimits,
    ) -> None:
        self._ranges = {TopicPartition(topic, each.partition): each for each in ranges}
        self._assignment = assignment
        self._consumer = consumer
        self._committer = committer
        self._reader = reader
        self._accept = accept
        self._selection = selection
        self._pace = pace
        self._limits = limits
        self._unreadable = UnreadableRecords(consumer, reader, self._hand_over, limits.unreadable)
        self._in_flight = BytesInFlight(limits.in_flight_bytes)
        self._readings: dict[TopicPartition, Reading] = {}
        self.commits = ReplayCommits(committer, assignment, self._readings, limits)
        self._open: set[TopicPartition] = set()
        self._look_at = 0.0

    async def start(self) -> None:
        """Connect, look up the commits, and seek each partition to where it continues.

        A partition whose start fails crashes the replay (see the committer), and is not read.
        """
        partitions = list(self._ranges)
        self._consumer.assign(partitions)
        await self._consumer.start()
        self._committer.start(self._assignment)
        for partition in partitions:
            await self._committer.started(partition)
            progress = self._assignment.progress(partition)
            if progress is not None:
                self._begin(partition, progress)

    def _begin(self, partition: TopicPartition, progress: ReplayProgress) -> None:
        wanted, start = self._ranges[partition], progress.committed
        assert start is not None
        if progress.account.offsets != start - wanted.start or start > wanted.end:
            raise FatalError(
                f"The commit of {name_of(partition)} was expected to be the replay's own, with an"
                f" account of {start - wanted.start} offsets, but it has"
                f" {progress.account.offsets}: another tool has moved the group's offset; start a"
                " new replay."
            )
        self._readings[partition] = Reading(start, wanted.end)
        self._open.add(partition)
        self._close_if_over(partition)

    @property
    def is_over(self) -> bool:
        """Whether all ranges are read."""
        return not self._open

    async def read(self, stop: asyncio.Event) -> None:
        """Read until all ranges are read, or the event is set."""
        while self._open and not stop.is_set():
            await self._in_flight.room()
            if most := await self._pace.allowance(self._limits.max_records):
                await self._poll(most)
            # Yields also when neither the poll nor the pipeline waits.
            await asyncio.sleep(0)

    async def _poll(self, most: int) -> None:
        open_now = tuple(self._open)
        try:
            fetched = await self._consumer.getmany(*open_now, timeout_ms=POLL_MS, max_records=most)
        except Exception as error:
            await self._recover(error)
            return
        await self._hand_over(fetched)
        # Not after each poll: under a backlog, a poll brings records of one or two partitions.
        if not fetched or now() >= self._look_at:
            for partition in self._open - fetched.keys():
                await self._follow_position(partition)
            self._look_at = now() + POSITION_INTERVAL
        for partition in open_now:
            self._close_if_over(partition)

    async def _recover(self, error: Exception) -> None:
        if isinstance(error, OffsetOutOfRangeError):
            for partition, position in error.args[0].items():
                await self._expire(partition, position)
        elif may_be_unreadable(error):
            await self._unreadable.read_past(error, self._assignment)
            if self._unreadable.stopped_at:
                raise FatalError(
                    "A record that can't be read was found, and the plan says to stop at one"
                    " (LEADSCORE_UNREADABLE=stop): start a replay with dead_letter."
                ) from error
            for partition in self._readings:
                self._close_if_over(partition)
        elif isinstance(error, KafkaError) and error.retriable:
            log.warning("reading failed: %r; trying again", error)
            await asyncio.sleep(REQUEST_PAUSE)
        else:
            raise error

    async def _expire(self, partition: TopicPartition, position: int) -> None:
        """Move a partition whose next offset was removed to the start of its log."""
        reading, progress = self._readings.get(partition), self._assignment.progress(partition)
        if reading is None or progress is None:
            return
        start = int((await self._consumer.beginning_offsets([partition]))[partition])
        if position >= start:
            raise FatalError(
                f"The log of {name_of(partition)} was expected to have the offset {position}, which"
                " the plan holds, but it ends before: the topic was deleted and created again;"
                " start a new replay."
            )
        moved = min(start, reading.end)
        log.warning(
            "%s: the offsets %d to %d have expired before they were read",
            *(name_of(partition), reading.next, moved - 1),
        )
        progress.passed(Account(expired=moved - reading.next))
        reading.next = moved
        self._consumer.seek(partition, moved)
        self._close_if_over(partition)

    async def _follow_position(self, partition: TopicPartition) -> None:
        """Pass offsets that have no record, such as the markers of transactions."""
        try:
            async with asyncio.timeout(POSITION_LIMIT):
                position = int(await self._consumer.position(partition))
        except TimeoutError:
            return
        reading, progress = self._readings[partition], self._assignment.progress(partition)
        if progress is not None and position > reading.next:
            reached = min(position, reading.end)
            progress.passed(Account(gaps=reached - reading.next))
            reading.next = reached

    def _close_if_over(self, partition: TopicPartition) -> None:
        if self._readings[partition].is_over:
            self._open.discard(partition)
            self._consumer.pause(partition)

    async def _hand_over(
        self,
        fetched: Mapping[TopicPartition, Sequence[Record]],
        verdicts: Mapping[int, InvalidEventError] = NO_VERDICTS,
    ) -> None:
        found = (self._batch(at, records, verdicts) for at, records in fetched.items())
        if batches := [batch for batch in found if batch is not None]:
            await self._accept(batches)

    def _batch(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        verdicts: Mapping[int, InvalidEventError],
    ) -> Batch | None:
        """Return what is scored of consecutive records, and count the rest."""
        reading, progress = self._readings[partition], self._assignment.progress(partition)
        if progress is None:  # fenced: the next commit ends the replay
            return None
        first = reading.next
        verdicts_of = {records[at].offset: error for at, error in verdicts.items()}
        is_beyond = records[-1].offset >= reading.end
        if is_beyond or records[0].offset < first:
            records = [r for r in records if first <= r.offset < reading.end]
        reading.next = reading.end if is_beyond else _end(records, first)
        self._pace.spent(len(records))
        kept = self._selection.kept(partition.partition, records)
        progress.passed(
            Account(gaps=reading.next - first - len(records), filtered=len(records) - len(kept))
        )
        if not kept:
            return None
        batch = Batch(
            partition,
            kept,
            self.commits.on_batch_done,
            self._assignment.generation,
            size=bytes_of(kept),
            on_release=self._in_flight.remove,
            verdicts=_verdicts_on(kept, verdicts_of) if verdicts_of else NO_VERDICTS,
        )
        batch.since = self._ranges[partition].start
        batch.next_offset = reading.next  # what follows the last one was left out
        self._in_flight.add(batch.size)
        progress.add(batch)
        return batch

    def on_done(self, batch: Batch, outcome: ScoredBatch) -> None:
        """Count the outcome of a batch that is done."""
        progress = self._assignment.progress(batch.partition)
        if progress is not None:
            progress.scored(batch, outcome)


def _verdicts_on(
    records: Sequence[Record], by_offset: Mapping[int, InvalidEventError]
) -> Mapping[int, InvalidEventError]:
    """Return verdicts by the index of their record."""
    return {
        at: by_offset[record.offset]
        for at, record in enumerate(records)
        if record.offset in by_offset
    }


def _end(records: Sequence[Record], first: int) -> int:
    return records[-1].offset + 1 if records else first
