"""Detection of connections that a router has dropped: a heartbeat is not answered.

A connection that a router or a firewall has forgotten stays open on both sides, and no byte of it
arrives any more. aiokafka notices when a request has waited for ``request_timeout_ms``. That limit
must exceed the rebalance timeout, because a JoinGroup waits for all members, so it is longer than a
session: the broker would remove the member from its group before the member opened a new
connection.

Brokers answer a heartbeat at once. If an answer is late, the heartbeat's connection is closed, and
so is every other connection of the process that has received nothing for a while, idle ones
included: the lookup of the coordinator, which follows, or the next produce request would wait on
it. Clients open new ones when they need them, and the next heartbeat is sent within the session.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, ClassVar
from weakref import WeakSet

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

__all__ = ["WatchedConnection", "limit_heartbeats"]

PATIENT = frozenset({JoinGroupRequest.API_KEY, SyncGroupRequest.API_KEY})
"""Requests that wait for the other members of the group."""
GRACE = 0.5
"""Seconds in which an answer is read that arrived while the event loop did not run."""


class WatchedConnection(AIOKafkaConnection):
    """A broker connection that is renewed soon after it was dropped on the way.

    Attributes
    ----------
    heartbeat_limit
        Seconds within which a heartbeat is answered. Together with the heartbeat interval it must
        be shorter than the session timeout.
    """

    heartbeat_limit = 4.0
    _open: ClassVar[WeakSet[WatchedConnection]] = WeakSet()

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._received_at = self._loop.time()
        self._open.add(self)

    def send(self, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        """Send a request; return what awaits its response."""
        response: Awaitable[Any] = super().send(request, expect_response)
        if request.API_KEY != HeartbeatRequest.API_KEY:
            return response
        return self._in_time(response)

    def note_arrival(self) -> None:
        """Note that bytes have arrived, be they only a part of a response."""
        self._received_at = self._loop.time()

    async def _in_time(self, response: Awaitable[Any]) -> Any:
        """Return the response; raise a TimeoutError, on which the client closes the connection."""
        answer = asyncio.ensure_future(response)
        try:
            for limit in (self.heartbeat_limit, GRACE):
                await asyncio.wait({answer}, timeout=limit)
            if answer.done():
                return answer.result()
        finally:
            answer.cancel()
        for connection in list(self._open):
            if connection is not self and connection._is_silent(self._loop):
                connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
        raise TimeoutError

    def _is_silent(self, loop: asyncio.AbstractEventLoop) -> bool:
        """Return whether nothing has arrived for half the limit, and a response is due if any."""
        if self._loop is not loop or not self.connected():
            return False
        request = self._requests[0][1] if self._requests else None  # None: authentication, too
        is_patient = request is not None and request.API_KEY in PATIENT
        return not is_patient and loop.time() - self._received_at > self.heartbeat_limit / 2


def limit_heartbeats(session_timeout: float) -> None:
    """Set the time within which heartbeats are answered, for the whole process.

    Parameters
    ----------
    session_timeout
        Seconds. Heartbeats are sent every 0.3 of it, so 0.4 of it leaves the time for another one.
    """
    WatchedConnection.heartbeat_limit = 0.4 * session_timeout
