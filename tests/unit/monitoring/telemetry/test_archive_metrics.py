"""The metrics of the role archive are those that are declared."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from monitoring.telemetry.archive_metrics import ArchiveMetrics
from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.metrics import PartitionLag


def test_all_that_is_declared_is_shown() -> None:
    registry = CollectorRegistry()
    metrics = ArchiveMetrics(registry)
    metrics.watch_lags(lambda: [PartitionLag("leads", 3, 40, 1.5)])
    metrics.file_completed(records=10, size=2000)
    metrics.file_completed(records=5, size=1000)
    metrics.records_lost("leads", 3, "retention", 7)
    metrics.waits_for_room(True)
    where = {"topic": "leads", "partition": "3"}
    for name, labels, value in (
        ("leadscore_archived_files_total", {}, 2),
        ("leadscore_archived_records_total", {}, 15),
        ("leadscore_archived_bytes_total", {}, 3000),
        ("leadscore_archive_lost_records_total", where | {"reason": "retention"}, 7),
        ("leadscore_archive_full", {}, 1),
        ("leadscore_archive_lag_records", where, 40),
        ("leadscore_archive_lag_seconds", where, 1.5),
    ):
        assert registry.get_sample_value(name, labels) == value
    shown = generate_latest(registry).decode()
    for metric in DECLARATIONS:
        assert (metric.name in shown) == (metric.shown_by == "archive"), metric.name
