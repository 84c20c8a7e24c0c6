"""Connections that a router has dropped: a heartbeat without an answer renews them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.group import HeartbeatRequest, JoinGroupRequest, SyncGroupRequest

from stream.fetch import silent_connections
from stream.fetch.bounded_responses import BoundedConnection
from stream.fetch.silent_connections import WatchedConnection, limit_heartbeats

HEARTBEAT = SimpleNamespace(API_KEY=HeartbeatRequest.API_KEY)
FETCH = SimpleNamespace(API_KEY=FetchRequest.API_KEY)
LIMIT = 0.05


@pytest.fixture(autouse=True)
def _limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WatchedConnection, "heartbeat_limit", LIMIT)
    monkeypatch.setattr(WatchedConnection, "_open", type(WatchedConnection._open)())
    monkeypatch.setattr(silent_connections, "GRACE", LIMIT)


@pytest.fixture(autouse=True)
def _broker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are pending until ``receive`` answers the oldest."""

    def send(self: Any, request: Any, expect_response: bool = True) -> Awaitable[Any]:
        response = asyncio.get_running_loop().create_future()
        self._requests.append((len(self._requests), request, response))
        return asyncio.wait_for(response, 60)

    def handle(self: Any, frame: bytes) -> None:
        self._requests.popleft()[2].set_result(frame)

    [original] = WatchedConnection.__bases__
    monkeypatch.setattr(original, "send", send)
    monkeypatch.setattr(original, "_handle_frame", handle)


@pytest.fixture
async def connections() -> AsyncIterator[list[WatchedConnection]]:
    """Two connections to a broker, as if they had connected."""
    opened = [WatchedConnection("kafka", 9092) for _ in range(2)]
    for connection in opened:
        connection._reader = asyncio.StreamReader()
        connection._writer = SimpleNamespace(close=lambda: None)
        connection._read_task = asyncio.create_task(asyncio.Event().wait())
    yield opened
    for connection in opened:
        connection.close()


async def test_an_unanswered_heartbeat_times_out(connections: list[WatchedConnection]) -> None:
    with pytest.raises(TimeoutError):
        await connections[0].send(HEARTBEAT)


async def test_an_answered_heartbeat_closes_nothing(connections: list[WatchedConnection]) -> None:
    first, second = connections
    fetch = asyncio.ensure_future(second.send(FETCH))
    heartbeat = asyncio.ensure_future(first.send(HEARTBEAT))
    await asyncio.sleep(0)
    first._handle_frame(b"alive")
    assert await heartbeat == b"alive"
    assert second.connected()
    fetch.cancel()


async def test_other_silent_connections_are_closed(connections: list[WatchedConnection]) -> None:
    """The lookup of the coordinator would wait on them."""
    first, second = connections
    fetch = asyncio.ensure_future(second.send(FETCH))
    with pytest.raises(TimeoutError):
        await first.send(HEARTBEAT)
    assert not second.connected()
    with pytest.raises(Exception, match="closed"):
        await fetch


async def test_arriving_bytes_are_the_last_sign_of_life(
    connections: list[WatchedConnection],
) -> None:
    [connection, _] = connections
    connection._received_at = 0.0
    connection.note_arrival()
    assert 0.0 < connection._received_at <= asyncio.get_running_loop().time()


async def test_a_connection_that_receives_responses_stays(
    connections: list[WatchedConnection],
) -> None:
    first, second = connections
    fetch = asyncio.ensure_future(second.send(FETCH))
    # Later than any stall of a busy machine.
    second._received_at = asyncio.get_running_loop().time() + 60
    with pytest.raises(TimeoutError):
        await first.send(HEARTBEAT)
    assert second.connected()
    fetch.cancel()


async def test_an_idle_connection_is_closed(connections: list[WatchedConnection]) -> None:
    """The next request would wait on it for as long as the client's limit."""
    with pytest.raises(TimeoutError):
        await connections[0].send(HEARTBEAT)
    assert not connections[1].connected()


@pytest.mark.parametrize("request_type", [JoinGroupRequest, SyncGroupRequest])
async def test_a_request_that_waits_for_other_members_is_left_alone(
    connections: list[WatchedConnection], request_type: Any
) -> None:
    first, second = connections
    joining = asyncio.ensure_future(second.send(SimpleNamespace(API_KEY=request_type.API_KEY)))
    with pytest.raises(TimeoutError):
        await first.send(HEARTBEAT)
    assert second.connected()
    joining.cancel()


async def test_an_answer_that_a_busy_event_loop_reads_late_is_taken(
    connections: list[WatchedConnection],
) -> None:
    """The limit has passed when the loop runs again, and the answer is there."""
    heartbeat = asyncio.ensure_future(connections[0].send(HEARTBEAT))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(LIMIT * 1.2, connections[0]._handle_frame, b"alive")
    assert await heartbeat == b"alive"


def test_a_heartbeat_can_be_repeated_within_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    limit_heartbeats(10.0)
    assert WatchedConnection.heartbeat_limit == 4.0
    assert 0.3 * 10 + WatchedConnection.heartbeat_limit + silent_connections.GRACE < 10


def test_aiokafka_connects_with_watched_connections() -> None:
    assert issubclass(BoundedConnection, WatchedConnection)
