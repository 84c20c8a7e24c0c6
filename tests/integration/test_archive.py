"""The role archive on real Kafka, and replays from what it has written, on a disk and on S3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import RecordsToDelete

from model.bundle import Bundle
from schemas.headers import REPLAY_ID
from schemas.wire import WireFormat
from stream.archive.reader import Archive
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import open_admin, until
from tests.integration.archive_process import (
    archive_all,
    archived,
    begin_archive,
    until_archived,
)
from tests.integration.replay_process import Replays, ended, ids_of, until_committed
from tests.integration.s3_server import S3, s3_server
from tests.integration.worker_process import CONTACT, Stage, event_of, headers_of

COUNT = 400


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.mark.long
async def test_an_archive_written_by_killed_workers_is_as_good_a_source_as_the_topic(
    stage: Stage, contacts: Sequence[Lead], folder: Path
) -> None:
    source = stage.settings.leads_created
    maker = EventMaker(CONTACT, WireFormat.AVRO, bad_share=0.05, seed=5)
    first = begin_archive(stage, folder)
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
    second = begin_archive(stage, folder)
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
    first = begin_archive(stage, folder)
    await until_archived(stage, folder, first)
    before = archived(stage, folder)
    await first.stop_cleanly()
    await stage.play(contacts[COUNT : 2 * COUNT])
    async with open_admin(kafka.bootstrap) as admin:
        at, below = TopicPartition(source, 0), before[0] + 5
        await admin.delete_records({at: RecordsToDelete(before_offset=below)})
    second = begin_archive(stage, folder)
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


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with s3_server() as server:
        server.files.mkdir("leads")
        yield server


@pytest.mark.long
async def test_shards_of_a_replay_read_a_copy_of_the_archive_on_s3_and_continue_after_a_kill(
    stage: Stage, contacts: Sequence[Lead], bank_model: Bundle, folder: Path, s3: S3
) -> None:
    await stage.play(contacts[:COUNT])
    await archive_all(stage, folder)
    bucket = f"leads/{stage.settings.group_id}"
    s3.files.put(f"{folder}/", bucket, recursive=True)

    replays = Replays(stage)
    environment = s3.environment | {"LEADSCORE_DELIVERY": "exactly_once"}
    given = ("start", "--from", "beginning", "--archive", f"s3://{bucket}", "--id", "a", "--json")
    first = await replays.begin(*given, "--shard", "1/2", "--max-rate", "5/s", **environment)
    await until_committed(replays, "a")
    first.kill()
    await first.wait()
    second = await replays.begin(*given, "--shard", "/2", JOB_COMPLETION_INDEX="1", **environment)
    again = await replays.run("resume", "a", "--shard", "1/2", "--json", **environment)
    assert again.code == 0, again.err
    assert (other := await ended(second)).code == 0, other.err
    [shown] = (await replays.run("show", "a", "--json")).lines
    assert shown["state"] == "ended"
    assert all(line["is_balanced"] for line in shown["partitions"])
    assert sum(line["scored"] for line in shown["partitions"]) == COUNT
    assert ids_of(await replays.events("a")) == Counter(await replays.ids(bank_model))


@pytest.mark.long
async def test_a_store_that_is_not_there_ends_a_replay_of_it_with_a_sentence(
    stage: Stage, s3: S3
) -> None:
    given = ("start", "--from", "beginning", "--json", "--archive")
    missing = await Replays(stage).run(*given, "s3://leads/nothing", **s3.environment)
    assert missing.code == 2
    assert "expected an archive of" in missing.err
    nobody = {**s3.environment, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    silent = await Replays(stage).run(*given, "s3://leads/archive", **nobody)
    assert silent.code == 3
    assert "s3://leads/archive can't be read" in silent.err
    assert "Traceback" not in missing.err + silent.err
