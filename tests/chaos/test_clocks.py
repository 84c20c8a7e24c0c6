"""A worker whose clock is wrong, beside one whose clock is right, under load."""

from __future__ import annotations

import signal
import time
from random import Random

import pytest

from model.bundle import Bundle
from stream.simulator.playing import Lead
from testing.kafka_client import until
from tests.chaos.audit import audit_load
from tests.chaos.crew import crew_of
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage
from tests.integration.wrong_clock import worker_with_clock

RATE = 500
HOURS_2 = 7200
CRASHES = 2
CLOSE_S = 60.0
BACK_WITHIN = 120.0


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_a_worker_whose_clock_is_two_hours_ahead_loses_and_repeats_no_lead(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    """It crashed in a loop, as Kafka refuses time stamps of the future."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        ahead = await crew.join(worker_with_clock(HOURS_2))
        await crew.join()
        await stage.until_scored(2000)
        for number in range(CRASHES):
            await crew.crash(ahead if number == 0 else chance.choice(crew.members))
            await crew.back(BACK_WITHIN)
        await audit_load(stage, bank_model, traffic)
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}
        stamps = [record.timestamp / 1000 for record in await stage.scored_records()]
        stamps += [record.timestamp / 1000 for record in await stage.dead_records()]
        assert max(stamps) < time.time() + CLOSE_S
        await until(
            lambda: ahead.process.has_logged("clock is 7200 s ahead of Kafka's clock"),
            what="that line in its log",
        )
