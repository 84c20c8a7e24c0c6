"""Who is told what the batch source does: the seam for metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from aiokafka import TopicPartition

from stream.consume.lost_records import Loss
from stream.consume.partition_progress import Batch

__all__ = ["SourceObserver", "Unobserved"]


class SourceObserver(Protocol):
    """Is told what the source does, as it does it. Must not raise, nor take long."""

    def on_fetch(self, batch: Batch) -> None:
        """Take note of a batch that is about to be handed over."""

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Take note of offsets that Kafka has accepted."""

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Take note of the partitions that are ours from now on: once a rebalance."""

    def on_loss(self, loss: Loss) -> None:
        """Take note of records that can never be read."""


class Unobserved:
    """An observer that takes no notes."""

    def on_fetch(self, batch: Batch) -> None:
        """Ignore a batch."""

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Ignore a commit."""

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Ignore a rebalance."""

    def on_loss(self, loss: Loss) -> None:
        """Ignore a loss."""
