"""Deletion of letters up to fixed ends, also in a topic that is compacted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import PolicyViolationError, TopicAuthorizationFailedError

from schemas.errors import FatalError
from stream.dead_letters import purge as module
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.purge import delete_letters
from stream.fetch.raw_records import RawRecord
from stream.settings import Settings

DEAD = "leads.created.dlq"


@dataclass
class FakeKafka:
    """A broker that deletes records, and a topic of letters with keys.

    Attributes
    ----------
    refusal
        What it answers to a deletion.
    deleted
        End of the deletion by partition.
    tombstones
        Partition and key of each record without a value that was written.
    """

    keys: Mapping[int, Sequence[bytes | None]] = field(default_factory=dict)
    refusal: Exception | None = None
    deleted: dict[TopicPartition, int] = field(default_factory=dict)
    tombstones: list[tuple[int, bytes]] = field(default_factory=list)
    are_open: int = 0
    topic: str = DEAD

    # As an admin client and a producer

    def open(self, **options: Any) -> FakeKafka:
        return self

    async def start(self) -> None:
        self.are_open += 1

    async def close(self) -> None:
        self.are_open -= 1

    async def stop(self) -> None:
        self.are_open -= 1

    async def delete_records(self, wanted: Mapping[TopicPartition, Any]) -> None:
        if self.refusal:
            raise self.refusal
        self.deleted = {at: records.before_offset for at, records in wanted.items()}

    async def send(self, topic: str, *, key: bytes, value: None, partition: int) -> None:
        assert (topic, value) == (DEAD, None)
        self.tombstones.append((partition, key))

    async def flush(self) -> None:
        """Do nothing: they are written at once."""

    # As the log of letters

    async def bounds(self, partition: int) -> Span:
        return Span(0, len(self.keys[partition]))

    async def read(self, partition: int, span: Span) -> AsyncIterator[Sequence[RawRecord]]:
        keys = self.keys[partition]
        yield [
            RawRecord(partition, offset, 0, keys[offset], b"x", ())
            for offset in range(span.start, span.end)
        ]


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    kafka = FakeKafka()
    monkeypatch.setattr(module, "AIOKafkaAdminClient", kafka.open)
    monkeypatch.setattr(module, "AIOKafkaProducer", kafka.open)
    return kafka


async def purge(kafka: FakeKafka, spans: Mapping[int, Span]) -> None:
    log: Any = kafka
    await delete_letters(Settings(), log, spans)
    assert kafka.are_open == 0, "every connection is closed"


async def test_each_partition_is_deleted_up_to_its_end(kafka: FakeKafka) -> None:
    await purge(kafka, {0: Span(2, 9), 1: Span(4, 4), 2: Span(0, 1)})
    assert kafka.deleted == {TopicPartition(DEAD, 0): 9, TopicPartition(DEAD, 2): 1}
    assert kafka.tombstones == []


async def test_a_compacted_topic_gets_a_tombstone_for_each_key(kafka: FakeKafka) -> None:
    kafka.refusal = PolicyViolationError()
    kafka.keys = {0: [b"ann", b"bob", b"ann", None], 1: [b"cid"]}
    await purge(kafka, {0: Span(0, 4), 1: Span(0, 1)})
    assert sorted(kafka.tombstones) == [(0, b"ann"), (0, b"bob"), (1, b"cid")]


async def test_a_key_with_a_later_letter_keeps_that_one(kafka: FakeKafka) -> None:
    kafka.refusal = PolicyViolationError()
    kafka.keys = {0: [b"ann", b"bob", b"ann"]}
    await purge(kafka, {0: Span(0, 2)})
    assert kafka.tombstones == [(0, b"bob")]


async def test_a_missing_right_is_an_error_with_the_command_that_grants_it(
    kafka: FakeKafka,
) -> None:
    kafka.refusal = TopicAuthorizationFailedError(DEAD)
    with pytest.raises(FatalError, match=r"TopicAuthorizationFailed.*acls --role dlq-purge"):
        await purge(kafka, {0: Span(0, 4)})
    assert kafka.are_open == 0
