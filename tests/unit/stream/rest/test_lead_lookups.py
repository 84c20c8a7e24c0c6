"""Look-ups by id: order, unknown ids, and a store that is unavailable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from prometheus_client import CollectorRegistry

from monitoring.telemetry.rest_metrics import RestMetrics
from stream.rest.lead_lookups import LeadLookups
from stream.rest.lead_store import StoredLead, StoreUnavailableError
from stream.rest.problems import Problem


class FakeStore:
    """Leads in memory; away while it has a reason."""

    def __init__(self, **leads: StoredLead) -> None:
        self.leads = leads
        self.reason: str | None = None
        self.is_closed = False

    async def find(self, ids: Sequence[str]) -> Mapping[str, StoredLead]:
        await self.probe()
        return {lead_id: self.leads[lead_id] for lead_id in ids if lead_id in self.leads}

    async def probe(self) -> None:
        if self.reason is not None:
            raise StoreUnavailableError(self.reason)

    async def close(self) -> None:
        self.is_closed = True


async def test_leads_come_in_the_order_of_their_ids_and_unknown_ones_are_counted() -> None:
    registry = CollectorRegistry()
    a, b = StoredLead({"n": 1}, 5), StoredLead({"n": 2}, 6)
    lookups = LeadLookups(FakeStore(a=a, b=b), RestMetrics(registry))
    assert await lookups.find(["b", "x", "a", "b"]) == [b, None, a, b]
    value = registry.get_sample_value
    assert value("leadscore_lead_store_ids_total", {"result": "found"}) == 3
    assert value("leadscore_lead_store_ids_total", {"result": "unknown"}) == 1
    assert value("leadscore_lead_store_seconds_count") == 1


async def test_a_store_that_is_unavailable_is_a_503_and_is_shown_until_it_answers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry, store = CollectorRegistry(), FakeStore()
    lookups = LeadLookups(store, RestMetrics(registry))
    assert lookups.state() == {"met": False, "reason": "the lead store has not answered yet"}
    store.reason = "no disk"
    for _ in range(2):
        with pytest.raises(Problem) as raised:
            await lookups.find(["a"])
    assert (raised.value.status, raised.value.code) == (503, "LEAD_STORE_AWAY")
    assert lookups.state() == {"met": False, "reason": "no disk"}
    assert registry.get_sample_value("leadscore_lead_store_up") == 0
    assert len([at for at in caplog.records if "no disk" in at.message]) == 1
    store.reason = None
    await lookups.probe()
    assert lookups.state() == {"met": True}
    assert registry.get_sample_value("leadscore_lead_store_up") == 1


async def test_it_closes_the_store() -> None:
    store = FakeStore()
    await LeadLookups(store, RestMetrics(CollectorRegistry())).close()
    assert store.is_closed
