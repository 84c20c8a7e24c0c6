from itertools import islice
from typing import Any

import pytest

from schemas.wire import WireFormat
from stream.simulator.events import EventMaker
from stream.simulator.lead_fields import lead_fields
from stream.simulator.synthetic import synthetic_leads
from testing.schemas import packaged_schema

CONTRACT = packaged_schema("lead_created")


def test_the_same_seed_makes_the_same_leads_and_another_seed_others() -> None:
    first, again, other = (list(islice(synthetic_leads(seed), 50)) for seed in (7, 7, 8))
    assert first == again
    assert {lead.lead_id for lead in first}.isdisjoint(lead.lead_id for lead in other)


def test_ids_are_unique_and_leads_are_created_when_they_are_sent() -> None:
    leads = list(islice(synthetic_leads(1), 2000))
    assert len({lead.lead_id for lead in leads}) == len(leads)
    assert {lead.created_at for lead in leads} == {None}


def test_every_field_of_the_contract_is_filled_and_no_other() -> None:
    names = {field.name for field in lead_fields(CONTRACT.avro)}
    leads = list(islice(synthetic_leads(1), 500))
    assert all(set(lead.fields) == names for lead in leads)
    filled = {name for lead in leads for name, value in lead.fields.items() if value is not None}
    assert filled == names


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
def test_leads_fit_their_contract(wire: Any) -> None:
    as_event = EventMaker(CONTRACT, wire)
    for lead in islice(synthetic_leads(3), 500):
        assert as_event(lead).value


def test_leads_are_as_leads_are() -> None:
    leads: list[Any] = [lead.fields for lead in islice(synthetic_leads(3), 5000)]
    sizes = [lead["company_size"] for lead in leads if lead["company_size"] is not None]
    views = [lead["page_views"] for lead in leads if lead["page_views"] is not None]
    assert min(sizes) >= 1
    assert max(sizes) <= 50_000
    assert sorted(sizes)[len(sizes) // 2] < 100, "most companies are small"
    assert min(views) >= 1
    assert max(views) < 200
    assert 0.3 < len(sizes) / len(leads) < 1.0, "some values are missing"
    assert all(lead["time_on_site"] is None or lead["time_on_site"] > 0 for lead in leads)
