"""Sinks on real Kafka: kills, refused records, unavailable targets, rights, a shared target."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

import orjson
import pytest

from stream.broker import Broker
from stream.sinks.json_line_file import lines_of
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.integration.command_process import run_command
from tests.integration.kafka_tools import described_lag
from tests.integration.sink_process import (
    PARTITIONS,
    begin_sink,
    emit,
    emit_values,
    sink_stage,
    until_written,
)
from tests.integration.worker_process import Stage


@pytest.fixture
async def stage(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = sink_stage(kafka.bootstrap, topics.prefix, tmp_path)
    await stage.create_topics(PARTITIONS)
    yield stage
    stage.end()


def written(folder: Path) -> dict[int, list[int]]:
    """Return the offsets of the lines in the files, by partition, in their order."""
    offsets: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
    for file in sorted(folder.glob("*.jsonl*")):
        for line in lines_of(file):
            if not line.endswith(b"\n"):
                continue  # it is being written, or its writer was killed
            found = orjson.loads(line)
            offsets[found["partition"]].append(found["offset"])
    return offsets


async def test_a_sink_that_is_killed_writes_every_score_once(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "scores"
    settings = {"LEADSCORE_COMMIT_INTERVAL_SECONDS": "30", "LEADSCORE_BATCH_MAX_RECORDS": "50"}
    await emit(stage, 0, 1500)
    sink = begin_sink(stage, "jsonl", "--to", str(folder), **settings)
    await until(lambda: folder.exists() and any(written(folder).values()), within=120)
    sink.send(signal.SIGKILL)
    await sink.ended()
    before = sum(map(len, written(folder).values()))
    assert before < 2 * 1500, "it was killed in mid-stream"
    again = begin_sink(stage, "jsonl", "--to", str(folder))
    await until_written(stage, "jsonl-scores")
    assert written(folder) == {number: list(range(1500)) for number in range(PARTITIONS)}
    await again.stop_cleanly()


async def test_a_value_that_is_no_event_is_a_dead_letter_and_the_others_are_written(
    stage: Stage, tmp_path: Path
) -> None:
    folder = tmp_path / "scores"
    await emit(stage, 0, 3)
    await emit_values(stage, [b"no event"])
    sink = begin_sink(stage, "jsonl", "--to", str(folder), "--name", "files")
    await sink.ready()
    await until_written(stage, "files")
    assert written(folder) == {0: [0, 1, 2], 1: [0, 1, 2]}
    [letter] = await stage.records(stage.settings.leads_sinks_dlq)
    headers = dict(letter.headers)
    assert (letter.partition, letter.value) == (0, b"no event")
    assert headers["leadscore.error.code"] == b"DECODE"
    assert headers["leadscore.sink"] == b"files"
    assert headers["__connect.errors.offset"] == b"3"
    [listed] = (await run_command(stage, "dlq", "list", "--sinks", "--json")).lines
    assert (listed["place"], listed["sink"], listed["code"]) == ("0/0", "files", "DECODE")
    assert await sink.metric("leadscore_sink_dead_letters_total") == 1
    assert await sink.metric("leadscore_sink_records_total") == 6
    await sink.stop_cleanly()


async def test_while_the_target_is_unavailable_lag_grows_and_the_sink_continues(
    stage: Stage, tmp_path: Path
) -> None:
    folder, away = tmp_path / "scores", tmp_path / "away"
    sink = begin_sink(stage, "jsonl", "--to", str(folder))
    await sink.ready()
    await emit(stage, 0, 5)
    await until_written(stage, "jsonl-scores")
    folder.rename(away)
    folder.write_text("a file where the folder was")
    await emit(stage, 5, 40)

    async def is_unready() -> bool:
        status, page = await sink.answer("/readyz")
        return status != HTTPStatus.OK and not page["conditions"]["target_reached"]["met"]

    await until(is_unready, what="a sink that reports its target as away")
    status, _ = await sink.answer("/healthz")
    assert status == HTTPStatus.OK, "a restart would not help"
    assert await sink.metric("leadscore_lag_records") == 2 * 35
    settings = stage.settings
    tool = await described_lag(
        settings.kafka_bootstrap_servers, f"{settings.group_id}-sink-jsonl-scores"
    )
    assert {at: row.lag for (_, at), row in tool.items()} == {0: 35, 1: 35}, "Kafka's own figures"
    assert await sink.metric("leadscore_sink_target_up") == 0
    folder.unlink()
    away.rename(folder)
    await until_written(stage, "jsonl-scores")
    assert written(folder) == {number: list(range(40)) for number in range(PARTITIONS)}
    await sink.ready()
    await sink.stop_cleanly()


@pytest.mark.long
async def test_two_sinks_of_a_name_share_the_partitions(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "scores"
    sinks = [begin_sink(stage, "jsonl", "--to", str(folder)) for _ in range(2)]

    async def share() -> bool:
        counts = [await sink.metric("leadscore_assigned_partitions") for sink in sinks]
        return counts == [1, 1]

    for sink in sinks:
        await sink.ready()
    await until(share, what="a partition each")
    await emit(stage, 0, 200)
    await until_written(stage, "jsonl-scores")
    await sinks[0].stop_cleanly()
    await emit(stage, 200, 300)
    await until_written(stage, "jsonl-scores")
    assert written(folder) == {number: list(range(300)) for number in range(PARTITIONS)}
    await sinks[1].stop_cleanly()


async def test_without_its_topics_a_sink_does_not_start(
    kafka: Broker, topics: TopicFactory, tmp_path: Path
) -> None:
    stage = sink_stage(kafka.bootstrap, topics.prefix, tmp_path)
    sink = begin_sink(stage, "jsonl", "--to", str(tmp_path / "scores"))
    assert await sink.ended() == 3
    assert sink.has_logged("leadscore topics create")


async def test_leads_are_written_too(stage: Stage, tmp_path: Path) -> None:
    folder = tmp_path / "leads"
    lead = orjson.dumps({"lead_id": "L-1", "created_at": 1_790_000_000_000, "age": 40})
    settings = stage.settings
    await produce(settings.kafka_bootstrap_servers, settings.leads_created, [Record(lead, b"L-1")])
    sink = begin_sink(stage, "jsonl", "--to", str(folder), "--content", "leads")
    await until(lambda: folder.exists() and any(written(folder).values()), within=120)
    [file] = folder.glob("*.jsonl")
    [line] = lines_of(file)
    assert orjson.loads(line)["fields"]["age"] == 40
    await sink.stop_cleanly()
