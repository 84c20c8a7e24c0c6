"""An idempotent producer that is replaced by a new one after a refusal.

aiokafka counts the sequence numbers of a refused batch as used, so that producer cannot continue
(stream/deliver/batch_producer.py). A new one has its own sequence numbers and batch size.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from aiokafka.errors import KafkaError

from stream.fetch.closing import closed
from stream.kafka.producer import Parcel, PromptProducer, as_fatal, is_retriable
from stream.kafka.topic_limits import TopicLimits
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import retry

__all__ = ["ReplaceableProducer"]

log = logging.getLogger(__name__)


class ReplaceableProducer:
    """Holds the producer in use; replaces it once, however many partitions ask for it at once.

    Parameters
    ----------
    connect
        Makes a producer, given the most bytes of its batches.
    limits
        The largest batch and record that each topic takes.

    Attributes
    ----------
    current
        The producer in use.
    batch_bytes
        Most bytes of its batches.
    is_open
        Whether there is one.
    """

    current: PromptProducer

    def __init__(self, connect: Callable[[int], PromptProducer], limits: TopicLimits) -> None:
        self._connect = connect
        self._limits = limits
        self._replacing = asyncio.Lock()
        self._retiring = BackgroundTasks()
        self.batch_bytes = 0
        self.is_open = False

    async def open(self) -> None:
        """Read the topics' limits and connect.

        Raises
        ------
        FatalError
            When no broker answers, or this user may not write.
        """
        await self._limits.read()
        try:
            await self._open()
        except KafkaError as error:
            raise as_fatal(error) from error
        self.is_open = True

    async def close(self, by: float) -> None:
        """Close the producer, and those that it has replaced, by a time of the event loop."""
        self._retire(self.current)
        await self._retiring.finish(by)

    async def replace(self, producer: PromptProducer) -> None:
        """Open a new producer, unless another call has replaced the given one meanwhile."""
        async with self._replacing:
            if self.current is producer:
                await self._open_in_place_of(producer)

    async def learn_limit(self, topic: str, refused: Parcel, producer: PromptProducer) -> None:
        """Lower the limit of a batch, or of a record, after a refusal, and replace the producer."""
        async with self._replacing:
            if self.current is not producer:
                return  # another partition has replaced the producer meanwhile
            size, is_one = refused.builder.size(), len(refused.rows) == 1
            await self._limits.learn(topic, size, is_one_record=is_one)
            await self._open_in_place_of(producer)

    async def _open_in_place_of(self, producer: PromptProducer) -> None:
        await retry(self._open, doing="opening a producer", may_pass=is_retriable, log=log)
        self._retire(producer)

    async def _open(self) -> None:
        size = self._limits.batch_bytes
        producer = self._connect(size)
        try:
            await producer.start()
            # Before the first send_batch: a batch that waits there for its topic's partitions
            # when the producer is replaced would wait forever.
            for topic in self._limits.topics:
                await producer.partitions_for(topic)
        except BaseException:
            await closed(producer.stop())
            raise
        self.current, self.batch_bytes = producer, size

    def _retire(self, producer: PromptProducer) -> None:
        """Close a producer in the background, once it has delivered its batches."""
        self._retiring.start(producer.stop())
