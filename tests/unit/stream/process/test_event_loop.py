from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.certificates import Authority

uvloop = pytest.importorskip("uvloop")
from stream.process.event_loop import EventLoop, EventLoopPolicy  # noqa: E402


class Client(asyncio.Protocol):
    """A client that writes once more at the very moment its connection is lost."""

    def __init__(self) -> None:
        self.lost = asyncio.get_running_loop().create_future()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost.set_result(exc)


async def write_to_a_broken_connection(write: Callable[[asyncio.Transport], None]) -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    server = await asyncio.start_server(reset, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        loop = asyncio.get_running_loop()
        transport, client = await loop.create_connection(Client, host, port)
        await client.lost
        assert transport.is_closing()
        write(transport)
        transport.close()


def write(transport: asyncio.Transport) -> None:
    transport.write(b"to nobody")


def write_lines(transport: asyncio.Transport) -> None:
    transport.writelines([b"to ", b"nobody"])


def run(make_loop: Callable[[], asyncio.AbstractEventLoop], call: Callable[..., None]) -> None:
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(write_to_a_broken_connection(call))


@pytest.mark.parametrize(
    ("make_loop", "call"),
    [
        (EventLoop, write),
        (EventLoop, write_lines),
        (asyncio.SelectorEventLoop, write),  # its writelines raises too, from Python 3.12 on
    ],
)
def test_data_written_to_a_broken_connection_is_dropped(
    make_loop: Callable[[], asyncio.AbstractEventLoop], call: Callable[..., None]
) -> None:
    run(make_loop, call)


def test_uvloop_itself_raises_what_no_client_expects() -> None:
    """Once this fails, stream/process/event_loop.py has no reason to be any more."""
    with pytest.raises(RuntimeError, match="handler is closed"):
        run(uvloop.Loop, write)


@contextmanager
def silent_peer(folder: Path) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Run a TLS server that never answers a close_notify; yield its port and a client context."""
    authority = Authority(folder)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(authority.sign("peer", alternatives=("127.0.0.1",)))
    end = threading.Event()

    def serve() -> None:
        connection, _ = listening.accept()
        with own.wrap_socket(connection, server_side=True):
            end.wait()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            context = ssl.create_default_context(cafile=authority.certificate)
            yield listening.getsockname()[1], context
        finally:
            end.set()
            thread.join()


async def is_closed_within(seconds: float, port: int, context: ssl.SSLContext) -> bool:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(Client, "127.0.0.1", port, ssl=context)
    transport.close()
    try:
        async with asyncio.timeout(seconds):
            await asyncio.shield(client.lost)
    except TimeoutError:
        return False
    else:
        return True
    finally:
        transport.abort()
        await client.lost


def test_a_tls_connection_closes_though_the_peer_does_not_answer(tmp_path: Path) -> None:
    with silent_peer(tmp_path) as peer, asyncio.Runner(loop_factory=EventLoop) as runner:
        assert runner.run(is_closed_within(10, *peer))


def test_uvloop_itself_waits_for_the_answer(tmp_path: Path) -> None:
    """Once this fails, CLOSE_LIMIT has no reason to be any more."""
    with (
        silent_peer(tmp_path) as peer,
        asyncio.Runner(loop_factory=uvloop.Loop) as runner,
    ):
        assert not runner.run(is_closed_within(2, *peer))


def test_the_policy_makes_such_loops() -> None:
    loop = EventLoopPolicy().new_event_loop()
    loop.close()
    assert isinstance(loop, EventLoop)
