"""Signals stop a producer."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from stream.simulator.connection import stop_on_signals


async def test_the_first_signal_stops_and_the_second_cancels() -> None:
    heard = []

    async def body() -> None:
        with stop_on_signals() as stop:
            os.kill(os.getpid(), signal.SIGINT)
            await stop.wait()
            heard.append("first")
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.create_task(body()), 10)
    assert heard == ["first"]
