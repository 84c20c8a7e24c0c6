"""confluent-kafka's client behind the interface: on its own registry in memory."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import AsyncSchemaRegistryClient, Schema, SchemaReference

from schemas.errors import StartupError
from schemas.registered import header_of_id
from stream.broker.node import free_ports
from stream.schema_registry.confluent_client import (
    ConfluentRegistry,
    client_options,
    open_schema_registry,
)
from stream.schema_registry.registry import NotRegisteredError, RegistryUnavailableError
from stream.settings import load_settings

LEAD = json.dumps({"type": "record", "name": "Lead", "fields": []})
ADDRESS = json.dumps({"type": "record", "name": "Address", "fields": []})


@pytest.fixture
def client() -> Any:
    return AsyncSchemaRegistryClient.new_client({"url": "mock://"})


async def test_an_id_has_its_schema_with_what_it_refers_to(client: Any) -> None:
    await client.register_schema("address", Schema(ADDRESS))
    reference = SchemaReference("Address", "address", 1)
    schema_id = await client.register_schema("leads-value", Schema(LEAD, "AVRO", [reference]))
    found = await ConfluentRegistry(client, "here").text_of(header_of_id(schema_id))
    assert (found.kind, found.text, found.references) == ("AVRO", LEAD, [ADDRESS])


async def test_an_id_that_is_not_registered_is_not_found(client: Any) -> None:
    registry = ConfluentRegistry(client, "here")
    with pytest.raises(NotRegisteredError):
        await registry.text_of(header_of_id(99))
    assert await registry.id_of("leads-value", LEAD) is None
    assert await registry.kind_of("leads-value") is None


async def test_a_schema_has_one_id_under_its_subject(client: Any) -> None:
    registry = ConfluentRegistry(client, "here")
    schema_id = await registry.register("leads-value", LEAD)
    assert await registry.id_of("leads-value", LEAD) == schema_id
    assert await registry.kind_of("leads-value") == "AVRO"


async def test_a_registry_that_does_not_answer_is_unavailable() -> None:
    settings = load_settings(schema_registry_url=f"http://user:secret@127.0.0.1:{free_ports(1)[0]}")
    registry = open_schema_registry(settings)
    assert registry is not None
    with pytest.raises(RegistryUnavailableError, match="does not answer") as caught:
        await registry.text_of(header_of_id(1))
    assert "secret" not in str(caught.value)
    await registry.close()


def test_settings_become_the_clients_options(tmp_path: Path) -> None:
    basic = client_options(
        load_settings(
            schema_registry_url="http://a",
            schema_registry_username="u",
            schema_registry_password="p:w",
            schema_registry_ssl_cafile=tmp_path,
        )
    )
    assert basic["basic.auth.user.info"] == "u:p:w"
    assert basic["ssl.ca.location"] == str(tmp_path)
    assert basic["max.retries"] == 0
    token = client_options(
        load_settings(
            schema_registry_url="http://a",
            schema_registry_token="t",
            schema_registry_cluster="lsrc-1",
            schema_registry_ssl_certfile="c",
            schema_registry_ssl_keyfile="k",
            schema_registry_ssl_password="s",
        )
    )
    assert token["bearer.auth.token"] == "t"
    assert token["bearer.auth.logical.cluster"] == "lsrc-1"
    assert (token["ssl.key.location"], token["ssl.key.password"]) == ("k", "s")


def test_without_the_client_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.startswith("confluent_kafka.schema_registry"):
            raise ImportError("No module named 'httpx2'")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(StartupError, match=r"pip install 'leadscore\[registry\]'"):
        open_schema_registry(load_settings(schema_registry_url="http://a"))
