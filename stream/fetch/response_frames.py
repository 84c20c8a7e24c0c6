"""Responses out of what a broker sends: whole up to a limit, cut beyond it.

What arrives is split in the callback of the connection. A small response mostly arrives in one
piece and is handled at once: no task waits for its size and then for its content.

Sources: Kafka's protocol guide, "Fetch API"; KIP-74.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from typing import TypeAlias

__all__ = ["FETCH_VERSIONS", "KEPT_BYTES", "ResponseFrames"]

KEPT_BYTES = 1 << 17
"""Bytes that are kept of records that are too large: at least header and key of the first."""

INT16, INT32 = struct.Struct(">h"), struct.Struct(">i")
BEFORE_TOPICS = {4: 8, 5: 8, 6: 8} | dict.fromkeys(range(7, 12), 14)
"""Bytes before the topics, by version: correlation id, throttle time, error and session."""
PARTITION_HEAD = {4: 22} | dict.fromkeys(range(5, 12), 30)
"""Bytes of a partition before its aborted transactions: number, error and offsets."""
ABORTED_BYTES = 16
PREFERRED_REPLICA = {11: 4}
FETCH_VERSIONS = frozenset(BEFORE_TOPICS)
"""Versions of fetch responses that can be cut."""

Steps: TypeAlias = Generator[tuple[int, int], bytes, bytes]
"""Yields the least and the most bytes that it takes next, is sent them, and returns a response."""


class ResponseFrames:
    """Splits what a broker sends into responses.

    Parameters
    ----------
    handle
        Called with each response, without its length.
    version
        Returns the version of the fetch that the next response answers; None if it answers another
        request, or has a version that can't be cut.
    limit
        Returns the most bytes of a partition's records that are read whole.
    """

    def __init__(
        self,
        handle: Callable[[bytes], None],
        version: Callable[[], int | None],
        limit: Callable[[], int],
    ) -> None:
        self._handle = handle
        self._version = version
        self._limit = limit
        self._arrived: list[bytes] = []
        self._size = 0
        self._at = 0
        self._is_between = True
        self._steps = self._read()
        self._least, self._most = next(self._steps)

    def feed(self, data: bytes) -> None:
        """Handle the responses that end with these bytes; raises what ``handle`` raises."""
        if self._is_between and not self._arrived:
            end = len(data) - INT32.size
            if 0 <= end <= self._limit() and INT32.unpack_from(data)[0] == end:
                self._handle(data[INT32.size :])
                return
        self._arrived.append(data)
        self._size += len(data)
        while self._size >= self._least:
            self._least, self._most = self._steps.send(self._take(min(self._size, self._most)))

    def _take(self, size: int) -> bytes:
        """Return the next bytes; what is left is not copied until more is needed."""
        if len(self._arrived) > 1 and len(self._arrived[0]) - self._at < size:
            self._arrived = [b"".join((self._arrived[0][self._at :], *self._arrived[1:]))]
            self._at = 0
        taken = self._arrived[0][self._at : self._at + size] if size else b""
        self._at += size
        self._size -= size
        if self._arrived and self._at == len(self._arrived[0]):
            del self._arrived[0]
            self._at = 0
        return bytes(taken)

    def _read(self) -> Generator[tuple[int, int], bytes, None]:
        while True:
            self._is_between = True
            (size,) = INT32.unpack((yield INT32.size, INT32.size))
            self._is_between = False
            limit = self._limit()
            version = self._version() if size > limit else None
            if version is None:
                frame = yield size, size
            else:
                frame = yield from _LargeResponse(limit).read(version)
            self._handle(frame)


class _LargeResponse:
    """A fetch response that may be too large to be read whole.

    Parameters
    ----------
    limit
        Bytes of a partition's records that are kept whole.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept = bytearray()

    def read(self, version: int) -> Steps:
        """Return the response, with records beyond the limit truncated."""
        yield from self._keep(BEFORE_TOPICS[version])
        for _ in range((yield from self._number(INT32))):
            yield from self._keep(max((yield from self._number(INT16)), 0))
            for _ in range((yield from self._number(INT32))):
                yield from self._keep(PARTITION_HEAD[version])
                yield from self._keep(max((yield from self._number(INT32)), 0) * ABORTED_BYTES)
                yield from self._keep(PREFERRED_REPLICA.get(version, 0))
                yield from self._records()
        return bytes(self._kept)

    def _records(self) -> Generator[tuple[int, int], bytes, None]:
        (size,) = INT32.unpack((yield INT32.size, INT32.size))
        kept = size if size <= self._limit else min(size, KEPT_BYTES)
        self._kept += INT32.pack(kept)
        yield from self._keep(max(kept, 0))  # -1: there are none
        dropped = size - kept
        while dropped > 0:
            dropped -= len((yield 1, dropped))

    def _keep(self, size: int) -> Steps:
        read = yield size, size
        self._kept += read
        return read

    def _number(self, form: struct.Struct) -> Generator[tuple[int, int], bytes, int]:
        return int(form.unpack((yield from self._keep(form.size)))[0])
