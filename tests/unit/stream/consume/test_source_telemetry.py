"""The part of an observer that all roles share: metrics, health, and the time of the commit."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.source_recorder import SourceRecorder
from stream.consume.lost_records import Loss, LossReason
from stream.consume.partition_progress import Batch
from stream.consume.source_telemetry import SourceTelemetry
from stream.fetch.raw_records import RawRecord
from stream.kafka.record_clock import RecordClock

AT = TopicPartition("leads", 1)


def test_events_of_a_source_are_in_metrics_health_and_log(caplog: pytest.LogCaptureFixture) -> None:
    registry, health = CollectorRegistry(), Health(0.0, conditions=[Condition.PARTITIONS_ASSIGNED])
    observer = SourceTelemetry(SourceRecorder(registry), health, RecordClock())
    with caplog.at_level("INFO"):
        observer.on_rebalance(frozenset({TopicPartition("leads", 3), AT}))
    observer.on_fetch(Batch(AT, [RawRecord(1, n, 1000, None, b"x", ()) for n in (4, 5)]))
    observer.on_loss(Loss(AT, 6, 9, LossReason.RETENTION))
    where = {"topic": "leads", "partition": "1"}
    assert registry.get_sample_value("leadscore_rebalances_total") == 1
    assert registry.get_sample_value("leadscore_records_consumed_total", where) == 2
    lost = where | {"reason": "retention"}
    assert registry.get_sample_value("leadscore_lost_records_total", lost) == 3
    assert health.ready()[0]
    assert len(health.losses(0.0)) == 1
    assert caplog.records[-1].partitions == [1, 3]  # type: ignore[attr-defined]


def test_the_first_assignment_counts_as_a_commit_and_later_ones_do_not() -> None:
    """Without it a worker that waits for its first lead would look stuck."""
    observer = SourceTelemetry(SourceRecorder(CollectorRegistry()), Health(0.0), RecordClock())
    assert observer.committed_at is None
    observer.on_rebalance(frozenset())
    first = observer.committed_at
    assert first is not None
    observer.on_rebalance(frozenset())
    assert observer.committed_at == first
    observer.on_commit({AT: 5})
    assert observer.committed_at > first
