"""The table `drift_windows`: a Faust table whose changelog writes can be awaited."""

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
    """A table of one partition whose writes to the changelog can be awaited.

    Faust's own table does not track its writes: an offset could be committed before the changes
    that its partials caused are in the changelog.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._writes: list[Any] = []
        self.clock = RecordClock()

    def partition_for_key(self, key: Any) -> int:
        """Return the one partition; Faust would use the partition of the current event."""
        return PARTITION

    def send_changelog(
        self,
        partition: int | None,
        key: Any,
        value: Any,
        key_serializer: Any = None,
        value_serializer: Any = None,
    ) -> Any:
        """Send a change to the changelog, and keep its future for ``written``.

        Unlike Faust's own method it sets a timestamp, that of ``clock``: the producer's default is
        the machine's clock, and Kafka refuses timestamps that are too far ahead.
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
            Kafka did not acknowledge the changes in time.
        """
        writes, self._writes = self._writes, []
        async with asyncio.timeout(WRITTEN_WITHIN):
            await all_sent(writes)


async def all_sent(writes: Iterable[Awaitable[Any]]) -> None:
    """Wait for writes; if the wait is cancelled, as by a stop, the writes are not.

    Faust sets the result of each future once Kafka has the record, and raises if it was cancelled.
    """
    for write in writes:
        await asyncio.shield(write)


def damaged_keys(table: Mapping[bytes, bytes]) -> list[bytes]:
    """Return the keys of entries that are not windows: another program wrote to the changelog."""
    damaged = []
    for key, value in table.items():
        try:
            WindowKey.parse(key.decode())
            WindowCounts.decode(value)
        except ValueError:
            damaged.append(key)
    return damaged


class Windows(dict[str, bytes]):
    """A write-through copy of the table, from text keys to bytes.

    Parameters
    ----------
    table
        The table.
    damaged
        Keys of the table to ignore. If there are any, nothing is written until ``repaired``: if the
        worker dies before all is counted again, the next one still finds the damage.
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
        """Whether the table has damaged entries, so that writes are held back."""
        return bool(self._damaged)

    def pop(self, key: str, *default: Any) -> Any:
        """Remove a window."""
        if self._damaged:
            self._held.add(key)
        else:
            self._table.pop(key.encode(), None)
        return super().pop(key, *default)

    def repaired(self) -> None:
        """Write the changes that were held back, and remove the damaged entries."""
        for key in self._damaged | {key.encode() for key in self._held}:
            value = self.get(key.decode(errors="replace"))
            if value is None:
                self._table.pop(key, None)
            else:
                self._table[key] = value
        self._damaged, self._held = set(), set()
