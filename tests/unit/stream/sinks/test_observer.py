"""The observer of a sink's source: metrics, health, and the runner, which a rebalance wakes."""

from __future__ import annotations

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.sink_metrics import SinkMetrics
from stream.consume.lost_records import Loss, LossReason
from stream.kafka.record_clock import RecordClock
from stream.sinks.observer import SinkObserver
from tests.unit.stream.sinks.fake_sink import AT, batch_of, record_of


def test_fetches_commits_rebalances_and_losses_are_counted() -> None:
    registry, rebalances = CollectorRegistry(), list[str]()
    health = Health(0.0, conditions=[Condition.PARTITIONS_ASSIGNED])
    observer = SinkObserver(
        SinkMetrics(registry, name="n", kind="jsonl", content="scores"),
        health,
        RecordClock(),
        lambda: rebalances.append("rebalanced"),
    )
    assert observer.committed_at is None
    observer.on_rebalance(frozenset({TopicPartition("leads.scored", 0)}))
    observer.on_fetch(batch_of(record_of(0), record_of(1)))
    observer.on_commit({AT: 2})
    observer.on_loss(Loss(AT, 2, 5, LossReason.RETENTION))
    where = {"topic": "leads.scored", "partition": "0"}
    assert registry.get_sample_value("leadscore_records_consumed_total", where) == 2
    assert registry.get_sample_value("leadscore_rebalances_total") == 1
    lost = registry.get_sample_value(
        "leadscore_lost_records_total", where | {"reason": "retention"}
    )
    assert lost == 3
    assert health.ready()[0]
    assert len(health.losses(0.0)) == 1
    assert rebalances == ["rebalanced"]
    assert observer.committed_at is not None
