"""uvloop, with connections that break or close as on asyncio's own loop.

Writes to a connection that has just broken are dropped. asyncio's own loop drops them and reports
the loss by `connection_lost`. uvloop raises RuntimeError for one or two iterations of the loop,
until the client has been notified. aiokafka expects an OSError at most: its tasks end with the
RuntimeError, and tasks that wait for them wait forever. Observed after a broker restart: the
metadata were never refreshed, and the group's coordinator was never found.

A TLS connection closes within half a second. uvloop waits 30 s for the peer's close_notify, and
misses it if data arrives at the same time (https://github.com/MagicStack/uvloop/issues/471).
Observed after a refused fetch: a partition started 20 s late, as a consumer did not close.
"""

from __future__ import annotations

from typing import Any

import uvloop

__all__ = ["EventLoop", "EventLoopPolicy"]


CLOSE_LIMIT = 0.5
"""Seconds to wait for a peer's close_notify: all expected responses have arrived by then."""


class _Transport:
    """A transport that drops writes once it is closed."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def write(self, data: Any) -> None:
        """Write, or drop the data: `connection_lost` notifies whoever waits for a response."""
        if not self._transport.is_closing():
            self._transport.write(data)

    def writelines(self, lines: Any) -> None:
        """Write several pieces, or drop them."""
        if not self._transport.is_closing():
            self._transport.writelines(lines)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class EventLoop(uvloop.Loop):
    """uvloop, whose client connections behave as those of asyncio's own loop when they break."""

    async def create_connection(self, *args: Any, **options: Any) -> tuple[Any, Any]:
        """Connect, as `asyncio.loop.create_connection` does."""
        if options.get("ssl"):
            options.setdefault("ssl_shutdown_timeout", CLOSE_LIMIT)
        transport, protocol = await super().create_connection(*args, **options)
        return _Transport(transport), protocol


class EventLoopPolicy(uvloop.EventLoopPolicy):
    """Policy that creates this kind of loop."""

    def new_event_loop(self) -> EventLoop:
        """Create a loop."""
        return EventLoop()
