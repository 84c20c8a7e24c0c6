"""A record whose header's name is not UTF-8, amid good ones, on real Kafka and real workers."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import pytest
from aiokafka import TopicPartition

from model.bundle import Bundle
from schemas.headers import ERROR_CODE
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.kafka.log_reader import LogReader
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory, produce_batch, read_all, read_ends, until
from tests.conftest import StageSetter
from tests.integration.drift_counts import counted_offline, reported
from tests.integration.test_drift import MONTH_MS, MONTH_S, close_windows
from tests.integration.worker_process import CONTACT, PARTITIONS, Stage, event_of, headers_of
from tests.record_batches import Made, batch

BAD_NAME = ((b"nam\xe9", b"x"),)
EVENT = EventMaker(CONTACT, WireFormat.AVRO)
AT = 1
"""The partition that the record is in."""


def made_of(leads: list[Lead], bad: int) -> bytes:
    """Encode a batch of leads, of which one has a header's name that is not UTF-8."""
    records = [
        Made(
            EVENT(lead).value,
            headers=BAD_NAME if number == bad else (),
        )
        for number, lead in enumerate(leads)
    ]
    now = 1_790_000_000_000
    return batch(records, codec="zstd", timestamp=now, max_timestamp=now)


async def log_of(stage: Stage) -> list[Any]:
    """Read the leads of the log that can be read."""
    settings = stage.settings
    reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
    return [
        record
        for number in range(PARTITIONS)
        async for records in reader.read(TopicPartition(settings.leads_created, number), 0, 2**62)
        for record in records
    ]


async def until_all_is_done(stage: Stage) -> None:
    settings = stage.settings
    ends = await read_ends(settings.kafka_bootstrap_servers, settings.leads_created)

    async def is_done() -> bool:
        for worker in stage.workers:
            if worker.is_running:
                worker.check()
        return await stage.committed() == ends

    await until(is_done, within=180, what="all that was sent is done")


async def restart_killed(stage: Stage, worker: Any) -> Any:
    worker.send(signal.SIGKILL)
    await worker.ended()
    return await stage.start()


@pytest.mark.long
@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
async def test_a_record_that_cannot_be_read_costs_itself_alone(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: Bundle,
    delivery: str,
) -> None:
    """It stopped every worker: each restart re-read the drift block that it is in."""
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_DELIVERY=delivery,
        LEADSCORE_DRIFT_WINDOW_SECONDS=str(MONTH_S),
        LEADSCORE_DRIFT_HORIZONS="1,3,12",
        LEADSCORE_DRIFT_LATENESS_SECONDS="0",
        LEADSCORE_DRIFT_IDLE_SECONDS="20",  # a worker is unavailable for less
        LEADSCORE_DRIFT_SEASON_SECONDS="0",
    )
    await stage.create_topics()
    settings = stage.settings
    scoring = await stage.start()
    watching = await stage.start(LEADSCORE_ROLE="drift")
    await stage.play(contacts[:1000])
    await until_all_is_done(stage)
    bootstrap, topic = settings.kafka_bootstrap_servers, settings.leads_created
    first = await produce_batch(bootstrap, topic, made_of(contacts[1000:1009], bad=4), AT)
    for drift_topic in (settings.leads_drift_partials, settings.leads_drift):
        await produce_batch(bootstrap, drift_topic, batch([Made(headers=BAD_NAME)]))
    bad = first + 4
    await stage.play(contacts[1009:1500])
    scoring = await restart_killed(stage, scoring)
    await stage.play(contacts[1500:2500])
    await until_all_is_done(stage)
    scoring = await restart_killed(stage, scoring)
    await stage.play(contacts[2500:3000])
    await close_windows(stage, contacts)
    await until_all_is_done(stage)

    is_exact = delivery == "exactly_once"
    log = await log_of(stage)
    assert len(log) == 3000 - 1 + PARTITIONS
    dead = await read_all(bootstrap, settings.leads_created_dlq, committed_only=is_exact)
    [letter, *repeats] = dead
    assert letter.partition == AT
    assert headers_of(letter)["__connect.errors.offset"] == b"%d" % bad
    assert headers_of(letter)[ERROR_CODE] == b"UNREADABLE"
    assert headers_of(letter)["nam\\xe9"] == b"x"
    assert (letter.key, letter.value) == (b"key", EVENT(contacts[1004]).value)
    assert {(repeat.key, repeat.value) for repeat in repeats} <= {(letter.key, letter.value)}
    scored = await read_all(bootstrap, settings.leads_scored, committed_only=is_exact)
    found = Counter(
        (record.partition, event_of(record.value)["source"]["offset"]) for record in scored
    )
    assert found.keys() == {(record.partition, record.offset) for record in log}
    if is_exact:
        assert (max(found.values()), repeats) == (1, [])

    expected = dict(counted_offline(log, bank_model, MONTH_MS))
    del expected[max(expected)]  # today's
    reader = LogReader(settings.kafka_client_options(), "read_uncommitted")

    async def published() -> Any:
        reports = await reader.last(TopicPartition(settings.leads_drift, 0), 2**40)
        return reported([report.value or b"" for report in reports], bank_model)

    async def all_are_published() -> bool:
        watching.check()
        return (await published()).keys() >= expected.keys()

    await until(all_are_published, within=180, what=f"{len(expected)} windows reported")
    assert await published() == expected
    assert watching.is_running
    assert scoring.is_running
