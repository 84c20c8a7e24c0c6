"""A stage for sinks: topics with scored events, sinks as processes, no model."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.record_codec import RecordCodec
from stream.sinks.reading import Content
from testing.kafka_client import Record, committed_offsets, produce, read_ends, until
from testing.scored_events import scored
from tests.integration.worker_process import Stage, WorkerProcess

PARTITIONS = 2
CODEC = RecordCodec("lead_scored")
LEADS = 11
"""Number of leads of a partition that take turns."""


def sink_stage(bootstrap: str, prefix: str, folder: Path) -> Stage:
    """Return a stage without a model."""
    return Stage(
        {
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": bootstrap,
            "LEADSCORE_TOPIC_PREFIX": prefix,
            "LEADSCORE_GROUP_ID": f"g{uuid.uuid4().hex[:12]}",
            "LEADSCORE_SESSION_TIMEOUT_MS": "6000",
            "LEADSCORE_COMMIT_INTERVAL_SECONDS": "0.2",
        },
        folder,
    )


def lead_of(partition: int, offset: int) -> str:
    """Return the lead of a record: a lead has one partition."""
    return f"lead-{partition}-{offset % LEADS}"


async def emit(stage: Stage, start: int, stop: int) -> None:
    """Write scored events as workers would, at these offsets of each partition."""
    records = [
        Record(
            CODEC.encode(scored(lead_of(partition, at), offset=at, partition=partition)),
            key=lead_of(partition, at).encode(),
            partition=partition,
        )
        for at in range(start, stop)
        for partition in range(PARTITIONS)
    ]
    await produce(stage.settings.kafka_bootstrap_servers, stage.settings.leads_scored, records)


async def emit_values(stage: Stage, values: Iterable[bytes]) -> None:
    """Write values to partition 0."""
    records = [Record(value, partition=0) for value in values]
    await produce(stage.settings.kafka_bootstrap_servers, stage.settings.leads_scored, records)


def begin_sink(stage: Stage, kind: str, *options: str, **environment: str) -> WorkerProcess:
    """Start `leadscore sink`, without waiting for it."""
    return stage.begin((sys.executable, "-m", "stream", "sink", kind, *options), **environment)


async def until_written(
    stage: Stage, name: str, within: float = 120.0, content: Content = "scores"
) -> None:
    """Wait until the group of a sink has committed all that its topic holds."""
    settings = stage.settings
    topic = settings.model_copy(update={"sink_content": content}).sink_topic
    ends = await read_ends(settings.kafka_bootstrap_servers, topic)

    async def is_done() -> bool:
        if not any(worker.is_running for worker in stage.workers):
            stage.workers[-1].check()
        committed: dict[int, Any] = await committed_offsets(
            settings.kafka_bootstrap_servers, f"{settings.group_id}-sink-{name}", topic
        )
        return all(committed.get(number, 0) == end for number, end in ends.items())

    await until(is_done, within=within, what=f"all records of {topic} written")
