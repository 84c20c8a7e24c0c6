"""A scripted consumer that behaves as aiokafka's does.

``getmany`` is held back from the start of a rebalance until the new assignment; positions are
forgotten and looked up again then; a commit is retried without end while no coordinator answers;
the position passes the records that ``getmany`` returns.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    Awaitable,
    Iterable,
    Mapping,
    Sequence,
)
from typing import Any

from aiokafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    OffsetOutOfRangeError,
)

from stream.fetch.bounded_polls import SizedRecords
from testing.fake_kafka import TOPIC, FakeKafka

__all__ = ["FakeConsumer"]


class FakeConsumer:
    """A scripted consumer of a FakeKafka.

    Attributes
    ----------
    commit_answers
        What the next commits come to: an error to raise, or an awaitable to await first.
    fetch_errors
        What the next looks for records raise.
    coordinator_loads
        Whether the consumer takes its coordinator for one that knows no commit.
    fails_after_draining
        What polls raise when they have moved the positions.
    bounds_errors
        What the next questions for the start of a log raise.
    lookup
        While cleared, positions are not returned, as during the reset of an offset out of range.
    position_asked
        Set when such a position is requested.
    record_bytes
        Size of a record.
    holds_fetches
        Whether fetches are held back.
    calls
        Names of what was called, in order, fetches that found nothing left out.
    """

    record_bytes = 1

    def __init__(self, kafka: FakeKafka) -> None:
        self.kafka = kafka
        self.commit_answers: deque[KafkaError | Awaitable[object]] = deque()
        self.fetch_errors: deque[Exception] = deque()
        self.start_error: KafkaError | None = None
        self.coordinator_loads = False
        self.fails_after_draining: Exception | None = None
        self.bounds_errors: deque[KafkaError | TimeoutError] = deque()
        self.initial = frozenset(kafka.logs)
        self.fetched: list[int] = []
        self.calls: list[str] = []
        self.lookup = asyncio.Event()
        self.lookup.set()
        self.position_asked = asyncio.Event()
        self.hangs_on_stop = False
        self.holds_fetches = False
        self._listener: ConsumerRebalanceListener = None
        self._assigned: frozenset[TopicPartition] = frozenset()
        self._positions: dict[TopicPartition, int] = {}
        self._last_ends: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._settled = asyncio.Event()

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        assert list(topics) == [TOPIC]
        self._listener = listener

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Assign partitions by hand: the consumer is no member of a group."""
        self._assigned = frozenset(partitions)
        self._settled.set()

    async def start(self) -> None:
        self.calls.append("start")
        if self.start_error:
            raise self.start_error
        if self._listener is not None:
            await self._assign(self.initial)

    async def stop(self) -> None:
        self.calls.append("stop")
        if self.hangs_on_stop:
            await asyncio.Event().wait()

    # The group

    async def rebalance(self, numbers: Iterable[int]) -> None:
        """Revoke all partitions and assign these, as an eager rebalance does."""
        self._settled.clear()
        await self._listener.on_partitions_revoked(self._assigned)
        await self._assign(frozenset(TopicPartition(TOPIC, number) for number in numbers))

    async def _assign(self, partitions: frozenset[TopicPartition]) -> None:
        self._assigned = partitions
        self._positions = {}
        self._paused = set()
        await self._listener.on_partitions_assigned(set(partitions))
        self._settled.set()

    def assignment(self) -> frozenset[TopicPartition]:
        return self._assigned

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        return {tp.partition for tp in self.kafka.logs} if self.kafka.knows_topic else None

    # Reading

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        give_up = asyncio.get_running_loop().time() + timeout_ms / 1000
        while True:
            await self._settled.wait()
            if self.fetch_errors:
                raise self.fetch_errors.popleft()
            if fetched := self._drain(max_records, partitions or self._assigned):
                if self.fails_after_draining:
                    raise self.fails_after_draining
                self.calls.append("fetch")
                self.fetched.append(sum(map(len, fetched.values())))
                return fetched
            if asyncio.get_running_loop().time() >= give_up:
                return {}
            await asyncio.sleep(0.01)

    def _drain(
        self, most: int, wanted: Iterable[TopicPartition]
    ) -> dict[TopicPartition, SizedRecords]:
        fetched: dict[TopicPartition, SizedRecords] = {}
        if self.holds_fetches:
            return fetched
        for partition in sorted(self._assigned.intersection(wanted) - self._paused):
            log, position = self.kafka.logs[partition], self._look_up(partition)
            if not most:
                continue
            if not log.start <= position <= log.end:
                if fetched:
                    break  # as aiokafka: the error comes with the next poll
                raise OffsetOutOfRangeError({partition: position})
            self._last_ends[partition] = log.end
            records = [record for record in log.records if record.offset >= position][:most]
            if log.unreadable.intersection(record.offset for record in records):
                # As aiokafka: what was drained of partitions before is gone, and their positions
                # have moved.
                raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "unexpected end of data")
            last = records and records[-1] is log.records[-1]
            if last or not records:
                self._positions[partition] = log.end
            else:
                self._positions[partition] = records[-1].offset + 1
            if records:
                fetched[partition] = SizedRecords(records)
                fetched[partition].size = len(records) * self.record_bytes
                most -= len(records)
        return fetched

    def _look_up(self, partition: TopicPartition) -> int:
        begin = 0 if self.coordinator_loads else self.kafka.committed.get(partition, 0)
        return self._positions.setdefault(partition, begin)

    def position_of(self, partition: TopicPartition) -> int:
        """Return the offset up to which a partition was read, 0 if unknown."""
        return self._positions.get(partition, 0)

    async def position(self, partition: TopicPartition) -> int:
        while not self.lookup.is_set():
            self.position_asked.set()
            await self.lookup.wait()
            await asyncio.sleep(0.02)  # meanwhile records may be handed over
        if partition not in self._assigned:
            raise IllegalStateError(f"{partition} is not assigned")
        return self._look_up(partition)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        if partition not in self._assigned:
            raise IllegalStateError("not assigned")
        self._positions[partition] = offset

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        await asyncio.sleep(0.001)
        if self.bounds_errors:
            raise self.bounds_errors.popleft()
        return {partition: self.kafka.logs[partition].start for partition in partitions}

    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        return {partition: self.kafka.logs[partition].end for partition in partitions}

    def highwater(self, partition: TopicPartition) -> int | None:
        assert partition in self._assigned
        log = self.kafka.logs[partition]
        if log.start <= self.position_of(partition) <= log.end:  # else no fetch is answered
            self._last_ends[partition] = log.end
        return self._last_ends.get(partition)

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        return -1

    def pause(self, *partitions: TopicPartition) -> None:
        assert self._assigned.issuperset(partitions)
        self._paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        assert self._assigned.issuperset(partitions)
        self._paused.difference_update(partitions)

    def hold_fetches(self) -> None:
        self.holds_fetches = True

    def release_fetches(self) -> None:
        self.holds_fetches = False

    # Committing

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        if not self._assigned.issuperset(offsets):
            raise IllegalStateError("not assigned")
        if self.commit_answers:
            answer = self.commit_answers.popleft()
            if isinstance(answer, Exception):
                raise answer
            await answer
        self.calls.append("commit")
        self.kafka.accept(offsets)
        self.kafka.commits.append({partition: at.offset for partition, at in offsets.items()})
