"""A lookup is made if the settings name a registry."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from schemas.errors import StartupError
from schemas.registered import JsonText
from stream.schema_registry import opened
from stream.schema_registry.opened import asked_schemas, open_lookup, with_own_framing
from stream.settings import load_settings
from testing.fake_schema_registry import FakeSchemaRegistry


def test_without_a_registry_there_is_no_lookup() -> None:
    assert open_lookup(load_settings()) is None


def test_with_a_registry_there_is_one_and_its_cache_is_made(tmp_path: Path) -> None:
    lookup = open_lookup(
        load_settings(schema_registry_url="http://127.0.0.1:1", schema_registry_cache=tmp_path)
    )
    assert lookup is not None
    assert any(tmp_path.iterdir())
    asyncio.run(lookup.close())


def test_a_certificate_that_cannot_be_read_prevents_the_start(tmp_path: Path) -> None:
    settings = load_settings(
        schema_registry_url="https://127.0.0.1:1", schema_registry_ssl_cafile=tmp_path / "none.pem"
    )
    with pytest.raises(StartupError, match="LEADSCORE_SCHEMA_REGISTRY_"):
        open_lookup(settings)


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> FakeSchemaRegistry:
    fake = FakeSchemaRegistry()
    monkeypatch.setattr(opened, "open_schema_registry", lambda _: fake)
    return fake


async def test_a_command_asks_for_an_id_once_also_beside_a_running_loop(
    registry: FakeSchemaRegistry,
) -> None:
    header = registry.add({"type": "object"}, "JSON")
    schemas = asked_schemas(load_settings(schema_registry_url="http://registry"))
    assert schemas is not None
    assert schemas.get(header) is JsonText.JSON
    assert schemas.get(header) is JsonText.JSON
    assert registry.asked == [header]
    assert registry.is_closed


def test_a_command_that_sends_nothing_needs_no_id_of_events() -> None:
    settings = load_settings(schema_registry_url="http://registry", output_format="confluent")
    assert with_own_framing(settings).output_format == "avro"
    assert with_own_framing(load_settings(output_format="json")).output_format == "json"
    assert asked_schemas(load_settings()) is None
