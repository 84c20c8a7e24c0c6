"""Work without an end, until a signal: a screen that is kept up to date, or an exporter."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import closing
from typing import Any

import click
from prometheus_client import CollectorRegistry

from monitoring.telemetry.http import metrics_server
from stream.process.logging import set_up_logging
from stream.settings import Settings
from stream.simulator.connection import stop_on_signals

__all__ = ["expose_until_signal", "until_signal"]


async def until_signal(work: Coroutine[Any, Any, object]) -> None:
    """Run a coroutine until it ends or a signal arrives; raise its error if it fails."""
    with stop_on_signals() as stop:
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, stopping):
                task.cancel()
            outcomes = await asyncio.gather(working, stopping, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


async def expose_until_signal(
    settings: Settings, registry: CollectorRegistry, port: int, work: Coroutine[Any, Any, object]
) -> None:
    """Expose metrics on a port while a coroutine sets them, until a signal.

    Parameters
    ----------
    settings
        The log's format, and the address to listen on.
    registry
        The metrics.
    port
        The port; 0: any free one.
    work
        Sets the metrics, without end.
    """
    set_up_logging(settings)
    with closing(work):  # where the port is taken, it never begins
        async with metrics_server(registry, settings.http_host, port) as server:
            click.echo(f"metrics on port {server.port}", err=True)
            await until_signal(work)
