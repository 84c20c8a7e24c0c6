"""Fetch responses off a socket: whole up to a limit, cut beyond it; other responses come whole."""

from __future__ import annotations

import asyncio
import io
import struct
import tracemalloc
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from weakref import ref

import pytest
from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.fetch import (
    FetchRequest,
    FetchResponse_v4,
    FetchResponse_v7,
    FetchResponse_v11,
)
from aiokafka.protocol.metadata import MetadataRequest

from stream.fetch.bounded_responses import KEPT_BYTES, BoundedConnection, bound_responses

LIMIT = 200_000
ABORTED = [(7, 3), (8, 5)]
RESPONSES = {4: FetchResponse_v4, 7: FetchResponse_v7, 11: FetchResponse_v11}


@pytest.fixture(autouse=True)
def _limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedConnection, "limit", LIMIT)


class Connection:
    """The used part of a connection: pending requests, and received responses."""

    def __init__(self, reader: Any, requests: list[Any]) -> None:
        self._reader = reader
        self._requests = deque((i, request, None) for i, request in enumerate(requests))
        self.frames: list[bytes] = []

    def note_arrival(self) -> None:
        pass

    def _handle_frame(self, frame: bytes) -> None:
        self._requests.popleft()
        self.frames.append(frame)


class Request:
    def __init__(self, version: int) -> None:
        self.API_KEY, self.API_VERSION = 1, version


def response_of(version: int, records: dict[str, list[bytes | None]]) -> bytes:
    """Encode a response: the records of each topic's partitions."""
    topics = []
    for topic, partitions in records.items():
        rows: list[tuple[Any, ...]] = []
        for number, data in enumerate(partitions):
            row: tuple[Any, ...] = (number, 0, 100, 90)
            row += (0,) if version >= 5 else ()
            row += (ABORTED if number else None,)
            row += (-1,) if version >= 11 else ()
            rows.append((*row, data))
        topics.append((topic, rows))
    head = (0, 0, 0) if version >= 7 else (0,)
    return bytes(4) + RESPONSES[version](*head, topics).encode()


def decoded(version: int, frame: bytes) -> dict[str, list[Any]]:
    """Return what is behind the first columns: aborted transactions and records, as announced."""
    response = RESPONSES[version].decode(io.BytesIO(frame[4:]))
    return {
        topic: [(row[-3 if version >= 11 else -2], row[-1]) for row in rows]
        for topic, rows in response.topics
    }


async def read(requests: list[Any], frames: list[bytes]) -> list[bytes]:
    """Read responses as a connection does, until the socket has no more."""
    reader = asyncio.StreamReader(limit=2**16)
    for frame in frames:
        reader.feed_data(len(frame).to_bytes(4, "big") + frame)
    reader.feed_eof()
    connection = Connection(reader, requests)
    with pytest.raises(EOFError):
        await BoundedConnection._read(ref(connection))  # type: ignore[arg-type]
    return connection.frames


def test_aiokafka_makes_connections_of_this_class() -> None:
    assert conn.AIOKafkaConnection is BoundedConnection
    assert issubclass(BoundedConnection, AIOKafkaConnection)


@pytest.mark.parametrize("version", list(RESPONSES))
async def test_a_response_up_to_the_limit_is_read_as_it_is(version: int) -> None:
    frame = response_of(version, {"leads": [b"a" * (LIMIT - 1000), b"b" * 100, None]})
    assert await read([Request(version)], [frame]) == [frame]


@pytest.mark.parametrize("version", list(RESPONSES))
async def test_records_beyond_the_limit_are_cut_and_their_neighbours_come_whole(
    version: int,
) -> None:
    large = bytes(range(256)) * 4000
    frame = response_of(
        version, {"leads": [b"a" * 100, large, None], "others": [b"c" * (LIMIT - 5)]}
    )
    next_one = response_of(version, {"leads": [b"d"]})
    cut, whole = await read([Request(version), Request(version)], [frame, next_one])
    assert decoded(version, cut) == {
        "leads": [(None, b"a" * 100), (ABORTED, large[:KEPT_BYTES]), (ABORTED, None)],
        "others": [(None, b"c" * (LIMIT - 5))],
    }
    assert whole == next_one


async def test_another_response_than_of_a_fetch_comes_whole() -> None:
    request = Request(4)
    request.API_KEY = MetadataRequest.API_KEY
    frame = bytes(2 * LIMIT)
    assert await read([request], [frame]) == [frame]


async def test_a_step_of_a_log_in_comes_whole() -> None:
    frame = bytes(2 * LIMIT)
    assert await read([None], [frame]) == [frame]


