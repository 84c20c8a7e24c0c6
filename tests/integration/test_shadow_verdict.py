"""`leadscore models verdict` on real Kafka: workers, a shadow, outcomes, and what is said."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from model.bundle import Bundle
from model.registry import Alias, Registry
from schemas.lead_outcome import encode_outcome
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import Record, TopicFactory, open_admin, produce, until
from testing.made import MADE
from tests.conftest import StageSetter
from tests.integration.command_process import CommandResult, run_command
from tests.integration.worker_process import Stage, event_of
from tests.unit.two_models import recalibrated

COUNT = 1500


@pytest.fixture
async def stage(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    bank_model: Bundle,
    tmp_path: Path,
) -> Stage:
    """The bank's model in production, the same trees with another calibration in shadow."""
    registry = Registry(shutil.copytree(Path(bank_model.location).parents[1], tmp_path / "models"))
    registry.set_alias("bank", Alias.PRODUCTION, bank_model.version, MADE)
    registry.set_alias(
        "bank", Alias.SHADOW, registry.publish("bank", recalibrated(bank_model)), MADE
    )
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_REGISTRY=registry.root,
        LEADSCORE_OUTCOME_HORIZON_DAYS="0.00002",  # 1.7 s
    )
    await stage.create_topics()
    return stage


async def verdict(stage: Stage, *arguments: str) -> CommandResult:
    return await run_command(stage, "models", "verdict", "bank", *arguments)


async def said(stage: Stage) -> Any:
    code, out, err = await verdict(stage, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


async def send_outcomes(stage: Stage) -> int:
    """Send an outcome for each lead with a live score above 0.3; return how many."""
    events = [event_of(record.value) for record in await stage.scored_records()]
    won = [event for event in events if event["score"] > 0.3]
    records = [
        Record(
            encode_outcome(
                {
                    "lead_id": event["lead_id"],
                    "outcome": "won",
                    "occurred_at": event["scored_at"] + 500,
                }
            ),
            event["lead_id"].encode(),
        )
        for event in won
    ]
    await produce(stage.settings.kafka_bootstrap_servers, stage.settings.leads_outcomes, records)
    return len(won)


@pytest.mark.long
async def test_the_candidate_in_shadow_is_judged_by_the_leads_that_both_have_scored(
    stage: Stage, contacts: list[Lead]
) -> None:
    code, _, err = await verdict(stage)
    assert code == 1
    assert "leadscore worker --role shadow" in err

    worker, shadow = stage.begin(), stage.begin(LEADSCORE_ROLE="shadow")
    await asyncio.gather(worker.ready(), shadow.ready())
    latest = contacts[-2 * COUNT :]
    await stage.until_committed(await stage.play(latest[:COUNT]))

    async def both_have_scored() -> bool:
        shadow.check()
        return len(await stage.records(stage.settings.leads_scored_shadow)) == COUNT

    await until(both_have_scored, within=120, what="the shadow's scores")
    found = await said(stage)
    assert found["counts"]["both"] == COUNT
    assert found["scores"]["changed"] > 0.9

    won = await send_outcomes(stage)
    await stage.until_committed(await stage.play(latest[COUNT:]))  # time passes by leads

    async def outcomes_count() -> bool:
        nonlocal found
        await stage.play(contacts[:5])
        found = await said(stage)
        return bool(found["outcomes"]["known"] >= COUNT)

    await until(outcomes_count, within=60, what="outcomes whose horizon has passed")
    assert found["outcomes"]["positive"] == won > 10
    assert found["gains"]["brier"]["low"] < found["gains"]["brier"]["value"]
    assert found["decision"] in ("better", "worse", "undecided")
    code, out, err = await verdict(stage)
    assert (code, err) == (0, "")
    assert out.startswith("bank/2 against bank/1\n")
    assert "Better with 95 %:" in out
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        groups = {name for name, _ in await admin.list_consumer_groups()}
    own = {name for name in groups if name.startswith(stage.settings.group_id)}
    assert own <= {stage.settings.group_id, stage.settings.shadow_group}
    await asyncio.gather(worker.stop_cleanly(), shadow.stop_cleanly())
