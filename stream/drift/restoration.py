"""Restores the state of the drift role from Kafka when its partition is assigned.

Open windows come from the table. Closed windows come from their reports, and what the detectors
have seen from the latest partials: neither is in the table. Where the table is damaged, all
partials below the committed offset are counted again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence

from aiokafka import TopicPartition

from agents.drift_watch import DriftWatch
from agents.drift_windows import Watermark
from agents.watched_model import WatchOptions
from stream.drift.records import DriftRecords
from stream.drift.watched_models import WatchedModels
from stream.drift.window_table import DriftTable, Windows, damaged_keys
from stream.kafka.committed_offsets import CommittedReader
from stream.kafka.log_reader import LogReader
from stream.settings import Settings

__all__ = ["Restoration"]

log = logging.getLogger(__name__)

REPLAYED_REPORTS = 2000
REPLAYED_PARTIALS = 2000
"""Latest records that are replayed at start-up: reports of closed windows, and the samples of the
detectors. The horizon `longer` starts within them: it needs 1,000 leads, and every reported window
has at least one."""
REHEARSED_AT_ONCE = 50
"""Partials replayed before yielding to the event loop: up to 256 leads of each go to the
detectors."""


class Restoration:
    """Reads the table and the drift topics, and makes the watch that continues from there.

    Parameters
    ----------
    settings
        Topics, and how drift is measured.
    reader
        Reads the drift topics.
    read_committed
        Fetches the commit of the partition of partials.
    models
        Finds the models of counted leads.
    records
        Decodes what is read.
    """

    def __init__(
        self,
        settings: Settings,
        reader: LogReader,
        read_committed: CommittedReader,
        models: WatchedModels,
        records: DriftRecords,
    ) -> None:
        self._settings = settings
        self._partials = TopicPartition(settings.leads_drift_partials, 0)
        self._reports = TopicPartition(settings.leads_drift, 0)
        self._reader = reader
        self._read_committed = read_committed
        self._models = models
        self._records = records

    def windows_of(self, table: DriftTable) -> Windows:
        """Return the windows of the table; logs its entries that are none."""
        damaged = damaged_keys(table)
        for key in damaged:
            log.error(
                "expected a window under each key of the table's changelog %s, but key %r has none:"
                " it is removed, and its leads are counted again from %s",
                *(table.changelog_topic_name, key, self._partials.topic),
            )
        return Windows(table, damaged)

    async def restore(self, windows: Windows) -> DriftWatch:
        """Return a watch in the state in which the previous owner committed last."""
        settings, now = self._settings, time.monotonic()
        watch = DriftWatch(
            windows,
            self._models.find,
            Watermark(idle_after=settings.drift_idle_seconds, started_at=now),
            WatchOptions(
                horizons=settings.drift_horizons,
                lateness_ms=round(settings.drift_lateness_seconds * 1000),
                open_windows=settings.drift_open_windows,
                stretch=settings.drift_stretch,
            ),
        )
        wall_ms = round(time.time() * 1000)
        longest = max(settings.drift_horizons) * settings.drift_window_ms
        reports = await self._reader.last(
            self._reports,
            REPLAYED_REPORTS,
            since_ms=wall_ms - longest - settings.drift_season_ms,
        )
        watch.restore(self._records.reports(record.value for record in reports))
        commit = await self._read_committed(self._partials)
        if commit is not None:
            await self._replay(watch, windows, commit.offset, wall_ms, now)
        log.info(
            "monitoring drift",
            extra={"open_windows": watch.open_windows, "reports": len(reports)},
        )
        return watch

    async def _replay(
        self, watch: DriftWatch, windows: Windows, committed: int, wall_ms: int, now: float
    ) -> None:
        if windows.is_damaged:
            async for records in self._reader.read(self._partials, 0, committed):
                await self._rehearse(watch, [record.value for record in records], now)
            return
        settings = self._settings
        span = settings.drift_window_seconds + settings.drift_lateness_seconds
        latest = await self._reader.last(
            self._partials,
            REPLAYED_PARTIALS,
            before=committed,
            since_ms=wall_ms - round((2 * span + settings.drift_idle_seconds) * 1000),
        )
        await self._rehearse(watch, [record.value for record in latest], now)

    async def _rehearse(
        self, watch: DriftWatch, values: Sequence[bytes | None], now: float
    ) -> None:
        for some in _in_parts(values, REHEARSED_AT_ONCE):
            watch.rehearse(self._records.partials(some), now)
            await asyncio.sleep(0)


def _in_parts(values: Sequence[bytes | None], size: int) -> Iterator[Sequence[bytes | None]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
