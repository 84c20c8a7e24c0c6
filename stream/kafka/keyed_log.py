"""A compacted topic of one partition, whose latest record of each key counts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Container, Sequence
from contextlib import aclosing

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from agents.records import SourceRecord
from schemas.errors import FatalError, StartupError
from stream.fetch.closing import closed
from stream.kafka.access import Use
from stream.kafka.lenient_polls import Take, readable
from stream.kafka.log_reader import LogReader
from stream.kafka.topic_admin import partition_counts
from stream.settings import Settings

__all__ = ["KeyedLog", "require_topic"]


def require_topic(topic: str, existing: Container[str]) -> None:
    """Check that a topic is among those that exist.

    Raises
    ------
    StartupError
        It is not.
    """
    if topic not in existing:
        raise StartupError(
            f"expected the topic {topic}, but it does not exist: create it with"
            " `leadscore topics create`"
        )


class KeyedLog:
    """Writes records by their key, and reads the latest of each.

    Parameters
    ----------
    settings
        Kafka's address and security.
    topic
        The topic.
    use
        Purpose for which it is read: the error about a missing right names it.

    Attributes
    ----------
    topic
        The topic.
    """

    def __init__(self, settings: Settings, topic: str, use: Use) -> None:
        self.topic = topic
        self._settings = settings
        self._use = use
        self._connection = settings.kafka_client_options()
        self._at = TopicPartition(topic, 0)
        self._reader = LogReader(self._connection, "read_committed")

    async def write(self, key: str, value: bytes, subject: str) -> None:
        """Write a record, and return when all in-sync replicas have it.

        Parameters
        ----------
        key, value
            The record.
        subject
            Kind of the key's thing, for the error: ``replay``.

        Raises
        ------
        FatalError
            Kafka did not take it.
        """
        producer = AIOKafkaProducer(**self._connection, acks="all", enable_idempotence=True)
        try:
            await producer.start()
            await producer.send_and_wait(
                self.topic, value, key.encode(), partition=self._at.partition
            )
        except KafkaError as error:
            raise FatalError(
                f"expected {self.topic} to take the record of {subject} {key}, but Kafka"
                f" answered {error!r}: check that this user may write to the topic"
            ) from error
        finally:
            await closed(producer.stop())

    async def latest(self, take: Take = readable) -> dict[str, bytes]:
        """Return the latest value of each key; keys with a tombstone are left out.

        Parameters
        ----------
        take
            How unreadable records are treated: see ``LogReader.read``.

        Raises
        ------
        StartupError
            Kafka can't be reached, or a right or the topic is missing.
        FatalError
            Kafka stopped answering.
        """
        require_topic(self.topic, await partition_counts(self._settings, self._use))
        latest: dict[str, bytes | None] = {}
        try:
            end = await self._reader.end_offset(self._at)
            if end:  # aiokafka hangs if a consumer is stopped at once
                async for records in self._reader.read(self._at, 0, end, take=take):
                    for record in records:
                        latest[(record.key or b"").decode(errors="replace")] = record.value
        except KafkaError as error:
            raise FatalError(
                f"expected to read {self.topic}, but Kafka answered {error!r}: check that this"
                " user may read the topic"
            ) from error
        return {key: value for key, value in latest.items() if value is not None}

    async def follow(self) -> AsyncGenerator[Sequence[SourceRecord], None]:
        """Yield the records that are written from now on, some at a time, without end.

        The first step is empty: what ``latest`` returns from then on, and the steps that follow,
        are all records.
        """
        end = await self._reader.end_offset(self._at)
        yield ()
        async with aclosing(self._reader.follow(self._at, end)) as steps:
            async for records in steps:
                yield records
