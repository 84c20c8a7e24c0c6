"""A raw reader of a FakeKafka: it also returns records that the consumer cannot decode."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncIterator,
)
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    OffsetOutOfRangeError,
)

from stream.fetch.raw_batches import RawStep
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from testing.fake_kafka import FakeKafka, FakeRecord

__all__ = ["FakeRawReader"]


class _Number(int):
    """A record's value that has a size."""

    def __len__(self) -> int:
        return 1


class FakeRawReader:
    """Reads a FakeKafka's records beside the consumer, two at a time.

    Attributes
    ----------
    errors
        What the next reads raise.
    is_asked
        Set when the first read begins.
    """

    FETCHED = 20
    """Records of one fetch."""

    def __init__(self, kafka: FakeKafka) -> None:
        self.kafka = kafka
        self.errors: deque[Exception] = deque()
        self.is_asked = asyncio.Event()
        self.is_closed = False

    async def read(
        self, partition: TopicPartition, start: int, stop: int | None = None
    ) -> AsyncIterator[RawStep]:
        self.is_asked.set()
        await asyncio.sleep(0.001)
        if self.errors:
            raise self.errors.popleft()
        log = self.kafka.logs[partition]
        if not log.start <= start <= log.end:
            raise OffsetOutOfRangeError({partition: start})
        end = log.end if stop is None else min(stop, log.end)
        records: list[Any] = [
            self._read(partition, record, log.unreadable)
            for record in log.records
            if start <= record.offset < end
        ]
        for at in range(0, len(records[: self.FETCHED]), 2):
            some = records[at : at + 2]
            yield RawStep(some, some[-1].offset + 1)
            await asyncio.sleep(0.001)
        if len(records) <= self.FETCHED:
            yield RawStep((), end)

    @staticmethod
    def _read(partition: TopicPartition, record: FakeRecord, unreadable: set[int]) -> Any:
        value: Any = _Number(record.value)
        if record.offset not in unreadable:
            at = partition.partition, record.offset, record.timestamp
            return RawRecord(*at, None, value, ())
        return UnreadableRecord(
            partition.partition,
            record.offset,
            record.timestamp,
            None,
            value,
            (),
            Problem.HEADER_NAME,
            "the name of one of its headers is not UTF-8",
        )

    async def close(self) -> None:
        self.is_closed = True
