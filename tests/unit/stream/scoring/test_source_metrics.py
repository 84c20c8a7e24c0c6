"""The state of the source, as a scrape shows it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from monitoring.telemetry.health import Condition
from stream.scoring.source_metrics import SourceMetrics, partition_lags
from testing.fake_kafka import TOPIC
from tests.unit.stream.scoring.role import Place

AT = TopicPartition(TOPIC, 0)


async def test_before_the_source_is_started_no_partition_has_a_lag() -> None:
    place = Place()
    assert partition_lags(place.role.source) == ()


async def test_the_state_comes_from_the_parts_that_know_it() -> None:
    place = Place()
    place.role.source.assignment.start(AT)
    metrics = SourceMetrics(
        place.role.source,
        place.role.observer,
        place.role.stall_watch,
        place.role.loop_watch,
        place.health,
    )
    before = metrics.state()
    assert (before.assigned_partitions, before.last_commit_age, before.is_ready) == (1, None, False)
    assert before.longest_holds == {"wall": 0.0, "cpu": 0.0}
    place.role.observer.on_commit({AT: 5})
    for condition in Condition:
        place.health.meet(condition)
    after = metrics.state()
    assert after.is_ready
    assert after.last_commit_age is not None
    assert after.last_commit_age >= 0


def test_stuck_partitions_are_marked() -> None:
    other = TopicPartition(TOPIC, 1)
    source: Any = SimpleNamespace(
        started=False, assignment={AT: 0, other: 0}, assigned=(AT, other), in_flight_bytes=7
    )
    parts: Any = SimpleNamespace(
        committed_at=None,
        stuck=SimpleNamespace(now={other}),
        longest_holds={},
        ready=lambda: (True, {}),
    )
    state = SourceMetrics(source, parts, parts, parts, parts).state()
    assert state.stuck == {(TOPIC, 0): False, (TOPIC, 1): True}
    assert (state.in_flight_bytes, state.assigned_partitions) == (7, 2)
