"""Print each scored lead once, until Ctrl-C."""

import asyncio
import io
import os
from typing import Any

from aiokafka import AIOKafkaConsumer
from fastavro import schemaless_reader
from fastavro.schema import fingerprint, load_schema, to_parsing_canonical_form

SCHEMAS = "schemas/lead_scored.avsc", "schemas/older/lead_scored.avsc"
KAFKA = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
TOPIC = os.environ.get("LEADSCORE_LEADS_SCORED", "leads.scored")


def key_of(schema: Any) -> bytes:
    """Return the fingerprint that the events of a schema begin with."""
    return bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))


async def main() -> None:
    """Read the topic from its start, in a consumer group of its own."""
    newest, older = map(load_schema, SCHEMAS)
    written_with = {key_of(schema): schema for schema in (newest, older)}
    seen: set[str] = set()
    async with AIOKafkaConsumer(
        TOPIC, bootstrap_servers=KAFKA, group_id="sales", auto_offset_reset="earliest"
    ) as consumer:
        async for message in consumer:
            # Avro's single-object encoding: 2 bytes of marker, 8 bytes of schema fingerprint.
            writer = written_with[message.value[2:10]]
            event = schemaless_reader(io.BytesIO(message.value[10:]), writer, newest)
            if event["event_id"] not in seen:  # delivery is at least once
                seen.add(event["event_id"])
                print(event["lead_id"], f"{event['score']:.3f}", event["category"], flush=True)


asyncio.run(main())
