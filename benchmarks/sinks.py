"""Rows that each sink writes per second and CPU-second: `python -m benchmarks.sinks`.

Without Kafka; the CPU time is that of the sink's process.

Batches are as large as the runner's. Events are read once, before the clock starts. PostgreSQL runs
in a process of its own, as in the tests (Debian: apt-get install postgresql), without fsync; so
does the receiver of webhooks, an aiohttp server that answers at once. A repeated webhook is sent
again.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from stream.settings import load_settings
from stream.sinks.kinds import make_sink
from stream.sinks.sink import Log, SinkBatch, SinkRecord, WriteResult
from testing.postgres_server import binaries, postgres_server
from testing.scored_events import SCORED_AT, scored

LOG = Log("leads.scored", 0, "9f2JkQ")
SECRET = "whsec_bGVhZHNjb3JlLWxlYWRzY29yZS1sZWFkc2NvcmU="
WEBHOOKS = 100
"""Records of a batch of webhooks, as the runner makes them."""
WEBHOOK_SHARE = 10
"""Rows per webhook that is sent: each webhook is a request."""


def batches(rows: int, size: int) -> list[SinkBatch]:
    """Return batches of scored events, each of another lead."""
    records = [
        SinkRecord(at, SCORED_AT + at, f"lead-{at}", scored(f"lead-{at}", offset=at))
        for at in range(rows)
    ]
    return [SinkBatch(LOG, records[at : at + size]) for at in range(0, rows, size)]


@contextmanager
def targets(folder: Path) -> Iterator[dict[str, tuple[str, str]]]:
    """Yield kind and location of each target."""
    found = {
        "JSON lines": ("jsonl", str(folder / "jsonl")),
        "Delta": ("delta", str(folder / "delta")),
        "SQLite": ("sql", f"sqlite:///{folder}/scores.db"),
    }
    programs = binaries()
    with ExitStack() as open_ones:
        if programs is not None:
            server = open_ones.enter_context(postgres_server(programs))
            found["PostgreSQL"] = ("sql", server.url())
        found["Webhook"] = ("webhook", open_ones.enter_context(receiver()))
        yield found


@contextmanager
def receiver() -> Iterator[str]:
    """Run a receiver of webhooks until the body ends; yields its URL."""
    command = [sys.executable, "-m", "testing.webhook_receiver"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.communicate()  # its input ends


class Spent(NamedTuple):
    """Seconds that writing took."""

    wall: float
    cpu: float


async def measure(kind: str, to: str, given: list[SinkBatch]) -> list[Spent]:
    """Write all batches twice; return the time of new rows, and of rows that are repeated."""
    webhook = {"sink_webhook_secret": SECRET, "sink_webhook_allow_private": True}
    sink = make_sink(load_settings(sink=kind, sink_to=to, **webhook))
    await sink.open()
    spent = []
    for _ in range(2):
        started = time.perf_counter(), time.process_time()
        for batch in given:
            verdicts = await sink.write(batch)
            assert {verdict.outcome for verdict in verdicts} == {WriteResult.WRITTEN}
        spent.append(Spent(time.perf_counter() - started[0], time.process_time() - started[1]))
    await sink.close()
    return spent


def main() -> None:
    """Measure each sink, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--batch", type=int, default=2000)
    options = parser.parse_args()
    given = batches(options.rows, options.batch)
    sent = batches(options.rows // WEBHOOK_SHARE, WEBHOOKS)
    print("| target | new rows/s | per CPU-second | repeated rows/s | per CPU-second |")
    print("|---|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, targets(Path(folder)) as found:
        for name, (kind, to) in found.items():
            some = sent if kind == "webhook" else given
            spent = asyncio.run(measure(kind, to, some))
            rows = sum(len(batch.records) for batch in some)
            rates = [f"{rows / seconds:,.0f}" for each in spent for seconds in each]
            print(f"| {name} | {' | '.join(rates)} |", flush=True)


if __name__ == "__main__":
    main()
