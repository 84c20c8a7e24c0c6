"""Parts of the leads, each sent once, and their sum."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stream.demo import lead_queue as module
from stream.demo.lead_queue import LeadQueue
from stream.simulator.playing import Lead, Steady
from stream.simulator.run import Played


async def test_parts_follow_each_other_and_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[tuple[list[str], float]] = []

    async def play(leads: Any, *_: Any, pace: Steady, **__: Any) -> Played:
        parts.append(([lead.lead_id for lead in leads], pace.rate))
        played = Played()
        played.delivered["lead"] = len(parts[-1][0])
        return played

    monkeypatch.setattr(module, "play", play)
    leads = [Lead(str(number), None, {}) for number in range(5)]
    given: Any = None
    queue = LeadQueue(leads, given, "leads.created", given, asyncio.Event())
    await queue.send(2, 10.0)
    await queue.send(None, 20.0)
    await queue.send(None, 20.0)
    assert parts == [(["0", "1"], 10.0), (["2", "3", "4"], 20.0), ([], 20.0)]
    assert queue.played.sent == 5
