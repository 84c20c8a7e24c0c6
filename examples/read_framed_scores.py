"""Print each scored lead in Confluent's framing, until Ctrl-C: with Confluent's own client."""

import os

from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer

KAFKA = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")
TOPIC = os.environ.get("LEADSCORE_LEADS_SCORED", "leads.scored")
REGISTRY = os.environ.get("LEADSCORE_SCHEMA_REGISTRY_URL", "http://localhost:8081")


def main() -> None:
    """Read the topic from its start, in a consumer group of its own."""
    read = AvroDeserializer(SchemaRegistryClient({"url": REGISTRY}))
    consumer = Consumer(
        {"bootstrap.servers": KAFKA, "group.id": "sales", "auto.offset.reset": "earliest"}
    )
    consumer.subscribe([TOPIC])
    seen: set[str] = set()
    while True:
        message = consumer.poll(1.0)
        if message is None or message.error():
            continue
        event = read(message.value(), None)
        if event["event_id"] not in seen:  # delivery is at least once
            seen.add(event["event_id"])
            print(event["lead_id"], f"{event['score']:.3f}", event["category"], flush=True)


if __name__ == "__main__":
    main()
