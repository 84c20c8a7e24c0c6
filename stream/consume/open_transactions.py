"""Report partitions that wait for the end of a producer's transaction. No Kafka, no clock.

A reader of committed records stops at the first open transaction. A producer that hangs holds all
records behind it back, for ``transaction.timeout.ms`` at most if the broker knows the transaction.
They are no lag, as nobody can read them yet: without a log line nothing would show the wait.
"""

from __future__ import annotations

import logging

from aiokafka import TopicPartition

__all__ = ["OpenTransactions"]

log = logging.getLogger(__name__)

REPORT_AFTER = 60.0
"""Seconds; longer than a transaction of a producer that is well."""


class OpenTransactions:
    """Reports transactions that stay open."""

    def __init__(self) -> None:
        self._since: dict[TopicPartition, tuple[int, float]] = {}
        self._reported: set[TopicPartition] = set()

    def look(
        self, partition: TopicPartition, stable: int | None, end: int | None, time: float
    ) -> None:
        """Look at a partition at regular times; log once if it waits, and once it continues.

        Parameters
        ----------
        partition
            The partition.
        stable
            The last stable offset as of the last fetch; -1 where uncommitted records are read.
        end
            Offset after the last record of the log, as of the last fetch.
        time
            Seconds of a monotonic clock.
        """
        if stable is None or end is None or not 0 <= stable < end:
            self._ended(partition)
            return
        offset, since = self._since.get(partition, (stable, time))
        if offset != stable:
            self._ended(partition)
            since = time
        self._since[partition] = stable, since
        if time - since >= REPORT_AFTER and partition not in self._reported:
            self._reported.add(partition)
            log.warning(
                "%s/%d: %d offsets from %d on wait for a transaction that has been open for %.0f s:"
                " end the producer that hangs, or abort the transaction with kafka-transactions.sh"
                " (docs/operations.md#transactions-of-senders)",
                *(partition.topic, partition.partition, end - stable, stable, time - since),
            )

    def keep(self, partitions: frozenset[TopicPartition]) -> None:
        """Forget all partitions but these."""
        for partition in self._since.keys() - partitions:
            del self._since[partition]
            self._reported.discard(partition)

    def _ended(self, partition: TopicPartition) -> None:
        self._since.pop(partition, None)
        if partition in self._reported:
            self._reported.discard(partition)
            log.info("%s/%d: the open transaction has ended", partition.topic, partition.partition)
