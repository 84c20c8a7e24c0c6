"""The HTTP server on a real socket: addresses, certificates, and connections that stall."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from schemas.errors import StartupError
from stream.rest import http_server as module
from stream.rest.http_server import serve_until
from stream.settings import load_settings

APP = PlainTextResponse("here")


@asynccontextmanager
async def running(*parts: Any) -> AsyncIterator[tuple[int, asyncio.Future[None]]]:
    """Run a server; yield its port, and its end."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    stop = asyncio.Event()
    served = asyncio.ensure_future(serve_until(stop, APP, load_settings(rest_port=port), parts))
    try:
        async with asyncio.timeout(10):
            while not served.done():
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    await asyncio.sleep(0.01)
                else:
                    writer.close()
                    break
        yield port, served
    finally:
        stop.set()
        await asyncio.wait([served])


async def test_a_connection_that_sends_no_head_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_SECONDS", 0.1)
    async with running() as (port, _):
        for start in (b"", b"POST / HTTP/1.1\r\nHost: a\r\n"):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(start)
            with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(reader.readexactly(1), 10)
            writer.close()


async def test_a_part_that_fails_ends_the_server() -> None:
    async def fails() -> None:
        raise ValueError("a part")

    async with running(fails) as (_, served):
        with pytest.raises(ValueError, match="a part"):
            await served


async def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = load_settings(rest_port=taken.getsockname()[1])
        with pytest.raises(StartupError, match=r"expected to listen on 127\.0\.0\.1:"):
            await serve_until(asyncio.Event(), APP, settings, [])


async def test_a_certificate_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "cert.pem"
    file.write_text("none")
    with pytest.raises(StartupError, match="LEADSCORE_REST_CERTFILE"):
        await serve_until(asyncio.Event(), APP, load_settings(rest_certfile=file), [])
