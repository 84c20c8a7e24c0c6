"""The archive in rebalances: a source on a fake Kafka, and a writer on a disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from monitoring.telemetry.archive_metrics import ArchiveMetrics
from monitoring.telemetry.health import Health
from stream.archive.observer import ArchiveObserver
from stream.archive.writer import ArchiveWriter, RollOptions
from stream.topology import ROLES
from testing.fake_kafka import FakeKafka
from testing.kafka_client import until
from tests.unit.stream.consume.source_bench import PROMPT, TP, Bench, make_bench

OPTIONS = replace(PROMPT, commit_interval=0.01)


@asynccontextmanager
async def archiving(kafka: FakeKafka, archive: Path) -> AsyncIterator[tuple[Bench, list[Any]]]:
    """A source with the observer of an archive, and the errors that ended the worker."""
    errors: list[Any] = []

    async def read_id(topic: str) -> str:
        return "id-1"

    async def crash(error: BaseException) -> None:
        errors.append(error)

    writer = ArchiveWriter(archive, RollOptions(least_free_bytes=0), topic_id=read_id, crash=crash)
    bench = make_bench(kafka, OPTIONS, writer.start_of)
    bench.source.observer = ArchiveObserver(
        ArchiveMetrics(CollectorRegistry()), Health(0.0, conditions=ROLES["archive"].ready), writer
    )
    await bench.source.start()
    try:
        yield bench, errors
    finally:
        await bench.source.stop()
        await writer.stop()


async def test_a_rebalance_before_the_first_file_is_no_replaced_log(tmp_path: Path) -> None:
    """The group commits where the log begins. In the next assignment the worker ended by that."""
    kafka = FakeKafka()
    async with archiving(kafka, tmp_path) as (bench, errors):
        await until(lambda: TP in kafka.committed, what="a commit without a file")
        for _ in range(2):
            await bench.consumer.rebalance([0])
            await until(lambda: TP in bench.source.assignment, what="the start of the partition")
        await until(lambda: bench.source.assignment[TP].done_offset == 0, what="another look")
    assert errors == []


async def test_a_topic_that_is_created_again_before_the_first_file_is_a_replaced_log(
    tmp_path: Path,
) -> None:
    kafka = FakeKafka()
    async with archiving(kafka, tmp_path) as (bench, errors):
        await until(lambda: TP in kafka.committed, what="a commit without a file")
        await bench.consumer.rebalance([])
        kafka.make_anew(TP)
        await bench.consumer.rebalance([0])
        await until(lambda: bool(errors), what="the end of the worker")
    assert "was deleted and created again" in str(errors[0])
