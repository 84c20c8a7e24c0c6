"""Scored events a second through a worker: `python -m benchmarks.outcome_worker`.

A broker has a partition of scored events, one for each lead, scored in the latest twenty days, and
no outcomes. A worker in the role outcomes, without a store, reads them. It is measured from the
tenth part on, by its metrics and its CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.outcomes import Leads, Template
from stream.broker import open_broker
from stream.demo.worker import DemoWorker
from stream.kafka.topic_admin import create_topics
from stream.settings import Settings, load_settings
from testing.kafka_client import Record, produce, until
from testing.process_tree import cpu_seconds

AT_ONCE = 20_000
WITHIN_SECONDS = 600.0
WARM_SHARE = 0.1
METRIC = "leadscore_outcome_scores_total{"
SETTINGS = {
    "role": "outcomes",
    "topic_prefix": "bench.",
    "outcome_horizon_days": "60",
    "outcome_late_days": "14",
    "outcome_report_seconds": "10",
}


class Sample(NamedTuple):
    """How far a worker is."""

    done: float
    seconds: float
    cpu: float


async def fill(settings: Settings, leads: Leads) -> None:
    """Write the scored events."""
    template = Template()
    earlier = leads.at(leads.count) - round(time.time() * 1000)  # the last one is scored now

    def record(number: int) -> Record:
        at, lead = leads.at(number) - earlier, leads.lead(number)
        value = template.event(number, lead, at)
        return Record(value, key=b"lead-%08d" % lead, partition=0, timestamp_ms=at)

    for start in range(0, leads.count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, leads.count))
        await produce(
            settings.kafka_bootstrap_servers,
            settings.leads_scored,
            list(map(record, numbers)),
        )


def sample(worker: DemoWorker) -> Sample:
    """Return how far a worker is."""
    lines = [line for line in worker.metrics().splitlines() if line.startswith(METRIC)]
    done = sum(float(line.rpartition(" ")[2]) for line in lines)
    return Sample(done, time.perf_counter(), cpu_seconds(worker.pid))


async def until_done(worker: DemoWorker, least: float) -> Sample:
    """Wait until a worker has read a number of events."""

    def is_done() -> bool:
        worker.check()
        return sample(worker).done >= least

    await until(is_done, within=WITHIN_SECONDS, what="events that are read")
    return sample(worker)


async def measure(bootstrap: str, folder: Path, leads: Leads) -> None:
    """Print the rate of a worker."""
    given = {**SETTINGS, "kafka_bootstrap_servers": bootstrap, "outcome_store": str(folder / "db")}
    settings = load_settings(**given)
    await create_topics(settings, 1)
    await fill(settings, leads)
    worker = DemoWorker(
        {f"LEADSCORE_{name.upper()}": value for name, value in given.items()}, folder
    )
    try:
        await worker.ready()
        first = await until_done(worker, WARM_SHARE * leads.count)
        last = await until_done(worker, leads.count)
    finally:
        worker.end()
    count = last.done - first.done
    print(
        f"{count:,.0f} scored events: {count / (last.seconds - first.seconds):,.0f}/s,"
        f" {(last.cpu - first.cpu) / count * 1e6:.1f} µs of CPU time each"
    )


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--leads", type=int, default=1_000_000)
    given = options.parse_args()
    with open_broker(require_real=True) as broker, tempfile.TemporaryDirectory() as folder:
        asyncio.run(measure(broker.bootstrap, Path(folder), Leads(given.leads)))


if __name__ == "__main__":
    main()
