"""Leads to Kafka: acknowledged before requests are answered, and bounded."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import KafkaError, OutOfOrderSequenceNumber

from monitoring.telemetry.health import Condition, Health
from schemas.errors import StartupError
from stream.rest.lead_writer import PROBE_SECONDS, LeadProducer, LeadRecord, LeadWriter
from stream.rest.lead_writer import Place as WrittenTo
from stream.rest.problems import Problem
from testing.kafka_client import until

LARGEST = 990
"""Bytes of a value; with its key and headers it is more than the topic takes."""


class Place(NamedTuple):
    partition: int
    offset: int


class FakeProducer:
    """Acknowledges each record at once, unless it is held or fails."""

    def __init__(self, error: Exception | None = None, *, is_held: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self.pending: list[asyncio.Future[Place]] = []
        self.error = error
        self.is_held = is_held
        self.is_stopped = False

    async def send(self, topic: str, **record: Any) -> asyncio.Future[Any]:
        self.sent.append({"topic": topic, **record})
        future: asyncio.Future[Place] = asyncio.get_running_loop().create_future()
        if self.error is not None:
            future.set_exception(self.error)
        elif self.is_held:
            self.pending.append(future)
        else:
            future.set_result(Place(3, len(self.sent) - 1))
        return future

    async def stop(self) -> None:
        self.is_stopped = True


@dataclass
class Stage:
    """A writer and what is around it."""

    producers: list[FakeProducer]
    reason: str | None = None
    open_error: Exception | None = None
    opened: list[FakeProducer] = field(default_factory=list)
    counts: dict[bool, int] = field(default_factory=lambda: {True: 0, False: 0})

    def __post_init__(self) -> None:
        self.health = Health(0.0, conditions=[Condition.BROKER_REACHED])
        self.writer = LeadWriter(
            "leads.created",
            self.open_producer,
            self.ask,
            most_waiting=2,
            largest=LARGEST,
            seconds=0.05,
            health=self.health,
            count=self.count,
        )

    async def ask(self) -> str | None:
        return self.reason

    async def open_producer(self) -> tuple[LeadProducer, int]:
        if self.open_error is not None:
            raise self.open_error
        self.opened.append(self.producers.pop(0))
        return self.opened[-1], 1000

    def count(self, leads: int, was_written: bool) -> None:
        self.counts[was_written] += leads

    async def write(self, count: int = 1, value: bytes = b"{}") -> list[WrittenTo]:
        headers = [("x-request-id", b"r-1")]
        leads = [LeadRecord(b"L-%d" % at, value, headers, 7) for at in range(count)]
        return await self.writer.write(leads)

    async def refusal(self, count: int = 1, value: bytes = b"{}") -> tuple[int, str]:
        with pytest.raises(Problem) as raised:
            await self.write(count, value)
        return raised.value.status, raised.value.code


async def test_leads_have_a_place_once_they_are_acknowledged() -> None:
    stage = Stage([FakeProducer()])
    await stage.writer.look()
    assert await stage.write(2) == [Place(3, 0), Place(3, 1)]
    assert stage.counts == {True: 2, False: 0}
    record = stage.opened[0].sent[0]
    assert (record["topic"], record["key"]) == ("leads.created", b"L-0")
    assert (record["value"], record["timestamp_ms"]) == (b"{}", 7)
    assert record["headers"] == [("x-request-id", b"r-1")]


async def test_before_kafka_answers_and_while_it_is_unavailable_nothing_is_sent() -> None:
    stage = Stage([FakeProducer()], reason="no route")
    assert await stage.refusal() == (503, "NOT_WRITTEN")
    await stage.writer.look()
    assert await stage.refusal() == (503, "NOT_WRITTEN")
    assert "no route" in str(stage.health.ready()[1])
    stage.reason = None
    await stage.writer.look()
    assert len(await stage.write()) == 1
    stage.reason = "no route"
    await stage.writer.look()
    assert await stage.refusal() == (503, "NOT_WRITTEN")
    assert len(stage.opened[0].sent) == 1
    assert stage.counts[False] == 3


async def test_a_lead_without_acknowledgement_is_a_503_until_kafka_answers_again() -> None:
    stage = Stage([FakeProducer(is_held=True)])
    await stage.writer.look()
    assert await stage.refusal() == (503, "NOT_WRITTEN")
    assert not stage.health.ready()[0]
    await stage.writer.look()
    assert stage.health.ready()[0]
    for pending in stage.opened[0].pending:  # a late acknowledgement is no error
        pending.set_result(Place(0, 0))


async def test_leads_that_wait_are_bounded_also_when_their_requests_have_ended() -> None:
    producer = FakeProducer(is_held=True)
    stage = Stage([producer])
    await stage.writer.look()
    assert await stage.refusal(2) == (503, "NOT_WRITTEN")
    await stage.writer.look()
    assert await stage.refusal(1) == (503, "OVERLOADED")
    assert len(producer.sent) == 2
    for pending in producer.pending:
        pending.set_result(Place(0, 0))
    await asyncio.gather(*producer.pending)
    producer.is_held = False
    assert len(await stage.write(2)) == 2


async def test_a_request_larger_than_the_bound_is_written_if_nothing_waits() -> None:
    stage = Stage([FakeProducer()])
    await stage.writer.look()
    assert len(await stage.write(5)) == 5


async def test_after_an_error_a_new_producer_writes() -> None:
    broken = FakeProducer(OutOfOrderSequenceNumber())
    stage = Stage([broken, FakeProducer()])
    await stage.writer.look()
    assert await stage.refusal(2) == (503, "NOT_WRITTEN")
    assert await stage.refusal() == (503, "NOT_WRITTEN")
    await stage.writer.look()
    assert len(await stage.write()) == 1
    assert broken.is_stopped


@pytest.mark.parametrize("size", [LARGEST + 1, LARGEST], ids=["for workers", "for the topic"])
async def test_a_lead_that_is_too_large_is_refused_before_any_is_sent(size: int) -> None:
    stage = Stage([FakeProducer()])
    await stage.writer.look()
    assert await stage.refusal(2, b"x" * size) == (413, "LEAD_TOO_LARGE")
    assert stage.opened[0].sent == []
    assert len(await stage.write()) == 1


@pytest.mark.parametrize(
    "error", [StartupError("expected the topic"), KafkaError("expected the topic")]
)
async def test_a_producer_that_cannot_be_opened_is_a_reason_and_is_tried_again(
    error: Exception,
) -> None:
    stage = Stage([FakeProducer()], open_error=error)
    await stage.writer.look()
    assert "expected the topic" in str(stage.health.ready()[1])
    stage.open_error = None
    await stage.writer.look()
    assert stage.health.ready()[0]


async def test_it_opens_a_producer_by_itself_and_stops_it_at_the_end() -> None:
    stage = Stage([FakeProducer(), FakeProducer()])
    running = asyncio.ensure_future(stage.writer.run())
    await until(lambda: stage.health.ready()[0])
    stage.opened[0].error = OutOfOrderSequenceNumber()
    assert await stage.refusal() == (503, "NOT_WRITTEN")
    await until(lambda: len(stage.opened) == 2, within=PROBE_SECONDS)  # not at the next interval
    running.cancel()
    await stage.writer.close()
    assert stage.opened[1].is_stopped
