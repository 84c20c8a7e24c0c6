"""Speed of a replay, and what one costs the workers: ``python -m benchmarks.replays``.

Speed: a worker that counts nothing for drift, and a replay, score the same backlog in turn, each on
one core. Latency: a worker scores live leads at a steady rate, alone, and with a replay of the
leads before them, on the same broker and the same cores; the replay yields as its settings say.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import click

from benchmarks.contenders import CONTENDERS, REPLAY, Contender, Stage
from benchmarks.latency import measure_latency
from benchmarks.testbed import Cores, Testbed
from stream.broker import open_broker
from testing.process_tree import pin

__all__ = ["main"]

WORKER = CONTENDERS["no-drift"]
LEAST = 0.95
"""Least speed of a replay, in speeds of a worker."""
WARM_SECONDS = 5.0


async def compare_speed(testbed: Testbed, events: int, repeats: int) -> float:
    """Return the speed of a replay in speeds of a worker, by the medians of runs in turn."""
    rates: dict[str, list[float]] = {WORKER.name: [], REPLAY.name: []}
    for _ in range(repeats):
        for contender in (WORKER, REPLAY):
            run = await testbed.run(contender, events)
            rates[contender.name].append(run.events_per_cpu_second)
            click.echo(
                f"{contender.name}: {run.events_per_second:,.0f} events/s,"
                f" {run.events_per_cpu_second:,.0f} per CPU-second"
            )
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return medians[REPLAY.name] / medians[WORKER.name]


async def compare_latency(testbed: Testbed, rate: float, seconds: float, backlog: int) -> None:
    """Print the latency of a worker alone, and with a replay of its past leads beside it."""

    @asynccontextmanager
    async def replaying(stage: Stage) -> AsyncIterator[None]:
        folder = stage.folder / "replay"
        folder.mkdir()
        with testbed.running(_beside(stage), replace(stage, folder=folder)):
            yield

    for name, beside in (("alone", None), ("with a replay beside it", replaying)):
        run = await measure_latency(
            testbed,
            CONTENDERS["leadscore"],
            rate,
            warm_seconds=WARM_SECONDS,
            seconds=seconds,
            backlog=backlog,
            beside=beside,
        )
        click.echo(
            f"worker at {rate:,.0f} leads/s {name}: p50 {run.p50:.0f} ms, p99 {run.p99:.0f} ms,"
            f" worst {run.worst:.0f} ms"
        )


def _beside(stage: Stage) -> Contender:
    """Return a replay of the leads of a stage into a topic of its own, on any core."""
    words = ("stream", "replay", "start", "--from", "beginning", "--out", f"{stage.target}.again")
    return replace(REPLAY, command=lambda: (sys.executable, "-m", *words), cores=None)


@click.command()
@click.option("--events", default=400_000, show_default=True, help="Events of a backlog.")
@click.option("--repeats", default=3, show_default=True, help="Runs of each.")
@click.option("--rate", default=2000.0, show_default=True, help="Live leads a second.")
@click.option("--seconds", default=20.0, show_default=True, help="Length of a latency run.")
def main(events: int, repeats: int, rate: float, seconds: float) -> None:
    """Compare replays with workers; exit code 1 if a replay is slower than 0.95 of a worker."""
    cores = Cores.split()
    with open_broker(require_real=True) as broker, tempfile.TemporaryDirectory() as folder:
        pin(os.getpid(), set(cores.rest))
        testbed = Testbed(broker.bootstrap, Path(folder), cores, reasons=True)
        share = asyncio.run(_measure(testbed, events, repeats, rate, seconds))
    click.echo(f"a replay has {share:.2f} of a worker's speed per CPU-second (at least {LEAST})")
    raise SystemExit(share < LEAST)


async def _measure(
    testbed: Testbed, events: int, repeats: int, rate: float, seconds: float
) -> float:
    try:
        share = await compare_speed(testbed, events, repeats)
        await compare_latency(testbed, rate, seconds, events)
    finally:
        await testbed.topics.delete_all()
    return share


if __name__ == "__main__":
    main()
