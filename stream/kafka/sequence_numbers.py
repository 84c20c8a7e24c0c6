"""Sequence numbers of an idempotent producer: 0 follows the largest one.

The broker keeps the last sequence number of each producer and partition, as a signed integer of 32
bits, and expects 0 after the largest (2³¹ - 1). aiokafka continues with the smallest negative one,
which the broker refuses as an invalid record: a worker would end after 2³¹ records of a partition,
25 days at 1,000 records a second.

Sources: KIP-98, "Message Format"; Kafka's ``DefaultRecordBatch.incrementSequence`` and
``LogValidator``.
"""

from __future__ import annotations

from collections import defaultdict

from aiokafka import AIOKafkaProducer, TopicPartition

__all__ = ["wrap_at_zero"]

LARGEST = 2**31 - 1


class _SequenceNumbers(defaultdict[TopicPartition, int]):
    """The next sequence number of each partition, 0 after the largest."""

    def __setitem__(self, partition: TopicPartition, number: int) -> None:
        super().__setitem__(partition, number & LARGEST)


def wrap_at_zero(producer: AIOKafkaProducer) -> None:
    """Replace the sequence numbers of an idempotent producer that is not started."""
    producer._txn_manager._sequence_numbers = _SequenceNumbers(int)
