"""Leads and scored events in Confluent's framing, with a real registry and real Kafka.

The registry is Apicurio. Leads are written, and scored events read, by Confluent's own serializers.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from click.testing import CliRunner
from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.serialization import MessageField, SerializationContext

from schemas.errors import ErrorCode
from schemas.registered import header_of_id
from schemas.scored_event import scored_event
from stream.broker import Broker
from stream.cli.schemas import schemas
from stream.outcomes.score_reader import ScoreReader
from stream.schema_registry.opened import asked_schemas
from stream.simulator.playing import Lead
from stream.sinks.json_line_file import lines_of
from stream.sinks.reading import Content
from testing.apicurio import ApicurioRegistry
from testing.kafka_client import TopicFactory, read_all, until
from tests.conftest import StageSetter
from tests.integration.sink_process import begin_sink, until_written
from tests.integration.worker_process import CONTACT, Stage, WorkerProcess, headers_of

LEADS = 40
"""Number of leads in each format."""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ApicurioRegistry]:
    """A registry of this test alone, which it may kill."""
    opened = ApicurioRegistry(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
async def framed(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter, registry: ApicurioRegistry
) -> AsyncIterator[Stage]:
    """A stage whose workers read and write the framing."""
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_SCHEMA_REGISTRY_URL=registry.url,
        LEADSCORE_OUTPUT_FORMAT="confluent",
        LEADSCORE_SCHEMA_REGISTRY_WAIT_SECONDS="600",
    )
    await stage.create_topics()
    yield stage
    stage.end()


async def leadscore_schemas(stage: Stage, command: str) -> tuple[int, list[dict[str, Any]]]:
    """Run `leadscore schemas` as the stage's workers are set; return exit code and NDJSON."""
    run = CliRunner(env=stage.environment).invoke
    result = await asyncio.to_thread(run, schemas, [command, "--json"])
    return result.exit_code, [orjson.loads(line) for line in result.stdout.splitlines()]


async def send(stage: Stage, values: list[bytes], partition: int) -> None:
    async with AIOKafkaProducer(
        bootstrap_servers=stage.settings.kafka_bootstrap_servers
    ) as producer:
        for value in values:
            await producer.send_and_wait(stage.settings.leads_created, value, partition=partition)


class Crm:
    """Writes leads with Confluent's serializers."""

    def __init__(self, stage: Stage, url: str, contacts: list[Lead]) -> None:
        self.client = SchemaRegistryClient({"url": url})
        self._topic = stage.settings.leads_created
        self._contacts = contacts
        self._context = SerializationContext(self._topic, MessageField.VALUE)

    def records(self, prefix: str) -> list[dict[str, Any]]:
        """Return the same contacts under ids that begin with a prefix."""
        return [
            {**lead.fields, "lead_id": f"{prefix}-{i}", "created_at": lead.created_at}
            for i, lead in enumerate(self._contacts[:LEADS])
        ]

    def avro(self, prefix: str) -> list[bytes]:
        """Return leads by AvroSerializer, which registers the schema under the topic's subject."""
        serializer = AvroSerializer(self.client, json.dumps(CONTACT.avro))
        return [serializer(record, self._context) for record in self.records(prefix)]

    def referenced(self, prefix: str) -> list[bytes]:
        """Return leads of a union of two types that other subjects have."""
        note: Any = {"type": "record", "name": "crm.Note", "fields": []}
        names = ["crm.Note", CONTACT.full_name]
        for name, avro in zip(names, (note, CONTACT.avro), strict=True):
            self.client.register_schema(name, Schema(json.dumps(avro)))
        union = Schema(
            json.dumps(names), "AVRO", [SchemaReference(name, name, 1) for name in names]
        )
        schema_id = self.client.register_schema("referenced-value", union)
        plain = self.avro(prefix)
        return [header_of_id(schema_id) + b"\x02" + value[5:] for value in plain]

    def json(self, prefix: str) -> list[bytes]:
        """Return leads by JSONSerializer."""
        schema = json.dumps(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "title": "Lead",
                "type": "object",
            }
        )
        serializer = JSONSerializer(
            schema, self.client, conf={"subject.name.strategy": lambda *_: "json-value"}
        )
        return [serializer(record, self._context) for record in self.records(prefix)]

    def protobuf(self) -> bytes:
        """Return a value whose id belongs to a Protobuf schema."""
        text = 'syntax = "proto3";\nmessage Lead { string lead_id = 1; }'
        schema_id = self.client.register_schema("proto-value", Schema(text, "PROTOBUF"))
        return header_of_id(schema_id) + b"\0\x0a\x01a"


async def scored(stage: Stage, count: int) -> list[Any]:
    found: list[Any] = []

    async def has_all() -> bool:
        found[:] = await read_all(
            stage.settings.kafka_bootstrap_servers, stage.settings.leads_scored
        )
        return len(found) >= count

    await until(has_all, within=120, what=f"{count} scored events")
    return found


