"""Up to which time the records of a partition were read."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from agents.outcomes.arrivals import ScoredLead
from schemas.model_identity import ModelIdentity
from stream.outcomes.overdue_publisher import GRACE_MS
from stream.outcomes.partitions import OutcomePartitions
from stream.outcomes.timer_clock import ReadTimes
from tests.unit.stream.outcomes.outcome_stage import SCORED, OutcomeStage

AT = 1_760_000_000_000
LATER = AT + 120_000
MODEL = ModelIdentity("leads", "3", "ab" * 32)


class Place:
    """A partition with a hot lead, and logs that are read up to some offset."""

    def __init__(self, partitions: OutcomePartitions, *, has_clock: bool = True) -> None:
        self.is_caught_up = True
        self.asked: list[Any] = []
        self.end = 1
        self.progress = SimpleNamespace(done_offset=1)
        source: Any = SimpleNamespace(topic=SCORED.topic, assignment={SCORED: self.progress})
        self.source = source
        self.times = ReadTimes(
            partitions,
            source,
            is_caught_up=lambda _: self.is_caught_up,
            read_to_end=self._read_to_end,
            end_of=self._end_of,
            now_ms=(lambda: LATER) if has_clock else None,
        )

    async def _read_to_end(self) -> None:
        self.asked.append("outcomes")

    async def _end_of(self, at: TopicPartition) -> int:
        self.asked.append(at)
        return self.end


async def opened(folder: Path, *, hot_minutes: float = 1.0) -> OutcomePartitions:
    partitions = OutcomeStage(folder).partitions(hot_minutes=hot_minutes)
    await partitions.start_of(SCORED, None)
    score = ScoredLead(b"L-1", AT, 0, 0.9, "High", MODEL, created=AT)
    partitions.joins[0].add_scores(0, [score], 0, 1)
    return partitions


async def test_the_clock_counts_when_both_logs_were_read_to_their_end_after_it(
    tmp_path: Path,
) -> None:
    place = Place(await opened(tmp_path))
    assert await place.times.read_until(0) == LATER - GRACE_MS
    assert place.asked == [SCORED, "outcomes"]
    assert place.times.now(0) == LATER


async def test_without_that_the_latest_score_counts(tmp_path: Path) -> None:
    place = Place(await opened(tmp_path))
    place.end = 2
    assert await place.times.read_until(0) == AT - GRACE_MS
    place.progress.done_offset = None
    assert await place.times.read_until(0) == AT - GRACE_MS
    place.source.assignment = {}  # a rebalance
    assert await place.times.read_until(0) == AT - GRACE_MS


async def test_nothing_is_known_of_a_partition_that_has_not_caught_up(tmp_path: Path) -> None:
    place = Place(await opened(tmp_path))
    place.is_caught_up = False
    assert await place.times.read_until(0) is None
    assert place.asked == []


async def test_kafka_is_not_asked_while_nothing_is_due(tmp_path: Path) -> None:
    partitions = await opened(tmp_path, hot_minutes=3.0)
    timers = partitions.joins[0].timers
    assert timers is not None
    timers.decide(AT)  # the first look finds when something is due
    place = Place(partitions)
    assert await place.times.read_until(0) == AT - GRACE_MS
    assert place.asked == []


async def test_leads_of_the_past_have_their_own_time(tmp_path: Path) -> None:
    place = Place(await opened(tmp_path), has_clock=False)
    assert await place.times.read_until(0) == AT - GRACE_MS
    assert place.times.now(0) == AT
    assert place.times.now(1) == 0
