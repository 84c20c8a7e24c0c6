"""Heartbeats of the event loop: a process whose loop is blocked reports that it is not alive."""

from __future__ import annotations

import asyncio
import time

from monitoring.telemetry.health import Health

__all__ = ["HEARTBEAT", "beat"]

HEARTBEAT = 1.0
"""Seconds between two heartbeats of the event loop."""


async def beat(health: Health) -> None:
    """Mark the event loop as alive at regular times, without end."""
    while True:
        health.heartbeat(time.monotonic())
        await asyncio.sleep(HEARTBEAT)
