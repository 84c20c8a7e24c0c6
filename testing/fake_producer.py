"""A scripted idempotent producer, and the brokers that it writes to."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import (
    Awaitable,
    Iterable,
)
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
)

__all__ = ["FakeBatch", "FakeOutput", "FakeProducer"]


class FakeBatch:
    """A batch builder that counts a byte for each of the value, and none for the rest."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.values: list[bytes] = []
        self.timestamps: list[int] = []
        self.keys: list[bytes | None] = []
        self.is_closed = False

    def append(
        self, *, timestamp: int | None, key: bytes | None, value: bytes | None, headers: list[Any]
    ) -> object | None:
        assert type(headers) is list, "aiokafka's compiled builder takes nothing else"
        assert not self.is_closed
        if self.values and self.size() + len(value or b"") > self.most:
            self.is_closed = True
            return None
        self.values.append(value or b"")
        self.timestamps.append(timestamp or 0)
        self.keys.append(key)
        return self

    def close(self) -> None:
        self.is_closed = True

    def size(self) -> int:
        return sum(map(len, self.values))


class FakeOutput:
    """The brokers that producers write to.

    Attributes
    ----------
    limit
        Bytes of the largest batch that is taken.
    known_limits
        Limits that a limit reader returns.
    answers
        What the next batches come to: an error, or an awaitable to await before they are written.
    latest_ms
        The latest time stamp that is taken.
    is_known
        Cleared, what is sent waits for the metadata of its topic until it is set.
    """

    def __init__(self, topics: Iterable[str], partitions: int = 2, limit: int = 1000) -> None:
        self.partitions = dict.fromkeys(topics, partitions)
        self.limit = limit
        self.known_limits: dict[str, int] = {}
        self.answers: deque[KafkaError | Awaitable[object]] = deque()
        self.written: dict[TopicPartition, list[bytes]] = defaultdict(list)
        self.batches: list[int] = []
        self.producers: list[FakeProducer] = []
        self.start_errors: deque[KafkaError] = deque()
        self.limit_reads = 0
        self.latest_ms = 2**63 - 1
        self.is_known = asyncio.Event()
        self.is_known.set()

    def connect(self, max_batch_bytes: int) -> FakeProducer:
        self.producers.append(FakeProducer(self, max_batch_bytes))
        return self.producers[-1]

    async def read_limits(self, topics: Iterable[str]) -> dict[str, int]:
        self.limit_reads += 1
        return {topic: at for topic, at in self.known_limits.items() if topic in set(topics)}


class FakeProducer:
    """An idempotent producer with aiokafka's traps.

    A refused batch uses up its sequence numbers. A batch of a topic that was not asked about would
    wait for the topic's partitions, and forever if the producer is stopped meanwhile.
    """

    def __init__(self, output: FakeOutput, max_batch_bytes: int) -> None:
        self.output = output
        self.max_batch_bytes = max_batch_bytes
        self.is_stopped = False
        self.is_started = False
        self._known: set[str] = set()
        self._poisoned: set[TopicPartition] = set()
        self._on_their_way: set[TopicPartition] = set()
        self._writes: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        if self.output.start_errors:
            raise self.output.start_errors.popleft()
        self.is_started = True

    async def stop(self) -> None:
        self.is_stopped = True
        if self._writes:
            await asyncio.wait(self._writes)

    async def partitions_for(self, topic: str) -> set[int]:
        self._known.add(topic)
        return set(range(self.output.partitions[topic]))

    def create_batch(self) -> FakeBatch:
        return FakeBatch(self.max_batch_bytes)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[None]:
        assert self.is_started
        assert batch.is_closed
        assert topic in self._known
        assert partition in range(self.output.partitions[topic]), "Unrecognized partition"
        await self.output.is_known.wait()
        if self.is_stopped:
            raise ProducerClosed
        return asyncio.shield(self._begin(batch, TopicPartition(topic, partition)))

    def send_batch_at_once(
        self, batch: Any, topic: str, *, partition: int
    ) -> asyncio.Future[None] | None:
        assert self.is_started
        assert batch.is_closed
        is_known = topic in self._known and self.output.is_known.is_set()
        if not is_known or self.is_stopped or partition >= self.output.partitions[topic]:
            return None
        return self._begin(batch, TopicPartition(topic, partition))

    def _begin(self, batch: FakeBatch, to: TopicPartition) -> asyncio.Future[None]:
        assert to not in self._on_their_way, "one batch of a partition at a time"
        self._on_their_way.add(to)
        write = asyncio.ensure_future(self._write(batch, to))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)
        return write

    async def _write(self, batch: FakeBatch, to: TopicPartition) -> None:
        try:
            if self.output.answers:
                answer = self.output.answers.popleft()
                if isinstance(answer, Exception):
                    self._poisoned.add(to)
                    raise answer
                await answer
            await asyncio.sleep(0.001)
            if to in self._poisoned:
                raise OutOfOrderSequenceNumber
            if max(batch.timestamps) > self.output.latest_ms:
                self._poisoned.add(to)
                raise InvalidTimestampError
            if batch.size() > self.output.limit:
                self._poisoned.add(to)
                raise MessageSizeTooLargeError
            self.output.batches.append(batch.size())
            self.output.written[to] += batch.values
        finally:
            self._on_their_way.discard(to)