# Confluent's serializers leave the connections of their client open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.thorough
async def test_leads_of_confluents_serializers_are_scored_alike_and_their_deserializer_reads_them(
    framed: Stage, registry: ApicurioRegistry, contacts: list[Lead]
) -> None:
    crm = Crm(framed, registry.url, contacts)
    by_format = [crm.avro("avro"), crm.referenced("union"), crm.json("json")]
    odd = [crm.protobuf(), header_of_id(4_000_000) + b"x"]
    code, before = await leadscore_schemas(framed, "check")
    assert (code, [row["state"] for row in before]) == (1, ["wrong", "wrong"])
    code, after = await leadscore_schemas(framed, "register")
    assert (code, [row["state"] for row in after]) == (0, ["ok", "ok"])
    assert [row["level"] for row in after] == ["BACKWARD", "FULL_TRANSITIVE"]
    worker = await framed.start()
    for partition, values in enumerate([*by_format, odd]):
        await send(framed, values, partition)
    events = await scored(framed, 3 * LEADS)
    deserializer = AvroDeserializer(SchemaRegistryClient({"url": registry.url}))
    read = [deserializer(event.value, None) for event in events]
    assert {frozenset(event) for event in read} == {
        frozenset(entry["name"] for entry in scored_event().schema.avro["fields"])
    }
    await _example_reads(framed, len(read))
    scores: dict[str, dict[str, float]] = {}
    for event in read:
        prefix, _, number = event["lead_id"].partition("-")
        scores.setdefault(prefix, {})[number] = event["score"]
    assert set(scores) == {"avro", "union", "json"}
    assert scores["avro"] == scores["union"] == scores["json"]
    letters = await read_all(
        framed.settings.kafka_bootstrap_servers, framed.settings.leads_created_dlq
    )
    assert [headers_of(letter)["leadscore.error.code"] for letter in letters] == [
        ErrorCode.PROTOBUF.value.encode(),
        ErrorCode.SCHEMA_ID.value.encode(),
    ]
    by_lead = {event["lead_id"]: event["score"] for event in read}
    await _sinks_write(framed, by_lead)
    reader = ScoreReader(by_creation=False, registered=asked_schemas(framed.settings))
    joined = reader.read(events)
    assert {lead.lead_id.decode(): lead.score for lead in joined.scores} == by_lead
    # Away: what is known continues, an id that is not known waits until the registry is back.
    later = crm.avro("later")
    registry.close()
    await send(framed, later, 0)
    await scored(framed, 4 * LEADS)
    assert await worker.metric("leadscore_schema_waiting_partitions") == 0
    unknown = header_of_id(4_000_001)
    await send(framed, [unknown + b"x"], 1)
    await until(lambda: _waits(worker), within=60, what="a partition that waits for the registry")
    registry.start()
    await until(lambda: _has_gone_on(worker), within=60, what="the partition to continue")
    assert await worker.stop() == 0
    assert {error["logger"] for error in worker.errors()} <= {
        "stream.schema_registry.lookup",  # the Protobuf schema, and the two ids that are not there
        "stream.consume.stuck_partitions",  # while the registry is unavailable
    }


async def _example_reads(stage: Stage, count: int) -> None:
    """Run the example of the docs until it has printed every event."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "examples/read_framed_scores.py"),
        stdout=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            **stage.environment,
            "KAFKA_BOOTSTRAP_SERVERS": stage.settings.kafka_bootstrap_servers,
            "LEADSCORE_LEADS_SCORED": stage.settings.leads_scored,
        },
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            printed = {(await process.stdout.readline()).split()[0] for _ in range(count)}
    finally:
        process.kill()
        await process.wait()
    assert len(printed) == count


async def _sinks_write(stage: Stage, scores: dict[str, float]) -> None:
    """Run sinks of scores and of leads; they look ids up, too, and write what was scored."""
    lines: list[list[dict[str, Any]]] = []
    contents: tuple[Content, ...] = ("scores", "leads")
    for content in contents:
        folder = stage.folder / content
        sink = begin_sink(stage, "jsonl", "--to", str(folder), "--content", content)
        await until_written(stage, f"jsonl-{content}", content=content)
        assert await sink.stop() == 0
        files = sorted(folder.glob("*.jsonl*"))
        lines.append([orjson.loads(line) for file in files for line in lines_of(file)])
    assert {line["lead_id"]: line["score"] for line in lines[0]} == scores
    assert {line["lead_id"] for line in lines[1]} == scores.keys()
    letters = await stage.records(stage.settings.leads_sinks_dlq)
    codes = [headers_of(letter)["leadscore.error.code"] for letter in letters]
    assert sorted(codes) == [b"PROTOBUF", b"SCHEMA_ID"]


async def _waits(worker: WorkerProcess) -> bool:
    return await worker.metric("leadscore_schema_waiting_partitions") == 1


async def _has_gone_on(worker: WorkerProcess) -> bool:
    return await worker.metric("leadscore_schema_waiting_partitions") == 0
