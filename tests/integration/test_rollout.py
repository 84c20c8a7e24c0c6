"""A canary on real Kafka: it goes into production, or is removed if it does harm."""

from __future__ import annotations

import signal
import time
from collections import defaultdict
from pathlib import Path

import pytest

from agents.canary_mark import Arm, CanaryMark
from model.alias_entry import Action
from model.bundle import Bundle
from model.registry import Alias
from schemas.lead_outcome import encode_outcome
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.conftest import StageSetter
from tests.integration.rollout_stage import Rollout, two_versions
from tests.integration.traffic import streaming
from tests.integration.worker_process import event_of

RATE = 300
CONVERSIONS = 300
SETTINGS = {
    "LEADSCORE_MODEL_POLL_SECONDS": "0.5",
    "LEADSCORE_ROLLOUT_MIN_LEADS": "200",
    "LEADSCORE_ROLLOUT_SETTLE_SECONDS": "8",
    "LEADSCORE_ROLLOUT_WINDOW_SECONDS": "10",
    "LEADSCORE_LOW_COVERAGE": "refuse",
}
SOON_MS = 10_000
"""Promised from the evidence to the rollback; of some causes evidence takes some leads."""


@pytest.fixture
async def rollout(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    bank_model: Bundle,
    tmp_path: Path,
) -> Rollout:
    registry, _ = two_versions(bank_model, tmp_path / "models")
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_REGISTRY=str(registry.root),
        **SETTINGS,
    )
    await stage.create_topics()
    return Rollout(stage, registry)


@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("harm", "trigger"),
    [
        ("raises", "failed to score"),
        pytest.param("no number", "failed to score", marks=pytest.mark.long),
        pytest.param("slow", "p95 of the time in the model", marks=pytest.mark.long),
        pytest.param("badly calibrated", "PSI between the two models", marks=pytest.mark.long),
        pytest.param("dead letters", "became dead letters", marks=pytest.mark.long),
    ],
)
async def test_a_canary_that_does_harm_is_removed_and_no_lead_is_lost(
    rollout: Rollout, contacts: list[Lead], harm: str, trigger: str
) -> None:
    stage = rollout.stage
    worker = await rollout.begin(harm)
    async with streaming(stage, contacts, rate=RATE, poison=0) as traffic:
        await stage.until_scored(300)
        rollout.start("30@1h")
        removed = await rollout.until_removed()
        assert (removed.by, removed.was) == ("rollout", "2")
        assert trigger in removed.why

        async def is_off() -> bool:
            return await worker.metric("leadscore_canary_share") == 0

        await until(is_off, within=20, what="a worker without a canary")
        # Some of the next leads go to each partition: the last lead of each is production's.
        await stage.until_scored(len(await stage.scored_records()) + 2 * RATE)
        played = await traffic.end()
    await stage.until_committed(played)
    changes = await rollout.until_published(3)
    assert changes == [("set", None), ("set", 30.0), ("remove", None)]
    assert await rollout.agent.metric("leadscore_rollout_rollbacks_total") == 1
    records = await stage.scored_records()
    marks = [CanaryMark.read(record.headers) for record in records]
    canary = [
        record.timestamp
        for record, mark in zip(records, marks, strict=True)
        if mark and mark.arm is not Arm.PRODUCTION
    ]
    last = {record.partition: mark for record, mark in zip(records, marks, strict=True)}
    assert set(last.values()) == {None}, "the last leads were production's again"
    dead = len(await stage.dead_records())
    assert len(records) + dead == played.sent
    if harm == "dead letters":
        assert dead > 0
    else:
        assert removed.at.timestamp() * 1000 - min(canary) < 2 * SOON_MS
    await worker.stop_cleanly()
    await rollout.agent.stop_cleanly()


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_canary_whose_leads_convert_less_goes_away_by_itself(
    kafka: Broker, rollout: Rollout, contacts: list[Lead]
) -> None:
    stage = rollout.stage
    await rollout.begin()
    async with streaming(stage, contacts, rate=RATE, poison=0):
        await stage.until_scored(300)
        rollout.start("50@1h")

        async def has_counted() -> bool:
            return await rollout.agent.metric("leadscore_rollout_leads") > 3 * CONVERSIONS

        await until(has_counted, within=60, what="leads of both models that were counted")
        marked = [(r.key, CanaryMark.read(r.headers)) for r in await stage.scored_records()]
        won = [key for key, mark in marked if mark and mark.arm is Arm.PRODUCTION][:CONVERSIONS]
        lost = [key for key, mark in marked if mark and mark.arm is Arm.CANARY][:CONVERSIONS]
        sent = round(time.time() * 1000)
        await produce(
            kafka.bootstrap,
            stage.settings.leads_outcomes,
            [outcome_of(key, "converted", sent) for key in (*won, *lost[::3])]
            + [outcome_of(key, "lost", sent) for key in lost],
        )
        removed = await rollout.until_removed()
    assert "of the canary's leads converted, of the other model's" in removed.why
    assert removed.at.timestamp() * 1000 - sent < SOON_MS


def outcome_of(lead_id: bytes, outcome: str, at: int) -> Record:
    value = {"lead_id": lead_id.decode(), "outcome": outcome, "occurred_at": at}
    return Record(encode_outcome(value), lead_id)


@pytest.mark.long
@pytest.mark.timeout(240)
async def test_a_worker_that_does_not_split_the_leads_breaks_the_split(
    rollout: Rollout, contacts: list[Lead]
) -> None:
    await rollout.begin(LEADSCORE_MODEL="bank/1")
    async with streaming(rollout.stage, contacts, rate=RATE, poison=0):
        rollout.start("30@1h")
        removed = await rollout.until_removed()
    assert "instead of 30.0%" in removed.why


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_good_canary_goes_into_production_though_all_are_killed_on_the_way(
    rollout: Rollout, contacts: list[Lead]
) -> None:
    stage = rollout.stage
    worker = await rollout.begin()
    async with streaming(stage, contacts, rate=RATE, poison=0) as traffic:
        await stage.until_scored(300)
        rollout.start("20@8s,50@8s")
        await rollout.until("the second step", lambda entry: entry.action is Action.STEP)
        rollout.agent.send(signal.SIGKILL)
        worker.send(signal.SIGKILL)
        await stage.start()
        await stage.start(LEADSCORE_ROLE="rollout")
        removed = await rollout.until_removed()
        assert rollout.registry.aliases("bank") == {Alias.PRODUCTION: "2"}, removed.why
        played = await traffic.end()
    await stage.until_committed(played)
    # A rollout worker that was killed may have published its last change twice.
    assert list(dict.fromkeys(await rollout.until_published(5))) == [
        ("set", None),
        ("set", 20.0),
        ("step", 50.0),
        ("set", 50.0),
        ("remove", None),
    ]
    ids: dict[tuple[int, int], set[str]] = defaultdict(set)
    versions: dict[Arm | None, set[str]] = defaultdict(set)
    for record in await stage.scored_records():
        event = event_of(record.value)
        source = (event["source"]["partition"], event["source"]["offset"])
        ids[source].add(event["event_id"])
        mark = CanaryMark.read(record.headers)
        versions[mark.arm if mark else None].add(event["model_version"])
    assert len(ids) == played.sent
    assert all(len(found) == 1 for found in ids.values()), "a lead has one event id"
    assert versions[Arm.CANARY] == {"2"}
    assert versions[Arm.PRODUCTION] == {"1"}
    assert Arm.FALLBACK not in versions
