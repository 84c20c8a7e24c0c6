"""A worker's memory under leads that are larger decompressed than they are on the wire."""

from __future__ import annotations

from collections import Counter

import pytest

from stream.broker import Broker
from tests.conftest import StageSetter
from tests.integration.worker_process import headers_of
from tests.kafka_client import until
from tests.large_leads import large_lead, peak_mb, send_compressed

PROMISED_MB = 300
LEADS = 360
LEAD_BYTES = 240_000
RECORD_BYTES = 120_000_000


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
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

    await until(are_done, within=60, what="the outcome of each lead")
    assert peak_mb(worker.pid) < PROMISED_MB
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
