"""Testbed of the contenders: a broker with the events, and the model."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.contenders import Contender, Stage
from benchmarks.plain_model import without_contributions
from benchmarks.scores import Checked, check_scores, expected_scores
from benchmarks.workload import NAME, PARTITIONS, artefacts, events
from model.bundle import load_bundle
from model.registry import Registry
from stream.process.child_process import end_child, start_child
from stream.simulator.run import partition_of
from testing.kafka_client import TopicFactory, committed_offsets, open_admin, until
from testing.process_tree import cpu_seconds, peak_memory_mb, pin

__all__ = ["DISTINCT", "Cores", "Run", "Sample", "Testbed", "fill", "rate_figures"]

DISTINCT = 20_000
SAMPLE_SECONDS = 0.1
TIMEOUT_SECONDS = 300.0
LOG_TAIL = 2000
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Cores:
    """Assignment of CPU cores.

    Attributes
    ----------
    contender
        Core of the contender.
    rest
        Cores of the broker and the benchmark.
    """

    contender: int
    rest: frozenset[int]

    @classmethod
    def split(cls) -> Cores:
        """Assign the last core to the contender and the rest to the others; share a single core."""
        found = os.sched_getaffinity(0)
        last = max(found)
        return cls(last, frozenset(found - {last} or found))

    def of(self, contender: Contender) -> set[int]:
        """Return the cores that a contender may use."""
        return {self.contender} if contender.cores == 1 else {self.contender, *self.rest}


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of a run's CPU time and progress."""

    at: float
    cpu: float
    done: int


@dataclass(frozen=True, slots=True)
class Run:
    """Measurement of one run."""

    events_per_second: float
    events_per_cpu_second: float
    memory_mb: float
    checked: Checked


class Testbed:
    """A broker with the events, and the model.

    Parameters
    ----------
    bootstrap
        Kafka's address.
    folder
        Folder of the registry and of the contenders' files.
    cores
        Assignment of CPU cores.
    reasons
        Whether the other contenders also write reasons.
    """

    def __init__(self, bootstrap: str, folder: Path, cores: Cores, *, reasons: bool) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self.topics = TopicFactory(bootstrap, "bench.")
        registry = Registry(folder / "models")
        self.location = Path(registry.resolve(f"{NAME}/{registry.publish(NAME, artefacts())}"))
        self.sha256 = load_bundle(str(self.location), None).sha256
        self._model = self.location / "model.onnx"
        if not reasons:
            content = without_contributions(self._model.read_bytes())
            self._model = folder / "without_reasons.onnx"
            self._model.write_bytes(content)
        self._cores = cores
        self._stages = 0
        self._sources: dict[int, str] = {}

    async def source(self, count: int) -> str:
        """Return a topic with a number of events; it is created once."""
        if count not in self._sources:
            topic = await self.topics.create(f"leads.{count}", PARTITIONS)
            await fill(self.bootstrap, topic, count)
            self._sources[count] = topic
        return self._sources[count]

    async def make_source(self, partitions: int, configs: Mapping[str, str]) -> str:
        """Create an empty topic for leads."""
        return await self.topics.create(f"leads.run.{self._stages + 1}", partitions, configs)

    async def stage(
        self,
        source: str,
        *,
        partitions: int = PARTITIONS,
        linger_ms: int = 5,
        configs: Mapping[str, str] | None = None,
    ) -> Stage:
        """Create the topics of a run."""
        self._stages += 1
        target = await self.topics.create(f"scored.{self._stages}", partitions, configs)
        await self.topics.create(f"scored.{self._stages}.dlq", partitions)
        await self.topics.create(f"scored.{self._stages}.partials", 1)
        await self.topics.create(f"scored.{self._stages}.replays", 1)
        folder = self.folder / f"run-{self._stages}"
        folder.mkdir()
        return Stage(
            self.bootstrap,
            source,
            target,
            f"bench-{self._stages}",
            self.folder / "models",
            self._model,
            self.sha256,
            folder,
            linger_ms,
        )

    async def clear(self, stage: Stage) -> None:
        """Delete the topics of a run, except for leads that other runs read."""
        admin: AIOKafkaAdminClient
        async with open_admin(self.bootstrap) as admin:
            target = stage.target
            written = [target, *(f"{target}.{name}" for name in ("dlq", "partials", "replays"))]
            is_its_own = stage.source not in self._sources.values()
            await admin.delete_topics([*written, stage.source] if is_its_own else written)

    @contextmanager
    def running(self, contender: Contender, stage: Stage) -> Iterator[Any]:
        """Run a contender on its core until the body ends; an error includes its output."""
        log = stage.folder / "log"
        with log.open("wb") as output:
            process = start_child(
                contender.command(),
                env={
                    **os.environ,
                    # So that they find these packages from another Python environment.
                    "PYTHONPATH": str(ROOT),
                    **contender.environment(stage),
                },
                cwd=ROOT,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
            )
        try:
            pin(process.pid, self._cores.of(contender))
            yield process
        except RuntimeError as error:
            said = log.read_text(errors="replace")[-LOG_TAIL:]
            raise click.ClickException(f"{contender.name}: {error}\n{said}") from None
        finally:
            end_child(process)

    async def run(self, contender: Contender, count: int) -> Run:
        """Measure a contender on a number of events, and check every score."""
        stage = await self.stage(await self.source(count))
        with self.running(contender, stage) as process:
            samples = await watch(self.bootstrap, stage.target, count, process)
            if contender.is_transactional:
                await until_committed(self.bootstrap, stage, count)
            memory = peak_memory_mb(process.pid)
        expected = expected_scores(self.location, min(count, DISTINCT))
        checked = await check_scores(contender.name, self.bootstrap, stage.target, expected, count)
        await self.clear(stage)
        return Run(*rate_figures(samples, count, contender.window), memory, checked)


