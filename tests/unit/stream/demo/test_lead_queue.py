"""Parts of the leads and outcomes, each sent once, and their sum."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from schemas.errors import FatalError
from stream.demo import lead_queue as module
from stream.demo.lead_queue import LeadQueue, OutcomeQueue
from stream.simulator.playing import Lead, Steady
from stream.simulator.run import Played

LEADS = [Lead(str(number), None, {}) for number in range(5)]
GIVEN: Any = None


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], float | None]]:
    """The ids that each run of the simulator sent, and its rate."""
    parts: list[tuple[list[str], float | None]] = []

    async def play(leads: Any, *_: Any, pace: Steady | None = None, **__: Any) -> Played:
        rate = None if pace is None else pace.rate
        parts.append(([lead.lead_id for lead in leads], rate))
        return Played(delivered=Counter(lead=len(leads)))

    monkeypatch.setattr(module, "play", play)
    return parts


async def test_parts_follow_each_other_and_add_up(
    parts: list[tuple[list[str], float | None]],
) -> None:
    queue = LeadQueue(LEADS, GIVEN, "leads.created", GIVEN, asyncio.Event())
    await queue.send(2, 10.0)
    assert queue.left == 3
    await queue.send(9, 20.0)
    await queue.send(9, 20.0)
    assert parts == [(["0", "1"], 10.0), (["2", "3", "4"], 20.0), ([], 20.0)]
    assert (queue.left, queue.played.sent) == (0, 5)


async def test_outcomes_are_those_of_the_next_leads(
    parts: list[tuple[list[str], float | None]],
) -> None:
    outcomes = [LEADS[0], None, *LEADS[2:]]
    queue = OutcomeQueue(outcomes, GIVEN, "leads.outcomes", asyncio.Event())
    await queue.send(3)
    await queue.send(9)
    assert parts == [(["0", "2"], None), (["3", "4"], None)]


async def test_outcomes_that_are_not_delivered_are_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(*_: Any, **__: Any) -> Played:
        return Played(failed=Counter({"NoBroker": 2}))

    monkeypatch.setattr(module, "play", play)
    queue = OutcomeQueue(LEADS, GIVEN, "leads.outcomes", asyncio.Event())
    with pytest.raises(FatalError, match="2 outcomes were not delivered: NoBroker"):
        await queue.send(2)
