"""A replay killed at any moment and resumed: nothing is missing, and the account is exact."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from model.bundle import Bundle
from schemas.wire import WireFormat
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from tests.chaos.conftest import OpenStage
from tests.integration.archive_process import archive_all
from tests.integration.replay_process import Replays, ids_of
from tests.integration.worker_process import CONTACT

pytestmark = pytest.mark.thorough

COUNT = 6000
KILLS = 6
RATE = ("--max-rate", "1500/s")


@pytest.mark.parametrize("source", ["topic", "archive"])
async def test_a_replay_killed_at_any_moment_and_resumed_misses_nothing(
    open_stage: OpenStage,
    contacts: Sequence[Lead],
    bank_model: Bundle,
    chance: Random,
    delivery: str,
    source: str,
    tmp_path: Path,
) -> None:
    stage = await open_stage()
    replays = Replays(stage)
    maker = EventMaker(CONTACT, WireFormat.AVRO, bad_share=0.02, seed=chance.randrange(1000))
    await stage.play(contacts[:COUNT], as_event=maker)
    command: tuple[str, ...] = ("start", "--from", "beginning", "--id", "r", "--json")
    if source == "archive":
        folder = tmp_path / "archive"
        await archive_all(stage, folder)
        command += ("--archive", str(folder))
    for _ in range(KILLS):
        process = await replays.begin(*command, *RATE)
        await asyncio.sleep(chance.uniform(1.0, 6.0))  # the moment of the kill is what is drawn
        process.kill()
        await process.communicate()
    result = await replays.run(*command)
    assert result.code == 0, result.err
    assert all(line["is_balanced"] for line in result.account.values())

    expected = await replays.ids(bank_model)
    events = ids_of(await replays.events("r"))
    letters = Counter(
        (letter.partition, dict(letter.headers)["__connect.errors.offset"])
        for letter in await replays.letters("r")
    )
    assert len(events) + len(letters) == len(expected), "each lead has an event or a dead letter"
    assert events.keys() <= expected
    assert (len(events), len(letters)) == (result.total("scored"), result.total("dead_lettered"))
    if delivery == "exactly_once":
        assert set(events.values()) == set(letters.values()) == {1}, "nothing twice"
