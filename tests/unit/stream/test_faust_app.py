"""The Faust app: how it ends."""

from __future__ import annotations

import logging
from typing import Any

import faust
import pytest

from stream.faust_app import App
from stream.settings import load_settings


class Producer:
    """Faust's producer; a crash has ended its buffer if asked."""

    def __init__(self, *, is_running: bool) -> None:
        self.is_running = is_running
        self.flushes = 0

    async def flush(self) -> None:
        if not self.is_running:
            raise RuntimeError("Cannot flush: Producer not Running")
        self.flushes += 1


async def _no_checks(_: App) -> None:
    """It would ask Kafka."""


def app_with(producer: Producer) -> Any:
    app: Any = App(load_settings(role="drift"), _no_checks)
    app._producer = producer
    return app


async def test_a_stop_flushes_the_producer() -> None:
    producer = Producer(is_running=True)
    await app_with(producer)._producer_flush(logging.getLogger(__name__))
    assert producer.flushes == 1


async def test_a_stop_after_a_crash_does_not_flush_a_buffer_that_the_crash_ended() -> None:
    """Seen on a secured broker: a traceback beside the sentence that names the missing right."""
    app = app_with(Producer(is_running=False))
    await faust.App.crash(app, RuntimeError("stopped"))
    await app._producer_flush(logging.getLogger(__name__))
    assert app.crashed


def test_faust_still_flushes_by_the_method_that_is_replaced() -> None:
    assert callable(getattr(faust.App, "_producer_flush", None))


@pytest.mark.parametrize("role", ["score", "drift"])
def test_no_role_starts_a_web_server(role: Any) -> None:
    app = App(load_settings(role=role), _no_checks)
    assert not app.BootStrategy.enable_web
