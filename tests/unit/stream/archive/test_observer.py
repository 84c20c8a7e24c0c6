"""Metrics and health of the role archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from monitoring.telemetry.archive_metrics import ArchiveMetrics
from monitoring.telemetry.health import Condition, Health
from stream.archive.files import ArchiveFile
from stream.archive.observer import ArchiveObserver
from stream.archive.partition_writer import Completed
from stream.consume.lost_records import Loss, LossReason
from stream.topology import ROLES

AT = TopicPartition("leads", 0)


class FakeWriter:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def assigned(self, partitions: Any) -> None:
        self.calls.append(partitions)

    def lost(self, loss: Loss) -> None:
        self.calls.append(loss)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def observer_of(
    registry: CollectorRegistry,
) -> tuple[ArchiveObserver, Health, FakeWriter]:
    health, writer = Health(0.0, conditions=ROLES["archive"].ready), FakeWriter()
    made: Any = writer
    return ArchiveObserver(ArchiveMetrics(registry), health, made), health, writer


def test_a_worker_is_ready_with_partitions_and_room_on_the_disk(
    registry: CollectorRegistry,
) -> None:
    observer, health, writer = observer_of(registry)
    assert not health.ready()[0]
    observer.on_rebalance(frozenset([AT]))
    assert writer.calls == [frozenset([AT])]
    assert health.ready()[0]
    observer.on_room("the disk is full")
    assert not health.ready()[0]
    assert not health.meets(Condition.ARCHIVE_HAS_ROOM)
    assert registry.get_sample_value("leadscore_archive_full") == 1
    observer.on_room(None)
    assert health.ready()[0]
    assert registry.get_sample_value("leadscore_archive_full") == 0


def test_a_loss_is_counted_listed_and_ends_the_file_before_it(
    registry: CollectorRegistry,
) -> None:
    observer, health, writer = observer_of(registry)
    loss = Loss(AT, 5, 25, LossReason.RETENTION)
    observer.on_loss(loss)
    assert writer.calls == [loss]
    assert len(health.losses(1e9)) == 0, "it is old by then"
    labels = {"topic": "leads", "partition": "0", "reason": "retention"}
    assert registry.get_sample_value("leadscore_archive_lost_records_total", labels) == 20


def test_a_complete_file_is_counted(registry: CollectorRegistry, tmp_path: Path) -> None:
    observer, _, _ = observer_of(registry)
    observer.on_complete(Completed(ArchiveFile.of(tmp_path, 0, 9), records=7, bytes=300))
    assert registry.get_sample_value("leadscore_archived_records_total") == 7
    assert registry.get_sample_value("leadscore_archived_bytes_total") == 300
