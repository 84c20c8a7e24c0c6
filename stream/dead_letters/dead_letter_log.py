"""Bounded reads of the dead-letter topic, up to ends that are fixed before the first record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.records import SourceRecord as Record
from schemas.errors import FatalError, StartupError
from stream.kafka.access import Use
from stream.kafka.lenient_polls import with_unreadable
from stream.kafka.log_reader import LogReader, in_time
from stream.kafka.topic_admin import partition_counts
from stream.settings import Settings

__all__ = ["DeadLetterLog", "Span"]

ANSWER_LIMIT = 60.0
"""Seconds for the offsets of all partitions."""


@dataclass(frozen=True, slots=True)
class Span:
    """Offsets of a partition: start <= offset < end."""

    start: int
    end: int


class DeadLetterLog:
    """Reads committed dead letters, without a consumer group.

    An exactly-once worker writes its letters in transactions; those of aborted ones do not count.

    Parameters
    ----------
    settings
        Kafka's address and security.
    topic
        The topic; None: that of leads that can't be scored.
    """

    def __init__(self, settings: Settings, topic: str | None = None) -> None:
        self.topic = settings.leads_created_dlq if topic is None else topic
        self._settings = settings
        self._reader = LogReader(settings.kafka_client_options(), "read_committed")

    async def spans(
        self, use: Use, *, since_ms: int | None = None, until_ms: int | None = None
    ) -> Mapping[int, Span]:
        """Return the offsets that are in the topic now, by partition.

        Parameters
        ----------
        use
            The use of Kafka whose rights are checked.
        since_ms
            Start at the first letter of this time or later, milliseconds since 1970.
        until_ms
            End before the first letter of this time or later.

        Raises
        ------
        StartupError
            Kafka can't be reached, a right is missing, or there is no such topic.
        """
        count = (await partition_counts(self._settings, use)).get(self.topic)
        if not count:
            raise StartupError(
                f"expected the topic {self.topic}, but it does not exist: create it with"
                " `leadscore topics create`, or correct its name (docs/topics.md)"
            )
        partitions = [TopicPartition(self.topic, number) for number in range(count)]
        try:
            async with asyncio.timeout(ANSWER_LIMIT), self._reader.open() as consumer:
                starts = await consumer.beginning_offsets(partitions)
                ends = await consumer.end_offsets(partitions)
                for bounds, time_ms in ((starts, since_ms), (ends, until_ms)):
                    if time_ms is not None:
                        found = await consumer.offsets_for_times(dict.fromkeys(partitions, time_ms))
                        bounds.update(
                            {
                                at: min(first.offset, ends[at]) if first else ends[at]
                                for at, first in found.items()
                            }
                        )
        except (KafkaError, TimeoutError) as error:
            raise self._unreadable(error) from error
        return {at.partition: Span(starts[at], max(starts[at], ends[at])) for at in partitions}

    async def bounds(self, partition: int) -> Span:
        """Return the offsets that a partition has now.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        at = TopicPartition(self.topic, partition)
        async with self._reader.open() as consumer:
            start = (await consumer.beginning_offsets([at]))[at]
            return Span(start, (await consumer.end_offsets([at]))[at])

    async def read(self, partition: int, span: Span) -> AsyncGenerator[Sequence[Record], None]:
        """Yield the records of a span, some at a time.

        Those that can't be read are logged, and yielded as ``UnreadableRecord``.

        Raises
        ------
        FatalError
            Kafka stopped answering.
        """
        at = TopicPartition(self.topic, partition)
        if span.start >= span.end:
            return
        try:
            read = self._reader.read(at, span.start, span.end, take=with_unreadable)
            async with aclosing(in_time(read)) as steps:
                async for records in steps:
                    yield records
        except (KafkaError, TimeoutError) as error:
            raise self._unreadable(error) from error

    async def read_all(self, spans: Mapping[int, Span]) -> AsyncGenerator[Record, None]:
        """Yield the records of spans, partition by partition.

        Raises
        ------
        FatalError
            Kafka stopped answering.
        """
        for partition, span in spans.items():
            async with aclosing(self.read(partition, span)) as steps:
                async for records in steps:
                    for record in records:
                        yield record

    def _unreadable(self, error: Exception) -> FatalError:
        return FatalError(
            f"expected to read {self.topic}, but Kafka answered {error!r}: check that the"
            " brokers run and that this user may read the topic, and try again"
        )
