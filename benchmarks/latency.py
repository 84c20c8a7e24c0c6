"""Latency of a lead: from the arrival of its event in the broker to that of its scored event.

The broker sets the timestamps of both topics (``LogAppendTime``), so neither the sender nor a
reader is part of the figure. It is in whole milliseconds, like Kafka's timestamps.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.contenders import Contender, Stage
from benchmarks.load import SteadyLoad
from benchmarks.scores import read_topic
from benchmarks.testbed import Testbed, fill
from benchmarks.workload import PARTITIONS
from schemas.record_codec import RecordCodec
from stream.demo.audit import read_scored
from testing.kafka_client import read_ends
from testing.process_tree import cpu_seconds

__all__ = ["LatencyRun", "measure_latency"]

STAMPED_BY_BROKER = {"message.timestamp.type": "LogAppendTime"}
READY_SECONDS = 90.0
WAIT_SECONDS = 30.0
LINGER_MS = 1
"""Linger time of the other contenders; with their default of 5 ms they could not be faster."""


@dataclass(frozen=True, slots=True)
class LatencyRun:
    """Measurement of one contender at one rate.

    Attributes
    ----------
    rate
        Intended leads per second.
    sent_rate
        Actual leads per second.
    p50, p99, p999, worst
        Milliseconds; NaN for a contender so far behind that it scored no lead of the measurement.
    core
        Used share of a core.
    late
        Leads without a score half a minute after the last was sent.
    """

    rate: float
    sent_rate: float
    p50: float
    p99: float
    p999: float
    worst: float
    core: float
    late: int


async def measure_latency(
    testbed: Testbed,
    contender: Contender,
    rate: float,
    *,
    warm_seconds: float,
    seconds: float,
    backlog: int = 0,
    beside: Callable[[Stage], AbstractAsyncContextManager[None]] | None = None,
) -> LatencyRun:
    """Measure a contender at a rate, after a warm-up at the same rate.

    Parameters
    ----------
    testbed, contender, rate
        What is measured.
    warm_seconds, seconds
        Length of the warm-up and of the measurement.
    backlog
        Leads that are scored before.
    beside
        Runs something else during the measurement, given the contender's topics.
    """
    source = await testbed.make_source(PARTITIONS, STAMPED_BY_BROKER)
    if backlog:
        await fill(testbed.bootstrap, source, backlog)
    stage = await testbed.stage(source, linger_ms=LINGER_MS, configs=STAMPED_BY_BROKER)
    with testbed.running(contender, stage) as process:
        async with SteadyLoad(testbed.bootstrap, source, PARTITIONS) as load:
            scored = _counter(testbed.bootstrap, stage.target)
            await load.send(PARTITIONS)  # it is ready when each partition's first is scored
            await _until(scored, backlog + PARTITIONS, process, READY_SECONDS)
            await load.keep(rate, warm_seconds)
            before = await read_ends(testbed.bootstrap, source)
            began, used = time.monotonic(), cpu_seconds(process.pid)
            async with beside(stage) if beside else nullcontext():
                sent_rate = await load.keep(rate, seconds)
            used = cpu_seconds(process.pid) - used
            core = used / (time.monotonic() - began)
            late = await _until(scored, backlog + load.sent, process, WAIT_SECONDS, required=False)
    millis = await _latencies(testbed.bootstrap, source, stage.target, before)
    await testbed.clear(stage)
    return LatencyRun(rate, sent_rate, *_percentiles(millis), core, late)


def _percentiles(millis: Sequence[float]) -> tuple[float, float, float, float]:
    """Return p50, p99, p99.9 and the largest value; NaN if there is none."""
    if not millis:
        return math.nan, math.nan, math.nan, math.nan
    p50, p99, p999, worst = np.percentile(millis, [50, 99, 99.9, 100]).tolist()
    return p50, p99, p999, worst


def _counter(bootstrap: str, topic: str) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return sum((await read_ends(bootstrap, topic)).values())

    return count


async def _until(
    scored: Callable[[], Awaitable[int]],
    count: int,
    process: Any,
    within: float,
    *,
    required: bool = True,
) -> int:
    """Wait until a number of leads are scored; return how many are missing."""
    deadline = time.monotonic() + within
    while (missing := count - await scored()) > 0:
        if process.poll() is not None:
            raise RuntimeError(f"ended with code {process.returncode}")
        if time.monotonic() > deadline:
            if not required:
                return missing
            raise RuntimeError(f"expected the first leads scored within {within:.0f} s")
        await asyncio.sleep(0.1)
    return 0


async def _latencies(
    bootstrap: str, source: str, target: str, first: dict[int, int]
) -> list[float]:
    """Return the latency in milliseconds of each lead after the first offsets, from both topics."""
    arrived = {
        (record.partition, record.offset): record.timestamp
        async for record in read_topic(bootstrap, source)
        if record.offset >= first[record.partition]
    }
    codec = RecordCodec("lead_scored")
    found: dict[tuple[int, int], float] = {}
    async for record in read_topic(bootstrap, target):
        lead = read_scored(record.value, codec)
        if lead.source in arrived:
            found.setdefault(lead.source, float(record.timestamp - arrived[lead.source]))
    return list(found.values())
