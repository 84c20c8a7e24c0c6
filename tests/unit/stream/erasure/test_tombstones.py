"""Tombstones are written one by one, each acknowledged."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import TopicAuthorizationFailedError

from schemas.errors import FatalError
from stream.erasure import tombstones
from stream.erasure.tombstones import Tombstone, write_tombstones
from stream.settings import load_settings

SETTINGS = load_settings()
GIVEN = [Tombstone("leads.scored", 1, b"ann"), Tombstone("leads.scored", 0, b"bob")]


class FakeProducer:
    """Records what is sent; refuses one key."""

    sent: list[tuple[str, int, bytes, None]]
    refused = b""

    def __init__(self, **options: Any) -> None:
        assert options["acks"] == "all"
        FakeProducer.sent = []
        self.is_open = False

    async def start(self) -> None:
        self.is_open = True

    async def stop(self) -> None:
        self.is_open = False

    async def send(
        self, topic: str, *, key: bytes, value: None, partition: int
    ) -> asyncio.Future[None]:
        acknowledged = asyncio.get_running_loop().create_future()
        if key == self.refused:
            acknowledged.set_exception(TopicAuthorizationFailedError(topic))
        else:
            self.sent.append((topic, partition, key, value))
            acknowledged.set_result(None)
        return acknowledged


@pytest.fixture(autouse=True)
def _producer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tombstones, "AIOKafkaProducer", FakeProducer)
    monkeypatch.setattr(FakeProducer, "refused", b"")


async def test_each_has_a_key_and_no_value_in_its_partition() -> None:
    written: list[int] = []
    await write_tombstones(SETTINGS, GIVEN, written.append)
    assert FakeProducer.sent == [
        ("leads.scored", 1, b"ann", None),
        ("leads.scored", 0, b"bob", None),
    ]
    assert written == [2]


async def test_a_missing_right_is_a_sentence_and_the_first_ones_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(FakeProducer, "refused", b"bob")
    with pytest.raises(FatalError, match="Write on the compacted topics"):
        await write_tombstones(SETTINGS, GIVEN)
    assert len(FakeProducer.sent) == 1
