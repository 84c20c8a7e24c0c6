"""A transactional id, and the producers that this worker opens with it, one after the other."""

from __future__ import annotations

import logging
from collections.abc import Collection

from aiokafka import TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    InvalidProducerEpoch,
    InvalidProducerIdMapping,
    InvalidTxnState,
    KafkaError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
    UnknownProducerId,
)

from stream.kafka.producer import (
    TransactionalOpener,
    TransactionalProducer,
    await_partition,
    is_retriable,
)
from stream.kafka.topic_limits import TopicLimits
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import retry

__all__ = ["FENCED", "TransactionalId", "may_pass"]

log = logging.getLogger(__name__)

FENCED = (ProducerFenced, InvalidProducerEpoch)
"""A newer producer has the transactional id."""

BROKEN = (
    OutOfOrderSequenceNumber,
    UnknownProducerId,
    InvalidProducerIdMapping,
    InvalidTxnState,
    ProducerClosed,
    IllegalOperation,
)
"""This producer cannot continue; a new one with the same id may."""


def may_pass(error: Exception) -> bool:
    """Return whether a new producer may succeed after an error of this one."""
    # aiokafka raises a bare KafkaError for answers it does not expect; its producer is dead then.
    is_bare = type(error) is KafkaError
    return is_bare or isinstance(error, BROKEN) or bool(getattr(error, "retriable", False))


class TransactionalId:
    """Opens producers; each fences the one before and aborts the transaction it left open.

    Parameters
    ----------
    name
        The transactional id.
    connect
        Makes a producer.
    limits
        What the output topics take.
    expected
        Partitions that must be there before anything is sent.
    partition_limit
        Seconds until one that is not there is an error.

    Attributes
    ----------
    producer
        The latest; None before the first is open.
    """

    def __init__(
        self,
        name: str,
        connect: TransactionalOpener,
        limits: TopicLimits,
        expected: Collection[TopicPartition],
        partition_limit: float,
    ) -> None:
        self.name = name
        self.producer: TransactionalProducer | None = None
        self._connect = connect
        self._limits = limits
        self._expected = expected
        self._partition_limit = partition_limit
        self._retiring = BackgroundTasks()

    async def open(self) -> None:
        """Open a producer in place of the latest; tries until one is open.

        Raises
        ------
        FatalError
            When an expected partition does not appear.
        KafkaError
            When Kafka refuses.
        """
        if self.producer is not None:
            self._retire(self.producer)
        self.producer = await retry(
            self._opened,
            doing=f"opening a producer for {self.name}",
            may_pass=is_retriable,
            log=log,
        )

    async def _opened(self) -> TransactionalProducer:
        producer = self._connect(self.name, self._limits.batch_bytes)
        try:
            await producer.start()
            # Before anything is sent: a batch that still waits in `send_batch` for its topic's
            # partitions waits forever once the producer is closed.
            for to in self._expected:
                await await_partition(producer, to, self._partition_limit)
        except BaseException:
            self._retire(producer)
            raise
        return producer

    async def close(self, by: float) -> None:
        """Close the connections; those that are still open at the deadline are dropped."""
        if self.producer is not None:
            self._retire(self.producer)
        if not await self._retiring.finish(by):
            await self._retiring.cancel()

    def _retire(self, producer: TransactionalProducer) -> None:
        self._retiring.start(producer.stop())