async def fill(bootstrap: str, topic: str, count: int, partitions: int = PARTITIONS) -> None:
    """Write the events repeatedly, up to a number."""
    distinct = events(min(count, DISTINCT))
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 * 1024)
    await producer.start()
    try:
        await producer.partitions_for(topic)
        rows: list[list[tuple[bytes, bytes]]] = [[] for _ in range(partitions)]
        for key, value in distinct:
            rows[partition_of(key, partitions)].append((key, value))
        quotas = [count * len(part) // len(distinct) for part in rows]
        quotas[0] += count - sum(quotas)
        for partition, (part, quota) in enumerate(zip(rows, quotas, strict=True)):
            batch = producer.create_batch()
            for i in range(quota):
                key, value = part[i % len(part)]
                if batch.append(timestamp=None, key=key, value=value) is None:
                    batch.close()
                    await producer.send_batch(batch, topic, partition=partition)
                    batch = producer.create_batch()
                    batch.append(timestamp=None, key=key, value=value)
            batch.close()
            await producer.send_batch(batch, topic, partition=partition)
    finally:
        await producer.stop()


async def watch(bootstrap: str, topic: str, count: int, process: Any) -> list[Sample]:
    """Sample a process until it has written a number of events.

    Raises
    ------
    RuntimeError
        It ends before, or is not done in time.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    consumer.assign(partitions)
    samples: list[Sample] = []
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        while not samples or samples[-1].done < count:
            if time.monotonic() > deadline:
                done = samples[-1].done if samples else 0
                raise RuntimeError(f"not done within {TIMEOUT_SECONDS:.0f} s, {done:,} are scored")
            cpu, has_ended = cpu_seconds(process.pid), process.poll() is not None
            ends = sum((await consumer.end_offsets(partitions)).values())
            if has_ended and ends < count:  # a replay ends once all is scored
                raise RuntimeError(f"ended with code {process.returncode}")
            samples.append(Sample(time.monotonic(), cpu, ends))
            await asyncio.sleep(SAMPLE_SECONDS)
    finally:
        await consumer.stop()
    return samples


async def until_committed(bootstrap: str, stage: Stage, count: int) -> None:
    """Wait until the last transaction is committed; its markers count as records."""

    async def is_committed() -> bool:
        return (
            sum((await committed_offsets(bootstrap, stage.group, stage.source)).values()) == count
        )

    await until(is_committed, what=f"{count:,} leads committed")


def rate_figures(
    samples: list[Sample], count: int, window: tuple[float, float]
) -> tuple[float, float]:
    """Return events per second and per CPU-second, from the samples within a window.

    Raises
    ------
    click.ClickException
        There are too few samples in it.
    """
    inside = [s for s in samples if window[0] * count <= s.done <= window[1] * count]
    if len(inside) < 3:
        raise click.ClickException(
            f"expected at least 3 samples of a run, got {len(inside)}: give more --events"
        )
    first, last = inside[0], inside[-1]
    done = last.done - first.done
    return done / (last.at - first.at), done / (last.cpu - first.cpu)
