"""The leads of the demo and their outcomes, sent in parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from schemas.errors import FatalError
from schemas.wire import WireFormat
from stream.simulator.outcomes import OutcomeMaker
from stream.simulator.playing import Event, Lead, Steady
from stream.simulator.run import LeadProducer, Played, play

__all__ = ["LeadQueue", "OutcomeQueue"]


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
    left
        Number of leads that are left.
    """

    def __init__(
        self,
        leads: Sequence[Lead],
        producer: LeadProducer,
        topic: str,
        as_event: Callable[[Lead], Event],
        stop: asyncio.Event,
    ) -> None:
        self._leads = leads
        self._producer = producer
        self._topic = topic
        self._as_event = as_event
        self._stop = stop
        self.left = len(leads)
        self.played = Played()

    async def send(
        self, count: int, rate: float, on_progress: Callable[[Played], None] = lambda _: None
    ) -> None:
        """Send the next leads at a rate per second."""
        start = len(self._leads) - self.left
        part = self._leads[start : start + count]
        self.left -= len(part)
        self.played.join(
            await play(
                part,
                self._producer,
                topic=self._topic,
                as_event=self._as_event,
                pace=Steady(rate),
                stop=self._stop,
                on_progress=on_progress,
            )
        )


class OutcomeQueue:
    """Sends outcomes in parts, as fast as the broker takes them.

    Parameters
    ----------
    outcomes
        The outcome of each lead, in the order of the leads.
    producer, topic, stop
        As for ``play``.
    """

    def __init__(
        self,
        outcomes: Sequence[Lead | None],
        producer: LeadProducer,
        topic: str,
        stop: asyncio.Event,
    ) -> None:
        self._outcomes = outcomes
        self._producer = producer
        self._topic = topic
        self._stop = stop
        self._sent = 0

    async def send(self, leads: int) -> None:
        """Send the outcomes of the next leads; a call ends with its outcome.

        Raises
        ------
        FatalError
            The broker did not take them.
        """
        part = self._outcomes[self._sent : self._sent + leads]
        self._sent += len(part)
        played = await play(
            [outcome for outcome in part if outcome is not None],
            self._producer,
            topic=self._topic,
            as_event=OutcomeMaker(WireFormat.AVRO, after_ms=0),
            stop=self._stop,
        )
        for error, count in played.failed.items():
            raise FatalError(f"{count:,} outcomes were not delivered: {error}")
