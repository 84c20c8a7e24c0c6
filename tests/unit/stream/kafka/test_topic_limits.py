"""Limits of the output topics: read from the broker, or learnt from what it refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError

from stream.kafka import topic_limits as module
from stream.kafka.producer import record_bytes
from stream.kafka.topic_limits import TopicLimits, limit_reader


def limits(read_limits: dict[str, int]) -> TopicLimits:
    async def read(_: object) -> dict[str, int]:
        return read_limits

    return TopicLimits(["scored", "dead"], read, fallback=1000, batch_bytes=500)


async def test_a_limit_that_is_read_replaces_the_fallback_and_batches_fit_every_topic() -> None:
    found = limits({"scored": 300})
    assert (found.max_bytes("scored"), found.batch_bytes) == (1000, 500)
    await found.read()
    assert (found.max_bytes("scored"), found.max_bytes("dead")) == (300, 1000)
    assert found.batch_bytes == 300
    assert set(found.topics) == {"scored", "dead"}


async def test_a_record_fits_up_to_the_limit() -> None:
    size = record_bytes(b"k", b"v" * 100, [("name", b"x")])
    found = limits({"scored": size})
    await found.read()
    assert found.fits("scored", b"k", b"v" * 100, [("name", b"x")])
    assert not found.fits("scored", b"k", b"v" * 101, [("name", b"x")])


async def test_a_refused_record_lowers_the_limit_below_its_size() -> None:
    found = limits({})
    await found.learn("scored", 400, is_one_record=True)
    assert (found.max_bytes("scored"), found.batch_bytes) == (399, 399)
    assert found.max_bytes("dead") == 1000


async def test_a_refused_batch_halves_batches_and_keeps_the_limit_of_records() -> None:
    found = limits({})
    await found.learn("scored", 400, is_one_record=False)
    assert (found.max_bytes("scored"), found.batch_bytes) == (1000, 200)


async def test_a_limit_that_was_lowered_meanwhile_is_read_again() -> None:
    found = limits({"scored": 250})
    await found.learn("scored", 400, is_one_record=False)
    assert (found.max_bytes("scored"), found.batch_bytes) == (250, 250)


class FakeAdmin:
    """A broker that answers for some topics."""

    error: Exception | None = None
    codes: ClassVar[dict[str, int]]
    closed = 0

    def __init__(self, **connection: Any) -> None:
        assert connection == {"bootstrap_servers": "here:1"}

    async def start(self) -> None:
        if self.error is not None:
            raise self.error

    async def describe_configs(self, asked: list[Any]) -> list[Any]:
        return [
            SimpleNamespace(
                resources=[
                    (
                        self.codes.get(each.name, 0),
                        None,
                        2,
                        each.name,
                        [] if self.codes.get(each.name) else [("max.message.bytes", "300", 1)],
                    )
                    for each in asked
                ]
            )
        ]

    async def close(self) -> None:
        type(self).closed += 1


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> type[FakeAdmin]:
    class Admin(FakeAdmin):
        codes: ClassVar[dict[str, int]] = {}

    monkeypatch.setattr(module, "AIOKafkaAdminClient", Admin)
    return Admin


async def test_the_limits_of_all_topics_are_asked_for_at_once(admin: type[FakeAdmin]) -> None:
    read = limit_reader({"bootstrap_servers": "here:1"})
    assert await read(["scored", "dead"]) == {"scored": 300, "dead": 300}
    assert admin.closed == 1


async def test_a_topic_that_may_not_be_described_is_left_out_with_a_warning(
    admin: type[FakeAdmin], caplog: pytest.LogCaptureFixture
) -> None:
    admin.codes = {"dead": 29}
    read = limit_reader({"bootstrap_servers": "here:1"})
    assert await read(["scored", "dead"]) == {"scored": 300}
    assert "max.message.bytes of topic dead can't be read: TopicAuthorizationFailed" in caplog.text
    assert "DescribeConfigs" in caplog.text


async def test_without_a_broker_there_are_no_limits(
    admin: type[FakeAdmin], caplog: pytest.LogCaptureFixture
) -> None:
    admin.error = KafkaConnectionError("gone")
    assert await limit_reader({"bootstrap_servers": "here:1"})(["scored"]) == {}
    assert "defaults are used" in caplog.text
    assert admin.closed == 1
