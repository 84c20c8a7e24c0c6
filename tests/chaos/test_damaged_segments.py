"""Bytes that a broker's disk has changed, in the middle of the log and at its end.

Outcomes are compared with the log as it was before. The audits cannot read it afterwards: the one's
client raises at such a batch, the other's does not check checksums.
"""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from agents.partials import decode_partial
from model.bundle import Bundle
from schemas.errors import ErrorCode
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import produce_batch, until
from tests.chaos.audit import Outcomes, Source, outcomes, summed_counts, until_done
from tests.chaos.brokers import StoppableBroker
from tests.chaos.test_bad_records import made_of
from tests.conftest import StageSetter
from tests.integration.drift_counts import counted_offline
from tests.integration.test_unreadable_records import log_of
from tests.integration.traffic import over_and_over
from tests.integration.worker_process import CONTACT, PARTITIONS, Stage, WorkerProcess
from tests.record_batches import batch
from tests.segment_files import (
    StoredBatch,
    flip_byte,
    overwrite_with_right_checksum,
    shorten,
    stored_batches,
)

CODECS = ("none", "zstd", "zstd", "gzip")
"""By partition."""
BATCHES, LEADS = 6, 20
"""Batches per partition and step, and leads per batch."""
SCORED, MIDDLE, LAST = 2, BATCHES + 2, 2 * BATCHES - 1
"""Batches that are damaged: leads that are scored already, and others that nobody has read."""


async def send(stage: Stage, leads: Iterator[Lead]) -> None:
    """Write batches of leads to every partition, each compressed in its way."""
    as_event, settings = EventMaker(CONTACT), stage.settings
    for partition, codec in enumerate(CODECS):
        for _ in range(BATCHES):
            now = int(time.time() * 1000)
            made = [made_of(next(leads), as_event) for _ in range(LEADS)]
            written = batch(made, codec=codec, timestamp=now, max_timestamp=now)
            await produce_batch(
                settings.kafka_bootstrap_servers, settings.leads_created, written, partition
            )


def damage(partition: int, stored: StoredBatch) -> None:
    """Damage a batch: the checksum shows it on partitions 0 and 1, decompression on 2 and 3."""
    if partition < 2:
        flip_byte(stored)
    else:
        overwrite_with_right_checksum(stored, 0.0 if partition == 2 else 0.5)


async def kill(worker: WorkerProcess) -> None:
    worker.send(signal.SIGKILL)
    await worker.ended()


async def half_scored(stage: Stage, leads: Iterator[Lead]) -> set[Source]:
    """Wait for batches to be scored, write as many again, and return the positions of all leads."""
    worker = await stage.start()
    await send(stage, leads)
    await until_done(stage, 60)
    await kill(worker)
    await send(stage, leads)
    records = await stage.records(stage.settings.leads_created)
    return {(record.partition, record.offset) for record in records}


async def read_twice(stage: Stage, leads: Iterator[Lead]) -> WorkerProcess:
    """Run a worker, then another, which reads the start of each drift block again."""
    worker = await stage.start()
    await until_done(stage, 60)
    await kill(worker)
    worker = await stage.start()
    await send(stage, leads)
    await until_done(stage, 60)
    return worker


def assert_the_rest_is_scored(stage: Stage, sources: set[Source], found: Outcomes) -> None:
    """Each of these leads is scored or a dead letter, and exactly once where that is promised."""
    assert sources - found.dead.keys() <= found.scored.keys()
    assert not found.dead.keys() & found.scored.keys()
    assert not (found.repeats and stage.settings.is_exactly_once)


async def drift_counts(stage: Stage, bundle: Bundle) -> dict[int, Counter[tuple[str, int]]]:
    """Return what all partials count together."""
    records = await stage.records(stage.settings.leads_drift_partials)
    return dict(summed_counts(map(decode_partial, (record.value for record in records)), bundle))


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_damage_on_a_brokers_disk_costs_the_batch_that_it_is_in(
    stoppable_kafka: StoppableBroker,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: Bundle,
    delivery: str,
) -> None:
    stage = set_stage(stoppable_kafka.bootstrap, LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    source, leads = stage.settings.leads_created, over_and_over(contacts)
    sources = await half_scored(stage, leads)

    stoppable_kafka.stop()
    damaged: list[tuple[int, range]] = []
    for partition in range(PARTITIONS):
        stored = stored_batches(stoppable_kafka.log_folder(source, partition))
        for number in (SCORED, MIDDLE, LAST):
            damage(partition, stored[number])
            damaged.append((partition, stored[number].offsets))
    stoppable_kafka.restart()

    worker = await read_twice(stage, leads)

    found = await outcomes(stage)
    unread = [(at, offsets) for at, offsets in damaged if offsets[0] >= BATCHES * LEADS]
    assert set(found.dead.values()) == {ErrorCode.UNREADABLE}
    assert found.dead.keys() <= {(at, offset) for at, offsets in unread for offset in offsets}
    for partition, offsets in unread:
        dead = sorted(offset for at, offset in found.dead if at == partition and offset in offsets)
        if CODECS[partition] == "gzip":  # it can be read as far as its first damaged byte
            assert dead == list(offsets)[-len(dead) :]
        else:
            assert dead == list(offsets)
    assert_the_rest_is_scored(stage, sources, found)

    readable = await log_of(stage)
    suspects = {(at, offset) for at, offsets in damaged for offset in offsets}
    assert sources - suspects <= {(record.partition, record.offset) for record in readable}
    expected = counted_offline(readable, bank_model, stage.settings.drift_window_ms)

    async def are_counted() -> bool:
        return await drift_counts(stage, bank_model) == expected

    await until(are_counted, what="drift counts of the leads that can be read")
    await worker.stop_cleanly()


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_batch_that_the_broker_cannot_find_costs_what_lies_before_its_next_index_entry(
    stoppable_kafka: StoppableBroker, set_stage: StageSetter, contacts: list[Lead], delivery: str
) -> None:
    """The partition stood still forever, or every worker ended at it."""
    stage = set_stage(stoppable_kafka.bootstrap, LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    source, leads = stage.settings.leads_created, over_and_over(contacts)
    sources = await half_scored(stage, leads)
    stoppable_kafka.stop()
    for partition, number in enumerate((SCORED, BATCHES, MIDDLE, MIDDLE + 1)):
        stored = stored_batches(stoppable_kafka.log_folder(source, partition))
        shorten(stored[number])
    stoppable_kafka.restart()

    worker = await read_twice(stage, leads)

    found = await outcomes(stage)
    unread = range(BATCHES * LEADS, 2 * BATCHES * LEADS)
    assert {offset for _, offset in found.dead} <= set(unread)
    for partition, number in enumerate((BATCHES, MIDDLE, MIDDLE + 1), 1):
        dead = sorted(offset for at, offset in found.dead if at == partition)
        first = number * LEADS
        assert dead == [*range(first, first + len(dead))]
        assert len(dead) >= LEADS
    assert_the_rest_is_scored(stage, sources, found)
    await worker.stop_cleanly()
