"""Ids of topics: the bytes of the request, and what is read from the answer."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    UnknownTopicOrPartitionError,
)
from aiokafka.errors import TopicAuthorizationFailedError as Forbidden

from stream.kafka import topic_ids
from stream.kafka.topic_ids import (
    FRESH,
    TopicIds,
    _Described,
    _described_in,
    _IdRequest,
    _Metadata_v11,
)
from testing.jumping_time import in_jumping_time

ID = bytes(range(16))
TEXT = "AAECAwQFBgcICQoLDA0ODw"
"""The id as Kafka's tools print it: base64 for URLs, without padding."""


def test_a_broker_is_asked_for_one_topic_and_to_create_none() -> None:
    built = _IdRequest("ab").prepare({3: (0, 13)})
    assert (built.API_VERSION, built.FLEXIBLE_VERSION) == (11, True)
    assert built.encode() == b"\2" + bytes(16) + b"\3ab\0" + b"\0" + b"\0" + b"\0"


def answer(topic_id: bytes, error: int = 0) -> BytesIO:
    """Return an answer as KIP-516 has it: one broker, one topic with one partition."""
    broker = struct.pack(">i2sib", 7, b"\2h", 9092, 0) + b"\0"
    replicas = b"\2" + struct.pack(">i", 7)
    partition = struct.pack(">hiii", 0, 3, 7, 1) + 3 * replicas + b"\0"
    topic = struct.pack(">h3s16s?", error, b"\3ab", topic_id, False) + b"\2" + partition
    end = struct.pack(">i", -(2**31)) + b"\0" + b"\0"
    cluster = b"\3id" + struct.pack(">i", 7)
    return BytesIO(struct.pack(">i", 0) + b"\2" + broker + cluster + b"\2" + topic + end)


def test_an_answer_is_read_as_kip_516_has_it() -> None:
    read = answer(ID)
    topics = _Metadata_v11.decode(read).to_object()["topics"]
    assert read.read() == b""
    assert topics[0]["topic_id"] == ID
    assert _described_in(topics) == (TEXT, 1)


def test_a_cluster_that_gives_topics_no_ids_has_none() -> None:
    topics = _Metadata_v11.decode(answer(bytes(16))).to_object()["topics"]
    assert _described_in(topics).id is None


@pytest.mark.parametrize(("code", "error"), [(3, UnknownTopicOrPartitionError), (29, Forbidden)])
def test_a_topic_that_a_broker_does_not_know_is_an_error(
    code: int, error: type[KafkaError]
) -> None:
    """It was taken for a topic without an id, and commits of a deleted topic were used."""
    with pytest.raises(error):
        _described_in(_Metadata_v11.decode(answer(bytes(16), code)).to_object()["topics"])


class Cluster:
    """Brokers by number, each with the id that it answers with, and whom was asked."""

    def __init__(self, **ids: bytes) -> None:
        self.ids = {int(name[1:]): topic_id for name, topic_id in ids.items()}
        self.asked: list[int] = []

    @property
    def _client(self) -> Any:
        brokers = [SimpleNamespace(nodeId=node) for node in self.ids]
        return SimpleNamespace(cluster=SimpleNamespace(brokers=lambda: brokers))

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def _send_request(self, _: object, node: int) -> Any:
        self.asked.append(node)
        return _Metadata_v11.decode(answer(self.ids[node]))


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[Cluster], TopicIds]:
    def open_ids(cluster: Cluster) -> TopicIds:
        monkeypatch.setattr(topic_ids, "AIOKafkaAdminClient", lambda **_: cluster)
        return TopicIds({})

    return open_ids


@in_jumping_time
async def test_a_broker_that_still_has_the_old_id_is_not_believed(
    opened: Callable[[Cluster], TopicIds],
) -> None:
    """Commits named the old topic, and the next assignment reported a loss and read it all."""
    cluster = Cluster(b1=ID, b2=bytes(range(1, 17)))
    reading = asyncio.ensure_future(opened(cluster).read("ab"))
    await asyncio.sleep(5)
    assert not reading.done()
    cluster.ids[2] = ID
    assert await reading == TEXT


@in_jumping_time
async def test_two_brokers_are_asked_or_the_only_one(
    opened: Callable[[Cluster], TopicIds],
) -> None:
    cluster = Cluster(b1=ID, b2=ID, b3=ID)
    assert await opened(cluster).read("ab") == TEXT
    assert len(set(cluster.asked)) == len(cluster.asked) == 2
    one = opened(Cluster(b1=ID))
    assert (await one.read("ab"), await one.partitions("ab")) == (TEXT, 1)


class Answers(TopicIds):
    """Ids as they are answered, one after the other."""

    def __init__(self, *answers: str | Exception) -> None:
        super().__init__({})
        self._answers = list(answers)

    async def _read(self, topic: str) -> _Described | None:
        await asyncio.sleep(0.01)
        given = self._answers.pop(0)
        if isinstance(given, Exception):
            raise given
        return _Described(given, 1)


@in_jumping_time
async def test_partitions_that_start_together_share_an_answer() -> None:
    ids = Answers("old", "new")
    assert await asyncio.gather(*(ids.read("ab") for _ in range(64))) == ["old"] * 64
    await asyncio.sleep(2 * FRESH)
    assert await ids.read("ab") == "new"


@in_jumping_time
async def test_a_broker_that_is_unavailable_is_asked_again() -> None:
    ids = Answers(KafkaConnectionError(), "id")
    assert await ids.read("ab") == "id"
