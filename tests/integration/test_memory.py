"""A worker's memory under leads that are larger decompressed than they are on the wire."""

from __future__ import annotations

from collections import Counter

import pytest

from stream.broker import Broker
from testing.kafka_client import set_topic_configs, until
from tests.conftest import StageSetter
from tests.integration.worker_process import headers_of
from tests.large_leads import (
    HELD,
    PROMISED_MB,
    PROMISED_SECONDS,
    large_lead,
    peak_mb,
    send_compressed,
)

LEADS = 360
LEAD_BYTES = 240_000
RECORD_BYTES = 120_000_000


PLAIN_BYTES = 90_000_000
"""Bytes of an uncompressed record: a broker accepts requests of up to 100 MB."""


@pytest.mark.parametrize(
    "delivery", ["at_least_once", pytest.param("exactly_once", marks=pytest.mark.long)]
)
async def test_a_batch_of_90_mb_and_a_record_of_120_mb_fit_in_what_is_promised(
    kafka: Broker, set_stage: StageSetter, delivery: str
) -> None:
    """Each is less than a megabyte on the wire."""
    stage = set_stage(kafka.bootstrap, LEADSCORE_ROLE="score", LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    settings = stage.settings
    largest = await send_compressed(
        kafka.bootstrap,
        settings.leads_created,
        "zstd",
        (
            (large_lead(i, LEAD_BYTES) for i in range(LEADS)),
            [large_lead(LEADS, RECORD_BYTES), large_lead(LEADS + 1, 1000)],
        ),
    )
    assert largest < 1 << 20
    worker = await stage.start()

    async def are_done() -> bool:
        worker.check()
        dead = await worker.metric("leadscore_dead_letters_total")
        return await worker.metric("leadscore_leads_scored_total") + dead >= LEADS + 2

    await until(are_done, within=120, what="the outcome of each lead")
    assert peak_mb(worker.pid) < PROMISED_MB
    assert await worker.metric(HELD) < PROMISED_SECONDS
    assert await worker.metric("leadscore_rebalances_total") == 1
    assert await worker.metric("leadscore_in_flight_bytes") == 0
    await worker.stop_cleanly()
    scored = Counter(record.key for record in await stage.scored_records())
    assert scored == Counter(b"large-%d" % i for i in range(LEADS + 2) if i != LEADS)
    [dead] = await stage.dead_records()
    assert (dead.partition, dead.value) == (1, None)
    headers = headers_of(dead)
    assert headers["leadscore.error.code"] == b"TOO_LARGE"
    assert headers["__connect.errors.offset"] == b"0"
    assert abs(int(headers["leadscore.value.left.out.bytes"]) - RECORD_BYTES) < 1000


@pytest.mark.long
@pytest.mark.parametrize(
    "delivery", ["at_least_once", pytest.param("exactly_once", marks=pytest.mark.long)]
)
async def test_a_record_of_90_mb_that_is_not_compressed_is_dropped_as_it_is_received(
    kafka: Broker, set_stage: StageSetter, delivery: str
) -> None:
    stage = set_stage(kafka.bootstrap, LEADSCORE_ROLE="score", LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    topic = stage.settings.leads_created
    sizes = {"max.message.bytes": "100000000", "segment.bytes": "200000000"}
    await set_topic_configs(kafka.bootstrap, topic, sizes)
    batches = [
        [large_lead(0, 1000), large_lead(1, 1000)],
        [large_lead(2, PLAIN_BYTES)],
        [large_lead(3, 1000)],
    ]
    largest = await send_compressed(kafka.bootstrap, topic, None, batches, partitions=1)
    assert largest > PLAIN_BYTES - 1000
    worker = await stage.start()

    async def are_done() -> bool:
        worker.check()
        return sum((await stage.committed()).values()) == 4

    await until(are_done, within=120, what="the outcome of each lead")
    assert peak_mb(worker.pid) < PROMISED_MB
    assert await worker.metric(HELD) < PROMISED_SECONDS
    assert await worker.metric("leadscore_rebalances_total") == 1
    await worker.stop_cleanly()
    await until(
        lambda: worker.has_logged("batches of more than 16777216 bytes are not read"),
        what="that line in its log",
    )
    scored = Counter(record.key for record in await stage.scored_records())
    assert scored == Counter(b"large-%d" % i for i in (0, 1, 3))
    [dead] = await stage.dead_records()
    headers = headers_of(dead)
    assert (dead.partition, dead.key, dead.value) == (0, b"key", None)
    assert headers["leadscore.error.code"] == b"TOO_LARGE"
    assert headers["__connect.errors.offset"] == b"2"
    assert abs(int(headers["leadscore.value.left.out.bytes"]) - PLAIN_BYTES) < 1000
