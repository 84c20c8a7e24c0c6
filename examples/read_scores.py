"""Print each scored lead once, until Ctrl-C."""

import asyncio
import os
from io import BytesIO

from aiokafka import AIOKafkaConsumer
from fastavro import schemaless_reader
from fastavro.schema import fingerprint, load_schema
from fastavro.schema import to_parsing_canonical_form as canonical

KAFKA = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
TOPIC = os.environ.get("LEADSCORE_LEADS_SCORED", "leads.scored")
OLD, NEW = (load_schema(f"schemas/{folder}lead_scored.avsc") for folder in ("older/", ""))
KNOWN = {bytes.fromhex(fingerprint(canonical(s), "CRC-64-AVRO")): s for s in (OLD, NEW)}


async def main() -> None:
    """Read the topic from its start, in a consumer group of its own."""
    seen: set[str] = set()
    async with AIOKafkaConsumer(
        TOPIC, bootstrap_servers=KAFKA, group_id="sales", auto_offset_reset="earliest"
    ) as consumer:
        async for message in consumer:
            # Avro's single-object encoding: 2 bytes of marker, 8 bytes of schema fingerprint.
            event = schemaless_reader(BytesIO(message.value[10:]), KNOWN[message.value[2:10]], NEW)
            if event["event_id"] not in seen:  # delivery is at least once
                seen.add(event["event_id"])
                print(event["lead_id"], f"{event['score']:.3f}", event["category"], flush=True)


asyncio.run(main())
