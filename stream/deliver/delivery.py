"""How outputs reach Kafka, as the pipeline sees it: at least once, or exactly once.

::

    if await delivery.admit(batch):
        sent = await delivery.send(topic, batch, rows)   # any number of times
        ...                                              # await what was sent
        delivery.done(batch)
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from schemas.errors import LeadScoreError
from stream.consume.partition_progress import Batch
from stream.deliver.batch_producer import Emitter
from stream.kafka.producer import Output
from stream.kafka.topic_limits import TopicLimits

__all__ = ["AtLeastOnce", "Delivery", "PartitionLostError"]


class PartitionLostError(LeadScoreError):
    """The partition of a batch belongs to another: nothing of the batch is seen by anybody."""


class Delivery(Protocol):
    """Delivers a batch's outputs to Kafka (exactly once: ``stream.deliver.transactions``)."""

    @property
    def limits(self) -> TopicLimits:
        """What the output topics take."""

    async def admit(self, batch: Batch) -> bool:
        """Wait until outputs of a batch may be sent.

        Returns
        -------
        bool
            False when its partition belongs to another by now: drop the batch.
        """

    async def send(
        self, topic: str, batch: Batch, rows: Sequence[Output]
    ) -> Sequence[asyncio.Future[None]]:
        """Send outputs of a batch to its partition's number, behind those of earlier calls.

        Returns
        -------
        sequence of asyncio.Future
            They end when the outputs are delivered. They raise a RecordsTooLargeError when the
            broker refused some, a PartitionLostError when the batch is to be dropped, and a
            FatalError when the outputs could not be delivered.
        """

    def done(self, batch: Batch) -> None:
        """Say that all outputs of a batch are delivered."""


class AtLeastOnce:
    """Outputs are seen when they are delivered, and sent again when their commit is lost.

    Parameters
    ----------
    emitter
        Sends them.
    """

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter

    @property
    def limits(self) -> TopicLimits:
        """What the output topics take."""
        return self._emitter.limits

    async def admit(self, batch: Batch) -> bool:
        """Admit every batch: a repetition bears the same event ids."""
        return True

    async def send(
        self, topic: str, batch: Batch, rows: Sequence[Output]
    ) -> Sequence[asyncio.Future[None]]:
        """Send outputs of a batch to its partition's number."""
        return await self._emitter.send(topic, batch.partition.partition, rows)

    def done(self, batch: Batch) -> None:
        """Have the batch's offsets committed with the next commit."""
        batch.done()
