"""A TCP proxy between the workers and Kafka that delays, cuts, half-opens and refuses."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from typing import Any

CHUNK = 64 * 1024
NO_LINGER = struct.pack("ii", 1, 0)
"""Closing sends a reset."""

Pair = tuple[asyncio.StreamWriter, asyncio.StreamWriter]
"""A connection: to the one who asks, and to the one who answers."""


class Proxy:
    """Passes bytes on, in a thread of its own, until a test makes it misbehave.

    Parameters
    ----------
    port
        Where it listens.
    target
        host:port of who answers.
    """

    def __init__(self, port: int, target: str) -> None:
        self.port, self._target = port, target
        self._delay = 0.0
        self._passes = True
        self._refuses = False
        self._connections: set[Pair] = set()
        self._stranded: set[Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.SelectorEventLoop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._call(self._listen())

    # What can be done to those who connect

    def slow(self, seconds: float) -> None:
        """Hold every piece back, both ways; 0 ends it."""
        self._delay = seconds

    def reset(self) -> None:
        """Cut all connections; new ones are let in."""
        self._call(self._cut())

    def refuse(self) -> None:
        """Cut all connections, and every new one at once."""
        self._refuses = True
        self.reset()

    def half_open(self) -> None:
        """Pass nothing on, and say nothing: connections seem to be well, new ones too."""
        self._passes = False

    def strand(self) -> None:
        """Pass nothing on for those who are connected now, as a router that has forgotten them."""
        self._stranded = set(self._connections)

    def heal(self) -> None:
        """Pass all on again; what was held meanwhile is lost with its connections."""
        self._delay, self._refuses = 0.0, False
        if not self._passes:
            self._passes = True
            self.reset()

    def close(self) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # In the thread

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        return await asyncio.start_server(self._connect, "127.0.0.1", self.port)

    async def _cut(self) -> None:
        for pair in list(self._connections):
            for writer in pair:
                _reset(writer)

    async def _end(self) -> None:
        self._server.close()
        await self._cut()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._refuses:
                raise ConnectionRefusedError
            answers, asked = await asyncio.open_connection(*self._target.split(":"))
        except OSError:
            _reset(writer)
            return
        pair = (writer, asked)
        self._connections.add(pair)
        ways = [
            asyncio.create_task(self._pass_on(reader, asked, pair)),
            asyncio.create_task(self._pass_on(answers, writer, pair)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self._tasks.difference_update(ways)
        self._connections.discard(pair)
        for one in pair:
            one.transport.abort()

    async def _pass_on(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pair: Pair
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(CHUNK):
                if self._delay:
                    await asyncio.sleep(self._delay)
                if self._passes and pair not in self._stranded:
                    writer.write(piece)
                    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()
