"""The HTTP port: bytes on its socket."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from monitoring.telemetry import http
from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.http import ENDPOINTS, MonitoringServer, monitoring_app
from monitoring.telemetry.metrics import Metrics, worker_registry
from tests.fuzz.limits import MAX_SECONDS
from tests.fuzz.target import Feed, Target

__all__ = ["HTTP_PORT"]

PROBE = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
LARGEST_ANSWER = 2**20
KNOWN = (b"200", b"503")
"""Allowed status codes of each path besides 4xx; any other is a fault."""


class _Logged(logging.Handler):
    """Keeps what aiohttp says of a handler that failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.errors: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.errors.append(record.getMessage())


async def _ask(port: int, request: bytes) -> bytes:
    """Send a request, see that the port is open to others still, and take the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        assert b" 200 " in (await _probed(port))[:20]
        writer.write_eof()  # ends what waits for more
        return await reader.read(LARGEST_ANSWER)
    except ConnectionError:  # refused in the middle of the request
        return b""
    finally:
        writer.close()


async def _probed(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(PROBE)
    answer = await reader.read(LARGEST_ANSWER)
    writer.close()
    return answer


def _check(answer: bytes) -> None:
    for line in answer.split(b"\r\n"):
        if line.startswith(b"HTTP/1."):
            status = line.split(b" ", 2)[1]
            assert status in KNOWN or status[:1] in (b"1", b"4"), line


@contextmanager
def _http_port() -> Iterator[Feed]:
    health = Health(0.0, heartbeat_limit=5.0)
    health.meet(Condition.MODEL_LOADED)
    app = monitoring_app(
        registry=Metrics(worker_registry(), version="1").registry,
        health=health,
        model_info=lambda: {"name": "bank"},
        clock=lambda: 0.0,
    )
    server, logged = MonitoringServer(app, host="127.0.0.1", port=0), _Logged()
    log = logging.getLogger(http.__name__)
    log.addHandler(logged)
    log.propagate = False
    with asyncio.Runner() as runner:
        runner.run(server.start())

        async def ask(request: bytes) -> None:
            async with asyncio.timeout(10 * MAX_SECONDS):
                _check(await _ask(server.port, request))

        def feed(request: bytes) -> None:
            logged.errors.clear()
            runner.run(ask(request))
            assert not logged.errors, logged.errors

        try:
            yield feed
        finally:
            runner.run(server.stop())
            log.removeHandler(logged)
            log.propagate = True


def _requests() -> Sequence[bytes]:
    accept = b"Accept: application/openmetrics-text; version=1.0.0; escaping=underscores\r\n"
    return [
        *(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() for path in ("/", *ENDPOINTS)),
        b"GET /metrics?name[]=a&name[]=b HTTP/1.1\r\nHost: a\r\n" + accept + b"\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n",
        b"POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1073741824\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
        b"GET /%ff%00/../healthz HTTP/1.0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 10_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ]


HTTP_PORT = Target("http_port", _http_port, _requests, longest=16_384)
