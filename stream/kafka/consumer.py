"""The Kafka consumer as the batch source uses it, and how it is opened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

from aiokafka import ConsumerRebalanceListener, OffsetAndMetadata, TopicPartition

from agents.scoring import SourceRecord as Record
from stream.fetch.memory_budget import MemoryBudget
from stream.kafka.group_protocol import GroupConsumer, GroupProtocol, OnRefusal, assignors
from stream.kafka.shared_settings import Shared

__all__ = ["Consumer", "open_consumer"]

JOINED_WITHIN = 5.0
"""Seconds beyond the rebalance time-out after which an answer to a request will not come any more.

A connection that a router has forgotten is given up then. aiokafka's own 40 s would be longer
than two sessions; joining the group is answered last, when all its members are there.
"""


class Consumer(Protocol):
    """What the source uses of ``aiokafka.AIOKafkaConsumer``; the tests have a scripted one."""

    def subscribe(self, topics: Sequence[str], *, listener: ConsumerRebalanceListener) -> None:
        """Name the topics, before the start, and who is told of rebalances."""

    async def start(self) -> None:
        """Connect, join the group, and return with an assignment."""

    async def stop(self) -> None:
        """Leave the group and close the connections."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Record]]:
        """Return what was fetched, of these partitions or of all, or wait for it.

        Raises an OffsetOutOfRangeError that holds the positions that are not in their logs, by
        partition.
        """

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit offsets; tries for ever while the group's coordinator is away."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read from there; forget what was fetched from elsewhere."""

    async def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record to hand over; waits while it is looked up."""

    def assignment(self) -> Collection[TopicPartition]:
        """Return which partitions are assigned."""

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """Return which partitions the broker says there are, None if it knows no such topic."""

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Ask for the offsets at which the logs begin."""

    async def end_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Ask for the offsets after the last records of the logs."""

    def highwater(self, partition: TopicPartition) -> int | None:
        """Return the offset after the last record, as of the last fetch."""

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """Return up to where no transaction is open; -1 where that does not matter."""

    def pause(self, *partitions: TopicPartition) -> None:
        """Ask the broker for nothing of these partitions."""

    def paused(self) -> Iterable[TopicPartition]:
        """Return which partitions are paused."""

    def resume(self, *partitions: TopicPartition) -> None:
        """Ask for them again."""


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
    """Make the consumer of the batch source, not started yet.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    group_id
        The consumer group.
    session_timeout
        Seconds until the group takes the partitions of a worker that died.
    rebalance_timeout
        Seconds the group waits for its members when partitions move; longer than the source's
        ``revoke_limit`` and ``commit_limit`` together.
    metadata_max_age
        Seconds until new topics and partitions are noticed.
    isolation_level
        "read_uncommitted" or "read_committed".
    group_protocol
        Which protocols the member lists: see stream/kafka/group_protocol.
    shared
        Settings that the group must have in common; a group without any is not compared.
    on_refusal
        Is called with the error where this member must not be in the group.
    budget
        How much memory there is; None: the default.
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
