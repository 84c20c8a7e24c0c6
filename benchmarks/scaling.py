"""CPU cost of a lead by backlog and number of partitions."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from benchmarks.contenders import CONTENDERS
from benchmarks.load import SteadyLoad
from benchmarks.testbed import Testbed
from testing.kafka_client import read_ends
from testing.process_tree import cpu_seconds, peak_memory_mb

__all__ = ["Cost", "measure_cost"]

READY_SECONDS = 60.0
SCORED_SECONDS = 900.0
AT_LEAST = 20_000
"""Least leads of a measurement; smaller backlogs are sent several times, as their CPU time would be
too short to measure."""
AT_ONCE = 10_000
WARM = 100_000
"""Most leads for warming up."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Measured cost of a lead.

    Attributes
    ----------
    events, partitions
        Leads sent at once, and number of partitions.
    cpu_us
        CPU time a lead, in microseconds.
    memory_mb
        Peak resident memory of the worker.
    """

    events: int
    partitions: int
    cpu_us: float
    memory_mb: float


async def measure_cost(testbed: Testbed, count: int, partitions: int) -> Cost:
    """Measure an idle, ready worker that gets a number of leads at once."""
    source = await testbed.make_source(partitions, {})
    stage = await testbed.stage(source, partitions=partitions)
    with testbed.running(CONTENDERS["leadscore"], stage) as process:
        async with SteadyLoad(testbed.bootstrap, source, partitions) as load:
            await load.send(partitions)
            await _scored(testbed, stage.target, load, process, READY_SECONDS)
            # A warm-up, as a running worker is measured.
            await load.send(min(count, WARM))
            await _scored(testbed, stage.target, load, process, SCORED_SECONDS)
            rounds = -(-AT_LEAST // count)
            used = 0.0
            for _ in range(rounds):
                before = cpu_seconds(process.pid)
                for start in range(0, count, AT_ONCE):
                    await load.send(min(AT_ONCE, count - start))
                await _scored(testbed, stage.target, load, process, SCORED_SECONDS)
                used += cpu_seconds(process.pid) - before
            memory = peak_memory_mb(process.pid)
    await testbed.clear(stage)
    return Cost(count, partitions, used / (rounds * count) * 1e6, memory)


async def _scored(
    testbed: Testbed, topic: str, load: SteadyLoad, process: Any, within: float
) -> None:
    deadline = time.monotonic() + within
    while sum((await read_ends(testbed.bootstrap, topic)).values()) < load.sent:
        if process.poll() is not None:
            raise RuntimeError(f"ended with code {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"expected {load.sent:,} leads scored within {within:.0f} s")
        await asyncio.sleep(0.05)
