"""The periodic probe of Kafka: one connection that is kept, and a sentence where it fails."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from stream.kafka import probe as module
from stream.kafka.probe import ANSWER_LIMIT, BrokerProbe
from testing.jumping_time import in_jumping_time


class FakeKafka:
    """Scripted results of the next starts and requests: an error, "never", or an answer."""

    def __init__(self) -> None:
        self.starts: deque[Any] = deque()
        self.answers: deque[Any] = deque()
        self.opened = self.closed = 0
        self.cause: str | None = None

    @staticmethod
    async def come_to(script: deque[Any]) -> None:
        answer = script.popleft() if script else None
        if answer == "never":
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer

    def client(self, **connection: Any) -> FakeAdmin:
        assert connection["bootstrap_servers"] == "here:1"
        return FakeAdmin(self)


class FakeAdmin:
    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    async def start(self) -> None:
        self._kafka.opened += 1
        await self._kafka.come_to(self._kafka.starts)

    async def describe_cluster(self) -> None:
        await self._kafka.come_to(self._kafka.answers)

    async def close(self) -> None:
        self._kafka.closed += 1


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> FakeKafka:
    fake = FakeKafka()

    async def unreachable(_: object) -> str | None:
        return fake.cause

    monkeypatch.setattr(module, "AIOKafkaAdminClient", fake.client)
    monkeypatch.setattr(module, "unreachable", unreachable)
    return fake


def probe() -> BrokerProbe:
    return BrokerProbe({"bootstrap_servers": "here:1"})


@in_jumping_time
async def test_one_connection_serves_all_probes(kafka: FakeKafka) -> None:
    asked = probe()
    assert [await asked.ask() for _ in range(3)] == [None] * 3
    assert (kafka.opened, kafka.closed) == (1, 0)
    await asked.close()
    await asked.close()
    assert kafka.closed == 1


@in_jumping_time
async def test_after_an_error_the_next_probe_connects_again(kafka: FakeKafka) -> None:
    kafka.answers.append(KafkaConnectionError("gone"))
    asked = probe()
    assert "Kafka at here:1 does not answer: " in str(await asked.ask())
    assert kafka.closed == 1
    assert await asked.ask() is None
    assert kafka.opened == 2


@in_jumping_time
async def test_a_known_cause_is_in_the_reason(kafka: FakeKafka) -> None:
    kafka.starts.append(KafkaConnectionError())
    kafka.cause = "nothing listens at here:1"
    assert await probe().ask() == "Kafka does not answer: nothing listens at here:1"
    assert (kafka.opened, kafka.closed) == (1, 1)


@in_jumping_time
@pytest.mark.parametrize("where", ["starts", "answers"])
async def test_a_silent_kafka_is_not_waited_for(kafka: FakeKafka, where: str) -> None:
    getattr(kafka, where).append("never")
    started = asyncio.get_running_loop().time()
    reason = await probe().ask()
    assert reason == "Kafka at here:1 does not answer: TimeoutError"
    assert asyncio.get_running_loop().time() - started == pytest.approx(ANSWER_LIMIT)
    assert kafka.opened == kafka.closed
