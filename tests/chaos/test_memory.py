"""Batches of gigabytes and records of 300 MB: memory, health and the session hold."""

from __future__ import annotations

import signal
import time
from collections import Counter
from itertools import repeat

import pytest

from model.bundle import Bundle
from stream.broker import Broker
from testing.kafka_client import set_topic_configs, until
from tests.chaos.audit import second_audit
from tests.chaos.brokers import StoppableBroker
from tests.conftest import StageSetter
from tests.integration.worker_process import WorkerProcess, headers_of
from tests.large_leads import (
    HELD,
    PROMISED_MB,
    PROMISED_SECONDS,
    large_lead,
    peak_mb,
    send_compressed,
)
from tests.segment_files import append_large_record

pytestmark = pytest.mark.thorough

LEADS_OF_BATCH = {"zstd": 1500, "gzip": 600}
"""Leads of 240 kB per batch: a codec compresses it below 1 MB, and reading it takes long."""
LEAD_BYTES = 240_000
RECORD_BYTES = 300_000_000
WITHIN = 200.0
READY = "leadscore_ready"


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
@pytest.mark.parametrize("codec", list(LEADS_OF_BATCH))
async def test_large_batches_are_scored_in_little_memory_also_from_their_middle_on(
    kafka: Broker, set_stage: StageSetter, bank_model: Bundle, codec: str, delivery: str
) -> None:
    stage = set_stage(kafka.bootstrap, LEADSCORE_ROLE="score", LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    leads = LEADS_OF_BATCH[codec]
    batches = [map(large_lead, range(leads), repeat(LEAD_BYTES)) for _ in range(2)]
    count = 2 * leads
    if codec == "zstd":  # the others would need more than a megabyte
        batches.append(map(large_lead, (leads, leads + 1), (RECORD_BYTES, 1000)))
        count += 2
    topic = stage.settings.leads_created
    assert await send_compressed(kafka.bootstrap, topic, codec, batches) < 1 << 20
    first = await stage.start()

    async def is_in_the_middle() -> bool:
        first.check()
        return any(0 < offset < leads for offset in (await stage.committed()).values())

    await until(is_in_the_middle, within=WITHIN, what="a commit in the middle of a batch")
    await _check(first)
    first.send(signal.SIGKILL)
    await first.ended()
    second = await stage.start()
    ends = {0: leads, 1: leads, 2: 2 if codec == "zstd" else 0, 3: 0}

    async def are_done() -> bool:
        second.check()
        status, _ = await second.answer("/healthz")
        return status == 200 and await stage.committed() == ends

    await until(are_done, within=WITHIN, what=f"the outcome of {count} leads")
    await _check(second)
    await second.stop_cleanly()
    scored = Counter(record.key for record in await stage.scored_records())
    assert scored.keys() == {b"large-%d" % i for i in range(leads)} | (
        {b"large-%d" % (leads + 1)} if codec == "zstd" else set()
    )
    dead = {(letter.partition, letter.value) for letter in await stage.dead_records()}
    assert dead == ({(2, None)} if codec == "zstd" else set())
    account = await second_audit(stage, bank_model)
    assert account.totals.leads == count


async def test_dead_letters_as_large_as_leads_are_read_back_in_little_memory(
    kafka: Broker, set_stage: StageSetter, bank_model: Bundle, delivery: str
) -> None:
    """A start looks for the last output of each partition; it held 500 dead letters of each."""
    stage = set_stage(kafka.bootstrap, LEADSCORE_ROLE="score", LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    per_partition, partitions = 300, 4
    broken = [
        large_lead(number, LEAD_BYTES).replace(b'"created_at":1700000000000', b'"created_at":"?"')
        for number in range(per_partition)
    ]
    topic = stage.settings.leads_created
    await send_compressed(kafka.bootstrap, topic, "zstd", [broken] * partitions)
    ends = dict.fromkeys(range(partitions), per_partition)

    async def run() -> None:
        worker = await stage.start()

        async def are_done() -> bool:
            worker.check()
            return await stage.committed() == ends and await worker.metric(READY) == 1

        await until(are_done, within=WITHIN, what="a dead letter of each lead")
        await _check(worker)
        await worker.stop_cleanly()

    await run()
    assert len(await stage.dead_records()) == per_partition * partitions
    await run()
    account = await second_audit(stage, bank_model)
    assert account.totals.dead.total() == per_partition * partitions


async def test_a_record_of_300_mb_that_is_not_compressed_is_dropped_as_it_is_received(
    stoppable_kafka: StoppableBroker, set_stage: StageSetter, bank_model: Bundle, delivery: str
) -> None:
    """Between small leads; the fetch returns it whole."""
    bootstrap = stoppable_kafka.bootstrap
    stage = set_stage(bootstrap, LEADSCORE_ROLE="score", LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    topic = stage.settings.leads_created
    await set_topic_configs(bootstrap, topic, {"max.message.bytes": str(2 * RECORD_BYTES)})
    await send_compressed(bootstrap, topic, None, [map(large_lead, (0, 1), repeat(1000))], 1)
    stoppable_kafka.stop()
    append_large_record(
        stoppable_kafka.log_folder(topic, 0), 2, b"large", RECORD_BYTES, int(time.time() * 1000)
    )
    stoppable_kafka.restart()
    await send_compressed(bootstrap, topic, None, [[large_lead(3, 1000)]], 1)
    worker = await stage.start()

    async def are_done() -> bool:
        worker.check()
        status, _ = await worker.answer("/healthz")
        return status == 200 and (await stage.committed()).get(0) == 4

    await until(are_done, within=WITHIN, what="the outcome of each lead")
    await _check(worker)
    assert await worker.metric("leadscore_dead_letters_total") == 1
    await worker.stop_cleanly()
    assert {record.key for record in await stage.scored_records()} == {
        b"large-%d" % number for number in (0, 1, 3)
    }
    [dead] = await stage.dead_records()
    headers = headers_of(dead)
    assert (dead.partition, dead.key, dead.value) == (0, b"large", None)
    assert headers["leadscore.error.code"] == b"TOO_LARGE"
    assert headers["__connect.errors.offset"] == b"2"
    assert int(headers["leadscore.value.left.out.bytes"]) == RECORD_BYTES
    account = await second_audit(stage, bank_model)
    assert (account.totals.leads, account.totals.scored) == (4, 3)


async def _check(worker: WorkerProcess) -> None:
    assert peak_mb(worker.pid) < PROMISED_MB
    assert await worker.metric(HELD) < PROMISED_SECONDS
    assert await worker.metric("leadscore_rebalances_total") == 1
