"""Other clients in the workers' group, under load."""

from __future__ import annotations

import pytest

from model.bundle import Bundle
from stream.crm.playing import Lead
from tests.chaos.audit import audit
from tests.chaos.crew import crew_of
from tests.integration.test_group import GUESTS, guest_of
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_guests_in_the_group_lose_no_lead(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int
) -> None:
    """Seen once: 4,701 of 24,601 leads were committed by a guest and never scored."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=300) as traffic:
        await crew.join()
        await stage.until_scored(500)
        for kind in GUESTS:
            async with guest_of(stage, kind) as guest:
                await crew.join()  # a rebalance, in which a guest might slip in
                assert guest.refused
                assert guest.got == 0
            await crew.leave(crew.members[-1])
        await crew.back()
        assert await audit(stage, bank_model, await traffic.end()) == 0
        assert crew.ends == []
