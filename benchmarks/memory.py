"""A worker's memory under leads of any size and compression: ``--part memory``.

In each run a topic is filled with batches, and a worker processes them in a cgroup of limited
memory if the machine allows it. The memory, event loop and /healthz are monitored meanwhile.
"""

from __future__ import annotations

import asyncio
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.contenders import CONTENDERS, Stage
from benchmarks.testbed import Testbed
from benchmarks.workload import SCHEMA, leads
from schemas.encode import encode_lead
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from testing.kafka_client import read_ends
from testing.memory_cgroup import memory_cgroup
from testing.process_tree import peak_memory_mb

__all__ = ["CASES", "LIMIT_BYTES", "MemoryCase", "MemoryRun", "measure_memory"]

MIB = 1 << 20
LIMIT_BYTES = 512 * MIB
PARTITIONS = 4
BATCH_BYTES = 90 * MIB
"""Bytes of a batch before compression; about 1 MB after it."""
BLOCK_BYTES = 1500
"""Length of the repeated, and so compressible, part of a lead's text."""
SIZES = {"max.message.bytes": "100000000", "segment.bytes": "200000000"}
"""Configuration of a topic that accepts large uncompressed leads."""
LOOK_SECONDS = 0.1
HOLD = 'leadscore_event_loop_hold_seconds{{clock="{}"}}'
WITHIN = 600.0


@dataclass(frozen=True, slots=True)
class MemoryCase:
    """Input of a memory measurement.

    Attributes
    ----------
    codec
        Compression of the batches, or "none".
    lead_bytes
        Approximate size of a lead.
    count
        Number of leads.
    """

    codec: str
    lead_bytes: int
    count: int


CASES = (
    *(MemoryCase(codec, 1_000, 300_000) for codec in ("zstd", "lz4", "gzip", "snappy")),
    *(MemoryCase(codec, 100_000, 10_000) for codec in ("zstd", "lz4", "gzip", "snappy")),
    *(MemoryCase(codec, 256_000, 8_000) for codec in ("zstd", "lz4", "gzip", "snappy")),
    *(MemoryCase(codec, 300_000_000, 4) for codec in ("zstd", "lz4", "gzip")),
    MemoryCase("none", 1_000, 200_000),
    MemoryCase("none", 100_000, 2_000),
    MemoryCase("none", 256_000, 1_000),
    MemoryCase("none", 90_000_000, 2),  # a broker takes requests of up to 100 MB
)


@dataclass(frozen=True, slots=True)
class MemoryRun:
    """Measurement of a worker.

    Attributes
    ----------
    case
        The input.
    sent_mb
        Compressed size of the batches.
    limit_mb
        Limit of the cgroup; 0 without one.
    peak_mb
        Peak resident memory.
    cgroup_mb
        Peak of the cgroup, page cache included; 0 without one.
    seconds
        From the first outcome to the last one.
    hold_ms, cpu_hold_ms
        Longest block of the event loop: wall-clock time, and CPU time of the process.
    answer_ms
        Longest response time of /healthz.
    scored, dead
        Outcomes.
    rebalances
        Assignments, the first included.
    """

    case: MemoryCase
    sent_mb: float
    limit_mb: int
    peak_mb: float
    cgroup_mb: float
    seconds: float
    hold_ms: float
    cpu_hold_ms: float
    answer_ms: float
    scored: int
    dead: int
    rebalances: int


async def measure_memory(testbed: Testbed, case: MemoryCase) -> MemoryRun:
    """Measure a worker with a case's leads."""
    source = await testbed.make_source(PARTITIONS, SIZES if case.codec == "none" else {})
    stage = await testbed.stage(source, partitions=PARTITIONS)
    sent = await _fill(testbed.bootstrap, source, case)
    with (
        memory_cgroup(LIMIT_BYTES) as group,
        testbed.running(CONTENDERS["leadscore"], stage) as process,
    ):
        if group is not None:
            group.add(process.pid)
        async with _asked(stage) as worst:
            begun, ended = await _work(testbed, stage, case, process)
        metrics = await asyncio.to_thread(_page, stage, "metrics")
        scored = sum((await read_ends(testbed.bootstrap, stage.target)).values())
        peak = peak_memory_mb(process.pid)
        used = 0 if group is None else group.peak_bytes
    await testbed.clear(stage)
    return MemoryRun(
        case=case,
        sent_mb=sent / MIB,
        limit_mb=0 if group is None else LIMIT_BYTES // MIB,
        peak_mb=peak,
        cgroup_mb=used / MIB,
        seconds=ended - begun,
        hold_ms=1000 * worst.hold,
        cpu_hold_ms=1000 * worst.cpu_hold,
        answer_ms=1000 * worst.answer,
        scored=scored,
        dead=case.count - scored,
        rebalances=round(_value(metrics, "leadscore_rebalances_total")),
    )


