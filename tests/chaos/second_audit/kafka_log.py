"""Topics and offsets read with confluent-kafka."""

from __future__ import annotations

from collections.abc import Iterator
from operator import methodcaller
from typing import Any

from confluent_kafka import OFFSET_INVALID, Consumer, KafkaError, KafkaException, TopicPartition

from tests.chaos.second_audit.records import Headers, Record

__all__ = ["KafkaLog"]

WITHIN = 30.0
"""Seconds for one answer of the broker."""
LARGEST = 2_000_000_000
"""Bytes of a batch that is decompressed; by default librdkafka refuses more than 100 MB."""
HEADERS_OF = methodcaller("headers")
"""Reads headers through C. Of a name that is not UTF-8, confluent-kafka 2.16 returns a list with a
null pointer and leaves the exception set. A plain call does not notice once the interpreter has
specialised it, and the process dies when it looks at the list; a call through C raises."""


class KafkaLog:
    """Reads topics of a broker; commits nothing and joins no group.

    Parameters
    ----------
    bootstrap
        The broker's address.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def partitions(self, topic: str) -> list[int]:
        """Return the numbers of a topic's partitions."""
        with self._consumer("second-audit") as consumer:
            found = consumer.list_topics(topic, WITHIN).topics[topic]
        if found.error is not None:
            raise KafkaException(found.error)
        return sorted(found.partitions)

    def bounds(
        self, topic: str, partition: int, *, committed_only: bool = False
    ) -> tuple[int, int]:
        """Return the first offset of a partition and the one after its last.

        With `committed_only`, the end is where the first open transaction begins.
        """
        with self._consumer("second-audit", committed_only=committed_only) as consumer:
            low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), WITHIN)
        return low, high

    def committed(
        self, group: str, topic: str, partitions: list[int]
    ) -> dict[int, tuple[int, str]]:
        """Return offset and metadata that a group has committed, by partition; none, no entry."""
        asked = [TopicPartition(topic, number) for number in partitions]
        with self._consumer(group) as consumer:
            found = consumer.committed(asked, WITHIN)
        for at in found:
            if at.error is not None:
                raise KafkaException(at.error)
        return {
            at.partition: (at.offset, _metadata_of(at))
            for at in found
            if at.offset != OFFSET_INVALID
        }

    def read(
        self, topic: str, partition: int, *, begin: int = 0, committed_only: bool = False
    ) -> Iterator[Record]:
        """Read a partition from its first record, or from an offset, to where it ends now."""
        with self._consumer("second-audit", committed_only=committed_only) as consumer:
            at = TopicPartition(topic, partition)
            low, high = consumer.get_watermark_offsets(at, WITHIN)
            first = max(low, begin)
            if first >= high:
                return
            consumer.assign([TopicPartition(topic, partition, first)])
            while True:
                message = consumer.poll(WITHIN)
                if message is None:
                    raise TimeoutError(f"no record of {topic}:{partition} within {WITHIN:g} s")
                error = message.error()
                if error is not None:
                    if error.code() == KafkaError._PARTITION_EOF:
                        return
                    raise KafkaException(error)
                yield _record(message)
                if message.offset() + 1 >= high:
                    return

    def _consumer(self, group: str, *, committed_only: bool = False) -> Any:
        settings = {
            "bootstrap.servers": self._bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed" if committed_only else "read_uncommitted",
            "fetch.wait.max.ms": 20,
            "receive.message.max.bytes": LARGEST,
        }
        return Consumer(settings)


def _record(message: Any) -> Record:
    _, timestamp = message.timestamp()
    return Record(
        partition=message.partition(),
        offset=message.offset(),
        timestamp=timestamp,
        key=message.key(),
        value=message.value(),
        headers=_headers(message),
    )


def _headers(message: Any) -> Headers | None:
    """Read a record's headers; None where a name is not UTF-8, which the client cannot read."""
    try:
        return HEADERS_OF(message) or ()
    except SystemError:
        return None


def _metadata_of(commit: TopicPartition) -> str:
    """Return a commit's metadata: the client adds bytes of freed memory to long ones."""
    try:
        metadata: str = commit.metadata or ""
    except UnicodeDecodeError as error:
        metadata = error.object[: error.start].decode()
    return metadata
