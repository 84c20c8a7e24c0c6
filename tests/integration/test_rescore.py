"""`leadscore rescore` on real Kafka: which leads it scores again, through a kill and an erasure."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from model.bundle import Bundle
from schemas.headers import EventIds
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import Record, produce
from tests.integration.replay_process import Replays, ended, ids_of, until_committed
from tests.integration.worker_process import CONTACT, Stage, event_of

COUNT = 300
DAY_MS = 86_400_000
AGAIN, ERASED = range(40), range(40, 50)
"""Leads that came again yesterday, and leads that were erased."""


@pytest.mark.long
async def test_untouched_leads_are_scored_once_with_ids_of_their_own(
    stage: Stage, contacts: Sequence[Lead], bank_model: Bundle, kafka: Broker
) -> None:
    now = round(time.time() * 1000)
    as_event = EventMaker(CONTACT)
    events = [as_event(lead) for lead in contacts[:COUNT]]
    old = [
        Record(event.value, event.key, timestamp_ms=now - (3 - times) * DAY_MS)
        for times in range(2)  # each lead has two records of old, and only the last counts
        for event in events
    ]
    fresh = [Record(events[row].value, events[row].key) for row in AGAIN]
    erased = [
        Record(None, events[row].key, timestamp_ms=now - 2 * DAY_MS + 60_000) for row in ERASED
    ]
    await produce(kafka.bootstrap, stage.settings.leads_created, [*old, *erased, *fresh])
    replays = Replays(stage, command=("rescore",))
    first = await replays.begin("--untouched", "36h", "--id", "r", "--json", "--max-rate", "40/s")
    await until_committed(replays, "r")
    first.kill()
    await first.wait()
    result = await Replays(stage).run("resume", "r", "--json")
    assert result.code == 0, result.err
    expected = COUNT - len(AGAIN) - len(ERASED)
    assert (result.total("scored"), result.total("dead_lettered")) == (expected, 0)
    assert result.total("filtered") == len(old) + len(erased) + len(fresh) - expected
    assert all(line["is_balanced"] for line in result.account.values())

    found = {event_of(record.value)["lead_id"] for record in await replays.events("r")}
    kept = set(range(COUNT)) - {*AGAIN, *ERASED}
    assert found == {contacts[row].lead_id for row in kept}
    ids = ids_of(await replays.events("r"))
    assert not ids.keys() & await replays.ids(bank_model), "another score than the worker's"
    [planned] = (await Replays(stage).run("show", "r", "--json")).lines
    at = planned["plan"]["ages_at"]
    assert now <= at <= round(time.time() * 1000)
    places = {
        event_id
        for partition, end in (await replays.ends()).items()
        for event_id in EventIds(stage.settings.leads_created, bank_model.sha256, at).of(
            [partition] * end, range(end)
        )
    }
    assert ids.keys() < places


@pytest.mark.long
async def test_a_dry_run_says_what_would_be_scored_and_that_the_model_reads_no_age(
    stage: Stage, contacts: Sequence[Lead], kafka: Broker
) -> None:
    now = round(time.time() * 1000)
    events = [EventMaker(CONTACT)(lead) for lead in contacts[:COUNT]]
    given = [
        Record(event.value, event.key, timestamp_ms=now - (row % 2) * DAY_MS)
        for row, event in enumerate(events)
    ]
    await produce(kafka.bootstrap, stage.settings.leads_created, given)
    begun = Replays(stage, command=("rescore",))
    dry = await ended(await begun.begin("--untouched", "12h", "--dry-run", "--json"))
    assert dry.code == 0, dry.err
    [said] = dry.lines
    assert (said["scored"], said["filtered"]) == (COUNT // 2, COUNT // 2)
    assert "reads the age of no date" in dry.err
    assert (await Replays(stage).run("list")).out == ""
