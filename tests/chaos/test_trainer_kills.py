"""Trainers that are killed in a retraining: it continues, ends once, and has one candidate."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from features.table_file import read_table
from model.bundle import load_bundle
from model.registry import Alias, Registry
from stream.broker import Broker
from stream.retraining.data_set import FILE
from stream.retraining.plan_log import RetrainLog
from stream.retraining.registration import REPORT
from testing.kafka_client import TopicFactory, until
from tests.chaos.crew import Crew, Member, crew_of
from tests.conftest import CONTACTS, StageSetter
from tests.integration.retraining_stage import (
    LEADS,
    RULES,
    leads_in,
    leadscore,
    send_outcomes,
    train_past,
)
from tests.integration.worker_process import Stage

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(1200)]

KILLS = 2
"""At moments that are drawn, before the one in mid-registration."""
LATEST = 5.0
"""Seconds after a retraining has begun."""
JOB = b"stream.retraining.job"
WITHIN = 400.0


@pytest.fixture
async def stage(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter, tmp_path: Path
) -> Stage:
    """Leads and their outcomes, and a model of earlier ones."""
    contacts = read_table(CONTACTS)
    train_past(contacts, tmp_path / "models")
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_REGISTRY=str(tmp_path / "models"),
    )
    await stage.create_topics()
    table = contacts.slice(LEADS.start, LEADS.stop)
    await stage.play(leads_in(table))
    await send_outcomes(kafka, stage, table)
    return stage


def jobs_of(stage: Stage) -> list[str]:
    """Return the ids of the processes that train for a stage."""
    prefix = stage.environment["LEADSCORE_TOPIC_PREFIX"].encode()
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_job = JOB in (process / "cmdline").read_bytes()
            if is_job and prefix in (process / "environ").read_bytes():
                found.append(process.name)
        except OSError:
            continue  # it has ended
    return found


async def kill(crew: Crew, member: Member) -> None:
    """Kill a trainer; wait until another one is started in its place, and its child is gone."""
    ends, jobs = len(crew.ends), set(jobs_of(crew.stage))
    await crew.crash(member)
    await until(lambda: len(crew.ends) > ends, what="another trainer in its place")
    await until(lambda: not jobs & set(jobs_of(crew.stage)), what="the end of its child process")


async def until_ended(stage: Stage) -> None:
    plans = RetrainLog(stage.settings)

    async def has_ended() -> bool:
        return any(record.state == "ended" for record in (await plans.records()).values())

    await until(has_ended, within=WITHIN, what="the end of the retraining")


async def until_published(registry: Registry) -> None:
    """Wait, without a pause that is worth a step of a registration, for another version."""
    async with asyncio.timeout(WITHIN):
        while len(registry.versions("bank")) < 2:  # noqa: ASYNC110 - files have no event
            await asyncio.sleep(0.0005)


async def test_a_retraining_whose_trainers_are_killed_ends_once_with_one_candidate(
    stage: Stage, chance: Random
) -> None:
    registry = Registry(stage.settings.registry)
    async with crew_of(stage) as crew:
        rules = RULES | {"LEADSCORE_RETRAIN_TRIGGERS": "none"}
        trainer = await crew.join(LEADSCORE_ROLE="trainer", **rules)
        code, _ = await leadscore(stage, "retrain", "request", "--why", "a test")
        assert code == 0
        for _ in range(KILLS):
            await until(lambda: bool(jobs_of(stage)), what="a retraining under way")
            await asyncio.sleep(chance.uniform(0.0, LATEST))  # the moment of the kill is drawn
            await kill(crew, trainer)
        await until_published(registry)
        await kill(crew, trainer)  # before it has its report and its aliases
        await until_ended(stage)
        await crew.leave(trainer)
    await until(lambda: not jobs_of(stage), what="no process that trains")

    [record] = (await RetrainLog(stage.settings).records()).values()
    assert record.account is not None
    version = record.account.version
    assert version is not None, record.account.sentence
    assert (record.account.outcome, registry.versions("bank")) == ("passed", ["1", version])
    load_bundle(registry.resolve(f"bank/{version}"), None)
    assert registry.holds("bank", version, FILE)
    assert registry.holds("bank", version, REPORT)
    assert registry.aliases("bank") == {
        Alias.PRODUCTION: "1",
        Alias.STAGING: version,
        Alias.SHADOW: version,
    }
    changes = Counter((entry.alias, entry.to) for entry in registry.history("bank"))
    assert set(changes.values()) == {1}, "each alias is set once"
