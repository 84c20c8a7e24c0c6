"""The demo's worker, as a child process, and readers of its outputs."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition

from agents.drift_reports import decode_report
from schemas.errors import StartupError
from schemas.record_codec import RecordCodec
from stream.demo.audit import Audit, ScoredLead, read_scored
from stream.fetch.raw_batches import RawReader
from stream.kafka.lenient_polls import poll
from stream.kafka.log_reader import LogReader
from stream.process.child_process import end_child, start_child
from stream.settings import Settings

__all__ = ["DemoWorker", "following", "following_drift", "write_snapshot"]

READY_WITHIN = 60.0
"""Seconds."""
STOPPED_WITHIN = 15.0
"""Seconds."""
LOOK = 0.1
"""Seconds between two checks."""
SNAPSHOT_WITHIN = 240.0
"""Seconds."""
WORKER = (sys.executable, "-m", "stream", "worker")
SNAPSHOT = (sys.executable, "-m", "stream", "snapshot")


class DemoWorker:
    """A worker as a child process.

    Parameters
    ----------
    environment
        Environment variables with its settings.
    folder
        Folder of its log and its port file.
    command
        The program and its arguments.
    name
        The name of these files.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        folder: Path,
        command: Sequence[str] = WORKER,
        *,
        name: str = "worker",
    ) -> None:
        self.log = folder / f"{name}.log"
        self.environment = dict(environment)
        self._port_file = folder / f"{name}.port"
        self._port_file.unlink(missing_ok=True)
        given = {name: v for name, v in os.environ.items() if not name.startswith("LEADSCORE_")}
        with self.log.open("wb") as log:
            self._process: subprocess.Popen[Any] = start_child(
                command,
                env={
                    **given,
                    "LEADSCORE_HTTP_HOST": "127.0.0.1",
                    "LEADSCORE_HTTP_PORT": "0",
                    "LEADSCORE_HTTP_PORT_FILE": str(self._port_file),
                    "LEADSCORE_LOG_FORMAT": "json",
                    **environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def port(self) -> int | None:
        """Its HTTP port; None before it is open."""
        try:
            port = self._port_file.read_text().strip()
        except FileNotFoundError:  # the worker creates and removes it once at start-up, as a check
            port = ""
        return int(port) if port else None

    async def ready(self) -> None:
        """Wait until it is ready.

        Raises
        ------
        StartupError
            It ended, or was not ready in time.
        """
        deadline = time.monotonic() + READY_WITHIN
        while not await asyncio.to_thread(self._is_ready):
            self.check()
            if time.monotonic() > deadline:
                raise StartupError(
                    f"expected the worker to be ready within {READY_WITHIN:.0f} s, but it is not:"
                    f" see its log, {self.log}"
                )
            await asyncio.sleep(LOOK)

    def check(self) -> None:
        """Raise a StartupError if it has ended."""
        if self._process.poll() is not None:
            last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
            raise StartupError(
                f"expected the worker to run, but it ended with code {self._process.returncode}:"
                f" {' '.join(last)[:500]} (see its log, {self.log})"
            )

    def metrics(self) -> str:
        """Return its metrics, in Prometheus' text format."""
        answer = self.ask("/metrics")
        return answer[1] if answer else ""

    def ask(self, path: str) -> tuple[int, str] | None:
        """Request a page from its HTTP port.

        Returns
        -------
        tuple of int and str, or None
            Status and text; None while the port is closed.
        """
        if self.port is None:
            return None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, refused.read().decode()
        except OSError:
            return None

    async def stop(self) -> int:
        """Stop it with SIGTERM and return its exit code."""
        self._process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(self._process.wait, STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            return -signal.SIGKILL
        finally:
            self.end()

    def end(self) -> None:
        """Kill it if it runs."""
        end_child(self._process)

    def _is_ready(self) -> bool:
        answer = self.ask("/readyz")
        return answer is not None and answer[0] == HTTPStatus.OK


@dataclass(frozen=True, slots=True)
class _Outputs:
    scored: str
    dead: str

    def partitions(self, count: int) -> list[TopicPartition]:
        return [
            TopicPartition(topic, partition)
            for topic in (self.scored, self.dead)
            for partition in range(count)
        ]


@asynccontextmanager
async def following(
    audit: Audit,
    settings: Settings,
    partitions: int,
    on_scored: Callable[[Sequence[ScoredLead]], None],
) -> AsyncIterator[asyncio.Task[None]]:
    """Read both output topics from now on, and add their records to the audit.

    Parameters
    ----------
    audit
        The audit.
    settings
        Kafka's address, and the topics.
    partitions
        Number of partitions of each.
    on_scored
        Called with each batch of scored leads.

    Yields
    ------
    asyncio.Task
        The reader; it runs until the body ends, unless it fails.
    """
    outputs = _Outputs(settings.leads_scored, settings.leads_created_dlq)
    log = LogReader(settings.kafka_client_options(), "read_uncommitted")
    async with log.open() as consumer, log.open_beside() as reader:
        consumer.assign(outputs.partitions(partitions))
        await consumer.seek_to_end()
        for partition in consumer.assignment():
            await consumer.position(partition)
        following = asyncio.create_task(_follow(consumer, reader, outputs, audit, on_scored))
        try:
            yield following
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _follow(
    consumer: Any,
    reader: RawReader,
    outputs: _Outputs,
    audit: Audit,
    on_scored: Callable[[Sequence[ScoredLead]], None],
) -> None:
    codec = RecordCodec("lead_scored")
    stops = dict.fromkeys(consumer.assignment())
    while True:
        async for fetched in poll(
            consumer, reader, stops, timeout_ms=round(LOOK * 1000), max_records=500
        ):
            received = time.time() * 1000
            for partition, records in fetched.items():
                if partition.topic == outputs.dead:
                    for record in records:
                        audit.add_dead(partition.partition, dict(record.headers))
                    continue
                leads = [read_scored(record.value or b"", codec) for record in records]
                audit.add_scored(leads, received)
                on_scored(leads)
        await asyncio.sleep(0)


@asynccontextmanager
async def following_drift(
    settings: Settings, on_report: Callable[[Mapping[str, Any]], None]
) -> AsyncIterator[asyncio.Task[None]]:
    """Read the drift reports from now on.

    Parameters
    ----------
    settings
        Kafka's address, and the topic.
    on_report
        Called with each report, a record of drift_report.avsc.

    Yields
    ------
    asyncio.Task
        The reader; it runs until the body ends, unless it fails.
    """
    reports = TopicPartition(settings.leads_drift, 0)
    log = LogReader(settings.kafka_client_options(), "read_uncommitted")
    async with log.open() as consumer:
        end = (await consumer.end_offsets([reports]))[reports]

    async def follow() -> None:
        async with aclosing(log.follow(reports, end)) as followed:
            async for records in followed:
                for record in records:
                    on_report(decode_report(record.value))

    following = asyncio.create_task(follow())
    try:
        yield following
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def write_snapshot(environment: Mapping[str, str], folder: Path, span: str) -> Path | None:
    """Write an Evidently report of the latest leads, in a child process.

    Parameters
    ----------
    environment
        Its settings.
    folder
        Folder of the report and the log.
    span
        Time range to look back, such as 10m.

    Returns
    -------
    Path or None
        The report; None if it failed (its log has the reason).
    """
    given = {name: v for name, v in os.environ.items() if not name.startswith("LEADSCORE_")}
    output = folder / "reports"
    with (folder / "snapshot.log").open("wb") as log, (folder / "snapshot.json").open("wb") as out:
        child = start_child(
            (*SNAPSHOT, "--since", span, "--output", str(output), "--json"),
            env={**given, **environment},
            stdout=out,
            stderr=log,
        )
        try:
            await asyncio.to_thread(child.wait, SNAPSHOT_WITHIN)
        except subprocess.TimeoutExpired:
            log.write(f"ended: no report within {SNAPSHOT_WITHIN:g} s\n".encode())
        finally:
            end_child(child)
    if child.returncode:
        return None
    return max(output.glob("*/report.html"), default=None)
