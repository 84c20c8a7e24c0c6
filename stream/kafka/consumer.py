"""The Kafka consumer as the batch source uses it, and how it is opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from aiokafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition

from agents.records import SourceRecord as Record
from stream.fetch.memory_budget import MemoryBudget
from stream.kafka.group_protocol import GroupConsumer, GroupProtocol, OnRefusal, assignors
from stream.kafka.shared_settings import Shared

__all__ = ["Consumer", "open_consumer"]

JOINED_WITHIN = 5.0
"""Seconds beyond the rebalance timeout after which a request counts as unanswered.

A JoinGroup takes longest, as it is answered when all members have joined. Dropped connections are
detected sooner, by a heartbeat without an answer: see stream/fetch/silent_connections.py.
"""


class Consumer(Protocol):
    """The part of ``aiokafka.AIOKafkaConsumer`` that the batch source uses; tests have a fake."""

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        """Set the topics and the rebalance listener, before the start."""

    async def start(self) -> None:
        """Connect, join the group, and return with an assignment."""

    async def stop(self) -> None:
        """Leave the group and close the connections."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Record]]:
        """Return fetched records of these partitions or of all; wait if there are none.

        Raises an OffsetOutOfRangeError that holds the positions that are not in their logs, by
        partition.
        """

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit offsets; retries forever while the group's coordinator is unreachable."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Set the position; records that were fetched from another one are dropped."""

    async def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record; waits while it is looked up."""

    def assignment(self) -> Collection[TopicPartition]:
        """Return the assigned partitions."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return the partitions of a topic; None if the broker does not know it."""

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Fetch the first offsets of the logs."""

    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Fetch the offsets after the last records of the logs."""

    def highwater(self, partition: TopicPartition) -> int | None:
        """Return the offset after the last record, as of the last fetch."""

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """Return the last stable offset; -1 if uncommitted records are read."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Stop fetching from these partitions."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch from them again."""

    def hold_fetches(self) -> None:
        """Send no fetch request until they are released; those under way are not affected."""

    def release_fetches(self) -> None:
        """Send fetch requests again."""


def open_consumer(
    connection: Mapping[str, Any],
    *,
    group_id: str,
    session_timeout: float = 10.0,
    rebalance_timeout: float = 15.0,
    metadata_max_age: float = 15.0,
    isolation_level: str = "read_uncommitted",
    group_protocol: GroupProtocol = "own",
    shared: Shared = MappingProxyType({}),
    on_refusal: OnRefusal = lambda _: None,
    budget: MemoryBudget | None = None,
    **options: Any,
) -> Consumer:
    """Return the consumer of the batch source, not started.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    group_id
        The consumer group.
    session_timeout
        Seconds until the group reassigns the partitions of a worker that died.
    rebalance_timeout
        Seconds the group waits for its members when partitions move; longer than the source's
        ``revoke_limit`` and ``commit_limit`` together.
    metadata_max_age
        Seconds until new topics and partitions are noticed.
    isolation_level
        "read_uncommitted" or "read_committed".
    group_protocol
        Protocols that the member lists: see stream/kafka/group_protocol.
    shared
        Settings that all members must share; empty: they are not compared.
    on_refusal
        Called with the error if this member must not join the group.
    budget
        Memory budget; None: the default.
    options
        Any other option of ``AIOKafkaConsumer``.
    """
    consumer: Consumer = GroupConsumer(
        budget=budget,
        **connection,
        group_id=group_id,
        enable_auto_commit=False,
        auto_offset_reset="none",  # positions out of range: stream/consume/offset_reset.py
        session_timeout_ms=round(session_timeout * 1000),
        heartbeat_interval_ms=round(session_timeout * 300),
        rebalance_timeout_ms=round(rebalance_timeout * 1000),
        metadata_max_age_ms=round(metadata_max_age * 1000),
        isolation_level=isolation_level,
        partition_assignment_strategy=assignors(group_protocol, shared, on_refusal),
        **{"request_timeout_ms": round((rebalance_timeout + JOINED_WITHIN) * 1000)} | options,
    )
    return consumer
