"""The HTTP port of a worker while a client opens connections and holds them."""

from __future__ import annotations

import asyncio
import resource
import select
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from http import HTTPStatus

import pytest

from model.bundle import Bundle
from stream.broker import BreakableBroker
from stream.simulator.playing import Lead
from testing.kafka_client import until
from tests.chaos.audit import audit
from tests.conftest import StageSetter
from tests.integration.worker_process import WorkerProcess

HELD = 3000
DESCRIPTORS = 256
"""A worker's limit of file descriptors: far fewer than the connections."""
LIMITED = ("sh", "-c", f'ulimit -n {DESCRIPTORS} && exec "{sys.executable}" -m stream worker')
REOPENED = 50
"""Connections that were closed by the worker and are opened again each tenth of a second."""


@contextmanager
def many_file_descriptors() -> Iterator[None]:
    """Raise the limit of open files of this process, for its connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _open(port: int) -> socket.socket:
    """Connect and send half a request."""
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\n")
    client.setblocking(False)
    return client


def _is_closed(client: socket.socket) -> bool:
    poll = select.poll()
    poll.register(client, select.POLLIN)
    return bool(poll.poll(0))


class Holder:
    """A client that opens connections, holds them, and opens those again that are closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._clients: list[socket.socket] = []

    async def fill(self) -> None:
        """Open all of them."""
        while len(self._clients) < HELD:
            await asyncio.to_thread(self._open_some, REOPENED)

    async def hold(self) -> None:
        """Open again what the worker has closed, until cancelled."""
        while True:
            closed = [client for client in self._clients if _is_closed(client)][:REOPENED]
            for client in closed:
                self._clients.remove(client)
                client.close()
            await asyncio.to_thread(self._open_some, len(closed))
            await asyncio.sleep(0.1)

    def _open_some(self, count: int) -> None:
        for _ in range(count):
            with suppress(OSError):  # reset by the worker before half a request was sent
                self._clients.append(_open(self._port))

    def close(self) -> None:
        for client in self._clients:
            client.close()


@asynccontextmanager
async def held(port: int) -> AsyncIterator[None]:
    with many_file_descriptors():
        holder = Holder(port)
        try:
            await holder.fill()
            holding = asyncio.create_task(holder.hold())
            yield
            holding.cancel()
            with suppress(asyncio.CancelledError):
                await holding
        finally:
            holder.close()


async def scraped(worker: WorkerProcess) -> float:
    """Scrape its metrics once; returns how many file descriptors it has open."""
    return await worker.metric("process_open_fds")


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_scraping_and_scoring_continue_while_3000_connections_are_held_and_a_broker_restarts(
    breakable_kafka: BreakableBroker,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: Bundle,
    delivery: str,
) -> None:
    stage = set_stage(breakable_kafka.bootstrap, LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    worker = stage.begin(LIMITED)
    await worker.ready()
    before = await scraped(worker)
    assert worker.port is not None
    async with held(worker.port):
        for _ in range(10):
            assert 0 < await scraped(worker) < before + 80
        await asyncio.to_thread(breakable_kafka.kill)

        async def is_unready() -> bool:
            return (await worker.answer("/readyz"))[0] == HTTPStatus.SERVICE_UNAVAILABLE

        await until(is_unready, what="a worker that misses Kafka")
        await asyncio.to_thread(breakable_kafka.restart)
        await worker.ready()
        played = await stage.play(contacts[:500])
        await stage.until_scored(500)
        for _ in range(10):
            assert 0 < await scraped(worker) < before + 80
    assert "Too many open files" not in worker.log.read_text()
    await audit(stage, bank_model, played)
    await worker.stop_cleanly()