async def test_a_connection_that_ends_within_a_response_is_broken() -> None:
    frame = response_of(4, {"leads": [bytes(2 * LIMIT)]})
    reader = asyncio.StreamReader()
    reader.feed_data(len(frame).to_bytes(4, "big") + frame[:-10])
    reader.feed_eof()
    connection = Connection(reader, [Request(4)])
    with pytest.raises(EOFError):
        await BoundedConnection._read(ref(connection))  # type: ignore[arg-type]
    assert not connection.frames


async def test_memory_is_bounded_whatever_comes() -> None:
    size, piece = 60_000_000, bytes(100_000)
    frame = response_of(11, {"leads": [b""]})
    head = frame[:-4] + size.to_bytes(4, "big")

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write((len(head) + size).to_bytes(4, "big") + head)
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()
        writer.close()

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await send(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
        connection = Connection(reader, [Request(11)])
        tracemalloc.start()
        with pytest.raises(EOFError):
            await BoundedConnection._read(ref(connection))  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        writer.close()
        await writer.wait_closed()
    [cut] = connection.frames
    assert len(decoded(11, cut)["leads"][0][1]) == KEPT_BYTES
    assert peak < 4_000_000


def test_the_limit_is_that_of_the_process() -> None:
    bound_responses(1000)
    assert BoundedConnection.limit == 1000


class Socket:
    """A broker's end of a connection that a test scripts."""

    def __init__(self) -> None:
        self.reader: asyncio.StreamReader
        self.writer: asyncio.StreamWriter
        self.is_open = asyncio.Event()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.is_open.set()

    async def correlation_id(self) -> bytes:
        """Read a request; return its correlation id."""
        (size,) = struct.unpack(">i", await self.reader.readexactly(4))
        return (await self.reader.readexactly(size))[4:8]

    def send(self, response: bytes) -> None:
        self.writer.write(len(response).to_bytes(4, "big") + response)


@asynccontextmanager
async def connected(**options: Any) -> AsyncIterator[tuple[BoundedConnection, Socket]]:
    """Connect to a scripted broker, which knows fetches only."""
    socket = Socket()
    async with await asyncio.start_server(socket.accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        connecting = asyncio.create_task(conn.create_conn("127.0.0.1", port, **options))
        await socket.is_open.wait()
        versions = struct.pack(">hihhh", 0, 1, FetchRequest.API_KEY, 4, 11)
        socket.send(await socket.correlation_id() + versions)
        connection = await connecting
        try:
            yield connection, socket
        finally:
            connection.close()
            socket.writer.close()


def fetch() -> FetchRequest:
    return FetchRequest(200, 1, 1000, 0, [("leads", [(0, 17, 1000)])])


async def test_responses_are_handled_where_they_arrive_and_in_order() -> None:
    async with connected() as (connection, broker):
        first, second = connection.send(fetch()), connection.send(fetch())
        for number in range(2):
            response = FetchResponse_v11(number, 0, 0, []).encode()
            broker.send(await broker.correlation_id() + response)
        assert [(await one).throttle_time_ms for one in (first, second)] == [0, 1]
        assert connection.connected()


async def test_a_response_that_is_late_ends_its_request_with_a_timeout() -> None:
    async with connected(request_timeout_ms=50) as (connection, broker):
        response = connection.send(fetch())
        answer = await broker.correlation_id() + FetchResponse_v11(0, 0, 0, []).encode()
        with pytest.raises(TimeoutError):
            await response
        broker.send(answer)  # too late, and no harm to the next one
        next_one = connection.send(fetch())
        broker.send(await broker.correlation_id() + FetchResponse_v11(3, 0, 0, []).encode())
        assert (await next_one).throttle_time_ms == 3


async def test_a_response_that_cannot_be_read_closes_the_connection() -> None:
    async with connected() as (connection, broker):
        response = connection.send(fetch())
        broker.send(await broker.correlation_id() + b"cut off")
        with pytest.raises(KafkaConnectionError):
            await response
        assert not connection.connected()


async def test_the_end_of_a_connection_fails_the_pending_requests() -> None:
    async with connected() as (connection, broker):
        response = connection.send(fetch())
        await broker.correlation_id()
        broker.writer.close()
        with pytest.raises(KafkaConnectionError):
            await response
        assert not connection.connected()


async def test_a_part_of_a_response_is_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    arrived = asyncio.Event()
    async with connected() as (connection, broker):
        monkeypatch.setattr(connection, "note_arrival", arrived.set)
        response = connection.send(fetch())
        answer = await broker.correlation_id() + FetchResponse_v11(0, 0, 0, []).encode()
        broker.writer.write(len(answer).to_bytes(4, "big") + answer[:-1])
        async with asyncio.timeout(5):
            await arrived.wait()
        assert not asyncio.ensure_future(response).done()
        broker.writer.write(answer[-1:])
        await response
