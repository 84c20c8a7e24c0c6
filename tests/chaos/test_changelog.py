"""A damaged changelog of the drift windows is reported, and restored from the partials."""

from __future__ import annotations

import signal
import time
from random import Random

import pytest

from model.bundle import Bundle
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import Record, produce, produce_batch, until
from tests.chaos.audit import second_audit
from tests.chaos.conftest import OpenStage
from tests.chaos.crew import crew_of
from tests.integration.test_drift import assert_exact, close_windows
from tests.record_batches import Made, batch

WINDOW_S = 300
DAMAGES = (b"", b"\x00\xff\x00", b"{}", b'{"format_version": 99}', b"[" * 5000, b"null")


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_windows_that_cannot_be_read_are_counted_again(
    kafka: Broker,
    open_stage: OpenStage,
    contacts: list[Lead],
    bank_model: Bundle,
    chance: Random,
) -> None:
    stage = await open_stage(
        LEADSCORE_DRIFT_LATENESS_SECONDS="0",
        LEADSCORE_DRIFT_IDLE_SECONDS="20",
        LEADSCORE_DRIFT_SEASON_SECONDS="0",
    )
    changelog = f"{stage.settings.group_id}-drift_windows-changelog"
    begin = int(time.time() - 3600) * 1000 // (WINDOW_S * 1000) * (WINDOW_S * 1000)
    async with crew_of(stage) as crew:
        await crew.join()
        watching = await crew.join(LEADSCORE_ROLE="drift")
        leads = [
            lead._replace(lead_id=f"{i}", created_at=begin + i)
            for i, lead in enumerate(contacts[:3000])
        ]
        played = await stage.play(leads)
        await stage.until_committed(played)

        async def are_kept() -> bool:
            return len({record.key for record in await stage.records(changelog)}) == 4

        await until(are_kept, what="a window of each partition in the table")
        await crew.kill(watching)
        keys = sorted({record.key for record in await stage.records(changelog)})
        damaged = chance.sample(keys, 2)
        garbage = [Record(chance.choice(DAMAGES[1:]), key) for key in damaged]
        strange = [Record(damage, b"\xff%d" % i) for i, damage in enumerate(DAMAGES)]
        await produce(kafka.bootstrap, changelog, [*garbage, *strange])
        watching = await crew.join(LEADSCORE_ROLE="drift")
        await close_windows(stage, contacts)
        counts = await assert_exact(stage, bank_model, WINDOW_S * 1000)
        assert counts[begin]["", 0] == 3000
        await until(
            lambda: watching.process.has_logged(
                "it is removed, and its leads are counted again from"
            ),
            what="that line in its log",
        )
        watching.process.send(signal.SIGKILL)  # the next worker finds no damage
        await watching.process.ended()
        await until(lambda: watching.process.is_running, what="another in its place")
        await until(watching.is_ready, what="another ready")
        assert not watching.process.has_logged("is removed")

        now = int(time.time() * 1000)
        unreadable = Made(b"latest state", keys[0], headers=((b"nam\xe9", b"x"),))
        written = batch([unreadable], timestamp=now, max_timestamp=now)
        await produce_batch(kafka.bootstrap, changelog, written)
        watching.process.send(signal.SIGKILL)  # the next worker can't read it
        await watching.process.ended()
        await until(lambda: watching.process.is_running, what="another in its place")
        await until(
            lambda: watching.process.has_logged("unreadable record at offset"),
            what="that damage in its log",
        )
        await until(watching.is_ready, what="another ready")
        assert await assert_exact(stage, bank_model, WINDOW_S * 1000) == counts
        await second_audit(stage, bank_model)
