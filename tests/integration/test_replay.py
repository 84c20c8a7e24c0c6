"""`leadscore replay` on real Kafka: what it writes, what it leaves alone, and its account."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from confluent_kafka.admin import AdminClient

from agents.partials import decode_partial
from model.bundle import Bundle
from schemas.headers import REPLAY_ID
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import Record, open_admin, produce
from tests.integration.replay_process import Replays, ended, ids_of, until_committed
from tests.integration.worker_process import PARTITIONS, Stage, event_of, headers_of

COUNT = 600
SLOW = ("--max-rate", "5/s")
"""Slow enough for another command to start meanwhile on a busy machine."""


@pytest.fixture
def replays(stage: Stage) -> Replays:
    return Replays(stage)


async def test_a_replay_scores_every_lead_into_its_own_topic_with_the_ids_of_the_worker(
    stage: Stage, contacts: Sequence[Lead], bank_model: Bundle, replays: Replays, kafka: Broker
) -> None:
    await stage.play(contacts[:COUNT])
    broken = Record(b"no lead", b"broken", partition=0)
    await produce(kafka.bootstrap, stage.settings.leads_created, [broken])
    result = await replays.run("start", "--from", "beginning", "--id", "r", "--json")
    assert result.code == 0, result.err
    ends = await replays.ends()
    assert {number: line["read"] for number, line in result.account.items()} == ends
    assert (result.total("scored"), result.total("dead_lettered")) == (COUNT, 1)
    assert all(line["is_balanced"] for line in result.account.values())

    events = await replays.events("r")
    assert ids_of(events).total() == COUNT
    assert ids_of(events).keys() < await replays.ids(bank_model)
    assert {headers_of(event)[REPLAY_ID] for event in events} == {b"r"}
    assert {event_of(event.value)["replay_id"] for event in events} == {"r"}
    [letter] = await replays.letters("r")
    assert headers_of(letter)[REPLAY_ID] == b"r"
    assert await stage.scored_records() == []
    assert await stage.dead_records() == []
    assert await stage.committed() == {}, "the workers' group was touched"

    worker = await stage.start()
    await stage.until_scored(COUNT)
    await worker.stop_cleanly()
    live = await stage.scored_records()
    assert ids_of(live).keys() == ids_of(events).keys()
    assert {event_of(record.value)["replay_id"] for record in live} == {None}
    scores = {headers_of(record)["ce_id"]: event_of(record.value)["score"] for record in live}
    assert {
        headers_of(event)["ce_id"]: event_of(event.value)["score"] for event in events
    } == scores


@pytest.mark.long
async def test_a_filter_a_model_by_its_hash_and_a_dry_run(
    stage: Stage, contacts: Sequence[Lead], bank_model: Bundle, replays: Replays
) -> None:
    await stage.play(contacts[:COUNT])
    married = sum(lead.fields["marital"] == "married" for lead in contacts[:COUNT])
    given = ("--from", "beginning", "--filter", "marital=married", "--id", "r", "--json")
    dry = await replays.run("start", *given, "--dry-run")
    [printed] = dry.lines
    assert (printed["sampled"], printed["scored"]) == (COUNT, married)
    assert (await replays.run("list")).out == "", "a dry run writes nothing"

    result = await replays.run("start", *given, "--model", bank_model.sha256[:16])
    assert result.code == 0, result.err
    assert (result.total("scored"), result.total("filtered")) == (married, COUNT - married)
    assert ids_of(await replays.events("r")).total() == married
    unknown = await replays.run("start", "--from", "0", "--model", "0" * 64)
    assert unknown.code == 2
    assert "none" in unknown.err


@pytest.mark.long
async def test_offsets_that_were_removed_meanwhile_are_counted(
    stage: Stage, contacts: Sequence[Lead], replays: Replays, kafka: Broker
) -> None:
    await stage.play(contacts[:COUNT])
    first = await replays.begin("start", "--from", "0", "--id", "r", "--json", *SLOW)
    await until_committed(replays, "r")
    first.kill()
    await first.wait()
    ends = await replays.ends()
    source = stage.settings.leads_created
    async with open_admin(kafka.bootstrap) as admin:
        await admin.delete_records(
            {
                TopicPartition(source, number): RecordsToDelete(before_offset=end - 1)
                for number, end in ends.items()
            }
        )
    result = await replays.run("resume", "r", "--json")
    assert result.code == 0, result.err
    assert result.total("read") == sum(ends.values())
    assert result.total("expired") > 0
    assert result.total("expired") + result.total("scored") == COUNT
    for line in result.account.values():
        assert line["is_balanced"]


@pytest.mark.long
async def test_a_replay_is_stopped_resumed_and_cancelled(
    stage: Stage, contacts: Sequence[Lead], bank_model: Bundle, replays: Replays
) -> None:
    await stage.play(contacts[:COUNT])
    first = await replays.begin("start", "--from", "beginning", "--id", "r", "--json", *SLOW)
    await until_committed(replays, "r")
    first.send_signal(signal.SIGINT)
    stopped = await ended(first)
    assert stopped.code == 130
    assert "leadscore replay resume r" in stopped.err
    again = await replays.run("resume", "r", "--json")
    assert again.code == 0, again.err
    assert again.total("scored") == COUNT
    assert ids_of(await replays.events("r")) == Counter(await replays.ids(bank_model)), "no repeat"

    second = await replays.begin("start", "--from", "beginning", "--id", "c", "--json", *SLOW)
    await until_committed(replays, "c")
    assert (await replays.run("cancel", "c")).code == 0
    cancelled = await ended(second)
    assert cancelled.code == 1
    assert "was cancelled" in cancelled.err
    assert (await replays.run("resume", "c")).code == 2
    states = {
        line["replay_id"]: line["state"] for line in (await replays.run("list", "--json")).lines
    }
    assert states == {"r": "ended", "c": "cancelled"}


@pytest.mark.long
async def test_the_drift_counts_of_a_killed_replay_are_those_of_a_worker(
    stage: Stage, contacts: Sequence[Lead], replays: Replays
) -> None:
    await stage.play(contacts[:COUNT])
    first = await replays.begin("start", "--from", "0", "--id", "r", "--drift", *SLOW)
    await until_committed(replays, "r")
    first.kill()
    await first.wait()
    result = await replays.run("resume", "r", "--json")
    assert result.code == 0, result.err
    worker = await stage.start()
    await stage.until_scored(COUNT)
    await worker.stop_cleanly()
    found = await counts_of(stage, f"{replays.out('r')}.drift.partials")
    assert found == await counts_of(stage, stage.settings.leads_drift_partials)
    assert sum(leads for leads, _ in found.values()) == COUNT


async def counts_of(stage: Stage, topic: str) -> dict[bytes | None, tuple[int, list[int]]]:
    """Return the latest counts of each block and window."""
    found = {}
    for record in await stage.records(topic):
        counts = decode_partial(record.value).counts
        found[record.key] = (counts.leads, counts.counts.tolist())
    return found


@pytest.mark.long
async def test_a_replay_that_kafka_has_forgotten_writes_nothing_twice(
    stage: Stage, contacts: Sequence[Lead], replays: Replays, kafka: Broker
) -> None:
    """As after offsets.retention.minutes without a process that executes it."""
    await stage.play(contacts[:COUNT])
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for delivery, code in (("exactly_once", 1), ("at_least_once", 0)):
        given = ("start", "--from", "beginning", "--id", delivery, "--json")
        first = await replays.begin(*given, *SLOW, LEADSCORE_DELIVERY=delivery)
        await until_committed(replays, delivery)
        first.kill()
        await first.wait()
        written = ids_of(await replays.events(delivery))
        assert written.total() > 0
        group = f"{stage.settings.group_id}-replay-{delivery}"
        await asyncio.to_thread(admin.delete_consumer_groups([group])[group].result)
        result = await replays.run("resume", delivery, "--json")
        assert result.code == code, result.err
        if code:
            assert "would write them twice" in result.err
            assert ids_of(await replays.events(delivery)) == written
        else:
            assert "it begins again there" in result.err
            assert len(ids_of(await replays.events(delivery))) == COUNT


@pytest.mark.long
async def test_shards_and_workers_share_the_partitions(
    stage: Stage, contacts: Sequence[Lead], bank_model: Bundle, replays: Replays
) -> None:
    await stage.play(contacts[:COUNT])
    given = ("start", "--from", "beginning", "--id", "r", "--json")
    second = await replays.begin(*given, "--shard", "/2", JOB_COMPLETION_INDEX="1")
    first = await replays.run(*given, "--shard", "1/2", "--workers", "2")
    assert first.code == 0, first.err
    assert (await ended(second)).code == 0
    shown = await replays.run("show", "r", "--json")
    assert shown.code == 0, shown.err
    [line] = shown.lines
    assert line["state"] == "ended"
    assert len(line["partitions"]) == PARTITIONS
    assert sum(each["scored"] for each in line["partitions"]) == COUNT
    assert ids_of(await replays.events("r")) == Counter(await replays.ids(bank_model))


@pytest.mark.long
async def test_the_live_topics_need_a_confirmation(
    stage: Stage, contacts: Sequence[Lead], replays: Replays
) -> None:
    await stage.play(contacts[:COUNT])
    given = ("start", "--from", "beginning", "--into-live", "--json")
    refused = await replays.run(*given)
    assert refused.code == 2
    assert "--yes" in refused.err
    assert await stage.scored_records() == []
    accepted = await replays.run(*given, "--yes")
    assert accepted.code == 0, accepted.err
    assert len(await stage.scored_records()) == COUNT
