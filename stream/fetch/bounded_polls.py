"""A Kafka consumer whose polls are bounded in bytes, not only in records.

aiokafka's ``getmany`` returns up to a number of records, whatever their size: 2,000 records of
240 kB are half a gigabyte. Here a poll ends with the record that fills it.

This replaces a private part of aiokafka, ``aiokafka.consumer.fetcher.FetchResult``, which returns
the records of a partition; consumers of other classes are not affected. The fetch size is private
too: it is divided among the assigned partitions.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Mapping, Sequence
from contextvars import ContextVar
from itertools import islice
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.consumer.fetcher import FetchResult
from aiokafka.errors import CorruptRecordException

from stream.fetch.aiokafka_internals import watch_fetches
from stream.fetch.memory_budget import RECORD_OVERHEAD, MemoryBudget
from stream.fetch.prompt_fetcher import use_prompt_fetcher

try:
    from agents import _compiled
except ImportError:  # installed without a compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["BoundedConsumer", "BoundedFetchResult", "SizedRecords", "bytes_of", "polled_within"]


class SizedRecords(list[Any]):
    """Records of a partition, with their size in bytes."""

    size = 0


def bytes_of(records: Sequence[Any]) -> int:
    """Return the approximate size of records in bytes."""
    if isinstance(records, SizedRecords):
        return records.size
    return sum(map(_size_of, records))


def _size_of(record: Any) -> int:
    size = RECORD_OVERHEAD + len(record.value or b"") + len(record.key or b"")
    return size + _headers_size(record.headers) if record.headers else size


def _headers_size(headers: Sequence[tuple[str, bytes | None]]) -> int:
    return sum([len(name) + len(value or b"") for name, value in headers])


class _Allowance:
    """Remaining bytes of a poll; the poll in the body of its ``with`` is bounded by it.

    Attributes
    ----------
    is_early
        Whether records are being prepared: one step was done, but they can't be read yet.
    """

    __slots__ = ("_before", "is_early", "left")

    def __init__(self, left: int) -> None:
        self.left = left
        self.is_early = False

    def __enter__(self) -> Self:
        self._before = _allowance.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        _allowance.reset(self._before)


_allowance: ContextVar[_Allowance | None] = ContextVar("allowance", default=None)
"""Allowance of the poll that runs in this context; None: the poll is not bounded in bytes."""


def polled_within(size: int) -> _Allowance:
    """Limit the bytes of the poll in the body: it ends with the record that fills it."""
    return _Allowance(size)


class BoundedFetchResult(FetchResult):
    """The fetched records of a partition, returned within the allowance of the poll."""

    def getall(self, max_records: int | None = None) -> Sequence[Any]:
        """Return the next records, at least one if the allowance is not used up."""
        allowance = _allowance.get()
        if allowance is None:
            found: Sequence[Any] = super().getall(max_records)
            return found
        if allowance.left <= 0 or not self.check_assignment(self._topic_partition):
            return ()
        if not self.has_more():
            return ()
        waiting = self._partition_records
        if not waiting._records.prepare(waiting.next_fetch_offset):
            allowance.is_early = True
            return ()
        before = allowance.left
        take = _take_one_by_one if _compiled is None else _take_at_once
        records, left = take(waiting, self._topic_partition, max_records, before)
        allowance.left, records.size = left, before - left
        self._update_position()
        if left > 0 and (max_records is None or len(records) < max_records):
            self._partition_records: Any = None
        return records


def _take_one_by_one(
    waiting: Any, _: TopicPartition, most: int | None, left: int
) -> tuple[SizedRecords, int]:
    """Return the next records of a partition, up to a number and to a size.

    Returns
    -------
    tuple of SizedRecords and int
        The records, and the bytes left.
    """
    records = SizedRecords()
    for record in islice(waiting, most):
        records.append(record)
        left -= record.serialized_value_size + record.serialized_key_size + RECORD_OVERHEAD
        if record.headers:
            left -= _headers_size(record.headers)
        if left <= 0:
            break
    return records, left


def _take_at_once(
    waiting: Any, at: TopicPartition, most: int | None, left: int
) -> tuple[SizedRecords, int]:
    """Do the same by a compiled loop: aiokafka yields the records that it has read at once."""
    reader = _compiled.RecordReader(
        at.topic,
        at.partition,
        waiting,
        sys.maxsize if most is None else most,
        left,
        RECORD_OVERHEAD,
    )
    waiting._records.reader = reader
    try:
        while not reader.is_full and next(waiting, None) is not None:
            pass
    finally:
        waiting._records.reader = None
    return SizedRecords(reader.records), reader.left


# On import: aiokafka treats a result of another class, created before, as an error.
fetcher.FetchResult = BoundedFetchResult
use_prompt_fetcher()


class BoundedConsumer(AIOKafkaConsumer):
    """A consumer whose memory is bounded.

    Parameters
    ----------
    *topics
        Topics to read.
    budget
        Memory budget; None: the default.
    **options
        Options of ``AIOKafkaConsumer``.
    """

    def __init__(self, *topics: str, budget: MemoryBudget | None = None, **options: Any) -> None:
        budget = budget or MemoryBudget()
        sizes = {
            "fetch_max_bytes": budget.fetch_bytes,
            "max_partition_fetch_bytes": budget.partition_fetch_bytes(1),
        }
        super().__init__(*topics, **sizes | options)
        self._budget = budget
        self._sharing = 1
        self._unserved: dict[TopicPartition, int] = {}
        self._may_fetch = asyncio.Event()
        self._may_fetch.set()

    async def start(self) -> None:
        """Connect."""
        await super().start()
        watch_fetches(self, self._may_fetch, self._unserved.__setitem__)

    def hold_fetches(self) -> None:
        """Send no fetch request until they are released."""
        self._may_fetch.clear()

    def release_fetches(self) -> None:
        """Send the fetch requests that were held back, and those to come."""
        self._may_fetch.set()

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        """Return fetched records, up to a number of records and the bytes of a poll.

        Raises
        ------
        CorruptRecordException
            The broker can't serve an offset of its log.
        """
        if self._unserved:
            self._raise_unserved(partitions or self.assignment())
        self._share_fetches(len(self.assignment()))
        wait_ms = 0 if self._fetcher._records else timeout_ms
        while True:
            with polled_within(self._budget.poll_bytes) as allowance:
                found: Mapping[TopicPartition, Sequence[Any]] = await super().getmany(
                    *partitions, timeout_ms=wait_ms, max_records=max_records
                )
            if found or not (allowance.is_early or wait_ms < timeout_ms):
                return found
            wait_ms = 0 if allowance.is_early else timeout_ms
            await asyncio.sleep(0)

    def _raise_unserved(self, partitions: Collection[TopicPartition]) -> None:
        for partition in self._unserved.keys() & set(partitions):
            offset = self._unserved.pop(partition)
            raise CorruptRecordException(f"the broker can't serve {partition} at offset {offset}")

    def _share_fetches(self, partitions: int) -> None:
        """Divide the fetch size among the assigned partitions."""
        if partitions not in (0, self._sharing):
            self._sharing = partitions
            self._fetcher._max_partition_fetch_bytes = self._budget.partition_fetch_bytes(
                partitions
            )