async def _work(
    testbed: Testbed, stage: Stage, case: MemoryCase, process: Any
) -> tuple[float, float]:
    """Wait for all outcomes; return the times of the first and the last one."""
    deadline, begun = time.monotonic() + WITHIN, 0.0
    while True:
        done = 0
        for topic in (stage.target, f"{stage.target}.dlq"):
            done += sum((await read_ends(testbed.bootstrap, topic)).values())
        now = time.monotonic()
        begun = begun or (now if done else 0.0)
        if done >= case.count:
            return begun, now
        if process.poll() is not None:
            raise RuntimeError(f"ended with code {process.returncode} after {done} outcomes")
        if now > deadline:
            raise RuntimeError(f"expected {case.count} outcomes in {WITHIN:.0f} s, got {done}")
        await asyncio.sleep(LOOK_SECONDS)


# The leads


async def _fill(bootstrap: str, topic: str, case: MemoryCase) -> int:
    """Write the leads in large batches; return the bytes sent."""
    block = "".join(chr(33 + (i * 7919 + i * i) % 90) for i in range(BLOCK_BYTES))
    text = (block * (case.lead_bytes // BLOCK_BYTES + 1))[: max(case.lead_bytes - 300, 1)]
    schema = SchemaStore().add(SCHEMA)
    distinct = [
        encode_lead({**lead, "summary": text}, schema, WireFormat.AVRO) for lead in leads(8)
    ]
    sent = 0
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=None if case.codec == "none" else case.codec,
        max_batch_size=1 << 30,
        max_request_size=1 << 30,
    ) as producer:
        await producer.partitions_for(topic)
        batch, size, partition = producer.create_batch(), 0, 0
        for i in range(case.count):
            value = distinct[i % len(distinct)]
            batch.append(timestamp=None, key=b"lead-%d" % i, value=value)
            size += len(value)
            if size >= _batch_bytes(case) or i + 1 == case.count:
                batch.close()
                sent += await _send(producer, batch, topic, partition)
                batch, size, partition = producer.create_batch(), 0, (partition + 1) % PARTITIONS
    return sent


def _batch_bytes(case: MemoryCase) -> int:
    """Return a batch size that any codec compresses below 1 MB."""
    ratio = {"none": 1, "snappy": 15, "lz4": 70}.get(case.codec, 90)
    small = case.lead_bytes < 2 * BLOCK_BYTES
    return min(ratio, 8 if small else ratio) * MIB * 9 // 10


async def _send(producer: Any, batch: Any, topic: str, partition: int) -> int:
    await (await producer.send_batch(batch, topic, partition=partition))
    return int(batch.size())


# Monitoring


@dataclass(slots=True)
class _Worst:
    answer: float = 0.0
    hold: float = 0.0
    cpu_hold: float = 0.0


@asynccontextmanager
async def _asked(stage: Stage) -> AsyncIterator[_Worst]:
    """Request /healthz continuously, and the longest block of the event loop every second."""
    worst = _Worst()

    async def ask() -> None:
        while True:
            begun = time.monotonic()
            with suppress(OSError, ValueError):
                await asyncio.to_thread(_page, stage, "healthz")
                worst.answer = max(worst.answer, time.monotonic() - begun)
                metrics = await asyncio.to_thread(_page, stage, "metrics")
                worst.hold = max(worst.hold, _value(metrics, HOLD.format("wall")))
                worst.cpu_hold = max(worst.cpu_hold, _value(metrics, HOLD.format("cpu")))
            await asyncio.sleep(LOOK_SECONDS)

    asking = asyncio.create_task(ask())
    try:
        yield worst
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def _page(stage: Stage, name: str) -> str:
    port = int((stage.folder / "port").read_text())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=30) as answer:
        return str(answer.read().decode())


def _value(metrics: str, name: str) -> float:
    """Return a metric's value, 0 if it is absent."""
    for line in metrics.splitlines():
        if line.startswith(f"{name} "):
            return float(line.rpartition(" ")[2])
    return 0.0
