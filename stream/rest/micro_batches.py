"""Collects the leads of requests that arrive together, so that the model scores them in one call.

The cost of a call is much the same for one lead and for fifty. No request waits for others: one
that arrives while nothing is scored is scored at once, and those that arrive meanwhile are the next
batch. So batches grow with the load.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from stream.rest.leads import RestLead
from stream.rest.scoring import Answer

__all__ = ["MicroBatches", "OverloadedError"]

MOST_LEADS = 512
"""Leads of a call, unless one request has more."""
INLINE = 32
"""Leads up to which a call runs in the event loop: it takes less than a change of threads."""


class OverloadedError(Exception):
    """Too many leads wait."""


class _Waiting(NamedTuple):
    leads: Sequence[RestLead]
    answers: asyncio.Future[list[Answer]]


class MicroBatches:
    """Scores requests in batches.

    Parameters
    ----------
    score
        Scores leads; safe in a thread.
    on_batch
        Called with the number of leads of each call.
    most_waiting
        Leads that may wait; a request beyond them is refused.
    """

    def __init__(
        self,
        score: Callable[[Sequence[RestLead]], list[Answer]],
        on_batch: Callable[[int], None],
        most_waiting: int,
    ) -> None:
        self._score = score
        self._on_batch = on_batch
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting] = deque()
        self._leads_waiting = 0
        self._has_work = asyncio.Event()

    async def score(self, leads: Sequence[RestLead]) -> list[Answer]:
        """Return the answers to a request's leads.

        Raises
        ------
        OverloadedError
            Too many leads wait.
        NoModelError
            No model is loaded.
        """
        if self._leads_waiting and self._leads_waiting + len(leads) > self._most_waiting:
            raise OverloadedError
        answers: asyncio.Future[list[Answer]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(leads, answers))
        self._leads_waiting += len(leads)
        self._has_work.set()
        return await answers

    async def run(self) -> None:
        """Score what waits, until cancelled."""
        while True:
            await self._has_work.wait()
            await asyncio.sleep(0)  # requests of the same turn of the loop join
            batch = self._take()
            if batch:
                await self._answer(batch)

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        size = 0
        while self._waiting and (not batch or size + len(self._waiting[0].leads) <= MOST_LEADS):
            request = self._waiting.popleft()
            self._leads_waiting -= len(request.leads)
            if not request.answers.done():  # its client has gone
                batch.append(request)
                size += len(request.leads)
        if not self._waiting:
            self._has_work.clear()
        return batch

    async def _answer(self, batch: Sequence[_Waiting]) -> None:
        leads = [lead for request in batch for lead in request.leads]
        self._on_batch(len(leads))
        try:
            if len(leads) <= INLINE:
                answers = self._score(leads)
            else:
                answers = await asyncio.to_thread(self._score, leads)
        except Exception as error:
            for request in batch:
                if not request.answers.done():
                    request.answers.set_exception(error)
            return
        first = 0
        for request in batch:
            after = first + len(request.leads)
            if not request.answers.done():
                request.answers.set_result(answers[first:after])
            first = after
