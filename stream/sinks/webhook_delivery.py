"""Deliveries to one webhook target: order per lead, several leads at once, a circuit breaker."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from stream.process.deadlines import now
from stream.sinks.sink import WRITTEN, Verdict, WriteResult, refuse, retry_later
from stream.sinks.webhook_answer import Answer, Meaning
from stream.sinks.webhook_targets import Target

__all__ = ["Circuit", "Delivery", "Event"]

FAILURES = 5
"""Failures in a row after which a circuit opens."""


class Event(NamedTuple):
    """An event to deliver.

    Attributes
    ----------
    offset
        Its offset: events of one log are delivered at a time.
    event_id
        Its idempotency key.
    body
        What is sent.
    """

    offset: int
    event_id: str
    body: bytes


class Post(Protocol):
    """Sends an event."""

    async def __call__(self, event: Event) -> Answer:
        """Return what came of it."""


class Circuit:
    """A circuit breaker: while it is open, an attempt is made with one event alone.

    The runner's pauses, which double, are those between these attempts.
    """

    def __init__(self) -> None:
        self._failures = 0
        self._quiet_until = 0.0
        self.reason = ""
        """Reason of the last failure."""

    @property
    def is_open(self) -> bool:
        """Whether the target seems to be unavailable."""
        return self._failures >= FAILURES

    @property
    def seconds_to_wait(self) -> float:
        """Seconds for which the target has asked not to be called."""
        return max(0.0, self._quiet_until - now())

    def success(self) -> None:
        """Close it: the target has answered."""
        self._failures = 0

    def failure(self, answer: Answer) -> None:
        """Count a failure; a target that asks to wait opens it at once."""
        self.reason = answer.text
        self._failures += 1
        if answer.after is not None:
            self._failures = max(self._failures, FAILURES)
            self._quiet_until = now() + answer.after


class Delivery:
    """Delivers the events of batches to a target.

    Parameters
    ----------
    target
        The target.
    post
        Sends an event to it.
    """

    def __init__(self, target: Target, post: Post) -> None:
        self.target = target
        self.circuit = Circuit()
        self._post = post
        self._settled: dict[int, Verdict] = {}
        self._failures: Counter[int] = Counter()
        self._has_answered = False

    def begin(self) -> None:
        """Forget the batch before: another one is written for the first time."""
        self._settled.clear()
        self._failures.clear()

    @property
    def is_unavailable(self) -> bool:
        """Whether the last events failed, and the target took none before them."""
        return self.circuit.is_open or not self._has_answered

    async def deliver(self, events: Mapping[str, Sequence[Event]]) -> dict[int, Verdict]:
        """Deliver events that are not settled yet.

        Parameters
        ----------
        events
            By lead, in their order.

        Returns
        -------
        dict
            Verdicts by offset.
        """
        self._has_answered = False
        waiting = deque(
            deque(event for event in of_lead if event.offset not in self._settled)
            for of_lead in events.values()
        )
        while waiting and not waiting[0]:
            waiting.popleft()
        if waiting and not self.circuit.seconds_to_wait:
            if self.circuit.is_open:
                await self._deliver_first(waiting[0])
            if not self.circuit.is_open:
                workers = min(self.target.concurrency, len(waiting))
                async with asyncio.TaskGroup() as tasks:
                    for _ in range(workers):
                        tasks.create_task(self._deliver_leads(waiting))
        later = retry_later(self.circuit.seconds_to_wait or None)
        return {
            event.offset: self._settled.get(event.offset, later)
            for of_lead in events.values()
            for event in of_lead
        }

    async def _deliver_leads(self, waiting: deque[deque[Event]]) -> None:
        while waiting:
            of_lead = waiting.popleft()
            while of_lead and not self.circuit.is_open:
                if not await self._deliver_first(of_lead):
                    break  # later events of the lead wait for this one

    async def _deliver_first(self, of_lead: deque[Event]) -> bool:
        """Deliver the first event of a lead, and return whether it is settled."""
        event = of_lead[0]
        answer = await self._post(event)
        verdict = self._verdict(event.offset, answer)
        if answer.meaning in (Meaning.DELIVERED, Meaning.REFUSED):
            self._has_answered = True
            self.circuit.success()
        else:
            self.circuit.failure(answer)
        if verdict.outcome is WriteResult.RETRY:
            return False
        self._settled[event.offset] = verdict
        of_lead.popleft()
        return True

    def _verdict(self, offset: int, answer: Answer) -> Verdict:
        if answer.meaning is Meaning.DELIVERED:
            return WRITTEN
        if answer.meaning is Meaning.REFUSED:
            return refuse(f"the target {self.target.name} refuses the record: {answer.text}")
        if answer.meaning is Meaning.FAILED:
            self._failures[offset] += 1
            if self._failures[offset] >= self.target.attempts:
                return refuse(
                    f"the target {self.target.name} failed on the record"
                    f" {self.target.attempts} times: {answer.text}"
                )
        return retry_later(answer.after)
