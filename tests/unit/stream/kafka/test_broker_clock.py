"""Kafka's clock: the latest time in the controller's answer, or unknown."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError

from stream.kafka import broker_clock as module
from stream.kafka.broker_clock import METADATA_LOG, DescribeQuorumRequest, clock_reader

REFUSED = 31
"""CLUSTER_AUTHORIZATION_FAILED."""


def replica(number: int, fetched_ms: int, caught_up_ms: int) -> tuple[Any, ...]:
    return (number, 500, fetched_ms, caught_up_ms, {})


def answer(*voters: Any, observers: Any = (), error_code: int = 0) -> Any:
    partition: Any = (0, 0, 1, 7, 500, voters, observers, {})
    return SimpleNamespace(
        error_code=error_code, topics=[(METADATA_LOG, [partition], {})], brokers=[]
    )


class FakeAdmin:
    """Answers one request, or does not connect."""

    result: Any = None
    is_open = False
    asked: ClassVar[list[Any]] = []

    def __init__(self, **connection: Any) -> None:
        assert connection == {"bootstrap_servers": "here:1"}

    async def start(self) -> None:
        type(self).is_open = True
        if isinstance(self.result, Exception):
            raise self.result

    async def _send_request(self, request: Any) -> Any:
        self.asked.append(request)
        return self.result

    async def close(self) -> None:
        type(self).is_open = False


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> type[FakeAdmin]:
    class Admin(FakeAdmin):
        asked: ClassVar[list[Any]] = []

    monkeypatch.setattr(module, "AIOKafkaAdminClient", Admin)
    return Admin


async def read() -> float | None:
    return await clock_reader({"bootstrap_servers": "here:1"})()


async def test_the_leaders_own_time_is_the_latest_of_the_answer(admin: type[FakeAdmin]) -> None:
    admin.result = answer(
        replica(1, 1_700_000_005_000, 1_700_000_005_000),
        replica(2, 1_700_000_004_100, -1),
        observers=(replica(3, 1_700_000_003_000, 1_700_000_001_000),),
    )
    assert await read() == pytest.approx(1_700_000_005, abs=1)
    assert not admin.is_open
    assert [type(request) for request in admin.asked] == [DescribeQuorumRequest]


@pytest.mark.parametrize(
    "result",
    [
        answer(replica(1, 1_700_000_005_000, -1), error_code=REFUSED),
        answer(replica(1, -1, -1)),
        answer(),
        KafkaConnectionError("nothing listens"),
        NotImplementedError("no such request"),
    ],
    ids=["refused", "no times", "no replicas", "no Kafka", "an older Kafka"],
)
async def test_without_an_answer_the_time_is_unknown(admin: type[FakeAdmin], result: Any) -> None:
    admin.result = result
    assert await read() is None
    assert not admin.is_open


def test_the_request_asks_for_the_metadata_log() -> None:
    built: list[Any] = []

    def struct(topics: Any, tags: Any) -> Any:
        built.append((topics, tags))
        return built

    DescribeQuorumRequest().build(struct)  # type: ignore[arg-type]
    assert built == [([(METADATA_LOG, [(0, {})], {})], {})]
