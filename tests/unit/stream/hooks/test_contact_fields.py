"""Fields of a lead from a CRM's texts."""

from __future__ import annotations

from schemas.store import parse_schema
from stream.hooks.contact_fields import ContactFields
from testing.schemas import packaged_schema

LEAD = packaged_schema("lead_created")


def test_texts_become_numbers_where_the_contract_has_numbers() -> None:
    fields = ContactFields(
        {"company_size": "employees", "industry": "industry", "budget": "b"}, LEAD
    )
    assert fields.names == ("employees", "industry", "b")
    record = {"employees": " 250 ", "industry": "12", "b": "3"}
    assert fields.of(record) == {"company_size": 250.0, "industry": "12", "budget": "3"}
    assert fields.of({"employees": "many", "industry": ""}) == {
        "company_size": "many",
        "industry": None,
        "budget": None,
    }
    assert fields.of({"employees": 7})["company_size"] == 7


def test_truths_are_read_where_the_contract_has_them() -> None:
    contract = parse_schema(
        {
            "type": "record",
            "name": "lead",
            "fields": [
                {"name": "lead_id", "type": "string"},
                {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
                {"name": "subscribed", "type": ["null", "boolean"]},
            ],
        }
    )
    fields = ContactFields({"subscribed": "s", "created_at": "c"}, contract)
    assert fields.of({"s": "True", "c": "2026-01-01"}) == {
        "subscribed": True,
        "created_at": "2026-01-01",
    }
    assert fields.of({"s": "perhaps"})["subscribed"] == "perhaps"
