"""Reads the outcomes and the shadow's scores of the partitions whose live scores are assigned.

They follow the assignment of the live scores, so no group assigns them: where to read on is in the
store of each partition.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.records import SourceRecord as Record
from stream.consume.read_errors import as_fatal
from stream.fetch.raw_batches import RawReader
from stream.kafka.lenient_polls import poll
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.process.backoff import LOG_PAUSE

__all__ = ["Follower", "OpensLogs"]

log = logging.getLogger(__name__)

POLL_MS = 200
"""Milliseconds that a poll waits for records."""
WAITED_POLL_MS = 20
"""Milliseconds that it waits while live scores wait for the rest."""
MAX_RECORDS = 2000

Offsets = Mapping[TopicPartition, int]


class Barrier(NamedTuple):
    """Offsets that are to be read, for those who waited before these were the ends."""

    ends: Offsets
    waiting: Sequence[asyncio.Future[None]]


class OpensLogs(Protocol):
    """Opens consumers without a group (``stream.kafka.log_reader.LogReader``)."""

    def open(self) -> AbstractAsyncContextManager[Any]:
        """Open a consumer."""

    def open_beside(self) -> Any:
        """Return a reader for records that a consumer can't decode."""


class Follower:
    """Reads partitions beside a group.

    Parameters
    ----------
    logs
        Opens the consumer.
    topics
        What to read of each partition.
    accept
        Is given the records.
    crash
        Called with an unrecoverable error.

    Attributes
    ----------
    lags
        By partition of a topic, the number of offsets that are left to read.
    """

    def __init__(
        self,
        logs: OpensLogs,
        topics: Sequence[str],
        accept: Callable[[TopicPartition, Sequence[Record]], Awaitable[None]],
        crash: Crash,
    ) -> None:
        self.lags: dict[TopicPartition, int] = {}
        self._logs = logs
        self._topics = topics
        self._accept = accept
        self._tasks = BackgroundTasks(crash)
        self._starts: dict[TopicPartition, int] = {}
        self._targets: dict[TopicPartition, int] = {}
        self._caught_up: dict[int, asyncio.Event] = {}
        self._is_changed = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._is_asked = asyncio.Event()
        self._barriers: list[Barrier] = []

    def start(self) -> None:
        """Start to read what is assigned."""
        self._tasks.start(self._run())

    def assigned(self, partitions: Collection[int]) -> None:
        """Read other partitions from now on, once it is known from where; see ``follow``."""
        for number in self._caught_up.keys() - set(partitions):
            self._caught_up.pop(number).set()  # nobody needs to wait for it any more
        for number in partitions:
            self._caught_up.setdefault(number, asyncio.Event())
        gone = [at for at in self._starts if at.partition not in self._caught_up]
        for at in gone:
            del self._starts[at]
            self._targets.pop(at, None)
            self.lags.pop(at, None)
        self._release()  # their batches may be revoked
        self._is_changed.set()

    def follow(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Read a partition of the topics from these offsets on, by topic; 0: from the start."""
        if partition in self._caught_up:
            for topic in self._topics:
                at = TopicPartition(topic, partition)
                self._starts.setdefault(at, offsets.get(topic, 0))
            self._is_changed.set()

    async def caught_up(self, partition: int) -> None:
        """Wait until what was there at the start is read, or the partition is revoked."""
        if event := self._caught_up.get(partition):
            await event.wait()

    async def read_to_end(self) -> None:
        """Wait until what is there now is read, or the assignment changes."""
        if self._starts:
            waiting = asyncio.get_running_loop().create_future()
            self._waiting.append(waiting)
            self._is_asked.set()
            await waiting

    def _release(self) -> None:
        """Release all who wait: the assignment has changed."""
        waiting, self._waiting = self._waiting, []
        barriers, self._barriers = self._barriers, []
        _end([*waiting, *(future for barrier in barriers for future in barrier.waiting)])

    def _pass(self) -> None:
        """Release those whose offsets are read."""
        left = []
        for barrier in self._barriers:
            if all(self._starts.get(at, end) >= end for at, end in barrier.ends.items()):
                _end(barrier.waiting)
            else:
                left.append(barrier)
        self._barriers = left

    def is_caught_up(self, partition: int) -> bool:
        """Return whether what was there at the start is read."""
        event = self._caught_up.get(partition)
        return event is not None and event.is_set()

    async def stop(self) -> None:
        """Stop reading."""
        await self._tasks.cancel()

    async def _run(self) -> None:
        while True:
            self._is_changed.clear()
            if not self._starts:
                await self._is_changed.wait()
                continue
            try:
                # A connection that waits for records answers nothing else meanwhile, for up to half
                # a second: the ends are asked for on one of their own.
                async with self._logs.open() as consumer, self._logs.open() as asking:
                    await self._read(consumer, asking)
            except KafkaError as error:
                if not error.retriable:
                    raise as_fatal(error, self._topics[0]) from error
                log.warning("reading %s failed: %r; trying again", self._topics[0], error)
                await asyncio.sleep(LOG_PAUSE)

    async def _read(self, consumer: Any, asking: Any) -> None:
        """Read until the assignment changes."""
        followed = dict(self._starts)
        consumer.assign([*followed])
        first_offsets = await consumer.beginning_offsets([*followed])
        ends = await consumer.end_offsets([*followed])
        for at, start in followed.items():
            consumer.seek(at, max(start, first_offsets[at]))
            self._targets.setdefault(at, ends[at])
        asks = asyncio.ensure_future(self._ask(asking, followed))
        try:
            async with self._logs.open_beside() as reader:
                while not self._is_changed.is_set():
                    await self._poll(consumer, reader, followed)
                    if asks.done():
                        asks.result()  # raises its error
        finally:
            asks.cancel()
            await asyncio.gather(asks, return_exceptions=True)

    async def _ask(self, consumer: Any, followed: Offsets) -> None:
        """Ask for the ends whenever somebody waits."""
        while True:
            if not self._waiting:
                self._is_asked.clear()
                await self._is_asked.wait()
            waiting = list(self._waiting)  # the answer is not for those who come meanwhile
            ends = await consumer.end_offsets([*followed])
            self._waiting = [each for each in self._waiting if each not in waiting]
            self._barriers.append(Barrier(ends, waiting))
            self._pass()

    async def _poll(self, consumer: Any, reader: RawReader, followed: Offsets) -> None:
        stops: dict[TopicPartition, int | None] = dict.fromkeys(followed)
        step = poll(
            consumer,
            reader,
            stops,
            timeout_ms=WAITED_POLL_MS if self._barriers else POLL_MS,
            max_records=MAX_RECORDS,
        )
        async for polled in step:
            for at, records in polled.items():
                await self._accept(at, records)
        for at in followed:
            position = int(await consumer.position(at))
            if self._is_changed.is_set():
                return  # a partition may have another start by now
            self._starts[at] = position
            self.lags[at] = max(0, (consumer.highwater(at) or position) - position)
        for number, event in self._caught_up.items():
            mine = [at for at in followed if at.partition == number]
            if mine and all(self._starts[at] >= self._targets[at] for at in mine):
                event.set()
        self._pass()


def _end(waiting: Iterable[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
