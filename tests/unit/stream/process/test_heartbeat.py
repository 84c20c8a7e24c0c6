from __future__ import annotations

import asyncio
from typing import cast

from monitoring.telemetry.health import Health
from stream.process.heartbeat import HEARTBEAT, beat
from testing.jumping_time import in_jumping_time


class Heard:
    """A health that counts heartbeats."""

    def __init__(self) -> None:
        self.beats = 0

    def heartbeat(self, now: float) -> None:
        assert now > 0
        self.beats += 1


@in_jumping_time
async def test_the_loop_is_alive_at_once_and_at_each_interval() -> None:
    heard = Heard()
    beating = asyncio.create_task(beat(cast("Health", heard)))
    await asyncio.sleep(HEARTBEAT / 2)
    assert heard.beats == 1
    await asyncio.sleep(3 * HEARTBEAT)
    assert heard.beats == 4
    beating.cancel()
