"""uvloop as the worker uses it: connections that break or close behave as on asyncio's own loop.

What is written to a connection that has just broken is dropped. asyncio's own loop drops it and
reports the loss by `connection_lost`. uvloop raises RuntimeError, for the turn or two of the loop
in which a client does not know of the loss yet. aiokafka expects an OSError, if any: its tasks end
with it, and those that wait for them wait for ever. Seen after a broker's restart: the metadata
were never read again, the group's coordinator was never found.

A TLS connection closes in half a second at most. uvloop waits 30 s for the peer's close_notify, and
misses it where data arrives at the same time (https://github.com/MagicStack/uvloop/issues/471).
Seen after a refused fetch: a partition began 20 s late, as the consumer that had read for it did
not close.
"""

from __future__ import annotations

from typing import Any

import uvloop

__all__ = ["EventLoop", "EventLoopPolicy"]


CLOSE_LIMIT = 0.5
"""Seconds to wait for a peer's close_notify: all answers that were wanted have come by then."""


class _Transport:
    """A transport that drops what is written to it once it is closed."""

    __slots__ = ("_transport",)

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def write(self, data: Any) -> None:
        """Write, or drop: who waits for an answer is told by the protocol's connection_lost."""
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
    """Has every loop be one of these."""

    def new_event_loop(self) -> EventLoop:
        """Make a loop."""
        return EventLoop()
