"""The observer of the batch source: where metrics, health and drift counts connect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiokafka import TopicPartition

from stream.consume.lost_records import Loss
from stream.consume.partition_progress import Batch

__all__ = ["SourceObserver", "Unobserved"]


class SourceObserver(Protocol):
    """Is called with what the source does, as it does it. Must not raise, nor take long."""

    def on_fetch(self, batch: Batch) -> None:
        """Observe a batch that is about to be handed over."""

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Observe offsets that Kafka has accepted."""

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Observe the partitions of a new assignment, once per rebalance."""

    def on_loss(self, loss: Loss) -> None:
        """Observe records that can never be read."""


class Unobserved:
    """An observer that ignores everything."""

    def on_fetch(self, batch: Batch) -> None:
        """Ignore a batch."""

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Ignore a commit."""

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Ignore a rebalance."""

    def on_loss(self, loss: Loss) -> None:
        """Ignore a loss."""
