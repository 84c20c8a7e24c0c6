"""Publishes the counts that changed, at regular times, to leads.quality."""

from __future__ import annotations

from collections.abc import Callable

from agents.outcomes.cohorts import CohortKey
from agents.quality.quality_report import QualityReport, Segment
from agents.records import Output
from monitoring.quality.counts import QualityCounts
from stream.deliver.batch_producer import Emitter
from stream.outcomes.partitions import OutcomePartitions

__all__ = ["QualityPublisher"]


class QualityPublisher:
    """Sends a report for each cohort that has changed, and for each change of the errors of scores.

    The topic is compacted by the reports' keys, so the last one of a cohort is valid. A worker that
    dies before it has sent one sends it again, as after a start all cohorts count as changed.

    Parameters
    ----------
    partitions
        The joins.
    emitter
        Sends.
    topic
        Where to.
    channels
        The topics of scores, by channel.
    is_caught_up
        Whether all that was there of a partition when it was assigned has been read: before, its
        counts are those of the past.
    now_ms
        Returns the time, in milliseconds since 1970.
    """

    def __init__(
        self,
        partitions: OutcomePartitions,
        emitter: Emitter,
        topic: str,
        *,
        channels: tuple[str, str],
        is_caught_up: Callable[[int], bool],
        now_ms: Callable[[], float],
    ) -> None:
        self._partitions = partitions
        self._emitter = emitter
        self._topic = topic
        self._channels = channels
        self._is_caught_up = is_caught_up
        self._now_ms = now_ms

    async def publish(self) -> int:
        """Send what has changed, and wait until it is delivered; return the number of reports.

        Raises
        ------
        FatalError
            It could not be delivered.
        """
        async with self._partitions.turn:  # counts and their offsets belong together
            rows = [row for number in sorted(self._partitions.joins) for row in self._rows(number)]
        for sent in await self._emitter.send(self._topic, 0, rows):
            await sent
        return len(rows)

    def _rows(self, number: int) -> list[Output]:
        if not self._is_caught_up(number):
            return []
        join = self._partitions.joins[number]
        reported_at = round(self._now_ms())
        reports = (
            QualityReport(
                *(reported_at, self._channels[key.channel], number, key.model, key.week),
                join.cohorts.counts[key],
                None if key.segment is None else Segment(*key.segment),
            )
            for key in sorted(join.take_changed(), key=_in_order)
        )
        changes = (
            QualityReport(
                *(reported_at, self._channels[key.channel], number, key.model, key.week),
                QualityCounts(),
                change=change,
            )
            for key, change in join.take_changes()
        )
        return [(report.key, report.encode(), []) for report in (*reports, *changes)]


def _in_order(key: CohortKey) -> tuple[int, int, tuple[str, ...]]:
    return key.channel, key.week, key.segment or ()
