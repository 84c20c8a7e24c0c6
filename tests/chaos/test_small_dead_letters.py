"""A dead-letter topic that takes 300 bytes only, under load."""

from __future__ import annotations

import signal
from random import Random

import pytest

from model.bundle import Bundle
from stream.simulator.playing import Lead
from testing.kafka_client import set_topic_config
from tests.chaos.audit import audit_load
from tests.chaos.crew import crew_of
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage, headers_of

RATE = 900
TAKES = "300"
"""Bytes of a batch."""
POISON = 0.04
"""Share of broken leads."""
BACK_WITHIN = 120.0


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_dead_letters_that_do_not_fit_are_written_without_their_value_under_load(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    """Every worker crashed at the first broken lead, again and again."""
    settings = stage.settings
    dead = settings.leads_created_dlq
    await set_topic_config(settings.kafka_bootstrap_servers, dead, "max.message.bytes", TAKES)
    async with (
        crew_of(stage) as crew,
        streaming(stage, contacts, seed, rate=RATE, poison=POISON) as traffic,
    ):
        await crew.join()
        await crew.join()
        await stage.until_scored(3000)
        await crew.crash(chance.choice(crew.members))
        await crew.back(BACK_WITHIN)
        await audit_load(stage, bank_model, traffic)
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}
    letters = [headers_of(record) for record in await stage.dead_records()]
    left_out = [letter for letter in letters if "leadscore.value.left.out.bytes" in letter]
    assert len(left_out) > len(letters) / 2
