"""The life cycle of the role archive, and the watch over its progress."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from mode import Service

from monitoring.telemetry.health import Condition, Health
from stream.archive.writer import ArchiveWriter
from stream.consume.batch_source import BatchSource
from stream.consume.stalls import stall_of
from stream.monitor import STALL_LIMIT
from stream.process.background_tasks import Crash

__all__ = ["ArchiveService", "ArchiveWatch"]

LOOK = 1.0
"""Seconds between two looks at the source, and at the ages of files."""
COMPLETE_LIMIT = 4.0
"""Seconds of a stop in which the open files are completed; what is not by then is read again."""


class ArchiveService(Service):
    """A service that starts the source, and completes the open files before it stops.

    Parameters
    ----------
    source
        Reads leads.
    writer
        Writes them.
    crash
        Called with an unrecoverable error.
    """

    def __init__(self, source: BatchSource, writer: ArchiveWriter, crash: Crash) -> None:
        super().__init__()
        self._source = source
        self._writer = writer
        self._end_worker = crash

    @Service.task
    async def _run(self) -> None:
        try:
            await self._source.start()
            while not self.should_stop:
                await self.sleep(LOOK)
                await self._writer.roll()
        except Exception as error:
            await self._end_worker(error)

    async def on_stop(self) -> None:
        """Complete the open files, commit, leave the group, release the folders."""
        if self._source.started:
            with suppress(TimeoutError):
                async with asyncio.timeout(COMPLETE_LIMIT):
                    await self._writer.complete()
            await self._source.stop()
        await self._writer.stop()


class ArchiveWatch(Service):
    """A service that shows the progress in health, and crashes a stalled worker.

    Parameters
    ----------
    source, writer
        Are watched, once the source is started.
    health
        Where it is shown.
    crash
        Ends the worker, so that its supervisor starts a new one.
    """

    def __init__(
        self, source: BatchSource, writer: ArchiveWriter, health: Health, crash: Crash
    ) -> None:
        super().__init__()
        self._source = source
        self._writer = writer
        self._health = health
        self._end_worker = crash

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            if self._source.started:
                await self.look()
            await self.sleep(LOOK)

    async def look(self) -> None:
        """Look once."""
        source, health = self._source, self._health
        # A full disk is no stall: a restart would not help.
        has_work = not self._writer.is_waiting and self._has_unread()
        health.source_seen(time.monotonic(), finished=self._writer.taken, has_work=has_work)
        stall = stall_of(
            source, STALL_LIMIT, is_broker_reached=health.meets(Condition.BROKER_REACHED)
        )
        if stall is not None and not self._writer.is_waiting:
            await self._end_worker(stall)

    def _has_unread(self) -> bool:
        for partition, progress in self._source.assignment.items():
            end, read = self._source.end_offset(partition), progress.end
            if end is not None and read is not None and read < end:
                return True
        return False
