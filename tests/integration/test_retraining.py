"""The whole circle on real Kafka: drift, a retraining, the shadow, the canary, production."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from agents.quality.quality_report import QualityReport
from features.table import Table
from features.table_file import read_table
from model.bundle import describe_bundle
from model.registry import Alias, Registry
from monitoring.quality.cohorts import cohort_weeks
from monitoring.quality.counts import QualityCounts
from monitoring.quality.scored_outcomes import ScoredOutcomes
from stream.broker import Broker
from stream.demo.acts import DRIFT
from stream.process.model_trial import Trials
from stream.retraining.plan_log import RetrainLog
from stream.retraining.request import read_request
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.conftest import CONTACTS
from tests.integration.retraining_stage import (
    LATER,
    LEADS,
    RULES,
    leads_in,
    leadscore,
    send_outcomes,
    train_past,
)
from tests.integration.worker_process import Stage

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

CHAIN = {
    "LEADSCORE_RETRAIN_AUTO": "true",
    "LEADSCORE_RETRAIN_VERDICT_SECONDS": "3",
    "LEADSCORE_OUTCOME_TIME": "created_at",
    "LEADSCORE_MODEL_POLL_SECONDS": "0.5",
    "LEADSCORE_ROLLOUT_STEPS": "50@3s",
    "LEADSCORE_ROLLOUT_MIN_LEADS": "10",
    # The scores of a model of other times are meant to differ.
    "LEADSCORE_ROLLOUT_MAX_PSI": "100",
}


@pytest.fixture(scope="module")
def contacts_table() -> Table:
    return read_table(CONTACTS)


@pytest.fixture(scope="module")
def trained(contacts_table: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with a model of earlier contacts, without an alias."""
    folder = tmp_path_factory.mktemp("retraining") / "models"
    train_past(contacts_table, folder)
    return folder


