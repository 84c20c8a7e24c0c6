"""Run the contenders side by side: ``python -m benchmarks.run --events 400000 --repeats 3``.

Each run: the contender's process, pinned to one core, works off a backlog on real Kafka. Its CPU
time and the number of scored events are sampled, and the figures are taken between 10 % and 95 %
of the backlog, so neither start-up nor the last wait counts. Runs are interleaved. Scores of all
contenders must agree to 1e-5.
"""

from __future__ import annotations

import asyncio
import os
import platform
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.contenders import CONTENDERS, Contender, Stage
from benchmarks.stages import stage_costs
from benchmarks.workload import NAME, PARTITIONS, artefacts, events
from model.bundle import load_bundle
from model.registry import Registry
from schemas.store import SchemaStore
from stream.account import read_scored
from stream.broker import open_broker
from stream.child_process import end_child, start_child
from stream.crm.produce import partition_of
from tests.kafka_client import TopicFactory

DISTINCT = 20_000
SAMPLE_SECONDS = 0.1
TIMEOUT_SECONDS = 300.0
WINDOW = (0.10, 0.95)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Run:
    """What was measured of one run."""

    events_per_second: float
    events_per_cpu_second: float
    memory_mb: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A look at a run."""

    at: float
    cpu: float
    done: int


class Bench:
    """A broker with the events on it, and the model.

    Parameters
    ----------
    bootstrap
        Kafka.
    folder
        For the registry and whatever the contenders write.
    """

    def __init__(self, bootstrap: str, folder: Path) -> None:
        self.bootstrap = bootstrap
        self.folder = folder
        self._topics = TopicFactory(bootstrap, "bench.")
        registry = Registry(folder / "models")
        self.location = registry.resolve(f"{NAME}/{registry.publish(NAME, artefacts())}")
        self._bundle = load_bundle(self.location)
        self._runs = 0
        self._sources: dict[int, str] = {}

    async def source(self, count: int) -> str:
        """Return a topic with so many events; made once."""
        if count not in self._sources:
            topic = await self._topics.create(f"leads.{count}", PARTITIONS)
            await fill(self.bootstrap, topic, count)
            self._sources[count] = topic
        return self._sources[count]

    async def run(
        self, contender: Contender, count: int, core: int
    ) -> tuple[Run, dict[str, float]]:
        """Have a contender work off so many events; returns the figures, and score by lead."""
        self._runs += 1
        source = await self.source(count)
        target = await self._topics.create(f"scored.{self._runs}", PARTITIONS)
        await self._topics.create(f"scored.{self._runs}.dlq", PARTITIONS)
        await self._topics.create(f"scored.{self._runs}.partials", 1)
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        stage = Stage(
            self.bootstrap,
            source,
            target,
            f"bench-{self._runs}",
            self.folder / "models",
            Path(self.location) / "model.onnx",
            self._bundle.sha256,
            folder,
        )
        with (folder / "log").open("wb") as log:
            process = start_child(
                list(contender.arguments),
                env={**os.environ, **contender.environment(stage)},
                stdout=log,
                stderr=log,
            )
        try:
            os.sched_setaffinity(process.pid, {core})
            samples = await watch(self.bootstrap, target, count, process)
            memory = peak_memory_mb(process.pid)
        except RuntimeError as error:
            raise click.ClickException(
                f"{contender.name}: {error}\n{(folder / 'log').read_text()[-2000:]}"
            ) from None
        finally:
            end_child(process)
        return figures(samples, count, memory), await scores(self.bootstrap, target)


async def fill(bootstrap: str, topic: str, count: int) -> None:
    """Write the events, over and over, until there are so many."""
    distinct = events(min(count, DISTINCT))
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_batch_size=512 * 1024)
    await producer.start()
    try:
        await producer.partitions_for(topic)
        rows: list[list[tuple[bytes, bytes]]] = [[] for _ in range(PARTITIONS)]
        for key, value in distinct:
            rows[partition_of(key, PARTITIONS)].append((key, value))
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
    """Sample a process until it has written so many events."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
    consumer.assign(partitions)
    samples: list[Sample] = []
    deadline = time.monotonic() + TIMEOUT_SECONDS
    try:
        while not samples or samples[-1].done < count:
            if process.poll() is not None:
                raise RuntimeError(f"ended with code {process.returncode}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"not done within {TIMEOUT_SECONDS:.0f} s")
            ends = await consumer.end_offsets(partitions)
            samples.append(Sample(time.monotonic(), cpu_seconds(process.pid), sum(ends.values())))
            await asyncio.sleep(SAMPLE_SECONDS)
    finally:
        await consumer.stop()
    return samples


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def peak_memory_mb(pid: int) -> float:
    """Return the most memory that a process has had resident."""
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def figures(samples: list[Sample], count: int, memory: float) -> Run:
    """Take the figures out of the samples, between 10 % and 95 % of the backlog."""
    inside = [s for s in samples if WINDOW[0] * count <= s.done <= WINDOW[1] * count]
    if len(inside) < 3:
        raise click.ClickException("too few samples: give more --events")
    first, last = inside[0], inside[-1]
    done = last.done - first.done
    return Run(done / (last.at - first.at), done / (last.cpu - first.cpu), memory)


async def scores(bootstrap: str, topic: str) -> dict[str, float]:
    """Read what a contender wrote: the score of each lead."""
    schema = SchemaStore.load().by_name("lead_scored")
    assert schema is not None
    found: dict[str, float] = {}
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.seek_to_beginning()
        while len(found) < DISTINCT:
            fetched = await consumer.getmany(timeout_ms=2000, max_records=2000)
            if not fetched:
                break
            for records in fetched.values():
                for record in records:
                    lead = read_scored(record.value, schema)
                    found[lead.lead_id] = lead.score
    finally:
        await consumer.stop()
    return found


def compare(all_scores: dict[str, dict[str, float]]) -> float:
    """Return by how much the contenders' scores of the same leads differ at most."""
    first = next(iter(all_scores.values()))
    worst = 0.0
    for name, found in all_scores.items():
        common = first.keys() & found.keys()
        if not common:
            raise click.ClickException(f"{name} has scored none of the same leads")
        worst = max(worst, max(abs(first[lead] - found[lead]) for lead in common))
    return worst


def table(runs: dict[str, list[Run]]) -> str:
    """Write the figures as a Markdown table: medians, and the range of the rates."""
    base = {
        name: statistics.median(run.events_per_cpu_second for run in found)
        for name, found in runs.items()
    }
    lines = [
        "| contender | events/s | events per CPU-second (range) | memory, MB"
        " | against stock Faust |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, found in runs.items():
        cpu = sorted(run.events_per_cpu_second for run in found)
        ratio = f"{base[name] / base['stock']:.1f} x" if "stock" in base else ""
        lines.append(
            f"| {CONTENDERS[name].name}"
            f" | {statistics.median(run.events_per_second for run in found):,.0f}"
            f" | {base[name]:,.0f} ({cpu[0]:,.0f} to {cpu[-1]:,.0f})"
            f" | {statistics.median(run.memory_mb for run in found):.0f} | {ratio} |"
        )
    return "\n".join(lines)


def stage_table(runs: list[Run], costs: dict[str, float]) -> str:
    """Write where a lead's CPU time goes, of LeadScore as shipped."""
    total = 1e6 / statistics.median(run.events_per_cpu_second for run in runs)
    rows = {**costs, "Kafka and the rest": total - sum(costs.values())}
    lines = ["| stage | µs a lead | share |", "|---|--:|--:|"]
    lines += [f"| {name} | {us:.1f} | {us / total:.0%} |" for name, us in rows.items()]
    return "\n".join([*lines, f"| all | {total:.1f} | 100% |"])


def machine() -> str:
    """Say what this was measured on."""
    model = re.search(r"model name\s+: (.*)", Path("/proc/cpuinfo").read_text())
    versions = ", ".join(
        f"{name} {version(name)}"
        for name in ("faust-streaming", "aiokafka", "onnxruntime", "fastavro", "numpy")
    )
    return (
        f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores, Python"
        f" {platform.python_version()}, {versions}"
    )


async def bench(names: list[str], count: int, repeats: int, bootstrap: str, folder: Path) -> str:
    """Run everything; returns the report."""
    place = Bench(bootstrap, folder)
    core = max(os.sched_getaffinity(0))
    runs: dict[str, list[Run]] = {name: [] for name in names}
    found: dict[str, dict[str, float]] = {}
    for repeat in range(repeats):
        for name in names:
            contender = CONTENDERS[name]
            run, scored = await place.run(contender, round(count * contender.share), core)
            runs[name].append(run)
            found[name] = scored
            click.echo(
                f"run {repeat + 1}/{repeats} {contender.name}: {run.events_per_second:,.0f}/s,"
                f" {run.events_per_cpu_second:,.0f} per CPU-second, {run.memory_mb:.0f} MB",
                err=True,
            )
    report = [table(runs), "", f"Scores differ by at most {compare(found):.1g}."]
    if "leadscore" in runs:
        os.sched_setaffinity(0, {core})
        costs = stage_costs(Path(place.location))
        report += ["", stage_table(runs["leadscore"], costs)]
    return "\n".join([*report, "", machine()])


@click.command()
@click.option("--events", "count", default=400_000, show_default=True, help="Backlog of a run.")
@click.option("--repeats", default=3, show_default=True)
@click.option(
    "--only",
    "names",
    multiple=True,
    type=click.Choice(list(CONTENDERS)),
    help="Only these contenders; may be repeated.",
)
def main(count: int, repeats: int, names: tuple[str, ...]) -> None:
    """Run the contenders side by side on real Kafka and print the tables."""
    with tempfile.TemporaryDirectory() as folder, open_broker(require_real=True) as broker:
        click.echo(broker.describe(), err=True)
        chosen = list(names or CONTENDERS)
        report = asyncio.run(bench(chosen, count, repeats, broker.bootstrap, Path(folder)))
    click.echo(report)


if __name__ == "__main__":
    main()
