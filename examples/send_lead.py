"""Send one lead as JSON, as a CRM would."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from datetime import UTC, datetime

from aiokafka import AIOKafkaProducer


async def send(kafka: str, topic: str, lead: dict[str, str]) -> None:
    """Send the lead and wait until all in-sync replicas have it."""
    async with AIOKafkaProducer(
        bootstrap_servers=kafka, acks="all", enable_idempotence=True
    ) as producer:
        # The raw lead_id as key keeps the events of one lead in order.
        at = await producer.send_and_wait(
            topic,
            key=lead["lead_id"].encode(),
            value=json.dumps(lead).encode(),
            headers=[("content-type", b"application/json")],
        )
    print(f"{lead['lead_id']} is record {at.offset} of {at.topic}-{at.partition}")


def main() -> None:
    """Read the lead from the command line: python examples/send_lead.py L-17 job=technician."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lead_id")
    parser.add_argument("fields", nargs="*", metavar="FIELD=VALUE", help="fields of the model")
    parser.add_argument("--topic", default="leads.created")
    parser.add_argument(
        "--kafka",
        metavar="HOST:PORT",
        default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
        help="default: KAFKA_BOOTSTRAP_SERVERS, else %(default)s",
    )
    options = parser.parse_args()
    lead = {"lead_id": options.lead_id, "created_at": datetime.now(UTC).isoformat()}
    lead |= dict(field.split("=", 1) for field in options.fields)
    asyncio.run(send(options.kafka, options.topic, lead))


if __name__ == "__main__":
    main()
