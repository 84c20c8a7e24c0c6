"""Writing leads of webhooks: acknowledged, refused, away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, MessageSizeTooLargeError

from monitoring.telemetry.health import Condition, Health
from schemas.errors import StartupError
from stream.hooks import lead_producer as module
from stream.hooks.lead_producer import LeadProducer
from stream.hooks.webhook import LeadRecord
from stream.process.background_tasks import BackgroundTasks
from stream.rest.problems import Problem
from testing.kafka_client import until as until_so
from tests.unit.stream.hooks.fake_kafka import FakeLeads

RECORD = LeadRecord(b"a", b"{}", [("x-request-id", b"w")])


@asynccontextmanager
async def running(leads: FakeLeads) -> AsyncIterator[tuple[LeadProducer, Health]]:
    health = Health(0.0, conditions=[Condition.BROKER_REACHED])
    producer = LeadProducer("leads.created", 100, leads.open, health)
    tasks = BackgroundTasks()
    tasks.start(producer.run())
    try:
        yield producer, health
    finally:
        await tasks.cancel()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(module, "LONGEST_PAUSE", 0.001)


async def test_a_write_returns_when_kafka_has_the_records() -> None:
    leads = FakeLeads()
    async with running(leads) as (producer, health):
        await until_so(lambda: health.ready()[0], what="a producer")
        leads.gate.clear()
        writing = asyncio.ensure_future(producer.write([RECORD, RECORD]))
        await asyncio.sleep(0)
        assert not writing.done()
        leads.gate.set()
        await writing
    assert leads.records == [("leads.created", b"a", b"{}", [("x-request-id", b"w")])] * 2


async def test_before_kafka_answers_nothing_is_accepted() -> None:
    leads = FakeLeads()
    leads.refuses = [KafkaConnectionError(), StartupError("no such topic"), OSError("cut")]
    async with running(leads) as (producer, health):
        with pytest.raises(Problem, match="acknowledge") as raised:
            await producer.write([RECORD])
        assert raised.value.status == 503
        await until_so(lambda: health.ready()[0], what="a producer")
        await producer.write([RECORD])
    assert leads.opened == 1


async def test_after_an_error_there_is_a_new_producer() -> None:
    leads = FakeLeads()
    async with running(leads) as (producer, health):
        await until_so(lambda: health.ready()[0], what="a producer")
        leads.fails = [KafkaTimeoutError()]
        with pytest.raises(Problem) as raised:
            await producer.write([RECORD])
        assert (raised.value.status, raised.value.code) == (503, "NOT_WRITTEN")
        assert not health.ready()[0]
        await until_so(lambda: leads.opened == 2 and health.ready()[0], what="a producer")
        await producer.write([RECORD])
    assert len(leads.records) == 1


async def test_a_request_that_runs_out_of_time_gets_a_new_producer() -> None:
    leads = FakeLeads()
    async with running(leads) as (producer, health):
        await until_so(lambda: health.ready()[0], what="a producer")
        leads.gate.clear()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await producer.write([RECORD])
        await until_so(lambda: leads.opened == 2, what="a producer")
        leads.gate.set()


async def test_a_lead_that_is_too_large_is_refused_for_good() -> None:
    leads = FakeLeads()
    async with running(leads) as (producer, health):
        await until_so(lambda: health.ready()[0], what="a producer")
        large = LeadRecord(b"a", b"x" * 101, [])
        with pytest.raises(Problem, match="smaller") as raised:
            await producer.write([RECORD, large])
        assert raised.value.status == 413
        assert leads.records == []
        leads.fails = [MessageSizeTooLargeError()]
        with pytest.raises(Problem) as raised:
            await producer.write([RECORD])
        assert raised.value.status == 413
