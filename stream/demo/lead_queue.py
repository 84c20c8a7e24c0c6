"""The leads of the demo, sent in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import islice

from stream.simulator.playing import Event, Lead, Steady
from stream.simulator.run import LeadProducer, Played, play

__all__ = ["LeadQueue"]


class LeadQueue:
    """Sends leads in parts, and keeps the sum of what was sent.

    Parameters
    ----------
    leads
        All of them.
    producer, topic, as_event, stop
        As for ``play``.

    Attributes
    ----------
    played
        All that was sent.
    """

    def __init__(
        self,
        leads: Iterable[Lead],
        producer: LeadProducer,
        topic: str,
        as_event: Callable[[Lead], Event],
        stop: asyncio.Event,
    ) -> None:
        self._leads = iter(leads)
        self._producer = producer
        self._topic = topic
        self._as_event = as_event
        self.stop = stop
        self.played = Played()

    async def send(
        self,
        count: int | None,
        rate: float,
        on_progress: Callable[[Played], None] = lambda _: None,
    ) -> None:
        """Send some of the leads that are left, or all, at a rate per second."""
        self.played.join(
            await play(
                islice(self._leads, count),
                self._producer,
                topic=self._topic,
                as_event=self._as_event,
                pace=Steady(rate),
                stop=self.stop,
                on_progress=on_progress,
            )
        )