@pytest.fixture
def registry(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, as a test changes the models and their aliases."""
    return Path(shutil.copytree(trained, tmp_path / "models"))


@pytest.fixture
async def stage(
    kafka: Broker, topics: TopicFactory, registry: Path, tmp_path: Path
) -> AsyncIterator[Stage]:
    """Topics of their own, and workers with this registry."""
    stage = Stage(
        {
            "LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "LEADSCORE_TOPIC_PREFIX": topics.prefix,
            "LEADSCORE_GROUP_ID": f"g{topics.prefix}",
            "LEADSCORE_REGISTRY": str(registry),
            "LEADSCORE_MODEL": "bank",
        },
        tmp_path,
    )
    await stage.create_topics()
    yield stage
    stage.end()


async def test_drift_starts_a_retraining_whose_candidate_goes_into_production(
    kafka: Broker, stage: Stage, registry: Path, contacts_table: Table
) -> None:
    now = contacts_table.slice(LEADS.start, LEADS.stop)
    leads = leads_in(now)
    worker = await stage.start(**DRIFT)
    await stage.until_committed(await stage.play(leads))
    conversions = await send_outcomes(kafka, stage, now)

    code, found = await leadscore(stage, "retrain", "run", "--dry-run")
    assert code == 0
    assert len(leads) - found["rows"] == found["immature"]
    assert 0 <= conversions - found["positives"] <= found["immature"]

    trainer = await stage.start(LEADSCORE_ROLE="trainer", **RULES, **CHAIN)
    plans = RetrainLog(stage.settings)

    async def has_ended() -> bool:
        trainer.check()
        return any(record.state == "ended" for record in (await plans.records()).values())

    await until(has_ended, within=400, what="the end of a retraining")
    trainer.send(signal.SIGKILL)

    [record] = (await plans.records()).values()
    account = record.account
    assert account is not None
    assert (record.plan.trigger, record.plan.cause) == ("drift", "drift:bank/1")
    assert (account.outcome, account.version) == ("passed", "2"), account.sentence
    assert account.auc_production is not None
    assert account.auc_candidate is not None
    assert account.auc_candidate > account.auc_production * 1.02
    assert Registry(registry).aliases("bank") == {
        Alias.PRODUCTION: "1",
        Alias.STAGING: "2",
        Alias.SHADOW: "2",
    }
    rows = pyarrow.parquet.read_table(registry / "bank" / "2" / "training.parquet")
    assert (rows.num_rows, sum(rows["leadscore_converted"].to_pylist())) == (
        account.rows,
        account.positives,
    )
    await until_production(kafka, stage, registry, contacts_table)
    await worker.stop_cleanly()


async def until_production(
    kafka: Broker, stage: Stage, registry: Path, contacts_table: Table
) -> None:
    """Start another trainer, play later leads, and wait until the candidate is in production."""
    models = Registry(registry)
    roles = [
        stage.begin(LEADSCORE_ROLE=role, **RULES, **CHAIN)
        for role in ("shadow", "rollout", "trainer")
    ]
    for each in roles:
        await each.ready()
    later = contacts_table.slice(LATER.start, LATER.stop)
    leads = leads_in(later)
    await stage.until_committed(await stage.play(leads[:700]))
    await send_outcomes(kafka, stage, later)

    def has(alias: Alias) -> Callable[[], Awaitable[bool]]:
        async def is_there() -> bool:
            for each in roles:
                each.check()
            return models.aliases("bank").get(alias) == "2"

        return is_there

    await until(has(Alias.CANARY), within=120, what="the canary")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(stage.play(leads[700:], rate=15))
        await until(has(Alias.PRODUCTION), within=90, what="the candidate in production")

    async def is_withdrawn() -> bool:
        return models.aliases("bank") == {Alias.PRODUCTION: "2"}

    await until(is_withdrawn, within=30, what="the end of the shadow")
    made = [(entry.by, entry.alias, entry.to) for entry in models.history("bank")]
    assert made[-5:-3] == [("trainer", Alias.CANARY, "2"), ("rollout", Alias.PRODUCTION, "2")]
    assert set(made[-3:]) == {
        ("rollout", Alias.CANARY, None),
        ("trainer", Alias.STAGING, None),
        ("trainer", Alias.SHADOW, None),
    }
    [started] = [e for e in models.history("bank") if (e.alias, e.to) == (Alias.CANARY, "2")]
    assert "Better with 95 %: yes" in started.why
    for each in roles:
        await each.stop_cleanly()


@pytest.mark.parametrize(
    ("trigger", "converted"),
    [("auc", lambda scores: scores < np.median(scores)), ("conversion", lambda scores: scores > 2)],
)
async def test_a_loss_of_live_quality_asks_for_a_retraining(
    kafka: Broker, stage: Stage, registry: Path, trigger: str, converted: Any
) -> None:
    model = describe_bundle(Registry(registry).location("bank", "1"), Trials()).identity
    scores = np.linspace(0.05, 0.6, 1000)
    outcomes = converted(scores).astype(np.int8)
    counts = QualityCounts.count(ScoredOutcomes(scores, outcomes))
    good = QualityCounts.count(ScoredOutcomes(scores, (scores > 0.4).astype(np.int8)))
    now = round(time.time() * 1000)
    week = int(cohort_weeks(np.array([now]))[0])
    live, shadow = stage.settings.leads_scored, stage.settings.leads_scored_shadow
    reports = [
        QualityReport(now, live, 0, model, week, counts),
        QualityReport(now, live, 1, replace(model, version="9", sha256="9" * 64), week, good),
        QualityReport(now, shadow, 0, model, week, good),
    ]
    records = [Record(each.encode(), each.key) for each in reports]
    await produce(kafka.bootstrap, stage.settings.leads_quality, records)
    rules = {**RULES, "LEADSCORE_RETRAIN_TRIGGERS": trigger}
    trainer = await stage.start(LEADSCORE_ROLE="trainer", **rules)

    async def is_requested() -> bool:
        trainer.check()
        return bool(await stage.records(stage.settings.leads_retrain))

    await until(is_requested, within=30, what="a request of the trigger")
    [record] = await stage.records(stage.settings.leads_retrain)
    request = read_request(record.value)
    assert (request.trigger, request.cause) == (trigger, f"{trigger}:bank/1")
    assert "95 % interval 0.0" in request.reason
    await trainer.stop_cleanly()
