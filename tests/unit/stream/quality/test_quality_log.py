"""Reports as they are read from topics in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from monitoring.drift.diagnosis import Diagnosis
from schemas.errors import StartupError
from stream.quality import quality_log
from stream.quality.quality_log import QualityLog, leads_diagnosis
from stream.settings import Settings
from tests.unit.agents.quality.quality_reports import MODEL, report
from tests.unit.stream.drift.drift_made import alarm
from tests.unit.stream.drift.drift_made import report as drift_report
from tests.unit.stream.fake_topics import FakeTopics

SETTINGS = Settings(model="leads")


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> FakeTopics:
    topics = FakeTopics()

    async def partition_counts(*_: object) -> dict[str, int]:
        return dict.fromkeys({at.topic for at in topics.logs}, 1)

    monkeypatch.setattr(quality_log, "LogReader", lambda *_: topics)
    monkeypatch.setattr(quality_log, "partition_counts", partition_counts)
    return topics


def add(topics: FakeTopics, **given: Any) -> None:
    made = report(**given)
    topics.add("leads.quality", 0, made.encode(), key=made.key)


async def test_a_second_read_continues_where_the_first_one_ended(topics: FakeTopics) -> None:
    log = QualityLog(SETTINGS, "leads.scored")
    add(topics, leads=10)
    await log.read()
    add(topics, leads=30)
    add(topics, leads=5, partition=1)
    await log.read()
    assert log.reported.counts(MODEL).leads == 35
    assert topics.reads == [("leads.quality", 0, 0, 1), ("leads.quality", 0, 1, 3)]


async def test_tombstones_remove_reports_and_invalid_records_are_skipped(
    topics: FakeTopics, caplog: pytest.LogCaptureFixture
) -> None:
    add(topics, leads=10)
    topics.add("leads.quality", 0, b"no report")
    add(topics, leads=20, partition=1)
    topics.add("leads.quality", 0, None, key=report().key)
    log = QualityLog(SETTINGS, "leads.scored")
    await log.read()
    assert log.reported.counts(MODEL).leads == 20
    assert "ignored the invalid record at offset 1 of leads.quality" in caplog.text


async def test_a_topic_that_was_created_again_is_read_from_its_start(topics: FakeTopics) -> None:
    log = QualityLog(SETTINGS, "leads.scored")
    add(topics, leads=10)
    add(topics, leads=10, partition=1)
    await log.read()
    topics.logs.clear()
    add(topics, leads=7, partition=2)
    await log.read()
    assert log.reported.counts(MODEL).leads == 7


async def test_a_topic_that_is_missing_is_named_with_what_to_do(topics: FakeTopics) -> None:
    with pytest.raises(StartupError, match=r"expected the topic leads.quality, .* topics create"):
        await QualityLog(SETTINGS, "leads.scored").read()


@pytest.mark.parametrize("what", ["quality", "drift"])
async def test_a_broker_that_disappears_is_named(
    topics: FakeTopics, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(topics)
    topics.add("leads.drift", 0, drift_report().encode())

    @asynccontextmanager
    async def broken(**_: Any) -> AsyncGenerator[None, None]:
        raise KafkaConnectionError("gone")
        yield

    monkeypatch.setattr(topics, "open", broken)
    log = QualityLog(SETTINGS, "leads.scored")
    with pytest.raises(StartupError, match=f"expected to read leads.{what} from Kafka at"):
        await (log.read() if what == "quality" else leads_diagnosis(SETTINGS))


async def test_the_diagnosis_of_the_leads_is_that_of_the_longest_horizon(
    topics: FakeTopics,
) -> None:
    topics.add("leads.drift", 0, drift_report().encode())
    topics.add("leads.drift", 0, alarm("age").encode())
    horizons = drift_report().horizons
    assert await leads_diagnosis(SETTINGS) is horizons[-1].diagnosis


async def test_horizons_with_too_few_leads_say_nothing_of_them(topics: FakeTopics) -> None:
    made = drift_report()
    few = tuple(replace(part, diagnosis=Diagnosis.TOO_FEW) for part in made.horizons)
    topics.add("leads.drift", 0, replace(made, horizons=few).encode())
    assert await leads_diagnosis(SETTINGS) is None


async def test_without_reports_or_a_topic_there_is_no_diagnosis(topics: FakeTopics) -> None:
    assert await leads_diagnosis(SETTINGS) is None
    topics.add("leads.drift", 0, b"no report")
    assert await leads_diagnosis(SETTINGS) is None
