"""The CRM of a test: contacts at a steady rate, some of them broken, until it has enough."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count

from schemas.wire import WireFormat
from stream.simulator.events import EventMaker
from stream.simulator.playing import Event, Lead
from stream.simulator.run import Played
from tests.integration.worker_process import CONTACT, Stage

RATE = 1500
"""Leads a second: a worker keeps up with it on half a core."""
POISON = 0.01
"""Share of broken events, of every kind in turn."""
STEP_MS = 100
"""Between the event times of two leads: some thousand leads make a window of drift."""
AGO_S = 12 * 3600


class Traffic:
    """Leads on their way to the source topic."""

    def __init__(
        self, stage: Stage, contacts: list[Lead], as_event: Callable[[Lead], Event], rate: float
    ) -> None:
        self._stop = asyncio.Event()
        self._playing = asyncio.create_task(
            stage.play(over_and_over(contacts), rate=rate, as_event=as_event, stop=self._stop)
        )

    async def end(self) -> Played:
        """Stop it; returns what was sent, which is all that was to be."""
        self._stop.set()
        played = await self._playing
        assert played.complete
        return played

    async def abandon(self) -> None:
        self._playing.cancel()
        await asyncio.gather(self._playing, return_exceptions=True)


def over_and_over(contacts: list[Lead]) -> Iterator[Lead]:
    begin = int((time.time() - AGO_S) * 1000)
    for i in count():
        lead = contacts[i % len(contacts)]
        yield lead._replace(lead_id=f"{i}-{lead.lead_id}", created_at=begin + i * STEP_MS)


@asynccontextmanager
async def streaming(
    stage: Stage, contacts: list[Lead], seed: int = 0, *, rate: float = RATE, poison: float = POISON
) -> AsyncIterator[Traffic]:
    """Send leads while the body runs."""
    as_event = EventMaker(CONTACT, WireFormat.AVRO, bad_share=poison, seed=seed)
    traffic = Traffic(stage, contacts, as_event, rate)
    try:
        yield traffic
    finally:
        await traffic.abandon()
