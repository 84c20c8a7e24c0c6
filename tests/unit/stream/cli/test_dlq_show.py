"""`leadscore dlq show` without Kafka: the letter at a place, or why there is none."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.store import parse_schema
from schemas.wire import WireFormat
from stream.cli import dlq_show as module
from stream.dead_letters.dead_letter_log import Span
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.access import Use
from stream.settings import Settings
from testing.dead_letters import dead_letter
from testing.fake_schema_registry import FakeSchemaRegistry
from testing.schemas import packaged_schema
from tests.unit.small_model import small_model

FILES = [("leadscore.sink", b"files")]


def run(*arguments: str) -> Any:
    return CliRunner().invoke(module.show, list(arguments))


class FakeLog:
    """A topic with two records: one that can't be read, and one of another program."""

    topic = "leads.created.dlq"

    async def spans(self, use: Use) -> Mapping[int, Span]:
        return {0: Span(3, 5)}

    async def read_all(self, spans: Mapping[int, Span]) -> AsyncIterator[RawRecord]:
        records = (
            UnreadableRecord(0, 3, 0, None, None, (), Problem.CHECKSUM, "its checksum is wrong"),
            RawRecord(0, 4, 0, None, b"x", ()),
        )
        for record in records:
            if spans[0].start <= record.offset < spans[0].end:
                yield record


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("0/3", "expected a readable record at 0/3.*but its checksum is wrong.*runbook"),
        ("0/4", "expected a dead letter at 0/4.*but there is none"),
        ("0/5", "there is none"),
        ("7/3", "there is none"),
    ],
    ids=["unreadable", "foreign", "beyond the end", "no such partition"],
)
def test_a_place_without_a_letter_is_an_error_with_the_reason(
    place: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DeadLetterLog", lambda *_: FakeLog())
    result = run(place)
    assert result.exit_code == 2
    assert re.search(says, result.stderr)


class OneLetter(FakeLog):
    """A topic with a letter whose value is behind an id of a schema registry."""

    def __init__(self, value: bytes) -> None:
        self._letter = dead_letter(value, b"ann")

    async def spans(self, use: Use) -> Mapping[int, Span]:
        return {0: Span(3, 4)}

    async def read_all(self, spans: Mapping[int, Span]) -> AsyncIterator[RawRecord]:
        yield RawRecord(0, 3, 0, self._letter.key, self._letter.value, self._letter.headers)


def test_a_letter_of_a_sink_is_read_from_the_topic_of_sinks_with_its_rights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, Use]] = []

    class SinkLog(OneLetter):
        def __init__(self, settings: Settings, topic: str) -> None:
            self._letter = dead_letter(None, b"ann", code=ErrorCode.TOO_LARGE, headers=FILES)
            self.topic = topic

        async def spans(self, use: Use) -> Mapping[int, Span]:
            asked.append((self.topic, use))
            return await super().spans(use)

    monkeypatch.setattr(module, "DeadLetterLog", SinkLog)
    shown = orjson.loads(run("0/3", "--sinks", "--json").stdout)
    assert asked == [("leads.sinks.dlq", Use.SINK_REDRIVE)]
    assert (shown["sink"], shown["value_from"]) == ("files", "foreign"), "no lead's topic is read"
    printed = run("0/3", "--sinks").stdout
    assert "sink         files" in printed
    assert "not sent again" not in printed


def test_a_lead_of_the_models_own_contract_is_decoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Its schema was not known, so a letter of it showed no field."""
    contract = {**packaged_schema("lead_created").avro, "name": "crm_lead"}
    model = small_model(tmp_path, contract)
    schema = parse_schema(contract, "the contract")
    record = {"lead_id": "ann", "created_at": 1_700_000_000_000}
    value = encode_lead(record, schema, WireFormat.AVRO)
    monkeypatch.setattr(module, "DeadLetterLog", lambda *_: OneLetter(value[:-1]))
    monkeypatch.setenv("LEADSCORE_REGISTRY", str(model.registry))
    monkeypatch.setenv("LEADSCORE_MODEL", "leads")
    shown = orjson.loads(run("0/3", "--json").stdout)
    assert (shown["schema"], shown["broken_at"]) == (schema.full_name, len(value) - 1)
    assert [found["name"] for found in shown["fields"]] == list(schema.fields)[:-1]
    monkeypatch.setenv("LEADSCORE_REGISTRY", str(tmp_path / "nowhere"))
    shown = orjson.loads(run("0/3", "--json").stdout)
    assert shown["broken_at"] == 2, "without the model the rest is shown"


@pytest.mark.parametrize("is_unavailable", [False, True])
def test_a_letter_in_confluents_framing_is_decoded_by_the_registry(
    monkeypatch: pytest.MonkeyPatch, is_unavailable: bool
) -> None:
    """Without an answer of the registry the rest is shown, and why there are no fields."""
    schema = packaged_schema("lead_created")
    registry = FakeSchemaRegistry()
    header = registry.add(schema.avro)
    registry.is_unavailable = is_unavailable
    record = {"lead_id": "ann", "created_at": 1_700_000_000_000}
    datum = encode_lead(record, schema, WireFormat.AVRO)[len(schema.header) :]
    monkeypatch.setattr(module, "DeadLetterLog", lambda *_: OneLetter(header + datum))
    monkeypatch.setitem(module.ASKED_ONCE, "schema_registry_wait_seconds", 0.1)
    monkeypatch.setattr("stream.schema_registry.opened.open_schema_registry", lambda _: registry)
    monkeypatch.setenv("LEADSCORE_SCHEMA_REGISTRY_URL", "http://127.0.0.1:1")
    result = run("0/3", "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    shown = orjson.loads(result.stdout)
    if is_unavailable:
        assert (shown["fields"], shown["broken_at"]) == ([], 5)
        assert "expected the schema registry to have schema id" in shown["reason"]
    else:
        assert (shown["schema"], shown["broken_at"]) == (schema.full_name, None)
        assert {found["name"] for found in shown["fields"]} == schema.fields.keys()
