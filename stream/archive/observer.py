"""Shows in metrics and health what the source of the archive does."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from aiokafka import TopicPartition

from monitoring.telemetry.archive_metrics import ArchiveMetrics
from monitoring.telemetry.health import Condition, Health
from stream.archive.partition_writer import Completed
from stream.archive.writer import ArchiveWriter
from stream.consume.lost_records import Loss
from stream.consume.partition_progress import Batch

__all__ = ["ArchiveObserver"]

log = logging.getLogger(__name__)


class ArchiveObserver:
    """Observes the source and the writer: ``stream.consume.observer.SourceObserver``.

    Parameters
    ----------
    metrics, health
        Where it is shown.
    writer
        Is called with assignments and losses.
    """

    def __init__(self, metrics: ArchiveMetrics, health: Health, writer: ArchiveWriter) -> None:
        self._metrics = metrics
        self._health = health
        self._writer = writer

    def on_fetch(self, batch: Batch) -> None:
        """Ignore a batch: records are counted when they are durable."""

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Ignore a commit: the files say what is archived."""

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Start the partitions of a new assignment."""
        self._writer.assigned(assignment)
        self._health.meet(Condition.PARTITIONS_ASSIGNED)
        log.info("partitions assigned", extra={"partitions": sorted(p for _, p in assignment)})

    def on_loss(self, loss: Loss) -> None:
        """Count records that were lost, list them in /readyz, and end the file before them."""
        where = loss.partition
        self._metrics.records_lost(where.topic, where.partition, loss.reason, loss.records)
        self._health.add_loss(time.monotonic(), loss.as_fields())
        self._writer.lost(loss)

    def on_complete(self, completed: Completed) -> None:
        """Count a file that is complete."""
        self._metrics.file_completed(completed.records, completed.bytes)
        file = completed.file
        log.info(
            "archived",
            extra={
                "file": str(file.path),
                "records": completed.records,
                "bytes": completed.bytes,
            },
        )

    def on_room(self, sentence: str | None) -> None:
        """Show that the disk is full, or that it is not any more."""
        self._metrics.waits_for_room(sentence is not None)
        if sentence is None:
            self._health.meet(Condition.ARCHIVE_HAS_ROOM)
        else:
            self._health.miss(Condition.ARCHIVE_HAS_ROOM, sentence)
