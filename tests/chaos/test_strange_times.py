"""Leads of ten years, and records with absurd time stamps, while workers are killed."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from model.bundle import Bundle
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import Record, produce, set_topic_configs, until
from tests.chaos.audit import second_audit, until_done
from tests.chaos.conftest import OpenStage
from tests.chaos.crew import Crew, crew_of
from tests.integration.worker_process import CONTACT, PARTITIONS
from tests.large_leads import peak_mb

LEADS = 12_000
"""Each lead of three partitions has a window of its own; the fourth holds the watermark back."""
TEN_YEARS_MS = 10 * 365 * 86_400_000
STEP_MS = TEN_YEARS_MS // LEADS
ROOM = 8192
"""Open windows, by default."""
LIMIT_MB = 450
"""The drift worker took 284 MB, and 532 MB with all of these windows open."""
ABSURD = (0, 1_700_000_000, 32_503_680_000_000)
"""Record times: none, in seconds instead of milliseconds, in the year 3000."""
ABSURD_EACH = 50
LATE = 5
WITHIN = 240.0


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_windows_and_latencies_stay_bounded_whatever_the_times_of_leads(
    open_stage: OpenStage, contacts: list[Lead], bank_model: Bundle
) -> None:
    """39,816 windows were open at once, and a time stamp of 0 was a latency of decades."""
    stage = await open_stage(LEADSCORE_DRIFT_IDLE_SECONDS="900")
    bootstrap, source = stage.settings.kafka_bootstrap_servers, stage.settings.leads_created
    await set_topic_configs(bootstrap, source, {"message.timestamp.after.max.ms": str(2**63 - 1)})
    begin = int(time.time() * 1000) - TEN_YEARS_MS - 86_400_000
    as_event = EventMaker(CONTACT)

    def record(number: int, created_at: int, partition: int, stamp: int | None = None) -> Record:
        lead = contacts[number % len(contacts)]
        event = as_event(lead._replace(lead_id=f"{created_at}-{number}", created_at=created_at))
        return Record(event.value, event.key, event.headers, partition, stamp)

    def of_ten_years() -> Iterator[Record]:
        for number in range(LEADS):
            partition = number % PARTITIONS
            yield record(number, begin + bool(partition) * number * STEP_MS, partition)

    async with crew_of(stage) as crew:
        scoring = await crew.join(LEADSCORE_ROLE="score")
        watching = await crew.join(LEADSCORE_ROLE="drift")
        await produce(bootstrap, source, of_ten_years())
        await crew.crash(scoring)
        await until_closed_early(crew)
        await crew.crash(watching)
        await produce(
            bootstrap,
            source,
            [
                record(number, int(time.time() * 1000), 1 + number % (PARTITIONS - 1), stamp)
                for stamp in ABSURD
                for number in range(ABSURD_EACH)
            ],
        )
        await crew.back(WITHIN)
        # Of windows that were closed early, on the partition that is behind.
        await produce(
            bootstrap,
            source,
            [record(number, begin + (number + 1) * STEP_MS, 0) for number in range(LATE)],
        )
        await crew.back(WITHIN)

        async def are_late() -> bool:
            return await watching.process.metric("leadscore_drift_late_leads_total") >= LATE

        await until(are_late, within=WITHIN, what="leads of closed windows counted as late")
        assert await watching.process.metric("leadscore_drift_open_windows") <= ROOM
        assert peak_mb(watching.process.pid) < LIMIT_MB
        scored = await scoring.process.metric("leadscore_event_to_scored_seconds_count")
        assert scored >= LATE
        seconds = await scoring.process.metric("leadscore_event_to_scored_seconds_sum")
        assert seconds / scored < WITHIN
        await until_done(stage, WITHIN)
        account = await second_audit(stage, bank_model)
        assert account.totals.scored == LEADS + len(ABSURD) * ABSURD_EACH + LATE
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}


async def until_closed_early(crew: Crew) -> None:
    watching = crew.members[1]

    async def are_closed() -> bool:
        return await watching.process.metric("leadscore_drift_windows_closed_early_total") > 0

    await until(are_closed, within=WITHIN, what="windows closed early")
