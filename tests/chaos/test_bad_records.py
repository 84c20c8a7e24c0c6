"""Records such as no good sender makes, among leads, while workers are killed."""

from __future__ import annotations

import asyncio
import signal
import time
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from model.bundle import Bundle
from schemas.errors import ErrorCode
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from stream.simulator.run import Played
from testing.kafka_client import produce_batch
from tests.chaos.audit import second_audit, until_done
from tests.chaos.conftest import OpenStage
from tests.chaos.crew import crew_of
from tests.integration.traffic import over_and_over, streaming
from tests.integration.worker_process import CONTACT, PARTITIONS, Stage
from tests.record_batches import Made, batch

TIMES = 6
"""Unreadable records on each partition."""
BESIDE = 3
"""Leads before and after each of them, in its batch."""
LONG = 240_000
"""Bytes of a lead that compresses well."""
LONG_LEADS = 600
AT_ONCE = 20
LIMIT = 512 * 2**20
"""Bytes of memory."""


def made_of(lead: Lead, as_event: EventMaker, **changed: Any) -> Made:
    event = as_event(lead)
    headers = [(name.encode(), value) for name, value in event.headers]
    return Made(event.value, event.key, **{"headers": headers, **changed})  # type: ignore[arg-type]


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_unreadable_records_in_the_middle_and_restarts(
    open_stage: OpenStage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    """Seen once: after a restart every worker crashed on such a record, forever."""
    stage = await open_stage()
    bootstrap, source = stage.settings.kafka_bootstrap_servers, stage.settings.leads_created
    leads, as_event = over_and_over(contacts), EventMaker(CONTACT)
    bad: list[tuple[int, int]] = []

    async def spoil(partition: int) -> None:
        made = [made_of(next(leads), as_event) for _ in range(2 * BESIDE)]
        made.insert(BESIDE, made_of(next(leads), as_event, headers=[(b"nam\xe9", b"x")]))
        now = int(time.time() * 1000)
        written = batch(made, timestamp=now, max_timestamp=now)
        first = await produce_batch(bootstrap, source, written, partition)
        bad.append((partition, first + BESIDE))

    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=500) as traffic:
        await crew.join()
        await crew.join()
        await stage.until_scored(500)
        for _ in range(TIMES):
            await asyncio.gather(*(spoil(partition) for partition in range(PARTITIONS)))
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            chance.choice(crew.members).process.send(signal.SIGKILL)
        await crew.back(60)
        played = await traffic.end()
        await until_done(stage, 60)
        account = await second_audit(stage, bank_model, planted=planted_of(played, bad))
        assert account.totals.dead[ErrorCode.UNREADABLE] == len(bad) == TIMES * PARTITIONS
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}


def planted_of(played: Played, unreadable: list[tuple[int, int]]) -> dict[tuple[int, int], str]:
    broken: dict[tuple[int, int], str] = dict(played.dead_letters(refuse_few_fields=False))
    return broken | dict.fromkeys(unreadable, ErrorCode.UNREADABLE)


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_leads_that_are_compressed_a_hundredfold(
    open_stage: OpenStage, contacts: list[Lead], bank_model: Bundle, chance: Random
) -> None:
    """Seen once: a megabyte of the log was two gigabytes in a worker."""
    stage = await open_stage()
    leads, as_event, turn = over_and_over(contacts), EventMaker(CONTACT), count()
    for _ in range(LONG_LEADS // AT_ONCE):
        some = [next(leads) for _ in range(AT_ONCE)]
        long = [lead._replace(fields={**lead.fields, "job": "j" * LONG}) for lead in some]
        now = int(time.time() * 1000)
        made = [made_of(lead, as_event) for lead in long]
        await produce_batch(
            stage.settings.kafka_bootstrap_servers,
            stage.settings.leads_created,
            batch(made, codec="zstd", timestamp=now, max_timestamp=now),
            next(turn) % PARTITIONS,
        )
    async with crew_of(stage) as crew:
        members = [await crew.join(), await crew.join()]
        chance.choice(members).process.send(signal.SIGKILL)
        await crew.back(120)
        account = await second_audit(stage, bank_model)
        assert account.totals.scored == LONG_LEADS
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}
        assert max(peaks(stage)) < LIMIT


def peaks(stage: Stage) -> list[int]:
    """The most memory that each of the workers that run has had, in bytes."""
    running = [worker.pid for worker in stage.workers if worker.is_running]
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in running]
    return [
        int(line.split()[1]) * 1024
        for status in statuses
        for line in status.splitlines()
        if line.startswith("VmHWM:")
    ]
