"""Skip offsets that a broker can't serve because a batch's length is damaged.

A broker finds an offset in a segment by the lengths of the batches before it. If one of them is too
small, it returns the error CORRUPT_MESSAGE for all offsets up to the next entry of the segment's
index (``index.interval.bytes``, 4 KiB of records).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError

from stream.fetch.aiokafka_internals import Fetched

__all__ = ["Fetch", "fetch_before", "next_served"]

Fetch = Callable[[int], Awaitable[Fetched]]
"""Fetches batches of a partition from an offset on."""
BEFORE = [2**power for power in range(13)]
"""Distances before an offset at which its batch is searched: up to 4,096 offsets."""


async def fetch_before(fetch: Fetch, offset: int) -> Fetched | None:
    """Fetch from shortly before an offset; return None if the broker serves nothing there.

    The batch of the offset may be valid and only the next one damaged: to find an offset in the
    middle of a batch, a broker also reads the header of the next one.
    """
    for distance in BEFORE:
        if distance > offset:
            return None
        try:
            if fetched := await _served(fetch, offset - distance):
                return fetched
        except OffsetOutOfRangeError:  # the log starts above it
            return None
    return None


async def next_served(fetch: Fetch, offset: int) -> int:
    """Return the next offset that the broker can serve, or the log's end.

    Parameters
    ----------
    fetch
        Fetches from an offset.
    offset
        An offset that the broker can't serve.
    """
    last_bad, distance = offset, 1
    while not await _is_served(fetch, offset + distance):
        last_bad, distance = offset + distance, 2 * distance
    served = offset + distance
    while served - last_bad > 1:
        middle = (last_bad + served) // 2
        if await _is_served(fetch, middle):
            served = middle
        else:
            last_bad = middle
    return served


async def _is_served(fetch: Fetch, offset: int) -> bool:
    try:
        return await _served(fetch, offset) is not None
    except OffsetOutOfRangeError:
        return True  # beyond the log's end


async def _served(fetch: Fetch, offset: int) -> Fetched | None:
    try:
        fetched = await fetch(offset)
    except CorruptRecordException:
        return None
    is_there = fetched.data or offset >= fetched.end  # an offset below the end has records
    return fetched if is_there else None
