"""Every defect meets its verdict; the worker's decoder is the judge."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from schemas.decode import LeadDecoder
from schemas.errors import ErrorCode
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.simulator.broken import DEFECTS, BrokenMix
from stream.simulator.events import EventMaker
from stream.simulator.lead_fields import lead_fields
from stream.simulator.playing import Lead
from stream.simulator.synthetic import synthetic_leads
from testing.schemas import packaged_schema

STORE = SchemaStore.load()
LEAD_CREATED = packaged_schema("lead_created")
MAX_BYTES = 4096


def decoder(schema: Any, store: Any = STORE) -> Any:
    kinds = {field.name: field.kind for field in lead_fields(schema.avro) if field.kind}
    return LeadDecoder(store, kinds, max_bytes=MAX_BYTES)


def verdicts(schema: Any, values: Any, store: Any = STORE) -> Any:
    decoded = decoder(schema, store).decode(values)
    codes = dict.fromkeys(decoded.positions)
    return codes | {position: error.code for position, error in decoded.errors}


def records(schema: Any, count: Any) -> Iterator[Any]:
    """Leads of any contract, every field filled."""
    for number in range(count):
        filled = {
            field.name: FILLED.get(field.avro_type, "a") for field in lead_fields(schema.avro)
        }
        yield {"lead_id": f"lead-{number}", "created_at": 1_700_000_000_000 + number, **filled}


FILLED = {"int": 3, "long": 3, "float": 0.5, "double": 0.5, "boolean": True}


@pytest.mark.parametrize("contract", ["lead_created", "bank_contact"])
@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
def test_every_defect_meets_its_verdict(contract: str, wire: Any) -> None:
    schema = packaged_schema(contract)
    mix = BrokenMix(schema, wire, max_bytes=MAX_BYTES, seed=3)
    broken = [mix.spoil(record) for record in records(schema, 40 * len(mix.defects))]
    seen = verdicts(schema, [event.value for event in broken])
    for position, event in enumerate(broken):
        expected = None if event.code is ErrorCode.FEATURES else event.code
        assert seen[position] == expected, event


@pytest.mark.parametrize("contract", ["lead_created", "bank_contact"])
def test_the_mix_has_every_defect_equally_often(contract: str) -> None:
    schema = packaged_schema(contract)
    mix = BrokenMix(schema, WireFormat.AVRO, max_bytes=MAX_BYTES, seed=3)
    kinds = Counter(mix.spoil(record).kind for record in records(schema, 10 * len(DEFECTS)))
    assert kinds == dict.fromkeys((defect.name for defect in DEFECTS), 10)


def test_a_contract_without_numbers_has_no_infinite_ones_and_its_texts_are_broken() -> None:
    store = SchemaStore.load()
    schema = store.add(
        {
            "type": "record",
            "name": "plain_lead",
            "fields": [
                {"name": "lead_id", "type": "string"},
                {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                {"name": "colour", "type": "string"},
            ],
        }
    )
    mix = BrokenMix(schema, WireFormat.AVRO, max_bytes=MAX_BYTES, seed=3)
    names = {defect.name for defect in mix.defects}
    assert {defect.name for defect in DEFECTS} - names == {"not_finite", "too_few_fields"}
    broken = [mix.spoil(record) for record in records(schema, len(mix.defects))]
    assert verdicts(schema, [event.value for event in broken], store) == {
        position: event.code for position, event in enumerate(broken)
    }


def test_the_share_of_broken_leads_is_kept_and_the_others_are_good() -> None:
    as_event = EventMaker(LEAD_CREATED, bad_share=0.1, max_bytes=MAX_BYTES, seed=5)
    leads = list(islice(synthetic_leads(5), 3000))
    events = [as_event(lead) for lead in leads]
    assert [event.key for event in events] == [lead.lead_id.encode() for lead in leads]
    broken = [event for event in events if event.code is not None]
    assert 250 < len(broken) < 350
    seen = verdicts(LEAD_CREATED, [event.value for event in events if event.code is None])
    assert set(seen.values()) == {None}


def test_the_same_seed_breaks_the_same_leads_in_the_same_way() -> None:
    leads = [Lead(f"lead-{number}", number, {}) for number in range(300)]
    leads = [lead._replace(fields=next(synthetic_leads(2)).fields) for lead in leads]

    def play(seed: Any) -> Any:
        as_event = EventMaker(LEAD_CREATED, bad_share=0.5, max_bytes=MAX_BYTES, seed=seed)
        return [as_event(lead) for lead in leads]

    assert play(1) == play(1)
    assert play(1) != play(2)
