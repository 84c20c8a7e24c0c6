"""`leadscore models bands` on real Kafka: workers follow bands that come from their own scores."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from model.bundle import Bundle
from model.registry import Alias, Registry
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory, until
from testing.made import MADE
from tests.conftest import StageSetter
from tests.integration.worker_process import Stage, event_of

COUNT, LATER, CAPACITY = 400, 100, 40


@pytest.fixture
def registry(bank_model: Bundle, tmp_path: Path) -> Registry:
    registry = Registry(shutil.copytree(Path(bank_model.location).parents[1], tmp_path / "models"))
    registry.set_alias("bank", Alias.PRODUCTION, bank_model.version, MADE)
    return registry


@pytest.fixture
async def stage(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter, registry: Registry
) -> Stage:
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_REGISTRY=registry.root,
        LEADSCORE_MODEL_POLL_SECONDS="0.5",
    )
    await stage.create_topics()
    return stage


async def bands(stage: Stage, *arguments: str) -> Any:
    """Run the command; returns what it prints."""
    given = {name: v for name, v in os.environ.items() if not name.startswith("LEADSCORE_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "stream", "models", "bands", "bank", *arguments, "--json"),
        env=given | stage.environment,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, out
    return json.loads(out)


def days_of(found: Any) -> float:
    """Return the days in which the leads were scored: seconds, in a test."""
    return float(found["leads"] / sum(found["leads_a_day_before"].values()))


@pytest.mark.long
async def test_bands_follow_the_capacity_and_workers_follow_the_bands(
    stage: Stage, registry: Registry, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    await stage.until_committed(await stage.play(contacts[:COUNT]))
    dry = await bands(stage, "--high", "1000000/day", "--dry-run")
    assert (dry["version"], dry["leads"]) == (None, COUNT)

    found = await bands(stage, "--high", f"{CAPACITY / days_of(dry):.0f}/day")
    assert (found["model"], found["version"], found["leads"]) == ("bank/1", "2", COUNT)
    threshold = found["thresholds"]["high"]
    events = [event_of(record.value) for record in await stage.scored_records()]
    highs = sum(event["score"] >= threshold for event in events)
    assert highs == round(found["leads_a_day"]["High"] * days_of(found))
    # More time has passed since the first score, so more leads than in the dry run may be in High.
    assert 0 < highs <= CAPACITY * days_of(found) / days_of(dry)
    assert registry.aliases("bank") == {Alias.PRODUCTION: "2"}

    async def has_followed() -> bool:
        return bool((await worker.answer("/model-info"))[1]["version"] == "2")

    await until(has_followed, within=60, what="a worker with the new bands")
    await stage.until_committed(await stage.play(contacts[COUNT : COUNT + LATER]))
    events = [event_of(record.value) for record in await stage.scored_records()]
    later = [event for event in events if event["model_version"] == "2"]
    assert len(later) == LATER
    for event in later:
        assert (event["category"] == "High") == (event["score"] >= threshold)
    again = await bands(stage, "--high", "1000000/day", "--dry-run")
    assert again["leads"] == COUNT + LATER, "scores of the same trees count, too"
    await worker.stop_cleanly()
