"""Workers that are killed, stopped, joined and left in mid-stream: no lead is lost."""

from __future__ import annotations

import asyncio
import signal
import time
from http import HTTPStatus

import pytest

from stream.broker import BreakableBroker
from stream.simulator.playing import Lead
from testing.kafka_client import until
from tests.conftest import StageSetter
from tests.integration.traffic import streaming
from tests.integration.worker_process import PARTITIONS, Stage, WorkerProcess, event_of

RATE = 2000
"""Leads a second: a worker keeps up with it."""
OUTAGE = 8.0
"""Seconds."""


async def outcomes(stage: Stage) -> dict[int, list[int]]:
    """Source offsets of all outcomes, scored or dead, sorted, by partition."""
    account = await stage.account()
    offsets: dict[int, list[int]] = {number: [] for number in range(PARTITIONS)}
    for partition, offset in sorted(account.scored.keys() | account.dead.keys()):
        offsets[partition].append(offset)
    return offsets


@pytest.mark.parametrize("commit_interval", ["0.2", pytest.param("30", marks=pytest.mark.long)])
async def test_a_worker_that_is_killed_in_mid_stream_loses_nothing(
    stage: Stage, contacts: list[Lead], commit_interval: str
) -> None:
    worker = await stage.start(LEADSCORE_COMMIT_INTERVAL_SECONDS=commit_interval)
    async with streaming(stage, contacts, rate=RATE) as stream:
        await stage.until_scored(3000)
        worker.send(signal.SIGKILL)
        assert await worker.ended() == -signal.SIGKILL
        # Nothing is committed past what was written.
        committed, written = await stage.committed(), await outcomes(stage)
        for partition, offsets in written.items():
            below = [offset for offset in offsets if offset < committed.get(partition, 0)]
            assert below == list(range(committed.get(partition, 0)))
        again = sum(map(len, written.values())) - sum(committed.values())
        # The first commit of one partition, at its first lead, is one of all.
        assert again >= 2000 if commit_interval == "30" else sum(committed.values()) > 0
        await stage.start()
        played = await stream.end()
    await stage.until_committed(played)
    account = await stage.account()
    assert account.faults(played) == []
    assert account.repeats == again
    events = [event_of(record.value) for record in await stage.scored_records()]
    sources = {tuple(event["source"].values()) for event in events}
    # The same lead has the same identity and the same score, whoever scores it; others have others.
    assert len({event["event_id"] for event in events}) == len(sources)
    assert len({(event["event_id"], event["score"]) for event in events}) == len(sources)


@pytest.mark.long
async def test_a_worker_that_is_stopped_in_mid_stream_leaves_nothing_to_do_twice(
    stage: Stage, contacts: list[Lead]
) -> None:
    async with streaming(stage, contacts, rate=RATE) as stream:
        for _ in range(2):
            worker = await stage.start(LEADSCORE_COMMIT_INTERVAL_SECONDS="30")
            before = sum(map(len, (await stage.written()).values()))
            await stage.until_scored(before + 1000)
            await worker.stop_cleanly()
            committed, written = await stage.committed(), await outcomes(stage)
            for partition, offsets in written.items():
                assert offsets == list(range(committed[partition]))
        await stage.start()
        played = await stream.end()
    await stage.until_committed(played)
    account = await stage.account()
    assert account.faults(played) == []
    assert account.repeats == 0
    written = await stage.written()
    assert all(offsets == sorted(offsets) for offsets in written.values())


@pytest.mark.long
async def test_workers_that_join_and_leave_in_mid_stream_lose_nothing(
    stage: Stage, contacts: list[Lead]
) -> None:
    async def has_scored(worker: WorkerProcess) -> bool:
        return await worker.metric("leadscore_leads_scored_total") > 500

    first = await stage.start()
    async with streaming(stage, contacts, rate=RATE) as stream:
        await until(lambda: has_scored(first), what="the first worker's share")
        second = await stage.start()
        await until(lambda: has_scored(second), what="the second worker's share")
        await first.stop_cleanly()
        third = await stage.start()
        await until(lambda: has_scored(third), what="the third worker's share")
        # All that changed hands so far did so in good order.
        assert (await stage.account()).repeats == 0
        second.send(signal.SIGKILL)
        played = await stream.end()
    await stage.until_committed(played)
    await third.stop_cleanly()
    account = await stage.account()
    assert account.faults(played) == []


@pytest.mark.long
async def test_a_broker_that_is_unavailable_for_eight_seconds_is_waited_for(
    breakable_kafka: BreakableBroker, set_stage: StageSetter, contacts: list[Lead]
) -> None:
    stage = set_stage(breakable_kafka.bootstrap)
    await stage.create_topics()
    worker = await stage.start()

    async def is_reported() -> bool:
        status, detail = await worker.answer("/readyz")
        return status == 503 and "does not answer" in str(detail)

    async with streaming(stage, contacts, rate=RATE) as stream:
        await stage.until_scored(2000)
        await asyncio.to_thread(breakable_kafka.kill)
        down_since = time.monotonic()
        await until(is_reported, what="/readyz says that Kafka is unavailable")
        assert (await worker.answer("/healthz"))[0] == HTTPStatus.OK
        await asyncio.sleep(OUTAGE - (time.monotonic() - down_since))
        await asyncio.to_thread(breakable_kafka.restart)
        played = await stream.end()
    await stage.until_committed(played)
    await worker.ready()
    await worker.stop_cleanly()
    account = await stage.account()
    assert account.faults(played) == []


async def test_a_second_signal_ends_a_slow_stop_at_once(
    breakable_kafka: BreakableBroker, set_stage: StageSetter, contacts: list[Lead]
) -> None:
    stage = set_stage(breakable_kafka.bootstrap)
    await stage.create_topics()
    worker = await stage.start()
    async with streaming(stage, contacts, rate=RATE):
        await stage.until_scored(1000)
        breakable_kafka.pause()
        worker.send(signal.SIGTERM)
        await until(lambda: worker.has_logged('"stopping"'), what="the stop's beginning")
        assert worker.is_running
        signalled = time.monotonic()
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 128 + signal.SIGTERM
        assert time.monotonic() - signalled < 1
        breakable_kafka.resume()


@pytest.mark.long
async def test_a_stop_takes_ten_seconds_at_most_though_the_broker_does_not_answer(
    breakable_kafka: BreakableBroker, set_stage: StageSetter, contacts: list[Lead]
) -> None:
    stage = set_stage(breakable_kafka.bootstrap)
    await stage.create_topics()
    worker = await stage.start()
    async with streaming(stage, contacts, rate=RATE) as stream:
        await stage.until_scored(1000)
        breakable_kafka.pause()
        signalled = time.monotonic()
        worker.send(signal.SIGTERM)
        assert await worker.ended() == 0
        assert time.monotonic() - signalled < 10
        breakable_kafka.resume()
        played = await stream.end()
    await stage.start()
    await stage.until_committed(played)
    assert (await stage.account()).faults(played) == []
