"""Start-up time of a worker: from the start of its process until ``/readyz`` returns 200."""

from __future__ import annotations

import asyncio
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from aiokafka import AIOKafkaProducer

from benchmarks.contenders import CONTENDERS, Contender, Stage
from benchmarks.scores import read_topic
from benchmarks.testbed import Testbed
from benchmarks.workload import PARTITIONS, SCHEMA, leads
from schemas.encode import encode_lead
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from testing.kafka_client import open_admin
from testing.process_tree import cpu_seconds, ended_children_seconds

__all__ = ["Start", "measure_start"]

WINDOW_MS = 300_000
"""Default of the setting."""
LEADS_OF_WINDOW = 50
READY_SECONDS = 90.0
COUNTED_SECONDS = 120.0
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Start:
    """Start-up times of a worker.

    Attributes
    ----------
    role
        Role of the worker.
    windows
        Windows of drift counts in its table, which it reads from the changelog.
    seconds
        Duration of each start.
    cpu_seconds
        CPU time of each start, including the model's trial.
    """

    role: str
    windows: int
    seconds: list[float]
    cpu_seconds: list[float]


async def measure_start(testbed: Testbed, role: str, windows: int, repeats: int) -> Start:
    """Start a worker repeatedly, each time after the previous one has left its group."""
    stage = await testbed.stage(await testbed.make_source(PARTITIONS, {}))
    reports = await testbed.topics.create(f"{stage.group}.drift")
    group = f"{testbed.topics.prefix}{stage.group}"
    changelog = await testbed.topics.create(
        f"{stage.group}-drift_windows-changelog", configs={"cleanup.policy": "compact"}
    )
    worker = _worker(LEADSCORE_ROLE=role, LEADSCORE_LEADS_DRIFT=reports, LEADSCORE_GROUP_ID=group)
    if windows:
        await _send(testbed.bootstrap, stage.source, windows)
        await _run(testbed, worker, stage, lambda: _counted(testbed.bootstrap, changelog, windows))
    starts = [await _run(testbed, worker, stage) for _ in range(repeats)]
    await testbed.clear(stage)
    async with open_admin(testbed.bootstrap) as admin:
        await admin.delete_topics([reports, changelog])
    return Start(role, windows, [wall for wall, _ in starts], [cpu for _, cpu in starts])


def _worker(**settings: str) -> Contender:
    shipped = CONTENDERS["leadscore"]
    return replace(shipped, environment=lambda stage: {**shipped.environment(stage), **settings})


async def _run(
    testbed: Testbed, worker: Contender, stage: Stage, until: Callable[[], Any] | None = None
) -> tuple[float, float]:
    """Start a worker and stop it; return the seconds until it was ready, and their CPU time."""
    port = stage.folder / "port"
    port.unlink(missing_ok=True)
    begun = time.monotonic()
    with testbed.running(worker, stage) as process:
        await _within(READY_SECONDS, process, lambda: asyncio.to_thread(_is_ready, port))
        took = time.monotonic() - begun
        cpu = cpu_seconds(process.pid) + ended_children_seconds(process.pid)
        if until is not None:
            await _within(COUNTED_SECONDS, process, until)
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, READY_SECONDS)
    return took, cpu


async def _within(seconds: float, process: Any, holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        if process.poll() is not None:
            raise RuntimeError(f"ended with code {process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"expected it to be ready, or done, within {seconds:.0f} s")
        await asyncio.sleep(LOOK_SECONDS)


def _is_ready(port: Any) -> bool:
    try:
        url = f"http://127.0.0.1:{int(port.read_text())}/readyz"
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, ValueError, urllib.error.URLError):
        return False


async def _counted(bootstrap: str, changelog: str, windows: int) -> bool:
    """Return whether all windows are in the changelog."""
    await asyncio.sleep(1)
    return len({record.key async for record in read_topic(bootstrap, changelog)}) >= windows


async def _send(bootstrap: str, topic: str, windows: int) -> None:
    """Send leads that were created in a number of windows."""
    schema = SchemaStore().add(SCHEMA)
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    try:
        for i, lead in enumerate(leads(windows * LEADS_OF_WINDOW)):
            created_at = lead["created_at"] + i // LEADS_OF_WINDOW * WINDOW_MS
            value = encode_lead({**lead, "created_at": created_at}, schema, WireFormat.AVRO)
            await producer.send(topic, value, key=lead["lead_id"].encode())
    finally:
        await producer.stop()
