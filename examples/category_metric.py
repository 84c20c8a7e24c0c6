"""Count scored leads by category for Prometheus: a metric of your own, to alert on.

A rule for it, to stand beside those of monitoring/prometheus/alerts.yml:

    - alert: NoHighLeads
      expr: increase(sales_leads_total{category="High"}[4h]) == 0
      labels: {severity: warning}
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os

from aiokafka import AIOKafkaConsumer
from fastavro import schemaless_reader
from fastavro.schema import load_schema
from prometheus_client import Counter, start_http_server

LEADS = Counter("sales_leads_total", "Scored leads, repeats dropped.", ["category"])


async def count(kafka: str, topic: str) -> None:
    """Count each event once, from now on."""
    schema = load_schema("schemas/lead_scored.avsc")
    seen: set[str] = set()
    async with AIOKafkaConsumer(topic, bootstrap_servers=kafka) as consumer:
        print(f"reads {topic}", flush=True)
        async for message in consumer:
            # From now on: there are no events of earlier versions (see read_scores.py).
            event = schemaless_reader(io.BytesIO(message.value[10:]), schema, None)
            if event["event_id"] not in seen:
                seen.add(event["event_id"])
                LEADS.labels(event["category"]).inc()


def main() -> None:
    """Serve the metric on a port of this machine until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=9200)
    parser.add_argument("--topic", default="leads.scored")
    parser.add_argument(
        "--kafka",
        metavar="HOST:PORT",
        default=os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092"),
        help="default: KAFKA_BOOTSTRAP_SERVERS, else %(default)s",
    )
    options = parser.parse_args()
    start_http_server(options.port, addr="127.0.0.1")
    asyncio.run(count(options.kafka, options.topic))


if __name__ == "__main__":
    main()
