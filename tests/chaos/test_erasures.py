"""An erasure that is killed and run again is complete, and writes each tombstone once."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from stream.broker import Broker
from stream.kafka.topic_admin import create_topics
from stream.settings import Settings, load_settings
from testing.kafka_client import (
    Record,
    TopicFactory,
    produce,
    read_all,
    read_ends,
    set_topic_config,
    until,
)

LEADS = 20_000
PARTITIONS = 4
KILLS = 3


async def begin(settings: Settings, ids: Path) -> asyncio.subprocess.Process:
    given = {name: v for name, v in os.environ.items() if not name.startswith("LEADSCORE_")}
    own = {
        "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "LEADSCORE_TOPIC_PREFIX": settings.topic_prefix,
        "LEADSCORE_REGISTRY": str(ids.parent / "models"),
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", "erase", "--file", str(ids), "--yes", "--json"),
        env=given | own,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )


@pytest.mark.thorough
async def test_an_erasure_that_is_killed_is_complete_when_it_is_run_again(
    kafka: Broker, topics: TopicFactory, tmp_path: Path
) -> None:
    settings = load_settings(kafka_bootstrap_servers=kafka.bootstrap, topic_prefix=topics.prefix)
    await create_topics(settings, PARTITIONS)
    topic = settings.leads_scored
    await set_topic_config(kafka.bootstrap, topic, "cleanup.policy", "compact")
    keys = [b"lead-%d" % number for number in range(LEADS)]
    await produce(
        kafka.bootstrap,
        topic,
        [Record(b"event", key, partition=n % PARTITIONS) for n, key in enumerate(keys)],
    )
    ids = tmp_path / "ids.txt"
    ids.write_bytes(b"\n".join(keys))

    for number in range(KILLS):
        written = sum((await read_ends(kafka.bootstrap, topic)).values())
        process = await begin(settings, ids)

        async def has_written(before: int = written) -> bool:
            return sum((await read_ends(kafka.bootstrap, topic)).values()) > before

        await until(has_written, within=120, what=f"tombstones of run {number}")
        process.kill()
        await process.wait()
    process = await begin(settings, ids)
    assert await process.wait() == 0

    stones = Counter(
        record.key for record in await read_all(kafka.bootstrap, topic) if record.value is None
    )
    assert stones == Counter(keys)
