"""Load over HTTP/1.1 on open connections, cheap enough to share a machine with the server.

Each request is prepared before, and each answer is given to a check.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

__all__ = ["Load", "Requests", "as_fast_as_possible", "at_rate"]

Check = Callable[[int, int, bytes], bool]
"""Returns whether an answer is right, given the number of its request, its status and body."""


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests, and the check of their answers.

    Attributes
    ----------
    contents
        Each request as it is sent.
    is_right
        The check.
    """

    contents: Sequence[bytes]
    is_right: Check


@dataclass(slots=True)
class Load:
    """Outcome of a load.

    Attributes
    ----------
    latencies
        Seconds of each answered request: from when it was sent, or was to be sent.
    wrong
        Answers that the check refused.
    unanswered
        Requests whose connection was closed.
    seconds
        Time of the load.
    """

    latencies: list[float] = field(default_factory=list)
    wrong: int = 0
    unanswered: int = 0
    seconds: float = 0.0

    def percentile(self, share: float) -> float:
        """Return a percentile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


class _Connection(asyncio.Protocol):
    """A connection with one request at a time."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0 or self._answer is None:
            return
        head = self._buffer[:head_end].lower()
        at = head.find(b"\r\ncontent-length:")
        length = int(head[at + 17 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        end = head_end + 4 + length
        if len(self._buffer) < end:
            return
        body, self._buffer = self._buffer[head_end + 4 : end], self._buffer[end:]
        answer, self._answer = self._answer, None
        if not answer.done():
            answer.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionResetError())

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        if self._transport is None:
            raise ConnectionResetError
        answer: asyncio.Future[tuple[int, bytes]] = asyncio.get_running_loop().create_future()
        self._answer = answer
        self._transport.write(request)
        return await answer

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Client:
    """Sends one request after the other, and connects again where a connection was closed."""

    def __init__(self, port: int, requests: Requests, load: Load) -> None:
        self._port = port
        self._requests = requests
        self._load = load
        self._connection: _Connection | None = None

    async def send(self, number: int, since: float) -> None:
        """Send a request; its latency counts from a time."""
        try:
            if self._connection is None:
                loop = asyncio.get_running_loop()
                _, self._connection = await loop.create_connection(
                    _Connection, "127.0.0.1", self._port
                )
            status, body = await self._connection.ask(self._requests.contents[number])
        except OSError:
            self._connection = None
            self._load.unanswered += 1
            await asyncio.sleep(0.01)
            return
        self._load.latencies.append(time.perf_counter() - since)
        if not self._requests.is_right(number, status, body):
            self._load.wrong += 1

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


async def as_fast_as_possible(
    port: int, requests: Requests, *, clients: int, seconds: float
) -> Load:
    """Send requests from clients that each wait for their answer before the next.

    Parameters
    ----------
    port
        Port of the server on 127.0.0.1.
    requests
        Sent in their order, again from the first after the last.
    clients
        Number of connections.
    seconds
        Time of the load.
    """
    load, numbers = Load(), _numbers(len(requests.contents))
    started = time.perf_counter()

    async def run() -> None:
        client = _Client(port, requests, load)
        while (now := time.perf_counter()) - started < seconds:
            await client.send(next(numbers), now)
        client.close()

    await asyncio.gather(*(run() for _ in range(clients)))
    load.seconds = time.perf_counter() - started
    return load


async def at_rate(
    port: int, requests: Requests, *, rate: float, clients: int, seconds: float
) -> Load:
    """Send requests at a rate; a latency counts from when its request was to be sent.

    Parameters
    ----------
    port, requests, clients, seconds
        As above.
    rate
        Requests per second of all clients together, evenly spread.
    """
    load, numbers = Load(), _numbers(len(requests.contents))
    started = time.perf_counter()
    pause = clients / rate

    async def run(first: float) -> None:
        client, due = _Client(port, requests, load), started + first
        while due - started < seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await client.send(next(numbers), due)
            due += pause
        client.close()

    await asyncio.gather(*(run(pause * at / clients) for at in range(clients)))
    load.seconds = time.perf_counter() - started
    return load


def _numbers(count: int) -> Iterator[int]:
    while True:
        yield from range(count)
