"""Changes of the model under load: ``python -m benchmarks.swaps``.

A worker scores leads at a steady rate, first with one model, then while the alias production
changes between two versions whose scores differ, with the default interval at which a worker looks.
It counts leads that are missing, and events whose score is not that of the model which they name,
and measures the time from a change of the alias until no event of the version before follows, the
latency beside that of the time without changes, and the memory after each change.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import CONTENDERS, Stage
from benchmarks.load import SteadyLoad
from benchmarks.scores import TOLERANCE, expected_scores, read_topic
from benchmarks.testbed import DISTINCT, Cores, Testbed
from benchmarks.workload import NAME, PARTITIONS, artefacts
from model.alias_entry import Made
from model.bundle import load_bundle
from model.metadata import Calibration
from model.registry import Alias, Registry
from schemas.record_codec import RecordCodec
from stream.broker import open_broker
from stream.demo.audit import read_scored
from testing.kafka_client import read_ends
from testing.process_tree import memory_mb, pin

__all__ = ["main"]

STAMPED_BY_BROKER = {"message.timestamp.type": "LogAppendTime"}
OTHER = Calibration(method="platt", slope=0.5, intercept=-1.0)
READY_SECONDS, WAIT_SECONDS, WARM_SECONDS = 120.0, 60.0, 5.0
MOST_SECONDS, MOST_MORE_MS, MOST_GROWTH = 5.0, 1000.0, 1.1
"""Limits: of a change, of the 99th percentile above that without changes, of memory."""


@dataclass
class Changes:
    """Changes of the alias, and the memory of the worker after each."""

    at: list[tuple[float, str]] = field(default_factory=list)
    """Milliseconds since 1970 and the version."""
    memory_mb: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Event:
    """A scored event, as far as it is measured."""

    source: tuple[int, int]
    version: str
    arrived: float
    scored: float
    is_right: bool


async def _change(
    registry: Registry, process: Any, count: int, interval: float, changes: Changes
) -> None:
    for number in range(count):
        version = "12"[(number + 1) % 2]
        await asyncio.to_thread(_promote, registry, version)
        changes.at.append((time.time() * 1000, version))
        await asyncio.sleep(interval)
        changes.memory_mb.append(memory_mb(process.pid))


def _promote(registry: Registry, version: str) -> None:
    made = Made("a benchmark", datetime.now(UTC))
    registry.set_alias(NAME, Alias.PRODUCTION, version, made)


async def _until(testbed: Testbed, stage: Stage, count: int, process: Any, within: float) -> int:
    """Wait until a number of events are there; return how many are missing."""
    deadline = time.monotonic() + within
    while True:
        missing = count - sum((await read_ends(testbed.bootstrap, stage.target)).values())
        if missing <= 0 or time.monotonic() > deadline:
            return max(missing, 0)
        if process.poll() is not None:
            raise RuntimeError(f"ended with code {process.returncode}")
        await asyncio.sleep(0.2)


async def _measure(testbed: Testbed, rate: float, count: int, interval: float) -> bool:
    registry = Registry(testbed.folder / "models")
    await asyncio.to_thread(registry.publish, NAME, artefacts(calibration=OTHER))
    _promote(registry, "1")
    source = await testbed.make_source(PARTITIONS, STAMPED_BY_BROKER)
    stage = await testbed.stage(source, linger_ms=1, configs=STAMPED_BY_BROKER)
    changes = Changes()
    with testbed.running(CONTENDERS["leadscore"], stage) as process:
        async with SteadyLoad(testbed.bootstrap, source, PARTITIONS) as load:
            await load.send(PARTITIONS)
            if await _until(testbed, stage, PARTITIONS, process, READY_SECONDS):
                raise click.ClickException("the worker has scored nothing")
            await load.keep(rate, WARM_SECONDS)
            quiet_from = time.time() * 1000
            await load.keep(rate, max(count * interval / 5, 10.0))
            changing = asyncio.create_task(_change(registry, process, count, interval, changes))
            sent = await load.keep(rate, count * interval)
            await changing
            missing = await _until(testbed, stage, load.sent, process, WAIT_SECONDS)
            wanted = load.sent
    events = await _events(testbed, stage, source)
    return _report(events, changes, quiet_from, sent, wanted, missing)


async def _events(testbed: Testbed, stage: Stage, source: str) -> list[Event]:
    """Read what was scored, and check each score with the model that the event names."""
    root = testbed.folder / "models" / NAME
    expected: dict[str, Mapping[str, float]] = {
        load_bundle(str(root / version), None).sha256: expected_scores(root / version, DISTINCT)
        for version in ("1", "2")
    }
    arrived = {
        (record.partition, record.offset): float(record.timestamp)
        async for record in read_topic(testbed.bootstrap, source)
    }
    codec = RecordCodec("lead_scored")
    events = []
    async for record in read_topic(testbed.bootstrap, stage.target):
        lead = read_scored(record.value, codec)
        fields = codec.decode(record.value)
        right = expected[fields["model_sha256"]][lead.lead_id]
        events.append(
            Event(
                lead.source,
                fields["model_version"],
                arrived[lead.source],
                float(record.timestamp),
                abs(lead.score - right) <= TOLERANCE,
            )
        )
    return events


def _report(
    events: Sequence[Event],
    changes: Changes,
    quiet_from: float,
    rate: float,
    wanted: int,
    missing: int,
) -> bool:
    """Print the figures; return whether all are within their limits."""
    began = changes.at[0][0]
    delays = _delays(events, changes)
    quiet = _latencies(events, quiet_from, began)
    busy = _latencies(events, began, float("inf"))
    p99_quiet, p99_busy = (float(np.percentile(millis, 99)) for millis in (quiet, busy))
    lost = wanted - len({event.source for event in events})
    mixed = sum(not event.is_right for event in events)
    tenth = max(len(changes.memory_mb) // 10, 1)
    early = float(np.median(changes.memory_mb[tenth : 2 * tenth] or changes.memory_mb))
    late = float(np.median(changes.memory_mb[-tenth:]))
    click.echo(f"{len(changes.at)} changes at {rate:,.0f} leads/s; {wanted:,} leads")
    click.echo(f"lost: {lost}; missing at the end: {missing}; scored by parts of both: {mixed}")
    click.echo(
        f"from a change to the last event of the version before: median"
        f" {np.median(delays):.2f} s, longest {max(delays):.2f} s; never loaded:"
        f" {len(changes.at) - len(delays)}"
    )
    click.echo(
        f"latency without changes: p50 {np.median(quiet):.0f} ms, p99 {p99_quiet:.0f} ms; with:"
        f" p50 {np.median(busy):.0f} ms, p99 {p99_busy:.0f} ms, worst {busy.max():.0f} ms"
    )
    click.echo(f"memory: {early:.0f} MB in the second tenth, {late:.0f} MB in the last one")
    return (
        not lost
        and not mixed
        and len(delays) == len(changes.at)
        and max(delays) <= MOST_SECONDS
        and p99_busy <= p99_quiet + MOST_MORE_MS
        and late <= early * MOST_GROWTH
    )


def _latencies(events: Sequence[Event], start: float, end: float) -> NDArray[np.float64]:
    """Return the milliseconds from arrival to score of the leads that arrived in a time."""
    return np.array(
        [event.scored - event.arrived for event in events if start <= event.arrived < end]
    )


def _delays(events: Sequence[Event], changes: Changes) -> list[float]:
    """Return for each change the seconds until the version before scored its last lead.

    A change whose version scored nothing before the next change has none.
    """
    ends = [at for at, _ in changes.at[1:]] + [float("inf")]
    delays = []
    for (at, version), end in zip(changes.at, ends, strict=True):
        own = [event for event in events if at <= event.scored < end]
        if any(event.version == version for event in own):
            others = [event.scored for event in own if event.version != version]
            delays.append((max(others, default=at) - at) / 1000)
    return delays


@click.command()
@click.option("--swaps", default=100, show_default=True, help="Changes of the alias.")
@click.option("--interval", default=6.0, show_default=True, help="Seconds between two of them.")
@click.option("--rate", default=2000.0, show_default=True, help="Leads a second.")
def main(swaps: int, interval: float, rate: float) -> None:
    """Measure changes of the model; exit code 1 if a limit is exceeded."""
    cores = Cores.split()
    with open_broker(require_real=True) as broker, tempfile.TemporaryDirectory() as folder:
        pin(os.getpid(), set(cores.rest))
        testbed = Testbed(broker.bootstrap, Path(folder), cores, reasons=True)
        is_good = asyncio.run(_run(testbed, rate, swaps, interval))
    raise SystemExit(not is_good)


async def _run(testbed: Testbed, rate: float, swaps: int, interval: float) -> bool:
    try:
        return await _measure(testbed, rate, swaps, interval)
    finally:
        await testbed.topics.delete_all()


if __name__ == "__main__":
    main()
