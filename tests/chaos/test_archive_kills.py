"""Archive workers killed at any moment under traffic: each record is archived once, as it was."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from aiokafka import TopicPartition

from stream.archive.reader import Archive
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory
from tests.conftest import StageSetter
from tests.integration.archive_process import begin_archive, until_archived
from tests.integration.traffic import streaming

pytestmark = pytest.mark.thorough

KILLS = 6


@pytest.mark.parametrize("workers", [1, 2])
async def test_each_record_is_archived_once_though_workers_are_killed(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    contacts: list[Lead],
    chance: Random,
    tmp_path: Path,
    workers: int,
) -> None:
    stage = set_stage(kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix)
    await stage.create_topics()
    folder = tmp_path / "archive"

    crew = [begin_archive(stage, folder) for _ in range(workers)]
    async with streaming(stage, contacts, rate=500) as traffic:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(2.0, 8.0))  # the moment of the kill is drawn
            hit = chance.randrange(workers)
            crew[hit].end()
            crew[hit] = begin_archive(stage, folder)
        await traffic.end()
    records = await stage.records(stage.settings.leads_created)
    ends = {record.partition: record.offset + 1 for record in records}
    await until_archived(stage, folder, *crew, within=180)
    for worker in crew:
        await worker.stop_cleanly()
    archive = Archive(folder, stage.settings.leads_created)  # no offset is in two files
    assert archive.holes() == {}
    found = Counter[tuple[int, int, bytes | None]]()
    for number in archive.partitions:
        async for read in archive.read(TopicPartition(archive.topic, number), 0, ends[number]):
            found.update((record.partition, record.offset, record.value) for record in read)
    assert found == Counter((r.partition, r.offset, r.value) for r in records)
