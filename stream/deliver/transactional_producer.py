"""One transactional id, and the producers that have it for us, one after the other."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from contextlib import suppress

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
    RETRY_PAUSE,
    TransactionalOpener,
    TransactionalProducer,
    await_partition,
)
from stream.kafka.topic_limits import TopicLimits

__all__ = ["FENCED", "TransactionalId", "may_pass"]

log = logging.getLogger(__name__)

FENCED = (ProducerFenced, InvalidProducerEpoch)
"""Another has the transactional id now."""

BROKEN = (
    OutOfOrderSequenceNumber,
    UnknownProducerId,
    InvalidProducerIdMapping,
    InvalidTxnState,
    ProducerClosed,
    IllegalOperation,
)
"""This producer is of no use any more; another one may be."""


def may_pass(error: Exception) -> bool:
    """Return whether another producer may do what this one could not."""
    # What it did not expect aiokafka raises as a bare KafkaError, and its producer is dead then.
    is_bare = type(error) is KafkaError
    return is_bare or isinstance(error, BROKEN) or bool(getattr(error, "retriable", False))


class TransactionalId:
    """Opens producers; each fences the one before, and ends what that one had begun.

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
        self._retiring: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Open a producer in place of the latest; tries until it is there.

        Raises
        ------
        FatalError
            When an expected partition does not come.
        KafkaError
            When Kafka refuses.
        """
        if self.producer is not None:
            self._retire(self.producer)
        while True:
            producer = self._connect(self.name, self._limits.batch_bytes)
            try:
                await producer.start()
                # Now: a batch that still waits for it when the producer is closed waits for ever.
                for to in self._expected:
                    await await_partition(producer, to, self._partition_limit)
            except BaseException as error:
                self._retire(producer)
                if not (isinstance(error, KafkaError) and error.retriable):
                    raise
                log.warning("opening a producer for %s: %r, trying again", self.name, error)
                await asyncio.sleep(RETRY_PAUSE)
            else:
                self.producer = producer
                return

    async def close(self, by: float) -> None:
        """Close the connections, by the loop's time given."""
        if self.producer is not None:
            self._retire(self.producer)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(by):
                await asyncio.gather(*self._retiring, return_exceptions=True)

    def _retire(self, producer: TransactionalProducer) -> None:
        task = asyncio.create_task(producer.stop())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)
