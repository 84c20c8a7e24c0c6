"""Outcomes in other partitions than their leads are reported once, and shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.outcomes.partitioning import HASHES
from stream.outcomes.placement_watch import PlacementWatch
from tests.unit.stream.outcomes.outcome_stage import OUTCOMES, SCORED, SHADOW, OutcomeStage
from tests.unit.stream.sinks.fake_sink import FakeRecord

METRIC = "leadscore_outcomes_misplaced"


def see(watch: PlacementWatch, topic: str, rule: str) -> None:
    for number in range(100):
        key = b"lead-%d" % number
        at = SCORED._replace(topic=topic, partition=HASHES[rule](key) % 4)
        watch.see(at, [FakeRecord(at.partition, number, 0, key, b"")])


def test_outcomes_by_another_partitioner_are_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    stage = OutcomeStage(tmp_path)
    watch = PlacementWatch("leads.created", SCORED.topic, OUTCOMES.topic, stage.metrics)
    watch.start({SCORED.topic: 4, OUTCOMES.topic: 4, SHADOW.topic: 4})
    watch.look()
    assert stage.value(METRIC) == 0
    see(watch, SCORED.topic, "murmur2")
    see(watch, SHADOW.topic, "CRC-32")  # nobody compares it
    watch.look()
    assert stage.value(METRIC) == 0
    see(watch, OUTCOMES.topic, "CRC-32")
    for _ in range(2):
        watch.look()
    assert stage.value(METRIC) == 1
    [line] = caplog.messages
    assert "partitioner=murmur2_random" in line
