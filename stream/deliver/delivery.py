"""Delivery of outputs to Kafka, as the pipeline sees it: at least once, or exactly once.

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
    """Another worker owns the partition of a batch: drop it, its outputs are never visible."""


class Delivery(Protocol):
    """Delivers a batch's outputs to Kafka (exactly once: ``stream.deliver.transactions``)."""

    @property
    def limits(self) -> TopicLimits:
        """The largest batch and record that each output topic takes."""

    async def admit(self, batch: Batch) -> bool:
        """Wait until outputs of a batch may be sent.

        Returns
        -------
        bool
            False if another worker owns its partition by now: drop the batch.
        """

    async def send(
        self, topic: str, batch: Batch, rows: Sequence[Output]
    ) -> Sequence[asyncio.Future[None]]:
        """Send outputs of a batch to the partition of its number, after those of earlier calls.

        Returns
        -------
        sequence of asyncio.Future
            They complete when the outputs are delivered; none where there are no rows. They raise
            a RecordsTooLargeError if the broker refused some, a PartitionLostError if the batch is
            to be dropped, and a FatalError if the outputs could not be delivered.
        """

    def done(self, batch: Batch) -> None:
        """Mark a batch as done: all its outputs are delivered."""


class AtLeastOnce(Delivery):
    """Delivery at least once: outputs are visible at once, and repeated if no commit follows.

    Parameters
    ----------
    emitter
        Sends the outputs.
    """

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter

    @property
    def limits(self) -> TopicLimits:
        """The largest batch and record that each output topic takes."""
        return self._emitter.limits

    async def admit(self, batch: Batch) -> bool:
        """Return True for every batch: a repeated output has the same event id."""
        return True

    async def send(
        self, topic: str, batch: Batch, rows: Sequence[Output]
    ) -> Sequence[asyncio.Future[None]]:
        """Send outputs of a batch to the partition of its number."""
        return await self._emitter.send(topic, batch.partition.partition, rows)

    def done(self, batch: Batch) -> None:
        """Mark a batch as done: the next commit covers its offsets."""
        batch.done()
