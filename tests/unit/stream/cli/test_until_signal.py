"""Work without an end is ended by a signal, and its error is raised."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import socket

import pytest
from aiohttp import ClientSession
from prometheus_client import CollectorRegistry, Gauge

from schemas.errors import FatalError, StartupError
from stream.cli.until_signal import expose_until_signal, until_signal
from stream.settings import load_settings


async def test_a_signal_cancels_the_work() -> None:
    ended = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    await until_signal(work())
    assert ended == [True]


async def test_an_error_of_the_work_is_raised() -> None:
    async def work() -> None:
        raise FatalError("Kafka stopped answering")

    with pytest.raises(FatalError, match="stopped answering"):
        await until_signal(work())


async def test_work_that_ends_by_itself_ends_it() -> None:
    done = []

    async def work() -> None:
        done.append("work")

    await until_signal(work())
    assert done == ["work"]


async def test_metrics_are_exposed_while_the_work_sets_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.cli.until_signal.set_up_logging", lambda _: None)
    registry = CollectorRegistry()
    gauge = Gauge("leadscore_tried", "A gauge.", registry=registry)
    read = []

    async def work() -> None:
        gauge.set(7)
        port = capsys.readouterr().err.split()[-1]
        async with ClientSession() as client, client.get(f"http://127.0.0.1:{port}/metrics") as it:
            read.append(await it.text())
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.Event().wait()

    settings = load_settings(http_host="127.0.0.1")
    await expose_until_signal(settings, registry, 0, work())
    assert "leadscore_tried 7.0" in read[0]


async def test_work_does_not_begin_where_the_port_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It warned of a coroutine that was never awaited, after the sentence on the port."""
    monkeypatch.setattr("stream.cli.until_signal.set_up_logging", lambda _: None)
    work, settings = asyncio.sleep(0), load_settings(http_host="127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartupError):
            await expose_until_signal(settings, CollectorRegistry(), port, work)
    assert inspect.getcoroutinestate(work) == inspect.CORO_CLOSED
