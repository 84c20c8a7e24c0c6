"""In-memory transactions: a coordinator that fences, producers, and a consumer that can seek."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerFenced,
)

from testing.fake_kafka import FakeKafka
from testing.fake_producer import FakeBatch

Values = list[tuple[TopicPartition, bytes]]


@dataclass
class Open:
    """A transaction that is open."""

    values: Values = field(default_factory=list)
    offsets: dict[TopicPartition, OffsetAndMetadata] = field(default_factory=dict)


class FakeCoordinator:
    """State that outlives producers: epochs, open transactions, and committed records.

    Attributes
    ----------
    seen
        What a reader of committed records sees, by partition.
    script
        By the name of a call, what its next ones come to: an error, or what is to be called first.
    lost_answers
        By the name of a call, errors that come after it took effect.
    """

    def __init__(self, kafka: FakeKafka, topics: Iterable[str], *, limit: int = 1000) -> None:
        self.kafka = kafka
        self.partitions = dict.fromkeys(topics, len(kafka.logs))
        self.limit = limit
        self.latest_ms = 2**63 - 1
        self.known_limits: dict[str, int] = {}
        self.epochs: dict[str, int] = {}
        self.open: dict[str, Open] = {}
        self.seen: dict[TopicPartition, list[bytes]] = defaultdict(list)
        self.ended: list[str] = []
        self.producers: list[FakeTransactionalProducer] = []
        self.script: dict[str, deque[Exception | Callable[[], None]]] = defaultdict(deque)
        self.lost_answers: dict[str, deque[Exception]] = defaultdict(deque)

    def connect(self, transactional_id: str, max_batch_bytes: int) -> FakeTransactionalProducer:
        self.producers.append(FakeTransactionalProducer(self, transactional_id, max_batch_bytes))
        return self.producers[-1]

    async def read_limits(self, topics: Iterable[str]) -> dict[str, int]:
        return {topic: at for topic, at in self.known_limits.items() if topic in set(topics)}

    def fence(self, transactional_id: str) -> int:
        """End what is open, and give the next epoch, as another owner's start does."""
        if self.open.pop(transactional_id, None):
            self.ended.append("abort")
        self.epochs[transactional_id] = self.epochs.get(transactional_id, -1) + 1
        return self.epochs[transactional_id]

    def end(self, transactional_id: str, *, is_commit: bool) -> None:
        transaction = self.open.pop(transactional_id, Open())
        self.ended.append("commit" if is_commit else "abort")
        if is_commit:
            for to, value in transaction.values:
                self.seen[to].append(value)
            self.kafka.accept(transaction.offsets)


class FakeTransactionalProducer:
    """A producer with aiokafka's traps: what fails, fails for good; states are asserted."""

    def __init__(self, coordinator: FakeCoordinator, name: str, max_batch_bytes: int) -> None:
        self.coordinator = coordinator
        self.name = name
        self.max_batch_bytes = max_batch_bytes
        self.epoch = -1
        self.is_stopped = False
        self.is_broken = False
        self._is_busy = False
        self._in_transaction = False

    async def start(self) -> None:
        await self._call("start", is_first=True)
        self.epoch = self.coordinator.fence(self.name)

    async def stop(self) -> None:
        self.is_stopped = True

    async def partitions_for(self, topic: str) -> set[int]:
        return set(range(self.coordinator.partitions[topic]))

    def create_batch(self) -> FakeBatch:
        return FakeBatch(self.max_batch_bytes)

    async def _call(self, name: str, *, is_first: bool = False) -> None:
        await asyncio.sleep(0.001)
        if not is_first and self.coordinator.epochs[self.name] != self.epoch:
            self.is_broken = True
            raise ProducerFenced
        if self.coordinator.script[name]:
            answer = self.coordinator.script[name].popleft()
            if not isinstance(answer, Exception):
                answer()
                return
            self.is_broken = True
            raise answer

    def _lose_answer(self, name: str) -> None:
        if self.coordinator.lost_answers[name]:
            self.is_broken = True
            raise self.coordinator.lost_answers[name].popleft()

    @property
    def _transaction(self) -> Open:
        return self.coordinator.open.setdefault(self.name, Open())

    def _check_state(self) -> None:
        if self.is_broken or not self._in_transaction:
            raise IllegalOperation("not in a transaction")

    async def begin_transaction(self) -> None:
        assert not self._in_transaction
        assert not self.is_broken
        self._in_transaction = True

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> asyncio.Future[None]:
        assert batch.is_closed
        assert partition in range(self.coordinator.partitions[topic]), "Unrecognized partition"
        assert not self._is_busy, "one batch at a time"
        self._check_state()
        self._is_busy = True
        return asyncio.ensure_future(self._write(batch, TopicPartition(topic, partition)))

    async def _write(self, batch: FakeBatch, to: TopicPartition) -> None:
        try:
            await self._call("send")
            if self.is_broken:
                raise OutOfOrderSequenceNumber
            if max(batch.timestamps) > self.coordinator.latest_ms:
                self.is_broken = True
                raise InvalidTimestampError
            if batch.size() > self.coordinator.limit:
                self.is_broken = True
                raise MessageSizeTooLargeError
            self._transaction.values.extend((to, value) for value in batch.values)
        finally:
            self._is_busy = False

    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_id: str
    ) -> None:
        self._check_state()
        await self._call("offsets")
        assert group_id
        self._transaction.offsets.update(offsets)

    async def commit_transaction(self) -> None:
        self._check_state()
        await self._call("commit")
        self.coordinator.end(self.name, is_commit=True)
        self._in_transaction = False
        self._lose_answer("commit")

    async def abort_transaction(self) -> None:
        assert self._in_transaction
        assert not self.is_broken
        await self._call("abort")
        self.coordinator.end(self.name, is_commit=False)
        self._in_transaction = False
