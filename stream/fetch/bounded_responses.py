"""Fetch responses of bounded size: excess bytes are dropped while they are received.

Kafka returns the first batch of a fetch whole, whatever limits the request names (KIP-74), so that
a consumer makes progress. aiokafka reads a response into memory before it looks at it, three times
over at the worst. Here the records of a partition that are larger than a limit are cut: their
beginning is kept, the header of the first batch among it, and the rest is read from the socket and
dropped. The poll then raises RecordTooLargeError (stream/fetch/bounded_batches.py), and the batch
is read past beside the consumer (stream/consume/unreadable_records.py): each of its records becomes
a dead letter.

This replaces a private part of aiokafka, for all connections of the process:
``AIOKafkaConnection._read``, which reads responses from the socket.

Sources: Kafka's protocol guide, "Fetch API"; KIP-74.
"""

from __future__ import annotations

import struct
from asyncio import StreamReader
from typing import Any
from weakref import ReferenceType

from aiokafka import conn
from aiokafka.protocol.fetch import FetchRequest

from stream.fetch.frequent_messages import use_fast_codecs
from stream.fetch.silent_connections import WatchedConnection

__all__ = ["KEPT_BYTES", "BoundedConnection", "bound_responses"]

KEPT_BYTES = 1 << 17
"""Bytes that are kept of records that are too large: at least header and key of the first."""
DROPPED_BYTES = 1 << 18
"""Most bytes that are read at once to be dropped."""

INT16, INT32 = struct.Struct(">h"), struct.Struct(">i")
BEFORE_TOPICS = {4: 8, 5: 8, 6: 8} | dict.fromkeys(range(7, 12), 14)
"""Bytes before the topics, by version: correlation id, throttle time, error and session."""
PARTITION_HEAD = {4: 22} | dict.fromkeys(range(5, 12), 30)
"""Bytes of a partition before its aborted transactions: number, error and offsets."""
ABORTED_BYTES = 16
PREFERRED_REPLICA = {11: 4}


class BoundedConnection(WatchedConnection):
    """A broker connection that limits the bytes of a partition's records in memory.

    Attributes
    ----------
    limit
        Most bytes of a partition's records that are read whole. Consumers request less, so only a
        single batch may be larger.
    """

    limit = 16 << 20

    @staticmethod
    async def _read(self_ref: ReferenceType[Any]) -> None:
        """Read responses until the connection is closed."""
        connection = self_ref()
        if connection is None:
            return
        reader = connection._reader
        del connection  # as in aiokafka, so that an unreferenced connection can be collected
        while True:
            (size,) = INT32.unpack(await reader.readexactly(INT32.size))
            version = _fetch_version(self_ref) if size > BoundedConnection.limit else None
            if version is None:
                frame = await reader.readexactly(size)
            else:
                frame = await _LargeResponse(reader, BoundedConnection.limit).read(version)
            connection = self_ref()
            if connection is None:
                return
            connection._handle_frame(frame)
            del connection


# On import, before the first connection is made.
conn.AIOKafkaConnection = BoundedConnection
use_fast_codecs()


def bound_responses(limit: int) -> None:
    """Set the bytes of a partition's records that are read whole, for the whole process."""
    BoundedConnection.limit = limit


def _fetch_version(self_ref: ReferenceType[Any]) -> int | None:
    """Return the version of the next pending fetch; None if the next request is not a fetch."""
    connection = self_ref()
    request = (
        connection._requests[0][1] if connection is not None and connection._requests else None
    )
    if request is None or request.API_KEY != FetchRequest.API_KEY:
        return None
    version = int(request.API_VERSION)
    return version if version in BEFORE_TOPICS else None


class _LargeResponse:
    """A fetch response that may be too large to be read whole.

    Parameters
    ----------
    reader
        The socket, positioned after the response's length.
    limit
        Bytes of a partition's records that are kept whole.
    """

    def __init__(self, reader: StreamReader, limit: int) -> None:
        self._reader = reader
        self._limit = limit
        self._kept = bytearray()

    async def read(self, version: int) -> bytes:
        """Return the response, with records beyond the limit truncated."""
        await self._keep(BEFORE_TOPICS[version])
        for _ in range(await self._number(INT32)):
            await self._keep(max(await self._number(INT16), 0))
            for _ in range(await self._number(INT32)):
                await self._keep(PARTITION_HEAD[version])
                await self._keep(max(await self._number(INT32), 0) * ABORTED_BYTES)
                await self._keep(PREFERRED_REPLICA.get(version, 0))
                await self._records()
        return bytes(self._kept)

    async def _records(self) -> None:
        (size,) = INT32.unpack(await self._reader.readexactly(INT32.size))
        kept = size if size <= self._limit else min(size, KEPT_BYTES)
        self._kept += INT32.pack(kept)
        await self._keep(max(kept, 0))  # -1: there are none
        await self._drop(size - kept)

    async def _keep(self, size: int) -> bytes:
        read = await self._reader.readexactly(size)
        self._kept += read
        return read

    async def _number(self, form: struct.Struct) -> int:
        return int(form.unpack(await self._keep(form.size))[0])

    async def _drop(self, size: int) -> None:
        while size > 0:
            read = await self._reader.read(min(size, DROPPED_BYTES))
            if not read:
                raise EOFError("the connection ended within a response")
            size -= len(read)
