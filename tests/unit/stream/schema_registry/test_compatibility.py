"""The check of subjects, their registration, and what a worker refuses to start with."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from schemas.errors import StartupError
from schemas.registered import header_of_id
from schemas.scored_event import scored_event
from schemas.store import parse_schema
from stream.schema_registry.compatibility import check, register, verify_schemas
from stream.schema_registry.lookup import SchemaLookup
from stream.schema_registry.subjects import leads_subject, scored_subject, text_of
from stream.settings import Settings, load_settings
from testing.fake_schema_registry import FakeSchemaRegistry

LEADS, SCORED = "leads.created-value", "leads.scored-value"
CONTRACT = parse_schema(
    {
        "type": "record",
        "name": "Lead",
        "fields": [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}],
    }
)


def settings_of(**given: Any) -> Settings:
    return load_settings(schema_registry_url="http://registry:8081", **given)


def lookup_of(registry: FakeSchemaRegistry) -> SchemaLookup:
    return SchemaLookup(registry, None, wait_limit=1.0, unresolved="stop")


async def test_an_empty_registry_takes_every_schema() -> None:
    registry, subject = FakeSchemaRegistry(), leads_subject(load_settings(), CONTRACT)
    found = await check(registry, subject)
    assert (found.kind, found.schema_id, found.is_compatible) == (None, None, True)
    assert found.problem is None


async def test_registering_sets_the_level_and_is_done_once() -> None:
    registry, subject = FakeSchemaRegistry(), scored_subject(load_settings())
    before = await check(registry, subject)
    assert "FULL_TRANSITIVE for leads.scored-value, found BACKWARD" in str(before.problem)
    done = await register(registry, before)
    assert (done.schema_id, done.level, done.problem) == (1, "FULL_TRANSITIVE", None)
    assert await register(registry, done) == done


async def test_an_incompatible_schema_is_not_registered_and_the_level_stays() -> None:
    registry, subject = FakeSchemaRegistry(), scored_subject(load_settings())
    registry.add({"type": "record", "name": "Other", "fields": []}, subject=SCORED)
    registry.refuses.add(SCORED)
    found = await check(registry, subject)
    assert "is not compatible with the versions of leads.scored-value" in str(found.problem)
    assert await register(registry, found) == found
    assert registry.levels == {}


async def test_a_schema_that_the_stricter_level_refuses_is_reported() -> None:
    registry, subject = FakeSchemaRegistry(), scored_subject(load_settings())
    found = await check(registry, subject)
    registry.refuses.add(SCORED)
    assert not (await register(registry, found)).is_compatible


async def test_leads_in_json_need_no_avro_schema_and_protobuf_is_a_problem() -> None:
    registry, subject = FakeSchemaRegistry(), leads_subject(load_settings(), CONTRACT)
    registry.refuses.add(LEADS)
    registry.add({"type": "object"}, "JSON")
    assert (await check(registry, subject)).problem is None
    registry.add('syntax = "proto3";', "PROTOBUF")
    assert "Protobuf" in str((await check(registry, subject)).problem)


async def test_scored_events_are_not_written_under_a_json_schema_and_the_sentence_says_why() -> (
    None
):
    registry, subject = FakeSchemaRegistry(), scored_subject(load_settings())
    registry.add({"type": "object"}, "JSON", subject=SCORED)
    found = await check(registry, subject)
    assert "no JSON Schema can be given a further property" in str(found.problem)
    assert await register(registry, found) == found
    with pytest.raises(StartupError, match="LEADSCORE_OUTPUT_FORMAT=json"):
        await verify_schemas(settings_of(output_format="confluent"), lookup_of(registry), None)


async def test_a_worker_that_writes_avro_needs_no_id() -> None:
    lookup = lookup_of(FakeSchemaRegistry())
    await verify_schemas(settings_of(), lookup, CONTRACT)
    assert lookup.registered.header_to_write(scored_event().schema) is None


async def test_a_worker_does_not_start_if_leads_are_incompatible() -> None:
    registry = FakeSchemaRegistry()
    registry.add({"type": "record", "name": "Other", "fields": []})
    registry.refuses.add(LEADS)
    with pytest.raises(StartupError, match=f"not compatible with the versions of {LEADS}"):
        await verify_schemas(settings_of(), lookup_of(registry), CONTRACT)


async def test_a_worker_that_writes_the_framing_learns_its_id() -> None:
    registry, schema = FakeSchemaRegistry(), scored_event().schema
    registry.add(text_of(schema), subject=SCORED)
    registry.levels[SCORED] = "FULL_TRANSITIVE"
    lookup = lookup_of(registry)
    await verify_schemas(settings_of(output_format="confluent"), lookup, None)
    assert lookup.registered.header_to_write(schema) == header_of_id(1)


async def test_a_worker_does_not_start_without_an_id_to_write() -> None:
    registry, settings = FakeSchemaRegistry(), settings_of(output_format="confluent")
    with pytest.raises(StartupError, match="leadscore schemas register"):
        await verify_schemas(settings, lookup_of(registry), None)
    registry.is_unavailable = True
    with pytest.raises(StartupError, match="does not answer: start the registry"):
        await verify_schemas(settings, lookup_of(registry), None)


async def test_a_registry_that_is_unavailable_is_reported_and_does_not_prevent_reading(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry = FakeSchemaRegistry()
    registry.is_unavailable = True
    with caplog.at_level(logging.WARNING):
        await verify_schemas(settings_of(), lookup_of(registry), CONTRACT)
    assert "compatibility of schemas is not checked" in caplog.text


async def test_a_weak_level_is_reported_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    registry = FakeSchemaRegistry()
    registry.levels[LEADS] = "NONE"
    with caplog.at_level(logging.WARNING):
        await verify_schemas(settings_of(), lookup_of(registry), CONTRACT)
    assert "expected the compatibility level BACKWARD" in caplog.text
