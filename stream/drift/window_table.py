"""The table `drift_windows`: a Faust table that tells when its changelog is written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterable, Mapping
from typing import Any

import faust

from agents.drift_windows import WindowCounts, WindowKey
from stream.kafka.record_clock import RecordClock

__all__ = ["DriftTable", "Windows", "all_sent", "damaged_keys"]

PARTITION = 0
WRITTEN_WITHIN = 30.0
"""Seconds."""


class DriftTable(faust.Table):
    """A table of one partition, whose writes to the changelog can be awaited.

    Faust's own forget about them: a commit could overtake what it rests on.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._writes: list[Any] = []
        self.clock = RecordClock()

    def partition_for_key(self, key: Any) -> int:
        """All windows are in the one partition; Faust would ask the event at hand."""
        return PARTITION

    def send_changelog(
        self,
        partition: int | None,
        key: Any,
        value: Any,
        key_serializer: Any = None,
        value_serializer: Any = None,
    ) -> Any:
        """Send a change, and remember that it is on its way.

        As Faust does, but with the time stamp of ``clock``: Faust gives none, and Kafka refuses
        that of a machine whose clock is ahead.
        """
        write = self.changelog_topic.send_soon(
            key=key,
            value=value,
            partition=partition,
            timestamp=self.clock.now(),
            key_serializer=key_serializer or self.key_serializer,
            value_serializer=value_serializer or self.value_serializer,
            callback=self._on_changelog_sent,
            eager_partitioning=True,
        )
        self._writes.append(write)
        return write

    async def written(self) -> None:
        """Wait until every change so far is in the changelog.

        Raises
        ------
        TimeoutError
            It was not in time.
        """
        writes, self._writes = self._writes, []
        async with asyncio.timeout(WRITTEN_WITHIN):
            await all_sent(writes)


async def all_sent(writes: Iterable[Awaitable[Any]]) -> None:
    """Wait for writes; where the wait is cancelled, as by a stop, the writes are not.

    Faust sets the result of each once Kafka has it, and fails where the write was cancelled.
    """
    for write in writes:
        await asyncio.shield(write)


def damaged_keys(table: Mapping[bytes, bytes]) -> list[bytes]:
    """Find the entries that are no windows: somebody else has written to the changelog."""
    damaged = []
    for key, value in table.items():
        try:
            WindowKey.parse(key.decode())
            WindowCounts.decode(value)
        except ValueError:
            damaged.append(key)
    return damaged


class Windows(dict[str, bytes]):
    """The table as text keys and bytes, in memory, every change written through.

    Parameters
    ----------
    table
        The table.
    damaged
        Keys of the table that are left out. While there are any nothing is written, until all is
        counted again: a worker that dies meanwhile leaves the damage for the next one to find.
    """

    def __init__(self, table: DriftTable, damaged: Collection[bytes] = ()) -> None:
        kept = {key: value for key, value in table.items() if key not in damaged}
        super().__init__({key.decode(): value for key, value in kept.items()})
        self._table = table
        self._damaged = set(damaged)
        self._held: set[str] = set()

    def __setitem__(self, key: str, value: bytes) -> None:
        super().__setitem__(key, value)
        if self._damaged:
            self._held.add(key)
        else:
            self._table[key.encode()] = value

    @property
    def is_damaged(self) -> bool:
        """Whether what was written is held for what is damaged."""
        return bool(self._damaged)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a window."""
        if self._damaged:
            self._held.add(key)
        else:
            self._table.pop(key.encode(), None)
        return super().pop(key, *default)

    def mended(self) -> None:
        """Write what was held, over the damage or, where nothing takes its place, beside it."""
        for key in self._damaged | {key.encode() for key in self._held}:
            value = self.get(key.decode(errors="replace"))
            if value is None:
                self._table.pop(key, None)
            else:
                self._table[key] = value
        self._damaged, self._held = set(), set()
