"""Clients that open connections and do not let go of them."""

from __future__ import annotations

import asyncio
import os
import resource
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from typing import Any

import pytest
from aiohttp import ClientSession, web

from monitoring.telemetry.connections import BoundedListener, ConnectionLimits
from monitoring.telemetry.http import MonitoringServer

HALF_A_HEAD = b"GET /page HTTP/1.1\r\nHost: a\r\n"
HALF_A_BODY = HALF_A_HEAD.replace(b"GET", b"POST") + b"Content-Length: 100\r\n\r\nabc"
PATIENT = ConnectionLimits(connections=8, seconds=60.0)
HASTY = ConnectionLimits(connections=8, seconds=0.1)
LARGE = b"a" * 2**25
"""More than the buffers of both ends of a connection hold."""


async def _page(_: web.Request) -> web.Response:
    return web.Response(text="here")


async def _large(_: web.Request) -> web.Response:
    return web.Response(body=LARGE)


async def _patient_page(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(text="read")


@asynccontextmanager
async def serving(limits: ConnectionLimits) -> AsyncIterator[MonitoringServer]:
    app = web.Application()
    app.add_routes([web.get("/page", _page), web.get("/large", _large)])
    app.add_routes([web.post("/page", _patient_page)])
    async with MonitoringServer(app, host="127.0.0.1", port=0, limits=limits) as server:
        yield server


Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(
    server: MonitoringServer, request: bytes = b"", client: str = "127.0.0.1"
) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(client, 0))
    writer.write(request)
    yield reader, writer
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def rest(reader: asyncio.StreamReader) -> bytes:
    """Read until the connection is closed or reset by the server."""
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


def open_ones(server: MonitoringServer) -> int:
    assert server._listener is not None
    return server._listener.connections


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 - there is nothing else to wait for
        await asyncio.sleep(0.001)


async def page(server: MonitoringServer) -> str:
    url = f"http://127.0.0.1:{server.port}/page"
    async with ClientSession() as client, client.get(url) as answer:
        return await answer.text()


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD, HALF_A_BODY])
async def test_a_request_that_is_never_complete_is_ended_at_the_deadline(sent: bytes) -> None:
    async with serving(HASTY) as server, connected(server, sent) as (reader, _):
        assert await rest(reader) == b""


async def test_a_head_that_comes_byte_by_byte_does_not_put_the_deadline_off() -> None:
    async with serving(HASTY) as server, connected(server, HALF_A_HEAD) as (reader, writer):
        ended = asyncio.create_task(rest(reader))
        while not ended.done():
            writer.write(b"a")
            await asyncio.sleep(0.01)
        assert await ended == b""


async def test_an_answer_that_is_not_read_is_dropped_at_the_deadline() -> None:
    wanted = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n"
    async with serving(HASTY) as server, connected(server, wanted) as (reader, writer):
        transport: Any = writer.transport
        transport.pause_reading()
        await until(lambda: open_ones(server) == 1)
        await until(lambda: open_ones(server) == 0)
        transport.resume_reading()
        assert len(await rest(reader)) < len(LARGE)


async def test_a_connection_ends_with_its_answer() -> None:
    two = 2 * (HALF_A_HEAD + b"\r\n")
    async with serving(PATIENT) as server, connected(server, two) as (reader, _):
        answer = await rest(reader)
        assert answer.count(b"HTTP/1.1 200 OK") == 1
        assert b"Connection: close" in answer


@pytest.mark.parametrize(("lines", "is_answered"), [(10, True), (20, False)])
async def test_more_than_a_request_needs_is_not_read(lines: int, is_answered: bool) -> None:
    line = b"X-%04d: " + 1000 * b"a" + b"\r\n"
    head = HALF_A_HEAD + b"".join(line % number for number in range(lines)) + b"\r\n"
    async with serving(PATIENT) as server, connected(server, head) as (reader, _):
        assert (await rest(reader)).startswith(b"HTTP/1.1 200 OK") is is_answered


async def test_others_are_answered_while_a_client_holds_all_connections(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with serving(PATIENT) as server, AsyncExitStack() as held:
        for _ in range(50):
            await held.enter_async_context(connected(server, HALF_A_HEAD))
            assert open_ones(server) <= PATIENT.connections
        assert await page(server) == "here"
    [warning] = caplog.records  # one, not fifty
    assert "closed to make room" in warning.getMessage()


async def test_a_client_with_many_connections_loses_its_own() -> None:
    async with serving(PATIENT) as server, AsyncExitStack() as held:
        reader, writer = await held.enter_async_context(connected(server, HALF_A_HEAD))
        for _ in range(50):
            await held.enter_async_context(connected(server, HALF_A_HEAD, client="127.0.0.2"))
        writer.write(b"\r\n")
        assert (await rest(reader)).endswith(b"here")


@contextmanager
def no_file_descriptor_left() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_a_process_without_file_descriptors_accepts_again_when_it_has_some(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.telemetry.connections.ACCEPT_PAUSE", 0.01)
    loop = asyncio.get_running_loop()
    async with serving(PATIENT) as server:
        with closing(socket.socket()) as late:
            late.setblocking(False)
            with no_file_descriptor_left():
                await loop.sock_connect(late, ("127.0.0.1", server.port))
                await until(lambda: "no connection was accepted" in caplog.text)
            await loop.sock_sendall(late, HALF_A_HEAD + b"\r\n")
            assert (await loop.sock_recv(late, 1000)).startswith(b"HTTP/1.1 200 OK")


async def test_nothing_is_left_open_where_one_of_two_addresses_is_taken() -> None:
    def protocol() -> asyncio.Protocol:
        return asyncio.Protocol()

    first, second = BoundedListener(protocol, PATIENT), BoundedListener(protocol, PATIENT)
    await first.start("127.0.0.1", 0)
    assert first.port is not None
    with pytest.raises(OSError, match="in use"):
        await second.start("127.0.0.1", first.port)
    assert second.port is None
    await first.stop_accepting()
