"""Look-ups of leads by id, and whether the lead store answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Any

from monitoring.telemetry.rest_metrics import RestMetrics
from stream.rest.lead_store import LeadStore, StoredLead, StoreUnavailableError
from stream.rest.problems import Problem

__all__ = ["LeadLookups"]

log = logging.getLogger(__name__)

PROBE_SECONDS = 5.0
UNAVAILABLE = Problem(
    503,
    "LEAD_STORE_AWAY",
    "expected the lead store to answer, but it does not (/readyz has the reason): try again after"
    " some seconds, or send whole leads",
    {"Retry-After": "5"},
)


class LeadLookups:
    """Looks leads up, and remembers whether the store answered.

    Parameters
    ----------
    store
        The store.
    metrics
        Record look-ups.

    Attributes
    ----------
    problem
        Why the store is unavailable; None: it answered the last request.
    """

    def __init__(self, store: LeadStore, metrics: RestMetrics) -> None:
        self.problem: str | None = "the lead store has not answered yet"
        self._store = store
        self._metrics = metrics
        metrics.lead_store_up(False)

    async def find(self, ids: Sequence[str]) -> list[StoredLead | None]:
        """Return leads in the order of their ids; None for an unknown id.

        Raises
        ------
        Problem
            503: the store is unavailable.
        """
        started = time.perf_counter()
        try:
            found = await self._store.find(ids)
        except StoreUnavailableError as error:
            self._set(str(error))
            raise UNAVAILABLE from None
        self._set(None)
        leads = [found.get(lead_id) for lead_id in ids]
        self._metrics.looked_up_leads(
            found=sum(lead is not None for lead in leads),
            unknown=leads.count(None),
            seconds=time.perf_counter() - started,
        )
        return leads

    async def run(self) -> None:
        """Probe the store at each interval, until cancelled."""
        while True:
            await self.probe()
            await asyncio.sleep(PROBE_SECONDS)

    async def probe(self) -> None:
        """Ask the store whether it answers."""
        try:
            await self._store.probe()
        except StoreUnavailableError as error:
            self._set(str(error))
        else:
            self._set(None)

    def state(self) -> dict[str, Any]:
        """Return whether the store answered the last time, with the reason if not, as JSON."""
        return {"met": True} if self.problem is None else {"met": False, "reason": self.problem}

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()

    def _set(self, problem: str | None) -> None:
        if problem is None and self.problem is not None:
            log.info("the lead store answers")
        elif problem is not None and problem != self.problem:
            log.warning("the lead store does not answer: %s", problem)
        self.problem = problem
        self._metrics.lead_store_up(problem is None)
