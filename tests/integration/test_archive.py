"""The role archive on real Kafka, and replays from what it has written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import RecordsToDelete

from schemas.headers import REPLAY_ID
from schemas.wire import WireFormat
from stream.archive.files import list_files, partition_folder
from stream.archive.reader import Archive
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import open_admin, until
from tests.integration.replay_process import Replays
from tests.integration.worker_process import (
    CONTACT,
    PARTITIONS,
    Stage,
    WorkerProcess,
    event_of,
    headers_of,
)

COUNT = 400
ROLE = {
    "LEADSCORE_ROLE": "archive",
    "LEADSCORE_ARCHIVE_FILE_SECONDS": "1",
    "LEADSCORE_ARCHIVE_LEAST_FREE_MB": "16",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def begin(stage: Stage, folder: Path) -> WorkerProcess:
    return stage.begin(**ROLE, LEADSCORE_ARCHIVE=str(folder))


def archived(stage: Stage, folder: Path) -> dict[int, int]:
    """Return where the files of each partition end."""
    topic = stage.settings.leads_created
    files = {n: list_files(partition_folder(folder, topic, n)) for n in range(PARTITIONS)}
    return {number: its[-1].end for number, its in files.items() if its}


async def until_archived(stage: Stage, folder: Path, worker: WorkerProcess) -> None:
    """Wait until the last record of each partition is in a complete file."""
    records = await stage.records(stage.settings.leads_created)
    ends = {record.partition: record.offset + 1 for record in records}

    def are_archived() -> bool:
        worker.check()
        return archived(stage, folder) == ends

    await until(are_archived, within=120, what="all leads in the archive")


async def test_an_archive_written_by_killed_workers_is_as_good_a_source_as_the_topic(
    stage: Stage, contacts: Sequence[Lead], folder: Path
) -> None:
    source = stage.settings.leads_created
    maker = EventMaker(CONTACT, WireFormat.AVRO, bad_share=0.05, seed=5)
    first = begin(stage, folder)
    await stage.play(contacts[:COUNT], as_event=maker)
    await until(lambda: bool(archived(stage, folder)), within=120, what="a file of the archive")
    first.end()  # SIGKILL
    async with AIOKafkaProducer(
        bootstrap_servers=stage.settings.kafka_bootstrap_servers, transactional_id=source
    ) as producer:
        for ends_by in ("abort", "commit"):  # the offsets of the first have no record
            await producer.begin_transaction()
            await producer.send_and_wait(source, ends_by.encode(), b"transaction", partition=1)
            await getattr(producer, f"{ends_by}_transaction")()
    await stage.play(contacts[COUNT : 2 * COUNT], as_event=maker)
    second = begin(stage, folder)
    await until_archived(stage, folder, second)
    await second.stop_cleanly()

    topic = [
        record
        for record in await stage.records(source)
        if record.value != b"abort"  # the reader of the test sees them, too
    ]
    archive = Archive(folder, source)
    assert archive.holes() == {}
    found = [
        record
        for number, end in (await archive.end()).items()
        async for records in archive.read(TopicPartition(source, number), 0, end)
        for record in records
    ]
    assert sorted(map(_as_sent, found)) == sorted(map(_as_sent, topic))

    replays = Replays(stage)
    given = ("start", "--from", "beginning", "--json")
    by_topic = await replays.run(*given, "--id", "t")
    by_archive = await replays.run(*given, "--id", "a", "--archive", str(folder))
    assert (by_topic.code, by_archive.code) == (0, 0), by_archive.err
    for name in ("read", "scored", "dead_lettered"):
        assert by_archive.total(name) == by_topic.total(name)
    events = {name: await replays.events(name) for name in "ta"}
    letters = {name: await replays.letters(name) for name in "ta"}
    assert _without_replay(events["a"]) == _without_replay(events["t"])
    assert _letters(letters["a"]) == _letters(letters["t"])
    assert len(letters["a"]) > 0


def _as_sent(record: Any) -> tuple[Any, ...]:
    place = record.partition, record.offset, record.timestamp, record.timestamp_type
    return *place, record.key or b"", record.value or b"", tuple(record.headers)


def _without_replay(records: Sequence[ConsumerRecord]) -> list[tuple[Any, ...]]:
    """Return what is the same in each replay: the time of scoring and its id are not."""
    found = []
    for record in records:
        event, headers = event_of(record.value), dict(headers_of(record))
        for name in ("replay_id", "scored_at", "latency_ms"):
            event.pop(name)
        del headers[REPLAY_ID]
        headers.pop("ce_time", None)
        found.append((record.partition, record.key, sorted(headers.items()), str(event)))
    return sorted(found)


def _letters(records: Sequence[ConsumerRecord]) -> list[tuple[Any, ...]]:
    return sorted(
        (
            record.partition,
            record.value or b"",
            tuple((name, value) for name, value in record.headers if name != REPLAY_ID),
        )
        for record in records
    )


@pytest.mark.long
async def test_leads_that_were_removed_before_they_were_archived_are_a_reported_hole(
    stage: Stage, contacts: Sequence[Lead], folder: Path, kafka: Broker
) -> None:
    source = stage.settings.leads_created
    await stage.play(contacts[:COUNT])
    first = begin(stage, folder)
    await until_archived(stage, folder, first)
    before = archived(stage, folder)
    await first.stop_cleanly()
    await stage.play(contacts[COUNT : 2 * COUNT])
    async with open_admin(kafka.bootstrap) as admin:
        at, below = TopicPartition(source, 0), before[0] + 5
        await admin.delete_records({at: RecordsToDelete(before_offset=below)})
    second = begin(stage, folder)
    await until_archived(stage, folder, second)
    assert await second.metric("leadscore_archive_lost_records_total") == 5
    second.end()
    assert Archive(folder, source).holes() == {0: [(before[0], below)]}

    replays = Replays(stage)
    given = ("start", "--from", "beginning", "--json", "--archive", str(folder))
    result = await replays.run(*given)
    assert result.code == 0, result.err
    assert f"no file of the offsets {before[0]} to {below - 1} of partition 0" in result.err
    assert (result.total("expired"), result.total("scored")) == (5, 2 * COUNT - 5)
