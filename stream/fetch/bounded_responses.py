"""Fetch responses of bounded size: excess bytes are dropped while they are received.

Kafka returns the first batch of a fetch whole, whatever limits the request names (KIP-74), so that
a consumer makes progress. aiokafka reads a response into memory before it looks at it, three times
over at the worst. Here the records of a partition that are larger than a limit are cut: their
beginning is kept, the header of the first batch among it, and the rest is read from the socket and
dropped. The poll then raises RecordTooLargeError (stream/fetch/bounded_batches.py), and the batch
is read past beside the consumer (stream/consume/unreadable_records.py): each of its records becomes
a dead letter.

This replaces private parts of aiokafka, for all connections of the process:
``AIOKafkaConnection._read``, a task that reads responses from the socket, and the coroutine that
limits the time of a request. Responses are handled where they arrive, and a timer limits the time:
at a low rate the tasks took more CPU than the responses.

Sources: Kafka's protocol guide, "Fetch API"; KIP-74.
"""

from __future__ import annotations

import asyncio
from asyncio import StreamReader
from collections.abc import Awaitable
from functools import partial
from typing import Any
from weakref import ReferenceType

from aiokafka import conn
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest

from stream.fetch.frequent_messages import use_fast_codecs
from stream.fetch.response_frames import FETCH_VERSIONS, KEPT_BYTES, ResponseFrames
from stream.fetch.silent_connections import WatchedConnection

__all__ = ["KEPT_BYTES", "BoundedConnection", "bound_responses"]

READ_BYTES = 1 << 16
"""Most bytes that are read at once of what arrived before the connection was read."""


class BoundedConnection(WatchedConnection):
    """A broker connection that limits the bytes of a partition's records in memory.

    Attributes
    ----------
    limit
        Most bytes of a partition's records that are read whole. Consumers request less, so only a
        single batch may be larger.
    """

    limit = 16 << 20

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        """Send a request; return what awaits its response."""
        response = super().send(request, expect_response)
        if not expect_response or request.API_KEY == HeartbeatRequest.API_KEY:
            return response
        response.close()  # type: ignore[attr-defined]  # a coroutine, not started: only its limit
        return self._limited(self._requests[-1][2])

    def _limited(self, response: asyncio.Future[Any]) -> asyncio.Future[Any]:
        """Return the future of a response; a timer ends it with a TimeoutError."""
        timer = self._loop.call_later(self._request_timeout, _end_late, response)
        response.add_done_callback(lambda _: timer.cancel())
        return response

    @staticmethod
    async def _read(self_ref: ReferenceType[Any]) -> None:
        """Handle responses where they arrive, until the connection is closed."""
        connection = self_ref()
        if connection is None:
            return
        reader = connection._reader
        del connection  # as in aiokafka, so that an unreferenced connection can be collected
        frames = ResponseFrames(
            partial(_handle, self_ref, reader),
            partial(_fetch_version, self_ref),
            lambda: BoundedConnection.limit,
        )
        reader.feed_data = partial(_feed, self_ref, frames, reader)
        while data := await reader.read(READ_BYTES):  # what came before; then only the end comes
            frames.feed(data)
        raise EOFError("the broker closed the connection")


# On import, before the first connection is made.
conn.AIOKafkaConnection = BoundedConnection
use_fast_codecs()


def bound_responses(limit: int) -> None:
    """Set the bytes of a partition's records that are read whole, for the whole process."""
    BoundedConnection.limit = limit


def _end_late(response: asyncio.Future[Any]) -> None:
    if not response.done():
        response.set_exception(TimeoutError())


def _feed(
    self_ref: ReferenceType[Any], frames: ResponseFrames, reader: StreamReader, data: bytes
) -> None:
    """Handle what has arrived; an error ends the task that waits for the end of the connection."""
    if reader.exception() is not None:
        return
    connection = self_ref()
    if connection is not None:
        connection.note_arrival()
    del connection
    try:
        frames.feed(data)
    except Exception as error:
        reader.set_exception(error)


def _handle(self_ref: ReferenceType[Any], reader: StreamReader, frame: bytes) -> None:
    connection = self_ref()
    if connection is not None and connection._reader is reader:  # it is not closed
        connection._handle_frame(frame)


def _fetch_version(self_ref: ReferenceType[Any]) -> int | None:
    """Return the version of the next pending fetch; None if the next request is not a fetch."""
    connection = self_ref()
    request = (
        connection._requests[0][1] if connection is not None and connection._requests else None
    )
    if request is None or request.API_KEY != FetchRequest.API_KEY:
        return None
    version = int(request.API_VERSION)
    return version if version in FETCH_VERSIONS else None
