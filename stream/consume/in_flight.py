"""The bytes of records in flight: back-pressure for the source."""

from __future__ import annotations

import asyncio

__all__ = ["BytesInFlight"]


class BytesInFlight:
    """Counts bytes, and blocks callers while there are too many.

    Parameters
    ----------
    limit
        Bytes; the last batch that is added may exceed it.

    Attributes
    ----------
    used
        Bytes that were added and not removed.
    """

    def __init__(self, limit: int) -> None:
        self.used = 0
        self._limit = limit
        self._has_room = asyncio.Event()
        self._has_room.set()

    def add(self, size: int) -> None:
        """Add the bytes of a batch that is handed over."""
        self.used += size
        if self.used >= self._limit:
            self._has_room.clear()

    def remove(self, size: int) -> None:
        """Remove the bytes of a batch that is released."""
        self.used -= size
        if self.used < self._limit:
            self._has_room.set()

    async def room(self) -> None:
        """Wait until there are fewer bytes than the limit."""
        await self._has_room.wait()
