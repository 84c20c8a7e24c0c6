"""Reports of old weeks are removed when a partition has caught up, then each hour."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from monitoring.quality.cohorts import WEEK_MS
from stream.outcomes.report_cleaner import PAUSE, ReportCleaner
from tests.unit.agents.quality.quality_reports import WEEK, report
from tests.unit.stream.fake_topics import FakeTopics


class Place:
    """A cleaner over a topic in memory, whose tombstones are written to it."""

    def __init__(self) -> None:
        self.topics = FakeTopics()
        self.now = 100.0
        self.first_weeks: dict[int, int] = {}
        self.cleaner = ReportCleaner(
            self.topics,  # type: ignore[arg-type]
            self,  # type: ignore[arg-type]
            "leads.quality",
            channels=("leads.scored", "leads.scored.shadow"),
            first_weeks=lambda: self.first_weeks,
            clock=lambda: self.now,
        )

    async def send(self, topic: str, partition: int, rows: Any) -> tuple[()]:
        for key, value, _ in rows:
            assert value is None
            self.topics.add(topic, partition, None, key=key)
        return ()

    def add(self, week: int, partition: int = 0) -> bytes:
        made = report(week=week, partition=partition)
        self.topics.add("leads.quality", 0, made.encode(), key=made.key)
        return made.key


async def test_old_reports_are_removed_once() -> None:
    place = Place()
    for week in (0, 0, 1, 2):
        place.add(week)
    assert await place.cleaner.look() == 0, "no partition has caught up"
    place.first_weeks = {0: WEEK + 2 * WEEK_MS}
    assert await place.cleaner.look() == 2
    place.add(0)
    assert await place.cleaner.look() == 0, "it looks each hour"
    place.now += PAUSE
    assert await place.cleaner.look() == 1
    place.now += PAUSE
    assert await place.cleaner.look() == 0


async def test_a_partition_that_catches_up_later_is_not_left_for_an_hour() -> None:
    place = Place()
    for partition in (0, 1):
        place.add(0, partition)
    first = WEEK + 2 * WEEK_MS
    place.first_weeks = {0: first}
    assert await place.cleaner.look() == 1
    place.first_weeks = {0: first, 1: first}
    assert await place.cleaner.look() == 1

    place.first_weeks = {0: first}  # partition 1 is revoked, and assigned again
    place.add(0, 1)
    assert await place.cleaner.look() == 0
    place.first_weeks = {0: first, 1: first}
    assert await place.cleaner.look() == 1
    assert await place.cleaner.look() == 0


async def test_a_topic_that_cannot_be_read_is_left_until_the_next_look(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place()
    place.first_weeks = {0: WEEK + 2 * WEEK_MS}
    place.add(0)
    place.topics.error = KafkaConnectionError()
    assert await place.cleaner.look() == 0
    assert "stay in leads.quality until the next look" in caplog.text
    place.topics.error = None
    place.now += PAUSE
    assert await place.cleaner.look() == 1
