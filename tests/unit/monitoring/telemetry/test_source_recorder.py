"""Metrics of a batch source: computed on a scrape, absent for partitions that are gone."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from monitoring.telemetry.source_recorder import PartitionLag, SourceRecorder, SourceState


def test_the_state_is_read_on_each_scrape() -> None:
    registry = CollectorRegistry()
    recorder = SourceRecorder(registry)
    where = {"topic": "t", "partition": "0"}
    assert registry.get_sample_value("leadscore_ready") == 0
    lags = [PartitionLag("t", 0, 5, 1.5)]
    recorder.watch_source(lambda: SourceState(tuple(lags), len(lags), None, is_ready=True))
    assert registry.get_sample_value("leadscore_lag_records", where) == 5
    lags.clear()
    assert registry.get_sample_value("leadscore_lag_records", where) is None
    assert registry.get_sample_value("leadscore_ready") == 1


def test_records_are_counted_by_partition() -> None:
    registry = CollectorRegistry()
    recorder = SourceRecorder(registry)
    recorder.batch_consumed("t", 0, 2)
    recorder.batch_consumed("t", 0, 3)
    recorder.rebalanced()
    recorder.records_lost("t", 0, "retention", 4)
    where = {"topic": "t", "partition": "0"}
    assert registry.get_sample_value("leadscore_records_consumed_total", where) == 5
    lost = where | {"reason": "retention"}
    assert registry.get_sample_value("leadscore_lost_records_total", lost) == 4
