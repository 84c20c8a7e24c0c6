"""A TCP listener whose connections are bounded: how many, how long, and how much each may send.

aiohttp's server has time-outs for idle connections, but none for a request that is sent slowly or
an answer that is read slowly, and no limit of connections. Here every connection gets one request
and a deadline, whatever it does with them, and the next connection is accepted only when there is
room for it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

__all__ = ["BoundedListener", "ConnectionLimits"]

log = logging.getLogger(__name__)

ACCEPT_PAUSE = 0.5
"""Seconds until the next attempt when the system has no file descriptor for a connection."""
WARNING_INTERVAL = 60.0
"""Seconds between two warnings that connections were closed to make room."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on what clients may use.

    Attributes
    ----------
    connections
        Open connections of all clients together. It is also the number of file descriptors that
        clients can take from the process: a worker has 1,024 on many systems, and needs the rest
        for Kafka.
    seconds
        How long a connection may last, from its acceptance to the last byte of its answer.
    received_bytes
        How much a client may send, head and body of its request together.
    """

    connections: int = 64
    seconds: float = 10.0
    received_bytes: int = 16_384


class BoundedListener:
    """Accepts connections within limits and hands each to a protocol.

    When all connections are taken, the client that has most of them loses its oldest one. So a
    client that opens many and holds them is served from its own share, and others are served too.

    Parameters
    ----------
    make_protocol
        Makes the protocol of a connection, as for `asyncio.loop.create_server`.
    limits
        Limits on what clients may use.
    """

    def __init__(
        self, make_protocol: Callable[[], asyncio.BaseProtocol], limits: ConnectionLimits
    ) -> None:
        self._make_protocol = make_protocol
        self._limits = limits
        self._sockets: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._open: dict[_Connection, None] = {}
        self._crowded_out = 0
        self._warned_at = -WARNING_INTERVAL

    @property
    def port(self) -> int | None:
        """The port of the first address that is listened on; None while there is none."""
        return int(self._sockets[0].getsockname()[1]) if self._sockets else None

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._open)

    async def start(self, host: str, port: int) -> None:
        """Listen on every address of a host; port 0 takes a free one.

        Raises
        ------
        OSError
            An address is not available.
        """
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        try:
            for family, address in dict.fromkeys((family, at) for family, *_, at in found):
                self._sockets.append(self._bound(family, cast("tuple[str, int]", address)))
        except OSError:
            await self.stop_accepting()
            raise
        self._accepting = [asyncio.create_task(self._accept(at)) for at in self._sockets]

    def _bound(self, family: int, address: tuple[str, int]) -> socket.socket:
        """Listen on one address, with no more waiting clients than may be connected."""
        listening = socket.create_server(
            address[:2], family=family, backlog=self._limits.connections
        )
        listening.setblocking(False)
        return listening

    async def stop_accepting(self) -> None:
        """Stop listening; open connections continue until their deadline."""
        for task in self._accepting:
            task.cancel()
        await asyncio.gather(*self._accepting, return_exceptions=True)
        for listening in self._sockets:
            listening.close()
        self._accepting, self._sockets = [], []

    async def _accept(self, listening: socket.socket) -> None:
        """Accept one connection at a time, so that no burst takes more than the limit."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                accepted, address = await loop.sock_accept(listening)
            except OSError as error:  # mostly EMFILE: the descriptors are used up elsewhere
                log.warning("no connection was accepted: %s", error.strerror or error)
                await asyncio.sleep(ACCEPT_PAUSE)
                continue
            self._make_room()
            await self._connect(accepted, str(address[0]))

    async def _connect(self, accepted: socket.socket, client: str) -> None:
        connection = _Connection(self._make_protocol(), self._limits, client, self._closed)
        self._open[connection] = None
        try:
            await asyncio.get_running_loop().connect_accepted_socket(lambda: connection, accepted)
        except OSError:  # the client has gone already
            accepted.close()
            connection.abort()

    def _closed(self, connection: _Connection) -> None:
        self._open.pop(connection, None)

    def _make_room(self) -> None:
        if len(self._open) < self._limits.connections:
            return
        shares = Counter(connection.client for connection in self._open)
        largest = max(shares.values())
        oldest = next(one for one in self._open if shares[one.client] == largest)
        oldest.abort()
        self._warn()

    def _warn(self) -> None:
        self._crowded_out += 1
        now = asyncio.get_running_loop().time()
        if now - self._warned_at < WARNING_INTERVAL:
            return
        log.warning(
            "connections were closed to make room for others: clients hold more of them than the"
            " limit; find who opens them",
            extra={"closed": self._crowded_out, "limit": self._limits.connections},
        )
        self._crowded_out, self._warned_at = 0, now


class _Connection(asyncio.Protocol):
    """Passes a connection's events to its protocol, within the limits."""

    def __init__(
        self,
        protocol: asyncio.BaseProtocol,
        limits: ConnectionLimits,
        client: str,
        closed: Callable[[_Connection], None],
    ) -> None:
        self.client = client
        self._protocol = cast(asyncio.Protocol, protocol)
        self._left = limits.received_bytes
        self._closed = closed
        self._transport: asyncio.Transport | None = None
        self._is_aborted = False
        self._deadline = asyncio.get_running_loop().call_later(limits.seconds, self.abort)

    def abort(self) -> None:
        """Close the connection without waiting for what is not sent yet."""
        self._is_aborted = True
        self._deadline.cancel()
        self._closed(self)
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._is_aborted:  # between its acceptance and now
            self._transport.abort()
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self.abort()
        else:
            self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        self._deadline.cancel()
        self._closed(self)
        self._protocol.connection_lost(error)
