"""A receiver of webhooks: a real HTTP or HTTPS server on 127.0.0.1, with faults on demand.

As a program it prints its URL, and takes everything until its input ends.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson
from aiohttp import web

__all__ = ["Fault", "Received", "WebhookReceiver", "webhook_receiver"]


class Received(NamedTuple):
    """A request that was answered with 200."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def event_id(self) -> str:
        """Its idempotency key."""
        return self.headers["webhook-id"]

    @property
    def data(self) -> dict[str, Any]:
        """The data of the standard body."""
        found: dict[str, Any] = orjson.loads(self.body)["data"]
        return found


class Fault(NamedTuple):
    """Misbehaviour of a receiver.

    Attributes
    ----------
    kind
        `status` answers with it; `closed` closes the connection without an answer; `half` sends a
        part of an answer with status 200 and closes; `silent` never answers; `slow` sends the
        answer byte by byte without end.
    status, headers
        Status and headers of the answer.
    """

    kind: str = "status"
    status: int = 500
    headers: Mapping[str, str] = {}


class WebhookReceiver:
    """Remembers what it takes.

    Attributes
    ----------
    received
        The requests that were answered with 200, in their order.
    attempts
        Number of all requests.
    faults
        What happens to the next requests.
    fault_of
        What happens to a request; None: it is taken.
    most_at_once
        Most requests that were open at the same time.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.attempts = 0
        self.faults: deque[Fault | None] = deque()
        self.fault_of: Callable[[Received], Fault | None] = lambda _: None
        self.most_at_once = 0
        self.port = 0
        self.delay = 0.0
        self._open = 0
        self._tls = tls
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """URL of the events."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/events"

    @property
    def event_ids(self) -> list[str]:
        """Ids of the events in the order in which they came first."""
        return [*dict.fromkeys(received.event_id for received in self.received)]

    async def start(self) -> None:
        """Listen, on the port of before if it has listened already."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, "127.0.0.1", self.port, ssl_context=self._tls, reuse_address=True
        )
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close all connections, and listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            self.attempts += 1
            received = Received(dict(request.headers), await request.read())
            received = received._replace(
                headers={name.lower(): value for name, value in received.headers.items()}
            )
            if self.delay:
                await asyncio.sleep(self.delay)
            fault = self.faults.popleft() if self.faults else self.fault_of(received)
            if fault is None:
                self.received.append(received)
                return web.Response(text="ok")
            return await _failed(request, fault)
        finally:
            self._open -= 1


async def _failed(request: web.Request, fault: Fault) -> web.StreamResponse:
    if fault.kind == "status":
        return web.Response(status=fault.status, headers=fault.headers)
    if fault.kind == "silent":
        await asyncio.sleep(3600)
    assert request.transport is not None
    answer = web.StreamResponse(headers={"content-length": "100000"})
    if fault.kind in ("half", "slow"):
        await answer.prepare(request)
        await answer.write(b"half")
        while fault.kind == "slow":
            await asyncio.sleep(0.05)
            await answer.write(b".")
    request.transport.abort()
    return answer


@asynccontextmanager
async def webhook_receiver(tls: ssl.SSLContext | None = None) -> AsyncIterator[WebhookReceiver]:
    """Run a receiver until the body ends."""
    receiver = WebhookReceiver(tls)
    await receiver.start()
    try:
        yield receiver
    finally:
        await receiver.stop()


async def _serve() -> None:
    async with webhook_receiver() as receiver:
        print(receiver.url, flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve())
