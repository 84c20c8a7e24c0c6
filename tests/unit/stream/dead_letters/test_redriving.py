"""Wiring of a re-drive: its plan, its transactional id, and what ends it before it begins."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from schemas.errors import FatalError, StartupError
from stream.dead_letters import redriving as module
from stream.dead_letters.account import Account, LeftReason
from stream.dead_letters.dead_letter_log import Span
from stream.dead_letters.ledger import Ledger, Plan
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.redriving import open_sources, plan_redrive, redrive, try_plan
from stream.dead_letters.selection import Selection
from stream.dead_letters.source_retention import SourceRetention
from stream.fetch.raw_records import RawRecord
from stream.kafka.access import Use
from stream.settings import Settings
from testing.dead_letters import dead_letter

SETTINGS = Settings(group_id="workers", max_attempts=7)
PLAN = Plan(
    redrive="r1",
    at_ms=0,
    topic="leads.created.dlq",
    selection=Selection(),
    max_attempts=7,
    spans={},
)


@dataclass
class FakeRedrive:
    """A re-drive that does nothing."""

    options: Mapping[str, Any] = field(default_factory=dict)
    started: list[Plan] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)

    async def start(self, plan: Plan) -> Account:
        self.started.append(plan)
        return Account()

    async def resume(self, redrive_id: str) -> Account:
        self.resumed.append(redrive_id)
        return Account()


class FakeReader:
    """Opens no connection."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


@dataclass
class FakeCluster:
    """A cluster by its topics, and what was wired on it."""

    counts: dict[str, int] = field(
        default_factory=lambda: {"leads.created": 2, "leads.redrives": 1, "leads.created.dlq": 2}
    )
    uses: list[Use] = field(default_factory=list)
    run: FakeRedrive = field(default_factory=FakeRedrive)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    cluster = FakeCluster()

    async def counts(settings: Settings, use: Use) -> dict[str, int]:
        cluster.uses.append(use)
        return cluster.counts

    async def no_limits(topics: Any) -> dict[str, int]:
        return {}

    def make(topics: Any, **options: Any) -> FakeRedrive:
        cluster.run.options = {"topics": topics, **options}
        return cluster.run

    async def retention(settings: Settings, now_ms: int) -> SourceRetention:
        return SourceRetention(settings.leads_created, None, now_ms)

    monkeypatch.setattr(module, "read_source_retention", retention)
    monkeypatch.setattr(module, "partition_counts", counts)
    monkeypatch.setattr(module, "limit_reader", lambda connection: no_limits)
    monkeypatch.setattr(module, "RawBatchReader", lambda *_, **__: FakeReader())
    monkeypatch.setattr(module, "Redrive", make)
    return cluster


class FakeLog:
    """Letters whose ends are known."""

    topic = "leads.created.dlq"

    def __init__(self) -> None:
        self.since_ms: int | None = None

    async def spans(self, use: Use, *, since_ms: int | None = None) -> Mapping[int, Span]:
        self.since_ms = since_ms
        return {0: Span(3, 9), 1: Span(0, 0)}


async def plan(log: FakeLog, **given: Any) -> Plan:
    options = {"limit": None, "max_attempts": None, "is_again": False} | given
    made: Any = log
    return await plan_redrive(SETTINGS, made, Selection(since_ms=500), **options)


async def test_a_plan_has_the_ends_of_now_an_id_by_time_and_the_attempts_of_the_settings(
    cluster: FakeCluster,
) -> None:
    log, before = FakeLog(), int(time.time() * 1000)
    made = await plan(log)
    assert made.spans == {0: (3, 9), 1: (0, 0)}
    assert re.fullmatch(r"\d{8}T\d{6}-[0-9a-f]{6}", made.redrive)
    assert before <= made.at_ms <= time.time() * 1000
    assert (made.topic, made.max_attempts, made.limit) == (log.topic, 7, None)
    assert log.since_ms == 500, "letters before it are not read"
    given = await plan(log, max_attempts=2, limit=5, is_again=True)
    assert (given.max_attempts, given.limit, given.is_again) == (2, 5, True)
    assert given.redrive != made.redrive


@pytest.mark.parametrize("missing", ["leads.created", "leads.redrives"])
async def test_without_the_source_or_the_ledger_there_is_no_plan(
    cluster: FakeCluster, missing: str
) -> None:
    del cluster.counts[missing]
    with pytest.raises(StartupError, match=f"expected the topic {missing}.*topics create"):
        await plan(FakeLog())


async def run(plan: Plan | str) -> None:
    log: Any = FakeLog()
    await redrive(SETTINGS, log, plan, stop=asyncio.Event(), on_progress=lambda account: None)


async def test_two_redrives_of_a_topic_have_the_same_transactional_id_and_fence_each_other(
    cluster: FakeCluster,
) -> None:
    names = []
    for given in (PLAN, "r0"):
        await run(given)
        names.append(cluster.run.options["transactions"].name)
    assert names == ["workers/leads.created.dlq/redrive"] * 2
    assert (cluster.run.started, cluster.run.resumed) == ([PLAN], ["r0"])


async def test_every_partition_that_it_writes_to_must_be_there(cluster: FakeCluster) -> None:
    await run(PLAN)
    assert cluster.run.options["transactions"]._expected == [
        TopicPartition("leads.created", 0),
        TopicPartition("leads.created", 1),
        TopicPartition("leads.redrives", 0),
    ]
    assert set(cluster.uses) == {Use.REDRIVE}


async def test_without_its_topics_nothing_is_sent(cluster: FakeCluster) -> None:
    del cluster.counts["leads.redrives"]
    with pytest.raises(StartupError, match=r"leads\.redrives"):
        await run(PLAN)
    assert cluster.run.started == []


async def test_letters_of_a_source_topic_that_is_gone_are_foreign(cluster: FakeCluster) -> None:
    del cluster.counts["leads.created"]
    made = dead_letter(b"x", partition=0)
    letter = DeadLetter.from_record(RawRecord(0, 0, 0, made.key, made.value, made.headers))
    assert letter is not None
    async with open_sources(SETTINGS) as sources:
        assert await sources.restore(letter) is LeftReason.FOREIGN


async def test_a_ledger_that_cannot_be_read_ends_a_trial_with_the_answer(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(settings: Settings) -> Ledger:
        raise TopicAuthorizationFailedError("leads.redrives")

    monkeypatch.setattr(module, "read_ledger", refuse)
    log: Any = FakeLog()
    with pytest.raises(FatalError, match=r"leads\.redrives, but Kafka answered.*may read"):
        await try_plan(SETTINGS, PLAN, log)
